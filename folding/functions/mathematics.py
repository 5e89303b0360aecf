"""SQL forms of logarithms, powers and angles.

They are as exact as the mathematical library below: where the engine calls the one that Python calls, every bit
agrees.  One query per process compares both over many numbers; where they differ nothing of this folds.
"""

from __future__ import annotations

import math
from typing import Any

from sqlglot import exp

from folding import terms as t
from folding.functions import Call, folds
from folding.terms import Scalar, Unfoldable, typed

#: M name to the function's name in SQL and in Python, and whether it is defined from -1 to 1 only.
_PLAIN = {
    "Number.Sin": ("sin", False), "Number.Cos": ("cos", False), "Number.Tan": ("tan", False),
    "Number.Asin": ("asin", True), "Number.Acos": ("acos", True), "Number.Atan": ("atan", False),
    "Number.Sinh": ("sinh", False), "Number.Cosh": ("cosh", False), "Number.Tanh": ("tanh", False),
    "Number.Exp": ("exp", False),
}  # fmt: skip
_ONE_SIDED = {"Number.Ln": ("ln", "log"), "Number.Log10": ("log10", "log10")}
_checked: dict[str, bool] = {}


def _number(sql: Any, *parts: Scalar, **facts: Any) -> Scalar:
    return typed(sql, "number", "DOUBLE", *parts, **facts)


def _nan() -> Any:
    return t.double(math.nan)


def _agrees(name: str, python: str) -> bool:
    """Whether the engine's function gives the bits that Python's gives."""
    found = _checked.get(name)
    if found is None:
        found = _checked[name] = _compared(name, getattr(math, python))
    return found


def _compared(name: str, function: Any) -> bool:
    import duckdb

    from folding.engines.database import root

    numbers = [i / 97 for i in range(1, 97)] + [1.0 + i * 0.37 for i in range(1200)]
    if name in ("asin", "acos"):
        numbers = numbers[:96]
    elif name in ("ln", "log10"):
        numbers += [math.ldexp(1.37, e) for e in range(-1000, 1000, 7)]
    if name in ("exp", "sinh", "cosh"):
        numbers = [x for x in numbers if x < 700]
    query = exp.select(t.function(name, t.column("x"))).from_(
        exp.Table(this=t.function("unnest", exp.Placeholder()), alias=exp.TableAlias(this=exp.to_identifier("t"),
                  columns=[exp.to_identifier("x")]))
    )  # fmt: skip
    try:
        cells = root().cursor().execute(query.sql("duckdb"), [numbers]).fetchall()
    except duckdb.Error:
        return False
    return [c[0] for c in cells] == [function(x) for x in numbers]


def _checked_name(name: str, python: str) -> str:
    if not _agrees(name, python):
        raise Unfoldable(f"{name} of this engine differs in the last digit")
    return name


@folds(*_PLAIN)
def plain(call: Call) -> Scalar:
    """NaN where the function is not defined."""
    x = call.of(0, "number")
    call.at_most(1)
    name, inside = _PLAIN[call.name]
    made = t.function(_checked_name(name, name), t.as_double(x))
    if inside:
        fine = t.binary(exp.LTE, t.function("abs", t.as_double(x)), t.double(1.0))
        nothing = t.is_null(t.as_double(x))
        return _number(t.case((t.any_of([fine, nothing]), made), otherwise=_nan()), x)
    if name in ("sin", "cos", "tan"):
        infinite = t.function("isinf", t.as_double(x))
        return _number(t.case((infinite, _nan()), otherwise=made), x)
    return _number(made, x)


def _logarithm(x: Scalar, name: str, python: str) -> Any:
    value = t.as_double(x)
    zero = t.binary(exp.EQ, value, t.double(0.0))
    below = t.binary(exp.LT, value.copy(), t.double(0.0))
    found = t.function(_checked_name(name, python), value.copy())
    odd = (t.function("isnan", value.copy()), _nan())
    branches = [(zero, t.double(-math.inf)), (below, _nan())]
    return t.case(*(branches if x.nonan else [odd, *branches]), otherwise=found)


@folds(*_ONE_SIDED)
def logarithm(call: Call) -> Scalar:
    """-infinity for 0, NaN below."""
    x = call.of(0, "number")
    call.at_most(1)
    return _number(_logarithm(x, *_ONE_SIDED[call.name]), x)


@folds("Number.Log")
def logarithm_to(call: Call) -> Scalar:
    """To a constant base."""
    x = call.of(0, "number")
    call.at_most(2)
    base = call.constant(1) if call.count > 1 else None
    if base is None:
        return _number(_logarithm(x, "ln", "log"), x)
    if base.__class__ is not float:
        raise Unfoldable("Number.Log with a base that is no constant number")
    if base == 10:
        return _number(_logarithm(x, "log10", "log10"), x)
    if not 0 < base < math.inf or base == 1:
        return _number(t.case((t.not_null(t.as_double(x)), _nan())), x)
    sql = t.binary(exp.Div, _logarithm(x, "ln", "log"), t.double(math.log(base)))
    sql.set("typed", True)
    return _number(sql, x)


@folds("Number.Power")
def power(call: Call) -> Scalar:
    """NaN for what .NET Framework gives NaN for: zero or infinity to the power 0, 1 to an infinite one."""
    x, y = call.of(0, "number"), call.of(1, "number")
    if not _agrees_on_powers():
        raise Unfoldable("powers of this engine differ in the last digit")
    base, exponent = t.as_double(x), t.as_double(y)
    size = t.function("abs", base.copy())
    odd_base = t.any_of([t.binary(exp.EQ, base.copy(), t.double(0.0)), t.function("isinf", base.copy())])
    nowhere = [
        t.all_of([t.binary(exp.EQ, exponent.copy(), t.double(0.0)), odd_base]),
        t.all_of([t.binary(exp.EQ, size, t.double(1.0)), t.function("isinf", exponent.copy())]),
    ]
    if not x.nonan:
        nowhere.append(t.function("isnan", base.copy()))
    if not y.nonan:
        nowhere.append(t.function("isnan", exponent.copy()))
    missing = [t.is_null(s.copy()) for s, term in ((base, x), (exponent, y)) if term.nullable]
    branches = [(t.any_of(missing), t.cast(exp.Null(), "DOUBLE"))] if missing else []
    branches.append((t.any_of(nowhere), _nan()))
    return _number(t.case(*branches, otherwise=t.function("pow", base, exponent)), x, y)


def _agrees_on_powers() -> bool:
    found = _checked.get("pow")
    if found is None:
        import duckdb

        from folding.engines.database import root

        pairs = [(1.0 + i * 0.73, j / 7 - 4) for i in range(60) for j in range(60)]
        text = "SELECT pow(p[1], p[2]) FROM unnest(?) t(p)"
        try:
            cells = root().cursor().execute(text, [[list(p) for p in pairs]]).fetchall()
            found = [c[0] for c in cells] == [math.pow(a, b) for a, b in pairs]
        except duckdb.Error:
            found = False
        _checked["pow"] = found
    return found
