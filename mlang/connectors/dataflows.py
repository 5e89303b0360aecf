"""PowerPlatform.Dataflows, PowerBI.Dataflows, Lakehouse.Contents, Fabric.Warehouse: staged data of this machine.

The functions have the product's navigation tables, over workspaces that a `WorkspaceReader` knows.
Staging lives above this package, so the front doors hang a maker on ``Session.workspace_reader``;
one reader serves a whole evaluation, which therefore sees one state of everything staged,
whatever is refreshed meanwhile.  What readers get folds like any other file.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

from mlang import errors, registry
from mlang.registry import builtin
from mlang.session import current
from mlang.tables.plan import Values
from mlang.tables.table import Table
from mlang.values.thunk import Thunk
from mlang.values.types import LOGICAL, TABLE, TEXT, TableType, table_type


class Item(NamedTuple):
    """Something that has an id and a name: a workspace, a dataflow, a staging item."""

    id: str
    name: str


class Entity(NamedTuple):
    """A staged query: its table is opened when somebody needs it."""

    dataflow: Item
    name: str
    open: Callable[[], Table]


class Stored(NamedTuple):
    """A table of a lakehouse or warehouse: its schema and name; opened when somebody needs it."""

    schema: str
    name: str
    open: Callable[[], Table]


class WorkspaceReader(Protocol):
    """What the connectors ask of staging; answers stay the same for the reader's life."""

    def workspaces(self) -> Sequence[Item]:
        """The workspaces that can be read."""

    def dataflows(self, workspace: Item) -> Sequence[Item]:
        """The dataflows of a workspace that have staged data."""

    def entities(self, workspace: Item, dataflow: Item) -> Sequence[Entity]:
        """The staged queries of a dataflow."""

    def items(self, workspace: Item, kind: str) -> Sequence[Item]:
        """The staging item of a workspace and the others there: ``kind`` is "Lakehouse" or "Warehouse"."""

    def stored(self, workspace: Item, kind: str, item: Item) -> Sequence[Stored]:
        """The tables of an item; those of a staging item are staged queries."""

    def files(self, workspace: Item, item: Item) -> str | None:
        """The folder of a lakehouse's files, if there is one."""


def _reader(kind: str) -> WorkspaceReader:
    """The evaluation's reader; without a workspace there is nothing to connect to."""
    session = current()
    known = session.fixed.get("workspace reader")
    if known is None and session.workspace_reader is not None:
        known = session.fixed["workspace reader"] = session.workspace_reader(session)
    if known is None or not known.workspaces():
        raise errors.credentials_required(kind, kind)
    return known  # type: ignore[no-any-return]


def _table(columns: dict[str, Any], rows: list[tuple[Any, ...]], *key: str) -> Table:
    """A navigation table; `key` columns are its primary key."""
    plain = table_type(list(columns), list(columns.values()))
    cells = [list(column) for column in zip(*rows, strict=True)] if rows else [[] for _ in columns]
    return Table(Values(TableType(plain.row, ((key, True),)), cells, len(rows)))


def _later(make: Callable[..., Any], *arguments: Any) -> Thunk:
    return Thunk(lambda: make(*arguments))


# ---------------------------------------------------------------- dataflows


@builtin("PowerPlatform.Dataflows(options as nullable record) as table")
def power_platform_dataflows(options: dict[str, Any] | None) -> Table:
    """Lists the workspaces of this machine, their dataflows, and the staged queries of each.

    A query is picked by ``{[Id="Workspaces"]}[Data]{[workspaceId="..."]}[Data]{[dataflowId="..."]}[Data]
    {[entity="Name", version=""]}[Data]``; Name and dataflowName are keys as well.  Staged data are
    those of the last good refresh.  Options are accepted and change nothing.
    """
    reader = _reader("PowerPlatformDataflows")
    rows = [("Workspaces", "Workspaces", _later(_workspaces, reader, _dataflows))]
    return _table({"Id": TEXT, "Name": TEXT, "Data": TABLE}, rows, "Id")


@builtin("PowerBI.Dataflows(options as nullable record) as table")
def power_bi_dataflows(options: dict[str, Any] | None) -> Table:
    """Lists the workspaces of this machine: the older form of PowerPlatform.Dataflows.

    A query is picked by ``{[workspaceId="..."]}[Data]{[dataflowId="..."]}[Data]{[entity="Name"]}[Data]``.
    """
    return _workspaces(_reader("PowerBI"), _old_dataflows)


def _workspaces(reader: WorkspaceReader, below: Callable[[WorkspaceReader, Item], Table]) -> Table:
    columns = {"workspaceId": TEXT, "Name": TEXT, "Data": TABLE}
    rows = [(w.id, w.name, _later(below, reader, w)) for w in reader.workspaces()]
    return _table(columns, rows, "workspaceId")


