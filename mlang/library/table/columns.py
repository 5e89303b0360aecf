"""Column operations: choosing, removing, renaming, reordering, promoting and demoting headers."""

from __future__ import annotations

from typing import Any

from mlang import errors, registry
from mlang.library.arguments import of_kind, options, texts
from mlang.library.table.criteria import ERROR, USE_NULL, items, known_columns, missing_field, tuples
from mlang.registry import builtin
from mlang.tables import access
from mlang.tables import plan as p
from mlang.tables import schema as schemas
from mlang.tables.table import Table
from mlang.values.functions import Function, bind
from mlang.values.kinds import is_number, kind_of
from mlang.values.metadata import strip
from mlang.values.thunk import force
from mlang.values.types import ANY, MType


def chosen(table: Table, columns: list[tuple[str, str | None]], name: str) -> Table:
    """The table under other column names and order: (new name, old name or None)."""
    schema = schemas.projected(table.type, columns)
    return Table(p.Project(schema, table.plan, tuple(columns), name))


@builtin(
    "Table.SelectColumns(table as table, columns as any, optional missingField as nullable number) as table"
)
def select_columns(table: Table, columns: Any, missing: Any = None) -> Table:
    """Keeps the named columns, in the order they are named.

    ``columns`` is one name or a list; ``missingField`` says what a name without a
    column does: an error, nothing, or a column of nulls.
    """
    mode = missing_field(missing)
    result: list[tuple[str, str | None]] = []
    for name in texts(columns):
        if table.type.has(name):
            result.append((name, name))
        elif mode == ERROR:
            raise errors.column_not_found(name)
        elif mode == USE_NULL:
            result.append((name, None))
    return chosen(table, result, "Table.SelectColumns")


@builtin(
    "Table.RemoveColumns(table as table, columns as any, optional missingField as nullable number) as table"
)
def remove_columns(table: Table, columns: Any, missing: Any = None) -> Table:
    """Removes the named columns; ``missingField`` says whether an unknown name is an error."""
    mode = missing_field(missing)
    gone = set(texts(columns))
    if mode == ERROR:
        for name in texts(columns):
            table.type.index(name)
    return chosen(table, [(n, n) for n in table.names if n not in gone], "Table.RemoveColumns")


@builtin(
    "Table.RenameColumns(table as table, renames as list, optional missingField as nullable number) as table"
)
def rename_columns(table: Table, renames: Any, missing: Any = None) -> Table:
    """Renames columns by pairs of old and new name; a single pair may stand alone.

    All renames happen at once, so names can be swapped; a name that is taken is an error.
    """
    mode = missing_field(missing)
    new_names: dict[str, str] = {}
    added: list[tuple[str, str | None]] = []
    for pair in tuples(renames, "renames"):
        if len(pair) != 2:
            raise errors.bad_pairs(pair, "renames")
        old, new = of_kind(pair[0], "text"), of_kind(pair[1], "text")
        if old in new_names:
            raise errors.column_not_found(old)
        if table.type.has(old):
            new_names[old] = new
        elif mode == ERROR:
            raise errors.column_not_found(old)
        elif mode == USE_NULL:
            added.append((new, None))
    columns: list[tuple[str, str | None]] = [(new_names.get(n, n), n) for n in table.names]
    return chosen(table, columns + added, "Table.RenameColumns")


@builtin(
    "Table.ReorderColumns(table as table, columnOrder as list, "
    "optional missingField as nullable number) as table"
)
def reorder_columns(table: Table, order: Any, missing: Any = None) -> Table:
    """Puts the named columns into the given order; others stay where they are (TBL-20)."""
    mode = missing_field(missing)
    wanted = texts(order)
    schemas.unique(wanted)
    places: dict[str, str | None] = {name: name for name in table.names}
    for name in wanted:
        if name not in places:
            if mode == ERROR:
                raise errors.column_not_found(name)
            if mode == USE_NULL:  # a new place at the end, which the named columns share (REC-06)
                places[name] = None
    following = [name for name in wanted if name in places]
    moving, queue = set(following), iter(following)
    names = [next(queue) if name in moving else name for name in places]
    return chosen(table, [(name, places[name]) for name in names], "Table.ReorderColumns")


