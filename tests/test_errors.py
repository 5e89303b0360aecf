"""The shelf of errors: what a reader sees when a program fails, whole (``errors/running.toml``).

Syntax errors have their own file and are tested with the syntax.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

import mlang
from mlang.app.report import error_lines

with (Path(__file__).parent / "errors" / "running.toml").open("rb") as file:
    CASES = tomllib.load(file)["case"]


@pytest.mark.parametrize("case", CASES, ids=lambda c: c["from"])
def test_error_is_shown(case: dict[str, Any]) -> None:
    assert case["from"]

    def show() -> str:
        value = mlang.evaluate(case["m"], query=case.get("query"), filename="query.pq", engine="none")
        return mlang.to_m(value)

    with pytest.raises(mlang.MError) as caught:
        show()
    assert "\n".join(error_lines(caught.value)) == case["shows"]
