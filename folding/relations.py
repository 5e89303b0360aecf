"""Relations: SELECT statements under construction, and how a plan node extends one.

A `Relation` is one SELECT that is not written yet: where it reads (`Origin`), what each
M column is as a term over that, conditions, order.  Steps that only add columns or
conditions extend it; steps that need a finished table call `closed`, which makes it a
subquery.  Text is made once, from the top, when it is known which columns somebody
uses (`Origin.render` gets their names): unused columns and row numbers never appear.

Inside SQL the columns are c1..cn; x1..xn carry the texts of cells that did not convert,
r1..rn the row order.  One function per plan node is registered by `compiles` in the
``relations_*.py`` files.  Read `boundary.py` for who calls them.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import count, takewhile
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import evolve, field, frozen
from sqlglot import exp

from folding import mixed
from folding import terms as t
from folding.meanings import Row
from folding.operators import computing
from folding.origins import Definition, Joined, Origin, Reference, Subquery
from folding.terms import Scalar, Unfoldable, typed
from mlang.tables import plan as p
from mlang.values.types import MType

if TYPE_CHECKING:
    from folding.repairs import Repairs

#: An expression larger than this is computed in a subquery of its own rather than repeated.
REPEATABLE = 12
#: Queries nested deeper than this stay in the interpreter (the engine's limit is near).
DEEPEST = 150


@frozen(eq=False)
class Column:
    """One M column: its term, and for converted columns what failed.

    ``text`` is SQL that is null where the cell is good, else the text that did not convert;
    ``target`` and ``culture`` say how the interpreter converts it.  With ``failures`` (error cells that are
    known already, `repairs.py`) it is the number of one of these.
    """

    term: Scalar
    text: Any = None
    target: MType | None = None
    culture: str | None = None
    failures: tuple[Any, ...] = ()


@frozen(eq=False)
class Key:
    """One criterion of row order; nulls first ascending, last descending.

    A ``plain`` key is a row number (null only where a join found no row); all are below ``span`` when
    that is known.
    """

    sql: Any
    descending: bool = False
    plain: bool = False
    span: int | None = None

    def ordered(self, reverse: bool = False) -> Any:
        down = self.descending != reverse
        return exp.Ordered(this=self.sql, desc=down or None, nulls_first=not down and not self.plain)

    def reversed(self) -> Key:
        return evolve(self, descending=not self.descending)


@frozen(eq=False)
class Relation:
    """A SELECT under construction.

    ``order`` is a total order of the rows (M's); ``natural`` says that the engine delivers it
    without ORDER BY.  ``raises``: some row-level use may meet an M error, so nothing above may
    filter before it.  ``sort_raises``: computing the order may.  ``unique`` are terms that together are
    different in each row.  ``strict`` asks the engine not to reorder; where such a query has no rows, the
    interpreter looks whether it raises.  ``hides``: without rows it may have missed an error, so no other
    rows may stand beside.  ``overlooks``: the same of an error in a key; only rows that show without these may not.
    ``rows`` is an upper bound of the number of rows, or None.  ``notes`` are
    remarks for `explain` (relaxed sums).
    """

    context: Context
    origin: Origin
    columns: tuple[Column, ...]
    order: tuple[Key, ...]
    natural: bool = True
    joins: tuple[Joined, ...] = ()
    where: tuple[Scalar, ...] = ()
    group: tuple[Any, ...] | None = None
    limit: int | None = None
    offset: int = 0
    raises: bool = False
    sort_raises: bool = False
    strict: bool = False
    hides: bool = False
    overlooks: bool = False
    windowed: bool = False
    rows: int | None = None
    unique: tuple[Any, ...] = field(default=())
    notes: tuple[str, ...] = field(default=())
    #: Leaves that scalar subqueries in the columns read.
    beside: tuple[Origin, ...] = field(default=())

    # ------------------------------------------------------------ shape

    @property
    def source_rows(self) -> int | None:
        """The number of rows of the leaf that this reads; None when unknown."""
        found: int | None = getattr(self.origin, "rows", None)
        return found

    @property
    def depth(self) -> int:
        return max([self.origin.depth, *[j.origin.depth for j in self.joins]])

    def sources(self) -> list[Origin]:
        """The leaves this query reads."""
        below = self.origin.sources() + [s for j in self.joins for s in j.origin.sources()]
        return [*below, *self.beside]

    @property
    def limited(self) -> bool:
        """Whether a count of rows is pending: which rows stay depends on their order."""
        return self.limit is not None or bool(self.offset)

    @property
    def sealed(self) -> bool:
        """Whether rows may not be filtered, grouped or numbered in this SELECT any more."""
        return self.group is not None or self.limited or self.windowed

    def opened(self) -> Relation:
        """A relation over the same rows in which conditions, groups and windows may be added."""
        return self.closed() if self.sealed or any(t.stops(k.sql) for k in self.order) else self

    def closed(self, into: Definition | None = None) -> Relation:
        """The same rows as a subquery, or a reference to a definition: every column a bare reference."""
        alias = self.context.alias()
        outputs: dict[str, Any] = {}
        columns, keys = [], []
        for index, c in enumerate(self.columns, 1):
            carried = self._carried(c.term, index, alias, outputs)
            if c.text is not None:
                outputs[f"x{index}"] = c.text
            columns.append(
                evolve(
                    c, term=t.renamed(c.term, carried),
                    text=None if c.text is None else t.column(f"x{index}", alias),
                )
            )  # fmt: skip
        for index, key in enumerate(self.order, 1):
            outputs[f"r{index}"] = key.sql
            keys.append(evolve(key, sql=t.column(f"r{index}", alias)))
        columns = [
            evolve(new, term=evolve(new.term, raises=old.term.raises))
            for new, old in zip(columns, self.columns, strict=True)
        ]
        origin: Origin = Subquery(alias, self, outputs)
        if id(self) in self.context.made:
            self.context.steps[alias] = self.context.made[id(self)][1]
        if into is not None:
            into.outputs = outputs
            origin = Reference(alias, into)
        if origin.depth > DEEPEST:
            raise Unfoldable("the query would be nested too deeply")
        natural = self.natural or (self.limited and self.context.keeps_order)
        named = [next((n for n, s in outputs.items() if s == u), None) for u in self.unique]
        unique = tuple(t.column(n, alias) for n in named if n is not None)
        return Relation(
            self.context, origin, tuple(columns), tuple(keys), natural, raises=self.raises,
            sort_raises=self.sort_raises, strict=self.strict, hides=self.hides, overlooks=self.overlooks,
            rows=self.rows, notes=self.notes, unique=unique if len(unique) == len(self.unique) else (),
        )  # fmt: skip

    def _carried(self, term: Scalar, index: int, alias: str, outputs: dict[str, Any]) -> Any:
        """What stands for a column above this relation, whose output it becomes; or two, where there are no structs."""
        if self.context.structs or not mixed.is_split(term):
            outputs[f"c{index}"] = term.sql
            return t.column(f"c{index}", alias)
        decimal, number = mixed.decimal_and_double(term)
        outputs[f"c{index}"], outputs[f"d{index}"] = decimal.sql, number.sql
        return mixed.together(t.column(f"c{index}", alias), t.column(f"d{index}", alias))

    # ------------------------------------------------------------ terms

    def compact(self, limit: int = REPEATABLE) -> Relation:
        """The same rows with no large expression in a column, so that terms may be repeated."""
        held = [sql for c in self.columns for sql in (*mixed.parts(c.term.sql), c.text)]
        sizes = [t.size(sql) for sql in held if sql is not None]
        return self.closed() if sizes and max(sizes) > limit else self

    def use(self, index: int) -> Scalar:
        """A column's term for use in an expression; a cell that holds an error stops the query."""
        c = self.columns[index]
        if c.text is None:
            return c.term
        if c.term.kind == "null":  # forms take such a term for null and do not compute it
            raise Unfoldable("a column of nulls and errors")
        failed = t.stop(c.text, c.term.storage)
        return evolve(c.term, sql=t.case((t.not_null(c.text), failed), otherwise=c.term.use), raises=True)

    def row(self, schema: Any) -> Row:
        """The row record of a row function over this relation."""
        places = {name: i for i, name in enumerate(schema.names)}
        return Row(lambda name: self.use(places[name]) if name in places else None, tuple(schema.names))

    def filtered(self, condition: Scalar) -> Relation:
        """Rows for which a condition holds."""
        base = self.opened()
        if base is not self:
            raise AssertionError("translate conditions over an opened relation")
        strict = (
            self.strict
            or (self.raises and not any(w.raises for w in self.where))
            or (self.raises and bool(self.joins))
        )
        parts = _conditions(condition)
        if (self.raises or self.sort_raises) and any(_never(x) for x in parts):
            raise Unfoldable("no rows of a table that may raise: M computes them, the engine does not")
        conditions = (*self.where, *parts)
        return evolve(self, where=conditions, raises=self.raises or condition.raises, strict=strict)

    def consumed(self, terms: list[Scalar]) -> Relation:
        """The relation after a row-level use of terms (keys): M raises here when one of them does."""
        return evolve(self, raises=True) if any(x.raises for x in terms) else self

    def alone(self, dispensable: bool = True) -> Relation:
        """The same beside other rows, or a row that stands for none; ``dispensable`` if they are shown without it."""
        if self.hides:
            raise Unfoldable(
                "a join of a table whose sort may raise, beside other rows: it may be empty unseen"
            )
        if dispensable and self.overlooks:
            raise Unfoldable(
                "a join whose keys may raise, beside rows that need none of its: it may be empty unseen"
            )
        return self

    def order_may_raise(self) -> bool:
        """Whether computing what the rows are sorted by may raise: an engine that needs no order would not notice."""
        return self.sort_raises or (self.raises and any(t.stops(k.sql) or not k.plain for k in self.order))

    def first(self, count: int | None) -> Relation:
        """The first rows, where ``count`` is given and rows have an order."""
        if count is None or not self.order:
            return self
        return evolve(self, limit=count if self.limit is None else min(count, self.limit))

    # ------------------------------------------------------------ text

    def select(self, chosen: list[tuple[str, Any]], ordered: bool, joined: bool = False) -> Any:
        """The SELECT with these outputs, in M's order if asked; ``joined`` says that a join stands above it.

        Below a join DuckDB runs the scans of a UNION ALL at the same time, also where a LIMIT or OFFSET
        stands between: which rows that counts is then chance, unless they are sorted for it.  Each of the
        scans need not give more rows than are counted.
        """
        condition = _conjunction(self.where)
        pieces = [sql for _, sql in chosen] + list(self.group or ())
        if condition is not None:
            pieces.append(condition)
        pieces.extend(j.on for j in self.joins if j.on is not None)
        pieces.extend(sql for j in self.joins for sql in j.origin.reads)
        nodes = [node for sql in pieces for node in t.nodes(sql)]
        # the engine makes a join of a query in an expression
        joined = joined or bool(self.joins) or any(node.__class__ is exp.Subquery for node in nodes)
        chance = joined and self.limited and self.origin.several
        keys = [k.ordered() for k in self.order] if ordered and (chance or not self.natural) else []
        nodes.extend(node for k in keys for node in t.nodes(k.this))
        needed: dict[str, set[str]] = {}
        for node in nodes:
            if node.__class__ is exp.Column:
                needed.setdefault(node.table, set()).add(node.name)

        whole = not (self.where or self.joins or self.windowed or self.group is not None)
        count = (
            self.limit + self.offset if chance and whole and self.natural and self.limit is not None else None
        )

        def item(origin: Origin) -> Any:
            names = needed.get(origin.alias, set())
            if count is not None:
                return origin.render_first(names, count)
            return origin.render_joined(names) if joined else origin.render(names)

        query = exp.Select(
            expressions=[t.named(sql, name) for name, sql in chosen],
            from_=exp.From(this=item(self.origin)),
        )
        for j in self.joins:
            query.append("joins", _join_node(item(j.origin), j))
        if condition is not None:
            query.set("where", exp.Where(this=condition))
        if self.group:
            query.set("group", exp.Group(expressions=list(self.group)))
        if keys:
            query.set("order", exp.Order(expressions=keys))
        if keys and self.limit is not None and self.context.keeps_order and (self.raises or self.sort_raises):
            # by a bare column the engine leaves out rows before it has looked whether they raise
            unknown = t.binary(
                exp.EQ, t.function("hash", self.order[0].sql.copy(), t.string("M")), t.whole(0)
            )
            query.args["order"].set("expressions", [exp.Ordered(this=unknown), *keys])
        if self.limit is not None:
            query.set("limit", exp.Limit(expression=t.whole(self.limit)))
        if self.offset:
            query.set("offset", exp.Offset(expression=t.whole(self.offset)))
        return query


def _join_node(item: Any, j: Joined) -> Any:
    node = exp.Join(this=item, on=j.on)
    if j.side in ("LEFT", "RIGHT", "FULL"):
        node.set("side", j.side)
    elif j.side != "CROSS":
        node.set("kind", j.side)
    else:
        node.set("kind", "CROSS")
    return node


def _conditions(condition: Scalar) -> tuple[Scalar, ...]:
    """The sides of an `and` for filters, which move down one by one; a side that is null does not hide a later
    side's error, so that only what is not false goes ahead of the whole then."""
    sides = condition.conjuncts
    last = max((i for i, side in enumerate(sides) if side.raises), default=0)
    if not any(side.nullable for side in sides[:last]):
        return sides or (condition,)
    ahead = takewhile(lambda side: not side.raises, sides)
    return (*(_not_false(side) if side.nullable else side for side in ahead), condition)


def _never(condition: Scalar) -> bool:
    """Whether an engine may know beforehand that a condition holds for no row."""
    from sqlglot.optimizer.simplify import simplify

    known = simplify(condition.use.copy())
    return known != exp.true() and known.find(exp.Column) is None


def _not_false(side: Scalar) -> Scalar:
    sql = t.function("coalesce", side.use, exp.true())
    return typed(sql, "logical", "BOOLEAN", side, nullable=False)


def _conjunction(conditions: tuple[Scalar, ...]) -> Any:
    """All conditions; one that may raise is looked at before those that follow it."""
    result: Any = None
    for condition in reversed(conditions):
        if result is None:
            result = condition.use
        elif condition.raises:  # also where the others can never hold, which an engine may know beforehand
            result = computing(typed(t.case((condition.use, result)), "logical", "BOOLEAN"), condition).sql
        else:
            result = t.all_of([condition.use, result])
    return result


# ---------------------------------------------------------------- nodes to relations


class Context:
    """One compilation: alias names, the session's modes, and how leaves and children are reached."""

    def __init__(self, child: Callable[[p.Plan], Relation], number_mode: str = "exact") -> None:
        self._numbers = count(1)
        self.child = child
        self.number_mode = number_mode
        #: Set when odd cells stopped the query before: they are then computed by the interpreter.
        self.repairs: Repairs | None = None
        #: Whether a part with a limit hands its rows on in their order, as DuckDB does; servers promise nothing.
        self.keeps_order = True
        #: Whether the engine has structs; without, a number that is a decimal or a double takes two columns.
        self.structs = True
        #: Whether the query will be run, so that it pays to ask files about themselves.
        self.proves = False
        #: Whether it will be run at all, so that it pays to count rows.
        self.runs = False
        #: Whether such a query reads its files to the end, so that they may be read before it is made.
        self.reads_all = False
        #: Those of these files of whose texts nothing is known yet (`csv_stream.learnt`).
        self.files: list[Any] = []
        #: Those whose columns are kept for the query.
        self.kept: list[Any] = []
        #: The leaves that were made for a source database, also those beside a relation.
        self.leaves: list[Any] = []
        #: What several steps read, by its part of the plan, each after those that it reads (`common.py`).
        self.common: dict[int, Definition] = {}
        #: Which step a relation is of, by its `id`; kept for `explain`.
        self.made: dict[int, tuple[Relation, p.Plan]] = {}
        #: The steps of subqueries and leaves, by their aliases.
        self.steps: dict[str, p.Plan] = {}

    def note(self, relation: Relation, step: p.Plan) -> None:
        """Remembers which step a relation is of."""
        self.made[id(relation)] = (relation, step)
        if not step.inputs:
            self.steps[relation.origin.alias] = step

    def unread(self, column: Column) -> Unfoldable:
        """Why a column is in no query; named as by the last step that has it."""
        from folding.nested import NestedTable
        from folding.related import RelatedRows

        for relation, step in reversed(self.made.values()):
            for found, name in zip(relation.columns, step.schema.names, strict=False):
                if found is column and isinstance(column.term.inside, (NestedTable, RelatedRows)):
                    return Unfoldable(f"the column '{name}' holds a table in each row")
                if found is column:
                    return Unfoldable(f"the column '{name}' is of a type that only the interpreter reads")
        return Unfoldable("a column is of a type that only the interpreter reads")

    def alias(self) -> str:
        """A new name for a subquery or table."""
        return f"t{next(self._numbers)}"


Compiler = Callable[[Any, Context], Relation]
C = TypeVar("C", bound=Compiler)
COMPILERS: dict[type, Compiler] = {}


def compiles(node_class: type) -> Callable[[C], C]:
    """Declares the function that compiles a plan node."""

    def declare(function: C) -> C:
        COMPILERS[node_class] = function
        return function

    return declare


def load_compilers() -> None:
    """Imports the modules that register compilers."""
    if p.Group not in COMPILERS:
        from folding import (  # noqa: F401
            related,
            relations_columns,
            relations_rows,
            relations_shape,
            relations_tables,
            structures,
        )


def compile_node(node: p.Plan, context: Context) -> Relation:
    """The relation of a plan node; `Unfoldable` when its step has no exact SQL form."""
    load_compilers()
    compiler = COMPILERS.get(node.__class__)
    if compiler is None:
        raise Unfoldable("the step has no SQL form")
    return compiler(node, context)
