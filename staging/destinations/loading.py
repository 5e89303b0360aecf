"""Which module loads which target, and the settings that a kind of target has of its own."""

from __future__ import annotations

from pathlib import Path

from attrs import evolve

from staging.dataflow import DestinationSettings
from staging.destinations.rows import Rows
from staging.destinations.tables import Part
from staging.destinations.target import DeltaTarget, DuckDbTarget, ServerTarget, SqliteTarget, Target
from staging.errors import DataflowError


def settings_for(target: Target, settings: DestinationSettings) -> DestinationSettings:
    """The default destination appends to a warehouse unless its text says Replace (the product's rule)."""
    if settings.default and not settings.explicit and isinstance(target, DuckDbTarget) and target.warehouse:
        return evolve(settings, update="Append", automatic=False, dynamic_schema=False)
    return settings


def load(
    target: Target, path: Path, settings: DestinationSettings, rows: Rows, part: Part | None = None
) -> int | None:
    """Writes rows to a target; gives its size in bytes where it lies here."""
    if isinstance(target, ServerTarget):
        from staging.destinations import servers

        servers.load(target, settings, rows, part)
        return None
    if isinstance(target, DuckDbTarget):
        from staging.destinations import duckdb

        return duckdb.load(target, path, settings, rows, part)
    if isinstance(target, SqliteTarget):
        from staging.destinations import sqlite

        return sqlite.load(target, path, settings, rows, part)
    if isinstance(target, DeltaTarget):
        from staging.destinations import delta

        return delta.load(target, path, settings, rows, part)
    if part is not None:
        raise DataflowError(
            f"Query '{rows.query}': a file has no buckets to replace; load a table incrementally."
        )
    if target.format == "parquet":
        from staging.destinations import parquet

        return parquet.load(path, settings, rows)
    from staging.destinations import csv

    return csv.load(target, path, settings, rows)
