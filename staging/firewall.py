"""The data privacy firewall, decided from the text: partitions, what they may do, and how to cure it.

One partition per step; steps that are plain values join their users (parameter trimming);
steps of one query are grouped, those that read other queries apart from those that
don't; partitions without any source disappear, and the rest is grouped again (behaviours 49 to 53).  A
partition may read sources or other partitions, never both, and sources in one partition must
have levels that go together.  Sources inside a function belong to whoever calls it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from attrs import define, field, frozen

from mlang.errors import MError, firewall_levels, firewall_references
from mlang.errors_sources import firewall_nested
from mlang.syntax import nodes
from mlang.tables.plan import Values
from mlang.tables.table import Table
from mlang.values.kinds import kind_of
from mlang.values.metadata import strip
from mlang.values.related import related_kind
from mlang.values.thunk import failed, force
from staging import graph
from staging.dataflow import Dataflow

PRIVATE, ORGANIZATIONAL, PUBLIC, NONE = "Private", "Organizational", "Public", "None"
#: How the firewall is switched off, for messages.
SWITCHES = "Where privacy does not matter: --no-firewall, or mlang staging settings --firewall off."
LEVELS = (PRIVATE, ORGANIZATIONAL, PUBLIC, NONE)
#: From -> the levels that its data may flow into (behaviour 48); None stands outside of it.
_FLOWS = {PRIVATE: (), ORGANIZATIONAL: (PRIVATE, ORGANIZATIONAL), PUBLIC: (PRIVATE, ORGANIZATIONAL, PUBLIC)}
#: Function -> (kind of source, number of arguments that name it).
_SOURCES = {
    "File.Contents": ("File", 1), "Folder.Files": ("Folder", 1), "Folder.Contents": ("Folder", 1),
    "Web.Contents": ("Web", 1), "Web.Page": ("Web", 0), "Web.BrowserContents": ("Web", 1),
    "OData.Feed": ("OData", 1), "DuckDB.Database": ("DuckDB", 1), "Sql.Database": ("SQL", 2),
    "Sql.Databases": ("SQL", 1), "Odbc.DataSource": ("Odbc", 1), "Odbc.Query": ("Odbc", 1),
    "PostgreSQL.Database": ("PostgreSQL", 2), "MySQL.Database": ("MySql", 2), "Oracle.Database": ("Oracle", 1),
    "SharePoint.Files": ("SharePoint", 1), "SharePoint.Contents": ("SharePoint", 1),
    "SQLite.Database": ("SQLite", 1), "SharePoint.Tables": ("SharePoint", 1),
    "Excel.CurrentWorkbook": ("CurrentWorkbook", 0),
    "PowerPlatform.Dataflows": ("PowerPlatformDataflows", 0), "PowerBI.Dataflows": ("PowerBI", 0),
    "Lakehouse.Contents": ("Lakehouse", 0), "Fabric.Warehouse": ("Warehouse", 0),
}  # fmt: skip


@frozen(order=True)
class DataSource:
    """A source by kind and path; the path is empty where only the running query knows it."""

    kind: str
    path: str

    @property
    def label(self) -> str:
        return f"{self.kind} {self.path}".strip()


Levels = Mapping[tuple[str, str], str]


def level_of(source: DataSource, levels: Levels) -> str:
    """The level of a source: of its path, of a path it begins with, or of its kind; None when there is none."""
    best = ""
    found = levels.get((source.kind, ""), NONE)
    for (kind, path), level in levels.items():
        if kind == source.kind and path and source.path.startswith(path) and len(path) > len(best):
            best, found = path, level
    return found


def may_flow(origin: str, target: str) -> bool:
    """Whether data of one level may be sent to a source of another (behaviour 48)."""
    return NONE in (origin, target) or target in _FLOWS[origin]


def may_share(first: str, second: str) -> bool:
    """Whether two sources may stand in one partition: data may go both ways (behaviour 49)."""
    return NONE in (first, second) or (first == second and first in (PUBLIC, ORGANIZATIONAL))


@define(eq=False)
class Partition:
    """Steps of one query that are evaluated together."""

    query: str
    steps: list[str]
    sources: dict[str, set[DataSource]] = field(factory=dict)
    reads: set[int] = field(factory=set)
    invokes: bool = False

    @property
    def all_sources(self) -> set[DataSource]:
        """The sources of all steps."""
        return {s for found in self.sources.values() for s in found}


@frozen
class Violation:
    """A partition that the firewall refuses; ``code`` is "references" or "levels"."""

    code: str
    query: str
    step: str
    message: str
    cure: str

    def error(self) -> MError:
        """The engine's error."""
        make = firewall_references if self.code == "references" else firewall_levels
        return make(self.query, self.step)


