"""Destinations that the workers of a Spark server write: Delta tables and Parquet files on shared storage.

The files are written beside the target; this process checks them and publishes: one commit of a Delta log, one rename.
What the workers cannot do as this process would do it goes the ordinary way (`None`): other columns than a table has,
null where a column may hold none, text files, whose bytes are ours, and an append that an uncompleted refresh may have
made already, which is compared row by row.  Read ``cluster.py`` for staged tables, ``destinations/`` for the rest.
"""

from __future__ import annotations

import json
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from folding.engines.spark import SparkQuery, compiled, reads_files, with_workers
from folding.engines.spark_server import current
from folding.engines.spark_writes import Writing, Written, errors_of, quoted
from folding.many import side_by_side
from folding.terms import Unfoldable
from mlang.session import Session
from mlang.tables.simplify import prune
from mlang.tables.table import Table, settled
from staging.cluster import keeps_errors, large, stored, written
from staging.dataflow import DestinationSettings
from staging.destinations.delta import begun, check_names, marker, plain_type
from staging.destinations.files import replacing
from staging.destinations.once import identity
from staging.destinations.rows import Rows
from staging.destinations.tables import dynamic, supported
from staging.destinations.target import DeltaTarget, FileTarget, Target
from staging.encode import kind_of_code
from staging.errors import DataflowError
from staging.store.files import flush_file
from staging.store.lakehouse import GROUP_ROWS, PART_ROWS, parquet_writer
from staging.types import PLAIN, Column

#: What a Delta table may ask of its writers that files alone do not need.
_FEATURES = frozenset(["appendOnly", "timestampNtz", "invariants"])
_RULES = ("delta.constraints.", "delta.columnMapping.")
_FIELD_RULES = frozenset(["delta.invariants", "delta.generationExpression", "delta.identity.start"])


def load(
    target: Target, path: Path, settings: DestinationSettings, rows: Rows, table: Table, names: list[str],
    session: Session,
) -> int | None:  # fmt: skip
    """Lets the server write a destination, and gives its size; None when it did not."""
    delta = isinstance(target, DeltaTarget)
    parquet = isinstance(target, FileTarget) and target.format == "parquet"
    if not (delta or parquet):
        return None
    query = _query(table, names, rows.columns)
    if query is None or not large(query):
        return None
    items = stored(query, rows.columns)
    if items is None:
        return None
    asked = {f"f{i}": f"count(*) - count({quoted(c.physical)})" for i, c in enumerate(rows.columns)}
    for number in query.marked:
        asked[f"e{number - 1}"] = errors_of(f"x{number}")["errors"]
    beside = tuple(f"x{number}" for number in query.marked)
    writing = Writing(query, items, asked, PART_ROWS, False, parquet, beside)
    load = _load_delta if delta else _load_file
    return load(path, settings, rows, writing, session)


def _query(table: Table, names: list[str], columns: tuple[Column, ...]) -> Any:
    """The query that gives the columns of a destination; None when the server does not do it."""
    plan = prune(settled(table.plan), tuple(names))
    if not columns or not reads_files(plan):
        return None
    try:
        try:
            query = SparkQuery(compiled(plan), current(), schema=plan.schema)
        except Unfoldable as no:
            query = with_workers(plan, no, schema=plan.schema)
    except Unfoldable:
        return None
    if query.marked and not keeps_errors(query):
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


def _count(found: Written, rows: Rows) -> None:
    """What a run says of the rows: how many, and which cells held errors."""
    rows.count = found.rows
    for index, encoder in enumerate(rows.encoders):
        encoder.facts.errors += sum(int(a.get(f"e{index}") or 0) for a in found.answers)


# ---------------------------------------------------------------- files


