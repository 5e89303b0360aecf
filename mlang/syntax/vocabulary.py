"""The words and signs of M, and the numbers of the tokens they make.

Token numbers are the numbers of the terminals in the parse tables.  Read
``lexer.py`` next, which uses all of this.
"""

from __future__ import annotations

from mlang.syntax.driver import NUMBER

_KIND = NUMBER
NAME, FIELD, LITERAL = _KIND["NAME"], _KIND["FIELD"], _KIND["LITERAL"]
OPTIONAL, CATCH, LPFN = _KIND["OPTIONAL"], _KIND["CATCH"], _KIND["LPFN"]
T_PRIM, T_TABLE, T_FUNCTION = _KIND["T_PRIM"], _KIND["T_TABLE"], _KIND["T_FUNCTION"]
T_LSQB, T_LBRACE, NULLABLE = _KIND["T_LSQB"], _KIND["T_LBRACE"], _KIND["NULLABLE"]
LPAR, RPAR, LSQB, LBRACE = _KIND["LPAR"], _KIND["RPAR"], _KIND["LSQB"], _KIND["LBRACE"]
COMMA, EQ, AS, ARROW, LET = _KIND["COMMA"], _KIND["EQ"], _KIND["AS"], _KIND["ARROW"], _KIND["LET"]
TYPE, IN, IS, OPERATOR = _KIND["TYPE"], _KIND["IN"], _KIND["IS"], _KIND["OPERATOR"]
#: In place of a token number: it depends on where the word stands.
CONTEXTUAL = -1

#: Keywords and words that may be keywords; all others are names.
WORDS: dict[str, int] = {
    word: _KIND[word.upper()]
    for word in [
        "as",
        "each",
        "else",
        "error",
        "if",
        "in",
        "is",
        "let",
        "not",
        "otherwise",
        "section",
        "shared",
        "then",
        "try",
        "type",
    ]
} | {
    "and": OPERATOR,
    "or": OPERATOR,
    "meta": OPERATOR,
    "true": LITERAL,
    "false": LITERAL,
    "null": LITERAL,
    "optional": CONTEXTUAL,
    "catch": CONTEXTUAL,
}
CONSTANTS: dict[str, bool | None] = {"true": True, "false": False, "null": None}
#: Words that are no identifiers (LEX-13).
KEYWORDS = frozenset(word for word, kind in WORDS.items() if kind != CONTEXTUAL)

#: The names of primitive types (GRM-89).
PRIMITIVES = frozenset(
    [
        "any",
        "anynonnull",
        "binary",
        "date",
        "datetime",
        "datetimezone",
        "duration",
        "function",
        "list",
        "logical",
        "none",
        "null",
        "number",
        "record",
        "table",
        "text",
        "time",
        "type",
        "action",
    ]
)
#: What words mean where a type must stand.
TYPE_WORDS: dict[str, int] = dict.fromkeys(PRIMITIVES, T_PRIM) | {
    "table": T_TABLE,
    "function": T_FUNCTION,
    "nullable": NULLABLE,
}

#: Keyword constructors and environments: names that begin with "#".
HASH_NAMES = frozenset(
    ["#binary", "#date", "#datetime", "#datetimezone", "#duration", "#sections", "#shared", "#table", "#time"]
)
HASH_NUMBERS = {"#infinity": float("inf"), "#nan": float("nan")}

SIGNS: dict[str, int] = dict.fromkeys(["*", "/", "&", "<", ">", "<=", ">=", "<>", "??"], OPERATOR) | {
    "=": EQ,
    "+": _KIND["PLUS"],
    "-": _KIND["MINUS"],
    "(": LPAR,
    ")": RPAR,
    "[": LSQB,
    "]": _KIND["RSQB"],
    "{": LBRACE,
    "}": _KIND["RBRACE"],
    ",": COMMA,
    ";": _KIND["SEMI"],
    "@": _KIND["AT"],
    "!": _KIND["BANG"],
    "?": _KIND["QUESTION"],
    "=>": ARROW,
    "..": _KIND["DOTDOT"],
    "...": _KIND["ELLIPSIS"],
}
#: Tokens that can be the last of an expression.
ENDS_EXPRESSION = frozenset(
    [NAME, LITERAL, RPAR, T_PRIM, T_TABLE, T_FUNCTION]
    + [_KIND[k] for k in ("HASH_NAME", "VERBATIM", "RSQB", "RBRACE", "QUESTION", "ELLIPSIS")]
)
BEFORE_TYPE = frozenset([TYPE, AS, IS])
TYPE_NAMES = frozenset([T_PRIM, T_TABLE, T_FUNCTION])
