"""What a server is asked before anything is folded to it: does each form give there what it gives here?

A probe is an expression of the tree over a small grid of odd values.  Its answers in DuckDB, which are proven, and on
the server are compared once per server version and settings; a form that differs is not used there.
"""

from __future__ import annotations

from typing import Any


def refused_forms(server: Any) -> frozenset[str]:
    """Names of the forms that this server does otherwise."""
    return frozenset()
