"""File.Contents, and what the file and folder connectors share: paths and lazy file content.

A path is made absolute against the session's base folder (the engine itself only takes
absolute paths); file:// addresses work, and backslashes where the system has none.
A file is opened when its bytes are needed; readers that can do with a path never ask for them.
"""

from __future__ import annotations

import os
from typing import Any

from mlang import errors, session
from mlang.library.arguments import options
from mlang.registry import builtin
from mlang.values.binary import LazyBinary

_OPTIONS = {"PreserveLastAccessTimes": None}


def absolute(path: str) -> str:
    """The path on this machine; as given when it is a Windows path that means nothing here."""
    found = session.current().resolve_path(path)
    if not _may_be_name(found):
        raise errors.file_not_found(found)
    if os.sep == "/" and "\\" in path:
        if path[1:2] == ":" or path.startswith("\\\\"):
            return found if os.path.exists(found) else path
        if not os.path.exists(found):
            return session.current().resolve_path(path.replace("\\", "/"))
    return found


def _may_be_name(path: str) -> bool:
    """Whether the system takes a text as a path: no NUL, no half of a surrogate pair."""
    try:
        return b"\0" not in os.fsencode(path)
    except UnicodeEncodeError:
        return False


def file_binary(path: str, meta: dict[str, Any] | None = None) -> LazyBinary:
    """The content of a file as a binary that is read on demand."""

    def read() -> bytes:
        try:
            with open(path, "rb") as stream:
                return stream.read()
        except OSError as error:
            raise os_error(error, path) from None

    def length() -> int:
        try:
            return os.stat(path).st_size
        except OSError as error:
            raise os_error(error, path) from None

    return LazyBinary(read, path=path, length=length, meta=meta)


def os_error(error: OSError, path: str) -> errors.MError:
    """What the engine says when the system refuses a file."""
    if isinstance(error, FileNotFoundError):
        return errors.file_not_found(path)
    if isinstance(error, PermissionError | IsADirectoryError):
        return errors.access_denied(path)
    return errors.cannot_read(path, error.strerror or error.__class__.__name__)


@builtin("File.Contents(path as text, optional options as nullable record) as binary")
def contents(path: str, option: dict[str, Any] | None = None) -> LazyBinary:
    """Gives the content of a file as a binary.

    Relative paths stand in the folder of the document.  The file must exist when the function is
    called; its bytes are read when they are needed.
    """
    options(option, "File.Contents", _OPTIONS)
    full = absolute(path)
    if not os.path.exists(full):
        raise errors.file_not_found(full)
    if os.path.isdir(full):
        raise errors.access_denied(full)
    return file_binary(full)