@builtin("Table.DuplicateColumn(table as table, columnName as text, newColumnName as text, "
         "optional columnType as nullable type) as table")  # fmt: skip
def duplicate_column(table: Table, name: str, new_name: str, type: MType | None = None) -> Table:
    """Adds a copy of a column at the end, with the same type unless another one is given."""
    old = schemas.column_type(table.type, name)
    schema = schemas.append(table.type, new_name, type if type is not None else old)
    columns = (*((n, n) for n in table.names), (new_name, name))
    return Table(p.Project(schema, table.plan, columns, "Table.DuplicateColumn"))


@builtin("Table.PrefixColumns(table as table, prefix as text) as table")
def prefix_columns(table: Table, prefix: str) -> Table:
    """Puts a text and a dot before every column name."""
    return chosen(table, [(f"{prefix}.{n}", n) for n in table.names], "Table.PrefixColumns")


# ---------------------------------------------------------------- names by function


@builtin("Table.TransformColumnNames(table as table, nameGenerator as function, "
         "optional options as nullable record) as table")  # fmt: skip
def transform_column_names(table: Table, generator: Function, settings: Any = None) -> Table:
    """Renames every column by a function of its name.

    Options: ``MaxLength`` cuts long names, ``Comparer`` says which names count as equal;
    names that clash get a number.
    """
    given = options(settings, "Table.TransformColumnNames", {"MaxLength": None, "Comparer": None})
    limit = None
    if given["MaxLength"] is not None:
        from mlang.library.arguments import as_count

        limit = as_count(given["MaxLength"], "MaxLength")
    call = bind(generator, 1)
    taken: set[Any] = set()
    key = _name_key(given["Comparer"])
    columns: list[tuple[str, str | None]] = []
    for name in table.names:
        new = of_kind(call(name), "text")
        columns.append((free_name(new, taken, key, limit), name))
    return chosen(table, columns, "Table.TransformColumnNames")


def _name_key(comparer: Any) -> Any:
    """How names are told equal: exactly, or as a built-in comparer says."""
    if comparer is None:
        return lambda name: name
    from mlang.library.comparer import comparer_key

    key = comparer_key(of_kind(comparer, "function"))
    if key is None:
        raise errors.custom_comparer()
    return key


def free_name(name: str, taken: set[Any], key: Any, limit: int | None = None, separator: str = "") -> str:
    """The name, cut to the limit, with a number when it is taken; the result counts as taken."""
    candidate = name if limit is None else name[:limit]
    number = 0
    while key(candidate) in taken:
        number += 1
        suffix = f"{separator}{number}"
        stem = name if limit is None else name[: max(0, limit - len(suffix))]
        candidate = stem + suffix
    taken.add(key(candidate))
    return candidate


# ---------------------------------------------------------------- headers


@builtin("Table.PromoteHeaders(table as table, optional options as nullable record) as table")
def promote_headers(table: Table, settings: Any = None) -> Table:
    """Makes the cells of the first row the column names.

    Texts and numbers are promoted; with ``PromoteAllScalars`` dates, logicals and so on
    too, as ``Culture`` writes them.  Other cells leave a default name.
    """
    defaults = {"PromoteAllScalars": None, "Culture": None}
    given = options(settings, "Table.PromoteHeaders", defaults)
    first = access.item(table, 0.0, True)
    if first is None:
        return table
    every = given["PromoteAllScalars"] is not None and of_kind(given["PromoteAllScalars"], "logical")
    taken: set[Any] = set()
    columns: list[tuple[str, str | None]] = []
    cells = [force(cell) for cell in first.values()]
    headers = [_header(cell, every, given["Culture"]) for cell in cells]
    for i, (old, header) in enumerate(zip(table.names, headers, strict=True)):
        name = header if header is not None else f"Column{i + 1}"
        columns.append((free_name(name, taken, lambda n: n, None, "_"), old))
    texts = {n: c for n, c in zip(table.names, cells, strict=True) if c.__class__ is str}
    rest = p.Drop(table.type, table.plan, 1, header=texts if _of_a_file(table.plan) else None)
    schema = schemas.of_columns([(new, ANY) for new, _ in columns])
    renamed = p.Project(schemas.projected(table.type, columns), rest, tuple(columns), "Table.PromoteHeaders")
    if schemas.is_untyped(renamed.schema):
        return Table(renamed)
    return Table(p.Retype(schema, renamed, "Table.PromoteHeaders"))


