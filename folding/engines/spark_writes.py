"""Results that a Spark server writes itself: Parquet files in a folder that its workers and this process see.

Apache Spark keeps the sorted result on its executors, counts the rows of each partition together with what is asked
of the columns, and writes them with their final row numbers.  Sail sorts into one stream, which is numbered as it is
written.  Nothing is believed: the files' own statistics must show the row numbers without a gap.
Read ``spark_server.py`` for sessions; ``staging/cluster.py`` decides when, and publishes.
"""

from __future__ import annotations

import re
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from attrs import frozen

from folding.engines.spark_server import Refusal, Running, SparkServer, frame_of
from folding.many import side_by_side
from mlang.errors import Cancelled, MError

#: Bits of a row number that count within a partition of Apache Spark.
_BITS = 33
#: Files of a probe: enough for every worker to get one.
_PROBES = 16
_GROUP_BYTES = 32_000_000
#: Rows at a time whose numbers are looked at.
_CHECKED = 122_880
_PIECE = "mlang_piece"
#: How the types of a query are stored: (type, code) -> expression; what is not here goes another way.
_STORED = {
    ("DOUBLE", "double"): "{0}", ("BIGINT", "int64"): "{0}", ("VARCHAR", "text"): "{0}",
    ("BOOLEAN", "logical"): "{0}", ("DATE", "date"): "{0}", ("TIMESTAMP", "datetime"): "{0}",
    ("BIGINT", "currency"): "CAST({0} AS DECIMAL(19, 4))",
    ("BIGINT", "double"): "CASE WHEN {0} BETWEEN -9007199254740992L AND 9007199254740992L OR {0} IS NULL "
                          "THEN CAST({0} AS DOUBLE) ELSE CAST(raise_error('too large') AS DOUBLE) END",
    ("DOUBLE", "int64"): "CASE WHEN {0} IS NULL OR ({0} % 1D = 0D AND {0} >= -9223372036854774784D "
                         "AND {0} <= 9223372036854774784D) THEN CAST({0} AS BIGINT) "
                         "ELSE CAST(raise_error('not whole') AS BIGINT) END",
}  # fmt: skip
_SPARK = {"double": "DOUBLE", "int64": "BIGINT", "currency": "DECIMAL(19, 4)", "text": "STRING", "logical": "BOOLEAN",
          "date": "DATE", "datetime": "TIMESTAMP_NTZ"}  # fmt: skip


class NotWritten(Refusal):
    """What the server wrote is not what this process sees: the result comes through the client."""


@frozen
class Written:
    """Files in row order: path, rows; and what was asked of the columns, a row per partition."""

    files: tuple[tuple[Path, int], ...]
    answers: list[dict[str, Any]]

    @property
    def rows(self) -> int:
        """How many rows."""
        return sum(rows for _, rows in self.files)


def quoted(name: str) -> str:
    """A name as Spark writes it."""
    return "`" + name.replace("`", "``") + "`"


def aside(x: str) -> str:
    """The name beside the stored columns of a column of errors."""
    return f"mlang_{x}"


def errors_of(x: str, row: str = "rn") -> dict[str, str]:
    """What is asked of a column of errors: how many, the first and its place among the rows of its partition."""
    c = quoted(aside(x))
    return {
        "errors": f"count({c})",
        "first": f"min_by({c}, CASE WHEN {c} IS NOT NULL THEN {row} END)",
        "place": f"min(CASE WHEN {c} IS NOT NULL THEN {row} & {2**_BITS - 1}L END)",
    }


def expression(column: str, type: str, code: str) -> str | None:
    """A column of a query as it is stored under a code; None where only the client knows how."""
    if type == "NULL":
        return f"CAST(NULL AS {_SPARK[code]})" if code in _SPARK else None
    template = _STORED.get((type, code))
    return None if template is None else template.format(column)


