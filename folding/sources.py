"""Leaves of a query: files, databases and Arrow data, with what is known of their columns.

Each `Origin` here knows how it stands in FROM (columns renamed to c1..cn, the row number
as r1 where somebody needs it) and what must be prepared on the connection before (`prepare`).
Facts come from what is free: Parquet statistics, Arrow's null counts, a database's zone maps.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import accumulate
from typing import Any

from attrs import evolve, frozen
from sqlglot import exp

from folding import terms as t
from folding import zones
from folding.origins import Origin
from folding.relations import Column, Context, Key, Relation, compiles
from folding.terms import Scalar, Unfoldable, whole_facts
from folding.types import from_arrow_type, from_sql_type
from mlang.connectors.duckdb import INSTANTS_IN
from mlang.connectors.sources import ArrowSource, CsvSource, DuckDbSource, ParquetSource
from mlang.culture.zones import offset_of
from mlang.errors import MError
from mlang.tables import plan as p
from mlang.tables.plan import Batch, Source

#: SQL types of kind "any" that pass through a query unchanged.
PASSING = frozenset({"DECIMAL", "UBIGINT"})


def named_table(function: Any, alias: str, width: int) -> Any:
    """A table or table function under an alias, its columns renamed c1..cn by position."""
    names = [exp.to_identifier(f"c{i}") for i in range(1, width + 1)]
    return exp.Table(this=function, alias=exp.TableAlias(this=exp.to_identifier(alias), columns=names))


def file_reader(function: str, path: Any, options: dict[str, Any]) -> Any:
    """A table function that reads a file, and nothing but the file: folders named ``k=5`` give no column k."""
    if "=" in os.path.dirname(path):
        options = {**options, "hive_partitioning": exp.false()}
    named = [exp.Kwarg(this=exp.Var(this=name), expression=value) for name, value in options.items()]
    return exp.Anonymous(this=function, expressions=[exp.Literal.string(str(path)), *named])


def with_row_number(table: Any, alias: str, needed: set[str]) -> Any:
    """A subquery of the needed columns and r1, the position of the row."""
    inner = f"{alias}_rows"
    table = table.copy()
    table.args["alias"].set("this", exp.to_identifier(inner))
    names = sorted(needed - {"r1"}, key=lambda n: int(n[1:]))
    outputs = [exp.alias_(t.column(n, inner), n) for n in names]
    outputs.append(exp.alias_(exp.Window(this=exp.RowNumber()), "r1"))
    query = exp.Select(expressions=outputs, from_=exp.From(this=table))
    return exp.Subquery(this=query, alias=exp.TableAlias(this=exp.to_identifier(alias)))


class Leaf(Origin):
    """A source: ``label`` for `explain`; ``prepare`` readies the connection."""

    label = "source"
    engine = "DuckDB"
    #: The number of rows, or a number that is not below it, when known.
    rows: int | None = None
    #: Whether that is the number, and the rows are numbered from 0 without a gap.
    dense = False
    #: The column that numbers the rows; `render` makes r1 where it is asked for.
    counter = "r1"

    def prepare(self, database: Any, cursor: Any) -> None:
        """Registers or attaches what the query reads, in the database that runs it."""


class ClaimedOrigin(Leaf):
    """Rows that nobody has made, for `explain`; no query over it runs."""

    def render(self, needed: set[str]) -> Any:
        return exp.Table(this=exp.to_identifier(self.alias))


class ParquetOrigin(Leaf):
    """A Parquet file on this machine."""

    dense = True

    def __init__(self, alias: str, source: ParquetSource, width: int) -> None:
        super().__init__(alias)
        self.source, self.width, self.label = source, width, source.label

    def render(self, needed: set[str]) -> Any:
        options = {"file_row_number": exp.true()} if "r1" in needed else {}
        table = named_table(file_reader("read_parquet", self.source.path, options), self.alias, self.width)
        if "r1" in needed:
            table.args["alias"].append("columns", exp.to_identifier("r1"))
        return table


class DatabaseOrigin(Leaf):
    """A table or view of a DuckDB file, attached read-only."""

    def __init__(self, alias: str, source: DuckDbSource, width: int, catalog: str, is_table: bool) -> None:
        super().__init__(alias)
        self.source, self.width, self.catalog, self.is_table = source, width, catalog, is_table
        self.label = source.label
        self.several = not is_table  # a view may read more than one
        if is_table:
            self.counter = "rowid"

    def prepare(self, database: Any, cursor: Any) -> None:
        database.attach(self.source.path, self.catalog)

    def render(self, needed: set[str]) -> Any:
        name = exp.to_identifier(self.source.table, quoted=True)
        table = named_table(name, self.alias, self.width)
        table.set("db", exp.to_identifier(self.source.schema, quoted=True))
        table.set("catalog", exp.to_identifier(self.catalog))
        return with_row_number(table, self.alias, needed) if "r1" in needed else table


class ArrowOrigin(Leaf):
    """An Arrow table in memory, read without copying; the row number is one more column of it."""

    engine = "DuckDB (memory)"

    def __init__(self, alias: str, data: Any, label: str) -> None:
        super().__init__(alias)
        self.data, self.label = data, label
        self.rows = data.num_rows
        self.name = f"{alias}_data"

    def prepare(self, database: Any, cursor: Any) -> None:
        import pyarrow as pa

        numbers = pa.arange(1, self.data.num_rows + 1)
        names = [f"c{i}" for i in range(1, self.data.num_columns + 1)]
        cursor.register(self.name, self.data.rename_columns(names).append_column("r1", numbers))

    def render(self, needed: set[str]) -> Any:
        alias = exp.TableAlias(this=exp.to_identifier(self.alias))
        return exp.Table(this=exp.to_identifier(self.name), alias=alias)


# ---------------------------------------------------------------- relations over leaves


def relation(
    context: Context, origin: Leaf, scalars: list[Scalar], rows: int | None, span: int | None = None
) -> Relation:
    """All columns of a leaf, in its row order; row numbers are below ``span`` (default: the row count)."""
    span = rows + 1 if span is None and rows is not None else span
    origin.rows = rows
    columns = tuple(Column(_placed(s, t.column(f"c{i}", origin.alias))) for i, s in enumerate(scalars, 1))
    number = Key(t.column(origin.counter, origin.alias), plain=True, span=span)
    return Relation(context, origin, columns, (number,), rows=rows)


@frozen
class Instants:
    """What is inside a column of the engine's instants: the offset in minutes that M's connectors give them all."""

    offset: int


def _placed(scalar: Scalar, sql: Any) -> Scalar:
    if isinstance(scalar.inside, Instants):
        return zones.of_source(sql, scalar.inside.offset, scalar.nullable)
    return evolve(scalar, sql=sql)


def _instants(zone: str | None) -> dict[str, Any]:
    """The facts of a column of instants that are shown in a zone, where its distance from UTC never changes."""
    offset = _distance(zone) if zone else None
    return {} if offset is None else {"inside": Instants(offset)}


def _distance(zone: str) -> int | None:
    """The minutes that a zone's clock is always ahead of UTC."""
    try:
        offset = offset_of(zone)
    except MError:  # a zone that nobody knows
        return None
    return offset if isinstance(offset, int) else None


