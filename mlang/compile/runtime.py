"""What generated code calls: the slow paths of access, calls, types and errors.

Generated code inlines the ordinary case of each and names these for the rest.  Every
name in `NAMES` is visible in generated code under the same name.
"""

from __future__ import annotations

from collections.abc import Callable

from mlang import errors
from mlang.errors import MError
from mlang.values import operators, types
from mlang.values.compare import equal
from mlang.values.functions import Function, apply, as_function
from mlang.values.kinds import DISPLAY, kind_of
from mlang.values.lists import NumberRange, Streamed, item_at
from mlang.values.metadata import Annotated, metadata_of, strip, with_metadata
from mlang.values.thunk import Thunk, force

TYPE_CHECKING = False
if TYPE_CHECKING:  # typing costs more to import than all of this
    from typing import Any

# ---------------------------------------------------------------- access


def field(target: Any, name: str) -> Any:
    """``target[name]``, forced: a field, or the column of a table as a list (GRM-60)."""
    target = strip(target)
    if target.__class__ is dict:
        if name in target:
            return force(target[name])
        raise errors.field_not_found(name, target)
    if kind_of(target) == "table":
        from mlang.tables.access import column

        return column(target, name)
    raise errors.cannot_access_field(target, name)


def field_or_null(target: Any, name: str) -> Any:
    """``target[name]?``: null only for a missing field (GRM-61)."""
    target = strip(target)
    if target.__class__ is dict:
        return force(target.get(name))
    if target is None:
        return None
    if kind_of(target) == "table":
        from mlang.tables.access import column

        return column(target, name) if name in target.names else None
    raise errors.cannot_access_field(target, name)


def item(target: Any, index: Any) -> Any:
    """``target{index}``"""
    target = strip(target)
    index = strip(index)
    kind = kind_of(target)
    if kind == "list":
        return item_at(target, _position(index, target))
    if kind == "table":
        from mlang.tables import access

        if index.__class__ is dict:
            return access.select_key(target, index, False)
        return access.item(target, _position(index, target))
    raise errors.cannot_index(target, index)


def item_or_null(target: Any, index: Any) -> Any:
    """``target{index}?``: null past the end or without a matching row (GRM-63 to GRM-65)."""
    target = strip(target)
    index = strip(index)
    kind = kind_of(target)
    if kind == "null":
        return None
    if kind == "table" and index.__class__ is dict:
        from mlang.tables.access import select_key

        return select_key(target, index, True)
    if kind not in ("list", "table"):
        raise errors.cannot_index(target, index)
    position = _position(index, target)
    if kind == "list":
        from mlang.values.lists import raw_item

        try:
            return force(raw_item(target, position))
        except IndexError:
            return None
    for record in target.records(position + 1):
        if position == 0:
            return record
        position -= 1
    return None


def _position(index: Any, target: Any) -> int:
    kind = kind_of(index)
    if kind == "record":
        raise errors.cannot_convert(index, "Number")
    if kind != "number":
        raise errors.cannot_convert(index, "Number")
    if index - index != 0 or index != int(index):  # NaN and infinities are no integers either
        raise errors.expression_error("We expected an integer value.", detail=index)
    if index < 0:
        raise errors.argument_out_of_range("index", index)
    return int(index)


def project(target: Any, names: tuple[str, ...], optional: bool) -> Any:
    """``target[[a], [b]]``: a record with those fields, or a table with those columns (GRM-68)."""
    target = strip(target)
    if target.__class__ is dict:
        missing = next((n for n in names if n not in target), None)
        if missing is not None and not optional:
            raise errors.field_not_found(missing, target)
        return {n: target.get(n) for n in names}
    if target is None and optional:
        return None
    if kind_of(target) == "table":
        from mlang.tables.access import project as project_table

        return project_table(target, list(names), optional)
    raise errors.cannot_access_field(target, names[0])


# ---------------------------------------------------------------- lists


