"""Type values.

An `MType` has a primitive ``kind``, a ``nullable`` mark, for named types such as
``Int64.Type`` a ``name``, optional facets, and metadata.  Compound types are
subclasses: `ListType`, `RecordType`, `TableType`, `FunctionType`.  Types are
immutable.  ``type any`` is nullable by nature and has ``nullable=True``; so are null
and none what they are (TYP-24).  Read ``show.py`` for their text.
"""

from __future__ import annotations

from collections.abc import Iterable

from mlang import errors

TYPE_CHECKING = False
if TYPE_CHECKING:  # typing costs more to import than all of this
    from typing import Any

PRIMITIVES = (
    "any", "anynonnull", "binary", "date", "datetime", "datetimezone", "duration", "function", "list",
    "logical", "none", "null", "number", "record", "table", "text", "time", "type", "action",
)  # fmt: skip


class MType:
    """A primitive or named type; base of the compound ones."""

    __slots__ = ("facets", "kind", "meta", "name", "nullable")
    m_kind = "type"
    kind: str
    nullable: bool
    name: str | None
    facets: dict[str, Any] | None
    meta: dict[str, Any] | None

    def __init__(
        self,
        kind: str,
        nullable: bool = False,
        name: str | None = None,
        facets: dict[str, Any] | None = None,
        meta: dict[str, Any] | None = None,
    ) -> None:
        self.kind, self.nullable, self.name, self.facets, self.meta = kind, nullable, name, facets, meta

    def copy(self) -> Any:
        """A shallow copy, for the ``with_*`` methods only."""
        other = self.__class__.__new__(self.__class__)
        for cls in self.__class__.__mro__:
            for slot in getattr(cls, "__slots__", ()):
                setattr(other, slot, getattr(self, slot))
        return other

    def with_meta(self, meta: dict[str, Any] | None) -> Any:
        """The same type with other metadata."""
        other = self.copy()
        other.meta = meta
        return other

    def with_nullable(self, nullable: bool) -> Any:
        """The same type, nullable or not."""
        if nullable == self.nullable:
            return self
        other = self.copy()
        other.nullable = nullable
        return other

    def with_facets(self, facets: dict[str, Any] | None) -> Any:
        """The same type with exactly these facets."""
        other = self.copy()
        other.facets = facets
        return other

    def __repr__(self) -> str:
        from mlang.values.show import type_text

        return f"<{type_text(self)}>"


class ListType(MType):
    """``type {item}``"""

    __slots__ = ("item",)

    def __init__(self, item: MType, nullable: bool = False) -> None:
        super().__init__("list", nullable)
        self.item = item


class Field:
    """A field of a record type."""

    __slots__ = ("name", "optional", "type")

    def __init__(self, name: str, type: MType, optional: bool = False) -> None:
        self.name, self.type, self.optional = name, type, optional


class RecordType(MType):
    """``type [fields]``, open or closed."""

    __slots__ = ("fields", "open")

    def __init__(self, fields: Iterable[Field], open: bool = False, nullable: bool = False) -> None:
        super().__init__("record", nullable)
        self.fields = tuple(fields)
        self.open = open


class TableType(MType):
    """``type table [columns]`` with keys; the row type is a closed record type.

    ``keys`` holds pairs (column names, primary); ``partition_key`` a list of names or None.
    """

    __slots__ = ("_index", "keys", "partition_key", "row")

    def __init__(
        self,
        row: RecordType,
        keys: tuple[tuple[tuple[str, ...], bool], ...] = (),
        nullable: bool = False,
        partition_key: Any = None,
    ) -> None:
        super().__init__("table", nullable)
        self.row, self.keys, self.partition_key = row, keys, partition_key
        self._index: dict[str, int] | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """The column names in order."""
        return tuple(f.name for f in self.row.fields)

    @property
    def types(self) -> tuple[MType, ...]:
        """The column types in order."""
        return tuple(f.type for f in self.row.fields)

    def index(self, name: str) -> int:
        """The position of a column; the engine's error when it is missing (ERR-14)."""
        if self._index is None:
            self._index = {f.name: i for i, f in enumerate(self.row.fields)}
        try:
            return self._index[name]
        except KeyError:
            raise errors.column_not_found(name) from None

    def has(self, name: str) -> bool:
        """Whether there is such a column."""
        # A loop, no ``any``: a generator left early costs as much as the recursion is deep.
        for column in self.row.fields:  # noqa: SIM110
            if column.name == name:
                return True
        return False


class FunctionType(MType):
    """``type function (parameters) as result``; ``required`` is the least number of arguments.

    The type of an optional parameter is stored nullable (TYP-22).
    """

    __slots__ = ("parameters", "required", "result")

    def __init__(
        self, parameters: Iterable[tuple[str, MType]], required: int, result: MType, nullable: bool = False
    ) -> None:
        super().__init__("function", nullable)
        self.parameters = tuple(parameters)
        self.required, self.result = required, result


# ---------------------------------------------------------------- the primitive types

_PRIMITIVE = {kind: MType(kind, nullable=kind in ("any", "null")) for kind in PRIMITIVES}
_NULLABLE = {kind: t if t.nullable else MType(kind, True) for kind, t in _PRIMITIVE.items()}
_NULLABLE["none"] = _PRIMITIVE["null"]
_NULLABLE["anynonnull"] = _PRIMITIVE["any"]

