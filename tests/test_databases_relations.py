"""Navigation columns of databases: their names, cells, types, queries, and what writes tables down."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
from database_tables import CREDENTIALS, Engine, engine_or_skip
from dataflows.making import make, refresh, result, rows

import mlang
from folding.engines import remote
from mlang.app.main import main
from mlang.connectors import relations, sql
from mlang.connectors.relations import default_names
from mlang.connectors.servers import Server
from mlang.session import Session, use

NAMES = ["SQLite", "PostgreSQL", "MySQL"]
SHOP = [
    "CREATE TABLE country (code char(2) PRIMARY KEY, label varchar(50) NOT NULL)",
    (
        "CREATE TABLE customers (id integer PRIMARY KEY, label varchar(50), country_code char(2), referrer_id integer, "
        "FOREIGN KEY (country_code) REFERENCES country(code), FOREIGN KEY (referrer_id) REFERENCES customers(id))"
    ),
    (
        "CREATE TABLE passports (customer_id integer PRIMARY KEY, number varchar(20), "
        "FOREIGN KEY (customer_id) REFERENCES customers(id))"
    ),
    (
        "CREATE TABLE orders (id integer PRIMARY KEY, customer_id integer, payer_id integer, amount integer, "
        "FOREIGN KEY (customer_id) REFERENCES customers(id), FOREIGN KEY (payer_id) REFERENCES customers(id))"
    ),
    (
        "CREATE TABLE items (order_id integer NOT NULL, line_no integer NOT NULL, product varchar(20), qty integer, "
        "PRIMARY KEY (order_id, line_no), FOREIGN KEY (order_id) REFERENCES orders(id))"
    ),
    (
        "CREATE TABLE shipments (id integer PRIMARY KEY, order_id integer, line_no integer, "
        "FOREIGN KEY (order_id, line_no) REFERENCES items(order_id, line_no))"
    ),
    "INSERT INTO country VALUES ('DE', 'Germany'), ('FR', 'France'), ('IT', 'Italy')",
    "INSERT INTO customers VALUES (1, 'Anna', 'DE', NULL), (2, 'Bert', 'FR', 1), (3, 'Cleo', NULL, 1)",
    "INSERT INTO passports VALUES (1, 'P1'), (3, 'P3')",
    "INSERT INTO orders VALUES (10, 1, 2, 5), (11, 1, NULL, 7), (12, 2, 1, 1), (13, NULL, NULL, 9)",
    "INSERT INTO items VALUES (10, 1, 'nut', 3), (10, 2, 'bolt', 4), (11, 1, 'nut', 1), (12, 1, 'gear', 2)",
    "INSERT INTO shipments VALUES (100, 10, 1), (101, 10, 2), (102, 12, 1), (103, 10, NULL)",
]
_TABLES = ("shipments", "items", "orders", "passports", "customers", "country")


#: Where the tables were made.
MADE: list[str] = []


@functools.cache
def shop(name: str) -> Engine:
    engine = engine_or_skip(name)
    engine.run(*[f"DROP TABLE IF EXISTS {table}" for table in _TABLES])
    engine.run(*SHOP)
    MADE.append(name)
    return engine


@pytest.fixture(autouse=True, scope="module")
def leave_no_keys() -> Iterator[None]:
    """Tables that others want to drop must not be held by foreign keys."""
    yield
    for name in MADE:
        shop(name).run(*[f"DROP TABLE IF EXISTS {table}" for table in _TABLES])


@pytest.fixture(params=NAMES)
def engine(request: pytest.FixtureRequest) -> Engine:
    return shop(request.param)


def written(engine: Engine, m: str, options: str = "CreateNavigationProperties = true") -> str:
    """M text: ``$orders`` is a table, ``@`` the prefix of a table's name."""
    source = engine.source.replace("CreateNavigationProperties = false", options)
    prefix = "" if engine.name == "SQLite" else f"{engine.schema}."
    m = m.replace("@", prefix)
    return re.sub(r"\$(\w+)", lambda k: f'{source}{{[Schema = "{engine.schema}", Item = "{k[1]}"]}}[Data]', m)


def said(engine: Engine, m: str, mode: str = "auto", **options: str) -> str:
    prefix = "" if engine.name == "SQLite" else f"{engine.schema}."
    try:
        found = mlang.to_m(engine.evaluate(written(engine, m, **options), mode))
    except mlang.MError as error:
        found = str(error)
    return found.replace(prefix, "@") if prefix else re.sub(r"\b(?=(customers|items|orders)\b)", "@", found)


