"""Results that the workers of a Spark server write, instead of sending them through this process.

A staged generation becomes Parquet files of the lakehouse; what was asked of the columns on the way becomes the
manifest's facts.  Publishing stays here.  Small results, and a server whose workers do not see the folder, send rows
as ever, and a note says why.  Imported only where the engine is Spark; read ``cluster_loads.py`` for destinations and
``folding/engines/spark_writes.py`` next.
"""

from __future__ import annotations

import shutil
import uuid
from pathlib import Path
from typing import Any

from folding.engines.spark import SparkQuery
from folding.engines.spark_cells import error_cell
from folding.engines.spark_server import Refusal, Running
from folding.engines.spark_workers import RECORDS
from folding.engines.spark_writes import Writing, Written, errors_of, expression, quoted, shared
from mlang.session import Session
from mlang.values.thunk import error_of
from staging.encode import Facts
from staging.store.lakehouse import PART_ROWS, LakehouseWriter
from staging.types import Column

#: Rows that a query reads below which its result comes through this process: starting jobs would cost more.
ROWS = 200_000
_WHOLE = 2**53
#: The longest text that is kept as a bound.
_LONG = 200
_NOTE = "spark.note"


def told(session: Session) -> str:
    """What a user should know of how a session's results were written; empty when there is nothing."""
    return str(session.fixed.pop(_NOTE, ""))


def _tell(session: Session, why: str) -> None:
    session.fixed[_NOTE] = f"came through this process: {why}"


def large(query: Any) -> bool:
    """Whether a result is worth jobs of its own."""
    limit = query.relation.limit
    if limit is not None and limit < ROWS:
        return False
    return any(leaf.rows is None or leaf.rows >= ROWS for leaf in query.leaves)


def stored(query: Any, columns: tuple[Column, ...]) -> list[tuple[str, str]] | None:
    """The expressions of the stored columns; None where one has no form."""
    found = []
    types = query.types[: len(columns)]  # behind them are those of errors
    for number, (column, type) in enumerate(zip(columns, types, strict=True), 1):
        text = expression(f"c{number}", type, column.code)
        if text is None:
            return None
        found.append((text, column.physical))
    return found


def fill(query: Any, writer: LakehouseWriter, session: Session) -> bool:
    """Lets the server write the rows of a query into a generation that is being built; False when it did not."""
    if type(query) is not SparkQuery or not isinstance(writer, LakehouseWriter) or not large(query):
        return False
    items = stored(query, writer.columns)
    if items is None:
        return False
    place = writer.folder / f"spark-{uuid.uuid4().hex}"
    asked = {}
    for index, column in enumerate(writer.columns):
        for name, text in _questions(column.code, quoted(column.physical)).items():
            asked[f"f{index}.{name}"] = text
    for number in query.marked:
        for name, text in errors_of(f"x{number}").items():
            asked[f"f{number - 1}.{name}"] = text
    writing = Writing(query, items, asked, PART_ROWS, beside=tuple(f"x{n}" for n in query.marked))
    found = written(writing, place, writer.folder.parents[1], session, writer.rows)
    if found is None:
        return False
    writer.adopt(list(found.files))
    shutil.rmtree(place, ignore_errors=True)
    for index, encoder in enumerate(writer.encoders):
        for answer in found.answers:
            _learn(encoder.facts, encoder.column.code, answer, f"f{index}")
            _learn_errors(encoder.facts, answer, f"f{index}", encoder.row)
            encoder.row += answer["n"]
    return True


def keeps_errors(query: Any) -> bool:
    """Whether the server can count the error cells of a query while it writes nulls in their places.

    It can where workers made them, which gives their records; Sail is asked of the written files only.
    """
    if type(query) is not SparkQuery or query.server is None or query.server.dialect != "spark":
        return False
    return all(query.columns[n - 1].failures == RECORDS for n in query.marked)


