"""Xml.Document and Xml.Tables.

`Xml.Document` shows each element as a row: Name, Namespace, Value (a text, or the table of
the elements inside; where both stand side by side their XML as a text, ``xml_inner.py``) and
Attributes.  `Xml.Tables` flattens: an element is a row, the elements and attributes inside are
its columns (``xml_tables.py``).  Whole documents are parsed at once; tables of inner elements
are made when somebody looks at them.

Nothing outside the text is ever read, and document type declarations are refused before the
parser sees them, so that entities cannot grow: what it sees is always UTF-8.
"""

from __future__ import annotations

import codecs
import re
from functools import cache
from typing import Any

from mlang import errors
from mlang.connectors.extras import need
from mlang.connectors.xml_inner import inner_xml, is_mixed
from mlang.connectors.xml_tables import flattened
from mlang.library.arguments import of_kind, options
from mlang.registry import builtin
from mlang.tables.plan import Values
from mlang.tables.table import Table
from mlang.values import binary, encodings
from mlang.values.kinds import kind_of
from mlang.values.thunk import Thunk
from mlang.values.types import ANY, TEXT, TableType, table_type

_DTD = (
    "For security reasons DTD is prohibited in this XML document. To enable DTD processing set the "
    "DtdProcessing property on XmlReaderSettings to Parse and pass the settings into XmlReader.Create method."
)
_PROLOG = re.compile(rb"(?:\s|<\?.*?\?>|<!--.*?-->)*<!DOCTYPE", re.S)
_ENCODING = re.compile(rb"""<\?xml[^>]*?\bencoding\s*=\s*["']([\w.:-]+)["']""")
_PLACE = re.compile(r", line \d+, column \d+$|,? (?:use|try) XML_PARSE_HUGE(?: option)?")
_ATTRIBUTES = table_type(["Name", "Namespace", "Value"], [TEXT, TEXT, TEXT])
_NODES = table_type(["Name", "Namespace", "Value", "Attributes"], [TEXT, TEXT, ANY, _ATTRIBUTES])
#: What the engine's own reader says where lxml's parser stops with these codes.
_SAID = {
    "Start tag expected": "Data at the root level is invalid.",
    "Extra content at the end": "There are multiple root elements.",
    "Premature end of data": "Unexpected end of file has occurred.",
    "Invalid bytes in character encoding": "Invalid character in the given encoding.",
}


@builtin("Xml.Document(contents as any, optional encoding as nullable number) as table")
def document(source: Any, encoding: Any = None) -> Table:
    """Reads XML text or binary as nested tables of elements with Name, Namespace, Value and Attributes.

    Value is the text of an element without elements inside, else the table of those; an empty
    element has an empty table, and where text and elements stand side by side Value is all of that
    as one text of XML.  The encoding is the document's own unless the second argument
    gives another one.
    """
    return _nodes([parse(source, encoding, "Xml.Document")])


@builtin(
    "Xml.Tables(contents as any, optional options as nullable record, optional encoding as nullable number) "
    "as table"
)
def tables(source: Any, option: dict[str, Any] | None = None, encoding: Any = None) -> Table:
    """Reads XML text or binary as flat tables: elements are rows, what stands in them columns.

    Elements of one text become cells, others nested tables; attributes are columns named
    "Attribute:" and their name, text beside attributes "Element:Text", and what has another namespace
    stands in a table in a column named after it.  Text beside elements is left out.  Where a document
    is nothing but tables, their names and contents are listed as Name and Table unless the option
    NavigationTable is false.
    """
    chosen = options(option, "Xml.Tables", {"NavigationTable": None})
    navigate = chosen["NavigationTable"]
    navigate = True if navigate is None else of_kind(navigate, "logical")
    return flattened(parse(source, encoding, "Xml.Tables"), navigate)


# ---------------------------------------------------------------- parsing


