"""What the front door in ``mlang/__init__.py`` does: sessions, engines, conversion to Python.

Lives in ``app`` because it may import upward (folding), lazily.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from os import PathLike

from mlang.compile.entry import Document, run
from mlang.session import _CURRENT, Session, current
from mlang.values.kinds import kind_of
from mlang.values.metadata import strip
from mlang.values.related import related_kind
from mlang.values.thunk import Thunk, force

TYPE_CHECKING = False
if TYPE_CHECKING:  # typing costs more to import than all of this
    from typing import Any


def open_session(**settings: Any) -> Session:
    """A session whose tables are run by the folding runner unless ``engine="none"``."""
    session = Session(**settings)
    if session.runner is None and session.engine != "none":
        session.runner = folding_runner
    session.workspace_reader = _workspace_reader
    session.sql_translator = _sql_translator
    return session


def _sql_translator(sql: str, names: Iterable[str]) -> str:
    from folding.sql_to_m import translate

    return translate(sql, names)


def _workspace_reader(session: Session) -> Any:
    from staging.reader import reader_of

    return reader_of(session)


@cache  # an import statement takes time that grows with the generators around it
def _local_classes() -> tuple[Any, Any, Any]:
    from mlang.tables.local import run_local
    from mlang.tables.plan import Rows, Values

    return Rows, Values, run_local


def folding_runner(plan: Any, columns: list[str] | None = None, limit: int | None = None) -> Iterator[Any]:
    """Runs a plan: small data in memory by the interpreter, everything else through ``folding``."""
    Rows, Values, run_local = _local_classes()
    stack, rows = [plan], 0
    while stack:
        node = stack.pop()
        if not node.inputs and not isinstance(node, (Values, Rows)):
            break
        rows += node.length if isinstance(node, Values) else 0
        if rows > SMALL or current().engine == "duckdb":
            break
        stack.extend(node.inputs)
    else:
        local: Iterator[Any] = run_local(plan, columns, limit)
        return local
    from folding.boundary import run_plan

    return run_plan(plan, columns, limit)


#: Rows in memory below which the interpreter is faster than an engine (docs/decisions/when-to-fold.md).
SMALL = 10_000


def evaluate(
    source: str,
    query: str | None = None,
    filename: str | None = None,
    parameters: dict[str, Any] | None = None,
    bind: dict[str, Any] | None = None,
    extensions: Iterable[str | PathLike[str]] = (),
    **settings: Any,
) -> Any:
    """See `mlang.evaluate`.

    The session stays the current one of the caller's context, so that members of the
    result that are computed later (list items, record fields) still run in it.
    """
    session = open_session(**settings)
    overrides = {name: from_python(value) for name, value in (parameters or {}).items()}
    session.parameters.update(overrides)
    document = _document(source, filename, overrides, bind, extensions)
    value = run(lambda: document.value(query), session)
    _CURRENT.set(session)
    return value


def _document(
    source: str,
    filename: str | None,
    overrides: dict[str, Any],
    bound: dict[str, Any] | None,
    extensions: Iterable[str | PathLike[str]],
) -> Document:
    if not bound and not extensions:
        return Document(source, filename=filename, overrides=overrides)
    from pathlib import Path

    from mlang.app.modules import load
    from mlang.app.overlay import bound_document

    replaced = {n: _bound_value(v) for n, v in (bound or {}).items()}
    return bound_document(source, filename, replaced, overrides, load(Path(e) for e in extensions))


def _bound_value(value: Any) -> Thunk:
    """What stands for a bound step: the content of a file for a path, else the value itself."""
    if isinstance(value, PathLike):
        from pathlib import Path

        from mlang.app.overlay import file_value

        return file_value(Path(value))
    return Thunk(lambda: from_python(value))


def explain(
    source: str,
    query: str | None = None,
    bind: dict[str, Any] | None = None,
    extensions: Iterable[str | PathLike[str]] = (),
    **settings: Any,
) -> Any:
    """See `mlang.explain`."""
    from folding.explain import explain_steps

    session = open_session(**settings)
    document = _document(source, None, {}, bind, extensions)
    return run(lambda: explain_steps(document.steps(query), document.evaluated), session)


def to_python(value: Any) -> Any:
    """See `mlang.to_python`."""
    return run(lambda: _plain(value))


def _plain(value: Any) -> Any:
    value = strip(force(value))
    convert = _PLAIN.get(kind_of(value))
    return value if convert is None else convert(value)


def _plain_table(table: Any) -> list[dict[str, Any]]:
    from mlang.tables.related import without_related

    return [_plain_record(record) for record in without_related(table)[0].records()]


def _plain_record(record: dict[str, Any]) -> dict[str, Any]:
    """The fields but those that lead to related tables, which refer to each other without end."""
    return {name: _plain(cell) for name, cell in record.items() if related_kind(cell) is None}


def _plain_datetime(value: Any) -> Any:
    from datetime import datetime, timedelta, timezone

    zone = timezone(timedelta(minutes=value.offset)) if hasattr(value, "offset") else None
    return datetime(1, 1, 1, tzinfo=zone) + timedelta(microseconds=value.ticks // 10)


def _plain_date(value: Any) -> Any:
    from datetime import date

    return date.fromordinal(value.days + 1)


def _plain_time(value: Any) -> Any:
    from datetime import time

    return time(value.hour % 24, value.minute, value.second, value.fraction // 10)


def _plain_duration(value: Any) -> Any:
    from datetime import timedelta

    return timedelta(microseconds=value.ticks // 10)


def _plain_binary(value: Any) -> bytes:
    from mlang.values.binary import content

    return content(value)


def _plain_function(value: Any) -> Any:
    return lambda *arguments: run(lambda: _plain(value.fn(*[from_python(a) for a in arguments])))


_PLAIN: dict[str, Any] = {
    "list": lambda v: [_plain(item) for item in v],
    "record": _plain_record,
    "table": _plain_table,
    "date": _plain_date,
    "time": _plain_time,
    "datetime": _plain_datetime,
    "datetimezone": _plain_datetime,
    "duration": _plain_duration,
    "binary": _plain_binary,
    "function": _plain_function,
}


def from_python(value: Any) -> Any:
    """A Python object as an M value: numbers, texts, dates, lists, dicts, Arrow tables, data frames."""
    import datetime as dt

    from mlang.values import temporal as t

    if value.__class__ is int:
        return float(value) if abs(value) <= 2**53 else value
    if isinstance(value, dt.datetime):
        ticks = (value.toordinal() - 1) * t.DAY + _clock_ticks(value.time())
        offset = value.utcoffset()
        if offset is None:
            return t.DateTime(ticks)
        return t.DateTimeZone(ticks, int(offset.total_seconds() // 60))
    if isinstance(value, dt.date):
        return t.Date(value.toordinal() - 1)
    if isinstance(value, dt.time):
        return t.Time(_clock_ticks(value))
    if isinstance(value, dt.timedelta):
        return t.Duration((value.days * 86400 + value.seconds) * t.SECOND + value.microseconds * 10)
    if isinstance(value, (list, tuple)):
        return [from_python(item) for item in value]
    if isinstance(value, dict):
        return {str(name): from_python(item) for name, item in value.items()}
    if callable(value) and not hasattr(value.__class__, "m_kind"):
        return _wrap_function(value)
    frame = _arrow_of(value)
    if frame is not None:
        from mlang.connectors.arrow import table_from_arrow

        return table_from_arrow(frame)
    kind_of(value)  # raises for what is no M value
    return value


def _clock_ticks(value: Any) -> int:
    seconds = value.hour * 3600 + value.minute * 60 + value.second
    return int(seconds * 10_000_000 + value.microsecond * 10)


def _wrap_function(function: Any) -> Any:
    import inspect

    from mlang.values.functions import native

    names = list(inspect.signature(function).parameters)
    return native(lambda *arguments: from_python(function(*[_plain(a) for a in arguments])), *names)


def _arrow_of(value: Any) -> Any:
    """The Arrow table behind an Arrow table, pandas or polars frame; None for anything else."""
    module = value.__class__.__module__.partition(".")[0]
    if module == "pyarrow":
        return value
    if module == "polars":
        return value.to_arrow()
    if module == "pandas":
        import pyarrow

        return pyarrow.Table.from_pandas(value, preserve_index=False)
    return None