# ---------------------------------------------------------------- partitions


def analyse(dataflow: Dataflow) -> dict[int, Partition]:
    """The final partitions by number."""
    members = {m.name: m.value for m in dataflow.tree.sections[0].members}
    skip = {name for name, q in dataflow.queries.items() if q.is_target}
    functions = {name for name, q in dataflow.queries.items() if q.is_function}
    found = _single(members, functions, skip)
    _trim(found, lambda p: not p.reads and not p.invokes)
    found = _grouped(found)
    live = _with_sources(found)
    cyclic = {n for n, p in found.items() if n in p.reads}
    _trim(found, lambda p: p.query not in {found[n].query for n in cyclic} and not live & {id(p)})
    return _grouped(found)


def _single(members: dict[str, nodes.Node], functions: set[str], skip: set[str]) -> dict[int, Partition]:
    """One partition per step, with numbers for the last step of each query."""
    found: dict[int, Partition] = {}
    numbers: dict[tuple[str, str], int] = {}
    parts: dict[str, dict[str, nodes.Node]] = {}
    for name, node in members.items():
        if name in skip or name in functions:
            continue
        parts[name] = _steps(node)
        for step in parts[name]:
            numbers[name, step] = len(found)
            found[len(found)] = Partition(name, [step])
    for name, steps in parts.items():
        last = next(reversed(steps))
        for step, node in steps.items():
            partition = found[numbers[name, step]]
            names = _through_functions(graph.references(node), members, functions, set(steps))
            scope = {**members, **steps}
            sources = set(sources_of(node, scope))
            for function in sorted(names & functions):
                sources |= set(sources_of(members[function], scope))
            partition.sources = {step: sources} if sources else {}
            partition.invokes = any(isinstance(n, nodes.Invocation) for n in node.walk())
            for other in names:
                if other in steps:
                    partition.reads.add(numbers[name, other])
                elif other in parts:
                    partition.reads.add(numbers[other, next(reversed(parts[other]))])
        assert last in steps
    return found


def _steps(node: nodes.Node) -> dict[str, nodes.Node]:
    while isinstance(node, nodes.Parenthesized) or (
        isinstance(node, nodes.Binary) and node.operator == "meta"
    ):
        node = node.inner if isinstance(node, nodes.Parenthesized) else node.left
    if not isinstance(node, nodes.Let):
        return {"": node}
    steps = {b.name: b.value for b in node.bindings}
    if isinstance(node.body, nodes.Name) and node.body.name in steps:
        # The result is a step: it goes last, so that others that read the query read it.
        return {n: v for n, v in steps.items() if n != node.body.name} | {
            node.body.name: steps[node.body.name]
        }
    return steps | {"": node.body}


def _through_functions(
    names: set[str], members: Mapping[str, nodes.Node], functions: set[str], steps: set[str]
) -> set[str]:
    """The names, and those that named functions use in turn."""
    found, waiting = set(names), [n for n in names if n in functions and n not in steps]
    while waiting:
        for name in graph.references(members[waiting.pop()]) & members.keys():
            if name not in found:
                found.add(name)
                if name in functions:
                    waiting.append(name)
    return found


def sources_of(node: nodes.Node, scope: Mapping[str, nodes.Node]) -> Iterable[DataSource]:
    """The sources that an expression opens by itself."""
    for found in node.walk():
        if isinstance(found, nodes.Invocation) and isinstance(found.function, nodes.Name):
            known = _SOURCES.get(found.function.name)
            if known is not None:
                kind, count = known
                texts = [_text(a, scope, 0) for a in found.arguments[:count]]
                yield DataSource(kind, "" if None in texts else ";".join(str(t) for t in texts))


