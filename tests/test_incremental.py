"""Incremental refresh: buckets, change detection, the staged table, destinations, limits, what a crash leaves."""

from __future__ import annotations

import itertools
import json
import re
import sqlite3
import threading
import time
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from database_tables import CREDENTIALS, engine_or_skip
from dataflows.making import make, result, rows
from hypothesis import given
from hypothesis import strategies as st

from mlang.app.cli import cli
from staging.buckets import Bucket, Policy, beginning, buckets, following, policy_of
from staging.dataflow import read
from staging.errors import DataflowError
from staging.history import Run
from staging.planning import plan
from staging.refresh import Refresh
from staging.workspace import Workspace

TICKS = 864_000_000_000


def clock(day: str) -> Any:
    ticks = (date.fromisoformat(day).toordinal() - 1) * TICKS + TICKS // 2
    return lambda: ticks


# ---------------------------------------------------------------- buckets


def listed(today: str, **settings: Any) -> list[str]:
    policy = policy_of("A", {"FilterColumn": "d", "ChangeColumn": "m", **settings})
    return [b.key for b in buckets(policy, date.fromisoformat(today))]


def test_buckets() -> None:  # 40
    assert listed("2024-03-02", Past=2, Period="Day") == [
        "2024-02-29/2024-03-01", "2024-03-01/2024-03-02", "2024-03-02/2024-03-03",
    ]  # fmt: skip
    assert listed("2024-03-02", Past=1, Period="Day", OnlyConcluded=True) == ["2024-03-01/2024-03-02"]
    assert listed("2024-03-06", Past=1, Period="Week") == ["2024-02-26/2024-03-04", "2024-03-04/2024-03-11"]
    assert listed("2024-01-31", Past=1, Period="Month") == ["2023-12-01/2024-01-01", "2024-01-01/2024-02-01"]
    assert listed("2024-05-01", Past=1, Period="Quarter") == [
        "2024-01-01/2024-04-01",
        "2024-04-01/2024-07-01",
    ]
    assert listed("2024-05-01", Past=0, Period="Year") == ["2024-01-01/2025-01-01"]
    assert listed("2024-05-01", Past=0, Period="Year", OnlyConcluded=True) == []
    assert listed("2024-05-15", Past=20, Period="Day", Bucket="Month") == [
        "2024-04-01/2024-05-01", "2024-05-01/2024-06-01",
    ]  # fmt: skip
    assert len(listed("2024-05-15", Past=1, Period="Year", Bucket="Month", OnlyConcluded=True)) == 16


PERIODS = st.sampled_from(["Day", "Week", "Month", "Quarter", "Year"])


@given(PERIODS, PERIODS, st.integers(0, 30), st.booleans(), st.dates(date(1900, 1, 1), date(2200, 1, 1)))
def test_buckets_follow_each_other(period: str, size: str, past: int, concluded: bool, today: date) -> None:
    found = buckets(Policy("d", past, period, size, "m", concluded), today)
    assert all(a.end == b.first for a, b in itertools.pairwise(found))
    assert all(beginning(b.first, size) == b.first and following(b.first, size) == b.end for b in found)
    if concluded:
        assert all(b.end <= today for b in found)
    else:
        assert found[-1].first <= today < found[-1].end


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "needs FilterColumn"),
        ({"FilterColumn": "d", "Past": 1, "Period": "Day"}, "needs ChangeColumn"),
        ({"FilterColumn": "d", "Past": 1.5, "Period": "Day", "ChangeColumn": "m"}, "whole number"),
        ({"FilterColumn": "d", "Past": 1, "Period": "Hour", "ChangeColumn": "m"}, "'Hour' is not known"),
        ({"FilterColumn": "d", "Size": 1}, "'Size' is not known"),
        ({"FilterColumn": 1}, "FilterColumn can't be 1"),
        (None, "literal record"),
    ],
)
def test_wrong_settings(settings: Any, message: str) -> None:
    with pytest.raises(DataflowError, match=message):
        policy_of("A", settings)


# ---------------------------------------------------------------- a dataflow over a database


