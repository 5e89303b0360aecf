"""A CSV file that is written between the reading of its column names and of its rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import mlang

TYPED = 'Table.TransformColumnTypes(H, {{"a", Int64.Type}})'
STEPS = {
    "as it is": "H",
    "typed": TYPED,
    "filtered": f"Table.SelectRows({TYPED}, each [a] > 0)",
    "summed": f'Table.Group({TYPED}, {{}}, {{{{"n", each List.Sum([a]), type number}}}})',
    "sorted": f'Table.Sort({TYPED}, {{"a", Order.Descending}})',
}
#: Forms of the file's rows, that readers take different ways for.
FORMS = {"plain": "", "with a blank line": "\n", "with quotes": '"x ""y""",2\n'}


def lazily(path: Path, step: str, engine: str, options: str = "") -> Any:
    """A table whose names are known and whose rows nobody has read."""
    text = f'let H = Table.PromoteHeaders(Csv.Document(File.Contents("{path}"){options})) in {STEPS[step]}'
    return mlang.evaluate(text, engine=engine)


def rows(count: int, more: str = "") -> str:
    return "".join(f"{i},{i + 1}\n" for i in range(1, count + 1)) + more


@pytest.mark.parametrize("engine", ["duckdb", "auto", "none"])
@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("count", [3, 30_000])
def test_other_names_are_noticed(tmp_path: Path, step: str, engine: str, count: int) -> None:
    path = tmp_path / "t.csv"
    path.write_text("a,b\n" + rows(count))
    table = lazily(path, step, engine)
    path.write_text("b,a\n" + rows(count))
    with pytest.raises(mlang.MError) as raised:
        table.to_arrow()
    assert str(raised.value).partition("\n")[0] == (
        f"DataSource.Error: The header of the file '{path}' changed after it was read: in place of the column 'a'"
        " stands 'b'."
    )


@pytest.mark.parametrize("engine", ["duckdb", "auto", "none"])
@pytest.mark.parametrize("form", FORMS)
def test_other_rows_are_read(tmp_path: Path, form: str, engine: str) -> None:
    path = tmp_path / "t.csv"
    path.write_text("a,b\n" + rows(3, FORMS[form]))
    table = lazily(path, "as it is", engine)
    path.write_text("a,b\n7,8\n9,10\n")
    assert table.to_arrow().to_pylist() == [{"a": "7", "b": "8"}, {"a": "9", "b": "10"}]


@pytest.mark.parametrize("engine", ["duckdb", "auto", "none"])
def test_a_column_that_nobody_reads_may_change(tmp_path: Path, engine: str) -> None:
    path = tmp_path / "t.csv"
    path.write_text("a,b\n" + rows(3))
    table = lazily(path, "summed", engine)
    path.write_text("a,c\n" + rows(4))
    assert table.to_arrow().to_pylist() == [{"n": 10.0}]


@pytest.mark.parametrize("engine", ["duckdb", "auto", "none"])
def test_missing_names_stay_missing(tmp_path: Path, engine: str) -> None:
    path = tmp_path / "t.csv"
    path.write_text("a\n1,2\n")
    table = lazily(path, "as it is", engine, ", [Columns = 2]")
    assert table.to_arrow().to_pylist() == [{"a": "1", "Column2": "2"}]
