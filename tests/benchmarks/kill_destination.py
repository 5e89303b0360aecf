"""Kills refreshes with SIGKILL while they load tables of a database, and looks at what the tables hold.

    python tests/benchmarks/kill_destination.py [--kind PostgreSQL|MySQL|DuckDB|SQLite|Lakehouse] [--kills 40]

One query goes to three tables: one made anew each time, one whose rows are replaced, one that is appended to.  Half
of the kills hit any moment of the loads, the others one after the append's commit and before the end.  After each kill the first two must hold all rows of one mark, the old one or the new one, and the third each mark once or not
at all.  Every second kill is followed by a refresh with the same mark (it must append nothing twice), the others by one with
another.  PostgreSQL and MariaDB are started for this and stopped at the end.  Exit code 1 when anything was wrong.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).resolve().parents[i]) for i in (1, 2)]

from benchmarks import victims  # noqa: E402
from benchmarks.victims import DESTINATION, NAMES, Board  # noqa: E402
from database_tables import CREDENTIALS  # noqa: E402
from dataflows.making import make  # noqa: E402

SETTINGS = {
    "Anew": 'Kind = "Automatic"',
    "More": 'Kind = "Manual", UpdateMethod = [Kind = "Append"]',
    "Fixed": 'Kind = "Manual", UpdateMethod = [Kind = "Replace"], DynamicSchema = false',
}
_LAKE = 'Lakehouse.Contents([]){[workspaceId = "w"]}[Data]{[lakehouseId = "shop"]}[Data]'


def document(kind: str, source: str, rows: int) -> str:
    """A query with three destinations."""
    ends = {"Lakehouse": '{{[Id = "{}", ItemKind = "Table"]}}?[Data]?', "SQLite": '{{[Item = "{}"]}}?[Data]?'}
    schema = {"PostgreSQL": "public", "MySQL": "test"}.get(kind, "main")
    end = ends.get(kind, '{{[Schema = "' + schema + '", Item = "{}"]}}?[Data]?')
    listed = ", ".join(
        f'[Definition = [Kind = "Reference", QueryName = "To{n}"], Settings = [{s}]]'
        for n, s in SETTINGS.items()
    )
    targets = "\n".join(f"shared To{n} = {source}{end.format(n)};" for n in SETTINGS)
    return f"""
    shared Mark = 0 meta [IsParameterQuery = true, Type = "Number"];
    [DataDestinations = {{{listed}}}]
    shared A = Table.AddColumn(#table(type table [Id = number], List.Transform({{1..{rows}}}, each {{_}})), "Mark",
        each Mark, type number);
    {targets}
    """


class Look:
    """What the tables hold: mark -> rows."""

    def __init__(self, kind: str, folder: Path, address: tuple[str, int] | None) -> None:
        self.kind, self.folder, self.address = kind, folder, address

    def marks(self, table: str) -> dict[float, int]:
        """The rows of each mark; empty where there is no table."""
        sql = f"SELECT {self._quoted('Mark')}, count(*) FROM {self._quoted(table)} GROUP BY 1"
        return {float(mark): int(count) for mark, count in self._rows(sql, table)}

    def _quoted(self, name: str) -> str:
        return f"`{name}`" if self.kind == "MySQL" else f'"{name}"'

    def _rows(self, sql: str, table: str) -> Any:
        if self.kind == "PostgreSQL":
            import psycopg

            assert self.address
            host, port = self.address
            with psycopg.connect(
                host=host, port=port, user="tester", dbname="postgres", autocommit=True
            ) as c:
                try:
                    return c.execute(sql).fetchall()
                except psycopg.errors.UndefinedTable:
                    return []
        if self.kind == "MySQL":
            import pymysql

            assert self.address
            host, port = self.address
            connection = pymysql.connect(host=host, port=port, user="tester", database="test")
            try:
                with connection.cursor() as cursor:
                    cursor.execute(sql)
                    return cursor.fetchall()
            except pymysql.err.ProgrammingError:
                return []
            finally:
                connection.close()
        return self._file_rows(sql, table)

    def _delta_rows(self, sql: str, table: str) -> Any:
        import deltalake
        import duckdb

        path = self.folder / ".mlang" / "shop.Lakehouse" / "Tables" / table
        if not deltalake.DeltaTable.is_deltatable(str(path)):
            return []
        found = deltalake.DeltaTable(str(path)).to_pyarrow_table()
        connection = duckdb.connect()
        connection.register(table, found)
        return connection.execute(sql).fetchall()

    def _file_rows(self, sql: str, table: str) -> Any:
        import duckdb

        if self.kind == "Lakehouse":
            # In a process of its own: who is forked from one that has read a Delta table can't write one.
            return victims.Worker(lambda: self._delta_rows(sql, table)).ask()

        path = self.folder / "t.Dataflow" / "out.db"
        if not path.exists():
            return []
        if self.kind == "SQLite":
            import sqlite3

            with contextlib.closing(sqlite3.connect(path)) as lite:
                try:
                    return lite.execute(sql).fetchall()
                except sqlite3.OperationalError:
                    return []
        with duckdb.connect(str(path), read_only=True) as connection:
            try:
                return connection.execute(sql).fetchall()
            except duckdb.CatalogException:
                return []


class Killer:
    """Kills and counts."""

    def __init__(self, place: Path, look: Look, rows: int, seed: int) -> None:
        self.place, self.look, self.rows = place, look, rows
        self.board, self.chance = Board(), random.Random(seed)
        self.wrong: list[str] = []
        self.hits: Counter[str] = Counter()
        self.again = self.kept = 0

    def refresh(self, mark: int) -> bool:
        """A refresh that nobody kills."""
        self.board.reset()
        _, status = os.waitpid(victims.start(self.place, mark, self.board, "refresh"), 0)
        return status == 0

    def kill(self, mark: int, usual: float, committed: bool) -> None:
        """Kills the load of a mark at a random moment of it, or of what comes after the append's commit."""
        self.board.reset()
        pid = victims.start(self.place, mark, self.board, "refresh")
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and not (
            self.board.appended if committed else self.board.phase >= DESTINATION
        ):
            time.sleep(0.0002)
        time.sleep(self.chance.uniform(0.0, 0.01 if committed else usual))
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        self.hits[NAMES[self.board.phase]] += 1

    def ended(self, folder: Path, mark: int) -> bool:
        """Whether the refresh was complete when it was killed: the next one is then one of its own."""
        notes = list((folder / ".mlang" / "loads").glob("*.open"))
        return not notes and mark in self.look.marks("More")

    def check(self, where: str, mark: int, complete: bool) -> None:
        """Whether each table holds what it may."""
        for table in ("Anew", "Fixed"):
            found = self.look.marks(table)
            if list(found.values()) != [self.rows] or (complete and list(found) != [mark]):
                self.wrong.append(f"{where}: {table} holds {found}")
        found = self.look.marks("More")
        if any(count != self.rows for count in found.values()) or (complete and mark not in found):
            odd = {m: n for m, n in found.items() if n != self.rows}
            self.wrong.append(
                f"{where}: More holds {odd}, {mark} {'is' if mark in found else 'is not'} there"
            )
        self.kept += not complete and mark in found

    def report(self, seconds: float) -> int:
        """Prints the figures; the exit code."""
        print(
            f"kills: {sum(self.hits.values())} in {seconds:.0f} s; "
            + ", ".join(f"{k} {v}" for k, v in self.hits.items())
        )
        print(f"appends that were committed when their refresh was killed: {self.kept}")
        print(f"refreshes after a kill: {self.again}; wrong: {len(self.wrong)}")
        for text in self.wrong[:20]:
            print("  " + text)
        return 1 if self.wrong or not self.hits else 0


