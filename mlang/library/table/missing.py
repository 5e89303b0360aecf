"""Table functions that mlang declares but does not do: fuzzy matching, internal ones.

They can be named and passed around; calling one raises an error that says so.
"""

from __future__ import annotations

from typing import Any, NoReturn

from mlang import errors
from mlang.registry import builtin

_FUZZY = "fuzzy matching"
_INTERNAL = "internal to Microsoft's products"

_JOIN = "optional joinKind as nullable number, optional joinOptions as nullable record) as table"
_TWO = "table1 as table, key1 as any, table2 as table, key2 as any, "
_MISSING: dict[str, str] = {
    "Table.AddFuzzyClusterColumn(table as table, columnName as text, newColumnName as text, "
    "optional options as nullable record) as table": _FUZZY,
    "Table.FuzzyGroup(table as table, key as any, aggregatedColumns as list, "
    "optional options as nullable record) as table": _FUZZY,
    f"Table.FuzzyJoin({_TWO}{_JOIN}": _FUZZY,
    f"Table.FuzzyNestedJoin({_TWO}newColumnName as text, {_JOIN}": _FUZZY,
    "Table.FilterWithDataTable(table as table, dataTableIdentifier as text) as any": _INTERNAL,
    "Table.ConformToPageReader(table as table, shapingFunction as function) as table": _INTERNAL,
}


def _declare(signature: str, what: str) -> None:
    name = signature.partition("(")[0]

    def refuse(*arguments: Any) -> NoReturn:
        raise errors.not_supported(name, what)

    refuse.__doc__ = f"Not supported: {what}."
    builtin(signature, raw=True, missing=what)(refuse)


for _signature, _what in _MISSING.items():
    _declare(_signature, _what)
