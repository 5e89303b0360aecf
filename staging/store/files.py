"""The few things a store asks of a file system: durable writes, atomic replacement, a lock, safe names.

A file is written under a temporary name, flushed to the disk and renamed; the folder is
flushed too, because a rename is a change of the folder.  Whoever is killed in between leaves a
temporary file that nobody names.  Read ``generations.py`` next.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from staging.errors import StagingError

try:
    import fcntl
except ImportError:  # no such module on Windows: the short guard around take-over is left out there
    fcntl = None  # type: ignore[assignment]

_UNSAFE = re.compile(r"[^A-Za-z0-9_.-]+")


def safe_name(name: str) -> str:
    """A folder name for any query name: readable, unique also where case does not count, never hidden."""
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    slug = _UNSAFE.sub("_", name).strip("._-")[:48]
    return f"{slug or 'query'}-{digest}"


def flush_file(path: Path) -> None:
    """Asks the disk to keep the file's content."""
    with open(path, "rb+") as handle:
        os.fsync(handle.fileno())


def flush_folder(path: Path) -> None:
    """Asks the disk to keep the folder's entries (where folders can be opened)."""
    if os.name == "nt":
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_atomically(path: Path, data: bytes) -> None:
    """Replaces a file by one rename: readers see the old bytes or the new ones."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with open(temporary, "wb") as handle:
            handle.write(data)
            handle.flush()
            os.fsync(handle.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    flush_folder(path.parent)


def write_json(path: Path, value: Any) -> None:
    """`write_atomically` for a JSON document."""
    write_atomically(path, (json.dumps(value, ensure_ascii=False, indent=1) + "\n").encode())


def remove(path: Path) -> None:
    """Removes a file or folder that nobody needs; what cannot go now is collected at the next refresh."""
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


_TEMPORARY = re.compile(r"\..+\.(\d+)\.(tmp|link)")
#: Seconds that a temporary file stays: its process may be one of another machine.
_FRESH = 600


def abandoned(path: Path) -> bool:
    """Whether a file is temporary, and nobody writes it any more."""
    match = _TEMPORARY.fullmatch(path.name)
    if match is None or alive(int(match[1])):
        return False
    try:
        return path.is_file() and abs(time.time() - path.stat().st_mtime) > _FRESH
    except OSError:
        return False


# ---------------------------------------------------------------- the writer's lock


def _process_start(pid: int) -> str:
    """Tells apart two processes that got the same number; empty where the system does not say."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as handle:
            return handle.read().rpartition(b")")[2].split()[19].decode()
    except (OSError, IndexError):
        return ""


def alive(pid: int) -> bool:
    """Whether a process of this machine runs."""
    if os.name == "nt":
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _holder(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text())
        return found if isinstance(found, dict) else {}
    except (OSError, ValueError):
        return {}


def _is_stale(path: Path) -> bool:
    """Whether the process that made the lock is gone.  An unreadable lock is being written, or is old."""
    holder = _holder(path)
    if not holder:
        try:
            return abs(time.time() - path.stat().st_mtime) > 10  # a clock may have been set back
        except OSError:
            return False
    if holder.get("host") != socket.gethostname():
        return False
    pid = int(holder.get("pid", 0))
    return not alive(pid) or holder.get("start", "") != _process_start(pid)


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """A short block that one process at a time runs: taking over a dead lock, appending to the history."""
    if fcntl is None:
        yield
        return
    with open(path.with_name(path.name + ".guard"), "wb") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _acquire(path: Path) -> None:
    me = {"pid": os.getpid(), "host": socket.gethostname(), "start": _process_start(os.getpid())}
    me["since"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    with exclusive(path):
        if path.exists() and _is_stale(path):
            path.unlink(missing_ok=True)
        try:
            _place(path, json.dumps(me).encode())
        except FileExistsError:
            raise StagingError(_held(path, _holder(path))) from None


def _place(path: Path, content: bytes) -> None:
    """Makes a file that does not exist, with its content at once: a killed writer leaves no empty lock."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        temporary.write_bytes(content)
        try:
            os.link(temporary, path)
        except FileExistsError:
            raise
        except OSError:  # a file system without second names
            with open(path, "xb") as handle:
                handle.write(content)
    finally:
        temporary.unlink(missing_ok=True)


def _held(path: Path, holder: dict[str, Any]) -> str:
    who = f"process {holder.get('pid', '?')} on {holder.get('host', '?')}, since {holder.get('since', '?')}"
    cure = "Wait for it, or stop it."
    if holder.get("host") not in (None, socket.gethostname()):
        cure = "If nothing refreshes there any more, remove the lock file."
    return f"Another refresh is running: {who} (lock file {path}). {cure}"


@contextmanager
def writer_lock(path: Path) -> Iterator[None]:
    """Holds the only right to write; a second writer is told who has it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    _acquire(path)
    try:
        yield
    finally:
        holder = _holder(path)  # another's, where somebody removed ours by hand
        if holder.get("pid") == os.getpid() and holder.get("host") == socket.gethostname():
            path.unlink(missing_ok=True)
