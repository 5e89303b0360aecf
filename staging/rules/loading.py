"""Rules about destinations: L10 (incremental refresh), L11, L12 and L13."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date

from mlang.syntax import nodes
from staging.buckets import MOST_OF_DATAFLOW, MOST_OF_QUERY, Policy, buckets
from staging.dataflow import DestinationSettings, Query
from staging.lint import Context, Finding, calls, resolved, steps_of
from staging.rules.base import FILES, LAKEHOUSE, WAREHOUSES, Flaw, document_rule, rule

_KINDS = ("any", "list", "record", "table", "function", "type")
#: What the product's own destinations do not take (behaviour 26).
_LAKE = ("datetimezone", "duration", "time", "binary")
_NO_NAME = re.compile(r"[ ,;{}()\n\t=]")


@document_rule("L10")
def incremental_settings(c: Context) -> Iterator[Finding]:
    """Incremental refresh with settings that the product refuses or warns of (behaviours 39 to 43)."""
    total = 0
    for q in c.queries():
        policy = q.incremental
        if policy is None:
            continue
        count = len(buckets(policy, date.today()))
        total += count
        for reason, cure in _incremental(q, policy, count):
            yield c.finding("L10", q, reason, cure)
    if total > MOST_OF_DATAFLOW:
        yield Finding(
            "L10", None, 1, f"The dataflow has {total} buckets; the product allows {MOST_OF_DATAFLOW}.",
            "Take larger buckets, less of the past, or split the dataflow.",
        )  # fmt: skip


def _incremental(q: Query, policy: Policy, count: int) -> Iterator[tuple[str, str]]:
    if policy.change_column == policy.filter_column:
        reason = (
            f"'{policy.filter_column}' is the filter and the change column: a row whose date changes may be "
            "loaded twice."
        )
        yield reason, "Take a column that says when the row was changed."
    if count > MOST_OF_QUERY:
        yield (
            f"The query has {count} buckets; the product allows {MOST_OF_QUERY}.",
            "Take larger buckets, or less of the past.",
        )
    for settings in q.destinations:
        if settings.default:
            yield "The default destination can't be loaded incrementally.", "Give the query a destination."
        elif settings.update == "Append":
            yield "Append would add each bucket again.", "Set the update method to Replace."
        elif settings.automatic or settings.dynamic_schema:
            yield (
                "The destination's schema is dynamic: replacing its table would lose the rows outside the buckets.",
                "Set Kind to Manual and DynamicSchema to false.",
            )
    if any(True for _ in calls(q.node, *FILES)):
        yield (
            "The filter on the date can't fold to a file: every bucket reads all of it.",
            "Read a database, or stage the file in a query of its own.",
        )


@rule("L11")
def destination_types(c: Context, q: Query) -> Iterator[Flaw]:
    """Columns that a destination cannot hold (needs schemas)."""
    type_ = c.schemas.get(q.name)
    if type_ is None or not q.destinations:
        return
    targets = {c.target_function(s.query) for s in q.destinations}
    house = bool(targets & set(WAREHOUSES))
    for f in type_.row.fields:
        refused = f.type.kind in _KINDS or ((house or LAKEHOUSE in targets) and f.type.kind in _LAKE)
        if refused or (house and f.type.name == "Currency.Type"):
            shown = f.type.name if f.type.name == "Currency.Type" else f.type.kind
            yield (
                f"Column '{f.name}' of type {shown} can't be loaded to the destination.",
                "Give it another type (Table.TransformColumnTypes) or remove it.",
            )


@rule("L12")
def column_names(c: Context, q: Query) -> Iterator[Flaw]:
    """Names that differ only in case; names that a lakehouse refuses."""
    found: dict[str, str] = {}
    for settings in q.destinations:
        lake = c.target_function(settings.query) == LAKEHOUSE
        table = _table_name(c.members[settings.query]) if lake else None
        if table is not None and _NO_NAME.search(table):
            found[f"A lakehouse refuses the table name '{table}'."] = "Use letters, digits and _."
        seen: set[str] = set()
        for name in _columns(c, q, settings):
            if name.casefold() in seen:
                found[f"Column '{name}' occurs twice when case does not count."] = "Rename one of them."
            seen.add(name.casefold())
            if lake and _NO_NAME.search(name):
                found[f"A lakehouse refuses the column name '{name}'."] = "Use letters, digits and _."
    yield from found.items()


def _columns(c: Context, q: Query, settings: DestinationSettings) -> list[str]:
    """The columns as the destination is to have them; none where the schema is not known."""
    if settings.mappings is not None:
        return [target for _, target in settings.mappings]
    type_ = c.schemas.get(q.name)
    return [f.name for f in type_.row.fields] if type_ is not None else []


def _table_name(node: nodes.Node) -> str | None:
    """The table that ``{[Id = "...", ItemKind = "Table"]}`` names."""
    for record in node.walk():
        if isinstance(record, nodes.Record):
            found = {e.name: e.value.value for e in record.entries if isinstance(e.value, nodes.Literal)}
            if found.get("ItemKind") == "Table" and isinstance(found.get("Id"), str):
                return str(found["Id"])
    return None


@document_rule("L13")
def destination_queries(c: Context) -> Iterator[Finding]:
    """A destination query that is staged itself, or that fails when its table is missing."""
    for name, q in c.dataflow.queries.items():
        if not q.is_target:
            continue
        if q.load_enabled and name in c.dataflow.metadata.get("queriesMetadata", {}):
            yield c.finding(
                "L13", q, "The destination query is enabled for load.", "Set its loadEnabled to false."
            )
        node = resolved(q.node, {})
        steps = steps_of(node)
        body = resolved(node.body, steps) if isinstance(node, nodes.Let) else node
        if isinstance(body, nodes.FieldAccess) and body.name in ("Data", "Content"):
            row = resolved(body.target, steps) if body.target is not None else None
            if not body.optional or (isinstance(row, nodes.ItemAccess) and not row.optional):
                yield c.finding(
                    "L13", q, "The last step has no ?: it fails when the target does not exist yet.",
                    f"End with {{...}}?[{body.name}]?.", body,
                )  # fmt: skip
