"""Random steps over several tables, and those that change the shape: joins, groups, appends, pivots.

``r`` is the second table of a program, ``l`` the first, ``{0}`` the one before and ``{1}`` the one before that.
"""

from __future__ import annotations

from tests.properties.dataflows_base import claimed, field, listed
from tests.properties.dataflows_steps import Steps
from tests.properties.pool import Kind, quoted

JOINS = ["Inner", "LeftOuter", "RightOuter", "FullOuter", "LeftAnti", "RightAnti", "LeftSemi", "RightSemi"]
#: Kinds whose cells make sense as keys.
KEYED = ("table", "list", "record")


class Tables(Steps):
    """Draws steps over several tables."""

    def table_step(self) -> str:
        """A step that changes which rows there are."""
        return str(
            self.pick([
                self.group, self.group, self.group, self.join, self.join, self.nested, self.nested, self.append, self.unpivot, self.pivot,
                self.diamond, self.diamond,
            ])()
        )  # fmt: skip

    # ------------------------------------------------------------ groups

    def group(self) -> str:
        keys = self.some(2) if self.random.random() < 0.93 else []
        aggregates, columns = [], {k: self.columns[k] for k in keys}
        for _ in range(self.random.randint(1, 3)):
            name = self.name()
            kind, value = self.aggregate()
            aggregates.append(f"{{{quoted(name)}, {value}{self.pick(['', f', {claimed(kind)}'])}}}")
            columns[name] = kind
        before = "{0}"
        if self.random.random() < 0.1:
            before = f"Table.Sort({{0}}, {{{self.sort_keys(self.some(2))}}})"
        elif self.random.random() < 0.1:
            made, kind = self.name(), self.pick(["number", "text", "date", "logical"])
            before = f"Table.AddColumn({{0}}, {quoted(made)}, each {self.expression(kind, 1)})"
            keys, columns = [made, *keys][:2], {made: kind, **columns}
        self.columns = columns
        local = self.pick(["", "", "", ", GroupKind.Local"])
        return f"Table.Group({before}, {listed(keys)}, {{{', '.join(aggregates)}}}{local})"

    def aggregate(self) -> tuple[str, str]:
        """The kind and the function of an aggregate."""
        name = self.some(1)[0]
        number, any_column, text = field(self.numeric()), field(name), field(self.textual())
        shape = self.random.random()
        if shape < 0.08:
            return Kind("table", dict(self.columns)), "each _"
        if shape < 0.55:
            return "number", "each " + str(self.pick([
                f"List.Sum({number})", f"List.Average({number})", "Table.RowCount(_)", f"List.Count({any_column})",
                f"List.NonNullCount({any_column})", f"List.Count(List.Distinct({any_column}))", f"List.Median({number})",
                f"List.Sum(Table.SelectRows(_, each {number} > 1){number})", f"List.StandardDeviation({number})",
                f"Table.RowCount(Table.Distinct(_, {listed([name])}))", f"List.Product({number})", f"List.Sum({number}) / Table.RowCount(_)",
                "Table.RowCount(Table.Distinct(_))", f"List.Mode({number})", f"List.Percentile({number}, 0.25)", f"List.Sum(List.Transform({number}, each _ * 2))",
                f"Table.RowCount(Table.SelectRows(_, each {self.logical(1)}))", f"List.Sum({number}) + pMax", f"List.Max({number}) - List.Min({number})",
                f"List.Count(List.RemoveNulls({any_column}))", f"List.Covariance({number}, {number})", f"List.Sum(List.FirstN({number}, 2))",
            ]))  # fmt: skip
        if shape < 0.65:
            return "text", "each " + str(self.pick([
                f'Text.Combine({text}, ",")', f'Text.Combine(List.Distinct({text}), ",")', f'Text.Combine(List.Sort({text}), "")', f"Text.Combine(List.Transform({any_column}, Text.From), \"/\")",
            ]))  # fmt: skip
        if shape < 0.72:
            return Kind("list", self.columns[name]), "each " + str(
                self.pick(
                    [
                        any_column,
                        f"List.Distinct({any_column})",
                        f"List.Sort({any_column})",
                        f"List.RemoveNulls({any_column})",
                    ]
                )
            )
        if shape < 0.78:
            return "any", "each " + str(
                self.pick(
                    [
                        f"Table.Max(_, {quoted(name)}){any_column}",
                        f"Table.Sort(_, {quoted(name)}){{ 0}}{any_column}",
                        f"_{{ 0}}{any_column}",
                        f"Table.Last(_){any_column}",
                    ]
                )
            )
        how = self.pick(
            [
                "List.Max",
                "List.Min",
                "List.First",
                "List.Last",
                "List.Max",
                "List.Min",
                "List.AnyTrue",
                "List.Single",
            ]
        )
        return self.columns[name], f"each {how}({any_column})"

    # ------------------------------------------------------------ joins

    def right(self) -> tuple[str, dict[str, str]]:
        """Another table: the second of the program, a part or a group of it, the first, or this one."""
        shape = self.random.random()
        if shape < 0.5:
            return "r", self.other
        if shape < 0.75 or self.long:
            with self.over(self.other):
                text = (
                    self.group() if shape < 0.6 else self.column_step() if shape < 0.68 else self.row_step()
                )
                return text.replace("{0}", "r"), dict(self.columns)
        if shape < 0.85:
            return "{0}", dict(self.columns)
        with self.over(self.columns):
            text = self.group() if shape < 0.93 else self.row_step()
            return text, dict(self.columns)

    def keys(self, other: dict[str, str]) -> tuple[list[str], list[str]] | None:
        """Columns of both that may be equal; sometimes of kinds that are not."""
        loose = self.random.random() < 0.06
        pairs = [
            (a, b)
            for a, k in self.columns.items()
            for b, j in other.items()
            if (k == j or loose) and k not in KEYED
        ]
        if not pairs:
            return None
        chosen = self.random.sample(pairs, min(len(pairs), self.pick([1, 1, 1, 2, 2, 3])))
        return [a for a, _ in chosen], [b for _, b in chosen]

    def join(self) -> str:
        right, columns = self.right()
        prefix = self.name()
        other = {f"{prefix}.{n}": k for n, k in columns.items()}
        found = self.keys(other)
        if found is None:
            return "{0}"
        self.columns.update(other)
        kind = self.pick(JOINS)
        return f"Table.Join({{0}}, {listed(found[0])}, Table.PrefixColumns({right}, {quoted(prefix)}), {listed(found[1])}, JoinKind.{kind})"

    def nested(self) -> str:
        right, columns = self.right()
        found = self.keys(columns)
        if found is None:
            return "{0}"
        shape = self.random.random()
        kind = self.pick([*JOINS, "LeftOuter", "LeftOuter", "LeftOuter", "Inner"])
        if shape < 0.25 and self.random.random() < 0.8:
            kind = "LeftOuter"  # the kind whose column may stay
        nest = self.name() + "n"
        joined = f"Table.NestedJoin({{0}}, {listed(found[0])}, {right}, {listed(found[1])}, {quoted(nest)}, JoinKind.{kind})"
        self.columns[nest] = Kind("table", columns)
        if shape < 0.25:
            return joined
        return self.open_table(nest, columns).replace("{0}", joined)

    def diamond(self) -> str:
        """The table before meets itself again, by two ways."""
        before, columns = dict(self.columns), self.columns
        if self.long:
            return self.append()
        key = self.some(1)
        shape = self.random.random()
        if shape < 0.3:  # each row with what its group has
            made, other = self.name(), self.name()
            kind, value = self.aggregate()
            columns.update({other: kind})
            grouped = f"Table.Group({{0}}, {listed(key)}, {{{{{quoted(made)}, {value}}}}})"
            return f'Table.ExpandTableColumn(Table.NestedJoin({{0}}, {listed(key)}, {grouped}, {listed(key)}, "nn", JoinKind.{self.pick(["LeftOuter", "Inner"])}), "nn", {listed([made])}, {listed([other])})'
        if shape < 0.5:
            first, second = self.row_step(), self.row_step()
            return f"Table.Combine({{ {first}, {second} }})"
        if shape < 0.65:
            sides = [self.logical(1), self.logical(1)]
            return (
                "Table.Combine({ "
                + ", ".join(f"Table.SelectRows({{0}}, each {side})" for side in sides)
                + ", Table.FirstN({0}, 1) })"
            )
        if shape < 0.8:
            prefix = self.name()
            columns.update({f"{prefix}.{n}": k for n, k in before.items()})
            mine = self.pick(["{0}", "Table.FirstN({0}, 3)", "Table.Distinct({0})"])
            return f"Table.Join({{0}}, {listed(key)}, Table.PrefixColumns({mine}, {quoted(prefix)}), {listed([f'{prefix}.{key[0]}'])}, JoinKind.{self.pick(JOINS)})"
        if shape < 0.9:
            made = self.name()
            columns[made] = "number"
            value = self.pick(
                [
                    "Table.RowCount(s)",
                    f"List.Max(s{field(key[0])})",
                    f"List.Sum(s{field(self.numeric())})",
                    f"List.PositionOf(s{field(key[0])}, {field(key[0])})",
                ]
            )
            return f"(let s = {{0}} in Table.AddColumn(s, {quoted(made)}, each {value}))"
        condition = self.pick(
            [
                f"List.Contains(s{field(key[0])}, {field(key[0])})",
                f"{field(key[0])} = List.Max(s{field(key[0])})",
                f"not List.Contains(Table.FirstN(s, 2){field(key[0])}, {field(key[0])})",
            ]
        )
        return f"(let s = {{0}} in Table.SelectRows(s, each {condition}))"

    # ------------------------------------------------------------ appends and shapes

    def append(self) -> str:
        shape = self.random.random()
        if shape < 0.5:
            other = self.other
            self.columns = {
                **{n: k if other.get(n, k) == k else "any" for n, k in self.columns.items()},
                **{n: k if self.columns.get(n, k) == k else "any" for n, k in other.items()},
            }
            return str(
                self.pick(
                    [
                        "Table.Combine({ {0}, r})",
                        "Table.Combine({r, {0}})",
                        "{0} & r",
                        "Table.Combine({ {0}, r, Table.FirstN({0}, 2)})",
                        "Table.Combine({r, r, {0}})",
                    ]
                )
            )
        names = self.some(2)
        if shape < 0.6 and set(names) <= set(self.other):
            self.columns = {n: k for n, k in self.columns.items() if n in names}
            return f"Table.Combine({{ {{0}}, r }}, {listed(names)})"
        self.columns = {n: self.columns[n] for n in [*names, *[c for c in self.columns if c not in names]]}
        return f"Table.Combine({{ Table.SelectColumns({{0}}, {listed(names)}), Table.FirstN({{0}}, 2)}})"

    def unpivot(self) -> str:
        names, attribute, value = self.some(2), self.name(), self.name()
        kinds = {k for n, k in self.columns.items() if n not in names}
        kept = {n: self.columns[n] for n in names}
        if self.random.random() < 0.5:
            kind = kinds.pop() if len(kinds) == 1 else "any"
            self.columns = {**kept, attribute: "text", value: kind}
            return f"Table.UnpivotOtherColumns({{0}}, {listed(names)}, {quoted(attribute)}, {quoted(value)})"
        kind = next(iter(set(kept.values()))) if len(set(kept.values())) == 1 else "any"
        rest = {n: k for n, k in self.columns.items() if n not in names}
        self.columns = {**rest, attribute: "text", value: kind}
        return f"Table.Unpivot({{0}}, {listed(names)}, {quoted(attribute)}, {quoted(value)})"

    def pivot(self) -> str:
        text, number = self.textual(), self.numeric()
        others = [n for n in self.columns if n not in (text, number)][:2]
        if text == number or not others:
            return "{0}"
        how = self.pick(
            [
                ", List.Sum",
                ", List.Max",
                ", List.Count",
                ", List.Average",
                ", List.Min",
                ", List.NonNullCount",
                "",
                ", List.First",
                ", each List.Sum(_) ?? 0",
            ]
        )
        before = f"Table.SelectColumns({{0}}, {listed([*others, text, number])})"
        self.columns = {**{n: self.columns[n] for n in others}, "a": "number", "b": "number"}
        if self.random.random() < 0.2:
            return f"(let p = {before}, q = Table.SelectRows(p, each {field(text)} <> null) in Table.Pivot(q, List.Distinct(q{field(text)}), {quoted(text)}, {quoted(number)}{how}))"
        return f'Table.Pivot({before}, {{"a", "b"}}, {quoted(text)}, {quoted(number)}{how})'