def number_range(first: Any, last: Any) -> Any:
    """``{first .. last}``: whole numbers or single characters, ascending (GRM-73 to GRM-77)."""
    first, last = strip(first), strip(last)
    if first.__class__ is str and last.__class__ is str:
        return _character_range(first, last)
    for end in (first, last):
        if kind_of(end) != "number":
            raise errors.cannot_convert(end, "Number")
        if end != end or end in (float("inf"), float("-inf")) or end != int(end):
            raise errors.expression_error("We expected an integer value.", detail=end)
    return NumberRange(int(first), int(last))


def _character_range(first: str, last: str) -> list[str]:
    for end in (first, last):
        if len(end) != 1:
            raise errors.not_single_character(end)
    return [chr(code) for code in range(ord(first), ord(last) + 1)]


def join_items(*parts: Any) -> Any:
    """The items of a list literal that has ranges in it."""
    if len(parts) == 1:
        return parts[0]
    return Streamed(lambda: (item for part in parts for item in part))


# ---------------------------------------------------------------- types of values


def is_kind(value: Any, kind: str, nullable: bool) -> bool:
    """``value is [nullable] kind``"""
    return types.conforms(kind_of(value), kind, nullable)


def as_kind(value: Any, kind: str, nullable: bool) -> Any:
    """``value as [nullable] kind``: the same value, or the conversion error."""
    if types.conforms(kind_of(value), kind, nullable):
        return value
    raise errors.cannot_convert(strip(value), DISPLAY[kind], types.primitive(kind, nullable))


def as_type(value: Any) -> Any:
    """A value that stands where a type must."""
    bare = strip(value)
    if kind_of(bare) == "type":
        return bare
    raise errors.cannot_convert(bare, "Type")


def list_type(item: Any) -> Any:
    """``type {item}``"""
    return types.ListType(as_type(item))


def record_type(fields: tuple[tuple[str, bool, Any], ...], is_open: bool) -> Any:
    """``type [fields, ...]``; a field is (name, optional, type)."""
    return types.RecordType([types.Field(n, as_type(t), o) for n, o, t in fields], is_open)


def table_type(row: Any) -> Any:
    """``type table row``; the row type is a closed record type, ``type record`` gives ``type table``.

    ``optional`` and an outer ``nullable`` of the row type mean nothing for a table (GRM-84).
    """
    row = as_type(row)
    if row.kind == "table":
        return row
    if row.kind != "record":
        raise errors.cannot_convert(row, "Record")
    if not isinstance(row, types.RecordType) or (row.open and not row.fields):
        return types.TABLE
    if row.open:
        raise errors.open_row_type(row)
    if row.nullable or any(field.optional for field in row.fields):
        row = types.RecordType(types.Field(field.name, field.type) for field in row.fields)
    return types.TableType(row)


def function_type(parameters: tuple[tuple[str, bool, Any], ...], result: Any) -> Any:
    """``type function (parameters) as result``; optional parameters become nullable."""
    required = sum(1 for _, optional, _ in parameters if not optional)
    given = [(n, types.nullable(as_type(t)) if o else as_type(t)) for n, o, t in parameters]
    return types.FunctionType(given, required, as_type(result))


def nullable_type(inner: Any) -> Any:
    """``type nullable inner``"""
    return types.nullable(as_type(inner))


# ---------------------------------------------------------------- metadata, errors, logic


def add_metadata(value: Any, record: Any) -> Any:
    """``value meta record``: the right record wins over metadata already there (OP-79)."""
    fields = strip(record)
    if fields.__class__ is not dict:
        raise errors.cannot_convert(fields, "Record")
    return with_metadata(value, {**metadata_of(value), **fields})


