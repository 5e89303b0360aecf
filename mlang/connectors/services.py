"""Declares the functions of the reference that cannot be done here (``services_table.py``).

They have their M signature, so calls are checked and ``#shared`` is complete, and calling one
raises an error that says what it would need.  `declare_missing` runs after all other modules
have declared theirs: whoever implements a function wins.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

from mlang import errors
from mlang.connectors.services_table import SERVICES, UNSUPPORTED
from mlang.registry import BUILTINS, builtin


def declare_missing() -> None:
    """Declares what nobody else declared."""
    for table, make in ((SERVICES, _service), (UNSUPPORTED, _unsupported)):
        for signature, why in table.items():
            name = signature.partition("(")[0]
            if name not in BUILTINS:
                builtin(signature)(make(name, why))


def _service(name: str, needs: str) -> Callable[..., Any]:
    def call(*arguments: Any) -> NoReturn:
        raise errors.service_needed(name, needs)

    call.__doc__ = f"Can't be used here: it would need {needs}."
    call.status = "service"  # type: ignore[attr-defined]
    return call


def _unsupported(name: str, what: str) -> Callable[..., Any]:
    def call(*arguments: Any) -> NoReturn:
        raise errors.not_supported(name, what)

    call.__doc__ = f"Isn't supported: {what}."
    call.status = "not supported"  # type: ignore[attr-defined]
    return call
