"""Relations between the tables of a database: foreign keys become navigation columns.

A connector tells all foreign keys of its database by one query (`ForeignKey`), asked for when the first table is
opened.  Each makes a column in both tables: a record of the row that the key names, and the other way round a
table of the rows that name this one (a record where there can be only one).  With CreateNavigationProperties =
false nothing is asked and nothing is made.

The columns stand after the table's own in the order of their names.  A column is called like the related table in
the navigation table; with the keys of this table in brackets where several relations lead there; with a number
where a name is taken.  NavigationPropertyNameGenerator may name them otherwise.
Read ``tables/related.py`` for what the columns do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from mlang import errors
from mlang.library.arguments import of_kind
from mlang.tables.table import Table
from mlang.values.functions import bind
from mlang.values.lists import to_list
from mlang.values.metadata import strip
from mlang.values.thunk import force

if TYPE_CHECKING:
    from mlang.connectors.databases import Entry

Place = tuple[str, str]


class ForeignKey:
    """The key columns of a table and the table (schema, name) whose columns they name.

    ``alone`` says that no two rows of the table have the same key.
    """

    __slots__ = ("alone", "columns", "table", "target", "target_columns")

    def __init__(
        self, table: Place, columns: tuple[str, ...], target: Place, target_columns: tuple[str, ...], alone: bool
    ) -> None:  # fmt: skip
        self.table, self.columns, self.alone = table, columns, alone
        self.target, self.target_columns = target, target_columns


def foreign_keys(rows: Iterable[Any], unique: Iterable[Any]) -> list[ForeignKey]:
    """Foreign keys from rows (constraint, schema, table, column, other schema, other table, other column), in
    the order of the key's parts; ``unique`` are rows (constraint, schema, table, column) of keys that are."""
    parts: dict[Any, list[Any]] = {}
    for row in rows:
        parts.setdefault(tuple(row[:3]), []).append(row)
    alone: dict[Any, set[str]] = {}
    for name, schema, table, column in unique:
        alone.setdefault((schema, table, name), set()).add(column)
    sets: dict[Place, list[set[str]]] = {}
    for (schema, table, _), parts_of_key in alone.items():
        sets.setdefault((schema, table), []).append(parts_of_key)
    found = []
    for key in parts.values():
        _, schema, table, _, other_schema, other_table, _ = key[0]
        columns = tuple(row[3] for row in key)
        single = any(known <= set(columns) for known in sets.get((schema, table), ()))
        found.append(
            ForeignKey(
                (schema, table), columns, (other_schema, other_table), tuple(r[6] for r in key), single
            )
        )
    return found


class _Relation:
    """A foreign key as one of its tables sees it."""

    __slots__ = ("keys", "other", "other_keys", "single", "towards")

    def __init__(
        self, keys: tuple[str, ...], other: Entry, other_keys: tuple[str, ...], single: bool, towards: bool
    ) -> None:
        self.keys, self.other, self.other_keys = keys, other, other_keys
        self.single, self.towards = single, towards


class Relations:
    """The relations of a database: what gives its tables their navigation columns."""

    def __init__(
        self, server: Any, entries: list[Entry], read: Callable[[Any], list[ForeignKey]], generator: Any
    ) -> None:
        self.server, self.read = server, read
        self.generator = None if generator is None else bind(of_kind(generator, "function"), 2)
        self.entries = {(e.schema, e.item): e for e in entries if e.kind == "Table"}
        self._found: dict[Place, list[_Relation]] | None = None
        for entry in entries:
            entry.open = self._opener(entry, entry.open)

    def _opener(self, entry: Entry, plain: Callable[[], Any]) -> Callable[[], Any]:
        """What opens a table with its navigation columns, once."""
        made: list[Table] = []

        def open() -> Table:
            if not made:
                made.append(self._linked(entry, plain()))
            return made[0]

        return open

    def _linked(self, entry: Entry, table: Table) -> Table:
        if entry.kind != "Table":
            return table
        from mlang.tables.related import Link, with_links

        own = set(table.names)
        relations = [r for r in self.of((entry.schema, entry.item)) if own.issuperset(r.keys)]
        if not relations:
            return table
        never_null = {f.name for f in table.type.row.fields if not f.type.nullable}
        links = [
            Link(
                name, r.keys, r.other_keys, r.single, never_null.issuperset(r.keys), r.other.open,
                (self.server.key(), r.other.schema, r.other.item),
            )
            for name, r in zip(self._names(entry, table, relations), relations, strict=True)
        ]  # fmt: skip
        return with_links(table, links)

    def of(self, place: Place) -> list[_Relation]:
        """The relations of a table, by the names of the related tables and the keys."""
        if self._found is None:
            self._found = {}
            for key in self.read(self.server):
                table, target = self.entries.get(key.table), self.entries.get(key.target)
                if table is None or target is None:
                    continue  # a table that this login does not see
                here = self._found.setdefault(key.table, [])
                here.append(_Relation(key.columns, target, key.target_columns, True, True))
                there = self._found.setdefault(key.target, [])
                there.append(_Relation(key.target_columns, table, key.columns, key.alone, False))
            for relations in self._found.values():
                relations.sort(key=lambda r: (r.other.name.lower(), r.other.name, r.keys, r.other_keys))
        return self._found.get(place, [])

    def _names(self, entry: Entry, table: Table, relations: list[_Relation]) -> list[str]:
        names = [f.name for f in table.type.row.fields]
        if self.generator is None:
            return default_names(names, [(r.other.name, r.keys) for r in relations])
        about = [
            {
                "SourceTableName": entry.name, "SourceKeys": list(r.keys), "TargetTableName": r.other.name,
                "TargetKeys": list(r.other_keys), "SingleTarget": True,
            }
            for r in relations
        ]  # fmt: skip
        given = [
            of_kind(strip(force(name)), "text")
            for name in to_list(of_kind(strip(self.generator(names, about)), "list"))
        ]
        if len(given) != len(relations):
            raise errors.argument_out_of_range("NavigationPropertyNameGenerator", given)
        taken = set(names)
        for name in given:
            if name in taken:
                raise errors.column_exists(name)
            taken.add(name)
        return given


def default_names(columns: list[str], relations: list[tuple[str, tuple[str, ...]]]) -> list[str]:
    """The names of navigation columns: (related table, keys here) of each, in order."""
    taken = set(columns)
    tables = [table for table, _ in relations]
    found = []
    for table, keys in relations:
        name = table if tables.count(table) == 1 else f"{table}({', '.join(keys)})"
        number, given = 2, name
        while given in taken:
            given, number = f"{name} {number}", number + 1
        taken.add(given)
        found.append(given)
    return found