def _shown_in(type: Any) -> str | None:
    """The zone of an Arrow type of instants that fit microseconds."""
    import pyarrow as pa

    return type.tz if pa.types.is_timestamp(type) and type.unit != "ns" else None


def dense_rows(base: Relation) -> int | None:
    """How many rows a relation has that is a whole leaf whose rows are numbered from 0; None for all others."""
    origin = base.origin
    whole = base.natural and not (base.sealed or base.where or base.joins or base.raises)
    if not whole or not isinstance(origin, Leaf) or not origin.dense or len(base.order) != 1:
        return None
    return origin.rows if base.order[0].sql == t.column(origin.counter, origin.alias) else None


def unplaced(kind: str, storage: str, small: bool, **facts: Any) -> Scalar:
    """A source column before it has a name in the query."""
    whole = kind == "number" and storage == "BIGINT"
    facts.setdefault("int53", small)
    facts.setdefault("nonan", whole)
    return Scalar(exp.Null(), kind, storage, **facts)


@compiles(p.Scan)
def scan(node: p.Scan, context: Context) -> Relation:
    source = node.source
    if isinstance(source, CsvSource):
        from folding.csv_source import csv_relation

        base, names = csv_relation(source, context)
    elif isinstance(source, ParquetSource):
        base, names = _parquet(source, context, node.columns)
    elif isinstance(source, DuckDbSource):
        base, names = _database(source, context)
    elif isinstance(source, ArrowSource):
        base, names = _arrow(source, context)
    elif isinstance(source, _Coded):
        base, names = _coded(source, context, node.columns)
    elif hasattr(source, "stored"):
        return context.child(_parts(node, source.stored()))
    else:
        raise Unfoldable(f"{node.name} is not read by an engine")
    places = {name: i for i, name in enumerate(names)}
    if any(name not in places for name in node.columns):
        raise Unfoldable("the source's columns changed")
    return evolve(base, columns=tuple(base.columns[places[name]] for name in node.columns))