def parse(source: Any, encoding: Any, function: str) -> Any:
    """The root element (lxml) of XML text or binary."""
    etree = need("lxml.etree", function, "xml")
    data = _utf8(source, encoding)
    if _PROLOG.match(data):
        raise errors.xml_failed(_DTD)
    parser = etree.XMLParser(
        encoding="utf-8", resolve_entities=False, no_network=True, huge_tree=True, load_dtd=False,
        remove_comments=True, remove_pis=True, strip_cdata=True,
    )  # fmt: skip
    if not data.strip():
        raise errors.xml_failed("Root element is missing.")
    try:
        root = etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        raise errors.xml_failed(_reason(error)) from None
    if root.getroottree().docinfo.doctype:  # wherever else one may hide
        raise errors.xml_failed(_DTD)
    return root


def _utf8(source: Any, encoding: Any) -> bytes:
    """The document in UTF-8: by its mark, the asked encoding, its own declaration, or as it is."""
    if source.__class__ is str:
        return bytes(source.encode("utf-8", "surrogatepass"))
    if kind_of(source) != "binary":
        raise errors.cannot_convert(source, "Binary")
    data = binary.content(source)
    codec, skip = encodings.mark_of(data[:4])
    if codec is None and encoding is not None:
        codec = encodings.codec_of(encoding)
    if codec is None:
        codec = _declared(data[:1024])
    data = data[skip:]
    return data if codec == "utf-8" else data.decode(codec, "replace").encode("utf-8", "surrogatepass")


def _declared(head: bytes) -> str:
    """The encoding that a document without a mark says it has; UTF-8 otherwise."""
    for start, codec in ((b"<\0", "utf-16-le"), (b"\0<", "utf-16-be")):
        if head.startswith(start):
            return codec
    found = _ENCODING.match(head)
    if found is None:
        return "utf-8"
    name = found[1].decode("ascii")
    try:
        info = codecs.lookup(name)
    except LookupError:
        raise errors.xml_failed(f"System does not support '{name}' encoding.") from None
    if info.name.startswith(("utf-16", "utf-32")):  # it would not have been read so far
        raise errors.xml_failed("There is no Unicode byte order mark. Cannot switch to Unicode.")
    if not getattr(info, "_is_text_encoding", True):
        raise errors.xml_failed(f"System does not support '{name}' encoding.")
    return str(info.name)


def _reason(error: Any) -> str:
    """The parser's reason with its place as the engine writes it."""
    text = _PLACE.sub("", error.msg or "")
    text = next((said for start, said in _SAID.items() if text.startswith(start)), text)
    line, column = error.position
    return f"{text.rstrip('.')}. Line {line}, position {column}."


# ---------------------------------------------------------------- Xml.Document


def name_of(tag: str) -> tuple[str, str]:
    """Namespace and local name of lxml's ``{namespace}name``."""
    if tag[0] == "{":
        namespace, _, local = tag[1:].partition("}")
        return namespace, local
    return "", tag


def _nodes(elements: list[Any]) -> Table:
    """One row per element."""
    names = [name_of(element.tag) for element in elements]
    columns: list[list[Any]] = [
        [local for _, local in names],
        [namespace for namespace, _ in names],
        [_value(element) for element in elements],
        [_attributes(element) for element in elements],
    ]
    return Table(Values(_NODES, columns, len(elements)))


def _value(element: Any) -> Any:
    inner = list(element)
    if not inner:
        text = element.text or ""
        return text if text.strip() else _nothing(_NODES)
    if is_mixed(element):
        return Thunk(lambda: inner_xml(element))
    return Thunk(lambda: _nodes(inner))


@cache
def _nothing(schema: TableType) -> Table:
    """A table without rows: one for all elements that have nothing."""
    return Table(Values(schema, [[] for _ in schema.names], 0))


def _attributes(element: Any) -> Any:
    return Thunk(lambda: _attribute_table(element)) if element.attrib else _nothing(_ATTRIBUTES)


def _attribute_table(element: Any) -> Table:
    pairs = [(name_of(name), value) for name, value in element.attrib.items()]
    columns: list[list[Any]] = [
        [local for (_, local), _ in pairs], [namespace for (namespace, _), _ in pairs], [v for _, v in pairs]
    ]  # fmt: skip
    return Table(Values(_ATTRIBUTES, columns, len(pairs)))
