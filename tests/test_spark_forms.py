"""Every SQL form on Sail and Spark: what they give is what the interpreter gives, or it is not sent there.

The conformance list and its grids are those of ``test_folding.py``; the rows travel as Arrow data.  Of the forms of
a function over one kind the first is compared, on Spark, whose queries take long, of each function the first, over a
part of its grid; with MLANG_TEST_SPARK_FULL all of them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from spark_tables import address_or_skip, engine, session
from test_folding import FORMS, added, columns_of, rows_for, same

import mlang
from folding.engines import samples, spark_probes
from folding.engines.spark import SparkQuery, compiled
from folding.engines.spark_server import Refusal, SparkServer, current
from folding.terms import Unfoldable, function, string
from mlang.errors import MError
from mlang.session import use
from mlang.tables.local import run_local
from mlang.values.thunk import force

#: How many forms each server does; a change for the worse must be meant.
LEAST = {"Sail": 150, "Spark": 40}
SAMPLES = {
    **{n: f'Table.AddColumn(T, "x", each {e})' for n, e in {**samples.FUNCTIONS, **samples.OPERATORS}.items()},
    **samples.AGGREGATES, **samples.STEPS,
}  # fmt: skip


@pytest.fixture(scope="module", params=["Sail", "Spark"])
def server(request: pytest.FixtureRequest) -> Iterator[SparkServer]:
    with engine(address_or_skip(request.param)):
        yield current()


FULL = "MLANG_TEST_SPARK_FULL" in os.environ


def full(server: SparkServer) -> bool:
    return server.dialect == "sail" or FULL


def compared(server: SparkServer, expression: str, rows: list[str]) -> int | None:
    """How many rows were equal; None where the form stays here.  Where rows are refused the others are compared."""
    equal, stack = 0, [rows]
    while stack and (equal < 30 or len(stack) == 1):
        part = stack.pop()
        with use(session()):
            made = added(expression, part)
            try:
                query = SparkQuery(compiled(made.plan), server)
                folded = columns_of(query.batches())
            except Unfoldable:
                return None
            except Refusal:
                size = len(part) // 8 or 1
                if len(part) > 1:
                    stack += [part[i : i + size] for i in range(0, len(part), size)]
                continue
            local = columns_of(run_local(made.plan, None, None))
        for index, (a, b) in enumerate(zip(local[-1], folded[-1], strict=True)):
            row = [force(c[index]) for c in local[:-1]]
            assert same(a, b), (
                f"{expression} over {row}: interpreted {a!r}, {server.dialect} {b!r}\n{query.sql()}"
            )
        equal += len(local[-1])
    return equal


def test_forms(server: SparkServer) -> None:
    """All forms; failures are listed together."""
    wrong, exact, seen = [], 0, set()
    for expression, x, y in FORMS:
        if expression.startswith("Date.") and expression.endswith((" 2)", " 3)", " 4)", " 5)", " 13)")):
            continue  # the same form with another constant
        kind = expression.partition("(")[0] if "(" in expression else expression
        form = (kind, x if full(server) else "")
        if not FULL and form in seen:
            continue
        seen.add(form)
        rows = rows_for(expression, x, y)
        try:
            equal = compared(server, expression, rows if full(server) else rows[:: max(1, len(rows) // 100)])
        except AssertionError as no:
            wrong.append(str(no))
            continue
        exact += equal is not None
        if equal == 0:
            wrong.append(f"{expression} over {x}: every row was refused")
    assert not wrong, "\n".join(wrong)
    assert exact >= LEAST["Sail" if full(server) else "Spark"], exact


def test_what_the_page_says(server: SparkServer) -> None:
    """Every function that docs/folding.md calls exact is run by the server and gives what the interpreter gives."""
    wrong = []
    for name, text in SAMPLES.items():
        if not spark_probes.printed(server.dialect, text) or (not full(server) and name in samples.FUNCTIONS):
            continue
        with use(session()):
            made = mlang.evaluate(f"(T) => {text}", culture="en-US").fn(spark_probes.probe_table())
            try:
                folded = columns_of(SparkQuery(compiled(made.plan), server).batches())
            except (Unfoldable, Refusal, MError) as no:
                wrong.append(f"{name}: {no!r}")
                continue
            local = columns_of(run_local(made.plan, None, None))
        if [len(c) for c in local] != [len(c) for c in folded] or not all(
            same(a, b) for c, d in zip(local, folded, strict=True) for a, b in zip(c, d, strict=True)
        ):
            wrong.append(f"{name}: {local} {folded}")
    assert not wrong, "\n".join(wrong)


def test_probes(server: SparkServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """The servers of the tests refuse nothing; one whose answers differ loses those forms, and only those."""
    assert spark_probes._asked(server) == set()
    right = spark_probes._right
    wanted = samples.FUNCTIONS["Text.Repeat"]
    monkeypatch.setattr(
        spark_probes, "_right",
        lambda asked, server: [text != wanted for text, _ in asked] if full(server) else right(asked, server),
    )  # fmt: skip
    if full(server):
        assert spark_probes._asked(server) == {"repeat"}
    with use(session()):
        relation = compiled(spark_probes.added(spark_probes.probe_table(), [wanted]))
        with pytest.raises(Unfoldable, match="repeat"):
            SparkQuery(relation, server, off=frozenset({"repeat"}))


def test_literals() -> None:
    """Texts keep every character; the character 0 does not travel."""
    from folding.engines.spark_forms import SparkRenderer

    printer = SparkRenderer({})
    assert printer.render(string("a'b\\c\n\"`%")).sql == "'a\\'b\\\\c\\n\"`%'"
    with pytest.raises(Unfoldable, match="character 0"):
        printer.render(string("a\0"))
    with pytest.raises(Unfoldable, match="no exact form"):
        printer.render(function("list_reverse", string("a")))
