"""What staging itself reports: a broken dataflow, a locked workspace, a column that cannot be stored.

M errors of a query pass through as they are (`mlang.errors.MError`); `refresh.py` says which query
and which step they came from.
"""

from __future__ import annotations

import errno

from mlang.errors import MError


class StagingError(Exception):
    """A failure with a message for people."""


class DataflowError(StagingError):
    """The files of a dataflow are missing, broken or contradict each other."""


class CannotStage(StagingError):
    """A column whose type or content a staged table cannot hold."""


class StagedDataMissing(StagingError, MError):
    """Staged data were asked for and are not there (or were collected while being read).

    M's ``try`` sees it: a query that reads another dataflow may have something else to say.
    """

    def __init__(self, message: str) -> None:
        MError.__init__(self, "DataSource.Error", message)


_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_ROOM = "Free some room (mlang staging gc --dry-run shows what can go) and refresh again."
_RIGHTS = "Change the rights of the file and its folder, or choose another place, and refresh again."
#: What engines and file systems say, in small letters, and the cure.
_CURES = (
    (
        ("no space left", "disk is full", "disk full", "file too large", "out of disk", "quota exceeded"),
        _ROOM,
    ),
    (("permission denied", "readonly database", "read-only file system", "operation not permitted"), _RIGHTS),
)


def os_error(error: OSError) -> str:
    """What the file system refused, with the cure where there is one."""
    if error.errno in _FULL:
        return f"The disk is full. The last good data are still served. {_ROOM}"
    where = f" ({error.filename})" if error.filename else ""
    return f"{error.strerror or error}{where}."


def cure_of(text: str) -> str:
    """What to do when a disk is full or its rights are missing, as an engine said it; empty for anything else."""
    small = text.lower()
    return next((cure for said, cure in _CURES if any(words in small for words in said)), "")
