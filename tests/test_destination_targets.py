"""What a destination query points to, and SQL Server's statements, which are compared as text."""

from __future__ import annotations

from typing import Any

import pytest
from dataflows.making import members

from staging.dataflow import DestinationSettings
from staging.destinations.rows import Rows
from staging.destinations.target import DeltaTarget, DuckDbTarget, FileTarget, ServerTarget, target_of
from staging.errors import CannotStage, DataflowError
from staging.types import Column

LAKE = 'Lakehouse.Contents([]){[workspaceId = "w"]}[Data]{[lakehouseId = "shop"]}[Data]'
HOUSE = 'Fabric.Warehouse([]){[workspaceId = "w"]}[Data]{[warehouseId = "dw"]}[Data]'

# ---------------------------------------------------------------- SQL Server as text


class Scripted:
    """Notes statements; answers the catalogue's question."""

    def __init__(self, existing: list[tuple[Any, ...]]) -> None:
        self.existing, self.said = existing, []  # type: ignore[var-annotated]

    def __call__(self, sql: str) -> list[tuple[Any, ...]]:
        self.said.append(sql)
        return self.existing if "sys.columns" in sql else []


def sqlserver(
    existing: list[tuple[Any, ...]], settings: DestinationSettings, columns: list[Column], *cells: Any
) -> Any:
    from mlang.tables.plan import Batch
    from staging.destinations.servers import SqlServerWriter, load_sqlserver, server_of

    target = ServerTarget("SQL Server", "s", "d", "dbo", "T]x")
    run = Scripted(existing)
    batch = Batch([list(c) for c in cells], len(cells[0]))
    rows = Rows("A", iter([batch]), tuple(columns), None)
    load_sqlserver(SqlServerWriter(target, server_of(target), run), settings, rows)
    return run.said


def column(name: str, type: str, code: str) -> Column:
    from mlang.values.types import nullable, primitive

    return Column(name, nullable(primitive(type)), name, code)


def test_sqlserver_statements() -> None:
    columns = [
        column("n", "number", "double"),
        column("t", "text", "text"),
        column("b", "logical", "logical"),
    ]
    said = sqlserver([], DestinationSettings("D"), columns, [1.5, None], ["O'K", "€"], [True, None])
    assert said[0] == "SET XACT_ABORT ON"
    assert said[1].startswith("EXEC sp_getapplock @Resource = N'mlang ")
    assert said[-2] == "CREATE TABLE [dbo].[T]]x] ([n] float, [t] nvarchar(max), [b] bit)"
    assert said[-1] == (
        "INSERT INTO [dbo].[T]]x] ([n], [t], [b]) VALUES (1.5e0,N'O''K',1),(NULL,N'€',NULL)"
    )  # fmt: skip
    known = [("n", "float", 8, 53, 0), ("t", "nvarchar", -1, 0, 0), ("b", "bit", 1, 1, 0)]
    dynamic = DestinationSettings("D", automatic=False, dynamic_schema=True)
    assert "DELETE FROM [dbo].[T]]x]" in sqlserver(known, dynamic, columns, [1.0], ["a"], [False])
    assert "DROP TABLE [dbo].[T]]x]" in sqlserver(known[:2], dynamic, columns, [1.0], ["a"], [False])
    statements = sqlserver(known, dynamic, columns[:1], [float(i) for i in range(2500)])
    assert len([s for s in statements if s.startswith("INSERT")]) == 3  # 1,000 rows at most


def test_sqlserver_refuses_durations() -> None:
    from staging.destinations.tables import supported

    rows = Rows("A", iter([]), (column("u", "duration", "interval"),), None)
    with pytest.raises(
        CannotStage, match=r"of type duration is unsupported by the destination \(SQL Server\)"
    ):
        supported("SQL Server", rows)


# ---------------------------------------------------------------- what a destination query points to


def target(m: str, table: str | None = None) -> Any:
    return target_of("D", members(f"shared D = {m};"), {}, table)


def test_targets_of_items_and_servers() -> None:
    end = '{[Schema = "s", Item = "T"]}?[Data]?'
    assert target('Sql.Database("h", "d")' + end) == ServerTarget("SQL Server", "h", "d", "s", "T")
    assert target('MySQL.Database("h:3307", "d"){[Item = "T"]}?[Data]?') == ServerTarget(
        "MySQL", "h:3307", "d", "d", "T"
    )
    hierarchy = 'PostgreSQL.Database("h", "d", [HierarchicalNavigation = true]){[Schema = "s"]}[Data]{[Name = "T"]}?[Data]?'
    assert target(hierarchy) == ServerTarget("PostgreSQL", "h", "d", "s", "T")
    assert target('PostgreSQL.Database("h", "d")', "My Query").table == "My Query"
    assert target(LAKE + '{[Id = "T", ItemKind = "Table"]}?[Data]?') == DeltaTarget(
        "workspace:/shop.Lakehouse/Tables/T"
    )
    assert target(LAKE, "My Query") == DeltaTarget("workspace:/shop.Lakehouse/Tables/My_Query")
    files = LAKE + '{[Id = "Files", ItemKind = "Folder"]}[Data]'
    assert target(files + '{[Name = "a.csv"]}?[Content]?') == FileTarget(
        "workspace:/shop.Lakehouse/Files/a.csv", "csv"
    )
    assert target(HOUSE + end) == DuckDbTarget("workspace:/dw.Warehouse/warehouse.duckdb", "s", "T", True)
    assert target('DeltaLake.Table(Folder.Contents("x/y"))') == DeltaTarget("x/y")


@pytest.mark.parametrize(
    ("m", "message"),
    [
        (LAKE + '{[Id = "a b", ItemKind = "Table"]}?[Data]?', "no name for a lakehouse table"),
        (LAKE + '{[Id = "Files", ItemKind = "Folder"]}[Data]{[Name = ".."]}?[Content]?', "names no file"),
        (
            LAKE + '{[Id = "Files", ItemKind = "Folder"]}[Data]{[Name = "a.xml"]}?[Content]?',
            "must end in .parquet",
        ),
        ("Lakehouse.Contents([])", "name it by"),
        ('PostgreSQL.Database("h")', "needs the name of the database"),
        ('PostgreSQL.Database("h", "d")', "names no table"),
        ('Oracle.Database("h")', "isn't a supported target"),
    ],
)
def test_targets_that_are_refused(m: str, message: str) -> None:
    with pytest.raises(DataflowError, match=message):
        target(m)
