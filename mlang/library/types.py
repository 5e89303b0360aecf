"""The type constants: ``Text.Type``, ``Int64.Type``, ``Any.Type`` and the like.

Most are the primitive types under a name; the named number and text types
(``values/types.py`` NAMED) carry their name, which shows in ``Table.Schema`` (TYP-16, TYP-36).
"""

from __future__ import annotations

from mlang.registry import constant
from mlang.values.types import NAMED, TEXT, Field, RecordType, nullable, primitive

#: Constant -> primitive kind.
PRIMITIVE_NAMES = {
    "Action.Type": "action",
    "Any.Type": "any",
    "Binary.Type": "binary",
    "Date.Type": "date",
    "DateTime.Type": "datetime",
    "DateTimeZone.Type": "datetimezone",
    "Duration.Type": "duration",
    "Function.Type": "function",
    "List.Type": "list",
    "Logical.Type": "logical",
    "None.Type": "none",
    "Null.Type": "null",
    "Number.Type": "number",
    "Record.Type": "record",
    "Table.Type": "table",
    "Text.Type": "text",
    "Time.Type": "time",
    "Type.Type": "type",
}


def _record(**fields: object) -> RecordType:
    return RecordType(Field(name, type) for name, type in fields.items())  # type: ignore[arg-type]


def _declare() -> None:
    for name, kind in PRIMITIVE_NAMES.items():
        constant(name, primitive(kind), f"The type {kind}.", __name__)
    for name, type in NAMED.items():
        constant(name, type, f"The type {type.kind}, restricted and named {name}.", __name__)
    function = primitive("function")
    identity_provider = _record(Name=TEXT, Create=function)
    identity = _record(Provider=identity_provider, Name=TEXT, Attributes=nullable(primitive("record")))
    constant("IdentityProvider.Type", identity_provider, "Record type of an identity provider.", __name__)
    constant("Identity.Type", identity, "Record type of an identity.", __name__)
    context = _record(Identity=identity)
    constant("AccessControlEntry.ConditionContextType", context, "What an access condition sees.", __name__)
    entry = _record(
        IdentityProvider=identity_provider, AccessControlKind=primitive("number"), Condition=function,
        Action=TEXT,
    )  # fmt: skip
    constant("AccessControlEntry.Type", entry, "Record type of an access control entry.", __name__)


_declare()
