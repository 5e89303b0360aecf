"""Record.*: fields by name, without evaluating them (EVL-10, REC-01 to REC-13)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from mlang import errors
from mlang.library.arguments import enum_member, of_kind, texts
from mlang.registry import builtin
from mlang.values.functions import as_function, bind
from mlang.values.kinds import kind_of
from mlang.values.lists import forced
from mlang.values.metadata import strip
from mlang.values.records import field as read_field
from mlang.values.thunk import Thunk, force
from mlang.values.types import ANY, TEXT, RecordType

ERROR, IGNORE, USE_NULL = 0, 1, 2
Record = dict[str, Any]


def missing_field(value: Any) -> int:
    """A ``missingField`` argument."""
    return enum_member(value, "missingField", (ERROR, IGNORE, USE_NULL))


# ---------------------------------------------------------------- information


@builtin("Record.FieldCount(record as record) as number")
def field_count(record: Record) -> float:
    """Counts the fields of a record."""
    return float(len(record))


@builtin("Record.FieldNames(record as record) as list")
def field_names(record: Record) -> list[str]:
    """Gives the names of the fields in their order."""
    return list(record)


@builtin("Record.FieldValues(record as record) as list")
def field_values(record: Record) -> list[Any]:
    """Gives the values of the fields; each is evaluated when it is read."""
    return list(record.values())


@builtin("Record.ToList(record as record) as list")
def to_list(record: Record) -> list[Any]:
    """Gives the values of the fields; each is evaluated when it is read."""
    return list(record.values())


@builtin("Record.HasFields(record as record, fields as any) as logical")
def has_fields(record: Record, fields: Any) -> bool:
    """Says whether a record has a field, or all fields of a list of names."""
    return all(name in record for name in texts(fields))


# ---------------------------------------------------------------- reading


@builtin("Record.Field(record as record, field as text) as any")
def record_field(record: Record, name: str) -> Any:
    """Gives the value of a field; raises when there is none of the name."""
    return read_field(record, name)


@builtin(
    "Record.FieldOrDefault(record as nullable record, field as text, optional defaultValue as any) as any",
    keeps="defaultValue",
)
def field_or_default(record: Record | None, name: str, default: Any = None) -> Any:
    """Gives the value of a field, or a default when the record has no such field."""
    if record is None or name not in record:
        return default
    return force(record[name])


# ---------------------------------------------------------------- making


@builtin("Record.FromList(list as list, fields as any) as record")
def from_list(items: Any, fields: Any) -> Record:
    """Makes a record of values and their names, or the fields of a record type."""
    names = _names(fields)
    values = list(items)
    if len(names) != len(values):
        raise errors.wrong_row_length(len(names), len(values), values)
    return _unique(zip(names, values, strict=True))


def _names(fields: Any) -> list[str]:
    if kind_of(fields) == "type":
        if not isinstance(fields, RecordType):
            raise errors.wrong_type_kind("record", fields)
        return [f.name for f in fields.fields]
    return [of_kind(name, "text") for name in of_kind(fields, "list")]


def _unique(pairs: Iterable[tuple[str, Any]]) -> Record:
    """A record of pairs; a repeated name raises (ERR-13)."""
    record: Record = {}
    for name, value in pairs:
        if name in record:
            raise errors.field_exists(name)
        record[name] = value
    return record


@builtin("Record.FromTable(table as table) as record")
def from_table(table: Any) -> Record:
    """Makes a record of a table with the columns Name and Value, a field per row."""
    name, value = table.type.index("Name"), table.type.index("Value")
    return _unique((of_kind(row[name], "text"), row[value]) for row in table.rows())


@builtin("Record.ToTable(record as record) as table")
def to_table(record: Record) -> Any:
    """Makes a table with the columns Name and Value, a row per field."""
    from mlang.tables.table import from_columns

    return from_columns(["Name", "Value"], [list(record), list(record.values())], [TEXT, ANY])


@builtin(
    "Record.AddField(record as record, fieldName as text, value as any, "
    "optional delayed as nullable logical) as record",
    raw=True,
)
def add_field(record: Any, name: Any, value: Any, delayed: Any = None) -> Record:
    """Adds a field at the end; a delayed value is a function that is called when the field is read."""
    fields, name = strip(record), strip(name)
    if name in fields:
        raise errors.field_exists(name)
    if strip(delayed):
        return {**fields, name: Thunk(lambda: bind(as_function(value), 0)())}
    return {**fields, name: value}


@builtin("Record.Combine(records as list) as record")
def combine(records: Any) -> Record:
    """Joins records; the last value of a field wins, at the place of the first."""
    result: Record = {}
    for record in forced(records):
        result.update(of_kind(record, "record"))
    return result


# ---------------------------------------------------------------- choosing and renaming


@builtin(
    "Record.SelectFields(record as record, fields as any, optional missingField as nullable number) as record"
)
def select_fields(record: Record, fields: Any, missing: Any = None) -> Record:
    """Keeps the named fields, in the order named."""
    mode = missing_field(missing)
    chosen: list[tuple[str, Any]] = []
    for name in texts(fields):
        if name in record:
            chosen.append((name, record[name]))
        elif mode == USE_NULL:
            chosen.append((name, None))
        elif mode == ERROR:
            raise errors.field_not_found(name, record)
    return _unique(chosen)


@builtin(
    "Record.RemoveFields(record as record, fields as any, optional missingField as nullable number) as record"
)
def remove_fields(record: Record, fields: Any, missing: Any = None) -> Record:
    """Leaves out the named fields."""
    mode = missing_field(missing)
    gone = texts(fields)
    if mode == ERROR:
        for name in gone:
            if name not in record:
                raise errors.field_not_found(name, record)
    return {name: value for name, value in record.items() if name not in gone}


def pairs_of(operations: Any) -> list[tuple[str, Any]]:
    """``{"a", x}`` or ``{{"a", x}, {"b", y}}`` as pairs of a name and something."""
    entries = list(forced(operations))
    if entries and strip(entries[0]).__class__ is str:
        entries = [entries]
    pairs = []
    for entry in entries:
        parts = list(of_kind(entry, "list"))
        if len(parts) < 2:
            raise errors.not_enough_elements(parts)
        if len(parts) > 2:
            raise errors.too_many_elements(parts)
        pairs.append((of_kind(parts[0], "text"), strip(force(parts[1]))))
    return pairs


@builtin(
    "Record.RenameFields(record as record, renames as list, optional missingField as nullable number) "
    "as record"
)
def rename_fields(record: Record, renames: Any, missing: Any = None) -> Record:
    """Gives fields new names: a pair of old and new name, or a list of pairs."""
    mode = missing_field(missing)
    new_names: dict[str, str] = {}
    added: list[tuple[str, Any]] = []
    for old, new in pairs_of(renames):
        new = of_kind(new, "text")
        if old in new_names:  # its old name is gone, as in Table.RenameColumns
            raise errors.field_not_found(old, record)
        if old in record:
            new_names[old] = new
        elif mode == USE_NULL:
            added.append((new, None))
        elif mode == ERROR:
            raise errors.field_not_found(old, record)
    return _unique([(new_names.get(name, name), value) for name, value in record.items()] + added)


@builtin(
    "Record.ReorderFields(record as record, fieldOrder as list, optional missingField as nullable number) "
    "as record"
)
def reorder_fields(record: Record, order: Any, missing: Any = None) -> Record:
    """Brings the named fields into the order named, within the places that they have."""
    mode = missing_field(missing)
    wanted: list[str] = []
    fields = dict(record)
    for name in texts(order):
        if name in wanted:
            raise errors.field_exists(name)
        if name not in record:
            if mode == ERROR:
                raise errors.field_not_found(name, record)
            if mode == IGNORE:
                continue
            fields[name] = None
        wanted.append(name)
    following = iter(wanted)
    return {name: fields[name] for name in (next(following) if n in wanted else n for n in fields)}


@builtin(
    "Record.TransformFields(record as record, transformOperations as list, "
    "optional missingField as nullable number) as record"
)
def transform_fields(record: Record, operations: Any, missing: Any = None) -> Record:
    """Applies functions to fields when these are read: a pair of name and function, or a list of pairs."""
    mode = missing_field(missing)
    result = dict(record)
    for name, function in pairs_of(operations):
        if name not in result:
            if mode == ERROR:
                raise errors.field_not_found(name, record)
            if mode == IGNORE:
                continue
        result[name] = _applied(bind(as_function(function), 1), result.get(name))
    return result


def _applied(function: Any, value: Any) -> Thunk:
    return Thunk(lambda: function(force(value)))
