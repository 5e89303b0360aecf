"""A row function that has no SQL form, in the middle of a plan that folds otherwise: one answer for each input.

Where the rows go on into a join, a sort or a group, `computed_by_values` asks the engine for the different
inputs of the function, the interpreter computes the answers, and they are joined as a small table: the rows never
leave the engine.  That is right for functions that always give the same for the same (`is_pure`), and pays while the
different inputs are few; else the interpreter makes all the rows (`streaming.py`).  Compare `repairs.py`, which does
this for odd cells only.
"""

from __future__ import annotations

from typing import Any

from attrs import evolve
from sqlglot import exp

from folding import repairs, types
from folding import terms as t
from folding.origins import Joined
from folding.relations import Column, Context, Relation
from folding.sources import ArrowOrigin
from folding.streaming import StreamOrigin
from folding.terms import Scalar, Unfoldable
from mlang import registry
from mlang.errors import MError
from mlang.syntax import nodes
from mlang.tables import plan as p
from mlang.tables.local import RowFunction, run_local
from mlang.values.functions import Function, captured
from mlang.values.metadata import strip
from mlang.values.thunk import Thunk, force
from mlang.values.types import table_type

#: Columns that a function may read.
WIDEST = 3
#: Families of functions that do a bounded amount of work and nothing else.
_PURE = frozenset(
    [
        *("text", "character", "guid", "logical", "date", "datetime", "datetimezone", "time", "duration"),
        *("number", "byte", "int8", "int16", "int32", "int64"),
        *("single", "double", "decimal", "currency", "percentage"),
    ]
)
#: Parts of names of functions of these families that give something else the next time.
_VARYING = ("Random", "NewGuid", "Now", "IsIn")
#: Forms of expressions that may stand in a pure function.
_FORMS = (
    nodes.Literal, nodes.Name, nodes.Parenthesized, nodes.Unary, nodes.Binary, nodes.If, nodes.Let, nodes.Binding,
    nodes.Invocation, nodes.FieldAccess, nodes.List, nodes.Range, nodes.Each, nodes.Function, nodes.Parameter,
    nodes.PrimitiveType, nodes.NullableType, nodes.TypeTest,
)  # fmt: skip
#: Storages whose equal values are the same value.
_EXACT = frozenset({"BIGINT", "VARCHAR", "BOOLEAN", "DATE", "TIMESTAMP"})


def computed_by_values(node: p.Plan, context: Context) -> Relation:
    """The step's rows, its column computed by the interpreter for each different input."""
    if isinstance(node, p.AddColumn):
        base, column = _added(context.child(node.input), node, node.value, node.input.schema)
        return evolve(base, columns=(*base.columns, column))
    if isinstance(node, p.TransformColumns):
        base = context.child(node.input)
        for name, function in node.transforms:
            place = node.input.schema.index(name)
            one = table_type([name])
            step = p.TransformColumns(one, p.Values(one, [], 0), ((name, function),))
            base, column = _answered(base, [place], function, step)
            base = evolve(base, columns=(*base.columns[:place], column, *base.columns[place + 1 :]))
        return base
    raise Unfoldable("the step has no SQL form")


def _added(base: Relation, node: p.AddColumn, function: Any, schema: Any) -> tuple[Relation, Column]:
    names = [n for n in RowFunction(function, schema).reads if schema.has(n)]
    input = p.Values(table_type(names), [], 0)
    step = p.AddColumn(table_type([*names, "\0"]), input, "\0", function)
    return _answered(base, [schema.index(n) for n in names], function, step)


def _answered(base: Relation, places: list[int], function: Any, step: Any) -> tuple[Relation, Column]:
    """The relation with the answers joined, and their column; ``step`` computes them of its input."""
    if not 0 < len(places) <= WIDEST or not is_pure(function):
        raise Unfoldable("a function that may not be computed once for each input")
    if any(isinstance(s, StreamOrigin) for s in base.sources()):
        raise Unfoldable("rows that come from the interpreter")
    if base.joins or base.sealed or not repairs.is_bare(base):
        base = base.closed()
    inputs = [base.columns[i] for i in places]
    only = inputs[0] if len(inputs) == 1 and inputs[0].text is None else None
    if only is not None and only.term.storage in _EXACT and only.term.kind in types.KINDS:
        key = evolve(only.term, raises=False)
    else:
        key = Scalar(repairs.key_of(inputs), "text", "VARCHAR", False)
    keys, cells = _asked(base, key, inputs)
    answers = _computed(step, cells, len(keys))
    return _joined(base, key, keys, answers)


