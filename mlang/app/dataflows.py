"""The commands over dataflows: ``refresh``, ``staging list`` and ``history``.

A place is a dataflow (folder or section document) or a folder that holds a workspace.
"""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mlang.app.cli import Problem
from mlang.app.render import print_grid
from staging import history
from staging.errors import DataflowError, StagingError
from staging.refresh import Refresh, Watcher
from staging.store import files, published
from staging.store.manifest import Manifest
from staging.store.published import Snapshot
from staging.tasks import ACTIVITY
from staging.workspace import ITEMS, Workspace

_STAGE, _USAGE, _CANCELLED = 1, 2, 130


# ---------------------------------------------------------------- refresh


def refresh_dataflow(refresh: Refresh, as_json: bool) -> int:
    """Refreshes and prints the summary; 0 only when every query is done."""
    with _terminated(), _watching(as_json) as watcher:
        refresh.watcher = watcher
        try:
            run = refresh.run()
        except DataflowError as error:  # before anything ran: an unknown parameter or query, a circle
            raise Problem(str(error), _USAGE) from None
        except StagingError as error:
            raise Problem(str(error)) from None
    if as_json:
        print(json.dumps(run.to_json(), ensure_ascii=False, indent=1))
    else:
        _summary(run)
    if run.status == history.CANCELLED:
        return _CANCELLED
    return 0 if run.status == history.COMPLETED else _STAGE


@contextmanager
def _terminated() -> Iterator[None]:
    """A polite kill ends the refresh as Ctrl-C does: recorded, nothing half done."""

    def stop(number: int, frame: Any) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _watching(as_json: bool) -> Iterator[Watcher]:
    """A progress bar on a terminal, nothing in a pipe."""
    if as_json or not sys.stderr.isatty():
        yield Watcher()
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed}/{task.total}"),
        TextColumn("{task.fields[rows]}"), TimeElapsedColumn(),
    )  # fmt: skip
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        yield _Bar(progress)


class _Bar(Watcher):
    def __init__(self, progress: Any) -> None:
        self.progress = progress
        self.task = progress.add_task("Refreshing", total=None, rows="")

    def begin(self, total: int) -> None:
        self.progress.update(self.task, total=total)

    def start(self, query: str, kind: str) -> None:
        verb = "Loading" if kind == ACTIVITY else "Staging"
        self.progress.update(self.task, description=f"{verb} {query}", rows="")

    def rows(self, query: str, count: int) -> None:
        self.progress.update(self.task, rows=f"{count:,} rows")

    def done(self, result: history.QueryRun) -> None:
        self.progress.update(self.task, advance=1)


def _summary(run: history.Run) -> None:
    """The table on stdout, warnings and errors on stderr."""
    print_grid(_HEAD, [_summary_row(q) for q in run.queries], frozenset((2, 3, 5)))
    for query in run.queries:
        for column, count in query.errors.items():
            cells = "1 error cell" if count == 1 else f"{count} error cells"
            print(
                f"Warning: query '{query.query}', column '{column}': {cells} stored as null.", file=sys.stderr
            )
        if query.drift:
            print(f"Schema: {query.drift}", file=sys.stderr)
        if query.retries and query.status == history.COMPLETED:
            print(f"Note: query '{query.query}' needed {query.retries} more attempts.", file=sys.stderr)
        if query.note:
            print(f"Note: query '{query.query}' {query.note}.", file=sys.stderr)
        if query.error:
            print(f"Error: {query.error}", file=sys.stderr)
    print(f"{run.status} in {run.seconds:.1f} s.", file=sys.stderr)


_HEAD = ["Query", "Kind", "Rows", "Bytes", "Engine", "Seconds", "Status"]


def _summary_row(query: history.QueryRun) -> list[str]:
    kind = "staged" if query.kind != ACTIVITY else f"→ {query.target or 'destination'}"
    return [
        query.query, kind, _number(query.rows), size_text(query.bytes), query.engine,
        f"{query.seconds:.2f}", query.status,
    ]  # fmt: skip


def _number(count: int | None) -> str:
    return "" if count is None else f"{count:,}"


def size_text(count: int | None) -> str:
    """Bytes for people: 512 B, 12.3 kB, 4.5 MB."""
    if count is None:
        return ""
    size = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{int(size)} B" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"


# ---------------------------------------------------------------- staging list


def found_workspace(place: Path, given: Path | None) -> tuple[Workspace, str | None]:
    """The workspace of a place, and the dataflow when the place is one."""
    is_dataflow = place.is_file() or (place / "mashup.pq").is_file()
    key = place.resolve().name if is_dataflow else None
    if given is not None:
        return Workspace(given), key
    if is_dataflow:
        return Workspace.beside(place), key
    if not place.is_dir():
        raise Problem(f"There is nothing at {place}.", _USAGE)
    return Workspace(place if place.name == ".mlang" else place / ".mlang"), None


def _tables(workspace: Workspace, key: str | None) -> Iterator[tuple[Snapshot, str]]:
    snapshots = [published.read(workspace.path, key)] if key else published.all_snapshots(workspace.path)
    for snapshot in snapshots:
        for query in sorted(snapshot.entries):
            yield snapshot, query


