"""DuckDB on this machine: one database per session, one cursor per result.

The prelude sets what exactness needs.  Results stream as Arrow record batches and become
`Batch`es; cells that did not convert come with their text and are done by the interpreter
here (`_patched`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from attrs import evolve, field, frozen
from sqlglot import exp

from folding.relations import Column, Relation
from folding.sources import PASSING, Leaf
from folding.terms import Unfoldable, column
from folding.types import to_values
from mlang import session as sessions
from mlang.connectors.sources import DuckDbSource
from mlang.tables import plan as p
from mlang.tables.plan import Batch
from mlang.values.types import table_type

DIALECT = "duckdb"
#: Rows per record batch.
BATCH_ROWS = 32_768
_PRELUDE = {
    "ieee_floating_point_ops": True,
    "preserve_insertion_order": True,
    "default_null_order": "nulls_last",
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "max_expression_depth": 4000,
}
#: Passes that may let a row vanish before a condition of M's would have raised on it.
_REORDERING = (
    "filter_pushdown,filter_pullup,join_filter_pushdown,reorder_filter,empty_result_pullup,join_order,"
    "join_elimination,late_materialization"
)


def connection() -> Any:
    """The session's database, opened at first use."""
    fixed = sessions.current().fixed
    found = fixed.get("folding.duckdb")
    if found is None:
        import duckdb

        found = duckdb.connect(":memory:")
        for name, value in _PRELUDE.items():
            found.execute(exp.Set(expressions=[_setting(name, value)]).sql(DIALECT))
        fixed["folding.duckdb"] = found
        fixed["folding.attached"] = {}
    return found


def _setting(name: str, value: Any) -> Any:
    literal = exp.Boolean(this=value) if value.__class__ is bool else exp.convert(value)
    return exp.SetItem(this=exp.EQ(this=exp.Var(this=name), expression=literal))


# ---------------------------------------------------------------- database files


@frozen
class TableFacts:
    """What is known of a database table: rows, columns without nulls, columns of small whole numbers."""

    rows: int | None
    is_table: bool
    span: int | None = None
    full: frozenset[str] = field(default=frozenset())
    small: frozenset[str] = field(default=frozenset())


def attach(path: str) -> str:
    """The catalog name of a DuckDB file, attached read-only at first use."""
    import duckdb

    database = connection()
    attached: dict[str, str] = sessions.current().fixed["folding.attached"]
    if path not in attached:
        name = f"file{len(attached) + 1}"
        statement = exp.Attach(
            this=exp.alias_(exp.Literal.string(path), name),
            expressions=[exp.AttachOption(this=exp.Var(this="READ_ONLY"))],
        )
        try:
            database.execute(statement.sql(DIALECT))
        except duckdb.Error:
            raise Unfoldable("the database file cannot be opened a second time") from None
        attached[path] = name
    return attached[path]


def table_facts(catalog: str, source: DuckDbSource) -> TableFacts:
    """Facts of a table, asked once per session; views have none."""
    known = sessions.current().fixed
    key = ("folding.facts", catalog, source.schema, source.table)
    if key not in known:
        known[key] = _table_facts(catalog, source)
    facts: TableFacts = known[key]
    return facts


def _table_facts(catalog: str, source: DuckDbSource) -> TableFacts:
    import duckdb

    table = exp.Table(
        this=exp.to_identifier(source.table, quoted=True), db=exp.to_identifier(source.schema, quoted=True),
        catalog=exp.to_identifier(catalog),
    )  # fmt: skip
    cursor = connection().cursor()
    try:
        cursor.execute(exp.select(column("rowid")).from_(table).limit(0).sql(DIALECT))
    except duckdb.Error:
        return TableFacts(None, False)
    whole = [n for n in source.types if source.physical.get(n) == "BIGINT"]
    names = {n: exp.Column(this=exp.to_identifier(n, quoted=True)) for n in source.types}
    outputs: list[Any] = [exp.Count(this=exp.Star()), exp.Max(this=column("rowid"))]
    for name in whole:
        outputs += [exp.Min(this=names[name].copy()), exp.Max(this=names[name].copy())]
    row = cursor.execute(exp.select(*outputs).from_(table).sql(DIALECT)).fetchone()
    small = set()
    for index, name in enumerate(whole):
        bounds = row[2 + 2 * index : 4 + 2 * index]
        if all(b is None or abs(b) < 2**53 for b in bounds):
            small.add(name)
    return TableFacts(int(row[0]), True, int(row[1] or 0) + 1, frozenset(), frozenset(small))


# ---------------------------------------------------------------- queries


class Query:
    """A relation made ready to run: its SQL tree, and how its outputs become cells."""

    def __init__(self, relation: Relation, limit: int | None = None) -> None:
        if limit is not None:
            capped = limit if relation.limit is None else min(limit, relation.limit)
            relation = evolve(relation, limit=capped)
        self.relation = relation
        self.database = connection()
        self.columns = relation.columns
        chosen: list[tuple[str, Any]] = []
        for index, c in enumerate(relation.columns, 1):
            if c.term.kind == "any" and c.term.storage not in PASSING:
                raise Unfoldable("a column of a type that only the interpreter reads")
            chosen.append((f"c{index}", c.term.sql))
            if c.text is not None:
                chosen.append((f"x{index}", c.text))
        self.tree = relation.select(chosen or [("one", exp.Literal.number(1))], ordered=True)

    def sql(self, pretty: bool = False) -> str:
        """The query as text."""
        return str(self.tree.sql(DIALECT, pretty=pretty))

    def reader(self) -> Any:
        """Runs the query: a RecordBatchReader."""
        cursor = self.database.cursor()
        for leaf in self.relation.sources():
            assert isinstance(leaf, Leaf)
            leaf.prepare(cursor)
        text = self.sql()
        if not self.relation.strict:
            return cursor.sql(text).to_arrow_reader(BATCH_ROWS)
        settings = self.database.cursor()
        settings.execute(exp.Set(expressions=[_setting("disabled_optimizers", _REORDERING)]).sql(DIALECT))
        try:
            return cursor.sql(text).to_arrow_reader(BATCH_ROWS)
        finally:
            settings.execute(exp.Set(expressions=[_setting("disabled_optimizers", "")]).sql(DIALECT))

    def batches(self) -> Iterator[Batch]:
        """The rows as batches of M cells."""
        for part in self.reader():
            if part.num_rows:
                yield self._batch(part)

    def _batch(self, part: Any) -> Batch:
        columns: list[list[Any]] = []
        for index, c in enumerate(self.columns, 1):
            cells = to_values(part.column(f"c{index}"), c.term.kind)
            if c.text is not None:
                texts = part.column(f"x{index}")
                if texts.null_count < len(texts):
                    cells = _patched(cells, texts.to_pylist(), c)
            columns.append(cells)
        return Batch(columns, part.num_rows)


def _patched(cells: list[Any], texts: list[str | None], column: Column) -> list[Any]:
    """The cells, those that did not convert done again by the interpreter (a value or an error)."""
    from mlang.tables.local import run_local

    places = [i for i, text in enumerate(texts) if text is not None]
    assert column.target is not None
    one = table_type(["x"])
    values = p.Values(one, [[texts[i] for i in places]], len(places))
    step = p.ChangeTypes(one, values, (("x", column.target),), column.culture)
    done = [cell for batch in run_local(step, None, None) for cell in batch.columns[0]]
    for place, cell in zip(places, done, strict=True):
        cells[place] = cell
    return cells
