"""Records and lists in cells: they travel as the engine's structs and lists.

Such a column is a term of kind "any" without a storage, which nothing compares or groups; what it holds is said by
``Scalar.inside``: `Fields` of a record, `Items` of a list.  Their cells are taken apart by field access,
``Table.ExpandRecordColumn`` and ``Table.ExpandListColumn``, or come out as M records and lists (`cells_of`).
"""

from __future__ import annotations

from typing import Any

from attrs import evolve, frozen
from sqlglot import exp

from folding import terms as t
from folding import zones
from folding.operators import unify
from folding.origins import Origin
from folding.relations import Column, Context, Key, Relation, compiles
from folding.terms import Scalar, Unfoldable, typed
from folding.types import from_sql_type, to_values
from mlang.tables import plan as p
from mlang.values.temporal import DAY


@frozen(eq=False)
class Fields:
    """The fields of the records in a column: names and what is known of each; in SQL they are c1..cn."""

    names: tuple[str, ...]
    terms: tuple[Scalar, ...]
    #: What the fields are called in SQL.
    keys: tuple[str, ...]

    def field(self, record: Scalar, name: str) -> Scalar | None:
        """A field of a record; null for a null record.  None when there is no such field."""
        if name not in self.names:
            return None
        place = self.names.index(name)
        if isinstance(record.sql, exp.Struct):
            sql = record.sql.expressions[place].expression.copy()
            return evolve(self.terms[place], sql=sql, raises=record.raises)
        sql = t.function("struct_extract", record.use, exp.Literal.string(self.keys[place]))
        known = self.terms[place]
        return evolve(
            known,
            sql=sql,
            nullable=known.nullable or record.nullable,
            raises=record.raises,
            constant=t.VARIES,
        )


@frozen(eq=False)
class Items:
    """The items of the lists in a column: what is known of all of them."""

    term: Scalar


def mixed(decimal: Scalar, number: Any, whole: Any, *parts: Scalar) -> Scalar:
    """A decimal where ``whole`` holds, else a double."""
    nothing = t.cast(exp.Null(), "DOUBLE")
    both = (("c1", t.case((whole, decimal.use))), ("c2", t.case((whole, nothing), otherwise=number)))
    fields = [exp.PropertyEQ(this=exp.to_identifier(key), expression=sql) for key, sql in both]
    there = t.any_of([t.not_null(sql) for _, sql in both])  # no number is null, not a struct of nulls
    sql = t.case((there, exp.Struct(expressions=fields)))
    return typed(sql, "any", "", *parts, nullable=True, inside=t.Mixed())


def coded(code: str, column: Scalar, offset: Scalar | None) -> Scalar:
    """A column of a staged table that is stored as ticks, or as an instant and minutes from UTC."""
    if code.startswith("datetimezone") and offset is not None:
        storage = "BIGINT" if code.endswith("_ticks") else "TIMESTAMP"
        moment = Scalar(column.use, "datetime", storage, column.nullable)
        return zones.zoned(moment, t.cast(offset.use, "BIGINT"))
    if code == "duration":
        return evolve(column, kind="duration", storage="BIGINT", int53=False, nonan=False, largest=None)
    if code == "datetime_ticks":
        return evolve(column, kind="datetime", storage="BIGINT", int53=False, nonan=False, largest=None)
    if code == "time":
        fine = t.binary(exp.NEQ, t.binary(exp.Mod, column.use, t.whole(10)), t.whole(0))
        late = t.binary(exp.GTE, column.use, t.whole(DAY))
        micros = t.binary(exp.IntDiv, column.use, t.whole(10))
        clock = t.cast(t.function("make_timestamp", t.unless(t.any_of([fine, late]), micros)), "TIME")
        return typed(clock, "time", "TIME", column)
    return column


def record(names: list[str], terms: list[Scalar]) -> Scalar:
    """A record of terms."""
    if not names:
        raise Unfoldable("a record without fields")
    if len(set(names)) != len(names):
        raise Unfoldable("a record with a field given twice")
    keys = tuple(f"c{i}" for i in range(1, len(names) + 1))
    parts = [
        exp.PropertyEQ(this=exp.to_identifier(key), expression=term.use)
        for key, term in zip(keys, terms, strict=True)
    ]
    inside = Fields(tuple(names), tuple(settled(x) for x in terms), keys)
    return typed(exp.Struct(expressions=parts), "any", "", *terms, nullable=False, inside=inside)


