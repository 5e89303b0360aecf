"""SqlExpression.*: SQL as M text.  SQL is parsed above this package, so the front doors hang the
translator (``folding/sql_to_m.py``) on ``Session.sql_translator``.
"""

from __future__ import annotations

from typing import Any

from mlang import errors
from mlang.registry import builtin
from mlang.session import current


@builtin("SqlExpression.ToExpression(sql as text, environment as record) as text")
def to_expression(sql: str, environment: dict[str, Any]) -> str:
    """Gives the M text of a SQL query over the tables that the environment names.

    It translates SELECT of one table, of a query in parentheses, or of several joined by UNION ALL, with
    DISTINCT, WHERE, GROUP BY, HAVING, ORDER BY, TOP, and OFFSET with FETCH.  Numbers are divided as in M.
    """
    translate = current().sql_translator
    if translate is None:
        raise errors.not_supported("SqlExpression.ToExpression", "SQL in a session without a translator")
    return translate(sql, environment)
