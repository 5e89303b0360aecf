"""Values as M source text.

`to_m` prints what ``.pqout`` files hold (ENV-66 to ENV-69): evaluating the text gives
an equal value.  `type_text` prints types, `number_text` the engine's default number
text, `error_text` a value inside an error message.
"""

from __future__ import annotations

import re

from mlang.errors import MError
from mlang.values.kinds import kind_of
from mlang.values.metadata import strip
from mlang.values.related import related_kind
from mlang.values.thunk import force

TYPE_CHECKING = False
if TYPE_CHECKING:  # typing costs more to import than all of this
    from typing import Any

# ---------------------------------------------------------------- numbers


def number_text(x: Any) -> str:
    """A number as the engine writes it without a culture (CVT-01 to CVT-09)."""
    if x.__class__ is int:
        return str(x)
    if x.__class__ is not float:
        return _decimal_text(x)
    short = repr(x)
    if len(short) < 17 and short[-2:] != ".0" and "e" not in short and "n" not in short:
        return short  # at most 15 digits: what the rules below give, sooner
    if x != x:
        return "NaN"
    if x in (float("inf"), float("-inf")):
        return "∞" if x > 0 else "-∞"
    if x == 0:
        return "0"
    if x.is_integer() and -(2**63) <= x < 2**63:
        return str(int(x))
    digits = f"{x:.15g}"
    if float(digits) != x:
        digits = f"{x:.17g}"
    return _dotnet(digits)


def _dotnet(text: str) -> str:
    """Python's %g text in .NET's spelling: E+100, E-05; plain from 1e-4 up to 15 digits."""
    mantissa, _, exponent = text.partition("e")
    if not exponent:
        return mantissa
    return f"{mantissa}E{exponent[0]}{exponent[1:].lstrip('0').rjust(2, '0')}"


def _decimal_text(x: Any) -> str:
    return format(x, "f")


# ---------------------------------------------------------------- texts and names

_ESCAPES = {"\r": "#(cr)", "\n": "#(lf)", "\t": "#(tab)"}
_SPECIAL = r'["\x00-\x1f\x7f-\x9f\ud800-\udfff]|#(?=\()'
_REGULAR = r"[A-Za-z_]\w*(?:\.\w+)*\Z"
_KEYWORDS = frozenset(
    [
        "and",
        "as",
        "each",
        "else",
        "error",
        "false",
        "if",
        "in",
        "is",
        "let",
        "meta",
        "not",
        "null",
        "or",
        "otherwise",
        "section",
        "shared",
        "then",
        "true",
        "try",
        "type",
    ]
)


def _escape(match: re.Match[str]) -> str:
    char = match[0]
    if char == '"':
        return '""'
    if char == "#":
        return "#(#)"
    return _ESCAPES.get(char) or f"#({ord(char):04X})"


def text_literal(text: str) -> str:
    """A text as an M literal (LEX-57)."""
    return '"' + re.sub(_SPECIAL, _escape, text) + '"'


def identifier(name: str) -> str:
    """A name as it stands in M, quoted when it has to be (LEX-42, LEX-43)."""
    if not name.isascii():  # which letters may start or follow is the lexer's business (LEX-22)
        from mlang.syntax.lexer import is_identifier

        return name if is_identifier(name) else "#" + text_literal(name)
    if re.match(_REGULAR, name) and name not in _KEYWORDS:
        return name
    return "#" + text_literal(name)


# ---------------------------------------------------------------- values


def to_m(value: Any, errors: str = "raise") -> str:
    """The value as M text, everything in it evaluated.

    A member that fails raises its `MError`, or with ``errors="show"`` is printed as
    an ``error`` expression.
    """
    parts: list[str] = []
    _write(value, parts.append, errors)
    return "".join(parts)


def _write(value: Any, out: Any, errors: str) -> None:
    try:
        value = strip(force(value))
    except MError as error:
        if errors == "raise":
            raise
        out("error " + _error_record(error))
        return
    kind = kind_of(value)
    writer = _WRITERS.get(kind)
    if writer is None:
        out(repr(value))  # the temporal classes print themselves as constructors
    else:
        writer(value, out, errors)


