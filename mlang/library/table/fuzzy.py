"""Fuzzy matching: joins, groups and clusters by texts that are alike instead of equal.

The measure is in ``mlang/tables/fuzzy.py`` (and explained in ``docs/decisions/fuzzy.md``), the steps
are in ``mlang/tables/fuzzy_join.py``.  Key columns must be typed as text (FUZ-01).
"""

from __future__ import annotations

from typing import Any

from mlang import errors
from mlang.culture.data import culture
from mlang.errors import MError
from mlang.library.arguments import as_count, as_int, enum_member, of_kind, options
from mlang.library.table.criteria import known_columns
from mlang.library.table.group import _aggregates as aggregates_of
from mlang.library.table.join import _KINDS as KINDS
from mlang.library.table.join import _NO_LEFT as NO_LEFT
from mlang.library.table.join import _NO_RIGHT as NO_RIGHT
from mlang.library.table.join import _keys as keys_of
from mlang.library.table.join import _loosened as loosened
from mlang.registry import builtin
from mlang.tables import plan as p
from mlang.tables import schema as schemas
from mlang.tables.table import Table
from mlang.values.types import NUMBER, TableType, nullable

TYPE_CHECKING = False
if TYPE_CHECKING:  # the machinery is loaded by those who call a fuzzy function
    from mlang.tables.fuzzy_join import Matching

#: Options of groups and clusters, with their defaults (FUZ-02); joins have two more.
_GROUPING: dict[str, Any] = {
    "Culture": "", "IgnoreCase": True, "IgnoreSpace": True, "SimilarityColumnName": None, "Threshold": 0.8,
    "TransformationTable": None,
}  # fmt: skip
_JOINING = {**_GROUPING, "ConcurrentRequests": 1.0, "NumberOfMatches": None}
_SCORE = nullable(NUMBER)


def _matching(given: dict[str, Any] | None, function: str, known: dict[str, Any]) -> Matching:
    """The options record of a fuzzy function; null fields are as if not given."""
    from mlang.tables.fuzzy import Reader
    from mlang.tables.fuzzy_join import Matching

    chosen = options(given, function, known)
    for field, default in known.items():
        if chosen[field] is None:
            chosen[field] = default
    threshold = of_kind(chosen["Threshold"], "number")
    if not 0 <= threshold <= 1:
        raise errors.argument_out_of_range("Threshold", threshold)
    requests = chosen.get("ConcurrentRequests")
    if requests is not None and not 1 <= as_int(requests) <= 8:
        raise errors.argument_out_of_range("ConcurrentRequests", requests)
    most = chosen.get("NumberOfMatches")
    column = chosen["SimilarityColumnName"]
    name = of_kind(chosen["Culture"], "text")
    culture(name)
    mappings = [] if chosen["TransformationTable"] is None else _mappings(chosen["TransformationTable"])
    reader = Reader(name, of_kind(chosen["IgnoreCase"], "logical"), mappings)
    return Matching(
        reader,
        of_kind(chosen["IgnoreSpace"], "logical"),
        float(threshold),
        None if most is None else as_count(most, "NumberOfMatches"),
        None if column is None else of_kind(column, "text"),
    )


def _mappings(value: Any) -> list[tuple[str, str]]:
    """The rows of a transformation table; one without the columns From and To maps nothing."""
    from mlang.tables.fuzzy_join import text_of

    table: Table = of_kind(value, "table")
    if not (table.type.has("From") and table.type.has("To")):
        return []
    pairs: list[tuple[str, str]] = []
    for batch in table.batches(["From", "To"]):
        for old, new in zip(*batch.columns, strict=True):
            text = text_of(old)
            if text is not None:
                pairs.append((text, text_of(new) or ""))
    return pairs


def _texts_only(type: TableType, columns: tuple[str, ...] | list[str]) -> MError | None:
    """The error for a key column that is not typed as text (ERR-50)."""
    for name in columns:
        if schemas.column_type(type, name).kind != "text":
            return errors.fuzzy_needs_text(name)
    return None


def _places(type: TableType, columns: tuple[str, ...] | list[str]) -> list[int]:
    return [type.index(name) for name in columns]


@builtin(
    "Table.FuzzyJoin(table1 as table, key1 as any, table2 as table, key2 as any, "
    "optional joinKind as nullable number, optional joinOptions as nullable record) as table"
)
def fuzzy_join(
    left: Table, key1: Any, right: Table, key2: Any, kind: Any = None, given: dict[str, Any] | None = None
) -> Table:
    """Puts the rows of two tables side by side where their keys are alike.

    The kind says which rows without a partner stay (``JoinKind.Inner`` unless told).  Options:
    ``Threshold`` (0.8), ``IgnoreCase``, ``IgnoreSpace``, ``Culture``, ``NumberOfMatches`` for each left
    row, ``SimilarityColumnName``, ``TransformationTable`` with columns From and To;
    ``ConcurrentRequests`` changes nothing.
    """
    from mlang.tables.fuzzy_join import FuzzyJoin

    number = enum_member(kind, "joinKind", KINDS, p.INNER)
    matching = _matching(given, "Table.FuzzyJoin", _JOINING)
    keys, others = keys_of(left, key1, right, key2)
    failure = _texts_only(left.type, keys) or _texts_only(right.type, others)
    if failure is not None:
        raise failure
    for name in right.names:
        if left.type.has(name):
            raise errors.duplicate_join_column(name, right.type)
    columns = loosened(schemas.pairs(left.type), number in NO_LEFT)
    columns += loosened(schemas.pairs(right.type), number in NO_RIGHT)
    schema = schemas.of_columns(columns)
    if matching.similarity_column is not None:
        schema = schemas.append(schema, matching.similarity_column, _SCORE)
    step = FuzzyJoin(
        left.plan.schema, right.plan.schema, _places(left.type, keys), _places(right.type, others), number,
        matching,
    )  # fmt: skip
    return Table(p.Step(schema, (left.plan, right.plan), step.run, "Table.FuzzyJoin"))


