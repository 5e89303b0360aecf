"""MySQL.Database: tables and views of a MySQL or MariaDB server, through PyMySQL.

Texts are read in UTF-8 and compared by code point, blanks at their end included; what a type has and M has not (zero
dates) is an error cell, and a query that uses such a column in the engine asks for such rows first.
Read ``databases.py`` for what connectors share.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
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
    flag,
    opened,
    table_over,
    whole,
)
from mlang.connectors.extras import need
from mlang.connectors.native import ordering
from mlang.connectors.relations import ForeignKey, foreign_keys
from mlang.connectors.servers import ROWS, Failure, Server, Wire, credential, host_and_port
from mlang.library.arguments import options
from mlang.registry import builtin
from mlang.tables.table import Table
from mlang.values import types as mtypes
from mlang.values.temporal import Date, DateTime, Duration, days_in_month, days_of
from mlang.values.thunk import failed

_SYSTEM = "'information_schema', 'mysql', 'performance_schema', 'sys'"


def _days(text: str) -> int | None:
    year, month, day = int(text[:4]), int(text[5:7]), int(text[8:10])
    if year < 1 or month < 1 or not 1 <= day <= days_in_month(year, month):
        return None
    return days_of(year, month, day)


def _strange() -> Any:
    return failed(errors.not_supported("MySQL.Database", "a date with a part that is zero"))


def _date(text: str) -> Any:
    days = _days(text)
    return _strange() if days is None else Date(days)


def _datetime(text: str) -> Any:
    days = _days(text)
    if days is None:
        return _strange()
    seconds = days * 86_400 + int(text[11:13]) * 3600 + int(text[14:16]) * 60 + int(text[17:19])
    return DateTime(seconds * 10_000_000 + int(text[20:27].ljust(7, "0")))


def _duration(text: str) -> Duration:
    """TIME is a stretch of time: up to 838 hours, also backwards."""
    hours, minutes, seconds = text.lstrip("-").split(":")
    whole, _, fraction = seconds.partition(".")
    ticks = (int(hours) * 3600 + int(minutes) * 60 + int(whole)) * 10_000_000 + int(
        fraction.ljust(7, "0") or 0
    )
    return Duration(-ticks if text.startswith("-") else ticks)


#: Codes of connections that broke and of queries that were stopped: shutdown, killed, interrupted, out of time, gone.
_LOST = (0, 1053, 1077, 1317, 1927, 1969, 2006, 2013, 2055, 3024)


def _abandoned(cursor: Any, connection: Any) -> None:
    """Lets go of a query: closing a cursor would read all rows that are still on their way, or a broken line."""
    result = cursor._result
    if result is not None and result.unbuffered_active:
        result.unbuffered_active = False
        connection._force_close()
    cursor.connection = None


class MySqlServer(Server):
    """A database of a MySQL or MariaDB server; each query runs in a read-only transaction."""

    kind = "MySQL"
    dialect = "mysql"
    wires = {  # noqa: RUF012
        "DOUBLE": Wire("{}", float), "BIGINT": Wire("{}", whole), "VARCHAR": Wire(),
        "BOOLEAN": Wire("{}", lambda text: text != "0"), "BLOB": Wire("{}", bytes), "DATE": Wire("{}", _date),
        "TIMESTAMP": Wire("{}", _datetime), "TIME": Wire("{}", _duration), "DECIMAL": Wire("{}", Decimal),
        "DURATION": Wire("{}", lambda text: Duration(int(text))),
    }  # fmt: skip

    def __init__(self, server: str, database: str, chosen: dict[str, Any]) -> None:
        super().__init__(f"{server};{database}", chosen)
        self.host, self.port = host_and_port(server, 3306)
        self.database = database
        self.tiny, self.guids = flag(chosen, "TreatTinyAsBoolean", True), flag(chosen, "OldGuids")
        self._collation = ""

    def connect(self) -> Any:
        pymysql = need("pymysql", "MySQL.Database", "mysql")
        known = credential(self.kind, self.path) or {}
        if not known.get("Username"):  # PyMySQL would take the account's own name
            raise Failure("no user name is known", refused=True)
        writing = {k: v for k, v in pymysql.converters.conversions.items() if k.__class__ is not int}
        try:
            connection = pymysql.connect(
                host=self.host, port=self.port, database=self.database, user=known["Username"],
                password=known.get("Password") or "", charset="utf8mb4", conv=writing, read_timeout=self.patience + 30,
                connect_timeout=max(1, round(self.connect_patience)), cursorclass=pymysql.cursors.SSCursor,
            )  # fmt: skip
            maria = "mariadb" in connection.get_server_info().lower()
            limit = (
                f"max_statement_time = {self.patience:f}"
                if maria
                else f"max_execution_time = {int(self.patience * 1000)}"
            )
            with connection.cursor() as cursor:
                for setting in (
                    f"SET NAMES utf8mb4 COLLATE {'utf8mb4_nopad_bin' if maria else 'utf8mb4_0900_bin'}",
                    "SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_BACKSLASH_ESCAPES,ALLOW_INVALID_DATES'",
                    "SET SESSION time_zone = '+00:00'", f"SET SESSION {limit}",
                    "SET SESSION TRANSACTION READ ONLY", "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ",
                ):  # fmt: skip
                    cursor.execute(setting)
        except pymysql.Error as error:
            raise self._failure(error) from None
        return connection

    def _failure(self, error: Any) -> Failure:
        code, text = (error.args + ("", ""))[:2] if error.args else ("", str(error))
        refused = code in (1045, 1044, 1698)
        return Failure(str(text) or str(error), str(code), refused, lost=code in _LOST)

    def execute(self, connection: Any, sql: str) -> Iterator[list[Any]]:
        import pymysql

        cursor = connection.cursor()
        try:
            cursor.execute(sql)
            yield list(cursor.description or ())
            while part := cursor.fetchmany(ROWS):
                yield list(part)
        except (pymysql.Error, UnicodeDecodeError) as error:
            raise self._failure(error) from None
        finally:
            _abandoned(cursor, connection)

    def release(self, connection: Any, done: bool) -> bool:
        import pymysql

        if not done:
            connection._force_close()  # rows that nobody read are still on their way
            return False
        try:
            connection.rollback()
        except pymysql.Error:
            return False
        return True

    def alive(self, connection: Any) -> bool:
        import pymysql

        try:
            connection.ping(reconnect=False)
        except (pymysql.Error, OSError):
            return False
        return True

    def interrupt(self, connection: Any) -> None:
        import pymysql

        other = self.connect()
        with other.cursor() as cursor, suppress(pymysql.err.OperationalError):
            # which fails where the connection is gone already
            cursor.execute(f"KILL QUERY {connection.thread_id():d}")
        other.close()

    def quoted(self, name: str) -> str:
        return "`" + name.replace("`", "``") + "`"

    def version(self) -> str:
        return " ".join(map(str, self.ask("SELECT version(), @@collation_connection, @@sql_mode")[0]))

    @property
    def collation(self) -> str:
        """The collation that compares by code point, blanks at the end included."""
        if not self._collation:
            self._collation = str(self.ask("SELECT @@collation_connection")[0][0])
        return self._collation


@builtin("MySQL.Database(server as text, database as text, optional options as nullable record) as table")
def database(server: str, name: str, option: dict[str, Any] | None = None) -> Any:
    """Lists the tables and views of a MySQL or MariaDB server, each with its rows in the Data column.

    Credentials are the session's, or those of the file that MLANG_CREDENTIALS names.
    """
    defaults = {
        **COMMON, "Encoding": None, "TreatTinyAsBoolean": True, "OldGuids": False, "ReturnSingleDatabase": False,
    }  # fmt: skip
    chosen = options(option, "MySQL.Database", defaults)
    place = MySqlServer(server, name, chosen)
    single = flag(chosen, "ReturnSingleDatabase")
    return opened(place, chosen, lambda: _entries(place, single), _query, _foreign_keys)


def _entries(server: MySqlServer, single: bool) -> list[Entry]:
    where = f"table_schema = {server.text(server.database)}" if single else f"table_schema NOT IN ({_SYSTEM})"
    listed = server.ask(
        f"SELECT table_schema, table_name, table_type FROM information_schema.tables WHERE {where} ORDER BY 1, 2"
    )
    return [
        Entry(
            f"{schema}.{item}",
            schema,
            item,
            "View" if "VIEW" in kind else "Table",
            _opener(server, schema, item),
        )
        for schema, item, kind in listed
    ]


def _opener(server: MySqlServer, schema: str, item: str) -> Any:
    return lambda: _table(server, schema, item)


#: The place of rows without a key: as the server reads them.  Its window functions sort rows, also by nothing,
#: so folding numbers them otherwise (``folding/engines/mysql.py``).
AS_READ = "row_number() OVER ()"


def _table(server: MySqlServer, schema: str, item: str) -> Table:
    here = f"table_schema = {server.text(schema)} AND table_name = {server.text(item)}"
    listed = server.ask(
        "SELECT column_name, data_type, column_type, is_nullable, numeric_scale FROM information_schema.columns "
        f"WHERE {here} ORDER BY ordinal_position"
    )
    columns = [
        _column(server, name, type, whole, sure == "NO", None if scale is None else int(scale))
        for name, type, whole, sure, scale in listed
    ]
    found = server.ask(
        "SELECT column_name FROM information_schema.key_column_usage "
        f"WHERE {here} AND constraint_name = 'PRIMARY' ORDER BY ordinal_position"
    )
    keys = tuple(name for (name,) in found)
    ordered = ", ".join(server.quoted(k) for k in keys)
    place = f"row_number() OVER (ORDER BY {ordered})" if keys else AS_READ
    if len(keys) == 1 and next(c for c in columns if c.name == keys[0]).storage == "BIGINT":
        place = next(c for c in columns if c.name == keys[0]).expression
    source = SqlSource(
        server, f"{server.quoted(schema)}.{server.quoted(item)}", columns, f"MySQL table {schema}.{item}", place=place,
        place_storage="BIGINT", ordered=ordered, keys=keys,
    )  # fmt: skip
    return table_over(source, "MySQL.Database")


def _foreign_keys(server: MySqlServer) -> list[ForeignKey]:
    """The foreign keys of all databases that the login sees."""
    listed = server.ask(
        "SELECT constraint_name, table_schema, table_name, column_name, referenced_table_schema, "
        "referenced_table_name, referenced_column_name "
        f"FROM information_schema.key_column_usage WHERE table_schema NOT IN ({_SYSTEM}) "
        "AND referenced_table_name IS NOT NULL ORDER BY 2, 3, 1, ordinal_position"
    )
    if not listed:
        return []
    unique = server.ask(
        "SELECT index_name, table_schema, table_name, column_name FROM information_schema.statistics "
        f"WHERE table_schema NOT IN ({_SYSTEM}) AND non_unique = 0 AND sub_part IS NULL"
    )
    return foreign_keys(listed, unique)


_CHECK = "{0} < '0001-01-01' OR month({0}) = 0 OR day({0}) = 0 OR day({0}) > day(last_day({0}))"
_WHOLE = ("tinyint", "smallint", "mediumint", "int", "year")


def _column(
    server: MySqlServer, name: str, type: str, whole: str, required: bool, digits: int | None = None
) -> Column:
    """A column by its type as information_schema spells it; ``digits`` of a decimal stand behind its point."""
    quoted = server.quoted(name)
    type, whole = type.lower(), whole.lower()

    def made(
        m: mtypes.MType, sql: str, storage: str, kind: str = "any", check: str | None = None, **more: Any
    ) -> Column:
        facts = {"nullable": not required, **more}
        return Column(name, m if required else mtypes.nullable(m), sql, storage, kind, facts, check)

    def text(sql: str, m: mtypes.MType = mtypes.TEXT) -> Column:
        return made(m, f"{sql} COLLATE {server.collation}", "VARCHAR", "text")

    if type == "tinyint" and whole.startswith("tinyint(1)") and server.tiny:
        return made(mtypes.primitive("logical"), f"({quoted} <> 0)", "BOOLEAN", "logical")
    if type in _WHOLE or (type == "bigint" and "unsigned" not in whole):
        plain = type == "bigint" or not ("unsigned" in whole or type == "year")
        sql = quoted if plain and "zerofill" not in whole else f"CAST({quoted} AS SIGNED)"
        return made(mtypes.INT64, sql, "BIGINT", "number", nonan=True, int53=type != "bigint")
    if type == "bigint":
        return made(mtypes.INT64, f"CAST({quoted} AS DECIMAL(20, 0))", "DECIMAL", scale=0)
    if type in ("double", "float"):
        sql = quoted if type == "double" else f"CAST({quoted} AS DOUBLE)"
        return made(mtypes.NUMBER, sql, "DOUBLE", "number", nonan=True)
    if type == "decimal" and digits is not None and digits <= MOST_DIGITS and "zerofill" not in whole:
        size = re.match(r"decimal\((\d+)", whole)
        return made(mtypes.NUMBER, quoted, "DECIMAL", **decimals(digits, int(size[1]) if size else None))
    if type == "decimal":
        return made(mtypes.NUMBER, quoted, "DECIMAL")
    if type == "bit":
        if whole == "bit(1)":
            return made(mtypes.primitive("logical"), f"({quoted} <> 0)", "BOOLEAN", "logical")
        return made(mtypes.INT64, f"CAST({quoted} AS UNSIGNED)", "DECIMAL")
    if type == "date":
        return made(mtypes.primitive("date"), quoted, "DATE", "date", _CHECK.format(quoted))
    if type in ("datetime", "timestamp"):
        return made(mtypes.primitive("datetime"), quoted, "TIMESTAMP", "datetime", _CHECK.format(quoted))
    if type == "time":
        return made(mtypes.primitive("duration"), quoted, "TIME")
    if type == "binary" and server.guids and whole == "binary(16)":
        dashed = f"hex({quoted})"
        for place in (9, 14, 19, 24):
            dashed = f"insert({dashed}, {place}, 0, '-')"
        return text(f"lower({dashed})",
                    mtypes.NAMED["Guid.Type"])  # fmt: skip
    if type in ("binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob"):
        return made(mtypes.primitive("binary"), quoted, "BLOB", "binary")
    if type in ("geometry", "point", "linestring", "polygon", "multipoint", "multilinestring", "multipolygon",
                "geometrycollection"):  # fmt: skip
        return text(f"CONVERT(ST_AsText({quoted}) USING utf8mb4)")
    if type in ("uuid", "json"):
        return text(
            f"CONVERT({quoted} USING utf8mb4)", mtypes.NAMED["Guid.Type"] if type == "uuid" else mtypes.TEXT
        )
    guid = type == "char" and whole == "char(36)" and not server.guids
    return text(f"CONVERT({quoted} USING utf8mb4)", mtypes.NAMED["Guid.Type"] if guid else mtypes.TEXT)


#: Type codes of the protocol, as the catalogue would name them.
_CODES = {
    0: "decimal", 1: "tinyint", 2: "smallint", 3: "int", 4: "float", 5: "double", 7: "timestamp", 8: "bigint",
    9: "mediumint", 10: "date", 11: "time", 12: "datetime", 13: "year", 16: "bit", 245: "json", 246: "decimal",
    255: "geometry",
}  # fmt: skip
_TEXTS = (15, 247, 248, 249, 250, 251, 252, 253, 254)


def _query(server: Server, text: str, folding: bool) -> Table:
    """The rows of a native query; in the engine, steps above it go on when ``folding``."""
    assert isinstance(server, MySqlServer)
    sorting = ordering(text, server.dialect)
    if sorting is not None and _LIMITED.isdisjoint(sorting):
        text += "\nLIMIT 18446744073709551615"  # in brackets the server drops an ORDER BY that has no LIMIT
    relation = f"({text}\n) AS q"
    columns = [
        _column(server, name, type, type, False, digits)
        for name, type, digits in _described(server, relation)
    ]
    source = SqlSource(
        server, relation, columns, "MySQL query", place=AS_READ, place_storage="BIGINT",
        foldable=folding and sorting is None,  # row_number() numbers sorted rows in another order
    )  # fmt: skip
    return table_over(source, "Value.NativeQuery")


#: What may stand behind ORDER BY and excludes a further LIMIT.
_LIMITED = {"limit", "for", "lock", "into", "fetch", "offset", "procedure"}


def _described(server: MySqlServer, relation: str) -> list[tuple[str, str, int | None]]:
    """Names, types and decimals of a query's columns, from the server's description of no rows."""
    connection = None
    try:
        connection = server.connect()
        server.watched(connection)
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT * FROM {relation} LIMIT 0")
            fields = cursor._result.fields
            found = []
            for field in fields:
                type = _CODES.get(field.type_code, "varchar")
                if field.type_code in _TEXTS:
                    type = "varbinary" if field.charsetnr == 63 else "varchar"
                # unsigned whole numbers may not fit the signed type: they travel as decimals
                wide = type == "bigint" and field.flags & 32
                found.append((field.name, "decimal" if wide else type, 0 if wide else field.scale))
            cursor.fetchall()
            return found
    except Failure as failure:
        raise server.failed(failure) from None
    except Exception as error:
        import pymysql

        if not isinstance(error, pymysql.Error):
            raise
        answered = server._failure(error)
        answered.sql = relation
        raise server.failed(answered) from None
    finally:
        if connection is not None:
            connection.close()
