"""Odd cells: what the engine cannot compute exactly is computed by the interpreter and put in its place.

A query whose terms may meet such a cell (a null condition, a letter that SQL maps otherwise, a text
that only M reads as a number) is first run as it is: most data has none, and the term then stops the
query.  `Repairs` is the second attempt.  Each step that may stop asks the engine for the
different odd inputs, the interpreter runs the step's function over these, and its answers come back as a
small table that is joined at their place (docs/decisions/folding-errors.md).  An error becomes an error cell.
Row functions that fold are pure, so the same inputs give the same answer.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

from attrs import evolve
from sqlglot import exp

from folding import terms as t
from folding import types
from folding.csv_source import CsvOrigin
from folding.origins import Joined
from folding.recipes import recipe_of
from folding.relations import Column, Relation
from folding.sources import ArrowOrigin
from folding.terms import Scalar, Unfoldable
from mlang.errors import MError
from mlang.tables import plan as p
from mlang.tables.local import RowFunction, run_local
from mlang.values.thunk import Thunk, failed, force
from mlang.values.types import table_type

#: More different odd inputs than this are no exception: the interpreter runs the plan.
MOST = 200_000
#: Cells of the odd inputs, by column, to answers.
Answer = Callable[[list[list[Any]], int], list[Any]]


# ---------------------------------------------------------------- where a term stops


def odd(sql: Any) -> Any:
    """A condition that holds (at least) where evaluating an expression would stop; None when it never would."""
    if t.is_stop(sql):
        return exp.true()
    if isinstance(sql, (exp.Subquery, exp.Window)):
        if t.stops(sql):
            raise Unfoldable("a condition over other rows that may stop")
        return None
    if isinstance(sql, exp.Case):
        result = None if sql.args.get("default") is None else odd(sql.args["default"])
        for branch in reversed(sql.args["ifs"]):
            here, test = odd(branch.args["true"]), odd(branch.this)
            if here is not None or result is not None:
                result = t.case((cleaned(branch.this), here or exp.false()), otherwise=result or exp.false())
            if test is not None:
                result = test if result is None else t.any_of([test, result])
        return result
    found = [part for part in map(odd, sql.iter_expressions()) if part is not None]
    return t.any_of(found) if found else None


def cleaned(sql: Any) -> Any:
    """A copy in which stops are nulls."""

    def clean(node: Any) -> Any:
        if not t.is_stop(node):
            return node
        return t.cast(exp.Null(), node.to.sql("duckdb")) if isinstance(node, exp.Cast) else exp.Null()

    return sql.copy().transform(clean, copy=False)


# ---------------------------------------------------------------- asking and answering


class Repairs:
    """The second attempt at one plan; ``made`` counts the steps that had odd cells."""

    def __init__(self) -> None:
        self.made = 0

    def added(
        self, base: Relation, function: Any, schema: Any, build: Callable[[Relation], Scalar]
    ) -> tuple[Relation, Column]:
        """A relation over the same rows and the column that a row function gives, odd cells repaired."""
        recipe = recipe_of(function)
        if recipe is not None and recipe[0] == "piece":
            return self._cut(base, schema.index("\0pieces"), recipe[1], build)
        names = [n for n in RowFunction(function, schema).reads if schema.has(n)]

        def answer(columns: list[list[Any]], length: int) -> list[Any]:
            input = table_type(names)
            values = p.Values(input, columns, length)
            step = p.AddColumn(table_type([*names, "\0"]), values, "\0", function)
            return [cell for batch in run_local(step, ["\0"], None) for cell in batch.columns[0]]

        return self.repaired(base, [schema.index(n) for n in names], build, answer)

    def _cut(
        self, base: Relation, place: int, index: int, build: Callable[[Relation], Scalar]
    ) -> tuple[Relation, Column]:
        """A piece of a text that `Table.SplitColumn` cut."""
        how = base.columns[place].term.inside

        def answer(columns: list[list[Any]], length: int) -> list[Any]:
            from mlang.library.table.transform import fitted

            def piece(text: Any) -> Any:
                pieces = list(how.splitter.fn(force(text)))
                return force(fitted(pieces, how.width, how.default, how.extra)[index])

            return [Thunk(partial(piece, text)) for text in columns[0]]

        text = evolve(base.columns[place].term, kind="text", storage="VARCHAR", inside=None)
        return self.repaired(base, [(place, text)], build, answer)

    def transformed(
        self, base: Relation, place: int, function: Any, build: Callable[[Relation], Scalar]
    ) -> tuple[Relation, Column]:
        """The same for a function of one cell."""

        def answer(columns: list[list[Any]], length: int) -> list[Any]:
            one = table_type(["x"])
            step = p.TransformColumns(one, p.Values(one, columns, length), (("x", function),))
            return [cell for batch in run_local(step, None, None) for cell in batch.columns[0]]

        return self.repaired(base, [place], build, answer)

    def retyped(
        self,
        base: Relation,
        place: int,
        target: Any,
        culture: str | None,
        build: Callable[[Relation], Scalar],
    ) -> tuple[Relation, Column]:
        """The same for a conversion to a type of what is no text."""

        def answer(columns: list[list[Any]], length: int) -> list[Any]:
            one = table_type(["x"])
            step = p.ChangeTypes(one, p.Values(one, columns, length), (("x", target),), culture)
            return [cell for batch in run_local(step, None, None) for cell in batch.columns[0]]

        return self.repaired(base, [place], build, answer)

    def converted(self, base: Relation, place: int, column: Column) -> tuple[Relation, Column]:
        """A converted column whose doubtful texts are converted here; left as it is when they are too many."""
        assert column.text is not None
        inner = evolve(base, columns=(*base.columns, Column(column.term), Column(text_term(column)))).closed()
        kept = evolve(inner, columns=inner.columns[: len(base.columns)])
        value, text = inner.columns[-2].term, inner.columns[-1].term

        def build(relation: Relation) -> Scalar:
            stop = t.case((t.not_null(text.use), t.error()), otherwise=value.use)
            return evolve(value, sql=stop, raises=True)

        def answer(columns: list[list[Any]], length: int) -> list[Any]:
            return redone(column, columns[0])

        try:
            return self.repaired(kept, [Column(text)], build, answer)
        except Unfoldable:
            return kept, evolve(column, term=value, text=text.sql)

    def repaired(
        self, base: Relation, inputs: list[Any], build: Callable[[Relation], Scalar], answer: Answer
    ) -> tuple[Relation, Column]:
        """``build``'s term over the relation; ``inputs`` (places, or columns) are what it depends on."""
        if odd(build(base).sql) is None:
            return base, Column(build(base))
        base = base.closed() if base.joins or base.where or base.sealed or not is_bare(base) else base
        term = build(base)
        flag = odd(term.sql)
        if flag is None:
            return base, Column(term)
        if t.size(flag) + t.size(term.sql) > 4000:
            raise Unfoldable("a condition for odd cells that is too large")
        columns = [_input(base, i) for i in inputs]
        key = key_of(columns)
        found, cells = _asked(base, flag, key, columns)
        clean = evolve(term, sql=cleaned(term.sql), raises=False, conjuncts=(), constant=t.VARIES)
        if not found:
            return base, Column(clean)
        self.made += 1
        return _joined(base, clean, flag, key, found, [settled(a) for a in answer(cells, len(found))])