def _error_record(error: MError) -> str:
    fields = {"Reason": error.reason, "Message": error.message, "Detail": error.detail}
    return to_m({n: v for n, v in fields.items() if v is not None}, "show")


def _write_number(value: Any, out: Any, errors: str) -> None:
    text = number_text(value)
    out({"NaN": "#nan", "∞": "#infinity", "-∞": "-#infinity"}.get(text, text))


def _write_list(value: Any, out: Any, errors: str) -> None:
    out("{")
    for i, item in enumerate(value):
        if i:
            out(", ")
        _write(item, out, errors)
    out("}")


def _write_record(value: dict[str, Any], out: Any, errors: str) -> None:
    out("[")
    for i, (name, item) in enumerate(value.items()):
        out(f"{', ' if i else ''}{identifier(name)} = ")
        _write_cell(item, out, errors)
    out("]")


def _write_table(value: Any, out: Any, errors: str) -> None:
    out(f"#table({type_text(value.type)}, {{")
    for i, row in enumerate(value.rows()):
        out(", {" if i else "{")
        for j, cell in enumerate(row):
            if j:
                out(", ")
            _write_cell(cell, out, errors)
        out("}")
    out("})")


def _write_cell(cell: Any, out: Any, errors: str) -> None:
    """A cell or field; rows of related tables, which refer to each other without end, are three dots."""
    if related_kind(cell) is None:
        _write(cell, out, errors)
    else:
        out("...")


def _write_binary(value: Any, out: Any, errors: str) -> None:
    from base64 import b64encode

    from mlang.values.binary import content

    out(f'#binary("{b64encode(content(value)).decode()}")')


def _write_function(value: Any, out: Any, errors: str) -> None:
    from mlang.values.types import type_of

    text = type_text(type_of(value), inner=True)
    out(text.removeprefix("function ") + " => ...")


_WRITERS: dict[str, Any] = {
    "null": lambda v, out, errors: out("null"),
    "logical": lambda v, out, errors: out("true" if v else "false"),
    "number": _write_number,
    "text": lambda v, out, errors: out(text_literal(v)),
    "binary": _write_binary,
    "list": _write_list,
    "record": _write_record,
    "table": _write_table,
    "function": _write_function,
    "type": lambda v, out, errors: out(type_text(v)),
}

# ---------------------------------------------------------------- types


def type_text(type: Any, inner: bool = False) -> str:
    """A type as M text: ``type table [a = nullable number]``; ``inner`` leaves the leading ``type`` out.

    Of related tables inside another type, which refer to each other without end, it is only what they are.
    """
    related = inner and getattr(type, "related", None) is not None
    text = str(type.kind) if related else _type_body(type)
    if type.nullable and type.kind not in ("any", "null"):
        text = "nullable " + text
    if inner or (type.name is not None and not type.nullable):
        return text
    return "type " + text


def _type_body(type: Any) -> str:
    if type.name is not None:
        return str(type.name)
    if hasattr(type, "item"):
        return "{" + type_text(type.item, inner=True) + "}"
    if hasattr(type, "fields"):
        return _fields_text(type)
    if hasattr(type, "row"):
        return "table " + _fields_text(type.row)
    if hasattr(type, "parameters"):
        return _function_text(type)
    return str(type.kind)


def _fields_text(type: Any) -> str:
    entries = [
        f"{'optional ' if f.optional else ''}{identifier(f.name)} = {type_text(f.type, inner=True)}"
        for f in type.fields
    ]
    if type.open:
        entries.append("...")
    return "[" + ", ".join(entries) + "]"


def _function_text(type: Any) -> str:
    entries = [
        f"{'optional ' if i >= type.required else ''}{identifier(name)} as {type_text(t, inner=True)}"
        for i, (name, t) in enumerate(type.parameters)
    ]
    return f"function ({', '.join(entries)}) as {type_text(type.result, inner=True)}"


# ---------------------------------------------------------------- inside messages

#: A longer text is cut to as many characters in a message; the error's Detail has it whole.
_SHOWN = 20


def error_text(value: Any) -> str:
    """A scalar inside an error message: a text quoted and cut, all others as M writes them (ERR-05)."""
    value = strip(value)
    if value.__class__ is str:
        return f'"{value}"' if len(value) <= _SHOWN else f'"{value[:_SHOWN]}..."'
    return to_m(value)