class Shop:
    """A database of orders, and a dataflow that refreshes them by days."""

    def __init__(self, folder: Path, target: str | None = None, **settings: Any) -> None:
        self.folder = folder
        self.path = folder / "shop.sqlite"
        with self.connection() as connection:
            connection.execute(
                "CREATE TABLE orders (id INTEGER PRIMARY KEY, d TIMESTAMP, m TIMESTAMP, n REAL)"
            )
        self.source = f'SQLite.Database("{self.path}"){{[Schema = "main", Item = "orders"]}}[Data]'
        self.target = target or 'DuckDB.Database("out.duckdb"){[Schema = "main", Item = "T"]}?[Data]?'
        self.settings = {"FilterColumn": "d", "Past": 2, "Period": "Day", "ChangeColumn": "m", **settings}
        self.full = False

    def connection(self) -> sqlite3.Connection:
        return sqlite3.connect(self.path)

    def put(self, number: int, day: str, changed: str, value: float) -> None:
        with self.connection() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO orders VALUES (?, ?, ?, ?)",
                (number, f"{day} 08:00:00", f"{changed} 09:00:00", value),
            )

    def document(self) -> Path:
        def shown(value: Any) -> str:
            return json.dumps(value)

        attribute = ", ".join(f"{k} = {shown(v)}" for k, v in self.settings.items())
        return make(
            self.folder,
            f"""
            [IncrementalRefresh = [{attribute}], DataDestinations = {{[
                Definition = [Kind = "Reference", QueryName = "D"],
                Settings = [Kind = "Manual", UpdateMethod = [Kind = "Replace"], DynamicSchema = false]]}}]
            shared A = {self.source};
            shared B = Table.Group(A, {{}}, {{{{"sum", each List.Sum([n]), type nullable number}}}});
            shared D = {self.target};
            """,
        )

    def refresh_of(self, today: str, **more: Any) -> Refresh:
        place = self.document()
        session = {"clock": clock(today), "credentials": CREDENTIALS}
        return Refresh(read(place), Workspace.beside(place), session=session, full=self.full, **more)

    def refresh(self, today: str) -> Run:
        return self.refresh_of(today).run()

    def staged(self) -> dict[float, float]:
        return {row[0]: row[3] for row in rows(self.document(), "A")}

    def loaded(self) -> dict[float, float]:
        import duckdb

        with duckdb.connect(str(self.document() / "out.duckdb"), read_only=True) as connection:
            return dict(connection.execute("SELECT id, n FROM T").fetchall())


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    found = Shop(tmp_path)
    for number, day in enumerate(("2024-02-01", "2024-03-01", "2024-03-02", "2024-03-03"), 1):
        found.put(number, day, day, float(number))
    return found


def good(run: Run) -> Run:
    assert run.status == "Completed", [(q.query, q.status, q.error, q.note) for q in run.queries]
    return run


def test_only_changed_buckets_are_loaded(shop: Shop) -> None:  # 41
    run = good(shop.refresh("2024-03-03"))
    assert result(run, "A").note == "loaded 3 of 3 buckets"
    assert shop.staged() == shop.loaded() == {2: 2, 3: 3, 4: 4}
    run = good(shop.refresh("2024-03-03"))
    assert (result(run, "A").status, result(run, "A").note) == ("Cached", "loaded 0 of 3 buckets")
    assert result(run, "A", "Activity").note == "loaded 0 of 3 buckets"
    shop.put(3, "2024-03-02", "2024-03-03", 33.0)
    run = good(shop.refresh("2024-03-03"))
    assert result(run, "A").note == "loaded 1 of 3 buckets"
    assert result(run, "A", "Activity").rows == 1
    assert shop.staged() == shop.loaded() == {2: 2, 3: 33, 4: 4}
    assert rows(shop.document(), "B") == [(39.0,)]


def test_rows_outside_the_buckets_stay(shop: Shop) -> None:  # 41: nothing is dropped by age
    shop.refresh("2024-03-03")
    shop.put(5, "2024-03-06", "2024-03-06", 5.0)
    shop.put(2, "2024-03-01", "2024-03-06", 99.0)  # too old to be looked at
    good(shop.refresh("2024-03-06"))
    assert shop.staged() == shop.loaded() == {2: 2, 3: 3, 4: 4, 5: 5}


def test_deleted_rows_and_emptied_buckets(shop: Shop) -> None:
    shop.refresh("2024-03-03")
    with shop.connection() as connection:
        connection.execute("DELETE FROM orders WHERE id = 4")
    run = good(shop.refresh("2024-03-03"))
    assert result(run, "A").note == "loaded 1 of 3 buckets"
    assert shop.staged() == shop.loaded() == {2: 2, 3: 3}


def test_a_changed_query_loads_every_bucket(shop: Shop) -> None:
    shop.refresh("2024-03-03")
    shop.source = f"Table.SelectRows({shop.source}, each [n] < 4)"
    run = good(shop.refresh("2024-03-03"))
    assert result(run, "A").note == "loaded 3 of 3 buckets"
    assert shop.staged() == shop.loaded() == {2: 2, 3: 3}


