"""``queryMetadata.json`` beside the document of a dataflow in git: what edits of the document change in it.

Only the strings that say something else change, and a new entry is put in; the JSON keeps its layout.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterator
from pathlib import Path

from mlang.app.refactoring.edits import Change, Refused, replaced
from mlang.app.textfile import TextFile
from mlang.errors import Fault

FILE = "queryMetadata.json"
_QUERIES = "queriesMetadata"


def beside(document: Path) -> Path | None:
    """The metadata of a dataflow's document; None for other texts, or when there are none."""
    path = document.with_name(FILE)
    return path if document.name == "mashup.pq" and path.is_file() else None


def added(path: Path, name: str) -> Change:
    """A query is new: it gets an entry before the others, laid out as the first of them."""
    file = TextFile(path)
    entry = {"queryId": str(uuid.uuid5(uuid.NAMESPACE_OID, name + file.text)), "queryName": name}
    known = next((end for keys, _, end, is_key in json_strings(file) if is_key and keys == (_QUERIES,)), None)
    opening = re.compile(r"\s*:\s*\{(\s*)").match(file.text, known) if known is not None else None
    if opening is None or name in json.loads(file.text)[_QUERIES]:
        return Change(file, [])
    space, end = opening[1], opening.end()
    text = f"{json.dumps(name, ensure_ascii=False)}: {_laid_out(entry, space)}"
    if not file.text.startswith("}", end):
        text += "," + (space or " ")
    return Change(file, [replaced(end, end, text)])


def _laid_out(entry: dict[str, str], space: str) -> str:
    """One line, or lines where the entries around stand in lines: twice as deep as those."""
    if "\n" not in space:
        return json.dumps(entry, ensure_ascii=False)
    depth = space.rpartition("\n")[2]
    text = json.dumps(entry, ensure_ascii=False, indent=depth[: len(depth) // 2] or 1)
    return text.replace("\n", space.rpartition("\n")[0] + "\n" + depth)


def renamed(path: Path, old: str, new: str) -> Change:
    """A query gets another name: its key in ``queriesMetadata``, and its ``queryName``; the JSON keeps its layout."""
    file = TextFile(path)
    edits = []
    for keys, start, end, is_key in json_strings(file):
        named = keys[:1] == (_QUERIES,)
        if named and is_key and len(keys) == 2 and keys[1] == new:
            raise Refused(f"{path} has a query '{new}' already. Choose another name.")
        own_key = named and is_key and keys == (_QUERIES, old)
        own_name = named and not is_key and keys == (_QUERIES, old, "queryName")
        if own_key or (own_name and json.loads(file.text[start:end]) == old):
            edits.append(replaced(start, end, json.dumps(new, ensure_ascii=False)))
    return Change(file, edits)


_JSON = re.compile(r'\s*(?:("(?:[^"\\]|\\.)*")|([{}\[\],:])|([^\s{}\[\],:"]+))')


def json_strings(file: TextFile) -> Iterator[tuple[tuple[str, ...], int, int, bool]]:
    """Each string of a JSON text: the keys down to it, its span, and whether it is a key itself."""
    try:
        json.loads(file.text)
    except ValueError as error:
        raise Fault(f"{file.path} is not JSON: {error}") from None
    path: list[str] = []
    containers: list[str] = []
    awaits_key, position, text = False, 0, file.text
    while (match := _JSON.match(text, position)) is not None:
        position = match.end()
        sign = match[2]
        if sign in ("{", "["):
            containers.append(sign)
            path.append("")
            awaits_key = sign == "{"
        elif sign in ("}", "]"):
            containers.pop()
            path.pop()
        elif sign == ",":
            awaits_key = containers[-1] == "{"
        elif match[1] is not None:
            if awaits_key:
                path[-1] = json.loads(match[1])
                awaits_key = False
                yield tuple(path), match.start(1), match.end(1), True
            else:
                yield tuple(path), match.start(1), match.end(1), False
