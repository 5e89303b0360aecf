"""Culture.Current: the session's culture as a text value (FUN-13).

It is no function and no fixed value either: `Ambient` is a constant that asks the
running session whenever it is looked at.
"""

from __future__ import annotations

from collections.abc import Callable

from mlang.registry import BUILTINS, Constant
from mlang.session import current


class Ambient(Constant):
    """A constant whose value belongs to the session."""

    __slots__ = ("read",)

    def __init__(self, name: str, read: Callable[[], str], doc: str, module: str) -> None:
        self.name, self.read, self.doc, self.module = name, read, doc, module

    @property
    def value(self) -> str:
        """What the running session says."""
        return self.read()


BUILTINS["Culture.Current"] = Ambient(
    "Culture.Current", lambda: current().culture, "The name of the current culture, such as en-US.", __name__
)
