"""Results that the workers of a Spark server write, instead of sending them through this process.

A staged generation becomes Parquet files of the lakehouse, a destination Parquet or Delta files on shared storage;
what was asked of the columns on the way becomes the manifest's facts.  Publishing stays here: the manifest, the
commit of a Delta log, one rename.  Small results, and a server whose workers do not see the folder, send rows as
ever, and a note says why.  Imported only where the engine is Spark; read ``folding/engines/spark_writes.py`` next.
"""

from __future__ import annotations

import json
import shutil
import uuid
from pathlib import Path
from typing import Any

from folding.engines.spark import SparkQuery, compiled, reads_files
from folding.engines.spark_cells import error_cell
from folding.engines.spark_server import Refusal, Running, current
from folding.engines.spark_workers import RECORDS
from folding.engines.spark_writes import Writing, Written, errors_of, expression, quoted, shared
from folding.many import side_by_side
from folding.terms import Unfoldable
from mlang.session import Session
from mlang.tables.simplify import prune
from mlang.tables.table import Table, settled
from mlang.values.thunk import error_of
from staging.dataflow import DestinationSettings
from staging.destinations.delta import _names as check_names
from staging.destinations.delta import _plain as plain_type
from staging.destinations.files import replacing
from staging.destinations.rows import Rows
from staging.destinations.tables import dynamic, supported
from staging.destinations.target import DeltaTarget, FileTarget, Target
from staging.encode import Facts, kind_of_code
from staging.errors import DataflowError
from staging.store.files import flush_file
from staging.store.lakehouse import PART_ROWS, LakehouseWriter
from staging.types import PLAIN, Column

#: Rows that a query reads below which its result comes through this process: starting jobs would cost more.
ROWS = 200_000
_WHOLE = 2**53
#: The longest text that is kept as a bound.
_LONG = 200
_NOTE = "spark.note"


def told(session: Session) -> str:
    """What a user should know of how a session's results were written; empty when there is nothing."""
    return str(session.fixed.pop(_NOTE, ""))


def _tell(session: Session, why: str) -> None:
    session.fixed[_NOTE] = f"came through this process: {why}"


def large(query: Any) -> bool:
    """Whether a result is worth jobs of its own."""
    limit = query.relation.limit
    if limit is not None and limit < ROWS:
        return False
    return any(leaf.rows is None or leaf.rows >= ROWS for leaf in query.leaves)


def stored(query: Any, columns: tuple[Column, ...]) -> list[tuple[str, str]] | None:
    """The expressions of the stored columns; None where one has no form."""
    found = []
    types = query.types[: len(columns)]  # behind them are those of errors
    for number, (column, type) in enumerate(zip(columns, types, strict=True), 1):
        text = expression(f"c{number}", type, column.code)
        if text is None:
            return None
        found.append((text, column.physical))
    return found


def fill(query: Any, writer: LakehouseWriter, session: Session) -> bool:
    """Lets the server write the rows of a query into a generation that is being built; False when it did not."""
    if type(query) is not SparkQuery or not isinstance(writer, LakehouseWriter) or not large(query):
        return False
    items = stored(query, writer.columns)
    if items is None:
        return False
    place = writer.folder / f"spark-{uuid.uuid4().hex}"
    asked = {}
    for index, column in enumerate(writer.columns):
        for name, text in _questions(column.code, quoted(column.physical)).items():
            asked[f"f{index}.{name}"] = text
    for number in query.marked:
        for name, text in errors_of(f"x{number}").items():
            asked[f"f{number - 1}.{name}"] = text
    writing = Writing(query, items, asked, PART_ROWS, beside=tuple(f"x{n}" for n in query.marked))
    found = _written(writing, place, writer.folder.parents[1], session, writer.rows)
    if found is None:
        return False
    writer.adopt(list(found.files))
    shutil.rmtree(place, ignore_errors=True)
    for index, encoder in enumerate(writer.encoders):
        for answer in found.answers:
            _learn(encoder.facts, encoder.column.code, answer, f"f{index}")
            _learn_errors(encoder.facts, answer, f"f{index}", encoder.row)
            encoder.row += answer["n"]
    return True


def keeps_errors(query: Any) -> bool:
    """Whether the server can count the error cells of a query while it writes nulls in their places.

    It can where workers made them, which gives their records; Sail is asked of the written files only.
    """
    if type(query) is not SparkQuery or query.server is None or query.server.dialect != "spark":
        return False
    return all(query.columns[n - 1].failures == RECORDS for n in query.marked)


