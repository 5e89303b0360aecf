"""What the queries of a text are, and where their file says that they are loaded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mlang.app.containers.base import Load
from mlang.app.containers.paths import is_container
from mlang.syntax import nodes, parse_document

QUERY, PARAMETER, FUNCTION = "query", "parameter", "function"


def listed(path: Path) -> dict[str, Any]:
    """The file's kind and its queries."""
    from mlang.app.containers.files import dataflow_loads
    from mlang.app.containers.source import EmbeddedFile
    from mlang.app.running import read_source

    loads: dict[str, Load] = {}
    if is_container(path):
        container = EmbeddedFile(path).container
        text, kind, loads = container.document, container.kind, container.loads
    else:
        text, _, _ = read_source(path)
        folder = path if path.is_dir() else path.parent
        is_dataflow = path.is_dir() or path.name == "mashup.pq"
        kind = "dataflow" if is_dataflow else "M file"
        loads = dataflow_loads(folder) if is_dataflow else {}
    tree = parse_document(text, str(path))
    if not isinstance(tree, nodes.SectionDocument):
        queries = [_query(path.stem, kind_of_query(tree), True, Load())]
    else:
        queries = [
            _query(m.name, kind_of_query(m.value), m.shared, loads.get(m.name, Load()))
            for s in tree.sections
            for m in s.members
        ]
    return {"file": str(path), "kind": kind, "queries": queries}


def _query(name: str, kind: str, shared: bool, load: Load) -> dict[str, Any]:
    loads = list(load.targets) if load.targets is not None else None
    return {"name": name, "kind": kind, "shared": shared, "loads": loads, "hidden": load.hidden}


def kind_of_query(node: nodes.Node) -> str:
    """What an expression is without evaluating it: a parameter by its metadata, a function by its form."""
    while isinstance(node, nodes.Parenthesized):
        node = node.inner
    if isinstance(node, nodes.Binary) and node.operator == "meta":
        return PARAMETER if _is_parameter(node.right) else kind_of_query(node.left)
    if isinstance(node, (nodes.Function, nodes.Each)):
        return FUNCTION
    if isinstance(node, nodes.Let):
        body = node.body
        named = {b.name: b.value for b in node.bindings}
        seen: set[str] = set()
        while isinstance(body, nodes.Name) and body.name in named and body.name not in seen:
            seen.add(body.name)
            body = named[body.name]
        return QUERY if isinstance(body, nodes.Name) else kind_of_query(_bare(body))
    return FUNCTION if _retyped_function(node) else QUERY


def _bare(node: nodes.Node) -> nodes.Node:
    """A step that is a function stays one; a step of any other form is a query."""
    return (
        node
        if isinstance(node, (nodes.Function, nodes.Each, nodes.Invocation, nodes.Let))
        else nodes.Name("", False, 0, 0)
    )


def _retyped_function(node: nodes.Node) -> bool:
    """``Value.ReplaceType(function, type)``: how functions get documentation."""
    return (
        isinstance(node, nodes.Invocation)
        and isinstance(node.function, nodes.Name)
        and node.function.name == "Value.ReplaceType"
        and len(node.arguments) == 2
        and (
            isinstance(node.arguments[0], nodes.Function)
            or (
                isinstance(node.arguments[1], nodes.Type)
                and isinstance(node.arguments[1].inner, nodes.FunctionType)
            )
        )
    )


def _is_parameter(node: nodes.Node) -> bool:
    while isinstance(node, nodes.Parenthesized):
        node = node.inner
    return isinstance(node, nodes.Record) and any(
        b.name == "IsParameterQuery" and isinstance(b.value, nodes.Literal) and b.value.value is True
        for b in node.entries
    )
