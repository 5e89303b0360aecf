"""A text that is no M: `MSyntaxError`, and the words that say what was expected.

A syntax error names what was found and what could stand there instead, in words a
reader knows; ``engine_message`` says the same as the Microsoft engine does,
for programs that read it out of Expression.Evaluate.  Read ``spans.py`` for the
excerpt and ``parser.py`` for who raises.
"""

from __future__ import annotations

from collections.abc import Iterable

from mlang.errors import Fault
from mlang.syntax.spans import excerpt, line_column, printable

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
    "IN",
    "$END",
    "NAME",
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


class MSyntaxError(Fault):
    """A text that is no M, with the place where it stops to be."""

    def __init__(
        self,
        message: str,
        text: str,
        offset: int,
        end: int,
        filename: str | None = None,
        engine: str | None = None,
    ) -> None:
        self._engine = engine or message
        #: One line: what was found and what could stand there.
        self.message = printable(message)
        super().__init__(self.message)
        self.text = text
        self.offset = offset
        self.end = end
        self.filename = filename
        self.line, self.column = line_column(text, offset)

    @property
    def engine_message(self) -> str:
        """The message as the engine words it: ``[1,7-1,12] Token Eof expected.``"""
        line, column = line_column(self.text, max(self.offset, self.end))
        return f"[{self.line},{self.column}-{line},{column}] {self._engine}"

    @property
    def excerpt(self) -> str:
        """The line with carets below what is wrong."""
        return excerpt(self.text, self.offset, self.end)

    def __str__(self) -> str:
        place = f"{self.filename or '<text>'}:{self.line}:{self.column}"
        return f"{place}: {self.message}\n{self.excerpt}"

    def __reduce__(self) -> tuple[object, ...]:
        # Exceptions are rebuilt from args by default, which hold the message only.
        return (
            MSyntaxError,
            (self.message, self.text, self.offset, self.end, self.filename, self._engine),
        )


def already_defined(name: str) -> str:
    """The engine's words for a name that is bound twice (GRM-25)."""
    return f"The variable named '{name}' is already defined in this scope."


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
