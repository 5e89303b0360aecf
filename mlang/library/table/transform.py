"""Transformations: columns added, cells converted, replaced, split, combined and filled."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from mlang import errors
from mlang.library.arguments import as_int, enum_member, of_kind, options, texts
from mlang.library.table.criteria import (
    ERROR,
    USE_NULL,
    function_of,
    known_columns,
    missing_field,
    result_type,
    tuples,
)
from mlang.registry import builtin
from mlang.tables import plan as p
from mlang.tables import schema as schemas
from mlang.tables.flow import Batch
from mlang.tables.table import Table
from mlang.values.functions import Function, Param, Spec, bind
from mlang.values.kinds import is_number, kind_of
from mlang.values.lists import LazyList
from mlang.values.metadata import strip
from mlang.values.thunk import force
from mlang.values.types import ANY, TEXT, MType, nullable

T = TypeVar("T")
NULLABLE_TEXT = nullable(TEXT)


def row_function(
    call: Callable[[dict[str, Any]], Any],
    reads: list[str] | tuple[str, ...],
    eager: bool = False,
    recipe: tuple[Any, ...] | None = None,
) -> Function:
    """A function of the row made by the library: it says what columns it reads (`local.RowFunction`).

    ``eager`` tells that it is pure and quick, so that cells need not wait for being read; ``recipe`` says
    what it does in words that folding knows (``folding/recipes.py``).
    """
    return Function(call, 1, 1, Spec((Param("row"),), name="row", document=(tuple(reads), eager, recipe)))


# ---------------------------------------------------------------- adding


@builtin("Table.AddColumn(table as table, newColumnName as text, columnGenerator as function, "
         "optional columnType as nullable type) as table")  # fmt: skip
def add_column(table: Table, name: str, generator: Function, type: MType | None = None) -> Table:
    """Adds a column whose cells are a function of the row.

    The type is only claimed, not checked.  A cell is computed when it is read, and
    an error stays in its cell.
    """
    schema = schemas.append(table.type, name, type if type is not None else ANY)
    return Table(p.AddColumn(schema, table.plan, name, generator))


@builtin("Table.AddIndexColumn(table as table, newColumnName as text, "
    "optional initialValue as nullable number, "
         "optional increment as nullable number, optional columnType as nullable type) as table")  # fmt: skip
def add_index_column(
    table: Table, name: str, start: Any = None, increment: Any = None, type: MType | None = None
) -> Table:
    """Adds a running number, from 0 in steps of 1 unless told otherwise."""
    schema = schemas.append(table.type, name, type if type is not None else ANY)
    first, step = _plain(start, 0.0), _plain(increment, 1.0)
    if first.__class__ is not step.__class__:
        first, step = float(first), float(step)
    return Table(p.AddIndex(schema, table.plan, name, first, step))


def _plain(value: Any, default: float) -> Any:
    if value is None:
        return default
    return float(value) if value.__class__ is int and abs(value) <= 2**53 else value


# ---------------------------------------------------------------- cells by function


@builtin(
    "Table.TransformColumns(table as table, transformOperations as list, "
    "optional defaultTransformation as nullable function, optional missingField as nullable number) as table"
)
def transform_columns(
    table: Table, operations: Any, default: Function | None = None, missing: Any = None
) -> Table:
    """Passes the cells of columns through functions.

    An operation is a column name, a function and perhaps the new type; without a type the
    function's declared result type is taken.  The default function is for all columns
    without an operation.  Errors stay in their cells.
    """
    mode = missing_field(missing)
    transforms: list[tuple[str, Any]] = []
    types: dict[str, MType] = {}
    added: list[str] = []
    for operation in tuples(operations, "transformOperations"):
        if not 2 <= len(operation) <= 3:
            raise errors.bad_pairs(operation, "transformOperations")
        name, function = of_kind(operation[0], "text"), function_of(operation[1])
        if not table.type.has(name) and not _added(name, mode, added):
            continue
        transforms.append((name, function))
        given = operation[2] if len(operation) == 3 else None
        types[name] = of_kind(given, "type") if given is not None else result_type(function)
    if default is not None:
        rest = [n for n in table.names if n not in types]
        transforms += [(n, default) for n in rest]
        types.update(dict.fromkeys(rest, result_type(default)))
    return _transformed(with_nulls(table, added), transforms, types)


def _transformed(table: Table, transforms: list[tuple[str, Any]], types: dict[str, MType]) -> Table:
    """The steps for a list of transforms; a column named twice is transformed twice."""
    plan = table.plan
    schema = schemas.unkeyed(schemas.retyped(table.type, types), types)
    for now in _passes(transforms):
        plan = p.TransformColumns(schema, plan, tuple(now.items()))
    return Table(plan) if plan is not table.plan else table


def _passes(pairs: list[tuple[str, T]]) -> Iterator[dict[str, T]]:
    """Pairs by column name, as many times over as a name is given twice."""
    while pairs:
        now: dict[str, T] = {}
        later: list[tuple[str, T]] = []
        for name, what in pairs:
            if name in now:
                later.append((name, what))
            else:
                now[name] = what
        yield now
        pairs = later


def _added(name: str, mode: int, added: list[str]) -> bool:
    """Whether a missing column is put in, and noted so; an error where the mode wants one."""
    if mode == ERROR:
        raise errors.column_not_found(name)
    if mode == USE_NULL:
        added.append(name)
    return mode == USE_NULL


def with_nulls(table: Table, names: list[str]) -> Table:
    """The table with columns of nulls added for missing names (MissingField.UseNull)."""
    if not names:
        return table
    columns: list[tuple[str, str | None]] = [(n, n) for n in table.names]
    columns += [(n, None) for n in dict.fromkeys(names)]
    return Table(p.Project(schemas.projected(table.type, columns), table.plan, tuple(columns)))


@builtin(
    "Table.TransformColumnTypes(table as table, typeTransformations as list, "
    "optional culture as any) as table"
)
def transform_column_types(table: Table, changes: Any, culture: Any = None) -> Table:
    """Converts the cells of columns to types, with the ``.From`` function of the type.

    ``culture`` is a culture name, or a record with ``Culture`` and ``MissingField``.  What
    cannot be converted becomes an error in its cell.  The new column types are nullable.
    """
    from mlang.tables.convert import conversion_name

    mode = ERROR
    if kind_of(culture) == "record":
        given = options(culture, "Table.TransformColumnTypes", {"Culture": None, "MissingField": None})
        culture, mode = given["Culture"], missing_field(given["MissingField"])
    if culture is not None:
        culture = of_kind(culture, "text")
    wanted: list[tuple[str, MType]] = []
    added: list[str] = []
    for change in tuples(changes, "typeTransformations"):
        if len(change) != 2:
            raise errors.bad_pairs(change, "typeTransformations")
        name, type = of_kind(change[0], "text"), of_kind(change[1], "type")
        conversion_name(type)
        if not table.type.has(name) and not _added(name, mode, added):
            continue
        wanted.append((name, type))
    return _converted(with_nulls(table, added), wanted, culture)


def _converted(table: Table, changes: list[tuple[str, MType]], culture: str | None) -> Table:
    plan, schema = table.plan, table.type
    for now in _passes(changes):
        schema = schemas.retyped(schema, {n: nullable(t) for n, t in now.items()})
        plan = p.ChangeTypes(schema, plan, tuple(now.items()), culture)
    return Table(plan) if plan is not table.plan else table


class TransformedRows(LazyList):
    """A function of each row, computed when the item is read."""

    __slots__ = ("function", "table")

    def __init__(self, table: Table, function: Function) -> None:
        self.table, self.function = table, function

    def __iter__(self) -> Iterator[Any]:
        from mlang.tables.local import RowFunction

        function = RowFunction(self.function, self.table.plan.schema)
        for batch in self.table.batches(list(function.reads)):
            yield from function.lazily(batch.columns, batch.length)

    def count(self) -> int:
        from mlang.tables.access import row_count

        return row_count(self.table)


@builtin("Table.TransformRows(table as table, transform as function) as list")
def transform_rows(table: Table, transform: Function) -> LazyList:
    """A list of a function's results for each row."""
    return TransformedRows(table, transform)