ANY = _PRIMITIVE["any"]
NULL = _PRIMITIVE["null"]
NONE = _PRIMITIVE["none"]
ANYNONNULL = _PRIMITIVE["anynonnull"]
NUMBER = _PRIMITIVE["number"]
TEXT = _PRIMITIVE["text"]
LOGICAL = _PRIMITIVE["logical"]
TYPE = _PRIMITIVE["type"]
RECORD = _PRIMITIVE["record"]
TABLE = _PRIMITIVE["table"]
LIST = _PRIMITIVE["list"]
FUNCTION = _PRIMITIVE["function"]
BINARY = _PRIMITIVE["binary"]


def primitive(kind: str, nullable: bool = False) -> MType:
    """``type kind`` or ``type nullable kind``; one object per type."""
    return _NULLABLE[kind] if nullable else _PRIMITIVE[kind]


def is_plain(type: MType) -> bool:
    """Whether a type is a bare primitive: no name, facets, structure."""
    return type.__class__ is MType and type.name is None and type.facets is None


def nullable(type: MType) -> MType:
    """``nullable T`` (TYP-24)."""
    if type.nullable:
        return type
    if is_plain(type) and type.meta is None:
        return _NULLABLE[type.kind]
    return type.with_nullable(True)  # type: ignore[no-any-return]


def non_nullable(type: MType) -> MType:
    """The type without its outer nullable; of any it is anynonnull, of null none (TYP-23)."""
    if not type.nullable:
        return type
    if type.kind == "any":
        return ANYNONNULL
    if type.kind == "null":
        return NONE
    if is_plain(type) and type.meta is None:
        return _PRIMITIVE[type.kind]
    return type.with_nullable(False)  # type: ignore[no-any-return]


#: Named types and the kind they restrict (TYP-16).
_NAMED = {
    "number": (
        "Byte",
        "Int8",
        "Int16",
        "Int32",
        "Int64",
        "Single",
        "Double",
        "Decimal",
        "Currency",
        "Percentage",
    ),
    "text": ("Guid", "Character", "Uri", "Password"),
}
NAMED: dict[str, MType] = {
    f"{name}.Type": MType(kind, name=f"{name}.Type") for kind, names in _NAMED.items() for name in names
}
INT64 = NAMED["Int64.Type"]


def table_type(names: Iterable[str], types: Iterable[MType] | None = None) -> TableType:
    """A table type from names and types (any when not given)."""
    names = tuple(names)
    given = tuple(types) if types is not None else (ANY,) * len(names)
    return TableType(RecordType(Field(n, t) for n, t in zip(names, given, strict=True)))


def row_of(type: MType) -> MType:
    """The row type of a table type; of ``type table``, which has any rows, ``type record``."""
    return type.row if isinstance(type, TableType) else RECORD


def conforms(kind: str, wanted: str, nullable: bool) -> bool:
    """Whether a value of primitive kind ``kind`` is of the primitive ``wanted`` (``is``; OP-69, OP-70)."""
    if kind == wanted or wanted == "any":
        return True
    if kind == "null":
        return nullable
    return wanted == "anynonnull"


def is_compatible(type: MType, target: MType) -> bool:
    """``Type.Is``: every value of ``type`` is one of the (primitive, maybe nullable) ``target``."""
    if target.kind == "any":
        return True
    if type.kind == "none":
        return True
    if type.kind == "any":
        return False
    if type.nullable and not target.nullable:
        return False
    if type.kind == "null":
        return target.nullable
    return target.kind == "anynonnull" or target.kind == type.kind


def type_of(value: Any) -> MType:
    """``Value.Type``: the type a value claims to have (TYP-01 to TYP-03)."""
    from mlang.values.functions import Function
    from mlang.values.kinds import kind_of
    from mlang.values.metadata import Annotated

    if value.__class__ is Annotated:
        return value.type if value.type is not None else type_of(value.value)
    kind = kind_of(value)
    if kind == "table":
        return value.type  # type: ignore[no-any-return]
    if kind == "function":
        return value.type if value.type is not None else function_type(value)
    assert value.__class__ is not Function
    return _PRIMITIVE[kind]


def function_type(function: Any) -> FunctionType:
    """The type of a function from its declared parameters and result."""
    spec = function.spec
    if spec is None:
        count = function.most if function.most is not None else function.least
        return FunctionType([(f"arg{i + 1}", ANY) for i in range(count)], function.least, ANY)
    parameters = [(p.name, primitive(p.kind, p.nullable or p.optional)) for p in spec.parameters]
    type = FunctionType(parameters, spec.required, primitive(spec.result, spec.result_nullable))
    if spec.builtin is not None:
        type.meta = _documentation(spec.builtin)
    return type


def _documentation(entry: Any) -> dict[str, Any]:
    """What the type of a library function says about it in its metadata (ENV-56)."""
    words = " ".join(entry.doc.split())
    first = entry.doc.partition("\n")[0].strip()
    return {
        "Documentation.Name": entry.name,
        "Documentation.Description": first,
        "Documentation.LongDescription": words,
    }
