"""What a rule is: a generator of reasons and cures, for each query or for the whole document."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from mlang.syntax import nodes
from staging.dataflow import Query
from staging.lint import Context, Finding

#: What is wrong, how to cure it, and where (else at the query).
Flaw = tuple[str, str] | tuple[str, str, nodes.Node]
Rule = Callable[[Context], Iterator[Finding]]
RULES: dict[str, Rule] = {}

CONNECTOR = ("PowerPlatform.Dataflows", "PowerBI.Dataflows")
WAREHOUSES = ("Fabric.Warehouse", "Warehouse.Contents")
LAKEHOUSE = "Lakehouse.Contents"
FILES = ("File.Contents", "Folder.Files", "Folder.Contents", "Web.Contents")
#: Sources that fold.
DATABASES = (
    "Sql.Database", "Sql.Databases", "PostgreSQL.Database", "MySQL.Database", "Oracle.Database", "DuckDB.Database",
    "SQLite.Database", "Odbc.DataSource", "OData.Feed", *CONNECTOR, LAKEHOUSE, "Fabric.Warehouse",
)  # fmt: skip


def document_rule(code: str) -> Callable[[Rule], Rule]:
    """Registers a rule about the whole document."""

    def add(function: Rule) -> Rule:
        RULES[code] = function
        return function

    return add


def rule(code: str) -> Callable[[Callable[[Context, Query], Iterator[Flaw]]], Rule]:
    """Registers a rule about each query that is neither parameter, function nor destination query."""

    def add(function: Callable[[Context, Query], Iterator[Flaw]]) -> Rule:
        def found(context: Context) -> Iterator[Finding]:
            for query in context.queries():
                for flaw in function(context, query):
                    yield context.finding(code, query, *flaw)

        found.__doc__ = function.__doc__
        return document_rule(code)(found)

    return add


def texts(node: nodes.Node) -> set[str]:
    """The literal texts in an expression."""
    return {n.value for n in node.walk() if isinstance(n, nodes.Literal) and isinstance(n.value, str)}
