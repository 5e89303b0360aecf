"""Loads a table of PostgreSQL, MySQL or MariaDB, and SQL Server: everything in one transaction, or nothing.

The connectors (``mlang/connectors``) know drivers and credentials; here is what a writer needs beside: a connection
that may write, types, and how rows travel.  MySQL ends a transaction at every CREATE and DROP, so a table that is made
anew is filled under another name and takes its place by one RENAME.  SQL Server's statements are tested as text; no
server was at hand.  Read ``tables.py`` for the rules.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from mlang.connectors.native import temporal_text
from mlang.connectors.servers import Failure, Server
from mlang.values.kinds import kind_of
from staging.dataflow import DestinationSettings
from staging.destinations.once import TABLE, Once, create, settle
from staging.destinations.rows import Rows
from staging.destinations.tables import (
    Existing,
    Part,
    TableWriter,
    checked,
    differs,
    dynamic,
    physical_names,
    prepare,
    supported,
)  # fmt: skip
from staging.destinations.target import ServerTarget
from staging.destinations.texts import copy_lines, inserts
from staging.errors import DataflowError
from staging.types import Column

#: M types of small whole numbers, as each engine has them.
_WHOLE = {
    "PostgreSQL": {"Byte.Type": "smallint", "Int8.Type": "smallint", "Int16.Type": "smallint", "Int32.Type": "integer"},
    "MySQL": {"Byte.Type": "smallint", "Int8.Type": "tinyint", "Int16.Type": "smallint", "Int32.Type": "int"},
    "SQL Server": {"Byte.Type": "smallint", "Int8.Type": "smallint", "Int16.Type": "smallint", "Int32.Type": "int"},
}  # fmt: skip
_TYPES = {
    "PostgreSQL": {
        "double": "double precision", "int64": "bigint", "currency": "numeric(19,4)", "text": "text",
        "logical": "boolean", "date": "date", "datetime": "timestamp without time zone",
        "instant": "timestamp with time zone", "time64": "time without time zone", "interval": "interval",
        "binary": "bytea",
    },
    "MySQL": {
        "double": "double", "int64": "bigint", "currency": "decimal(19,4)", "text": "longtext",
        "logical": "tinyint(1)", "date": "date", "datetime": "datetime(6)", "instant": "datetime(6)",
        "time64": "time(6)", "binary": "longblob",
    },
    "SQL Server": {
        "double": "float", "int64": "bigint", "currency": "decimal(19,4)", "text": "nvarchar(max)", "logical": "bit",
        "date": "date", "datetime": "datetime2(6)", "instant": "datetimeoffset(6)", "time64": "time(6)",
    },
}  # fmt: skip


def load(target: ServerTarget, settings: DestinationSettings, rows: Rows, part: Part | None = None) -> None:
    """Writes the rows; what the target held before stays when anything fails."""
    supported(target.kind, rows)
    make = {"PostgreSQL": _postgres, "MySQL": _mysql, "SQL Server": _sqlserver}[target.kind]
    try:
        make(target, settings, rows, part)
    except Failure as failure:
        if failure.refused:
            raise server_of(target).failed(failure) from None
        raise DataflowError(f"Query '{rows.query}', destination {target.label}: {failure.message}") from None


def server_of(target: ServerTarget) -> Server:
    """The connector's server of a target."""
    from mlang.connectors.mysql import MySqlServer
    from mlang.connectors.postgresql import PostgresServer
    from mlang.connectors.sql import SqlServer

    if target.kind == "PostgreSQL":
        return PostgresServer(target.server, target.database, {})
    if target.kind == "MySQL":
        return MySqlServer(target.server, target.database, {"TreatTinyAsBoolean": True, "OldGuids": False})
    return SqlServer(target.server, target.database, {})


