"""The DuckDB databases of this process, the files attached to them, and what files say of their columns.

Opening a database costs more than most queries, and its caches are worth keeping: there is one for the
process, and sessions differ by their cursors (temporary names belong to a cursor).  Others, made when
they are first needed, run without the optimizer passes that may reorder conditions, or turn joins around.

Files are attached read-only, under a name that stands for the file as it was (path, size, time, number):
a file that was replaced gets a new name.  A file that no living session uses is let go when another
query is made, so that its lock does not outlast its use by much.
"""

from __future__ import annotations

import atexit
import gc
import math
import os
import threading
import weakref
from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar

from attrs import field, frozen
from sqlglot import exp

from folding.engines.spilling import SHARE, limit_memory, spill_folder
from folding.terms import Unfoldable, column, whole_facts
from mlang import session as sessions
from mlang.connectors.duckdb import INSTANTS_IN
from mlang.connectors.sources import DuckDbSource

DIALECT = "duckdb"
#: Passes of DuckDB 2.0 that change results: one loses a LIMIT below UNION ALL when a condition with a subquery stands
#: below it; the other makes a join of IN with five constants or more, whose rows come in no order.
_BROKEN = "projection_pullup,in_clause"
_PRELUDE = {
    "ieee_floating_point_ops": True,
    "preserve_insertion_order": True,
    "default_null_order": "nulls_last",
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "max_expression_depth": 4000,
    "disabled_optimizers": _BROKEN,
    "TimeZone": INSTANTS_IN,
}
#: Passes that may let a row vanish before a condition of M's would have raised on it; and the one that
#: then puts the larger side of a join into memory, because it cannot tell how large a CSV file is.  The last one
#: takes the place of a window, and where a condition was not moved below what is computed, that is lost (2.0).
_REORDERING = (
    "filter_pushdown,filter_pullup,join_filter_pushdown,reorder_filter,empty_result_pullup,join_order,"
    "join_elimination,late_materialization,build_side_probe_side,statistics_propagation,top_n_window_elimination"
)
_lock = threading.RLock()


class Root:
    """One database in memory; ``cursor`` gives connections to it."""

    def __init__(self, settings: dict[str, Any]) -> None:
        import duckdb

        self.database = duckdb.connect(":memory:")
        self.attached: set[str] = set()
        self.limit = ""
        settings = {**settings, "temp_directory": spill_folder()}
        for name, value in settings.items():
            self.database.execute(setting(name, value).sql(DIALECT))

    def cursor(self) -> Any:
        """A connection of its own: results and temporary names are not shared."""
        return self.database.cursor()

    def limited(self, limit: str) -> Root:
        """This database, taking no more memory than that."""
        if limit != self.limit:
            limit_memory(self.database, limit)
            self.limit = limit
        return self

    def attach(self, path: str, name: str) -> None:
        """Attaches a file under a name, once."""
        with _lock:
            if name in self.attached:
                return
            self.cursor().execute(attaching(path, name).sql(DIALECT))
            self.attached.add(name)

    def detach(self, name: str) -> None:
        """Lets a file go; running queries finish first."""
        import duckdb

        if name in self.attached:
            self.attached.discard(name)
            try:
                self.cursor().execute(exp.Detach(this=exp.to_identifier(name)).sql(DIALECT))
            except duckdb.Error:
                return  # it was never there, or the engine keeps it until a query ends


def attaching(path: str, name: str) -> Any:
    """The statement that attaches a file read-only under a name."""
    read_only = exp.AttachOption(this=exp.Var(this="READ_ONLY"))
    return exp.Attach(this=exp.alias_(exp.Literal.string(path), name), expressions=[read_only])


def setting(name: str, value: Any) -> Any:
    """The statement that sets a value for all cursors: a plain SET of some settings is one connection's."""
    literal = exp.Boolean(this=value) if value.__class__ is bool else exp.convert(value)
    item = exp.SetItem(this=exp.EQ(this=exp.Var(this=name), expression=literal), kind="GLOBAL")
    return exp.Set(expressions=[item])


#: Passes that put the smaller side of a join into memory, and take a stream, whose length is unknown, for that.
_SIDES = "join_order,build_side_probe_side"
#: The pass that knows some answers without computing their parts: of `if x then 1 else 2`, that it is less than 3.
_KNOWING = "statistics_propagation"
_roots: dict[str, Root] = {}


