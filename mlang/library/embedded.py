"""Embedded.Value: a value by its name in a mashup that is itself a value.

A mashup is a record, the text of an M document, or a binary: such text, a ZIP package with an M
document in it, or the stream that Excel and Power BI files keep such a package in.
"""

from __future__ import annotations

import io
from typing import Any

from mlang import errors
from mlang.connectors import limits
from mlang.registry import builtin
from mlang.values import binary
from mlang.values.kinds import kind_of
from mlang.values.thunk import force

_ZIP = b"PK\x03\x04"
_SUFFIXES = (".m", ".pq")


@builtin("Embedded.Value(value as any, path as text) as any")
def embedded_value(value: Any, path: str) -> Any:
    """Gives a value of an embedded mashup by its path, such as "Section1/Query" or only "Query"."""
    kind = kind_of(value)
    if kind == "text":
        value = _members(value)
    elif kind == "binary":
        value = _members(_document(binary.content(value), path))
    elif kind != "record":
        raise errors.cannot_convert(value, "Binary")
    names = [name for name in path.split("/") if name]
    if len(names) == 1 and names[0] not in value and kind != "record":
        value = next((s for s in _sections(value) if names[0] in s), value)
    for name in names:
        if kind_of(value) != "record" or name not in value:
            raise errors.no_embedded_value(path)
        value = force(value[name])
    return value


def _sections(sections: dict[str, Any]) -> list[dict[str, Any]]:
    """The records among the values of a record: the sections of a document."""
    values = [force(section) for section in sections.values()]
    return [v for v in values if kind_of(v) == "record"]


def _members(text: str) -> dict[str, Any]:
    """The sections of a document, each a record; of an expression document its value, when that is a record."""
    from mlang.compile.entry import Document
    from mlang.syntax import MSyntaxError

    try:
        document = Document(text)
    except MSyntaxError as error:
        raise errors.syntax(error.engine_message) from error
    if document.is_section:
        return {section.name or "": document.thunks[id(section)] for section in document.sections}
    value = document.value()
    return value if kind_of(value) == "record" else {}


def _document(data: bytes, path: str) -> str:
    """The M text in a binary."""
    if data[:4] == b"\0\0\0\0" and data[8:12] == _ZIP:
        data = data[8 : 8 + int.from_bytes(data[4:8], "little")]
    if not data.startswith(_ZIP):
        return data.decode("utf-8-sig", "replace")
    import zipfile

    limits.check_zip(data)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as package:
            for name in package.namelist():
                if name.lower().endswith(_SUFFIXES):
                    return package.read(name).decode("utf-8-sig", "replace")
    except (zipfile.BadZipFile, OSError, NotImplementedError, RuntimeError):
        raise errors.bad_compressed_data() from None
    raise errors.no_embedded_value(path)
