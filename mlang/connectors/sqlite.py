"""SQLite.Database: the tables and views of a SQLite file, opened read-only and never created.

A cell of SQLite has a type of its own, whatever its column declares.  So a table is looked at once per state of
the file (`_facts`), and a column has the type that all its cells have; one of several kinds is of type any and is
read cell by cell.  Dates and logicals are what a column declares so and all cells are spelt so.
Read ``databases.py`` for what connectors share, ``sqlite_functions.py`` for the functions that queries may use.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from typing import Any

from mlang.connectors.databases import COMMON, Column, Entry, SqlSource, opened, table_over, whole
from mlang.connectors.file import absolute, os_error
from mlang.connectors.relations import ForeignKey, foreign_keys
from mlang.connectors.servers import ROWS, Failure, Server, Wire
from mlang.library.arguments import options
from mlang.registry import builtin
from mlang.tables.table import Table
from mlang.values import types as mtypes
from mlang.values.temporal import Date, DateTime, Duration, days_of


def _cell(value: Any) -> Any:
    """A cell of any type."""
    return whole(value) if value.__class__ is int else value


def _days(text: str) -> int:
    return days_of(int(text[:4]), int(text[5:7]), int(text[8:10]))


def _date(text: str) -> Date:
    return Date(_days(text))


def _datetime(text: str) -> DateTime:
    seconds = _days(text) * 86_400 + int(text[11:13]) * 3600 + int(text[14:16]) * 60 + int(text[17:19])
    return DateTime(seconds * 10_000_000 + int(text[20:27].ljust(7, "0")))


class SqliteServer(Server):
    """A SQLite file as it is now."""

    kind = "SQLite"
    dialect = "sqlite"
    wires = {  # noqa: RUF012
        "DOUBLE": Wire("{}", float), "BIGINT": Wire("{}", whole), "VARCHAR": Wire(), "BOOLEAN": Wire("{}", bool),
        "BLOB": Wire(), "DATE": Wire("{}", _date), "TIMESTAMP": Wire("{}", _datetime),
        "MOMENT": Wire("{}", _datetime), "CELL": Wire("{}", _cell), "DURATION": Wire("{}", Duration),
    }  # fmt: skip

    def __init__(self, path: str, chosen: dict[str, Any]) -> None:
        super().__init__(path, chosen)

    def appearance(self) -> Any:
        """What changes when somebody writes to the file (or its log) or puts another one in its place."""
        names = (self.path, self.path + "-wal", self.path + "-journal")
        found = [os.stat(name) for name in names if os.path.exists(name)]
        return tuple((s.st_ino, s.st_size, s.st_mtime_ns) for s in found)

    def key(self) -> tuple[Any, ...]:
        try:
            inode = os.stat(self.path).st_ino
        except OSError:
            inode = 0
        return (*super().key(), inode)

    def quoted(self, name: str) -> str:
        """A name between backticks: in double quotes one that is no column (any more) would be a text."""
        return "`" + name.replace("`", "``") + "`"

    def connect(self) -> Any:
        import sqlite3
        from urllib.parse import quote

        from mlang.connectors.sqlite_functions import register

        try:
            connection = sqlite3.connect(
                f"file:{quote(self.path)}?mode=ro", uri=True, check_same_thread=False, isolation_level=None,
                timeout=self.connect_patience,
            )  # fmt: skip
            connection.execute("PRAGMA query_only = 1")
            connection.execute("SELECT count(*) FROM sqlite_master").fetchall()
            register(connection)
        except sqlite3.Error as error:
            raise Failure(str(error)) from None
        return connection

    def execute(self, connection: Any, sql: str) -> Iterator[list[Any]]:
        import sqlite3

        end = time.monotonic() + self.patience
        try:
            connection.set_progress_handler(lambda: time.monotonic() > end, 200_000)
            cursor = connection.execute(sql)
            yield list(cursor.description or ())
            while True:
                part = cursor.fetchmany(ROWS)
                if not part:
                    return
                yield part
        except (sqlite3.Error, sqlite3.Warning, OverflowError) as error:
            code = getattr(error, "sqlite_errorname", "")
            raise Failure(str(error), code, lost=code == "SQLITE_INTERRUPT") from None

    def release(self, connection: Any, done: bool) -> bool:
        if not done:
            connection.close()  # a query that was left unfinished keeps the file's lock
        return done

    def alive(self, connection: Any) -> bool:
        return True

    def interrupt(self, connection: Any) -> None:
        connection.interrupt()

    def version(self) -> str:
        import sqlite3

        return sqlite3.sqlite_version


@builtin("SQLite.Database(path as text, optional options as nullable record) as table")
def database(path: str, option: dict[str, Any] | None = None) -> Any:
    """Lists the tables and views of a SQLite file, each with its rows in the Data column.

    The file is opened read-only; a table is picked by ``{[Schema="main", Item="orders"]}[Data]``.
    """
    chosen = options(option, "SQLite.Database", COMMON)
    full = absolute(path)
    try:
        with open(full, "rb"):
            pass
    except OSError as error:
        raise os_error(error, full) from None
    server = SqliteServer(full, chosen)
    return opened(server, chosen, lambda: _entries(server), _query, _foreign_keys)


def _entries(server: SqliteServer) -> list[Entry]:
    listed = server.ask(
        "SELECT name, type, sql FROM sqlite_master WHERE type IN ('table', 'view') "
        "AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name"
    )
    return [
        Entry(
            name, "main", name, "View" if kind == "view" else "Table", _opener(server, name, kind, sql or "")
        )
        for name, kind, sql in listed
    ]


def _opener(server: SqliteServer, name: str, kind: str, sql: str) -> Any:
    return lambda: _table(server, name, kind, sql)


def _table(server: SqliteServer, name: str, kind: str, sql: str) -> Table:
    listed = [
        (column, declared, key, bool(required))
        for _, column, declared, required, _, key, hidden in server.ask(
            f"PRAGMA table_xinfo({server.quoted(name)})"
        )
        if hidden != 1
    ]
    relation = server.quoted(name)
    plain = kind == "view" or "COLLATE" not in sql.upper()
    columns = _columns(server, relation, [(n, d) for n, d, _, _ in listed], plain)
    keys = tuple(n for n, _, k, _ in sorted(listed, key=lambda c: c[2]) if k)
    place, ordered = "row_number() OVER ()", ""
    rowid = next(
        (r for r in ("rowid", "_rowid_", "oid") if r not in {n.lower() for n, _, _, _ in listed}), None
    )
    if kind == "table" and "VIRTUAL TABLE" not in sql.upper():
        if "WITHOUT ROWID" not in " ".join(sql.upper().split()) and rowid is not None:
            place = ordered = rowid
        elif keys:
            ordered = ", ".join(server.quoted(k) for k in keys)
            place = f"row_number() OVER (ORDER BY {ordered})"
    source = SqlSource(
        server, relation, columns, f"SQLite table {name} of {server.path}", place=place, place_storage="BIGINT",
        ordered=ordered, keys=keys if kind == "table" and "WITHOUT ROWID" in sql.upper() else _sure(keys, listed),
    )  # fmt: skip
    return table_over(source, "SQLite.Database")


def _foreign_keys(server: SqliteServer) -> list[ForeignKey]:
    """The foreign keys of the file; names count without case, and a target without columns is its primary key."""
    declared = server.ask(
        'SELECT m.name, f.id, f."table", f."from", f."to" FROM sqlite_master m JOIN pragma_foreign_key_list(m.name) f '
        "WHERE m.type = 'table' ORDER BY m.name, f.id, f.seq"
    )
    if not declared:
        return []
    columns = server.ask(
        "SELECT m.name, c.name, c.pk FROM sqlite_master m JOIN pragma_table_info(m.name) c WHERE m.type = 'table' "
        "ORDER BY m.name, c.pk"
    )
    unique = server.ask(
        "SELECT i.name, 'main', m.name, c.name FROM sqlite_master m JOIN pragma_index_list(m.name) i "
        "JOIN pragma_index_info(i.name) c WHERE m.type = 'table' AND i.\"unique\" = 1 AND i.partial = 0"
    )
    primary: dict[str, list[str]] = {}
    known: dict[str, str] = {}
    for table, column, place in columns:
        known[f"{table}\0{column}".lower()] = column
        known[table.lower()] = table
        if place:
            primary.setdefault(table, []).append(column)
    unique += [("primary", "main", table, column) for table, names in primary.items() for column in names]
    rows, place = [], 0
    for at, (table, number, other, column, target) in enumerate(declared):
        place = place + 1 if at and declared[at - 1][:2] == (table, number) else 0
        other = known.get(other.lower(), other)
        keys = primary.get(other, [])
        target = target if target is not None else (keys[place] if place < len(keys) else "")
        here, there = known.get(f"{table}\0{column}".lower()), known.get(f"{other}\0{target}".lower())
        if here is not None and there is not None:
            rows.append((number, "main", table, here, "main", other, there))
    return foreign_keys(rows, unique)


def _sure(keys: tuple[str, ...], listed: list[tuple[str, str, int, bool]]) -> tuple[str, ...]:
    """The key, if no part of it can be null: in an ordinary table INTEGER PRIMARY KEY, or what is declared so."""
    declared = {n: d.upper() for n, d, _, _ in listed}
    required = {n for n, _, _, r in listed if r}
    whole = len(keys) == 1 and declared[keys[0]] == "INTEGER"
    return keys if whole or (keys and required.issuperset(keys)) else ()


def _query(server: Server, text: str, folding: bool) -> Table:
    assert isinstance(server, SqliteServer)
    relation = f"({text}\n) AS q"
    listed = server.ask_columns(f"SELECT * FROM {relation} LIMIT 0")
    columns = _columns(server, relation, [(name, "") for name in listed], False)
    source = SqlSource(
        server, relation, columns, "SQLite query", place="row_number() OVER ()", place_storage="BIGINT",
        foldable=folding,
    )  # fmt: skip
    return table_over(source, "Value.NativeQuery")


# ---------------------------------------------------------------- columns


#: What the cells of a table are, by file and its appearance, then by relation.
_KNOWN: dict[str, tuple[Any, dict[str, Any]]] = {}
_ISO = "[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]"


def _facts(server: SqliteServer, relation: str, names: list[str]) -> list[dict[str, Any]]:
    """What all cells of each column are, by one pass over the rows; kept as long as the file does not change."""
    now = server.appearance()
    seen, known = _KNOWN.get(server.path, (None, {}))
    if seen != now:
        known = {}
        _KNOWN[server.path] = (now, known)
    key = relation
    if key not in known:
        asked = [item.format(server.quoted(n)) for n in names for item in _ASKED.values()]
        found = server.ask(f"SELECT {', '.join(asked) or '1'} FROM {relation}")[0]
        width = len(_ASKED)
        known[key] = [
            dict(zip(_ASKED, found[i * width : (i + 1) * width], strict=True)) for i in range(len(names))
        ]
    facts: list[dict[str, Any]] = known[key]
    return facts


_ASKED = {
    "integer": "max(typeof({0}) = 'integer')", "real": "max(typeof({0}) = 'real')", "text": "max(typeof({0}) = 'text')",
    "blob": "max(typeof({0}) = 'blob')", "null": "max({0} IS NULL)",
    "low": "min(CASE WHEN typeof({0}) = 'integer' THEN {0} END)",
    "high": "max(CASE WHEN typeof({0}) = 'integer' THEN {0} END)",
    "wide": "max(CASE WHEN typeof({0}) = 'text' THEN length({0}) <> length(CAST({0} AS BLOB)) END)",
    "zero": "max(CASE WHEN typeof({0}) = 'text' THEN instr(CAST({0} AS BLOB), x'00') > 0 END)",
    "undated": "max(CASE WHEN typeof({0}) = 'text' THEN NOT coalesce({0} GLOB '" + _ISO + "' AND date({0}) = {0} "
    "AND {0} >= '0001-01-01', 0) END)",
    "untimed": "max(CASE WHEN typeof({0}) = 'text' THEN NOT coalesce({0} GLOB '" + _ISO + " *' AND datetime({0}) = "
    "substr({0}, 1, 19) AND {0} >= '0001-01-01' AND (length({0}) = 19 OR (substr({0}, 20, 1) = '.' AND length({0}) "
    "BETWEEN 21 AND 26 AND substr({0}, 21) NOT GLOB '*[^0-9]*')), 0) END)",
    "fraction": "max(CASE WHEN typeof({0}) = 'text' THEN length({0}) > 19 END)",
}  # fmt: skip


def _columns(server: SqliteServer, relation: str, listed: list[tuple[str, str]], plain: bool) -> list[Column]:
    facts = _facts(server, relation, [n for n, _ in listed])
    return [
        _column(server, name, (declared or "").upper(), found, plain)
        for (name, declared), found in zip(listed, facts, strict=True)
    ]


def _column(server: SqliteServer, name: str, declared: str, found: dict[str, Any], plain: bool) -> Column:
    """A column by what its cells are; by what it declares when there are none."""
    quoted = server.quoted(name)
    types = {t for t in ("integer", "real", "text", "blob") if found[t]} or _declared(declared)
    known: dict[str, Any] = {"nullable": found["null"] != 0}

    def made(m: mtypes.MType, sql: str, storage: str, kind: str = "any", **more: Any) -> Column:
        return Column(name, mtypes.nullable(m), sql, storage, kind, {**known, **more})

    if types == {"integer"}:
        low, high = found["low"] or 0, found["high"] or 0
        if declared.startswith("BOOL") and low >= 0 and high <= 1:
            return made(mtypes.primitive("logical"), quoted, "BOOLEAN", "logical")
        largest = max(abs(low), abs(high))
        more = {"int53": True, "largest": largest} if largest < 2**53 else {}
        return made(mtypes.INT64, quoted, "BIGINT", "number", nonan=True, **more)
    if types == {"real"}:
        return made(mtypes.NUMBER, quoted, "DOUBLE", "number", nonan=True)
    if types == {"integer", "real"} and max(abs(found["low"] or 0), abs(found["high"] or 0)) < 2**53:
        return made(mtypes.NUMBER, f"CAST({quoted} AS REAL)", "DOUBLE", "number", nonan=True)
    if types == {"text"}:
        if declared == "DATE" and not found["undated"]:
            return made(mtypes.primitive("date"), quoted, "DATE", "date")
        if declared.startswith(("DATETIME", "TIMESTAMP")) and not found["untimed"]:
            plain_seconds = not found["fraction"]
            kind = "datetime" if plain_seconds else "any"
            return made(
                mtypes.primitive("datetime"), quoted, "TIMESTAMP" if plain_seconds else "MOMENT", kind
            )
        if not found["zero"]:
            text = quoted if plain else f"({quoted} || '')"
            return made(mtypes.TEXT, text, "VARCHAR", "text", ascii=not found["wide"])
        return made(mtypes.TEXT, quoted, "CELL")
    if types == {"blob"}:
        return made(mtypes.primitive("binary"), quoted, "BLOB", "binary")
    return Column(name, mtypes.ANY, quoted, "CELL")


def _declared(declared: str) -> set[str]:
    """The type of cells that a column's declaration asks for (its affinity)."""
    if "INT" in declared or declared.startswith("BOOL"):
        return {"integer"}
    if any(word in declared for word in ("CHAR", "CLOB", "TEXT")) or declared.startswith(
        ("DATE", "TIMESTAMP")
    ):
        return {"text"}
    if any(word in declared for word in ("REAL", "FLOA", "DOUB", "NUMERIC", "DECIMAL")):
        return {"real"}
    return {"blob"} if "BLOB" in declared else set()
