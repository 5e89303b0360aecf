"""List.*: one module per heading of the reference.

``information`` (counting), ``selection`` (parts of a list), ``transformation``,
``membership``, ``sets``, ``ordering`` (sort, extremes, percentiles), ``averages``,
``addition``, ``generators``.  What they share is in ``shared.py``; lazy shapes are
in ``values/lists.py``.
"""

from __future__ import annotations

from mlang.library.list import (  # noqa: F401
    addition,
    averages,
    generators,
    information,
    membership,
    ordering,
    selection,
    sets,
    transformation,
)