@contextlib.contextmanager
def source_of(kind: str) -> Iterator[tuple[str, tuple[str, int] | None]]:
    """The M that opens the database, and its address."""
    if kind in ("PostgreSQL", "MySQL"):
        from database_servers import mariadb, postgres

        with (postgres if kind == "PostgreSQL" else mariadb)() as address:
            host, port = address
            name = "postgres" if kind == "PostgreSQL" else "test"
            yield f'{kind}.Database("{host}:{port}", "{name}")', (host, port)
    elif kind == "Lakehouse":
        yield _LAKE, None
    else:
        yield f'{kind}.Database("out.db")', None


def main() -> int:
    parser = argparse.ArgumentParser(description="Kill loads of tables and look at what the tables hold.")
    parser.add_argument(
        "--kind", default="PostgreSQL", choices=["PostgreSQL", "MySQL", "DuckDB", "SQLite", "Lakehouse"]
    )
    parser.add_argument("--kills", type=int, default=40)
    parser.add_argument("--rows", type=int, default=5_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    victims.SESSION.update({"credentials": CREDENTIALS})
    with tempfile.TemporaryDirectory() as name, source_of(options.kind) as (source, address):
        folder = Path(name)
        place = make(folder, document(options.kind, source, options.rows))
        killer = Killer(place, Look(options.kind, folder, address), options.rows, options.seed)
        if not killer.refresh(1):
            print("the first refresh failed")
            return 1
        killer.refresh(2)
        killer.refresh(3)  # how long the loads take when all tables are there
        usual = killer.board.typical(DESTINATION)
        killer.check("before", 3, complete=True)
        started = time.monotonic()
        for number in range(options.kills):
            mark = 10 + 2 * number
            killer.kill(mark, usual, committed=number % 4 >= 2)
            if options.kind in ("PostgreSQL", "MySQL"):
                time.sleep(0.05)  # the server notices that its client is gone
            ended = killer.ended(folder, mark)
            killer.check(f"kill {number}", mark, complete=ended)
            following = mark if number % 2 == 0 and not ended else mark + 1
            killer.again += 1
            if not killer.refresh(following):
                killer.wrong.append(f"the refresh after kill {number} failed")
            killer.check(f"after kill {number}", following, complete=True)
        return killer.report(time.monotonic() - started)


if __name__ == "__main__":
    sys.exit(main())