class Writing:
    """One result on its way into files."""

    def __init__(
        self, query: Any, stored: list[tuple[str, str]], asked: dict[str, str], rows_a_file: int,
        numbered: bool = True, one_file: bool = False, beside: tuple[str, ...] = (),
    ) -> None:  # fmt: skip
        """``stored``: expression and name of each column; ``asked``: aggregates of these columns by name.

        Files have the row number only if they are ``numbered``.  ``beside`` are columns that are asked of and not
        written: the errors of cells.
        """
        self.beside = beside
        self.query, self.stored, self.asked, self.rows_a_file = query, stored, asked, rows_a_file
        self.numbered, self.one_file = numbered, one_file
        self.row = "rn" if numbered else "mlang_rn"
        self.server: SparkServer = query.server
        #: The first row of each file that was found, where rows are numbered.
        self.starts: list[int] = []

    def run(self, folder: Path, running: Running, first: int = 0) -> Written:
        """Writes to a folder that does not exist; the row number (``rn``) of the first row is ``first``."""
        try:
            for origin in self.query.leaves:
                origin.open(self.server)
            return self.server.job(lambda session: self._run(session, folder, first), running)
        finally:
            if not self.server.lost:
                for origin in self.query.leaves:
                    origin.release(self.server)

    def _run(self, session: Any, folder: Path, first: int) -> Written:
        made = [f"{text} AS {quoted(name)}" for text, name in self.stored]
        made += [f"{x} AS {quoted(aside(x))}" for x in self.beside]
        frame = frame_of(session, self.query.sql())
        if self.server.dialect == "sail" and not self.numbered:
            return self._one_file(session, frame.selectExpr(*made), folder)
        frame = frame.selectExpr(f"monotonically_increasing_id() AS {self.row}", *made)
        if self.server.dialect == "sail":
            return self._one_stream(session, frame, folder, first)
        kept = frame.persist()
        try:
            answers = self._answers(kept)
            rows = sum(a["n"] for a in answers)
            if rows:
                self._write(kept, answers, folder, first)
        finally:
            kept.unpersist()
        return self._checked(Written(self._found(folder.glob("*.parquet")), answers), rows, first)

    def _write(self, kept: Any, answers: list[dict[str, Any]], folder: Path, first: int) -> None:
        frame = kept.withColumn(self.row, _expr(_renumbered(self.row, answers, first)))
        if self.one_file:
            frame = frame.repartition(1).sortWithinPartitions(self.row)
        frame = frame.drop(*map(aside, self.beside), *([] if self.numbered else [self.row]))
        writer = frame.write.option("parquet.block.size", _GROUP_BYTES)
        writer.option("maxRecordsPerFile", 0 if self.one_file else self.rows_a_file).parquet(str(folder))

    def _one_stream(self, session: Any, frame: Any, folder: Path, first: int) -> Written:
        """Sail spreads a stream over files row by row, unless each piece has a folder of its own.

        It numbers the sorted rows one after the other; where anything is computed after that it deals them out to
        several threads, so that they may stand in a file in another order.
        """
        pieces = frame.withColumn(_PIECE, _expr("CAST(0 AS BIGINT)"))
        few = all(origin.rows is not None and origin.rows <= self.rows_a_file for origin in self.query.leaves)
        if first or not few or not straight(pieces._explain_string(extended=True)):
            piece = _expr(f"CAST({self.row} div {self.rows_a_file} AS BIGINT)")
            pieces = frame.withColumn(_PIECE, piece).withColumn(self.row, _expr(f"{self.row} + {first}L"))
        pieces.write.partitionBy(_PIECE).parquet(str(folder))
        files = self._found(iter(_gathered(folder)))
        for path, _ in files:
            in_order(path)
        return self._asked(session, frame, files, first)

    def _one_file(self, session: Any, frame: Any, folder: Path) -> Written:
        """Rows without numbers: one file, if Sail's plan leaves them in their order."""
        frame = frame.withColumn(_PIECE, _expr("CAST(0 AS BIGINT)"))
        if not straight(frame._explain_string(extended=True)):
            raise NotWritten("Sail would write the rows in another order")
        frame.write.partitionBy(_PIECE).parquet(str(folder))
        return self._asked(session, frame, self._found(iter(_gathered(folder))), 0)

    def _asked(self, session: Any, frame: Any, files: tuple[tuple[Path, int], ...], first: int) -> Written:
        """What Sail says of the files it wrote."""
        if not files:
            return self._checked(Written((), []), int(frame.count()), first)
        answers = self._answers(session.read.parquet(*[str(path) for path, _ in files]))
        return self._checked(Written(files, answers), sum(a["n"] for a in answers), first)

    def _answers(self, frame: Any) -> list[dict[str, Any]]:
        """Rows and aggregates by partition, in the partitions' order; all in one where rows have no numbers."""
        wanted = [_expr("count(*)").alias("n")]
        wanted += [_expr(text).alias(f"a{i}") for i, text in enumerate(self.asked.values())]
        numbered = self.row in frame.columns
        partition = _expr(f"shiftright({self.row}, {_BITS})" if numbered else "CAST(0 AS BIGINT)")
        table = frame.groupBy(partition.alias("p")).agg(*wanted).toArrow()
        names = {f"a{i}": name for i, name in enumerate(self.asked)}
        rows = table.rename_columns([names.get(n, n) for n in table.column_names]).to_pylist()
        return sorted(rows, key=lambda row: int(row["p"]))

    def _found(self, paths: Iterator[Path]) -> tuple[tuple[Path, int], ...]:
        """Files with rows, in row order."""
        if self.numbered:
            ranges = sorted(side_by_side(_range, list(paths)))
            self.starts = [low for low, last, _ in ranges if last >= low]
            return tuple((path, last - low + 1) for low, last, path in ranges if last >= low)
        listed = sorted(paths, key=_place)
        counted = zip(listed, side_by_side(_length, listed), strict=True)
        return tuple((path, rows) for path, rows in counted if rows)

    def _checked(self, found: Written, rows: int, first: int) -> Written:
        """The files, if they hold the rows that the server counted, in order and without a gap."""
        if found.rows != rows:
            raise NotWritten(f"the server wrote {rows} rows, of which {found.rows} are here")
        place = first
        for (path, count), start in zip(found.files, self.starts, strict=False):
            if start != place:
                raise NotWritten(f"{path.name} does not begin with row {place}")
            place += count
        return found