def _written(writing: Writing, place: Path, root: Path, session: Session, first: int = 0) -> Written | None:
    """The files that the server wrote; None, with a note, when it cannot."""
    why = shared(writing.server, root)
    if why is not None:
        _tell(session, why)
        return None
    running = Running(writing.server)
    session.fixed["folding.cursor"] = running  # whoever stops the evaluation interrupts it
    try:
        return writing.run(place, running, first)
    except Refusal as no:
        shutil.rmtree(place, ignore_errors=True)
        _tell(session, str(no).strip().partition("\n")[0][:200])
        return None


# ---------------------------------------------------------------- destinations


def load(
    target: Target, path: Path, settings: DestinationSettings, rows: Rows, table: Table, names: list[str],
    session: Session,
) -> int | None:  # fmt: skip
    """Lets the server write a destination that is replaced, and gives its size; None when it did not.

    Appends come through this process, which counts and remembers what it appended.
    """
    delta = isinstance(target, DeltaTarget)
    parquet = isinstance(target, FileTarget) and target.format == "parquet"
    if settings.update != "Replace" or not (delta or parquet):
        return None
    query = _query(table, names, rows.columns)
    if query is None or not large(query):
        return None
    items = stored(query, rows.columns)
    if items is None:
        return None
    asked = {f"f{i}": f"count(*) - count({quoted(c.physical)})" for i, c in enumerate(rows.columns)}
    writing = Writing(query, items, asked, PART_ROWS, numbered=False, one_file=parquet)
    load = _load_delta if delta else _load_file
    return load(path, settings, rows, writing, session)


def _query(table: Table, names: list[str], columns: tuple[Column, ...]) -> Any:
    """The query that gives the columns of a destination; None when the server does not do it."""
    plan = prune(settled(table.plan), tuple(names))
    if not columns or not reads_files(plan):
        return None
    try:
        query = SparkQuery(compiled(plan), current(), schema=plan.schema)
    except Unfoldable:
        return None
    if any(c.text is not None for c in query.columns):
        return None
    kinds = [c.term.kind for c in query.columns]
    codes = [c.code for c in columns]
    return (
        query if all(c in PLAIN and k == kind_of_code(c) for k, c in zip(kinds, codes, strict=True)) else None
    )


def _complete(found: Written, rows: Rows) -> bool:
    """Whether there are rows, and none lacks what its column must have; else the ordinary way says what is wrong."""
    nulls = [sum(int(a[f"f{i}"]) for a in found.answers) for i, _ in enumerate(rows.columns)]
    return found.rows > 0 and not any(
        n for n, c in zip(nulls, rows.columns, strict=True) if not c.type.nullable
    )


def _load_file(
    path: Path, settings: DestinationSettings, rows: Rows, writing: Writing, session: Session
) -> int | None:
    """One Parquet file, renamed to its place."""
    if path.is_dir() or (not path.exists() and not settings.allow_creation):
        return None
    path.parent.mkdir(parents=True, exist_ok=True)
    place = path.with_name(f".{path.name}.{uuid.uuid4().hex}.spark")
    try:
        found = _written(writing, place, path.parent, session)
        if found is None or not _complete(found, rows) or len(found.files) != 1:
            return None
        with replacing(path, settings) as temporary:
            found.files[0][0].rename(temporary)
        rows.count = found.rows
        return path.stat().st_size
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _load_delta(
    path: Path, settings: DestinationSettings, rows: Rows, writing: Writing, session: Session
) -> int | None:
    """Files in the table's folder, added by one commit of its log."""
    import deltalake
    import pyarrow as pa

    supported("lakehouse table", rows)
    check_names(rows)
    schema = pa.schema([
        pa.field(f.name, f.type, c.type.nullable) for f, c in zip(rows.schema, rows.columns, strict=True)
    ])  # fmt: skip
    there = deltalake.DeltaTable.is_deltatable(str(path))
    if not there and (not settings.allow_creation or (path.exists() and any(path.iterdir()))):
        return None
    table = deltalake.DeltaTable(str(path)) if there else None
    if table is not None and not _fits(table, schema, settings):
        return None
    path.mkdir(parents=True, exist_ok=True)
    place = path / f"_mlang-{uuid.uuid4().hex}"
    try:
        found = _written(writing, place, path, session)
        if found is None or not _complete(found, rows):
            return None
        size = _commit(path, table, schema, found, rows.query)
        rows.count = found.rows
        return size
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _fits(table: Any, schema: Any, settings: DestinationSettings) -> bool:
    """Whether files of a schema may stand in a table that is there: any where it follows, else the same."""
    import pyarrow as pa

    if table.metadata().partition_columns:
        return False
    if dynamic(settings):
        return True
    known = pa.schema(table.schema().to_arrow())
    plain = pa.schema([f.with_type(plain_type(f.type)) for f in known])
    return bool(plain.equals(schema))