class ServerWriter(TableWriter):
    """A table of a server; ``run`` executes a statement and gives its rows."""

    def __init__(self, target: ServerTarget, server: Server, run: Callable[[str], Sequence[Any]]) -> None:
        self.target, self.server, self._run = target, server, run
        self.label = target.label
        self.name = f"{server.quoted(target.schema)}.{server.quoted(target.table)}"

    def run(self, sql: str) -> Sequence[Any]:
        return self._run(sql)

    def quoted(self, name: str) -> str:
        return self.server.quoted(name)

    def text(self, value: str) -> str:
        return self.server.text(value)

    def type_of(self, column: Column) -> str:
        kind = self.target.kind
        if column.code == "int64" and column.type.name in _WHOLE[kind]:
            return _WHOLE[kind][column.type.name]
        return _TYPES[kind]["instant" if column.code.startswith("datetimezone") else column.code]

    def moment(self, value: Any) -> str:
        """A date, datetime or datetimezone as literal."""
        kind = kind_of(value)
        if kind == "datetimezone":
            from mlang.values.temporal import DateTime

            text = temporal_text(DateTime(value.utc_ticks), "datetime")
            return f"'{text}'" if self.target.kind == "MySQL" else f"'{text}+00:00'"
        return f"'{temporal_text(value, kind)}'"

    def listed(self, existing: Sequence[Existing] | None, columns: tuple[Column, ...]) -> str:
        return ", ".join(self.quoted(name) for name in physical_names(existing, columns))


# ---------------------------------------------------------------- PostgreSQL


class PostgresWriter(ServerWriter):
    """A table of PostgreSQL."""

    def columns(self) -> Sequence[Existing] | None:
        found = self.run(
            "SELECT a.attname::text, format_type(a.atttypid, a.atttypmod) FROM pg_catalog.pg_attribute a "
            "JOIN pg_catalog.pg_class c ON c.oid = a.attrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
            f"WHERE n.nspname = {self.text(self.target.schema)} AND c.relname = {self.text(self.target.table)} "
            "AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum"
        )
        if not found:
            return None
        self.run(f"LOCK TABLE {self.name} IN SHARE ROW EXCLUSIVE MODE")  # readers go on, other writers wait
        return [Existing(str(name), str(type)) for name, type in found]

    def create(self, columns: tuple[Column, ...]) -> None:
        if self.target.schema != "public":
            self.run(f"CREATE SCHEMA IF NOT EXISTS {self.quoted(self.target.schema)}")
        super().create(columns)


def _postgres(target: ServerTarget, settings: DestinationSettings, rows: Rows, part: Part | None) -> None:
    server = server_of(target)
    connection = server.connect()
    import psycopg

    def run(sql: str) -> Sequence[Any]:
        cursor = connection.execute(sql)
        return cursor.fetchall() if cursor.description else ()

    writer = PostgresWriter(target, server, run)
    try:
        run("SET default_transaction_read_only = off")
        run("SET default_transaction_isolation = 'read committed'")
        run("SET statement_timeout = 0")
        connection.commit()
        run(f"SELECT pg_advisory_xact_lock({_number(target)})")
        existing = prepare(writer, settings, rows.columns, part)
        copy = f"COPY {writer.name} ({writer.listed(existing, rows.columns)}) FROM STDIN"
        with connection.cursor() as cursor, cursor.copy(copy) as out:
            for block in copy_lines(rows):
                out.write(block)
        if rows.once is not None:
            _settle_postgres(writer, rows.once, fresh=existing is None)
        connection.commit()
    except psycopg.Error as error:
        raise server._failure(error) from None  # type: ignore[attr-defined]
    finally:
        connection.close()  # without a commit everything is undone


def _settle_postgres(writer: PostgresWriter, once: Once, fresh: bool) -> None:
    """Leaves the marker; where the table of markers can't be made, the load goes on without one."""
    import psycopg

    name, run = f"{writer.quoted(writer.target.schema)}.{TABLE}", writer.run
    ((known,),) = run(f"SELECT to_regclass({writer.text(name)}) IS NOT NULL")
    run("SAVEPOINT mlang_marker")
    try:
        if not known:
            run(f"SELECT pg_advisory_xact_lock({_NUMBER_OF_MARKERS})")  # two that make it at once would fail
            run(create(name))
        settle(once, name, run, writer.text, fresh)
    except psycopg.Error as error:
        run("ROLLBACK TO SAVEPOINT mlang_marker")
        once.missing = str(error).partition("\n")[0]


#: The advisory lock of whoever makes a table of markers.
_NUMBER_OF_MARKERS = 7_244_561_903


def _number(target: ServerTarget) -> int:
    """A number that stands for the table, the same in all processes."""
    digest = hashlib.sha256(f"{target.schema}.{target.table}".encode()).digest()
    return int.from_bytes(digest[:8], "big", signed=True)


# ---------------------------------------------------------------- MySQL and MariaDB


