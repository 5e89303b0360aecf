"""Tables and records in cells that have no rows or no fields, as Arrow."""

from __future__ import annotations

import pytest

import mlang


@pytest.mark.parametrize(
    ("source", "cells"),
    [
        ("#table({}, {})", [[]]),
        ('#table({"x"}, {})', [[]]),
        ("[]", [{}]),
        ('#table({"x"}, {{#table({}, {})}})', [[{"x": []}]]),
    ],
)
def test_cells_without_rows_or_fields(source: str, cells: list[object]) -> None:
    assert mlang.evaluate(f'#table({{"a"}}, {{{{{source}}}}})').to_arrow()["a"].to_pylist() == cells


def test_extra_fields_of_delimited_text() -> None:
    table = mlang.evaluate('Csv.Document("a,b#(lf)1,2,3", [ExtraValues = ExtraValues.List])')
    assert table.to_arrow()["Column2"].to_pylist() == [["b"], ["2", "3"]]


def test_an_element_without_content() -> None:
    rows = mlang.evaluate("Xml.Document(\"<a x='1'><b>u</b></a>\")").to_arrow().to_pylist()
    assert rows[0]["Value"] == [{"Name": "b", "Namespace": "", "Value": "u", "Attributes": []}]
