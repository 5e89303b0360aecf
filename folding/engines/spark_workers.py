"""Steps that have no SQL form, done by Python on the workers of the cluster over Arrow batches.

A run of row-wise steps (`spark_parcels.ROW_WISE`) of which one does not fold is taken together: what stands below is a
query, whose rows go through ``mapInArrow`` on the workers (``spark_worker.py``), and a view of what they give is a
leaf (`WorkerOrigin`) that SQL goes on with.  Row numbers pass through.  A column that may hold errors is two: the
values, and the errors with their records, as texts; a column whose cells may be of any kind is a text per cell
(``spark_cells.py``).  SQL over a cell that holds an error stops the query, as everywhere.

Workers need mlang in the same version; a server is asked once (`missing`), and where it is not there the session does
the steps.  Read ``spark.py`` for who asks for workers.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from functools import partial
from typing import Any
from weakref import WeakKeyDictionary

from attrs import evolve, frozen

from folding import terms as t
from folding import types
from folding.engines import spark_parcels, spark_worker
from folding.engines.spark_cells import Unsendable, decoded, error_cell
from folding.engines.spark_leaves import SparkOrigin
from folding.engines.spark_server import frame_of
from folding.relations import Column, Context, Relation
from folding.repairs import redone
from folding.terms import Scalar, Unfoldable
from mlang import session as sessions
from mlang.tables import plan as p

#: Marks a column whose cells travel as texts (`Scalar.inside`).
CELL = "cell"
#: In the place of `Column.failures`: the errors of the column come with their records, as texts.
RECORDS = ("records",)
#: Kinds that have a column type of their own on a cluster.
_TYPED = frozenset(["number", "text", "logical", "date", "datetime", "duration"])
_DDL = {"DOUBLE": "DOUBLE", "BIGINT": "BIGINT", "VARCHAR": "STRING", "BOOLEAN": "BOOLEAN", "DATE": "DATE",
        "TIMESTAMP": "TIMESTAMP_NTZ"}  # fmt: skip
#: Parcels above this are not sent.
_MOST = 4_000_000
_answers: WeakKeyDictionary[Any, str] = WeakKeyDictionary()


def known_missing(server: Any) -> str:
    """The same of a server that was asked before; empty of any other."""
    return _answers.get(server, "") if server is not None else ""


def missing(server: Any) -> str:
    """Why the workers of a server cannot run mlang; empty when they can."""
    if server not in _answers:
        _answers[server] = _asked(server)
    return _answers[server]


def _asked(server: Any) -> str:
    from folding.engines.spark_server import Refusal

    def ask(session: Any) -> Any:
        found = session.sql("SELECT 1L AS c1").mapInArrow(spark_worker.about, "c1 STRING").toArrow()
        return found.column(0)[0].as_py()

    try:
        found = server.execute(ask)
    except Refusal:
        return "mlang can't be imported on the workers"
    wanted = spark_worker.here()
    return "" if found == wanted else f"the workers have {found}, here is {wanted}"


# ---------------------------------------------------------------- leaves


class Inner:
    """The query that gives workers their rows: the names and types of its outputs."""

    def __init__(
        self, base: Relation, chosen: list[tuple[str, Any]], dialect: str, off: frozenset[str]
    ) -> None:
        from folding.engines.spark_query import RENDERERS, check_sums, leaves_of

        self.names = [name for name, _ in chosen]
        self.tree = base.select(chosen, ordered=base.limit is not None or bool(base.offset))
        self.leaves = leaves_of(base)
        check_sums(self.tree, self.leaves)
        self._make = (RENDERERS[dialect], off)
        self.types: list[str] = []
        self.text()

    def text(self) -> str:
        """The query over the views that stand for the leaves now."""
        kind, off = self._make
        printer = kind({o.alias: o for o in self.leaves}, off)
        text, self.types = printer.query(self.tree)
        if not set(self.types) <= {*_DDL, "NULL", "DECIMAL"}:
            raise Unfoldable("rows of a type that workers do not get")
        return text


class WorkerOrigin(SparkOrigin):
    """What workers make of the rows of a query."""

    def __init__(
        self, alias: str, label: str, query: Inner, parcel: dict[str, Any], storages: list[str]
    ) -> None:
        super().__init__(alias, label, storages)
        self.query, self.parcel = query, parcel

    def type_of(self, name: str) -> str:
        """x1.. are errors, r1.. row numbers and what else the rows are ordered by."""
        if name[0] == "c":
            return self.storages[int(name[1:]) - 1]
        return "VARCHAR" if name[0] == "x" else str(self.query.types[self.query.names.index(name)])

    def open(self, server: Any) -> None:
        for origin in self.query.leaves:
            origin.open(server)
        name, text = f"mlang_made_{uuid.uuid4().hex}", self.query.text()
        work = partial(spark_worker.work, json.dumps(self.parcel))

        def make(session: Any) -> None:
            frame = frame_of(session, text)
            below = {field.name: field.dataType.simpleString() for field in frame.schema.fields}
            fields = []
            for output in self.parcel["outputs"]:
                if "from" in output:
                    type = below[output["to"] if output["to"][0] == "r" else self.query.names[output["from"]]]
                    type = "string" if type == "void" else type
                else:
                    kind = output["kind"]
                    type = "STRING" if kind in ("cell", "error") else _DDL[types.storage_of(kind)]
                fields.append(f"{output['to']} {type}")
            frame.mapInArrow(work, ", ".join(fields)).createOrReplaceTempView(name)

        server.execute(make)
        self.made.append(name)
        self.view = name

    def release(self, server: Any) -> None:
        """Lets the views go, and those below."""
        super().release(server)
        for origin in self.query.leaves:
            origin.release(server)


# ---------------------------------------------------------------- compiling


@frozen
class _Stage:
    """Steps that are done together, over a relation; ``origin`` is what they make."""

    base: Relation
    nodes: tuple[Any, ...]


class Workers:
    """One compilation with workers: ``dialect`` and ``off`` say what the server prints.

    ``careful`` sends steps that may raise for a row to the workers too, which make error cells of it.
    """

    def __init__(self, dialect: str, off: frozenset[str], careful: bool = False) -> None:
        self.dialect, self.off, self.careful = dialect, off, careful
        #: The steps that workers do, by the `id` of their plan.
        self.nodes: dict[int, p.Plan] = {}
        self._stages: dict[int, _Stage] = {}
        self._failed: dict[int, tuple[Any, Unfoldable]] = {}

    def compiled(self, node: p.Plan, context: Context, compile: Any) -> Relation:
        """The relation of a node: in SQL if the server prints it, else by workers."""
        known = self._failed.get(id(node))
        if known is not None:
            raise known[1]
        try:
            relation: Relation = compile(node, context)
            if not isinstance(node, spark_parcels.ROW_WISE) or isinstance(node, (p.Project, p.Retype)):
                return relation
            self._printed(relation)
            if not (self.careful and _may_raise(relation)):
                return relation
            because = Unfoldable("rows for which the server raises")
        except Unfoldable as no:
            because = no
        because.step = because.step or node.function
        try:
            if not isinstance(node, spark_parcels.ROW_WISE):
                raise because
            return self._stage(node, context)
        except Unfoldable as no:
            self._failed[id(node)] = (node, no)
            raise

    @property
    def steps(self) -> tuple[str, ...]:
        """The functions of the steps that workers do."""
        found = [n.function for n in self.nodes.values() if not isinstance(n, (p.Project, p.Retype))]
        return tuple(dict.fromkeys(found))

    def _printed(self, relation: Relation) -> None:
        """Raises `Unfoldable` when the server has not all forms."""
        from folding.engines.spark_query import SparkQuery

        SparkQuery(relation, dialect=self.dialect, off=self.off)

    def _stage(self, node: Any, context: Context) -> Relation:
        """The steps from a node down to one that SQL does, or to what workers do already."""
        chain, below = [node], node.input
        while isinstance(below, spark_parcels.ROW_WISE) and id(below) not in self._stages:
            chain.append(below)
            below = below.input
        found = self._stages.get(id(below))
        if found is not None:  # what SQL would do in between goes along: rows need not go to and fro
            try:
                return self._made(found.base, (*found.nodes, *reversed(chain)), chain, context)
            except Unfoldable:
                pass
        for length in range(1, len(chain) + 1):
            part = chain[:length]
            try:
                base = context.child(part[-1].input)
                return self._made(base, tuple(reversed(part)), part, context)
            except Unfoldable as no:
                because = no
        raise because

    def _made(
        self, base: Relation, nodes: tuple[Any, ...], chain: Sequence[Any], context: Context
    ) -> Relation:
        relation = made(base, nodes, context, self.dialect, self.off)
        self._stages[id(chain[0])] = _Stage(base, nodes)
        self.nodes.update((id(n), n) for n in reversed(chain))
        return relation


def _may_raise(relation: Relation) -> bool:
    """Whether a row may stop the query here."""
    return any(c.term.raises or c.text is not None for c in relation.columns) or any(
        w.raises for w in relation.where
    )


def made(
    base: Relation, nodes: Sequence[Any], context: Context, dialect: str, off: frozenset[str]
) -> Relation:
    """The relation of what workers make of a relation's rows by some steps."""
    if base.strict:
        raise Unfoldable("conditions that may raise in an order that the engine chooses")
    session = sessions.current()
    try:
        parcel = spark_parcels.Parcel(bool(session.time_zone))
        steps = [parcel.step(node) for node in nodes]
        below = _Below(base, nodes, dialect, off)
    except (Unsendable, types.Untyped) as no:
        raise Unfoldable(f"not done on the workers: {no}") from None
    outputs, columns = [], []
    alias = context.alias()
    for index, (name, place) in enumerate(below.origins(), 1):
        c = f"c{index}"
        sent = below.passed(c, f"x{index}", place) if place is not None else _made_anew(c, index, name, below)
        outputs += sent
        columns.append(_column(alias, index, base, place, below.kinds.get(name)))
    for index, _ in enumerate(base.order, 1):
        outputs.append({"to": f"r{index}", "from": below.query.names.index(f"r{index}")})
    sending = {
        "session": {"culture": session.culture, "zone": session.time_zone, "mode": session.number_mode},
        "steps": steps, "inputs": below.inputs, "outputs": outputs,
    }  # fmt: skip
    if len(json.dumps(sending)) > _MOST:
        raise Unfoldable("not done on the workers: the constants are too large to be sent")
    storages = ["VARCHAR" if c.term.inside == CELL else c.term.storage for c in columns]
    origin = WorkerOrigin(alias, " ".join(n.function for n in nodes), below.query, sending, storages)
    origin.rows = base.rows
    order = tuple(evolve(key, sql=t.column(f"r{i}", alias)) for i, key in enumerate(base.order, 1))
    raises = base.raises or any(isinstance(n, p.SelectRows) for n in nodes)
    return Relation(
        context, origin, tuple(columns), order, natural=False, raises=raises, rows=base.rows, notes=base.notes
    )


