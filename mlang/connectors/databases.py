"""What database connectors share: servers, columns, tables as sources, navigation tables, native queries.

A `Server` is one database as a user named it, with a driver behind it; `SqlSource` is a table, a view or
a query of it.  A connector (`postgresql.py`, `mysql.py`, `sql.py`, `sqlite.py`) reads the catalogue and says
of each column what M type it has, which SQL expression gives it, and in which form it travels (`Wire`).
Folding (``folding/engines``) uses the same columns, so both ways of reading agree.

A few connections of each login are kept for the next query.  Credentials: see `credential`.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from typing import Any

from mlang import errors, session
from mlang.library.arguments import of_kind, options
from mlang.tables.plan import Batch, Scan, Source, Values
from mlang.tables.table import Table
from mlang.values.functions import Function
from mlang.values.metadata import strip, with_metadata
from mlang.values.thunk import Thunk, force
from mlang.values.types import TABLE, TEXT, Field, MType, RecordType, TableType, table_type

#: Rows per batch.
ROWS = 8_192
#: Options that all database functions share, with their defaults.
COMMON = {
    "Query": None, "CreateNavigationProperties": True, "NavigationPropertyNameGenerator": None,
    "CommandTimeout": None, "ConnectionTimeout": None, "HierarchicalNavigation": False,
}  # fmt: skip
_SECOND = 10_000_000
#: How long a query may run unless CommandTimeout says otherwise: ten minutes.
_PATIENCE = 600.0


class Wire:
    """How a column travels: what to select (``{}`` is the column) and how a cell that is not null is read."""

    __slots__ = ("decode", "template")

    def __init__(self, template: str = "{}", decode: Callable[[Any], Any] | None = None) -> None:
        self.template, self.decode = template, decode


class Column:
    """A column of a table: name, M type, the SQL that gives it, and its SQL type in the words of folding.

    ``storage`` names the `Wire`; ``kind`` is the M kind that folding may compute with, or "any" for one that only
    passes.  ``facts`` are what is proven of it.  ``check`` is SQL that is true where a cell has no M value: a
    query that uses the column in the engine asks for such rows first.
    """

    __slots__ = ("check", "expression", "facts", "kind", "name", "storage", "type")

    def __init__(
        self, name: str, type: MType, expression: str, storage: str, kind: str = "any",
        facts: dict[str, Any] | None = None, check: str | None = None,
    ) -> None:  # fmt: skip
        self.name, self.type, self.expression, self.storage = name, type, expression, storage
        self.kind, self.facts, self.check = kind, facts or {}, check


class Failure(Exception):
    """What a driver raised, in the server's words; ``refused`` when the login was at fault."""

    def __init__(self, message: str, code: str = "", refused: bool = False, sql: str = "") -> None:
        super().__init__(message)
        self.message, self.code, self.refused, self.sql = message, code, refused, sql