def root(strict: bool = False, written: bool = False, stops: bool = False) -> Root:
    """The database of the process; the strict one keeps the order of conditions, others the sides of joins, or all
    that may stop a query."""
    left_out = {
        _REORDERING: strict,
        _SIDES: written and not strict,
        _KNOWING: stops and not strict,
        _BROKEN: True,
    }
    passes = ",".join(name for name, wanted in left_out.items() if wanted)
    with _lock:
        if passes not in _roots:
            if not _roots:
                atexit.register(_close, os.getpid())
            _roots[passes] = Root({**_PRELUDE, "disabled_optimizers": passes})
        return _roots[passes].limited(sessions.current().memory_limit or SHARE)


def _close(owner: int) -> None:
    """Lets the databases go before the interpreter ends, which finds them later than the client's library likes."""
    if os.getpid() == owner:  # a forked process has not the threads of a database
        _roots.clear()
        gc.collect()  # errors hold what they came from, and that its connection


def record_batches(cursor: Any, text: str, size: int) -> Any:
    """A query's rows as an Arrow reader of batches of so many rows.

    A relation of the client is described before it runs, so that the engine would plan each query twice.
    """
    if _runs_at_once():
        return cursor._submit(text, None, "stream", size).arrow_reader()
    return cursor.sql(text).to_arrow_reader(size)


@cache
def _runs_at_once() -> bool:
    """Whether the client runs a statement without describing it first; it promises no such thing, so it is tried."""
    import duckdb

    try:
        reader = root().cursor()._submit("SELECT 1 AS x", None, "stream", 1).arrow_reader()
        return bool(reader.read_all().to_pydict() == {"x": [1]})
    except (AttributeError, TypeError, duckdb.Error):
        return False


# ---------------------------------------------------------------- files


Identity = tuple[str, int, int, int]


def identity(path: str) -> Identity:
    """What tells a file from the one that stood there before; raises OSError."""
    found = os.stat(path)
    return os.path.abspath(path), found.st_size, found.st_mtime_ns, found.st_ino


class _Attached:
    """A file under its name, and the living sessions that use it."""

    def __init__(self, path: str, name: str) -> None:
        self.path, self.name = path, name
        self.users: weakref.WeakSet[sessions.Session] = weakref.WeakSet()


_files: dict[Identity, _Attached] = {}
_numbers = [0]


def attach(path: str) -> str:
    """The catalog name of a DuckDB file, attached read-only at first use."""
    import duckdb

    try:
        key = identity(path)
        with _lock:
            found = _files.get(key)
            if found is None:
                _numbers[0] += 1
                found = _Attached(path, f"file{_numbers[0]}")
                root().attach(path, found.name)
                _files[key] = found
            found.users.add(sessions.current())
            return found.name
    except (duckdb.Error, OSError):
        raise Unfoldable("the database file cannot be opened a second time") from None


def release_unused() -> None:
    """Detaches the files that no living session uses."""
    with _lock:
        for key, found in list(_files.items()):
            if not found.users:
                del _files[key]
                for database in _roots.values():
                    database.detach(found.name)


# ---------------------------------------------------------------- facts of files

T = TypeVar("T")
_KEPT = 256
_known: dict[Any, Any] = {}


def remembered(key: Any, make: Callable[[], T]) -> T:
    """What was found out about a file before (the key names the file by its `identity`), or anew."""
    with _lock:
        if key in _known:
            result: T = _known[key]
            return result
    made = make()
    with _lock:
        while len(_known) >= _KEPT:
            del _known[next(iter(_known))]
        _known[key] = made
    return made


@frozen
class TableFacts:
    """What is known of a database table: rows, row numbers, and the facts of its columns by name."""

    rows: int | None
    is_table: bool
    span: int | None = None
    columns: dict[str, dict[str, Any]] = field(factory=dict)


def table_facts(catalog: str, source: DuckDbSource) -> TableFacts:
    """Facts of a table, asked once; views have none."""
    key = ("table", catalog, source.schema, source.table)
    return remembered(key, lambda: _table_facts(catalog, source))


