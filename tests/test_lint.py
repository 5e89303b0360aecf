"""Graphs, lint rules and the privacy firewall of dataflows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from dataflows.making import make, refresh, result, rows
from test_cli import mlang  # noqa: F401  (a fixture)

import mlang as m
from staging import drawing, firewall
from staging.dataflow import read
from staging.lint import lint
from staging.refresh import Refresh
from staging.workspace import Workspace


def codes(folder: Path, text: str, **settings: Any) -> list[tuple[str, str | None]]:
    return [(f.code, f.query) for f in lint(read(make(folder, text, **settings)))]


LAKE = 'Lakehouse.Contents([EnableFolding = false]){[workspaceId = "w"]}[Data]{[Id = "t", ItemKind = "Table"]}?[Data]?'
WAREHOUSE = 'Fabric.Warehouse(null){[workspaceId = "w"]}[Data]{[Schema = "dbo", Item = "t"]}?[Data]?'
FILE = 'Csv.Document(File.Contents("a.csv"))'
SQL = 'Sql.Database("s", "d")'
PROPER = 'Table.TransformColumns(S, {"t", Text.Proper})'


def loaded(query: str, target: str, more: str = "") -> str:
    return (
        '[DataDestinations = {[Definition = [Kind = "Reference", QueryName = "T"], Settings = [Kind = "Manual"'
        f"{more}]]}}] shared Q = {query}; shared T = {target};"
    )


@pytest.mark.parametrize(
    ("text", "unstaged", "expected"),
    [
        ('shared A = #table({"a"}, {{1}}); shared B = A;', (), [("L1", "A")]),
        ('shared A = #table({"a"}, {{1}}); shared B = A;', ("A",), []),
        (loaded(FILE, 'File.Contents("o.csv")'), ("T",), [("L2", "Q")]),
        (loaded(FILE, 'File.Contents("o.csv")') + "shared R = Q;", ("T",), []),
        (f"shared A = {FILE}; shared B = A; shared C = B; shared D = C;", (), [("L3", "D")]),
        (f"shared A = {FILE}; shared B = A; shared C = B; shared D = C; shared E = B;", (), []),
        ('shared A = Lakehouse.Contents(null){[lakehouseName = "DataflowsStagingLakehouse"]}[Data];', (), [("L4", "A")]),
        (loaded(FILE, WAREHOUSE), ("Q", "T"), [("L5", "Q")]),
        (f"shared A = {FILE}; " + loaded("Table.FirstN(A, 1)", LAKE), ("T",), [("L6", "Q")]),
        (f"shared A = let S = {FILE}, L = Table.LastN(S, 3) in L;", (), [("L7", "A")]),
        (f"shared A = let S = {SQL}, P = {PROPER}, W = Table.SelectRows(P, each [n] > 1) in W;", (), [("L7", "A")]),
        (f"shared A = let P = Table.SelectRows({SQL}, each [n] > 1), S = P, W = {PROPER} in W;", (), []),
        (f'shared A = {FILE}; shared B = Table.Combine({{A, {FILE.replace("a.csv", "b.csv")}}});', (), [("L9", "B")]),
        (loaded(FILE, LAKE, ', ColumnSettings = [Mappings = {[SourceColumnName = "a", DestinationColumnName = "my a"]}]'),
         ("Q", "T"), [("L12", "Q")]),
        (loaded(FILE, 'DuckDB.Database("x.duckdb"){[Schema = "main", Item = "t"]}[Data]'), ("Q", "T"), [("L13", "T")]),
        ('shared A = Lakehouse.Contents(null){[workspaceId = "11111111-2222-3333-4444-555555555555"]}[Data];', (), [("L14", "A")]),
        (f'shared A = Table.ReplacePartitionKey({FILE}, {{"k"}});', ("A",), [("L16", "A")]),
        (f'shared A = let K = Table.ReplacePartitionKey({FILE}, {{"k"}}), R = Table.RemoveColumns(K, {{"k"}}) in R;', (), [("L16", "A")]),
        ('shared P = PowerPlatform.Dataflows(null){0}[Data]; shared A = Table.NestedJoin(P, "a", P, "b", "c");', ("P",), [("L17", "A")]),
        (f'shared A = let S = Table.Sort({FILE}, "a"), D = Table.Distinct(S, {{"a"}}) in D;', (), [("L18", "A")]),
        (f'shared A = let S = Table.Buffer(Table.Sort({FILE}, "a")), D = Table.Distinct(S, {{"a"}}) in D;', (), []),
    ],
)  # fmt: skip
def test_rules(tmp_path: Path, text: str, unstaged: tuple[str, ...], expected: list[Any]) -> None:
    assert codes(tmp_path, text, unstaged=unstaged) == expected


def test_limits_schedule_and_public_parameters(tmp_path: Path) -> None:  # L14, L15, L19; 34, 67
    text = "".join(f"shared Q{i} = {FILE};" for i in range(51))
    assert codes(tmp_path, text) == [("L19", None)]
    text = """shared P = "x" meta [IsParameterQuery = true, Type = "Text", IsParameterQueryRequired = true];
    shared A = Csv.Document(File.Contents(P));"""
    place = make(tmp_path, text, parametric=True)
    (place / ".schedules").write_text("{}", encoding="utf-8")
    assert [(f.code, f.query, f.line) for f in lint(read(place))] == [("L15", "P", 2), ("L14", "A", 3)]


def test_types_of_destinations(tmp_path: Path) -> None:  # L11, 26
    dataflow = read(make(tmp_path, loaded(FILE, LAKE), unstaged=("Q", "T")))
    type_ = m.evaluate("#table(type table [a = any, b = duration, c = text], {})").type
    assert [f.reason.split("'")[1] for f in lint(dataflow, {"Q": type_})] == ["a", "b"]


def test_rules_can_be_switched_off(tmp_path: Path) -> None:
    text = f"shared A = let S = {FILE},\n L = Table.LastN(S, 3) // mlang: ignore L7, L1\n in L;\nshared B = Table.LastN(A, 1);"
    assert codes(tmp_path, text) == [("L7", "B")]
    assert codes(tmp_path, "// mlang: ignore L7\nsection S;\n" + text) == []
    text = f"shared A = {FILE};\n// mlang: ignore L7\nshared B = Table.LastN(A, 1);"
    assert codes(tmp_path, text) == []


# ---------------------------------------------------------------- graph


def test_graph(tmp_path: Path) -> None:
    place = make(
        tmp_path, "shared P = 1 meta [IsParameterQuery = true]; shared B = A; shared A = #table({}, {{P}});"
    )
    found = read(place)
    assert drawing.text(found) == "P (parameter)\n  A (staged) ← P\n    B (staged) ← A"
    assert "q0 --> q1" in drawing.mermaid(found)
    page = drawing.html(found)
    assert page.startswith("<!doctype html>")
    assert page.count("<rect") == 3
    assert "http" not in page


# ---------------------------------------------------------------- firewall


@pytest.mark.parametrize(
    ("origin", "target", "flows", "shares"),
    [  # 48, 49
        ("Private", "Private", False, False), ("Private", "Public", False, False),
        ("Organizational", "Private", True, False), ("Organizational", "Organizational", True, True),
        ("Organizational", "Public", False, False), ("Public", "Private", True, False),
        ("Public", "Organizational", True, False), ("Public", "Public", True, True),
    ],
)  # fmt: skip
def test_matrix(origin: str, target: str, flows: bool, shares: bool) -> None:  # ENV-28
    assert firewall.may_flow(origin, target) is flows
    assert firewall.may_share(origin, target) is shares


COMPANY = 'shared Company = Text.FromBinary(File.Contents("company.txt"));'


def refused(folder: Path, text: str, levels: Any = None) -> list[str]:
    return [v.message for v in firewall.violations(firewall.analyse(read(make(folder, text))), levels)]


def test_a_reference_and_a_source(tmp_path: Path) -> None:  # 50, 51, 53, ENV-27, ENV-29, ERR-62, EVL-53
    text = COMPANY + 'shared Search = let Url = "https://x/" & Company, Page = Web.Contents(Url) in Page;'
    [message] = refused(tmp_path, text)
    assert message == (
        "Query 'Search' (step 'Page') references other queries or steps, so it may not directly access a data "
        "source. Please rebuild this data combination."
    )


def test_one_query_with_two_sources(tmp_path: Path) -> None:  # 49, 51, 53, ENV-29, ERR-63
    text = """shared Search = let Company = Text.FromBinary(File.Contents("company.txt")),
        Page = Web.Contents("https://x/" & Company) in Page;"""
    assert refused(tmp_path, text) == []
    assert refused(tmp_path, text, {("File", ""): "Organizational", ("Web", ""): "Organizational"}) == []
    [message] = refused(tmp_path, text, {("File", ""): "Private", ("Web", ""): "Public"})
    assert message == (
        "Query 'Search' (step 'Page') is accessing data sources that have privacy levels which cannot be used "
        "together. Please rebuild this data combination."
    )


def test_parameters_and_constant_tables_are_trimmed(tmp_path: Path) -> None:  # 52, 53
    assert refused(tmp_path, 'shared Server = "s"; shared A = Sql.Database(Server, "d");') == []
    text = 'shared T = #table({"k"}, {{1}}); shared A = let S = Csv.Document(File.Contents("a")), J = Table.Join(S, "k", T, "k") in J;'
    found = firewall.analyse(read(make(tmp_path, text)))
    assert [(p.query, p.steps) for p in found.values()] == [("A", ["S", "J"])]


def test_steps_that_combine_stand_apart(tmp_path: Path) -> None:  # 52
    text = f'shared B = {FILE}; shared A = let S = Csv.Document(File.Contents("a")), J = Table.Combine({{S, B}}), K = Table.FirstN(J, 1) in K;'
    found = firewall.analyse(read(make(tmp_path, text)))
    assert [(p.query, p.steps) for p in found.values()] == [("B", [""]), ("A", ["S"]), ("A", ["J", "K"])]
    assert firewall.violations(found) == []


def test_sources_in_functions_belong_to_the_caller(tmp_path: Path) -> None:  # 50
    text = (
        COMPANY + 'shared Get = (u) => Web.Contents(u); shared A = let P = Get("https://x/" & Company) in P;'
    )
    assert [x.split("(")[0] for x in refused(tmp_path, text)] == ["Query 'A' "]


def test_a_refresh_behind_the_firewall(tmp_path: Path) -> None:  # 51, 55, ENV-31
    text = 'shared F = Csv.Document(File.Contents("n.csv")); shared A = Table.Combine({F, Csv.Document(File.Contents("m.csv"))});'
    place = make(tmp_path, text)
    for name in ("n.csv", "m.csv"):
        (place / name).write_text("1\n", encoding="utf-8")

    def run(**metadata: Any) -> Any:
        return Refresh(read(make(tmp_path, text, **metadata)), Workspace.beside(place), firewall=True).run()

    assert str(result(run(), "A").error).startswith(
        "Query 'A': Formula.Firewall: Query 'A' (step 'A') references"
    )
    assert run(fastCombine=True).status == "Completed"


def test_value_firewall_reads_another_query(tmp_path: Path) -> None:  # 50
    place = make(tmp_path, 'shared A = #table(type table [a = number], {{1}}); shared B = Value.Firewall("Section1/A"); '
                 'shared C = Value.Firewall("Section1/Z");')  # fmt: skip
    run = refresh(place)
    assert rows(place, "B") == [(1.0,)]
    assert "Section1/Z" in str(result(run, "C").error)


def test_commands(mlang: Any, tmp_path: Path) -> None:  # noqa: F811
    place = make(tmp_path, COMPANY + 'shared Search = Web.Contents("https://x/" & Company);')
    done = mlang("lint", str(place), "--json")
    assert done.code == 1
    assert "L9" in [f["code"] for f in json.loads(done.out)]
    destination = make(
        tmp_path, loaded("#table(type table [a = any], {})", LAKE), name="d", unstaged=("Q", "T")
    )
    assert ": L11 Column 'a' of type any" in mlang("check", str(destination), "--lint").err
    done = mlang("firewall", "explain", str(place))
    assert done.code == 1
    assert "Formula.Firewall: Query 'Search' (step 'Search') references other queries" in done.err
    assert mlang("graph", str(place), "--mermaid").out.startswith("flowchart LR")
    levels = tmp_path / "levels.json"
    levels.write_text('[{"kind": "File", "level": "Secret"}]', encoding="utf-8")
    assert mlang("firewall", "explain", str(place), "--levels", str(levels)).code == 2
