"""Loads a Delta Lake table (a lakehouse table) in one commit of its log: readers see the old version or the new one.

The package deltalake writes the files (extra ``delta``).  A replace that is killed leaves files that no version
names.  Lakehouse tables take the product's types and names; null in a column that may hold none is refused before
anything is committed.  Read ``tables.py`` for what the settings do.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mlang.connectors.extras import need
from mlang.connectors.native import temporal_text
from mlang.values.kinds import kind_of
from mlang.values.temporal import DateTime
from staging.dataflow import DestinationSettings
from staging.destinations.once import AlreadyLoaded, Digest, Once
from staging.destinations.rows import Rows
from staging.destinations.tables import Existing, Part, TargetMissing, check, dynamic, supported
from staging.destinations.target import DeltaTarget
from staging.errors import CannotStage, DataflowError

#: Properties of a commit that say which load it was, and of which refresh; and how many commits are looked at for them.
_LOAD, _RUN, _LOOK_BACK = "mlang.load", "mlang.run", 100
_FORBIDDEN = " ,;{}()\n\t="


def load(
    target: DeltaTarget, path: Path, settings: DestinationSettings, rows: Rows, part: Part | None = None
) -> int:
    """Writes the rows as a new version; gives the size of its files."""
    need("deltalake", "DeltaLake.Table", "delta")
    import deltalake
    import pyarrow as pa
    from deltalake.exceptions import DeltaError

    supported("lakehouse table", rows)
    check_names(rows)
    existing = deltalake.DeltaTable(str(path)) if deltalake.DeltaTable.is_deltatable(str(path)) else None
    schema = pa.schema([
        pa.field(f.name, f.type, c.type.nullable) for f, c in zip(rows.schema, rows.columns, strict=True)
    ])  # fmt: skip
    options: dict[str, Any] = {"mode": "overwrite"}
    if existing is None:
        if part is not None:
            raise TargetMissing(target.label)
        if not settings.allow_creation:
            raise DataflowError(f"The table {target.label} doesn't exist, and AllowCreation is false.")
        if not rows.columns:
            raise DataflowError(f"The table {target.label} can't be made without columns.")
        if path.exists() and any(path.iterdir()):
            raise DataflowError(f"{path} is a folder with other files, no Delta Lake table.")
        path.mkdir(parents=True, exist_ok=True)
        options["mode"] = "error"
    elif part is None and dynamic(settings):
        options["schema_mode"] = "overwrite"
    else:
        known = pa.schema(existing.schema().to_arrow())
        check(target.label, [Existing(f.name, str(f.type)) for f in known], rows.columns)
        schema = pa.schema([f.with_type(plain_type(f.type)) for f in known])
        if settings.update == "Append" and part is None:
            options["mode"] = "append"
        elif part is not None:
            name = next(f.name for f in schema if f.name.casefold() == part.column.casefold())
            options["predicate"] = part.condition('"' + name.replace('"', '""') + '"', moment)
    failure: list[BaseException] = []
    batches = _fitted(rows, schema, failure)
    if rows.once is not None:
        options["commit_properties"] = marker(rows.once)
        if existing is not None:
            batches = _not_yet(rows.once, existing, schema, batches)
    reader = pa.RecordBatchReader.from_batches(schema, batches)
    try:
        deltalake.write_deltalake(existing if existing is not None else str(path), reader, **options)
    except Exception as error:
        if failure:
            raise failure[0] from None
        first = str(error).partition("\n")[0]
        if isinstance(error, (DeltaError, pa.ArrowException, OSError)):
            raise DataflowError(f"Query '{rows.query}', destination {target.label}: {first}") from None
        raise
    actions = pa.table(deltalake.DeltaTable(str(path)).get_add_actions(flatten=True))
    return sum(actions.column("size_bytes").to_pylist())


def _not_yet(once: Once, table: Any, schema: Any, batches: Iterator[Any]) -> Iterator[Any]:
    """The rows to append; `AlreadyLoaded` when the commit of an uncompleted refresh added just these."""
    import pyarrow as pa

    version = begun(once, table)
    if version is None:
        return batches
    spool = tempfile.TemporaryFile()  # noqa: SIM115  (closed by whoever reads it to its end)
    found = Digest()
    with pa.ipc.new_file(spool, schema) as out:
        for batch in batches:
            found.add(batch)
            out.write(batch)
    old = _added(table.table_uri, version, schema)
    if (old.count, old.text) == (found.count, found.text):
        spool.close()
        raise AlreadyLoaded(once.name)
    return _spooled(spool)


def begun(once: Once, table: Any) -> int | None:
    """The version that an uncompleted refresh made of a table by this load."""
    if not once.unfinished:
        return None
    found = (h for h in table.history(_LOOK_BACK) if h.get(_LOAD) == once.key)
    return next((h["version"] for h in found if h.get(_RUN) in once.unfinished), None)


def marker(once: Once) -> Any:
    """What a commit says of the load that it is."""
    import deltalake

    return deltalake.CommitProperties({_LOAD: once.key, _RUN: once.run, "mlang.name": once.name})


def _spooled(spool: Any) -> Iterator[Any]:
    import pyarrow as pa

    with spool:
        spool.seek(0)
        reader = pa.ipc.open_file(spool)
        for number in range(reader.num_record_batches):
            yield reader.get_batch(number)


def _added(uri: str, version: int, schema: Any) -> Digest:
    """The rows that one commit of a table added."""
    import deltalake
    import pyarrow as pa
    import pyarrow.parquet as pq

    before = set(deltalake.DeltaTable(uri, version=version - 1).file_uris()) if version else set()
    found = Digest()
    for path in set(deltalake.DeltaTable(uri, version=version).file_uris()) - before:
        with pq.ParquetFile(path) as file:
            if set(schema.names) - set(file.schema_arrow.names):
                return Digest(-1)  # partitioned by others: the files do not hold all columns
            for batch in file.iter_batches():
                found.add(pa.Table.from_batches([batch.select(schema.names)]).cast(schema))
    return found


def plain_type(type: Any) -> Any:
    """Arrow's ordinary type of what deltalake shows as a view."""
    import pyarrow as pa

    if pa.types.is_string_view(type) or pa.types.is_large_string(type):
        return pa.string()
    return pa.timestamp("us") if pa.types.is_timestamp(type) and type.tz is None else type