def _dataflows(reader: WorkspaceReader, workspace: Item) -> Table:
    columns = {"dataflowId": TEXT, "dataflowName": TEXT, "Data": TABLE}
    rows = [(d.id, d.name, _later(_entities, reader, workspace, d)) for d in reader.dataflows(workspace)]
    return _table(columns, rows, "dataflowId")


def _entities(reader: WorkspaceReader, workspace: Item, dataflow: Item) -> Table:
    columns = {"entity": TEXT, "version": TEXT, "Data": TABLE}
    rows = [(e.name, "", _later(e.open)) for e in reader.entities(workspace, dataflow)]
    return _table(columns, rows, "entity", "version")


def _old_dataflows(reader: WorkspaceReader, workspace: Item) -> Table:
    columns = {"dataflowId": TEXT, "dataflowName": TEXT, "Data": TABLE}
    rows = [(d.id, d.name, _later(_old_entities, reader, workspace, d)) for d in reader.dataflows(workspace)]
    return _table(columns, rows, "dataflowId")


def _old_entities(reader: WorkspaceReader, workspace: Item, dataflow: Item) -> Table:
    rows = [(e.name, _later(e.open)) for e in reader.entities(workspace, dataflow)]
    return _table({"entity": TEXT, "Data": TABLE}, rows, "entity")


# ---------------------------------------------------------------- staging items


@builtin(
    "Lakehouse.Contents(optional options as nullable record) as table",
)
def lakehouse_contents(options: dict[str, Any] | None = None) -> Table:
    """Lists the workspaces of this machine, their lakehouses, and the tables and files of each.

    A table is picked by ``{[workspaceId="..."]}[Data]{[lakehouseId="..."]}[Data]{[Id="...", ItemKind="Table"]}
    [Data]``; in the staging lakehouse Id is the dataflow's name, a dot and the query's name.  Files lie in
    ``{[Id="Files", ItemKind="Folder"]}[Data]``.  Options are accepted and change nothing.
    """
    return _workspaces_of("Lakehouse", _lakehouse)


def _workspaces_of(kind: str, below: Callable[[WorkspaceReader, Item, Item], Table]) -> Table:
    """The workspaces with their items of a kind, and what is below these."""
    reader = _reader(kind)
    columns = {"workspaceId": TEXT, "workspaceName": TEXT, "Data": TABLE}
    rows = [(w.id, w.name, _later(_items, reader, kind, below, w)) for w in reader.workspaces()]
    return _table(columns, rows, "workspaceId")


def _items(
    reader: WorkspaceReader, kind: str, below: Callable[[WorkspaceReader, Item, Item], Table], workspace: Item
) -> Table:
    own = kind.lower()
    rows = [(i.id, i.name, _later(below, reader, workspace, i)) for i in reader.items(workspace, kind)]
    return _table({f"{own}Id": TEXT, f"{own}Name": TEXT, "Data": TABLE}, rows, f"{own}Id")


def _lakehouse(reader: WorkspaceReader, workspace: Item, item: Item) -> Table:
    columns = {
        "Name": TEXT, "Id": TEXT, "Data": TABLE, "Schema": TEXT, "ItemKind": TEXT, "ItemName": TEXT,
        "IsLeaf": LOGICAL,
    }  # fmt: skip
    rows: list[tuple[Any, ...]] = []
    for table in reader.stored(workspace, "Lakehouse", item):
        rows.append((table.name, table.name, _later(table.open), table.schema, "Table", "Table", True))
    folder = reader.files(workspace, item)
    if folder is not None:
        contents = registry.value_of("Folder.Contents").fn
        rows.append(("Files", "Files", _later(contents, folder), "", "Folder", "Folder", False))
    return _table(columns, rows, "Id", "ItemKind")


@builtin(
    "Fabric.Warehouse(optional options as nullable record) as table",
)
def fabric_warehouse(options: dict[str, Any] | None = None) -> Table:
    """Lists the workspaces of this machine, their warehouses, and the tables of each.

    A table is picked by ``{[workspaceId="..."]}[Data]{[warehouseId="..."]}[Data]{[Schema="dbo", Item="..."]}
    [Data]``; in the staging warehouse Item is the dataflow's name, a dot and the query's name.  Options are
    accepted and change nothing.
    """
    return _workspaces_of("Warehouse", _warehouse)


def _warehouse(reader: WorkspaceReader, workspace: Item, item: Item) -> Table:
    columns = {"Name": TEXT, "Data": TABLE, "Schema": TEXT, "Item": TEXT, "Kind": TEXT}
    rows: list[tuple[Any, ...]] = []
    for table in reader.stored(workspace, "Warehouse", item):
        rows.append((table.name, _later(table.open), table.schema, table.name, "Table"))
    return _table(columns, rows, "Schema", "Item")