class MySqlWriter(ServerWriter):
    """A table of MySQL or MariaDB."""

    def columns(self) -> Sequence[Existing] | None:
        found = self.run(
            "SELECT column_name, column_type FROM information_schema.columns WHERE "
            f"table_schema = {self.text(self.target.schema)} AND table_name = {self.text(self.target.table)} "
            "ORDER BY ordinal_position"
        )
        return [Existing(_word(n), _plain_type(_word(t))) for n, t in found] or None

    def transactional(self) -> None:
        """Refuses tables of engines that cannot undo."""
        found = self.run(
            "SELECT t.engine, e.transactions FROM information_schema.tables t LEFT JOIN information_schema.engines e "
            f"ON e.engine = t.engine WHERE t.table_schema = {self.text(self.target.schema)} "
            f"AND t.table_name = {self.text(self.target.table)}"
        )
        for engine, transactions in found:
            if engine is not None and _word(transactions) != "YES":
                raise DataflowError(
                    f"The table {self.label} is of the engine {_word(engine)}, which can't undo a load that fails. "
                    f"ALTER TABLE {self.name} ENGINE = InnoDB cures it."
                )

    def named(self, table: str) -> str:
        return f"{self.quoted(self.target.schema)}.{self.quoted(table)}"

    def create(self, columns: tuple[Column, ...]) -> None:
        listed = ", ".join(self.declared(columns))
        self.run(f"CREATE TABLE {self.name} ({listed}) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4")