class _Coded(Source):
    """A part of a staged table some of whose columns are ticks, or instants with an offset."""

    def __init__(self, inner: Any, codes: dict[str, str]) -> None:
        self.inner, self.codes, self.label = inner, codes, inner.label

    def batches(self, columns: list[str] | None, limit: int | None) -> Iterator[Batch]:
        found: Iterator[Batch] = self.inner.batches(columns, limit)
        return found


def _parts(node: p.Scan, stored: list[tuple[Any, dict[str, str]]]) -> p.Plan:
    """The plan of a staged table's parts."""
    scans = [p.Scan(node.schema, _Coded(inner, codes), node.columns, node.name) for inner, codes in stored]
    if not scans:
        raise Unfoldable("a staged table without parts")
    return scans[0] if len(scans) == 1 else p.Append(node.schema, tuple(scans))


def _coded(source: _Coded, context: Context, wanted: tuple[str, ...]) -> tuple[Relation, tuple[str, ...]]:
    from folding.structures import coded

    inner = source.inner
    base, names = (
        _database(inner, context) if isinstance(inner, DuckDbSource) else _parquet(inner, context, wanted)
    )
    columns = list(base.columns)
    places = {name: i for i, name in enumerate(names)}
    for name, code in source.codes.items():
        offset = places.get(f"{name}_offset")
        term = coded(code, columns[places[name]].term, None if offset is None else columns[offset].term)
        columns[places[name]] = Column(term)
    return evolve(base, columns=tuple(columns)), names


def _parquet(
    source: ParquetSource, context: Context, wanted: tuple[str, ...]
) -> tuple[Relation, tuple[str, ...]]:
    if source.path is None:
        raise Unfoldable("Parquet data in memory is read by the interpreter")
    from folding.engines.database import identity, remembered

    try:
        key = ("parquet", identity(source.path))
        rows, fields = remembered(key, lambda: _footer(source.path))
    except Unfoldable:
        raise
    except Exception:
        raise Unfoldable("the Parquet file cannot be opened") from None
    scalars = []
    for place, (name, type, known) in enumerate(fields, 1):
        kind, storage, small = arrow_column(type)
        facts = {**known, **_proven(source, name)}
        if storage == "DOUBLE" and name in wanted and not facts.get("nonan"):
            _no_nan(source.path, name, place, len(fields))
            facts["nonan"] = True
        if storage == "DECIMAL":
            facts["inside"] = t.Scaled(type.scale)
        facts.update(_instants(_shown_in(type)))
        scalars.append(unplaced(kind, storage, facts.pop("int53", False) or small, **facts))
    origin = ParquetOrigin(context.alias(), source, len(fields))
    return relation(context, origin, scalars, rows), tuple(name for name, _, _ in fields)


