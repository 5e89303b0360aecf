"""What may cure an error: a near name, or what people mostly mean when they meet the message.

A hint never evaluates anything and is left out when there is nothing sure enough to say.  ``report.py``
puts it below the message.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

from mlang.errors import MError
from mlang.values.thunk import DONE, Thunk

#: What M has for names of other languages (in small letters).
_ELSEWHERE = """\
Table.SelectRows: table.filter table.where table.filterrows
Table.Group: table.groupby
Table.Sort: table.orderby
Table.NestedJoin: table.merge
Table.Combine: table.append table.union
Table.RowCount: table.count table.length
Table.RemoveColumns: table.dropcolumns
Table.FirstN: table.limit table.head table.take
Table.LastN: table.tail
Table.TransformRows: table.map
Table.TransformColumns: table.transform
List.Transform: list.map
List.Select: list.filter list.where
List.Accumulate: list.reduce list.fold
List.Count: list.length count
List.Combine: list.append list.concat
List.PositionOf: list.indexof
List.Distinct: list.unique
List.Numbers: list.range
List.Average: list.mean
Text.Middle: text.substring text.mid
Text.Start: text.left
Text.End: text.right
Text.PositionOf: text.indexof
Text.Upper: text.toupper text.uppercase upper
Text.Lower: text.tolower lower
Text.Combine: text.concat text.join
Text.Length: len
Number.FromText: text.tonumber number.parse
Number.RoundUp: number.ceiling
Number.RoundDown: number.floor
DateTime.LocalNow: date.now date.today datetime.now today now
Date.FromText: date.parse
DateTime.FromText: datetime.parse
Record.FieldNames: record.keys
Record.FieldValues: record.values
Record.Combine: record.merge
Excel.Workbook: excel.file
Csv.Document: csv.file
Json.Document: json.parse
File.Contents: file.read
List.Sum: sum
= null: isnull
null: none
try ... otherwise ...: iferror
if ... then ... else ...: iif
&: concat
Number.Mod: mod
Number.Round: round
List.Max: max
List.Min: min
"""
ELSEWHERE = {
    name: here
    for here, _, names in (line.partition(": ") for line in _ELSEWHERE.splitlines())
    for name in names.split()
}


def hint_for(error: MError) -> str | None:
    """A line that helps, or None."""
    given = getattr(error, "hint", None)
    if given:
        return str(given)
    name = getattr(error, "unknown_name", None)
    if name is not None:
        return _unknown_name(error, name)
    template = error.message_format or error.message or ""
    for pattern, make in _CURES:
        match = re.search(pattern, template) or re.search(pattern, error.message or "")
        if match:
            return make(error)
    return None


# ---------------------------------------------------------------- near names


def near(name: str, known: Iterable[str]) -> str | None:
    """The known name that was probably meant: the same but for case, else a similar one."""
    from difflib import get_close_matches

    names = list(dict.fromkeys(k for k in known if k != name))
    folded = {n.casefold(): n for n in reversed(names)}
    bare = name.casefold()
    if bare in folded:
        return folded[bare]
    stripped = bare.strip()
    for key, value in folded.items():
        if key.strip() == stripped:
            return value
    longer = [key for key in folded if key.startswith(bare)]
    if len(longer) == 1 and len(bare) > 3:
        return folded[longer[0]]
    close = get_close_matches(bare, list(folded), 1, 0.75)
    return folded[close[0]] if close else None


def _unknown_name(error: MError, name: str) -> str | None:
    from mlang import registry

    if name.casefold() in ELSEWHERE:
        return f"M has {ELSEWHERE[name.casefold()]} for this."
    document = getattr(error, "place", (None,))[0]
    own = names_of(document.tree) if document is not None else []
    found = near(name, own) or near(name, registry.BUILTINS)
    if found is None:
        return None
    case = " (names are case sensitive)" if found.casefold() == name.casefold() else ""
    return f"Did you mean {_spelt(found)}{case}?"


def _spelt(name: str) -> str:
    from mlang.values.show import identifier

    return identifier(name) if not name.startswith("#") else name


def names_of(tree: Any) -> list[str]:
    """All names that a tree defines anywhere."""
    from mlang.syntax import nodes

    defining = (nodes.Binding, nodes.Member, nodes.Parameter)
    return [n.name for n in tree.walk() if isinstance(n, defining)]


def _parameter(error: MError) -> str:
    given = error.message_parameters
    return str(given[0]) if given else ""


def _field(error: MError) -> str | None:
    record = error.detail
    if not isinstance(record, dict):
        return None
    found = near(_parameter(error), record)
    return f"Did you mean [{found}]?" if found is not None else None


def _column(error: MError) -> str | None:
    """The table is not at hand: names that the text itself mentions are what there is to compare with."""
    from mlang.compile.places import places

    for place in places(error)[:1]:
        mentioned = re.findall(r'"([^"\n]*)"|\[([^\[\]=,\n"{}]+)\]', place.text)
        found = near(_parameter(error), [a or b for a, b in mentioned])
        if found is not None:
            return f"Did you mean '{found}'?"
    return "Table.ColumnNames gives the names; MissingField.Ignore as last argument skips missing ones."


# ---------------------------------------------------------------- cures


def _operator(error: MError) -> str | None:
    parts = [str(p) for p in error.message_parameters or []]
    if len(parts) != 3:
        return None
    operator, *kinds = parts
    if operator == "+" and set(kinds) == {"Text"}:
        return "Texts are joined with &."
    if operator == "&" and "Text" in kinds:
        other = next((k for k in kinds if k != "Text"), "Text")
        return f"Convert first: Text.From({other.lower()}) & text."
    if "Text" in kinds and "Number" in kinds:
        return "One side is text: Number.From(text) makes it a number."
    if "Table" in kinds or "List" in kinds:
        return (
            "Operators work on single values; take a row and column (table{0}[Column]) or an item (list{0})."
        )
    if "Function" in kinds:
        return "One side is a function that was not called: name() calls it."
    return None


def _conversion(error: MError) -> str | None:
    detail = error.detail if isinstance(error.detail, dict) else {}
    wanted = (error.message or "").rpartition(" type ")[2].rstrip(".")
    value = detail.get("Value")
    value = value.content if value.__class__ is Thunk and value.state == DONE else value
    kind = _kind(value)
    if kind == "null":
        return f"The value is null: give another one with ??, or declare nullable {wanted.lower()}."
    if kind == "function":
        return "This is a function; name() calls it."
    cure = _CONVERSIONS.get((kind or "", wanted))
    if cure is None and wanted in ("Text", "Number", "Date", "DateTime", "Logical", "Duration", "Time"):
        cure = f"{wanted}.From(value) converts." if kind not in ("list", "record", "table") else None
    return cure


_CONVERSIONS = {
    ("table", "List"): "Table.Column(table, name) or table[Column] is a list; Table.ToRows gives all rows.",
    ("table", "Record"): "table{0} is the first row as a record.",
    ("table", "Text"): "table{0}[Column] is a single value.",
    ("table", "Number"): "table{0}[Column] is a single value; Table.RowCount(table) counts.",
    ("list", "Text"): "Text.Combine(list, separator) joins a list; list{0} is its first item.",
    ("list", "Number"): "List.Sum, List.Count or list{0} give one number.",
    ("list", "Table"): "Table.FromList, Table.FromRecords or Table.FromRows make a table of a list.",
    ("record", "Table"): "Table.FromRecords({record}) or Record.ToTable(record) make a table.",
    ("record", "List"): "Record.FieldValues(record) is the list of its values.",
    ("record", "Text"): "record[Field] is a single value.",
    ("binary", "Text"): "Text.FromBinary(binary) decodes it.",
    (
        "binary",
        "Table",
    ): "Csv.Document, Excel.Workbook, Json.Document or Parquet.Document read a file's bytes.",
    ("text", "Binary"): "File.Contents(path) reads a file; Text.ToBinary(text) encodes a text.",
}


def _kind(value: Any) -> str | None:
    from mlang.values.kinds import kind_of
    from mlang.values.metadata import strip

    if value.__class__ is Thunk:
        return None
    try:
        return kind_of(strip(value))
    except (TypeError, MError):
        return None


def _arguments(error: MError) -> str | None:
    """The signature of the function that stands at the place."""
    from mlang import registry
    from mlang.compile.places import places

    for place in places(error)[:1]:
        match = re.match(r"\s*([\w.#]+)\s*\(", place.text[place.offset : place.end])
        entry = registry.BUILTINS.get(match[1]) if match else None
        if isinstance(entry, registry.Builtin):
            return entry.signature
    return None


def _file(error: MError) -> str | None:
    """A file of a similar name in the folder, or that the folder isn't there."""
    import os

    path = str(error.detail)
    folder, name = os.path.split(path)
    try:
        found = near(name, os.listdir(folder))
    except OSError:
        return f"There is no folder {folder}."
    if found is not None:
        return f"Did you mean {os.path.join(folder, found)}?"
    return "Relative names start at the folder of the file that is run."


