"""Rules about what is staged: L1 to L6, and L16 (partition keys)."""

from __future__ import annotations

from collections.abc import Iterator

from mlang.syntax import nodes
from staging.dataflow import Query
from staging.lint import Context, Finding, calls, steps_of
from staging.rules.base import LAKEHOUSE, WAREHOUSES, Flaw, document_rule, rule, texts

_SMALL_TEXT = 2_000
_ITEMS = ("DataflowsStagingLakehouse", "DataflowsStagingWarehouse")
_LITERALS = ("#table", "Table.FromRows", "Table.FromRecords", "Table.FromColumns", "Table.FromList")
#: What a table that was typed in is made with, and given types with; nothing here opens a source or makes many rows.
_PLAIN = {
    "Table", "Record", "Text", "Number", "Date", "DateTime", "DateTimeZone", "Time", "Duration", "Logical", "Json",
    "Binary", "BinaryEncoding", "Compression", "Int8", "Int16", "Int32", "Int64", "Byte", "Single", "Double", "Decimal",
    "Currency", "Percentage", "Any", "Character", "Culture", "Order", "MissingField", "ExtraValues", "Splitter",
    "Replacer", "Serialized",
}  # fmt: skip
_MANY = ("Table.Repeat", "Text.Repeat", "Table.ExpandListColumn")


@rule("L1")
def constant_is_staged(c: Context, q: Query) -> Iterator[Flaw]:
    """A small table that stands in the query's text is staged."""
    small = q.node.end - q.node.pos < _SMALL_TEXT and not c.needs[q.name]
    if q.staged and small and any(True for _ in calls(q.node, *_LITERALS)) and _plain(q.node):
        yield (
            "A small constant table is staged: writing and reading it costs more than making it.",
            "Switch staging off for this query.",
        )


def _plain(node: nodes.Node) -> bool:
    """Whether nothing in an expression opens a source or makes rows that are not written down."""
    for n in node.walk():
        if isinstance(n, nodes.Range):
            return False
        named = n.name if isinstance(n, nodes.Name) and not n.name.endswith(".Type") else ""
        if "." in named and (named in _MANY or named.partition(".")[0] not in _PLAIN):
            return False
    return True


@rule("L2")
def staged_for_nobody(c: Context, q: Query) -> Iterator[Flaw]:
    """Staged, one destination, and no query reads it."""
    lonely = len(q.destinations) == 1 and not c.readers[q.name] and not c.staged_needs(q.name)
    if q.staged and lonely and c.target_function(q.destinations[0].query) not in WAREHOUSES:
        yield (
            "The query is staged, has one destination, and no other query reads it.",
            "Switch staging off: the destination is then written directly.",
        )


#: Work that is worth keeping, and the number of steps that are work enough without it.
_WORK = (
    "Table.Group", "Table.NestedJoin", "Table.Join", "Table.FuzzyNestedJoin", "Table.FuzzyJoin", "Table.FuzzyGroup",
    "Table.Pivot", "Table.Unpivot", "Table.UnpivotOtherColumns", "Table.Sort", "Table.Distinct",
    "Table.AggregateTableColumn",
)  # fmt: skip
_STEPS = 6


@rule("L3")
def long_chain(c: Context, q: Query) -> Iterator[Flaw]:
    """Four and more staged queries in a row, each with one reader and little work of its own."""
    chain = [q.name]
    while q.staged:
        below = c.staged_needs(chain[-1])
        if len(below) != 1 or _works(c.members[chain[-1]]):
            break
        only = next(iter(below))
        if len([n for n in c.staged if only in c.staged_needs(n)]) != 1:
            break
        chain.append(only)
    last = not any(_continues(c, n, q.name) for n in c.staged)
    if len(chain) >= 4 and last:
        yield (
            f"{len(chain)} staged queries in a row do little each and are read by nobody else: {' ← '.join(chain)}.",
            "Stage only where queries branch; let the others be plain steps.",
        )


def _continues(c: Context, reader: str, name: str) -> bool:
    """Whether a chain that ends here goes on in a reader."""
    return c.staged_needs(reader) == {name} and not _works(c.members[reader])


def _works(node: nodes.Node) -> bool:
    return len(steps_of(node)) >= _STEPS or any(True for _ in calls(node, *_WORK))


@document_rule("L4")
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
def warehouse_without_staging(c: Context, q: Query) -> Iterator[Flaw]:
    """A warehouse destination needs staging."""
    for settings in q.destinations:
        if c.target_function(settings.query) in WAREHOUSES and not q.load_enabled:
            yield "The destination is a warehouse, and staging is off.", "Switch staging on."


@rule("L6")
def out_of_the_warehouse(c: Context, q: Query) -> Iterator[Flaw]:
    """Work on staged data goes to a lakehouse."""
    if any(c.target_function(s.query) == LAKEHOUSE for s in q.destinations) and c.staged_needs(q.name):
        yield (
            "Work on staged data happens in the warehouse; a lakehouse destination moves it out again.",
            "Use a warehouse destination, or do this work in the query that reads the source.",
        )


@rule("L16")
def partition_keys(c: Context, q: Query) -> Iterator[Flaw]:
    """A partition key whose column goes, or whose query is not staged."""
    for call in calls(q.node, "Table.ReplacePartitionKey"):
        if not q.staged:
            yield "A partition key is set, and the query is not staged.", "Switch staging on.", call
        keys = texts(call.arguments[1]) if len(call.arguments) > 1 else set()
        for removal in calls(q.node, "Table.RemoveColumns", "Table.SelectColumns"):
            if len(removal.arguments) < 2 or removal.end <= call.end:
                continue
            named = texts(removal.arguments[1])
            drops = removal.function.name == "Table.RemoveColumns"  # type: ignore[attr-defined]
            gone = keys & named if drops else keys - named if named else set()
            if gone:
                reason = f"The partition key column '{min(gone)}' is removed later."
                yield reason, "Keep it in the query.", removal
