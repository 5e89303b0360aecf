"""Ten typical dataflows on DuckDB, Sail and Spark: the same values, types and errors.

Each stages its sources first; what stands on them runs on the server, in SQL or by its workers.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from dataflows.making import make, result, rows
from spark_tables import address_or_skip, engine

from folding.engines import spark_query
from staging.dataflow import read
from staging.refresh import Refresh, staged_value
from staging.workspace import Workspace

ORDERS = """
shared Orders = #table(type table [Id = Int64.Type, Day = date, Customer = text, Product = text, Quantity = Int64.Type,
    Price = number, Channel = text], List.Transform({1..120}, each {_, Date.AddDays(#date(2023, 11, 20), Number.Mod(_ * 7, 90)),
    {"anna KLEIN", "bo li", "Çağ ünal", null}{Number.Mod(_, 4)}, {"A-1", "B-22", "C"}{Number.Mod(_, 3)},
    if Number.Mod(_, 11) = 0 then null else Number.Mod(_, 9), _ / 8, if Number.Mod(_, 5) = 0 then "web" else "shop"}));
"""
TEXTS = """
shared Raw = #table(type table [Key = text, Amount = text, Day = text, Flag = text, Tags = text], List.Transform({1..60}, each
    {"k" & Text.From(_), {"12", "-3.5", "1e2", "abc", "", null, "1,200", "(5)"}{Number.Mod(_, 8)},
    {"2024-01-31", "2024-02-30", "31.1.2024", null}{Number.Mod(_, 4)}, {"true", "FALSE", "yes"}{Number.Mod(_, 3)},
    {"a,b", "a", "", null, "x,,z"}{Number.Mod(_, 5)}}));
"""
#: Name: the text of the dataflow, and the queries that are compared.
FLOWS: dict[str, tuple[str, tuple[str, ...]]] = {
    "sales by month": (ORDERS + """
shared Lines = Table.AddColumn(Table.SelectRows(Orders, each [Quantity] <> null), "Amount", each [Quantity] * [Price], type number);
shared Months = Table.Sort(Table.Group(Table.AddColumn(Lines, "Month", each Date.StartOfMonth([Day]), type date), {"Month", "Channel"},
    {{"Orders", each Table.RowCount(_), Int64.Type}, {"Amount", each List.Sum([Amount]), type number}}), {"Month", "Channel"});
""", ("Lines", "Months")),
    "best customers": (ORDERS + """
shared Best = Table.FirstN(Table.Sort(Table.Group(Orders, {"Customer"}, {{"Amount", each List.Sum([Price]), type number},
    {"First", each List.Min([Day]), type date}, {"Last", each List.Max([Day]), type date}}), {{"Amount", Order.Descending}}), 2);
shared Proper = Table.TransformColumns(Best, {{"Customer", Text.Proper, type text}});
""", ("Best", "Proper")),
    "star schema": (ORDERS + """
shared Products = Table.AddIndexColumn(Table.Sort(Table.Distinct(Table.SelectColumns(Orders, {"Product"})), "Product"), "ProductKey", 1, 1, Int64.Type);
shared Facts = let nested = Table.NestedJoin(Orders, "Product", Products, "Product", "p", JoinKind.LeftOuter),
    keys = Table.ExpandTableColumn(nested, "p", {"ProductKey"}) in Table.RemoveColumns(keys, {"Product", "Customer"});
shared Days = Table.AddColumn(Table.Sort(Table.Distinct(Table.SelectColumns(Orders, {"Day"})), "Day"), "Name", each Date.ToText([Day], "dddd", "de-DE"), type text);
""", ("Products", "Facts", "Days")),
    "dirty texts": (TEXTS + """
shared Typed = Table.TransformColumnTypes(Raw, {{"Amount", type number}, {"Day", type date}, {"Flag", type logical}}, "en-US");
shared Clean = Table.ReplaceErrorValues(Typed, {{"Amount", 0}, {"Flag", null}});
shared Good = Table.RemoveRowsWithErrors(Typed, {"Amount"});
""", ("Typed", "Clean", "Good")),
    "cut and joined texts": (TEXTS + """
shared Cut = Table.SplitColumn(Raw, "Tags", Splitter.SplitTextByDelimiter(",", QuoteStyle.None), {"One", "Two"});
shared Codes = Table.AddColumn(Table.SelectColumns(Raw, {"Key", "Tags"}), "Code", each Text.Upper(Text.Start([Key], 1)) & "-" & Text.PadStart(Text.AfterDelimiter([Key], "k"), 4, "0"), type text);
shared Letters = Table.AddColumn(Codes, "Letters", each Text.Combine(List.Distinct(Text.ToList([Code])), " "), type text);
""", ("Cut", "Codes", "Letters")),
    "wide and long": (ORDERS + """
