"""DeltaLake.Table: the current or an older version of a Delta Lake table in a local folder.

The log says which Parquet files a version has (package deltalake).  A table whose files are
few, not partitioned and alike is those files one after the other, each of which an engine may
read by itself; any other is read through Arrow, only the columns that somebody needs.  Rows
come file by file, the oldest first.  Features that the package does not read (deletion
vectors, column mapping) are errors, never wrong rows.
"""

from __future__ import annotations

import os
from typing import Any

from mlang import errors
from mlang.connectors.extras import need
from mlang.connectors.parquet import checked_file
from mlang.connectors.sources import ArrowSource, ParquetSource
from mlang.library.arguments import as_count, of_kind, options
from mlang.registry import builtin
from mlang.tables.plan import Append, Plan, Scan, Values
from mlang.tables.table import Table
from mlang.values.functions import native
from mlang.values.thunk import Thunk, force
from mlang.values.types import ANY, TABLE, TableType, table_type

_LOG = "_delta_log"
#: More files than this are read through Arrow's dataset, not as a plan of one scan each.
_FILES = 64


@builtin(
    "DeltaLake.Table(directory as table, optional options as nullable record) as any",
    missing="folders that are not on this machine, deletion vectors, column mapping",
)
def table(directory: Table, option: dict[str, Any] | None = None) -> Table:
    """Reads a Delta Lake table from its folder, as Folder.Contents lists it.

    The option Version asks for an older version by its number.  Value.Versions of the result lists
    all versions.
    """
    chosen = options(option, "DeltaLake.Table", {"Version": None})
    version = chosen["Version"]
    if version is not None:
        version = as_count(of_kind(version, "number"), "Version")
    return _version(_folder(directory), version)


def _folder(directory: Table) -> str:
    """The table's folder: where _delta_log stands, or what holds the files of it."""
    names = directory.names
    if "Folder Path" not in names or "Name" not in names:
        raise errors.not_supported("DeltaLake.Table", "a directory that isn't a list of local files")
    name, place = names.index("Name"), names.index("Folder Path")
    for row in directory.rows():
        path = str(of_kind(row[place], "text")).rstrip("/" + os.sep)
        if force(row[name]) == _LOG:
            return path
        if os.path.basename(path) == _LOG:
            return os.path.dirname(path)
    raise errors.not_a_document("Delta Lake", f"there is no {_LOG}")


def _version(folder: str, version: int | None) -> Table:
    need("deltalake", "DeltaLake.Table", "delta")
    import pyarrow as pa
    from deltalake import DeltaTable
    from deltalake.exceptions import DeltaError

    from mlang.connectors.arrow import m_types_of

    try:
        delta = DeltaTable(folder, version=version)
        dataset = delta.to_pyarrow_dataset()
        actions = pa.table(delta.get_add_actions(flatten=True)).to_pylist()
    except (DeltaError, OSError, ValueError) as error:
        raise errors.not_a_document("Delta Lake", str(error).partition("\n")[0]) from None
    actions.sort(key=lambda action: (action["modification_time"], action["path"]))
    types = m_types_of(dataset.schema)
    plan = _scans(folder, actions, types, delta.metadata().partition_columns, dataset.schema)
    if plan is None:
        plan = _arrow(folder, actions, types, dataset)
    return Table(plan, {"Versions": native(lambda: _versions(folder, delta.version()))})


def _scans(folder: str, actions: list[Any], types: Any, partitions: list[str], schema: Any) -> Plan | None:
    """One scan per file; None when the files are not plainly the table."""
    if partitions or not 0 < len(actions) <= _FILES:
        return None
    parts: list[Plan] = []
    for action in actions:
        path = os.path.join(folder, action["path"])
        if not os.path.exists(path) or not _schema_of(path).equals(schema):
            return None
        source = ParquetSource(None, types, path=path)
        parts.append(Scan(table_type(types, types.values()), source, tuple(types), "DeltaLake.Table"))
    return parts[0] if len(parts) == 1 else Append(parts[0].schema, tuple(parts))


def _schema_of(path: str) -> Any:
    """The Arrow schema of a file that may be read without danger."""
    with checked_file(ParquetSource(None, {}, path=path)) as file:
        return file.schema_arrow


def _arrow(folder: str, actions: list[Any], types: Any, dataset: Any) -> Plan:
    """All files through Arrow, which knows partitions and statistics."""
    import pyarrow.dataset as ds

    order = {action["path"]: place for place, action in enumerate(actions)}
    files = sorted(dataset.get_fragments(), key=lambda f: int(order.get(f.path, len(order))))
    ordered = ds.FileSystemDataset(files, dataset.schema, dataset.format, dataset.filesystem)
    counts = [action.get("num_records") for action in actions]
    rows = None if None in counts else sum(counts)

    def dataset_of_files() -> Any:
        for file in files:
            _schema_of(os.path.join(folder, file.path))
        return ordered

    source = ArrowSource(dataset_of_files, types, rows=rows, label=f"Delta Lake table {folder}")
    return Scan(table_type(types, types.values()), source, tuple(types), "DeltaLake.Table")


def _versions(folder: str, newest: int) -> Table:
    """The versions by number; null is the newest."""
    numbers: list[Any] = [None, *range(newest + 1)]
    versions = [None if number is None else float(number) for number in numbers]
    data = [Thunk(lambda number=number: _version(folder, number)) for number in numbers]  # type: ignore[misc]
    schema = table_type(["Version", "Data"], [ANY, TABLE])
    schema = TableType(schema.row, ((("Version",), True),))
    return Table(Values(schema, [versions, data], len(numbers)))
