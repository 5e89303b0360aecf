"""Tables in real databases for tests: one engine, how its types are written, and M values as literals of it."""

from __future__ import annotations

import atexit
import contextlib
import functools
import os
import tempfile
from typing import Any

import pytest
from database_servers import Missing, mariadb, postgres

import mlang
from mlang.connectors.native import temporal_text
from mlang.connectors.servers import close_idle
from mlang.session import Session, use
from mlang.values.kinds import kind_of
from mlang.values.thunk import force

CREDENTIALS = {("PostgreSQL", ""): {"Username": "tester"}, ("MySQL", ""): {"Username": "tester"}}


class Engine:
    """A database to make tables in; ``source`` is the M that opens it."""

    types: dict[str, str]
    name = ""

    def __init__(self, source: str, schema: str) -> None:
        self.source, self.schema = source, schema
        self.known: set[str] = set()

    def run(self, *statements: str) -> None:
        """Runs statements and commits them."""
        raise NotImplementedError

    def quoted(self, name: str) -> str:
        return '"' + name + '"'

    def literal(self, value: Any) -> str:
        """An M value as a literal that keeps every bit."""
        if value is None:
            return "NULL"
        kind = kind_of(value)
        if kind == "number":
            return self.number(value)
        if kind == "text":
            return self.text(value)
        if kind == "logical":
            return "TRUE" if value else "FALSE"
        assert kind in ("date", "datetime"), kind
        return f"'{temporal_text(value, kind)}'"

    def number(self, value: float) -> str:
        raise NotImplementedError

    def text(self, value: str) -> str:
        return "'" + value.replace("'", "''") + "'"

    def make(self, name: str, columns: dict[str, str], rows: list[list[Any]]) -> str:
        """A new table of columns (name to kind) with an id before them; the M that reads it."""
        declared = ", ".join(f"{self.quoted(n)} {self.type_of(k)}" for n, k in columns.items())
        inserts = []
        for start in range(0, len(rows), 500):
            part = [
                f"({i + 1}, {', '.join(self.literal(v) for v in row)})"
                for i, row in enumerate(rows[start : start + 500], start)
            ]
            inserts.append(f"INSERT INTO {self.quoted(name)} VALUES {', '.join(part)}")
        key = self.quoted("#")
        self.run(
            f"DROP TABLE IF EXISTS {self.quoted(name)}",
            f"CREATE TABLE {self.quoted(name)} ({key} {self.types['key']}, {declared})", *inserts,
        )  # fmt: skip
        return self.reads(name)

    def type_of(self, kind: str) -> str:
        """The type of a kind; with a mark, or called sure, it holds no nulls."""
        sure = kind.endswith("!") or kind.startswith("sure_")
        return self.types[kind.rstrip("!").removeprefix("sure_")] + (" NOT NULL" if sure else "")

    def reads(self, name: str) -> str:
        return f'{self.source}{{[Schema = "{self.schema}", Item = "{name}"]}}[Data]'

    def holds(self, kind: str, value: Any) -> bool:
        """Whether the engine can store a value."""
        if kind in ("whole", "sure_whole"):
            return value is None or abs(value) < 2**31
        return True

    def session(self, engine: str = "auto") -> Session:
        return Session(culture="en-US", time_zone="UTC", engine=engine, credentials=CREDENTIALS)

    def evaluate(self, m: str, engine: str = "auto") -> Any:
        return mlang.evaluate(m, engine=engine, culture="en-US", credentials=CREDENTIALS)


class Postgres(Engine):
    name = "PostgreSQL"
    types = {  # noqa: RUF012
        "key": "integer PRIMARY KEY", "number": "double precision", "whole": "integer", "text": "text", "date": "date",
        "datetime": "timestamp", "logical": "boolean", "sure": "text NOT NULL",
    }  # fmt: skip

    def __init__(self, host: str, port: int) -> None:
        super().__init__(
            f'PostgreSQL.Database("{host}:{port}", "postgres", [CreateNavigationProperties = false])',
            "public",
        )
        import psycopg

        self.connection = psycopg.connect(
            host=host, port=port, user="tester", dbname="postgres", autocommit=True
        )

    def run(self, *statements: str) -> None:
        for statement in statements:
            self.connection.execute(statement)

    def number(self, value: float) -> str:
        return f"'{value!r}'::float8"

    def holds(self, kind: str, value: Any) -> bool:
        return super().holds(kind, value) and not (value.__class__ is str and "\0" in value)


