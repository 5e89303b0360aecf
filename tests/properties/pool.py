"""The tables of random dataflows: cells of each kind as M texts, and which columns a table of the pool has.

`pool_files.py` writes them; `dataflows.py` draws programs over them.
"""

from __future__ import annotations

from random import Random

from attrs import field, frozen

NUMBERS = "null 0 -0.0 1 2 2 3 -1.5 0.1 0.2 1e300 5e-324 #nan #infinity -#infinity 7 2.5 -3 9007199254740993 1e15".split()  # noqa: SIM905
CLEAN = "null 0 1 2 2 3 -1.5 0.1 0.2 7 2.5 -3 100 1e15".split()  # noqa: SIM905
WHOLE = "null 0 1 2 3 4 -2 7".split()  # noqa: SIM905
TEXTS = [
    "null", '""', '"a"', '"A"', '"b"', '"é"', '" a b "', '"10"', '"-1.5"', '"😀"', '"\ue000"', '"abc,d"', '"x-y-z"',
    '"ß"', '"Ab"', '"l1#(lf)l2"', '"q""q"', '"  "', '"-"',
]  # fmt: skip
#: What people type: numbers and dates of several countries, with blanks, signs and units.
DIRTY = [
    "null", '"1.234,5"', '"1,234.5"', '" 7 "', '"(5)"', '"5%"', '"1e3"', '"€ 5"', '"1,5"', '"1.5"', '"31.12.2020"', '"12/31/2020"',
    '"31/12/2020"', '"2020-12-31"', '"2020/1/2"', '"TRUE"', '"true"', '"0"', '"1"', '"x"', '"1 234"', '"-"', '"2020年1月2日"', '"13:05"',
    '"1\u00a0234,5"', '"+3"', '"1."', '".5"', '"2. Jan 2020"', '"9223372036854775807"', '"1/2/3"', '"NaN"', '"e\u0301"',
]  # fmt: skip
DATES = [
    "null", "#date(2020,2,29)", "#date(1,1,1)", "#date(9999,12,31)", "#date(2021,12,31)", "#date(1899,12,30)",
    "#date(2024,1,1)",
]  # fmt: skip
TIMES = [
    "null", "#datetime(2020,2,29,23,59,59.5)", "#datetime(1,1,1,0,0,0)", "#datetime(9999,12,31,23,59,59)",
    "#datetime(2021,3,28,2,30,0)",
]  # fmt: skip
LOGICALS = ["null", "true", "false"]
CELLS = {
    "number": NUMBERS, "whole": WHOLE, "text": TEXTS, "date": DATES, "datetime": TIMES, "logical": LOGICALS,
    "dirty": DIRTY,
    "time": ["null", "#time(0,0,0)", "#time(23,59,59.5)", "#time(12,30,0)", "#time(1,2,3)"],
    "duration": ["null", "#duration(0,0,0,0)", "#duration(1,2,3,4)", "#duration(-1,0,0,0)", "#duration(0,0,0,0.5)", "#duration(400,0,0,0)"],
    "zoned": ["null", "#datetimezone(2020,2,29,23,59,59.5,0,0)", "#datetimezone(2021,3,28,2,30,0,2,0)", "#datetimezone(2021,3,28,0,30,0,0,0)", "#datetimezone(1900,1,1,0,0,0,-5,-30)"],
    "decimal": ["null", "0", "1.25", "-1.5", "0.1", "99999999.99", "2", "3", "-0.01"],
    "int32": ["null", "0", "1", "2", "2147483647", "-2147483648", "7"],
    "single": ["null", "0", "0.5", "1", "2", "-1.5", "16777217", "#nan", "#infinity", "-0.0"],
    "big": ["null", "0", "1", "2", "9223372036854775807", "-9223372036854775808", "9007199254740993", "9007199254740992"],
    "unsigned": ["null", "0", "1", "2", "18446744073709551615"],
    "flag": ["null", "0", "1", "1"],
    "binary": ["null", '#binary("")', '#binary("AA==")', '#binary("YWI=")', '#binary("/w==")'],
    "null": ["null"],
}  # fmt: skip
#: Kinds of columns that hold numbers.
NUMERIC = ("number", "whole", "decimal", "int32", "single", "big", "flag", "unsigned")
TYPES = {
    "number": "nullable number", "whole": "Int64.Type", "text": "nullable text", "date": "nullable date", "dirty": "nullable text",
    "datetime": "nullable datetime", "logical": "nullable logical", "any": "any", "time": "nullable time",
    "duration": "nullable duration", "zoned": "nullable datetimezone", "decimal": "Decimal.Type", "int32": "Int32.Type",
    "single": "Single.Type", "big": "Int64.Type", "unsigned": "nullable number", "flag": "Int8.Type",
    "binary": "nullable binary", "null": "any", "list": "any", "record": "any", "table": "any",
}  # fmt: skip
COLUMNS = {"n": "number", "k": "whole", "t": "text", "d": "date", "m": "datetime", "b": "logical", "e": "any"}
#: Tables that each pool has: in every format; of odd columns and of many rows, in one format each.
POOL, ODD, LONG = 60, 90, 12
FORMATS = ("parquet", "duckdb", "csv")
#: Source databases that hold the pool instead (`prove_folding --over`), and their types of the kinds that they hold.
SERVERS = {
    "SQLite": {
        "number": "REAL", "whole": "INTEGER", "any": "INTEGER", "text": "TEXT", "dirty": "TEXT", "date": "DATE", "datetime": "TIMESTAMP",
        "logical": "BOOLEAN", "int32": "INTEGER", "single": "REAL", "big": "INTEGER", "flag": "INTEGER", "binary": "BLOB", "null": "TEXT",
    },
    "PostgreSQL": {
        "number": "double precision", "whole": "bigint", "any": "integer", "text": "text", "dirty": "varchar", "date": "date",
        "datetime": "timestamp", "logical": "boolean", "time": "time", "duration": "interval", "zoned": "timestamptz",
        "decimal": "numeric(19, 4)", "int32": "integer", "single": "real", "big": "bigint", "unsigned": "numeric(20, 0)",
        "flag": "smallint", "binary": "bytea", "null": "text",
    },
    "MySQL": {
        "number": "double", "whole": "bigint", "any": "int", "text": "text", "dirty": "varchar(60)", "date": "date",
        "datetime": "datetime(6)", "logical": "boolean", "duration": "time(6)", "decimal": "decimal(19, 4)", "int32": "int",
        "single": "float", "big": "bigint", "unsigned": "bigint unsigned", "flag": "tinyint", "binary": "blob", "null": "text",
    },
}  # fmt: skip
#: Rows of the long tables, and of those that `--large` reads: enough for threads to share them.  A DuckDB table is
#: shared by groups of 122,880 rows, a Parquet file by its own groups.
LONG_ROWS = (1500, 4000)
LARGE_ROWS = {"parquet": (20_000, 40_000), "duckdb": (125_000, 140_000), "csv": (20_000, 30_000)}
#: Delimiter, code page and more options of CSV files.
DIALECTS = {
    "plain": (",", 65001, ""), "semicolon": (";", 65001, ""), "tab": ("#(tab)", 65001, ""), "crlf": (",", 65001, ", QuoteStyle = QuoteStyle.Csv"),
    "mark": (",", 65001, ""), "windows": (",", 1252, ""), "untyped": (",", 65001, ""), "ragged": (",", 65001, ""), "quoted": (",", 65001, ", CsvStyle = CsvStyle.QuoteAlways"),
}  # fmt: skip
CONVERSIONS = {
    "number": "type number", "whole": "Int64.Type", "date": "type date", "datetime": "type datetime", "logical": "type logical",
    "any": "type number", "time": "type time", "duration": "type duration", "zoned": "type datetimezone", "decimal": "Currency.Type",
    "int32": "Int32.Type", "single": "Single.Type", "big": "Int64.Type", "unsigned": "type number", "flag": "type logical",
}  # fmt: skip
#: Names that a writer of SQL may trip over.
NAMES = [
    "n", "N", "k", "K", 'q"x', "a.b", "a\nb", "😀", " t", "T", "t", "select", "é", "e\u0301", "c1", "r1", "_", "x]", "#", "rowid", "d",
    "filename", "a'b", "1", "column0", "", "file_row_number", "%s", "a;--", "z1",
]  # fmt: skip