def _text(node: nodes.Node, scope: Mapping[str, nodes.Node], depth: int) -> str | None:
    """The text of an argument where it is written out, directly or in a parameter."""
    if depth > 50:
        return None
    if isinstance(node, nodes.Literal):
        return node.value if isinstance(node.value, str) else None
    if isinstance(node, nodes.Parenthesized):
        return _text(node.inner, scope, depth + 1)
    if isinstance(node, nodes.Binary) and node.operator in ("meta", "&"):
        left = _text(node.left, scope, depth + 1)
        right = _text(node.right, scope, depth + 1) if node.operator == "&" else ""
        return None if left is None or right is None else left + right
    if isinstance(node, nodes.Name) and node.name in scope:
        return _text(scope[node.name], scope, depth + 1)
    return None


def _trim(found: dict[int, Partition], leaves: Any) -> None:
    """Removes partitions; what they read and open joins their readers."""
    while True:
        gone = [n for n, p in found.items() if n not in p.reads and leaves(p)]
        if not gone:
            return
        for number in gone:
            removed = found.pop(number)
            for reader in found.values():
                if number in reader.reads:
                    reader.reads.discard(number)
                    reader.reads |= removed.reads - {number}


def _with_sources(found: dict[int, Partition]) -> set[int]:
    """The identities of partitions that open a source, or read one that does."""
    live = {n for n, p in found.items() if p.sources}
    while True:
        more = {n for n, p in found.items() if n not in live and p.reads & live}
        if not more:
            return {id(found[n]) for n in live}
        live |= more


def _grouped(found: dict[int, Partition]) -> dict[int, Partition]:
    """The steps of a query in at most two partitions: those that need other queries, and those that don't."""
    outside = {n for n, p in found.items() if any(found[r].query != p.query for r in p.reads if r in found)}
    while True:
        more = {
            n for n, p in found.items()
            if n not in outside and any(r in outside and found[r].query == p.query for r in p.reads)
        }  # fmt: skip
        if not more:
            break
        outside |= more
    place: dict[int, int] = {}
    groups: dict[tuple[str, bool], int] = {}
    result: dict[int, Partition] = {}
    for number, partition in found.items():
        key = (partition.query, number in outside)
        group = groups.setdefault(key, number)
        place[number] = group
        if group == number:
            result[group] = Partition(partition.query, [])
        made = result[group]
        made.steps += partition.steps
        made.sources |= partition.sources
        made.invokes |= partition.invokes
    for number, partition in found.items():
        made = result[place[number]]
        made.reads |= {place[r] for r in partition.reads if r in place} - {place[number]}
    return result


# ---------------------------------------------------------------- what is refused


def violations(found: Mapping[int, Partition], levels: Levels | None = None) -> list[Violation]:
    """The partitions that may not be, each with the engine's message and a cure."""
    result = []
    for partition in found.values():
        if not partition.sources:
            continue
        step = next(reversed(partition.sources)) or partition.query
        if partition.reads:
            names = sorted({found[r].query for r in partition.reads} - {partition.query}) or [partition.query]
            result.append(Violation(
                "references", partition.query, step, firewall_references(partition.query, step).message or "",
                f"It opens {_listed(partition.all_sources)} and reads {', '.join(names)}. Move the steps of "
                f"{names[0]} into '{partition.query}', or open the source in a query of its own and combine "
                "the two queries in a third.",
            ))  # fmt: skip
            continue
        clash = _clash(partition, levels or {})
        if clash is not None:
            first, second = clash
            result.append(Violation(
                "levels", partition.query, step, firewall_levels(partition.query, step).message or "",
                f"{first[0].label} is {first[1]}, {second[0].label} is {second[1]}. Read each in a query of "
                "its own and combine them in a third, or give both the level Organizational (or Public).",
            ))  # fmt: skip
    return result