class Sqlite(Engine):
    name = "SQLite"
    types = {  # noqa: RUF012
        "key": "INTEGER PRIMARY KEY", "number": "REAL", "whole": "INTEGER", "text": "TEXT", "date": "DATE",
        "datetime": "TIMESTAMP", "logical": "BOOLEAN", "sure": "TEXT NOT NULL",
    }  # fmt: skip

    def __init__(self, path: str) -> None:
        super().__init__(f'SQLite.Database("{path}", [CreateNavigationProperties = false])', "main")
        import sqlite3

        self.connection = sqlite3.connect(path, isolation_level=None)

    def run(self, *statements: str) -> None:
        self.connection.execute("BEGIN")
        for statement in statements:
            self.connection.execute(statement)
        self.connection.execute("COMMIT")

    def number(self, value: float) -> str:
        return {"inf": "9e999", "-inf": "-9e999"}.get(repr(value), repr(value))

    def holds(self, kind: str, value: Any) -> bool:
        if value.__class__ is float and value != value:
            return False  # SQLite stores NaN as null
        return super().holds(kind, value) and not (value.__class__ is str and "\0" in value)


class MariaDb(Engine):
    name = "MySQL"
    types = {  # noqa: RUF012
        "key": "integer PRIMARY KEY", "number": "double", "whole": "integer", "text": "text", "date": "date",
        "datetime": "datetime(6)", "logical": "boolean", "sure": "text NOT NULL",
    }  # fmt: skip

    def __init__(self, host: str, port: int) -> None:
        super().__init__(
            f'MySQL.Database("{host}:{port}", "test", [CreateNavigationProperties = false])', "test"
        )
        import pymysql

        self.connection = pymysql.connect(
            host=host, port=port, user="tester", database="test", autocommit=True, charset="utf8mb4"
        )

    def run(self, *statements: str) -> None:
        with self.connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)

    def quoted(self, name: str) -> str:
        return f"`{name}`"

    def text(self, value: str) -> str:
        return "'" + value.replace("\\", "\\\\").replace("'", "''").replace("\0", "\\0") + "'"

    def number(self, value: float) -> str:
        return repr(value) if "e" in repr(value) else f"{value!r}e0"

    def holds(self, kind: str, value: Any) -> bool:
        if value.__class__ is float and (value != value or abs(value) == float("inf")):
            return False  # there are no such doubles
        return super().holds(kind, value)


_STACK = contextlib.ExitStack()
atexit.register(_STACK.close)


@functools.cache
def engine_named(name: str) -> Engine | str:
    """The engine, its server started at first use and stopped when the tests end; else why it is missing."""
    if name == "SQLite":
        folder = _STACK.enter_context(tempfile.TemporaryDirectory())
        return Sqlite(os.path.join(folder, "a.db"))
    try:
        host, port = _STACK.enter_context(postgres() if name == "PostgreSQL" else mariadb())
    except Missing as why:
        return str(why)
    made: Any = Postgres(host, port) if name == "PostgreSQL" else MariaDb(host, port)
    _STACK.callback(made.connection.close)
    _STACK.callback(close_idle)
    return made


def engine_or_skip(name: str) -> Engine:
    """The engine; the test is skipped, visibly, where its server is missing."""
    found = engine_named(name)
    if isinstance(found, str):
        pytest.skip(f"{name}: {found}")
    return found


def values_of(ms: list[str]) -> list[Any]:
    """M literals as values."""
    with use(Session(culture="en-US", time_zone="UTC")):
        return [force(v) for v in mlang.evaluate("{" + ", ".join(ms) + "}")]
