"""CSV files that enter the engine as Arrow batches, read by the interpreter's own reader.

`read_csv` of the engine numbers rows on one thread, and reads some files in another way than M.  A
large file is therefore read by ``mlang/connectors/csv_blocks.py``, block by block and side by side, into
text columns and row numbers.  What a query says of such a file is still `read_csv`, which people can
run (`CsvOrigin.render`); `streamed` puts the name of the batches in its place when the query runs.
Every scan of a query reads the file anew (`CsvBatches`), so that memory stays bounded; only few columns that
are read more than once are kept while the query is made and run (`share`).
"""

from __future__ import annotations

import os
import weakref
from collections import Counter
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from folding.streaming import Stopped
from folding.terms import Unfoldable
from mlang import session as sessions
from mlang.connectors.sources import CsvSource
from mlang.errors import MError
from mlang.tables.batches import ArrowBatch
from mlang.tables.plan import Batch

if TYPE_CHECKING:
    from folding.csv_source import CsvOrigin
    from folding.relations import Context, Relation

#: Bytes of a file's columns that may be kept for a second scan, as they stand in the file.
KEPT = 1 << 28
#: Where a FROM item tells the name under which its rows are registered.
TAG = "csv_stream"
#: Where the conversion of a column tells that every text of it is plain.
PLAIN = "csv_plain"
#: What the reader converts plain texts to: the Arrow types of storages.
_TYPES = {"BIGINT": "int64", "DOUBLE": "float64", "DATE": "date32"}


def opens(source: CsvSource) -> bool:
    """Whether a file is large, and has no quotes at its start but in the names: the engine is faster with these."""
    from mlang.connectors.csv_blocks import stream_of

    if source.path is None:
        return False
    opened = stream_of(source)
    if opened is None:
        return False
    with opened[0] as stream:
        return b'"' not in stream.read(1 << 16).partition(b"\n")[2]


def tagged(item: Any, name: str) -> Any:
    """A FROM item that stands for registered batches when the query runs."""
    item.meta[TAG] = name
    return item


def streamed(tree: Any) -> Any:
    """A query with the names of batches in place of the items that stand for them."""
    tree = tree.copy()
    for item in list(tree.find_all(exp.Table, exp.Subquery)):
        name = item.meta.get(TAG)
        if name is not None:
            alias = exp.TableAlias(this=exp.to_identifier(item.alias))
            item.replace(exp.Table(this=exp.to_identifier(name), alias=alias))
    return tree


def read_plain(sql: Any) -> Any:
    """The conversion of a column all of whose texts are plain: the reader of the file may do it (`converted`)."""
    if isinstance(sql, exp.TryCast) and isinstance(sql.this, exp.Column):
        sql = sql.copy()
        sql.meta[PLAIN] = True
    return sql


def converted(leaves: list[Any], tree: Any) -> None:
    """Leaves conversions out of a query whose columns the reader of a file can give converted."""
    found = {leaf.alias: leaf for leaf in leaves if getattr(leaf, "streamed", False)}
    uses: dict[tuple[str, str], list[Any]] = {}
    for column in tree.find_all(exp.Column):
        if (
            column.table in found and column.name[0] in "cq"
        ):  # a mark is found in the texts, so it is a use of them
            uses.setdefault((column.table, "c" + column.name[1:]), []).append(column)
    for leaf in found.values():
        leaf.storages = {}
    for (alias, name), columns in uses.items():
        casts = [column.parent for column in columns]
        storages = {str(c.to) if isinstance(c, exp.TryCast) and PLAIN in c.meta else "" for c in casts}
        storage = storages.pop()
        if storages or storage not in _TYPES or kept(found[alias]) is not None:
            continue
        found[alias].storages[name] = storage
        for cast in casts:
            cast.replace(cast.this)


