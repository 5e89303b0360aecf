"""What goes wrong below a plan that folds: files that change or vanish, types that M has not, Ctrl-C, no memory."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import duckdb
import pytest

import mlang
from mlang.errors import MError

ROOT = Path(__file__).resolve().parent.parent


def parquet(path: Path, select: str) -> str:
    duckdb.sql(f"COPY ({select}) TO '{path}' (FORMAT parquet)")
    return f'Parquet.Document(File.Contents("{path}"))'


def kept(source: str, column: str) -> Any:
    """A filter that was planned, not run."""
    return mlang.evaluate(f"Table.SelectRows({source}, each [{column}] > 3)", engine="duckdb")


def test_a_column_that_vanished(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    table = kept(parquet(path, "SELECT i AS k, i AS v FROM range(20) r(i)"), "v")
    parquet(path, "SELECT i AS k, i AS w FROM range(20) r(i)")
    with pytest.raises(MError) as raised:
        mlang.to_m(table)
    assert "The column 'v' of the table wasn't found." in str(raised.value)


def test_a_file_that_vanished(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    table = kept(parquet(path, "SELECT i AS v FROM range(20) r(i)"), "v")
    path.unlink()
    with pytest.raises(MError) as raised:
        mlang.to_m(table)
    assert raised.value.reason == "DataSource.NotFound"


def test_a_database_that_is_replaced_is_read_as_it_was_opened(tmp_path: Path) -> None:
    path = tmp_path / "a.duckdb"
    done = python(f"""
        import os, subprocess, sys, mlang
        def make(name):
            code = "import duckdb; duckdb.connect({str(path)!r}).execute('CREATE TABLE " + name + " AS SELECT 1 AS v')"
            subprocess.run([sys.executable, "-c", code], check=True)
        make("a")
        t = mlang.evaluate('DuckDB.Database("{path}"){{[Schema = "main", Item = "a"]}}[Data]', engine="duckdb")
        os.remove({str(path)!r})
        make("b")
        print(mlang.to_m(t))
        try:
            mlang.evaluate('DuckDB.Database("{path}"){{[Schema = "main", Item = "a"]}}[Data]', engine="duckdb")
        except mlang.MError as error:
            print(error.reason)
    """)
    assert done.stdout.splitlines()[0].endswith("{{1}})"), done.stderr
    assert done.stdout.splitlines()[1] == "Expression.Error"


def test_types_that_m_has_not(tmp_path: Path) -> None:
    path = tmp_path / "a.duckdb"
    with duckdb.connect(str(path)) as con:
        con.execute("CREATE TYPE mood AS ENUM ('a', 'b')")
        con.execute(
            "CREATE TABLE t AS SELECT 1 AS k, 100000000000000000000::HUGEINT AS h, '101'::BIT AS b, 'a'::mood AS e,"
            " TIMESTAMPTZ '2020-01-01 00:00:00+00' AS z, INTERVAL 1 DAY AS i, uuid() AS u, {'x': 1} AS s"
        )
    source = f'DuckDB.Database("{path}"){{[Schema = "main", Item = "t"]}}[Data]'
    m = f'Table.RemoveColumns(Table.SelectRows({source}, each [k] = 1), "u")'
    folded, interpreted = (mlang.to_m(mlang.evaluate(m, engine=e)) for e in ("duckdb", "none"))
    assert folded == interpreted
    assert "100000000000000000000" in folded


def test_a_file_that_is_none(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    path.write_bytes(b"PAR1 nothing PAR1")
    with pytest.raises(MError) as raised:
        mlang.evaluate(f'Table.RowCount(Parquet.Document(File.Contents("{path}")))', engine="duckdb")
    assert raised.value.reason.startswith("Data")


# ---------------------------------------------------------------- cancelled, full


def python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=120,
        check=False,
    )


def test_ctrl_c_stops_the_engine(tmp_path: Path) -> None:
    source = parquet(tmp_path / "a.parquet", "SELECT i AS k, i % 10 AS g FROM range(300000) r(i)")
    m = f'let t = {source}, j = Table.Join(t, "g", Table.PrefixColumns(t, "r"), "r.g"), s = Table.Group(j, {{"r.k"}}, {{{{"n", each List.Max([k])}}}}) in s'  # fmt: skip
    done = python(f"""
        import os, signal, threading, time, mlang
        t = mlang.evaluate({m!r}, engine="duckdb")
        threading.Timer(1, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
        begin = time.monotonic()
        try:
            print(len(mlang.to_m(t)))
        except KeyboardInterrupt:
            print("stopped", time.monotonic() - begin < 30)
    """)
    assert done.stdout == "stopped True\n", done.stderr
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("wait", [3, 5])
def test_ctrl_c_stops_the_engine_of_a_command(tmp_path: Path, wait: int) -> None:
    source = parquet(tmp_path / "a.parquet", "SELECT i AS k, i % 10 AS g FROM range(300000) r(i)")
    m = f'let t = {source}, j = Table.Join(t, "g", Table.PrefixColumns(t, "r"), "r.g"), s = Table.Group(j, {{"r.k"}}, {{{{"n", each List.Max([k])}}}}) in s'  # fmt: skip
    done = python(f"""
        import signal, subprocess, sys, time
        p = subprocess.Popen([sys.executable, "-m", "mlang", "eval", {m!r}], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        time.sleep({wait})
        p.send_signal(signal.SIGINT)
        begin = time.monotonic()
        try:
            out, err = p.communicate(timeout=20)
        except subprocess.TimeoutExpired:
            p.kill()
            out, err = p.communicate()
        print(p.returncode, time.monotonic() - begin < 15, out, err)
    """)
    assert done.stdout.split() == ["130", "True", "Cancelled."], done.stdout + done.stderr


def full(tmp_path: Path, setting: str) -> subprocess.CompletedProcess[str]:
    """A large group in an engine with 30 MB of memory and one more setting."""
    source = parquet(tmp_path / "a.parquet", "SELECT i AS k, i % 10 AS g FROM range(3000000) r(i)")
    m = f'Table.Group({source}, {{"k"}}, {{{{"n", each List.Max([g])}}}})'
    return python(f"""
        import mlang
        from folding.engines.database import root
        root().database.execute({setting!r})
        try:
            print(sum(b.length for b in mlang.evaluate({m!r}, engine="duckdb", memory_limit="30MB").batches()))
        except mlang.MError as error:
            print(error.reason)
            print(error.message)
            print(error.detail["Query"])
    """)


@pytest.mark.parametrize("setting", ["SET temp_directory = ''", "SET max_temp_directory_size = '1MB'"])
def test_an_engine_without_room_says_so_with_the_query(tmp_path: Path, setting: str) -> None:
    done = full(tmp_path, setting)
    assert done.stdout.startswith("DataSource.Error\nDuckDB: Out of Memory Error"), done.stdout + done.stderr
    assert "GROUP BY" in done.stdout


def test_what_does_not_fit_goes_to_a_folder_that_vanishes(tmp_path: Path) -> None:
    source = parquet(
        tmp_path / "a.parquet", "SELECT (i * 7919) % 4000037 AS k, 'x' || i AS t FROM range(2000000) r(i)"
    )
    m = f'Table.Sort({source}, {{"k"}})'
    done = python(f"""
        import os, mlang, tempfile
        from folding.engines import spilling
        t = mlang.evaluate({m!r}, engine="duckdb", memory_limit="80MB")
        batches = iter(t.batches())
        count = next(batches).length
        found = os.listdir(spilling.spill_folder())
        print(count + sum(b.length for b in batches), bool(found), spilling.spill_folder())
    """)
    count, spilled, folder = done.stdout.split()
    assert (count, spilled) == ("2000000", "True"), done.stderr
    assert not Path(folder).exists()


def test_folders_of_dead_processes_are_swept(tmp_path: Path) -> None:
    from folding.engines.spilling import sweep

    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    gone, mine, other = (
        tmp_path / n for n in (f"mlang-spill-{dead.pid}-x", f"mlang-spill-{os.getpid()}-x", "mlang-spill-x")
    )
    for folder in (gone, mine, other):
        folder.mkdir()
    sweep(tmp_path)
    assert [f.exists() for f in (gone, mine, other)] == [False, True, True]


def test_the_memory_limit_is_a_setting(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from folding.engines.database import root

    def limit() -> str:
        return str(root().database.execute("SELECT current_setting('memory_limit')").fetchone()[0])

    source = parquet(tmp_path / "a.parquet", "SELECT i AS k FROM range(20) r(i)")
    m = f"Table.RowCount(Table.SelectRows({source}, each [k] > 3))"
    usual = limit()
    assert mlang.evaluate(m, engine="duckdb", memory_limit="1GB") == 16
    assert "953" in limit()
    monkeypatch.setenv("MLANG_MEMORY_LIMIT", "25%")
    mlang.evaluate(m, engine="duckdb")
    assert limit() not in (usual, "953.6 MiB")
    monkeypatch.delenv("MLANG_MEMORY_LIMIT")
    mlang.evaluate(m, engine="duckdb")
    assert limit() == usual
    with pytest.raises(mlang.Fault, match="The memory limit 'much' cannot be set"):
        mlang.evaluate(m, engine="duckdb", memory_limit="much")


# ---------------------------------------------------------------- sources that change between two looks


def test_a_column_of_sqlite_that_vanished_is_no_text(tmp_path: Path) -> None:
    """SQLite takes a name in double quotes that is no column for a text."""
    import sqlite3

    def make(columns: str, row: str) -> None:
        with sqlite3.connect(tmp_path / "a.db") as db:
            db.execute("DROP TABLE IF EXISTS t")
            db.execute(f"CREATE TABLE t (k INTEGER PRIMARY KEY, {columns})")
            db.execute(f"INSERT INTO t VALUES (1, {row})")
        db.close()

    make('g INTEGER, "od`d" TEXT', "2, 'x'")
    source = f'SQLite.Database("{tmp_path}/a.db"){{[Name = "t"]}}[Data]'
    for engine in ("duckdb", "none"):
        table = mlang.evaluate(f"Table.SelectRows({source}, each [g] = 2)", engine=engine)
        assert mlang.to_m(table).endswith('{{1, 2, "x"}})')
    for engine in ("duckdb", "none"):
        make("g INTEGER", "2")
        table = mlang.evaluate(f"Table.SelectRows({source}, each [g] <> null)", engine=engine)
        assert list(table.type.names) == ["k", "g"]
        make("zz INTEGER", "2")
        with pytest.raises(MError) as raised:
            mlang.to_m(table)
        assert "'g'" in raised.value.message or "no such column" in raised.value.message


def test_a_text_file_that_the_system_refuses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from mlang.values import encodings

    path = tmp_path / "a.csv"
    path.write_text("a,b\n1,2\n", encoding="utf-8")

    def refused(*_: Any) -> Any:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(encodings, "open_text", refused)
    for m in (
        "Csv.Document({0})",
        'Table.Group(Table.PromoteHeaders(Csv.Document({0})), "a", {{"n", List.Count}})',
    ):
        with pytest.raises(MError) as raised:
            mlang.to_m(mlang.evaluate(m.replace("{0}", f'File.Contents("{path}")'), engine="none"))
        assert raised.value.reason == "DataSource.Error"
        assert raised.value.message == f"Access to the path '{path}' is denied."


@pytest.mark.parametrize("content", [b"", b"\x00\xff garbage " * 500, b"PAR1"])
@pytest.mark.parametrize("engine", ["duckdb", "none"])
def test_a_parquet_file_that_is_spoilt_after_it_was_planned(
    tmp_path: Path, content: bytes, engine: str
) -> None:
    path = tmp_path / "a.parquet"
    source = parquet(path, "SELECT i AS k, i % 3 AS g FROM range(20000) r(i)")
    for step in (
        'Table.Sort({0}, "g")',
        'Table.Group({0}, "g", {{"n", Table.RowCount}})'.replace("{{", "{").replace("}}", "}"),
    ):
        parquet(path, "SELECT i AS k, i % 3 AS g FROM range(20000) r(i)")
        table = mlang.evaluate(step.replace("{0}", source), engine=engine)
        assert "g" in table.type.names
        path.write_bytes(content)
        with pytest.raises(MError) as raised:
            mlang.to_m(table)
        assert raised.value.reason in ("DataFormat.Error", "DataSource.Error")


def test_a_cancelled_command_says_so_and_nothing_else() -> None:
    m = "List.Sum(List.Transform({1..1000000000}, each Number.Power(_, 2)))"
    done = python(f"""
        import signal, subprocess, sys, time
        p = subprocess.Popen([sys.executable, "-m", "mlang", "eval", {m!r}], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        time.sleep(4)
        p.send_signal(signal.SIGINT)
        out, err = p.communicate(timeout=60)
        print(p.returncode, out, err)
    """)
    assert done.stdout.split() == ["130", "Cancelled."], done.stdout + done.stderr
