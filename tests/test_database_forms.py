"""Every SQL form on every live engine: what the database gives is what the interpreter gives, or it is not sent there.

The conformance list and its grids are those of ``test_folding.py``; a table of the database holds the grid.
"""

from __future__ import annotations

import functools
import os
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from database_tables import Engine, engine_or_skip, values_of
from test_folding import FORMS, GRID, columns_of, same

from folding.aggregates import AGGREGATES
from folding.boundary import try_fold
from folding.engines import probes, samples
from folding.engines.probes import printed
from folding.engines.remote import RemoteQuery, compiled, renderer_class
from folding.functions import FORMS as FORMS_OF_ROWS
from folding.functions import form_of
from folding.terms import CannotFold, Unfoldable, function, string
from mlang import evaluate
from mlang.connectors.servers import Failure, Refused
from mlang.session import Session, use
from mlang.tables.local import run_local
from mlang.tables.table import Table
from mlang.values.show import to_m
from mlang.values.thunk import error_of, force
from tests.scalar_forms import GRID as SCALARS
from tests.zone_forms import GRID as ZONED

#: How many forms each engine does; a change for the worse must be meant.
LEAST = {"PostgreSQL": 150, "SQLite": 100, "MySQL": 100}


@pytest.fixture(scope="module", params=["SQLite", "PostgreSQL", "MySQL"])
def engine(request: pytest.FixtureRequest) -> Engine:
    return engine_or_skip(request.param)


@functools.cache
def grid(kind: str) -> list[Any]:
    return values_of(GRID[kind])


