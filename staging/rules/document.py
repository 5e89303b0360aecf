"""Rules about privacy, environments, schedules and sizes: L9, L14, L15 and L19."""

from __future__ import annotations

import re
from collections.abc import Iterator

from mlang.syntax import nodes
from staging.firewall import analyse, violations
from staging.lint import Context, Finding, calls
from staging.parameters import parameter_of
from staging.rules.base import DATABASES, FILES, document_rule

_GUID = re.compile(r"(?i)[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}")
_MOST_TABLES, _MOST_BYTES = 50, 512 * 1024


@document_rule("L9")
def firewall(c: Context) -> Iterator[Finding]:
    """A partition reads a source and other partitions."""
    if c.dataflow.combines:
        return
    for found in violations(analyse(c.dataflow)):
        if found.code == "references":
            yield c.finding(
                "L9", c.dataflow.query(found.query), found.message,
                "Put source and combination into one query, or read each source in a query of its own.",
            )  # fmt: skip


@document_rule("L14")
def hard_coded_places(c: Context) -> Iterator[Finding]:
    """Ids of one environment in the text; public parameters in paths."""
    parameters = {n for n, q in c.dataflow.queries.items() if q.is_parameter}
    public = c.dataflow.metadata.get("parametric") is True
    for q in c.dataflow.queries.values():
        if q.is_parameter:
            continue
        for node in q.node.walk():
            if (
                isinstance(node, nodes.Literal)
                and isinstance(node.value, str)
                and _GUID.fullmatch(node.value)
            ):
                reason = f"The id {node.value} belongs to one environment."
                yield c.finding("L14", q, reason, "Make it a parameter.", node)
        for call in calls(q.node, *FILES, *DATABASES) if public else ():
            used = {n.name for a in call.arguments[:2] for n in a.walk() if isinstance(n, nodes.Name)}
            for parameter in sorted(used & parameters):
                yield c.finding(
                    "L14", q, f"The public parameter '{parameter}' is part of a resource path.",
                    "The product refuses that; use a variable of the environment.", call,
                )  # fmt: skip


@document_rule("L15")
def required_and_scheduled(c: Context) -> Iterator[Finding]:
    """A schedule cannot give a required parameter its value."""
    scheduled = (c.dataflow.path.parent / ".schedules").is_file()
    if not scheduled or c.dataflow.metadata.get("parametric") is not True:
        return
    for q in c.dataflow.queries.values():
        if q.is_parameter and parameter_of(q.node).get("IsParameterQueryRequired") is True:
            yield c.finding(
                "L15", q, "The parameter is required, and scheduled runs give no values.",
                "Make it optional with a default, or start runs through the API.",
            )  # fmt: skip


@document_rule("L19")
def limits(c: Context) -> Iterator[Finding]:
    """What the product refuses: many tables, long scripts."""
    tables = sum(1 for q in c.queries() if q.staged or q.destinations)
    size = len(c.dataflow.text.encode("utf-8", "surrogatepass"))
    for found, most, reason in (
        (tables, _MOST_TABLES, f"{tables} queries are staged or loaded"),
        (size, _MOST_BYTES, f"The document has {size:,} bytes"),
    ):
        if found > most:
            yield Finding("L19", None, 1, f"{reason}; the product allows {most:,}.", "Split the dataflow.")
