"""Giving a value another type: what Value.ReplaceType does (TYP-04 to TYP-09, OP-82).

A type is a claim; members are never checked.  Records and tables take the names of
the type by position.
"""

from __future__ import annotations

from typing import Any

from mlang import errors
from mlang.values.kinds import DISPLAY, kind_of
from mlang.values.metadata import strip, with_type
from mlang.values.types import FunctionType, MType, RecordType, TableType

_ABSTRACT = frozenset(("any", "anynonnull", "none"))


def ascribe(value: Any, type: MType) -> Any:
    """The value with the type, its metadata kept."""
    bare = strip(value)
    kind = kind_of(bare)
    if type.kind in _ABSTRACT:
        raise errors.cannot_ascribe(bare, type, "it is abstract")
    if type.kind != kind:
        raise errors.cannot_convert(bare, DISPLAY[type.kind], type)
    if type.nullable and kind != "null":
        raise errors.cannot_ascribe(bare, type, "it is nullable")
    ascriber = _ASCRIBE.get(kind)
    return with_type(value, type) if ascriber is None else ascriber(value, bare, type)


def _ascribe_record(value: Any, record: dict[str, Any], type: MType) -> Any:
    if not isinstance(type, RecordType):
        return with_type(value, type)
    if type.open or any(f.optional for f in type.fields):
        raise errors.cannot_ascribe(record, type, "it is open or has optional fields")
    if len(type.fields) != len(record):
        raise errors.cannot_ascribe(record, type, "the number of fields differs")
    renamed = {f.name: item for f, item in zip(type.fields, record.values(), strict=True)}
    from mlang.values.metadata import Annotated, metadata_of

    return Annotated(renamed, metadata_of(value) or None, type)


def _ascribe_table(value: Any, table: Any, type: MType) -> Any:
    if not isinstance(type, TableType):
        raise errors.cannot_ascribe(table, type, "it is abstract")
    if len(type.names) != len(table.names):
        raise errors.cannot_ascribe(table, type, "the number of columns differs")
    from mlang.tables.plan import Retype
    from mlang.tables.table import Table

    return Table(Retype(type, table.plan), table.meta)


def _ascribe_function(value: Any, function: Any, type: MType) -> Any:
    if not isinstance(type, FunctionType):
        raise errors.cannot_ascribe(function, type, "it is abstract")
    if function.most is not None and (len(type.parameters), type.required) != (function.most, function.least):
        raise errors.cannot_ascribe(function, type, "the number of parameters differs")
    return function.with_type(type)


_ASCRIBE: dict[str, Any] = {
    "record": _ascribe_record,
    "table": _ascribe_table,
    "function": _ascribe_function,
    "type": lambda value, bare, type: value,
    "null": lambda value, bare, type: value,
}