def _made_anew(c: str, index: int, name: str, below: _Below) -> list[dict[str, Any]]:
    return [
        {"to": c, "column": name, "kind": below.kinds[name] or CELL},
        {"to": f"x{index}", "column": name, "kind": "error"},
    ]


def _column(alias: str, index: int, base: Relation, place: int | None, kind: str | None) -> Column:
    """A column of the result: passed on, or made by workers."""
    value, error = t.column(f"c{index}", alias), t.column(f"x{index}", alias)
    if place is not None:
        old = base.columns[place]
        term = evolve(t.renamed(old.term, value), raises=old.term.raises)
        return evolve(old, term=term, text=None if old.text is None else error)
    if kind is None:
        return Column(Scalar(value, "any", "VARCHAR", inside=CELL), error, failures=RECORDS)
    return Column(Scalar(value, kind, types.storage_of(kind)), error, failures=RECORDS)


class _Below:
    """What steps need of the rows below, and what becomes of the columns."""

    def __init__(self, base: Relation, nodes: Sequence[Any], dialect: str, off: frozenset[str]) -> None:
        self.base = base
        names = nodes[0].input.schema.names
        #: Where each column of the last step comes from: a place below, or None when it is made anew.
        current: dict[str, int | None] = {name: i for i, name in enumerate(names)}
        needed: set[int] = set()
        #: The kinds of columns that are made anew; None: of any kind.
        self.kinds: dict[str, str | None] = {}
        for node in nodes:
            needed.update(i for n in spark_parcels.reads(node) if (i := current[n]) is not None)
            current = self._after(node, current)
        self.current = current
        chosen = self._chosen(names, needed)
        self.query = Inner(base, chosen, dialect, off)
        self.inputs = [self._input(i, names[i]) for i in sorted(needed)]

    def _after(self, node: Any, current: dict[str, int | None]) -> dict[str, int | None]:
        """Where columns come from after a step."""
        if isinstance(node, (p.Project, p.Retype)):
            olds = (
                [old for _, old in node.columns] if isinstance(node, p.Project) else node.input.schema.names
            )
            pairs = list(zip(node.schema.names, olds, strict=True))
            kinds = {new: self.kinds.get(old) if old is not None else None for new, old in pairs}
            self.kinds = kinds
            return {new: None if old is None else current[old] for new, old in pairs}
        anew = [node.column] if isinstance(node, p.AddColumn) else list(spark_parcels.changed(node))
        for name in anew:
            self.kinds[name] = _kind(node, name, self.base if current.get(name) is None else None, self.kinds)
        return {name: None if name in anew else current[name] for name in node.schema.names}

    def _chosen(self, names: Sequence[str], needed: set[int]) -> list[tuple[str, Any]]:
        """The outputs of the query below."""
        wanted = needed | {i for i in self.current.values() if i is not None}
        chosen: list[tuple[str, Any]] = []
        for index, column in enumerate(self.base.columns):
            if index not in wanted:
                continue
            known = (
                column.term.kind in types.KINDS or column.term.kind == "null" or column.term.inside == CELL
            )
            if index in needed and (not known or (column.text is not None and column.failures != RECORDS)):
                raise Unfoldable(f"workers do not read the column '{names[index]}'")
            chosen.append((f"c{index + 1}", column.term.sql))
            if column.text is not None:
                chosen.append((f"x{index + 1}", column.text))
        chosen += [(f"r{i}", key.sql) for i, key in enumerate(self.base.order, 1)]
        return chosen

    def _input(self, index: int, name: str) -> dict[str, Any]:
        column = self.base.columns[index]
        kind = CELL if column.term.inside == CELL else column.term.kind
        at, error = self.query.names.index(f"c{index + 1}"), f"x{index + 1}"
        errors = self.query.names.index(error) if column.text is not None else None
        return {"name": name, "at": at, "kind": kind, "errors": errors}

    def origins(self) -> list[tuple[str, int | None]]:
        """The columns of the result and where they come from."""
        return list(self.current.items())

    def passed(self, c: str, x: str, place: int) -> list[dict[str, Any]]:
        """A column that is as it was."""
        sent = [{"to": c, "from": self.query.names.index(f"c{place + 1}")}]
        if self.base.columns[place].text is not None:
            sent.append({"to": x, "from": self.query.names.index(f"x{place + 1}")})
        return sent