def _input(base: Relation, given: Any) -> Column:
    """An input: the column at a place, the text that the column at a place is cut from, or a column."""
    if given.__class__ is int:
        return base.columns[given]
    if given.__class__ is not tuple:
        found: Column = given
        return found
    column = base.columns[given[0]]
    return evolve(column, term=evolve(given[1], sql=column.term.sql))


def text_term(column: Column) -> Scalar:
    """The text of a converted column as a term of its own."""
    return Scalar(column.text, "text", "VARCHAR", True)


def is_bare(relation: Relation) -> bool:
    """Whether every column is a plain reference."""
    found = [sql for c in relation.columns for sql in (c.term.sql, c.text) if sql is not None]
    return all(isinstance(sql, exp.Column) for sql in found)


def key_of(columns: list[Column]) -> Any:
    """A text that is different for different inputs."""
    parts = []
    for column in columns:
        if column.term.kind == "any":
            raise Unfoldable("an odd cell that depends on values of unknown kind")
        text = t.cast(column.term.use, "VARCHAR")
        size = t.cast(t.function("length", text.copy()), "VARCHAR")
        value: Any = t.function("concat", exp.Literal.string("v"), size, exp.Literal.string(":"), text)
        branches = [(t.is_null(column.term.use), exp.Literal.string("n"))]
        if column.text is not None:
            witness = t.cast(column.text.copy(), "VARCHAR")
            failure = t.function("concat", exp.Literal.string("e"), witness, exp.Literal.string(":"))
            branches.insert(0, (t.not_null(column.text.copy()), failure))
        parts.append(t.case(*branches, otherwise=value))
    return t.function("concat", *parts) if parts else exp.Literal.string("x")


def _asked(base: Relation, flag: Any, key: Any, columns: list[Column]) -> tuple[list[str], list[list[Any]]]:
    """The different odd inputs: their keys and their cells."""
    condition = Scalar(flag.copy(), "logical", "BOOLEAN", False)
    return different(evolve(base, where=(condition,)), Scalar(key, "text", "VARCHAR", False), columns)


