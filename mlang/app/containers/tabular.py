"""Tabular models as JSON: model.bim, and the DataModelSchema part of templates (.pbit).

Queries are the shared expressions, the partitions with a source of M, and the expressions of incremental refresh.
A table's only partition has the table's name.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from mlang.app.containers.base import BrokenFile, Load, decoded, encoded
from mlang.app.containers.jsontext import JsonText, Value
from mlang.app.containers.package import Package
from mlang.app.containers.pieces import EXPRESSION, PARTITION, Change, Piece, PieceContainer

SCHEMA = "DataModelSchema"
#: Expressions of an incremental refresh policy, and what tells them from the table's own.
POLICY = (("sourceExpression", "refresh policy"), ("pollingExpression", "polling"))


@dataclass
class TabularFile(PieceContainer):
    """A model in JSON; ``package`` is the zip file around it, if any."""

    json_text: JsonText | None = None
    places: list[tuple[Value, Value | None]] = field(default_factory=list)
    package: Package | None = None

    def spliced(self, changes: dict[int, Change]) -> dict[Path, bytes]:
        """The JSON with other expressions and names; the rest keeps its bytes."""
        assert self.json_text is not None
        edits: list[tuple[Value, str]] = []
        for index, change in changes.items():
            place, name = self.places[index]
            if change.text is not None:
                edits.append((place, _with_line_ends(change.text, place)))
            if change.name is not None and name is not None:
                edits.append((name, change.name))
        old = self.package.read(SCHEMA) if self.package is not None else self.files[self.path]
        _, encoding, mark = decoded(old, str(self.path))
        new = encoded(self.json_text.with_strings(edits), encoding, mark, str(self.path))
        return {self.path: self.package.replaced({SCHEMA: new}) if self.package is not None else new}


def _with_line_ends(text: str, place: Value) -> str:
    """Carriage returns where the old text has them at most lines."""
    old = place.text() or ""
    return text.replace("\n", "\r\n") if old.count("\r\n") * 2 > old.count("\n") > 0 else text


def found_pieces(root: Value, where: str) -> Iterator[tuple[Piece, Value, Value | None]]:
    """The M of a model: each piece with the places of its expression and its name."""
    model = root.get("model") or root
    for entry in _items(model.get("expressions")):
        name, place = entry.get("name"), entry.get("expression")
        piece = _piece(name, place, EXPRESSION, where)
        if piece is not None and place is not None:
            yield piece, place, name
    for table in _items(model.get("tables")):
        name = table.get("name")
        for part in filter(_is_m, _items(table.get("partitions"))):
            own, place = part.get("name"), part.get("source", "expression")
            piece = _piece(name, place, PARTITION, where)
            if piece is not None and place is not None:
                piece.partition = str(own.value) if own is not None else piece.name
                yield piece, place, None
        for key, about in POLICY:
            place = table.get("refreshPolicy", key)
            piece = _piece(name, place, PARTITION, where)
            if piece is not None and place is not None:
                piece.name = f"{piece.name} ({about})"
                yield piece, place, None


def _items(value: Value | None) -> list[Value]:
    return value.items if value is not None else []


def _is_m(partition: Value) -> bool:
    kind = partition.get("source", "type")
    return kind is not None and kind.value == "m"


def _piece(name: Value | None, place: Value | None, kind: str, where: str) -> Piece | None:
    text = place.text() if place is not None else None
    if text is None or name is None or not text.strip():
        return None
    return Piece(str(name.value), text.replace("\r\n", "\n"), kind, where)


def open_tabular(path: Path, data: bytes, package: Package | None = None) -> TabularFile:
    """A model from the bytes of its file."""
    where = f"{path}: {SCHEMA}" if package is not None else str(path)
    text = decoded(package.read(SCHEMA) if package is not None else data, where)[0]
    json_text = JsonText(text, where)
    found = list(found_pieces(json_text.root, where))
    if not found:
        raise BrokenFile(f"{path} holds no queries.")
    model = json_text.root.get("model") or json_text.root
    name_partitions([piece for piece, _, _ in found])
    culture = model.get("culture")
    container = TabularFile(
        path, "Power BI template" if package is not None else "semantic model", {path: data},
        culture=str(culture.value) if culture is not None and isinstance(culture.value, str) else None,
        pieces=[piece for piece, _, _ in found], json_text=json_text, places=[(p, n) for _, p, n in found],
        package=package,
    )  # fmt: skip
    container.loads = loads_of(container.pieces)
    return container


def loads_of(pieces: list[Piece]) -> dict[str, Load]:
    """Partitions fill the model's tables; shared expressions fill nothing."""
    return {p.name: Load(("model",) if p.kind == PARTITION else ()) for p in pieces}


def name_partitions(pieces: list[Piece]) -> None:
    """Several partitions of a table are told by their own names; a lone refresh policy has the table's."""
    tables: dict[str, list[Piece]] = {}
    for piece in pieces:
        if piece.partition:
            tables.setdefault(piece.name, []).append(piece)
    for found in tables.values():
        for piece in found if len(found) > 1 else ():
            piece.name = f"{piece.name} ({piece.partition})"
    policy = f" ({POLICY[0][1]})"
    for piece in pieces:
        table = piece.name.removesuffix(policy)
        if piece.name.endswith(policy) and piece.kind == PARTITION and table not in tables:
            piece.name = table