@builtin(
    "Table.FuzzyNestedJoin(table1 as table, key1 as any, table2 as table, key2 as any, newColumnName as text, "
    "optional joinKind as nullable number, optional joinOptions as nullable record) as table"
)
def fuzzy_nested_join(
    left: Table,
    key1: Any,
    right: Table,
    key2: Any,
    column: str,
    kind: Any = None,
    given: dict[str, Any] | None = None,
) -> Table:
    """Adds a column with the rows of another table whose keys are alike, as a table.

    The kind says which rows without a partner stay (``JoinKind.LeftOuter`` unless told).  The options
    are those of ``Table.FuzzyJoin``; the similarity is a column of the nested tables.
    """
    from mlang.tables.fuzzy_join import FuzzyNestedJoin, refusing

    number = enum_member(kind, "joinKind", KINDS, p.LEFT_OUTER)
    matching = _matching(given, "Table.FuzzyNestedJoin", _JOINING)
    keys, others = keys_of(left, key1, right, key2)
    nested = right.type
    if matching.similarity_column is not None:
        nested = schemas.append(nested, matching.similarity_column, _SCORE)
    lefts = schemas.of_columns(loosened(schemas.pairs(left.type), number in NO_LEFT))
    schema = schemas.append(lefts, column, nullable(nested))
    failure = _texts_only(left.type, keys) or _texts_only(right.type, others)
    if failure is not None and number != p.LEFT_OUTER:
        raise failure
    step = FuzzyNestedJoin(
        left.plan.schema, right.plan.schema, _places(left.type, keys), _places(right.type, others), number,
        matching,
    )  # fmt: skip
    run = step.run if failure is None else refusing(failure)
    return Table(p.Step(schema, (left.plan, right.plan), run, "Table.FuzzyNestedJoin"))


@builtin(
    "Table.FuzzyGroup(table as table, key as any, aggregatedColumns as list, "
    "optional options as nullable record) as table"
)
def fuzzy_group(table: Table, key: Any, aggregated: Any, given: dict[str, Any] | None = None) -> Table:
    """One row per group of keys that are alike, with aggregates of the group's rows.

    The key that occurs most often stands for a group.  Options: ``Threshold`` (0.8), ``IgnoreCase``,
    ``IgnoreSpace``, ``Culture``, ``TransformationTable``, and ``SimilarityColumnName`` for a
    column of the tables that the aggregates get.
    """
    from mlang.tables.fuzzy_join import Groups

    matching = _matching(given, "Table.FuzzyGroup", _GROUPING)
    keys = known_columns(key, table.type)
    failure = _texts_only(table.type, keys)
    if failure is not None:
        raise failure
    aggregates, types = aggregates_of(aggregated)
    columns = [(name, schemas.column_type(table.type, name)) for name in keys]
    columns += [(a.column, t) for a, t in zip(aggregates, types, strict=True)]
    schemas.unique([name for name, _ in columns])
    inner = table.plan.schema
    if matching.similarity_column is not None:
        inner = schemas.append(inner, matching.similarity_column, _SCORE)
    step = Groups(inner, len(table.names), _places(table.type, keys), aggregates, matching)
    return Table(p.Step(schemas.of_columns(columns), (table.plan,), step.run, "Table.FuzzyGroup"))


@builtin(
    "Table.AddFuzzyClusterColumn(table as table, columnName as text, newColumnName as text, "
    "optional options as nullable record) as table"
)
def add_fuzzy_cluster_column(
    table: Table, column: str, new_column: str, given: dict[str, Any] | None = None
) -> Table:
    """Adds a column with the text that stands for all texts of a column that are alike.

    Options as in ``Table.FuzzyGroup``; ``SimilarityColumnName`` adds one more column.
    """
    from mlang.tables.fuzzy_join import Clusters

    matching = _matching(given, "Table.AddFuzzyClusterColumn", _GROUPING)
    place = table.type.index(column)
    failure = _texts_only(table.type, [column])
    if failure is not None:
        raise failure
    schema = schemas.append(table.type, new_column, schemas.column_type(table.type, column))
    if matching.similarity_column is not None:
        schema = schemas.append(schema, matching.similarity_column, _SCORE)
    step = Clusters(len(table.names), place, matching)
    return Table(p.Step(schema, (table.plan,), step.run, "Table.AddFuzzyClusterColumn"))