shared Wide = Table.Pivot(Table.Group(Orders, {"Customer", "Channel"}, {{"n", each Table.RowCount(_), Int64.Type}}), {"web", "shop"}, "Channel", "n", List.Sum);
shared Typed = Table.TransformColumnTypes(Wide, {{"Customer", type text}, {"web", type number}, {"shop", type number}});
shared Long = Table.TransformColumnTypes(Table.UnpivotOtherColumns(Typed, {"Customer"}, "Channel", "n"), {{"Channel", type text}, {"n", type number}});
""", ("Typed", "Long")),
    "slowly changing": (ORDERS + """
shared Latest = let sorted = Table.Buffer(Table.Sort(Orders, {{"Day", Order.Descending}, {"Id", Order.Descending}})) in Table.Distinct(sorted, {"Customer"});
shared Gone = Table.Join(Table.SelectRows(Orders, each [Channel] = "web"), "Id", Table.PrefixColumns(Latest, "l"), "l.Id", JoinKind.LeftAnti);
shared Filled = Table.FillDown(Table.SelectColumns(Orders, {"Id", "Customer", "Quantity"}), {"Customer", "Quantity"});
""", ("Latest", "Filled")),
    "stacked sources": (ORDERS + """
shared Older = Table.SelectRows(Orders, each Date.Year([Day]) < 2024);
shared Newer = Table.SelectRows(Orders, each Date.Year([Day]) >= 2024);
shared All = Table.AddIndexColumn(Table.Combine({Newer, Older}), "Row", 0, 1, Int64.Type);
shared Shares = Table.AddColumn(Table.Group(All, {"Channel"}, {{"s", each List.Average([Price]), type number}}), "r", each Number.Round([s], 0), type number);
""", ("Newer", "All", "Shares")),
    "functions and records": (ORDERS + """
Rate = 1.19;
Band = (x as nullable number) as text => if x = null then "none" else if x > 9 then "high" else "low " & Text.From(x, "en-US");
shared Banded = Table.AddColumn(Orders, "Band", each Band([Price] * Rate), type text);
shared Checked = Table.AddColumn(Orders, "Check", each if [Quantity] = 7 then error Error.Record("Rule", "seven", [Id = [Id]]) else [Quantity], Int64.Type);
shared Bands = Table.Sort(Table.Group(Banded, {"Band"}, {{"n", each Table.RowCount(_), Int64.Type}}), "Band");
""", ("Banded", "Checked", "Bands")),
    "json in a column": (ORDERS + """
shared Sent = Table.AddColumn(Table.SelectColumns(Orders, {"Id", "Price"}), "Body", each Text.FromBinary(Json.FromValue([id = [Id], price = [Price]])), type text);
shared Read = Table.AddColumn(Sent, "Again", each Json.Document([Body])[price] * 2, type number);
shared Large = Table.SelectRows(Read, each Number.FromText(Text.AfterDelimiter([Body], ":", {0, RelativePosition.FromEnd}), "en-US") is number and [Again] > 20);
""", ("Sent", "Read")),
}  # fmt: skip


@pytest.fixture(scope="module", params=["Sail", "Spark"])
def server(request: pytest.FixtureRequest) -> Iterator[str]:
    with engine(address_or_skip(request.param)):
        yield request.param


def refreshed(folder: Path, text: str, name: str, queries: tuple[str, ...]) -> dict[str, Any]:
    """What each query gives: status, rows, types, errors and their messages."""
    place = make(folder / name, text)
    run = Refresh(read(place), Workspace.beside(place), {}, {"engine": name, "culture": "en-US"}).run()
    found: dict[str, Any] = {}
    for query in queries:
        one = result(run, query)
        if one.status != "Completed":
            found[query] = (one.status, str(one.error))
            continue
        schema = staged_value(Workspace.beside(place), place.name, query).schema
        found[query] = (one.status, rows(place, query), schema, one.errors)
    return found


@pytest.mark.parametrize("name", FLOWS)
def test_the_same_on_every_engine(
    server: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    told = spark_query.SparkQuery._read

    def spy(self: Any, *more: Any) -> Any:
        asked.append(self.sql())
        return told(self, *more)

    monkeypatch.setattr(spark_query.SparkQuery, "_read", spy)
    text, queries = FLOWS[name]
    there = refreshed(tmp_path, text, "spark", queries)
    assert len(asked) >= 1
    here = refreshed(tmp_path, text, "duckdb", queries)
    assert there == here
    assert {status for status, *_ in here.values()} == {"Completed"}, here
