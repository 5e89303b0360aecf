"""SQL forms of ``Record.*``: what gives a record is read field by field, what asks for names is known beforehand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlglot import exp

from folding import terms as t
from folding.functions import Call, folds
from folding.lookups import place_in
from folding.meanings import Closure, Lazy, Row, as_term, record_of
from folding.operators import unify
from folding.records import accessed, combined, over, record_of_call
from folding.terms import Scalar, Unfoldable
from mlang.library.record import IGNORE, USE_NULL
from mlang.syntax import nodes
from mlang.values.functions import Function
from mlang.values.kinds import kind_of
from mlang.values.thunk import force

#: Functions that give a record, as such.
RECORDS: dict[str, Callable[[Call], Row]] = {}


def _gives_record(name: str) -> Callable[[Callable[[Call], Row]], Callable[[Call], Row]]:
    def declare(form: Callable[[Call], Row]) -> Callable[[Call], Row]:
        RECORDS[name] = form
        folds(name)(lambda call: as_term(form(call)))
        return form

    return declare


def _record(call: Call, index: int = 0) -> Row:
    return record_of_call(call.translator.any(call.arguments[index]))


def _names(call: Call, index: int) -> list[str]:
    given = call.constant(index)
    if given.__class__ is str:
        return [given]
    names = [force(name) for name in given] if kind_of(given) == "list" else []
    if not all(name.__class__ is str for name in names) or kind_of(given) != "list":
        raise Unfoldable(f"{call.name} with names that are no texts")
    return names


def _mode(call: Call, index: int) -> int:
    value = call.constant(index) if call.count > index else None
    if value is None:
        return 0
    if value not in (0.0, 1.0, 2.0):
        raise Unfoldable(f"{call.name} with a mode that is none")
    return int(value)


def _missing(call: Call, name: str) -> Unfoldable:
    return Unfoldable(f"{call.name} of a field '{name}' that is not there")


# ---------------------------------------------------------------- names


@folds("Record.FieldCount")
def field_count(call: Call) -> Scalar:
    call.at_most(1)
    return t.literal(float(len(_record(call).names)))


@folds("Record.FieldNames")
def field_names(call: Call) -> Scalar:
    call.at_most(1)
    return as_term(list(_record(call).names))


@folds("Record.HasFields")
def has_fields(call: Call) -> Scalar:
    call.at_most(2)
    known = _record(call).names
    return t.literal(all(name in known for name in _names(call, 1)))


# ---------------------------------------------------------------- fields by name


@folds("Record.Field", "Record.FieldOrDefault")
def field(call: Call) -> Scalar:
    """By a constant name; or by one that the row tells, of fields of one kind."""
    default = call.name == "Record.FieldOrDefault"
    call.at_most(3 if default else 2)
    target = call.translator.any(call.arguments[0])
    try:
        name = call.constant(1)
    except Unfoldable:
        return _by_name_of_row(call, record_of_call(target), default)
    if name.__class__ is not str:
        raise Unfoldable(f"{call.name} with a name that is no text")
    if not default:
        return as_term(accessed(target, name, False))
    if target.__class__ is Scalar and target.nullable:
        raise Unfoldable("a field of a record that may be null")
    record = record_of_call(target)
    if name in record.names:
        return as_term(record.meaning(name))
    return call.term(2) if call.count > 2 else t.null()


def _by_name_of_row(call: Call, record: Row, default: bool) -> Scalar:
    wanted = call.sure(1, "text")
    if len(record.names) > 100:
        raise Unfoldable("a field by name among very many")
    terms = [as_term(record.meaning(name)) for name in record.names]
    last = (call.term(2) if call.count > 2 else t.null()) if default else t.failure()
    first = last
    for term in terms:
        first, _ = unify(first, term)
    same = [unify(first, term)[1] for term in (*terms, last)]
    place = place_in(list(record.names), wanted)
    branches = [(t.binary(exp.EQ, place.sql, t.whole(at)), x.use) for at, x in enumerate(same[:-1], 1)]
    sql = t.case(*branches, otherwise=same[-1].use)
    return t.typed(
        sql, first.kind, first.storage, *same, wanted, nullable=any(x.nullable for x in same),
        nonan=all(x.nonan for x in same), int53=all(x.int53 for x in same), ascii=all(x.ascii for x in same),
    )  # fmt: skip


# ---------------------------------------------------------------- parts of moments and durations

_DAY, _CLOCK = ("Year", "Month", "Day"), ("Hour", "Minute", "Second")
_PARTS = {
    "Date.ToRecord": [("Date", part) for part in _DAY],
    "Time.ToRecord": [("Time", part) for part in _CLOCK],
    "DateTime.ToRecord": [*[("Date", part) for part in _DAY], *[("Time", part) for part in _CLOCK]],
    "Duration.ToRecord": [("Duration", part) for part in ("Days", "Hours", "Minutes", "Seconds")],
}


def _to_record(call: Call) -> Row:
    from folding.functions import form_of

    call.at_most(1)
    moment = call.sure(0, call.name.partition(".")[0].lower())
    fields = {}
    for family, part in _PARTS[call.name]:
        form = form_of(f"{family}.{part}")
        assert form is not None
        fields[part] = form(Call(f"{family}.{part}", call.translator, (moment,)))
    return record_of(fields)


for _name in _PARTS:
    _gives_record(_name)(_to_record)


# ---------------------------------------------------------------- records made of others


@_gives_record("Record.AddField")
def add_field(call: Call) -> Row:
    record, name = _record(call), call.text(1)
    if name in record.names:
        raise Unfoldable(f"Record.AddField of a field '{name}' that is there")
    value = call.translator.any(call.arguments[2])
    delayed = call.constant(3) if call.count > 3 else None
    if delayed:
        from folding.calls import called

        if value.__class__ not in (Closure, Function):
            raise Unfoldable("Record.AddField of a delayed value")
        value = called(value, [], call.translator.depth + 1)
    elif value.__class__ is Scalar and value.raises:
        raise Unfoldable("Record.AddField of a value that may raise")
    return combined([record, record_of({name: value})])


@_gives_record("Record.Combine")
def combine(call: Call) -> Row:
    call.at_most(1)
    node = call.arguments[0]
    while isinstance(node, nodes.Parenthesized):
        node = node.inner
    if not isinstance(node, nodes.List):
        raise Unfoldable("Record.Combine of a list that is not written out")
    return combined([record_of_call(call.translator.any(item)) for item in node.items])


@_gives_record("Record.FromList")
def from_list(call: Call) -> Row:
    """Of values that are written out, and their names."""
    call.at_most(2)
    node, names = call.arguments[0], _names(call, 1)
    while isinstance(node, nodes.Parenthesized):
        node = node.inner
    if not isinstance(node, nodes.List) or len(node.items) != len(names) or len(set(names)) < len(names):
        raise Unfoldable("Record.FromList of a list that is not written out")
    if any(isinstance(item, nodes.Range) for item in node.items):
        raise Unfoldable("Record.FromList of a list with a range")
    return record_of(dict(zip(names, [Lazy(item, call.translator) for item in node.items], strict=True)))


@_gives_record("Record.SelectFields")
def select_fields(call: Call) -> Row:
    record, names, mode = _record(call), _names(call, 1), _mode(call, 2)
    call.at_most(3)
    empty = record_of({name: t.null() for name in names})
    owners: dict[str, Row] = {}
    for name in names:
        if name in owners:
            raise Unfoldable("a record with a field given twice")
        if name in record.names:
            owners[name] = record
        elif mode == USE_NULL:
            owners[name] = empty
        elif mode != IGNORE:
            raise _missing(call, name)
    return over(owners, {name: name for name in owners})


@_gives_record("Record.RemoveFields")
def remove_fields(call: Call) -> Row:
    record, names, mode = _record(call), _names(call, 1), _mode(call, 2)
    call.at_most(3)
    for name in names:
        if name not in record.names and mode not in (IGNORE, USE_NULL):
            raise _missing(call, name)
    kept = {name: record for name in record.names if name not in names}
    return over(kept, {name: name for name in kept})


def _pairs(call: Call) -> list[tuple[str, Any]]:
    """``{"a", x}`` or ``{{"a", x}, {"b", y}}``: names, and what their partners stand for."""
    node = call.arguments[1]
    while isinstance(node, nodes.Parenthesized):
        node = node.inner
    if not isinstance(node, nodes.List) or not node.items:
        raise Unfoldable(f"{call.name} with a list that is not written out")
    entries = node.items if isinstance(node.items[0], nodes.List) else (node,)
    pairs = []
    for entry in entries:
        if not isinstance(entry, nodes.List) or len(entry.items) != 2:
            raise Unfoldable(f"{call.name} with a list that is not one of pairs")
        name = call.translator.constant(entry.items[0])
        if name.__class__ is not str:
            raise Unfoldable(f"{call.name} with a name that is no text")
        pairs.append((name, call.translator.any(entry.items[1])))
    return pairs


@_gives_record("Record.RenameFields")
def rename_fields(call: Call) -> Row:
    record, mode = _record(call), _mode(call, 2)
    call.at_most(3)
    new_names = {}
    for old, new in _pairs(call):
        if new.__class__ is not Scalar or new.constant.__class__ is not str:
            raise Unfoldable("Record.RenameFields to a name that is no constant text")
        if old in record.names:
            new_names[old] = new.constant
        elif mode != IGNORE:
            raise _missing(call, old)
    places = {new_names.get(name, name): name for name in record.names}
    if len(places) < len(record.names):
        raise Unfoldable("a record with a field given twice")
    return over(dict.fromkeys(places, record), places)


@_gives_record("Record.ReorderFields")
def reorder_fields(call: Call) -> Row:
    record, names, mode = _record(call), _names(call, 1), _mode(call, 2)
    call.at_most(3)
    wanted = [name for name in names if name in record.names]
    if (len(wanted) < len(names) and mode != IGNORE) or len(set(wanted)) < len(wanted):
        raise Unfoldable("Record.ReorderFields of fields that are not there")
    following = iter(wanted)
    order = [next(following) if name in wanted else name for name in record.names]
    return over(dict.fromkeys(order, record), {name: name for name in order})


@_gives_record("Record.TransformFields")
def transform_fields(call: Call) -> Row:
    record, mode = _record(call), _mode(call, 2)
    call.at_most(3)
    fields: dict[str, Any] = {}
    for name, function in _pairs(call):
        if name not in record.names:
            if mode == IGNORE:
                continue
            raise _missing(call, name)
        if name in fields:
            raise Unfoldable("Record.TransformFields of a field twice")
        fields[name] = applied(call, function, record.meaning(name))
    return combined([record, record_of(fields)]) if fields else record


def applied(call: Call, function: Any, *arguments: Any) -> Any:
    """What a function gives for some meanings."""
    from folding.calls import called
    from folding.functions import form_of, formed

    if function.__class__ is Closure:
        return called(function, list(arguments), call.translator.depth + 1)
    if function.__class__ is not Function or function.spec is None:
        raise Unfoldable("a call of something that is not a known function")
    if function.spec.node is not None:
        return called(function, list(arguments), call.translator.depth + 1)
    form = form_of(function.spec.builtin.name) if function.spec.builtin is not None else None
    if form is None:
        raise Unfoldable("a call of a function that the library made")
    terms = tuple(as_term(argument) for argument in arguments)
    return formed(form, Call(function.spec.builtin.name, call.translator, terms))
