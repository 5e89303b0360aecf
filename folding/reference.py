"""docs/folding.md, generated: which functions run in an engine, and where.

python -m folding.reference --write     writes docs/folding.md (a test holds it to the code)

"exact" means: what the engine gives is what the interpreter gives, value by value (the grids of
tests/test_folding.py), or the query stops and the interpreter does it.
"""

from __future__ import annotations

import sys
from pathlib import Path

from folding.aggregates import AGGREGATES
from folding.functions import FORMS, form_of
from folding.relations import COMPILERS, load_compilers
from mlang import registry
from mlang.registry import Builtin
from mlang.tables import plan as p

DOCUMENT = Path("docs", "folding.md")  # from the top of a checkout

#: Which functions make the steps that have an SQL form.
STEPS: dict[type, tuple[str, ...]] = {
    p.Scan: (
        "Csv.Document", "Parquet.Document", "DuckDB.Database", "PostgreSQL.Database", "MySQL.Database", "Sql.Database",
        "SQLite.Database", "Value.NativeQuery",
    ),
    p.Related: (),
    p.Project: (
        "Table.SelectColumns", "Table.RemoveColumns", "Table.RenameColumns", "Table.ReorderColumns",
        "Table.DuplicateColumn", "Table.PrefixColumns", "Table.TransformColumnNames",
    ),
    p.AddColumn: (
        "Table.AddColumn", "Table.SplitColumn", "Table.CombineColumns", "Table.CombineColumnsToRecord",
        "Table.AggregateTableColumn",
    ),
    p.Step: (
        "Table.AddRankColumn", "Table.AlternateRows", "Table.ReplaceMatchingRows", "Table.RemoveRows",
        "Table.InsertRows", "Table.ReplaceRows", "Table.ClearDown",
    ),
    p.ExpandRecord: ("Table.ExpandRecordColumn",),
    p.ExpandList: ("Table.ExpandListColumn",),
    p.NestedJoin: (),
    p.TransformColumns: ("Table.TransformColumns",),
    p.ChangeTypes: ("Table.TransformColumnTypes",),
    p.ReplaceValue: ("Table.ReplaceValue",),
    p.AddIndex: ("Table.AddIndexColumn",),
    p.Retype: ("Value.ReplaceType",),
    p.Fill: ("Table.FillDown", "Table.FillUp"),
    p.ReplaceErrors: ("Table.ReplaceErrorValues",),
    p.ErrorRows: ("Table.RemoveRowsWithErrors", "Table.SelectRowsWithErrors"),
    p.SelectRows: ("Table.SelectRows", "Table.RemoveMatchingRows", "Table.FindText"),
    p.Take: ("Table.FirstN", "Table.Range", "Table.MaxN", "Table.MinN"),
    p.Drop: ("Table.Skip", "Table.RemoveFirstN", "Table.PromoteHeaders"),
    p.TakeLast: ("Table.LastN",),
    p.DropLast: ("Table.RemoveLastN",),
    p.Reverse: ("Table.ReverseRows",),
    p.Sort: ("Table.Sort",),
    p.Distinct: ("Table.Distinct",),
    p.Buffer: ("Table.Buffer",),
    p.Append: ("Table.Combine", "Table.Repeat", "Table.DemoteHeaders"),
    p.Join: ("Table.Join",),
    p.ExpandTable: ("Table.NestedJoin", "Table.AddJoinColumn", "Table.ExpandTableColumn"),
    p.Group: ("Table.Group",),
    p.Pivot: ("Table.Pivot",),
    p.Unpivot: ("Table.Unpivot", "Table.UnpivotOtherColumns"),
}  # fmt: skip
#: Functions that are a query of their own, because they ask how many rows there are.
COUNTS = ("Table.RowCount", "Table.IsEmpty", "Table.ApproximateRowCount")
#: Functions that ask an engine about a whole table or a column of it (`mlang/tables/asking.py`).
ASKED = (
    "List.Sum", "List.Average", "List.Max", "List.Min", "List.Median", "List.NonNullCount", "List.Distinct",
    "List.StandardDeviation", "List.Product", "List.Percentile", "List.PositionOf", "List.AllTrue", "List.AnyTrue",
    "List.MatchesAll", "List.MatchesAny", "List.IsDistinct", "List.Select", "List.Transform", "List.RemoveNulls",
    "List.FirstN", "List.LastN", "List.Skip", "List.RemoveFirstN", "List.RemoveLastN", "List.Reverse", "List.Sort",
    "List.MaxN", "List.MinN", "List.Contains", "Table.Contains", "Table.ContainsAny",
    "Table.ContainsAll", "Table.Profile", "Table.PositionOf", "Table.PositionOfAny", "Table.MatchesAllRows",
    "Table.MatchesAnyRows", "Table.IsDistinct",
)  # fmt: skip
#: Functions that take some rows or cells of a table: an engine sends only these.
TAKEN = (
    "Table.First", "Table.FirstValue", "Table.Last", "Table.SingleRow", "Table.Max", "Table.Min", "Table.Split",
    "Table.SplitAt",
    "Table.Column", "Table.ToColumns", "Table.ToList", "Table.ToRecords", "Table.ToRows", "Table.TransformRows",
)  # fmt: skip
#: Functions that say or change what a table's type says: no row is read for them.
TYPED = (
    "Table.AddKey", "Table.ColumnCount", "Table.ColumnNames", "Table.ColumnsOfType", "Table.HasColumns", "Table.Keys",
    "Table.ReplaceKeys", "Table.ReplaceRelationshipIdentity", "Table.Schema", "Table.WithErrorContext",
)  # fmt: skip
NOTES = {
    "Number.ToText": "formats C, D, F, G, N, P, X and custom ones without an exponent",
    "Text.Format": "a constant template, values that are written out or the row",
    "Text.Proper": "of ASCII letters; other texts are done by the interpreter",
    "Record.Combine": "of records that are written out, or the row",
    "Record.FromList": "of values that are written out",
    "Comparer.Equals": "with comparers of the library",
    "Value.Add": "in doubles",
    "Value.Subtract": "in doubles",
    "Value.Multiply": "in doubles",
    "Value.Divide": "in doubles",
    "Value.Compare": "in doubles",
    "Number.Combinations": "of a constant number of things",
    "Number.Permutations": "of a constant number of things",
    "Number.BitwiseShiftLeft": "by a constant",
    "Number.BitwiseShiftRight": "by a constant",
    "Function.Invoke": "with arguments that are written out",
    "Csv.Document": "a local UTF-8 file in the plain dialect",
    "Parquet.Document": "a local file",
    "PostgreSQL.Database": "in PostgreSQL",
    "MySQL.Database": "in MySQL or MariaDB",
    "Sql.Database": "in SQL Server",
    "SQLite.Database": "in SQLite",
    "Value.NativeQuery": "of a source database, with EnableFolding",
    "Table.PromoteHeaders": "of a CSV file",
    "Table.NestedJoin": "with the expansion of its column; left outer joins also with aggregates of it;"
    " with key comparers of the library",
    "Table.AddJoinColumn": "with the expansion of its column, or aggregates of it",
    "Table.ExpandTableColumn": "of a column that Table.NestedJoin made",
    "Table.AggregateTableColumn": "of a column that Table.NestedJoin made (left outer)",
    "Table.ExpandRecordColumn": "of records that folding knows: made in the query, or structs of a DuckDB table",
    "Table.ExpandListColumn": "of lists that folding knows: made in the query, or lists of a DuckDB table",
    "Table.SplitColumn": "by delimiters (one, each or any of some), white space, character transitions,"
    " lengths, positions or ranges from the start",
    "Table.CombineColumns": "of texts by delimiters; by functions of the list that fold, of columns of one kind",
    "Table.AddRankColumn": "all kinds of ranks; by columns and functions of the row",
    "Table.Buffer": "what is buffered is made once, then read by the engine; a query sorts a sorted one itself",
    "Table.Pivot": "with List.Sum, Count, NonNullCount, Min, Max or Average; without a function where each cell"
    " has one value",
    "Table.ReplaceValue": "constant values and functions of the row; with the library's replacers, Text.Replace,"
    " and ones written in M that fold",
    "Table.SelectRowsWithErrors": "of columns that hold no errors",
    "DateTimeZone.ToLocal": "in a zone with rules the years 1970 to 2049",
    "DateTimeZone.SwitchZone": "constant hours and minutes",
    "DateTime.AddZone": "constant hours and minutes",
    "DateTimeZone.FromText": "ISO texts in the engine, others cell by cell; not by a format",
    "Table.Sort": "by columns, functions of the row, and comparers that compare one function of both rows",
    "Table.Distinct": "also by comparers of the library; of cultures where texts are ASCII",
    "Table.Join": "all kinds; with key comparers of the library",
    "Table.Group": "both kinds; with comparers of the library, ones that compare one function of both keys,"
    " and local ones that look at the later key; aggregates as below",
    **dict.fromkeys(
        (
            "Table.Contains",
            "Table.ContainsAny",
            "Table.ContainsAll",
            "Table.PositionOf",
            "Table.PositionOfAny",
            "Table.RemoveMatchingRows",
            "Table.ReplaceMatchingRows",
        ),
        "with criteria of columns, functions of the row, comparers of the library",
    ),
    "Table.IsDistinct": "with no comparer or one of the library for all columns",
    "Table.Max": "by what Table.Sort sorts by",
    "Table.Min": "by what Table.Sort sorts by",
    "Table.ToList": "its function runs in the interpreter",
    "Table.TransformRows": "its function runs in the interpreter",
    "Table.CombineColumnsToRecord": "records are taken apart in the engine, or come out as records",
    "Table.DemoteHeaders": "of columns of texts",
    "Table.InsertRows": "of cells of the columns' kinds",
    "Table.ReplaceRows": "of cells of the columns' kinds",
    "List.StandardDeviation": "of up to 1,000,000 rows; of more only in number mode relaxed",
    "Table.Profile": "of columns of numbers, texts and logicals; standard deviations of up to 1,000,000 rows",
    "List.Product": "of up to 1,000,000 rows",
    "List.Percentile": "for constant shares",
    "List.Accumulate": "over a list that is written out",
    "List.Union": "of two lists",
    "List.Intersect": "of two lists",
    "List.Zip": "of lists that are written out in one",
    "List.Sort": "in an order, by a key, or both",
    "List.Dates": "whole days apart",
    "List.PositionOf": "not by a comparer",
    "List.ContainsAny": "for values that are written out",
    "List.ContainsAll": "for values that are written out",
    "List.Sum": "doubles as docs/decisions/folding-sums.md says",
    "List.Average": "doubles as docs/decisions/folding-sums.md says",
}
_FAMILIES = (
    "Table", "List", "Text", "Number", "Byte", "Int8", "Int16", "Int32", "Int64", "Double", "Single", "Decimal",
    "Currency", "Percentage", "Date", "DateTime", "DateTimeZone", "Time", "Duration", "Logical", "Record", "Value",
    "Character", "Comparer", "Replacer", "Function",
    "Csv", "Parquet", "DuckDB", "PostgreSQL", "MySQL", "Sql", "SQLite",
)  # fmt: skip
_HEAD = """# What folds

<!-- Generated by `python -m folding.reference --write`; do not edit. -->

Where a function stands decides: as a **step** of a query, in a **row** function (`each [a] + 1`), as the
**aggregate** of a group, or as a **value** asked
of a folded table or column (so are `t{n}` and `t{[key = 1]}`); of **rows** functions the engine sends those rows
that are wanted, and for **type** functions nothing is read. *exact* means that the engine gives what the
interpreter gives, value by value, or the query
stops and the interpreter does the work; *local* that the interpreter or DuckDB does it on what the database sends;
*unverified* that the query's text is tested and no server was. `mlang.explain` says it for a query, with the reason.
The columns of the source databases are for tables that live there; a server is asked at the first query
whether its forms are exact (docs/decisions/source-databases.md). Those of Spark and Sail are for sessions with the
engine "spark" (docs/spark.md): staged tables and, on Spark, Parquet files.

"""


