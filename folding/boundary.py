"""Where folding stops: the largest pieces that an engine does exactly, and the rest.

`run_plan` is the session's runner.  A plan that folds whole is one query.  Else its
largest foldable sub-plans become `Piece` sources under a plan that the interpreter runs;
and where a heavy step (join, sort, group) stands above something that does not fold, what
the interpreter makes enters the engine again as Arrow data, if it is typed and large.
A query that fails, for whatever reason, is run by the interpreter instead, which gives the
rows, or M's error.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from typing import Any

from attrs import evolve
from sqlglot import exp

from folding.by_values import computed_by_values
from folding.common import ways
from folding.csv_stream import learnt
from folding.inputs import nodes_of, with_inputs
from folding.relations import Column, Context, Relation, compile_node
from folding.streaming import Stopped, computed_columns
from folding.terms import CannotFold, Scalar, Unfoldable
from folding.waiting import is_steady, read_now
from mlang import session as sessions
from mlang.errors import Cancelled, MError
from mlang.tables import plan as p
from mlang.tables.access import in_memory
from mlang.tables.arrow_pass import arrow_pass
from mlang.tables.batches import memory
from mlang.tables.column import Column as Part
from mlang.tables.local import run_local
from mlang.tables.plan import Batch, Source
from mlang.tables.schema import projected
from mlang.tables.simplify import one_pass, prune

#: Rows already in Python below which the interpreter is faster (docs/decisions/when-to-fold.md).
SMALL = 10_000
#: Under which name a session keeps what the interpreter did for queries that were made a second time.
REPAIRED = "folding.repaired"
#: Looking at so few rows of a streaming plan does not start an engine.
GLANCE = 200
_HEAVY = (p.Join, p.NestedJoin, p.Sort, p.Group, p.Distinct, p.Pivot)
#: Steps whose functions may be computed for their different inputs (`by_values.py`).
BY_VALUES = (p.AddColumn, p.TransformColumns)
_STREAMING = (
    p.Scan, p.Project, p.AddColumn, p.TransformColumns, p.ChangeTypes, p.Take, p.Drop, p.Retype, p.Rows,
    p.Values, p.ReplaceValue, p.AddIndex, p.ReplaceErrors,
)  # fmt: skip


def run_plan(plan: p.Plan, columns: Sequence[str] | None = None, limit: int | None = None) -> Iterator[Batch]:
    """The plan's rows as batches of the named columns (None: all); the runner of sessions."""
    session = sessions.current()
    if isinstance(plan, p.Whole):
        return _whole(plan.input, session)
    if isinstance(plan, p.Steady):
        here = session.engine == "auto" and _is_small(plan)
        return iter([Batch([], 0)] if not here and is_steady(plan.input, session) else [])
    if session.engine != "none" and "mlang.connectors.databases" in sys.modules:
        from folding.engines import remote

        if remote.has_tables(plan):
            return remote.run(plan, columns, limit)
    if session.engine == "spark":
        from folding.engines import spark

        return spark.run(plan, columns, limit)
    if session.engine == "none" or (
        in_memory(plan) is not None  # the tables of a nested join are many, and a query each takes long
        if session.engine == "duckdb"
        else _is_small(plan) or _is_pass(plan) or _is_glance(plan, limit)
    ):
        return run_local(plan, columns, limit)
    return _folded(plan, columns, limit, session)


def _whole(plan: p.Plan, session: sessions.Session) -> Iterator[Batch]:
    """The rows of a plan that folds whole; of another one, or when the query fails, none."""
    if session.engine == "none" or (session.engine != "duckdb" and (_is_small(plan) or _is_pass(plan))):
        return iter(())
    if "mlang.connectors.databases" in sys.modules:
        from folding.engines import remote

        if remote.has_tables(plan):
            return remote.answer(plan)
    pruned = prune(plan, plan.schema.names)
    try:
        query = _query(fold(pruned, proves=True), False, plan, None, None)
        read_now(plan)
    except Unfoldable:
        return iter(())
    return _guarded(query, False, plan, None, None, pruned, local=False)


def leaves(plan: p.Plan) -> Iterator[p.Plan]:
    stack = [plan]
    while stack:
        node = stack.pop()
        below = (node.cell[0],) if isinstance(node, p.Buffer) and node.cell else node.inputs
        if not below:
            yield node
        stack.extend(below)


def _is_small(plan: p.Plan) -> bool:
    """Whether all data is in memory already, and little."""
    rows = 0
    for leaf in leaves(plan):
        if isinstance(leaf, p.Values):
            rows += leaf.length
        elif not isinstance(leaf, p.Rows):
            return False
    return rows < SMALL