def both(engine: Engine, m: str) -> str:
    """What it gives, folded and not."""
    found = said(engine, m)
    assert found == said(engine, m, "none")
    return found


def query(engine: Engine, m: str) -> str | None:
    with use(engine.session()):
        return mlang.explain(written(engine, m), credentials=CREDENTIALS)[-1].sql


# ---------------------------------------------------------------- names


def test_names(engine: Engine) -> None:
    names = engine.evaluate(written(engine, "Table.ColumnNames($customers)"))
    prefix = "" if engine.name == "SQLite" else f"{engine.schema}."
    assert names == ["id", "label", "country_code", "referrer_id"] + [
        prefix + n
        for n in (
            "country",
            "customers(id)",
            "customers(referrer_id)",
            "orders(id)",
            "orders(id) 2",
            "passports",
        )
    ]


def test_a_name_that_is_taken() -> None:
    assert default_names(["a", "b", "b 2"], [("a", ("x",)), ("b", ("x",)), ("c", ("x",))]) == [
        "a 2",
        "b 3",
        "c",
    ]
    assert default_names([], [("t", ("x", "y")), ("t", ("x", "y")), ("t", ("z",))]) == [
        "t(x, y)",
        "t(x, y) 2",
        "t(z)",
    ]


def test_names_that_a_function_gives(engine: Engine) -> None:
    made = """NavigationPropertyNameGenerator = (columns, links) => List.Transform(links, each
        Text.Combine([SourceKeys], "+") & ">" & Text.AfterDelimiter("." & [TargetTableName], ".", {0, RelativePosition.FromEnd})
        & (if [SingleTarget] and List.Contains(columns, "id") then "" else "?"))"""
    names = engine.evaluate(written(engine, "Table.ColumnNames($shipments)", made))
    assert names == ["id", "order_id", "line_no", "order_id+line_no>items"]
    wrong = 'NavigationPropertyNameGenerator = (columns, links) => List.Repeat({"id"}, List.Count(links))'
    assert "The field 'id' already exists in the record." in said(
        engine, "Table.ColumnNames($orders)", options=wrong
    )
    short = "NavigationPropertyNameGenerator = (columns, links) => {}"
    assert "argument is out of range" in said(engine, "Table.ColumnNames($orders)", options=short)
    no_function = "NavigationPropertyNameGenerator = 1"
    assert "We cannot convert the value 1 to type Function." in said(engine, "$orders", options=no_function)


def test_without_them(engine: Engine) -> None:
    off = "CreateNavigationProperties = false, NavigationPropertyNameGenerator = (a, b) => error 1"
    assert (
        said(engine, "Table.ColumnNames($orders)", options=off)
        == '{"id", "customer_id", "payer_id", "amount"}'
    )


# ---------------------------------------------------------------- cells and steps


