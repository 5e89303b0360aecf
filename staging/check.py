"""Validation without rows: the schema of every query, and what a refresh would say about it.

As the product does when a dataflow is saved, each query is evaluated down to its table type.  A
staged query that others read stands there as an empty table of its type; only a query that
cannot do with that (it takes a row, or pivots) looks at real data.  Read ``planning.py`` for
what would run.
"""

from __future__ import annotations

from typing import Any

from attrs import define, field

from mlang.app.containers.paths import is_container
from mlang.errors import Cancelled, Fault, MError
from mlang.tables.plan import Values
from mlang.tables.related import without_related
from mlang.tables.table import Table
from mlang.values.kinds import kind_of
from mlang.values.metadata import strip
from mlang.values.thunk import keep_frames
from mlang.values.types import TableType
from staging.dataflow import Dataflow, Query
from staging.destinations.rows import mapped
from staging.destinations.target import target_of
from staging.errors import StagingError
from staging.failures import describe
from staging.queries import Queries
from staging.tasks import outlook
from staging.types import staged_columns, type_label


@define
class Schema:
    """What is known of a query: its kind, its columns, or the error."""

    query: str
    kind: str = ""
    type: TableType | None = None
    error: str | None = None
    #: Problems that only the refresh would meet: columns that cannot be stored, targets that aren't understood.
    problems: list[str] = field(factory=list)

    @property
    def columns(self) -> dict[str, str]:
        """Column names and types."""
        if self.type is None:
            return {}
        return {f.name: type_label(f.type) for f in self.type.row.fields}

    @property
    def good(self) -> bool:
        """Whether a refresh may begin."""
        return self.error is None and not self.problems


def check(dataflow: Dataflow, queries: Queries) -> list[Schema]:
    """The schemas of all queries, those that others need first."""
    plan = outlook(dataflow)
    order = list(dict.fromkeys(t.query for t in plan.tasks))
    order += [name for name, q in dataflow.queries.items() if name not in order and not q.is_target]
    staged = {name for name, q in dataflow.queries.items() if q.staged}
    tables: dict[str, Table] = {}
    found: list[Schema] = []
    for name in order:
        reach = queries.reach(name)
        known = {n: tables[n] for n in (tables if reach is None else reach & tables.keys()) if n != name}
        schema = _schema(dataflow.queries[name], queries.fresh(), known)
        if schema.type is not None and name in staged:
            tables[name] = empty(schema.type)
        found.append(schema)
    return found


def empty(type: TableType) -> Table:
    """A table of a type without rows."""
    return Table(Values(type, [[] for _ in type.row.fields], 0))


def _schema(query: Query, queries: Queries, overrides: dict[str, Table]) -> Schema:
    schema = Schema(query.name)
    try:
        value = _value(query.name, queries, overrides)
    except Cancelled:
        raise
    except (MError, Fault, StagingError, OSError) as error:
        if isinstance(error, MError):
            keep_frames(error)
        schema.error = describe(error, query.name, queries, {})
        return schema
    schema.kind = kind_of(value)
    if schema.kind == "table":
        value = without_related(value)[0]
        schema.type = value.type
        _storable(query, value, queries, schema)
    elif query.destinations:
        schema.problems.append(f"Query '{query.name}' has a destination, and its value is a {schema.kind}.")
    return schema


def _value(name: str, queries: Queries, overrides: dict[str, Table]) -> Any:
    try:
        return strip(queries.value(name, dict(overrides)))
    except MError:
        if not overrides:
            raise
    # Empty tables may be what it stumbled over: once more with the queries themselves.
    return strip(queries.value(name, {}))


def _storable(query: Query, value: Table, queries: Queries, schema: Schema) -> None:
    try:
        if query.staged and not is_container(queries.dataflow.path):  # a workbook stages nothing
            staged_columns(query.name, value.type)
    except StagingError as error:
        schema.problems.append(str(error))
    for settings in query.destinations:
        try:
            table = query.name if settings.default else None
            target_of(settings.query, queries.members, queries.parameters, table)
            mapped(query.name, value, settings.mappings)
        except StagingError as error:
            text = str(error)
            schema.problems.append(text if "'" in text else f"Query '{query.name}': {text}")