def _no_nan(path: Any, name: str, place: int, width: int) -> None:
    """Refuses a column with NaN: the statistics of Parquet files leave NaN out, and the engine believes them
    (it takes isnan(x) for false, x <> 2 for false where all other rows are 2).  Asked once per file and column,
    by its place: names may differ by case alone, which the engine takes for the same.
    """
    import duckdb

    from folding.engines.database import DIALECT, identity, remembered, root

    def asked() -> bool:
        column = t.column(f"c{place}", "f")
        usual = t.any_of([t.function("isfinite", column), t.function("isinf", column.copy())])
        reader = file_reader("read_parquet", path, {})
        query = exp.select(t.function("bool_or", t.negation(usual))).from_(named_table(reader, "f", width))
        found = root().cursor().execute(query.sql(DIALECT)).fetchone()
        return bool(found and found[0])

    try:
        strange = remembered(("nan", identity(path), place), asked)
    except (duckdb.Error, OSError):
        raise Unfoldable("the Parquet file cannot be opened") from None
    if strange:
        raise Unfoldable(f"column '{name}' of the Parquet file has NaN, which its statistics leave out")


def _footer(path: Any) -> tuple[int, list[tuple[str, Any, dict[str, Any]]]]:
    """The number of rows of a Parquet file, and of its columns the name, the type and what is proven."""
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        schema, metadata = file.schema_arrow, file.metadata
        widths = [_leaves(field.type) for field in schema]
        complete = sum(widths) == metadata.num_columns
        places = accumulate(widths, initial=0)
        facts = [
            _statistics(metadata, place) if complete and not field.type.num_fields else {}
            for field, place in zip(schema, places, strict=False)
        ]
        for field, known in zip(schema, facts, strict=True):
            if _is_dated(field.type) and not known.pop("bounded", False):
                raise Unfoldable(_STRANGE.format(field.name))
            known.pop("bounded", None)
        found = [(field.name, field.type, known) for field, known in zip(schema, facts, strict=True)]
        return metadata.num_rows, found


def _leaves(type: Any) -> int:
    """How many columns of a Parquet file hold a column of that type: its parts have one each."""
    return sum(_leaves(type.field(i).type) for i in range(type.num_fields)) or 1


def _is_dated(type: Any) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_date(type) or pa.types.is_timestamp(type))


def _proven(source: Any, name: str) -> dict[str, Any]:
    """What a staged table's manifest says of a column (`staging.store.sources.proven`)."""
    return dict(getattr(source, "proven", {}).get(name, {}))


def arrow_column(type: Any) -> tuple[str, str, bool]:
    """Kind, SQL type and smallness of an Arrow column; "any" with a passing type or none."""
    import pyarrow as pa

    found = from_arrow_type(type)
    if found[0] == "any":
        if pa.types.is_decimal128(type):
            return "any", "DECIMAL", False
        if pa.types.is_uint64(type):
            return "any", "UBIGINT", False
    return found


def _statistics(metadata: Any, index: int) -> dict[str, Any]:
    """What the row groups' statistics prove of a column."""
    facts: dict[str, Any] = {}
    groups = range(metadata.num_row_groups)
    if len(groups) > 2000:
        return facts
    found = [metadata.row_group(g).column(index).statistics for g in groups]
    if found and all(s is not None and s.has_null_count for s in found):
        facts["nullable"] = any(s.null_count for s in found)
    limits = [s for s in found if s is not None and s.has_min_max]
    # pyarrow gives bounds as Python dates, or raises for those that M has not either
    counted = [s for s in found if s is not None and (s.has_min_max or s.num_values == 0)]
    facts["bounded"] = len(counted) == len(found) and all(s.min <= s.max for s in limits)
    if found and len(limits) == len(found) and all(s.physical_type in ("INT32", "INT64") for s in limits):
        bounds = [b for s in limits for b in (s.min, s.max)]
        if all(b.__class__ is int for b in bounds):
            facts.update(whole_facts(min(bounds), max(bounds)))
    return facts