def _kind(node: Any, name: str, base: Any, before: dict[str, str | None]) -> str | None:
    """The kind that cells made anew are expected to be of; None when nothing is known."""
    found: str | None = node.schema.types[node.schema.index(name)].kind
    if found not in _TYPED and isinstance(node, p.AddColumn):
        found = spark_parcels.kind_of_result(node.value)
    if found not in _TYPED and isinstance(node, p.TransformColumns):
        found = spark_parcels.kind_of_result(dict(node.transforms)[name])
    if found not in _TYPED and isinstance(node, (p.ReplaceErrors, p.ErrorRows)):
        found = before.get(name)
    return found if found in _TYPED else None


# ---------------------------------------------------------------- results


def cells_of(part: Any, columns: Sequence[Column], odd: list[int]) -> list[list[Any]]:
    """The cells of a result; ``odd`` are the numbers of columns that hold errors, or texts to convert."""
    found = []
    for index, column in enumerate(columns, 1):
        array = part.column(f"c{index}")
        if column.term.inside == CELL:
            cells = [decoded(text) for text in array.to_pylist()]
        else:
            cells = types.to_values(array, column.term.kind)
        if index in odd:
            _patch(cells, column, part.column(f"x{index}").to_pylist())
        found.append(cells)
    return found


def _patch(cells: list[Any], column: Column, texts: list[Any]) -> None:
    """Puts errors, or what the interpreter makes of texts, in their places."""
    places = [i for i, text in enumerate(texts) if text is not None]
    if column.failures == RECORDS:
        for place in places:
            cells[place] = error_cell(texts[place])
        return
    for place, cell in zip(places, redone(column, [texts[i] for i in places]), strict=True):
        cells[place] = cell
