"""What is written reads back: dates and times through default texts, standard formats and OLE serials."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlang.culture.data import culture
from mlang.culture.date_parse import (
    parse_date,
    parse_datetime,
    parse_datetimezone,
    parse_time,
)
from mlang.culture.dates import default_text, format_temporal, from_ole, ole_serial
from mlang.culture.duration_parse import parse_duration
from mlang.values.temporal import (
    DAY,
    DAYS,
    SECOND,
    Date,
    DateTime,
    DateTimeZone,
    Duration,
    Time,
    days_of,
)

CULTURES = (
    "", "en-US", "en-GB", "de-DE", "fr-FR", "es-ES", "pt-BR", "pl-PL", "ru-RU", "ja-JP", "sv-SE", "tr-TR",
)  # fmt: skip
days = st.integers(days_of(1, 1, 1), DAYS - 1)
seconds = st.integers(0, 86_399)
names = st.sampled_from(CULTURES)
offsets = st.integers(-840, 840)


@given(days, names)
@settings(deadline=None)
def test_dates_read_back(day: int, name: str) -> None:
    date = Date(day)
    assert parse_date(default_text(date, name), name) == date
    assert parse_date(format_temporal(date, "D", name), name) == date
    assert parse_date(format_temporal(date, "D", name), name, "D") == date
    assert parse_date(format_temporal(date, "yyyyMMdd", name), name, "yyyyMMdd") == date


@given(days, seconds, names)
@settings(deadline=None)
def test_moments_read_back(day: int, second: int, name: str) -> None:
    moment = DateTime(day * DAY + second * SECOND)
    assert parse_datetime(default_text(moment, name), name) == moment
    assert parse_datetime(format_temporal(moment, "F", name), name) == moment
    time = Time(second * SECOND)
    assert parse_time(format_temporal(time, "T", name), name) == time


@given(st.integers(DAY, (DAYS - 1) * DAY), offsets, names)
@settings(deadline=None)
def test_round_trip_format_keeps_all(ticks: int, offset: int, name: str) -> None:
    moment, zoned = DateTime(ticks), DateTimeZone(ticks, offset)
    assert parse_datetime(format_temporal(moment, "o", name), name) == moment
    for format in (None, "o"):
        read = parse_datetimezone(format_temporal(zoned, "o", name), name, format)
        assert (read.ticks, read.offset) == (ticks, offset)


@given(st.integers(-(2**62), 2**62))
def test_durations_read_back(ticks: int) -> None:
    assert parse_duration(default_text(Duration(ticks))) == Duration(ticks)


@given(st.integers(days_of(100, 1, 1), DAYS - 1), st.integers(0, 86_399_999))
def test_serials_read_back(day: int, millisecond: int) -> None:
    moment = DateTime(day * DAY + millisecond * 10_000)
    assert from_ole(ole_serial(moment)) == moment


@pytest.mark.parametrize("name", ["ar-SA", "fa-IR", "th-TH"])
def test_other_calendars_read_back(name: str) -> None:
    for day in range(days_of(1950, 1, 1), days_of(2060, 1, 1), 97):
        text = format_temporal(Date(day), "yyyy/MM/dd", culture(name))
        assert parse_date(text, culture(name), "yyyy/MM/dd") == Date(day)
