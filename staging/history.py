"""The refresh history: one JSON line per run in the workspace; the newest 250 are kept.

Per query: status, rows, bytes, the engine in the product's four words (NA, Folded, Cached,
Cached + Folded), error.  Parameter values and credentials never get here (`redact`).
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from attrs import asdict, define, field

from staging.store import files

KEEP = 250
#: Cached: written to a staging store.  Folded: read by SQL from another staged query.
NA, FOLDED, CACHED, CACHED_FOLDED = "NA", "Folded", "Cached", "Cached + Folded"
COMPLETED, FAILED, SKIPPED, CANCELLED = "Completed", "Failed", "Skipped", "Cancelled"
#: What is staged was used again (``reuse.py``).
REUSED = "Cached"


def now() -> str:
    """The moment, as runs note it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@define
class QueryRun:
    """What one query did: ``kind`` is "Table" for staging and "Activity" for a destination."""

    query: str
    kind: str
    status: str
    start: str
    seconds: float = 0.0
    rows: int | None = None
    bytes: int | None = None
    engine: str = NA
    target: str | None = None
    errors: dict[str, int] = field(factory=dict)
    error: str | None = None
    note: str | None = None
    retries: int = 0
    #: How the columns changed since the last refresh.
    drift: str | None = None


@define
class Run:
    """One refresh of a dataflow."""

    id: str
    dataflow: str
    start: str
    end: str
    status: str
    seconds: float
    type: str = "Manual"
    queries: list[QueryRun] = field(factory=list)
    error: str | None = None

    def to_json(self) -> dict[str, Any]:
        """The line that is stored."""
        return asdict(self)


_SECRET = re.compile(
    r"(?i)\b(password|passwd|pwd|secret|token|accountkey|sharedaccesskey|api[_-]?key|sig|signature|code)"
    r"(\s*[=:]\s*)(\"[^\"]*\"|'[^']*'|[^\s;&,\"')\]]+)"
)
_USER_INFO = re.compile(r"(?i)\b([a-z][a-z0-9+.-]*://)[^/\s@:]+:[^/\s@]+@")
_BEARER = re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9+/._=-]{8,}")


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """The text without credentials: the known ones, and whatever is spelt like one."""
    for secret in sorted(set(secrets), key=len, reverse=True):
        if len(secret) >= 3:
            text = text.replace(secret, "***")
    text = _USER_INFO.sub(r"\1***@", text)
    text = _BEARER.sub(r"\1 ***", text)
    return _SECRET.sub(r"\1\2***", text)


#: The columns that Gen1 documents (behaviour 64).
CSV_COLUMNS = (
    "Requested on", "Dataflow name", "Dataflow refresh status", "Entity name", "Partition name",
    "Refresh status", "Start time", "End time", "Duration", "Rows processed", "Bytes processed",
    "Max commit (KB)", "Processor Time", "Wait time", "Compute engine", "Error",
)  # fmt: skip


def csv_text(runs: Iterable[dict[str, Any]]) -> str:
    """The queries of runs as delimited text; what is not measured stays empty."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(CSV_COLUMNS)
    for run in runs:
        for query in run["queries"]:
            end = datetime.fromisoformat(query["start"]) + timedelta(seconds=query["seconds"])
            minutes, seconds = divmod(round(query["seconds"]), 60)
            writer.writerow([
                run["start"], run["dataflow"], run["status"], query["query"],
                "FullRefreshPolicyPartition" if query["kind"] == "Table" else query["target"], query["status"],
                query["start"], end.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
                f"{minutes // 60:02d}:{minutes % 60:02d}:{seconds:02d}", query["rows"], query["bytes"],
                None, None, None, query["engine"], query["error"],
            ])  # fmt: skip
    return out.getvalue()


def append(path: Path, run: Run) -> None:
    """Adds a run and drops those beyond the newest 250; dataflows of a workspace share the file."""
    with files.exclusive(path):
        lines = _lines(path)[-(KEEP - 1) :]
        lines.append(json.dumps(run.to_json(), ensure_ascii=False))
        files.write_atomically(path, ("\n".join(lines) + "\n").encode("utf-8", "surrogatepass"))


def read(path: Path) -> list[dict[str, Any]]:
    """All runs, newest first; a line that is no run is left out."""
    found = []
    for line in reversed(_lines(path)):
        try:
            run = json.loads(line)
        except ValueError:
            continue
        if isinstance(run, dict) and "id" in run:
            found.append(run)
    return found


def _lines(path: Path) -> list[str]:
    try:
        lines = path.read_bytes().split(b"\n")
    except FileNotFoundError:
        return []
    return [_decoded(line) for line in lines if line.strip()]


def _decoded(line: bytes) -> str:
    try:
        return line.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:  # damaged: no run, and no reason to lose the others
        return line.decode("utf-8", "replace")
