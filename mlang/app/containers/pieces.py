"""Containers of many expressions: shown as a section document with one member each, and taken apart again.

The layout of a member is fixed (``shared Name =``, the expression on its own lines, ``;``), so that an edited
document gives back each expression exactly; those that are as before are not written at all.
"""

from __future__ import annotations

from abc import abstractmethod
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from mlang.app.containers.base import CannotWrite, Container
from mlang.syntax import nodes, parse_document
from mlang.syntax.lexer import tokenize
from mlang.syntax.quoting import identifier

EXPRESSION, PARTITION = "expression", "partition"


@dataclass
class Piece:
    """An expression: the query it is, its text with ``\\n`` line ends, and where it stands."""

    name: str
    text: str
    kind: str
    where: str
    #: The partition's own name, where its query has the table's.
    partition: str = ""


@dataclass
class Change:
    """Another text of a piece, or another name (None: the old one)."""

    text: str | None = None
    name: str | None = None


@dataclass
class PieceContainer(Container):
    """A container of pieces; names are made unique in ``__post_init__``."""

    pieces: list[Piece] = field(default_factory=list)

    def __post_init__(self) -> None:
        taken: set[str] = set()
        for piece in self.pieces:
            name, number = piece.name, 2
            while piece.name in taken:
                piece.name = f"{name} ({number})"
                number += 1
            taken.add(piece.name)

    @property
    def document(self) -> str:
        """A section with all expressions."""
        return section_of({p.name: p.text for p in self.pieces})

    def formatted(self, one: Callable[[str, str], str]) -> str:
        """Each expression is formatted by itself."""
        texts = {p.name: one(p.text, f"{p.where} ({p.name})").rstrip("\n") for p in self.pieces}
        return section_of(texts)

    def encode(self, document: str) -> dict[Path, bytes]:
        """The files after the changes of single expressions."""
        found = split(document)
        if len(found) != len(self.pieces):
            raise CannotWrite(
                f"{self.path}: queries can't be added to or removed from a model here; nothing was written."
            )
        changes: dict[int, Change] = {}
        for index, (piece, (name, text)) in enumerate(zip(self.pieces, found, strict=True)):
            change = Change(None if text == piece.text else text, None if name == piece.name else name)
            if change.name is not None and piece.kind != EXPRESSION:
                raise CannotWrite(
                    f"{self.path}: '{piece.name}' is a table of the model, which its measures and reports name; "
                    "it can't be renamed here. Nothing was written."
                )
            if change.text is not None or change.name is not None:
                changes[index] = change
        return self.spliced(changes) if changes else {}

    @abstractmethod
    def spliced(self, changes: dict[int, Change]) -> dict[Path, bytes]:
        """The files with some pieces changed."""


def section_of(members: dict[str, str]) -> str:
    """A section document of expressions by name."""
    return "section Section1;\n\n" + "\n".join(
        f"shared {identifier(n)} =\n{t}\n;\n" for n, t in members.items()
    )


def split(document: str) -> list[tuple[str, str]]:
    """Names and expressions of a section document, comments around the expressions with them."""
    document = document.replace("\r\n", "\n")
    tree = parse_document(document)
    if not isinstance(tree, nodes.SectionDocument):
        return []
    tokens = tokenize(document)
    found = []
    for member in (m for s in tree.sections for m in s.members):
        start = tokens.ends[bisect_left(tokens.starts, member.value.pos) - 1]
        end = tokens.starts[bisect_left(tokens.starts, member.value.end)]
        found.append((member.name, document[start:end].removeprefix("\n").removesuffix("\n")))
    return found
