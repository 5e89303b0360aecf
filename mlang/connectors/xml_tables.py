"""How Xml.Tables flattens a tree of elements.

An element is a row.  Its columns are, in the order of their first appearance: "Element:Text"
(the text of an element without elements inside), one column per name of the elements inside,
one per attribute ("Attribute:name").  Text beside elements is left out.  What has another
namespace than the element goes to a table in a column named after that namespace ("Namespace:"
for none).

A cell is a text when there is one element of that name and it has nothing but text; else the
table whose rows are the elements of that name.  A table of one row with nothing but tables is
shown as a navigation table (Name, Table), from the root downwards.

Known from published queries over documents that anybody can read, such as SDMX messages.
"""

from __future__ import annotations

from typing import Any

from mlang import errors
from mlang.tables.plan import Values
from mlang.tables.table import Table
from mlang.values.thunk import Thunk
from mlang.values.types import ANY, TABLE, TEXT, MType, TableType, nullable, table_type

TEXT_COLUMN = "Element:Text"


class Row:
    """What one row of a flat table is made of: elements by name, attributes, and parts in other namespaces.

    ``cells`` maps a column to a text, a list of elements, or a `Row` (another namespace).
    """

    __slots__ = ("cells", "namespace")

    def __init__(self, namespace: str) -> None:
        self.namespace = namespace
        self.cells: dict[str, Any] = {}

    def part(self, namespace: str) -> Row:
        """Where things of a namespace belong: this row, or the row in the namespace's own column."""
        if namespace == self.namespace:
            return self
        name = namespace or "Namespace:"
        row = self.cells.setdefault(name, Row(namespace))
        if row.__class__ is not Row:  # an element whose name is that address
            raise errors.column_exists(name)
        return row


def flattened(root: Any, navigate: bool) -> Table:
    """The table of a root element."""
    row = row_of(root)
    return navigation(row) if navigate and only_tables(row) else table_of([row])


def row_of(element: Any) -> Row:
    """The row that an element makes."""
    namespace, _ = _split(element.tag)
    row = Row(namespace)
    text = _text(element)
    if text is not None:
        row.cells[TEXT_COLUMN] = text
    for inner in element:
        space, local = _split(inner.tag)
        part = row.part(space)
        cell = part.cells.setdefault(local, [])
        if cell.__class__ is not list:
            raise errors.column_exists(local)
        cell.append(inner)
    for name, value in element.attrib.items():
        space, local = _split(name)
        part = row.part(space) if space else row
        part.cells[f"Attribute:{local}"] = value
    return row


def _split(tag: str) -> tuple[str, str]:
    if tag[0] == "{":
        namespace, _, local = tag[1:].partition("}")
        return namespace, local
    return "", tag


def _text(element: Any) -> str | None:
    """The text of an element without elements inside; None when it is blank.  Text beside elements is ignored."""
    text = "" if len(element) else element.text or ""
    return text if text.strip() else None


def _simple(elements: list[Any]) -> str | None:
    """The text of a single element that has nothing else."""
    if len(elements) == 1 and not len(elements[0]) and not elements[0].attrib:
        return _text(elements[0])
    return None


def _cell(content: Any) -> Any:
    """A text, or a table that is made when somebody looks at it."""
    if content.__class__ is str:
        return content
    if content.__class__ is Row:
        return Thunk(lambda: table_of([content]))
    text = _simple(content)
    return text if text is not None else Thunk(lambda: table_of([row_of(e) for e in content]))


def table_of(rows: list[Row]) -> Table:
    """A flat table: columns by first appearance, null where a row has no such part."""
    names = list(dict.fromkeys(name for row in rows for name in row.cells))
    columns = [[_cell(row.cells[name]) if name in row.cells else None for row in rows] for name in names]
    types = [_type(column) for column in columns]
    return Table(Values(table_type(names, types), columns, len(rows) if names else 0))


def _type(column: list[Any]) -> MType:
    kinds = {cell.__class__ for cell in column if cell is not None}
    return nullable({frozenset([str]): TEXT, frozenset([Thunk]): TABLE}.get(frozenset(kinds), ANY))


def only_tables(row: Row) -> bool:
    """Whether a row has columns, and nothing but tables in them."""
    return bool(row.cells) and all(
        content.__class__ is Row or (content.__class__ is list and _simple(content) is None)
        for content in row.cells.values()
    )


def navigation(row: Row) -> Table:
    """The columns of a row, listed by name."""
    schema = table_type(["Name", "Table"], [TEXT, TABLE])
    schema = TableType(schema.row, ((("Name",), True),))
    columns: list[list[Any]] = [list(row.cells), [_listed(content) for content in row.cells.values()]]
    return Table(Values(schema, columns, len(row.cells)))


def _listed(content: Any) -> Thunk:
    """The table of one entry; again a navigation table when it is one row of tables."""

    def make() -> Table:
        rows = [content] if content.__class__ is Row else [row_of(element) for element in content]
        return navigation(rows[0]) if len(rows) == 1 and only_tables(rows[0]) else table_of(rows)

    return Thunk(make)
