"""Functions of single values for the grids of `test_folding.py`: expressions over columns x and y of given kinds."""

from __future__ import annotations

#: Kinds of columns besides those of `test_folding.py`.
GRID: dict[str, list[str]] = {
    "clocks": [
        *[f'"{x}"' for x in ["10:11", "10:11:12", "23:59:59", "24:00:00", "00:60", "1:2", "10:11:12.5", "10:11PM"]], '""', "null",
    ],
    "spans": [
        *[f'"{x}"' for x in ["1.02:03:04", "-1.02:03:04", "02:03", "-00:00:01", "5", "-7", "24:00", "1.24:00", "P1D", "1.02:03:04.5", "-0"]], '""', "null",
    ],
    "written": [
        *[f'"{x}"' for x in ["15 March 2020", "05 March 2020", "Mon, 05 Oct 2020", "Tue, 05 Oct 2020", "20-10-05", "49-01-01", "50-01-01", "2020-1-15",
          "2020-10-5", "2020-10-05 23", "2020-10-05 13:10:11.025", "2020-10-05 12:10 AM", "2020-10-05 12:10 PM", "2020-10-05 01:10 PM", "2020-10-05 13:10 PM",
          "2020-10-05T13:10:11+02:00", "2020-10-05T13:10:11-0530", "2020-10-05T13:10:11Z", "2020-10-05T13:10:11+15:00", "2020-10-05T13:10:11",
          "0001-01-01T00:10:11+02:00", "31 February 2020", "10:11:12.05"]], '""', "null",
    ],
    "words": [*[f'"{x}"' for x in ["n/a", "-", "unknown", "May", "#N/A", "a b", "12.5", "-7", "0", "1_000", "NaN", "nan", "null"]], '""', "null"],
    "days": [
        *[f'"{x}"' for x in ["2020-02-29", "2021-02-29", "31.12.2020", "1.2.2020", "01.02.2020", "5-Jan-2020", "05-jan-2020", "29-Feb-2020", "0000-01-01", "2020-13-01"]],
        '"29/02/2020 10:11:12"', '"29/02/2020 24:00:00"', '""', "null",
    ],
}  # fmt: skip

