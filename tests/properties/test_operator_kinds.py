"""Which kinds each operator takes and what kind it gives: one table, every pair of kinds.

A cell is the kind of the result; a pair that is missing raises.  Null beside anything
is null for arithmetic, ``&`` and relations (OP-17, OP-37, OP-38, OP-60).
"""

from __future__ import annotations

from typing import Any

import pytest

import mlang
from mlang.values.kinds import DISPLAY, kind_of
from mlang.values.metadata import strip

SAMPLES = {
    "null": "null",
    "logical": "true",
    "number": "2",
    "text": '"a"',
    "date": "#date(2020, 2, 3)",
    "time": "#time(4, 5, 6)",
    "datetime": "#datetime(2020, 2, 3, 4, 5, 6)",
    "datetimezone": "#datetimezone(2020, 2, 3, 4, 5, 6, 1, 0)",
    "duration": "#duration(1, 0, 0, 0)",
    "binary": '#binary("AA==")',
    "list": "{1}",
    "record": "[a = 1]",
    "table": '#table({"a"}, {{1}})',
    "function": "(x) => x",
    "type": "type text",
}

CLOCKS = ("date", "datetime", "datetimezone", "time")
SAME_KIND_ORDER = (
    "binary",
    "date",
    "datetime",
    "datetimezone",
    "duration",
    "logical",
    "number",
    "text",
    "time",
)

#: operator -> (left, right) -> result (OP-28, OP-34, OP-39 to OP-53, OP-60 to OP-67)
TABLE: dict[str, dict[tuple[str, str], str]] = {
    "+": {
        ("number", "number"): "number",
        ("duration", "duration"): "duration",
        **{(kind, "duration"): kind for kind in CLOCKS},
        **{("duration", kind): kind for kind in CLOCKS},
    },
    "-": {
        ("number", "number"): "number",
        ("duration", "duration"): "duration",
        **{(kind, "duration"): kind for kind in CLOCKS},
        **{(kind, kind): "duration" for kind in CLOCKS},
    },
    "*": {
        ("number", "number"): "number",
        ("number", "duration"): "duration",
        ("duration", "number"): "duration",
    },
    "/": {
        ("number", "number"): "number",
        ("duration", "number"): "duration",
        ("duration", "duration"): "number",
    },
    "&": {
        ("text", "text"): "text",
        ("list", "list"): "list",
        ("record", "record"): "record",
        ("table", "table"): "table",
        ("date", "time"): "datetime",
        ("list", "null"): "list",  # fails when it is enumerated (OP-62)
        ("null", "list"): "list",
    },
}
RELATIONS = ("<", "<=", ">", ">=")


def evaluate(text: str) -> Any:
    return strip(mlang.evaluate(text, engine="none"))


def pairs() -> list[tuple[str, str]]:
    return [(a, b) for a in SAMPLES for b in SAMPLES]


@pytest.mark.parametrize("operator", TABLE)
def test_arithmetic_and_combination(operator: str) -> None:
    """The result's kind, or ERR-01 with operator, both kinds and both operands."""
    for a, b in pairs():
        text = f"({SAMPLES[a]}) {operator} ({SAMPLES[b]})"
        expected = TABLE[operator].get((a, b)) or ("null" if "null" in (a, b) else None)
        if expected is not None:
            assert kind_of(evaluate(text)) == expected, text
            continue
        with pytest.raises(mlang.MError) as caught:
            evaluate(text)
        assert caught.value.reason == "Expression.Error"
        assert caught.value.message == (
            f"We cannot apply operator {operator} to types {DISPLAY[a]} and {DISPLAY[b]}."
        ), text
        assert list(caught.value.detail) == ["Operator", "Left", "Right"]
        assert caught.value.detail["Operator"] == operator
        assert kind_of(caught.value.detail["Left"]) == a
        assert kind_of(caught.value.detail["Right"]) == b


@pytest.mark.parametrize("operator", RELATIONS)
def test_relations(operator: str) -> None:
    """OP-16, OP-17; failures always name ``<`` and swap (ERR-02, ERR-03, OP-23)."""
    for a, b in pairs():
        text = f"({SAMPLES[a]}) {operator} ({SAMPLES[b]})"
        if "null" in (a, b):
            assert evaluate(text) is None, text
        elif a == b and a in SAME_KIND_ORDER:
            assert evaluate(text) is ("=" in operator), text
        else:
            with pytest.raises(mlang.MError) as caught:
                evaluate(text)
            assert caught.value.message == (
                f"We cannot apply operator < to types {DISPLAY[b]} and {DISPLAY[a]}."
            ), text
            assert kind_of(caught.value.detail["Left"]) == b
            assert kind_of(caught.value.detail["Right"]) == a


def test_equality() -> None:
    """OP-01, OP-02, ERR-04: never raises; kinds that differ are unequal."""
    for a, b in pairs():
        if "function" in (a, b) and a == b:
            continue  # two lambdas of one text need not be equal (OP-11)
        assert evaluate(f"({SAMPLES[a]}) = ({SAMPLES[b]})") is (a == b)
        assert evaluate(f"({SAMPLES[a]}) <> ({SAMPLES[b]})") is (a != b)


@pytest.mark.parametrize("operator", ["and", "or"])
def test_logic(operator: str) -> None:
    """OP-24, OP-26: logicals and null only."""
    for a, b in pairs():
        text = f"({SAMPLES[a]}) {operator} ({SAMPLES[b]})"
        skipped = operator == "or" and a == "logical"  # true or ... (OP-25)
        if a in ("null", "logical") and (skipped or b in ("null", "logical")):
            evaluate(text)
        else:
            with pytest.raises(mlang.MError) as caught:
                evaluate(text)
            assert caught.value.reason == "Expression.Error"


def test_coalesce() -> None:
    """OP-68: the right side exactly for null."""
    for a, b in pairs():
        assert kind_of(evaluate(f"({SAMPLES[a]}) ?? ({SAMPLES[b]})")) == (b if a == "null" else a)


@pytest.mark.parametrize(
    ("operator", "kinds"),
    [("-", ("number", "duration")), ("+", ("number", "duration")), ("not", ("logical",))],
)
def test_unary(operator: str, kinds: tuple[str, ...]) -> None:
    """OP-39."""
    for kind, sample in SAMPLES.items():
        text = f"{operator} ({sample})"
        if kind in kinds or kind == "null":
            assert kind_of(evaluate(text)) == kind
        else:
            with pytest.raises(mlang.MError) as caught:
                evaluate(text)
            assert caught.value.reason == "Expression.Error"


def test_is_and_as() -> None:
    """OP-69 to OP-72: a value is of its own kind, of any, and of anynonnull unless null."""
    for kind, sample in SAMPLES.items():
        for other in (*SAMPLES, "any", "anynonnull"):
            expected = other == kind or other == "any" or (other == "anynonnull" and kind != "null")
            assert evaluate(f"({sample}) is {other}") is expected
            assert evaluate(f"({sample}) is nullable {other}") is (expected or kind == "null")
            if expected:
                assert kind_of(evaluate(f"({sample}) as {other}")) == kind
            else:
                with pytest.raises(mlang.MError):
                    evaluate(f"({sample}) as {other}")
