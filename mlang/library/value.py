"""Value.*: metadata, types, comparison, and what only the engine's own planner knows.

Arithmetic with a precision is in ``value_arithmetic.py``, ascribing types in
``ascription.py``.  Facts OP-73 to OP-85, TYP-01 to TYP-15, FUN-07 to FUN-09.
"""

from __future__ import annotations

from typing import Any

from mlang import errors
from mlang.library import value_arithmetic  # noqa: F401  (declares the rest of the family)
from mlang.library.arguments import of_kind, texts
from mlang.library.ascription import ascribe
from mlang.registry import builtin
from mlang.session import current
from mlang.values.functions import Function, apply, as_function
from mlang.values.kinds import DISPLAY, kind_of
from mlang.values.lists import forced
from mlang.values.metadata import metadata_of, strip, with_metadata
from mlang.values.records import field_or
from mlang.values.thunk import force
from mlang.values.types import MType, conforms, type_of

# ---------------------------------------------------------------- metadata


@builtin("Value.Metadata(value as any) as any", raw=True)
def metadata(value: Any) -> dict[str, Any]:
    """Gives the metadata record of a value; empty when it has none."""
    meta = metadata_of(value)
    bare = strip(value)
    if not meta and isinstance(bare, MType) and bare.name is not None:
        return {"Documentation.Name": bare.name}
    return meta


@builtin("Value.ReplaceMetadata(value as any, metaValue as any) as any", raw=True)
def replace_metadata(value: Any, meta: Any) -> Any:
    """Gives a value with exactly this metadata."""
    return with_metadata(value, of_kind(meta, "record"))


@builtin("Value.RemoveMetadata(value as any, optional metaValue as any) as any", raw=True)
def remove_metadata(value: Any, names: Any = None) -> Any:
    """Gives a value without its metadata, or without the named fields of it."""
    names = strip(names)
    if names is None:
        return with_metadata(value, {})
    gone = texts(names)
    kept = {name: item for name, item in metadata_of(value).items() if name not in gone}
    return with_metadata(value, kept)


# ---------------------------------------------------------------- types


@builtin("Value.Type(value as any) as type", raw=True)
def value_type(value: Any) -> MType:
    """Gives the type that a value claims to have."""
    return type_of(value)


@builtin("Value.ReplaceType(value as any, type as type) as any", raw=True)
def replace_type(value: Any, type: Any) -> Any:
    """Gives a value another type; records and tables take the type's names by position."""
    return ascribe(value, strip(type))


@builtin("Value.Is(value as any, type as type) as logical")
def value_is(value: Any, type: MType) -> bool:
    """Says whether a value is of a type, by its primitive kind."""
    return conforms(kind_of(value), type.kind, type.nullable)


@builtin("Value.As(value as any, type as type) as any", raw=True)
def value_as(value: Any, type: Any) -> Any:
    """Gives the value when it is of a type; raises otherwise."""
    wanted: MType = strip(type)
    bare = strip(value)
    if conforms(kind_of(bare), wanted.kind, wanted.nullable):
        return value
    raise errors.cannot_convert(bare, DISPLAY[wanted.kind], wanted)


# ---------------------------------------------------------------- from text


@builtin("Value.FromText(text as any, optional culture as nullable text) as any")
def from_text(text: Any, culture: str | None = None) -> Any:
    """Guesses what a text spells: number, logical, datetime or duration, else the text itself."""
    if text.__class__ is not str:
        return text
    trimmed = text.strip()
    lower = trimmed.lower()
    if lower in ("", "null"):
        return None
    if lower in ("true", "false"):
        return lower == "true"
    from mlang.culture.date_parse import parse_any
    from mlang.culture.duration_parse import parse_duration
    from mlang.culture.numbers import parse_number
    from mlang.values.temporal import Time

    try:
        return parse_number(trimmed, culture)
    except errors.MError:
        found = parse_any(trimmed, culture)
    if found is not None and found.__class__ is not Time:
        return found
    try:
        return parse_duration(trimmed)
    except errors.MError:
        return text


