"""Rules about tables and lists: order that is lost, scans that repeat, folding that ends early."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlang.app.linting.base import SAFE, Found, Subject, function_name, rule
from mlang.syntax import nodes

if TYPE_CHECKING:
    from mlang.app.refactoring.edits import Edit

#: Functions of rows or items: what they are given is called once for each.
_PER_ITEM = {
    "Table.SelectRows": 1, "Table.AddColumn": 2, "Table.TransformRows": 1, "Table.TransformColumns": 1,
    "List.Select": 1, "List.Transform": 1, "List.Accumulate": 2, "List.Generate": 2,
    "List.TransformMany": 1, "Table.MatchesAllRows": 1, "Table.MatchesAnyRows": 1,
}  # fmt: skip
#: Functions that read their first argument from the beginning at each call.
_SCANS = frozenset(
    ("List.Contains", "List.PositionOf", "List.ContainsAny", "List.ContainsAll", "List.Select", "Table.SelectRows",
     "Table.Contains", "List.Sum", "List.Max", "List.Min", "List.Count", "Table.RowCount", "List.Distinct")
)  # fmt: skip
_BUFFERS = frozenset(("List.Buffer", "Table.Buffer", "Binary.Buffer"))
#: Steps after which the service's sources do not fold any more.
_BREAKS = frozenset(
    ("Table.Buffer", "Table.AddIndexColumn", "Table.FillDown", "Table.FillUp", "Table.ReverseRows", "Table.Transpose",
     "Table.LastN", "Table.RemoveLastN", "Table.Split", "Table.FromRecords", "Table.FromRows", "Table.FromColumns",
     "Table.FromList", "Table.AlternateRows", "Table.Repeat", "Table.RemoveRowsWithErrors",
     "Table.SelectRowsWithErrors", "Table.ReplaceErrorValues", "Table.PromoteHeaders", "Table.DemoteHeaders")
)  # fmt: skip
#: Steps that make less of the data and would fold.
_REDUCES = frozenset(
    ("Table.SelectRows", "Table.SelectColumns", "Table.RemoveColumns", "Table.FirstN", "Table.Group",
     "Table.Distinct", "Table.Skip", "Table.Range")
)  # fmt: skip
#: Sources that fold.
_FOLDING_SOURCES = (
    "Sql.", "OData.", "PostgreSQL.", "MySQL.", "Oracle.", "Odbc.", "Snowflake.", "GoogleBigQuery.", "Databricks.",
    "AmazonRedshift.", "Teradata.", "DB2.", "SapHana.", "Sybase.", "Vertica.", "DuckDB.", "Parquet.", "DeltaLake.",
)  # fmt: skip
_LOSES_ORDER = {
    "Table.Distinct": "which of equal rows is kept does not follow a sort before it; put Table.Buffer between",
    "Table.Group": "groups do not keep a sort before them; sort inside the aggregation or after it",
    "Table.NestedJoin": "a join does not keep a sort before it; sort after it",
    "Table.Join": "a join does not keep a sort before it; sort after it",
}


@rule("M301", "sort-lost", "A sort before a step that does not keep the order.")
def sort_lost(subject: Subject) -> Found:
    for call in subject.calls(*_LOSES_ORDER):
        if call.arguments and function_name(subject.value(call.arguments[0])) == "Table.Sort":
            name = function_name(call) or ""
            if not _grouped_locally(name, call):
                yield call, f"{name}: {_LOSES_ORDER[name]}"


def _grouped_locally(name: str, call: nodes.Invocation) -> bool:
    """GroupKind.Local is about neighbours: the sort is its very point."""
    kind = call.arguments[3] if name == "Table.Group" and len(call.arguments) > 3 else None
    return isinstance(kind, nodes.Name) and kind.name == "GroupKind.Local"


@rule("M302", "unbuffered-scan", "A list or table that is read again for each row: List.Buffer, or a join.")
def unbuffered_scan(subject: Subject) -> Found:
    for call in subject.calls(*_PER_ITEM):
        name = function_name(call) or ""
        for argument in call.arguments[_PER_ITEM[name] :]:
            for function in argument.walk():
                if isinstance(function, (nodes.Each, nodes.Function)):
                    yield from _scans(subject, function, name)


def _scans(subject: Subject, function: nodes.Each | nodes.Function, name: str) -> Found:
    for node in function.body.walk():
        scanned = function_name(node)
        if scanned not in _SCANS or not isinstance(node, nodes.Invocation) or not node.arguments:
            continue
        source = node.arguments[0]
        if isinstance(source, nodes.FieldAccess) and source.target is not None:
            source = source.target
        if not isinstance(source, nodes.Name):
            continue
        target = subject.scopes.target(source)
        if not isinstance(target, (nodes.Binding, nodes.Member)) or _within(function, target):
            continue
        value = subject.value(source)
        if isinstance(value, nodes.List) or function_name(value) in _BUFFERS:
            continue
        buffer = "List.Buffer" if str(scanned).startswith("List.") else "Table.Buffer"
        yield node, f"'{source.name}' is read again for each item of {name}; {buffer} it once, or join"


def _within(function: nodes.Node, target: nodes.Node) -> bool:
    return function.pos <= target.pos < function.end


@rule("M303", "folding-ends-early", "A step that ends folding before steps that would make less of the data.")
def folding_ends_early(subject: Subject) -> Found:
    if not any((function_name(call) or "").startswith(_FOLDING_SOURCES) for call in subject.calls()):
        return
    seen: set[int] = set()
    for call in subject.calls(*_REDUCES):
        if not call.arguments:
            continue
        chain = _chain(subject, call)
        breaking = next((c for c in chain[1:] if function_name(c) in _BREAKS), None)
        source = function_name(chain[-1]) or ""
        if breaking is None or id(breaking) in seen or not source.startswith(_FOLDING_SOURCES):
            continue
        seen.add(id(breaking))
        yield breaking, f"{function_name(breaking)} ends folding before {function_name(call)}; put it after"


def _chain(subject: Subject, call: nodes.Node) -> list[nodes.Node]:
    """A step, the step that is its input, and so on down to the source."""
    chain: list[nodes.Node] = [call]
    known = {id(call)}
    while len(chain) < 1000:
        node = chain[-1]
        if isinstance(node, (nodes.FieldAccess, nodes.ItemAccess)) and node.target is not None:
            below = subject.value(node.target)
        elif isinstance(node, nodes.Invocation) and node.arguments:
            name = function_name(node) or ""
            if not name.startswith(("Table.", "List.", "Value.")):
                return chain
            below = subject.value(node.arguments[0])
        else:
            return chain
        if id(below) in known:
            return chain
        known.add(id(below))
        chain.append(below)
    return chain


@rule(
    "M304", "counts-to-test", "Table.RowCount(x) = 0 counts all rows; Table.IsEmpty looks for one.", fix=SAFE
)
def counts_to_test(subject: Subject) -> Found:
    for node in subject.all:
        if not isinstance(node, nodes.Binary) or node.operator not in ("=", "<>", ">", "<"):
            continue
        zero = nodes.Literal(0.0)
        counted = node.left if node.right == zero else node.right if node.left == zero else None
        name = function_name(counted) if counted is not None else None
        if name in ("Table.RowCount", "List.Count"):
            better = "Table.IsEmpty" if name == "Table.RowCount" else "List.IsEmpty"
            message = f"{name} counts everything only to compare with 0; {better} stops at the first"
            yield node, message, _emptiness(node, counted, better)


def _emptiness(node: nodes.Binary, counted: nodes.Node | None, better: str) -> list[Edit]:
    """The test without counting; none for a comparison that is never true."""
    from mlang.app.refactoring.edits import Copy, Edit

    assert isinstance(counted, nodes.Invocation)
    on_left = counted is node.left
    positive = node.operator == (">" if on_left else "<")
    if len(counted.arguments) != 1 or not (positive or node.operator in ("=", "<>")):
        return []
    prefix = "" if node.operator == "=" else "not "
    return [Edit(node.pos, node.end, (prefix + better, Copy(counted.function.end, counted.end)))]


@rule("M305", "type-twice", "Types set twice in a row: the first conversion is for nothing.", default=False)
def type_twice(subject: Subject) -> Found:
    for call in subject.calls("Table.TransformColumnTypes"):
        if call.arguments and function_name(subject.value(call.arguments[0])) == "Table.TransformColumnTypes":
            yield call, "Types are set twice in a row; one Table.TransformColumnTypes does it"
