"""Database connectors: navigation, types, native queries, errors, credentials, joins across sources."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from database_tables import CREDENTIALS, Engine, engine_or_skip

import mlang
from folding.engines import remote
from mlang.connectors import sql
from mlang.connectors.databases import COMMON, table_over
from mlang.connectors.native import bound
from mlang.connectors.servers import Server
from mlang.session import Session, use

NAMES = ["SQLite", "PostgreSQL", "MySQL"]


@pytest.fixture(params=NAMES)
def engine(request: pytest.FixtureRequest) -> Engine:
    return engine_or_skip(request.param)


def said(engine: Engine, m: str, mode: str = "auto") -> str:
    try:
        return mlang.to_m(engine.evaluate(m, mode))
    except mlang.MError as error:
        return str(error)


def both(engine: Engine, m: str) -> str:
    """What it gives, folded and not."""
    found = said(engine, m)
    assert found == said(engine, m, "none")
    return found


# ---------------------------------------------------------------- navigation


def test_navigation(engine: Engine) -> None:
    engine.make("nav", {"a": "whole"}, [[1.0]])
    listing = engine.source
    names = {"SQLite": "nav", "PostgreSQL": "public.nav", "MySQL": "test.nav"}
    row = f'{listing}{{[Schema = "{engine.schema}", Item = "nav"]}}'
    assert both(engine, f"{row}[Name]") == f'"{names[engine.name]}"'
    assert both(engine, f"{row}[Kind]") == '"Table"'
    assert both(engine, f"Table.ColumnNames({listing})") == '{"Name", "Data", "Schema", "Item", "Kind"}'
    assert both(engine, f"Table.Keys({listing})") == '{[Columns = {"Schema", "Item"}, Primary = true]}'
    nested = listing.replace("= false]", "= false, HierarchicalNavigation = true]")
    inner = f'{nested}{{[Schema = "{engine.schema}"]}}[Data]{{[Name = "nav"]}}[Data]'
    assert both(engine, f"{inner}[[a]]") == "#table(type table [a = nullable Int64.Type], {{1}})"
    assert "didn't match any rows" in both(
        engine, f'{listing}{{[Schema = "{engine.schema}", Item = "none"]}}[Data]'
    )


def test_views_and_tables_without_a_key(engine: Engine) -> None:
    name = engine.quoted("heap")
    engine.run(
        f"DROP TABLE IF EXISTS {name}",
        f"CREATE TABLE {name} (a integer)",
        f"INSERT INTO {name} VALUES (3), (1), (2)",
    )
    view = engine.quoted("seen")
    engine.run(f"DROP VIEW IF EXISTS {view}", f"CREATE VIEW {view} AS SELECT a FROM {name} WHERE a > 1")
    heap, seen = engine.reads("heap"), engine.reads("seen")
    assert both(engine, f'Table.Sort({heap}, "a")[a]') == "{1, 2, 3}"
    assert both(engine, f"List.Sort({seen}[a])") == "{2, 3}"
    assert both(engine, f"Table.RowCount(Table.SelectRows({seen}, each [a] > 2))") == "1"
    assert both(engine, f'{engine.source}{{[Schema = "{engine.schema}", Item = "seen"]}}[Kind]') == '"View"'


def test_names_are_quoted(engine: Engine) -> None:
    odd = 'a"b`c]d' if engine.name != "MySQL" else "a'b]c"
    quoted = (
        "`" + odd.replace("`", "``") + "`" if engine.name == "MySQL" else '"' + odd.replace('"', '""') + '"'
    )
    engine.run(
        f"DROP TABLE IF EXISTS {quoted}",
        f"CREATE TABLE {quoted} ({quoted} integer)",
        f"INSERT INTO {quoted} VALUES (1)",
    )
    m = f'{engine.source}{{[Schema = "{engine.schema}", Item = "{odd.replace(chr(34), chr(34) * 2)}"]}}[Data]'
    assert both(engine, f"Table.SelectRows({m}, each List.First(Record.FieldValues(_)) = 1)").endswith(
        "{{1}})"
    )


# ---------------------------------------------------------------- types


def test_types_of_postgresql() -> None:
    engine = engine_or_skip("PostgreSQL")
    engine.run(
        "DROP TABLE IF EXISTS types",
        "CREATE TABLE types (id int PRIMARY KEY, n numeric(20, 4), t timestamptz, i interval, u uuid, j jsonb, c time, "
        "y bytea, p char(4), a int[], f real, big bigint)",
        "INSERT INTO types VALUES (1, 12.5, '2020-01-31 10:00:00+02', '1 day 2 hours', '00000000-0000-0000-0000-00000000000A', "
        "'{\"a\": 1}', '10:11:12.5', '\\x00ff', 'ab', '{1,2}', 0.1, 9007199254740993)",
    )
    row = f"{engine.reads('types')}{{0}}"
    assert both(engine, f"{row}[n] = 12.5") == "true"
    assert both(engine, f"{row}[t]") == "#datetimezone(2020, 1, 31, 8, 0, 0, 0, 0)"
    assert both(engine, f"{row}[i]") == "#duration(1, 2, 0, 0)"
    assert both(engine, f"{row}[u]") == '"00000000-0000-0000-0000-00000000000a"'
    assert both(engine, f"{row}[c]") == "#time(10, 11, 12.5)"
    assert both(engine, f"{row}[p]") == '"ab  "'
    assert both(engine, f"{row}[a]") == '"{1,2}"'
    assert both(engine, f"{row}[f]") == "0.10000000149011612"
    assert both(engine, f"{row}[big]") == "9007199254740993"
    fields = f'Table.SelectRows(Table.Schema({engine.reads("types")}), each [Name] = "n" or [Name] = "u")[TypeName]'
    assert both(engine, fields) == '{"Number.Type", "Guid.Type"}'


def test_domains_and_types_that_travel_as_text() -> None:
    engine = engine_or_skip("PostgreSQL")
    engine.run(
        "DROP TABLE IF EXISTS unusual", "DROP DOMAIN IF EXISTS small, positive, label", "DROP TYPE IF EXISTS mood",
        "CREATE TYPE mood AS ENUM ('a', 'b')", "CREATE DOMAIN positive AS int CHECK (value > 0)",
        "CREATE DOMAIN small AS positive CHECK (value < 9)", "CREATE DOMAIN label AS varchar(5)",
        "CREATE TABLE unusual (id int PRIMARY KEY, s small, l label, m mood, p point, i inet, c money, r int4range)",
        "INSERT INTO unusual VALUES (1, 3, 'x', 'a', '(1,2)', '10.0.0.1', 12.5, '[1,3)'), (2, 8, 'y', 'b', NULL, NULL, -1, NULL)",
    )  # fmt: skip
    t = engine.reads("unusual")
    assert both(engine, f"Table.SelectRows({t}, each [s] > 4 and [l] <> null)[id]") == "{2}"
    assert both(engine, f'Table.SelectRows({t}, each [m] = "a")[[s], [l], [p], [i], [r]]{{0}}') == (
        '[s = 3, l = "x", p = "(1,2)", i = "10.0.0.1/32", r = "[1,3)"]'
    )
    assert both(engine, f"{t}[c] = {{12.5, -1}}") == "true"


def test_what_m_has_not_is_an_error_cell() -> None:
    engine = engine_or_skip("PostgreSQL")
    engine.run(
        "DROP TABLE IF EXISTS strange", "CREATE TABLE strange (id int PRIMARY KEY, d date, s timestamp)",
        "INSERT INTO strange VALUES (1, 'infinity', '2020-01-01'), (2, '2020-01-31', '-infinity'), (3, '0044-03-15 BC', NULL)",
    )  # fmt: skip
    t = engine.reads("strange")
    assert both(engine, f'Table.RowCount(Table.RemoveRowsWithErrors({t}, {{"d"}}))') == "1"
    assert "isn't supported" in both(engine, f"Table.SelectRows({t}, each [d] > #date(2000, 1, 1))")
    assert both(engine, f"Table.SelectRows({t}, each [id] = 2)[d]") == "{#date(2020, 1, 31)}"


def test_types_of_mysql() -> None:
    engine = engine_or_skip("MySQL")
    engine.run(
        "SET sql_mode = ''",
        "DROP TABLE IF EXISTS types",
        "CREATE TABLE types (id int PRIMARY KEY, b tinyint(1), u bigint unsigned, n decimal(10, 2), c time(1), d date, "
        "e enum('x', 'Y'), y blob, k char(4), v varchar(9) COLLATE utf8mb4_general_ci, f float)",
        "INSERT INTO types VALUES (1, 2, 18446744073709551615, 12.5, '-25:00:01.5', '0000-00-00', 'Y', X'00FF', 'ab', 'a ', 0.1), "
        "(2, 0, 5, NULL, NULL, '2020-01-31', 'x', NULL, NULL, 'A', NULL)",
    )
    t = engine.reads("types")
    assert both(engine, f"{t}[b]") == "{true, false}"
    assert both(engine, f"{t}[u]") == "{18446744073709551615, 5}"
    assert both(engine, f"{t}{{0}}[c]") == "#duration(-1, -1, 0, -1.5)"
    assert both(engine, f'Table.SelectRows({t}, each [v] = "a")[id]') == "{}"
    assert both(engine, f'Table.SelectRows({t}, each [v] = "a ")[id]') == "{1}"
    assert both(engine, f'Table.RemoveRowsWithErrors({t}, {{"d"}})[id]') == "{2}"
    assert both(engine, f"{t}{{0}}[f]") == "0.10000000149011612"


def test_cells_of_sqlite_have_types_of_their_own() -> None:
    engine = engine_or_skip("SQLite")
    engine.run(
        "DROP TABLE IF EXISTS loose",
        "CREATE TABLE loose (id INTEGER PRIMARY KEY, x, n NUMERIC, t TEXT COLLATE NOCASE, d DATE)",
        "INSERT INTO loose VALUES (1, 1, 1, 'a', '2020-01-31'), (2, 'two', 2.5, 'A', NULL), (3, x'00', NULL, 'b', '2020-02-29')",
    )
    t = engine.reads("loose")
    assert both(engine, f"{t}[x]") == '{1, "two", #binary("AA==")}'
    assert both(engine, f"Table.SelectRows({t}, each [n] > 2)[id]") == "{2}"
    assert both(engine, f'Table.SelectRows({t}, each [t] = "a")[id]') == "{1}"
    assert both(engine, f"Table.SelectRows({t}, each [d] >= #date(2020, 2, 1))[id]") == "{3}"
    engine.run("UPDATE loose SET d = 'soon' WHERE id = 1")
    assert both(engine, f"{t}{{0}}[d]") == '"soon"'


# ---------------------------------------------------------------- native queries


def test_native_queries(engine: Engine) -> None:
    engine.make("nq", {"a": "whole", "t": "text"}, [[1.0, "x"], [2.0, "it's"], [3.0, None]])
    source, name = engine.source, engine.quoted("nq")
    query = f"select a, t from {name} where a >= @low -- @low\n and '@low' <> t order by a".replace('"', '""')
    m = f'Value.NativeQuery({source}, "{query}", [low = 2], [EnableFolding = true])'.replace("\n", "#(lf)")
    assert both(engine, f"{m}[a]") == "{2}"
    with use(engine.session()):
        found, _ = remote.describe(engine.evaluate(f"Table.SelectRows({m}, each [a] > 1)").plan)
    assert isinstance(found, remote.RemoteQuery) == (engine.name != "MySQL")  # sorted rows stay sorted
    listed = f'Value.NativeQuery({source}, "select ? as t, ? as n", {{"it\'s ?", null}})'
    assert both(engine, f"{listed}{{0}}[t]") == '"it\'s ?"'
    assert "1 parameters, but 2" in both(engine, f'Value.NativeQuery({source}, "select ? as t", {{1, 2}})')
    assert "isn't a valid" in both(engine, f'Value.NativeQuery({source}, "select 1 as a", null, [Foo = 1])')
    missing = both(engine, f'Value.NativeQuery({source}, "select @high as t", [low = 2])')
    if engine.name == "PostgreSQL":  # an operator there
        assert missing.startswith("DataSource.Error")
    else:
        assert missing == "Expression.Error: The native query's parameter '@high' was not given."
    assert said(engine, f'Value.NativeQuery({source}, "selec")').startswith(
        f"DataSource.Error: {engine.name}: "
    )
    optioned = source.replace("[Create", '[Query = "select 1 as a", Create')
    assert both(engine, f"{optioned}[a]") == "{1}"


def test_native_queries_keep_their_order_and_their_end(engine: Engine) -> None:
    rows = [[float(i % 7), i / 2] for i in range(40)]
    engine.make("ranked", {"k": "whole", "n": "number"}, rows)
    for end in (
        "order by n desc",
        "order by n desc; -- done",
        "order by n desc /* done */ ;#(lf)",
        "order by n desc limit 5",
    ):
        for option in ("null", "[EnableFolding = true]", "[EnableFolding = null, PreserveTypes = true]"):
            m = f'Value.NativeQuery({engine.source}, "select n, k from ranked {end}", null, {option})'
            assert both(engine, f"Table.FirstN({m}, 3)[n]") == "{19.5, 19, 18.5}"
            first = f"Table.FirstN({m}, 5)"
            assert both(engine, f"Table.SelectRows({first}, each [k] > 2)[n]") == "{19.5, 19}"
    inner = "select n from (select n from ranked order by n limit 3) as a where n > @low"
    m = f'Value.NativeQuery({engine.source}, "{inner}", [low = -1.5])'
    assert both(engine, f"List.Sum({m}[n])") == "1.5"


def test_parameters_of_every_kind(engine: Engine) -> None:
    def found(sql: str, parameters: str) -> str:
        return both(engine, f'Value.NativeQuery({engine.source}, "{sql}", {parameters}){{0}}[x]')

    assert found("select 1-@p as x", "[p = -1]") == "2"
    assert found("select 1-? as x", "{-1.5}") == "2.5"
    assert found("select @p as x", '[p = "a\\b\'c %s ü😀"]') == '"a\\b\'c %s ü😀"'
    assert found("select @p as x", "[p = #binary({1, 255})]") == '#binary("Af8=")'
    if engine.name == "PostgreSQL":
        zoned = "#datetimezone(2020, 1, 1, 0, 30, 0, 1, 30)"
        assert found("select @p as x", f"[p = {zoned}]") == "#datetimezone(2019, 12, 31, 23, 0, 0, 0, 0)"
        assert found("select @p as x", "[p = #duration(-1, -2, 0, -0.5)]") == "#duration(-1, -2, 0, -0.5)"
    else:
        assert "isn't supported" in found("select @p as x", "[p = #duration(1, 0, 0, 0)]")
    assert "We cannot convert the value 1 to type Logical" in both(
        engine, f'Value.NativeQuery({engine.source}, "select 1 as x", null, [PreserveTypes = 1])'
    )


def test_parameters_stay_literals() -> None:
    """Nothing that a parameter holds is read as SQL."""
    server = Server("x")
    server.dialect = "postgres"
    evil = "'; DROP TABLE t; --"
    assert bound(server, "select @p, '@p', \"@p\", $$ @p $$, E'\\' @p' /* @p */", {"p": evil}) == (
        "select '''; DROP TABLE t; --', '@p', \"@p\", $$ @p $$, E'\\' @p' /* @p */"
    )
    assert bound(server, "select a::int, :p, x@p", {"p": 1.0}).startswith("select a::int, 1")


# ---------------------------------------------------------------- errors


LONG = {
    "PostgreSQL": "select n, repeat('x', 1000) as t from generate_series(1, 200000) as g(n)",
    "MySQL": "select seq as n, repeat('x', 1000) as t from seq_1_to_200000",
}
OTHERS = {
    "PostgreSQL": "select pid from pg_stat_activity where pid <> pg_backend_pid() and backend_type = 'client backend'",
    "MySQL": "select id from information_schema.processlist where id <> connection_id() and user = 'tester'",
}


def asked(engine: Engine, sql: str) -> list[Any]:
    """The first column of a query, through the connection of the tests."""
    connection: Any = engine.connection  # type: ignore[attr-defined]
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return [row[0] for row in cursor.fetchall()]


def cut(engine: Engine) -> None:
    """Ends all connections but that of the tests."""
    for number in asked(engine, OTHERS[engine.name]):
        engine.run(
            f"select pg_terminate_backend({number})" if engine.name == "PostgreSQL" else f"KILL {number}"
        )


@pytest.mark.parametrize("name", LONG)
def test_a_connection_that_breaks_amid_the_rows(name: str) -> None:
    """An error, not a second try whose rows might come in another order; the next query connects anew."""
    engine = engine_or_skip(name)
    m = f'Value.NativeQuery({engine.source}, "{LONG[name]}", null, [EnableFolding = true])'
    with use(engine.session()):
        batches = remote.run(engine.evaluate(f"Table.SelectRows({m}, each [n] > 1)").plan, None, None)
        assert next(batches).length
        cut(engine)
        with pytest.raises(mlang.MError) as raised:
            sum(b.length for b in batches)
    assert raised.value.reason == "DataSource.Error"
    assert "tester" not in str(raised.value) + str(raised.value.detail)
    engine.make("after", {"a": "whole"}, [[1.0]])
    assert both(engine, f"{engine.reads('after')}[a]") == "{1}"
    cut(engine)  # the connection that waits
    assert both(engine, f"{engine.reads('after')}[a]") == "{1}"


@pytest.mark.parametrize("name", LONG)
def test_ctrl_c_ends_the_query_on_the_server(name: str) -> None:
    engine = engine_or_skip(name)
    sleep, active = {
        "PostgreSQL": (
            "pg_sleep(0.02)::text as b from generate_series(1, 3000)",
            "select query from pg_stat_activity where state = 'active' and query like 'FETCH%' and pid <> pg_backend_pid()",
        ),
        "MySQL": (
            "sleep(0.02) as b from seq_1_to_3000",
            "select info from information_schema.processlist where command = 'Query' and info like '%sleep%' and id <> connection_id()",
        ),
    }[name]
    query = f'Value.NativeQuery({engine.source}, "select {sleep}")'
    m = f'Table.RowCount(Table.SelectRows({query}, each [b] = "z"))'
    code = f"import mlang; mlang.evaluate({m!r}, credentials={CREDENTIALS!r})"
    child = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True)
    try:
        wait_until(lambda: asked(engine, active))
        child.send_signal(signal.SIGINT)
        _, said = child.communicate(timeout=30)
        assert said.rstrip().endswith("KeyboardInterrupt")
        wait_until(lambda: not asked(engine, active))
    finally:
        child.kill()


def wait_until(holds: Callable[[], Any]) -> None:
    limit = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < limit
        time.sleep(0.1)


@pytest.mark.parametrize("name", LONG)
def test_a_column_that_vanished(name: str) -> None:
    engine = engine_or_skip(name)
    for m in ("{0}", 'Table.SelectRows({0}, each [b] = "x")'):
        reads = engine.make("narrow", {"a": "whole", "b": "text"}, [[1.0, "x"]])
        with use(engine.session()):
            table = engine.evaluate(m.format(reads))
            engine.run(f"ALTER TABLE {engine.quoted('narrow')} DROP COLUMN b")
            with pytest.raises(mlang.MError, match=r"(?i)column \W*b") as raised:
                mlang.to_m(table)
        detail: Any = raised.value.detail
        assert "narrow" in detail["Query"]


def test_a_wrong_password_of_postgresql() -> None:
    engine = engine_or_skip("PostgreSQL")
    (file,) = asked(engine, "show hba_file")
    rules = Path(file).read_text(encoding="utf-8")
    try:
        engine.run("DROP ROLE IF EXISTS keyed", "CREATE ROLE keyed LOGIN PASSWORD 'right-secret'")
        Path(file).write_text("host all keyed all scram-sha-256\n" + rules, encoding="utf-8")
        engine.run("select pg_reload_conf()")
        key = ("PostgreSQL", "")

        def message(login: dict[str, str]) -> str:
            try:
                return mlang.to_m(
                    mlang.evaluate(f"Table.RowCount({engine.source})", credentials={key: login})
                )
            except mlang.MError as error:
                return f"{error.reason} {error.message} {error.detail}"

        wait_until(lambda: "credentials" in message({"Username": "keyed", "Password": "wrong-secret"}))
        said = message({"Username": "keyed", "Password": "wrong-secret"}) + message({"Username": "keyed"})
        assert "credentials provided" in said
        assert "secret" not in said
        assert message({"Username": "keyed", "Password": "right-secret"}).isdigit()
    finally:
        Path(file).write_text(rules, encoding="utf-8")
        engine.run("select pg_reload_conf()")


def test_options_and_errors(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = engine.source.replace("[Create", "[Wrong = 1, Create")
    assert "'Wrong' isn't a valid" in said(engine, broken)
    engine.make("gone", {"a": "whole"}, [[1.0]])
    with use(engine.session()):
        table = engine.evaluate(engine.reads("gone"))
        engine.run(f"DROP TABLE {engine.quoted('gone')}")
        with pytest.raises(mlang.MError) as raised:
            mlang.to_m(table)
    detail: Any = raised.value.detail
    assert raised.value.reason == "DataSource.Error"
    assert "gone" in raised.value.message
    assert "gone" in detail["Query"]


def test_a_server_that_is_down_or_refuses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine_or_skip("PostgreSQL")
    file = tmp_path / "keys.json"
    file.write_text(
        json.dumps({"PostgreSQL 127.0.0.1:1": {"Username": "u", "Password": "hidden"}}), encoding="utf-8"
    )
    monkeypatch.setenv("MLANG_CREDENTIALS", str(file))
    with pytest.raises(mlang.MError) as raised:
        mlang.evaluate('PostgreSQL.Database("127.0.0.1:1", "d")')
    assert raised.value.reason == "DataSource.Error"
    assert "refused" in raised.value.message
    assert "hidden" not in str(raised.value) + str(raised.value.detail)
    for wrong in ("[", "[]", '{"PostgreSQL ": "hidden"}'):
        file.write_text(wrong, encoding="utf-8")
        with pytest.raises(mlang.MError, match="credentials file"):
            mlang.evaluate('PostgreSQL.Database("127.0.0.1:1", "d")')


def test_a_mysql_server_refuses_a_login() -> None:
    engine = engine_or_skip("MySQL")
    wrong = {("MySQL", ""): {"Username": "nobody", "Password": "hidden"}}
    with pytest.raises(mlang.MError) as raised:
        mlang.evaluate(engine.source, credentials=wrong)
    assert "credentials provided" in raised.value.message
    assert "hidden" not in str(raised.value) + str(raised.value.detail)
    with pytest.raises(mlang.MError, match="Credentials are required"):
        mlang.evaluate(engine.source)


def test_a_query_that_takes_too_long() -> None:
    engine = engine_or_skip("PostgreSQL")
    slow = engine.source.replace(
        "[Create", '[Query = "select pg_sleep(30)", CommandTimeout = #duration(0, 0, 0, 0.3), Create'
    )
    assert "statement timeout" in said(engine, slow)


def test_files_that_are_no_databases(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("hello " * 999, encoding="utf-8")
    for name, message in (("a.txt", "not a database"), ("none.db", "Could not find file")):
        with pytest.raises(mlang.MError, match=message):
            mlang.to_m(mlang.evaluate(f'SQLite.Database("{tmp_path}/{name}")'))
    assert not (tmp_path / "none.db").exists()


# ---------------------------------------------------------------- several sources


def test_joins_across_databases(engine: Engine) -> None:
    left = engine.make("orders", {"k": "whole", "n": "number"}, [[float(i % 5), i / 2] for i in range(20)])
    other = engine_or_skip("SQLite")
    right = other.make("names", {"k": "whole", "t": "text"}, [[1.0, "one"], [3.0, "three"], [None, "none"]])
    m = (
        f'let o = Table.SelectRows({left}, each [n] > 3), j = Table.NestedJoin(o, "k", {right}, "k", "x", JoinKind.Inner), '
        'e = Table.ExpandTableColumn(j, "x", {"t"}) in Table.Sort(e[[n], [t]], "n")'
    )
    assert both(engine, m).count("three") == 3
    steps = mlang.explain(m, credentials=CREDENTIALS)
    assert steps["o"].engine == {"MySQL": "MySQL"}.get(engine.name, engine.name)
    assert "WHERE" in (steps["o"].sql or "")
    if other is not engine:
        assert any(note.startswith(engine.name + " runs") for note in steps["e"].notes)


def test_data_that_changes_between_queries(engine: Engine) -> None:
    reads = engine.make("moving", {"a": "whole"}, [[1.0]])
    assert both(engine, f"Table.RowCount({reads})") == "1"
    engine.run(f"INSERT INTO {engine.quoted('moving')} VALUES (2, 7)")
    assert both(engine, f"{reads}[a]") == "{1, 7}"


def test_stop_folding_and_what_stays_here(engine: Engine, proper_without_form: None) -> None:
    reads = engine.make("some", {"t": "text"}, [["ann lee"], ["bob"]])
    m = f'let t = {reads}, f = Table.SelectRows(t, each [t] <> "x"), p = Table.AddColumn(f, "p", each Text.Proper([t]) & "!") in p[p]'
    assert both(engine, m) == '{"Ann Lee!", "Bob!"}'
    report = mlang.explain(m.replace(" in p[p]", " in p"), credentials=CREDENTIALS)["p"]
    assert report.indicator == "Not folding"
    assert "Text.Proper" in (report.reason or "")


# ---------------------------------------------------------------- SQL Server, as text

SQL_SERVER = [
    ('Table.SelectRows(T, each [n] > 1)[[id]]', "WHERE t1.c2 > 1.0e0"),
    ('Table.SelectRows(T, each [b])[[id]]', "WHERE t1.c5 = 1"),
    ('Table.SelectRows(T, each [t] = "a")[[id]]', "INTERSECT SELECT N'a', datalength(N'a')"),
    ('Table.AddColumn(T, "x", each [n] > 1)[[x]]', "CAST(CASE WHEN"),
    ("Table.FirstN(Table.Sort(T, {{\"d\", 1}}), 5)[[id]]", "OFFSET 0 ROWS FETCH NEXT 5 ROWS ONLY"),
    ('Table.Group(T, {"d"}, {{"c", each Table.RowCount(_)}})', "GROUP BY t1.c4"),
    ('Table.Group(T, {"d"}, {{"c", each List.First([t])}})', "row_number() OVER (PARTITION BY t1.c4 ORDER BY"),
    ('Table.Group(T, {"d"}, {{"c", each List.Sum([id])}})', "THEN CAST(CAST(newid() AS nvarchar(36)) + N'M' AS float)"),
    ('Table.Group(T, {"d"}, {{"c", each List.Count([t])}}, GroupKind.Local)', "THEN 0 ELSE 1 END = 1"),
    ('Table.FillDown(T, {"n"})', "first_value(t2.c2) OVER (PARTITION BY"),
    ('Table.AddColumn(T, "x", each Text.Length([t]))', "datalength(t1.c3) / 2"),
    ('Table.SelectRows(T, each Text.StartsWith([t], "a"))', "left(t1.c3, CAST(datalength(N'a') / 2 AS int)) = N'a'"),
    ('Table.AddColumn(T, "x", each Date.AddDays([d], 3))', "dateadd(day, CAST("),
    ('Table.AddColumn(T, "x", each Date.DayOfWeek([d], 1))', "datediff(day, CAST('0001-01-01' AS date), t1.c4) + 1) % 7"),
    ('Table.AddColumn(T, "x", each Date.StartOfMonth([d]))', "datefromparts(year(t1.c4), month(t1.c4), 1)"),
    ('Table.AddColumn(T, "x", each Date.ToText([d], "yyyy-MM"))', "right(N'0000' + CAST("),
]  # fmt: skip


def sql_server_table() -> Any:
    server = sql.SqlServer(
        "h,1444", "d", {**COMMON, "MaxDegreeOfParallelism": 2.0, "MultiSubnetFailover": False}
    )
    types = {"id": "int", "n": "float", "t": "nvarchar", "d": "date", "b": "bit"}
    columns = [sql.column(server, name, type, name == "id") for name, type in types.items()]
    return table_over(sql.source_of(server, "dbo", "T", columns, ("id",)), "Sql.Database")


@pytest.mark.parametrize(("m", "text"), SQL_SERVER)
def test_sql_server_text(m: str, text: str) -> None:
    with use(Session(culture="en-US")):
        found, _ = remote.describe(mlang.evaluate(f"(T) => {m}").fn(sql_server_table()).plan)
    assert isinstance(found, remote.RemoteQuery)
    assert text in found.sql


@pytest.mark.parametrize(
    "m", ['Table.Sort(T, "t")', 'Table.Distinct(T, "t")', 'Table.AddColumn(T, "x", each [n] * [n])']
)
def test_what_sql_server_does_otherwise_stays_here(m: str) -> None:
    with use(Session(culture="en-US")):
        found, _ = remote.describe(mlang.evaluate(f"(T) => {m}").fn(sql_server_table()).plan)
    assert not isinstance(found, remote.RemoteQuery)


def test_sql_server_login() -> None:
    with use(Session(credentials={("SQL", "h,1444;d"): {"Username": "u", "Password": "a;b}c"}})):
        server = sql_server_table().plan.source.server
        assert server.path == "h,1444;d"
        assert server.login().endswith("UID=u;PWD={a;b}}c}")
        assert server.hint("SELECT 1") == "\nOPTION (MAXDOP 2)"
    wrong = "We cannot convert the value 1 to type"
    for option in ("ContextInfo", "OmitSRID", "UnsafeTypeConversions", "MultiSubnetFailover"):
        with pytest.raises(mlang.MError, match=wrong):
            mlang.evaluate(f'Sql.Database("h", "d", [{option} = 1])')


def test_context_info_of_sql_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is set before each query, and connections with another one are others."""
    said: list[str] = []

    class Cursor:
        description = (("a",),)

        def execute(self, sql: str) -> None:
            said.append(sql)

        def fetchmany(self, count: int) -> list[Any]:
            return []

    class Connection:
        def cursor(self) -> Cursor:
            return Cursor()

    driver = types.ModuleType("mssql_python")
    driver.Error = RuntimeError  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "mssql_python", driver)
    server = sql.SqlServer("h", "d", {"ContextInfo": b"\x01\xff"})
    assert list(server.execute(Connection(), "SELECT 1")) == [[("a",)]]
    assert said == ["SET CONTEXT_INFO 0x01ff", "SELECT 1"]
    assert server.key() != sql.SqlServer("h", "d", {}).key()


@pytest.mark.parametrize(
    "source",
    [
        'PostgreSQL.Database("postgres://me:hidden@127.0.0.1:1/x", "d")',
        'MySQL.Database("me:hidden@127.0.0.1:1", "d")',
        'File.Contents("https://me:hidden@127.0.0.1:1/x.csv")',
        'Folder.Files("https://me:hidden@127.0.0.1:1/x")',
    ],
)
def test_logins_in_names_of_servers_and_files_are_not_shown(source: str) -> None:
    with pytest.raises(mlang.MError) as caught:
        mlang.evaluate(source)
    assert "hidden" not in f"{caught.value} {caught.value!r} {caught.value.detail}"