def refusals(dataflow: Dataflow, levels: Levels | None = None) -> dict[str, str]:
    """The queries that are refused, each with the engine's message, a cure and the switches."""
    found = violations(analyse(dataflow), levels)
    return {v.query: f"{v.error()} {v.cure} {SWITCHES}" for v in found}


def _clash(partition: Partition, levels: Levels) -> Any:
    sources = [(s, level_of(s, levels)) for s in sorted(partition.all_sources)]
    for index, first in enumerate(sources):
        for second in sources[index + 1 :]:
            if not may_share(first[1], second[1]):
                return first, second
    return None


def _listed(sources: Iterable[DataSource]) -> str:
    return ", ".join(s.label for s in sorted(sources))


def enforced(dataflow: Dataflow, asked: bool | None, setting: str = "auto") -> bool:
    """Whether the firewall refuses: as asked, as the item says, as the workspace is set, else as its files tell.

    ``fastCombine`` is false where the product leaves it out (defaults are stripped from what it exports), so an item
    with a ``.platform`` file refuses.  A document of this machine never went through the product, and nobody gave its
    sources levels: there silence does not refuse, and lint rule L9 tells.
    """
    if dataflow.combines or asked is not None:
        return asked is True and not dataflow.combines
    if dataflow.metadata.get("fastCombine") is False:
        return True
    return bool(dataflow.platform) if setting == "auto" else setting == "on"


def guarded(found: Mapping[int, Partition]) -> frozenset[str]:
    """The queries whose data go to partitions of other queries; they are buffered on the way."""
    return frozenset(
        found[r].query for p in found.values() for r in p.reads if r in found and found[r].query != p.query
    )


def buffered(value: Any) -> Any:
    """A table as it comes out of another partition: in memory, nested values as errors (behaviour 54)."""
    if kind_of(strip(value)) != "table":
        return value
    table: Table = strip(value)
    columns: list[list[Any]] = [[] for _ in table.names]
    length = 0
    for batch in table.batches(None):
        for cells, more in zip(columns, batch.columns, strict=True):
            cells += [_flat(cell) for cell in more]
        length += batch.length
    return Table(Values(table.plan.schema, columns, length)).with_type(table.type)


_NESTED = {"table": "Table", "list": "List", "record": "Record", "function": "Function", "type": "Type"}


def _flat(cell: Any) -> Any:
    related = related_kind(cell)  # known without reading the related rows
    if related is not None:
        return failed(firewall_nested(_NESTED[related]))
    try:
        kind = kind_of(strip(force(cell)))
    except MError as error:
        return failed(error)
    return failed(firewall_nested(_NESTED[kind])) if kind in _NESTED else force(cell)


def _edge(found: Mapping[int, Partition], partition: Partition, step: str) -> str:
    """What must not meet: the sources of a step, and the queries (or other sources) beside them."""
    own = _listed(partition.all_sources)
    others = sorted({found[r].query for r in partition.reads if r in found})
    return f"{own} — {partition.query} (step '{step}')" + (f" → {', '.join(others)}" if others else "")


def explain(dataflow: Dataflow, levels: Levels | None = None) -> list[dict[str, Any]]:
    """The partitions for people and machines: steps, sources with levels, what is read, the verdict."""
    found = analyse(dataflow)
    bad = {(v.query, v.step): v for v in violations(found, levels)}
    lines = []
    for number, partition in found.items():
        step = next(reversed(partition.sources)) or partition.query if partition.sources else ""
        verdict = bad.get((partition.query, step)) if partition.sources else None
        origins = {s for r in partition.reads for s in found[r].all_sources}
        lines.append({
            "partition": number, "query": partition.query, "steps": [s or "(result)" for s in partition.steps],
            "sources": [
                {"kind": s.kind, "path": s.path, "level": level_of(s, levels or {})}
                for s in sorted(partition.all_sources)
            ],
            "reads": sorted(partition.reads),
            "buffers": len(origins) > 1,
            "edge": _edge(found, partition, step) if verdict is not None else None,
            "verdict": "ok" if verdict is None else verdict.message,
            "cure": None if verdict is None else verdict.cure,
        })  # fmt: skip
    return lines
