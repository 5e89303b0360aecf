"""Functions of single values for the grids of `test_folding.py`: expressions over columns x and y of given kinds."""

from __future__ import annotations

#: Kinds of columns besides those of `test_folding.py`.
GRID: dict[str, list[str]] = {}

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
    ("let t = try Number.FromText([x]) in if t[HasError] then t[Error][Message] else t[Value]", "spelt", None),
    ('if [x] > 1 then error "bad" else [x]', "sure_whole", None), ('[x] ?? (error "bad")', "whole", None), ("[x] as number", "whole", None),
    ("[x] as nullable number", "whole", None), ("if [x] = null then 0 else ([x] as number)", "whole", None), ("((a as number) => 1)([x])", "whole", None),
    ("((a, b) => b)(Number.FromText([x]), 1)", "spelt", None), ("((r as record) as number => r[x] * 2)(_)", "whole", None),
    ("if [x] is text then 1 else 2", "text", None), ("_ is record", "number", None), ('[x] & Text.Combine(List.Transform({1, 2}, Text.From))', "text", None),
    ('Text.PadStart("7", 1 + 2, "0") & [x]', "text", None), ("let a = [x], b = a & a, c = b & b, d = c & c in d", "text", None),
    # lookups in what is the same for all rows
    *[(f'{{"a", "b", null}}{{[x]}}{o}', kind, None) for o in ("", "?") for kind in ("sure_whole", "ties")],
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