RECORDS = [
    *[(e, "number", None) for e in (
        "Record.FieldCount(_)", 'Record.HasFields(_, {"x", "q"})', 'Record.HasFields(_, "x")', 'Record.AddField(_, "z", [x] + 1)',
        'Record.RemoveFields(Record.AddField(_, "z", 1), "x")', 'Record.RenameFields(_, {"x", "z"})', 'Record.SelectFields(_, "x")',
        'Record.SelectFields(_, {"x", "q"}, MissingField.UseNull)', "Record.Combine({_, [z = 1]})", "_ & [z = 1]", "[x = 1, y = 2] & _",
        '_[[x]]', "[[x], [q]]?", 'Record.ReorderFields(_ & [z = 1], {"z", "x"})', 'Record.AddField(_, "z", () => [x] + 1, true)[z]',
        '(_ & [z = [x]])[z] ?? 1', "let r = [a = [x], f = (b) => b + a] in r[f](1)", "[f = (a) => a + 1][f]([x])", "let x = [x] in @x + 1",
        "((x) => let x = x + 1 in x)([x])", "let g = (a) => (b) => a + b in g(1)([x])", "{[x], 2}{0}",
        "let f = (n) => if n <= 0 then 0 else n + @f(n - 1) in f(3) + [x]", "try [x] catch (e) => 0", "[x] + (if true then 1 else error \"x\")",
        "(try [x])[HasError]", "(try [x])[Value]", "[x] / List.Sum({1, 2, 3})", "{1..3}{0} + [x]", "[x] + 2 * 3 - 4 / 8")],
    ('Record.TransformFields(_, {"x", each _ & "!"})', "text", None), ('Record.TransformFields(_, {{"x", Text.Length}})[x]', "text", None),
    ('Record.Field([a = "x", b = "y", abc = "z"], [x])', "sure", None), ('Record.FieldOrDefault([a = "x", b = "y"], [x])', "sure", None),
    ('Record.FieldOrDefault([a = 1, b = 2], [x], 9)', "sure", None), ('Record.Field(_, if [x] = "a" then "x" else "y")', "text", "text"),
    # tries, errors, checks of kinds
    *[(f"try Number.FromText([x]) {h}", "spelt", None) for h in ("catch (e) => -1", "catch () => -1", "catch (e) => e[Message]", 'otherwise "none"')],
    *[(f"(try Number.FromText([x]))[{f}]", "spelt", None) for f in ("HasError", "Value")],
    *[(e, "words", None) for e in ("try Number.From([x]) otherwise null", 'try Number.FromText([x], "de-DE") otherwise -1', "try Int64.From([x]) otherwise 7",
      "try Date.From([x]) otherwise null", "try DateTime.From([x]) otherwise null", "(try Number.From([x]))[HasError]", "try (try Number.From([x]))[Value] otherwise 0",
      "try Number.From([x]) + 1 otherwise 0", "try {Number.From([x]), 2}{1} otherwise 0", 'try Number.From([x]) otherwise "none"',
      "let t = try Number.From([x]) in if t[HasError] then 0 else t[Value]")],
    ("let t = try Number.FromText([x]) in if t[HasError] then t[Error][Message] else t[Value]", "spelt", None),
    ('if [x] > 1 then error "bad" else [x]', "sure_whole", None), ('[x] ?? (error "bad")', "whole", None), ("[x] as number", "whole", None),
    ("[x] as nullable number", "whole", None), ("if [x] = null then 0 else ([x] as number)", "whole", None), ("((a as number) => 1)([x])", "whole", None),
    ("((a, b) => b)(Number.FromText([x]), 1)", "spelt", None), ("((r as record) as number => r[x] * 2)(_)", "whole", None),
    ("if [x] is text then 1 else 2", "text", None), ("_ is record", "number", None), ('[x] & Text.Combine(List.Transform({1, 2}, Text.From))', "text", None),
    ('Text.PadStart("7", 1 + 2, "0") & [x]', "text", None), ("let a = [x], b = a & a, c = b & b, d = c & c in d", "text", None),
    # lookups in what is the same for all rows
    *[(f'{{"a", "b", null}}{{[x]}}{o}', kind, None) for o, kind in (("", "sure_whole"), ("?", "sure_whole"), ("?", "ties"))],
    ('Text.Split([x], "b"){[y]}?', "sure", "sure_whole"), ('#table({"k", "v"}, {{1, "a"}, {2, "b"}}){[k = [x]]}?[v]?', "whole", None),
    ('#table({"k", "v"}, {{"a", 1}, {"abc", 3}, {null, 7}}){[k = [x]]}[v]', "text", None),
    ('#table({"k", "v"}, {{1.5, 1}, {0, 3}, {1e300, null}}){[k = [x]]}?[v]?', "number", None),
]  # fmt: skip
FORMS: list[tuple[str, str, str | None]] = [*RECORDS]

FORMATS = [
    *[(f'Number.ToText([x], "{f}")', kind, None) for kind in ("ties", "whole") for f in (
        "N", "F2", "P1", "C", "N0", "0.00", "#,##0.00", "000", "0.##", "#.##", "0.0%;(0.0%);zero", "#,##0.00;(#,##0.00);-", "G", "#,##0,", "X",
        "D5", "x4", "0 'km'", "+0;-0", "#,#")],
    *[(f'Number.ToText([x], "{f}", "de-DE")', "number", None) for f in ("N", "C", "P", "0.0", "G")],
]  # fmt: skip
FORMS += FORMATS

