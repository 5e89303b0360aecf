"""The comments of a text, for a formatter that keeps them.

The tree knows no comments: they are found in the gaps between tokens, and the
formatter weaves them back in by offset.  Read ``formatter.py`` next.
"""

from __future__ import annotations

import re

from mlang.syntax.lexer import COMMENT, tokenize
from mlang.syntax.spans import line_at

_COMMENT = re.compile(COMMENT)


class Comment:
    """One comment: its text, where it begins, and how it stands."""

    __slots__ = ("pos", "text", "trailing")

    def __init__(self, text: str, pos: int, trailing: bool) -> None:
        #: As written, without blanks at the end.
        self.text = text
        self.pos = pos
        #: Whether something else stands before it on its line.
        self.trailing = trailing

    @property
    def to_line_end(self) -> bool:
        """Whether a line end must follow."""
        return self.text.startswith("//")

    @property
    def ends_line(self) -> bool:
        """Whether what follows it stands on a line of its own."""
        return self.to_line_end or "\n" in self.text or "\r" in self.text


def comments_of(text: str) -> list[Comment]:
    """All comments, in order."""
    if "//" not in text and "/*" not in text:
        return []
    tokens = tokenize(text)
    found: list[Comment] = []
    start = 0
    for token_start, token_end in zip(tokens.starts, tokens.ends, strict=True):
        if token_start > start:
            for match in _COMMENT.finditer(text, start, token_start):
                line = line_at(text, match.start())[0]
                before = text[line : match.start()].strip("\ufeff \t")
                found.append(Comment(match[0].rstrip(), match.start(), bool(before)))
        start = token_end
    return found
