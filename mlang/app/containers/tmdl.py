"""Tabular models as TMDL: the expressions of a file by their indentation, and the file with others.

    expression Orders =              table Sales
            let                          partition Sales = m
            ...                              source =
        lineageTag: ...                              let

An object's expression stands two levels below it (on its own line when it is one line), its properties one.
What is more than that is the layout of the M; three backquotes around an expression keep blanks at line ends.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from mlang.app.containers.base import BrokenFile, CannotWrite, decoded, encoded, read_file
from mlang.app.containers.pieces import EXPRESSION, PARTITION, Change, Piece, PieceContainer
from mlang.app.containers.tabular import POLICY, loads_of, name_partitions

FENCE = "```"
_NAME = r"(?:'(?P<quoted>(?:[^']|'')*)'|(?P<plain>[^\s='][^=]*?))"
_OBJECT = re.compile(rf"(?P<word>\w+)\s+{_NAME}\s*(?:=\s*(?P<rest>.*))?", re.DOTALL)
_PROPERTY = re.compile(r"(?P<word>\w+)\s*=\s*(?P<rest>.*)", re.DOTALL)
_PLAIN_NAME = re.compile(r"[^\s.=:'\"]+")


@dataclass
class Block:
    """An expression in a file: lines ``first`` up to ``last``, of which ``first`` holds the key."""

    first: int
    last: int
    text: str
    #: The line up to its equals sign, and what stands before every line of the expression.
    head: str
    indent: str
    fenced: bool
    single: bool


@dataclass
class Found:
    """A piece of a file with its block."""

    piece: Piece
    block: Block


def _indent(line: str) -> str:
    return line[: len(line) - len(line.lstrip(" \t"))]


class TmdlFile:
    """One file: its lines, and the expressions in it."""

    def __init__(self, data: bytes, where: str) -> None:
        self.where = where
        text, self.encoding, self.mark = decoded(data, where)
        self.crlf = text.count("\r\n") * 2 > text.count("\n")
        #: Lines with their ends, so that those that stay keep them; only line feeds end them.
        self.lines = [line + "\n" for line in text.split("\n")]
        self.lines[-1] = self.lines[-1][:-1]
        self._plain = [line.rstrip("\r\n") for line in self.lines]
        self._unit = self._level()
        self.found = list(self._walk())

    def _level(self) -> str:
        """One level of indentation: a tab, or the fewest blanks that a line begins with."""
        indents = [i for i in (_indent(line) for line in self._plain if line.strip()) if i]
        return "\t" if not indents or any(i[0] == "\t" for i in indents) else min(indents, key=len)

    # ------------------------------------------------------------ reading

    def _walk(self) -> Iterator[Found]:
        """The expressions of the file, through its objects."""
        table: str | None = None
        partition: tuple[str, str] | None = None
        policy: str | None = None
        number = 0
        while number < len(self._plain):
            line = self._plain[number]
            indent, content = _indent(line), line.strip()
            number += 1
            if not content or content.startswith("///"):
                continue
            if not indent:
                table = partition = policy = None
            if partition is not None and len(indent) <= len(partition[1]):
                partition = None
            if policy is not None and len(indent) <= len(policy):
                policy = None
            made = _OBJECT.fullmatch(content)
            word = content.split(None, 1)[0].lower()
            if not indent and word == "expression" and made is not None and made["rest"] is not None:
                block = self._block(number - 1, indent, self._deep(indent, 2))
                yield Found(Piece(_name(made), block.text, EXPRESSION, f"{self.where}:{number}"), block)
                number = block.last
            elif not indent and word == "table" and made is not None:
                table = _name(made)
            elif table is not None and word == "partition" and made is not None:
                partition = (_name(made), indent) if (made["rest"] or "").strip().lower() == "m" else None
            elif table is not None and word == "refreshpolicy":
                policy = indent
            else:
                found = self._property(number - 1, content, indent, table, partition, policy)
                if found is not None:
                    yield found
                    number = found.block.last
                elif content.endswith(("=" + FENCE, "= " + FENCE)):
                    number = self._fence_end(number) + 1

    def _property(
        self, number: int, content: str, indent: str, table: str | None,
        partition: tuple[str, str] | None, policy: str | None,
    ) -> Found | None:  # fmt: skip
        """An expression of a partition or of a refresh policy."""
        match = _PROPERTY.fullmatch(content)
        if match is None or table is None:
            return None
        if partition is not None and match["word"].lower() == "source":
            block = self._block(number, indent, self._deep(indent, 1))
            piece = Piece(table, block.text, PARTITION, f"{self.where}:{number + 1}")
            piece.partition = partition[0]
            return Found(piece, block)
        about = next(
            (a for key, a in POLICY if policy is not None and match["word"].lower() == key.lower()), None
        )
        if about is None:
            return None
        block = self._block(number, indent, self._deep(indent, 1))
        return Found(Piece(f"{table} ({about})", block.text, PARTITION, f"{self.where}:{number + 1}"), block)

    def _deep(self, indent: str, levels: int) -> int:
        return len(indent) + levels * len(self._unit)

    def _block(self, number: int, indent: str, least: int) -> Block:
        """The expression that begins at a line: there, below it, or between backquotes."""
        line = self._plain[number]
        equals = _equals(line)
        head, rest = line[: equals + 1], line[equals + 1 :].strip()
        usual = indent + 2 * self._unit
        if rest == FENCE:
            end = self._fence_end(number + 1)
            body = self._plain[number + 1 : end]
            left = _indent(self._plain[end]) if end < len(self._plain) else usual
            left = _common([left, *body])
            return Block(
                number, min(end + 1, len(self._plain)), _stripped(body, left), head, left, True, False
            )
        if rest:
            return Block(number, number + 1, rest, head, usual, False, True)
        end = number + 1
        while end < len(self._plain) and (
            not self._plain[end].strip() or len(_indent(self._plain[end])) >= least
        ):
            end += 1
        while end > number + 1 and not self._plain[end - 1].strip():
            end -= 1
        body = self._plain[number + 1 : end]
        left = _common(body) or usual
        return Block(number, end, _stripped(body, left), head, left, False, False)

    def _fence_end(self, number: int) -> int:
        while number < len(self._plain) and self._plain[number].strip() != FENCE:
            number += 1
        return number

    # ------------------------------------------------------------ writing

    def changed(self, changes: dict[int, Change]) -> bytes:
        """The file with other expressions and names."""
        out: list[str] = []
        position = 0
        for index, change in sorted(changes.items()):
            block = self.found[index].block
            out += self.lines[position : block.first]
            head = block.head if change.name is None else _renamed(block.head, change.name)
            if change.text is None:
                out.append(head + self.lines[block.first][len(block.head) :])
                out += self.lines[block.first + 1 : block.last]
            else:
                out += self._written(block, head, change.text)
            position = block.last
        text = "".join(out + self.lines[position:])
        return encoded(text, self.encoding, self.mark, self.where)

    def _written(self, block: Block, head: str, text: str) -> list[str]:
        """The lines of an expression."""
        ending = "\r\n" if self.crlf else "\n"
        head = head.rstrip()
        lines = text.split("\n")
        fenced = block.fenced or any(line != line.rstrip() for line in lines) or not lines[-1] or not lines[0]
        if block.single and len(lines) == 1 and not fenced:
            new = [f"{head} {text}"]
        elif fenced:
            if any(line.strip() == FENCE for line in lines):
                raise CannotWrite(f"{self.where}: the M has a line of three backquotes; nothing was written.")
            new = [
                f"{head} {FENCE}",
                *(block.indent + line if line else "" for line in lines),
                block.indent + FENCE,
            ]
        else:
            new = [head, *(block.indent + line if line else "" for line in lines)]
        out = [line + ending for line in new]
        old_last = self.lines[block.last - 1]
        if not old_last.endswith("\n"):
            out[-1] = new[-1]
        return out


def _name(match: re.Match[str]) -> str:
    quoted = match["quoted"]
    return quoted.replace("''", "'") if quoted is not None else str(match["plain"]).strip()


def _equals(line: str) -> int:
    """The place of the equals sign behind the key and a quoted name."""
    inside = False
    for place, sign in enumerate(line):
        if sign == "'":
            inside = not inside
        elif sign == "=" and not inside:
            return place
    raise ValueError(line)


def _renamed(head: str, name: str) -> str:
    """The line of an object with another name."""
    if "\n" in name or "\r" in name:
        raise CannotWrite("A name in TMDL has one line.")
    quoted = name if _PLAIN_NAME.fullmatch(name) else "'" + name.replace("'", "''") + "'"
    return f"{_indent(head)}{head.split(None, 1)[0]} {quoted} ="


def _common(lines: list[str]) -> str:
    """The blanks that all lines begin with."""
    indents = [_indent(line) for line in lines if line.strip()]
    first, last = min(indents, default=""), max(indents, default="")
    size = next(
        (i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), min(len(first), len(last))
    )
    return first[:size]


def _stripped(lines: list[str], left: str) -> str:
    return "\n".join(line[len(left) :] if line.startswith(left) else "" for line in lines)


# ---------------------------------------------------------------- the container


@dataclass
class TmdlModel(PieceContainer):
    """The files of a model in TMDL."""

    parsed: dict[Path, TmdlFile] = field(default_factory=dict)
    places: list[tuple[Path, int]] = field(default_factory=list)

    def spliced(self, changes: dict[int, Change]) -> dict[Path, bytes]:
        """The files with changes."""
        by_file: dict[Path, dict[int, Change]] = {}
        for index, change in changes.items():
            file, number = self.places[index]
            by_file.setdefault(file, {})[number] = change
        return {file: self.parsed[file].changed(found) for file, found in by_file.items()}


def open_tmdl(path: Path, files: list[Path]) -> TmdlModel:
    """A model, or one file of it."""
    data = {file: read_file(file) for file in files}
    parsed = {file: TmdlFile(content, str(file)) for file, content in data.items()}
    places = [(file, number) for file, read in parsed.items() for number in range(len(read.found))]
    if not places:
        raise BrokenFile(f"{path} holds no queries.")
    pieces = [parsed[file].found[number].piece for file, number in places]
    name_partitions(pieces)
    container = TmdlModel(path, "semantic model (TMDL)", data, pieces=pieces, parsed=parsed, places=places)
    container.loads = loads_of(container.pieces)
    return container
