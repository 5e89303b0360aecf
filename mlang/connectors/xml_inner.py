"""What stands inside an XML element as a text: for elements that mix text with elements.

Written as .NET writes the inner XML of a node: text and attribute values escaped, an element
without content as ``<b />``, and a namespace declared where its first element uses it.  Works
without recursion, however deep the elements are.
"""

from __future__ import annotations

from typing import Any

_XML = "http://www.w3.org/XML/1998/namespace"


def is_mixed(element: Any) -> bool:
    """Whether text that is not blank stands beside elements."""
    return any((text or "").strip() for text in [element.text, *[inner.tail for inner in element]])


def inner_xml(element: Any) -> str:
    """The XML of everything inside an element."""
    out = [_text(element.text)]
    declared = [{None: ""}]  # prefix -> address, for the element and each one open above
    nodes = [iter(element)]
    open_tags: list[tuple[str, str]] = []  # name and tail
    while nodes:
        node = next(nodes[-1], None)
        if node is None:
            nodes.pop()
            declared.pop()
            if open_tags:
                name, tail = open_tags.pop()
                out.append(f"</{name}>{tail}")
            continue
        name, start, known = _start(node, declared[-1])
        tail = _text(node.tail)
        if not len(node) and not node.text:
            out.append(f"{start} />{tail}")
            continue
        out.append(f"{start}>{_text(node.text)}")
        open_tags.append((name, tail))
        nodes.append(iter(node))
        declared.append(known)
    return "".join(out)


def _start(node: Any, declared: dict[Any, str]) -> tuple[str, str, dict[Any, str]]:
    """Name and start tag (not closed) of an element, and the prefixes declared from here on."""
    known = dict(declared)
    address, local = _local(node.tag)
    attributes: list[str] = []
    _declare(node.prefix, address, known, attributes)
    name = f"{node.prefix}:{local}" if node.prefix else local
    pairs = []
    for key, value in node.attrib.items():
        address, short = _local(key)
        if address:
            prefix = "xml" if address == _XML else _prefix_of(node, address)
            _declare(prefix, address, known, attributes)
            short = f"{prefix}:{short}"
        pairs.append(f' {short}="{_text(value).replace(chr(34), "&quot;")}"')
    return name, "".join([f"<{name}", *pairs, *reversed(attributes)]), known


def _declare(prefix: Any, address: str, known: dict[Any, str], out: list[str]) -> None:
    if prefix != "xml" and known.get(prefix) != address:
        known[prefix] = address
        out.append(
            f' xmlns{":" if prefix else ""}{prefix or ""}="{_text(address).replace(chr(34), "&quot;")}"'
        )


def _prefix_of(node: Any, address: str) -> str:
    """A prefix that stands for an address where the element is."""
    return str(next(prefix for prefix, known in node.nsmap.items() if prefix and known == address))


def _local(tag: str) -> tuple[str, str]:
    if tag[0] == "{":
        address, _, local = tag[1:].partition("}")
        return address, local
    return "", tag


def _text(text: str | None) -> str:
    return (text or "").replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
