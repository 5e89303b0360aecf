"""Source databases as engines: the steps that a database does exactly, as one query of it.

`run` takes a plan over tables of databases, finds its largest parts that stand in one database and print there
whole (`render`), and puts a `RemoteSource` in the place of each.  What stands above is folded to DuckDB or
interpreted as over any source, so a join across two databases goes through DuckDB.  A query that fails there is
done by the interpreter, which gives the rows, or M's error.

Read ``renderer.py`` for how a query is printed, ``probes.py`` for what a server is asked before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from attrs import evolve
from sqlglot import exp
from sqlglot.errors import ParseError

from folding import terms as t
from folding.common import marked, settled, with_definitions
from folding.engines.renderer import Renderer, Typed
from folding.engines.server_steps import STEPS
from folding.inputs import with_inputs
from folding.instants import is_fine
from folding.mixed import decimal_and_double, is_split
from folding.origins import Origin
from folding.related import RelatedRows
from folding.relations import Column, Context, Key, Relation, compile_node
from folding.terms import CannotFold, Scalar, Unfoldable
from mlang import session as sessions
from mlang.connectors.databases import SqlSource, decoded
from mlang.connectors.servers import Failure, Refused
from mlang.tables import plan as p
from mlang.tables.local import run_local
from mlang.tables.plan import Batch, Source
from mlang.tables.simplify import prune

#: What engines are called in reports.
NAMES = {"postgres": "PostgreSQL", "mysql": "MySQL", "sqlserver": "SQL Server", "sqlite": "SQLite"}


def renderer_class(dialect: str) -> type[Renderer]:
    """The renderer of a dialect."""
    if dialect == "postgres":
        from folding.engines.postgres import PostgresRenderer

        return PostgresRenderer
    if dialect == "sqlite":
        from folding.engines.sqlite import SqliteRenderer

        return SqliteRenderer
    if dialect == "mysql":
        from folding.engines.mysql import MySqlRenderer

        return MySqlRenderer
    from folding.engines.sqlserver import SqlServerRenderer

    return SqlServerRenderer


class RemoteOrigin(Origin):
    """A table of a source database; its rows are put in by the renderer."""

    rows: int | None = None
    #: Whether a step asks which cells are errors: then all columns are checked, also those nobody reads.
    inspected = False

    def __init__(self, alias: str, source: SqlSource) -> None:
        super().__init__(alias)
        self.source, self.label = source, source.label
        self.engine = NAMES[source.server.dialect]

    def render(self, needed: set[str]) -> Any:
        names = [exp.to_identifier(n) for n in sorted(needed, key=lambda n: (n[0], int(n[1:])))]
        function = exp.Anonymous(this="source", expressions=names)
        return exp.Table(this=function, alias=exp.TableAlias(this=exp.to_identifier(self.alias)))


#: Types that travel as others.
_TRAVELS = {"NULL": "VARCHAR", "CONDITION": "BOOLEAN"}


class RemoteQuery:
    """A relation over one database, printed: its text, the checks before it, how cells are read."""

    def __init__(self, relation: Relation, source: SqlSource) -> None:
        if relation.strict:
            raise Unfoldable("conditions that may raise in an order that the database chooses")
        self.relation, self.server = relation, source.server
        self.sent: list[Scalar] = []
        #: Where a column's cells are among what is sent; for related rows their link and where the keys are.
        self.layout: list[int | tuple[Any, list[int]]] = []
        self._choose(relation.columns)
        chosen = [(f"c{index}", term.sql) for index, term in enumerate(self.sent, 1)]
        tree = relation.select(chosen or [("one", exp.Literal.number(1))], ordered=True)
        tree = with_definitions(tree, relation.context)
        # related tables are found while other steps are compiled: the context knows all leaves
        leaves = [*relation.sources(), *relation.context.leaves]
        self.origins = [o for o in dict.fromkeys(leaves) if isinstance(o, RemoteOrigin)]
        from folding.engines.probes import refused_forms

        kind = renderer_class(self.server.dialect)
        tables = {o.alias: o.source for o in self.origins}
        printer = kind(tables, refused_forms(self.server))
        self.decoders: list[Any] = []
        printer.wire = self._wire
        self.sql, self.types = printer.query(tree)
        self.forms = frozenset(printer.used)
        self.checks = self._checks(tree)

    def _choose(self, columns: Sequence[Column]) -> None:
        """What is sent: the columns, and keys for related rows where they are not among these."""
        for c in columns:
            if c.text is not None or getattr(c, "failures", None):
                raise Unfoldable("conversions of texts are done by the interpreter")
            if isinstance(c.term.inside, RelatedRows):
                self.layout.append((c.term.inside, []))
                continue
            if is_split(c.term):
                self.layout.append((c.term.inside, [len(self.sent), len(self.sent) + 1]))
                self.sent += decimal_and_double(c.term)
                continue
            if c.term.inside is not None and not isinstance(c.term.inside, t.Scaled):
                raise self.relation.context.unread(c)
            self.layout.append(len(self.sent))
            self.sent.append(c.term)
        for c, place in zip(columns, self.layout, strict=True):
            if isinstance(place, tuple) and isinstance(place[0], RelatedRows):
                place[1].extend(self._sent_key(key) for key in place[0].parts(c.term))

    def _sent_key(self, key: Scalar) -> int:
        for index, term in enumerate(self.sent):
            if term.sql == key.sql:
                return index
        self.sent.append(key)
        return len(self.sent) - 1

    def _wire(self, index: int, type: str) -> str:
        """How a column of a type travels; notes how its cells are read."""
        if index >= len(self.sent):
            return "{}"
        kind = self.sent[index].kind
        if kind == "number" and type not in ("DOUBLE", "BIGINT"):
            raise Unfoldable("a number in another form")
        storage = "DURATION" if kind == "duration" and type == "BIGINT" else _TRAVELS.get(type, type)
        wire = self.server.wires.get(storage)
        if wire is None:
            raise Unfoldable(f"a column of type {type} does not travel")
        self.decoders.append(wire.decode)
        return wire.template

    def _checks(self, tree: Any) -> str | None:
        """A query for rows that hold what M has not, in columns that the query uses."""
        asked = []
        for table in tree.find_all(exp.Table):
            if not isinstance(table.this, exp.Anonymous) or table.this.name != "source":
                continue
            origin = next(o for o in self.origins if o.alias == table.alias)
            for wanted in table.this.expressions:
                if wanted.name.startswith("c"):
                    column = origin.source.columns[int(wanted.name[1:]) - 1]
                    if column.check is not None:
                        asked.append(_strange(origin.source, column.check))
        for origin in self.origins:
            if origin.inspected:
                asked += [
                    _strange(origin.source, c.check) for c in origin.source.columns if c.check is not None
                ]
        if not asked:
            return None
        parts = list(dict.fromkeys(asked))
        found = " OR ".join(f"EXISTS ({part})" for part in parts)
        return f"SELECT 1 AS strange WHERE {found}"

    def batches(self) -> Iterator[Batch]:
        """The rows as batches of M cells; raises `Failure` or `Refused`."""
        rows = self.server.rows(self.sql, self.checks)
        next(rows)
        for part in rows:
            yield self._arranged(decoded(part, self.decoders))

    def _arranged(self, batch: Batch) -> Batch:
        """The columns of the result; cells of related rows are made of their keys."""
        if all(place.__class__ is int for place in self.layout):
            return batch
        sent = batch.columns
        columns = []
        for place in self.layout:
            if isinstance(place, int):
                columns.append(sent[place])
            elif isinstance(place[0], t.Mixed):
                decimals, doubles = (sent[i] for i in place[1])
                columns.append([y if x is None else x for x, y in zip(decimals, doubles, strict=True)])
            else:
                columns.append(place[0].link.cells([sent[i] for i in place[1]], batch.length))
        return Batch(columns, batch.length)


def _strange(source: SqlSource, check: str) -> str:
    """A query for rows that M has no value for."""
    return f"SELECT 1 AS strange FROM {source.relation} WHERE {check}"


class RemoteSource(Source):
    """A part of a plan that a database runs."""

    def __init__(self, plan: p.Plan, query: RemoteQuery) -> None:
        self.plan, self.query = plan, query
        self.label = f"{NAMES[query.server.dialect]} query"

    def batches(self, columns: list[str] | None, limit: int | None) -> Iterator[Batch]:
        plan = self.plan if columns is None else prune(self.plan, tuple(columns))
        done = 0
        try:
            for batch in self._query(plan, columns, limit).batches():
                done += batch.length
                yield batch
            return
        except Failure as failure:
            if failure.lost:
                raise self.query.server.failed(failure) from None
        except (Refused, Unfoldable):
            pass
        from folding.boundary import skipped

        yield from skipped(run_local(plan, None, limit), done)

    def _query(self, plan: p.Plan, columns: list[str] | None, limit: int | None) -> RemoteQuery:
        if columns is None and limit is None:
            return self.query

        def capped(relation: Relation) -> Relation:
            if limit is None:
                return relation
            return evolve(relation, limit=limit if relation.limit is None else min(limit, relation.limit))

        return query_of(plan, capped)

    def row_count(self) -> int | None:
        return None

    def count(self, limit: int | None) -> Batch:
        """The number of rows, counted there, as a batch of no columns."""
        from folding.boundary import counted

        try:
            query = query_of(prune(self.plan, ()), lambda relation: counted(relation, limit))
            for batch in query.batches():
                return Batch([], int(batch.columns[0][0]))
        except Failure as failure:
            if failure.lost:
                raise self.query.server.failed(failure) from None
        except (Refused, Unfoldable):
            pass
        return Batch([], sum(b.length for b in run_local(self.plan, None, limit)))


# ---------------------------------------------------------------- plans


def has_tables(plan: p.Plan) -> bool:
    """Whether a plan reads tables of a source database."""
    stack = [plan]
    while stack:
        node = stack.pop()
        if isinstance(node, p.Scan) and isinstance(node.source, SqlSource):
            return True
        if not isinstance(node, p.Buffer):
            stack.extend(node.inputs)
    return False


def run(plan: p.Plan, columns: Sequence[str] | None, limit: int | None) -> Iterator[Batch]:
    """The rows of a plan over tables of databases."""
    from folding.boundary import run_plan

    names = plan.schema.names if columns is None else tuple(columns)
    if not names:
        placed = place(plan)
        if isinstance(placed, p.Scan) and isinstance(placed.source, RemoteSource):
            found = placed.source.count(limit)
            return iter([found] if found.length else [])
        return run_plan(placed, columns, limit)
    placed = place(prune(plan, names))
    if isinstance(placed, p.Scan) and isinstance(placed.source, RemoteSource):
        return placed.source.batches(None, limit)
    return run_plan(placed, names, limit)


def answer(plan: p.Plan) -> Iterator[Batch]:
    """The rows of a plan that is a question; where there are none, that is the answer: a batch without rows."""
    found = False
    for batch in run(plan, None, None):
        found = True
        yield batch
    if not found:
        yield Batch([[] for _ in plan.schema.names], 0)


def place(plan: p.Plan) -> p.Plan:
    """The plan with its largest parts that databases do replaced by scans of their queries."""
    if not has_tables(plan):
        return plan
    try:
        made: Source = RemoteSource(plan, query_of(plan))
        return p.Scan(plan.schema, made, plan.schema.names, plan.function)
    except Unfoldable:
        pass
    if isinstance(plan, p.Scan):
        return evolve(plan, source=Whole(plan.source))
    if isinstance(plan, p.Buffer):
        return plan
    return with_inputs(plan, place)


class Whole(Source):
    """A table or query that is read whole."""

    def __init__(self, source: Source) -> None:
        self.source, self.label = source, source.label

    def batches(self, columns: list[str] | None, limit: int | None) -> Iterator[Batch]:
        return self.source.batches(columns, limit)


# ---------------------------------------------------------------- relations


def query_of(plan: p.Plan, asked: Callable[[Relation], Relation] = lambda relation: relation) -> RemoteQuery:
    """The query of a whole plan, or what is asked of it: its common parts computed once, if that can be said."""
    shared = marked(plan)
    if shared is not None:
        try:
            relation, source = compiled(settled(shared, plan.schema.names))
            return RemoteQuery(asked(relation), source)
        except Unfoldable:  # but without shared parts it may
            pass
    relation, source = compiled(plan)
    return RemoteQuery(asked(relation), source)


def compiled(plan: p.Plan) -> tuple[Relation, SqlSource]:
    """The relation of a whole plan over the tables of one database; `Unfoldable` when it is none."""
    sources: list[SqlSource] = []
    inspecting: list[bool] = []
    leaves: list[RemoteOrigin] = []

    def child(node: p.Plan) -> Relation:
        try:
            if isinstance(node, p.Scan):
                return _leaf(node, context, sources, leaves)
            if isinstance(node, p.Values):
                raise Unfoldable("rows that are in memory")
            if isinstance(node, (p.ErrorRows, p.ReplaceErrors)):
                inspecting.append(True)
            return STEPS.get(node.__class__, compile_node)(node, context)
        except ParseError:  # a null of a type that only the database has
            raise Unfoldable("missing cells of a type that only passes", node.function) from None
        except Unfoldable as no:
            no.step = no.step or node.function
            raise

    mode = sessions.current().number_mode
    context = Context(child, "ordered" if mode == "exact" else mode)
    context.keeps_order = False
    context.structs = False
    context.leaves = leaves
    relation = child(plan)
    if any(is_fine(c.term) for c in relation.columns):
        raise Unfoldable("a datetime finer than a microsecond", plan.function)
    if inspecting:
        if any(c.kind == "any" for s in sources for c in s.columns):
            raise Unfoldable("which cells are errors is for the interpreter to say", plan.function)
        for origin in leaves:
            origin.inspected = True
    return relation, sources[0]


def _leaf(node: p.Scan, context: Context, sources: list[SqlSource], leaves: list[RemoteOrigin]) -> Relation:
    source = node.source
    if not isinstance(source, SqlSource):
        raise Unfoldable(f"{node.name} is not in the database")
    if not source.foldable:
        more = " or with ORDER BY" if source.server.dialect == "mysql" else ""
        raise Unfoldable(f"a native query without EnableFolding{more}")
    if sources and not sources[0].server.same_as(source.server):
        raise Unfoldable("tables of several databases")
    sources.append(source)
    origin = RemoteOrigin(context.alias(), source)
    leaves.append(origin)
    places = {c.name: i for i, c in enumerate(source.columns, 1)}
    columns = []
    for name in node.columns:
        found = source.columns[places[name] - 1]
        sql = t.column(f"c{places[name]}", origin.alias)
        facts = dict(found.facts)
        if "scale" in facts:
            facts["inside"] = t.Scaled(facts.pop("scale"))
        columns.append(Column(Scalar(sql, found.kind, found.storage, **facts)))
    key = Key(t.column("r1", origin.alias), plain=True)
    unique = tuple(t.column(f"c{places[name]}", origin.alias) for name in source.keys if name in places)
    return Relation(context, origin, tuple(columns), (key,), natural=False, unique=unique)


# ---------------------------------------------------------------- reports


def describe(plan: p.Plan) -> tuple[RemoteQuery | CannotFold, list[RemoteSource]]:
    """For `explain`: the query of a whole plan, or why there is none and which parts are queries."""
    try:
        return query_of(plan), []
    except Unfoldable as no:
        placed = place(plan)
        parts, stack = [], [placed]
        while stack:
            node = stack.pop()
            if isinstance(node, p.Scan) and isinstance(node.source, RemoteSource):
                parts.append(node.source)
            stack.extend(node.inputs)
        return CannotFold(no.step or plan.function, no.reason), parts


__all__ = ["NAMES", "RemoteQuery", "RemoteSource", "Typed", "describe", "has_tables", "place", "run"]
