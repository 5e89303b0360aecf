"""What Spark reads: Parquet files by explicit lists, and small data of this process, as views of the session.

A view has the columns c1.. and the row number r1: the stored one of staged tables, else the place in the file, which
Apache Spark knows and Sail does not.  Files are named one by one, never by their directory.
"""

from __future__ import annotations

import uuid
from itertools import pairwise
from typing import Any

from attrs import evolve
from sqlglot import exp

from folding.engines.spark_server import changed, replaced, unseen
from folding.many import side_by_side
from folding.relations import Context
from folding.sources import Leaf, _no_nan, _parquet, arrow_column, unplaced
from folding.sources import relation as relation_over
from folding.terms import Scalar, Scaled, Unfoldable
from mlang.connectors.sources import ArrowSource, ParquetSource
from mlang.tables import plan as p

#: Data of this process above which it is not sent.
SENT_BYTES = 16_000_000
#: The stored row number of staged tables.
_ROW = "rn"
_NAMES = {"int8": "TINYINT", "int16": "SMALLINT", "int32": "INT", "int64": "BIGINT", "float": "FLOAT",
          "double": "DOUBLE", "string": "STRING", "large_string": "STRING", "bool": "BOOLEAN",
          "date32[day]": "DATE", "timestamp[us]": "TIMESTAMP_NTZ"}  # fmt: skip


class SparkOrigin(Leaf):
    """A view of the session; ``storages`` are the types of its columns, ``view`` its name once it is made."""

    engine = "Spark"

    def __init__(self, alias: str, label: str, storages: list[str]) -> None:
        super().__init__(alias)
        self.label, self.storages, self.view = label, storages, f"view_{alias}"
        #: Views that were made for this query alone: a leaf below workers and beside them is opened twice.
        self.made: list[str] = []

    def type_of(self, name: str) -> str:
        """The type of a column of the view."""
        return "BIGINT" if name == "r1" else self.storages[int(name[1:]) - 1]

    def open(self, server: Any) -> None:
        """Makes the view, or finds it made."""
        raise NotImplementedError

    def release(self, server: Any) -> None:
        """Lets the views go that were made for this query alone."""
        while self.made:
            name = self.made.pop()
            server.execute(lambda session, name=name: session.catalog.dropTempView(name))

    def render(self, needed: set[str]) -> Any:
        names = [exp.to_identifier(n) for n in sorted(needed, key=lambda n: (n[0], int(n[1:])))]
        function = exp.Anonymous(this="source", expressions=names)
        return exp.Table(this=function, alias=exp.TableAlias(this=exp.to_identifier(self.alias)))


class FilesOrigin(SparkOrigin):
    """Parquet files of one schema."""

    def __init__(
        self, alias: str, label: str, storages: list[str], paths: list[str], fields: list[Any],
        sizes: list[int] | None = None,
    ) -> None:  # fmt: skip
        """``sizes`` are the bytes that the files must have, where somebody wrote them down."""
        super().__init__(alias, label, storages)
        self.paths, self.fields, self.sizes = paths, fields, sizes
        #: What the files were when the query was planned.
        self.planned = self._state()

    def _state(self) -> tuple[Any, ...]:
        """What tells the files from others in their places; None for one that is gone."""
        return tuple(side_by_side(_identity, self.paths))

    def open(self, server: Any) -> None:
        key = self._state()
        for path, now, planned in zip(self.paths, key, self.planned, strict=True):
            if now is None or now != planned:
                raise changed(server.address, path, now is None)
        for path, now, size in zip(self.paths, key, self.sizes or (), strict=False):
            if now[1] != size:
                raise replaced(server.address, path, now[1], size)
        if key not in server.views:
            server.views[key] = self._made(server, f"mlang_files_{uuid.uuid4().hex}")
        self.view = server.views[key]

    def _made(self, server: Any, name: str) -> str:
        known = [_ddl(field) for field in self.fields]
        columns, items = [], []
        for index, (field, type) in enumerate(zip(self.fields, known, strict=True), 1):
            if type is None:
                continue
            columns.append(f"{_quoted(field.name)} {type}")
            storage = {"BIGINT": "BIGINT", "DOUBLE": "DOUBLE"}.get(self.storages[index - 1])
            source = _quoted(field.name)
            items.append(f"CAST({source} AS {storage}) AS c{index}" if storage else f"{source} AS c{index}")
        stored = any(field.name == _ROW for field in self.fields)
        if not stored and (server.dialect != "spark" or len(self.paths) > 1):
            raise Unfoldable("rows of a file whose places the server does not know")
        items.append(f"{_ROW} AS r1" if stored else "_metadata.row_index AS r1")

        def make(session: Any) -> None:
            # locations are URIs without a scheme: what stands in them is taken as it is
            reader = session.read.schema(", ".join(columns))
            reader.parquet(*self.paths).selectExpr(*items).createOrReplaceTempView(name)

        server.execute(make)
        if server.dialect == "sail" and self.rows is not None:
            self._check(server, name)
        return name

    def _check(self, server: Any, name: str) -> None:
        """Sail takes a file that it cannot find for one without rows."""
        found = server.table(f"SELECT count(*) AS c1 FROM {name}").column(0)[0].as_py()
        if found != self.rows:
            raise unseen(server.address, f"{found} of {self.rows} rows in {', '.join(self.paths[:3])}")


