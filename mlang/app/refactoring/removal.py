"""Taking bindings out of a let: their commas go, comments around them stay."""

from __future__ import annotations

from typing import Any

from mlang.app.refactoring.edits import Copy, Edit, Piece, replaced
from mlang.app.refactoring.source import Source
from mlang.syntax import nodes
from mlang.syntax.lexer import COMMENT


def without_bindings(source: Source, let: nodes.Let, gone: list[Any], others: list[Edit]) -> list[Edit]:
    """The edits that take bindings out of a let, together with other edits outside of these bindings."""
    gone_ids = {id(b) for b in gone}
    kept = [i for i, b in enumerate(let.bindings) if id(b) not in gone_ids]
    if not kept:
        return _only_body(source, let, others)
    edits = list(others)
    for index, binding in enumerate(let.bindings):
        if id(binding) in gone_ids:
            edits += _one(source, let.bindings, index, index < kept[-1])
    return edits


def _one(source: Source, bindings: tuple[Any, ...], index: int, followed: bool) -> list[Edit]:
    binding = bindings[index]
    edits = [replaced(binding.pos, binding.value.end, "")]
    if followed:
        _, comma, after = source.token_at(binding.value.end)
        gaps = [(binding.value.end, comma), (after, bindings[index + 1].pos)]
    else:
        _, comma, after = source.token_before(binding.pos)
        gaps = [(after, binding.pos), (_line_begin(source.text, binding), binding.pos)]
        if not source.text[after : binding.pos].strip():
            gaps.pop()  # the first one has it all
    edits.append(replaced(comma, after, ""))
    edits += [replaced(a, b, "") for a, b in gaps if a < b and not source.text[a:b].strip()]
    return edits


def _line_begin(text: str, binding: Any) -> int:
    """Where the line of a binding begins, its line end before included, when nothing else stands on it."""
    line = text.rfind("\n", 0, binding.pos)
    end = text.find("\n", binding.value.end)
    alone = line >= 0 and end >= 0 and not (text[line : binding.pos] + text[binding.value.end : end]).strip()
    if not alone:
        return int(binding.pos)
    return line - 1 if text[line - 1 : line] == "\r" else line


def _only_body(source: Source, let: nodes.Let, others: list[Edit]) -> list[Edit]:
    """A let without bindings is its body; comments before the body stay."""
    import re

    kept: list[Piece] = []
    inside = [(b.pos, b.value.end) for b in let.bindings]
    for match in re.finditer(COMMENT, source.text[let.pos : let.body.pos]):
        start = let.pos + match.start()
        token = source.token_at(start)[1]  # a comment is no part of a token
        before = source.token_before(start)[2]
        if before <= start and token >= start + len(match[0]) and not any(a <= start < b for a, b in inside):
            end = "\n" if match[0].startswith("//") else " "
            kept += [Copy(start, start + len(match[0])), end]
    outside = [e for e in others if not let.pos <= e.start < let.body.pos]
    return [*outside, Edit(let.pos, let.body.pos, tuple(kept))]
