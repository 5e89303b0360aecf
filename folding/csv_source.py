"""CSV files as leaves of a query: as the engine's own `read_csv`, or as batches of the interpreter's reader.

Read ``csv_stream.py`` for the batches, ``sources.py`` for the other leaves.
"""

from __future__ import annotations

import os
from typing import Any

from attrs import evolve
from sqlglot import exp

from folding import terms as t
from folding.csv_stream import opens, rows_of, tagged
from folding.relations import Context, Relation
from folding.sources import Leaf, file_reader, named_table, relation, unplaced, with_row_number
from folding.terms import Unfoldable
from mlang.connectors.csv_reader import first_row
from mlang.connectors.sources import CsvSource
from mlang.tables.local_rows import check_header

#: The names that the engine has for code pages; files of them are streamed, and only a shown query says them.
_ENCODINGS = {1200: "utf-16", 28591: "latin-1", **{page: f"CP{page}" for page in range(1250, 1259)}}


class CsvOrigin(Leaf):
    """A CSV file that the engine reads cell for cell as M does (or refuses).

    One that is ``streamed`` is read by the interpreter's reader when the query runs (`csv_stream.py`): large files,
    and those of other encodings, of QuoteStyle.None, of delimiters of several characters and of blank lines, stray
    quotes or mixed line breaks.
    """

    def __init__(
        self, alias: str, source: CsvSource, skip_first: bool = False, streamed: bool = False
    ) -> None:
        super().__init__(alias)
        self.source, self.skip_first, self.streamed = source, skip_first, streamed
        self.label = source.label
        #: What the first row must be for the names of the columns to be right, and the columns that are read.
        self.header: dict[str, str] | None = None
        self.read: set[str] = set()
        #: The columns of each scan that was written, by the name of its rows.
        self.scans: dict[str, tuple[str, ...]] = {}
        #: The columns that the reader converts, and what to (`csv_stream.converted`).
        self.storages: dict[str, str] = {}
        #: Whether the same rows are asked for once more, and those that are kept for that.
        self.again = False
        self.kept: Any = None
        #: Of texts that nothing is known of yet: the column, and who looks at them when they are read.
        self.watched: dict[Any, tuple[str, Any]] = {}

    def untouched(self, relation: Relation) -> bool:
        """Whether the relation still has exactly the rows of the file."""
        return not (relation.where or relation.joins or relation.sealed or self.skip_first)

    def without_first_row(self, relation: Relation, header: dict[str, str] | None) -> Relation:
        """The same relation over the file without its first row, of which something may be known."""
        origin = CsvOrigin(self.alias, self.source, True, self.streamed)
        origin.rows, origin.header = self.rows, header
        return evolve(relation, origin=origin)

    def prepare(self, database: Any, cursor: Any) -> None:
        """Looks whether the header is still what it was, and registers the batches that the query reads."""
        if self.header is not None:
            check_header(self.header, self._first_row(), self.source)
        for name, columns in self.scans.items():
            cursor.register(name, rows_of(self, columns))

    def _first_row(self) -> dict[str, Any]:
        """The first cells of the columns that are read, by their names, as they are now."""
        source, row = self.source, first_row(self.source)
        row += [source.missing] * (source.width - len(row))  # type: ignore[list-item]
        return {name: row[i] for i, name in enumerate(source.names) if f"c{i + 1}" in self.read}

    def render(self, needed: set[str]) -> Any:
        self.read |= needed
        item = self._read_csv({name for name in needed if name[0] != "q"})
        if not self.streamed:
            return item
        names = tuple(sorted(needed, key=_place)) or ("r1",)
        name = "_".join(
            (self.alias, *(n for n in names if n != "r1"), "rows" if "r1" in names else "batches")
        )
        self.scans[name] = names
        return tagged(item, name)

    def _read_csv(self, needed: set[str]) -> Any:
        source = self.source
        fields = [
            exp.PropertyEQ(this=exp.to_identifier(f"c{i}"), expression=exp.Literal.string("VARCHAR"))
            for i in range(1, source.width + 1)
        ]
        quote = exp.Literal.string('"')
        options = {
            "auto_detect": exp.false(), "header": exp.Boolean(this=self.skip_first),
            "delim": t.string(str(source.delimiter)), "quote": quote, "escape": quote.copy(),
            "nullstr": exp.Literal.string("\x01"), "strict_mode": exp.true(), "null_padding": exp.false(),
            "columns": exp.Struct(expressions=fields),
        }  # fmt: skip
        if source.encoding in _ENCODINGS:
            options["encoding"] = exp.Literal.string(_ENCODINGS[source.encoding])
        table = named_table(file_reader("read_csv", source.path, options), self.alias, source.width)
        return with_row_number(table, self.alias, needed) if "r1" in needed else table


def _delimited(source: CsvSource) -> bool:
    """Whether fields end with a delimiter that the engine may have: one of up to four bytes."""
    delimiter = source.delimiter
    if not isinstance(delimiter, str) or any(c in '"\r\n' for c in delimiter):
        return False
    return source.single or 1 < len(delimiter.encode("utf-8", "replace")) <= 4


def _place(name: str) -> tuple[str, int]:
    """Where a column stands among others: texts, marks (`csv_stream.CsvBatches`), the row number."""
    return name[0], int(name[1:])


def csv_relation(source: CsvSource, context: Context) -> tuple[Relation, tuple[str, ...]]:
    """A CSV file as a relation of texts, and the names of its columns; `Unfoldable` where only M's reader will do."""
    if not source.width or source.path is None or source.extra_values == 0 or not _delimited(source):
        raise Unfoldable("this form of delimited text is read by the interpreter")
    try:
        size = os.path.getsize(source.path)
        streamed = opens(source) or not source.engine_safe()
    except OSError:
        raise Unfoldable("the file cannot be opened") from None
    nullable = streamed and source.missing is None
    cells = [unplaced("text", "VARCHAR", False, nullable=nullable) for _ in source.names]
    origin = CsvOrigin(context.alias(), source, streamed=streamed)
    # a row has as many bytes as columns, unless it may be too short
    rows = size + 1 if streamed else size // source.width + 1
    return relation(context, origin, cells, rows), source.names