class SentOrigin(SparkOrigin):
    """An Arrow table of this process, sent with the query."""

    def __init__(self, alias: str, label: str, storages: list[str], data: Any) -> None:
        super().__init__(alias, label, storages)
        self.data = data

    def open(self, server: Any) -> None:
        import pyarrow as pa

        arrays, names = [], []
        for index, storage in enumerate(self.storages, 1):
            wanted = {"BIGINT": pa.int64(), "DOUBLE": pa.float64(), "VARCHAR": pa.string(), "BOOLEAN": pa.bool_(),
                      "DATE": pa.date32(), "TIMESTAMP": pa.timestamp("us")}.get(storage)  # fmt: skip
            if wanted is not None:
                arrays.append(self.data.column(index - 1).cast(wanted))
                names.append(f"c{index}")
        arrays.append(pa.array(range(1, self.data.num_rows + 1), pa.int64()))
        table = pa.table(arrays, names=[*names, "r1"])
        name = f"mlang_sent_{uuid.uuid4().hex}"
        fields = ", ".join(
            f"{n} {_NAMES[str(a.type)]}" for n, a in zip(table.column_names, arrays, strict=True)
        )

        def make(session: Any) -> None:
            session.createDataFrame(table, schema=fields).createOrReplaceTempView(name)

        server.execute(make)
        self.made.append(name)
        self.view = name


def _identity(path: str) -> Any:
    from folding.engines.database import identity

    try:
        return identity(path)
    except FileNotFoundError:
        return None


def _quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


def _ddl(field: Any) -> str | None:
    """The type of a column of a file as Spark declares it; None for what no query may use."""
    import pyarrow as pa

    if pa.types.is_decimal128(field.type):
        return f"DECIMAL({field.type.precision}, {field.type.scale})"
    return _NAMES.get(str(field.type))


# ---------------------------------------------------------------- plans


def leaf(node: p.Scan, context: Context) -> Any:
    """The relation of a scan of something that Spark can read."""
    source = node.source
    if isinstance(source, ParquetSource):
        return _chosen(node, *_files([source], context, node.columns))
    if isinstance(source, ArrowSource):
        return _chosen(node, *_sent(source, context))
    raise Unfoldable(f"{node.name} is not read by Spark")


def staged_parts(node: p.Append) -> list[ParquetSource] | None:
    """The files of a staged table that has several, in row order."""
    found: list[Any] = []
    for scan in node.inputs:
        source = scan.source if isinstance(scan, p.Scan) else None
        if not isinstance(source, ParquetSource) or not hasattr(source, "first"):
            return None
        found.append(source)
    first = node.inputs[0]
    same = all(s.query == found[0].query and s.columns == found[0].columns for s in found)
    ordered = all(a.first + a.rows == b.first for a, b in pairwise(found))
    alike = all(isinstance(s, p.Scan) and s.columns == first.columns for s in node.inputs)  # type: ignore[attr-defined]
    return found if same and ordered and alike else None


