"""What a destination query points to, read from its syntax tree.

The target may not exist yet, so nothing is opened: the tree is followed from the result of
the query down to the function that names the place.  Paths may be texts, parameters and
other members or variables that are texts, joined by ``&``.

    DuckDB.Database("retail.duckdb"){[Schema = "main", Item = "Sales"]}?[Data]?
    File.Contents("out/sales.parquet")          .csv, .tsv and .txt are delimited text
    Csv.Document(File.Contents("out/sales.csv"), [Delimiter = ";", Encoding = 65001])
    Parquet.Document(File.Contents(Folder & "/sales.parquet"))
    Folder.Contents("out"){[Name = "sales.csv"]}?[Content]?
    Lakehouse.Contents([]){[workspaceId = W]}[Data]{[lakehouseId = L]}[Data]{[Id = "T", ItemKind = "Table"]}?[Data]?
    DeltaLake.Table(Folder.Contents("out/sales"))
    PostgreSQL.Database("server", "shop"){[Schema = "public", Item = "sales"]}?[Data]?
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

from attrs import evolve, frozen

from mlang.syntax import nodes
from staging.dataflow import NoLiteral, literal
from staging.errors import DataflowError
from staging.store.files import safe_name

_TEXT_FILES = {".csv": ",", ".tsv": "\t", ".txt": ","}
_FILES = ("File.Contents", "Folder.Contents", "Folder.Files")
#: Functions of database servers: kind, and the schema that is meant when none is named (None: the database).
_SERVERS = {
    "PostgreSQL.Database": ("PostgreSQL", "public"), "MySQL.Database": ("MySQL", None),
    "Sql.Database": ("SQL Server", "dbo"),
}  # fmt: skip
_HOW = (
    "Known targets: Lakehouse.Contents and Fabric.Warehouse; DuckDB.Database(path), SQLite.Database(path), "
    "PostgreSQL.Database, MySQL.Database and Sql.Database with {[Schema = ..., Item = ...]}?[Data]?; "
    "DeltaLake.Table(Folder.Contents(path)); File.Contents(path.parquet or .csv)."
)


@frozen
class DuckDbTarget:
    """A table of a DuckDB file."""

    path: str
    schema: str
    table: str
    #: A warehouse of the workspace: the schema is fixed, the types are the product's.
    warehouse: bool = False

    @property
    def label(self) -> str:
        return f"{self.path}: {self.schema}.{self.table}"


@frozen
class FileTarget:
    """A Parquet file or delimited text."""

    path: str
    format: str
    delimiter: str = ","
    encoding: str = "utf-8"

    @property
    def label(self) -> str:
        return self.path


@frozen
class SqliteTarget:
    """A table of an SQLite file."""

    path: str
    table: str

    @property
    def label(self) -> str:
        return f"{self.path}: {self.table}"


@frozen
class ServerTarget:
    """A table of a database server; ``kind`` is PostgreSQL, MySQL or SQL Server."""

    kind: str
    server: str
    database: str
    schema: str
    table: str

    @property
    def path(self) -> str:
        """What queries that are loaded to one table have in common."""
        return self.label

    @property
    def label(self) -> str:
        return f"{self.kind} {self.server};{self.database}: {self.schema}.{self.table}"


@frozen
class DeltaTarget:
    """A Delta Lake table in a folder: a lakehouse table."""

    path: str

    @property
    def label(self) -> str:
        return self.path


Target = DuckDbTarget | FileTarget | SqliteTarget | ServerTarget | DeltaTarget
#: A path that begins so stands in the workspace: the lakehouses and warehouses there.
WORKSPACE = "workspace:/"


def target_of(
    query: str, members: Mapping[str, nodes.Node], parameters: Mapping[str, Any], table: str | None = None
) -> Target:
    """The target of a destination query; ``table`` is the table's name where the query leaves it open."""
    return _Reader(query, members, parameters).target(table)


@frozen
class _Place:
    """What an expression says so far: the function, its arguments and the keys of the accesses on it."""

    function: str
    arguments: tuple[nodes.Node, ...]
    scope: dict[str, nodes.Node]
    keys: tuple[dict[str, Any], ...] = ()


