"""What a test comes to: plain data that crosses process borders."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlang.app.testing.coverage import Spot

PASSED, FAILED, ERROR, SKIPPED, UPDATED = "passed", "failed", "error", "skipped", "updated"
#: The exit code of a run with failed tests; 1 is a broken run, 2 wrong usage.
EXIT_FAILED = 3


@dataclass
class Outcome:
    """One test: its file and name, what happened, and why."""

    file: str
    name: str
    status: str
    message: str = ""
    details: list[str] = field(default_factory=list)
    line: int = 1
    seconds: float = 0.0
    #: Fixtures whose name the file has no step or query for.
    unbound: list[str] = field(default_factory=list)
    #: With coverage: what the tests of this file evaluated, told by the first of them.
    coverage: list[Spot] = field(default_factory=list)

    @property
    def bad(self) -> bool:
        """Whether it counts as failed."""
        return self.status in (FAILED, ERROR)

    @property
    def id(self) -> str:
        """``file::name``, or the file alone when it is one test."""
        return f"{self.file}::{self.name}" if self.name else self.file