def _load_file(
    path: Path, settings: DestinationSettings, rows: Rows, writing: Writing, session: Session
) -> int | None:
    """One Parquet file, renamed to its place; to append, its rows are put behind those of the file that is there."""
    if path.is_dir() or (not path.exists() and not settings.allow_creation):
        return None
    append = settings.update == "Append"
    if append and path.exists() and (not _alike(path, rows) or _begun(path, rows)):
        return None
    path.parent.mkdir(parents=True, exist_ok=True)
    place = path.with_name(f".{path.name}.{uuid.uuid4().hex}.spark")
    try:
        found = written(writing, place, path.parent, session)
        if found is None or not _complete(found, rows) or len(found.files) != 1:
            return None
        with replacing(path, settings, rows.once) as temporary:
            if append:
                _joined(path, found.files[0][0], temporary, rows)
            else:
                found.files[0][0].rename(temporary)
        _count(found, rows)
        return path.stat().st_size
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _alike(path: Path, rows: Rows) -> bool:
    """Whether a file has the columns of the rows; the ordinary way says what is wrong where it has not."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        found = pq.read_schema(path)
    except (OSError, pa.ArrowException):
        return False
    return bool(found.names == rows.schema.names and found.types == rows.schema.types)


def _begun(path: Path, rows: Rows) -> bool:
    """Whether an uncompleted refresh may have made this append."""
    if rows.once is None or not rows.once.unfinished:
        return False
    old = rows.once.journal.read()["files"].get(rows.once.key)
    return isinstance(old, dict) and old.get("identity") == identity(path)


def _joined(old: Path, new: Path, place: Path, rows: Rows) -> None:
    """A file of the rows of two; what is new is counted for the marker of the append."""
    with parquet_writer(place, rows.schema) as writer:
        for batch in _batches(old, rows.schema) if old.exists() else ():
            writer.write_batch(batch)
        for batch in _batches(new, rows.schema):
            if rows.once is not None:
                rows.once.digest.add(batch)
            writer.write_batch(batch)


def _batches(path: Path, schema: Any) -> Iterator[Any]:
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as source:
        for batch in source.iter_batches(GROUP_ROWS):
            yield batch.cast(schema)


# ---------------------------------------------------------------- Delta tables


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
    if table is not None and rows.once is not None and begun(rows.once, table) is not None:
        return None
    path.mkdir(parents=True, exist_ok=True)
    place = path / f"_mlang-{uuid.uuid4().hex}"
    try:
        found = written(writing, place, path, session)
        if found is None or not _complete(found, rows):
            return None
        size = _commit(path, table, schema, found, rows)
        _count(found, rows)
        return size
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _fits(table: Any, schema: Any, settings: DestinationSettings) -> bool:
    """Whether files of a schema may stand in a table that is there: any where it follows, else the same."""
    import pyarrow as pa

    if table.metadata().partition_columns or not _ordinary(table):
        return False
    if dynamic(settings):
        return True
    known = pa.schema(table.schema().to_arrow())
    plain = pa.schema([f.with_type(plain_type(f.type)) for f in known])
    return bool(plain.equals(schema))


def _ordinary(table: Any) -> bool:
    """Whether nobody has to look at rows that are added: no constraints, computed columns or mapped names."""
    asked = table.protocol()
    features = set(asked.writer_features or ()) | set(asked.reader_features or ())
    rules = [n for n in table.metadata().configuration if n.startswith(_RULES)]
    fields = json.loads(table.schema().to_json())["fields"]
    ruled = any(_FIELD_RULES & set(field.get("metadata") or ()) for field in fields)
    return features <= _FEATURES and asked.min_writer_version in (1, 2, 3, 7) and not rules and not ruled


def _commit(path: Path, table: Any, schema: Any, found: Written, rows: Rows) -> int:
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
        said = {} if rows.once is None else {"commit_properties": marker(rows.once)}
        if table is None:
            create_table_with_add_actions(str(path), wanted, actions, mode="error", **said)
        else:
            mode = "overwrite" if rows.once is None else "append"
            table.create_write_transaction(actions, mode, wanted, **said)
    except BaseException as error:
        for place in moved:
            place.unlink(missing_ok=True)
        if isinstance(error, (DeltaError, OSError)):
            first = str(error).partition("\n")[0]
            raise DataflowError(f"Query '{rows.query}', destination {path}: {first}") from None
        raise
    return sum(int(action.size) for action in actions)