class _Reader:
    def __init__(self, query: str, members: Mapping[str, nodes.Node], parameters: Mapping[str, Any]) -> None:
        self.query, self.members, self.parameters = query, members, parameters

    def _refuse(self, what: str) -> DataflowError:
        return DataflowError(f"Destination query '{self.query}': {what}")

    def target(self, table: str | None) -> Target:
        place = self._place(self.members[self.query], dict(self.members), 0)
        if place.function == "DuckDB.Database":
            return self._duckdb(place, table)
        if place.function == "SQLite.Database":
            return self._sqlite(place, table)
        if place.function in _SERVERS:
            return self._server(place, table)
        if place.function == "Lakehouse.Contents":
            return self._lakehouse(place, table)
        if place.function == "Fabric.Warehouse":
            return self._warehouse(place, table)
        if place.function == "DeltaLake.Table":
            return self._delta(place)
        if place.function in (*_FILES, "Csv.Document", "Parquet.Document"):
            return self._file(place)
        raise self._refuse(f"{place.function} isn't a supported target yet. {_HOW}")

    # ------------------------------------------------------------ down the tree

    def _place(self, node: nodes.Node, scope: dict[str, nodes.Node], depth: int) -> _Place:
        if depth > 200:
            raise self._refuse("it refers to itself.")
        if isinstance(node, nodes.Parenthesized):
            return self._place(node.inner, scope, depth + 1)
        if isinstance(node, nodes.Let):
            return self._place(node.body, scope | {b.name: b.value for b in node.bindings}, depth + 1)
        if isinstance(node, nodes.Name) and node.name in scope:
            return self._place(scope[node.name], scope, depth + 1)
        if isinstance(node, nodes.FieldAccess) and node.target is not None:
            if node.name not in ("Data", "Content"):
                raise self._refuse(f"[{node.name}] can't be followed without opening the target. {_HOW}")
            return self._place(node.target, scope, depth + 1)
        if isinstance(node, nodes.ItemAccess):
            place = self._place(node.target, scope, depth + 1)
            return evolve(place, keys=(*place.keys, self._key(node.index, scope)))
        if isinstance(node, nodes.Invocation) and isinstance(node.function, nodes.Name):
            return _Place(node.function.name, node.arguments, scope)
        raise self._refuse(f"its result can't be followed to a place. {_HOW}")

    def _key(self, node: nodes.Node, scope: dict[str, nodes.Node]) -> dict[str, Any]:
        if not isinstance(node, nodes.Record):
            raise self._refuse("a navigation step must be a record such as {[Schema = ..., Item = ...]}.")
        return {b.name: self._text(b.value, scope, b.name, 0) for b in node.entries}

    def _text(self, node: nodes.Node, scope: dict[str, nodes.Node], what: str, depth: int) -> str:
        """A text that needs no evaluation: literals, parameters and other names, ``&``."""
        found: Any = None
        if depth > 200:
            raise self._refuse(f"{what} refers to itself.")
        if isinstance(node, nodes.Literal):
            found = node.value
        elif isinstance(node, nodes.Parenthesized):
            return self._text(node.inner, scope, what, depth + 1)
        elif isinstance(node, nodes.Binary) and node.operator == "meta":
            return self._text(node.left, scope, what, depth + 1)
        elif isinstance(node, nodes.Binary) and node.operator == "&":
            left = self._text(node.left, scope, what, depth + 1)
            return left + self._text(node.right, scope, what, depth + 1)
        elif isinstance(node, nodes.Name) and node.name in scope:
            if node.name in self.parameters and scope[node.name] is self.members.get(node.name):
                found = self.parameters[node.name]
            else:
                return self._text(scope[node.name], scope, what, depth + 1)
        if not isinstance(found, str):
            raise self._refuse(f"{what} must be a text: literals, parameters and & only.")
        return found

    # ------------------------------------------------------------ the targets

    def _argument(self, place: _Place, index: int, what: str) -> str:
        if index >= len(place.arguments):
            raise self._refuse(f"{place.function} needs {what}.")
        return self._text(place.arguments[index], place.scope, what, 0)

    def _duckdb(self, place: _Place, table: str | None) -> DuckDbTarget:
        key = place.keys[-1] if place.keys else {}
        unknown = set(key) - {"Schema", "Item", "Name"}
        if unknown:
            raise self._refuse(
                f"a DuckDB table is named by Schema and Item, not by {', '.join(sorted(unknown))}."
            )
        name = key.get("Item") or key.get("Name") or table
        if not name:
            raise self._refuse('it names no table. Add {[Schema = "main", Item = "..."]}?[Data]?.')
        return DuckDbTarget(
            self._argument(place, 0, "the path of the database"), key.get("Schema", "main"), name
        )

    def _sqlite(self, place: _Place, table: str | None) -> SqliteTarget:
        key = place.keys[-1] if place.keys else {}
        unknown = set(key) - {"Schema", "Item", "Name"}
        if unknown or key.get("Schema", "main") != "main":
            raise self._refuse('an SQLite table is named by {[Schema = "main", Item = "..."]}.')
        name = key.get("Item") or key.get("Name") or table
        if not name:
            raise self._refuse('it names no table. Add {[Schema = "main", Item = "..."]}?[Data]?.')
        return SqliteTarget(self._argument(place, 0, "the path of the database"), name)

    def _server(self, place: _Place, table: str | None) -> ServerTarget:
        kind, schema = _SERVERS[place.function]
        key = {name: value for found in place.keys for name, value in found.items()}
        unknown = set(key) - {"Schema", "Item", "Name"}
        if unknown:
            raise self._refuse(
                f"a {kind} table is named by Schema and Item, not by {', '.join(sorted(unknown))}."
            )
        server = self._argument(place, 0, "the server")
        database = self._argument(place, 1, "the name of the database")
        name = key.get("Item") or key.get("Name") or table
        if not name:
            raise self._refuse('it names no table. Add {[Schema = "...", Item = "..."]}?[Data]?.')
        return ServerTarget(
            kind,
            server,
            database,
            key.get("Schema") or schema or database,
            name,
        )

    def _item(self, place: _Place, kind: str) -> str:
        """The folder of a lakehouse or warehouse in the workspace, from the first two keys."""
        small = kind.lower()
        if len(place.keys) < 2:
            raise self._refuse(f'name it by {{[workspaceId = "..."]}}[Data]{{[{small}Id = "..."]}}[Data].')
        first, second = place.keys[:2]
        own = second.get(f"{small}Id") or second.get(f"{small}Name") or second.get("Name")
        if not set(first) & {"workspaceId", "workspaceName", "Name"} or not own:
            raise self._refuse(f'name it by {{[workspaceId = "..."]}}[Data]{{[{small}Id = "..."]}}[Data].')
        return f"{WORKSPACE}{_folder(own)}.{kind}"

    def _lakehouse(self, place: _Place, table: str | None) -> DeltaTarget | FileTarget:
        folder = self._item(place, "Lakehouse")
        keys = place.keys[2:]
        first = keys[0] if keys else {}
        if first.get("Id") == "Files" or first.get("Name") == "Files" or first.get("ItemKind") == "Folder":
            parts = [key.get("Name") or key.get("Id") for key in keys[1:]]
            if not parts or not all(parts) or any(p in (".", "..") or "/" in str(p) for p in parts):
                raise self._refuse('it names no file. Add {[Name = "file.csv"]}?[Content]?.')
            return self._format(f"{folder}/Files/{'/'.join(map(str, parts))}", place)
        key = {name: value for found in keys for name, value in found.items()}
        name = key.get("Id") or key.get("Name") or (legal_name(table) if table else None)
        if key.get("ItemKind", "Table") != "Table" or not name:
            raise self._refuse('it names no table. Add {[Id = "...", ItemKind = "Table"]}?[Data]?.')
        if legal_name(name) != name:
            raise self._refuse(f"'{name}' is no name for a lakehouse table: letters, digits and _ only.")
        schema = key.get("Schema")
        inside = f"{_folder(schema)}/{name}" if schema and schema != "dbo" else name
        return DeltaTarget(f"{folder}/Tables/{inside}")

    def _warehouse(self, place: _Place, table: str | None) -> DuckDbTarget:
        folder = self._item(place, "Warehouse")
        key = {name: value for found in place.keys[2:] for name, value in found.items()}
        name = key.get("Item") or key.get("Name") or table
        if not name:
            raise self._refuse('it names no table. Add {[Schema = "dbo", Item = "..."]}?[Data]?.')
        return DuckDbTarget(f"{folder}/warehouse.duckdb", key.get("Schema", "dbo"), name, warehouse=True)

    def _delta(self, place: _Place) -> DeltaTarget:
        inner = self._place(place.arguments[0], place.scope, 0) if place.arguments else place
        if inner.function not in ("Folder.Contents", "Folder.Files"):
            raise self._refuse("DeltaLake.Table needs Folder.Contents(...) here.")
        return DeltaTarget(self._argument(inner, 0, "the path of the folder"))

    def _format(self, path: str, place: _Place) -> FileTarget:
        suffix = PurePath(path).suffix.lower()
        if suffix == ".parquet":
            return FileTarget(path, "parquet")
        if suffix in _TEXT_FILES:
            return self._csv(path, suffix, place)
        raise self._refuse(f"the format of {path} is not known: the name must end in .parquet or .csv.")

    def _file(self, place: _Place) -> FileTarget:
        outer = place
        if place.function not in _FILES:
            if not place.arguments:
                raise self._refuse(f"{place.function} needs File.Contents(...).")
            place = self._place(place.arguments[0], place.scope, 0)
            if place.function not in _FILES:
                raise self._refuse(f"{outer.function} needs File.Contents(...) here, not {place.function}.")
        path = self._path(place)
        suffix = PurePath(path).suffix.lower()
        if outer.function == "Parquet.Document" or suffix == ".parquet":
            if outer.function == "Csv.Document":
                raise self._refuse(f"Csv.Document of {path}: the names contradict each other.")
            return FileTarget(path, "parquet")
        if outer.function == "Csv.Document":
            return self._csv(path, suffix, outer)
        return self._format(path, outer)

    def _path(self, place: _Place) -> str:
        path = self._argument(place, 0, "the path of the file")
        if place.function == "File.Contents":
            return path
        name = place.keys[-1].get("Name") if place.keys else None
        if not name:
            raise self._refuse(f'{place.function} needs the name of a file: {{[Name = "..."]}}?[Content]?.')
        return path.rstrip("/\\") + "/" + str(name)

    def _csv(self, path: str, suffix: str, place: _Place) -> FileTarget:
        found = FileTarget(path, "csv", _TEXT_FILES.get(suffix, ","))
        if place.function != "Csv.Document" or len(place.arguments) < 2:
            return found
        try:
            options = literal(_without_names(place.arguments[1]))
        except NoLiteral:
            raise self._refuse("the options of Csv.Document must be a literal record.") from None
        unknown = set(options) - {"Delimiter", "Encoding", "Columns", "QuoteStyle", "CsvStyle"}
        if unknown:
            raise self._refuse(
                f"Csv.Document options {', '.join(sorted(unknown))} say nothing about writing."
            )
        delimiter = options.get("Delimiter", found.delimiter)
        if not isinstance(delimiter, str) or len(delimiter) != 1 or delimiter in '"\r\n':
            raise self._refuse("Delimiter must be one character.")
        return evolve(found, delimiter=delimiter, encoding=self._encoding(options.get("Encoding")))

    def _encoding(self, found: Any) -> str:
        if found is None:
            return "utf-8"
        known = {65001: "utf-8", 1200: "utf-16-le", 1252: "cp1252", 28591: "latin-1", 20127: "ascii"}
        if found not in known:
            listed = ", ".join(map(str, known))
            raise self._refuse(f"Encoding {found} isn't supported for writing. Known: {listed}.")
        return str(known[found])


def legal_name(name: str) -> str:
    """A name as lakehouse tables have them: what is no letter, digit or _ becomes _."""
    return re.sub(r"\W", "_", name)


def _folder(name: str) -> str:
    """A folder's name for an item or schema."""
    return name if re.fullmatch(r"[\w-]+", name) else safe_name(name)


_ENCODINGS = {"TextEncoding.Utf8": 65001.0, "TextEncoding.Windows": 1252.0, "TextEncoding.Ascii": 20127.0,
              "TextEncoding.Utf16": 1200.0, "TextEncoding.Unicode": 1200.0}  # fmt: skip


def _without_names(node: nodes.Node) -> nodes.Node:
    """An options record with the names of text encodings as numbers and quote styles as texts."""
    if not isinstance(node, nodes.Record):
        return node
    entries = []
    for entry in node.entries:
        value: nodes.Node = entry.value
        if isinstance(value, nodes.Name):
            value = nodes.Literal(_ENCODINGS.get(value.name, value.name))
        entries.append(nodes.Binding(entry.name, value))
    return nodes.Record(tuple(entries))