def test_buckets_are_read_side_by_side(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:  # 41, 65
    from mlang.connectors.servers import Server

    reading, most, lock, execute = [0], [0], threading.Lock(), Server.rows

    def counted(self: Server, sql: str, checks: str | None = None) -> Any:
        if "WHERE" not in sql or "orders" not in sql or "`n`" not in sql:
            return execute(self, sql, checks)
        with lock:
            reading[0] += 1
            most[0] = max(most[0], reading[0])
        time.sleep(0.3)
        with lock:
            reading[0] -= 1
        return execute(self, sql, checks)

    monkeypatch.setattr(Server, "rows", counted)
    for jobs, together in ((1, {1}), (3, {2, 3})):
        reading[0] = most[0] = 0
        found = Refresh(
            read(shop.document()), Workspace.beside(shop.document()), {}, {"clock": clock("2024-03-03")},
            jobs=jobs, full=True, only=["A"],
        ).run()  # fmt: skip
        assert result(found, "A").status == "Completed", found
        assert most[0] in together
        assert shop.staged() == {2: 2, 3: 3, 4: 4}


# A reader that is stopped while it opens its file leaves the closing to Python.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_bucket_that_fails_stops_the_others(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    from mlang.connectors.servers import Server
    from mlang.errors import MError

    execute = Server.rows

    def failing(self: Server, sql: str, checks: str | None = None) -> Any:
        if "2024-03-02" in sql and "`n`" in sql:
            raise MError("DataSource.Error", "the second bucket is gone")
        return execute(self, sql, checks)

    monkeypatch.setattr(Server, "rows", failing)
    found = Refresh(
        read(shop.document()), Workspace.beside(shop.document()), {}, {"clock": clock("2024-03-03")},
        jobs=3, retries=0, only=["A"],
    ).run()  # fmt: skip
    assert "the second bucket is gone" in str(result(found, "A").error)
    readers = [t for t in threading.enumerate() if t.name.startswith("refresh ")]
    for reader in readers:  # one that has said its last may still be on its way out
        reader.join(5)
    assert not any(reader.is_alive() for reader in readers)


def test_only_concluded_buckets(shop: Shop) -> None:  # 40
    shop.settings["OnlyConcluded"] = True
    good(shop.refresh("2024-03-03"))
    assert shop.staged() == {2: 2, 3: 3}
    good(shop.refresh("2024-03-04"))
    assert shop.staged() == {2: 2, 3: 3, 4: 4}


def test_the_filter_reaches_the_source(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:  # 40, 42
    from mlang.connectors.servers import Server

    said: list[str] = []
    execute = Server.rows

    def noted(self: Server, sql: str, checks: str | None = None) -> Any:
        said.append(sql)
        return execute(self, sql, checks)

    monkeypatch.setattr(Server, "rows", noted)
    good(shop.refresh("2024-03-03"))
    data = [sql for sql in said if "orders" in sql and "typeof" not in sql and "PRAGMA" not in sql]
    assert len(data) == 6  # a question and a load for each bucket
    assert all("WHERE" in sql and "2024-03-0" in sql for sql in data), data
    said.clear()
    good(shop.refresh("2024-03-03"))
    assert len([sql for sql in said if "WHERE" in sql and "2024-03-0" in sql]) == 3


def test_a_filter_that_does_not_fold_is_refused(shop: Shop) -> None:  # 40
    counted = "List.Count(List.Generate(() => 0, (n) => n < [id], (n) => n + 1))"
    shop.source = f'Table.AddColumn({shop.source}, "x", each {counted}, type number)'
    run = shop.refresh("2024-03-03")
    assert "doesn't reach the source" in str(result(run, "A").error)
    shop.settings["RequireFolding"] = False
    good(shop.refresh("2024-03-03"))
    assert shop.staged() == {2: 2, 3: 3, 4: 4}


def test_the_plan_shows_buckets(shop: Shop) -> None:
    shop.refresh("2024-03-03")
    shop.put(4, "2024-03-03", "2024-03-04", 44.0)
    line = next(p for p in plan(shop.refresh_of("2024-03-04")) if p.query == "A" and p.kind == "Table")
    assert (line.action, line.why) == ("run", "2 of 3 buckets changed")
    assert [(b["from"], b["run"]) for b in line.buckets] == [
        ("2024-03-02", False), ("2024-03-03", True), ("2024-03-04", True),
    ]  # fmt: skip
    assert line.buckets[1]["why"].startswith(
        "it was #datetime(2024, 3, 3, 9, 0, 0); 1 rows, is #datetime(2024, 3, 4"
    )
    assert line.buckets[2]["why"] == "it was never loaded"
    import mlang.app.workflow

    assert mlang.app.workflow
    found = CliRunner().invoke(cli, ["plan", str(shop.document())], standalone_mode=False)
    assert found.exception is None
    assert "Bucket: query 'A'" in found.output + (found.stderr or "")


def test_a_failed_destination_is_loaded_the_next_time(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.refresh("2024-03-03")
    shop.put(4, "2024-03-03", "2024-03-04", 44.0)

    def broken(*_: Any) -> None:
        raise OSError("disk full")

    with monkeypatch.context() as patch:
        patch.setattr("staging.activities.load", broken)
        assert result(shop.refresh("2024-03-03"), "A", "Activity").status == "Failed"
    assert shop.staged()[4] == 44  # staged, and the destination behind
    assert shop.loaded()[4] == 4
    run = good(shop.refresh("2024-03-03"))
    assert result(run, "A").status == "Cached"
    assert result(run, "A", "Activity").note == "loaded 1 of 3 buckets"
    assert shop.loaded()[4] == 44


def test_a_crash_between_commit_and_note_changes_nothing(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("staging.incremental.Loads.note", killed)
        shop.refresh("2024-03-03")
    assert shop.loaded() == {2: 2, 3: 3, 4: 4}
    good(shop.refresh("2024-03-03"))
    assert shop.loaded() == {2: 2, 3: 3, 4: 4}  # the same rows, once


def test_a_dropped_destination_is_made_whole(shop: Shop) -> None:  # 21
    shop.refresh("2024-03-03")
    good(shop.refresh("2024-03-06"))  # its rows are older than the buckets now
    (shop.document() / "out.duckdb").unlink()
    run = good(shop.refresh("2024-03-06"))
    assert result(run, "A", "Activity").note == "made the table with all rows"
    assert shop.loaded() == {2: 2, 3: 3, 4: 4}


def test_changed_columns_need_a_full_refresh(shop: Shop) -> None:  # 39: fixed schema
    shop.refresh("2024-03-03")
    shop.source = f'Table.AddColumn({shop.source}, "x", each [n] + 1, type nullable number)'
    run = shop.refresh("2024-03-03")
    assert "column 'x' is new (nullable number)" in str(result(run, "A").error)
    assert "--full" in str(result(run, "A").error)
    assert shop.staged() == {2: 2, 3: 3, 4: 4}
    shop.full = True
    run = shop.refresh("2024-03-03")
    assert result(run, "A").status == "Completed"
    assert "has no column 'x'; its schema is fixed" in str(result(run, "A", "Activity").error)


def test_the_same_column_for_both_is_warned_of(shop: Shop) -> None:  # 43
    shop.settings["ChangeColumn"] = "d"
    run = good(shop.refresh("2024-03-03"))
    assert "may be there twice" in str(result(run, "A").note)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"Past": 50}, r"51 buckets; a query has at most 50"),
        ({"FilterColumn": "n"}, "is of type nullable number; incremental refresh needs date"),
        ({"FilterColumn": "zz"}, "names column 'zz'"),
    ],
)
def test_what_is_refused(shop: Shop, settings: dict[str, Any], message: str) -> None:  # 39, 43
    shop.settings.update(settings)
    found = str(said(shop))
    assert re.search(message, found), found


