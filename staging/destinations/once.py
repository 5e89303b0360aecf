"""Appends that are done once: how a load finds out that the refresh before it, which did not complete, did it already.

A refresh that completes counts; the next one after a refresh that was killed, cancelled or failed is its continuation.
Each append leaves a marker in the target's own transaction: which refresh wrote, how many rows, and a digest of them.
A continuation that finds the marker of an uncompleted refresh over the same rows undoes its work (`AlreadyLoaded`);
other rows are new, and are appended.  Databases keep markers in a table `TABLE` beside the target, Delta tables in the
properties of a commit, files in the workspace (`Journal`), where the file's identity tells whether its rename happened.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from attrs import define, field

from staging.store import files

#: The table of markers, in the schema of the target.
TABLE = "mlang_loads"
COLUMNS = ("load_key", "load_name", "run_id", "row_count", "row_digest", "loaded_at")


class AlreadyLoaded(Exception):
    """An uncompleted refresh appended just these rows: whoever catches it has nothing left to do."""


# ---------------------------------------------------------------- refreshes that did not complete


class Journal:
    """The refreshes of a dataflow since the last one that completed, and the files that they were about to replace."""

    def __init__(self, workspace: Path, dataflow: str) -> None:
        self.path = workspace / "loads" / (files.safe_name(dataflow) + ".open")
        self._lock = threading.Lock()

    def read(self) -> dict[str, Any]:
        """``runs``: ids; ``files``: marker by load."""
        try:
            found = json.loads(self.path.read_bytes())
        except (FileNotFoundError, ValueError):
            found = None  # damaged: nothing is known, and appends are made
        return (
            found
            if isinstance(found, dict) and {"runs", "files"} <= found.keys()
            else {"runs": [], "files": {}}
        )

    def begin(self, run: str) -> frozenset[str]:
        """Notes a refresh before it loads anything; gives those that did not complete."""
        with self._lock:
            found = self.read()
            before = frozenset(found["runs"])
            found["runs"] = [*found["runs"], run]
            self._write(found)
        return before

    def note(self, load: str, marker: dict[str, Any]) -> None:
        """Remembers what a file will be when its rename has happened."""
        with self._lock:
            found = self.read()
            found["files"][load] = marker
            self._write(found)

    def end(self) -> None:
        """The refresh is complete: the next one is no continuation."""
        self.path.unlink(missing_ok=True)

    def _write(self, found: dict[str, Any]) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        files.write_json(self.path, found)


# ---------------------------------------------------------------- one load


@define
class Digest:
    """The number of rows and a sum of their hashes; their order and their batches do not matter."""

    count: int = 0
    _sum: int = 0
    _connection: Any = field(default=None)

    @property
    def text(self) -> str:
        """The sum for markers."""
        return f"{self._sum % (1 << 128):032x}"

    def add(self, batch: Any) -> None:
        """Counts the rows of an Arrow batch or table."""
        import duckdb
        import pyarrow as pa

        if not batch.num_rows:
            return
        if self._connection is None:
            self._connection = duckdb.connect()
        columns = [f"c{i}" for i in range(len(batch.schema.names))]
        rows = pa.table(list(batch.columns), names=columns)
        self._connection.register("batch", rows)
        found = self._connection.execute(
            f"SELECT sum(CAST(hash({', '.join(columns) or '0'}) AS HUGEINT)) FROM batch"
        ).fetchall()
        self._connection.unregister("batch")
        self._sum += int(found[0][0])
        self.count += batch.num_rows


@define
class Once:
    """One append: its name for people, the refresh that makes it, and those that it may continue."""

    name: str
    run: str
    unfinished: frozenset[str]
    journal: Journal
    digest: Digest = field(factory=Digest)
    #: Why the target can't hold a marker, when it can't.
    missing: str | None = None

    @property
    def key(self) -> str:
        """What stands for this load in markers, whatever the length of its name."""
        return hashlib.sha256(self.name.encode("utf-8", "surrogatepass")).hexdigest()

    def check(self, run: str, count: int, digest: str) -> None:
        """`AlreadyLoaded` when a marker says that an uncompleted refresh appended these rows."""
        if run in self.unfinished and int(count) == self.digest.count and digest == self.digest.text:
            raise AlreadyLoaded(self.name)


# ---------------------------------------------------------------- tables of databases


def create(name: str, text: str = "varchar", guarded: bool = True) -> str:
    """The statement that makes the table of markers; ``text`` is the engine's type of Unicode texts."""
    head = f"CREATE TABLE {'IF NOT EXISTS ' if guarded else ''}{name}"
    return (
        f"{head} (load_key {text}(64) NOT NULL PRIMARY KEY, load_name {text}(255), "
        f"run_id {text}(64), row_count bigint, row_digest {text}(64), loaded_at {text}(40))"
    )


def settle(
    once: Once, name: str, run: Callable[[str], Sequence[Any]], text: Callable[[str], str], fresh: bool
) -> None:
    """Inside the transaction of the rows: leaves the marker; `AlreadyLoaded` when there is one of these rows.

    ``fresh`` tells that the target was made by this load: an older marker is of another table.
    """
    key = text(once.key)
    found = run(f"SELECT run_id, row_count, row_digest FROM {name} WHERE load_key = {key}")
    for old, count, digest in found if not fresh else ():
        once.check(_word(old), int(count), _word(digest))
    now = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    values = (once.key, once.name[:255], once.run, once.digest.count, once.digest.text, now)
    listed = ", ".join(str(v) if isinstance(v, int) else text(v) for v in values)
    run(f"DELETE FROM {name} WHERE load_key = {key}")
    run(f"INSERT INTO {name} ({', '.join(COLUMNS)}) VALUES ({listed})")


def _word(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


# ---------------------------------------------------------------- files


def identity(path: Path) -> dict[str, Any] | None:
    """What stays the same when a file is renamed; None when there is none."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return {"inode": found.st_ino, "size": found.st_size, "modified": found.st_mtime_ns}


def settle_file(once: Once, path: Path, temporary: Path) -> None:
    """Before the rename: remembers the file that comes; `AlreadyLoaded` when the one that is there has these rows."""
    old = once.journal.read()["files"].get(once.key)
    if isinstance(old, dict) and old.get("identity") == identity(path):
        once.check(str(old.get("run")), int(old.get("count", -1)), str(old.get("digest")))
    marker = {"run": once.run, "count": once.digest.count, "digest": once.digest.text}
    once.journal.note(once.key, {**marker, "identity": identity(temporary)})
