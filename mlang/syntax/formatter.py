"""Formats a text and keeps its comments.

The tree is printed as ``printer.py`` does; whenever it comes to a place where a
line may end, or to the next node, the comments that the source has before that
place are put there.  A comment at the end of a line stays at the end of a line, one on
its own line stays above what follows it.
"""

from __future__ import annotations

from mlang.syntax import nodes as n
from mlang.syntax.comments import Comment, comments_of
from mlang.syntax.layout import Mark, Piece, lines
from mlang.syntax.parser import parse_document
from mlang.syntax.printer import Part, expand


def format_text(text: str, filename: str | None = None, width: int = 100) -> str:
    """The document laid out anew, with its comments, without a line end at the end."""
    root = parse_document(text, filename)
    weaver = _Weaver(comments_of(text))
    formatted = lines(weaver.pieces(root), width)
    # A line mark next to a comment's own line end leaves blanks behind.
    return "\n".join(line.rstrip() if not line.strip() else line for line in formatted.split("\n")).strip(
        "\n"
    )


class _After:
    """Stands on the stack where a node ends."""

    __slots__ = ("end",)

    def __init__(self, end: int) -> None:
        self.end = end


class _Weaver:
    """Unfolds a tree into pieces and weaves the comments in."""

    def __init__(self, comments: list[Comment]) -> None:
        self.waiting = comments[::-1]
        self.out: list[Piece] = []
        #: A comment was put that takes the rest of its line: it must end before anything else.
        self.line_must_end = False

    def pieces(self, root: n.Node) -> list[Piece]:
        out = self.out
        stack: list[Part] = [root]
        while stack:
            part = stack.pop()
            kind = part.__class__
            if kind is str:
                if self.line_must_end:
                    self.line_must_end = False
                    out.append(Mark.HARD)
                out.append(part)
            elif kind is Mark:
                self._mark(part, stack)
            elif kind is _After:
                self._before_text(part.end)
            else:
                node = _node_of(part)
                if node is not None:
                    self._before_text(node.pos)
                    stack.append(_After(node.end))
                stack += reversed(expand(part))
        self._at_line_end(1 << 60, Mark.HARD)
        while out and out[-1] is Mark.HARD:
            out.pop()
        return out

    def _mark(self, mark: Mark, stack: list[Part]) -> None:
        """A place where the line may end, or where lines step back to the left."""
        if mark is Mark.OPEN and self.line_must_end:
            self.line_must_end = False
            self.out.append(Mark.HARD)
        if mark in (Mark.OPEN, Mark.CLOSE, Mark.INDENT):
            self.out.append(mark)
            return
        limit = _next_offset(stack)
        if mark is Mark.DEDENT:
            self.line_must_end |= self._at_line_end(limit, None)
            self.out.append(mark)
        elif not self._at_line_end(limit, mark):
            self.out.append(Mark.HARD if self.line_must_end and mark is not Mark.BLANK else mark)
        if mark is not Mark.DEDENT:
            self.line_must_end = False

    def _at_line_end(self, limit: int, mark: Mark | None) -> bool:
        """Puts the comments before ``limit`` here and ends the line; whether there were any."""
        out, waiting = self.out, self.waiting
        if not waiting or waiting[-1].pos >= limit:
            return False
        while waiting and waiting[-1].pos < limit and waiting[-1].trailing:
            out += [Mark.HARD if self.line_must_end else " ", waiting[-1].text]
            self.line_must_end = waiting.pop().to_line_end
        self.line_must_end = False
        blank = mark is Mark.BLANK
        while waiting and waiting[-1].pos < limit:
            out += [Mark.BLANK if blank else Mark.HARD, waiting.pop().text]
            blank = False
        if mark is not None:
            out.append(Mark.BLANK if blank else Mark.HARD)
        return True

    def _before_text(self, limit: int) -> None:
        """Comments where no line was to end: the line ends only if it must."""
        while self.waiting and self.waiting[-1].pos < limit:
            comment = self.waiting.pop()
            if self.line_must_end:
                self.out.append(Mark.HARD)
            last = self.out[-1] if self.out else Mark.HARD
            fresh = last in (Mark.HARD, Mark.BLANK) or (last.__class__ is str and str(last).endswith(" "))
            self.out += [comment.text] if fresh else [" ", comment.text]
            self.line_must_end = comment.to_line_end or not comment.trailing
            if not self.line_must_end:
                self.out.append(" ")


def _node_of(part: Part) -> n.Node | None:
    if isinstance(part, n.Node):
        return part
    if part.__class__ is tuple:
        return part[0]  # type: ignore[no-any-return]
    binding = getattr(part, "binding", None)
    return binding if isinstance(binding, n.Node) else None


def _next_offset(stack: list[Part]) -> int:
    """The offset in the source of what is printed next."""
    for part in reversed(stack):
        if part.__class__ is _After:
            return part.end
        node = _node_of(part)
        if node is not None:
            return node.pos
    return 1 << 60