def parts(node: p.Append, sources: list[ParquetSource], context: Context) -> Any:
    """The relation of a staged table of several files."""
    first = node.inputs[0]
    assert isinstance(first, p.Scan)
    return _chosen(first, *_files(sources, context, first.columns))


def _files(sources: list[ParquetSource], context: Context, wanted: tuple[str, ...]) -> Any:
    source = sources[0]
    if hasattr(source, "schema"):
        return _staged(sources, context, wanted)
    import pyarrow.parquet as pq

    base, names = _parquet(source, context, wanted)
    if source.path is None:
        raise Unfoldable("a file without a place")
    scalars = [c.term for c in base.columns]
    fields = list(pq.read_schema(source.path))
    origin = FilesOrigin(
        context.alias(), source.label, [_storage(s, f) for s, f in zip(scalars, fields, strict=True)],
        [source.path], fields,
    )  # fmt: skip
    return _over(context, origin, scalars, base.rows), names


def _staged(sources: list[Any], context: Context, wanted: tuple[str, ...]) -> Any:
    """Files of a staged table: what they hold is known from its manifest, none is opened."""
    source = sources[0]
    fields: list[Any] = list(source.schema())
    scalars = []
    for place, field in enumerate(fields, 1):
        kind, storage, small = arrow_column(field.type)
        facts = dict(source.proven.get(field.name, {}))
        if storage == "DOUBLE" and field.name in wanted and not facts.get("nonan"):
            _without_nan(sources, field.name, (place, len(fields)), facts.get("nonan"))
            facts["nonan"] = True
        if storage == "DECIMAL":
            facts["inside"] = Scaled(field.type.scale)
        scalars.append(unplaced(kind, storage, facts.pop("int53", False) or small, **facts))
    origin = FilesOrigin(
        context.alias(), source.label, [_storage(s, f) for s, f in zip(scalars, fields, strict=True)],
        [str(s.path) for s in sources], fields, [s.size for s in sources],
    )  # fmt: skip
    if None in origin.planned:
        raise Unfoldable("the Parquet file cannot be opened")
    rows = sum(s.rows for s in sources)
    return _over(context, origin, scalars, rows), tuple(field.name for field in fields)


def _without_nan(sources: list[Any], name: str, where: tuple[int, int], known: bool | None) -> None:
    """Refuses a column with NaN; where the manifest does not say, the files are asked."""
    if known is False:
        raise Unfoldable(f"column '{name}' of the staged table has NaN, which statistics of files leave out")
    for source in sources:
        _no_nan(source.path, name, *where)


def _storage(scalar: Scalar, field: Any) -> str:
    return scalar.storage if _ddl(field) is not None else "OTHER"


def _sent(source: ArrowSource, context: Context) -> Any:
    import pyarrow as pa

    from folding.sources import _arrow_facts

    data = source.data
    if not isinstance(data, pa.Table) or data.nbytes > SENT_BYTES:
        raise Unfoldable("data of this process that is too large to be sent")
    scalars = [_arrow_facts(column) for column in data.columns]
    return in_memory(context, data, source.label, scalars), tuple(data.column_names)


def in_memory(context: Context, data: Any, label: str, scalars: list[Scalar]) -> Any:
    """The relation of an Arrow table of this process."""
    if data.nbytes > SENT_BYTES:
        raise Unfoldable("data of this process that is too large to be sent")
    storages = []
    for scalar, field in zip(scalars, data.schema, strict=True):
        known = arrow_column(field.type)[0] != "any" and scalar.kind not in ("time", "duration", "binary")
        storages.append(scalar.storage if known else "OTHER")
    origin = SentOrigin(context.alias(), label, storages, data)
    return _over(context, origin, scalars, data.num_rows)


def _over(context: Context, origin: SparkOrigin, scalars: list[Scalar], rows: int | None) -> Any:
    """A relation whose rows come in no order of themselves."""
    return evolve(relation_over(context, origin, scalars, rows), natural=False)


def _chosen(node: p.Scan, base: Any, names: tuple[str, ...]) -> Any:
    places = {name: i for i, name in enumerate(names)}
    if any(name not in places for name in node.columns):
        raise Unfoldable("the source's columns changed")
    return evolve(base, columns=tuple(base.columns[places[name]] for name in node.columns))