def _is_pass(plan: p.Plan) -> bool:
    """Whether an engine would still be loading when the interpreter is done."""
    return one_pass(plan) or arrow_pass(plan)


def _is_glance(plan: p.Plan, limit: int | None) -> bool:
    """Whether only the first rows of a plan that streams are wanted."""
    if limit is None or limit > GLANCE:
        return False
    node = plan
    while isinstance(node, _STREAMING):
        if not node.inputs:
            return True
        node = node.inputs[0]
    return False


def _folded(
    plan: p.Plan, columns: Sequence[str] | None, limit: int | None, session: sessions.Session
) -> Iterator[Batch]:
    names = plan.schema.names if columns is None else tuple(columns)
    counting = not names
    possible = ways(plan, names)
    pruned = possible[-1]
    for whole in possible:
        try:
            relation = fold(whole, proves=True)
            query = _query(relation, counting, plan, columns, limit)
            read_now(plan)
            return _guarded(query, counting, plan, columns, limit, pruned)
        except Unfoldable:
            continue
    if resumes(pruned):
        try:
            relation = fold(pruned, resume=True)
            query = _query(relation, counting, plan, columns, limit)
            return _guarded(query, counting, plan, columns, limit)
        except Unfoldable:
            pass
        except MError:  # which error comes first, if any, is for the interpreter to say
            return run_local(plan, columns, limit)
    return run_local(with_pieces(pruned), None, limit)


def resumes(plan: p.Plan) -> bool:
    """Whether what the interpreter makes below a heavy step may enter the engine again."""
    return any(isinstance(node, _HEAVY) for node in nodes_of(plan))


# ---------------------------------------------------------------- compiling


def fold(
    plan: p.Plan,
    resume: bool = False,
    entered: list[p.Plan] | None = None,
    repairs: Any = None,
    proves: bool = False,
) -> Relation:
    """The relation of a whole plan; `Unfoldable` when some step has no exact form.

    With ``entered`` nothing is run: what the interpreter would make for the engine is listed there
    and taken to be what its column types claim.
    """
    session = sessions.current()

    above: list[p.Plan] = []  # the steps that are being compiled, outermost first
    tried: list[p.Plan] = []  # what the interpreter was asked to make for the engine, in vain
    computed_once: dict[int, Relation] = {}  # steps above that fail ask for theirs twice

    def child(node: p.Plan) -> Relation:
        above.append(node)
        try:
            return _compiled(node, context, resume and entered is None)
        except Unfoldable as no:
            no.step = no.step or node.function
            if not resume or not _pays(above) or (tried and not isinstance(node, BY_VALUES)):
                raise
            failure = no
        finally:
            above.pop()
        if entered is not None:
            entered.append(node)
            return _claimed(node, context)
        return resumed(node, failure)

    def resumed(node: p.Plan, failure: Unfoldable) -> Relation:
        """What the interpreter makes of a step, or computes for its different inputs."""
        first = not tried
        tried.append(node)
        above.append(node)
        try:
            if isinstance(node, BY_VALUES):
                if id(node) not in computed_once:
                    computed_once[id(node)] = computed_by_values(node, context)
                return computed_once[id(node)]
        except Unfoldable:
            pass
        finally:
            above.pop()
            tried.pop()
        if not first:
            raise failure
        tried.append(node)
        relation = _interpreted(node, context)
        tried.pop()
        return relation

    context = Context(child, session.number_mode)
    context.repairs, context.proves = repairs, proves
    context.runs = proves or repairs is not None or (resume and entered is None)
    context.reads_all = proves and any(isinstance(node, (*_HEAVY, p.Append)) for node in nodes_of(plan))
    return learnt(context, lambda: child(plan)) if context.reads_all else child(plan)


def _compiled(node: p.Plan, context: Context, reads: bool) -> Relation:
    """One step's relation; with ``reads`` a buffer's rows are read before."""
    if isinstance(node, p.Values):
        return _values(node, context)
    if reads and isinstance(node, p.Buffer) and not node.cell:
        from mlang.tables.local_rows import buffered

        buffered(node)
    relation = compile_node(node, context)
    context.note(relation, node)
    return relation


def _pays(above: list[p.Plan]) -> bool:
    """Whether the last of these nested steps is worth entering the engine: a heavy step takes all its rows."""
    if any(isinstance(step, p.Take) and step.count == 0 for step in above):
        return False  # no row of it is wanted
    return any(isinstance(step, _HEAVY) and not isinstance(step, p.NestedJoin) for step in above[:-1])


