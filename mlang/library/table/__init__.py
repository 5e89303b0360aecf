"""The ``Table.*`` functions, one file per heading of the reference.

They loop over no rows: each one extends the plan of a table (``mlang/tables/plan.py``) and says
what type the result has.  Argument forms that they share are in ``criteria.py``.
"""

from __future__ import annotations

from mlang.library.table import (  # noqa: F401  (importing declares the functions)
    columns,
    construct,
    convert,
    expand,
    fuzzy,
    group,
    inspect,
    join,
    keys,
    membership,
    missing,
    order,
    rows,
    transform,
    view,
)