class Server:
    """A database of a server; subclasses know a driver.

    ``kind`` is the data source kind of errors and credentials, ``dialect`` the name of the SQL; ``path`` is what
    errors show.
    """

    kind = ""
    dialect = ""
    #: Forms in which columns travel, by storage.
    wires: dict[str, Wire]

    def __init__(self, path: str, chosen: dict[str, Any] | None = None) -> None:
        chosen = chosen or {}
        self.path = path
        self.patience = seconds(chosen.get("CommandTimeout"), _PATIENCE)
        self.connect_patience = seconds(chosen.get("ConnectionTimeout"), 15.0)

    # ------------------------------------------------------------ for subclasses

    def connect(self) -> Any:
        """A new connection of the driver; raises `Failure`."""
        raise NotImplementedError

    def execute(self, connection: Any, sql: str) -> Iterator[list[Any]]:
        """The rows of a query in lists; the first item is the list of column descriptions; raises `Failure`."""
        raise NotImplementedError

    def release(self, connection: Any, done: bool) -> bool:
        """Ends the query on a connection; whether it can be used again."""
        raise NotImplementedError

    def alive(self, connection: Any) -> bool:
        """Whether a connection that waited can be used."""
        raise NotImplementedError

    def close(self, connection: Any) -> None:
        """Ends a connection."""
        connection.close()

    def interrupt(self, connection: Any) -> None:
        """Stops the running query, from another thread."""

    def quoted(self, name: str) -> str:
        """A name as the engine writes it."""
        return '"' + name.replace('"', '""') + '"'

    def text(self, value: str) -> str:
        """A text literal."""
        return "'" + value.replace("'", "''") + "'"

    def version(self) -> str:
        """What decides how the server behaves: its version and settings; asked once per evaluation."""
        raise NotImplementedError

    # ------------------------------------------------------------ running

    def same_as(self, other: Server) -> bool:
        """Whether tables of both can stand in one query."""
        return self.__class__ is other.__class__ and self.key() == other.key()

    def key(self) -> tuple[Any, ...]:
        return (self.kind, self.path, self.patience, self.connect_patience)

    def rows(self, sql: str, checks: str | None = None) -> Iterator[list[Any]]:
        """The rows of a query as lists of tuples; the first item is the driver's list of columns.

        ``checks`` is a query whose rows, if there are any, say that the first one may not be run (`Refused`).
        """
        key = (self.key(), login_of(self))
        connection = _taken(key)
        if connection is not None and not self.alive(connection):
            connection = None
        if connection is None:
            connection = self.connect()
        session.current().fixed["folding.cursor"] = _Running(self, connection)
        done = False
        try:
            if checks is not None and any(list(self.execute(connection, checks))[1:]):
                raise Refused
            yield from self.execute(connection, sql)
            done = True
        except Failure as failure:
            failure.sql = sql
            raise
        finally:
            if self.release(connection, done):
                _given_back(self, key, connection)

    def ask(self, sql: str) -> list[Any]:
        """All rows of a small query; the engine's failure as M error."""
        try:
            found = list(self.rows(sql))
        except Failure as failure:
            raise self.failed(failure) from None
        return [row for part in found[1:] for row in part]

    def ask_columns(self, sql: str) -> list[str]:
        """The names of a query's columns."""
        try:
            return [str(c[0]) for c in next(iter(self.rows(sql)))]
        except Failure as failure:
            raise self.failed(failure) from None

    def failed(self, failure: Failure) -> errors.MError:
        """The M error of a failure: the server's text and the query, no credentials."""
        if failure.refused:
            known = credential(self.kind, self.path) is not None
            make = errors.credentials_invalid if known else errors.credentials_required
            return make(self.kind, self.path)
        return errors.query_failed(self.kind, failure.message, self.path, failure.code, failure.sql)


#: Connections that wait for their next query, by server and login, the oldest first; few of each.
_IDLE: dict[Any, list[Any]] = {}
_MOST_IDLE = 3
_lock = threading.Lock()


def login_of(server: Server) -> Any:
    """What tells two logins to a server apart (not the secret itself)."""
    known = credential(server.kind, server.path)
    return None if known is None else hash(tuple(sorted((k, str(v)) for k, v in known.items())))


def _taken(key: Any) -> Any:
    with _lock:
        waiting = _IDLE.get(key)
        return waiting.pop() if waiting else None


def _given_back(server: Server, key: Any, connection: Any) -> None:
    with _lock:
        waiting = _IDLE.setdefault(key, [])
        if len(waiting) < _MOST_IDLE:
            waiting.append(connection)
            return
    server.close(connection)


def close_idle(server: Server | None = None) -> None:
    """Closes the connections that wait (of one server, or all): they would keep a file or a server busy."""
    with _lock:
        for key, waiting in list(_IDLE.items()):
            if server is None or key[0] == server.key():
                for connection in waiting:
                    connection.close()
                del _IDLE[key]


class Refused(Exception):
    """A check found rows that the engine must not see."""


class _Running:
    """What the one who stops the evaluation interrupts."""

    def __init__(self, server: Server, connection: Any) -> None:
        self.server, self.connection = server, connection

    def interrupt(self) -> None:
        self.server.interrupt(self.connection)


