"""The argument forms that table functions share: column names, criteria, counts or conditions.

Each reader takes what the user wrote and gives what plan nodes hold.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mlang import errors
from mlang.library.arguments import as_count, enum_member, of_kind, texts
from mlang.library.comparer import Criteria, comparer_key, criteria, takes
from mlang.tables.plan import SortKey
from mlang.values.functions import Function
from mlang.values.kinds import is_number, kind_of
from mlang.values.lists import forced
from mlang.values.metadata import strip
from mlang.values.thunk import force
from mlang.values.types import TableType

ERROR, IGNORE, USE_NULL = range(3)


def missing_field(value: Any) -> int:
    """A MissingField argument; Error when it is null."""
    return enum_member(value, "missingField", (ERROR, IGNORE, USE_NULL), ERROR)


def items(value: Any) -> list[Any]:
    """The forced, bare items of a list argument."""
    return [strip(item) for item in forced(of_kind(value, "list"))]


def known_columns(value: Any, schema: TableType) -> list[str]:
    """Column names, given as one text or a list, all of which must exist (TBL-22, TBL-23)."""
    names = texts(value)
    for name in names:
        schema.index(name)
    return names


def tuples(value: Any, what: str) -> list[list[Any]]:
    """A list of short lists, or one such list alone: ``{"a", f}`` or ``{{"a", f}, …}``."""
    parts = items(value)
    if parts and kind_of(parts[0]) != "list":
        return [parts]
    rows = [items(part) for part in parts]
    for row in rows:
        if not row:
            raise errors.bad_pairs(value, what)
    return rows


# ---------------------------------------------------------------- counts or conditions


def count_or_condition(value: Any, default: int | None = None) -> tuple[int | None, Any]:
    """(count, None) for a number, (None, function) for a row condition (TBL-42)."""
    value = strip(force(value))
    if value is None and default is not None:
        return default, None
    if value.__class__ is Function:
        return None, value
    if not is_number(value):
        raise errors.cannot_convert(value, "Number")
    return as_count(value, "countOrCondition"), None


# ---------------------------------------------------------------- sorting


def sort_keys(value: Any, schema: TableType) -> tuple[SortKey, ...]:
    """Sort criteria (TBL-57 to TBL-60)."""
    value = strip(force(value))
    kind = kind_of(value)
    if kind in ("text", "function"):
        return (_sort_key([value], schema),)
    if kind != "list":
        raise errors.bad_sort_criteria()
    parts = items(value)
    if len(parts) == 2 and is_number(parts[1]):
        return (_sort_key(parts, schema),)
    return tuple(_sort_key(items(part) if kind_of(part) == "list" else [part], schema) for part in parts)


def _sort_key(parts: list[Any], schema: TableType) -> SortKey:
    """``{column or function}`` or ``{column or function, order}``."""
    if not 1 <= len(parts) <= 2:
        raise errors.bad_sort_criteria()
    descending = False
    if len(parts) == 2 and parts[1] is not None:
        if not is_number(parts[1]):
            raise errors.bad_sort_criteria()
        descending = enum_member(parts[1], "order", (0, 1)) == 1
    subject = parts[0]
    if subject.__class__ is str:
        schema.index(subject)
        return SortKey(column=subject, descending=descending)
    if subject.__class__ is not Function:
        raise errors.bad_sort_criteria()
    if takes(subject, 1):
        return SortKey(key=subject, descending=descending)
    return SortKey(comparer=subject, descending=descending)


# ---------------------------------------------------------------- equality of rows


def distinct_columns(value: Any, schema: TableType) -> tuple[tuple[str, Any], ...]:
    """Distinct criteria: columns, each perhaps with a built-in comparer (TBL-51)."""
    value = strip(force(value))
    if value is None:
        return ()
    kind = kind_of(value)
    if kind == "text":
        return (_distinct_column([value], schema),)
    if kind == "function" and comparer_key(value) is not None:
        return tuple((name, value) for name in schema.names)
    if kind != "list":
        raise errors.bad_distinct_criteria()
    parts = items(value)
    if len(parts) == 2 and parts[0].__class__ is str and parts[1].__class__ is Function:
        return (_distinct_column(parts, schema),)
    return tuple(_distinct_column(items(p) if kind_of(p) == "list" else [p], schema) for p in parts)


def _distinct_column(parts: list[Any], schema: TableType) -> tuple[str, Any]:
    if not 1 <= len(parts) <= 2 or parts[0].__class__ is not str:
        raise errors.bad_distinct_criteria()
    schema.index(parts[0])
    comparer = parts[1] if len(parts) == 2 else None
    if comparer is not None:
        if comparer.__class__ is not Function:
            raise errors.bad_distinct_criteria()
        if comparer_key(comparer) is None:
            raise errors.custom_comparer()
    return parts[0], comparer


def row_criteria(value: Any, function_name: str) -> Criteria:
    """Equation criteria over row records: columns, comparers, key selectors (TBL-53)."""
    value = strip(force(value))
    if value is None or kind_of(value) == "function":
        return criteria(value, function_name, custom=True)
    if kind_of(value) == "text":
        return _by_columns([(value, None)])
    parts = items(value)
    if len(parts) == 2 and all(part.__class__ is Function for part in parts):
        return criteria(parts, function_name, custom=True)
    if len(parts) == 2 and parts[0].__class__ is str and parts[1].__class__ is Function:
        return _by_columns([(parts[0], parts[1])])
    columns: list[tuple[str, Any]] = []
    for part in parts:
        if part.__class__ is str:
            columns.append((part, None))
        elif kind_of(part) == "list":
            columns.append(_column_with_comparer(items(part)))
        else:
            raise errors.bad_row_criteria()
    return _by_columns(columns)


def _column_with_comparer(parts: list[Any]) -> tuple[str, Any]:
    if len(parts) == 2 and parts[0].__class__ is str and parts[1].__class__ is Function:
        return parts[0], parts[1]
    raise errors.bad_row_criteria()


def compared_in(value: Any, names: tuple[str, ...]) -> tuple[tuple[Any, Any], ...] | None:
    """What equation criteria that `row_criteria` has read compare rows in: columns, or functions of the row, each with
    a comparer of the library or None; None for comparisons that somebody wrote."""
    value = strip(force(value))
    kind = kind_of(value)
    if value is None:
        return tuple((name, None) for name in names)
    if kind == "text":
        return ((value, None),)
    if kind == "function":
        if comparer_key(value) is not None:
            return tuple((name, value) for name in names)
        return ((value, None),) if takes(value, 1) else None
    parts = items(value)
    if len(parts) == 2 and parts[1].__class__ is Function:
        parts = [parts]
    pairs: list[tuple[Any, Any]] = []
    for part in parts:
        what, comparer = (part, None) if part.__class__ is str else items(part)
        if comparer is not None and comparer_key(comparer) is None:
            return None
        pairs.append((what, comparer))
    return tuple(pairs)


def _by_columns(columns: list[tuple[str, Any]]) -> Criteria:
    """Rows are equal when these columns are."""
    parts = [(name, criteria(comparer, custom=True)) for name, comparer in columns]

    def key(record: Any) -> Any:
        return tuple(part.key(_cell(record, name)) for name, part in parts)

    if all(part.keyed for _, part in parts):
        return Criteria(key=key)

    def pair(a: Any, b: Any) -> bool:
        return all(part.equal(_cell(a, name), _cell(b, name)) for name, part in parts)

    return Criteria(pair=pair)


def _cell(record: Any, name: str) -> Any:
    if name not in record:
        raise errors.field_not_found(name, record)
    return strip(force(record[name]))


# ---------------------------------------------------------------- functions of a row


def function_of(value: Any) -> Function:
    """A function among other values of a list argument."""
    value = strip(force(value))
    if value.__class__ is not Function:
        raise errors.cannot_convert(value, "Function")
    return value


def result_type(function: Any) -> Any:
    """The type that a function says its result has; any when it says nothing (TYP-41)."""
    from mlang.values.types import ANY, FunctionType, primitive

    if isinstance(function.type, FunctionType):
        return function.type.result
    spec = function.spec
    return ANY if spec is None else primitive(spec.result, spec.result_nullable)


def predicate(function: Function) -> Callable[[dict[str, Any]], bool]:
    """A row condition as a Python test."""
    from mlang.tables.local_columns import as_condition
    from mlang.values.functions import bind

    call = bind(function, 1)
    return lambda record: as_condition(call(record))