def try_fold(plan: p.Plan) -> Relation | CannotFold:
    """The relation, or the step that does not fold and why."""
    try:
        return fold(plan)
    except Unfoldable as no:
        return CannotFold(no.step or plan.function, no.reason)


def counted(relation: Relation, limit: int | None = None) -> Relation:
    """One row: how many rows the relation has, of which no more than ``limit`` are looked for."""
    if relation.order_may_raise():
        raise Unfoldable("the order may raise, which counting would not notice")
    if limit is not None and relation.natural:
        relation = evolve(relation, limit=limit if relation.limit is None else min(limit, relation.limit))
    inner = relation.closed()
    number = Scalar(exp.Count(this=exp.Star()), "number", "BIGINT", False, nonan=True, int53=True)
    return evolve(inner, columns=(Column(number),), order=(), natural=True)


def _values(node: p.Values, context: Context) -> Relation:
    """Columns in memory, when each is of one kind."""
    names = node.schema.names
    return _enter(memory(node, names), node.length, names, "#table", context)


def _enter(
    columns: Sequence[Part], length: int, names: tuple[str, ...], label: str, context: Context
) -> Relation:
    """Columns as an Arrow table the engine reads."""
    import pyarrow as pa

    from folding import types
    from folding.sources import over_arrow

    arrays, proven = [], []
    for name, part in zip(names, columns, strict=True):
        try:
            kind, array = types.typed_array(part)
        except types.Untyped as no:
            raise Unfoldable(f"column '{name}' has {no}") from None
        arrays.append(array)
        storage = "VARCHAR" if kind == "null" else types.storage_of(kind)
        proven.append(Scalar(exp.Null(), kind, storage, **types.facts_of(array, kind)))
    if not arrays:
        arrays, hidden = [pa.nulls(length, pa.string())], [Scalar(exp.Null(), "null", "VARCHAR")]
        base = over_arrow(context, pa.table(arrays, names=["c1"]), label, hidden)
        return evolve(base, columns=())
    data = pa.table(arrays, names=[f"c{i}" for i in range(1, len(arrays) + 1)])
    return over_arrow(context, data, label, proven)


def _interpreted(node: p.Plan, context: Context) -> Relation:
    """What the interpreter makes of a plan, for the engine to go on with: batch by batch, if there are many.

    The first rows are made here; they say what the columns are.
    """
    rest = iter(run_local(with_pieces(node), None, None))
    first: list[Batch] = []
    length = 0
    while length < SMALL:
        batch = next(rest, None)
        if batch is None:
            break
        first.append(batch)
        length += batch.length
    names = node.schema.names
    if length >= SMALL and names:
        return _streamed(node, first, rest, context)
    if length < SMALL and sessions.current().engine != "duckdb":
        raise Unfoldable("few rows, already in memory")
    first.extend(rest)
    columns = [Part(cells) for cells in computed_columns(first, names)]
    return _enter(columns, sum(b.length for b in first), names, node.function, context)


def _claimed(node: p.Plan, context: Context) -> Relation:
    """A relation in place of what the interpreter would make, for `explain`."""
    from folding import types
    from folding.sources import ClaimedOrigin, relation

    kinds = [t.kind if t.kind in types.KINDS else "text" for t in node.schema.types]
    scalars = [Scalar(exp.Null(), kind, types.storage_of(kind)) for kind in kinds]
    return relation(context, ClaimedOrigin(context.alias()), scalars, None)


def boundaries(plan: p.Plan) -> tuple[str, ...]:
    """Where a plan that does not fold whole passes between the engine and the interpreter; nothing is run."""
    notes: list[str] = []
    middle: list[p.Plan] = []
    if resumes(plan):
        try:
            fold(plan, resume=True, entered=middle)
        except Unfoldable:
            middle = []
    for part in middle or [plan]:
        for leaf in leaves(with_pieces(part)):
            if isinstance(leaf, p.Scan) and isinstance(leaf.source, Piece):
                notes.append(f"DuckDB runs the steps up to {leaf.source.plan.function}")
        if middle:
            notes.append(f"the interpreter runs the steps up to {part.function}")
        elif notes:
            notes.append("the interpreter runs the rest")
    if middle:
        notes.append("DuckDB goes on from there, reading batch by batch, if there are many rows")
    return tuple(dict.fromkeys(notes))