@pytest.mark.parametrize(("m", "value"), [
    ('$orders{0}[#"@customers(customer_id)"][label]', '"Anna"'),
    ('$orders{3}[#"@customers(customer_id)"]', "null"),
    ('$customers{1}[@passports]', "null"),
    ('$customers{2}[@passports][number]', '"P3"'),
    ('Table.RowCount($orders{3}[@items])', "0"),
    ('$orders{[id = 10]}[@items]{[line_no = 2]}[product]', '"bolt"'),
    ('$shipments{3}[@items]', "null"),
    ('$items{1}[@shipments][id]', "{101}"),
    ('$orders{0}[#"@customers(customer_id)"][#"@orders(id)"][id]', "{10, 11}"),
    ('Table.RowCount($orders)', "4"),
    ('Table.Keys($orders)', '{[Columns = {"id"}, Primary = true]}'),
    ('Table.ExpandRecordColumn($orders, "@customers(customer_id)", {"label", "x"})[[amount], [label], [x]]',
     ('#table(type table [amount = nullable Int64.Type, label = nullable text, x = any], '
     '{{5, "Anna", null}, {7, "Anna", null}, {1, "Bert", null}, {9, null, null}})')),
    (('Table.ToRows(Table.ExpandTableColumn(Table.SelectRows($orders, each [amount] > 2), "@items", {"product"})'
     '[[id], [product]])'), '{{10, "nut"}, {10, "bolt"}, {11, "nut"}, {13, null}}'),
    (('Table.ToRows(Table.ExpandRecordColumn(Table.ExpandRecordColumn($orders, "@customers(customer_id)", '
     '{"label", "@country"}, {"l", "c"}), "c", {"label"})[[l], [label]])'),
     '{{"Anna", "Germany"}, {"Anna", "Germany"}, {"Bert", "France"}, {null, null}}'),
    (('Table.ToRows(Table.ExpandRecordColumn(Table.ExpandRecordColumn($orders, "@customers(customer_id)", {"label"}, '
     '{"l"}), "@customers(payer_id)", {"label"}, {"p"})[[l], [p]])'),
     '{{"Anna", "Bert"}, {"Anna", null}, {"Bert", "Anna"}, {null, null}}'),
    ('Table.ToRows(Table.ExpandRecordColumn($shipments, "@items", {"product"})[[id], [product]])',
     '{{100, "nut"}, {101, "bolt"}, {102, "gear"}, {103, null}}'),
    (('Table.ToRows(Table.AggregateTableColumn($orders, "@items", {{"qty", List.Sum, "q"}, {"qty", List.Count, "n"}})'
     '[[q], [n]])'), "{{7, 2}, {1, 1}, {2, 1}, {null, 0}}"),
    ('Table.AddColumn($orders, "n", each Table.RowCount([@items]))[n]', "{2, 1, 1, 0}"),
    ('Table.AddColumn($orders, "n", each [#"@customers(customer_id)"][label]?)[n]', '{"Anna", "Anna", "Bert", null}'),
    ('Table.AddColumn($items, "n", each [@orders][amount])[n]', "{5, 5, 7, 1}"),
    ('Table.SelectRows($customers, each Table.RowCount([#"@orders(id)"]) > 1)[id]', "{1}"),
    (('Table.Group(Table.ExpandRecordColumn($orders, "@customers(customer_id)", {"label"}), {"label"}, '
     '{{"n", each List.Sum([amount])}})[n]'), "{12, 1, 9}"),
    ('Table.Distinct($orders)[id]', "{10, 11, 12, 13}"),
    ('Table.RowCount(Table.Distinct(Table.SelectColumns($orders, {"@customers(customer_id)"})))', "3"),
    ('Table.Buffer($orders){0}[@items]{0}[product]', '"nut"'),
    ('$orders = $orders', "true"),
    ('$orders{0}[#"@customers(customer_id)"] = $customers{0}', "true"),
    ('Table.TransformColumns($orders, {{"@items", Table.RowCount}})[@items]', "{2, 1, 1, 0}"),
    ('Table.SelectRows(Table.Schema($orders), each [Kind] = "table" or [Kind] = "record")[[Kind], [IsNullable]]',
     ('#table(type table [Kind = text, IsNullable = nullable logical], '
     '{{"record", true}, {"record", true}, {"table", false}})')),
    ('Table.ToRows(Table.Combine({$orders, $orders})[[id], [@items]]){7}{1}[product]', "{}"),
    ('Table.RenameColumns($orders, {{"@items", "i"}}){1}[i][product]', '{"nut"}'),
    ('Table.ToRows(Table.ExpandTableColumn(Table.AddIndexColumn($orders, "i"), "@items", {"line_no"})[[i], [line_no]])',
     "{{0, 1}, {0, 2}, {1, 1}, {2, 1}, {3, null}}"),
    (('Table.ToRows(Table.ExpandTableColumn(Table.NestedJoin($customers[[id]], {"id"}, $orders, {"customer_id"}, "o"), '
     '"o", {"amount"}))'), "{{1, 5}, {1, 7}, {2, 1}, {3, null}}"),
])  # fmt: skip
def test_cells_and_steps(engine: Engine, m: str, value: str) -> None:
    assert both(engine, m) == value


def test_they_are_lazy(engine: Engine) -> None:
    """Types and texts of tables end, though related tables refer to each other."""
    shown = both(engine, "$items[[order_id], [line_no], [@orders]]")
    assert shown.endswith("{{10, 1, ...}, {10, 2, ...}, {11, 1, ...}, {12, 1, ...}})")
    assert "@orders = nullable record" in shown
    assert said(engine, "Value.Type($orders{0}[@items])").startswith("type table [order_id = ")
    assert said(engine, "Type.TableSchema(Value.Type($orders{0}[@items]))[Name]") == said(
        engine, "Table.ColumnNames($items)"
    )