class Kind(str):
    """A kind with what is inside: the columns of nested tables, the fields of records, the kind of items."""

    __slots__ = ("inside",)

    def __new__(cls, name: str, inside: object) -> Kind:
        made = super().__new__(cls, name)
        made.inside = inside
        return made


@frozen
class Shape:
    """What is known of one table of the pool without reading it."""

    name: str
    format: str
    columns: dict[str, str] = field(factory=lambda: dict(COLUMNS))
    #: How a CSV file is written: one of `DIALECTS`.
    dialect: str = "plain"

    @property
    def expression(self) -> str:
        """The table as M; ``{folder}`` stands for the folder of the pool, ``{server}`` for a source database."""
        if self.format in SERVERS:
            row = f'[Schema = "{{schema}}", Item = "{self.name}"]'
            return f'Table.RemoveColumns({{server}}{{{row}}}[Data], "#")'
        if self.format == "parquet":
            return f'Parquet.Document(File.Contents("{{folder}}/{self.name}.parquet"))'
        if self.format == "duckdb":
            return (
                f'DuckDB.Database("{{folder}}/pool.duckdb"){{[Schema = "main", Item = "{self.name}"]}}[Data]'
            )
        delimiter, encoding, more = DIALECTS[self.dialect]
        options = f'Delimiter = "{delimiter}", Encoding = {encoding}{more}'
        text = f'Table.PromoteHeaders(Csv.Document(File.Contents("{{folder}}/{self.name}.csv"), [{options}]))'
        if self.dialect == "untyped":
            return text
        types = ", ".join(
            f"{{{quoted(n)}, {CONVERSIONS[k]}}}" for n, k in self.columns.items() if k in CONVERSIONS
        )
        return f'Table.TransformColumnTypes({text}, {{{types}}}, "en-US")'


