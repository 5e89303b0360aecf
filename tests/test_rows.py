"""Runs ``tests/rows/**.toml``: one case, one row.

A row is fed to the interpreter and to the printer (what is printed must evaluate to
the same).  ``is`` is M text of an equal value, ``raises`` the Reason of the error;
``from`` says where the behaviour is known from.  ``differs`` marks a strict expected failure.
Rows with tables are also run with everything folded that can be (``local`` says why one cannot).
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import mlang
from mlang.syntax import parse_document, print_node

ROWS = Path(__file__).parent / "rows"
KEYS = {
    "m", "is", "raises", "message", "detail", "culture", "clock", "zone", "seed", "from", "local", "differs",
    "base_dir", "query",
}  # fmt: skip


def cases() -> Iterator[Any]:
    for path in sorted(ROWS.rglob("*.toml")):
        name = path.relative_to(ROWS).with_suffix("").as_posix()
        with path.open("rb") as file:
            rows = tomllib.load(file)["rows"]
        for index, row in enumerate(rows):
            unknown = row.keys() - KEYS
            assert not unknown, f"{path}: row {index}: unknown keys {unknown}"
            assert row.get("from"), f"{path}: row {index} has no source: {row['m']}"
            marks = [pytest.mark.xfail(strict=True, reason=row["differs"])] if "differs" in row else []
            yield pytest.param(row, id=f"{name}[{index}] {row['m'][:60]}", marks=marks)


CASES = list(cases())


def settings(row: dict[str, Any], **more: Any) -> dict[str, Any]:
    """The session of a row: UTC, en-US and a fixed clock unless it says otherwise."""
    clock = row.get("clock", "2026-03-04T05:06:07")
    ticks = (datetime.fromisoformat(clock) - datetime(1, 1, 1)) // timedelta(microseconds=1) * 10
    return {
        "culture": row.get("culture", "en-US"),
        "time_zone": row.get("zone", "UTC"),
        "clock": lambda: ticks,
        "seed": row.get("seed", 1),
        "base_dir": str(Path(__file__).parent / row.get("base_dir", "data")),
        **more,
    }


def result(row: dict[str, Any], text: str, **more: Any) -> str:
    """What a row's text gives: of a section document, the member that ``query`` names."""
    return mlang.to_m(mlang.evaluate(text, query=row.get("query"), **settings(row, **more)))


def check(row: dict[str, Any], text: str, **more: Any) -> None:
    if "raises" in row:
        with pytest.raises(mlang.MError) as caught:
            result(row, text, **more)
        assert caught.value.reason == row["raises"]
        if "message" in row:
            assert caught.value.message == row["message"]
        if "detail" in row:
            expected = mlang.to_m(mlang.evaluate(row["detail"], **settings(row)))
            assert mlang.to_m(caught.value.detail) == expected
        return
    expected = mlang.to_m(mlang.evaluate(row["is"], **settings(row)))
    assert result(row, text, **more) == expected


@pytest.mark.parametrize("row", CASES)
def test_interpreted(row: dict[str, Any]) -> None:
    check(row, row["m"], engine="none")


@pytest.mark.parametrize("row", [c for c in CASES if "differs" not in c.values[0]])
def test_printed(row: dict[str, Any]) -> None:
    """Printing the parsed text and evaluating that gives the same."""
    check(row, print_node(parse_document(row["m"])), engine="none")


@pytest.mark.parametrize(
    "row",
    [
        c
        for c in CASES
        if "Table." in c.values[0]["m"] and not {"local", "differs", "raises"} & c.values[0].keys()
    ],
)
def test_folded(row: dict[str, Any]) -> None:
    """With the engine forced even for tiny tables the answer is the same."""
    check(row, row["m"], engine="duckdb")
