# ruff: noqa: E501
"""What to do when a step does not fold: one place that maps reasons to cures, written in M.

`cure(reason, function)` gives a rewrite or None.  Reasons are what `Unfoldable` says, here and in
``engines/``; the first pattern that is found in the reason wins, so the narrower ones stand first.
A cure never changes a result silently: where the rewritten step may differ, it says in what.
"""

from __future__ import annotations

import re

#: (pattern over the reason, cure); ``{0}``, ``{1}`` are the groups of the match.
_CURES: tuple[tuple[str, str], ...] = (
    # ------------------------------------------------------------ functions and names
    (
        r"^'(.+)' is not known to folding",
        ("Say what {0} does with functions that fold (Text.*, Number.*, Date.*, if, List.Contains …) in the step itself,"
        " or move the step after the filters, joins and groups, so that fewer rows reach the interpreter."),
    ),
    (
        r"a function that the library made|a function whose body is not known|not a known function",
        "Write the function out: each Text.Upper([Name]) instead of a function that another function gave back.",
    ),
    (
        r"calls itself",
        ("Say the same without a call of itself: a join with a table of the results, List.Contains or if … else if; or"
        " move the step after the filters, joins and groups, so that fewer rows reach the interpreter."),
    ),
    (
        r"too deeply|the expression is too large|nested too deeply",
        ("Split the expression: keep its parts as columns (Table.AddColumn) and remove these at the end."),
    ),
    (
        r"(Text\.Upper|Text\.Lower|Text\.Proper) with its optional arguments",
        "Leave the culture argument out if no letter needs it: {0}([Name]); only tr, az and lt differ from the others.",
    ),
    (
        r"(\S+) with a format$",
        "Let {0} write the text last, after the filters, joins and groups; without a format, or with zeros alone, it folds.",
    ),
    (
        r"(\S+) with its optional arguments",
        "Leave the optional arguments of {0} out where the default does the same; else do this step last, after the filters, joins and groups.",
    ),
    (r"there is no (column|field)", "Correct the name: the step raises in M."),
    (
        r"^(\w+\.\w+) has no exact SQL form",
        ("Compute {0} last, after the filters, joins and groups, so that fewer rows reach the interpreter; or say it with"
        " functions that fold (docs/folding.md lists them)."),
    ),
    (r"(\S+) with the wrong number of arguments|wrong number of arguments", "Correct the call: it raises in M."),
    (
        r"(Text\.\S+) with a comparer",
        ("Compare texts made alike instead: {0}(Text.Lower([Name]), Text.Lower(part)).  Comparer.OrdinalIgnoreCase"
        " folds, Comparer.FromCulture does not."),
    ),
    (
        r"a comparison (that|whose|of two|of another|of more)|comparer that somebody wrote",
        ("Compare one expression of both rows, (a, b) => Value.Compare(a[x], b[x]), or use Comparer.OrdinalIgnoreCase;"
        " else add what is compared as a column (Table.AddColumn) and sort, group or join by that."),
    ),
    (
        r"(a join with key comparers|order by a comparer|distinct rows by a comparer|groups by a comparer)",
        ("Add a column with the text made alike (Table.AddColumn(t, \"Key\", each Text.Lower([Name]), type text)), use it as"
        " the key and remove it afterwards."),
    ),
    (
        r"number of digits that is not whole, or large|rounded to tens|rounding mode that is none",
        "Give the digits as a constant whole number from -15 to 15, and the mode as RoundingMode.ToEven or another name.",
    ),
    (
        r"a datetime finer than a microsecond",
        "Take what you need of the end of the period: Date.From(Date.EndOfMonth([Day])), or the start of the next one.",
    ),
    (
        r"may not be whole|no whole number|not a constant whole number|with fractions",
        "Give a constant whole number, or a column of type Int64.Type (Table.TransformColumnTypes(t, {{\"n\", Int64.Type}})).",
    ),
    (r"may be NaN", "Convert the column to Int64.Type first, or exclude NaN: Table.SelectRows(t, each not Number.IsNaN([x]))."),
    (r"Text\.Combine of", 'Join the texts with the operator: [a] & ", " & [b] (a null makes it null; [a] ?? "" avoids that).'),
    (
        r"List\.Contains of something|range that is not short",
        ("Join instead of looking up: Table.Join(t, {\"Key\"}, list as table, {\"Key\"}, JoinKind.LeftSemi); short constant"
        " lists fold as they are."),
    ),
    (r"replacer other than", "Use Replacer.ReplaceValue or Replacer.ReplaceText, or say the replacement with Table.TransformColumns."),
    (r"Replacer\.ReplaceText of cells", "Declare the column's type before: Table.TransformColumnTypes(t, {{\"Name\", type text}})."),
    (r"try around something that can fail", "Test before computing: if [y] = 0 then null else [x] / [y]; or use Table.ReplaceErrorValues."),
    (r"expression form (\S+) has no", "Say it with operators, if, ?? and library functions that fold (docs/folding.md lists them)."),
    (r"of a whole row|field of something that is not the row", "Name the columns: each [Price] * [Quantity] instead of a function of the row _."),
    (r"row, function, list, record or type used as a cell", "Write records and lists out in the step ([a = [x]], {[x], [y]}), or add the values as columns of their own."),
    (r"records that are not known|lists that are not known|of a list$|field of a record that may be null|may be null\b.*list", "Make the record or list in the query itself, of values of known kinds (each [a = [x], b = [y]]; Text.Split([t], \",\")), and expand it before other steps."),
    (r"tables of groups", "Group by columns that need no conversion, or aggregate in the group itself: {{\"Total\", each List.Sum([x])}}."),
    (r"not a constant", "Make the argument a constant or a parameter; folding needs its value before the query runs."),
    # ------------------------------------------------------------ conversions and kinds
    (r"a number with more digits|decimals with different numbers of digits", "Convert to type number first if 15 digits are enough: Table.TransformColumnTypes(t, {{\"Price\", type number}})."),
    (r"rounding to digits|year of that many digits", "Do this step after the others: what stands below it still runs in the engine."),
    (
        r"conversion of texts|depends on the culture|conversion to .+ may|digits|unknown culture",
        ("Convert after the filters and groups that do not need the type, or let the source declare it; texts of the form"
        " 2024-12-31 and 1234.5 convert in the engine with the culture \"en-US\": Table.TransformColumnTypes(t, {{\"Day\","
        " type date}}, \"en-US\")."),
    ),
    (
        r"a value of kind null where|a null constant in a condition|may be null",
        "Say what a null becomes before: [x] ?? 0, or filter with Table.SelectRows(t, each [x] <> null).",
    ),
    (
        r"holds a table in each row",
        ("Nothing is lost where the next step expands or aggregates that column, counts the rows or removes it: the two"
        " fold together.  As the result, it is a table per row, which the interpreter makes."),
    ),
    (r"nested join of another kind", ("Expand the nested column directly after the join, or remove it after an inner, semi or left anti join:"
        " that folds for every kind (comparers included); only left outer joins fold with tables that are aggregated.")),
    (r"outside years 1 to 9999", ("Let the file be written with statistics of its date columns, or the source cast them to text; without bounds"
        " a date may be one that M has not, which the interpreter shows as an error.  If the column is not needed, that changes nothing: it is the file that is judged.")),
    (
        r"of a type that only the interpreter reads",
        ("Remove the column directly after the source (Table.RemoveColumns) if it is not needed, or let a view cast it to a"
        " type that M has (BIGINT, DOUBLE, VARCHAR, TIMESTAMP …)."),
    ),
    (
        r"of unknown kind|value of unknown kind|kind null",
        "Declare the column's type first, directly after the source: Table.TransformColumnTypes(t, {{\"Name\", type text}}).",
    ),
    (
        r"different kinds|mixed with doubles|compared with doubles|64-bit",
        "Convert both sides to one type before: Table.TransformColumnTypes(t, {{\"Key\", Int64.Type}}).",
    ),
    (r"several kinds", "Give the column one type (Table.TransformColumnTypes), or split the rows that are of another kind off."),
    (r"declared kind|type assertion|kind is checked at the call", "Declare the type that the value has (nullable where it may be null), or leave it out."),
    (r"arithmetic with decimals", "Convert to type number first if 15 digits are enough: Table.TransformColumnTypes(t, {{\"Price\", type number}})."),
    # ------------------------------------------------------------ rows and order
    (r"on trailing rows", "Reverse, take the leading rows and reverse again, or say it as a filter: Table.SelectRows(t, each …)."),
    (r"leading rows that may raise|condition that raises", "Make the condition total: test for null and for the kind first, then compare."),
    (
        r"without an order|without a number",
        "Sort by a column before the step (Table.Sort(t, {\"Id\"})): the source promises no order of its own.",
    ),
    (r"aggregate whose body|of a group has no SQL form|in a group|list in a group", "Use List.Sum, Average, Min, Max, Count, First, Last, Median or Table.RowCount of a column of the group, and compute with the results in a later step."),
    (r"StandardDeviation folds only", "If the last digits do not matter: mlang.evaluate(..., number_mode=\"relaxed\")."),
    (r"pivot", "Group by the keys first and pivot few rows; List.Sum, Max, Min, Count and Average fold over constant names."),
    (r"nested tables", ("Join with JoinKind.LeftOuter and without comparers, on keys that hold no errors; expand the table, or aggregate a"
        " column of it (List.Sum([New][x]), Table.RowCount([New])), before a step that compares or regroups rows.")),
    (r"(nested|tables of) .*(join of the same piece|without keys|another kind than left outer)", "Join with JoinKind.LeftOuter and without comparers, on keys that hold no errors; expand the nested column, or aggregate it, before a step that compares or regroups rows."),
    (r"hold errors|may be errors|errors already|which cells are errors", "Settle the error cells earlier: Table.ReplaceErrorValues or Table.RemoveRowsWithErrors directly after the conversion."),
    # ------------------------------------------------------------ sources
    (r"native query without EnableFolding", "Allow it: Value.NativeQuery(db, sql, null, [EnableFolding = true])."),
    (r"several databases|not in the database|rows that are in memory", "Filter and group each source first, then join; tables of different sources meet in DuckDB, small ones may be staged."),
    (r"database file cannot be opened", "Close whoever has the file open for writing."),
    (r"the source's columns changed", "Read the schema again: start the evaluation anew."),
    (r"form of delimited text|stray quotes|blank lines", "Give Csv.Document [Delimiter = \",\", Encoding = 65001, QuoteStyle = QuoteStyle.Csv] and clean the file's quotes; or stage the query once (its Parquet file folds)."),
    (r"is not read by an engine|is read by the interpreter|read by the interpreter", "Stage the source (mlang refresh) and go on from the staged table: it is Parquet and folds whole; else filter as early as the connector can."),
    (r"in memory", "Few rows in memory are done at once; nothing needs to be changed."),
    # ------------------------------------------------------------ engines
    (r"has no exact form in this engine|of this engine differ|which SQLite has not|SQLite reads otherwise|is otherwise on this server|no form in this engine|in this engine|the engine has not", "Do this step after the others: what stands below it still runs in the database, what stands above in DuckDB."),
    (r"conversions of texts are done by the interpreter", "Convert in the database (a view with a CAST), or keep the column as text as long as possible."),
)  # fmt: skip
#: Steps that have no SQL form as such.
_BY_FUNCTION: dict[str, str] = {
    "Table.StopFolding": "This is a fence: remove Table.StopFolding, and the steps above it may fold into the same query.",
    "Table.Buffer": "A buffer is filled by the interpreter: remove Table.Buffer where the rows are read once.",
    "Table.AddIndexColumn": "Filter before the index is added: a filter above it must number the rows it drops.",
    "Table.NestedJoin": "Left outer joins without comparers fold when the nested column is expanded, aggregated or removed; alone it makes a table per row.",
    "Table.TransformRows": "Use Table.AddColumn and Table.SelectColumns instead of a record per row.",
    "Table.FromRecords": "Use Table.AddColumn on the table instead of building records.",
    "Table.AddRankColumn": "Sort and Table.AddIndexColumn rank rows without ties.",
    "Table.Transpose": "Pivot or unpivot by name instead of by position.",
    "Table.AlternateRows": "Give the offset, the skip and the take as constants; over rows with an order the step folds as it is.",
    "Table.SplitColumn": "Split at a constant delimiter, position or length (Splitter.SplitTextByDelimiter(\"-\") …): such a split folds as it is; else add the parts with Text.BeforeDelimiter and Text.AfterDelimiter.",
    "Table.CombineColumns": 'Combine with Combiner.CombineTextByDelimiter and a constant delimiter over text columns: that folds; else add [a] & "-" & [b] and remove the parts.',
    "Table.RemoveMatchingRows": "Say it as a filter: Table.SelectRows(t, each not ([Key] = value)).",
}  # fmt: skip
_GENERAL = "Move this step after the filters, joins and groups: what stands below it still folds, and fewer rows reach it."
_TABLE = tuple((re.compile(pattern), text) for pattern, text in _CURES)
#: Reasons that need no cure.
_FINE = re.compile(
    r"already in memory|in memory already|nothing to fold to|not a table|the step .*raises|does not answer|turned off"
)


def cure(reason: str | None, function: str = "") -> str | None:
    """A suggested rewrite for a step that does not fold for a reason; None where nothing is wrong."""
    if reason is None or _FINE.search(reason):
        return None
    broken = re.search(r" \((Table\.\w+)\)$", reason)
    function = broken.group(1) if broken else function
    if "has no SQL form" in reason or "filled by the interpreter" in reason:
        found = _BY_FUNCTION.get(function)
        if found is not None:
            return found
    for pattern, text in _TABLE:
        match = pattern.search(reason)
        if match is not None:
            groups = match.groups()
            for place, group in enumerate(groups):
                text = text.replace(f"{{{place}}}", group or "it")
            return text
    return _BY_FUNCTION.get(function, _GENERAL)
