"""Table functions that mlang declares but does not do: those internal to the product.

They can be named and passed around; calling one raises an error that says so.
"""

from __future__ import annotations

from typing import Any, NoReturn

from mlang import errors
from mlang.registry import builtin

_INTERNAL = "this function (for internal use only)"

_MISSING: dict[str, str] = {
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
