"""DuckDB.Database: the tables and views of a DuckDB file, opened read-only and never created.

The catalogue gives names, types and primary keys; rows stream as Arrow batches.  One
connection per file serves an evaluation.  Types whose Arrow form would lose something
(128-bit integers, bit strings, intervals of months) are read as text or interval and made
M values here.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

from mlang import errors, session
from mlang.connectors.file import absolute, os_error
from mlang.connectors.sources import BATCH_ROWS, DuckDbSource
from mlang.library.arguments import options
from mlang.registry import builtin
from mlang.tables.batches import ArrowBatch
from mlang.tables.plan import Batch, Scan, Values
from mlang.tables.table import Table
from mlang.values import types as mtypes
from mlang.values.temporal import DAY, Duration
from mlang.values.thunk import Thunk, failed
from mlang.values.types import TABLE, TEXT, Field, MType, RecordType, TableType, table_type

#: Physical types whose cells are read as text, because Arrow has no exact form for them.
_AS_TEXT = ("BIT", "TIME WITH TIME ZONE", "UNION", "VARIANT", "GEOMETRY")
_AS_NUMBER_TEXT = ("HUGEINT", "UHUGEINT", "BIGNUM")
_MAGIC = b"DUCK"
#: The zone in which instants are shown, whatever the machine's is: what is stored has no zone of its own.
INSTANTS_IN = "UTC"
_INTEGERS = ("Int8.Type", "Int16.Type", "Int32.Type", "Int64.Type")


@builtin("DuckDB.Database(path as text, optional options as nullable record) as table")
def database(path: str, option: dict[str, Any] | None = None) -> Table:
    """Lists the tables and views of a DuckDB file, each with its rows in the Data column.

    The file is opened read-only; a table is picked by ``{[Schema="main", Item="orders"]}[Data]``.
    """
    options(option, "DuckDB.Database", {})
    full = absolute(path)
    rows = _catalogue(
        full,
        "SELECT table_schema, table_name, table_type FROM information_schema.tables "
        "WHERE table_catalog = current_database() ORDER BY 1, 2",
    )
    data = [Thunk(_opener(full, schema, item)) for schema, item, _ in rows]
    columns: list[list[Any]] = [
        [item if schema == "main" else f"{schema}.{item}" for schema, item, _ in rows],
        data,
        [schema for schema, _, _ in rows],
        [item for _, item, _ in rows],
        ["View" if kind == "VIEW" else "Table" for _, _, kind in rows],
    ]
    listing = table_type(["Name", "Data", "Schema", "Item", "Kind"], [TEXT, TABLE, TEXT, TEXT, TEXT])
    listing = TableType(listing.row, ((("Schema", "Item"), True),))
    return Table(Values(listing, columns, len(rows)))


def _opener(path: str, schema: str, item: str) -> Callable[[], Table]:
    return lambda: open_table(path, schema, item)


def open_table(path: str, schema: str, table: str) -> Table:
    """One table or view as a lazily read M table."""
    physical = {
        name: (kind, nullable == "YES")
        for name, kind, nullable in _catalogue(
            path,
            "SELECT column_name, data_type, is_nullable FROM information_schema.columns "
            "WHERE table_catalog = current_database() AND table_schema = ? AND table_name = ? "
            "ORDER BY ordinal_position",
            [schema, table],
        )
    }
    first = f"SELECT * FROM {_qualified(schema, table)} LIMIT 0"
    arrow = _remembered(path, (first,), lambda: _reader(path, first).schema)
    types = {
        field.name: _m_type(field.type, *physical.get(field.name, ("", True))) for field in arrow
    }  # views may have been made before their tables changed: the reader knows best
    keys = _catalogue(
        path,
        "SELECT constraint_column_names FROM duckdb_constraints() WHERE constraint_type = 'PRIMARY KEY' "
        "AND database_name = current_database() AND schema_name = ? AND table_name = ?",
        [schema, table],
    )
    row = RecordType([Field(name, type) for name, type in types.items()])
    source = DuckDbSource(path, schema, table, types, {n: k for n, (k, _) in physical.items()})
    claimed = TableType(row, tuple((tuple(names), True) for (names,) in keys))
    return Table(Scan(claimed, source, tuple(types), "DuckDB.Database"))


def _m_type(arrow_type: Any, physical: str, nullable: bool) -> MType:
    """The M type of a column: every signed integer is Int64.Type, as database connectors say."""
    from mlang.connectors.arrow import m_type_of

    if physical in _AS_NUMBER_TEXT:
        found: MType = mtypes.NUMBER
    elif physical.startswith(_AS_TEXT):
        found = TEXT
    elif physical == "INTERVAL":
        found = mtypes.primitive("duration")
    elif physical == "UUID":
        found = mtypes.NAMED["Guid.Type"]
    else:
        found = m_type_of(arrow_type, False)
        if found.name in _INTEGERS:
            found = mtypes.INT64
    return mtypes.nullable(found) if nullable else found


# ---------------------------------------------------------------- connections


def connection(path: str) -> Any:
    """The evaluation's read-only connection to a file; the engine's errors when there is none."""
    known = session.current().fixed
    key = ("duckdb", path)
    if key not in known:
        known[key] = _connect(path)
    return known[key]


def _connect(path: str) -> Any:
    try:
        with open(path, "rb") as stream:
            head = stream.read(16)
    except OSError as error:
        raise os_error(error, path) from None
    if os.path.getsize(path) and head[8:12] != _MAGIC:
        raise errors.not_a_database(path)
    import duckdb

    # Attached to a database of its own: connecting to the path would share an instance that an
    # earlier evaluation still holds, with the contents that the file had then.
    root = duckdb.connect(":memory:")
    try:
        root.execute(f"SET GLOBAL TimeZone = '{INSTANTS_IN}'")
        root.execute("ATTACH '{}' AS source (READ_ONLY)".format(path.replace("'", "''")))
    except duckdb.Error as error:
        raise _failure(error, path) from None
    return root


def _cursor(path: str) -> Any:
    """A cursor whose default catalog is the file (that is a setting of each cursor)."""
    cursor = connection(path).cursor()
    cursor.execute("USE source")
    return cursor


def _failure(error: Exception, path: str) -> errors.MError:
    return errors.database_error("DuckDB", str(error).partition("\n")[0], path)


def _query(path: str, sql: str, parameters: list[Any] | None = None) -> list[tuple[Any, ...]]:
    cursor = _cursor(path)
    import duckdb

    try:
        rows: list[tuple[Any, ...]] = cursor.execute(sql, parameters or []).fetchall()
    except duckdb.Error as error:
        raise _failure(error, path) from None
    finally:
        cursor.close()
    return rows


#: Per file what it looked like and what its catalogue answered then.
_CATALOGUES: dict[str, tuple[Any, dict[Any, Any]]] = {}


def _catalogue(path: str, sql: str, parameters: list[Any] | None = None) -> list[tuple[Any, ...]]:
    """A question to the catalogue, asked once as long as the file does not change."""
    rows: list[tuple[Any, ...]] = _remembered(
        path, (sql, *(parameters or ())), lambda: _query(path, sql, parameters)
    )
    return rows


def _remembered(path: str, key: tuple[Any, ...], ask: Callable[[], Any]) -> Any:
    now = _appearance(path)
    seen, answers = _CATALOGUES.get(path, (None, {}))
    if now is None or seen != now:
        seen, answers = now, {}
        _CATALOGUES[path] = (now, answers)
    if key not in answers:
        answers[key] = ask()
    return answers[key]


def _appearance(path: str) -> Any:
    """What changes when somebody writes to the file (or its log) or puts another one in its place."""
    try:
        stats = [os.stat(name) for name in (path, path + ".wal") if os.path.exists(name)]
    except OSError:
        return None
    return tuple((s.st_ino, s.st_size, s.st_mtime_ns) for s in stats) or None


def _reader(path: str, sql: str) -> Any:
    """A fresh Arrow reader over a query, on a cursor of its own (one open result each)."""
    import duckdb

    try:
        cursor = _cursor(path)
        return cursor.sql(sql).to_arrow_reader(BATCH_ROWS)
    except duckdb.Error as error:
        raise _failure(error, path) from None


# ---------------------------------------------------------------- rows


def quoted(name: str) -> str:
    """A name as DuckDB writes it."""
    return '"' + name.replace('"', '""') + '"'


def _qualified(schema: str, table: str) -> str:
    return f"{quoted(schema)}.{quoted(table)}"


def source_batches(source: DuckDbSource, columns: list[str] | None, limit: int | None) -> Iterator[Batch]:
    """The rows in batches, only the named columns."""
    import duckdb
    import pyarrow as pa

    names = list(source.types) if columns is None else columns
    picked = ", ".join(_selected(source, name) for name in names) or "1"
    stop = "" if limit is None else f" LIMIT {int(limit)}"
    special = any(source.physical.get(n, "") in (*_AS_NUMBER_TEXT, "INTERVAL") for n in names)
    reader = _reader(source.path, f"SELECT {picked} FROM {_qualified(source.schema, source.table)}{stop}")
    try:
        for part in reader:
            if not names or special:
                cells = [_cells(part.column(i), source.physical.get(n, "")) for i, n in enumerate(names)]
                yield Batch(cells, part.num_rows)
            else:
                yield ArrowBatch(part)
    except (duckdb.Error, pa.ArrowException, OSError) as error:
        raise _failure(error, source.path) from None
    finally:
        reader.close()


def count_rows(source: DuckDbSource) -> int:
    """How many rows there are, counted by the engine."""
    return int(_query(source.path, f"SELECT count(*) FROM {_qualified(source.schema, source.table)}")[0][0])


def _selected(source: DuckDbSource, name: str) -> str:
    physical = source.physical.get(name, "")
    if physical in _AS_NUMBER_TEXT or physical.startswith(_AS_TEXT):
        return f"CAST({quoted(name)} AS VARCHAR)"
    return quoted(name)


def _cells(column: Any, physical: str) -> list[Any]:
    from mlang.connectors.arrow import column_to_values

    if physical in _AS_NUMBER_TEXT:
        return [None if v is None else _whole(int(v)) for v in column.to_pylist()]
    if physical == "INTERVAL":
        return [None if v is None else _duration(v) for v in column.to_pylist()]
    return column_to_values(column)


def _whole(number: int) -> Any:
    if -(2**53) <= number <= 2**53:
        return float(number)
    if -(2**63) <= number < 2**63:
        return number
    from decimal import Decimal

    return Decimal(number)


def _duration(value: Any) -> Any:
    """An interval as a duration; months have no fixed length, so such a cell is an error."""
    if value.months:
        return failed(errors.not_supported("DuckDB.Database", "an interval of months"))
    return Duration(value.days * DAY + value.nanoseconds // 100)