def make_error(value: Any) -> MError:
    """The error that ``error value`` raises (EVL-37 to EVL-42)."""
    final = value.__class__ is Annotated and metadata_of(value).get("ViewError") is True
    value = strip(value)
    if value.__class__ is str:
        return MError("Expression.Error", value)
    if value.__class__ is not dict:
        raise errors.cannot_convert(value, "Record")

    def get(name: str) -> Any:
        return strip(force(value.get(name)))

    template, parameters = get("Message.Format"), get("Message.Parameters")
    message = get("Message") if template is None else fill(template, parameters)
    reason = get("Reason")
    made = MError(
        "Expression.Error" if reason is None else reason,
        message,
        force(value.get("Detail")),
        message_format=template,
        message_parameters=parameters,
        error_code=get("ErrorCode"),
    )
    if final:
        made.final = True
    return made


def fill(template: str, parameters: Any) -> str:
    """``#{0}`` placeholders filled as Text.Format fills them (EVL-41, EVL-42)."""
    if template.__class__ is str and "#{" not in template and parameters.__class__ is not dict:
        return template
    from mlang.registry import value_of

    return str(value_of("Text.Format").fn(template, parameters if parameters is not None else []))


def fail(value: Any) -> Any:
    """``error value`` as an expression."""
    if value.__class__ is str:
        raise MError("Expression.Error", value)
    raise make_error(value)


class Discarded(MError):
    """Stands for the error of an ``error`` whose ``otherwise`` is in the same frame: it has no content."""

    __init__ = Exception.__init__


def fail_with(make: Callable[[], MError]) -> Any:
    """Raises the error that a constructor makes, as an expression."""
    raise make()


def caught(error: MError) -> dict[str, Any]:
    """The record of a caught error; its place is kept for whoever shows it later."""
    from mlang.values.thunk import keep_frames

    keep_frames(error)
    return error.record()


def check_logical(value: Any) -> None:
    """Raises when the left operand of and/or is neither logical nor null."""
    bare = strip(value)
    if bare is not None and bare.__class__ is not bool:
        raise errors.cannot_convert(bare, "Logical")


def and_values(a: Any, b: Any) -> Any:
    """``a and b`` of evaluated operands, ``a`` not false."""
    return operators.both(a, lambda: b)


def or_values(a: Any, b: Any) -> Any:
    """``a or b`` of evaluated operands, ``a`` not true."""
    return operators.either(a, lambda: b)


def is_null(value: Any) -> bool:
    """Whether a value is null, metadata or not."""
    return value is None or (value.__class__ is Annotated and value.value is None)


#: Stands for a field that is not there where generated code asks without raising.
MISSING = object()

NAMES: dict[str, Any] = {
    "MISSING": MISSING,
    "Annotated": Annotated,
    "Function": Function,
    "Discarded": Discarded,
    "MError": MError,
    "Thunk": Thunk,
    "add": operators.add,
    "subtract": operators.subtract,
    "multiply": operators.multiply,
    "divide": operators.divide,
    "concatenate": operators.concatenate,
    "joined": operators.joined,
    "negate": operators.negate,
    "positive": operators.positive,
    "logical_not": operators.logical_not,
    "less": operators.less,
    "less_equal": operators.less_equal,
    "greater": operators.greater,
    "greater_equal": operators.greater_equal,
    "condition": operators.condition,
    "equal": equal,
    "apply": apply,
    "as_function": as_function,
    "field": field,
    "field_or_null": field_or_null,
    "item": item,
    "item_or_null": item_or_null,
    "project": project,
    "number_range": number_range,
    "join_items": join_items,
    "is_kind": is_kind,
    "as_kind": as_kind,
    "as_type": as_type,
    "list_type": list_type,
    "record_type": record_type,
    "table_type": table_type,
    "function_type": function_type,
    "nullable_type": nullable_type,
    "add_metadata": add_metadata,
    "fail": fail,
    "fail_with": fail_with,
    "caught": caught,
    "check_logical": check_logical,
    "and_values": and_values,
    "or_values": or_values,
    "is_null": is_null,
    "cyclic": errors.cyclic_reference,
    "not_implemented": errors.not_implemented,
}
