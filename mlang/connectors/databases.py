"""What database connectors share: columns, tables as sources, navigation tables.

`SqlSource` is a table, a view or a query of a `Server` (``servers.py``).  A connector (`postgresql.py`, `mysql.py`,
`sql.py`, `sqlite.py`) reads the catalogue and says of each column what M type it has, which SQL expression gives
it, and in which form it travels (`Wire`).  Folding (``folding/engines``) uses the same columns, so both ways of
reading agree.  Read ``native.py`` next: queries that a user wrote; and ``relations.py``: columns for related tables.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from mlang.connectors.native import bound, statement
from mlang.connectors.relations import ForeignKey, Relations
from mlang.connectors.servers import Failure, Server
from mlang.library.arguments import of_kind, options
from mlang.tables.plan import Batch, Scan, Source, Values
from mlang.tables.table import Table
from mlang.values.functions import Function
from mlang.values.metadata import strip, with_metadata
from mlang.values.thunk import Thunk, force
from mlang.values.types import TABLE, TEXT, Field, MType, RecordType, TableType, table_type

#: Options that all database functions share, with their defaults.
COMMON = {
    "Query": None, "CreateNavigationProperties": True, "NavigationPropertyNameGenerator": None,
    "CommandTimeout": None, "ConnectionTimeout": None, "HierarchicalNavigation": False,
}  # fmt: skip


#: Decimals with more digits behind the point than this only pass: they are no doubles.
MOST_DIGITS = 15


def decimals(scale: int, digits: int | None) -> dict[str, Any]:
    """Facts of a column of decimals: how many digits stand behind the point, and a bound, if all digits are counted."""
    return {"scale": scale} if not digits else {"scale": scale, "largest": 10 ** max(digits - scale, 0)}


class Column:
    """A column of a table: name, M type, the SQL that gives it, and its SQL type in the words of folding.

    ``storage`` names the `Wire`; ``kind`` is the M kind that folding may compute with, or "any" for one that only
    passes.  ``facts`` are what is proven of it (those of decimals: `decimals`).
    ``check`` is SQL that is true where a cell has no M value: a query that uses the column in the engine asks for such
    rows first.
    """

    __slots__ = ("check", "expression", "facts", "kind", "name", "storage", "type")

    def __init__(
        self, name: str, type: MType, expression: str, storage: str, kind: str = "any",
        facts: dict[str, Any] | None = None, check: str | None = None,
    ) -> None:  # fmt: skip
        self.name, self.type, self.expression, self.storage = name, type, expression, storage
        self.kind, self.facts, self.check = kind, facts or {}, check


# ---------------------------------------------------------------- tables and queries


class SqlSource(Source):
    """A table, view or query of a server.

    ``relation`` is what stands after FROM.  ``place`` is the SQL of the row order, of the storage
    ``place_storage``; ``place_windowed`` says that it is a window function; ``keys`` are the names of the primary
    key.  ``ordered`` is the ORDER BY of a plain scan that gives the same order ("" when the engine does).  A source
    that is not ``foldable`` is read whole.
    """

    __slots__ = (
        "columns",
        "foldable",
        "keys",
        "label",
        "ordered",
        "place",
        "place_storage",
        "relation",
        "server",
    )

    def __init__(
        self, server: Server, relation: str, columns: list[Column], label: str, *, place: str, place_storage: str,
        ordered: str = "", keys: tuple[str, ...] = (), foldable: bool = True,
    ) -> None:  # fmt: skip
        self.server, self.relation, self.columns, self.label = server, relation, columns, label
        self.place, self.place_storage, self.ordered = place, place_storage, ordered
        self.keys, self.foldable = keys, foldable

    def query(self, columns: list[str] | None, limit: int | None) -> tuple[str, list[Column]]:
        """The SELECT of a plain scan, and its columns."""
        known = {c.name: c for c in self.columns}
        chosen = self.columns if columns is None else [known[name] for name in columns]
        wires = self.server.wires
        items = [wires[c.storage].template.format(c.expression) for c in chosen] or ["1"]
        text = f"SELECT {', '.join(items)} FROM {self.relation}"
        if self.ordered:
            text += f" ORDER BY {self.ordered}"
        if limit is not None:
            text = self.limited(text, int(limit))
        return text, chosen

    def limited(self, text: str, limit: int) -> str:
        """A query of no more than so many rows."""
        if self.server.dialect == "sqlserver":
            return text.replace("SELECT ", f"SELECT TOP ({limit}) ", 1)
        return f"{text} LIMIT {limit}"

    def batches(self, columns: list[str] | None, limit: int | None) -> Iterator[Batch]:
        text, chosen = self.query(columns, limit)
        decoders = [self.server.wires[c.storage].decode for c in chosen]
        rows = self.server.rows(text)
        try:
            next(rows)
            for part in rows:
                yield decoded(part, decoders)
        except Failure as failure:
            raise self.server.failed(failure) from None

    def row_count(self) -> int | None:
        return None


def decoded(part: list[Any], decoders: list[Callable[[Any], Any] | None]) -> Batch:
    """Rows of a driver as a batch of M cells."""
    if not decoders:
        return Batch([], len(part))
    columns: list[list[Any]] = [list(c) for c in zip(*part, strict=True)] if part else [[] for _ in decoders]
    for index, decode in enumerate(decoders):
        if decode is not None:
            columns[index] = [None if v is None else decode(v) for v in columns[index]]
    return Batch(columns, len(part))


def whole(value: Any) -> Any:
    """A driver's whole number (some give its text) as M has it: a double where that is exact."""
    number = int(value)
    return float(number) if -(2**53) <= number <= 2**53 else number


