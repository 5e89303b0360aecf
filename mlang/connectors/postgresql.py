"""PostgreSQL.Database: tables and views of a PostgreSQL database, through psycopg.

Types that M has travel as they are; every other type travels as its text.  What a type has and M has not
(infinite dates, years outside 1 to 9999, months in intervals, 24:00:00) is an error cell, and a query that uses
such a column in the engine asks for such rows first.  Read ``databases.py`` for what connectors share.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from mlang import errors
from mlang.connectors.databases import (
    COMMON,
    MOST_DIGITS,
    Column,
    Entry,
    SqlSource,
    decimals,
    opened,
    table_over,
    whole,
)
from mlang.connectors.extras import need
from mlang.connectors.relations import ForeignKey, foreign_keys
from mlang.connectors.servers import ROWS, Failure, Server, Wire, credential, host_and_port
from mlang.library.arguments import options
from mlang.registry import builtin
from mlang.tables.table import Table
from mlang.values import types as mtypes
from mlang.values.temporal import DAY, Date, DateTime, DateTimeZone, Duration, Time
from mlang.values.thunk import failed

_LAST_DAY = 3_652_058
_LAST_TICK = (_LAST_DAY + 1) * DAY
_STRANGE = 2**62


def _numeric(value: str) -> Any:
    plain = {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf")}.get(value)
    return Decimal(value) if plain is None else plain


def _outside() -> Any:
    return failed(errors.not_supported("PostgreSQL.Database", "a value outside the years 1 to 9999"))


def _date(days: int) -> Any:
    return Date(days) if 0 <= days <= _LAST_DAY else _outside()


def _datetime(micros: int) -> Any:
    return DateTime(micros * 10) if 0 <= micros * 10 < _LAST_TICK else _outside()


def _zoned(micros: int) -> Any:
    return DateTimeZone(micros * 10, 0) if 0 <= micros * 10 < _LAST_TICK else _outside()


def _time(micros: int) -> Any:
    if 0 <= micros * 10 < DAY:
        return Time(micros * 10)
    return failed(errors.not_supported("PostgreSQL.Database", "the time 24:00:00"))


def _interval(micros: int) -> Any:
    if abs(micros) < _STRANGE // 10:
        return Duration(micros * 10)
    return failed(errors.not_supported("PostgreSQL.Database", "an interval of months"))


#: Microseconds from 0001-01-01 to 1970-01-01.
_EPOCH = 62_135_596_800_000_000
_MICROS = (
    "CASE WHEN isfinite({0}) THEN (extract(epoch FROM {0}) * 1000000)::bigint + " + str(_EPOCH) + " "
    "WHEN {0} IS NOT NULL THEN " + str(_STRANGE) + " END"
)  # fmt: skip


class PostgresServer(Server):
    """A PostgreSQL database; each query runs in a read-only transaction of its own."""

    kind = "PostgreSQL"
    dialect = "postgres"
    wires = {  # noqa: RUF012
        "DOUBLE": Wire(), "BIGINT": Wire("{}", whole), "VARCHAR": Wire(), "BOOLEAN": Wire(), "BLOB": Wire("{}", bytes),
        "DATE": Wire(
            "CASE WHEN isfinite({0}) THEN {0} - DATE '0001-01-01' WHEN {0} IS NOT NULL THEN -1 END", _date
        ),
        "TIMESTAMP": Wire(_MICROS, _datetime), "TIMESTAMPTZ": Wire(_MICROS, _zoned),
        "TIME": Wire("(extract(epoch FROM {}) * 1000000)::bigint", _time),
        "INTERVAL": Wire(
            "CASE WHEN extract(year FROM {0}) <> 0 OR extract(month FROM {0}) <> 0 THEN " + str(_STRANGE) +
            " ELSE (extract(epoch FROM {0}) * 1000000)::bigint END", _interval,
        ),
        "DECIMAL": Wire("{}::text", _numeric), "DURATION": Wire("{}", Duration),
    }  # fmt: skip

    def __init__(self, server: str, database: str, chosen: dict[str, Any]) -> None:
        super().__init__(f"{server};{database}", chosen)
        self.host, self.port = host_and_port(server, 5432)
        self.database = database

    def connect(self) -> Any:
        psycopg = need("psycopg", "PostgreSQL.Database", "postgresql")
        known = credential(self.kind, self.path) or {}
        login = {"user": known.get("Username"), "password": known.get("Password")}
        settings = {
            "TimeZone": "UTC", "IntervalStyle": "postgres", "extra_float_digits": "1", "bytea_output": "hex",
            "standard_conforming_strings": "on", "synchronize_seqscans": "off", "client_encoding": "UTF8",
            "statement_timeout": str(int(self.patience * 1000)), "default_transaction_isolation": "'repeatable read'",
            "default_transaction_read_only": "on",
        }  # fmt: skip
        try:
            connection = psycopg.connect(
                host=self.host, port=self.port, dbname=self.database, autocommit=True,
                connect_timeout=max(2, round(self.connect_patience)),
                **{k: v for k, v in login.items() if v is not None},
            )  # fmt: skip
            for name, value in settings.items():
                connection.execute(f"SET {name} = {value if value.startswith(chr(39)) else self.text(value)}")
            connection.autocommit = False
        except psycopg.Error as error:
            raise self._failure(error) from None
        return connection

    def _failure(self, error: Any) -> Failure:
        state = getattr(error, "sqlstate", None) or ""
        message = (getattr(error.diag, "message_primary", None) or str(error)).strip()
        refused = state.startswith("28") or "password authentication failed" in message
        refused = refused or "no password supplied" in message or "authentication failed" in message
        # 08: the connection, 57: the administrator or somebody who cancels; no code: the socket closed
        lost = state[:2] in ("08", "57") or (not state and error.__class__.__name__ == "OperationalError")
        return Failure(f"{state}: {message}" if state else message, state, refused, lost=lost)

    def execute(self, connection: Any, sql: str) -> Iterator[list[Any]]:
        import psycopg

        try:
            with connection.cursor(name="rows") as cursor:
                cursor.execute(sql)
                yield list(cursor.description or ())
                while True:
                    part = cursor.fetchmany(ROWS)
                    if not part:
                        return
                    yield part
        except psycopg.Error as error:
            raise self._failure(error) from None

    def release(self, connection: Any, done: bool) -> bool:
        import psycopg

        try:
            connection.rollback()
        except psycopg.Error:
            connection.close()
        return not connection.closed

    def alive(self, connection: Any) -> bool:
        import psycopg

        try:
            connection.execute("SELECT 1")
            connection.rollback()
        except psycopg.Error:
            connection.close()
        return not connection.closed

    def interrupt(self, connection: Any) -> None:
        connection.cancel_safe()

    def version(self) -> str:
        asked = (
            "SELECT version(), current_setting('server_encoding'), d.datcollate "
            "FROM pg_catalog.pg_database d WHERE d.datname = current_database()"
        )
        return " ".join(self.ask(asked)[0])


@builtin(
    "PostgreSQL.Database(server as text, database as text, optional options as nullable record) as table"
)
def database(server: str, name: str, option: dict[str, Any] | None = None) -> Any:
    """Lists the tables and views of a PostgreSQL database, each with its rows in the Data column.

    Credentials are the session's, or those of the file that MLANG_CREDENTIALS names, else what libpq knows.
    """
    chosen = options(option, "PostgreSQL.Database", COMMON)
    place = PostgresServer(server, name, chosen)
    return opened(place, chosen, lambda: _entries(place), _query, _foreign_keys)


def _entries(server: PostgresServer) -> list[Entry]:
    listed = server.ask(
        "SELECT n.nspname::text, c.relname::text, c.relkind::text, c.oid::bigint FROM pg_catalog.pg_class c "
        "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'v', 'm', 'f', 'p') "
        "AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg\\_t%' "
        'ORDER BY n.nspname COLLATE "C", c.relname COLLATE "C"'
    )
    return [
        Entry(
            f"{schema}.{item}", schema, item, "View" if kind in "vm" else "Table",
            _opener(server, schema, item, kind, oid),
        )
        for schema, item, kind, oid in listed
    ]  # fmt: skip


def _opener(server: PostgresServer, schema: str, item: str, kind: str, oid: int) -> Any:
    return lambda: _table(server, schema, item, kind, oid)


#: The name of a type; of a domain that of the type below it.
_BASE = (
    "(WITH RECURSIVE b(base, name) AS (SELECT t.typbasetype, t.typname UNION ALL SELECT d.typbasetype, d.typname "
    "FROM b JOIN pg_catalog.pg_type d ON d.oid = b.base) SELECT name::text FROM b WHERE base = 0)"
)


def _table(server: PostgresServer, schema: str, item: str, kind: str, oid: int) -> Table:
    listed = server.ask(
        f"SELECT a.attname::text, {_BASE}, a.attnotnull, "
        "CASE WHEN a.atttypmod >= 4 THEN (a.atttypmod - 4) & 2047 END, "
        "CASE WHEN a.atttypmod >= 4 THEN ((a.atttypmod - 4) >> 16) & 65535 END FROM pg_catalog.pg_attribute a "
        "JOIN pg_catalog.pg_type t ON t.oid = a.atttypid "
        f"WHERE a.attrelid = {oid:d} AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum"
    )
    columns = [_column(server, name, type, bool(notnull), *digits) for name, type, notnull, *digits in listed]
    found = server.ask(
        "SELECT a.attname::text FROM pg_catalog.pg_index i CROSS JOIN LATERAL unnest(i.indkey) WITH ORDINALITY k(n, p) "
        f"JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.n WHERE i.indrelid = {oid:d} "
        "AND i.indisprimary ORDER BY k.p"
    )
    keys = tuple(name for (name,) in found)
    relation = f"{server.quoted(schema)}.{server.quoted(item)}"
    by_name = {c.name: c for c in columns}
    place, storage, ordered = "row_number() OVER ()", "BIGINT", ""
    if len(keys) == 1 and by_name[keys[0]].storage == "BIGINT" and kind == "r":
        place = ordered = server.quoted(keys[0])
    elif kind in "rm":
        place, storage = "ctid", "TID"
    source = SqlSource(
        server, relation, columns, f"PostgreSQL table {schema}.{item}", place=place, place_storage=storage,
        ordered=ordered, keys=keys,
    )  # fmt: skip
    return table_over(source, "PostgreSQL.Database")


def _foreign_keys(server: PostgresServer) -> list[ForeignKey]:
    """The foreign keys of the database; those that a partition has from its table, on the other side, are left out."""
    listed = server.ask(
        "SELECT c.contype::text, c.oid::bigint, n.nspname::text, r.relname::text, a.attname::text, fn.nspname::text, "
        "fr.relname::text, fa.attname::text FROM pg_catalog.pg_constraint c "
        "JOIN pg_catalog.pg_class r ON r.oid = c.conrelid JOIN pg_catalog.pg_namespace n ON n.oid = r.relnamespace "
        "CROSS JOIN LATERAL unnest(c.conkey) WITH ORDINALITY k(n, p) "
        "JOIN pg_catalog.pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.n "
        "LEFT JOIN pg_catalog.pg_class fr ON fr.oid = c.confrelid "
        "LEFT JOIN pg_catalog.pg_namespace fn ON fn.oid = fr.relnamespace "
        "LEFT JOIN pg_catalog.pg_attribute fa ON fa.attrelid = c.confrelid AND fa.attnum = c.confkey[k.p] "
        "WHERE c.contype IN ('f', 'p', 'u') AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_constraint q "
        "WHERE q.oid::text = row_to_json(c)->>'conparentid' AND q.conrelid = c.conrelid) ORDER BY c.oid, k.p"
    )
    return foreign_keys(
        [row[1:] for row in listed if row[0] == "f"], [row[1:5] for row in listed if row[0] != "f"]
    )


_INT = {"int2": ("Int64.Type", True), "int4": ("Int64.Type", True), "int8": ("Int64.Type", False)}
_CALENDAR = "{0} < '0001-01-01' OR {0} >= '10000-01-01'"


def _column(
    server: PostgresServer, name: str, type: str, required: bool, digits: int | None, most: int | None
) -> Column:
    """A column of a type name of pg_type; ``digits`` of a numeric stand behind its point, ``most`` are all it has."""
    quoted = server.quoted(name)
    facts = {"nullable": not required}

    def made(
        m: mtypes.MType, sql: str, storage: str, kind: str = "any", check: str | None = None, **more: Any
    ) -> Column:
        return Column(
            name, m if required else mtypes.nullable(m), sql, storage, kind, {**facts, **more}, check
        )

    if type in _INT:
        return made(mtypes.INT64, quoted, "BIGINT", "number", int53=_INT[type][1], nonan=True)
    if type == "float8":
        return made(mtypes.NUMBER, quoted, "DOUBLE", "number")
    if type == "float4":
        return made(mtypes.NUMBER, f"{quoted}::float8", "DOUBLE", "number")
    if type == "numeric" and digits is not None and 0 <= digits <= MOST_DIGITS:
        return made(mtypes.NUMBER, quoted, "DECIMAL", "any", f"{quoted} = 'NaN'", **decimals(digits, most))
    if type in ("numeric", "money"):
        return made(mtypes.NUMBER, quoted if type == "numeric" else f"{quoted}::numeric", "DECIMAL")
    if type == "bool":
        return made(mtypes.primitive("logical"), quoted, "BOOLEAN", "logical")
    if type in ("text", "varchar"):
        return made(mtypes.TEXT, f'{quoted} COLLATE "C"', "VARCHAR", "text")
    if type == "bytea":
        return made(mtypes.primitive("binary"), quoted, "BLOB", "binary")
    if type == "date":
        return made(mtypes.primitive("date"), quoted, "DATE", "date", _CALENDAR.format(quoted))
    if type == "timestamp":
        return made(mtypes.primitive("datetime"), quoted, "TIMESTAMP", "datetime", _CALENDAR.format(quoted))
    if type == "timestamptz":
        return made(mtypes.primitive("datetimezone"), quoted, "TIMESTAMPTZ")
    if type == "time":
        return made(mtypes.primitive("time"), quoted, "TIME")
    if type == "interval":
        return made(mtypes.primitive("duration"), quoted, "INTERVAL")
    if type == "uuid":
        return made(mtypes.NAMED["Guid.Type"], f'{quoted}::text COLLATE "C"', "VARCHAR", "text", ascii=True)
    # bpchar keeps its blanks only as it stands, not as text: format() gives what the server shows
    text = f"format('%s', {quoted})" if type == "bpchar" else f"{quoted}::text"
    if type == "bpchar":
        text = f"CASE WHEN {quoted} IS NOT NULL THEN {text} END"
    return made(mtypes.TEXT, f'({text}) COLLATE "C"', "VARCHAR", "text")


def _query(server: Server, text: str, folding: bool) -> Table:
    """The rows of a native query; in the engine, steps above it go on when ``folding``."""
    assert isinstance(server, PostgresServer)
    relation = f"({text}\n) AS q"
    described = _described(server, text)
    columns = [_column(server, name, type, False, *digits) for name, type, *digits in described]
    source = SqlSource(
        server, relation, columns, "PostgreSQL query", place="row_number() OVER ()", place_storage="BIGINT",
        foldable=folding,
    )  # fmt: skip
    return table_over(source, "Value.NativeQuery")


def _described(server: PostgresServer, text: str) -> list[tuple[str, str, int | None, int | None]]:
    """Names, types, decimals and digits of a query's columns, from the server's description of no rows."""
    rows = server.rows(f"SELECT * FROM ({text}\n) AS q LIMIT 0")
    try:
        description = next(iter(rows))
    except Failure as failure:
        raise server.failed(failure) from None
    codes = sorted({int(c.type_code) for c in description})
    listed = ", ".join(map(str, codes)) or "0"
    names = dict(
        server.ask(f"SELECT oid::bigint, typname::text FROM pg_catalog.pg_type WHERE oid IN ({listed})")
    )
    return [(c.name, names[int(c.type_code)], c.scale, c.precision) for c in description]