def _of_a_file(plan: p.Plan) -> bool:
    """Whether these are the rows of a file of delimited text, which somebody may write before they are read."""
    from mlang.connectors.sources import CsvSource

    return isinstance(plan, p.Scan) and isinstance(plan.source, CsvSource) and plan.source.path is not None


def _header(cell: Any, every: bool, culture: Any) -> str | None:
    """The column name that a cell gives, or None."""
    cell = strip(cell)
    if cell.__class__ is str:
        return cell or None
    if is_number(cell) or (every and kind_of(cell) in _SCALARS):
        text = registry.value_of("Text.From").fn(cell, culture)
        return text or None
    return None


_SCALARS = frozenset({"number", "logical", "date", "time", "datetime", "datetimezone", "duration", "binary"})


@builtin("Table.DemoteHeaders(table as table) as table")
def demote_headers(table: Table) -> Table:
    """Makes the column names the first row; columns are then Column1, Column2 and so on."""
    names = schemas.default_names(len(table.names))
    schema = schemas.of_columns([(n, ANY) for n in names])
    top = p.Values(schema, [[name] for name in table.names], 1)
    rest = p.Retype(schema, table.plan, "Table.DemoteHeaders")
    return Table(p.Append(schema, (top, rest)))


# ---------------------------------------------------------------- asking


@builtin("Table.Column(table as table, column as text) as list")
def column(table: Table, name: str) -> Any:
    """The cells of one column, as a list."""
    return access.column(table, name)


@builtin("Table.ColumnNames(table as table) as list")
def column_names(table: Table) -> list[str]:
    """The names of the columns, in order."""
    return list(table.names)


@builtin("Table.ColumnCount(table as table) as number")
def column_count(table: Table) -> float:
    """How many columns a table has."""
    return float(len(table.names))


@builtin("Table.HasColumns(table as table, columns as any) as logical")
def has_columns(table: Table, columns: Any) -> bool:
    """Says whether a table has a column, or all columns of a list."""
    return all(table.type.has(name) for name in texts(columns))


@builtin("Table.ColumnsOfType(table as table, listOfTypes as list) as list")
def columns_of_type(table: Table, types: Any) -> list[str]:
    """The names of the columns whose type is exactly one of the given types (TBL-26)."""
    wanted = [of_kind(type, "type") for type in items(types)]
    return [
        name for name, type in schemas.pairs(table.type) if any(schemas.same_type(type, w) for w in wanted)
    ]


@builtin("Table.CombineColumnsToRecord(table as table, newColumnName as text, sourceColumns as list, "
         "optional options as nullable record) as table")  # fmt: skip
def combine_columns_to_record(table: Table, new_name: str, sources: Any, settings: Any = None) -> Table:
    """Replaces columns by one column of records that hold their cells.

    The options ``DisplayNameColumn`` and ``TypeName`` only describe the records to a
    loading program.
    """
    from mlang.library.table.transform import combined_columns

    names = known_columns(sources, table.type)
    schemas.unique(names)
    given = options(settings, "Table.CombineColumnsToRecord", {"DisplayNameColumn": None, "TypeName": None})
    for described in given.values():
        if described is not None:
            of_kind(described, "text")
    from mlang.values.types import Field, RecordType

    type = RecordType([Field(n, schemas.column_type(table.type, n)) for n in names])

    def record(cells: list[Any]) -> Any:
        return dict(zip(names, cells, strict=True))

    step = "Table.CombineColumnsToRecord"
    return combined_columns(table, names, record, new_name, type, step, ("record", names))
