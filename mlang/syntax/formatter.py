"""Formats a text as Microsoft's formatter does by default, and keeps its comments.

``boxes.py`` says which boxes a text consists of and how they behave; here they are written in order.
A box that is a container stands on one line when it fits and holds no comment of its own; otherwise
it is a block: the tokens that open it end a line, the commas in it do, and what closes it
stands on a line of its own.  A comment stands before the token that follows it in the source.
"""

from __future__ import annotations

from collections import defaultdict

from mlang.syntax import nodes as n
from mlang.syntax.boxes import Box, Style, boxes_of
from mlang.syntax.comments import Comment, comments_of
from mlang.syntax.lexer import Tokens, tokenize
from mlang.syntax.page import Last, Page
from mlang.syntax.parser import parse_document
from mlang.syntax.spans import line_column

#: Such a comment speaks of the line it stands on and stays there.
_PRAGMA = "// mlang:"
WIDTH = 120


def format_text(text: str, filename: str | None = None, width: int = WIDTH) -> str:
    """The document laid out anew, with its comments, without a line end at the end."""
    root = parse_document(text, filename)
    tokens = tokenize(text)
    comments = _by_token(tokens, comments_of(text))
    boxes = boxes_of(root, tokens.starts, tokens.ends)
    broken: set[int] = set()
    while True:
        writer = _Writer(tokens, comments, width, broken)
        formatted = writer.write(boxes)
        if writer.broken <= broken:
            return formatted
        # A record that came out in lines would stay in lines the next time: it is so at once.
        broken |= writer.broken


