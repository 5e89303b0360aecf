"""The same rules for every table destination, on real engines: create, replace, append, schemas, failures, mappings.

PostgreSQL and MariaDB are started for the tests where they are installed.  Targets and SQL Server's statements are in
test_destination_targets.py.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import duckdb
import pytest
from database_tables import CREDENTIALS, engine_or_skip
from dataflows.making import make, refresh, result
from test_destination_targets import HOUSE, LAKE

from staging.history import QueryRun

TABLE_END = '{[Schema = "%s", Item = "T"]}?[Data]?'
KINDS = ("PostgreSQL", "MySQL", "DuckDB", "SQLite", "Lakehouse", "Warehouse")


class Place:
    """A destination of one kind, with a way to look into it."""

    def __init__(self, kind: str, folder: Path) -> None:
        self.kind, self.folder = kind, folder
        self.quote = "`" if kind == "MySQL" else '"'
        if kind in ("PostgreSQL", "MySQL"):
            self.engine = engine_or_skip(kind)
            self.options = {"prepare": False} if kind == "PostgreSQL" else {}
            self.m = self.engine.source.replace(", [CreateNavigationProperties = false]", "")
            self.m += TABLE_END % self.engine.schema
            self.run(f"DROP TABLE IF EXISTS {self.quote}T{self.quote}")
        elif kind == "DuckDB":
            self.m = 'DuckDB.Database("out.duckdb")' + TABLE_END % "main"
        elif kind == "SQLite":
            self.m = 'SQLite.Database("out.sqlite")' + TABLE_END % "main"
        elif kind == "Lakehouse":
            pytest.importorskip("deltalake")
            self.m = LAKE + '{[Id = "T", ItemKind = "Table"]}?[Data]?'
        else:
            self.m = HOUSE + TABLE_END % "dbo"

    def run(self, sql: str) -> list[tuple[Any, ...]]:
        sql = sql.replace('"', self.quote)
        if self.kind in ("PostgreSQL", "MySQL"):
            cursor = self.engine.connection.cursor()  # type: ignore[attr-defined]
            cursor.execute(sql, **self.options)
            return list(cursor.fetchall()) if cursor.description else []
        if self.kind == "SQLite":
            with sqlite3.connect(self.folder / "t.Dataflow" / "out.sqlite") as connection:
                return connection.execute(sql).fetchall()
        if self.kind == "Lakehouse":
            import deltalake

            T = deltalake.DeltaTable(str(self.delta)).to_pyarrow_table()
            assert T is not None
            return duckdb.sql(sql).fetchall()
        path = self.folder / "t.Dataflow" / "out.duckdb"
        if self.kind == "Warehouse":
            path = self.folder / ".mlang" / "dw.Warehouse" / "warehouse.duckdb"
            sql = sql.replace('"T"', 'dbo."T"')
        with duckdb.connect(str(path)) as connection:
            return connection.execute(sql).fetchall()

    @property
    def delta(self) -> Path:
        return self.folder / ".mlang" / "shop.Lakehouse" / "Tables" / "T"

    def load(self, table: str, settings: str = 'Kind = "Automatic"', unstaged: bool = False) -> QueryRun:
        place = make(
            self.folder,
            f"""
            [DataDestinations = {{[Definition = [Kind = "Reference", QueryName = "D"], Settings = [{settings}]]}}]
            shared A = {table};
            shared D = {self.m};
            """,
            unstaged=("A",) if unstaged else (),
        )
        run = refresh(place, session={"credentials": CREDENTIALS})
        return result(run, "A", "Activity")

    def rows(self) -> list[tuple[Any, ...]]:
        return sorted(self.run('SELECT * FROM "T"'), key=repr)


@pytest.fixture(params=KINDS)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    return Place(request.param, tmp_path)


TWO = '#table(type table [a = nullable number, b = nullable text], {{1, "x"}, {2, null}})'
APPEND = 'Kind = "Manual", UpdateMethod = [Kind = "Append"]'
FIXED = 'Kind = "Manual", UpdateMethod = [Kind = "Replace"], DynamicSchema = false'
DYNAMIC = 'Kind = "Manual", UpdateMethod = [Kind = "Replace"], DynamicSchema = true'


def good(found: QueryRun) -> QueryRun:
    assert found.status == "Completed", found.error
    return found


def failed(found: QueryRun) -> str:
    assert found.status == "Failed", found
    return str(found.error)


def test_new_replace_and_append(place: Place) -> None:  # 21, 22, 23
    assert good(place.load(TWO)).rows == 2
    good(place.load(TWO))
    assert place.rows() == [(1.0, "x"), (2.0, None)]
    good(place.load(TWO, APPEND))
    assert len(place.rows()) == 4
    good(place.load(TWO, FIXED))
    assert len(place.rows()) == 2
    good(place.load("#table(type table [a = nullable number], {})", FIXED))
    assert place.rows() == []


def test_schemas(place: Place) -> None:  # 23
    good(place.load(TWO))
    other = '#table(type table [a = nullable number, c = nullable text], {{3, "z"}})'
    assert "has no column 'c'; its schema is fixed" in failed(place.load(other, FIXED))
    assert "has no column 'c'" in failed(place.load(other, APPEND))
    assert len(place.rows()) == 2
    if place.kind == "Warehouse":  # always fixed
        assert "has no column 'c'" in failed(place.load(other, DYNAMIC))
        return
    good(place.load(other, DYNAMIC))
    assert place.rows() == [(3.0, "z")]
    good(place.load("#table(type table [c = nullable text], {})", FIXED))
    assert place.run('SELECT COUNT(*) FROM "T"') == [(0,)]


def test_a_column_that_the_query_has_not_is_null(place: Place) -> None:
    good(place.load(TWO))
    good(place.load('#table(type table [B = nullable text], {{"q"}})', FIXED))  # case does not count
    assert place.rows() == [(None, "q")]


def test_creation_and_mapping(place: Place) -> None:
    assert "AllowCreation is false" in failed(place.load(TWO, 'Kind = "Manual", AllowCreation = false'))
    mapping = 'ColumnSettings = [Mappings = {[SourceColumnName = "b", DestinationColumnName = "Text"]}]'
    good(place.load(TWO, f'Kind = "Manual", AllowCreation = true, {mapping}'))
    assert place.rows() == [("x",), (None,)] or place.rows() == [(None,), ("x",)]


def test_nulls(place: Place) -> None:  # 27
    good(place.load(TWO))
    error = failed(place.load("#table(type table [a = number, b = nullable text], {{null, null}})", FIXED))
    assert (
        "DataFormat.Error: Error in replacing table's content with new data in a version: #{0}., "
        "InnerException: We can't insert null data into a non-nullable column." in error
    )
    assert len(place.rows()) == 2


def test_texts_of_every_kind(place: Place) -> None:
    texts = [
        "",
        " ",
        "tab\there",
        "line\nbreak",
        "cr\rlf",
        "back\\slash",
        "\\N",
        "quote'\"`",
        "ÄÖ€😀",
        "a,b",
        "%s",
    ]
    listed = ", ".join("{" + '"' + t.replace('"', '""').replace("\t", "#(tab)").replace("\n", "#(lf)")
                       .replace("\r", "#(cr)") + '"}' for t in texts)  # fmt: skip
    good(place.load(f"#table(type table [b = text], {{{listed}}})"))
    assert sorted(v for (v,) in place.run('SELECT * FROM "T"')) == sorted(texts)


def test_numbers(place: Place) -> None:
    values = [0.1, -0.0, 1e300, 5e-324, 123456789012345.6, 2.0**53]
    listed = ", ".join("{" + repr(v).replace("e-", "E-").replace("e+", "E+") + "}" for v in values)
    good(place.load(f"#table(type table [a = number], {{{listed}}})"))
    assert sorted(v for (v,) in place.run('SELECT * FROM "T"')) == sorted(values)
    whole = "#table(type table [a = Int64.Type, b = Int32.Type, c = Int8.Type], {{9007199254740993, -5, 7}})"
    if place.kind == "Warehouse":
        place.run('DROP TABLE "T"')
    good(place.load(whole))
    assert place.rows() == [(9007199254740993, -5, 7)]


def test_not_a_number(place: Place) -> None:
    found = place.load("#table(type table [a = number], {{1}, {#nan}, {#infinity}})")
    if place.kind in ("MySQL", "SQLite"):
        assert "NaN" in failed(found)
    else:
        good(found)
        assert place.run('SELECT COUNT(*) FROM "T"') == [(3,)]


TEMPORAL = """#table(type table [d = date, t = nullable datetime],
    {{#date(2024, 2, 29), #datetime(2024, 12, 31, 23, 59, 59.123456)}, {#date(1, 1, 1), null}})"""


def test_dates(place: Place) -> None:
    good(place.load(TEMPORAL))
    first, last = place.run('SELECT * FROM "T" ORDER BY d')
    assert str(first[0]) == "0001-01-01"
    assert first[1] is None
    assert str(last[0]) == "2024-02-29"
    assert str(last[1]).replace("T", " ") == "2024-12-31 23:59:59.123456"


ZONED = "#table(type table [z = datetimezone], {{#datetimezone(2024, 1, 1, 0, 30, 0, 2, 0)}})"
CLOCK = "#table(type table [h = time], {{#time(23, 59, 58)}})"
SPAN = "#table(type table [u = duration], {{#duration(-1, 2, 0, 0)}})"
MONEY = "#table(type table [c = Currency.Type], {{3.25}})"
BYTES = "#table(type table [x = binary], {{#binary({0, 39, 92, 255})}})"
#: Which destination takes which type.
TAKES = {
    "PostgreSQL": (ZONED, CLOCK, SPAN, MONEY, BYTES), "MySQL": (ZONED, CLOCK, MONEY, BYTES),
    "DuckDB": (ZONED, CLOCK, SPAN, MONEY, BYTES), "SQLite": (ZONED, CLOCK, SPAN, MONEY, BYTES),
    "Lakehouse": (MONEY,), "Warehouse": (),
}  # fmt: skip


@pytest.mark.parametrize("table", [ZONED, CLOCK, SPAN, MONEY, BYTES])
def test_types_that_some_destinations_refuse(place: Place, table: str) -> None:  # 26
    found = place.load(table, unstaged=table is BYTES)
    if table not in TAKES[place.kind]:
        assert "is unsupported by the destination" in failed(found)
        return
    good(found)
    (name,) = table.split("[")[1].split(" ")[:1]
    wanted = f"CAST({name} AS VARCHAR)" if place.kind == "DuckDB" and table is not BYTES else name
    ((value,),) = place.run(f'SELECT {wanted} FROM "T"')
    text = str(value)
    if table is ZONED:
        assert "2023-12-31" in text.replace("2024-01-01 01:30", "2023-12-31")
    elif table is CLOCK:
        assert text in ("23:59:58", "23:59:58.000000")
    elif table is MONEY:
        assert float(value) == 3.25
    elif table is BYTES:
        assert bytes(value) == bytes([0, 39, 92, 255])
    else:
        assert "22:00:00" in text or "2:00:00" in text


def test_untyped_columns(place: Place) -> None:  # 26
    assert "column 'a' of type any can't be loaded to a destination" in failed(
        place.load('#table({"a"}, {{1}})', unstaged=True)
    )


def test_names_that_differ_in_case(place: Place) -> None:  # 28
    error = failed(place.load("#table(type table [MyColumn = number, mycolumn = number], {{1, 2}})"))
    assert "'MyColumn' occurs twice (case does not count)" in error


def test_a_late_failure_leaves_the_old_rows(place: Place) -> None:
    good(place.load(TWO))
    bad = """Table.FromColumns({List.Transform({1..70001}, each if _ = 70000 then #datetime(1, 1, 1, 0, 0, 0.0000001)
        else #datetime(2024, 1, 1, 0, 0, 0))}, type table [a = datetime])"""
    for settings in ('Kind = "Automatic"', DYNAMIC):
        kept = place.kind == "Warehouse"  # its columns always stay as they are
        said = "Conversion Error" if kept else "ticks below a microsecond"
        assert said in failed(place.load(bad, settings))
        assert place.rows() == [(1.0, "x"), (2.0, None)]


def test_the_engine_refuses_one_row(place: Place) -> None:
    if place.kind == "Lakehouse":
        pytest.skip("Delta tables of this writer have no constraints")
    good(place.load(TWO))  # makes the file or schema
    place.run('DROP TABLE "T"')
    place.run('CREATE TABLE "T" (a double precision CHECK (a <> 99999))')
    place.run('INSERT INTO "T" VALUES (7)')
    many = "Table.FromColumns({List.Numbers(1, 100000)}, type table [a = number])"
    for settings in (FIXED, APPEND):
        failed(place.load(many, settings))
        assert place.rows() == [(7.0,)]


def test_fractions_are_not_rounded_away(place: Place) -> None:
    good(place.load("#table(type table [a = Int64.Type], {{1}})"))
    good(place.load("#table(type table [a = number], {{2}})", FIXED))
    assert place.rows() == [(2,)]
    found = place.load("#table(type table [a = number], {{2.5}})", FIXED)
    if place.kind == "SQLite":
        good(found)  # columns have no strict types there: nothing is lost
    else:
        failed(found)
        assert place.rows() == [(2,)]


def test_odd_names(place: Place) -> None:
    odd = '#table(type table [#"a b" = number, #"x""y`z" = text], {{1, "q"}})'
    found = place.load(odd)
    if place.kind == "Lakehouse":
        assert "can't be a column of a lakehouse table" in failed(found)
    else:
        good(found)
        assert place.rows() == [(1.0, "q")]


# ---------------------------------------------------------------- single engines


def test_a_schema_is_made(tmp_path: Path) -> None:  # 29
    place = Place("PostgreSQL", tmp_path)
    place.run('DROP SCHEMA IF EXISTS "other" CASCADE')
    place.m = place.m.replace('"public"', '"other"').replace('Item = "T"]', 'Item = "my table"]')
    good(place.load(TWO))
    assert place.run('SELECT COUNT(*) FROM other."my table"') == [(2,)]


def test_dependents_survive_a_dynamic_replace(tmp_path: Path) -> None:  # 23
    place = Place("PostgreSQL", tmp_path)
    good(place.load(TWO))
    place.run('CREATE VIEW v AS SELECT a FROM "T"')
    good(place.load(TWO, DYNAMIC))
    assert place.run("SELECT COUNT(*) FROM v") == [(2,)]
    error = failed(place.load(TWO))  # automatic drops, and the view forbids it
    assert "depend" in error
    place.run("DROP VIEW v")
    assert len(place.rows()) == 2


def test_what_a_killed_load_left_is_removed(tmp_path: Path) -> None:
    place = Place("MySQL", tmp_path)
    place.run('CREATE TABLE "T~mlang_new" (x int)')
    place.run('CREATE TABLE "T~mlang_old" (x int)')
    good(place.load(TWO))
    left = place.run("SELECT table_name FROM information_schema.tables WHERE table_name LIKE 'T~%'")
    assert left == []


def test_engines_without_transactions_are_refused(tmp_path: Path) -> None:
    place = Place("MySQL", tmp_path)
    place.run('CREATE TABLE "T" (a double, b text) ENGINE = MyISAM')
    assert "engine MyISAM, which can't undo" in failed(place.load(TWO, APPEND))


def test_wrong_credentials(tmp_path: Path) -> None:
    place = Place("MySQL", tmp_path)
    text = (
        f'[DataDestinations = {{[Definition = [QueryName = "D"]]}}] shared A = {TWO}; shared D = {place.m};'
    )
    credentials = {("MySQL", ""): {"Username": "nobody", "Password": "secret-9"}}
    found = result(refresh(make(tmp_path, text), session={"credentials": credentials}), "A", "Activity")
    assert "The credentials provided for the MySQL source are invalid." in failed(found)
    assert "secret-9" not in str(found.error)


def test_no_server(tmp_path: Path) -> None:
    text = f"""[DataDestinations = {{[Definition = [QueryName = "D"]]}}] shared A = {TWO};
        shared D = PostgreSQL.Database("127.0.0.1:9", "x"){{[Schema = "public", Item = "T"]}}?[Data]?;"""
    assert "PostgreSQL 127.0.0.1:9;x: public.T" in failed(
        result(refresh(make(tmp_path, text)), "A", "Activity")
    )


def test_lakehouse_files(tmp_path: Path) -> None:  # 25
    for name, first in (("a.csv", b"a,b\r\n1,x"), ("a.parquet", b"PAR1")):
        found = Place("DuckDB", tmp_path)
        found.m = LAKE + f'{{[Id = "Files", ItemKind = "Folder"]}}[Data]{{[Name = "{name}"]}}?[Content]?'
        good(found.load(TWO))
        assert (tmp_path / ".mlang/shop.Lakehouse/Files" / name).read_bytes().startswith(first)


def test_default_destination_of_a_warehouse_appends(tmp_path: Path) -> None:  # 24
    text = f"""
        [DefaultOutputDestinationSettings = [DestinationDefinition = [Kind = "Reference", QueryName = "Default"]%s]]
        section Section1;
        [BindToDefaultDestination = true] shared T = {TWO};
        shared Default = {HOUSE};
    """
    place = Place("Warehouse", tmp_path)
    for _ in range(2):
        assert refresh(make(tmp_path, text % "")).status == "Completed"
    assert len(place.rows()) == 4
    refresh(make(tmp_path, text % ', UpdateMethod = [Kind = "Replace"]'))
    assert len(place.rows()) == 2


def test_delta_versions(tmp_path: Path) -> None:
    import deltalake

    place = Place("Lakehouse", tmp_path)
    for settings in ('Kind = "Automatic"', APPEND, DYNAMIC):
        good(place.load(TWO, settings))
    table = deltalake.DeltaTable(str(place.delta))
    assert table.version() == 2
    assert deltalake.DeltaTable(str(place.delta), version=1).to_pyarrow_table().num_rows == 4
    failed(place.load("#table(type table [a = number], {{null}})"))
    assert deltalake.DeltaTable(str(place.delta)).version() == 2


def test_a_folder_with_other_files_is_no_delta_table(tmp_path: Path) -> None:
    place = Place("Lakehouse", tmp_path)
    place.delta.mkdir(parents=True)
    (place.delta / "mine.txt").write_text("x", encoding="utf-8")
    assert "is a folder with other files" in failed(place.load(TWO))


def test_what_was_loaded_can_be_read(tmp_path: Path) -> None:  # 19
    from mlang.values.thunk import force

    lake, house = Place("Lakehouse", tmp_path), Place("Warehouse", tmp_path)
    good(lake.load(TWO))
    good(house.load(TWO))
    files = Place("DuckDB", tmp_path)
    files.m = LAKE + '{[Id = "Files", ItemKind = "Folder"]}[Data]{[Name = "a.csv"]}?[Content]?'
    good(files.load(TWO))
    start = "Lakehouse.Contents([]){0}[Data]"
    queries = {
        "A": start + '{[lakehouseId = "shop"]}[Data]{[Id = "T", ItemKind = "Table"]}[Data]',
        "B": 'Fabric.Warehouse([]){0}[Data]{[warehouseId = "dw"]}[Data]{[Schema = "dbo", Item = "T"]}[Data]',
        "C": start + '{[lakehouseId = "shop"]}[Data]{[Id = "Files", ItemKind = "Folder"]}[Data]{0}[Name]',
        "D": "Table.RowCount(" + start + ")",
    }
    reader = make(tmp_path, "\n".join(f"shared {n} = {m};" for n, m in queries.items()), name="reader")
    import mlang

    def value(m: str) -> Any:
        return mlang.evaluate(m, base_dir=str(reader))

    assert [tuple(force(c) for c in row) for row in value(queries["A"]).rows()] == [(1.0, "x"), (2.0, None)]
    assert [tuple(force(c) for c in row) for row in value(queries["B"]).rows()] == [(1.0, "x"), (2.0, None)]
    assert value(queries["C"]) == "a.csv"
    assert value(queries["D"]) == 2.0
