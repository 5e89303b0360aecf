"""Rules about work that a source or an engine could have done: L7, L8, L17, L18."""

from __future__ import annotations

from collections.abc import Iterator

from mlang.syntax import nodes
from staging.dataflow import Query
from staging.lint import Context, calls, resolved, steps_of
from staging.rules.base import CONNECTOR, DATABASES, Flaw, rule

#: What ends folding by the product's documentation, or as its purpose; what is worth folding.
_BREAKS = ("Table.LastN", "Table.Last", "Text.Proper", "Table.Buffer", "Table.StopFolding")
_REDUCES = (
    "Table.SelectRows", "Table.FirstN", "Table.Group", "Table.Distinct", "Table.SelectColumns", "Table.RemoveColumns",
    "Table.Sort", "Table.NestedJoin", "Table.Join",
)  # fmt: skip


@rule("L7")
def last_rows(c: Context, q: Query) -> Iterator[Flaw]:
    """Table.LastN, and steps after what ends folding."""
    for name, instead in (("Table.LastN", "Table.FirstN"), ("Table.Last", "Table.First")):
        for call in calls(q.node, name):
            reason = f"{name} does not fold, and nothing after it does."
            yield reason, f"Sort the other way and take {instead}.", call
    if c.staged_needs(q.name) or any(True for _ in calls(q.node, *DATABASES)):
        yield from _after_breaker(q)


def _after_breaker(q: Query) -> Iterator[Flaw]:
    """The first step after a breaker that the source could have done."""
    broken = None
    for name, node in steps_of(q.node).items():
        late = next(calls(node, *_REDUCES), None)
        if broken is not None and late is not None:
            yield (
                f"{broken} ends folding, and '{name}' comes after it: the source could have done it.",
                f"Put '{name}' before the step with {broken}.",
                late,
            )
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
def too_much_for_fast_copy(c: Context, q: Query) -> Iterator[Flaw]:
    """A dataflow that stages with fast copy, and a query of a file that does more after what fast copy can."""
    if not _fast(c) or not (q.staged or q.destinations) or not any(True for _ in calls(q.node, *_COPIED)):
        return
    copied = 0
    for name, node in steps_of(q.node).items():
        work = [n for n in calls(node, *_table_functions(node)) if n.function.name not in _COPIES]  # type: ignore[attr-defined]
        if work and copied:
            reason = f"Fast copy can do the {copied} steps before '{name}', and not this one: the whole query then runs"
            yield (
                f"{reason} without it.",
                f"Put the steps before '{name}' into a staged query of their own and go on from there.",
                work[0],
            )
        if work:
            break
        copied += any(True for _ in calls(node, *_COPIES))


def _fast(c: Context) -> bool:
    """Whether the dataflow stages with fast copy."""
    staging = c.dataflow.attributes.get("StagingDefinition")
    engine = c.dataflow.metadata.get("computeEngineSettings")
    off = isinstance(engine, dict) and engine.get("allowFastCopy") is False
    return not off and isinstance(staging, dict) and staging.get("Kind") == "FastCopy"


def _table_functions(node: nodes.Node) -> set[str]:
    return {n.name for n in node.walk() if isinstance(n, nodes.Name) and n.name.startswith("Table.")}


@rule("L17")
def joins_through_the_connector(c: Context, q: Query) -> Iterator[Flaw]:
    """A join that asks the dataflow connector again and again."""
    remote = {
        name
        for name, node in c.members.items()
        if name not in c.staged and any(True for _ in calls(node, *CONNECTOR))
    }
    steps = steps_of(q.node)
    own = any(True for _ in calls(q.node, *CONNECTOR))
    for call in calls(q.node, "Table.NestedJoin", "Table.Join", "Table.FuzzyNestedJoin", "Table.FuzzyJoin"):
        names = {n.name for a in call.arguments for n in a.walk() if isinstance(n, nodes.Name)}
        if names & remote or names & set(CONNECTOR) or (own and names & steps.keys()):
            yield (
                "A join reads through the dataflow connector, which is asked again for it.",
                "Stage that data in a query of this dataflow and join the staged query.",
                call,
            )


@rule("L18")
def distinct_after_sort(c: Context, q: Query) -> Iterator[Flaw]:
    """Table.Distinct does not promise the first row."""
    steps = steps_of(q.node)
    for call in calls(q.node, "Table.Distinct"):
        source = resolved(call.arguments[0], steps) if call.arguments else None
        sort = isinstance(source, nodes.Invocation) and isinstance(source.function, nodes.Name)
        if sort and source.function.name == "Table.Sort" and len(call.arguments) > 1:  # type: ignore[union-attr]
            yield (
                "Table.Distinct after a sort: where it folds, any of the equal rows may stay.",
                "Put Table.Buffer around the sort, or group and take the wanted row.",
                call,
            )