def share(leaves: list[Any], tree: Any) -> None:
    """Reads the columns at once that a query (or one to come, `CsvOrigin.again`) reads more than once."""
    scans = Counter(table.name for table in tree.find_all(exp.Table))
    files: dict[Any, list[CsvOrigin]] = {}
    for leaf in leaves:
        if getattr(leaf, "streamed", False):
            files.setdefault((id(leaf.source), leaf.skip_first), []).append(leaf)
    for origins in files.values():
        used = [name for o in {id(o): o for o in origins}.values() for name in o.scans if name in scans]
        often = any(o.again for o in origins) or sum(scans[name] for name in used) > 1
        if not often or kept(origins[0]) is not None:
            continue
        read = {c for o in origins for name, columns in o.scans.items() if name in scans for c in columns}
        wanted = {"c" + name[1:] if name[0] == "q" else name for name in read}
        for origin in origins:
            keep(origin, wanted)


def learnt(context: Context, relation: Callable[[], Relation]) -> Relation:
    """A relation, made once more with what is known of its files when their columns were read for it."""
    from folding.engines.duckdb import Query

    found: Relation | Unfoldable
    try:
        found = relation()
        if context.files:
            Query(found)  # says which columns it reads
    except Unfoldable as reason:
        found = reason
    files, context.files = [origin for origin in context.files if _unknown(origin)], []
    if not files:
        if isinstance(found, Unfoldable):
            raise found
        return found
    for origin in files:
        columns = {c for scan in origin.scans.values() for c in scan if c[0] != "q"}
        keep(origin, columns or {name for name, _ in origin.watched.values()})
    context.kept = files
    return relation()


def _unknown(origin: CsvOrigin) -> bool:
    """Whether a scan that was written (or one to come, when none was) depends on texts that nobody looked at yet."""
    from folding.spelling import unlearned

    marks = {"c" + name[1:] for scan in origin.scans.values() for name in scan if name[0] == "q"}
    names = unlearned(origin)
    return bool(names & marks if origin.scans else names)


#: What is kept of files, by source, as long as a query needs it.
_kept: weakref.WeakValueDictionary[Any, Any] = weakref.WeakValueDictionary()


def kept(origin: CsvOrigin) -> Any:
    """The columns that are kept of a file at present, if any."""
    return _kept.get((id(origin.source), origin.skip_first))


def keep(origin: CsvOrigin, wanted: set[str]) -> None:
    """Reads some columns of a file, if these are few bytes, for all who scan it; what fails will fail again."""
    import pyarrow as pa

    key = (id(origin.source), origin.skip_first)
    found = kept(origin)
    if found is None or not wanted <= set(found.column_names):
        try:
            found = _whole(origin, wanted)
        except (MError, OSError, UnicodeError, Stopped, pa.ArrowException):
            found = None
        if found is not None:
            _kept[key] = found
    origin.kept = found


def _whole(origin: CsvOrigin, wanted: set[str]) -> Any:
    """Some columns of a file as an Arrow table; None when they are large, or memory is limited."""
    import pyarrow as pa

    source = origin.source
    size = os.path.getsize(str(source.path)) * len(wanted) // source.width
    if size > KEPT or sessions.current().memory_limit:
        return None
    names = (*sorted(wanted - {"r1"}), "r1")
    batches = CsvBatches(origin, names)
    return pa.Table.from_batches(list(batches.read()), batches.schema())


def rows_of(origin: CsvOrigin, names: tuple[str, ...]) -> Any:
    """What a scan reads: columns that are kept, with marks by the scan's own watches, or the file."""
    import pyarrow as pa

    data, marks = kept(origin), {"c" + n[1:] for n in names if n[0] == "q"}
    texts = [n for n in names if n[0] != "q"]
    if data is None or not {*texts, *marks} <= set(data.column_names):
        return CsvBatches(origin, names, origin.storages)
    if not marks:
        return data.select(texts)
    watches = [(name, make()) for name, make in origin.watched.values() if name in marks]
    batches = []
    for part in data.to_batches():
        columns = {n: part.column(n) for n in {*texts, *marks}}
        _mark(columns, watches, part.num_rows)
        batches.append(pa.RecordBatch.from_arrays([columns[n] for n in names], list(names)))
    return pa.Table.from_batches(batches, CsvBatches(origin, names).schema())


