"""``mlang rename``: a query, step or parameter and everything that means it.

A query is also mentioned where no name stands: in attributes (``QueryName = "..."`` of destinations, the
data source of a connector), behind ``#shared`` and ``#sections``, in a dataflow's ``queryMetadata.json``,
and in the tests beside the file.  Those follow; what only a running program could tell is reported.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mlang.app.containers.paths import is_container
from mlang.app.refactoring import metadata
from mlang.app.refactoring.edits import Change, Edit, Edited, Plan, Refused, Respelt, opened, replaced
from mlang.app.refactoring.source import QUERY, STEP, Place, Source
from mlang.app.refactoring.verify import check
from mlang.app.textfile import TextFile
from mlang.errors import Fault
from mlang.syntax import MSyntaxError, nodes
from mlang.syntax.quoting import field_name, identifier, text_literal
from mlang.syntax.vocabulary import HASH_NAMES

#: Attributes of members and sections whose texts are names of queries.
_NAMING = frozenset(("QueryName", "DataSource.Kind", "Publish"))


def rename(source: Source, old: str, new: str, at: tuple[int, int] | None = None) -> tuple[Place, list[Edit]]:
    """The edits that rename a definition of a text."""
    place = source.find(old, at)
    if not new or new in HASH_NAMES:
        raise Fault(f"{new!r} is no name for a {place.kind}.")
    if new == place.name:
        return place, []
    if any(s.name == new for s in place.siblings):
        raise Refused(
            f"There is a {_sibling(place)} '{new}' beside '{place.name}' already. Choose another name."
        )
    if place.kind == QUERY and new in source.members:
        raise Refused(f"There is a query '{new}' already. Choose another name.")
    edits = [_respelt(source, node, new) for node in (place.node, *source.mentions(place.node))]
    if place.kind == QUERY:
        edits += _by_attributes(source, place.name, new)
        edits += _by_hash(source, place, new)
    check(source, Edited(source.text, edits), f"Renaming '{place.name}' to '{new}'")
    return place, edits


def _sibling(place: Place) -> str:
    return place.kind if place.kind in (QUERY, STEP) else "parameter"


def _respelt(source: Source, node: Any, new: str) -> Edit:
    start, end = source.name_span(node)
    return Edit(start, end, (Respelt(identifier(new), start),))


def _by_attributes(source: Source, old: str, new: str) -> Iterator[Edit]:
    """Texts in attributes that name the query."""
    assert isinstance(source.tree, nodes.SectionDocument)
    records = [s.attributes for s in source.tree.sections]
    records += [m.attributes for s in source.tree.sections for m in s.members]
    for record in records:
        for node in record.walk() if record is not None else ():
            if not isinstance(node, nodes.Binding) or node.name not in _NAMING:
                continue
            if isinstance(node.value, nodes.Literal) and node.value.value == old:
                yield replaced(node.value.pos, node.value.end, text_literal(new))


def _by_hash(source: Source, place: Place, new: str) -> Iterator[Edit]:
    """``#shared[old]`` and ``#sections[Section1][old]``."""
    assert isinstance(source.tree, nodes.SectionDocument)
    section = next(s for s in source.tree.sections if any(m is place.node for m in s.members))
    for node in source.tree.walk():
        if isinstance(node, nodes.FieldAccess) and node.name == place.name and is_environment(node.target):
            assert node.target is not None
            if isinstance(node.target, nodes.FieldAccess) and node.target.name != section.name:
                continue
            _, bracket, after = source.token_at(node.target.end)
            _, start, end = source.token_at(after)
            assert bracket < start
            yield replaced(start, end, field_name(new))


def is_environment(node: nodes.Node | None) -> bool:
    """Whether a node is ``#shared``, or a section of ``#sections``."""
    if isinstance(node, nodes.Name):
        return node.name == "#shared"
    return (
        isinstance(node, nodes.FieldAccess)
        and isinstance(node.target, nodes.Name)
        and node.target.name == "#sections"
    )


def _reads_environment(source: Source, fields: int) -> bool:
    """Whether ``#shared`` or ``#sections`` is used in another way than ``#shared[name]``."""
    names = sum(isinstance(n, nodes.Name) and n.name in ("#shared", "#sections") for n in source.tree.walk())
    return names > fields


# ---------------------------------------------------------------- files


def plan(path: Path, old: str, new: str, at: tuple[int, int] | None = None) -> Plan:
    """The edits of a file and of what belongs to it."""
    file = opened(path)
    source = Source(file.text, str(file.path))
    place, edits = rename(source, old, new, at)
    found = Plan([Change(file, edits)])
    if place.kind != QUERY or not edits:
        return found
    fields = sum(isinstance(n, nodes.FieldAccess) and is_environment(n.target) for n in source.tree.walk())
    if _reads_environment(source, fields):
        found.notes.append(
            "the text reads #shared or #sections; names that it makes up there are not renamed."
        )
    about = metadata.beside(file.path)
    if about is not None:
        found.changes.append(metadata.renamed(about, place.name, new))
    for companion in companions(file.path):
        found.changes += _companion(companion, place.name, new, found.notes)
    return found


def companions(path: Path) -> list[Path]:
    """The tests beside a file, which see its members."""
    from mlang.app.testing.discover import QUERY as QUERY_TEST
    from mlang.app.testing.discover import TESTS

    stem = path.stem if is_container(path) else path.name.removesuffix(".pq")
    beside = [path.with_name(stem + ending) for ending in (TESTS, QUERY_TEST)]
    return [p for p in beside if p != path and p.is_file()]


def _companion(path: Path, old: str, new: str, notes: list[str]) -> list[Change]:
    file = TextFile(path)
    try:
        source = Source(file.text, str(path))
    except MSyntaxError as error:
        notes.append(f"{path} is no M and was left alone: {error.message}.")
        return []
    edits = [_respelt(source, node, new) for node in source.scopes.free if node.name == old]
    if not edits:
        return []
    check(source, Edited(source.text, edits), f"Renaming '{old}' to '{new}' in {path}")
    return [Change(file, edits)]