def seconds(value: Any, default: float) -> float:
    """A duration option in seconds."""
    if value is None:
        return default
    ticks = of_kind(value, "duration").ticks
    if ticks <= 0:
        raise errors.argument_out_of_range("timeout", value)
    return float(ticks / _SECOND)


def host_and_port(server: str, default: int, marks: str = ":") -> tuple[str, int]:
    """The server's name and port; the port follows a colon."""
    for mark in marks:
        host, found, port = server.rpartition(mark)
        if found and port.isdigit() and host:
            return host.strip("[]"), int(port)
    return server.strip("[]"), default


# ---------------------------------------------------------------- credentials


def credential(kind: str, path: str) -> dict[str, Any] | None:
    """The credential of a source: of the session, else of the file that MLANG_CREDENTIALS names.

    The session's are keyed (kind, path); the file is a JSON object whose names are "kind path".  A path is
    "server;database", "server" or "" (all of the kind); the longest wins.  A value has Username and Password.
    """
    server = path.partition(";")[0]
    known: dict[tuple[str, str], Any] = dict(_filed())
    known.update(session.current().credentials)
    for wanted in (path, server, ""):
        found = known.get((kind, wanted))
        if found is not None:
            return {name: strip(force(value)) for name, value in dict(found).items()}
    return None


def _filed() -> dict[tuple[str, str], Any]:
    name = os.environ.get("MLANG_CREDENTIALS")
    if not name:
        return {}
    import json

    try:
        with open(name, encoding="utf-8") as stream:
            found = json.load(stream)
    except (OSError, ValueError):
        raise errors.credentials_file(name) from None
    if not isinstance(found, dict):
        raise errors.credentials_file(name)
    return {tuple(key.partition(" ")[::2]): value for key, value in found.items()}


# ---------------------------------------------------------------- tables and queries


class SqlSource(Source):
    """A table, view or query of a server.

    ``relation`` is what stands after FROM.  ``place`` is the SQL of the row order, of the storage
    ``place_storage``; ``place_windowed`` says that it is a window function; ``keys`` are the names of the primary
    key.  ``ordered`` is the ORDER BY of a plain scan that gives the same order ("" when the engine does).  A source
    that is not ``foldable`` is read whole.
    """

    __slots__ = (
        "columns",
        "foldable",
        "keys",
        "label",
        "ordered",
        "place",
        "place_storage",
        "relation",
        "server",
    )

    def __init__(
        self, server: Server, relation: str, columns: list[Column], label: str, *, place: str, place_storage: str,
        ordered: str = "", keys: tuple[str, ...] = (), foldable: bool = True,
    ) -> None:  # fmt: skip
        self.server, self.relation, self.columns, self.label = server, relation, columns, label
        self.place, self.place_storage, self.ordered = place, place_storage, ordered
        self.keys, self.foldable = keys, foldable

    def query(self, columns: list[str] | None, limit: int | None) -> tuple[str, list[Column]]:
        """The SELECT of a plain scan, and its columns."""
        known = {c.name: c for c in self.columns}
        chosen = self.columns if columns is None else [known[name] for name in columns]
        wires = self.server.wires
        items = [wires[c.storage].template.format(c.expression) for c in chosen] or ["1"]
        text = f"SELECT {', '.join(items)} FROM {self.relation}"
        if self.ordered:
            text += f" ORDER BY {self.ordered}"
        if limit is not None:
            text = self.limited(text, int(limit))
        return text, chosen

    def limited(self, text: str, limit: int) -> str:
        """A query of no more than so many rows."""
        if self.server.dialect == "sqlserver":
            return text.replace("SELECT ", f"SELECT TOP ({limit}) ", 1)
        return f"{text} LIMIT {limit}"

    def batches(self, columns: list[str] | None, limit: int | None) -> Iterator[Batch]:
        text, chosen = self.query(columns, limit)
        decoders = [self.server.wires[c.storage].decode for c in chosen]
        rows = self.server.rows(text)
        try:
            next(rows)
            for part in rows:
                yield decoded(part, decoders)
        except Failure as failure:
            raise self.server.failed(failure) from None

    def row_count(self) -> int | None:
        return None


