"""What all table destinations do: prepare the table as the settings say, then insert, in one transaction.

A `TableWriter` knows an engine; `prepare` knows the product's rules: what is created, dropped, emptied or refused
for automatic, dynamic and fixed schemas, for append, and for the buckets of an incremental refresh.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from attrs import frozen

from staging.dataflow import DestinationSettings
from staging.destinations.rows import Rows
from staging.errors import CannotStage, DataflowError
from staging.types import Column


@frozen
class Part:
    """The rows that a load replaces: those whose ``column`` lies in one of the ranges (from, before)."""

    column: str
    ranges: tuple[tuple[Any, Any], ...]

    def condition(self, name: str, literal: Any) -> str:
        """The SQL condition; ``name`` is the quoted column, ``literal`` writes a date or time."""
        found = [f"({name} >= {literal(low)} AND {name} < {literal(high)})" for low, high in self.ranges]
        return " OR ".join(found) or "1 = 0"


class TargetMissing(Exception):
    """Buckets were to be replaced in a table that is not there: all of it must be loaded."""


@frozen
class Existing:
    """A column of a table that is there: its name, and its type as the engine writes it."""

    name: str
    type: str


class TableWriter:
    """One table of an engine, inside a transaction that somebody else begins and ends."""

    label = ""
    #: The table as statements name it.
    name = ""
    #: Whether the schema is always fixed, whatever the settings say.
    always_fixed = False

    def columns(self) -> Sequence[Existing] | None:
        """The columns of the table; None when there is no such table."""
        raise NotImplementedError

    def type_of(self, column: Column) -> str:
        """The engine's type of a column, as `columns` would give it."""
        raise NotImplementedError

    def run(self, sql: str) -> Sequence[Any]:
        """Executes a statement; gives its rows."""
        raise NotImplementedError

    def moment(self, value: Any) -> str:
        """A date, datetime or datetimezone as literal."""
        raise NotImplementedError

    def create(self, columns: tuple[Column, ...]) -> None:
        """Makes the table."""
        self.run(f"CREATE TABLE {self.name} ({', '.join(self.declared(columns))})")

    def drop(self) -> None:
        """Removes the table."""
        self.run(f"DROP TABLE {self.name}")

    def clear(self, part: Part | None) -> None:
        """Removes all rows, or those of a part."""
        where = "" if part is None else f" WHERE {part.condition(self.quoted(part.column), self.moment)}"
        self.run(f"DELETE FROM {self.name}{where}")

    def declared(self, columns: tuple[Column, ...]) -> list[str]:
        """Column definitions: name, type, NOT NULL."""
        return [
            f"{self.quoted(c.physical)} {self.type_of(c)}{'' if c.type.nullable else ' NOT NULL'}"
            for c in columns
        ]

    def quoted(self, name: str) -> str:
        """A name as the engine writes it."""
        return '"' + name.replace('"', '""') + '"'


def quoted_text(value: str) -> str:
    """A text as literal of standard SQL."""
    return "'" + value.replace("'", "''") + "'"


def dynamic(settings: DestinationSettings) -> bool:
    """Whether the table follows the query's columns."""
    return settings.update == "Replace" and (
        settings.automatic or settings.dynamic_schema or settings.default
    )


def prepare(
    writer: TableWriter, settings: DestinationSettings, columns: tuple[Column, ...], part: Part | None = None
) -> Sequence[Existing] | None:
    """Makes the table ready for the rows; gives the columns of a table that stays."""
    existing = writer.columns()
    if existing is None:
        if part is not None:
            raise TargetMissing(writer.label)
        if not settings.allow_creation:
            raise DataflowError(f"The table {writer.label} doesn't exist, and AllowCreation is false.")
        if not columns:
            raise DataflowError(f"The table {writer.label} can't be made without columns.")
        writer.create(columns)
        return None
    if settings.update == "Append" and part is None:
        check(writer.label, existing, columns)
    elif part is None and dynamic(settings) and not writer.always_fixed:
        if settings.automatic or differs(writer, existing, columns):
            writer.drop()
            writer.create(columns)
            return None
        writer.clear(None)
    else:
        check(writer.label, existing, columns)
        writer.clear(part)
    return existing


def differs(writer: TableWriter, existing: Sequence[Existing], columns: tuple[Column, ...]) -> bool:
    """Whether a table has other columns than the query."""
    return [(e.name, e.type) for e in existing] != [(c.physical, writer.type_of(c)) for c in columns]


def check(label: str, existing: Sequence[Existing], columns: tuple[Column, ...]) -> None:
    """A fixed schema: every column of the query is there; types are for the engine to convert or refuse."""
    known = {e.name.casefold() for e in existing}
    missing = [c.physical for c in columns if c.physical.casefold() not in known]
    if missing:
        raise DataflowError(
            f"The table {label} has no column '{missing[0]}'; its schema is fixed. "
            f"Columns: {', '.join(e.name for e in existing)}."
        )


#: How M values appear in messages: the codes that a kind of target does not take.
UNSUPPORTED: dict[str, tuple[str, ...]] = {
    "lakehouse table": ("instant", "datetimezone", "interval", "time64", "binary"),
    "warehouse": ("instant", "datetimezone", "interval", "time64", "binary", "currency"),
    "SQL Server": ("interval", "binary"),
    "MySQL": ("interval",),
}


def supported(kind: str, rows: Rows) -> None:
    """Refuses columns whose types the product's target of this kind does not take."""
    refused = UNSUPPORTED.get(kind, ())
    for column in rows.columns:
        if column.code in refused:
            shown = column.type.name or column.type.kind
            raise CannotStage(
                f"Query '{rows.query}': column '{column.name}' of type {shown} is unsupported by the destination "
                f"({kind}). Change its type (Table.TransformColumnTypes) or leave it out of the mapping."
            )


def physical_names(existing: Sequence[Existing] | None, columns: tuple[Column, ...]) -> list[str]:
    """The columns as the table spells them: case does not count, and engines that mind it are to find them."""
    known = {e.name.casefold(): e.name for e in existing or ()}
    return [known.get(c.physical.casefold(), c.physical) for c in columns]


def checked(rows: Rows, existing: Sequence[Existing] | None) -> Rows:
    """The rows; numbers with a fraction are refused where a column of whole numbers would round them."""
    kinds = {e.name.casefold(): e.type.lower() for e in existing or ()}
    risky = [
        i
        for i, c in enumerate(rows.columns)
        if c.code == "double" and kinds.get(c.physical.casefold(), "").rstrip("0123456789()").endswith("int")
    ]
    if not risky:
        return rows
    source = rows.arrow

    def watched() -> Iterator[Any]:
        for batch in source():
            for index in risky:
                _whole_numbers(rows.query, rows.columns[index], batch.column(index))
            yield batch

    rows.arrow = watched  # type: ignore[method-assign]
    return rows


def _whole_numbers(query: str, column: Column, array: Any) -> None:
    import pyarrow.compute as pc

    if pc.any(pc.not_equal(array, pc.floor(array))).as_py():
        raise CannotStage(
            f"Query '{query}': column '{column.name}' holds numbers that are not whole, and the destination's "
            f"column '{column.physical}' would round them."
        )