def places() -> dict[str, list[str]]:
    """Where each function folds: "step", "row", "aggregate"."""
    form_of("")  # loads the families
    found: dict[str, list[str]] = {}
    steps = [name for names in STEPS.values() for name in names] + list(COUNTS)
    for where, names in (("step", steps), ("row", sorted(FORMS)), ("aggregate", [*AGGREGATES, COUNTS[0]]),
                         ("value", ASKED), ("rows", TAKEN), ("type", TYPED)):  # fmt: skip
        for name in names:
            found.setdefault(name, []).append(where)
    return found


#: Source databases, by dialect.
DIALECTS = {
    "postgres": "PostgreSQL", "mysql": "MariaDB", "sqlite": "SQLite", "sqlserver": "SQL Server", "spark": "Spark",
    "sail": "Sail",
}  # fmt: skip
#: Not databases: engines that a session may have instead of DuckDB.
SPARKS = ("spark", "sail")
_ELSEWHERE = {
    "PostgreSQL.Database": "postgres", "MySQL.Database": "mysql", "Sql.Database": "sqlserver",
    "SQLite.Database": "sqlite",
    "Value.NativeQuery": "",
}  # fmt: skip


def on_engine(dialect: str) -> dict[str, str]:
    """What a source database does: function to "exact" or, where no server was tested, "unverified"."""
    from folding.engines import probes, spark_probes
    from folding.engines.samples import AGGREGATES as GROUPS
    from folding.engines.samples import FUNCTIONS
    from folding.engines.samples import STEPS as TABLES

    verdict = "unverified" if dialect == "sqlserver" else "exact"
    samples = {**{n: f'Table.AddColumn(T, "x", each {e})' for n, e in FUNCTIONS.items()}, **GROUPS, **TABLES}
    printed = spark_probes.printed if dialect in SPARKS else probes.printed
    found = {name: verdict for name, text in samples.items() if printed(dialect, text)}
    databases = ("",) if dialect not in SPARKS else ()
    found.update({n: verdict for n, engine in _ELSEWHERE.items() if engine in (*databases, dialect)})
    if dialect == "spark":  # Sail does not know the places of rows in files that are not staged
        found["Parquet.Document"] = verdict
    return found


