"""The privacy firewall in a refresh: when it refuses, what it buffers, levels from a file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from dataflows.making import make, result, rows, workspace
from test_cli import mlang  # noqa: F401  (a fixture)

from mlang.values.thunk import force
from staging import firewall, history
from staging.dataflow import read
from staging.refresh import Refresh

MIXED = """
shared F = Csv.Document(File.Contents("n.csv"));
shared A = Table.Combine({F, Csv.Document(File.Contents("m.csv"))});
"""
REFUSED = (
    "Query 'A': Formula.Firewall: Query 'A' (step 'A') references other queries or steps, so it may not "
    "directly access a data source. Please rebuild this data combination. "
)


def files_in(place: Path) -> Path:
    for name in ("n.csv", "m.csv"):
        (place / name).write_text("1,x\n", encoding="utf-8")
    return place


def run(place: Path, asked: bool | None = None, **levels: str) -> Any:
    known = {(kind, ""): level for kind, level in levels.items()}
    return Refresh(read(place), workspace(place), firewall=asked, levels=known).run()


@pytest.mark.parametrize(
    ("metadata", "section", "asked", "refuses"),
    [  # 55
        ({}, "", None, False), ({}, "", True, True), ({}, "", False, False),
        ({"fastCombine": False}, "", None, True), ({"fastCombine": False}, "", False, False),
        ({"fastCombine": True}, "", None, False), ({"fastCombine": True}, "", True, False),
        ({"fastCombine": False}, "[AllowCombine = true] ", None, False),
        ({}, "[AllowCombine = true] ", True, False),
    ],
)  # fmt: skip
def test_who_decides(
    tmp_path: Path, metadata: dict[str, Any], section: str, asked: bool | None, refuses: bool
) -> None:
    place = files_in(make(tmp_path, f"{section}section Section1;{MIXED}", **metadata))
    done = run(place, asked)
    found = result(done, "A")
    assert (found.status == history.FAILED) is refuses
    if refuses:
        assert str(found.error).startswith(REFUSED)
        assert result(done, "F").status == history.COMPLETED


@pytest.mark.parametrize(
    ("exported", "metadata", "setting", "refuses"),
    [  # 55: fastCombine is false where the product leaves it out
        (True, {}, None, True), (True, {}, "off", False), (True, {"fastCombine": True}, "on", False),
        (True, {"fastCombine": False}, "off", True), (False, {}, "on", True), (False, {}, "auto", False),
    ],
)  # fmt: skip
def test_a_missing_field(
    tmp_path: Path, exported: bool, metadata: dict[str, Any], setting: str | None, refuses: bool
) -> None:
    place = files_in(make(tmp_path, MIXED, **metadata))
    if exported:
        about = {"metadata": {"type": "Dataflow", "displayName": "t"}, "config": {"version": "2.0"}}
        (place / ".platform").write_text(json.dumps(about), encoding="utf-8")
    if setting is not None:
        workspace(place).change(firewall=setting)
    found = result(run(place), "A")
    assert (found.status == history.FAILED) is refuses
    assert ("mlang staging settings --firewall off" in str(found.error)) is refuses


def test_sources_of_two_levels_in_one_query(tmp_path: Path) -> None:  # 49, ERR-63
    text = 'shared A = let S = Csv.Document(File.Contents("n.csv")), T = Web.Contents("https://x/") in Table.Combine({S, T});'
    place = files_in(make(tmp_path, text))
    error = str(result(run(place, True, File="Private", Web="Public"), "A").error)
    assert (
        "(step 'T') is accessing data sources that have privacy levels which cannot be used together" in error
    )
    assert "File n.csv is Private, Web https://x/ is Public." in error


NESTED = """
shared F = Table.AddColumn(Csv.Document(File.Contents("n.csv")), "L", each {1});
shared A = Table.TransformColumns(F, {"L", each try List.Count(_) otherwise -1, type number});
"""


def test_what_crosses_partitions_is_flat(tmp_path: Path) -> None:  # 50, 54
    place = files_in(make(tmp_path, NESTED, unstaged=("F",)))
    assert run(place, False).status == "Completed"
    assert rows(place, "A")[0][2] == 1.0
    done = run(place, True)
    assert done.status == "Completed", [q.error for q in done.queries]
    assert result(done, "A").errors or rows(place, "A")[0][2] in (None, -1.0)


def test_the_error_of_a_nested_value() -> None:  # 54
    import mlang as front

    table = front.evaluate('#table(type table [a = number, b = list], {{1, {2}}, {3, error "x"}})')
    flat = firewall.buffered(table)
    assert flat.type == table.type
    (first, nested), (second, failing) = flat.rows()
    assert (first, second) == (1.0, 3.0)
    for cell, message in ((nested, "We cannot return a value of type List in this context."), (failing, "x")):
        with pytest.raises(front.MError) as raised:
            force(cell)
        assert raised.value.message == message


def test_only_what_is_read_by_others_is_buffered(tmp_path: Path) -> None:
    text = """
    shared P = #table({"k"}, {{1}});
    shared F = Csv.Document(File.Contents("n.csv"));
    shared G = Csv.Document(File.Contents("m.csv"));
    shared A = Table.Combine({F, P});
    """
    assert firewall.guarded(firewall.analyse(read(make(tmp_path, text)))) == {"F"}


def test_explain_shows_edge_and_cure(tmp_path: Path, mlang: Any) -> None:  # noqa: F811
    place = files_in(make(tmp_path, MIXED))
    done = mlang("firewall", "explain", str(place), "--json")
    found = json.loads(done.out)
    [bad] = [p for p in found["partitions"] if p["cure"]]
    [read_by] = [p for p in found["partitions"] if p["partition"] == bad["reads"][0]]
    assert (bad["query"], read_by["query"], bad["sources"][0]["path"]) == ("A", "F", "m.csv")
    assert bad["edge"] == "File m.csv \u2014 A (step 'A') \u2192 F"
    assert "open the source in a query of its own" in bad["cure"]
    assert (found["off"], found["enforced"]) == (False, False)
    levels = tmp_path / "levels.json"
    levels.write_text('[{"kind": "File", "path": "n", "level": "Private"}]', encoding="utf-8")
    sources = json.loads(mlang("firewall", "explain", str(place), "--levels", str(levels), "--json").out)
    assert [s["level"] for p in sources["partitions"] for s in p["sources"]] == ["Private", "None"]