def _gathered(folder: Path) -> list[Path]:
    """The files of all pieces, out of folders whose names a reader takes for columns."""
    found = sorted(folder.glob("*/*.parquet"), key=lambda p: int(p.parent.name.rpartition("=")[2]))
    return [path.rename(folder / f"piece-{number:05d}.parquet") for number, path in enumerate(found)]


_SORTED = re.compile(r"SortPreservingMergeExec: |SortExec: .*preserve_partitioning=\[false\]")


def straight(plan: str) -> bool:
    """Whether a plan of Sail gives its sorted rows to one writer: nothing above the sort deals them out."""
    lines = [line.strip() for line in plan.partition("== Physical Plan ==")[2].strip().splitlines()]
    for line in lines:
        if _SORTED.match(line):
            return True
        if not line.startswith(("ProjectionExec: ", "MonotonicIdExec: ")):
            return False
    return False


def in_order(path: Path) -> None:
    """Puts the rows of a file in the order of their numbers, if they are not."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    last = None
    with pq.ParquetFile(path) as source:
        for batch in source.iter_batches(_CHECKED, columns=["rn"]):
            numbers = batch.column(0)
            steps = pc.all(pc.equal(pc.subtract(numbers.slice(1), numbers.slice(0, len(numbers) - 1)), 1))
            if steps.as_py() is False or (last is not None and numbers[0].as_py() != last + 1):
                break
            last = numbers[-1].as_py()
        else:
            return
    whole: pa.Table = pq.read_table(path, partitioning=None).sort_by("rn")
    temporary = path.with_name(path.name + ".ordered")
    pq.write_table(whole, temporary, row_group_size=_CHECKED, compression="snappy")
    temporary.replace(path)


def _place(path: Path) -> list[int]:
    """The order of files by their names: the numbers of the partition and of the piece of it."""
    match = re.fullmatch(r"[a-z]+-(\d+)(?:-.*-c(\d+)\..*|\.parquet)", path.name)
    if match is None:
        raise NotWritten(f"{path.name} is no name of a part")
    return [int(n or 0) for n in match.groups()]


def _expr(text: str) -> Any:
    from pyspark.sql.connect.functions import expr

    return expr(text)


def _renumbered(row: str, answers: list[dict[str, Any]], first: int) -> str:
    """The final row number out of that within a partition."""
    starts, count = [0] * (max(a["p"] for a in answers) + 1), first
    for answer in answers:
        starts[answer["p"]] = count
        count += answer["n"]
    inside = f"({row} & {2**_BITS - 1}L)"
    if len(starts) == 1:
        return f"{inside} + {first}L"
    listed = ", ".join(f"{s}L" for s in starts)
    return f"{inside} + element_at(array({listed}), CAST(shiftright({row}, {_BITS}) AS INT) + 1)"


def _range(path: Path) -> tuple[int, int, Path]:
    """The first and last row number of a file, which must hold all between them; (0, -1) of an empty one."""
    import pyarrow.parquet as pq

    about = pq.read_metadata(path)
    if not about.num_rows:
        return 0, -1, path
    place = about.schema.names.index("rn")
    groups = [about.row_group(i).column(place).statistics for i in range(about.num_row_groups)]
    if any(s is None or not s.has_min_max for s in groups):
        raise NotWritten(f"{path.name} has no statistics")
    low, high = min(s.min for s in groups), max(s.max for s in groups)
    if high - low + 1 != about.num_rows:
        raise NotWritten(f"{path.name} holds {about.num_rows} of the rows {low} to {high}")
    return low, high, path


def _length(path: Path) -> int:
    """How many rows a file has."""
    import pyarrow.parquet as pq

    return int(pq.read_metadata(path).num_rows)


# ---------------------------------------------------------------- can they see it?


def shared(server: SparkServer, folder: Path) -> str | None:
    """Why a folder is not seen by this process and all workers alike; None when it is.  Asked once per session."""
    key = str(folder)
    if key not in server.shared:
        server.shared[key] = _probed(server, folder)
    return server.shared[key]


def _probed(server: SparkServer, folder: Path) -> str | None:
    place = folder / f".probe-{uuid.uuid4().hex}"
    try:
        place.mkdir(parents=True)
        return _theirs(server, place) or _ours(server, place)
    except OSError as no:
        return f"{folder} can't be written here ({no.strerror})"
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _theirs(server: SparkServer, place: Path) -> str | None:
    """Whether what workers write is seen here."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    there = place / "there"
    try:
        server.execute(lambda s: s.range(0, _PROBES, 1, _PROBES).write.parquet(str(there)))
        found = sum(pq.read_metadata(path).num_rows for path in there.glob("*.parquet"))
    except Cancelled:
        raise
    except (MError, Refusal, OSError, pa.ArrowException) as no:
        if server.lost:
            raise
        return f"the workers can't write to {place.parent} ({_short(no)})"
    return (
        None
        if found == _PROBES
        else f"of {_PROBES} rows that workers wrote to {place.parent} {found} are here"
    )


def _ours(server: SparkServer, place: Path) -> str | None:
    """Whether what is written here is seen by workers."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    paths = [str(place / f"here-{number}.parquet") for number in range(_PROBES)]
    for number, path in enumerate(paths):
        pq.write_table(pa.table({"n": pa.array([number], pa.int64())}), path)
    try:
        found = server.execute(lambda s: s.read.schema("n BIGINT").parquet(*paths).count())
    except Cancelled:
        raise
    except (MError, Refusal) as no:
        if server.lost:
            raise
        return f"the workers can't read in {place.parent} ({_short(no)})"
    return None if found == _PROBES else f"of {_PROBES} rows in {place.parent} the workers see {found}"


def _short(no: BaseException) -> str:
    text = next((line.strip() for line in str(no).splitlines() if line.strip()), no.__class__.__name__)
    return text if len(text) <= 160 else text[:160] + "…"