class _Writer:
    """Writes boxes; what was written last decides about blanks and line ends."""

    def __init__(
        self, tokens: Tokens, comments: dict[int, list[Comment]], width: int, in_lines: set[int]
    ) -> None:
        self.tokens, self.text, self.in_lines = tokens, tokens.text, in_lines
        # Two columns are left for what follows a box.
        self.width = width - 2
        self.comments = comments
        self.commented: defaultdict[Box, int] = defaultdict(int)
        self.page = Page()
        #: For every open block whether it stands in lines.
        self.blocks: list[bool] = []
        self.member: n.Member | None = None
        #: How many lines had ended at every opening bracket.
        self.opened: dict[int, int] = {}
        #: The records that came out in lines without having to, by their opening token.
        self.broken: set[int] = set()

    def write(self, top: Box) -> str:
        self._count_comments(top)
        stack: list[tuple[Box, bool, int, int]] = [(top, top.length < self.width, -1, 0)]
        while stack:
            box, inline, indent, blocks = stack.pop()
            if indent >= 0:
                self._leave(box, inline, indent, blocks)
                continue
            style = box.style
            if style.container and box.kind == "if":
                self._join_else()
            indent, blocks = self.page.indent, len(self.blocks)
            inline = self._enter(box, inline)
            stack.append((box, inline, indent, blocks))
            if box.token >= 0:
                self._token(box, style)
            else:
                stack += [(child, inline, -1, 0) for child in reversed(box.children)]
        self._comments(len(self.tokens.kinds) - 1)
        return self.page.text

    # ------------------------------------------------------------ boxes

    def _count_comments(self, top: Box) -> None:
        """How many tokens with comments each container holds itself."""
        stack = [top]
        while stack:
            box = stack.pop()
            stack += box.children
            comments = self.comments.get(box.token) if box.token >= 0 else None
            if not comments:
                continue
            holder = box.parent
            while holder is not None and not holder.style.container:
                holder = holder.parent
            # Above its first token a container needs no lines of its own.
            if holder is not None and not (comments[-1].ends_line and holder.children[0] is box):
                self.commented[holder] += 1

    def _enter(self, box: Box, inline: bool) -> bool:
        """Before a box; whether it stands on one line."""
        style = box.style
        if box.kind == "section" and not self.page.is_empty:
            self.page.end_line()
            self.member = None
        elif box.kind == "member":
            self._between_members(box.node)  # type: ignore[arg-type]
        inline = self._on_one_line(box, inline)
        if box.token >= 0:
            self._comments(box.token)
        if style.container and not style.opens:
            self.blocks.append(not inline)
        if style.closes:
            self._close(style)
        elif style.opens == "L":
            self.blocks.append(not inline)
            self.page.indent += not inline
            self.page.last = Last.OPENING
            if self.page.line and not inline:
                self.page.end_line()
        elif style.divides == "L" and self.page.last not in (Last.DIVIDER, Last.COMMENT):
            self.page.last = Last.DIVIDER
            if self.blocks and self.blocks[-1] and not self.page.at_line_start:
                self.page.end_line()
        return inline

    def _on_one_line(self, box: Box, inline: bool) -> bool:
        style = box.style
        commented = self.commented.get(box, 0) > 0
        force = self._stands_in_lines(box)
        length = box.length + (len(self.page.line) or len(self.page.margin))
        if style.inherits and not force:
            return inline
        if inline and not commented and not force:
            return length < self.width
        if style.container and not (commented or style.stays or force):
            return length < self.width
        return False

    def _stands_in_lines(self, box: Box) -> bool:
        """A record that the source has in lines stays so, as does one with a record for a field.

        A record that is the whole document is laid out as it fits.
        """
        if box.parent is None:
            return False
        if box.kind == "items":
            return box.parent.force
        node = box.node
        if isinstance(node, n.Record):
            opening = box.children[0].token
            box.force = (
                opening in self.in_lines
                or _has_line_end(self.text[node.pos : node.end])
                or (box.kind == "record" and any(isinstance(e.value, n.Record) for e in node.entries))
            )
        return box.force

    def _leave(self, box: Box, inline: bool, indent: int, blocks: int) -> None:
        style = box.style
        if style.opens == "R" and (not style.opens_for_forms or self._form_follows(box)):
            self.blocks.append(not inline)
            self.page.last = Last.OPENING
            if not inline:
                is_else = box.token >= 0 and self._spelt(box.token) == "else"
                self.page.end_line()
                self.page.indent += 1
                self.page.last = Last.ELSE if is_else else Last.OPENING
        elif style.divides == "R" and self.page.last is not Last.DIVIDER:
            self.page.last = Last.DIVIDER
            if self.blocks and self.blocks[-1]:
                self.page.end_line()
        if isinstance(box.node, n.Record) and not box.force and box.parent is not None:
            opening, closing = box.children[0].token, box.children[-1]
            if self.page.ended - closing.style.breaks_after > self.opened[opening]:
                self.broken.add(opening)
        if style.container:
            del self.blocks[blocks:]
            self.page.indent = indent
            if not inline and self.page.line and not style.tight:
                self.page.end_line()

    def _close(self, style: Style) -> None:
        block = self.blocks.pop() if self.blocks else None
        if block:
            self.page.indent -= 1
            if self.page.last is Last.OPENING and not self.page.line and style.trims:
                self.page.resume()
            elif self.page.line:
                self.page.end_line()
        elif block is not None and self.page.last is Last.OPENING:
            self.page.close_up()
        self.page.last = Last.CLOSING

    def _join_else(self) -> None:
        """``else if`` stands on one line."""
        if self.page.last is Last.ELSE and not self.page.line:
            self.page.resume()
            self.page.indent -= 1
            self.page.put(" ")

    def _form_follows(self, box: Box) -> bool:
        after = box.token + 1
        return after not in self.comments and self._spelt(after) in ("if", "let", "try")

    def _between_members(self, member: n.Member) -> None:
        """An empty line between members where the source has one, or where another family of names begins."""
        before, self.member = self.member, member
        if before is None:
            return
        gap = self.text[before.end : member.pos]
        lines = line_column(self.text, member.pos)[0] - line_column(self.text, before.end)[0]
        if (lines > 1 and _line_ends(gap) > 1) or _family(before.name) != _family(member.name):
            self.page.end_line()

    # ------------------------------------------------------------ tokens and comments

    def _spelt(self, token: int) -> str:
        return self.text[self.tokens.starts[token] : self.tokens.ends[token]]

    def _token(self, box: Box, style: Style) -> None:
        self._write(self._spelt(box.token), style)
        if style.joins:
            self.opened[box.token] = self.page.ended

    def _write(self, word: str, style: Style) -> None:
        if style.pulls:
            if self.page.line:
                self.page.trim()
            else:
                self.page.resume()
        elif style.trims:
            if self.page.line:
                self.page.trim()
        elif style.breaks_before:
            if not self.page.at_line_start:
                self.page.end_line()
        elif style.left:
            self.page.blank()
        too_long = len(self.page.line) + len(word) + 1 > self.width
        if (
            self.page.last is Last.DIVIDER
            and too_long
            and len(self.page.margin) + len(word) + 1 <= self.width
        ):
            self.page.end_line()
        self.page.word(word)
        if style.breaks_after:
            for _ in range(style.breaks_after):
                self.page.end_line()
        elif style.joins:
            self.page.join()
        elif style.right:
            self.page.put(" ")

    def _comments(self, token: int) -> None:
        """The comments before a token."""
        before: Comment | None = None
        for comment in self.comments.get(token, ()):
            if before is None:
                if comment.trailing and comment.text.startswith(_PRAGMA):
                    self.page.resume()
                    self.page.trim()
                    self.page.put(" ")
                elif self.page.line and comment.ends_line:
                    self.page.end_line()
            elif before.ends_line:
                self.page.end_line()
            else:
                self.page.put(" ")
            self._write(comment.text, Style(right=not comment.ends_line))
            before = comment
        if before is not None and before.ends_line:
            self.page.end_line()
            self.page.last = Last.COMMENT


def _by_token(tokens: Tokens, comments: list[Comment]) -> dict[int, list[Comment]]:
    """The comments before each token, by its index."""
    found: dict[int, list[Comment]] = {}
    token = 0
    for comment in comments:
        while tokens.starts[token] < comment.pos:
            token += 1
        found.setdefault(token, []).append(comment)
    return found


def _has_line_end(text: str) -> bool:
    return "\n" in text or "\r" in text


def _family(name: str) -> str:
    head, dot, _ = name.partition(".")
    return head if dot else ""


def _line_ends(gap: str) -> int:
    """How many line ends stand at the edges of what is between two members."""
    leading = gap[: len(gap) - len(gap.lstrip("\r\n"))]
    rest = gap[len(leading) :]
    trailing = rest[len(rest.rstrip("\r\n")) :] if len(rest) > 1 else ""
    total = leading.count("\n") + trailing.count("\n")
    return total - 1 if gap.strip() and total else total
