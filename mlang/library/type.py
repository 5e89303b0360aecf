"""Type.*: types taken apart and put together: lists, records, functions, nullability, union, facets.

Table types are in ``type_tables.py``.  Facts TYP-10 to TYP-28.
"""

from __future__ import annotations

from typing import Any

from mlang import errors
from mlang.library import type_tables  # noqa: F401  (declares the rest of the family)
from mlang.library.arguments import of_kind
from mlang.registry import builtin
from mlang.tables.describe import FACETS
from mlang.values.compare import equal_types
from mlang.values.metadata import strip
from mlang.values.records import field, field_or
from mlang.values.thunk import force
from mlang.values.types import (
    ANY,
    NONE,
    Field,
    FunctionType,
    ListType,
    MType,
    RecordType,
    TableType,
    is_compatible,
    non_nullable,
    nullable,
    primitive,
)


def _of_kind(type: MType, kind: str) -> MType:
    if type.kind != kind:
        raise errors.wrong_type_kind(kind, type)
    return type


# ---------------------------------------------------------------- any type


@builtin("Type.Is(type1 as type, type2 as type) as logical")
def type_is(type: MType, target: MType) -> bool:
    """Says whether every value of a type is also one of another (primitive) type."""
    return is_compatible(type, target)


@builtin("Type.IsNullable(type as type) as logical")
def is_nullable(type: MType) -> bool:
    """Says whether null is a value of a type."""
    return type.nullable


@builtin("Type.NonNullable(type as type) as type")
def type_non_nullable(type: MType) -> MType:
    """Gives a type without null."""
    return non_nullable(type)


@builtin("Type.Facets(type as type) as record")
def facets_of(type: MType) -> dict[str, Any]:
    """Gives the facets of a type, such as precision and length; null where it has none."""
    facets = type.facets or {}
    return {name: facets.get(name) for name in FACETS}


@builtin("Type.ReplaceFacets(type as type, facets as record) as type")
def replace_facets(type: MType, facets: dict[str, Any]) -> Any:
    """Gives a type with exactly the given facets."""
    chosen: dict[str, Any] = {}
    for name in facets:
        if name not in FACETS:
            raise errors.facet_not_supported(name, facets)
    for name, facet_type in FACETS.items():
        value = strip(field_or(facets, name))
        if value is not None:
            chosen[name] = of_kind(value, facet_type.kind)
    return type.with_facets(chosen or None)


# ---------------------------------------------------------------- lists


@builtin("Type.ListItem(type as type) as type")
def list_item(type: MType) -> MType:
    """Gives the type of the items of a list type."""
    return type.item if isinstance(_of_kind(type, "list"), ListType) else ANY  # type: ignore[attr-defined]


# ---------------------------------------------------------------- records


def _record_type(type: MType) -> RecordType:
    if isinstance(type, RecordType):
        return type
    _of_kind(type, "record")
    return RecordType((), True, type.nullable)


@builtin("Type.RecordFields(type as type) as record")
def record_fields(type: MType) -> dict[str, Any]:
    """Gives the fields of a record type: for each name the type and whether it is optional."""
    return {f.name: {"Type": f.type, "Optional": f.optional} for f in _record_type(type).fields}


@builtin("Type.ForRecord(fields as record, open as logical) as type")
def for_record(fields: dict[str, Any], is_open: bool) -> RecordType:
    """Makes a record type of its fields, records of Type and Optional."""
    made = []
    for name, value in fields.items():
        entry = of_kind(value, "record")
        optional = of_kind(field(entry, "Optional"), "logical")
        made.append(Field(name, of_kind(field(entry, "Type"), "type"), optional))
    return RecordType(made, is_open)


@builtin("Type.IsOpenRecord(type as type) as logical")
def is_open_record(type: MType) -> bool:
    """Says whether a record type allows more fields than it names."""
    return _record_type(type).open


