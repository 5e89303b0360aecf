"""Findings and rules, and the comments that silence them.

A rule is a generator function over a `Subject`, registered with its code by `rule`.  Rules over whole
dataflows (L1 to L19) live in ``staging/rules/``; ``command.py`` shows both.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from mlang.syntax import nodes
from mlang.syntax.comments import comments_of
from mlang.syntax.spans import line_column

if TYPE_CHECKING:
    from mlang.app.refactoring.edits import Edit
    from mlang.app.refactoring.source import Source

SYNTAX = "M000"
#: How far a rule's cure can be trusted: it keeps what the text gives, or somebody should look at it.
SAFE, UNSAFE = "safe", "unsafe"
#: What a rule finds: where, what, and perhaps the edits that cure it.
Found = Iterator[tuple[nodes.Node, str] | tuple[nodes.Node, str, "list[Edit]"]]


@dataclass(frozen=True)
class Finding:
    """One remark: where, which rule, what."""

    file: str
    line: int
    column: int
    code: str
    name: str
    message: str
    #: Of rules about dataflows: the query, and what to do.
    query: str | None = None
    cure: str | None = None
    #: The edits that cure it, and whether they need a look.
    fix: tuple[Edit, ...] = ()
    unsafe: bool = False

    def __str__(self) -> str:
        cure = f" {self.cure}" if self.cure else ""
        about = f"query {self.query}" if self.query else self.name
        return f"{self.file}:{self.line}:{self.column}: {self.code} {self.message}{cure} ({about})"


@dataclass(frozen=True)
class Rule:
    """A check: its code, its short name, what it is about and whether it runs unless asked."""

    code: str
    name: str
    about: str
    check: Callable[[Subject], Found]
    default: bool = True
    #: SAFE or UNSAFE when it knows a cure.
    fix: str = ""


RULES: dict[str, Rule] = {}


def rule(code: str, name: str, about: str, *, default: bool = True, fix: str = "") -> Callable[[Any], Any]:
    """Registers a check; it yields node and message, and the edits of its cure."""

    def register(check: Any) -> Any:
        assert code not in RULES, code
        RULES[code] = Rule(code, name, about, check, default, fix)
        return check

    return register


class Subject:
    """A parsed text with what several rules want to know about it."""

    def __init__(self, text: str, tree: nodes.Node, given: frozenset[str] = frozenset()) -> None:
        self.text, self.tree = text, tree
        #: Names that the text sees without defining them: of the file it tests, of its host.
        self.given = given
        self.all = list(tree.walk())

    @cached_property
    def scopes(self) -> Any:
        """Which name means what (see ``scopes.py``)."""
        from mlang.app.linting.scopes import analyse

        return analyse(self.tree)

    @cached_property
    def source(self) -> Source:
        """The text with its tokens, for cures; its tree is another one than ``tree``, of the same places."""
        from mlang.app.refactoring.source import Source

        return Source(self.text)

    def lets(self) -> Iterator[nodes.Let]:
        """All lets."""
        return (node for node in self.all if isinstance(node, nodes.Let))

    def calls(self, *names: str) -> Iterator[nodes.Invocation]:
        """Calls of library functions by name; of any, when none is named."""
        for node in self.all:
            if isinstance(node, nodes.Invocation):
                called = function_name(node)
                if called is not None and (not names or called in names):
                    yield node

    def value(self, node: nodes.Node) -> nodes.Node:
        """The expression behind a node: step names are followed to what they are bound to."""
        for _ in range(100):
            if isinstance(node, nodes.Parenthesized):
                node = node.inner
            elif isinstance(node, nodes.Name):
                target = self.scopes.target(node)
                if target is None or getattr(target, "value", None) is None:
                    return node
                node = target.value
            else:
                return node
        return node


def function_name(node: nodes.Node) -> str | None:
    """The name that a call calls."""
    if isinstance(node, nodes.Invocation) and isinstance(node.function, nodes.Name):
        return node.function.name
    return None


# ---------------------------------------------------------------- ignoring

_IGNORE = re.compile(r"mlang:\s*ignore(?P<file>-file)?\b[ \t:]*(?P<codes>[A-Z]\d+(?:[ ,]+[A-Z]\d+)*)?")


class Ignored:
    """The ``// mlang: ignore CODE`` comments of a text.

    At the end of a line it counts for that line, on its own line for the next one;
    ``ignore-file`` counts everywhere; without codes it silences all rules.
    """

    def __init__(self, text: str) -> None:
        self.lines: dict[int, set[str]] = {}
        self.everywhere: set[str] = set()
        for comment in comments_of(text) if "mlang:" in text else []:
            match = _IGNORE.search(comment.text)
            if match is None:
                continue
            codes = set(re.findall(r"[A-Z]\d+", match["codes"] or "")) or {"*"}
            line = line_column(text, comment.pos + len(comment.text) - 1)[0]
            if match["file"]:
                self.everywhere |= codes
            else:
                self.lines.setdefault(line if comment.trailing else line + 1, set()).update(codes)

    def __call__(self, code: str, line: int) -> bool:
        found = self.everywhere | self.lines.get(line, set())
        return code in found or "*" in found