def said(shop: Shop) -> str | None:
    """What a refresh says: before it begins, or of the query."""
    try:
        return result(shop.refresh("2024-03-03"), "A").error
    except DataflowError as error:
        return str(error)


def test_destinations_that_are_refused(shop: Shop) -> None:  # 24, 39
    place = shop.document()
    text = (place / "mashup.pq").read_text(encoding="utf-8")
    for old, new in (('Kind = "Replace"', 'Kind = "Append"'), ("DynamicSchema = false", "DynamicSchema = true"),
                     ('Kind = "Manual"', 'Kind = "Automatic"')):  # fmt: skip
        (place / "mashup.pq").write_text(text.replace(old, new), encoding="utf-8")
        with pytest.raises(DataflowError, match="Kind Manual, UpdateMethod Replace"):
            Refresh(read(place), Workspace.beside(place)).run()
    make(shop.folder, text, parametric=True)
    with pytest.raises(DataflowError, match="public parameters"):
        Refresh(read(place), Workspace.beside(place)).run()
    make(shop.folder, text, unstaged=("A",))
    with pytest.raises(DataflowError, match="needs staging"):
        Refresh(read(place), Workspace.beside(place)).run()


def test_limits_of_a_dataflow(tmp_path: Path) -> None:  # 43
    attribute = '[IncrementalRefresh = [FilterColumn = "d", ChangeColumn = "d", Past = 40, Period = "Day"]]'
    value = "#table(type table [d = date], {})"
    text = "\n".join(f"{attribute} shared Q{i} = {value};" for i in range(4))
    place = make(tmp_path, text)
    with pytest.raises(DataflowError, match="164 buckets; at most 150"):
        Refresh(read(place), Workspace.beside(place)).run()


