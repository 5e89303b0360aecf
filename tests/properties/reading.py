"""Reads a value as a caller would, so that what is delayed in it is computed; errors of members are values of M."""

from __future__ import annotations

from itertools import islice
from typing import Any

from mlang.errors import MError
from mlang.values.kinds import kind_of
from mlang.values.metadata import strip
from mlang.values.show import to_m
from mlang.values.thunk import force

#: How many items of a list and rows of a table are read.
MOST = 60


def read(value: Any, depth: int = 0) -> None:
    """Reads what a caller would: members of members, the first of each."""
    value = strip(force(value))
    kind = kind_of(value)
    if depth > 3:
        return
    if kind == "list":
        for item in islice(iter(value), MOST):
            _member(item, depth)
    elif kind == "record":
        for item in value.values():
            _member(item, depth)
    elif kind == "table":
        for row in islice(value.rows(MOST), MOST):
            for cell in row:
                _member(cell, depth)
    elif kind == "function" and value.least <= 1 and depth == 0:
        _member(value.fn(*["abc"][: value.least]), depth)
    else:
        to_m(value, "show")


def _member(item: Any, depth: int) -> None:
    try:
        read(item, depth + 1)
    except MError:
        return  # an error in a member is a value of M