def decoded(part: list[Any], decoders: list[Callable[[Any], Any] | None]) -> Batch:
    """Rows of a driver as a batch of M cells."""
    if not decoders:
        return Batch([], len(part))
    columns: list[list[Any]] = [list(c) for c in zip(*part, strict=True)] if part else [[] for _ in decoders]
    for index, decode in enumerate(decoders):
        if decode is not None:
            columns[index] = [None if v is None else decode(v) for v in columns[index]]
    return Batch(columns, len(part))


def table_over(source: SqlSource, function: str) -> Table:
    """The M table of a source."""
    row = RecordType([Field(c.name, c.type) for c in source.columns])
    type = TableType(row, (((source.keys), True),) if source.keys else ())
    return Table(Scan(type, source, tuple(c.name for c in source.columns), function))


# ---------------------------------------------------------------- navigation


class Entry:
    """A table or view of the catalogue."""

    __slots__ = ("item", "kind", "name", "open", "schema")

    def __init__(self, name: str, schema: str, item: str, kind: str, open: Callable[[], Any]) -> None:
        self.name, self.schema, self.item, self.kind, self.open = name, schema, item, kind, open


def navigation(entries: list[Entry], hierarchical: bool) -> Table:
    """The navigation table: one row per table, or (``hierarchical``) one per schema."""
    if not hierarchical:
        columns: list[list[Any]] = [
            [e.name for e in entries], [Thunk(e.open) for e in entries], [e.schema for e in entries],
            [e.item for e in entries], [e.kind for e in entries],
        ]  # fmt: skip
        listing = table_type(["Name", "Data", "Schema", "Item", "Kind"], [TEXT, TABLE, TEXT, TEXT, TEXT])
        return Table(Values(TableType(listing.row, ((("Schema", "Item"), True),)), columns, len(entries)))
    schemas = list(dict.fromkeys(e.schema for e in entries))
    inner = [_schema_listing([e for e in entries if e.schema == s]) for s in schemas]
    listing = table_type(["Schema", "Data"], [TEXT, TABLE])
    return Table(
        Values(TableType(listing.row, ((("Schema",), True),)), [list(schemas), list(inner)], len(schemas))
    )


def _schema_listing(entries: list[Entry]) -> Table:
    columns: list[list[Any]] = [
        [e.item for e in entries],
        [Thunk(e.open) for e in entries],
        [e.item for e in entries],
        [e.kind for e in entries],
    ]
    listing = table_type(["Name", "Data", "Item", "Kind"], [TEXT, TABLE, TEXT, TEXT])
    return Table(Values(TableType(listing.row, ((("Name",), True),)), columns, len(entries)))


def opened(
    server: Server, chosen: dict[str, Any], entries: Callable[[], list[Entry]],
    query: Callable[[Server, str, bool], Table],
) -> Any:  # fmt: skip
    """What a database function gives: the navigation table, or the rows of its Query option."""
    if chosen["NavigationPropertyNameGenerator"] is not None:
        raise errors.not_supported(server.kind + ".Database", "names for navigation properties")
    if chosen["Query"] is not None:
        return query(server, of_kind(chosen["Query"], "text"), False)
    listing = navigation(entries(), bool(of_kind(chosen["HierarchicalNavigation"], "logical")))

    def native(text: Any, parameters: Any = None, option: Any = None) -> Table:
        settings = options(
            strip(force(option)), "Value.NativeQuery", {"EnableFolding": False, "PreserveTypes": None}
        )
        folding = bool(of_kind(settings["EnableFolding"], "logical"))
        return query(server, bound(server, of_kind(text, "text"), strip(force(parameters))), folding)

    return with_metadata(listing, {"NativeQuery": Function(native, 1, 3)})


# ---------------------------------------------------------------- native queries