def _culture(error: MError) -> str | None:
    from mlang.session import current

    return (
        f"Texts are read in culture {current().culture}; name another with the culture argument or --culture."
    )


def _says(text: str) -> Callable[[MError], str | None]:
    return lambda error: text


_CURES: list[tuple[str, Callable[[MError], str | None]]] = [
    (r"^The field '.*' of the record wasn't found", _field),
    (r"^The column '.*' of the table wasn't found", _column),
    (r"^We cannot apply operator", _operator),
    (r"^We cannot convert (the value|a value of type)", _conversion),
    (r"arguments were passed to a function which expects", _arguments),
    (r"^Could not find file", _file),
    (r"couldn't parse the input provided as a|couldn't convert to Number", _culture),
    (
        r"^The key didn't match any rows",
        _says("table{[...]}? gives null instead; look at the rows of the table for the right key."),
    ),
    (r"^The key matched more than one row", _says("Add fields to the key, or use Table.SelectRows.")),
    (r"weren't enough elements in the enumeration", _says("list{n}? gives null where there is no item n (from 0).")),
    (
        r"^A cyclic reference was encountered",
        _says("A step uses itself, directly or through others; a function calls itself as @name."),
    ),
    (
        r"resulted in a stack overflow",
        _says("The recursion does not end, or is too deep: List.Generate and List.Accumulate repeat without it."),
    ),
    (
        r"Did you miss a module reference",
        _says("The name exists in no library here; `:help NAME` in the REPL and docs/library.md list them."),
    ),
]  # fmt: skip


