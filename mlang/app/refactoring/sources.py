"""Where the data of an expression comes from: the source functions it calls, with the paths that are written out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from mlang.app.refactoring.source import Source
from mlang.library.function import DATA_SOURCES
from mlang.syntax import nodes

#: Source functions that the library knows beside those of Function.IsDataSource.
_MORE = frozenset((
    "DuckDB.Database", "Lakehouse.Contents", "Fabric.Warehouse", "PowerPlatform.Dataflows", "PowerBI.Dataflows",
    "DeltaLake.Table", "Snowflake.Databases", "GoogleBigQuery.Database", "AmazonRedshift.Database",
    "Databricks.Catalogs", "Web.Page", "SQLite.Database",
))  # fmt: skip
#: What the service calls a kind, where that is not the name before the dot.
_KINDS = {"Sql": "SQL", "MySQL": "MySql", "PowerPlatform": "PowerPlatformDataflows", "Fabric": "Warehouse"}
#: Databases are named by server and database.
_TWO = ("Database",)


@dataclass(frozen=True, order=True)
class DataSource:
    """A source by function, kind and path; None where only the running query knows the path."""

    kind: str
    path: str | None
    function: str


def own_sources(source: Source, node: nodes.Node) -> list[DataSource]:
    """The sources that an expression opens by itself (not through the names it mentions)."""
    return sorted(set(_sources(source, node)), key=lambda s: (s.kind, s.path or "", s.function))


def _sources(source: Source, node: nodes.Node) -> Iterator[DataSource]:
    for found in node.walk():
        if not isinstance(found, nodes.Invocation) or not isinstance(found.function, nodes.Name):
            continue
        name = found.function.name
        if (name in DATA_SOURCES or name in _MORE) and source.scopes.target(found.function) is None:
            before, _, after = name.partition(".")
            count = 2 if after in _TWO and before not in ("DuckDB", "SQLite") else 1
            texts = [text_of(source, a) for a in found.arguments[:count]]
            path = None if None in texts or not texts else ";".join(str(t) for t in texts)
            yield DataSource(_KINDS.get(before, before), path, name)


def text_of(source: Source, node: nodes.Node, depth: int = 0) -> str | None:
    """The text of an argument where it is written out: directly, in a step, in a parameter, joined."""
    if depth > 50:
        return None
    if isinstance(node, nodes.Literal):
        return node.value if isinstance(node.value, str) else None
    if isinstance(node, nodes.Parenthesized):
        return text_of(source, node.inner, depth + 1)
    if isinstance(node, nodes.Binary) and node.operator in ("meta", "&"):
        left = text_of(source, node.left, depth + 1)
        right = text_of(source, node.right, depth + 1) if node.operator == "&" else ""
        return None if left is None or right is None else left + right
    value = getattr(source.scopes.target(node), "value", None)
    return text_of(source, value, depth + 1) if isinstance(value, nodes.Node) else None
