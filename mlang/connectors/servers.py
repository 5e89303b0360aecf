"""Servers of databases: one database as a user named it, its connections, its failures, its credentials.

A `Server` has a driver behind it (`postgresql.py`, `mysql.py`, `sql.py`, `sqlite.py`).  A few connections of each
login are kept for the next query.  Credentials: see `credential`.  Read ``databases.py`` next: tables as sources.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from typing import Any

from mlang import errors, session
from mlang.library.arguments import of_kind
from mlang.values.metadata import strip
from mlang.values.thunk import force

#: Rows per batch.
ROWS = 8_192
_SECOND = 10_000_000
#: How long a query may run unless CommandTimeout says otherwise: ten minutes.
_PATIENCE = 600.0


class Wire:
    """How a column travels: what to select (``{}`` is the column) and how a cell that is not null is read."""

    __slots__ = ("decode", "template")

    def __init__(self, template: str = "{}", decode: Callable[[Any], Any] | None = None) -> None:
        self.template, self.decode = template, decode


class Failure(Exception):
    """What a driver raised, in the server's words; ``refused`` when the login was at fault.

    ``lost`` says that the connection broke or the query was stopped: nobody may try it again in another way, as
    the rows may have another order then, and whoever stopped it meant it.
    """

    def __init__(
        self, message: str, code: str = "", refused: bool = False, sql: str = "", lost: bool = False
    ) -> None:
        super().__init__(message)
        self.message, self.code, self.refused, self.sql, self.lost = message, code, refused, sql, lost


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
        self.watched(connection)
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

    def watched(self, connection: Any) -> None:
        """Says whose query whoever stops the evaluation has to stop."""
        session.current().fixed["folding.cursor"] = _Running(self, connection)

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
        self.server, self.connection, self.session = server, connection, session.current()

    def interrupt(self) -> None:
        """Stops the query; in its own session, as whoever stops it may be in none and has no credentials then."""
        with session.use(self.session):
            try:
                self.server.interrupt(self.connection)
            except Failure:
                return  # no second connection to be had: the query ends by itself, or at its time limit


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
    if "@" in server:
        raise errors.login_in_server()
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
    if not isinstance(found, dict) or not all(isinstance(value, dict) for value in found.values()):
        raise errors.credentials_file(name)
    return {tuple(key.partition(" ")[::2]): value for key, value in found.items()}
