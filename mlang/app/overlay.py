"""Documents with something laid over them: replaced steps, names from other documents, traced bindings.

An `Overlay` is a `Document` whose free names are first looked up among given values.  `bind` replaces the
expression of a query or of a step (at any depth) by such a name, so that the text, its offsets and the
messages stay those of the file.  Read ``compile/entry.py`` first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from mlang.app.containers.paths import is_container
from mlang.app.textfile import decoded, read_bytes
from mlang.compile.entry import Document, suggestion
from mlang.errors import Fault
from mlang.syntax import nodes, parse_document
from mlang.values.thunk import Thunk

#: Begins the names that only an overlay knows: no M text can spell them.
HIDDEN = "\0"


class Overlay(Document):
    """A document that sees ``given`` names where it has none itself, and ``hidden`` ones that nobody can write."""

    def __init__(
        self,
        text: str,
        *,
        filename: str | None = None,
        tree: nodes.Node | None = None,
        overrides: dict[str, Any] | None = None,
        given: dict[str, Thunk] | None = None,
        hidden: dict[str, Thunk] | None = None,
    ) -> None:
        self.given = {} if given is None else given
        self.hidden = hidden or {}
        super().__init__(
            tree if tree is not None else parse_document(text, filename),
            filename=filename,
            overrides=overrides,
        )
        self.text = text

    def shared(self) -> dict[str, Any]:
        """``#shared`` holds the given names too."""
        return {**super().shared(), **self.given}

    def member(self, name: str, section: nodes.Section | None) -> Thunk | None:
        """A hidden name, an own member, or a name given from outside."""
        if name[:1] == HIDDEN:
            return self.hidden.get(name)
        own = super().member(name, section)
        return own if own is not None else self.given.get(name)


# ---------------------------------------------------------------- replacing steps and queries


def bind(tree: nodes.Node, bindings: dict[str, Thunk]) -> dict[str, Thunk]:
    """Replaces steps and queries of a tree in place; gives the hidden names it put there.

    A name is ``Step``, ``Query`` or ``Query/Step``; every step of that name, at any depth, is replaced.
    A name that is nowhere is an error: a mock that silently mocks nothing is worse than none.
    """
    hidden: dict[str, Thunk] = {}
    places = list(_places(tree))
    for name, thunk in bindings.items():
        found = [place for path, place in places if name in (path, path.rpartition("/")[2])]
        if not found:
            known = sorted({path.rpartition("/")[2] for path, _ in places})
            raise Fault(f"There is no query or step '{name}' to replace{suggestion(name, known)}.")
        hidden[HIDDEN + name] = thunk
        for place in found:
            old = place.value
            place.value = nodes.Name(HIDDEN + name, False, old.pos, old.end)
    return hidden


def _places(tree: nodes.Node) -> Iterator[tuple[str, Any]]:
    """All members and let variables as ``Query/Step`` and the node that holds their expression."""
    if isinstance(tree, nodes.SectionDocument):
        for section in tree.sections:
            for member in section.members:
                yield member.name, member
                for binding in lets(member.value):
                    yield f"{member.name}/{binding.name}", binding
    else:
        for binding in lets(tree):
            yield binding.name, binding


def lets(root: nodes.Node) -> Iterator[nodes.Binding]:
    """The variables of all lets below a node."""
    for node in root.walk():
        if isinstance(node, nodes.Let):
            yield from node.bindings


# ---------------------------------------------------------------- values from files

_READERS: dict[str, Callable[[str], str]] = {
    ".csv": lambda path: f"Table.PromoteHeaders(Csv.Document(File.Contents({path})))",
    ".json": lambda path: f"Json.Document(File.Contents({path}))",
    ".parquet": lambda path: f"Parquet.Document(File.Contents({path}))",
}
M_SUFFIXES = (".m", ".pq", ".pqout")


def bound_document(
    text: str,
    filename: str | None,
    bindings: dict[str, Thunk],
    overrides: dict[str, Any] | None = None,
    given: dict[str, Thunk] | None = None,
) -> Document:
    """A document of which the bound steps and queries are replaced, and that sees the given names."""
    tree = parse_document(text, filename)
    hidden = bind(tree, bindings)
    return Overlay(text, filename=filename, tree=tree, overrides=overrides, hidden=hidden, given=given)


def file_values(bindings: dict[str, Path]) -> dict[str, Thunk]:
    """The fixtures that ``NAME=FILE`` options name."""
    return {name: file_value(path) for name, path in bindings.items()}


def file_value(path: Path) -> Thunk:
    """The value of a fixture: CSV (all text, headers promoted), JSON, Parquet or an M expression."""
    from mlang.values.show import text_literal

    suffix = path.suffix.lower()
    if not path.is_file():
        raise Fault(f"There is no file {path}.")
    if suffix in M_SUFFIXES:
        return Document(read_text(path), filename=str(path)).thunk()
    reader = _READERS.get(suffix)
    if reader is None:
        known = ", ".join((*_READERS, *M_SUFFIXES))
        raise Fault(f"{path}: a fixture is one of {known}.")
    return Document(reader(text_literal(str(path.resolve())))).thunk()


def read_text(path: Path) -> str:
    """The text of an M file without a byte order mark, or what a workbook or model holds as one."""
    if is_container(path):
        from mlang.app.containers.source import EmbeddedFile

        return EmbeddedFile(path).text
    return decoded(read_bytes(path), path)


def parse_bindings(texts: Iterable[str]) -> dict[str, Path]:
    """``NAME=FILE`` options."""
    found: dict[str, Path] = {}
    for text in texts:
        name, sign, file = text.partition("=")
        if not sign or not name or not file:
            raise Fault(f"{text!r} is not of the form NAME=FILE.")
        found[name] = Path(file)
    return found
