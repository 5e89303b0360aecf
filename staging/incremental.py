"""Incremental refresh: which buckets of a query changed, and the table that comes of loading only those.

For each bucket the filter on the date column is put on top of the query and reaches the source as part of its SQL.
One small query gives the largest value of the change column and the number of rows (`survey`); a bucket whose answer
is that of the last refresh is left alone.  The new generation is the old rows outside the changed buckets and the new
rows inside (`merged`), so readers always get a whole table.  What each bucket held is remembered in the generation's
own manifest: it is published, or thrown away, with the rows.  Destinations remember what they hold (`Loads`).
Read ``buckets.py`` first.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

from attrs import frozen

from mlang import registry
from mlang.compile.entry import Document, run
from mlang.session import Session
from mlang.tables.table import Table
from mlang.values.thunk import force
from mlang.values.types import TableType
from staging.buckets import KINDS, Bucket, Policy, buckets, limits
from staging.dataflow import Dataflow, DestinationSettings
from staging.destinations.tables import Part
from staging.errors import DataflowError, StagingError
from staging.queries import Queries
from staging.store import files
from staging.store.manifest import Manifest
from staging.types import Column, type_label


@frozen
class Seen:
    """A bucket now: its mark (largest change value and number of rows), whether it is loaded, and why."""

    bucket: Bucket
    mark: str
    run: bool
    why: str

    def to_json(self) -> dict[str, Any]:
        """The line of a plan."""
        first, end = self.bucket.first.isoformat(), self.bucket.end.isoformat()
        return {"from": first, "before": end, "mark": self.mark, "run": self.run, "why": self.why}


# ---------------------------------------------------------------- what is asked


def check_policy(query: str, policy: Policy, type: TableType) -> str:
    """The kind of the filter column; `DataflowError` when the query can't be refreshed by buckets."""
    for column in (policy.filter_column, policy.change_column):
        if not type.has(column):
            raise DataflowError(
                f"Query '{query}': IncrementalRefresh names column '{column}', which the query hasn't."
            )
    found = type.types[type.index(policy.filter_column)]
    if found.kind not in KINDS:
        raise DataflowError(
            f"Query '{query}': the filter column '{policy.filter_column}' is of type {type_label(found)}; "
            "incremental refresh needs date, datetime or datetimezone."
        )
    return str(found.kind)


def check_destination(query: str, settings: DestinationSettings) -> None:
    """Refuses what the product refuses: append, schemas that change, the default destination."""
    if settings.default:
        raise DataflowError(f"Query '{query}': the default destination can't be loaded incrementally.")
    if settings.update != "Replace" or settings.automatic or settings.dynamic_schema:
        raise DataflowError(
            f"Query '{query}': incremental refresh needs a destination with Kind Manual, UpdateMethod Replace and "
            "DynamicSchema false."
        )


def refuse(dataflow: Dataflow, session: Session) -> None:
    """`DataflowError` when incremental queries break the product's rules before anything is read."""
    found = {name: q for name, q in dataflow.queries.items() if q.incremental is not None}
    if not found:
        return
    if dataflow.metadata.get("parametric") is True:
        raise DataflowError("Incremental refresh can't be used with public parameters (parametric).")
    for name, query in found.items():
        if not query.staged:
            raise DataflowError(f"Query '{name}': incremental refresh needs staging (loadEnabled).")
        for settings in query.destinations:
            check_destination(name, settings)
    counts = {name: len(buckets(q.incremental, today(session))) for name, q in found.items() if q.incremental}
    if broken := limits(counts):
        raise DataflowError(" ".join(broken))


def warning(policy: Policy) -> str | None:
    """What may go wrong with settings that are allowed."""
    if policy.filter_column == policy.change_column:
        return "is refreshed by changes of its own filter column: a row that moves to another bucket may be there twice"
    return None


