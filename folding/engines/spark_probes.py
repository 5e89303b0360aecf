"""What a Spark server is asked before anything is folded to it: each form over odd values, as ``probes.py`` does.

The values are sent as Arrow data, so the query is over a view like any other.  Answers are kept per dialect and
version.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from attrs import evolve

from folding.engines.probes import _KNOWN, _cells, _equal, _made_of, _read, _rows, _write, added
from folding.engines.samples import FUNCTIONS, KINDS, OPERATORS
from folding.engines.spark_server import Refusal, SparkServer
from folding.terms import Unfoldable
from mlang import session as sessions
from mlang.connectors.sources import ArrowSource
from mlang.tables import plan as p
from mlang.tables.local import run_local
from mlang.tables.table import Table
from mlang.values import types as mtypes


def refused_forms(server: SparkServer) -> frozenset[str]:
    """Names of the forms that this server does otherwise."""
    key = f"{server.dialect} {server.version} {_client()} {_made_of()}"
    if key not in _KNOWN:
        _KNOWN.update(_read())
    if key not in _KNOWN:
        _KNOWN[key] = frozenset(_asked(server))
        _write()
    return _KNOWN[key]


def _client() -> str:
    """Sail says of Spark which version it speaks; its own is that of its package, if it is here."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("pysail")
    except PackageNotFoundError:
        return ""


@cache
def probe_table() -> Table:
    """The rows of the probes as Arrow data."""
    import pyarrow as pa

    from folding import types

    arrays = []
    for cells, kind in zip(zip(*_rows(), strict=True), KINDS.values(), strict=True):
        array = types.to_arrow(list(cells), "number" if kind == "whole" else kind)
        arrays.append(array.cast(pa.int64()) if kind == "whole" else array)
    named = {n: mtypes.nullable(mtypes.primitive("number" if k == "whole" else k)) for n, k in KINDS.items()}
    data = pa.table(arrays, names=list(KINDS))
    source = ArrowSource(lambda: data, named, data=data, rows=data.num_rows, label="probes")
    schema = mtypes.TableType(mtypes.RecordType(mtypes.Field(n, type) for n, type in named.items()))
    return Table(p.Scan(schema, source, tuple(KINDS), "probes"))


def query(expressions: list[str], server: SparkServer | None, dialect: str = "spark") -> Any:
    """The query of some expressions over the probe's rows; all forms are on."""
    from folding.engines.spark import compiled
    from folding.engines.spark_query import SparkQuery

    with sessions.use(sessions.Session(culture="en-US", time_zone="UTC")):
        return SparkQuery(
            compiled(added(probe_table(), expressions)), server, off=frozenset(), dialect=dialect
        )


def printed(dialect: str, text: str) -> bool:
    """Whether an expression over the probe's table T has a form in a dialect; no server is asked."""
    import mlang
    from folding.engines.spark import compiled
    from folding.engines.spark_query import SparkQuery

    try:
        with sessions.use(sessions.Session(culture="en-US", time_zone="UTC")):
            made = mlang.evaluate(f"(T) => {text}", culture="en-US").fn(probe_table())
            SparkQuery(compiled(made.plan), dialect=dialect)
        return True
    except Unfoldable:
        return False


def _asked(server: SparkServer) -> set[str]:
    """The forms whose probes differ; all probes in one query if that runs, else in halves."""
    waiting = []
    for expression in [*OPERATORS.values(), *FUNCTIONS.values()]:
        try:
            waiting.append((expression, query([expression], server)))
        except Unfoldable:
            continue
    wrong: set[str] = set()
    stack = [waiting]
    while stack:
        part = stack.pop()
        if not part:
            continue
        answers = _right(part, server)
        if answers is None:
            if len(part) == 1:
                wrong.update(part[0][1].forms)
            else:
                stack += [part[: len(part) // 2], part[len(part) // 2 :]]
            continue
        for (_, asked), right in zip(part, answers, strict=True):
            if not right:
                wrong.update(asked.forms)
    return wrong


def _together(queries: list[Any], server: SparkServer) -> Any:
    """One query of the outputs of several, over the rows of the first: steps on top of each other would be that
    many queries inside each other, which Spark takes a minute to look through."""
    from folding.engines.spark_query import SparkQuery

    base = queries[0].relation
    if any(q.relation.origin.alias != base.origin.alias or q.relation.where for q in queries):
        raise Unfoldable("probes that are no outputs of the rows alone")
    columns = tuple(q.relation.columns[0] for q in queries)
    return SparkQuery(evolve(base, columns=columns), server, off=frozenset())


def _right(asked: list[tuple[str, Any]], server: SparkServer) -> list[bool] | None:
    """Per expression whether the server's cells are the interpreter's; None when the query fails there."""
    expressions = [expression for expression, _ in asked]
    try:
        with sessions.use(sessions.Session(culture="en-US", time_zone="UTC")):
            found = [batch.columns for batch in _together([q for _, q in asked], server).batches()]
    except (Refusal, Unfoldable):
        return None
    with sessions.use(sessions.Session(culture="en-US", time_zone="UTC", engine="none")):
        local = added(probe_table(), expressions)
        expected = [batch.columns for batch in run_local(local, None, None)]
        return [
            all(_equal(a, b) for a, b in zip(_cells(found, i), _cells(expected, i), strict=True))
            for i in range(len(expressions))
        ]