TEXTS = [
    *[(f'Text.PositionOf([x], {e})', "text", None) for e in ('"a", Occurrence.Last', '"b", Occurrence.All', '"aX", Occurrence.All', '"b"',
      '"B", Occurrence.First, Comparer.OrdinalIgnoreCase', '"B", Occurrence.Last, Comparer.OrdinalIgnoreCase')],
    ("Text.PositionOf([x], [y])", "sure", "sure"), ('Text.PositionOfAny([x], {"a", "b"}, Occurrence.Last)', "sure", None),
    ('Text.PositionOfAny([x], {"a", "b"}, Occurrence.All)', "sure", None), ('Text.PositionOfAny([x], {"a", "b"})', "text", None),
    ('Text.SplitAny([x], "b,")', "sure", None), ('Text.SplitAny([x], "\\]")', "text", None),
    ('Text.Format("#{0} and #{1}", {[x], [y]})', "text", "whole"), ('Text.Format("#[a]!#[a]", [a = [x]])', "ties", None),
    ('Text.Format("#[x]!", _)', "logical", None), ('Text.Format("#{0}", {[x]}, "de-DE")', "date", None), ('Text.Format("#{0}", {[x]})', "duration", None),
    ("Character.FromNumber([x])", "whole", None), ("Character.ToNumber([x])", "text", None),
    *[(f'Text.{n}([x], "en-US")', "text", None) for n in ("Upper", "Lower", "Proper")],
    ('Text.Replace([x], [y], "z")', "text", "sure"), ('Replacer.ReplaceText([x], "a", "b")', "text", None),
    *[(f"Text.{e}", "text", "sure_whole") for e in ('Insert([x], [y], "z")', "At([x], [y])", "Range([x], [y], 1)", "RemoveRange([x], [y], 1)",
      'ReplaceRange([x], 1, [y], "q")', "Repeat([x], [y])", "PadStart([x], [y])")], ('Text.PadEnd([x], [y], "-")', "text", "whole"),
    *[(f"Text.{n}Delimiter([x], [y])", "text", "text") for n in ("Before", "After")], ("Text.Contains([x], [y])", "text", "text"),
    ("Text.Start([x], [y])", "text", "whole"), ('Text.Split([x], ",")', "text", None),
]  # fmt: skip
NUMBERS = [
    *[(f"Number.Bitwise{n}([x], [y])", "whole", "whole") for n in ("And", "Or", "Xor")], ("Number.BitwiseOr([x], [y])", "number", "sure_whole"),
    ("Number.BitwiseNot([x])", "whole", None), *[(f"Number.BitwiseShift{n}([x], {k})", "whole", None) for n in ("Left", "Right") for k in (0, 3)],
    ("Number.Factorial([x])", "whole", None), ("Number.Combinations(10, [x])", "whole", None), ("Number.Permutations(5, [x])", "sure_whole", None),
    ("Number.Atan2([x], [y])", "number", "number"), ("Number.IsEven([x])", "whole", None), ("Logical.From([x])", "number", None),
    *[(f"Value.{n}([x], [y])", kind, kind) for n, kind in (("Add", "number"), ("Divide", "number"), ("Subtract", "date"), ("Compare", "number"),
      ("Compare", "text"), ("Compare", "date"), ("Compare", "logical"))], ("Value.Multiply([x], 2, Precision.Double)", "number", None),
    ("Value.Equals([x], 2, Precision.Double)", "number", None), ('Comparer.Ordinal([x], "b")', "text", None), ("Comparer.OrdinalIgnoreCase([x], [y])", "text", "sure"),
    ('Comparer.Equals(Comparer.OrdinalIgnoreCase, [x], "A")', "text", None), ("Comparer.Equals(Comparer.Ordinal, [x], [y])", "whole", "whole"),
    *[(f"Value.Is([x], {e})", kind, None) for e in ("type number", "type nullable text", "Int64.Type", "type any") for kind in ("number", "text")],
    ("Value.As([x], type number)", "whole", None), ("Value.As([x], type nullable text)", "text", None), ("Value.RemoveMetadata([x])", "text", None),
    ("Value.ReplaceMetadata([x], [a = 1])", "text", None), ('Replacer.ReplaceValue([x], "a", "b")', "text", None), ("Replacer.ReplaceValue([x], null, 0)", "number", None),
    ("Replacer.ReplaceValue([x], [y], null)", "whole", "whole"), ("Function.Invoke(Text.Length, {[x]})", "text", None),
    ("Function.Invoke((a, b) => a + b, {[x], 1})", "number", None),
]  # fmt: skip
MOMENTS = [
    ("Number.From([x])", "datetime", None), ("Number.From([x])", "time", None), ("Int64.From([x])", "datetime", None), ("Text.From([x])", "duration", None),
    ("Duration.ToText([x])", "duration", None), *[(f"{n}.From([x])", kind, None) for n in ("Date", "DateTime") for kind in ("number", "ties", "whole")],
    ("Time.From([x])", "number", None), ("DateTime.From([x])", "time", None), ("Date.AddDays([x], [y])", "date", "whole"),
    *[(f"{n}.ToRecord([x])", n.lower(), None) for n in ("Date", "Time", "DateTime", "Duration")], ("Date.ToRecord([x])[Year]", "date", None),
    *[(f'Date.{e}', "days", None) for e in ('From([x], "de-DE")', 'FromText([x], "fr-FR")', 'FromText([x], [Culture = "de-DE"])',
      'FromText([x], [Format = "yyyy-MM-dd"])', 'FromText([x], [Format = "dd.MM.yyyy"])', 'FromText([x], [Format = "d.M.yyyy", Culture = "de-DE"])',
      'FromText([x], [Format = "d-MMM-yyyy", Culture = "en-US"])', 'FromText([x], [Format = "dd-MMM-yyyy", Culture = "en-US"])')],
    ('DateTime.FromText([x], [Format = "dd/MM/yyyy HH:mm:ss", Culture = "en-GB"])', "days", None), ('DateTime.FromText([x], [Format = "dd.MM.yyyy"])', "days", None),
    ("DateTime.FromText([x], [Format = \"yyyy-MM-dd'T'HH:mm:ss\"])", "spelt", None), ("Time.FromText([x])", "clocks", None), ("Time.From([x])", "clocks", None),
    ('Time.FromText([x], "de-DE")', "clocks", None), ('Time.FromText([x], [Format = "HH:mm"])', "clocks", None), ('Time.FromText([x], [Format = "H:mm:ss"])', "clocks", None),
    ("Duration.FromText([x])", "spans", None), ("Duration.From([x])", "spans", None), ("Duration.From([x])", "spelt", None),
]  # fmt: skip
MOMENTS += [
    *[(f'{n}.FromText([x], [Format = "{f}", Culture = "en-US"])', "written", None) for n, f in (("Date", "dd MMMM yyyy"), ("Date", "d MMMM yyyy"), ("Date", "ddd, dd MMM yyyy"),
      ("Date", "yy-MM-dd"), ("Date", "yyyy-M-d"), ("DateTime", "yyyy-MM-dd H"), ("DateTime", "yyyy-MM-dd HH:mm:ss.fff"), ("DateTime", "yyyy-MM-dd hh:mm tt"),
      ("DateTimeZone", "yyyy-MM-dd'T'HH:mm:sszzz"), ("DateTimeZone", "yyyy-MM-dd'T'HH:mm:ssK"), ("Time", "HH:mm:ss.ff"))],
    ('DateTimeZone.FromText([x], "de-DE")', "written", None), ('DateTimeZone.FromText([x], [Culture = "de-DE"])', "written", None),
]  # fmt: skip
NUMBERS += [
    (f"{n}.From([x])", kind, None)
    for n in ("Single", "Decimal", "Currency")
    for kind in ("number", "ties", "whole", "spelt", "date")
]
NUMBERS += [(f"Currency.From([x], null, RoundingMode.{m})", "ties", None) for m in ("Up", "AwayFromZero")]
#: Columns that are null throughout.
GRID["nothing"] = ["null"] * 3
NULLS = [
    *[(f"[x] {o} [y]", "nothing", kind) for o, kind in (("+", "number"), ("-", "date"), ("-", "duration"), ("*", "duration"), ("/", "number"), ("<", "number"),
      ("=", "number"), ("&", "text"), ("and", "logical"), ("or", "logical"))],
    *[(f"[y] {o} [x]", "nothing", kind) for o, kind in (("-", "number"), ("+", "datetime"), ("-", "time"), ("/", "duration"), ("&", "text"), (">=", "text"))],
    *[(e, "nothing", None) for e in ("not [x]", "-[x]", "[x] + 1", "[x] < [x]", '[x] & "a"', "Text.Upper([x])", "Date.Year([x])", "Number.Round([x], 1)",
      "Date.AddDays([x], 1)", "Text.Length([x]) + 1", "Text.From([x])", "[x] + #duration(1, 0, 0, 0)")],
    ("[x] + null", "number", None), ("null < [x]", "text", None),
]  # fmt: skip
MADE = [
    ('Splitter.SplitTextByDelimiter(",")([x])', "text", None), ('Splitter.SplitTextByDelimiter("b", QuoteStyle.None)([x])', "text", None),
    ('Splitter.SplitTextByAnyDelimiter({",", "b"})([x]){0}?', "text", None), ('Combiner.CombineTextByDelimiter("-")({[x], [y]})', "text", "text"),
    ("Record.FieldNames(_)", "number", None), ("List.Count(Record.FieldNames(_))", "number", None), ('Record.FromList({[x], 1}, {"a", "b"})', "text", None),
    ('Record.FromList({[x], 1}, {"a", "b"})[a]', "text", None), ('Number.FromText([x], "de-DE")', "spelt", None),
]  # fmt: skip
FORMS += [*MADE, *NULLS, *TEXTS, *NUMBERS, *MOMENTS]
