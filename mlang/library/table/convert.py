"""Conversions: tables as lists of columns, rows or records."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mlang import registry
from mlang.registry import builtin
from mlang.tables import access
from mlang.tables.table import Table
from mlang.values.functions import Function, bind
from mlang.values.lists import LazyList, Streamed
from mlang.values.thunk import Thunk


@builtin("Table.ToRecords(table as table) as list")
def to_records(table: Table) -> LazyList:
    """The rows as records."""
    return access.records_of(table)


class RowLists(LazyList):
    """The rows of a table as lists of cells."""

    __slots__ = ("table",)

    def __init__(self, table: Table) -> None:
        self.table = table

    def __iter__(self) -> Iterator[Any]:
        for row in self.table.rows():
            yield list(row)

    def count(self) -> int:
        return access.row_count(self.table)


@builtin("Table.ToRows(table as table) as list")
def to_rows(table: Table) -> LazyList:
    """The rows as lists of cells."""
    return RowLists(table)


@builtin("Table.ToColumns(table as table) as list")
def to_columns(table: Table) -> list[Any]:
    """The columns as lists of cells."""
    return [access.column(table, name) for name in table.names]


@builtin("Table.ToList(table as table, optional combiner as nullable function) as list")
def to_list(table: Table, combiner: Function | None = None) -> LazyList:
    """A value per row, made from the list of its cells by a combiner; without one, texts joined by commas."""
    function = (
        combiner if combiner is not None else registry.value_of("Combiner.CombineTextByDelimiter").fn(",")
    )
    call = bind(function, 1)

    def combined(cells: list[Any]) -> Thunk:
        return Thunk(lambda: call(cells))

    return Streamed(lambda: (combined(list(row)) for row in table.rows()))