# ---------------------------------------------------------------- replacing


@builtin("Table.ReplaceValue(table as table, oldValue as any, newValue as any, replacer as function, "
         "columnsToSearch as list) as table")  # fmt: skip
def replace_value(table: Table, old: Any, new: Any, replacer: Function, columns: Any) -> Table:
    """Replaces a value in columns by means of a replacer, such as ``Replacer.ReplaceText``.

    Old and new value may be functions of the row.
    """
    names = known_columns(columns, table.type)
    retyped = schemas.retyped(table.type, {n: _replaced_type(table, n, replacer) for n in names})
    schema = schemas.unkeyed(retyped, names)
    per_row = old.__class__ is Function or new.__class__ is Function
    return Table(p.ReplaceValue(schema, table.plan, old, new, replacer, tuple(names), per_row))


def _replaced_type(table: Table, name: str, replacer: Function) -> MType:
    """TYP-42: ReplaceText makes nullable text, ReplaceValue changes nothing, others what they declare."""
    spec = replacer.spec
    known = spec.builtin.name if spec is not None and spec.builtin is not None else None
    if known == "Replacer.ReplaceValue":
        return schemas.column_type(table.type, name)
    return NULLABLE_TEXT if known == "Replacer.ReplaceText" else result_type(replacer)


@builtin("Table.ReplaceErrorValues(table as table, errorReplacement as list) as table")
def replace_error_values(table: Table, replacements: Any) -> Table:
    """Replaces error cells: pairs of column name and value; one pair may stand alone."""
    parts = [force(part) for part in of_kind(replacements, "list")]
    if parts and kind_of(parts[0]) != "list":
        parts = [list(of_kind(replacements, "list"))]
    pairs: dict[str, Any] = {}
    for part in parts:
        pair = list(of_kind(part, "list"))
        if len(pair) != 2:
            raise errors.bad_pairs(part, "replacements")
        name = of_kind(pair[0], "text")
        table.type.index(name)
        if name in pairs:
            raise errors.column_exists(name)
        pairs[name] = pair[1]
    return Table(p.ReplaceErrors(schemas.unkeyed(table.type, pairs), table.plan, tuple(pairs.items())))