def odd_shape(seed: int, number: int, over: str = "") -> Shape:
    """A table of odd columns: which kinds, under which names; over a source database of the kinds that it holds."""
    random = Random(f"odd {seed} {number}")
    format = over or FORMATS[number % 3]
    kinds: list[str] = [k for k in CELLS if k in SERVERS.get(over, CELLS)]
    if format not in ("csv", *SERVERS):
        kinds += [Kind("record", {"x": "whole", "y": "text"}), Kind("list", "number"), Kind("list", "text")]
    names = random.sample(NAMES, random.randint(1, 8))
    if format != "parquet":  # nor has one no name; many take names that differ by case for the same
        names = list({n if format == "csv" else n.lower(): n for n in names if n}.values()) or ["k"]
    if over:  # one column more is the key; MySQL's names are of characters of the first plane
        names = [n for n in names if n != "#" and not (over == "MySQL" and "😀" in n)] or ["k"]
    columns = {n: random.choice(kinds) for n in names}
    dialect = random.choice(["plain", "plain", *DIALECTS]) if format == "csv" else "plain"
    if dialect == "untyped":
        columns = dict.fromkeys(columns, "text")
    return Shape(f"w{number}", format, columns, dialect)


def long_shape(seed: int, number: int, large: bool, over: str = "") -> Shape:
    """A table of many rows and few values."""
    kinds = {**COLUMNS, "u": "time", "f": "decimal", "v": "duration", "w": "zoned"}
    kinds = {n: k for n, k in kinds.items() if k in SERVERS.get(over, CELLS) or k == "any"}
    random = Random(f"long {seed} {number}")
    names = random.sample(list(kinds), 4)
    format = over or ("parquet", "duckdb", "parquet", "csv")[number % 4]
    columns = {"k": "whole", **{n: kinds[n] for n in names}}
    return Shape(f"{'h' if large else 'g'}{number}", format, columns)


def quoted(name: str) -> str:
    """A name as a text of M."""
    return '"' + name.replace('"', '""').replace("\n", "#(lf)") + '"'


def literal(rows: list[list[str]], typed: bool, columns: dict[str, str] | None = None) -> str:
    """A table that is written out."""
    known = COLUMNS if columns is None else columns
    head = ", ".join(f"#{quoted(name)} = {TYPES[kind]}" for name, kind in known.items())
    names = "{" + ", ".join(map(quoted, known)) + "}"
    cells = ", ".join("{" + ", ".join(row) + "}" for row in rows)
    return f"#table({f'type table [{head}]' if typed else names}, {{{cells}}})"


def cell(random: Random, kind: str, clean: bool) -> str:
    """A cell of a kind as M."""
    if kind == "any":
        return random.choice(WHOLE if clean else [*WHOLE, 'error "bad"'])
    return random.choice(CLEAN if clean and kind == "number" else CELLS[kind])


def drawn(
    random: Random, clean: bool, most: int, columns: dict[str, str] | None = None, least: int = 0
) -> list[list[str]]:
    """Rows of cells as M texts."""
    kinds = list((COLUMNS if columns is None else columns).values())
    return [[cell(random, kind, clean) for kind in kinds] for _ in range(random.randint(least, most))]
