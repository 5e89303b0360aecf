"""``mlang diff``: two documents by queries and steps, and by the values of their queries."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlang.app.refactoring.inline import replace_nodes
from mlang.app.refactoring.source import Source, bare, outer_let
from mlang.errors import Fault
from mlang.syntax import nodes

ADDED, REMOVED, CHANGED, MOVED, RENAMED = "added", "removed", "changed", "moved", "renamed"
_SIGNS = {ADDED: "+", REMOVED: "-", CHANGED: "~", MOVED: ">", RENAMED: "="}


@dataclass
class Item:
    """One difference: of a query, or of a step of it; ``old`` and ``new`` are texts of expressions."""

    what: str
    query: str
    step: str | None = None
    old: str | None = None
    new: str | None = None
    #: Of results: where, expected, actual.
    values: list[dict[str, str]] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {k: v for k, v in vars(self).items() if v not in (None, [])}


@dataclass
class _Part:
    name: str
    node: nodes.Node
    text: str
    #: What mentions it.
    mentions: list[Any] = field(default_factory=list)


def read(path: Path) -> tuple[str, str]:
    """Text and name of one side: a file, a dataflow folder, standard input, or ``REF:path`` of git."""
    from mlang.app.running import read_source

    text = str(path)
    revision, sign, inside = text.partition(":")
    if not path.exists() and sign and inside and len(revision) > 1:
        from mlang.app.git import export

        with tempfile.TemporaryDirectory() as folder:
            return read_source(export(revision, inside, Path(folder)))[0], text
    found = read_source(path)
    return found[0], found[1]


def compare(old: Source, new: Source) -> list[Item]:
    """What differs, in the order of the new text; comments, layout and parentheses do not count."""
    before, after = _queries(old), _queries(new)
    items: list[Item] = []
    same = [n for n in after if n in before]
    renamed = _renamed(
        [p for n, p in before.items() if n not in after], [p for n, p in after.items() if n not in before]
    )
    gone = {o for o, _ in renamed.values()}
    moved = _moved([n for n in before if n in after], same)
    for name, part in after.items():
        if name in renamed:
            items.append(Item(RENAMED, name, old=renamed[name][0]))
        elif name not in before:
            items.append(Item(ADDED, name, new=part.text))
        else:
            if name in moved:
                items.append(Item(MOVED, name))
            items += _steps(old, name, before[name], part)
    items += [Item(REMOVED, n, old=p.text) for n, p in before.items() if n not in after and n not in gone]
    return items


def _queries(source: Source) -> dict[str, _Part]:
    if not source.is_section:
        return {"": _Part("", source.tree, source.text[source.tree.pos : source.tree.end])}
    return {
        n: _Part(n, m.value, source.text[m.value.pos : m.value.end], source.mentions(m))
        for n, m in source.members.items()
    }


def _steps(source: Source, query: str, old: _Part, new: _Part) -> list[Item]:
    left, right = outer_let(old.node), outer_let(new.node)
    if left is None or right is None:
        if _same(old.node, new.node):
            return []
        return [Item(CHANGED, query, None, old.text, new.text)]
    before, after = _bindings(source, left, old), _bindings(None, right, new)
    renamed = _renamed(
        [p for n, p in before.items() if n not in after and n],
        [p for n, p in after.items() if n not in before and n],
    )
    gone = {o for o, _ in renamed.values()}
    moved = _moved([n for n in before if n in after], [n for n in after if n in before])
    items = []
    for name, part in after.items():
        if name in renamed:
            items.append(Item(RENAMED, query, name, old=renamed[name][0]))
        elif name not in before:
            items.append(Item(ADDED, query, name, new=part.text))
        elif not _same(before[name].node, part.node):
            items.append(Item(CHANGED, query, name or "(result)", before[name].text, part.text))
        elif name in moved:
            items.append(Item(MOVED, query, name))
    items += [
        Item(REMOVED, query, n, old=p.text) for n, p in before.items() if n not in after and n not in gone
    ]
    return items


def _bindings(source: Source | None, let: nodes.Let, part: _Part) -> dict[str, _Part]:
    start = part.node.pos
    found = {
        b.name: _Part(
            b.name, b.value, part.text[b.value.pos - start : b.value.end - start],
            source.mentions(b) if source is not None else [],
        )
        for b in let.bindings
    }  # fmt: skip
    found[""] = _Part("", let.body, part.text[let.body.pos - start : let.body.end - start])
    return found


def _same(left: nodes.Node, right: nodes.Node) -> bool:
    """The same but for parentheses (which may be stripped in place: nobody prints these trees)."""
    return _stripped(left) == _stripped(right)


def _stripped(node: nodes.Node) -> nodes.Node:
    found = bare(node)
    return replace_nodes(found, {id(n): n.inner for n in found.walk() if isinstance(n, nodes.Parenthesized)})


def _renamed(old: list[_Part], new: list[_Part]) -> dict[str, tuple[str, _Part]]:
    """New names whose expression is that of exactly one name that is gone.

    What mentions such a name says the new one from then on: that alone makes nothing different.
    """
    found: dict[str, tuple[str, _Part]] = {}
    more = True
    while more:
        more = False
        taken = {name for name, _ in found.values()}
        for part in (p for p in new if p.name not in found):
            matches = [p for p in old if p.name not in taken and _same(p.node, part.node)]
            if len(matches) == 1 and not isinstance(bare(part.node), (nodes.Literal, nodes.Name)):
                found[part.name] = (matches[0].name, part)
                taken.add(matches[0].name)
                for mention in matches[0].mentions:
                    mention.name = part.name
                more = True
    return found


def _moved(old: list[str], new: list[str]) -> set[str]:
    """The fewest names that must move to get from one order to the other."""
    from bisect import bisect_left

    place = {name: i for i, name in enumerate(old)}
    ends: list[int] = []
    last: list[str] = []
    previous: dict[str, str | None] = {}
    for name in new:
        index = bisect_left(ends, place[name])
        ends[index : index + 1] = [place[name]]
        last[index : index + 1] = [name]
        previous[name] = last[index - 1] if index else None
    kept: set[str] = set()
    current: str | None = last[-1] if last else None
    while current is not None:
        kept.add(current)
        current = previous[current]
    return set(new) - kept


# ---------------------------------------------------------------- values


@dataclass
class Side:
    """A text to compare, and where its relative paths start."""

    path: Path
    text: str
    name: str

    @property
    def base(self) -> str:
        """The folder of the file."""
        place = self.path if self.path.is_dir() else self.path.parent
        return str((place if self.path.exists() else Path.cwd()).resolve())


def value_differences(left: Side, right: Side, query: str | None, **settings: Any) -> list[Item]:
    """The queries that both have, evaluated, row by row."""
    from mlang.app import api
    from mlang.app.testing.diff import differences
    from mlang.compile.entry import Document, run

    documents = [
        (Document(side.text, filename=side.name), api.open_session(base_dir=side.base, **settings))
        for side in (left, right)
    ]
    items = []
    for common in _common(documents[0][0], documents[1][0], query):
        thunks = [_settled(d, common, s) for d, s in documents]
        found = run(lambda thunks=thunks: differences(*thunks), documents[0][1])  # type: ignore[misc]
        if found:
            rows = [{"where": d.where, "old": d.expected, "new": d.actual} for d in found]
            items.append(Item("value", common or "", values=rows))
    return items


def _settled(document: Any, query: str | None, session: Any) -> Any:
    """The value of a query, its rows and items read in its own session; a failure stays one."""
    from mlang import registry
    from mlang.compile.entry import run
    from mlang.values.kinds import kind_of
    from mlang.values.metadata import strip
    from mlang.values.thunk import Thunk

    def read_all() -> Any:
        value = strip(document.value(query))
        buffer = {"table": "Table.Buffer", "list": "List.Buffer"}.get(kind_of(value))
        return registry.value_of(buffer).fn(value) if buffer is not None else value

    return Thunk(lambda: run(read_all, session))


def _common(left: Any, right: Any, query: str | None) -> list[str | None]:
    if not left.is_section or not right.is_section:
        if left.is_section != right.is_section or query is not None:
            raise Fault("Values can be compared of two expressions, or of two section documents.")
        return [None]
    names = [n for n in right.members if n in left.members]
    if query is not None and query not in names:
        raise Fault(f"Not both have a query '{query}'. Both have: {', '.join(names) or 'none'}.")
    return [query] if query is not None else list(names)


# ---------------------------------------------------------------- showing


def show(left: Path, right: Path, values: bool, query: str | None, as_json: bool, **settings: Any) -> int:
    """Prints the differences; 1 when there are any."""
    old, new = (Side(path, *read(path)) for path in (left, right))
    items = compare(Source(old.text, old.name), Source(new.text, new.name))
    if query is not None:
        items = [i for i in items if i.query == query]
    if values:
        items += value_differences(old, new, query, **settings)
    if as_json:
        print(json.dumps([i.as_dict() for i in items], ensure_ascii=False, indent=1))
    else:
        for item in items:
            _print(item)
    return 1 if items else 0


def _print(item: Item) -> None:
    name = "/".join(p for p in (item.query, item.step) if p) or "(expression)"
    if item.what == "value":
        from mlang.app.render import grid_lines

        print(f"! {name}: the values differ")
        rows = [[v["where"], v["old"], v["new"]] for v in item.values]
        for line in grid_lines(["Where", "Old", "New"], rows):
            print(f"    {line}")
        return
    print(
        f"{_SIGNS[item.what]} {name}: {item.what}" + (f" from '{item.old}'" if item.what == RENAMED else "")
    )
    if item.what == CHANGED:
        for sign, text in (("-", item.old), ("+", item.new)):
            for line in (text or "").splitlines():
                print(f"    {sign} {line.strip()}")
