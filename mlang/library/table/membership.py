"""Membership: distinct rows, and rows found, removed or replaced by equality."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from mlang import errors
from mlang.errors import MError
from mlang.library.arguments import enum_member, of_kind
from mlang.library.comparer import Criteria, comparer_key
from mlang.library.table.criteria import compared_in, distinct_columns, items, row_criteria
from mlang.library.table.rows import record_cells
from mlang.registry import builtin
from mlang.tables import plan as p
from mlang.tables import schema as schemas
from mlang.tables.flow import Batch
from mlang.tables.matching import condition, is_known, wanted_cells
from mlang.tables.table import Table
from mlang.values.functions import Function
from mlang.values.kinds import is_number
from mlang.values.metadata import strip
from mlang.values.thunk import force

_FIRST, _LAST, _ALL = range(3)


# ---------------------------------------------------------------- distinct


@builtin("Table.Distinct(table as table, optional equationCriteria as any) as table")
def distinct(table: Table, criteria: Any = None) -> Table:
    """Removes rows that repeat an earlier one, in all columns or in those of the criteria.

    After a sort that is not buffered, rows are compared in the order before the sort, as the engine does.
    """
    columns = distinct_columns(criteria, table.type)
    plan = table.plan
    if isinstance(plan, p.Sort):
        below = p.Distinct(plan.input.schema, plan.input, columns)
        return Table(p.Sort(plan.schema, below, plan.keys), type=table.type)
    return Table(p.Distinct(table.type, plan, columns))


@builtin("Table.IsDistinct(table as table, optional comparisonCriteria as any) as logical")
def is_distinct(table: Table, criteria: Any = None) -> bool:
    """Says whether no row repeats another, in all columns or in those of the criteria."""
    from mlang.tables.asking import repeats
    from mlang.tables.local_rows import Seen

    columns = distinct_columns(criteria, table.type) or tuple((name, None) for name in table.names)
    found = repeats(table, columns)
    if found is not None:
        return not found
    seen = Seen([comparer for _, comparer in columns])
    for batch in table.batches([name for name, _ in columns]):
        kept, looked_at, failure = seen.fresh(batch.columns, batch.length)
        if len(kept) < looked_at:
            return False
        if failure is not None:
            raise failure
    return True


# ---------------------------------------------------------------- finding


class Rows:
    """Some row records, ready to be looked for in a table.

    With ``partial`` a record without some of the columns is compared in those it has; with ``whole`` one with
    other fields than a record of the table is another one, and no cell is looked at for that.
    """

    def __init__(
        self, rows: list[dict[str, Any]], criteria: Criteria, partial: bool = False, whole: bool = False
    ) -> None:
        self.rows, self.criteria, self.partial = rows, criteria, partial
        self.fields = {frozenset(row) for row in rows} if whole and not partial else None
        #: Per set of fields (None: all that a record has) the position of the first row of each key.
        self.keys: dict[tuple[str, ...] | None, dict[Any, int]] | None = {} if criteria.keyed else None
        if self.keys is not None:
            for i, row in enumerate(rows):
                names = tuple(sorted(row)) if partial else None
                self.keys.setdefault(names, {}).setdefault(criteria.key(row), i)

    def matches(self, record: dict[str, Any]) -> Iterator[tuple[Any, Any]]:
        """The sets of fields and keys under which a record of the table is one of the rows."""
        assert self.keys is not None
        if self.fields is not None and frozenset(record) not in self.fields:
            return
        for names, known in self.keys.items():
            if names is None:
                key = self.criteria.key(record)
            elif all(name in record for name in names):
                key = self.criteria.key({name: record[name] for name in names})
            else:
                continue
            if key in known:
                yield names, key

    def find(self, record: dict[str, Any]) -> int:
        """The position of the first of the rows that equals a record of the table; -1 when none does."""
        if self.keys is not None:
            return min([self.keys[names][key] for names, key in self.matches(record)], default=-1)
        for i, row in enumerate(self.rows):
            if self._equal(record, row):
                return i
        return -1

    def _equal(self, record: dict[str, Any], row: dict[str, Any]) -> bool:
        if self.partial and all(name in record for name in row):
            record = {name: record[name] for name in row}
        return self.criteria.equal(record, row)


def _records(rows: Any) -> list[dict[str, Any]]:
    return [of_kind(row, "record") for row in items(rows)]


def _wanted(rows: list[dict[str, Any]], criteria: Any, name: str, table: Table) -> Rows:
    """The rows that Contains and its kin look for."""
    width = len(table.names)
    partial = criteria is None and any(len(row) < width for row in rows)
    return Rows(rows, row_criteria(criteria, name), partial)


def _matching(table: Table, wanted: Rows, criteria: Any, keeps: bool = True) -> Function:
    """The condition that a row of the table is one of some rows, or none of them."""
    parts = compared_in(criteria, table.names)
    cells = wanted_cells(table.type, wanted.rows, parts, _whole(criteria))
    return condition(lambda row: (wanted.find(row) >= 0) is keeps, table.type, parts, cells, keeps)


def _whole(criteria: Any) -> bool:
    """Whether rows are compared in all that they have."""
    value = strip(force(criteria))
    return value is None or (value.__class__ is Function and comparer_key(value) is not None)


#: So many rows are looked for by a query each.
_FEW = 5


def _by_engine(table: Table, rows: list[dict[str, Any]], criteria: Any, name: str) -> bool | None:
    """Whether an engine finds one of some rows; None when there is no answer."""
    from mlang.tables.asking import any_row, rows_of, with_cells

    if criteria is not None:
        same = _matching(table, Rows(rows, row_criteria(criteria, name), whole=criteria is None), criteria)
        return any_row(table, same) if is_known(same) else None
    plan = with_cells(table, rows, 1)
    found = None if plan is None else rows_of(table, plan, (next(iter(rows[0])),))
    return None if found is None else bool(found)


@builtin("Table.Contains(table as table, row as record, optional equationCriteria as any) as logical")
def contains(table: Table, row: dict[str, Any], criteria: Any = None) -> bool:
    """Says whether a table has a row with the fields of a record."""
    found = _by_engine(table, [row], criteria, "Table.Contains")
    if found is not None:
        return found
    wanted = _wanted([row], criteria, "Table.Contains", table)
    return any(wanted.find(record) >= 0 for record in table.records())


@builtin("Table.ContainsAny(table as table, rows as list, optional equationCriteria as any) as logical")
def contains_any(table: Table, rows: Any, criteria: Any = None) -> bool:
    """Says whether a table has at least one of the rows."""
    chosen = _records(rows)
    found = _by_engine(table, chosen, criteria, "Table.ContainsAny")
    if found is not None:
        return found
    wanted = _wanted(chosen, criteria, "Table.ContainsAny", table)
    return any(wanted.find(record) >= 0 for record in table.records())


@builtin("Table.ContainsAll(table as table, rows as list, optional equationCriteria as any) as logical")
def contains_all(table: Table, rows: Any, criteria: Any = None) -> bool:
    """Says whether a table has every one of the rows."""
    chosen = _records(rows)
    answers: list[bool | None] = []
    if len(chosen) <= _FEW:
        answers = [_by_engine(table, [row], criteria, "Table.ContainsAll") for row in chosen]
    if answers and None not in answers:
        return all(answers)
    sought = _wanted(chosen, criteria, "Table.ContainsAll", table)
    if sought.keys is not None:
        return _has_all(table, sought, sought.keys)
    records = list(table.records())
    for row in chosen:
        wanted = _wanted([row], criteria, "Table.ContainsAll", table)
        if not any(wanted.find(record) >= 0 for record in records):
            return False
    return True


def _has_all(table: Table, sought: Rows, keys: dict[Any, dict[Any, int]]) -> bool:
    missing = {(names, key) for names, known in keys.items() for key in known}
    if not missing:
        return True
    for record in table.records():
        missing.difference_update(sought.matches(record))
        if not missing:
            return True
    return False


@builtin("Table.PositionOf(table as table, row as record, optional occurrence as any, "
         "optional equationCriteria as any) as any")  # fmt: skip
def position_of(table: Table, row: dict[str, Any], occurrence: Any = None, criteria: Any = None) -> Any:
    """The position of a row: the first, the last or all of them; -1 when it is not there."""
    wanted = Rows([row], row_criteria(criteria, "Table.PositionOf"), whole=criteria is None)
    return _positions(table, wanted, occurrence, criteria)


@builtin("Table.PositionOfAny(table as table, rows as list, optional occurrence as nullable number, "
         "optional equationCriteria as any) as any")  # fmt: skip
def position_of_any(table: Table, rows: Any, occurrence: Any = None, criteria: Any = None) -> Any:
    """The position of any of the rows: the first, the last or all of them; -1 when none is there."""
    wanted = Rows(_records(rows), row_criteria(criteria, "Table.PositionOfAny"), whole=criteria is None)
    return _positions(table, wanted, occurrence, criteria)


def _positions(table: Table, wanted: Rows, occurrence: Any, criteria: Any) -> Any:
    from mlang.tables.asking import places_of

    if occurrence is not None and not is_number(occurrence):
        raise errors.cannot_convert(occurrence, "Number")
    mode = enum_member(occurrence, "occurrence", (_FIRST, _LAST, _ALL), _FIRST)
    places = places_of(table, _matching(table, wanted, criteria), {_FIRST: 1, _LAST: -1}.get(mode))
    if places is not None:
        return places if mode == _ALL else (places or [-1.0])[0]
    found = (float(i) for i, record in enumerate(table.records()) if wanted.find(record) >= 0)
    if mode == _FIRST:
        return next(found, -1.0)
    positions = list(found)
    if mode == _ALL:
        return positions
    return positions[-1] if positions else -1.0


# ---------------------------------------------------------------- removing, replacing


@builtin("Table.RemoveMatchingRows(table as table, rows as list, optional equationCriteria as any) as table")
def remove_matching_rows(table: Table, rows: Any, criteria: Any = None) -> Table:
    """Removes every row that equals one of the given rows."""
    wanted = Rows(_records(rows), row_criteria(criteria, "Table.RemoveMatchingRows"), whole=criteria is None)
    others = _matching(table, wanted, criteria, False)
    return Table(p.SelectRows(table.type, table.plan, others, "Table.RemoveMatchingRows"))


@builtin(
    "Table.ReplaceMatchingRows(table as table, replacements as list, "
    "optional equationCriteria as any) as table"
)
def replace_matching_rows(table: Table, replacements: Any, criteria: Any = None) -> Table:
    """Replaces rows: pairs of the row to look for and the one to put in its place."""
    olds: list[dict[str, Any]] = []
    news: list[list[Any]] = []
    for part in items(replacements):
        pair = _records(part)
        if len(pair) != 2:
            raise errors.bad_pairs(part, "replacements")
        olds.append(pair[0])
        news.append(record_cells(table.type, pair[1]))
    wanted = Rows(olds, row_criteria(criteria, "Table.ReplaceMatchingRows"), whole=criteria is None)
    names = table.names

    def run(batches: Callable[[], Iterator[Batch]]) -> Iterator[Batch]:
        from mlang.tables.local import records

        for batch in batches():
            changed, done, failure = [list(column) for column in batch.columns], 0, None
            try:
                for record in records(names, batch.columns, batch.length):
                    found = wanted.find(record)
                    if found >= 0:
                        for column, cell in zip(changed, news[found], strict=True):
                            column[done] = cell
                    done += 1
            except MError as error:  # rows before it are good
                failure = error
            yield Batch([column[:done] for column in changed], done)
            if failure is not None:
                raise failure

    whole = _whole(criteria)
    cells = wanted_cells(table.type, olds, compared_in(criteria, names), whole)
    kept = [new for old, new in zip(olds, news, strict=True) if not whole or set(old) == set(names)]
    recipe = None if cells is None else (cells, tuple(map(tuple, kept)))
    schema = schemas.unkeyed(table.type)
    return Table(p.Step(schema, (table.plan,), run, "Table.ReplaceMatchingRows", recipe))
