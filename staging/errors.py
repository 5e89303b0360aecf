"""What staging itself reports: a broken dataflow, a locked workspace, a column that cannot be stored.

M errors of a query pass through as they are (`mlang.errors.MError`); `refresh.py` says which query
and which step they came from.
"""

from __future__ import annotations


class StagingError(Exception):
    """A failure with a message for people."""


class DataflowError(StagingError):
    """The files of a dataflow are missing, broken or contradict each other."""


class CannotStage(StagingError):
    """A column whose type or content a staged table cannot hold."""


class StagedDataMissing(StagingError):
    """Staged data were asked for and are not there (or were collected while being read)."""
