"""Access.Database: the tables and saved queries of an Access database file.

The catalogue is a table like any other (MSysObjects); what it marks as belonging to Access itself is left
out.  Tables come first, then saved queries, each by name.  Nothing of a table is read before its Data is.
Read ``access_table.py`` for rows and types, ``access_file.py`` for the file.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mlang import errors
from mlang.connectors.access_file import AccessFile, broken
from mlang.connectors.access_table import AccessSource, JetTable
from mlang.connectors.databases import Entry, flag, navigation
from mlang.connectors.relations import ForeignKey, Relations, foreign_keys
from mlang.library.arguments import options
from mlang.registry import builtin
from mlang.tables.plan import Scan
from mlang.tables.table import Table
from mlang.values import binary
from mlang.values.kinds import kind_of
from mlang.values.types import Field, RecordType, TableType

_CATALOGUE = 2  # the page of its definition
_LOCAL, _ODBC, _QUERY, _LINKED = 1, 4, 5, 6
#: The kinds that the columns of Access's own tables have.
_KINDS = {
    "Id": 4, "Name": 10, "Type": 3, "Flags": 4, "LvProp": 11, "ObjectId": 4, "Attribute": 2, "szRelationship": 10,
    "szObject": 10, "szColumn": 10, "szReferencedObject": 10, "szReferencedColumn": 10, "grbit": 4, "icolumn": 4,
}  # fmt: skip
#: What a relation's grbit says.
_ONE_TO_ONE, _DRAWN = 1, 2
#: Flags of the catalogue: what is Access's own.
_SYSTEM = 0x80000002
#: The kinds of saved queries that give rows (low bits of their flags): select, crosstab, union.
_SELECTS = (0, 16, 128)


@builtin(
    "Access.Database(database as binary, optional options as nullable record) as table",
    missing="rows of saved queries and linked tables, attachments and columns of several values, encrypted "
    "databases",
)
def database(source: Any, option: dict[str, Any] | None = None) -> Table:
    """Lists the tables and saved queries of an Access database (.mdb, .accdb), each with its rows in Data.

    A table is picked by ``{[Schema="", Item="Orders"]}[Data]``.
    """
    defaults = {"CreateNavigationProperties": False, "NavigationPropertyNameGenerator": None}
    chosen = options(option, "Access.Database", defaults)
    related = flag(chosen, "CreateNavigationProperties")
    if kind_of(source) != "binary":
        raise errors.cannot_convert(source, "Binary")
    file = AccessFile(binary.content(source))
    entries = _entries(file)
    if related:
        Relations(file, entries, _foreign_keys, chosen["NavigationPropertyNameGenerator"])
    return navigation(entries, False)


def _entries(file: AccessFile) -> list[Entry]:
    catalogue = _rows(JetTable(file, _CATALOGUE), ("Id", "Name", "Type", "Flags"))
    asking = {int(row[0]) for row in _parameters(file, catalogue)}
    tables, queries = [], []
    for id, name, kind, flags in catalogue:
        if id is None or name is None or kind is None:
            raise broken("the catalogue is not one of Access")
        number, flag = int(id), int(flags or 0)
        if flag & _SYSTEM:
            continue
        if kind in (_LOCAL, _ODBC, _LINKED):
            tables.append(Entry(name, "", name, "Table", _opened(file, name, kind, number & 0xFFFFFF)))
        elif kind == _QUERY and not flag & 8 and flag & 0xF0 in _SELECTS and number not in asking:
            queries.append(Entry(name, "", name, "View", _opened(file, name, kind, 0)))
    return sorted(tables, key=_by_name) + sorted(queries, key=_by_name)


def _by_name(entry: Entry) -> tuple[str, str]:
    return entry.item.upper(), entry.item


def _parameters(file: AccessFile, catalogue: list[list[Any]]) -> list[list[Any]]:
    """The rows of MSysQueries that declare a parameter: such a query is a procedure, not a view."""
    page = next((row[0] for row in catalogue if row[1] == "MSysQueries" and row[2] == _LOCAL), None)
    if page is None:
        return []
    rows = _rows(JetTable(file, int(page) & 0xFFFFFF), ("ObjectId", "Attribute"))
    return [row for row in rows if row[1] == 2 and row[0] is not None]


def _foreign_keys(file: AccessFile) -> list[ForeignKey]:
    """The relations whose keys Access looks after (MSysRelationships); those it only draws are none."""
    catalogue = _rows(JetTable(file, _CATALOGUE), ("Id", "Name", "Type"))
    page = next((row[0] for row in catalogue if row[1] == "MSysRelationships" and row[2] == _LOCAL), None)
    if page is None:
        return []
    names = (
        "szRelationship",
        "szObject",
        "szColumn",
        "szReferencedObject",
        "szReferencedColumn",
        "grbit",
        "icolumn",
    )
    rows = _rows(JetTable(file, int(page) & 0xFFFFFF), names)
    kept = sorted((row for row in rows if not int(row[5] or 0) & _DRAWN), key=lambda row: row[6] or 0)
    keys = [(row[0], "", row[1], row[2], "", row[3], row[4]) for row in kept]
    return foreign_keys(
        keys, [(row[0], "", row[1], row[2]) for row in kept if int(row[5] or 0) & _ONE_TO_ONE]
    )


def _rows(table: JetTable, names: tuple[str, ...]) -> list[list[Any]]:
    known = {c.name: c.kind for c in table.columns}
    if any(known.get(name) != _KINDS[name] for name in names):
        raise broken("the catalogue is not one of Access")
    chosen = list(names)
    return [
        list(row)
        for batch in AccessSource(table, "").batches(chosen, None)
        for row in zip(*batch.columns, strict=True)
    ]


def _properties(file: AccessFile, page: int) -> Any:
    """What the catalogue keeps of a table (LvProp)."""
    rows = _rows(JetTable(file, _CATALOGUE), ("Id", "LvProp", "Type"))
    return next(
        (
            row[1]
            for row in rows
            if row[2] == _LOCAL and row[0] is not None and int(row[0]) & 0xFFFFFF == page
        ),
        None,
    )


def _opened(file: AccessFile, name: str, kind: float, page: int) -> Callable[[], Table]:
    def open() -> Table:
        if kind != _LOCAL:
            what = "a saved query" if kind == _QUERY else "a linked table"
            raise errors.not_supported("Access.Database", what)
        table = JetTable(file, page, lambda: _properties(file, page))
        row = RecordType([Field(c.name, c.type) for c in table.columns])
        type = TableType(row, ((table.keys, True),) if table.keys else ())
        return Table(
            Scan(type, AccessSource(table, name), tuple(c.name for c in table.columns), "Access.Database")
        )

    return open
