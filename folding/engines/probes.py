"""What a server is asked before anything is folded to it: does each form give there what it gives here?

A probe is an expression (``samples.py``) over a few rows of odd values that the server computes and the interpreter
computes too.  A form that differs, or that the server refuses, is not used there.  Asked once per server version and
settings; all probes in one query, if that runs.  The answers are kept in the user's cache folder.
"""

from __future__ import annotations

import json
import os
from functools import cache
from pathlib import Path
from typing import Any

from mlang import session as sessions
from mlang.connectors.databases import Column, SqlSource, table_over
from mlang.connectors.native import temporal_text
from mlang.connectors.servers import Failure, Server
from mlang.errors import MError
from mlang.tables import plan as p
from mlang.tables.local import run_local
from mlang.tables.table import Table
from mlang.values import types as mtypes
from mlang.values.thunk import error_of, force

_STORAGES = {
    "number": "DOUBLE", "whole": "BIGINT", "text": "VARCHAR", "date": "DATE", "datetime": "TIMESTAMP",
    "logical": "BOOLEAN",
}  # fmt: skip
#: Answers by dialect, version and settings.
_KNOWN: dict[str, frozenset[str]] = {}
_asking: list[bool] = []


def refused_forms(server: Server) -> frozenset[str]:
    """Names of the forms that this server does otherwise; none for one that cannot be asked."""
    if _asking or server.dialect == "sqlserver":
        return frozenset()
    kept = sessions.current().fixed
    place = ("probes", server.key())
    if place not in kept:
        key = f"{server.dialect} {server.version()} {_made_of()}"
        if key not in _KNOWN:
            _KNOWN.update(_read())
        if key not in _KNOWN:
            _asking.append(True)
            try:
                _KNOWN[key] = _asked(server)
            finally:
                _asking.pop()
            _write()
        kept[place] = _KNOWN[key]
    found: frozenset[str] = kept[place]
    return found


@cache
def _made_of() -> str:
    """What changes when the probes or the forms change."""
    from hashlib import sha256

    found = sha256()
    folder = Path(__file__).parent.parent
    for file in sorted(folder.glob("**/*.py")):
        found.update(f"{file.relative_to(folder).as_posix()}\n".encode() + file.read_bytes())
    return found.hexdigest()[:16]


def _file() -> Path:
    """Where answers are kept between processes."""
    folder = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return Path(folder, "mlang", "probes.json")


def _read() -> dict[str, frozenset[str]]:
    try:
        found = json.loads(_file().read_text(encoding="utf-8"))
        return {key: frozenset(names) for key, names in found.items()}
    except (OSError, ValueError, AttributeError, TypeError):
        return {}  # no answers, or none that can be read: ask again


def _write() -> None:
    """Keeps the answers of the newest servers; a folder that cannot be written is no reason to fail."""
    file = _file()
    newest = dict(list(_KNOWN.items())[-20:])
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        part = file.with_suffix(f".{os.getpid()}")
        part.write_text(json.dumps({k: sorted(v) for k, v in newest.items()}), encoding="utf-8")
        part.replace(file)
    except OSError:
        return


def probe_table(server: Server) -> Table:
    """The rows of the probes as a table of the server that is written in the query."""
    from folding.engines.remote import renderer_class
    from folding.engines.samples import KINDS

    printer = renderer_class(server.dialect)({})
    rows = []
    for number, row in enumerate(_rows()):
        cells = [_literal(printer, kind, v) for kind, v in zip(KINDS.values(), row, strict=True)]
        items = [f"{number} AS k", *[f"{c} AS {n}" for n, c in zip(KINDS, cells, strict=True)]]
        rows.append("SELECT " + ", ".join(items))
    relation = f"({' UNION ALL '.join(rows)}) AS q"
    collation = {"postgres": ' COLLATE "C"', "mysql": ""}.get(server.dialect, "")
    columns = [
        Column(
            name, mtypes.nullable(mtypes.primitive("number" if kind == "whole" else kind)),
            f"q.{name}{collation if kind == 'text' else ''}", _STORAGES[kind], "number" if kind == "whole" else kind,
            {"nullable": name not in ("u", "v", "m"), "nonan": kind == "whole", "int53": kind == "whole"},
        )
        for name, kind in KINDS.items()
    ]  # fmt: skip
    source = SqlSource(
        server, relation, columns, "probes", place="q.k", place_storage="BIGINT", ordered="q.k"
    )
    return table_over(source, "probes")


class _Nowhere(Server):
    """No server: for what is printed only."""

    def __init__(self, dialect: str) -> None:
        super().__init__("nowhere")
        self.dialect = dialect
        self.wires = _wires(dialect)


def _wires(dialect: str) -> Any:
    from mlang.connectors.mysql import MySqlServer
    from mlang.connectors.postgresql import PostgresServer
    from mlang.connectors.sql import SqlServer
    from mlang.connectors.sqlite import SqliteServer

    servers = {
        "postgres": PostgresServer,
        "mysql": MySqlServer,
        "sqlserver": SqlServer,
        "sqlite": SqliteServer,
    }
    found: Any = servers[dialect]
    return found.wires