# ---------------------------------------------------------------- details

_TEXT, _FIELDS, _ITEMS, _DEPTH = 200, 12, 8, 4


def brief(value: Any, depth: int = 0) -> str:
    """A detail as M text, cut short: no row is read, nothing that is still delayed is evaluated."""
    from mlang.values.kinds import kind_of
    from mlang.values.metadata import strip
    from mlang.values.show import identifier, text_literal, to_m

    if value.__class__ is Thunk:
        if value.state != DONE:
            return "..."
        value = value.content
    value = strip(value)
    kind = kind_of(value)
    if kind == "text":
        return text_literal(value) if len(value) <= _TEXT else text_literal(value[:_TEXT]) + " ..."
    if kind == "table":
        names = list(value.names)
        more = ", ..." if len(names) > _FIELDS else ""
        return f"#table({{{', '.join(text_literal(n) for n in names[:_FIELDS])}{more}}}, ...)"
    if kind == "record":
        if depth >= _DEPTH:
            return "[...]"
        fields = [f"{identifier(n)} = {brief(v, depth + 1)}" for n, v in list(value.items())[:_FIELDS]]
        return "[" + ", ".join([*fields, *(["..."] if len(value) > _FIELDS else [])]) + "]"
    if kind == "list":
        if value.__class__ is not list or depth >= _DEPTH:
            return "{...}"
        items = [brief(item, depth + 1) for item in value[:_ITEMS]]
        return "{" + ", ".join([*items, *(["..."] if len(value) > _ITEMS else [])]) + "}"
    if kind in ("function", "binary"):
        return f"({kind})" if kind == "binary" else "(function)"
    return to_m(value)
