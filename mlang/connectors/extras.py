"""Optional packages: imported when a function needs them, and a clear error when they are missing.

The extras stand in pyproject.toml: ``xml``, ``html``, ``web``, ``pdf``, ``delta``.
"""

from __future__ import annotations

import importlib
from typing import Any

from mlang import errors


def need(module: str, function: str, extra: str) -> Any:
    """The module, or the error that says what to install for ``function``."""
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is not None and module.split(".")[0] != error.name.split(".")[0]:
            raise
        raise errors.package_needed(function, module.split(".")[0], extra) from None
