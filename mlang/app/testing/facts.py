"""Section and inline tests: a member whose value lists expected and actual values.

A test member is a list (or a record with ``facts``, or a table) of

    [Name = "adds", Expected = 3, Actual = Add(1, 2)]
    [Name = "refuses text", Error = "We cannot convert", Actual = Add("a", 2)]
    Fact("adds", 3, Add(1, 2))

``Fact``, ``Facts`` and ``Facts.Summarize`` are given by the runner unless the section defines its own, as
the samples of the connector SDK do; their records carry Result, Notes and Details.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mlang.app.testing.diff import Failure, differences, report, settled, short
from mlang.app.testing.outcome import FAILED, PASSED
from mlang.errors import Fault
from mlang.values.functions import native
from mlang.values.kinds import kind_of
from mlang.values.metadata import strip
from mlang.values.thunk import Thunk, force


def is_test_name(name: str) -> bool:
    """Members whose name says that they are tests."""
    last = name.rpartition(".")[2]
    return "Tests" in name or last in ("UnitTest", "TestSuite")


def helpers() -> dict[str, Thunk]:
    """The names that a test section may use without defining them."""
    made = {
        "Fact": native(_fact, "name", "expected", "actual"),
        "Facts": native(_facts, "name", "pairs"),
        "Facts.Summarize": native(lambda facts: facts, "facts"),
    }
    return {name: _constant(function) for name, function in made.items()}


def _constant(value: Any) -> Thunk:
    return Thunk(lambda: value)


def _fact(name: Any, expected: Any, actual: Any) -> dict[str, Any]:
    return {"Name": name, "Expected": expected, "Actual": actual}


def _facts(name: Any, pairs: Any) -> list[dict[str, Any]]:
    return [_fact(name, *list(force(pair))[:2]) for pair in force(pairs)]


# ---------------------------------------------------------------- results

#: Name, status, message, details.
Result = tuple[str, str, str, list[str]]


def results(value: Any) -> Iterator[Result]:
    """What each fact of a test member comes to; an error of the member itself passes through."""
    for number, item in enumerate(_items(strip(value)), 1):
        fact = settled(item)
        if isinstance(fact, Failure):
            yield f"fact {number}", FAILED, str(fact.error), []
        elif kind_of(fact) == "list":  # Facts gives several at once
            yield from results(fact)
        else:
            result = _result(fact, number)
            if result is not None:
                yield result


def _items(value: Any) -> Any:
    kind = kind_of(value)
    if kind == "table":
        return list(value.records())
    if kind == "list":
        return value
    if kind == "record":
        for name in ("facts", "Facts", "Tests"):
            if name in value:
                return _items(strip(force(value[name])))
        if "Actual" in value or "Result" in value:
            return [value]
        return [_named(name, inner) for name, inner in value.items()]
    if kind == "function":
        return _items(strip(value.fn()))
    raise Fault(f"Tests are a list of records with Name, Expected and Actual, not a {kind}.")


def _named(name: str, value: Any) -> Any:
    """``[adds = [Expected = 3, Actual = ...]]``: the field is the name."""
    inner = settled(value)
    return {"Name": name, **inner} if isinstance(inner, dict) else {"Name": name, "Result": value}


def _result(fact: Any, number: int) -> Result | None:
    if not isinstance(fact, dict):
        return f"fact {number}", FAILED, f"a fact is a record, not {short(fact)}", []
    name = _text(fact, "Name") or _text(fact, "Notes") or f"fact {number}"
    if "Actual" in fact:
        return name, *_compared(fact)
    outcome = settled(fact.get("Result"))
    details = _text(fact, "Details")
    if "success rate" in details:
        return None  # the summary that the SDK's samples put first
    if outcome is True or (isinstance(outcome, str) and outcome.startswith("Success")):
        return name, PASSED, "", []
    message = outcome if isinstance(outcome, str) else short(outcome)
    return name, FAILED, f"{message} {details}".strip(), []


def _text(fact: dict[str, Any], field: str) -> str:
    value = settled(fact.get(field))
    return value.strip() if isinstance(value, str) else ""


def _compared(fact: dict[str, Any]) -> tuple[str, str, list[str]]:
    if "Error" in fact:
        return _raises(settled(fact["Error"]), settled(fact["Actual"]))
    found = differences(fact.get("Expected"), fact["Actual"])
    if not found:
        return PASSED, "", []
    first = found[0]
    if len(found) == 1 and first.where == "value":
        return FAILED, f"expected {first.expected}, got {first.actual}", []
    return FAILED, "the values differ", report(found)


def _raises(wanted: Any, actual: Any) -> tuple[str, str, list[str]]:
    """The value must fail, with a message that holds the wanted text (or a reason, or true for any error)."""
    if not isinstance(actual, Failure):
        return FAILED, f"expected an error, got {short(actual)}", []
    if wanted is True or str(wanted) in str(actual.error):
        return PASSED, "", []
    return FAILED, f"expected an error with {short(wanted)}, got {actual.error}", []
