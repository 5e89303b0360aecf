"""Folder.Files and Folder.Contents: listings with lazy content (DAT-18).

Rows come folder by folder in name order, the files of a folder before its subfolders;
nothing is listed before somebody reads the table, and no file is opened before somebody
reads its Content.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from typing import Any

from mlang import errors, session
from mlang.connectors.file import absolute, file_binary
from mlang.library.arguments import options
from mlang.registry import builtin
from mlang.tables.plan import Rows
from mlang.tables.table import Table
from mlang.values.temporal import MINUTE, DateTime
from mlang.values.types import ANY, BINARY, RECORD, TEXT, TableType, primitive, table_type

_OPTIONS = {"PreserveLastAccessTimes": None}
_EPOCH_TICKS = 621_355_968_000_000_000
_NAMES = (
    "Content", "Name", "Extension", "Date accessed", "Date modified", "Date created", "Attributes",
    "Folder Path",
)  # fmt: skip
#: Extension -> content type and the kind that the listing shows.
_KINDS = {
    ".csv": ("text/csv", "CSV File"),
    ".txt": ("text/plain", "Text File"),
    ".xlsx": ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "Excel File"),
    ".xlsm": ("application/vnd.ms-excel.sheet.macroEnabled.12", "Excel File"),
    ".xlsb": ("application/vnd.ms-excel.sheet.binary.macroEnabled.12", "Excel File"),
    ".xls": ("application/vnd.ms-excel", "Excel File"),
    ".xml": ("text/xml", "XML File"),
    ".json": ("application/json", "JSON File"),
    ".htm": ("text/html", "HTML File"),
    ".html": ("text/html", "HTML File"),
    ".accdb": ("application/msaccess", "Access File"),
    ".mdb": ("application/msaccess", "Access File"),
    ".pdf": ("application/pdf", "PDF File"),
    ".parquet": ("application/vnd.apache.parquet", "Parquet File"),
}


@builtin("Folder.Files(path as text, optional options as nullable record) as table")
def files(path: str, option: dict[str, Any] | None = None) -> Table:
    """Lists all files of a folder and its subfolders, with their properties and a link to their content."""
    options(option, "Folder.Files", _OPTIONS)
    root = _existing(path)
    return Table(Rows(_schema(BINARY), lambda: _walk(root), "Folder.Files"))


@builtin("Folder.Contents(path as text, optional options as nullable record) as table")
def contents(path: str, option: dict[str, Any] | None = None) -> Table:
    """Lists the files and folders of a folder; the content of a folder is again such a table."""
    options(option, "Folder.Contents", _OPTIONS)
    return _listing(_existing(path))


def _existing(path: str) -> str:
    full = absolute(path)
    if not os.path.isdir(full):
        raise errors.folder_not_found(full)
    return full


def _schema(content: Any) -> TableType:
    moment = primitive("datetime", True)
    schema = table_type(_NAMES, (content, TEXT, TEXT, moment, moment, moment, RECORD, TEXT))
    return TableType(schema.row, ((("Folder Path", "Name"), True),))


def _listing(folder: str) -> Table:
    return Table(Rows(_schema(ANY), lambda: _entries(folder), "Folder.Contents"))


def _scan(folder: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as found:
            named = {entry.name: entry for entry in found}
    except PermissionError:
        raise errors.access_denied(folder) from None
    except OSError:
        raise errors.folder_not_found(folder) from None
    return [named[name] for _, name in sorted((name.casefold(), name) for name in named)]


def _walk(folder: str) -> Iterator[tuple[Any, ...]]:
    folders = [folder]
    while folders:
        here = folders.pop()
        below = []
        for entry in _scan(here):
            if entry.is_dir():
                if not entry.is_symlink():  # a link may lead back up
                    below.append(entry.path)
            elif entry.is_file():
                yield _row(entry, here)
        folders.extend(reversed(below))


def _entries(folder: str) -> Iterator[tuple[Any, ...]]:
    for entry in _scan(folder):
        if entry.is_dir() or entry.is_file():
            yield _row(entry, folder)


def _row(entry: os.DirEntry[str], folder: str) -> tuple[Any, ...]:
    path = entry.path
    is_folder = entry.is_dir()
    content: Any = _listing(path) if is_folder else file_binary(path)
    status = entry.stat()
    extension = "" if is_folder else os.path.splitext(entry.name)[1]
    created = getattr(status, "st_birthtime_ns", None)
    return (
        content,
        entry.name,
        extension,
        _moment(status.st_atime_ns),
        _moment(status.st_mtime_ns),
        _moment(created if created is not None else min(status.st_ctime_ns, status.st_mtime_ns)),
        _attributes(entry, status, extension.lower(), is_folder),
        folder if folder.endswith(os.sep) else folder + os.sep,
    )


def _moment(nanoseconds: int) -> DateTime:
    """A file time on the session's local clock."""
    zone = session.current().time_zone
    seconds = nanoseconds // 1_000_000_000
    if zone:
        from mlang.culture.zones import local_offset

        minutes = local_offset(nanoseconds // 100 + _EPOCH_TICKS)
    else:
        minutes = time.localtime(seconds).tm_gmtoff // 60
    return DateTime(nanoseconds // 100 + _EPOCH_TICKS + minutes * MINUTE)


def _attributes(
    entry: os.DirEntry[str], status: os.stat_result, extension: str, is_folder: bool
) -> dict[str, Any]:
    content_type, kind = _KINDS.get(extension, (None, "File"))
    return {
        "Content Type": content_type,
        "Kind": "Folder" if is_folder else kind,
        "Size": None if is_folder else float(status.st_size),
        "ReadOnly": not status.st_mode & 0o200,
        "Hidden": entry.name.startswith("."),
        "System": False,
        "Directory": is_folder,
        "Archive": not is_folder,
        "Device": False,
        "Normal": False,
        "Temporary": False,
        "SparseFile": False,
        "ReparsePoint": entry.is_symlink(),
        "Compressed": False,
        "Offline": False,
        "NotContentIndexed": False,
        "Encrypted": False,
        "ChangeTime": _moment(status.st_ctime_ns),
        "SymbolicLink": entry.is_symlink(),
        "MountPoint": is_folder and os.path.ismount(entry.path),
    }