def written(writing: Writing, place: Path, root: Path, session: Session, first: int = 0) -> Written | None:
    """The files that the server wrote; None, with a note, when it cannot."""
    why = shared(writing.server, root)
    if why is not None:
        _tell(session, why)
        return None
    running = Running(writing.server)
    session.fixed["folding.cursor"] = running  # whoever stops the evaluation interrupts it
    try:
        return writing.run(place, running, first)
    except Refusal as no:
        shutil.rmtree(place, ignore_errors=True)
        _tell(session, str(no).strip().partition("\n")[0][:200])
        return None


# ---------------------------------------------------------------- facts


def _questions(code: str, c: str) -> dict[str, str]:
    """The aggregates that say of a stored column what `staging.encode.gather` would."""

    def any_of(condition: str) -> str:
        return f"coalesce(max(CASE WHEN {condition} THEN 1 ELSE 0 END), 0)"

    found = {"nulls": f"count(*) - count({c})"}
    if code == "text":
        found["wide"] = any_of(f"octet_length({c}) > char_length({c})")
        found["beyond"] = any_of(
            f"octet_length({c}) > char_length({c}) AND {c} RLIKE '[\\\\x{{10000}}-\\\\x{{10FFFF}}]'"
        )
    if code == "double":
        infinite = f"({c} = CAST('Infinity' AS DOUBLE) OR {c} = CAST('-Infinity' AS DOUBLE))"
        found["nan"], found["infinite"] = any_of(f"isnan({c})"), any_of(infinite)
        found["odd"] = any_of(
            f"NOT isnan({c}) AND NOT {infinite} AND (abs({c}) >= 9007199254740992D OR {c} % 1D <> 0D "
            f"OR {c} = 0D AND CAST({c} AS STRING) LIKE '-%')"
        )
        c = f"CASE WHEN NOT isnan({c}) AND NOT {infinite} THEN {c} END"
    if code not in ("logical", "currency"):
        found["min"], found["max"] = f"min({c})", f"max({c})"
    return found


def _learn(facts: Facts, code: str, answers: dict[str, Any], prefix: str) -> None:
    """Adds what the server said of a column's rows in one partition."""
    said = {
        name: answers.get(f"{prefix}.{name}")
        for name in ("nulls", "wide", "beyond", "nan", "infinite", "odd", "min", "max")
    }
    facts.nulls += int(said["nulls"] or 0)
    if said["nulls"] == answers["n"]:
        return
    low: Any = said["min"]
    high: Any = said["max"]
    if code == "text":
        facts.ascii = not said["wide"] and facts.ascii is not False
        facts.bmp = not said["beyond"] and facts.bmp is not False
        if said["wide"] or len(low) > _LONG or len(high) > _LONG:
            facts.unordered = True
            return
    if code == "double":
        facts.nan = facts.nan or bool(said["nan"])
        whole = not (said["nan"] or said["infinite"] or said["odd"])
        facts.int53 = whole and facts.int53 is not False
        facts.unordered = facts.unordered or bool(said["infinite"])
    if low is None or high is None or said["infinite"]:
        return
    if code == "int64":
        facts.int53 = low > -_WHOLE and high < _WHOLE and facts.int53 is not False
    low, high = _plain(low), _plain(high)
    facts.min = low if facts.min is None or low < facts.min else facts.min
    facts.max = high if facts.max is None or high > facts.max else facts.max


def _learn_errors(facts: Facts, answers: dict[str, Any], prefix: str, before: int) -> None:
    """Adds the error cells of one partition, before which there are so many rows."""
    if not (count := int(answers.get(f"{prefix}.errors") or 0)):
        return
    facts.errors += count
    if facts.first_error is None:
        error = error_of(error_cell(answers[f"{prefix}.first"]))
        facts.first_error = f"row {before + answers[f'{prefix}.place'] + 1}: {error}"


def _plain(value: Any) -> Any:
    """A bound as the manifest has it: days or microseconds since 1970."""
    from datetime import date, datetime

    if isinstance(value, datetime):
        since = value.replace(tzinfo=None) - datetime(1970, 1, 1)
        return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
    if isinstance(value, date):
        return value.toordinal() - date(1970, 1, 1).toordinal()
    return value