def today(session: Session) -> date:
    """The day of the session's clock, in UTC."""
    return date.fromordinal(session.now_utc() // 864_000_000_000 + 1)


# ---------------------------------------------------------------- filters


def _name(column: str) -> str:
    """A field access of any column name."""
    return '[#"' + column.replace("#(", "#(#)(").replace('"', '""') + '"]'


def _literal(value: Any) -> str:
    from mlang.values.show import to_m

    return str(to_m(value))


def _inside(column: str, bounds: list[tuple[Any, Any]]) -> str:
    name = _name(column)
    found = [f"({name} >= {_literal(low)} and {name} < {_literal(high)})" for low, high in bounds]
    return " or ".join(found) or "false"


def within(
    table: Table, column: str, bounds: list[tuple[Any, Any]], session: Session, outside: bool = False
) -> Table:
    """The rows of some ranges, or those outside; nulls lie in no range."""
    inside = _inside(column, bounds)
    text = f"each {_name(column)} = null or not ({inside})" if outside else f"each {inside}"

    def act() -> Table:
        found: Table = registry.value_of("Table.SelectRows").fn(table, Document(text).value())
        return found

    return run(act, session)


def _mark(table: Table, column: str, session: Session) -> str:
    """The largest value of the change column and the number of rows, as text."""
    name = column.replace("#(", "#(#)(").replace('"', '""')
    text = f'(t) => Table.Group(t, {{}}, {{{{"m", each List.Max([#"{name}"])}}, {{"n", each Table.RowCount(_)}}}})'

    def act() -> str:
        rows = list(Document(text).value().fn(table).rows())
        most, count = (force(rows[0][0]), force(rows[0][1])) if rows else (None, 0.0)
        return f"{_literal(most)}; {int(count)} rows"

    return run(act, session)


def survey(
    query: str,
    table: Table,
    policy: Policy,
    kind: str,
    before: Mapping[str, Any],
    mark: str,
    queries: Queries,
) -> list[Seen]:
    """Every bucket with what the source says of it now; ``before`` is the state of the served generation."""
    known = before.get("marks", {}) if before.get("policy") == policy.text else {}
    same = before.get("query") == mark
    found = []
    for bucket in buckets(policy, today(queries.session)):
        rows = within(table, policy.filter_column, [bucket.bounds(kind)], queries.session)
        if policy.folding and queries.session.engine != "none" and not reaches_source(rows, queries):
            raise DataflowError(
                f"Query '{query}': the filter on '{policy.filter_column}' doesn't reach the source, so every "
                "bucket would read all of it (mlang explain shows the step). RequireFolding = false allows it."
            )
        now = _mark(rows, policy.change_column, queries.session)
        was = known.get(bucket.key)
        if was is None:
            found.append(Seen(bucket, now, True, "it was never loaded"))
        elif not same:
            found.append(Seen(bucket, now, True, "the query or a parameter changed"))
        elif was["mark"] != now:
            found.append(Seen(bucket, now, True, f"it was {was['mark']}, is {now}"))
        else:
            found.append(Seen(bucket, now, False, f"unchanged: {now}"))
    return found


def reaches_source(table: Table, queries: Queries) -> bool:
    """Whether the whole query with its filter is one statement of an engine."""
    from folding.engines import remote
    from folding.terms import Unfoldable

    def act() -> bool:
        if not remote.has_tables(table.plan):
            return queries.folds(table)
        try:
            remote.compiled(table.plan)
        except Unfoldable:
            return False
        return True

    return run(act, queries.session)


# ---------------------------------------------------------------- the new generation


def merged(
    table: Table, old: Table | None, policy: Policy, kind: str, seen: list[Seen], session: Session
) -> list[Table]:
    """The tables whose rows make the new generation: what stays of the old one, then the changed buckets."""
    changed = [s.bucket.bounds(kind) for s in seen if s.run]
    parts = [] if old is None else [within(old, policy.filter_column, changed, session, outside=True)]
    parts += [within(table, policy.filter_column, [bounds], session) for bounds in changed]
    return parts


def state(
    policy: Policy, seen: list[Seen], before: Mapping[str, Any], mark: str, stamp: str, fresh: bool
) -> dict[str, Any]:
    """What the generation remembers of its buckets; those that are no longer looked at stay as they were."""
    marks = {} if fresh or before.get("policy") != policy.text else dict(before.get("marks", {}))
    for found in seen:
        if found.run:
            marks[found.bucket.key] = {"mark": found.mark, "stamp": stamp}
    return {"policy": policy.text, "query": mark, "marks": marks}


# ---------------------------------------------------------------- destinations


class Loads:
    """What each destination of a dataflow holds: bucket -> the stamp of the rows that were loaded last.

    It is written after the destination's own commit: whoever is killed in between loads the same buckets once more,
    which gives the same rows.
    """

    def __init__(self, workspace: Path, dataflow: str) -> None:
        self.path = workspace / "loads" / (files.safe_name(dataflow) + ".json")

    def of(self, query: str, target: str) -> dict[str, str]:
        """The stamps of a destination; empty when nothing is known."""
        found = self._read().get(query, {}).get(target, {})
        return found if isinstance(found, dict) else {}

    def note(self, query: str, target: str, stamps: Mapping[str, str]) -> None:
        """Remembers what was loaded."""
        found = self._read()
        found.setdefault(query, {})[target] = dict(stamps)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        files.write_json(self.path, found)

    def _read(self) -> dict[str, Any]:
        try:
            found = json.loads(self.path.read_bytes())
        except FileNotFoundError:
            return {}
        except ValueError:
            return {}  # nothing is known: every bucket is loaded again
        return found if isinstance(found, dict) else {}


def stamps(found: Manifest) -> dict[str, str]:
    """Bucket -> stamp of a generation."""
    return {key: str(about["stamp"]) for key, about in found.buckets.get("marks", {}).items()}


def part_of(
    query: str,
    policy: Policy,
    kind: str,
    wanted: Mapping[str, str],
    held: Mapping[str, str],
    columns: tuple[Column, ...],
) -> tuple[Part, list[tuple[Any, Any]]]:
    """The rows of a destination that are to be replaced, and their ranges."""
    physical = next((c.physical for c in columns if c.name == policy.filter_column), None)
    if physical is None:
        raise StagingError(
            f"Query '{query}': the mapping leaves out the filter column '{policy.filter_column}', "
            "by which buckets are replaced."
        )
    changed = sorted(key for key, stamp in wanted.items() if held.get(key) != stamp)
    bounds = []
    for key in changed:
        first, _, end = key.partition("/")
        bounds.append(Bucket(date.fromisoformat(first), date.fromisoformat(end)).bounds(kind))
    return Part(physical, tuple(bounds)), bounds
