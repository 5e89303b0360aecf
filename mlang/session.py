"""Everything ambient: culture, clock, time zone, seed, parameters, base folder, credentials, limits, engine.

Nothing of this is global.  An evaluation runs inside a `Session`, and library code
asks ``session.current()`` for it.  Values that outlive the evaluation (tables) keep
the session they were made in.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

TYPE_CHECKING = False
if TYPE_CHECKING:  # typing costs more to import than all of this
    from typing import Any


class Session:
    """One evaluation's surroundings.

    ``clock`` gives UTC ticks since 0001-01-01 (100 ns); None is the system clock.
    ``runner`` runs a table plan (``tables/plan.py``) and yields batches; None is the
    interpreter (``tables/local.py``); the front door installs the folding one.
    ``engine`` is "auto", "duckdb", "spark" (docs/spark.md) or "none" (interpret everything);
    ``memory_limit`` what DuckDB may take, as "4GB" or "25%" (MLANG_MEMORY_LIMIT; else half of the memory).
    """

    def __init__(
        self,
        *,
        culture: str | None = None,
        time_zone: str | None = None,
        clock: Callable[[], int] | None = None,
        seed: int | None = None,
        parameters: dict[str, Any] | None = None,
        base_dir: str | None = None,
        credentials: dict[tuple[str, str], Any] | None = None,
        privacy: dict[tuple[str, str], str] | None = None,
        engine: str | None = None,
        number_mode: str = "exact",
        memory_limit: str | None = None,
        runner: Callable[..., Iterator[Any]] | None = None,
        variables: dict[str, Any] | None = None,
        workspace: str | None = None,
        workbook: str | None = None,
    ) -> None:
        self.culture = culture if culture is not None else os.environ.get("MLANG_CULTURE", "en-US")
        self.time_zone = time_zone if time_zone is not None else os.environ.get("TZ", "")
        self.clock = clock
        self.seed = seed
        self.parameters = dict(parameters or {})
        self.base_dir = base_dir
        self.credentials = dict(credentials or {})
        self.privacy = dict(privacy or {})
        self.engine = engine if engine is not None else os.environ.get("MLANG_ENGINE", "auto")
        self.number_mode = number_mode
        limit = memory_limit if memory_limit is not None else os.environ.get("MLANG_MEMORY_LIMIT")
        self.memory_limit = limit or None
        self.runner = runner
        self.variables = dict(variables or {})
        #: Folder of the staged data that the dataflow connector reads; None: the one beside the document.
        self.workspace = workspace
        #: The workbook that Excel.CurrentWorkbook means; None: the text is in none.
        self.workbook = workbook
        #: Makes the connector's `WorkspaceReader` for this session; the front doors set it.
        self.workspace_reader: Callable[[Session], Any] | None = None
        #: Gives the M text of SQL over tables of some names; the front doors set it.
        self.sql_translator: Callable[[str, Iterable[str]], str] | None = None
        #: What Value.Firewall("Section1/Name") gives; only a refresh has such a thing.
        self.firewall: Callable[[str], Any] | None = None
        #: Values frozen at first use within this evaluation (fixed clocks, response caches).
        self.fixed: dict[Any, Any] = {}

    def now_utc(self) -> int:
        """Ticks since 0001-01-01 of the session's clock, in UTC."""
        if self.clock is not None:
            return self.clock()
        import time

        return time.time_ns() // 100 + 621_355_968_000_000_000

    def resolve_path(self, path: str) -> str:
        """A local path or file:// address as an absolute path; relative ones stand in the base folder."""
        if path[:7].lower() == "file://":
            from urllib.parse import unquote, urlsplit

            path = unquote(urlsplit(path).path)
        path = os.path.expanduser(path) if path.startswith("~") else path
        return os.path.abspath(os.path.join(self.base_dir or os.getcwd(), path))


_CURRENT: ContextVar[Session | None] = ContextVar("mlang_session", default=None)
_default: Session | None = None


def current() -> Session:
    """The session of the running evaluation, or a default one outside any."""
    session = _CURRENT.get()
    if session is not None:
        return session
    global _default
    if _default is None:
        _default = Session()
    return _default


@contextmanager
def use(session: Session) -> Iterator[Session]:
    """Runs a block inside a session."""
    token = _CURRENT.set(session)
    try:
        yield session
    finally:
        _CURRENT.reset(token)