def printed(dialect: str, text: str) -> bool:
    """Whether an expression over the probe's table T has a form in a dialect; no server is asked."""
    import mlang
    from folding.engines.remote import RemoteQuery, compiled
    from folding.terms import Unfoldable

    _asking.append(True)
    try:
        with sessions.use(sessions.Session(culture="en-US", time_zone="UTC")):
            made = mlang.evaluate(f"(T) => {text}", culture="en-US").fn(probe_table(_Nowhere(dialect)))
            RemoteQuery(*compiled(made.plan))
        return True
    except Unfoldable:
        return False
    finally:
        _asking.pop()


def _rows() -> list[list[Any]]:
    """The grid as M values."""
    import mlang
    from folding.engines.samples import ROWS

    with sessions.use(sessions.Session(culture="en-US", time_zone="UTC", engine="none")):
        return [
            [force(v) for v in force(row)]
            for row in mlang.evaluate("{" + ", ".join(ROWS) + "}", engine="none")
        ]


def _literal(printer: Any, kind: str, value: Any) -> str:
    """A cell of the grid, typed."""
    if value is None:
        return str(printer.cast(_null(), _STORAGES[kind]).sql)
    if kind == "number":
        return str(printer.number(value).sql)
    if kind == "whole":
        return str(printer.cast(_whole(value), "BIGINT").sql)
    if kind == "logical":
        return str(printer.true if value else printer.false)
    text = value if kind == "text" else temporal_text(value, kind)
    return str(printer.constant(text, _STORAGES[kind]).sql)


def _null() -> Any:
    from folding.engines.renderer import Typed

    return Typed("NULL", "NULL")


def _whole(value: float) -> Any:
    from folding.engines.renderer import Typed

    return Typed(str(int(value)), "BIGINT")


def added(table: Table, expressions: list[str]) -> p.Plan:
    """The table with a column per expression, and only those."""
    import mlang

    text = "T"
    for number, expression in enumerate(expressions):
        text = f'Table.AddColumn({text}, "p{number}", each {expression})'
    names = ", ".join(f'"p{number}"' for number in range(len(expressions)))
    with sessions.use(sessions.Session(culture="en-US", time_zone="UTC")):
        made = mlang.evaluate(f"(T) => Table.SelectColumns({text}, {{{names}}})", culture="en-US").fn(table)
        plan: p.Plan = made.plan
    return plan


def _asked(server: Server) -> frozenset[str]:
    from folding.engines.remote import RemoteQuery, compiled
    from folding.engines.samples import FUNCTIONS, OPERATORS
    from folding.terms import Unfoldable

    table = probe_table(server)
    waiting = []
    for expression in [*OPERATORS.values(), *FUNCTIONS.values()]:
        plan = added(table, [expression])
        try:
            waiting.append((expression, RemoteQuery(*compiled(plan))))
        except Unfoldable:
            continue
    differ: list[frozenset[str]] = []
    proven: set[str] = set()
    for (_, query), fits in zip(waiting, _fitting(table, waiting), strict=True):
        if fits:
            proven |= query.forms
        else:
            differ.append(query.forms)
    # those that only stand where something differs, or all where each is right elsewhere
    return frozenset(name for forms in differ for name in forms - proven or forms)


def _fitting(table: Table, waiting: list[tuple[str, Any]]) -> list[bool]:
    """Per probe whether it fits: all in one query, in two halves where that does not run."""
    from folding.engines.remote import RemoteQuery, compiled
    from folding.terms import Unfoldable

    if not waiting:
        return []
    expressions = [expression for expression, _ in waiting]
    if len(waiting) == 1:
        return _same(waiting[0][1], table, expressions) or [False]
    try:
        right = _same(RemoteQuery(*compiled(added(table, expressions))), table, expressions)
    except Unfoldable:  # side by side they are too much for one query
        right = []
    half = len(waiting) // 2
    return right or [*_fitting(table, waiting[:half]), *_fitting(table, waiting[half:])]


def _same(query: Any, table: Table, expressions: list[str]) -> list[bool]:
    """Per expression whether the server's cells are the interpreter's; nothing when the query fails there."""
    try:
        found = [batch.columns for batch in query.batches()]
    except Failure:
        return []
    local = added(Table(_values(table)), expressions)
    expected = [batch.columns for batch in run_local(local, None, None)]
    columns = len(expressions)
    return [
        all(_equal(a, b) for a, b in zip(_cells(found, i), _cells(expected, i), strict=True))
        for i in range(columns)
    ]


def _values(table: Table) -> p.Plan:
    rows = _rows()
    return p.Values(table.plan.schema, [list(column) for column in zip(*rows, strict=True)], len(rows))


def _cells(batches: list[Any], place: int) -> list[Any]:
    return [cell for columns in batches for cell in columns[place]]


def _equal(a: Any, b: Any) -> bool:
    """The same M value, bit for bit."""
    try:
        if error_of(a) is not None or error_of(b) is not None:
            return False
        a, b = force(a), force(b)
    except MError:
        return False
    if a.__class__ is float and b.__class__ is float:
        return bool(a.hex() == b.hex())
    return bool(a.__class__ is b.__class__ and a == b)