# ---------------------------------------------------------------- splitting


def fitted(pieces: list[Any], width: int, default: Any, extra: int) -> list[Any]:
    """Pieces made as many as there are columns (TBL-31): padded, cut, gathered in a list, or an error."""
    count = len(pieces)
    if extra == EXTRA_LIST and width:
        head = pieces[: width - 1] + [default] * max(0, width - 1 - count)
        rest = pieces[width - 1 :]
        return [*head, rest if rest else default]
    if count > width and extra == EXTRA_ERROR:
        raise errors.too_many_columns(width)
    return pieces[:width] + [default] * (width - count)


EXTRA_LIST, EXTRA_ERROR, EXTRA_IGNORE = range(3)


def splitter_type(splitter: Any) -> MType:
    """The type of the columns a splitter makes: nullable text for the library's text splitters (TYP-42)."""
    return NULLABLE_TEXT if made_by(splitter).startswith("Splitter.SplitText") else ANY


def made_by(function: Any) -> str:
    """The library function that made a splitter or combiner, or that a function is; "" for the user's own."""
    spec = function.spec
    if spec is None or spec.node is not None:
        return ""
    return (spec.builtin.name if spec.builtin is not None else spec.name) or ""


def pieces_of(call: Callable[[Any], Any], value: Any) -> list[Any]:
    """What a splitter makes of a value, as a plain list."""
    return list(of_kind(call(value), "list"))


@builtin(
    "Table.SplitColumn(table as table, sourceColumn as text, splitter as function, "
    "optional columnNamesOrNumber as any, optional default as any, optional extraColumns as any) as table",
    keeps="default",
)
def split_column(
    table: Table, source: str, splitter: Function, names: Any = None, default: Any = None, extra: Any = None
) -> Table:
    """Splits a column into several, in its place, by a splitter function.

    Without names the new columns are called after the old one, with a number.  Too few
    pieces are filled up with ``default``; ``extraColumns`` says what becomes of surplus ones.
    """
    mode = enum_member(extra, "extraColumns", (EXTRA_LIST, EXTRA_ERROR, EXTRA_IGNORE), EXTRA_IGNORE)
    place = table.type.index(source)
    call = bind(splitter, 1)
    new_names = _split_names(table, source, call, names)
    width = len(new_names)

    def split(row: dict[str, Any]) -> list[Any]:
        return fitted(pieces_of(call, force(row[source])), width, default, mode)

    type = splitter_type(splitter)
    schema = schemas.replaced(table.type, source, [(n, type) for n in new_names])
    eager = made_by(splitter).startswith("Splitter.")
    pieces = row_function(split, [source], eager, ("split", splitter, source, width, default, mode))
    plan: p.Plan = p.AddColumn(schemas.append(table.type, "\0pieces"), table.plan, "\0pieces", pieces)
    hidden = [f"\0{i}" for i in range(width)]
    for i, name in enumerate(hidden):
        piece = row_function(_piece(i), ["\0pieces"], True, ("piece", i))
        plan = p.AddColumn(schemas.append(plan.schema, name), plan, name, piece)
    old = [*table.names[:place], *hidden, *table.names[place + 1 :]]
    columns = tuple(zip(schema.names, old, strict=True))
    return Table(p.Project(schema, plan, columns, "Table.SplitColumn"))


def _piece(i: int) -> Callable[[dict[str, Any]], Any]:
    return lambda row: force(force(row["\0pieces"])[i])


def _split_names(table: Table, source: str, call: Callable[[Any], Any], names: Any) -> list[str]:
    names = strip(names)
    if names is not None and not is_number(names):
        return texts(names)
    if names is not None:
        width = as_int(names)
        if width < 0:
            raise errors.argument_out_of_range("columnNamesOrNumber", names)
    else:
        width = 0
        for batch in table.batches([source]):
            for cell in batch.columns[0]:
                width = max(width, len(pieces_of(call, force(cell))))
    return [f"{source}.{i + 1}" for i in range(width)]


