"""Module.Versions: which versions are running."""

from __future__ import annotations

from mlang.registry import builtin


@builtin("Module.Versions() as record")
def versions() -> dict[str, str]:
    """Gives the version of the library under the name Core."""
    from importlib import metadata

    try:
        return {"Core": metadata.version("mlang")}
    except metadata.PackageNotFoundError:  # runs from a checkout
        return {"Core": "0"}