def _table_facts(catalog: str, source: DuckDbSource) -> TableFacts:
    import duckdb

    table = exp.Table(
        this=exp.to_identifier(source.table, quoted=True), db=exp.to_identifier(source.schema, quoted=True),
        catalog=exp.to_identifier(catalog),
    )  # fmt: skip
    if any(name.lower() == "rowid" for name in source.types):
        return TableFacts(None, False)  # the word means that column, not the number of the row
    cursor = root().cursor()
    try:
        cursor.execute(exp.select(column("rowid")).from_(table).limit(0).sql(DIALECT))
    except duckdb.Error:
        return TableFacts(None, False)
    sizes = exp.select(exp.Count(this=exp.Star()), exp.Max(this=column("rowid"))).from_(table)
    rows, last = cursor.execute(sizes.sql(DIALECT)).fetchone()
    # bounds of moments with a zone would become Python objects that need a module of their own
    names = [n for n in source.types if "TIME ZONE" not in source.physical.get(n, "")]
    if not names:
        return TableFacts(int(rows), True, int(last or 0) + 1)
    columns = [exp.Column(this=exp.to_identifier(n, quoted=True)) for n in names]
    statistics = exp.select(*[exp.Anonymous(this="stats", expressions=[c]) for c in columns]).from_(table)
    found = cursor.execute(statistics.limit(1).sql(DIALECT)).fetchone() or ()
    facts = {name: column_facts(s) for name, s in zip(names, found, strict=False) if isinstance(s, dict)}
    return TableFacts(int(rows), True, int(last or 0) + 1, facts)


def collates(catalog: str) -> bool:
    """Whether a table or view of a file says how texts compare; nothing tells to which columns that comes."""
    return remembered(
        ("collations", catalog), lambda: any(_collates(catalog, kind) for kind in ("tables", "views"))
    )


def _collates(catalog: str, kind: str) -> bool:
    listing = exp.Table(this=exp.Anonymous(this=f"duckdb_{kind}"))
    said = exp.Anonymous(
        this="contains", expressions=[exp.Upper(this=column("sql")), exp.Literal.string("COLLATE")]
    )
    asked = exp.select(exp.Anonymous(this="bool_or", expressions=[said])).from_(listing)
    asked = asked.where(exp.EQ(this=column("database_name"), expression=exp.Literal.string(catalog)))
    found = root().cursor().execute(asked.sql(DIALECT)).fetchone()
    return bool(found and found[0])


def strange_dates(catalog: str, source: DuckDbSource) -> str | None:
    """A column with dates that M has not (before year 1, after 9999, infinite); asked once per table."""
    dated = [n for n in source.types if source.physical.get(n, "").startswith(("DATE", "TIMESTAMP"))]
    if not dated:
        return None
    key = ("dates", catalog, source.schema, source.table)
    return remembered(key, lambda: _strange_dates(catalog, source, dated))


def _strange_dates(catalog: str, source: DuckDbSource, dated: list[str]) -> str | None:
    table = exp.Table(
        this=exp.to_identifier(source.table, quoted=True), db=exp.to_identifier(source.schema, quoted=True),
        catalog=exp.to_identifier(catalog),
    )  # fmt: skip
    asked = []
    for name in dated:
        moment: Any = exp.Column(this=exp.to_identifier(name, quoted=True))
        physical = source.physical[name]
        if physical == "TIMESTAMP_NS":  # which has neither of the two ends
            physical = "TIMESTAMP"
            moment = exp.cast(moment, "TIMESTAMP", dialect=DIALECT)
        kind = exp.DataType.build(physical, dialect=DIALECT)
        first, last = (
            exp.Cast(this=exp.Literal.string(d), to=kind)
            for d in ("0001-01-01", "9999-12-31 23:59:59.999999")
        )
        asked.append(
            exp.Anonymous(this="bool_or", expressions=[exp.Or(this=moment < first, expression=moment > last)])
        )
    found = root().cursor().execute(exp.select(*asked).from_(table).sql(DIALECT)).fetchone() or ()
    return next((name for name, strange in zip(dated, found, strict=True) if strange), None)


def column_facts(statistics: dict[str, Any]) -> dict[str, Any]:
    """The engine's statistics of a column in the words of `terms.Scalar`."""
    facts: dict[str, Any] = {}
    if statistics.get("has_null") is False:
        facts["nullable"] = False
    if statistics.get("has_unicode") is False:
        facts["ascii"] = True
    low, high = statistics.get("min"), statistics.get("max")
    if low.__class__ is int and high.__class__ is int:
        facts.update(whole_facts(low, high))
    if low.__class__ is float and high.__class__ is float and not math.isnan(low + high):
        facts["nonan"] = True  # the engine counts NaN as the largest number
    return facts