def _mark(columns: dict[str, Any], watches: list[tuple[str, Any]], length: int) -> None:
    """Adds to columns of texts whether some of them may be doubtful."""
    import pyarrow as pa

    for name, watch in watches:
        odd = not watch.look(columns[name])
        columns["q" + name[1:]] = pa.repeat(pa.scalar(odd), length)


class CsvBatches:
    """The columns c1.. of a file that are asked for, and the row numbers r1: read anew for each scan.

    They are texts, but for those whose ``storages`` are given.
    q1.. tell of the texts in c1.. whether some of the batch may be doubtful (`csv_facts.py`).
    """

    def __init__(
        self, origin: CsvOrigin, names: tuple[str, ...], storages: dict[str, str] | None = None
    ) -> None:
        self.source, self.skip_first, self.names = origin.source, origin.skip_first, names
        self.storages = {n: storage for n, storage in (storages or {}).items() if n in names}
        marks = {"c" + n[1:] for n in names if n[0] == "q"}
        texts = {*names, *marks} - self.storages.keys()
        self.watched = [found for found in origin.watched.values() if found[0] in texts]

    def schema(self) -> Any:
        """The Arrow schema."""
        import pyarrow as pa

        types = {"c": pa.string(), "q": pa.bool_(), "r": pa.int64()}
        own = {n: pa.type_for_alias(_TYPES[storage]) for n, storage in self.storages.items()}
        return pa.schema([(n, own.get(n, types[n[0]])) for n in self.names])

    def __arrow_c_schema__(self) -> Any:
        return self.schema().__arrow_c_schema__()

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        import pyarrow as pa

        reader = pa.RecordBatchReader.from_batches(self.schema(), self.read())
        return reader.__arrow_c_stream__(requested_schema)

    def read(self) -> Iterator[Any]:
        """The batches; runs on the engine's threads: no M code, only the reader of the file."""
        import pyarrow as pa

        from folding.spelling import learned
        from mlang.connectors.csv_reader import batches

        schema = self.schema()
        texts = [n for n in self.names if n[0] == "c"]
        texts += [name for name, _ in self.watched if name not in texts]
        wanted = [self.source.names[int(n[1:]) - 1] for n in texts] or [self.source.names[0]]
        types = {n: schema.field(n).type for n in self.storages}
        asked = {name: types[n] for name, n in zip(wanted, texts, strict=False) if n in types}
        watches = [(name, make()) for name, make in self.watched]
        number, skip = 0, int(self.skip_first)
        for batch in batches(self.source, wanted, None, asked):
            length = batch.length - skip
            columns = dict(zip(texts, [a.slice(skip) for a in _texts(batch)], strict=False))
            skip = 0
            for name, type in types.items():
                columns[name] = _of_type(columns[name], type)
            _mark(columns, watches, length)
            if "r1" in self.names:
                columns["r1"] = pa.arange(number + 1, number + 1 + length)
            number += length
            yield pa.RecordBatch.from_arrays([columns[n] for n in self.names], schema=schema)
        for _, watch in watches:
            learned(watch.key, watch.facts())


def _of_type(cells: Any, type: Any) -> Any:
    """Texts, where they are still that, as cells of a type; `Stopped` when one is not plain after all."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if cells.type == type:
        return cells
    try:
        return pc.if_else(pc.equal(cells, ""), None, cells).cast(type)
    except pa.ArrowInvalid:
        raise Stopped("a text that is not what the file had before") from None


def _texts(batch: Batch) -> list[Any]:
    """The columns of a batch as Arrow text; `Stopped` for characters that the engine may not take as they are."""
    import pyarrow as pa

    if batch.__class__ is ArrowBatch:
        return [part.raw for part in batch.parts]
    if any("\0" in cell for cells in batch.columns for cell in cells if cell):
        raise Stopped("NUL in a text")
    return [pa.array(cells, pa.string()) for cells in batch.columns]
