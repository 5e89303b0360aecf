"""The pages of the documentation on errors, for people without a browser: which one is about an error, and its text.

They are written in docs/errors and installed as data of the package.  ``mlang help NAME`` and ``:help NAME`` show them.
"""

from __future__ import annotations

import re
from pathlib import Path

from mlang.errors import MError

#: The beginning of a message, and the name of the page that explains it.
PAGES: list[tuple[str, str]] = [
    (r"doesn't exist in the current context|Did you miss a module reference", "unknown-name"),
    (r"^We cannot convert (the value|a value of type)", "conversion"),
    (r"^We cannot apply (operator|field access|indexing)", "operator"),
    (r"^The field '.*' of the record wasn't found", "field"),
    (r"^The column '.*' of the table wasn't found", "column"),
    (r"^The field '.*' already exists in the record", "duplicate-name"),
    (r"arguments were passed to a function which expects", "arguments"),
    (r"^The key (didn't match any rows|matched more than one row)", "key"),
    (r"^There (weren't enough|were too many) elements in the enumeration", "enumeration"),
    (r"couldn't parse the input provided as a|couldn't convert to Number", "parse"),
    (r"^A cyclic reference was encountered", "cyclic"),
    (r"resulted in a stack overflow", "stack-overflow"),
    (r"^Could not find (file|a part of the path)", "file"),
    (r"keys were specified, but", "columns-and-values"),
    (r"number is out of range|falls outside the range of allowed values", "out-of-range"),
    (r"in the JSON input|end of JSON input", "json"),
    (r"^found .*, expected", "syntax"),
]
_INDEX = "index"
_LINK = re.compile(r"\[([^\]]+)\]\([^)]*\)")


def page_of(error: BaseException) -> str | None:
    """The name of the page on an error; None when it has none."""
    if not isinstance(error, MError):
        from mlang.syntax.failure import MSyntaxError

        return "syntax" if isinstance(error, MSyntaxError) else None
    return page_about(error.message_format) or page_about(error.message)


def page_about(message: str | None) -> str | None:
    """The name of the page on a message."""
    return next((page for pattern, page in PAGES if message and re.search(pattern, message)), None)


def names() -> list[str]:
    """The names of all pages."""
    return list(dict.fromkeys(page for _, page in PAGES))


def page_text(name: str) -> str | None:
    """A page as it is read on a terminal: links are their words, blocks of code are indented; None without one."""
    if name not in (*names(), _INDEX):
        return None
    path = next((p for p in _places(f"{name}.md") if p.is_file()), None)
    return None if path is None else _plain(path.read_text(encoding="utf-8"))


def _places(file: str) -> list[Path]:
    """Where a page may be: in the checkout, or with the data of an installation (environment, user, folder)."""
    import os
    import sysconfig

    home = Path(__file__).resolve().parents[2]
    roots = [home, Path(sysconfig.get_path("data")), Path(sysconfig.get_path("data", f"{os.name}_user"))]
    return [home / "docs" / "errors" / file, *(r / "share" / "mlang" / "errors" / file for r in roots)]


def _plain(text: str) -> str:
    lines = []
    inside = False
    for line in text.splitlines():
        if line.startswith("```"):
            inside = not inside
        elif inside:
            lines.append("    " + line)
        else:
            lines.append(_LINK.sub(r"\1", line))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines))
