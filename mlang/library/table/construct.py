"""Table construction: from rows, records, lists, columns, values and partitions.

``#table`` itself lives in ``library/constructors.py``; what it does with rows serves here too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from mlang import errors, registry
from mlang.library.arguments import as_width, enum_member, of_kind, options, texts
from mlang.library.constructors import table_of_rows
from mlang.library.table.criteria import ERROR, USE_NULL
from mlang.library.table.transform import (
    EXTRA_ERROR,
    EXTRA_IGNORE,
    EXTRA_LIST,
    NULLABLE_TEXT,
    fitted,
    made_by,
    pieces_of,
    splitter_type,
)
from mlang.registry import builtin
from mlang.tables import access
from mlang.tables import plan as p
from mlang.tables import schema as schemas
from mlang.tables.table import Table
from mlang.values.functions import Function, bind
from mlang.values.kinds import is_number, kind_of
from mlang.values.lists import forced
from mlang.values.metadata import strip
from mlang.values.thunk import force
from mlang.values.types import ANY, TEXT, MType, TableType, non_nullable, primitive, table_type


def named(columns: Any) -> TableType | None:
    """The table type of a ``columns`` argument: names, a table type, a number; None when it is null."""
    columns = strip(columns)
    if columns is None:
        return None
    if kind_of(columns) == "type":
        given = non_nullable(columns)
        if not isinstance(given, TableType):
            raise errors.cannot_convert(columns, "List")
        return given
    if is_number(columns):
        return table_type(schemas.default_names(as_width(columns, "columns")))
    names = texts(of_kind(columns, "list"))
    schemas.unique(names)
    return table_type(names)


@builtin("Table.FromRows(rows as list, optional columns as any) as table")
def from_rows(rows: Any, columns: Any = None) -> Table:
    """A table of lists of cells; ``columns`` gives names, a table type or a number of columns."""
    return table_of_rows(columns, rows, "Table.FromRows")  # type: ignore[no-any-return]


# ---------------------------------------------------------------- records


@builtin("Table.FromRecords(records as list, optional columns as any, "
         "optional missingField as nullable number) as table")  # fmt: skip
def from_records(records: Any, columns: Any = None, missing: Any = None) -> Table:
    """A table of records; the first one names the columns unless ``columns`` does.

    A record that lacks a field is an error when it is reached, or has null there with
    ``MissingField.UseNull``; other fields are dropped.
    """
    mode = enum_member(missing, "missingField", (ERROR, USE_NULL), ERROR)
    schema = named(columns)
    if schema is None:
        schema = table_type(_first_names(records))
    names = schema.names
    if records.__class__ is list and all(_fits(item, names) for item in records):
        return Table(p.Values(schema, [[record[name] for record in records] for name in names], len(records)))
    return Table(p.Rows(schema, _record_reader(records, schema.names, mode == USE_NULL), "Table.FromRecords"))


def _fits(item: Any, names: tuple[str, ...]) -> bool:
    """Whether an item is a record at hand, with all the fields."""
    return item.__class__ is dict and all(name in item for name in names)


def _first_names(records: Any) -> list[str]:
    for item in records:
        return list(of_kind(item, "record"))
    return []


def _record_reader(records: Any, names: tuple[str, ...], lenient: bool) -> Callable[[], Iterator[Any]]:
    def read() -> Iterator[Any]:
        for item in records:
            record = item if item.__class__ is dict else of_kind(item, "record")
            if lenient:
                yield [record.get(name) for name in names]
                continue
            try:
                yield [record[name] for name in names]
            except KeyError as error:
                raise errors.field_not_found(error.args[0], record) from None

    return read


# ---------------------------------------------------------------- columns


@builtin("Table.FromColumns(lists as list, optional columns as any) as table")
def from_columns(lists: Any, columns: Any = None) -> Table:
    """A table of lists, each one a column; short ones are filled up with nulls."""
    cells = access.read_lists([of_kind(part, "list") for part in lists])
    schema = named(columns)
    if schema is None:
        schema = table_type(schemas.default_names(len(cells)))
    if len(cells) > len(schema.names):
        raise errors.wrong_row_length(len(schema.names), len(cells), lists)
    cells += [[] for _ in range(len(schema.names) - len(cells))]
    length = max((len(column) for column in cells), default=0)
    filled = [column + [None] * (length - len(column)) for column in cells]
    return Table(p.Values(schema, filled, length))


# ---------------------------------------------------------------- lists


@builtin("Table.FromList(list as list, optional splitter as nullable function, optional columns as any, "
         "optional default as any, optional extraValues as nullable number) as table", keeps="default")  # fmt: skip
def from_list(
    values: Any, splitter: Function | None = None, columns: Any = None, default: Any = None, extra: Any = None
) -> Table:
    """A table with a row per item, split into cells by a function.

    Without a splitter the items are texts, cut at commas.  Short rows are filled up with ``default``;
    ``extraValues`` says what becomes of surplus cells.
    """
    mode = enum_member(extra, "extraValues", (EXTRA_LIST, EXTRA_ERROR, EXTRA_IGNORE), EXTRA_ERROR)
    type = NULLABLE_TEXT
    if splitter is None:
        splitter = registry.value_of("Splitter.SplitTextByDelimiter").fn(",")
        call = _text_only(bind(splitter, 1))
    else:
        call, type = bind(splitter, 1), splitter_type(splitter)
    schema = named(columns)
    as_they_are = splitter is not None and _splits_nothing(splitter)
    if schema is None:
        schema = table_type(schemas.default_names(1 if as_they_are else _first_width(values, call)))
    if not isinstance(strip(columns), MType):
        schema = schemas.of_columns([(name, type) for name in schema.names])
    width = len(schema.names)
    if width and as_they_are:
        return _items_as_cells(schema, values, default)
    bare = strip if made_by(splitter) else force

    def read() -> Iterator[Any]:
        for value in forced(values):
            yield fitted(pieces_of(call, bare(value)), width, default, mode)

    return Table(p.Rows(schema, read, "Table.FromList"))


def _items_as_cells(schema: TableType, values: Any, default: Any) -> Table:
    """Uncut items in the first column: they wait to be read, and what fails is an error in its cell."""
    others = [default] * (len(schema.names) - 1)
    if values.__class__ is list:
        filled = [[cell] * len(values) for cell in others]
        return Table(p.Values(schema, [list(values), *filled], len(values)))
    return Table(p.Rows(schema, lambda: ([item, *others] for item in values), "Table.FromList"))


def _splits_nothing(splitter: Function) -> bool:
    """Whether a splitter is ``Splitter.SplitByNothing()``, which gives each value as it is."""
    spec = splitter.spec
    return spec is not None and spec.builtin is None and spec.name == "Splitter.SplitByNothing"


def _text_only(call: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """The default splitter takes texts; other values raise (TBL-08)."""

    def split(value: Any) -> Any:
        if value is not None and value.__class__ is not str:
            raise errors.cannot_convert(value, "Text")
        return call(value)

    return split


def _first_width(values: Any, call: Callable[[Any], Any]) -> int:
    for value in forced(values):
        return len(pieces_of(call, strip(value)))
    return 1


# ---------------------------------------------------------------- any value


@builtin("Table.FromValue(value as any, optional options as nullable record) as table", raw=True)
def from_value(value: Any, settings: Any = None) -> Table:
    """A table of any value: a row per list item, a Name and Value row per record field, else one cell.

    The option ``DefaultColumnName`` names the column of a list or scalar.
    """
    given = options(strip(settings), "Table.FromValue", {"DefaultColumnName": None})
    name = "Value" if given["DefaultColumnName"] is None else of_kind(given["DefaultColumnName"], "text")
    bare = strip(value)
    kind = kind_of(bare)
    if kind == "table":
        return bare  # type: ignore[no-any-return]
    if kind == "record":
        schema = table_type(["Name", "Value"], [TEXT, ANY])
        return Table(p.Values(schema, [list(bare), list(bare.values())], len(bare)))
    if kind == "list":
        return Table(p.Rows(table_type([name]), lambda: ([item] for item in bare), "Table.FromValue"))
    from mlang.values.types import NULL

    type = NULL if bare is None else primitive(kind)
    return Table(p.Values(table_type([name], [type]), [[value]], 1))


# ---------------------------------------------------------------- partitions


@builtin("Table.FromPartitions(partitionColumn as text, partitions as list, "
         "optional partitionColumnType as nullable type) as table")  # fmt: skip
def from_partitions(column: str, partitions: Any, type: MType | None = None) -> Table:
    """The rows of several tables, with a last column that says which part a row is from.

    ``partitions`` holds pairs of the value of that column and the table.
    """
    from mlang.library.table.transform import row_function

    parts: list[Table] = []
    for part in partitions:
        pair = list(forced(of_kind(part, "list")))
        if len(pair) != 2:
            raise errors.bad_pairs(part, "partitions")
        table = of_kind(pair[1], "table")
        schema = schemas.append(table.type, column, type if type is not None else ANY)
        parts.append(
            Table(p.AddColumn(schema, table.plan, column, row_function(_constant(pair[0]), (), True)))
        )
    if not parts:
        return Table(p.Values(table_type([column], [type if type is not None else ANY]), [[]], 0))
    return access.combine(parts, _column_last(access.combined_schema(parts), column))


def _column_last(schema: TableType, column: str) -> TableType:
    rest = [(n, t) for n, t in schemas.pairs(schema) if n != column]
    return schemas.of_columns([*rest, (column, schemas.column_type(schema, column))])


def _constant(value: Any) -> Callable[[dict[str, Any]], Any]:
    return lambda row: force(value)
