"""Lint rules in detail; every rule is in test_lint.py."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from dataflows.making import make

import mlang
from staging.dataflow import read
from staging.lint import lint

FILE = 'Csv.Document(File.Contents("a.csv"))'
COPIED = f"""S = {FILE}, H = Table.PromoteHeaders(S), C = Table.SelectColumns(H, {{"a"}})"""
FAST = '[StagingDefinition = [Kind = "FastCopy"]] section Section1; '


def found(folder: Path, text: str, code: str, **settings: Any) -> list[Any]:
    return [f for f in lint(read(make(folder, text, **settings))) if f.code == code]


@pytest.mark.parametrize(
    ("text", "settings", "step"),
    [
        (f"{FAST}shared A = let {COPIED}, G = Table.Group(C, {{}}, {{}}) in G;", {}, "G"),
        (f"{FAST}shared A = let {COPIED} in C;", {}, None),
        (f"{FAST}shared A = let S = {FILE}, G = Table.Group(S, {{}}, {{}}) in G;", {}, None),  # nothing to split off
        (f"section Section1; shared A = let {COPIED}, G = Table.Group(C, {{}}, {{}}) in G;", {}, None),
        (f"{FAST}shared A = let {COPIED}, G = Table.Group(C, {{}}, {{}}) in G;",
         {"computeEngineSettings": {"allowFastCopy": False}}, None),
        (f"{FAST}shared A = let {COPIED}, G = Table.Group(C, {{}}, {{}}) in G;", {"unstaged": ("A",)}, None),
        (f"{FAST}shared A = let\n{COPIED},\n// mlang: ignore L8\nG = Table.Group(C, {{}}, {{}}) in G;", {}, None),
    ],
)  # fmt: skip
def test_fast_copy(tmp_path: Path, text: str, settings: dict[str, Any], step: str | None) -> None:  # L8, 45
    findings = found(tmp_path, text, "L8", **settings)
    assert [f"before '{step}'" in f.reason for f in findings] == ([True] if step else [])


def incremental(change: str, past: int, target: str, source: str = 'Sql.Database("s", "d"){0}[Data]') -> str:
    return f"""
    [IncrementalRefresh = [FilterColumn = "Day", Past = {past}, Period = "Day", ChangeColumn = "{change}"],
     DataDestinations = {{[Definition = [Kind = "Reference", QueryName = "T"], Settings = [{target}]]}}]
    shared Q = {source};
    shared T = Lakehouse.Contents(null){{[Id = "t", ItemKind = "Table"]}}?[Data]?;
    """


FIXED = 'Kind = "Manual", DynamicSchema = false, UpdateMethod = [Kind = "Replace"]'


@pytest.mark.parametrize(
    ("text", "reasons"),
    [
        (incremental("Changed", 3, FIXED), []),
        (incremental("Day", 3, FIXED), ["may be loaded twice"]),
        (incremental("Changed", 50, FIXED), ["51 buckets; the product allows 50"]),
        (incremental("Changed", 3, FIXED.replace("Replace", "Append")), ["add each bucket again"]),
        (incremental("Changed", 3, 'Kind = "Automatic"'), ["schema is dynamic"]),
        (incremental("Changed", 3, FIXED, FILE), ["reads all of it"]),
        (incremental("Changed", 160, FIXED), ["161 buckets; the product allows 150", "161 buckets; the product allows 50"]),
    ],
)  # fmt: skip
def test_incremental_refresh(tmp_path: Path, text: str, reasons: list[str]) -> None:  # L10, 39-43
    findings = found(tmp_path, text, "L10")
    assert len(findings) == len(reasons), findings
    assert all(reason in f.reason for reason, f in zip(reasons, findings, strict=True))
    assert all(f.cure for f in findings)


def test_the_default_destination_is_not_for_incremental_refresh(tmp_path: Path) -> None:  # 24, L10
    text = """[DefaultOutputDestinationSettings = [DestinationDefinition = [Kind = "Reference", QueryName = "T"]]]
    section Section1;
    [IncrementalRefresh = [FilterColumn = "Day", Past = 1, Period = "Day", ChangeColumn = "C"],
     BindToDefaultDestination = true]
    shared Q = Sql.Database("s", "d"){0}[Data];
    shared T = Lakehouse.Contents(null){0}[Data];
    """
    assert ["default destination" in f.reason for f in found(tmp_path, text, "L10")] == [True]


TYPED_IN = """let Source = Table.FromRows(Json.Document(Binary.Decompress(Binary.FromText("i45WMlSK1YlWMlIwVorVidUBAA==",
        BinaryEncoding.Base64), Compression.Deflate)), let _t = ((type nullable text) meta [Serialized.Text = true])
        in type table [a = _t]), Typed = Table.TransformColumnTypes(Source, {{"a", Int64.Type}}) in Typed"""
KEYED = f'K = Table.ReplacePartitionKey({FILE}, {{"k"}})'


@pytest.mark.parametrize(
    ("text", "code", "queries"),
    [
        (f"shared A = {TYPED_IN}; shared B = A;", "L1", ["A"]),
        ('shared A = let S = #table({"a"}, {{1}}), T = Table.RenameColumns(S, {}) in T; shared B = A;', "L1", ["A"]),
        ('shared A = #table({"a"}, {{1..100000}}); shared B = A;', "L1", []),
        ('shared A = Table.FromColumns({List.Numbers(1, 100000)}); shared B = A;', "L1", []),
        ('shared A = Table.FromList(Lines.FromBinary(Web.Contents("https://x/"))); shared B = A;', "L1", []),
        (f"shared A = {FILE}; shared B = Table.Group(A, {{}}, {{}}); shared C = B; shared D = C;", "L3", []),
        (f"shared A = {FILE}; shared B = A; shared C = B; shared D = C; shared E = Table.Distinct(D);", "L3", ["D"]),
        (f"shared A = Table.Last({FILE});", "L7", ["A"]),
        (f'shared A = let {KEYED}, S = Table.SelectColumns(K, {{"a"}}) in S;', "L16", ["A"]),
        (f'shared A = let {KEYED}, S = Table.SelectColumns(K, {{"a", "k"}}) in S;', "L16", []),
        ('shared A = Table.Join(PowerBI.Dataflows(null){0}[Data], "a", B, "b"); shared B = #table({}, {});', "L17", ["A"]),
    ],
)  # fmt: skip
def test_what_rules_look_at(tmp_path: Path, text: str, code: str, queries: list[str]) -> None:
    assert [f.query for f in found(tmp_path, text, code)] == queries


@pytest.mark.parametrize(
    ("end", "code", "reasons"),
    [
        ('{[Id = "my t", ItemKind = "Table"]}?[Data]?', "L12", ["the table name 'my t'"]),
        ('{[Id = "t", ItemKind = "Table"]}[Data]?', "L13", ["has no ?"]),
        ('{[Id = "t", ItemKind = "Table"]}?[Data]', "L13", ["has no ?"]),
        ('{[Id = "t", ItemKind = "Table"]}?[Data]?', "L13", []),
        ('{[Id = "t", ItemKind = "Table"]}?[Data]?', "L12", []),
    ],
)
def test_how_destination_queries_end(tmp_path: Path, end: str, code: str, reasons: list[str]) -> None:
    entry = '[DataDestinations = {[Definition = [Kind = "Reference", QueryName = "T"], Settings = [Kind = "Automatic"]]}]'
    text = f"{entry} shared Q = {FILE}; shared T = Lakehouse.Contents([]){end};"
    findings = found(tmp_path, text, code, unstaged=("T",))
    assert len(findings) == len(reasons)
    assert all(reason in f.reason for reason, f in zip(reasons, findings, strict=True))


@pytest.mark.parametrize(
    ("column", "refused"), [("Currency.Type", True), ("datetimezone", True), ("text", False)]
)
def test_types_that_a_warehouse_refuses(tmp_path: Path, column: str, refused: bool) -> None:  # L11, 26
    entry = '[DataDestinations = {[Definition = [Kind = "Reference", QueryName = "T"], Settings = [Kind = "Automatic"]]}]'
    target = 'Fabric.Warehouse([]){0}[Data]{0}[Data]{[Schema = "dbo", Item = "t"]}?[Data]?'
    dataflow = read(make(tmp_path, f"{entry} shared Q = {FILE}; shared T = {target};"))
    type_ = mlang.evaluate(f"#table(type table [a = {column}], {{}})").type
    assert [f.code for f in lint(dataflow, {"Q": type_}) if f.code == "L11"] == ["L11"] * refused
