"""One file replaced atomically: written under a temporary name, flushed, renamed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from staging.dataflow import DestinationSettings
from staging.destinations.once import Once, settle_file
from staging.errors import DataflowError
from staging.store import files
from staging.store.files import flush_file, flush_folder


@contextmanager
def replacing(path: Path, settings: DestinationSettings, once: Once | None = None) -> Iterator[Path]:
    """A temporary path in the target's folder; becomes the target when the block ends well."""
    if path.is_dir():
        raise DataflowError(f"The destination {path} is a folder.")
    if not path.exists() and not settings.allow_creation:
        raise DataflowError(f"The file {path} doesn't exist, and AllowCreation is false.")
    path.parent.mkdir(parents=True, exist_ok=True)
    for left in path.parent.iterdir():  # what killed loads of this file left
        if left.name.startswith(f".{path.name}.") and files.abandoned(left):
            left.unlink(missing_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        yield temporary
        flush_file(temporary)
        if once is not None:
            settle_file(once, path, temporary)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    flush_folder(path.parent)