# ---------------------------------------------------------------- other destinations


@pytest.mark.parametrize("kind", ["PostgreSQL", "MySQL", "Lakehouse", "Warehouse", "SQLite"])
def test_buckets_in_other_destinations(tmp_path: Path, kind: str) -> None:  # 39, 43
    from test_table_destinations import Place

    place = Place(kind, tmp_path)
    shop = Shop(tmp_path, place.m, FilterColumn="Day")
    shop.source = f'Table.RenameColumns({shop.source}, {{"d", "Day"}})'
    for number, day in enumerate(("2024-03-01", "2024-03-02", "2024-03-03"), 1):
        shop.put(number, day, day, float(number))
    good(shop.refresh("2024-03-03"))
    shop.put(2, "2024-03-02", "2024-03-03", 22.0)
    run = good(shop.refresh("2024-03-03"))
    assert result(run, "A", "Activity").rows == 1
    assert sorted(place.run('SELECT id, n FROM "T"')) == [(1, 1.0), (2, 22.0), (3, 3.0)]
    good(shop.refresh("2024-03-08"))
    assert len(place.run('SELECT id FROM "T"')) == 3


def test_a_postgresql_source(tmp_path: Path) -> None:
    engine = engine_or_skip("PostgreSQL")
    engine.run(
        'DROP TABLE IF EXISTS "inc"', 'CREATE TABLE "inc" (id integer PRIMARY KEY, d date, m timestamp, n float8)',
        "INSERT INTO inc SELECT i, DATE '2024-03-01' + i % 3, TIMESTAMP '2024-03-01' + i * INTERVAL '1 minute', i "
        "FROM generate_series(1, 3000) i",
    )  # fmt: skip
    shop = Shop(tmp_path)
    shop.source = engine.reads("inc")
    good(shop.refresh("2024-03-03"))
    assert len(shop.staged()) == len(shop.loaded()) == 3000
    engine.run("UPDATE inc SET n = -1, m = m + INTERVAL '9 days' WHERE id = 3")
    run = good(shop.refresh("2024-03-03"))
    assert result(run, "A").note == "loaded 1 of 3 buckets"
    assert result(run, "A", "Activity").rows == 1000
    assert shop.staged()[3] == shop.loaded()[3] == -1


def test_bounds_of_each_kind() -> None:
    bucket = Bucket(date(2024, 3, 1), date(2024, 3, 2))
    kinds = [bucket.bounds(kind)[0].__class__.__name__ for kind in ("date", "datetime", "datetimezone")]
    assert kinds == ["Date", "DateTime", "DateTimeZone"]


def test_a_drift_report_names_readers_and_destinations(tmp_path: Path) -> None:  # 11
    text = """
        [DataDestinations = {[Definition = [QueryName = "D"]]}] shared B = Table.SelectRows(A, each true);
        shared D = DuckDB.Database("out.duckdb"){[Schema = "main", Item = "B"]}?[Data]?;
        shared A = #table(type table [%s], {});
    """
    place = make(tmp_path, text % "a = number, b = text")
    good(Refresh(read(place), Workspace.beside(place)).run())
    make(tmp_path, text % "a = text, c = date")
    wanted = (
        "Query 'A': column 'b' is gone (was text); column 'a' changes from number to text; column 'c' is new (date). "
        "Read by B. Loaded: B to D."
    )
    line = plan(Refresh(read(place), Workspace.beside(place)))[0]
    assert line.dependents == ["Read by B.", "Loaded: B to D."]
    run = Refresh(read(place), Workspace.beside(place), schema="freeze").run()
    assert str(result(run, "A").error).startswith(wanted)
    run = good(Refresh(read(place), Workspace.beside(place)).run())
    assert result(run, "A").drift == wanted
