"""Odd cells and steps in the middle: the engine keeps the query, the interpreter does only what it must."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import mlang
from folding import boundary, repairs
from mlang.compile.entry import run
from mlang.values.show import to_m

pytestmark = pytest.mark.usefixtures("proper_without_form")

ROWS = 20_000


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A Parquet file in which one row of a thousand is odd in each column."""
    path = tmp_path_factory.mktemp("odd") / "odd.parquet"
    duckdb.sql(f"""COPY (SELECT i AS id, i % 7 AS k,
        CASE WHEN i % 1000 = 7 THEN 'Straße ' || (i % 3) ELSE 'street ' || (i % 50) END AS t,
        CASE WHEN i % 1000 = 5 THEN NULL ELSE i % 3 = 0 END AS b,
        CASE WHEN i % 1000 = 9 THEN '1,' || (100 + i % 5) WHEN i % 1000 = 11 THEN 'none' ELSE (i % 97)::VARCHAR END AS d
        FROM range({ROWS}) AS r(i)) TO '{path}'""")
    return f'Parquet.Document(File.Contents("{path}"))'


def shown(m: str, engine: str) -> str:
    value = mlang.evaluate(m, engine=engine, culture="en-US")
    return str(run(lambda: to_m(value, "show")))


@pytest.fixture
def whole(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many steps had odd cells, per second attempt; the interpreter may not run a plan of the file."""
    made: list[int] = []
    attempt = boundary._repaired

    def counted(*arguments: Any) -> Any:
        found = attempt(*arguments)
        made.append(0 if found is None else 1)
        return found

    monkeypatch.setattr(boundary, "_repaired", counted)
    return made


@pytest.mark.parametrize(
    "step",
    [
        'Table.AddColumn(S, "u", each Text.Upper([t]))',
        'Table.AddColumn(S, "u", each if [b] then "yes" else "no")',
        'Table.Group(Table.AddColumn(S, "u", each Text.Upper([t])), {"u"}, {{"n", each Table.RowCount(_)}})',
        'Table.Sort(Table.AddColumn(S, "u", each Text.Upper([t])), {"u", "id"})',
        'Table.SelectRows(S, each Text.Upper([t]) = "STRAßE 1")',
        'Table.RemoveRowsWithErrors(Table.AddColumn(S, "u", each if [b] then 1 else 2), {"u"})',
        'Table.SelectRowsWithErrors(Table.AddColumn(S, "u", each if [b] then 1 else 2), {"u"})',
        (
            'Table.Group(Table.RemoveRowsWithErrors(Table.TransformColumnTypes(S, {{"d", type number}})), {"d"},'
            ' {{"n", each Table.RowCount(_)}})'
        ),
    ],
)
def test_odd_cells_do_not_stop_the_engine(source: str, whole: list[int], step: str) -> None:
    m = f"let S = {source} in {step}"
    assert shown(m, "auto") == shown(m, "none")
    assert whole == [1], "the second query answers"


def test_odd_conditions(source: str) -> None:
    """`odd` holds where a term would stop, and nothing of `cleaned` stops."""
    from folding import terms as t

    stop = t.case((t.is_null(t.column("c1")), t.error()), otherwise=t.column("c1"))
    found = repairs.odd(t.function("upper", stop))
    assert found is not None
    cursor = duckdb.connect()
    text = f"SELECT {found.sql('duckdb')} FROM (VALUES (NULL), ('a')) AS v(c1)"
    assert cursor.execute(text).fetchall() == [(True,), (False,)]
    assert not t.stops(repairs.cleaned(stop))
    assert repairs.odd(t.column("c1")) is None


@pytest.mark.parametrize(
    "step",
    [
        'Table.Group(P, {"p"}, {{"n", each Table.RowCount(_)}, {"m", each List.Max([id])}})',
        'Table.Distinct(Table.SelectColumns(P, {"p", "k"}))',
        'Table.Pivot(Table.SelectColumns(P, {"k", "p", "id"}), {"Street 1", "Street 2"}, "p", "id", List.Sum)',
    ],
)
def test_steps_go_on_in_the_engine(source: str, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    """What the interpreter makes of many rows is grouped by the engine, which reads it batch by batch."""
    streams: list[Any] = []
    enter = boundary._streamed

    def entered(*arguments: Any) -> Any:
        streams.append(arguments)
        return enter(*arguments)

    monkeypatch.setattr(boundary, "_streamed", entered)
    monkeypatch.setattr("folding.by_values.WIDEST", 0)
    m = f'let P = Table.AddColumn({source}, "p", each Text.Proper([t])) in {step}'
    assert shown(m, "auto") == shown(m, "none")
    assert streams, "the rows entered the engine"


def test_texts_are_looked_at_once(tmp_path: Path) -> None:
    """The second query over a file's column knows that all of its texts convert."""
    path = tmp_path / "plain.csv"
    path.write_text("a,b\n" + "".join(f"{i},{i % 9}.5\n" for i in range(300)))
    m = f"""Table.TransformColumnTypes(Table.PromoteHeaders(Csv.Document(File.Contents("{path}"))),
        {{{{"a", Int64.Type}}, {{"b", type number}}}})"""
    first = shown(m, "duckdb")
    assert "REGEXP" in str(mlang.explain(m, engine="duckdb").sql).upper()
    assert shown(m, "duckdb") == first == shown(m, "none")
    assert "REGEXP" not in str(mlang.explain(m, engine="duckdb").sql).upper()
    path.write_text(path.read_text() + "x,y\n")
    assert shown(m, "duckdb") == shown(m, "none")


WORDS = ["1", "2.5", "n/a", "-", "N/A (no)", "abc", "x y", "#N/A", "?", "_", ".", "", None, "7"]
ODD_WORDS = [
    "NaN",
    "nan",
    "null",
    "NULL",
    " ",
    " n/a",
    "Infinity",
    "-infinity",
    "∞",
    "%",
    "1,000",
    "(5)",
    "abc1",
    "$",
    "ä",
    "1_000",
    "a\u00a0b",
]


@pytest.mark.parametrize("words", [WORDS, WORDS + ODD_WORDS, ["NaN", *WORDS], ["x", None]])
@pytest.mark.parametrize("culture", ["", ', "en-US"', ', "de-DE"', ', "fi-FI"'])
@pytest.mark.parametrize("target", ["type number", "Int64.Type"])
@pytest.mark.parametrize(
    "step",
    [
        'Table.RemoveRowsWithErrors(c, {"t"})', 'Table.SelectRowsWithErrors(c, {"t"})', 'Table.ReplaceErrorValues(c, {{"t", -1}})',
        'Table.Group(Table.RemoveRowsWithErrors(c), {"k"}, {{"s", each List.Sum([t])}, {"n", each Table.RowCount(_)}})',
        'Table.SelectRows(Table.ReplaceErrorValues(c, {{"t", null}}), each [t] = null)',
        'Table.RowCount(Table.SelectRowsWithErrors(c, {"t", "u"}))', 'Table.RemoveRowsWithErrors(c, {"t", "u"})',
    ],
)  # fmt: skip
def test_words_are_no_numbers(
    tmp_path: Path, words: list[str | None], culture: str, target: str, step: str
) -> None:
    """What has no digit and is not the name of a number is an error without a second look."""
    path = tmp_path / "words.parquet"
    data = {"k": [i % 3 for i in range(len(words))], "t": words, "u": list(reversed(words))}
    pq.write_table(
        pa.table(data, schema=pa.schema({"k": pa.int64(), "t": pa.string(), "u": pa.string()})), path
    )
    source = f'Parquet.Document(File.Contents("{path}"))'
    m = f'let c = Table.TransformColumnTypes({source}, {{{{"t", {target}}}, {{"u", {target}}}}}{culture}) in {step}'
    assert shown(m, "duckdb") == shown(m, "none")


def test_words_need_one_query(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "words.parquet"
    pq.write_table(pa.table({"k": [1, 1, 2], "t": ["1", "n/a", "3"]}), path)
    monkeypatch.setattr(boundary, "_repaired", lambda *_: pytest.fail("a second attempt"))
    c = f'Table.TransformColumnTypes(Parquet.Document(File.Contents("{path}")), {{{{"t", type number}}}})'
    m = f'Table.Group(Table.RemoveRowsWithErrors({c}), {{"k"}}, {{{{"s", each List.Sum([t])}}}})'
    assert shown(m, "duckdb").endswith("{{1, 1}, {2, 3}})")