def table(engine: Engine, expression: str, x: str, y: str | None) -> str:
    """The table of a grid, made at first use."""
    second = y if y is not None and "[y]" in expression else None
    name = f"g_{x}_{second or 'alone'}"
    if name not in engine.known:
        xs = [v for v in grid(x) if engine.holds(x, v)]
        ys = [v for v in grid(second) if engine.holds(second, v)] if second else []
        if second:
            pairs = [[a, b] for a in xs for b in ys]
            rows = pairs[:: max(1, len(pairs) // 500)] + [[a, a] for a in xs if x == second]
            engine.make(name, {"x": x, "y": second}, rows)
        else:
            engine.make(name, {"x": {"ties": "number", "spelt": "text"}.get(x, x)}, [[a] for a in xs])
        engine.known.add(name)
    return engine.reads(name)


def parts(m: str, count: int) -> Iterator[str]:
    """The table, then ever smaller pieces of it: where rows are refused the others are compared."""
    yield m
    for size in (50, 5, 1):
        for start in range(0, min(count, max(size * 6, 40)), size):
            yield f'Table.SelectRows({m}, each [#"#"] > {start} and [#"#"] <= {start + size})'


def compared(engine: Engine, expression: str, source: str) -> tuple[str, int]:
    """ "exact" and how many rows were compared, or why the form stays here."""
    rows = 0
    for piece in parts(source, 600):
        with use(engine.session()):
            made = engine.evaluate(f'Table.AddColumn({piece}, "r", each {expression})')
            try:
                query = RemoteQuery(*compiled(made.plan))
            except Unfoldable as no:
                return str(no), 0
            try:
                folded = columns_of(query.batches())
            except (Failure, Refused):
                continue
            local = columns_of(run_local(made.plan, None, None))
        if not local:
            continue
        for index, (a, b) in enumerate(zip(local[-1], folded[-1], strict=True)):
            row = [force(c[index]) for c in local[1:-1]]
            assert same(a, b), f"{expression} over {row}: interpreted {a!r}, {engine.name} {b!r}\n{query.sql}"
        rows += len(local[-1])
        if piece is source or rows >= 30:
            break
    return "exact", rows


def test_forms(engine: Engine) -> None:
    """Two forms of each function over each kind, all with MLANG_TEST_FORMS_FULL; failures are listed together."""
    wrong, exact = [], 0
    seen: Counter[tuple[str, str]] = Counter()
    for expression, x, y in FORMS:
        function = expression.partition("(")[0] if "(" in expression else expression
        seen[function, x] += 1
        if seen[function, x] > 2 and "MLANG_TEST_FORMS_FULL" not in os.environ:
            continue
        if not {x, y}.isdisjoint({"duration", "time", *ZONED, *SCALARS}):
            continue  # no engine has a type for them that is exact, or they are texts of such
        if expression.startswith("Date.") and expression.endswith((" 2)", " 3)", " 4)", " 5)", " 13)")):
            continue  # the same form with another constant
        try:
            verdict, rows = compared(engine, expression, table(engine, expression, x, y))
        except AssertionError as no:
            wrong.append(str(no))
            continue
        if verdict == "exact" and not rows:
            wrong.append(f"{expression} over {x}: every row was refused")
        exact += verdict == "exact"
    assert not wrong, "\n".join(wrong)
    assert exact >= LEAST[engine.name], exact


def sample_table(engine: Engine) -> str:
    """The rows of the probes as a table of the database."""
    columns: dict[str, str] = {n: k + "!" * (n in "muv") for n, k in samples.KINDS.items()}
    rows = [[force(c) for c in force(row)] for row in values_of(list(samples.ROWS))]
    return f'Table.RemoveColumns({engine.make("samples", columns, rows)}, "#")'


def test_what_the_page_says(engine: Engine) -> None:
    """Every function that docs/folding.md calls exact on an engine is run by it and gives what the interpreter gives."""
    dialect = {"PostgreSQL": "postgres", "SQLite": "sqlite", "MySQL": "mysql"}[engine.name]
    texts = {
        n: f'Table.AddColumn(T, "x", each {e})' for n, e in {**samples.FUNCTIONS, **samples.OPERATORS}.items()
    }
    texts |= {
        **samples.AGGREGATES,
        **samples.STEPS,
        **{f"{n} (nested)": e for n, e in samples.NESTED.items()},
    }
    table, wrong = sample_table(engine), []
    for name, text in texts.items():
        if not printed(dialect, text):
            continue
        with use(engine.session()):
            made = engine.evaluate(f"let T = {table} in {text}")
            try:
                folded = columns_of(RemoteQuery(*compiled(made.plan)).batches())
            except (Unfoldable, Failure, Refused) as no:
                wrong.append(f"{name}: {no!r}")
                continue
            local = columns_of(run_local(made.plan, None, None))
            for column in local:
                for cell in column:
                    error_of(cell)  # nested tables are read with the credentials of the session
        if (
            len(local) != len(folded)
            or any(len(a) != len(b) for a, b in zip(local, folded, strict=True))
            or not all(
                same(a, b) for c, d in zip(local, folded, strict=True) for a, b in zip(c, d, strict=True)
            )
        ):
            wrong.append(f"{name}: {local} {folded}")
    assert not wrong, "\n".join(wrong)


def test_every_form_has_a_sample() -> None:
    """A function that folds in a row, or as an aggregate, is probed."""
    form_of("")
    missing = set(FORMS_OF_ROWS) - set(samples.FUNCTIONS) - set(samples.NESTED)
    assert not missing
    assert not set(AGGREGATES) - set(samples.AGGREGATES)


@pytest.mark.parametrize("name", samples.NESTED)
def test_aggregates_of_nested_tables(name: str) -> None:
    """They fold to DuckDB with what the interpreter gives; `test_what_the_page_says` shows it of source databases."""
    values = probes._values(probes.probe_table(probes._Nowhere("sqlite")))
    shown = []
    for engine in ("duckdb", "none"):
        with use(Session(culture="en-US", engine=engine)):
            made = evaluate(f"(T) => {samples.NESTED[name]}", engine=engine).fn(Table(values))
            assert not isinstance(try_fold(made.plan), CannotFold)
            shown.append(to_m(made))
    assert shown[0] == shown[1]
    assert printed("postgres", samples.NESTED[name])


@pytest.mark.parametrize("name", ["PostgreSQL", "MySQL", "SQLite"])
def test_probes(name: str) -> None:
    """The servers of the tests refuse nothing; one whose answers differ loses those forms, and only those."""
    engine = engine_or_skip(name)
    with use(engine.session()):
        source = engine.evaluate(engine.reads(next(iter(engine.known)))) if engine.known else None
        if source is None:
            engine.make("p", {"x": "whole"}, [[1.0]])
            source = engine.evaluate(engine.reads("p"))
        server = source.plan.source.server
        assert probes._asked(server) == frozenset()
        printer = renderer_class(server.dialect)({}, frozenset({"upper"}))
        with pytest.raises(Unfoldable, match="upper"):
            printer.render(function("upper", string("a")))