def _opened(type: MType, is_open: bool) -> MType:
    record = _record_type(type)
    if record.open is is_open:
        return type
    other: RecordType = record.copy()
    other.open = is_open
    return other


@builtin("Type.OpenRecord(type as type) as type")
def open_record(type: MType) -> MType:
    """Gives a record type that allows more fields than it names."""
    return _opened(type, True)


@builtin("Type.ClosedRecord(type as type) as type")
def closed_record(type: MType) -> MType:
    """Gives a record type that allows no other fields than it names."""
    return _opened(type, False)


# ---------------------------------------------------------------- functions


def _function_type(type: MType) -> FunctionType:
    if isinstance(type, FunctionType):
        return type
    raise errors.wrong_type_kind("function", type)


@builtin("Type.FunctionParameters(type as type) as record")
def function_parameters(type: MType) -> dict[str, Any]:
    """Gives the parameters of a function type and their types."""
    return dict(_function_type(type).parameters)


@builtin("Type.FunctionRequiredParameters(type as type) as number")
def function_required_parameters(type: MType) -> float:
    """Gives the least number of arguments that a function type takes."""
    return float(_function_type(type).required)


@builtin("Type.FunctionReturn(type as type) as type")
def function_return(type: MType) -> MType:
    """Gives the result type of a function type."""
    return _function_type(type).result


@builtin("Type.ForFunction(signature as record, min as number) as type")
def for_function(signature: dict[str, Any], least: Any) -> FunctionType:
    """Makes a function type of ReturnType and Parameters; those behind the minimum are optional."""
    from mlang.library.arguments import as_count

    result = of_kind(field(signature, "ReturnType"), "type")
    given = of_kind(field(signature, "Parameters"), "record")
    required = as_count(least, "min")
    if required > len(given):
        raise errors.argument_out_of_range("min", least)
    parameters = []
    for index, (name, value) in enumerate(given.items()):
        type = of_kind(value, "type")
        parameters.append((name, nullable(type) if index >= required else type))
    return FunctionType(parameters, required, result)


# ---------------------------------------------------------------- union


@builtin("Type.Union(types as list) as type")
def type_union(types: Any) -> MType:
    """Gives the least type that has all values of some types."""
    result = NONE
    for item in types:
        result = unite(result, of_kind(force(item), "type"))
    return result


def unite(a: MType, b: MType) -> MType:
    """The union of two types (TYP-25): what they have in common, else any."""
    if a.kind == "none" or equal_types(a, b):
        return b
    if b.kind == "none":
        return a
    if a.kind == "null" or b.kind == "null":
        return nullable(a if b.kind == "null" else b)
    accepts_null = a.nullable or b.nullable
    left, right = non_nullable(a), non_nullable(b)
    if equal_types(left, right):
        common = left
    elif left.kind != right.kind:
        return ANY
    else:
        common = _unite_structures(left, right)
    return nullable(common) if accepts_null else common


def _unite_structures(a: MType, b: MType) -> MType:
    if isinstance(a, ListType) and isinstance(b, ListType):
        return ListType(unite(a.item, b.item))
    if isinstance(a, RecordType) and isinstance(b, RecordType):
        return _unite_records(a, b)
    if isinstance(a, TableType) and isinstance(b, TableType) and a.names == b.names:
        return TableType(_unite_records(a.row, b.row))
    return primitive(a.kind)


def _unite_records(a: RecordType, b: RecordType) -> RecordType:
    """Every field of either; one that the other lacks becomes optional."""
    others = {f.name: f for f in b.fields}
    fields = []
    for mine in a.fields:
        other = others.pop(mine.name, None)
        if other is None:
            fields.append(Field(mine.name, mine.type, True))
        else:
            fields.append(Field(mine.name, unite(mine.type, other.type), mine.optional or other.optional))
    fields += [Field(f.name, f.type, True) for f in others.values()]
    return RecordType(fields, a.open or b.open)