def moment(value: Any) -> str:
    """A date or datetime as literal of a predicate."""
    kind = kind_of(value)
    if kind == "datetimezone":
        value, kind = DateTime(value.utc_ticks), "datetime"
    return f"'{temporal_text(value, kind)}'"  # a text: a cast would be of another precision than the column


def check_names(rows: Rows) -> None:
    for column in rows.columns:
        if any(char in _FORBIDDEN for char in column.physical) or not column.physical:
            raise CannotStage(
                f"Query '{rows.query}': column '{column.physical}' can't be a column of a lakehouse table: no spaces "
                "and none of ,;{}()= in names. Rename it (Table.RenameColumns, or the mapping of the destination)."
            )


def _fitted(rows: Rows, schema: Any, failure: list[BaseException]) -> Iterator[Any]:
    """The batches in the columns of the table: those that the query hasn't are null."""
    import pyarrow as pa

    own = {c.physical.casefold(): i for i, c in enumerate(rows.columns)}
    try:
        for batch in rows.arrow():
            arrays = []
            for field in schema:
                place = own.get(field.name.casefold())
                if place is None:
                    arrays.append(pa.nulls(batch.num_rows, field.type))
                else:
                    arrays.append(_cast(rows, rows.columns[place].name, batch.column(place), field.type))
            yield pa.record_batch(arrays, schema=schema)
    except BaseException as error:
        failure.append(error)
        raise


def _cast(rows: Rows, name: str, array: Any, type: Any) -> Any:
    import pyarrow as pa

    if array.type == type:
        return array
    try:
        return array.cast(type)
    except pa.ArrowException as error:
        raise CannotStage(
            f"Query '{rows.query}': column '{name}' doesn't fit the destination's type {type}: {error}"
        ) from None
