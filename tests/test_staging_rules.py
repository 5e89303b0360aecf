"""The lint rules L8 (fast copy) and L10 (incremental refresh)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from dataflows.making import make

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