def bound(server: Server, text: str, parameters: Any) -> str:
    """A query with its parameters put in as literals: @name and :name of a record, ? of a list."""
    if parameters is None:
        return text
    named = isinstance(parameters, dict)
    fields: dict[str, Any] = parameters if named else {}
    values: list[Any] = [] if named else [force(v) for v in of_kind(parameters, "list")]
    out, place, used = [], 0, 0
    while place < len(text):
        end = _skipped(text, place, server.dialect)
        if end > place:
            out.append(text[place:end])
        elif (
            named
            and text[place] in "@:"
            and text[place + 1 : place + 2].isidentifier()
            and text[place - 1 : place] != text[place]
        ):
            end = place + 2
            while end < len(text) and (text[end].isalnum() or text[end] == "_"):
                end += 1
            name = text[place + 1 : end]
            out.append(literal(server, force(fields[name])) if name in fields else text[place:end])
        elif not named and text[place] == "?":
            if used == len(values):
                raise errors.native_parameters(text.count("?"), len(values))
            out.append(literal(server, values[used]))
            used, end = used + 1, place + 1
        else:
            end = place + 1
            out.append(text[place])
        place = end
    if not named and used != len(values):
        raise errors.native_parameters(used, len(values))
    return "".join(out)


def _skipped(text: str, place: int, dialect: str) -> int:
    """Where a quoted text, name or comment that begins here ends; ``place`` when none does."""
    for begin, end in (("--", "\n"), ("/*", "*/")):
        if text.startswith(begin, place):
            stop = text.find(end, place + 2)
            return len(text) if stop < 0 else stop + len(end)
    if dialect == "postgres":
        import re

        found = re.compile(
            r"(\$(?:[A-Za-z_]\w*)?\$).*?(?:\1|\Z)|[eE]'(?:\\.|''|[^'\\])*(?:'|\Z)", re.S
        ).match(text, place)
        if found is not None and not (place and (text[place - 1].isalnum() or text[place - 1] in "_$")):
            return found.end()
    quotes = {"'": "'", '"': '"', "`": "`", "[": "]" if dialect in ("sqlserver", "sqlite") else ""}
    close = quotes.get(text[place], "")
    if not close:
        return place
    stop = text.find(close, place + 1)
    return len(text) if stop < 0 else stop + 1


def literal(server: Server, value: Any) -> str:
    """An M value as a literal of the engine."""
    from mlang.values.kinds import is_number, kind_of

    value = strip(value)
    if value is None:
        return "NULL"
    if is_number(value):
        if value.__class__ is float and not (abs(value) < 2.0**53 and value.is_integer()):
            if value != value or abs(value) == float("inf"):
                raise errors.not_supported("Value.NativeQuery", "a parameter that is no finite number")
            return repr(value) if "e" in repr(value) else f"{value!r}e0"
        return str(int(value)) if value == int(value) else str(value)
    kind = kind_of(value)
    if kind == "text":
        return server.text(value)
    if kind == "logical":
        plain = "1" if value else "0"
        return plain if server.dialect in ("sqlite", "sqlserver") else ("TRUE" if value else "FALSE")
    if kind == "binary":
        return {"postgres": "'\\x{}'::bytea", "sqlserver": "0x{}"}.get(server.dialect, "X'{}'").format(
            value.hex()
        )
    if kind in ("date", "time", "datetime"):
        return f"{_TEMPORAL[kind] if server.dialect in ('postgres', 'mysql') else ''}'{temporal_text(value, kind)}'"
    raise errors.not_supported("Value.NativeQuery", f"a parameter of kind {kind}")


_TEMPORAL = {"date": "DATE ", "time": "TIME ", "datetime": "TIMESTAMP "}


def temporal_text(value: Any, kind: str) -> str:
    """A date, time or datetime as SQL spells it, to the microsecond."""
    day = clock = ""
    if kind != "time":
        year, month, number = value.ymd
        day = f"{year:04}-{month:02}-{number:02}"
    if kind != "date":
        clock = f"{value.hour:02}:{value.minute:02}:{value.second:02}"
        if value.fraction // 10:
            clock += f".{value.fraction // 10:06}"
    return f"{day} {clock}".strip()