def compiled_nodes() -> set[type]:
    """The steps of M that have an SQL form."""
    load_compilers()
    return {node for node in COMPILERS if node.__module__.startswith("mlang.")}


def document() -> str:
    """The text of docs/folding.md."""
    registry.load_all()
    folds = places()
    names = [
        n for n, entry in registry.BUILTINS.items() if isinstance(entry, Builtin) and _family(n) in _FAMILIES
    ]
    counted = sum(1 for n in names if n in folds)
    engines = {dialect: on_engine(dialect) for dialect in DIALECTS}
    numbers = ", ".join(f"{title} {len(engines[dialect])}" for dialect, title in DIALECTS.items())
    parts = [
        _HEAD,
        f"{counted} of {len(names)} functions of these families fold; to source databases and clusters: {numbers}.\n",
    ]
    for family in _FAMILIES:
        members = sorted(n for n in names if _family(n) == family)
        exact = [n for n in members if n in folds]
        parts.append(
            f"\n## {family}\n\n| Function | DuckDB | {' | '.join(DIALECTS.values())} | Where | Remarks |\n"
            f"|{'---|' * (len(DIALECTS) + 4)}\n"
        )
        for name in exact:
            there = " | ".join(engines[dialect].get(name, "local") for dialect in DIALECTS)
            here = "local" if name in _ELSEWHERE else "exact"
            parts.append(
                f"| {name} | {here} | {there} | {', '.join(folds[name])} | {NOTES.get(name, '')} |\n"
            )
        others = [n.partition(".")[2] for n in members if n not in folds]
        if others:
            parts.append(f"\nInterpreter: {', '.join(others)}.\n")
    return "".join(parts)


def _family(name: str) -> str:
    return name.partition(".")[0]


def main() -> None:
    """Writes the document, or prints it."""
    if "--write" in sys.argv:
        DOCUMENT.write_text(document(), encoding="utf-8")
    else:
        print(document())


if __name__ == "__main__":
    main()
