"""Records in row functions: the row, records that are written out, records in cells.

A record of terms is a `Row`: its fields are translated when they are asked for, as M evaluates them then.  One that
becomes a cell is a struct (`structures.py`).
"""

from __future__ import annotations

from typing import Any

from attrs import evolve

from folding import terms as t
from folding.meanings import Row, as_term, record_of
from folding.terms import Scalar, Unfoldable
from mlang.errors import MError
from mlang.values.metadata import strip
from mlang.values.thunk import force

#: Fields of a record in a cell, above which it is no longer taken apart.
WIDEST = 200


def record_in(value: Any) -> Row | None:
    """What a name stands for as a record of fields; None for what is no record, or may be null."""
    from folding.structures import Fields

    if value.__class__ is Row:
        row: Row = value
        return row if row.names else None
    if value.__class__ is dict:
        return _constant(value)
    if value.__class__ is Scalar and isinstance(value.inside, Fields):
        held, record = value.inside, value
        if record.nullable:
            record = present(record)
        return Row(lambda name: held.field(record, name), held.names)
    return None


def _constant(value: dict[str, Any]) -> Row:
    """A record that the interpreter made."""

    def meaning(name: str) -> Any:
        if name not in value:
            return None
        try:
            found = strip(force(value[name]))
        except MError:
            return t.failure()
        return t.null() if found is None else found

    def field(name: str) -> Scalar | None:
        return as_term(meaning(name)) if name in value else None

    return Row(field, tuple(value), meaning)


def present(record: Scalar) -> Scalar:
    """A record in a cell, of which M raises where it is null."""
    sql = t.unless(t.is_null(record.use), record.use)
    return evolve(record, sql=sql, nullable=False, raises=True)


def record_of_call(value: Any) -> Row:
    """An argument that must be a record."""
    found = record_in(value)
    if found is None:
        raise Unfoldable("a record whose fields are not known")
    return found


def accessed(target: Any, name: str, optional: bool) -> Any:
    """``target[name]`` and ``target[name]?``"""
    from folding.related import RelatedRows
    from folding.structures import Fields

    if target.__class__ is Scalar:
        if isinstance(target.inside, RelatedRows):
            return target.inside.field(target, name, optional)
        if target.kind == "null":
            return target if optional or target.raises else t.failure()
        if not isinstance(target.inside, Fields):
            raise Unfoldable("access to a field of something that is not a record")
        if optional and target.nullable:
            found = target.inside.field(target, name)
            return t.null() if found is None else found
    fields = target if target.__class__ is Row else record_in(target)
    if fields is None:
        raise Unfoldable("access to a field of something that is not the row")
    found = fields.meaning(name)
    if found is None:
        if target.__class__ is Row and not optional and not target.names:
            raise Unfoldable(f"there is no column '{name}'")
        return t.null() if optional else missing(name)
    return found


def missing(name: str) -> Scalar:
    """A field that is not there: M raises."""
    raise Unfoldable(f"there is no column '{name}'")


def projected(target: Any, names: tuple[str, ...], optional: bool) -> Any:
    """``target[[a], [b]]``; with ``?`` what is missing is null."""
    if target.__class__ is Scalar and (target.nullable and optional):
        raise Unfoldable("a projection of a record that may be null")
    fields = record_of_call(target)
    chosen: dict[str, Any] = {}
    for name in names:
        if name in chosen:
            raise Unfoldable("a record with a field given twice")
        found = fields.meaning(name)
        chosen[name] = (t.null() if optional else missing(name)) if found is None else found
    return record_of(chosen)


def combined(records: list[Any]) -> Row:
    """Records put together: the last value of a field, at the place of the first."""
    owners: dict[str, Row] = {}
    for record in records:
        for name in record.names:
            owners[name] = record
    return over(owners, {name: name for name in owners})


def over(owners: dict[str, Row], places: dict[str, str]) -> Row:
    """A record of fields of others: new name to its owner and its name there."""

    def meaning(name: str) -> Any:
        return owners[name].meaning(places[name]) if name in owners else None

    def field(name: str) -> Scalar | None:
        return owners[name].field(places[name]) if name in owners else None

    return Row(field, tuple(owners), meaning)


def struct(value: Any) -> Scalar:
    """A record as a cell."""
    from folding.structures import record

    fields = record_of_call(value)
    if len(fields.names) > WIDEST:
        raise Unfoldable("a record of very many fields")
    terms = [fields.field(name) for name in fields.names]
    return record(list(fields.names), [x for x in terms if x is not None])
