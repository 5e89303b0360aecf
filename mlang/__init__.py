"""Power Query M anywhere: the front door.

    >>> import mlang
    >>> mlang.to_m(mlang.evaluate("List.Sum({1..10})"))
    '55'

`evaluate` gives M values (see ``values/kinds.py`` for what they are in Python),
`to_m` their M text, `to_python` plain Python objects, `explain` what folds and why.
Everything else is loaded when it is first needed.
"""

from __future__ import annotations

from mlang.errors import Fault, MError
from mlang.session import Session

TYPE_CHECKING = False
if TYPE_CHECKING:  # typing costs more to import than all of this
    from collections.abc import Iterable
    from os import PathLike
    from typing import Any

__version__ = "0.1.0"
__all__ = [
    "Fault", "MError", "MSyntaxError", "Session", "evaluate", "explain", "parse", "to_m", "to_python",
]  # fmt: skip


def evaluate(
    source: str,
    *,
    query: str | None = None,
    base_dir: str | None = None,
    parameters: dict[str, Any] | None = None,
    bind: dict[str, Any] | None = None,
    extensions: Iterable[str | PathLike[str]] = (),
    culture: str | None = None,
    filename: str | None = None,
    **session: Any,
) -> Any:
    """Evaluates M text and returns the value, forced to its outer constructor.

    ``source`` is an expression or a section document; then ``query`` names the member
    (it may be left out when one member is shared).  ``parameters`` replaces members by
    Python values; ``bind`` replaces steps and queries at any depth (``Step``, ``Query`` or
    ``Query/Step``) by Python values, frames, functions, or the content of the file that a
    `pathlib.Path` names; ``extensions`` are modules (.pq, .mez, .pqx) whose shared members the
    text may use; ``base_dir`` is where relative file names start; ``culture`` defaults
    to ``MLANG_CULTURE``, else en-US; further keywords are those of `Session`.
    Raises `MError` for M errors and `MSyntaxError` for texts that are no M.
    """
    from mlang.app.api import evaluate as evaluate_text

    return evaluate_text(
        source, query, filename, parameters, bind, extensions, base_dir=base_dir, culture=culture, **session
    )


def parse(source: str, filename: str | None = None) -> Any:
    """The syntax tree of M text (``syntax/nodes.py``); raises `MSyntaxError`."""
    from mlang.syntax import parse_document

    return parse_document(source, filename)


def to_m(value: Any) -> str:
    """The M text of a value, everything in it evaluated; evaluating the text gives an equal value."""
    from mlang.compile.entry import run
    from mlang.values import show

    return run(lambda: show.to_m(value))


def to_python(value: Any) -> Any:
    """A value as plain Python: dict, list, date, datetime, timedelta …; a table is a list of dicts."""
    from mlang.app.api import to_python as convert

    return convert(value)


def explain(
    source: str,
    *,
    query: str | None = None,
    bind: dict[str, Any] | None = None,
    extensions: Iterable[str | PathLike[str]] = (),
    base_dir: str | None = None,
    **session: Any,
) -> Any:
    """What folds: per step of a query its indicator, engine, SQL and the reason where it does not."""
    from mlang.app.api import explain as explain_text

    return explain_text(source, query, bind, extensions, base_dir=base_dir, **session)


def load_ipython_extension(ipython: Any) -> None:
    """What ``%load_ext mlang`` calls: the magics ``%%m`` and ``%m``."""
    from mlang.app.notebook.magic import register

    register(ipython)


def __getattr__(name: str) -> Any:
    if name == "MSyntaxError":
        from mlang.syntax import MSyntaxError

        return MSyntaxError
    raise AttributeError(name)