def settled(term: Scalar) -> Scalar:
    """What is known of a term, of use for a copy of its value."""
    if term.kind == "any" and not isinstance(term.inside, (Fields, Items, t.Scaled)):
        raise Unfoldable("a value of unknown kind in a record or list")
    return evolve(term, sql=exp.Null(), raises=False, constant=t.VARIES, conjuncts=())


def items(terms: list[Scalar]) -> Scalar:
    """A list of terms of one kind."""
    if not terms:
        raise Unfoldable("a list without items")
    first, kept = terms[0], terms
    for term in terms[1:]:
        first, _ = unify(first, term)
    kept = [unify(first, term)[1] for term in terms]
    common = evolve(
        kept[0], nullable=any(x.nullable for x in kept), nonan=all(x.nonan for x in kept),
        int53=all(x.int53 for x in kept), ascii=all(x.ascii for x in kept), largest=None,
        natural=all(x.natural for x in kept),
    )  # fmt: skip
    if common.kind == "any":
        raise Unfoldable("a list of values of unknown kind")
    sql = t.function("list_value", *[x.use for x in kept])
    return typed(sql, "any", "", *terms, nullable=False, inside=Items(settled(common)))


def list_of(sql: Any, item: Scalar, *parts: Scalar, **facts: Any) -> Scalar:
    """A list that the engine makes."""
    return typed(sql, "any", "", *parts, inside=Items(item), **facts)


def item_at(column: Scalar, index: int, optional: bool) -> Scalar:
    """An item by its place; beyond the end M raises, or gives null if it may."""
    held = column.inside
    if not isinstance(held, Items):
        raise Unfoldable("an item of something that is not a list")
    if column.nullable and not optional:
        raise Unfoldable("an item of a list that may be null")
    sql = t.function("list_extract", column.use, t.whole(index + 1))
    if not optional:
        short = t.binary(exp.LTE, t.function("len", column.use), t.whole(index))
        sql = t.unless(short, sql)
    return evolve(
        held.term, sql=sql, nullable=held.term.nullable or optional, raises=column.raises or not optional
    )


# ---------------------------------------------------------------- columns of sources


def from_type(name: str) -> Scalar | None:
    """What a DuckDB column of structs or lists holds; None when something in it has no kind."""
    upper = name.upper()
    if not upper.startswith("STRUCT(") and not upper.endswith("[]"):
        return None
    return _held(exp.DataType.build(name, dialect="duckdb"))


def _held(type: Any) -> Scalar | None:
    kind = type.this
    if kind == exp.DataType.Type.STRUCT:
        names, terms = [], []
        for part in type.expressions:
            term = _held(part.args.get("kind"))
            if term is None or not isinstance(part, exp.ColumnDef):
                return None
            names.append(part.name)
            terms.append(term)
        return Scalar(exp.Null(), "any", "", inside=Fields(tuple(names), tuple(terms), tuple(names)))
    if kind in (exp.DataType.Type.LIST, exp.DataType.Type.ARRAY) and len(type.expressions) == 1:
        item = _held(type.expressions[0])
        return None if item is None else Scalar(exp.Null(), "any", "", inside=Items(item))
    if type.expressions:
        return None
    name = str(type.sql("duckdb"))
    found, storage, small = from_sql_type({"INT": "INTEGER", "TEXT": "VARCHAR"}.get(name, name))
    if found in ("any", "date", "datetime"):  # dates may be ones that M has not
        return None
    stored = storage == "BIGINT"
    return Scalar(exp.Null(), found, storage, nonan=stored, int53=small)


# ---------------------------------------------------------------- cells


def cells_of(array: Any, term: Scalar) -> list[Any]:
    """The M values of an Arrow array that holds a term's values."""
    if isinstance(term.inside, Fields):
        return _records(array, term.inside)
    if isinstance(term.inside, Items):
        return _lists(array, term.inside)
    if isinstance(term.inside, t.Mixed):
        decimals, doubles = array.flatten()
        both = zip(to_values(decimals, "any"), to_values(doubles, "number"), strict=True)
        return [double if decimal is None else decimal for decimal, double in both]
    return to_values(array, term.kind)


def _records(array: Any, held: Fields) -> list[Any]:
    parts = [cells_of(part, term) for part, term in zip(array.flatten(), held.terms, strict=True)]
    present = array.is_valid().to_pylist()
    names = held.names
    return [
        dict(zip(names, cells, strict=True)) if there else None
        for there, cells in zip(present, zip(*parts, strict=True), strict=True)
    ]