def _word(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _plain_type(type: str) -> str:
    """A column type without display widths, which some servers show: bigint(20) is bigint."""
    name, bracket, rest = type.partition("(")
    width, _, more = rest.partition(")")
    if (bracket and name in ("bigint", "int", "smallint", "mediumint")) or (
        name == "tinyint" and width != "1"
    ):
        return (name + more).strip()
    return type


def _mysql(target: ServerTarget, settings: DestinationSettings, rows: Rows, part: Part | None) -> None:
    server = server_of(target)
    connection = server.connect()
    import pymysql

    def run(sql: str) -> Sequence[Any]:
        with connection.cursor(pymysql.cursors.Cursor) as cursor:
            cursor.execute(sql)
            return list(cursor.fetchall())

    writer = MySqlWriter(target, server, run)
    try:
        run("SET SESSION TRANSACTION READ WRITE")
        with _named_lock(run, f"mlang {_number(target)}", target):
            _load_mysql(writer, settings, rows, part, connection)
    except pymysql.Error as error:
        raise server._failure(error) from None  # type: ignore[attr-defined]
    finally:
        connection.close()


@contextmanager
def _named_lock(run: Callable[[str], Sequence[Any]], name: str, target: ServerTarget) -> Iterator[None]:
    ((got,),) = run(f"SELECT GET_LOCK('{name}', 60)")
    if _word(got) != "1":
        raise DataflowError(f"The table {target.label} is being loaded by someone else.")
    yield  # the connection's end gives it back


def _load_mysql(
    writer: MySqlWriter, settings: DestinationSettings, rows: Rows, part: Part | None, connection: Any
) -> None:
    target = writer.target
    own, fresh, old = (target.table, f"{target.table[:50]}~mlang_new", f"{target.table[:50]}~mlang_old")
    for left in (fresh, old):  # what a killed load left
        writer.run(f"DROP TABLE IF EXISTS {writer.named(left)}")
    once = rows.once
    if once is not None:
        _markers_mysql(writer, once)
    existing = writer.columns()
    anew = existing is None or (
        part is None and dynamic(settings) and (settings.automatic or differs(writer, existing, rows.columns))
    )
    if not anew:
        writer.transactional()
        connection.begin()
        prepare(writer, settings, rows.columns, part)
        _insert_mysql(writer, rows, existing)
        if once is not None and once.missing is None:
            settle(once, writer.named(TABLE), writer.run, writer.text, fresh=False)
        connection.commit()
        return
    if existing is None and (not settings.allow_creation or not rows.columns):
        prepare(writer, settings, rows.columns, part)  # says what is wrong
    writer.name = writer.named(fresh)
    writer.create(rows.columns)
    try:
        connection.begin()
        _insert_mysql(writer, rows, None)
        if once is not None and once.missing is None:
            settle(once, writer.named(TABLE), writer.run, writer.text, fresh=True)
        connection.commit()
    except BaseException:
        connection.rollback()
        writer.run(f"DROP TABLE IF EXISTS {writer.named(fresh)}")
        raise
    if existing is None:
        writer.run(f"RENAME TABLE {writer.named(fresh)} TO {writer.named(own)}")
        return
    writer.run(
        f"RENAME TABLE {writer.named(own)} TO {writer.named(old)}, {writer.named(fresh)} TO {writer.named(own)}"
    )
    writer.run(f"DROP TABLE IF EXISTS {writer.named(old)}")


def _markers_mysql(writer: MySqlWriter, once: Once) -> None:
    """Makes the table of markers, before the transaction: a CREATE would end it."""
    import pymysql

    found = writer.run(
        "SELECT 1 FROM information_schema.tables WHERE "
        f"table_schema = {writer.text(writer.target.schema)} AND table_name = '{TABLE}'"
    )
    if found:
        return
    try:
        made = create(writer.named(TABLE))
        writer.run(made + " ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4")
    except pymysql.Error as error:
        once.missing = str(error.args[-1])


def _insert_mysql(writer: MySqlWriter, rows: Rows, existing: Sequence[Existing] | None) -> None:
    head = f"INSERT INTO {writer.name} ({writer.listed(existing, rows.columns)}) VALUES "
    for statement in inserts(checked(rows, existing), head, "MySQL", 10_000):
        writer.run(statement)


# ---------------------------------------------------------------- SQL Server


class SqlServerWriter(ServerWriter):
    """A table of SQL Server."""

    def columns(self) -> Sequence[Existing] | None:
        found = self.run(
            "SELECT c.name, t.name, c.max_length, c.precision, c.scale FROM sys.columns c "
            "JOIN sys.types t ON t.user_type_id = c.user_type_id JOIN sys.objects o ON o.object_id = c.object_id "
            "JOIN sys.schemas s ON s.schema_id = o.schema_id "
            f"WHERE s.name = {self.text(self.target.schema)} AND o.name = {self.text(self.target.table)} "
            "ORDER BY c.column_id"
        )
        return [Existing(str(row[0]), _sqlserver_type(*row[1:])) for row in found] or None

    def create(self, columns: tuple[Column, ...]) -> None:
        schema = self.target.schema
        if schema != "dbo":
            make = self.text(f"CREATE SCHEMA {self.quoted(schema)}")
            self.run(f"IF SCHEMA_ID({self.text(schema)}) IS NULL EXEC({make})")
        super().create(columns)


def _sqlserver_type(name: str, length: int, precision: int, scale: int) -> str:
    if name in ("decimal", "numeric"):
        return f"{name}({precision},{scale})"
    if name in ("datetime2", "datetimeoffset", "time"):
        return f"{name}({scale})"
    if name in ("nvarchar", "varchar", "varbinary"):
        size = length // 2 if name == "nvarchar" else length
        return f"{name}({'max' if length == -1 else size})"
    return name


def _sqlserver(target: ServerTarget, settings: DestinationSettings, rows: Rows, part: Part | None) -> None:
    server = server_of(target)
    connection = server.connect()
    import mssql_python

    connection.autocommit = False

    def run(sql: str) -> Sequence[Any]:
        cursor = connection.cursor()
        cursor.execute(sql)
        return cursor.fetchall() if cursor.description else ()

    try:
        load_sqlserver(SqlServerWriter(target, server, run), settings, rows, part)
        connection.commit()
    except mssql_python.Error as error:
        raise Failure(str(error), "", "Login failed" in str(error)) from None
    finally:
        connection.close()


def load_sqlserver(
    writer: SqlServerWriter, settings: DestinationSettings, rows: Rows, part: Part | None = None
) -> None:
    """The statements of a load; the caller commits."""
    writer.run("SET XACT_ABORT ON")
    lock = writer.text(f"mlang {_number(writer.target)}")
    writer.run(
        f"EXEC sp_getapplock @Resource = {lock}, @LockMode = 'Exclusive', @LockOwner = 'Transaction', "
        "@LockTimeout = 60000"
    )
    existing = prepare(writer, settings, rows.columns, part)
    head = f"INSERT INTO {writer.name} ({writer.listed(existing, rows.columns)}) VALUES "
    for statement in inserts(checked(rows, existing), head, "SQL Server", 1000):
        writer.run(statement)
    if rows.once is not None:
        name = f"{writer.quoted(writer.target.schema)}.{TABLE}"
        writer.run(f"IF OBJECT_ID({writer.text(name)}) IS NULL {create(name, 'nvarchar', guarded=False)}")
        settle(rows.once, name, writer.run, writer.text, fresh=existing is None)
