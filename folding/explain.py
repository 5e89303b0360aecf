"""What folds and why: one report per step of a query.

An indicator judges everything up to its step, in the words of the editor's step folding
indicators: "Folding", "Not folding", "Might fold" (decided while running), "Opaque" (data
in memory: there is nothing to fold to) and "Unknown" (no table, or an error).  Nothing is
run except what a step needs to know its own columns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property, partial
from typing import Any

from attrs import field, frozen

from folding import advice
from folding.boundary import boundaries, leaves, resumes
from folding.engines import remote
from folding.measuring import measured
from folding.plantree import Node, entered_plans, remote_break, shown_query, tree
from folding.shown import Shown, of_server
from folding.terms import CannotFold, Unfoldable
from mlang import session as sessions
from mlang.errors import MError
from mlang.tables import plan as p
from mlang.values.kinds import kind_of
from mlang.values.metadata import strip
from mlang.values.thunk import force

FOLDING, NOT_FOLDING, MIGHT_FOLD = "Folding", "Not folding", "Might fold"
OPAQUE, UNKNOWN = "Opaque", "Unknown"
#: What gives the names and values of queries.
Members = Callable[[], list[tuple[str, Any]]]
IN_MEMORY = "the data is in memory already"
MADE_HERE = "the interpreter makes the rows: there is nothing to fold to"
OFF, BUFFERED = "folding is turned off", "a buffer is filled by the interpreter"


@frozen
class StepReport:
    """One step: its name ("" is the query's result), the M function that made it, what folding says.

    ``engine`` runs the step; ``rows`` is the number of rows when it is known without reading;
    ``reason`` says why it does not fold, ``text`` gives what is sent when it does (written when somebody reads
    ``sql``, as that takes longer than all the rest for a long query); ``notes`` are remarks (relaxed sums; which
    parts of a step that does not fold run where); ``cure`` suggests a rewrite.
    """

    name: str
    function: str
    indicator: str
    engine: str = "interpreter"
    rows: int | None = None
    reason: str | None = None
    text: Callable[[], Shown] | None = field(default=None, repr=False, eq=False)
    notes: tuple[str, ...] = field(default=())

    @cached_property
    def shown(self) -> Shown | None:
        """What is sent to the engine, if the step folds, with what a reader needs to run and understand it."""
        return None if self.text is None else self.text()

    @property
    def sql(self) -> str | None:
        """The statement alone."""
        return None if self.shown is None else self.shown.sql

    @property
    def setup(self) -> tuple[str, ...]:
        """The statements that make the names of the SQL known to another DuckDB."""
        return () if self.shown is None else self.shown.setup

    @property
    def sql_notes(self) -> tuple[str, ...]:
        """Sentences about the SQL."""
        return () if self.shown is None else self.shown.remarks

    @property
    def cure(self) -> str | None:
        """A rewrite that folds, where one is known."""
        return (
            None if self.indicator in (FOLDING, OPAQUE, UNKNOWN) else advice.cure(self.reason, self.function)
        )


@frozen
class Explanation:
    """The reports of a query's steps, in order; printing it gives a small table."""

    steps: tuple[StepReport, ...]

    def __iter__(self) -> Iterator[StepReport]:
        return iter(self.steps)

    def __getitem__(self, name: str | int) -> StepReport:
        """A step by name or position."""
        if isinstance(name, int):
            return self.steps[name]
        for step in self.steps:
            if step.name == name:
                return step
        raise KeyError(name)

    @property
    def sql(self) -> str | None:
        """The query of the last step."""
        return self.steps[-1].sql if self.steps else None

    def as_dicts(self) -> list[dict[str, Any]]:
        """For JSON."""
        names = (
            "name", "function", "indicator", "engine", "rows", "reason", "cure", "sql", "setup", "sql_notes", "notes",
        )  # fmt: skip
        return [{n: getattr(step, n) for n in names} for step in self.steps]

    def __str__(self) -> str:
        lines = []
        for step in self.steps:
            because = f": {step.reason}" if step.reason else ""
            name = step.name or "(result)"
            lines.append(f"{name:<24} {step.function:<28} {step.indicator:<12} {step.engine}{because}")
        return "\n".join(lines)


def explain_steps(steps: list[tuple[str, Any]], members: Members = list) -> Explanation:
    """Reports on (name, value or thunk) pairs, as `Document.steps` gives them; ``members`` gives the names and
    values of the queries that were evaluated meanwhile (`Document.evaluated`), for the SQL that is shown."""
    failed: dict[str, str] = {}
    names: dict[int, str] = {}
    return Explanation(tuple(explain_step(name, value, failed, names, members) for name, value in steps))


def _named(names: Mapping[int, str], members: Members) -> dict[int, str]:
    """The names of tables by the `id` of their plans: of steps before queries."""
    tables = [(name, strip(value)) for name, value in members()]
    return {**{id(v.plan): name for name, v in tables if kind_of(v) == "table"}, **names}


def plan_tree(steps: list[tuple[str, Any]], run: bool = False, members: Members = list) -> Node | None:
    """The plan of the last step as a tree, with the M names of its steps; None when it is no table.

    With ``run`` the rows are read, and the boundaries carry what that cost.
    """
    names: dict[int, str] = {}
    last = None
    for name, value in steps:
        try:
            value = strip(force(value))
        except MError:
            last = None
            continue
        last = value if kind_of(value) == "table" else None
        if last is not None and name:
            names.setdefault(id(last.plan), name)
    if last is None:
        return None
    known = _named(names, members)
    return measured(last.plan, known) if run else tree(last.plan, known)


def explain_step(
    name: str, value: Any, failed: dict[str, str] | None = None, names: dict[int, str] | None = None,
    members: Members = list,
) -> StepReport:  # fmt: skip
    """The report of one step; ``failed`` are the errors of the steps before it, and which step raised each,
    ``names`` the names of the steps before it by the `id` of their plans: both grow."""
    try:
        value = strip(force(value))
    except MError as error:
        text = _one_line(error)
        first = name if failed is None else failed.setdefault(text, name)
        said = f"the step {first} raises" if first and first != name else f"the step raises {text}"
        return StepReport(name, "", UNKNOWN, reason=said)
    if kind_of(value) != "table":
        return StepReport(name, "", UNKNOWN, reason=f"the value is a {kind_of(value)}, not a table")
    names = {} if names is None else names
    try:
        return explain_plan(name, value.plan, _named(names, members))
    except MError as error:  # a source that went away meanwhile
        return StepReport(
            name, value.plan.function, UNKNOWN, reason=f"the source does not answer: {_one_line(error)}"
        )
    finally:
        if name:
            names.setdefault(id(value.plan), name)


def _one_line(error: MError) -> str:
    """An error's text; what an engine or operating system adds in further lines is left out."""
    return str(error).partition("\n")[0]


def explain_plan(name: str, plan: p.Plan, names: Mapping[int, str] | None = None) -> StepReport:
    """The report of a table's plan; ``names`` are those of steps by the `id` of their plans."""
    function, rows = plan.function, known_rows(plan)
    if all(isinstance(leaf, (p.Values, p.Rows)) for leaf in _origins(plan)):
        here = all(isinstance(leaf, p.Values) for leaf in _origins(plan))
        return StepReport(name, function, OPAQUE, rows=rows, reason=IN_MEMORY if here else MADE_HERE)
    if sessions.current().engine == "none":
        return StepReport(name, function, NOT_FOLDING, rows=rows, reason=OFF)
    if all(isinstance(leaf, (p.Values, p.Rows)) for leaf in leaves(plan)):
        step = " (Table.Buffer)" if function != "Table.Buffer" else ""
        return StepReport(name, function, NOT_FOLDING, rows=rows, reason=BUFFERED + step)
    if remote.has_tables(plan):
        return _in_a_database(name, plan)
    if sessions.current().engine == "spark":
        from folding.engines import spark

        found = spark.describe(plan)
        if not isinstance(found, CannotFold):
            own = [f"on the workers: {', '.join(found.workers)}"] if found.workers else []
            remarks = (*own, *found.relation.notes)
            return StepReport(
                name, function, FOLDING, "Spark", rows,
                text=lambda: Shown(found.sql(pretty=True)), notes=remarks,
            )  # fmt: skip
    try:
        query, text = shown_query(plan, names or {})
    except Unfoldable as no:
        step = f" ({no.step})" if no.step and no.step != function else ""
        indicator = MIGHT_FOLD if entered_plans(plan) else NOT_FOLDING
        notes = boundaries(plan)
        return StepReport(name, function, indicator, rows=rows, reason=no.reason + step, notes=notes)
    relation = query.relation
    engines = dict.fromkeys(getattr(leaf, "engine", "DuckDB") for leaf in relation.sources())
    return StepReport(name, function, FOLDING, ", ".join(engines), rows, text=text, notes=relation.notes)


def _origins(plan: p.Plan) -> Iterator[p.Plan]:
    """The leaves of a plan; where rows are buffered, those that the buffer was filled from."""
    stack = [plan]
    while stack:
        node = stack.pop()
        if not node.inputs:
            yield node
        stack.extend(node.inputs)


def _in_a_database(name: str, plan: p.Plan) -> StepReport:
    """The report of a plan over tables of databases: their queries, and what is done here."""
    found, parts = remote.describe(plan)
    if isinstance(found, remote.RemoteQuery):
        engine = remote.NAMES[found.server.dialect]
        written = partial(of_server, found)
        return StepReport(name, plan.function, FOLDING, engine, text=written, notes=found.relation.notes)
    notes = [f"{remote.NAMES[q.query.server.dialect]} runs the steps up to {q.plan.function}" for q in parts]
    found = remote_break(plan) or found
    step = f" ({found.step})" if found.step != plan.function else ""
    indicator = MIGHT_FOLD if resumes(plan) else NOT_FOLDING
    notes.append(
        "the interpreter runs the rest"
        if indicator == NOT_FOLDING
        else "DuckDB or the interpreter runs the rest"
    )
    return StepReport(
        name, plan.function, indicator, reason=found.reason + step, notes=tuple(dict.fromkeys(notes))
    )


def known_rows(plan: p.Plan) -> int | None:
    """The number of rows of a plan that keeps its source's rows, when that is known."""
    keeping = (
        p.Project,
        p.AddColumn,
        p.TransformColumns,
        p.ChangeTypes,
        p.Retype,
        p.Sort,
        p.AddIndex,
        p.Reverse,
    )
    while isinstance(plan, keeping):
        plan = plan.input
    if isinstance(plan, p.Values):
        return plan.length
    return plan.source.row_count() if isinstance(plan, p.Scan) else None