def different(base: Relation, key: Scalar, columns: list[Column]) -> tuple[list[Any], list[list[Any]]]:
    """The different keys of some rows, and for each the cells of the columns it stands for."""
    from folding.engines.duckdb import Query

    def once(sql: Any) -> Any:
        return t.function("first", sql.copy())

    chosen = [Column(evolve(key, sql=key.use))]
    for column in columns:
        term = t.renamed(evolve(column.term, raises=False), once(column.term.sql))
        text = None if column.text is None else once(column.text)
        chosen.append(evolve(column, term=term, text=text))
    asked = evolve(
        base, columns=tuple(chosen), order=(), natural=True, group=(key.use,), limit=MOST + 1, unique=()
    )
    for source in base.sources():
        if isinstance(source, CsvOrigin):
            source.again = True
    found: list[list[Any]] = [[] for _ in chosen]
    for batch in Query(asked).batches():
        for store, cells in zip(found, batch.columns, strict=True):
            store.extend(cells)
    if len(found[0]) > MOST:
        raise Unfoldable("very many different inputs")
    return found[0], found[1:]


def settled(cell: Any) -> Any:
    """A value, or a failed thunk."""
    if cell.__class__ is not Thunk:
        return cell
    try:
        return force(cell)
    except MError as error:
        return failed(error)


def parted(answers: list[Any]) -> tuple[list[Any], list[int | None], list[Any]]:
    """The failures among some answers, for each answer the number of its failure, and its value."""
    failures = [a for a in answers if a.__class__ is Thunk]
    numbers = iter(range(len(failures)))
    errors = [next(numbers) if a.__class__ is Thunk else None for a in answers]
    return failures, errors, [None if a.__class__ is Thunk else a for a in answers]


def _joined(
    base: Relation, term: Scalar, flag: Any, key: Any, keys: list[str], answers: list[Any]
) -> tuple[Relation, Column]:
    """The rows with the answers at the place of the odd cells."""
    import pyarrow as pa

    failures, errors, values = parted(answers)
    try:
        kind = types.kind_of_column(values)
        array, term = _stored(values, kind, term)
    except types.Untyped as no:
        raise Unfoldable(f"odd cells with {no}") from None
    data = pa.table(
        [pa.array(keys, pa.string()), array, pa.array(errors, pa.int64())], names=["c1", "c2", "c3"]
    )
    origin = ArrowOrigin(base.context.alias(), data, "odd cells")
    on = t.binary(exp.EQ, t.case((flag, key)), t.column("c1", origin.alias))
    mark, value = t.column("c1", origin.alias), t.column("c2", origin.alias)
    sql = t.case((t.not_null(mark), value), otherwise=term.use)
    relation = evolve(
        base, joins=(*base.joins, Joined(origin, "LEFT", on)), natural=False,
        notes=(*base.notes, f"{len(keys)} odd inputs computed by the interpreter"),
    )  # fmt: skip
    text = t.column("c3", origin.alias) if failures else None
    return relation, Column(evolve(term, sql=sql, nullable=True), text, failures=tuple(failures))


def _stored(values: list[Any], kind: str, term: Scalar) -> tuple[Any, Scalar]:
    """The answers as an Arrow array of the term's type, and the term with the facts that hold for both."""
    import pyarrow as pa

    if term.kind == "any" or (term.kind == "null" and kind != "null"):
        raise Unfoldable("odd cells of another kind than the others")
    if kind not in ("null", term.kind):
        raise Unfoldable("odd cells of another kind than the others")
    array = types.to_arrow(values, term.kind)
    facts = types.facts_of(array, term.kind)
    if term.storage == "BIGINT" and term.kind == "number":
        if not facts["int53"]:
            raise Unfoldable("odd cells that are no whole numbers")
        if any(v == 0 and math.copysign(1, v) < 0 for v in values if v is not None):
            raise Unfoldable("a negative zero among whole numbers")
        array = pa.array([None if v is None else int(v) for v in values], pa.int64())
    elif term.storage not in (types.storage_of(term.kind) if term.kind != "null" else "VARCHAR",):
        raise Unfoldable("odd cells in a column of another type")
    else:
        array = array.cast(types.arrow_type(term.kind))
    return array, evolve(
        term, largest=None, natural=False, nonan=term.nonan and facts.get("nonan", True),
        int53=term.int53 and facts.get("int53", True), ascii=term.ascii and facts.get("ascii", True),
    )  # fmt: skip


def redone(column: Column, texts: list[Any]) -> list[Any]:
    """The cells that did not convert, by the interpreter: values or errors."""
    if column.failures:
        return [column.failures[int(number)] for number in texts]
    assert column.target is not None
    one = table_type(["x"])
    step = p.ChangeTypes(one, p.Values(one, [texts], len(texts)), (("x", column.target),), column.culture)
    return [cell for batch in run_local(step, None, None) for cell in batch.columns[0]]
