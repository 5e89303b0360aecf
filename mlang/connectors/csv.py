"""Csv.Document: from the function's two argument forms to a `CsvSource`.

Nothing but the first row is read here, and that only when nobody said how many columns
there are.  Read ``csv_reader.py`` for the rules, ``sources.py`` for what engines see.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from mlang import errors
from mlang.connectors.sources import CsvSource
from mlang.library.arguments import as_count, as_width, enum_member, of_kind, options
from mlang.registry import builtin
from mlang.tables.plan import Scan
from mlang.tables.table import Table
from mlang.values import encodings
from mlang.values.binary import path_of
from mlang.values.kinds import is_number, kind_of
from mlang.values.metadata import strip
from mlang.values.thunk import force
from mlang.values.types import TEXT, ListType, MType, TableType, table_type

_OPTIONS: dict[str, Any] = {
    "Delimiter": None,
    "Columns": None,
    "Encoding": None,
    "CsvStyle": None,
    "QuoteStyle": None,
    "ExtraValues": None,
    "IncludeByteOrderMark": None,
}


@builtin(
    "Csv.Document(source as any, optional columns as any, optional delimiter as any, "
    "optional extraValues as nullable number, optional encoding as nullable number) as table"
)
def document(
    source: Any, columns: Any = None, delimiter: Any = None, extra: Any = None, encoding: Any = None
) -> Table:
    """Reads comma separated (or otherwise delimited) text or binary as a table of text columns.

    The second argument is the number of columns, their names, a table type, or a record with
    Delimiter, Columns, Encoding, CsvStyle, QuoteStyle and ExtraValues.  Without columns, the first
    row says how many there are, and a longer row is an error; with columns, surplus fields are
    dropped unless extraValues says otherwise.  Missing fields are empty texts.  The delimiter is a text,
    "" for runs of blanks, a list of texts, or a list of the positions where columns of fixed width start.
    """
    if kind_of(source) not in ("text", "binary"):
        raise errors.cannot_convert(source, "Binary")
    if kind_of(columns) == "record":
        chosen = options(columns, "Csv.Document", _OPTIONS)
        if delimiter is not None or extra is not None or encoding is not None:
            raise errors.csv_options_twice()
    else:
        chosen = {
            **_OPTIONS,
            "Columns": columns,
            "Delimiter": delimiter,
            "ExtraValues": extra,
            "Encoding": encoding,
        }
    return _table(source, chosen)


def _table(source: Any, chosen: dict[str, Any]) -> Table:
    given = chosen["Columns"]
    code_page = 65001 if chosen["Encoding"] is None else chosen["Encoding"]
    encodings.codec_of(code_page, "Encoding")
    if chosen["IncludeByteOrderMark"] is not None:  # for writing only, but it must be what it should be
        of_kind(chosen["IncludeByteOrderMark"], "logical")
    path = path_of(source) if kind_of(source) == "binary" else None
    reader = CsvSource(
        source,
        (),
        path=path,
        delimiter=_delimiter(chosen["Delimiter"]),
        encoding=int(code_page) or 65001,
        quoted_breaks=enum_member(chosen["QuoteStyle"], "QuoteStyle", (0, 1), 1) == 1,
        quote_always=enum_member(chosen["CsvStyle"], "CsvStyle", (0, 1), 0) == 1,
        extra_values=enum_member(chosen["ExtraValues"], "ExtraValues", (0, 1, 2), 1 if given is None else 2),
    )
    schema = _schema(given, reader)
    reader.names = schema.names
    if reader.extra_values == 0 and not isinstance(strip(given), MType):
        schema = _last_is_list(schema)
    return Table(Scan(schema, reader, schema.names, "Csv.Document"))


def _delimiter(value: Any) -> str | tuple[str, ...] | tuple[int, ...]:
    """A text, alternatives, or the positions at which columns of fixed width start."""
    value = strip(value)
    if value is None:
        return ","
    if value.__class__ is str:
        return str(value)
    parts = [strip(force(item)) for item in of_kind(value, "list")]
    if parts and is_number(parts[0]):
        positions = tuple(as_count(part, "delimiter") for part in parts)
        if any(left > right for left, right in pairwise(positions)):
            raise errors.argument_out_of_range("delimiter", value)
        return positions
    pieces = tuple(of_kind(part, "text") for part in parts)
    return pieces if pieces else ","


def _schema(given: Any, reader: CsvSource) -> TableType:
    """The columns that were asked for, or as many text columns as the first row has."""
    given = strip(given)
    if given is None:
        from mlang.connectors.csv_reader import first_width

        return _numbered(first_width(reader))
    kind = kind_of(given)
    if kind == "number":
        return _numbered(as_width(given, "columns", 64))
    if kind == "type":
        if not isinstance(given, TableType):
            raise errors.cannot_convert(given, "Table")
        return given
    names = [of_kind(item, "text") for item in of_kind(given, "list")]
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise errors.column_exists(name)
        seen.add(name)
    return table_type(names, [TEXT] * len(names))


def _numbered(count: int) -> TableType:
    return table_type([f"Column{i + 1}" for i in range(count)], [TEXT] * count)


def _last_is_list(schema: TableType) -> TableType:
    """With ExtraValues.List the last column collects lists of text."""
    types: list[MType] = list(schema.types)
    if types:
        types[-1] = ListType(TEXT)
    return table_type(schema.names, types)
