"""Says in words what is wrong at a token that cannot stand where it does.

`unexpected` makes the error: what was found, what could stand there (the parse
tables know), a hint for mistakes that are often made, and the engine's wording.
Loaded only when a text is broken.
"""

from __future__ import annotations

from collections.abc import Iterable

from mlang.syntax.driver import INVALID, NUMBER, Unexpected
from mlang.syntax.failure import MSyntaxError
from mlang.syntax.lexer import Tokens

#: How the terminals of the grammar are called in messages.
WORDS = {
    "NAME": "a name",
    "HASH_NAME": "a name",
    "LITERAL": "a value",
    "VERBATIM": "a value",
    "FIELD": "a field name",
    "T_PRIM": "the name of a primitive type",
    "T_TABLE": "'table'",
    "T_FUNCTION": "'function'",
    "T_LSQB": "'['",
    "T_LBRACE": "'{'",
    "LPFN": "'('",
    "OPERATOR": "an operator",
    "EQ": "'='",
    "PLUS": "'+'",
    "MINUS": "'-'",
    "LPAR": "'('",
    "RPAR": "')'",
    "LSQB": "'['",
    "RSQB": "']'",
    "LBRACE": "'{'",
    "RBRACE": "'}'",
    "COMMA": "','",
    "SEMI": "';'",
    "AT": "'@'",
    "BANG": "'!'",
    "QUESTION": "'?'",
    "ARROW": "'=>'",
    "DOTDOT": "'..'",
    "ELLIPSIS": "'...'",
    "$END": "the end of the text",
}

# How the engine calls them (GRM-24): the first that could stand there is named.
_ENGINE_NAMES = {
    "IN": "In",
    "THEN": "Then",
    "ELSE": "Else",
    "SEMI": "Semicolon",
    "COMMA": "Comma",
    "RPAR": "RightParen",
    "RSQB": "RightBracket",
    "RBRACE": "RightBrace",
    "$END": "Eof",
    "ARROW": "GoesTo",
    "LITERAL": "Literal",
    "NAME": "Identifier",
    "FIELD": "Identifier",
    "T_PRIM": "Identifier",
    "EQ": "Equal",
    "LPFN": "LeftParen",
    "LPAR": "LeftParen",
    "SECTION": "Section",
}
_ENGINE_ORDER = [
    "LITERAL",
    "THEN",
    "ELSE",
    "COMMA",
    "SEMI",
    "RPAR",
    "RSQB",
    "RBRACE",
    "NAME",
    "IN",
    "$END",
    "FIELD",
    "T_PRIM",
    "EQ",
    "ARROW",
    "LPFN",
    "LPAR",
    "SECTION",
]

# Left out of a message when anything else could stand there: they continue an expression.
_CONTINUES = frozenset(
    [
        "OPERATOR",
        "EQ",
        "PLUS",
        "MINUS",
        "AS",
        "IS",
        "LPAR",
        "LSQB",
        "LBRACE",
        "QUESTION",
        "BANG",
        "DOTDOT",
        "OTHERWISE",
        "CATCH",
    ]
)


def unexpected(tokens: Tokens, wrong: Unexpected, filename: str | None) -> MSyntaxError:
    """The error for a token that the grammar refuses."""
    index = wrong.index
    start, end = tokens.starts[index], tokens.ends[index]
    engine = engine_words(wrong.expected)
    if tokens.kinds[index] == INVALID:
        message = tokens.values[index]
        engine = "Invalid identifier." if "name" in message else "Invalid token."
        return MSyntaxError(message, tokens.text, start, end, filename, engine)
    message = f"found {_found(tokens, index)}, expected {expected_words(wrong.expected)}"
    hint = _hint(tokens, index, wrong.expected)
    return MSyntaxError(message + hint, tokens.text, start, end, filename, engine)


def _found(tokens: Tokens, index: int) -> str:
    """A token for a message, as it is written, shortened."""
    start, end = tokens.starts[index], tokens.ends[index]
    if start == end:
        return "the end of the text"
    written = tokens.text[start:end]
    if len(written) > 40:
        written = written[:37] + "..."
    if written.startswith('"'):
        return "the text " + " ".join(written.splitlines())
    return "'" + " ".join(written.splitlines()) + "'"


_LOOSE = frozenset(NUMBER[name] for name in ("EACH", "LET", "IF", "TRY", "ERROR", "LPFN"))


def _hint(tokens: Tokens, index: int, expected: list[str]) -> str:
    """A word about a mistake that is often made."""
    kinds = tokens.kinds
    kind = kinds[index]
    before = kinds[index - 1] if index else -1
    name = NUMBER
    if before == name["COMMA"] and kind in (
        name["IN"], name["RPAR"], name["RSQB"], name["RBRACE"], name["$END"]
    ):  # fmt: skip
        return "; a comma cannot be the last"
    if before == name["FIELD"] and "RSQB" in expected and kind not in (name["$END"], name["EQ"]):
        return '; a field name with other characters is written #"..."'
    if before == name["ELLIPSIS"] and kind == name["COMMA"] and expected == ["RSQB"]:
        return "; the open record marker '...' must be the last"
    if "LITERAL" in expected and kind in _LOOSE:
        return "; put parentheses around an expression of this form"
    if kind == name["EQ"] and before == name["EQ"]:
        return "; equality is one '='"
    if kind == name["EQ"] and before == name["BANG"]:
        return "; 'not equal' is written '<>'"
    if kind == name["ARROW"] and before == name["NAME"]:
        return "; the parameters of a function stand in parentheses"
    if kind == name["SHARED"] and "LITERAL" in expected:
        return "; a document of members begins with 'section' and a name"
    return ""


def expected_words(terminals: list[str]) -> str:
    """What could stand at a place, for a reader: ``',' or 'in'``."""
    names = set(terminals)
    if "LITERAL" in names:
        # Whatever starts an expression; closers and the like still say something.
        closers = [t for t in terminals if t in ("RPAR", "RSQB", "RBRACE", "IN")]
        kind = "a type" if "T_LSQB" in names else "an expression"
        return _join([kind, *(_word(t) for t in closers)])
    if "T_LSQB" in names and "T_PRIM" in names:
        return "a type"
    if "T_PRIM" in names:
        return _join(["the name of a primitive type"] + (["'nullable'"] if "NULLABLE" in names else []))
    if names == {"NAME", "HASH_NAME", "AT", "LPAR", "T_LSQB"}:
        return "a row type"
    closing = [t for t in terminals if t not in _CONTINUES]
    if closing or not names & {"OPERATOR"}:
        chosen = closing or terminals
        if "EQ" in names and not names & {"OPERATOR"}:
            chosen = [*chosen, "EQ"] if "EQ" not in chosen else chosen
        return _join(dict.fromkeys(_word(t) for t in sorted(chosen, key=_rank)))
    return "an operator"


def engine_words(terminals: list[str]) -> str:
    """What could stand at a place, as the engine says it."""
    names = set(terminals)
    for terminal in _ENGINE_ORDER:
        if terminal in names:
            return f"Token {_ENGINE_NAMES[terminal]} expected."
    return "Token Eof expected."


def _word(terminal: str) -> str:
    return WORDS.get(terminal) or f"'{terminal.lower()}'"


def _rank(terminal: str) -> int:
    order = ["NAME", "FIELD", "T_PRIM", "EQ", "COMMA"]
    return order.index(terminal) if terminal in order else len(order)


def _join(words: Iterable[str]) -> str:
    listed = list(words)
    if len(listed) < 2:
        return "".join(listed)
    return ", ".join(listed[:-1]) + " or " + listed[-1]
