"""A query as it is shown to people: its text, the statements to run before it, and what its odd parts mean.

The text of what runs is no text to take away: a name like ``file1`` is a file that this process attached, and
where M raises, or does something that no SQL does, the query stops on purpose and the interpreter goes on.  So
whoever shows a query shows a `Shown`: ``setup`` makes the names known to a DuckDB of one's own, ``remarks`` say
the rest in words.  Logins are in none of them.  Read ``readable.py`` for the names of columns and steps.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from attrs import frozen
from sqlglot import exp

from folding import terms as t
from folding.csv_source import CsvOrigin
from folding.engines.database import DIALECT, attaching, setting
from folding.sources import ArrowOrigin, DatabaseOrigin, Leaf, ParquetOrigin
from folding.streaming import StreamOrigin
from folding.structures import Fields
from mlang.connectors.duckdb import INSTANTS_IN

if TYPE_CHECKING:
    from folding.engines.duckdb import Query
    from folding.engines.remote import RemoteQuery

#: What a query of a server says to stop: no value of any table makes it succeed.
_FAILURES = {
    "sqlite": "m_error()", "postgres": "concat('M', random())", "mysql": "exp(10000 + ", "sqlserver": "+ N'M'",
}  # fmt: skip
_QUOTED = re.compile(r"'[^']*'|`[^`]*`|\"[^\"]*\"")
_OWN = re.compile(r"\bm_[a-z_]+(?=\()")


@frozen
class Shown:
    """The statement ``sql`` alone, what to run before it, and sentences about it."""

    sql: str
    setup: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()

    def script(self) -> str:
        """All of it as one text that runs: sentences as comments, each statement closed if there are several."""
        lines = [f"-- {line}" for remark in self.remarks for line in remark.splitlines()]
        if not self.setup:
            return "\n".join([*lines, self.sql])
        return "\n".join([*lines, *(f"{statement};" for statement in self.setup), "", f"{self.sql};"])


def of_duckdb(query: Query, tree: Any, text: str) -> Shown:
    """A query of DuckDB, its tree and text made readable."""
    leaves = list(dict.fromkeys(s for s in query.relation.sources() if isinstance(s, Leaf)))
    read = {table.name for table in tree.find_all(exp.Table)}
    remarks = [*_unreadable(leaves, read), *_stops(tree)]
    late = [f"x{i}" for i, c in enumerate(query.columns, 1) if c.text is not None]
    if late:
        remarks.append(
            f"{_listed(late)}: the text of a cell that did not convert, else null; "
            "the interpreter converts these cells, or makes M's error of them."
        )
    remarks += _meanings(query)
    return Shown(text, tuple(_setup(leaves)), tuple(remarks))


def _meanings(query: Query) -> Iterable[str]:
    """What columns of the result hold where SQL has no such values."""
    names = (
        query.schema.names if query.schema is not None else [f"c{i + 1}" for i in range(len(query.columns))]
    )
    found: dict[str, list[str]] = {}
    for name, column in zip(names, query.columns, strict=True):
        term = column.term
        if isinstance(term.inside, Fields) and term.inside.keys != term.inside.names:
            fields = (
                f"{key} is {field}" for key, field in zip(term.inside.keys, term.inside.names, strict=True)
            )
            found.setdefault(f"a record, of which {_listed([*fields])}", []).append(name)
        elif isinstance(term.inside, t.Mixed):
            found.setdefault("c1 where the number is a decimal, else c2", []).append(name)
        elif term.kind == "datetimezone":
            found.setdefault(
                "the instant in UTC (u), and the minutes that the clock is ahead of it (o)", []
            ).append(name)
        elif term.kind in ("datetime", "duration") and term.storage == "BIGINT":
            since = " since 0001-01-01" if term.kind == "datetime" else ""
            found.setdefault(f"in ticks of 100 nanoseconds{since}", []).append(name)
    for meaning, columns in found.items():
        yield f"{_listed(columns)}: {meaning}."


def _setup(leaves: list[Leaf]) -> Iterable[str]:
    """The statements that make the names of a query known."""
    for leaf in {leaf.catalog: leaf for leaf in leaves if isinstance(leaf, DatabaseOrigin)}.values():
        yield attaching(leaf.source.path, leaf.catalog).sql(DIALECT)
    files = [leaf.source for leaf in leaves if isinstance(leaf, (DatabaseOrigin, ParquetOrigin))]
    if any(type.kind == "datetimezone" for source in files for type in source.types.values()):
        yield setting("TimeZone", INSTANTS_IN).sql(DIALECT)


def _unreadable(leaves: list[Leaf], read: set[str]) -> Iterable[str]:
    """What stands for rows that no other DuckDB has."""
    for leaf in leaves:
        if isinstance(leaf, (ArrowOrigin, StreamOrigin)) and leaf.name in read:
            yield f"{leaf.name} stands for rows in this process's memory ({leaf.label})."
        elif isinstance(leaf, CsvOrigin) and leaf.streamed:
            yield (
                f"The interpreter's reader reads {leaf.source.path} while the query runs; "
                "READ_CSV says how DuckDB would, if the file keeps to the usual form."
            )


def _stops(tree: Any) -> Iterable[str]:
    """What the marks mean that stop the query."""
    marks = []
    if any(node.name.lower() == "error" for node in tree.find_all(exp.Anonymous)):
        marks.append("ERROR('M')")
    if any(t.is_stop(node) for node in tree.find_all(exp.Cast)):
        marks.append("CAST('M' || …)")
    if marks:
        stop = "stop" if len(marks) > 1 else "stops"
        yield (
            f"{' and '.join(marks)} {stop} the query on purpose, at values of which only the interpreter "
            "knows what M makes; it then computes the rows, or raises M's error."
        )


def of_server(query: RemoteQuery) -> Shown:
    """A query of a database's own SQL."""
    server, text = query.server, query.sql
    remarks = [f"Runs in the database {server.path}."]
    failure = _FAILURES.get(server.dialect)
    if failure is not None and failure in text:
        remarks.append(
            f"{failure.strip(' +')} stops the query on purpose, at values of which only the interpreter knows what M "
            "makes; it then computes the rows, or raises M's error."
        )
    own = sorted(set(_OWN.findall(_QUOTED.sub("", text))) - {"m_error"}) if server.dialect == "sqlite" else []
    if own:
        is_are = "is a function" if len(own) == 1 else "are functions"
        remarks.append(f"{_listed(own)} {is_are} that the connection of this process adds to SQLite.")
    if query.checks is not None:
        remarks.append("Before it, the database is asked whether the columns hold values that M has not.")
    return Shown(text, (), tuple(remarks))


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