def table_over(source: SqlSource, function: str) -> Table:
    """The M table of a source."""
    row = RecordType([Field(c.name, c.type) for c in source.columns])
    type = TableType(row, (((source.keys), True),) if source.keys else ())
    return Table(Scan(type, source, tuple(c.name for c in source.columns), function))


# ---------------------------------------------------------------- navigation


class Entry:
    """A table or view of the catalogue."""

    __slots__ = ("item", "kind", "name", "open", "schema")

    def __init__(self, name: str, schema: str, item: str, kind: str, open: Callable[[], Any]) -> None:
        self.name, self.schema, self.item, self.kind, self.open = name, schema, item, kind, open


def navigation(entries: list[Entry], hierarchical: bool) -> Table:
    """The navigation table: one row per table, or (``hierarchical``) one per schema."""
    if not hierarchical:
        columns: list[list[Any]] = [
            [e.name for e in entries], [Thunk(e.open) for e in entries], [e.schema for e in entries],
            [e.item for e in entries], [e.kind for e in entries],
        ]  # fmt: skip
        listing = table_type(["Name", "Data", "Schema", "Item", "Kind"], [TEXT, TABLE, TEXT, TEXT, TEXT])
        return Table(Values(TableType(listing.row, ((("Schema", "Item"), True),)), columns, len(entries)))
    schemas = list(dict.fromkeys(e.schema for e in entries))
    inner = [_schema_listing([e for e in entries if e.schema == s]) for s in schemas]
    listing = table_type(["Schema", "Data"], [TEXT, TABLE])
    return Table(
        Values(TableType(listing.row, ((("Schema",), True),)), [list(schemas), list(inner)], len(schemas))
    )


def _schema_listing(entries: list[Entry]) -> Table:
    columns: list[list[Any]] = [
        [e.item for e in entries],
        [Thunk(e.open) for e in entries],
        [e.item for e in entries],
        [e.kind for e in entries],
    ]
    listing = table_type(["Name", "Data", "Item", "Kind"], [TEXT, TABLE, TEXT, TEXT])
    return Table(Values(TableType(listing.row, ((("Name",), True),)), columns, len(entries)))


def flag(chosen: dict[str, Any], name: str, default: bool = False) -> bool:
    """A logical option; null is its default."""
    return default if chosen[name] is None else bool(of_kind(chosen[name], "logical"))


def opened(
    server: Server, chosen: dict[str, Any], entries: Callable[[], list[Entry]],
    query: Callable[[Server, str, bool], Table], keys: Callable[[Any], list[ForeignKey]],
) -> Any:  # fmt: skip
    """What a database function gives: the navigation table, or the rows of its Query option.

    ``keys`` reads the foreign keys of the database, for the navigation columns of its tables.
    """
    related = flag(chosen, "CreateNavigationProperties", True)
    if chosen["Query"] is not None:
        return query(server, statement(of_kind(chosen["Query"], "text"), server.dialect), False)
    listed = entries()
    if related:
        Relations(server, listed, keys, chosen["NavigationPropertyNameGenerator"])
    listing = navigation(listed, flag(chosen, "HierarchicalNavigation"))

    def native(text: Any, parameters: Any = None, option: Any = None) -> Table:
        settings = options(
            strip(force(option)), "Value.NativeQuery", {"EnableFolding": None, "PreserveTypes": None}
        )
        folding = flag(settings, "EnableFolding")
        flag(settings, "PreserveTypes")  # columns always have the types of the query
        written = bound(server, of_kind(text, "text"), strip(force(parameters)))
        return query(server, statement(written, server.dialect), folding)

    return with_metadata(listing, {"NativeQuery": Function(native, 1, 3)})