# ---------------------------------------------------------------- combining


@builtin(
    "Table.CombineColumns(table as table, sourceColumns as list, combiner as function, "
    "column as text) as table"
)
def combine_columns(table: Table, sources: Any, combiner: Function, column: str) -> Table:
    """Replaces columns by one, made of their cells by a combiner function."""
    names = known_columns(sources, table.type)
    call = bind(combiner, 1)
    type = TEXT if made_by(combiner).startswith("Combiner.") else result_type(combiner)
    recipe = ("combine", combiner, names)
    return combined_columns(table, names, call, column, type, "Table.CombineColumns", recipe)


def combined_columns(
    table: Table, names: list[str], combine: Callable[[list[Any]], Any], new_name: str, type: MType, step: str,
    recipe: tuple[Any, ...] | None = None,
) -> Table:  # fmt: skip
    """One column instead of several, standing where the first of them stood (TBL-30, TBL-33)."""

    def combined(row: dict[str, Any]) -> Any:
        return combine([row[name] for name in names])

    hidden = "\0combined"
    added = p.AddColumn(
        schemas.append(table.type, hidden, type), table.plan, hidden,
        row_function(combined, names, False, recipe),
    )  # fmt: skip
    gone = set(names)
    columns: list[tuple[str, str | None]] = []
    for name in table.names:
        if names and name == names[0]:
            columns.append((new_name, hidden))
        elif name not in gone:
            columns.append((name, name))
    if not names:
        columns.append((new_name, hidden))
    return Table(p.Project(schemas.projected(added.schema, columns), added, tuple(columns), step))


# ---------------------------------------------------------------- filling and clearing


@builtin("Table.FillDown(table as table, columns as list) as table")
def fill_down(table: Table, columns: Any) -> Table:
    """Replaces nulls by the last value above them, column by column."""
    return _filled(table, columns, True)


@builtin("Table.FillUp(table as table, columns as list) as table")
def fill_up(table: Table, columns: Any) -> Table:
    """Replaces nulls by the next value below them, column by column."""
    return _filled(table, columns, False)


def _filled(table: Table, columns: Any, down: bool) -> Table:
    names = known_columns(columns, table.type)
    return Table(p.Fill(schemas.unkeyed(table.type, names), table.plan, tuple(names), down))


@builtin("Table.ClearDown(table as table, columns as list) as table")
def clear_down(table: Table, columns: Any) -> Table:
    """Blanks the named columns in rows where all of them repeat the row above."""
    from mlang.values.compare import equal

    names = known_columns(columns, table.type)
    places = [table.type.index(name) for name in names]

    def run(batches: Callable[[], Iterator[Batch]]) -> Iterator[Batch]:
        above: list[Any] | None = None
        for batch in batches():
            changed = [list(column) for column in batch.columns]
            for i in range(batch.length if places else 0):
                here = [force(batch.columns[place][i]) for place in places]
                if above is not None and all(equal(a, b) for a, b in zip(above, here, strict=True)):
                    for place in places:
                        changed[place][i] = None
                above = here
            yield Batch(changed, batch.length)

    retyped = schemas.retyped(table.type, {n: nullable(schemas.column_type(table.type, n)) for n in names})
    schema = schemas.unkeyed(retyped, names)
    return Table(p.Step(schema, (table.plan,), run, "Table.ClearDown", (tuple(names),)))


# ---------------------------------------------------------------- turning


@builtin("Table.Transpose(table as table, optional columns as any) as table")
def transpose(table: Table, columns: Any = None) -> Table:
    """Makes rows columns and columns rows; the names are lost (demote the headers to keep them)."""
    from mlang.library.constructors import table_of_rows

    source: list[list[Any]] = [[] for _ in table.names]
    for batch in table.batches():
        for store, column in zip(source, batch.columns, strict=True):
            store.extend(column)
    length = len(source[0]) if source else 0
    if columns is None:
        columns = float(length)
    return table_of_rows(columns, source, "Table.Transpose")  # type: ignore[no-any-return]


# ---------------------------------------------------------------- passing through


@builtin("Table.WithErrorContext(value as any, context as text) as any", raw=True)
def with_error_context(value: Any, context: str) -> Any:
    """Gives back the value; the engine keeps the text for its own messages (TBL-104)."""
    return value


@builtin("Table.ReplaceRelationshipIdentity(value as any, identity as text) as any", raw=True)
def replace_relationship_identity(value: Any, identity: str) -> Any:
    """Gives back the value; the identity only matters to loading programs (TBL-104)."""
    return value
