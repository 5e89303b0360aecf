"""What DuckDB may use of this machine: a share of the memory, and a folder for what does not fit.

The engine of the process takes up to half of the memory for each of its databases (`database.py`), or what the
session's ``memory_limit`` says (a size, ``"4GB"``, or a share, ``"25%"``; also MLANG_MEMORY_LIMIT).  What is larger
goes to a folder under the system's folder for temporary files, which vanishes with the process; folders that killed
processes left are removed by the next one.
"""

from __future__ import annotations

import atexit
import os
import re
import shutil
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from sqlglot import exp

from mlang.errors import Fault

#: What each database takes where nobody says.
SHARE = "50%"
_PREFIX = "mlang-spill-"
_NAME = re.compile(_PREFIX + r"(\d+)-")


@cache
def spill_folder() -> str:
    """The folder of this process; only its user may look into it."""
    sweep(Path(tempfile.gettempdir()))
    folder = tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-")
    atexit.register(_remove, folder, os.getpid())
    return folder


def _remove(folder: str, owner: int) -> None:
    if os.getpid() == owner:  # not in a process that was forked
        shutil.rmtree(folder, ignore_errors=True)


def sweep(place: Path) -> None:
    """Removes the folders of processes that are no more."""
    if os.name != "posix":
        return  # elsewhere asking for a process may end it
    for folder in place.glob(_PREFIX + "*"):
        found = _NAME.match(folder.name)
        if found is not None and folder.stat().st_uid == os.getuid() and not _lives(int(found[1])):
            shutil.rmtree(folder, ignore_errors=True)


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def limit_memory(database: Any, limit: str) -> None:
    """Sets what a database may take; `Fault` when that is no size or share."""
    import duckdb

    setting = exp.SetItem(
        this=exp.EQ(this=exp.Var(this="memory_limit"), expression=exp.Literal.string(limit))
    )
    try:
        database.execute(exp.Set(expressions=[setting]).sql("duckdb"))
    except duckdb.Error as error:
        text = str(error).partition("\n")[0]
        raise Fault(f"The memory limit '{limit}' cannot be set: {text}") from None