def _lists(array: Any, held: Items) -> list[Any]:
    import pyarrow.compute as pc

    found = cells_of(array.flatten(), held.term)
    result: list[Any] = []
    at = 0
    for size in pc.list_value_length(array).to_pylist():
        if size is None:
            result.append(None)
        else:
            result.append(found[at : at + size])
            at += size
    return result


def holds(term: Scalar) -> bool:
    """Whether a term's cells are taken apart here: records, lists, numbers that may be decimals."""
    return isinstance(term.inside, (Fields, Items, t.Mixed))


# ---------------------------------------------------------------- the steps


@compiles(p.ExpandRecord)
def expand_record(node: p.ExpandRecord, context: Context) -> Relation:
    """A field that is missing is null, and so are the fields of a null."""
    from folding.group_firsts import first_rows

    firsts = first_rows(node, context)
    if firsts is not None:
        return firsts
    base = context.child(node.input)
    schema = node.input.schema
    place = schema.index(node.column)
    column = base.columns[place]
    held = column.term.inside
    from folding.related import RelatedRows, expanded

    if isinstance(held, RelatedRows) and held.link.single:
        return expanded(node, base)
    if not isinstance(held, Fields) or column.text is not None:
        raise Unfoldable("records that are not known to the engine")
    made = {new: Column(held.field(column.term, old) or t.null()) for old, new in node.fields}
    kept = dict(zip(schema.names, base.columns, strict=True))
    return evolve(base, columns=tuple(made.get(name) or kept[name] for name in node.schema.names))


class UnnestOrigin(Origin):
    """The rows of a finished relation, once for each item of a list; an empty list gives one row with null.

    The names are those that the relation has below, ``item`` and ``place``.  The list is taken apart among the outputs
    and not in a join beside the row: the engine plans fifty joins of that kind, one in the other, for seconds.
    """

    def __init__(self, alias: str, relation: Relation, items: Any) -> None:
        super().__init__(alias)
        self.relation, self.items = relation, items
        self.depth = relation.depth

    def render(self, needed: set[str], joined: bool = False) -> Any:
        nothing = exp.Array(expressions=[exp.Null()])
        some = t.case(
            (t.binary(exp.GT, t.function("len", self.items.copy()), t.whole(0)), self.items.copy()),
            otherwise=nothing,
        )
        below = self.relation.origin.alias
        chosen = [(name, t.column(name, below)) for name in sorted(needed - {"item", "place"})]
        chosen.append(("item", t.function("unnest", some)))  # it makes the rows, also where nobody reads it
        if "place" in needed:
            chosen.append(("place", t.function("generate_subscripts", some.copy(), t.whole(1))))
        query = self.relation.select(chosen, False, joined)
        return exp.Subquery(this=query, alias=exp.TableAlias(this=exp.to_identifier(self.alias)))

    def render_joined(self, needed: set[str]) -> Any:
        return self.render(needed, True)

    def sources(self) -> list[Origin]:
        return self.relation.sources()


def _moved(sql: Any, alias: str) -> Any:
    """A reference to a column, under another table name."""
    return None if sql is None else t.column(sql.name, alias)


@compiles(p.ExpandList)
def expand_list(node: p.ExpandList, context: Context) -> Relation:
    """One row for each item; an empty list and null give one row with null."""
    base = context.child(node.input).closed()
    place = node.input.schema.index(node.column)
    column = base.columns[place]
    held = column.term.inside
    if not isinstance(held, Items) or column.text is not None:
        raise Unfoldable("lists that are not known to the engine")
    item, made = unnested(base, place, context)
    columns = list(made.columns)
    raises = column.term.raises or held.term.raises  # an item that is an error raises where it is looked at
    columns[place] = Column(evolve(held.term, sql=item, nullable=True, raises=raises))
    return evolve(made, columns=tuple(columns))


def unnested(base: Relation, place: int, context: Context) -> tuple[Any, Relation]:
    """The rows of a finished relation once for each item of a list, which is a column of it; and the item."""
    origin = UnnestOrigin(context.alias(), base, base.columns[place].term.use)
    columns = []
    for c in base.columns:
        term = evolve(t.renamed(c.term, _moved(c.term.sql, origin.alias)), raises=c.term.raises)
        columns.append(evolve(c, term=term, text=_moved(c.text, origin.alias)))
    keys = [evolve(key, sql=_moved(key.sql, origin.alias)) for key in base.order]
    return t.column("item", origin.alias), evolve(
        base, origin=origin, columns=tuple(columns),
        order=(*keys, Key(t.column("place", origin.alias), plain=True)), natural=False, unique=(), rows=None,
    )  # fmt: skip