def _database(source: DuckDbSource, context: Context) -> tuple[Relation, tuple[str, ...]]:
    from folding.engines.database import attach, collates, strange_dates, table_facts
    from folding.structures import from_type

    catalog = attach(source.path)
    if "VARCHAR" in source.physical.values() and collates(catalog):
        raise Unfoldable("texts of the file compare in a way of their own (COLLATE)")
    wild = strange_dates(catalog, source)
    if wild is not None:
        raise Unfoldable(_STRANGE.format(wild))
    facts = table_facts(catalog, source)
    scalars = []
    for name in source.types:
        physical = source.physical.get(name, "")
        kind, storage, small = from_sql_type(physical)
        held = from_type(physical) if kind == "any" else None
        if held is not None:
            scalars.append(held)
            continue
        decimals: dict[str, Any] = {}
        if physical.startswith("DECIMAL"):
            storage, decimals = "DECIMAL", {"inside": t.scaled(physical)}
        elif physical == "TIMESTAMP WITH TIME ZONE":
            decimals = _instants(INSTANTS_IN)
        known = {**facts.columns.get(name, {}), **_proven(source, name)}
        small = known.pop("int53", False) or small
        scalars.append(unplaced(kind, storage, small, **known, **decimals))
    origin = DatabaseOrigin(context.alias(), source, len(source.types), catalog, facts.is_table)
    origin.dense = facts.is_table and facts.rows is not None and facts.rows == facts.span
    return relation(context, origin, scalars, facts.rows, facts.span), tuple(source.types)


def _arrow(source: ArrowSource, context: Context) -> tuple[Relation, tuple[str, ...]]:
    import pyarrow as pa

    data = source.data if source.data is not None else source.make()
    if isinstance(data, pa.RecordBatchReader):
        data = data.read_all()
    if not isinstance(data, pa.Table):
        raise Unfoldable("this Arrow data is read by the interpreter")
    return over_arrow(context, data, source.label), tuple(data.column_names)


def over_arrow(context: Context, data: Any, label: str, proven: list[Scalar] | None = None) -> Relation:
    """A relation over an Arrow table; ``proven`` says more of the columns than their types do."""
    scalars = proven if proven is not None else [
        evolve(_arrow_facts(column), **_instants(_shown_in(column.type))) for column in data.columns
    ]  # fmt: skip
    return relation(context, ArrowOrigin(context.alias(), data, label), scalars, data.num_rows)


#: Engines have dates that M has not; as cells they are errors, which only the interpreter makes.
_STRANGE = "column '{}' may hold dates outside years 1 to 9999"


def _check_dates(column: Any) -> None:
    import pyarrow as pa
    import pyarrow.compute as pc

    days = pa.types.is_date32(column.type)
    bounds = pc.min_max(column.cast(pa.int32() if days else pa.int64())).as_py()
    unit = 86_400 if days else 1
    divide = (
        1 if days else {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[getattr(column.type, "unit", "ms")]
    )
    for bound in (bounds["min"], bounds["max"]):
        if bound is not None and not -62_135_596_800 <= bound * unit // divide < 253_402_300_800:
            raise Unfoldable(_STRANGE.format(""))


def _arrow_facts(column: Any) -> Scalar:
    import pyarrow as pa
    import pyarrow.compute as pc

    kind, storage, small = arrow_column(column.type)
    facts: dict[str, Any] = {"nullable": column.null_count > 0}
    if pa.types.is_date(column.type) or pa.types.is_timestamp(column.type):
        _check_dates(column)
    if kind == "number" and pa.types.is_integer(column.type):
        bounds = pc.min_max(column).as_py()
        facts.update(whole_facts(bounds["min"] or 0, bounds["max"] or 0))
    return unplaced(kind, storage, facts.pop("int53", False) or small, **facts)
