"""Sql.Database and Sql.Databases: tables and views of SQL Server, through Microsoft's mssql-python.

The text of its queries is tested, a server was not at hand: docs/folding.md says "unverified".
Read ``databases.py`` for what connectors share.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

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
from mlang.connectors.relations import ForeignKey, foreign_keys
from mlang.connectors.servers import ROWS, Failure, Server, Wire, credential, host_and_port
from mlang.library.arguments import of_kind, options
from mlang.registry import builtin
from mlang.tables.plan import Values
from mlang.tables.table import Table
from mlang.values import types as mtypes
from mlang.values.binary import content
from mlang.values.temporal import Date, DateTime, DateTimeZone, Duration, Time, days_of
from mlang.values.thunk import Thunk
from mlang.values.types import TABLE, TEXT, TableType, table_type

_MORE = {
    "MaxDegreeOfParallelism": None, "MultiSubnetFailover": False, "UnsafeTypeConversions": False, "ContextInfo": None,
    "OmitSRID": False, "EnableCrossDatabaseFolding": False,
}  # fmt: skip


def _clock(text: str) -> int:
    """Ticks of a time such as 10:11:12.1234567."""
    seconds = int(text[:2]) * 3600 + int(text[3:5]) * 60 + int(text[6:8])
    return seconds * 10_000_000 + int(text[9:16].ljust(7, "0") or 0)


def _ticks(text: str) -> int:
    day = days_of(int(text[:4]), int(text[5:7]), int(text[8:10]))
    return day * 864_000_000_000 + _clock(text[11:])


def _zoned(text: str) -> DateTimeZone:
    moment, sign, offset = text[:-6].rstrip(), text[-6], text[-5:]
    minutes = int(offset[:2]) * 60 + int(offset[3:])
    return DateTimeZone(_ticks(moment), -minutes if sign == "-" else minutes)


class SqlServer(Server):
    """A database of SQL Server."""

    kind = "SQL"
    dialect = "sqlserver"
    wires = {  # noqa: RUF012
        "DOUBLE": Wire("{}", float), "BIGINT": Wire("{}", whole), "VARCHAR": Wire(), "BOOLEAN": Wire("{}", bool),
        "BLOB": Wire("{}", bytes), "DECIMAL": Wire(),
        "DATE": Wire("CONVERT(char(10), {}, 23)", lambda t: Date(days_of(int(t[:4]), int(t[5:7]), int(t[8:])))),
        "TIMESTAMP": Wire("CONVERT(varchar(27), CAST({} AS datetime2), 121)", lambda t: DateTime(_ticks(t))),
        "MOMENT": Wire("CONVERT(varchar(27), CAST({} AS datetime2), 121)", lambda t: DateTime(_ticks(t))),
        "TIMESTAMPTZ": Wire("CONVERT(varchar(34), {}, 121)", _zoned),
        "TIME": Wire("CONVERT(varchar(16), {}, 114)", lambda t: Time(_clock(t))), "DURATION": Wire("{}", Duration),
    }  # fmt: skip

    def __init__(self, server: str, database: str, chosen: dict[str, Any]) -> None:
        super().__init__(f"{server};{database}", chosen)
        self.host, self.port = host_and_port(server, 1433, ",:")
        self.database, self.chosen = database, chosen
        info = chosen.get("ContextInfo")
        self.context: bytes = b"" if info is None else content(info)

    def key(self) -> tuple[Any, ...]:
        return (*super().key(), self.context, bool(self.chosen.get("MultiSubnetFailover")))

    def login(self) -> str:
        """The connection string; it holds the password and is shown nowhere."""
        known = credential(self.kind, self.path)
        server = self.host if self.port == 1433 else f"{self.host},{self.port}"
        parts = {"Server": server, "Database": self.database, "Encrypt": "yes", "ApplicationIntent": None}
        if self.chosen.get("MultiSubnetFailover"):
            parts.update(MultiSubnetFailover="yes", ApplicationIntent="ReadOnly")
        if known is None:
            parts["Trusted_Connection"] = "yes"
        else:
            parts.update(UID=str(known.get("Username", "")), PWD=str(known.get("Password", "")))
        return ";".join(f"{k}={_braced(v)}" for k, v in parts.items() if v is not None)

    def connect(self) -> Any:
        driver = need("mssql_python", "Sql.Database", "sqlserver")
        try:
            return driver.connect(self.login(), timeout=round(self.connect_patience))
        except driver.Error as error:
            raise _failure(error) from None

    def execute(self, connection: Any, sql: str) -> Iterator[list[Any]]:
        import mssql_python

        try:
            cursor = connection.cursor()
            if self.context:
                cursor.execute(f"SET CONTEXT_INFO 0x{self.context.hex()}")
            cursor.execute(sql + self.hint(sql))
            yield list(cursor.description or ())
            while True:
                part = cursor.fetchmany(ROWS)
                if not part:
                    return
                yield [tuple(row) for row in part]
        except mssql_python.Error as error:
            raise _failure(error) from None

    def hint(self, sql: str) -> str:
        """MaxDegreeOfParallelism as the hint of a query."""
        degree = self.chosen.get("MaxDegreeOfParallelism")
        return "" if degree is None or not sql.startswith("SELECT") else f"\nOPTION (MAXDOP {int(degree)})"

    def release(self, connection: Any, done: bool) -> bool:
        if not done:
            connection.close()
        return done

    def alive(self, connection: Any) -> bool:
        return not connection.closed

    def quoted(self, name: str) -> str:
        return "[" + name.replace("]", "]]") + "]"

    def text(self, value: str) -> str:
        return "N" + super().text(value)

    def version(self) -> str:
        return str(self.ask("SELECT @@VERSION")[0][0])


def _braced(value: str) -> str:
    """A value of a connection string."""
    return "{" + value.replace("}", "}}") + "}" if any(c in value for c in ";{}= ") else value


def _failure(error: Any) -> Failure:
    text = str(error)
    return Failure(text, "", "Login failed" in text)


@builtin("Sql.Database(server as text, database as text, optional options as nullable record) as table")
def database(server: str, name: str, option: dict[str, Any] | None = None) -> Any:
    """Lists the tables and views of a SQL Server database, each with its rows in the Data column.

    Credentials are the session's, or those of the file that MLANG_CREDENTIALS names, else the account's own.
    """
    chosen = options(option, "Sql.Database", {**COMMON, **_MORE})
    _checked(chosen)
    place = SqlServer(server, name, chosen)
    return opened(place, chosen, lambda: _entries(place), _query, _foreign_keys)


@builtin("Sql.Databases(server as text, optional options as nullable record) as table")
def databases(server: str, option: dict[str, Any] | None = None) -> Table:
    """Lists the databases of a SQL Server, each with its navigation table in the Data column."""
    known = {k: v for k, v in COMMON.items() if k != "Query"}
    chosen = options(option, "Sql.Databases", {**known, **_MORE})
    _checked(chosen)
    chosen["Query"] = None
    place = SqlServer(server, "master", chosen)
    names = [
        str(name)
        for (name,) in place.ask("SELECT name FROM sys.databases WHERE has_dbaccess(name) = 1 ORDER BY name")
    ]

    def opener(name: str) -> Any:
        inner = SqlServer(server, name, chosen)
        return lambda: opened(inner, chosen, lambda: _entries(inner), _query, _foreign_keys)

    listing = table_type(
        ["Name", "Data", "ItemKind", "ItemName", "IsLeaf"],
        [TEXT, TABLE, TEXT, TEXT, mtypes.primitive("logical")],
    )
    columns: list[list[Any]] = [
        list(names),
        [Thunk(opener(n)) for n in names],
        ["Database"] * len(names),
        ["Database"] * len(names),
        [False] * len(names),
    ]
    return Table(Values(TableType(listing.row, ((("Name",), True),)), columns, len(names)))


def _checked(chosen: dict[str, Any]) -> None:
    """The kinds of options.

    Two of them let Power Query send more to the server, which changes no result: UnsafeTypeConversions and
    EnableCrossDatabaseFolding.  Well-known texts have no SRID, whatever OmitSRID says.
    """
    for name in ("UnsafeTypeConversions", "EnableCrossDatabaseFolding", "OmitSRID", "MultiSubnetFailover"):
        flag(chosen, name)
    for name, kind in (("ContextInfo", "binary"), ("MaxDegreeOfParallelism", "number")):
        if chosen[name] is not None:
            of_kind(chosen[name], kind)


def _entries(server: SqlServer) -> list[Entry]:
    listed = server.ask(
        "SELECT s.name, o.name, o.type, o.object_id FROM sys.objects o JOIN sys.schemas s ON s.schema_id = o.schema_id "
        "WHERE o.type IN ('U', 'V') AND o.is_ms_shipped = 0 ORDER BY s.name, o.name"
    )
    return [
        Entry(item if schema == "dbo" else f"{schema}.{item}", schema, item,
              "View" if kind.strip() == "V" else "Table", _opener(server, schema, item, int(number)))
        for schema, item, kind, number in listed
    ]  # fmt: skip


def _opener(server: SqlServer, schema: str, item: str, number: int) -> Any:
    return lambda: _table(server, schema, item, number)


def _table(server: SqlServer, schema: str, item: str, number: int) -> Table:
    listed = server.ask(
        "SELECT c.name, type_name(c.system_type_id), c.is_nullable, c.scale, c.precision FROM sys.columns c "
        f"WHERE c.object_id = {number:d} ORDER BY c.column_id"
    )
    columns = [
        column(server, name, type or "", not nullable, int(scale), int(most))
        for name, type, nullable, scale, most in listed
    ]
    found = server.ask(
        "SELECT c.name FROM sys.indexes i "
        "JOIN sys.index_columns k ON k.object_id = i.object_id AND k.index_id = i.index_id "
        "JOIN sys.columns c ON c.object_id = i.object_id AND c.column_id = k.column_id "
        f"WHERE i.object_id = {number:d} AND i.is_primary_key = 1 ORDER BY k.key_ordinal"
    )
    return table_over(source_of(server, schema, item, columns, tuple(n for (n,) in found)), "Sql.Database")


def _foreign_keys(server: SqlServer) -> list[ForeignKey]:
    """The foreign keys of the database."""
    listed = server.ask(
        "SELECT k.constraint_object_id, s.name, o.name, c.name, rs.name, ro.name, rc.name "
        "FROM sys.foreign_key_columns k "
        "JOIN sys.objects o ON o.object_id = k.parent_object_id JOIN sys.schemas s ON s.schema_id = o.schema_id "
        "JOIN sys.columns c ON c.object_id = k.parent_object_id AND c.column_id = k.parent_column_id "
        "JOIN sys.objects ro ON ro.object_id = k.referenced_object_id "
        "JOIN sys.schemas rs ON rs.schema_id = ro.schema_id "
        "JOIN sys.columns rc ON rc.object_id = k.referenced_object_id AND rc.column_id = k.referenced_column_id "
        "ORDER BY k.constraint_object_id, k.constraint_column_id"
    )
    if not listed:
        return []
    unique = server.ask(
        "SELECT i.index_id, s.name, o.name, c.name FROM sys.indexes i "
        "JOIN sys.objects o ON o.object_id = i.object_id JOIN sys.schemas s ON s.schema_id = o.schema_id "
        "JOIN sys.index_columns k ON k.object_id = i.object_id AND k.index_id = i.index_id "
        "JOIN sys.columns c ON c.object_id = i.object_id AND c.column_id = k.column_id "
        "WHERE i.is_unique = 1 AND i.has_filter = 0 AND k.is_included_column = 0"
    )
    return foreign_keys(listed, unique)


def source_of(
    server: SqlServer, schema: str, item: str, columns: list[Column], keys: tuple[str, ...]
) -> SqlSource:
    """The source of a table with these columns and key."""
    ordered = ", ".join(server.quoted(k) for k in keys)
    place = f"row_number() OVER (ORDER BY {ordered or '(SELECT NULL)'})"
    if len(keys) == 1 and next(c for c in columns if c.name == keys[0]).storage == "BIGINT":
        place = ordered
    return SqlSource(
        server, f"{server.quoted(schema)}.{server.quoted(item)}", columns, f"SQL Server table {schema}.{item}",
        place=place, place_storage="BIGINT", ordered=ordered, keys=keys,
    )  # fmt: skip


def column(
    server: SqlServer, name: str, type: str, required: bool, scale: int = 7, most: int | None = None
) -> Column:
    """A column by its type as sys.types names it."""
    quoted = server.quoted(name)

    def made(m: mtypes.MType, sql: str, storage: str, kind: str = "any", **more: Any) -> Column:
        facts = {"nullable": not required, **more}
        return Column(name, m if required else mtypes.nullable(m), sql, storage, kind, facts)

    if type in ("tinyint", "smallint", "int", "bigint"):
        return made(mtypes.INT64, f"CAST({quoted} AS bigint)" if type != "bigint" else quoted, "BIGINT", "number",
                    nonan=True, int53=type != "bigint")  # fmt: skip
    if type in ("float", "real"):
        return made(mtypes.NUMBER, f"CAST({quoted} AS float)", "DOUBLE", "number", nonan=True)
    if type in ("decimal", "numeric", "money", "smallmoney"):
        m = mtypes.NAMED["Currency.Type"] if "money" in type else mtypes.NUMBER
        sql = f"CAST({quoted} AS decimal(19, 4))" if "money" in type else quoted
        digits = 4 if "money" in type else scale
        return made(m, sql, "DECIMAL", **(decimals(digits, most) if digits <= MOST_DIGITS else {}))
    if type == "bit":
        return made(mtypes.primitive("logical"), quoted, "BOOLEAN", "logical")
    if type == "date":
        return made(mtypes.primitive("date"), quoted, "DATE", "date")
    if type in ("datetime2", "smalldatetime") and (type != "datetime2" or scale <= 6):
        return made(mtypes.primitive("datetime"), f"CAST({quoted} AS datetime2)", "TIMESTAMP", "datetime")
    if type in ("datetime", "datetime2"):  # ticks of a third of 10 ms, or finer than a microsecond
        return made(mtypes.primitive("datetime"), quoted, "MOMENT")
    if type == "datetimeoffset":
        return made(mtypes.primitive("datetimezone"), quoted, "TIMESTAMPTZ")
    if type == "time":
        return made(mtypes.primitive("time"), quoted, "TIME")
    if type in ("binary", "varbinary", "image", "timestamp", "rowversion"):
        return made(mtypes.primitive("binary"), f"CAST({quoted} AS varbinary(max))", "BLOB")
    if type == "uniqueidentifier":
        text = f"lower(CAST({quoted} AS char(36))) COLLATE Latin1_General_BIN2"
        return made(mtypes.NAMED["Guid.Type"], text, "VARCHAR", "text", ascii=True)
    if type in ("geography", "geometry", "hierarchyid"):
        return made(mtypes.TEXT, f"{quoted}.ToString() COLLATE Latin1_General_BIN2", "VARCHAR", "text")
    text = f"CAST({quoted} AS nvarchar(max)) COLLATE Latin1_General_BIN2"
    return made(mtypes.TEXT, text, "VARCHAR", "text")


def _query(server: Server, text: str, folding: bool) -> Table:
    """The rows of a native query; in the engine, steps above it go on when ``folding``."""
    assert isinstance(server, SqlServer)
    plain = text
    listed = server.ask(
        "SELECT name, type_name(system_type_id), is_nullable, scale FROM sys.dm_exec_describe_first_result_set"
        f"({server.text(plain)}, NULL, 0) ORDER BY column_ordinal"
    )
    columns = [column(server, name, type or "", False, int(scale or 0)) for name, type, _, scale in listed]
    source = SqlSource(
        server, f"({plain}\n) AS q", columns, "SQL Server query", place="row_number() OVER (ORDER BY (SELECT NULL))",
        place_storage="BIGINT", foldable=folding,
    )  # fmt: skip
    return table_over(source, "Value.NativeQuery")