def _commit(path: Path, table: Any, schema: Any, found: Written, query: str) -> int:
    import deltalake
    from deltalake.exceptions import DeltaError
    from deltalake.transaction import AddAction, create_table_with_add_actions

    mark = uuid.uuid4().hex
    moved = [path / f"part-{number:05d}-{mark}.parquet" for number, _ in enumerate(found.files)]

    def move(number: int) -> Any:
        file, count = found.files[number]
        flush_file(file)
        place = file.rename(moved[number])
        about = place.stat()
        stats = json.dumps({"numRecords": count})
        return AddAction(place.name, about.st_size, {}, int(about.st_mtime * 1000), True, stats)

    try:
        actions = side_by_side(move, range(len(moved)))
        wanted = deltalake.Schema.from_arrow(schema)
        if table is None:
            create_table_with_add_actions(str(path), wanted, actions, mode="error")
        else:
            table.create_write_transaction(actions, "overwrite", wanted)
    except BaseException as error:
        for place in moved:
            place.unlink(missing_ok=True)
        if isinstance(error, (DeltaError, OSError)):
            first = str(error).partition("\n")[0]
            raise DataflowError(f"Query '{query}', destination {path}: {first}") from None
        raise
    return sum(int(action.size) for action in actions)


# ---------------------------------------------------------------- facts


def _questions(code: str, c: str) -> dict[str, str]:
    """The aggregates that say of a stored column what `staging.encode.gather` would."""

    def any_of(condition: str) -> str:
        return f"coalesce(max(CASE WHEN {condition} THEN 1 ELSE 0 END), 0)"

    found = {"nulls": f"count(*) - count({c})"}
    if code == "text":
        found["wide"] = any_of(f"octet_length({c}) > char_length({c})")
        found["beyond"] = any_of(
            f"octet_length({c}) > char_length({c}) AND {c} RLIKE '[\\\\x{{10000}}-\\\\x{{10FFFF}}]'"
        )
    if code == "double":
        infinite = f"({c} = CAST('Infinity' AS DOUBLE) OR {c} = CAST('-Infinity' AS DOUBLE))"
        found["nan"], found["infinite"] = any_of(f"isnan({c})"), any_of(infinite)
        found["odd"] = any_of(
            f"NOT isnan({c}) AND NOT {infinite} AND (abs({c}) >= 9007199254740992D OR {c} % 1D <> 0D "
            f"OR {c} = 0D AND CAST({c} AS STRING) LIKE '-%')"
        )
        c = f"CASE WHEN NOT isnan({c}) AND NOT {infinite} THEN {c} END"
    if code not in ("logical", "currency"):
        found["min"], found["max"] = f"min({c})", f"max({c})"
    return found


def _learn(facts: Facts, code: str, answers: dict[str, Any], prefix: str) -> None:
    """Adds what the server said of a column's rows in one partition."""
    said = {
        name: answers.get(f"{prefix}.{name}")
        for name in ("nulls", "wide", "beyond", "nan", "infinite", "odd", "min", "max")
    }
    facts.nulls += int(said["nulls"] or 0)
    if said["nulls"] == answers["n"]:
        return
    low: Any = said["min"]
    high: Any = said["max"]
    if code == "text":
        facts.ascii = not said["wide"] and facts.ascii is not False
        facts.bmp = not said["beyond"] and facts.bmp is not False
        if said["wide"] or len(low) > _LONG or len(high) > _LONG:
            facts.unordered = True
            return
    if code == "double":
        facts.nan = facts.nan or bool(said["nan"])
        whole = not (said["nan"] or said["infinite"] or said["odd"])
        facts.int53 = whole and facts.int53 is not False
        facts.unordered = facts.unordered or bool(said["infinite"])
    if low is None or high is None or said["infinite"]:
        return
    if code == "int64":
        facts.int53 = low > -_WHOLE and high < _WHOLE and facts.int53 is not False
    low, high = _plain(low), _plain(high)
    facts.min = low if facts.min is None or low < facts.min else facts.min
    facts.max = high if facts.max is None or high > facts.max else facts.max


def _learn_errors(facts: Facts, answers: dict[str, Any], prefix: str, before: int) -> None:
    """Adds the error cells of one partition, before which there are so many rows."""
    if not (count := int(answers.get(f"{prefix}.errors") or 0)):
        return
    facts.errors += count
    if facts.first_error is None:
        error = error_of(error_cell(answers[f"{prefix}.first"]))
        facts.first_error = f"row {before + answers[f'{prefix}.place'] + 1}: {error}"


def _plain(value: Any) -> Any:
    """A bound as the manifest has it: days or microseconds since 1970."""
    from datetime import date, datetime

    if isinstance(value, datetime):
        since = value.replace(tzinfo=None) - datetime(1970, 1, 1)
        return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
    if isinstance(value, date):
        return value.toordinal() - date(1970, 1, 1).toordinal()
    return value