def _asked(base: Relation, key: Scalar, inputs: list[Column]) -> tuple[list[Any], list[list[Any]]]:
    import duckdb
    import pyarrow as pa

    try:
        return repairs.different(base, key, inputs)
    except (duckdb.Error, pa.ArrowException, OSError, MError):
        raise Unfoldable("the inputs cannot be asked for") from None


def _computed(step: Any, cells: list[list[Any]], length: int) -> list[Any]:
    """The answers to some inputs: values, or failed thunks."""
    ready = evolve(step, input=evolve(step.input, columns=cells, length=length))
    last = ready.schema.names[-1]
    try:
        found = [cell for batch in run_local(ready, [last], None) for cell in batch.columns[0]]
        return [repairs.settled(cell) for cell in found]
    except RecursionError:  # maybe for a cell that nobody asks for
        raise Unfoldable("a function that does not come to an end") from None


def _joined(base: Relation, key: Scalar, keys: list[Any], answers: list[Any]) -> tuple[Relation, Column]:
    import pyarrow as pa

    failures, numbers, values = repairs.parted(answers)
    try:
        kind = types.kind_of_column(values)
        array = types.to_arrow(values, kind)
        stored = pa.int64() if key.storage == "BIGINT" else types.arrow_type(key.kind)
        known = types.to_arrow(keys, key.kind).cast(stored)
    except (types.Untyped, pa.ArrowException) as no:
        raise Unfoldable(f"answers with {no}") from None
    storage = "VARCHAR" if kind == "null" else types.storage_of(kind)
    data = pa.table([known, array, pa.array(numbers, pa.int64())], names=["c1", "c2", "c3"])
    origin = ArrowOrigin(base.context.alias(), data, "answers")
    on = t.binary(exp.NullSafeEQ, key.use, t.column("c1", origin.alias))
    relation = evolve(
        base, joins=(*base.joins, Joined(origin, "LEFT", on)), natural=False,
        notes=(*base.notes, f"{len(keys)} different inputs computed by the interpreter"),
    )  # fmt: skip
    facts = types.facts_of(array, kind)
    term = Scalar(t.column("c2", origin.alias), kind, storage, **{**facts, "nullable": True})
    text = t.column("c3", origin.alias) if failures else None
    return relation, Column(term, text, failures=tuple(failures))


# ---------------------------------------------------------------- pure functions


def is_pure(function: Any) -> bool:
    """Whether a function always gives the same for the same, after a bounded amount of work."""
    function = strip(function)
    if function.__class__ is not Function or function.spec is None:
        return False
    if function.spec.node is None:
        return function.spec.builtin is not None and _is_pure_builtin(function.spec.builtin.name)
    local: set[str] = {"_"}
    free: set[str] = set()
    for node in function.spec.node.walk():
        if not isinstance(node, _FORMS):
            return False
        if isinstance(node, (nodes.Parameter, nodes.Binding)):
            local.add(node.name)
        elif isinstance(node, nodes.Name):
            free.add(node.name)
    return all(name in local or _is_pure_name(function, name) for name in free)


def _is_pure_name(function: Function, name: str) -> bool:
    try:
        value = captured(function, name)
    except KeyError:
        try:
            value = registry.value_of(name)
        except KeyError:
            return False
    if value.__class__ is Thunk:
        value = force(value)
    value = strip(value)
    if value.__class__ is not Function:
        return value is None or value.__class__ in (bool, float, int, str)
    spec = value.spec
    return spec is not None and spec.builtin is not None and _is_pure_builtin(spec.builtin.name)


def _is_pure_builtin(name: str) -> bool:
    family = name.partition(".")[0].lower()
    return family in _PURE and not any(part in name for part in _VARYING)
