"""Texts that are evaluated more than once: what is kept of them, and what must not be."""

from __future__ import annotations

import gc
import os
import threading
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import mlang
from mlang.compile import entry
from mlang.errors import MError
from mlang.tables.plan import Values
from mlang.values.thunk import force


def test_code_is_compiled_once() -> None:
    text = "let a = 1, f = (x) => x + a in List.Transform({1, 2}, f)"
    first = entry.Document(text)
    assert entry.run(lambda: [force(x) for x in first.value()]) == [2.0, 3.0]
    second = entry.Document(text)
    assert second._expression is first._expression
    code = first._expression.ready
    assert entry.run(lambda: [force(x) for x in second.value()]) == [2.0, 3.0]
    assert second._expression.ready is code is not None


def test_each_evaluation_has_its_session() -> None:
    text = 'Culture.Current & Text.From(1.5) & Text.Lower("I")'
    assert [mlang.evaluate(text, culture=c) for c in ("en-US", "de-DE", "tr-TR", "en-US")] == [
        "en-US1.5i", "de-DE1,5i", "tr-TR1,5ı", "en-US1.5i",
    ]  # fmt: skip


def test_each_evaluation_has_its_values() -> None:
    text = "[r = Number.Random(), s = {r, r}][s]"
    first, second = mlang.evaluate(text), mlang.evaluate(text)
    assert first[0] == first[1] != second[0]


def test_errors_say_where_again() -> None:
    for _ in range(2):
        with pytest.raises(MError) as caught:
            mlang.evaluate("let\n  a = 1,\n  b = a + nowhere\nin b")
        assert "[3,11-3,18] The name 'nowhere' doesn't exist" in str(caught.value)


def test_overrides_and_environments_are_not_shared() -> None:
    text = "x + 1"
    assert [entry.run(entry.Document(text, environment={"x": x}).value) for x in (1.0, 2.0)] == [2.0, 3.0]


def test_results_are_not_kept() -> None:
    mlang.evaluate('Table.Buffer(#table({"kept"}, List.Transform({1..50}, each {_})))')
    gc.collect()
    tables = [o for o in gc.get_objects() if isinstance(o, Values) and o.schema.names == ("kept",)]
    assert tables == []


def test_few_texts_are_kept() -> None:
    for number in range(3 * entry._KNOWN_TEXTS):
        mlang.evaluate(f"{number} + 1")
    mlang.evaluate(f'Text.Length("{"x" * entry._KNOWN_LENGTH}")')
    assert len(entry._known) == entry._KNOWN_TEXTS
    assert all(len(text) <= entry._KNOWN_LENGTH for text in entry._known)


def test_threads_share_code() -> None:
    text = "let k = 3, f = (n) => if n = 0 then k else @f(n - 1) in List.Sum(List.Transform({1..200}, f))"
    found: list[object] = []
    threads = [threading.Thread(target=lambda: found.append(mlang.evaluate(text))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [600.0] * 8


@pytest.mark.parametrize("inplace", [False, True])
def test_a_file_that_changed_is_read_anew(tmp_path: Path, inplace: bool) -> None:
    """Rows, types and columns; the engine's SQL and the file's facts are made again."""
    path = tmp_path / "data.parquet"
    text = f'Table.Sort(Parquet.Document(File.Contents("{path}")), {{"a"}})'
    contents = [
        pa.table({"a": [3, 1, 2]}), pa.table({"a": [30, 10, None]}), pa.table({"a": ["x", None, "b"]}),
        pa.table({"a": [2.5, 1.5]}), pa.table({"a": [1], "b": [True]}),
    ]  # fmt: skip
    for content in contents:
        target = path if inplace else tmp_path / "next.parquet"
        pq.write_table(content, target)
        if not inplace:
            os.replace(target, path)
        expected = content.sort_by([("a", "ascending")]).to_pydict()
        found = mlang.evaluate(text, engine="duckdb").to_arrow().to_pydict()
        expected["a"] = sorted(expected["a"], key=lambda v: (v is not None, v))
        assert found == expected


def test_what_is_known_of_a_file(tmp_path: Path) -> None:
    """Nothing that was written a moment ago, and nothing of another file of the same name, size and time."""
    from mlang.connectors.known_files import known

    path = tmp_path / "f"
    path.write_text("one")
    asked: list[str] = []

    def find() -> str:
        asked.append(path.read_text())
        return asked[-1]

    assert [known(str(path), "text", find) for _ in range(2)] == ["one", "one"]
    assert asked == ["one", "one"]  # it is new
    old = path.stat().st_mtime_ns - 10**12
    os.utime(path, ns=(old, old))
    clock = pytest.MonkeyPatch()
    with clock.context() as patch:
        patch.setattr("mlang.connectors.known_files.time.time_ns", lambda: old + 2 * 10**12)
        assert [known(str(path), "text", find) for _ in range(3)] == ["one"] * 3
        assert len(asked) == 3
        path.write_text("two")
        os.utime(path, ns=(old, old))
        assert known(str(path), "text", find) == "two"
    path.unlink()
    with pytest.raises(FileNotFoundError):
        known(str(path), "text", find)