# ---------------------------------------------------------------- plans and sources


@builtin(
    "Value.NativeQuery(target as any, query as text, optional parameters as any, "
    "optional options as nullable record) as any",
    raw=True,
)
def native_query(target: Any, query: Any, parameters: Any = None, options: Any = None) -> Any:
    """Runs a query in the language of a source; the target says how, in its metadata field NativeQuery."""
    handler = field_or(metadata_of(target), "NativeQuery")
    if handler is None:
        handler = _view_handler(target, "OnNativeQuery")
    if handler is None:
        raise errors.no_native_query(strip(target))
    return apply(as_function(handler), strip(query), strip(parameters), strip(options))


@builtin("Value.Optimize(value as any) as any", raw=True)
def optimize(value: Any) -> Any:
    """Marks a query for Value.Expression; the value itself passes through."""
    return value


@builtin("Value.Expression(value as any) as nullable record")
def expression(value: Any) -> dict[str, Any]:
    """Gives the syntax tree of an optimized query: what the view's ``GetExpression`` says (FUN-07)."""
    handler = _view_handler(value, "GetExpression")
    if handler is None:
        raise errors.no_expression(value)
    tree: dict[str, Any] = apply(as_function(handler))
    return tree


def _view_handler(value: Any, name: str) -> Any:
    """The handler of a view; None when it has none, and for other values."""
    if kind_of(strip(value)) not in ("table", "binary"):
        return None
    from mlang.tables.view import handlers_of

    handlers = handlers_of(value)
    return None if handlers is None else force(handlers.get(name))


@builtin("Value.Alternates(alternates as list) as any")
def alternates(plans: Any) -> Any:
    """Gives the first of several plans for one value: they all stand for the same."""
    for plan in forced(plans):
        return plan
    raise errors.not_enough_elements(plans)


@builtin("Value.Lineage(value as any) as any")
def lineage(value: Any) -> dict[str, Any]:
    """Gives the lineage record of a value; nothing is tracked."""
    return {"Name": "", "Value": None, "To": []}


@builtin("Value.Traits(value as any) as table")
def traits(value: Any) -> Any:
    """Gives the traits of a value; it has none."""
    from mlang.tables.table import from_columns

    return from_columns([], [])


@builtin("Value.Firewall(key as text) as any", missing="outside a dataflow's refresh")
def firewall(key: str) -> Any:
    """Gives the value of another partition of a dataflow, named as in "Section1/Query"; only a refresh has them."""
    hook = current().firewall
    if hook is None:
        raise errors.not_supported("Value.Firewall", "a partition outside of a dataflow")
    return hook(key)


@builtin("Value.Versions(value as any) as table", raw=True)
def versions(value: Any) -> Any:
    """Gives the versions of a value, where its source keeps any (metadata field Versions)."""
    handler = field_or(metadata_of(value), "Versions")
    if handler is None:
        raise errors.no_versions(strip(value))
    return apply(as_function(handler))


@builtin("Value.VersionIdentity(value as any) as any", raw=True)
def version_identity(value: Any) -> Any:
    """Gives the identity of a value's version, or null when it has none."""
    return field_or(metadata_of(value), "VersionIdentity")


@builtin("Value.ViewError(errorRecord as record) as record")
def view_error(error: dict[str, Any]) -> dict[str, Any]:
    """Gives an error record that a view raises for good instead of falling back."""
    return with_metadata(error, {"ViewError": True})  # type: ignore[no-any-return]


@builtin("Value.ViewFunction(function as function) as function")
def view_function(function: Function) -> Function:
    """Gives a function that the ``OnInvoke`` handler of a view may handle; else it is applied as it is."""
    from mlang.tables.view import view_function

    return view_function(function)
