"""What could be typed next: names, library functions with their signatures, columns and fields, commands.

`Completer` knows nothing of a terminal; ``repl.py`` hands its answers to the line editor.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from mlang import registry
from mlang.errors import Fault
from mlang.syntax.vocabulary import KEYWORDS
from mlang.values.show import identifier

_WORD = re.compile(r"[\w#.@]*\Z")
_FIELD = re.compile(
    r"(?P<target>[A-Za-z_]\w*(?:\.\w+)*)?\s*(?P<path>(?:\{\d+\})?)\[+\s*(?P<part>[^\[\]{}\"=,;]*)\Z"
)
_OPENED = re.compile(r"\b[\w.]+\(\s*(?P<table>[A-Za-z_]\w*(?:\.\w+)*|#\"[^\"]*\")\s*,")
_COLUMN_TEXT = re.compile(
    r"\b(?:Table|List|Record)\.\w+\(\s*(?P<table>[A-Za-z_]\w*)\s*,[^()]*\"(?P<part>[^\"]*)\Z"
)


@dataclass(frozen=True)
class Candidate:
    """A completion: the text, how many characters before the cursor it replaces, and what it is."""

    text: str
    replaces: int
    about: str = ""


class Completer:
    """Completes with the names of a conversation; ``fields`` gives the columns or fields of a named value."""

    def __init__(
        self,
        names: Callable[[], Iterable[str]],
        fields: Callable[[str], Iterable[tuple[str, str]]],
        commands: Iterable[str] = (),
    ) -> None:
        self.names, self.fields, self.commands = names, fields, tuple(commands)
        self._library: list[tuple[str, str, str]] | None = None

    def library(self) -> list[tuple[str, str, str]]:
        """All library names: in small letters, as written, and their signature; loaded once."""
        if self._library is None:
            registry.load_all()
            self._library = sorted((n.lower(), n, about(e)) for n, e in registry.BUILTINS.items())
        return self._library

    def complete(self, before: str) -> Iterator[Candidate]:
        """The candidates for a text up to the cursor, best first."""
        if before.startswith(":") and " " not in before:
            yield from (Candidate(c, len(before)) for c in self.commands if c.startswith(before))
            return
        text = _COLUMN_TEXT.search(before)
        if text is not None:
            yield from self._members(text["table"], text["part"], lambda name: name.replace('"', '""'))
            return
        if before.count('"') % 2:
            return
        field = _FIELD.search(before)
        if field is not None:
            found = list(self._members(self._target(before, field), field["part"], str))
            if found:
                yield from found
                return
        yield from self._words(before)

    def _target(self, before: str, field: re.Match[str]) -> str:
        """The value whose fields are meant: the one before the bracket, else the table of the call around."""
        target = field["target"]
        if target and target not in ("each", "in", "then", "else", "and", "or", "not"):
            return str(target)
        opened = list(_OPENED.finditer(before))
        return opened[-1]["table"] if opened else ""

    def _members(self, target: str, part: str, spell: Callable[[str], str]) -> Iterator[Candidate]:
        if not target:
            return
        wanted = part.casefold()
        for name, kind in self.fields(target):
            if name.casefold().startswith(wanted):
                yield Candidate(spell(name), len(part), kind)

    def _words(self, before: str) -> Iterator[Candidate]:
        match = _WORD.search(before)
        word = match[0] if match is not None else ""
        if not word:
            return
        wanted = word.lower()
        for name in self.names():
            if name.lower().startswith(wanted):
                yield Candidate(identifier(name), len(word), "kept")
        for keyword in sorted(KEYWORDS):
            if keyword.startswith(word) and keyword != word:
                yield Candidate(keyword, len(word), "keyword")
        after_dot = []
        for small, name, kind in self.library():
            if small.startswith(wanted):
                yield Candidate(name, len(word), kind)
            elif "." not in wanted and len(wanted) > 2 and small.partition(".")[2].startswith(wanted):
                after_dot.append(Candidate(name, len(word), kind))
        yield from after_dot


def about(entry: Any) -> str:
    """The signature of a function without its name; a constant by its kind."""
    if isinstance(entry, registry.Builtin):
        return entry.signature.removeprefix(entry.name)
    return "constant"


def help_on(name: str | None) -> str:
    """The help of a function or constant, or the page on an error by its name or message; without a name their list."""
    from mlang.app import pages
    from mlang.app.hints import near

    if name is None:
        return pages.page_text("index") or f"Pages on errors: {', '.join(pages.names())}."
    found = (
        help_text(name) or pages.page_text(name) or pages.page_text(pages.page_about(_message(name)) or "")
    )
    if found is not None:
        return found
    registry.load_all()
    close = near(name, [*registry.BUILTINS, *pages.names()])
    raise Fault(f"There is no help on {name}" + (f"; did you mean {close}?" if close else "."))


def _message(text: str) -> str:
    """A message without the reason before it."""
    return re.sub(r"^[A-Z]\w+(\.\w+)*: ", "", text)


def help_text(name: str) -> str | None:
    """The help of a library name: its signature and description; None when there is no such name."""
    entry = registry.lookup(name)
    if entry is None:
        return None
    if isinstance(entry, registry.Constant):
        return f"{entry.name}\n\n{entry.doc or 'A constant.'}"
    lines = [entry.signature, "", "\n".join(line.strip() for line in entry.doc.split("\n"))]
    if entry.missing is not None:
        lines += ["", f"Not supported here: {entry.missing}."]
    return "\n".join(lines)
