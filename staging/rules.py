"""The lint rules, one function each; ``RULES`` lists them by code.  Read ``lint.py`` first."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import date

from mlang.syntax import nodes
from staging.buckets import MOST_OF_DATAFLOW, MOST_OF_QUERY, Policy, buckets
from staging.dataflow import Query
from staging.lint import Context, Finding, calls, resolved, steps_of

Rule = Callable[[Context], Iterator[Finding]]
RULES: dict[str, Rule] = {}
_SMALL_TEXT = 2_000
_GUID = re.compile(r"(?i)[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}")
_ITEMS = ("DataflowsStagingLakehouse", "DataflowsStagingWarehouse")
_CONNECTOR = ("PowerPlatform.Dataflows", "PowerBI.Dataflows")
_PATHS = (
    "File.Contents",
    "Folder.Files",
    "Folder.Contents",
    "Web.Contents",
    "Sql.Database",
    "DuckDB.Database",
)
_WAREHOUSES = ("Fabric.Warehouse", "Warehouse.Contents")
_KINDS = ("any", "list", "record", "table", "function", "type")


def rule(code: str) -> Callable[[Rule], Rule]:
    """Registers a rule."""

    def add(function: Rule) -> Rule:
        RULES[code] = function
        return function

    return add


@rule("L1")
def constant_is_staged(c: Context) -> Iterator[Finding]:
    """A small literal table is staged."""
    for q in c.queries():
        constant = not c.needs[q.name] and all(
            n.name.startswith(("#", "Table.From", "type", "Int", "Number.Type", "Text.Type"))
            for n in q.node.walk()
            if isinstance(n, nodes.Name)
        )
        literal = any(True for _ in calls(q.node, "#table", "Table.FromRows", "Table.FromRecords"))
        if q.staged and constant and literal and q.node.end - q.node.pos < _SMALL_TEXT:
            yield c.finding(
                "L1", q, "A small constant table is staged: writing and reading it costs more than making it.",
                "Switch staging off for this query.",
            )  # fmt: skip


@rule("L2")
def staged_for_nobody(c: Context) -> Iterator[Finding]:
    """Staged, one destination, and no query reads it."""
    for q in c.queries():
        lonely = (
            q.staged and len(q.destinations) == 1 and not c.readers[q.name] and not c.staged_needs(q.name)
        )
        if lonely and c.target_function(q.destinations[0].query) not in _WAREHOUSES:
            yield c.finding(
                "L2", q, "The query is staged, has one destination, and no other query reads it.",
                "Switch staging off: the destination is then written directly.",
            )  # fmt: skip


@rule("L3")
def long_chain(c: Context) -> Iterator[Finding]:
    """Four and more staged queries in a row, each with one reader."""
    for q in c.queries():
        chain = [q.name]
        while q.staged:
            below = c.staged_needs(chain[-1])
            if len(below) != 1:
                break
            only = next(iter(below))
            if len([n for n in c.staged if only in c.staged_needs(n)]) != 1:
                break
            chain.append(only)
        last = not any(q.name in c.staged_needs(n) for n in c.staged)
        if len(chain) >= 4 and last:
            yield c.finding(
                "L3", q, f"{len(chain)} staged queries in a row are read by nobody else: "
                f"{' ← '.join(chain)}.", "Stage only where queries branch; let the others be plain steps.",
            )  # fmt: skip


@rule("L4")
def staging_items_read(c: Context) -> Iterator[Finding]:
    """The staging items are read by name."""
    for name, node in c.members.items():
        for literal in node.walk():
            if isinstance(literal, nodes.Literal) and literal.value in _ITEMS:
                yield c.finding(
                    "L4", c.dataflow.query(name), f"{literal.value} is read directly: its layout is no promise.",
                    "Read the query through PowerPlatform.Dataflows, or give it a destination.", literal,
                )  # fmt: skip


@rule("L5")
def warehouse_without_staging(c: Context) -> Iterator[Finding]:
    """A warehouse destination needs staging."""
    for q in c.queries():
        for settings in q.destinations:
            warehouse = c.target_function(settings.query) in _WAREHOUSES
            if warehouse and not q.load_enabled:
                yield c.finding(
                    "L5", q, "The destination is a warehouse, and staging is off.", "Switch staging on."
                )


@rule("L6")
def out_of_the_warehouse(c: Context) -> Iterator[Finding]:
    """Work on staged data goes to a lakehouse."""
    for q in c.queries():
        if any(c.target_function(s.query) == "Lakehouse.Contents" for s in q.destinations) and c.staged_needs(
            q.name
        ):
            yield c.finding(
                "L6", q, "Work on staged data happens in the warehouse; a lakehouse destination moves it out again.",
                "Use a warehouse destination, or do this work in the query that reads the source.",
            )  # fmt: skip


@rule("L7")
def last_rows(c: Context) -> Iterator[Finding]:
    """Table.LastN, and steps after what ends folding."""
    for q in c.queries():
        for call in calls(q.node, "Table.LastN", "Table.Last"):
            yield c.finding(
                "L7", q, "Table.LastN does not fold, and nothing after it does.",
                "Sort the other way and take Table.FirstN.", call,
            )  # fmt: skip
        if c.staged_needs(q.name) or any(True for _ in calls(q.node, *_DATABASES)):
            yield from _after_breaker(c, q)


#: Sources that fold; what ends folding by the product's documentation, or as its purpose; what is worth folding.
_DATABASES = (
    "Sql.Database", "Sql.Databases", "PostgreSQL.Database", "MySQL.Database", "Oracle.Database", "DuckDB.Database",
    "SQLite.Database", "Odbc.DataSource", "OData.Feed", *_CONNECTOR, "Lakehouse.Contents", "Fabric.Warehouse",
)  # fmt: skip
_BREAKS = ("Table.LastN", "Table.Last", "Text.Proper", "Table.Buffer", "Table.StopFolding")
_REDUCES = (
    "Table.SelectRows", "Table.FirstN", "Table.Group", "Table.Distinct", "Table.SelectColumns", "Table.RemoveColumns",
    "Table.Sort", "Table.NestedJoin", "Table.Join",
)  # fmt: skip


def _after_breaker(c: Context, q: Query) -> Iterator[Finding]:
    """The first step after a breaker that the source could have done."""
    broken = None
    for name, node in steps_of(q.node).items():
        late = next(calls(node, *_REDUCES), None)
        if broken is not None and late is not None:
            yield c.finding(
                "L7", q, f"{broken} ends folding, and '{name}' comes after it: the source could have done it.",
                f"Put '{name}' before the step with {broken}.", late,
            )  # fmt: skip
            return
        named = (n.name for n in node.walk() if isinstance(n, nodes.Name) and n.name in _BREAKS)
        broken = broken or next(named, None)


#: What fast copy does between a file and a lakehouse (behaviour 45); reading and navigation belong to it.
_COPIES = {
    "Table.SelectColumns", "Table.TransformColumnTypes", "Table.RenameColumns", "Table.RemoveColumns",
    "Table.PromoteHeaders", "Table.Combine", "Table.ExpandTableColumn",
}  # fmt: skip
_COPIED = ("Csv.Document", "Parquet.Document")


@rule("L8")
def too_much_for_fast_copy(c: Context) -> Iterator[Finding]:
    """A dataflow that stages with fast copy, and a query of a file that does more after what fast copy can."""
    staging, settings = c.dataflow.attributes.get("StagingDefinition"), c.dataflow.metadata
    engine = settings.get("computeEngineSettings")
    off = isinstance(engine, dict) and engine.get("allowFastCopy") is False
    if off or not isinstance(staging, dict) or staging.get("Kind") != "FastCopy":
        return
    for q in c.queries():
        steps = steps_of(q.node)
        if not (q.staged or q.destinations) or not any(True for _ in calls(q.node, *_COPIED)):
            continue
        copied = 0
        for name, node in steps.items():
            work = [n for n in calls(node, *_table_functions(node)) if n.function.name not in _COPIES]  # type: ignore[attr-defined]
            if work and copied:
                yield c.finding(
                    "L8", q, f"Fast copy can do the {copied} steps before '{name}', and not this one: the whole "
                    "query then runs without it.",
                    f"Put the steps before '{name}' into a staged query of their own and go on from there.", work[0],
                )  # fmt: skip
            if work:
                break
            copied += any(True for _ in calls(node, *_COPIES))


def _table_functions(node: nodes.Node) -> set[str]:
    return {n.name for n in node.walk() if isinstance(n, nodes.Name) and n.name.startswith("Table.")}


@rule("L10")
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
    if any(True for _ in calls(q.node, "File.Contents", "Folder.Files", "Folder.Contents", "Web.Contents")):
        yield (
            "The filter on the date can't fold to a file: every bucket reads all of it.",
            "Read a database, or stage the file in a query of its own.",
        )


@rule("L9")
def firewall(c: Context) -> Iterator[Finding]:
    """A partition reads a source and other partitions."""
    from staging.firewall import analyse, violations

    if c.dataflow.combines:
        return
    for found in violations(analyse(c.dataflow)):
        if found.code == "references":
            yield c.finding(
                "L9", c.dataflow.query(found.query), found.message,
                "Put source and combination into one query, or read each source in a query of its own.",
            )  # fmt: skip


@rule("L11")
def destination_types(c: Context) -> Iterator[Finding]:
    """Columns that a destination cannot hold (needs schemas)."""
    for q in c.queries():
        type_ = c.schemas.get(q.name)
        if type_ is None or not q.destinations:
            continue
        lake = any(c.target_function(s.query) == "Lakehouse.Contents" for s in q.destinations)
        for f in type_.row.fields:
            bad = f.type.kind in _KINDS or (
                lake and f.type.kind in ("datetimezone", "duration", "time", "binary")
            )
            if bad:
                yield c.finding(
                    "L11", q, f"Column '{f.name}' of type {f.type.kind} can't be loaded to the destination.",
                    "Give it another type (Table.TransformColumnTypes) or remove it.",
                )  # fmt: skip


@rule("L12")
def column_names(c: Context) -> Iterator[Finding]:
    """Names that differ only in case; names that a lakehouse refuses."""
    for q in c.queries():
        if not q.destinations:
            continue
        type_ = c.schemas.get(q.name)
        for settings in q.destinations:
            if settings.mappings is not None:
                names = [target for _, target in settings.mappings]
            else:
                names = [f.name for f in type_.row.fields] if type_ is not None else []
            seen: set[str] = set()
            for name in names:
                if name.casefold() in seen:
                    yield c.finding(
                        "L12",
                        q,
                        f"Column '{name}' occurs twice when case does not count.",
                        "Rename one of them.",
                    )
                seen.add(name.casefold())
                if c.target_function(settings.query) == "Lakehouse.Contents" and re.search(
                    r"[ ,;{}()\n\t=]", name
                ):
                    yield c.finding(
                        "L12",
                        q,
                        f"A lakehouse refuses the column name '{name}'.",
                        "Use letters, digits and _.",
                    )


@rule("L13")
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
        body = resolved(node.body, steps_of(node)) if isinstance(node, nodes.Let) else node
        last = isinstance(body, nodes.FieldAccess) and body.name in ("Data", "Content")
        if last and not getattr(body, "optional", True):
            yield c.finding(
                "L13", q, "The last step has no ?: it fails when the target does not exist yet.",
                "End with ?[Data]?.", body,
            )  # fmt: skip


@rule("L14")
def hard_coded_places(c: Context) -> Iterator[Finding]:
    """Ids of one environment in the text; public parameters in paths."""
    parameters = {n for n, q in c.dataflow.queries.items() if q.is_parameter}
    public = c.dataflow.metadata.get("parametric") is True
    for name, q in c.dataflow.queries.items():
        if q.is_parameter:
            continue
        for node in q.node.walk():
            if (
                isinstance(node, nodes.Literal)
                and isinstance(node.value, str)
                and _GUID.fullmatch(node.value)
            ):
                yield c.finding(
                    "L14", q, f"The id {node.value} belongs to one environment.", "Make it a parameter.", node
                )
        for call in calls(q.node, *_PATHS) if public else ():
            used = {n.name for a in call.arguments[:2] for n in a.walk() if isinstance(n, nodes.Name)}
            for parameter in sorted(used & parameters):
                yield c.finding(
                    "L14", q, f"The public parameter '{parameter}' is part of a resource path.",
                    "The product refuses that; use a variable of the environment.", call,
                )  # fmt: skip
        assert name == q.name


@rule("L15")
def required_and_scheduled(c: Context) -> Iterator[Finding]:
    """A schedule cannot give a required parameter its value."""
    from staging.parameters import parameter_of

    if (
        not (c.dataflow.path.parent / ".schedules").is_file()
        or c.dataflow.metadata.get("parametric") is not True
    ):
        return
    for q in c.dataflow.queries.values():
        if q.is_parameter and parameter_of(q.node).get("IsParameterQueryRequired") is True:
            yield c.finding(
                "L15", q, "The parameter is required, and scheduled runs give no values.",
                "Make it optional with a default, or start runs through the API.",
            )  # fmt: skip


@rule("L16")
def partition_keys(c: Context) -> Iterator[Finding]:
    """A partition key whose column goes, or whose query is not staged."""
    for q in c.queries():
        for call in calls(q.node, "Table.ReplacePartitionKey"):
            if not q.staged:
                yield c.finding(
                    "L16",
                    q,
                    "A partition key is set, and the query is not staged.",
                    "Switch staging on.",
                    call,
                )
            keys = _texts(call.arguments[1]) if len(call.arguments) > 1 else set()
            for removal in calls(q.node, "Table.RemoveColumns"):
                gone = keys & (_texts(removal.arguments[1]) if len(removal.arguments) > 1 else set())
                if gone and removal.end > call.end:
                    yield c.finding(
                        "L16", q, f"The partition key column '{min(gone)}' is removed later.",
                        "Keep it in the query.", removal,
                    )  # fmt: skip


def _texts(node: nodes.Node) -> set[str]:
    return {n.value for n in node.walk() if isinstance(n, nodes.Literal) and isinstance(n.value, str)}


@rule("L17")
def joins_through_the_connector(c: Context) -> Iterator[Finding]:
    """A join that asks the dataflow connector again and again."""
    remote = {
        name
        for name, node in c.members.items()
        if name not in c.staged and any(True for _ in calls(node, *_CONNECTOR))
    }
    for q in c.queries():
        steps = steps_of(q.node)
        own = any(True for _ in calls(q.node, *_CONNECTOR))
        for call in calls(q.node, "Table.NestedJoin", "Table.Join", "Table.FuzzyNestedJoin"):
            names = {n.name for a in call.arguments for n in a.walk() if isinstance(n, nodes.Name)}
            if names & remote or (own and names & steps.keys()):
                yield c.finding(
                    "L17", q, "A join reads through the dataflow connector, which is asked again for it.",
                    "Stage that data in a query of this dataflow and join the staged query.", call,
                )  # fmt: skip


@rule("L18")
def distinct_after_sort(c: Context) -> Iterator[Finding]:
    """Table.Distinct does not promise the first row."""
    for q in c.queries():
        steps = steps_of(q.node)
        for call in calls(q.node, "Table.Distinct"):
            source = resolved(call.arguments[0], steps) if call.arguments else None
            sort = isinstance(source, nodes.Invocation) and isinstance(source.function, nodes.Name)
            if sort and source.function.name == "Table.Sort" and len(call.arguments) > 1:  # type: ignore[union-attr]
                yield c.finding(
                    "L18", q, "Table.Distinct after a sort: where it folds, any of the equal rows may stay.",
                    "Put Table.Buffer around the sort, or group and take the wanted row.", call,
                )  # fmt: skip


@rule("L19")
def limits(c: Context) -> Iterator[Finding]:
    """What the product refuses: many tables, long scripts."""
    tables = sum(1 for q in c.queries() if q.staged or q.destinations)
    if tables > 50:
        yield Finding(
            "L19",
            None,
            1,
            f"{tables} queries are staged or loaded; the product allows 50.",
            "Split the dataflow.",
        )
    size = len(c.dataflow.text.encode("utf-8", "surrogatepass"))
    if size > 512 * 1024:
        yield Finding(
            "L19",
            None,
            1,
            f"The document has {size:,} bytes; the product allows 524,288.",
            "Split the dataflow.",
        )
