"""The dataflow connector over local workspaces; facts by the numbers of the behaviour list."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from dataflows.making import make, refresh, result, rows

import mlang
from staging.store import published
from staging.workspace import Workspace

SALES = """
shared Sales = #table(type table [Id = number, Kind = text], {{1, "a"}, {2, "b"}, {3, "a"}});
shared Big = Table.SelectRows(Sales, each [Id] > 1);
"""
ROWS = '#table(type table [Id = number, Kind = text], {{1, "a"}, {2, "b"}, {3, "a"}})'


@pytest.fixture
def place(tmp_path: Path) -> Path:
    found = make(tmp_path, SALES, name="sales")
    assert refresh(found).status == "Completed"
    return found


def ask(place: Path, expression: str) -> str:
    return mlang.to_m(mlang.evaluate(expression, base_dir=str(place)))


LAKE = 'Lakehouse.Contents(null){0}[Data]{[lakehouseName="DataflowsStagingLakehouse"]}[Data]'
WAREHOUSE = 'Fabric.Warehouse(null){0}[Data]{[warehouseName="DataflowsStagingWarehouse"]}[Data]'
ROOT = 'PowerPlatform.Dataflows(null){[Id="Workspaces"]}[Data]'


@pytest.mark.parametrize(
    ("expression", "answer"),
    [  # 16
        (ROOT + '{0}[Data]{[dataflowName="sales"]}[Data]{[entity="Sales", version=""]}[Data]', ROWS),
        (ROOT + '{[workspaceId = ' + ROOT + '{0}[workspaceId]]}[Data]{0}[dataflowName]', '"sales"'),
        (f"Table.ColumnNames({ROOT})", '{"workspaceId", "Name", "Data"}'),
        (f"Table.ColumnNames({ROOT}{{0}}[Data])", '{"dataflowId", "dataflowName", "Data"}'),
        (f"Table.ColumnNames({ROOT}{{0}}[Data]{{0}}[Data])", '{"entity", "version", "Data"}'),
        ('PowerBI.Dataflows(null){0}[Data]{0}[Data]{[entity="Big"]}[Data][Id]', "{2, 3}"),
        # 19
        ("Table.ColumnNames(Lakehouse.Contents(null))", '{"workspaceId", "workspaceName", "Data"}'),
        (
            "Table.ColumnNames(Lakehouse.Contents([EnableFolding=false]){0}[Data]{0}[Data])",
            '{"Name", "Id", "Data", "Schema", "ItemKind", "ItemName", "IsLeaf"}',
        ),
        (
            LAKE + '{[Id="sales.Sales", ItemKind="Table"]}[Data]',
            ROWS,
        ),
        (
            WAREHOUSE + '{[Schema="dbo", Item="sales.Big"]}[Data][Id]',
            "{2, 3}",
        ),
    ],
)  # fmt: skip
def test_navigation(place: Path, expression: str, answer: str) -> None:
    assert ask(place, expression) == answer


def test_the_argument_is_mandatory(place: Path) -> None:  # 16
    with pytest.raises(mlang.MError, match="arguments were passed"):
        ask(place, "PowerPlatform.Dataflows()")


def test_a_missing_entity(place: Path) -> None:
    with pytest.raises(mlang.MError, match="The key didn't match any rows"):
        ask(place, ROOT + '{0}[Data]{0}[Data]{[entity="Nope", version=""]}[Data]')


def test_without_a_workspace(tmp_path: Path) -> None:  # 17
    with pytest.raises(mlang.MError) as caught:
        ask(tmp_path, "PowerPlatform.Dataflows(null)")
    assert caught.value.message == (
        "Credentials are required to connect to the PowerPlatformDataflows source. "
        "(Source at PowerPlatformDataflows.)"
    )


def test_ids_come_from_the_platform_file(tmp_path: Path) -> None:
    found = make(tmp_path, SALES, name="sales")
    about = '{"metadata": {"displayName": "Shop"}, "config": {"logicalId": "abc-1"}}'
    (found / ".platform").write_text(about, encoding="utf-8")
    refresh(found)
    assert ask(found, ROOT + '{0}[Data]{[dataflowId="abc-1"]}[dataflowName]') == '"Shop"'


READER = """
shared Source = PowerPlatform.Dataflows(null){[Id="Workspaces"]}[Data]{0}[Data]{[dataflowName="sales"]}[Data];
shared Copy = Table.Group(Source{[entity="Sales", version=""]}[Data], {"Kind"}, {{"N", each Table.RowCount(_), Int64.Type}});
"""


@pytest.mark.parametrize("engine", ["auto", "none"])
def test_another_dataflow_reads_it(place: Path, engine: str) -> None:  # 9, 16
    other = make(place.parent, READER, name="other", unstaged=("Source",))
    run = refresh(other, session={"engine": engine})
    assert run.status == "Completed", run
    assert rows(other, "Copy") == [("a", 2.0), ("b", 1.0)]


def test_it_folds(place: Path) -> None:
    text = f'let S = {ROOT}{{0}}[Data]{{0}}[Data]{{[entity="Sales", version=""]}}[Data], '
    text += "F = Table.SelectRows(S, each [Id] > 1) in F"
    steps = list(mlang.explain(text, base_dir=str(place)))
    assert steps[-1].sql is not None


def test_one_evaluation_sees_one_state(place: Path) -> None:  # 3
    seen: list[Any] = []

    def again() -> str:
        make(place.parent, SALES.replace("{3, ", "{4, "), name="sales")
        seen.append(refresh(place).status)
        return "done"

    entity = ROOT + '{0}[Data]{0}[Data]{[entity="Sales", version=""]}[Data][Id]'
    source = f"section S; shared Again = null; shared Q = {{{entity}, Again(), {entity}}};"
    value = mlang.evaluate(source, query="Q", base_dir=str(place), parameters={"Again": again})
    assert mlang.to_m(value) == '{{1, 2, 3}, "done", {1, 2, 3}}'
    assert seen == ["Completed"]
    assert ask(place, entity) == "{1, 2, 4}"


def test_collected_data_are_an_error_of_their_own(place: Path) -> None:  # 14
    snapshot = published.read(Workspace.beside(place).path, place.name)
    for query in snapshot.entries:
        snapshot.place(query).collect(())
    entity = ROOT + '{0}[Data]{0}[Data]{[entity="Sales", version=""]}[Data]'
    assert ask(place, f"(try {entity})[Error][Reason]") == '"DataSource.Error"'
    with pytest.raises(mlang.MError, match="generation 1 is gone"):
        ask(place, entity)


def test_environment_names_workspaces(place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    far = tmp_path / "far" / "away"
    far.mkdir(parents=True)
    monkeypatch.setenv("MLANG_WORKSPACES", str(Workspace.beside(place).path))
    assert ask(far, ROOT + "{0}[Data]{0}[dataflowName]") == '"sales"'
    broken = make(tmp_path / "far", "shared A = PowerBI.Dataflows(null){9}[Data];")
    assert "There weren't enough elements" in str(result(refresh(broken), "A").error)