def list_staging(place: Path, everything: bool, given: Path | None, as_json: bool) -> int:
    """Lists what readers get; with ``everything`` also where it lies and what is kept behind it."""
    workspace, key = found_workspace(place, given)
    try:
        listed = [_listed(*entry, everything) for entry in _tables(workspace, key)]
    except StagingError as error:
        raise Problem(str(error)) from None
    rows = [row for entry in listed for row in entry]
    if as_json:
        print(json.dumps(rows, ensure_ascii=False, indent=1))
        return 0
    if not rows:
        print(_nothing_staged(workspace, key), file=sys.stderr)
        return 0
    head = ["Dataflow", "Query", "Generation", "Rows", "Bytes", "Engine", "Created"]
    keys = ["dataflow", "query", "generation", "rows", "bytes", "engine", "created"]
    if everything:
        head, keys = [*head, "Item", "Served"], [*keys, "item", "served"]
    print_grid(head, [[_shown(k, r[k]) for k in keys] for r in rows], frozenset((2, 3, 4)))
    return 0


def _nothing_staged(workspace: Workspace, key: str | None) -> str:
    """Where was looked, and how to look elsewhere."""
    if workspace.path.is_dir():
        whose = f" of the dataflow {key}" if key is not None else ""
        return f"Nothing is staged{whose}. Looked in {workspace.path.absolute()}."
    return (
        f"Nothing is staged: there is no folder {workspace.path.absolute()}. Name a dataflow "
        "(mlang staging list DATAFLOW), a folder that holds a .mlang folder, or the folder "
        "of staged data itself with --workspace."
    )


def _shown(key: str, value: Any) -> str:
    if key == "bytes":
        return size_text(value)
    if key == "rows":
        return _number(value)
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


def _listed(snapshot: Snapshot, query: str, everything: bool) -> list[dict[str, Any]]:
    entry, place = snapshot.entries[query], snapshot.place(query)
    rows = []
    for generation in entry.kept if everything else entry.kept[:1]:
        found = place.read(generation)
        if found is None:
            continue
        row: dict[str, Any] = {
            "dataflow": found.dataflow, "query": found.query, "generation": found.generation,
            "rows": found.rows, "bytes": found.bytes, "engine": found.engine, "created": found.created,
            "errors": found.errors,
            "columns": {c.name: t for c, t in zip(found.columns, _types(found), strict=True)},
        }  # fmt: skip
        if everything:
            row |= {"item": entry.item, "served": generation == entry.generation}
            row["files"] = [str(place.folder / p.file) for p in found.parts]
        rows.append(row)
    return rows


def _types(found: Manifest) -> list[str]:
    from staging.types import type_label

    return [type_label(c.type) for c in found.columns]


def show_staged(path: Path, query: str, output: Path | None, given: Path | None, as_json: bool) -> int:
    """Prints the staged rows of a query."""
    from mlang.app.running import output_value
    from mlang.compile.entry import run
    from staging.refresh import staged_value

    workspace = Workspace(given) if given is not None else Workspace.beside(path)
    try:
        table = staged_value(workspace, path.resolve().name, query)
    except StagingError as error:
        raise Problem(str(error)) from None
    return run(lambda: output_value(table, output, as_json))


def drop_staged(path: Path, given: Path | None) -> int:
    """Removes the staged data of a dataflow, whether it still exists or not."""
    workspace = Workspace(given) if given is not None else Workspace.beside(path)
    key = path.resolve().name
    if not published.snapshot_path(workspace.path, key).exists():
        raise Problem(f"Nothing is staged of {key} in {workspace.path}.")
    try:
        with files.writer_lock(workspace.lock(key)):
            published.drop(workspace.path, key, ITEMS)
    except StagingError as error:
        raise Problem(str(error)) from None
    print(f"Dropped the staged data of {key}.", file=sys.stderr)
    return 0


# ---------------------------------------------------------------- history


def show_history(
    place: Path, limit: int, run_id: str | None, given: Path | None, as_json: bool, as_csv: bool = False
) -> int:
    """Lists runs, or the queries of one run."""
    workspace, key = found_workspace(place, given)
    runs = [r for r in history.read(workspace.history) if key is None or r["dataflow"] == key]
    if as_csv:
        chosen = runs[:limit] if run_id is None else [r for r in runs if r["id"].startswith(run_id)]
        sys.stdout.write(history.csv_text(chosen))
        return 0
    if run_id is not None:
        return _one_run([r for r in runs if r["id"].startswith(run_id)], run_id, as_json)
    runs = runs[:limit]
    if as_json:
        print(json.dumps(runs, ensure_ascii=False, indent=1))
        return 0
    if not runs:
        print("There were no refreshes.", file=sys.stderr)
        return 0
    rows = [
        [
            r["id"][:8],
            r["dataflow"],
            r["start"],
            f"{r['seconds']:.1f}",
            r["type"],
            r["status"],
            str(len(r["queries"])),
        ]
        for r in runs
    ]
    print_grid(["Run", "Dataflow", "Start", "Seconds", "Type", "Status", "Queries"], rows, frozenset((3, 6)))
    return 0


def _one_run(runs: list[dict[str, Any]], run_id: str, as_json: bool) -> int:
    if not runs:
        raise Problem(f"There is no run {run_id}.", _USAGE)
    run = runs[0]
    if as_json:
        print(json.dumps(run, ensure_ascii=False, indent=1))
        return 0
    queries = [history.QueryRun(**q) for q in run["queries"]]
    print_grid(_HEAD, [_summary_row(q) for q in queries], frozenset((2, 3, 5)))
    for query in queries:
        for text in (query.error, query.note):
            if text:
                print(f"{query.query}: {text}", file=sys.stderr)
    return 0