def test_many_cells_read_the_other_table_once(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [[i, i % 20 + 1, None, i] for i in range(1000, 1060)]
    engine.run(
        *[f"INSERT INTO customers VALUES ({i}, 'C{i}', NULL, NULL)" for i in range(4, 21)],
        *[f"INSERT INTO orders VALUES ({a}, {b}, NULL, {d})" for a, b, _, d in rows],
    )
    asked: list[str] = []
    plain = Server.rows
    monkeypatch.setattr(
        Server, "rows", lambda self, sql, checks=None: asked.append(sql) or plain(self, sql, checks)
    )
    try:
        m = 'List.Transform(Table.Column($orders, "@customers(customer_id)"), each if _ = null then null else [label])'
        found = json.loads(said(engine, m).replace("{", "[").replace("}", "]"))
        assert len(found) == 64
        assert found[-1] == "C20"
        own = [text for text in asked if "customers" in text and "FROM" in text and "amount" not in text]
        assert len([text for text in own if "information_schema" not in text and "pg_" not in text]) < 25
    finally:
        engine.run("DELETE FROM orders WHERE id >= 1000", "DELETE FROM customers WHERE id > 3")


def test_rows_that_are_held_do_not_go_to_duckdb(engine: Engine) -> None:
    """Steps over related rows in memory, whose related rows are in the database."""
    m = "List.Transform({1..12}, (i) => Table.ToRows($orders{0}[@items][[product], [@shipments]]))"
    held = written(
        engine, f"let o = $orders, r = o{{0}}, all = {m.replace('$orders{0}', 'o{0}')} in List.Last(all)"
    )
    for mode in ("auto", "duckdb", "none"):
        found = engine.evaluate(f"List.Transform({held}, each Table.RowCount(_{{1}}))", mode)
        assert mlang.to_m(found) == "{1, 1}"


# ---------------------------------------------------------------- queries


def test_queries(engine: Engine) -> None:
    off = said(engine, "1", options="CreateNavigationProperties = false")
    assert off == "1"
    expanded = query(engine, 'Table.ExpandRecordColumn(Table.SelectRows($orders, each [amount] > 2), '
                     '"@customers(customer_id)", {"label"})[[id], [label]]')  # fmt: skip
    assert expanded is not None
    assert expanded.count("LEFT JOIN") == 1
    assert expanded.count("SELECT") == 3
    two = query(engine, 'Table.ExpandRecordColumn(Table.ExpandRecordColumn($shipments, "@items", {"product", "@orders"}), '
                '"@orders", {"amount"})')  # fmt: skip
    assert two is not None
    assert two.count("LEFT JOIN") == 2
    counted = query(
        engine, 'Table.AddColumn($orders, "n", each Table.RowCount([@items]) + Table.RowCount([@items]))'
    )
    assert counted is not None
    assert counted.count("LEFT JOIN") == counted.count("GROUP BY") == 1  # no scan for each row
    ordered = query(
        engine, 'Table.Sort(Table.AddColumn($orders, "s", each List.Sum([@items][qty])), {"s"})[[id]]'
    )
    assert ordered is not None
    assert "GROUP BY" in ordered
    drilled = query(engine, "$orders{[id = 10]}[@items]")
    assert drilled is not None
    assert "= 10" in drilled


def test_columns_that_nobody_uses_cost_nothing(engine: Engine) -> None:
    for m in (
        "Table.SelectRows($orders, each [amount] > 2)[[id], [amount]]",
        'Table.Sort($orders, {"amount"})[[id]]', 'Table.Group($orders, {"customer_id"}, {{"n", Table.RowCount}})',
        'Table.Join($orders[[id], [amount]], "id", $items, "order_id")[[id], [product]]',
        '$shipments[[id]]', '$orders', 'Table.FirstN($orders, 2)',
    ):  # fmt: skip
        with use(engine.session()):
            plain = written(engine, m, "CreateNavigationProperties = false")
            assert query(engine, m) == mlang.explain(plain, credentials=CREDENTIALS)[-1].sql


# ---------------------------------------------------------------- what writes tables down


def ran(*arguments: str) -> Any:
    with pytest.raises(SystemExit) as ended:
        main(list(arguments))
    return ended.value.code


def test_files_leave_them_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    engine = shop("SQLite")
    source = tmp_path / "a.pq"
    source.write_text(written(engine, "$orders"), encoding="utf-8")
    for ending in ("csv", "json", "parquet", "arrow", "xlsx"):
        assert ran("run", str(source), "-o", str(tmp_path / f"out.{ending}")) == 0
        said = capsys.readouterr().err
        assert (
            "Left out columns that lead to related tables: customers(customer_id), customers(payer_id), items."
            in said
        )
    head, first = (tmp_path / "out.csv").read_text().splitlines()[:2]
    assert head == "id,customer_id,payer_id,amount"
    assert first == "10,1,2,5"
    assert json.loads((tmp_path / "out.json").read_text())[3] == {
        "id": 13, "customer_id": None, "payer_id": None, "amount": 9,
    }  # fmt: skip
    assert ran("run", str(source)) == 0
    assert capsys.readouterr().out.splitlines()[2].split() == [
        "10",
        "1",
        "2",
        "5",
        "[Record]",
        "[Record]",
        "[Table]",
    ]


def test_staging_and_destinations_leave_them_out(tmp_path: Path) -> None:
    engine = shop("SQLite")
    place = make(
        tmp_path,
        f"""
        [DataDestinations = {{[Definition = [Kind = "Reference", QueryName = "T"], Settings = [Kind = "Automatic"]]}}]
        shared D = {written(engine, "$orders")};
        shared A = {written(engine, "$orders")};
        shared B = Table.ExpandTableColumn(A, "items", {{"qty"}});
        shared C = let t = {written(engine, "$items")} in Table.ExpandRecordColumn(t, "orders", {{"amount"}});
        shared T = DuckDB.Database("out/x.duckdb"){{[Schema = "main", Item = "T"]}}?[Data]?;
        """,
        unstaged=("D",),
    )
    run = refresh(place, "A", "C", "D")
    assert run.status == "Completed", run
    left = (
        "leaves out columns that lead to related tables: customers(customer_id), customers(payer_id), items"
    )
    assert result(run, "A").note == left
    assert rows(place, "A")[0] == (10.0, 1.0, 2.0, 5.0)
    assert result(run, "D", "Activity").note == left
    with duckdb.connect(str(place / "out" / "x.duckdb"), read_only=True) as connection:
        assert connection.execute("FROM T").fetchone() == (10, 1, 2, 5)
    assert result(run, "C").note == "leaves out columns that lead to related tables: shipments"
    assert rows(place, "C")[3] == (12.0, 1.0, "gear", 2.0, 1.0)


def test_python_gets_them_left_out() -> None:
    engine = shop("SQLite")
    table = engine.evaluate(written(engine, "$orders"))
    assert table.to_arrow().column_names == ["id", "customer_id", "payer_id", "amount"]
    assert mlang.to_python(table)[0] == {"id": 10, "customer_id": 1, "payer_id": 2, "amount": 5}
    row = engine.evaluate(written(engine, "$orders{0}"))
    assert mlang.to_python(row) == {"id": 10, "customer_id": 1, "payer_id": 2, "amount": 5}
    nested = engine.evaluate(written(engine, '#table({"t"}, {{$orders}})'))
    assert nested.to_arrow().to_pylist()[0]["t"][0] == {
        "id": 10,
        "customer_id": 1,
        "payer_id": 2,
        "amount": 5,
    }
    held = engine.evaluate(written(engine, '#table({"t"}, {{$orders{0}}})'))
    assert held.to_arrow().to_pylist() == [{"t": {"id": 10, "customer_id": 1, "payer_id": 2, "amount": 5}}]
    assert said(engine, "Text.FromBinary(Json.FromValue($items{0}))") == (
        '"{""order_id"":10,""line_no"":1,""product"":""nut"",""qty"":3}"'
    )


# ---------------------------------------------------------------- SQL Server: text only


def test_catalogue_rows_of_sql_server(monkeypatch: pytest.MonkeyPatch) -> None:
    server = sql.SqlServer("nowhere", "db", {})
    answers = {
        "sys.objects o JOIN sys.schemas": [("dbo", "a", "U ", 1), ("x", "b", "U ", 2)],
        "foreign_key_columns": [(9, "x", "b", "a_id", "dbo", "a", "id")],
        "sys.indexes i JOIN sys.objects": [(1, "dbo", "a", "id"), (1, "x", "b", "a_id")],
    }

    def ask(text: str) -> list[Any]:
        if "sys.columns c WHERE" in text:
            return [("id", "int", False, 0, 10)] if "= 1 ORDER" in text else [("a_id", "int", True, 0, 10)]
        return next((rows for part, rows in answers.items() if part in text), [])

    monkeypatch.setattr(server, "ask", ask)
    entries = sql._entries(server)
    relations.Relations(server, entries, sql._foreign_keys, None)
    with use(Session()):
        assert entries[0].open().names == ("id", "x.b")
        assert entries[1].open().names == ("a_id", "a")
        assert entries[0].open().type.types[1].kind == "record"  # a_id is a key of b, too
        made = remote.compiled(entries[0].open().plan)
        assert len(made[0].columns) == 2
