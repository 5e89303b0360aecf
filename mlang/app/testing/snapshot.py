"""Values as expected-output files: M text, a table one row a line so that a review sees which rows changed."""

from __future__ import annotations

from typing import Any

from mlang.values.kinds import kind_of
from mlang.values.related import related_kind
from mlang.values.show import to_m, type_text


def text(value: Any) -> str:
    """The M text of a value; members that fail are ``error`` expressions."""
    if kind_of(value) != "table":
        return to_m(value, errors="show")
    rows = ["        {" + ", ".join(_cell(c) for c in row) + "}" for row in value.rows()]
    head = f"#table(\n    {type_text(value.type)},\n"
    return head + ("    {\n" + ",\n".join(rows) + "\n    }\n)" if rows else "    {}\n)")


def _cell(cell: Any) -> str:
    """A cell; rows of related tables, which refer to each other without end, are three dots."""
    return to_m(cell, errors="show") if related_kind(cell) is None else "..."