def _streamed(node: p.Plan, first: list[Batch], rest: Iterator[Batch], context: Context) -> Relation:
    from folding import types
    from folding.sources import relation
    from folding.streaming import StreamOrigin, kinds_of

    kinds = kinds_of(first, node.schema.names)
    origin = StreamOrigin(context.alias(), node.function, kinds, first, rest)
    scalars = [
        Scalar(exp.Null(), kind, "VARCHAR" if kind == "null" else types.storage_of(kind)) for kind in kinds
    ]
    return relation(context, origin, scalars, None)


# ---------------------------------------------------------------- running


def _query(
    relation: Relation, counting: bool, plan: p.Plan, columns: Sequence[str] | None, limit: int | None
) -> Any:
    from folding.engines.duckdb import Query

    if counting:
        relation = counted(relation, limit)
    schema = None
    if not counting:
        names = plan.schema.names if columns is None else columns
        schema = plan.schema if columns is None else projected(plan.schema, [(n, n) for n in names])
    return Query(relation, None if counting else limit, schema)


def _guarded(
    query: Any, counting: bool, plan: p.Plan, columns: Sequence[str] | None, limit: int | None,
    again: p.Plan | None = None,
    local: bool = True,
) -> Iterator[Batch]:  # fmt: skip
    """The query's rows; when it fails, those of a second query in which the interpreter has done the odd
    cells (of the plan ``again``), else the interpreter's (if ``local``), from where it stopped."""
    import duckdb
    import pyarrow as pa

    done = 0
    try:
        for batch in query.batches():
            if counting:
                batch = Batch([], int(batch.columns[0][0]))
                if batch.length == 0:
                    continue
            done += batch.length
            yield batch
        # a join that found one side empty may not have looked at the other, where M would raise
        if done or not query.relation.strict:
            if not local:
                yield Batch([[] for _ in query.columns], 0)
            return
    except duckdb.InterruptException as stop:
        raise Cancelled("the engine was stopped") from stop
    except (duckdb.Error, pa.ArrowException, OSError, Stopped, MError) as failure:
        if isinstance(failure, MError) and failure.final:
            raise
        if again is not None and isinstance(
            failure, (duckdb.InvalidInputException, duckdb.ConversionException)
        ):
            second = _repaired(again, counting, plan, columns, limit)
            if second is not None:
                yield from skipped(_guarded(second, counting, plan, columns, limit, local=local), done)
                return
    if local:
        yield from skipped(run_local(plan, columns, limit), done)


def _repaired(
    again: p.Plan, counting: bool, plan: p.Plan, columns: Sequence[str] | None, limit: int | None
) -> Any:
    """A query of the same plan with its odd cells computed by the interpreter; None when there is none."""
    import duckdb
    import pyarrow as pa

    from folding.repairs import Repairs

    repairs = Repairs()
    try:
        query = _query(fold(again, repairs=repairs), counting, plan, columns, limit)
    except (Unfoldable, duckdb.Error, pa.ArrowException, OSError):
        return None
    if not repairs.made:
        return None
    sessions.current().fixed.setdefault(REPAIRED, []).extend(query.relation.notes)  # for `explain` with a run
    return query


def skipped(batches: Iterator[Batch], count: int) -> Iterator[Batch]:
    """All but the first rows."""
    for batch in batches:
        if count >= batch.length:
            count -= batch.length
            continue
        yield batch if not count else Batch([c[count:] for c in batch.columns], batch.length - count)
        count = 0


class Piece(Source):
    """A foldable sub-plan under one that the interpreter runs."""

    def __init__(self, plan: p.Plan) -> None:
        self.plan = plan
        self.label = f"folded {plan.function}"

    def batches(self, columns: list[str] | None, limit: int | None) -> Iterator[Batch]:
        if columns is None or columns:
            return run_plan(self.plan, columns, limit)
        # Only how many rows there are: a plan that folds need not fold as a count, and would come here again.
        return (Batch([], batch.length) for batch in run_plan(self.plan, None, limit))


def with_pieces(plan: p.Plan) -> p.Plan:
    """The plan for the interpreter, its largest foldable sub-plans replaced by scans of their results."""
    return with_inputs(plan, _piece)


def _piece(plan: p.Plan) -> p.Plan:
    if not plan.inputs or isinstance(plan, p.Buffer):
        return plan
    if not _is_small(plan):
        try:
            from folding.engines.duckdb import Query

            Query(fold(plan))
            names = plan.schema.names
            return p.Scan(plan.schema, Piece(plan), names, plan.function)
        except Unfoldable:
            pass
    return with_pieces(plan)
