"""Text to tokens: one compiled pattern, four parallel lists.

The whole text is read at once.  What the grammar's one token of look-ahead cannot
see is settled here, with a stack of open brackets and a few looks back, each of
constant cost:

* a ``(`` turns out to open parameters when ``=>`` comes after its ``)``;
* right after ``[``, and after ``,`` directly inside ``[``, stands a field name, which may
  be several words or a keyword (``let`` counts as a bracket that ``in`` closes:
  its commas are its own);
* after ``type``, ``as``, ``is`` and inside types, brackets and the names of
  primitive types have other kinds than elsewhere;
* ``optional`` and ``catch`` are keywords only where they can be.

A lexical error becomes the last token, of the kind INVALID with the message as
value: a syntax error before it is then reported first.  Read ``parser.py`` next.
"""

from __future__ import annotations

import re

from mlang.syntax.driver import END, INVALID, NUMBER
from mlang.syntax.vocabulary import (
    ARROW,
    AS,
    BEFORE_TYPE,
    CATCH,
    COMMA,
    CONSTANTS,
    CONTEXTUAL,
    ENDS_EXPRESSION,
    EQ,
    FIELD,
    HASH_NAMES,
    HASH_NUMBERS,
    IN,
    KEYWORDS,
    LBRACE,
    LET,
    LITERAL,
    LPAR,
    LPFN,
    LSQB,
    NAME,
    NULLABLE,
    OPTIONAL,
    RPAR,
    SIGNS,
    T_FUNCTION,
    T_LBRACE,
    T_LSQB,
    T_TABLE,
    TYPE_NAMES,
    TYPE_WORDS,
    WORDS,
)

TYPE_CHECKING = False
if TYPE_CHECKING:  # typing costs more to import than all of this
    from typing import Any

# Sets that name a character beyond Latin-1 cost a millisecond each to compile, so they are
# spelt with the classes of the re module: \s is M's white space and U+001C to U+001F;
# all else beyond ASCII may stand in a word, and the Unicode classes are checked
# afterwards, on the few words that have any (LEX-05, LEX-22).
_BLANK = r"[^\S\x1c-\x1f]"
COMMENT = r"//(?:\S++|(?!\u2028)(?!\u2029)[^\S\n\r\x85])*+|/\*(?s:.*?)\*/"
_PART = r"[^\s\x00-/:-@\[-\^`{-\x7f]"
_FIRST = r"[^\s\x00-@\[-\^`{-\x7f]"
# A dot belongs to the word before it unless another dot follows (LEX-23 to LEX-25).
_DOTTED = rf"(?:\.(?!\.){_PART}*+)*+"
_FIELD_WORD = rf"(?:\.(?=[1-9]))?{_PART}++{_DOTTED}"
_SKIP = rf"(?:{_BLANK}++|{COMMENT})*+"
_CONTENT = r'[^"]*+(?:""[^"]*+)*+"'

_WORD, _SIGN, _TEXT, _NUMBER, _QUOTED, _HASH, _VERBATIM, _BROKEN = range(1, 9)
_TOKEN = re.compile(
    _SKIP
    + "(?:"
    + "|".join(
        [
            rf"({_FIRST}{_PART}*+{_DOTTED})",
            r"(\?\?|\?|=>|<=|<>|>=|\.\.\.|\.\.|/(?!\*)|[,;=<>+\-*&()\[\]{}@!])",
            rf'"({_CONTENT})',
            r"(0[xX][0-9A-Fa-f]++|(?:[0-9]++(?:\.[0-9]++)?|\.[0-9]++)(?:[eE][+-]?[0-9]++)?)",
            rf'#"({_CONTENT})',
            rf"(#[A-Za-z_]{_PART}*+)",
            rf'#!"({_CONTENT})',
            r'(/\*|#!?"|(?s:.))',
        ]
    )
    + ")?"
)

_FIELD = re.compile(rf'{_SKIP}(?:({_FIELD_WORD}(?:[ ]++{_FIELD_WORD})*+)|#"({_CONTENT}))').match
_OPTIONAL_FIELD = re.compile(rf'{_SKIP}(optional)(?!{_PART}|\.){_SKIP}(?={_FIRST}|#")').match

_ASSIGNED = re.compile(rf"{_SKIP}=(?!>)").match
_OPENED = re.compile(rf"{_SKIP}\(").match

# What the stack of open brackets holds; a parenthesis is _PARENTHESIS + its token index.
_NOTHING, _SQUARE, _BRACE, _LET, _TYPE_SQUARE, _TYPE_BRACE, _PARENTHESIS = range(7)
_SQUARES = frozenset([_SQUARE, _TYPE_SQUARE])
#: What stands before "optional" where it is no expression: ``(`` or ``,``.
_PARAMETER_AHEAD = ([LPAR], [COMMA])
# How much of a type may follow.
_NO_TYPE, _ANY_TYPE, _ROW_TYPE = range(3)


class Tokens:
    """The tokens of a text as parallel lists; the last one is the end or INVALID."""

    __slots__ = ("ends", "kinds", "starts", "text", "values")

    def __init__(self, text: str) -> None:
        self.text = text
        self.kinds: list[int] = []
        self.values: list[Any] = []
        self.starts: list[int] = []
        self.ends: list[int] = []


class BadToken(Exception):
    """A token that is none: its place and a sentence about it."""

    def __init__(self, message: str, start: int, end: int) -> None:
        super().__init__(message)
        self.message, self.start, self.end = message, start, end


def tokenize(text: str) -> Tokens:
    """Reads the whole text."""
    tokens = Tokens(text)
    try:
        _scan(text, tokens)
    except BadToken as bad:
        # _scan appends a token only when it is whole, so the lists are even.
        tokens.kinds.append(INVALID)
        tokens.values.append(bad.message)
        tokens.starts.append(bad.start)
        tokens.ends.append(bad.end)
    return tokens


def _scan(text: str, tokens: Tokens) -> None:
    # One long loop on purpose: a call per token costs a third of the speed of the whole parser.
    kinds, values, starts, ends = tokens.kinds, tokens.values, tokens.starts, tokens.ends
    words, signs = WORDS, SIGNS
    pure = text.isascii()
    # A byte order mark is no part of the text (LEX-02), nor is a closing U+001A (LEX-03).
    position = 1 if text.startswith("\ufeff") else 0
    length = len(text) - 1 if text.endswith("\x1a") else len(text)
    # A scanner goes on where its last match ended, for half the price of ``match(text, position)``.
    token = _TOKEN.scanner(text, position).match  # type: ignore[attr-defined]
    stack = [_NOTHING]
    kind = END
    awaits_type = _NO_TYPE
    awaits_field = False
    while True:
        if awaits_field:
            awaits_field = False
            found = _field(text, position, stack[-1] == _TYPE_SQUARE, kind)
            if found is not None:
                kind, value, start, position = found
                token = _TOKEN.scanner(text, position).match  # type: ignore[attr-defined]
                awaits_field = kind == OPTIONAL
                kinds.append(kind)
                values.append(value)
                starts.append(start)
                ends.append(position)
                continue
        match = token()
        group = match.lastindex
        if group == _WORD:
            start, position = match.span(1)
            value = text[start:position]
            if not pure and not value.isascii():
                _check_letters(value, start)
            previous = kind
            if awaits_type == _ANY_TYPE and value in TYPE_WORDS:
                kind = TYPE_WORDS[value]
                awaits_type = _ANY_TYPE if kind == NULLABLE else _ROW_TYPE if kind == T_TABLE else _NO_TYPE
            else:
                awaits_type = _NO_TYPE
                kind = words.get(value, NAME)
                if kind != NAME:
                    if kind == LITERAL:
                        value = CONSTANTS[value]
                    elif kind == CONTEXTUAL:
                        kind = _contextual(
                            value, text, position, previous, _in_function_type(stack[-1], kinds)
                        )
                        if kind == CATCH and values[-1] == "optional" and kinds[-2:-1] in _PARAMETER_AHEAD:
                            kind = NAME  # a parameter of this name
                    elif kind in BEFORE_TYPE:
                        awaits_type = _ANY_TYPE
                    elif kind == LET:
                        stack.append(_LET)
                    elif kind == IN and stack[-1] == _LET:
                        stack.pop()
        elif group == _SIGN:
            start, position = match.span(2)
            value = text[start:position]
            kind = signs[value]
            awaits = awaits_type
            awaits_type = _NO_TYPE
            if kind == COMMA:
                awaits_field = stack[-1] in _SQUARES
            elif kind == EQ:
                if stack[-1] == _TYPE_SQUARE:
                    awaits_type = _ANY_TYPE
            elif kind == LPAR:
                stack.append(_PARENTHESIS + len(kinds))
            elif kind == RPAR:
                if stack[-1] >= _PARENTHESIS:
                    value = stack.pop() - _PARENTHESIS
            elif kind == LSQB:
                awaits_field = True
                if awaits:
                    kind = T_LSQB
                    stack.append(_TYPE_SQUARE)
                else:
                    stack.append(_SQUARE)
            elif kind == LBRACE:
                if awaits == _ANY_TYPE:
                    kind = T_LBRACE
                    stack.append(_TYPE_BRACE)
                    awaits_type = _ANY_TYPE
                else:
                    stack.append(_BRACE)
            elif value == "]" or value == "}":
                if stack[-1] != _NOTHING:
                    stack.pop()
            elif kind == ARROW:
                _mark_parameters(tokens)
        elif group == _TEXT:
            start, position = match.span(3)
            value = text[start : position - 1]
            if "#" in value or '"' in value:
                value = _unescape(value, start)
            start -= 1
            kind, awaits_type = LITERAL, _NO_TYPE
        elif group == _NUMBER:
            start, position = match.span(4)
            value = text[start:position]
            value = float(value) if len(value) < 16 and value.isdigit() else number_value(value)
            kind, awaits_type = LITERAL, _NO_TYPE
        elif group is None:
            kinds.append(END)
            values.append(None)
            starts.append(length)
            ends.append(length)
            return
        else:
            start, position = match.span(group)
            if position > length:
                # The closing U+001A was read as a stray character.
                kinds.append(END)
                values.append(None)
                starts.append(length)
                ends.append(length)
                return
            awaits_type = _NO_TYPE
            kind, value, start = _rare(text, group, start, position)
        kinds.append(kind)
        values.append(value)
        starts.append(start)
        ends.append(position)


def _rare(text: str, group: int, start: int, end: int) -> tuple[int, Any, int]:
    """Tokens that begin with ``#``, and what is no token at all."""
    if group == _QUOTED:
        return NAME, _unescape(text[start : end - 1], start), start - 2
    if group == _VERBATIM:
        return NUMBER["VERBATIM"], _unescape(text[start : end - 1], start), start - 3
    word = text[start:end]
    if group == _HASH:
        if word in HASH_NAMES:
            return NUMBER["HASH_NAME"], word, start
        if word in HASH_NUMBERS:
            return LITERAL, HASH_NUMBERS[word], start
        raise BadToken(f"'{word}' is no keyword; a name in quotes is written #\"...\"", start, end)
    if word == "/*":
        raise BadToken("the comment that begins here is never closed with '*/'", start, end)
    if word == '"':
        raise BadToken("the text that begins here is never closed with '\"'", start, end)
    if word in ('#"', '#!"'):
        raise BadToken("the quoted name or text that begins here is never closed with '\"'", start, end)
    raise BadToken(f"the character {show_character(word)} cannot stand here{_quotes(word)}", start, end)


def _field(text: str, position: int, in_type: bool, previous: int) -> tuple[int, Any, int, int] | None:
    """A field name (LEX-34 to LEX-41), where one may stand."""
    if in_type and previous != OPTIONAL:
        match = _OPTIONAL_FIELD(text, position)
        if match is not None:
            return OPTIONAL, "optional", match.start(1), match.end(1)
    match = _FIELD(text, position)
    if match is None:
        return None
    if match.lastindex == 2:
        start, end = match.span(2)
        return FIELD, _unescape(text[start : end - 1], start), start - 2, end
    start, end = match.span(1)
    name = text[start:end]
    if not name.isascii():
        for word in re.finditer("[^ .]+", name):
            _check_letters("_" + word[0], start + word.start() - 1)
    if in_type and (name[0] in ".0123456789" or name.split(" ", 1)[0] == "null"):
        return None
    return FIELD, name, start, end


def _in_function_type(bracket: int, kinds: list[int]) -> bool:
    """Whether the innermost bracket holds the parameters of a function type."""
    opening = bracket - _PARENTHESIS
    return opening > 0 and kinds[opening - 1] == T_FUNCTION


def _contextual(word: str, text: str, position: int, previous: int, in_function_type: bool) -> int:
    if word == "catch":
        # After attributes a member may have this name: "[a = 1] catch = 2;".
        ends = previous in ENDS_EXPRESSION and not _ASSIGNED(text, position)
        if (
            previous == T_TABLE
        ):  # "type table catch" names the row type, "try type table catch () => 1" has a handler
            ends = _OPENED(text, position) is not None
        return CATCH if ends else NAME
    # "optional" is a keyword only before the name of a parameter; whether a parenthesis holds
    # the parameters of a function is known at "=>" only.
    if not in_function_type or (previous != LPAR and previous != COMMA):
        return NAME
    match = _TOKEN.match(text, position)
    if match is None or match.lastindex not in (_WORD, _QUOTED):
        return NAME
    return OPTIONAL if match.lastindex == _QUOTED or match[_WORD] not in KEYWORDS else NAME


def _mark_parameters(tokens: Tokens) -> None:
    """``=>`` was read: the parenthesis before it (and its type) holds parameters."""
    kinds, values = tokens.kinds, tokens.values
    at = len(kinds) - 1
    if at > 0 and kinds[at] in TYPE_NAMES:
        at -= 1
        if kinds[at] == NULLABLE:
            at -= 1
        if at < 0 or kinds[at] != AS:
            return
        at -= 1
    if at > 0 and kinds[at] == RPAR and values[at].__class__ is int:
        opening = values[at]
        kinds[opening] = LPFN
        for index in range(opening + 1, at - 1):
            # A quoted name is no keyword.
            if (
                values[index] == "optional"
                and kinds[index] == kinds[index + 1] == NAME
                and kinds[index - 1] in (LPFN, COMMA)
                and tokens.text[tokens.starts[index]] == "o"
            ):
                kinds[index] = OPTIONAL


_EXACT = 2**53
_INT64 = 2**63 - 1


def number_value(word: str) -> float | int:
    """The value of a number literal (LEX-44 to LEX-51)."""
    if word[:2] in ("0x", "0X"):
        number = int(word, 16)
    elif len(word) > 15 and word.isdigit() and len(word.lstrip("0")) <= 19:
        number = int(word)
    else:
        return float(word)
    if number > _EXACT and number <= _INT64:
        return number
    try:
        return float(number)
    except OverflowError:
        return float("inf")


_ESCAPE = re.compile(r'""|#\(([^()"]*)(\)?)')
_ESCAPES = {"cr": "\r", "lf": "\n", "tab": "\t", "#": "#"}
_HEXADECIMAL = re.compile("[0-9A-Fa-f]{4}(?:[0-9A-Fa-f]{4})?")
_SURROGATES = re.compile("[\ud800-\udbff][\udc00-\udfff]")


def _unescape(raw: str, offset: int) -> str:
    """The characters that the inside of a quoted token stands for (LEX-52 to LEX-57)."""
    if "#(" not in raw:
        return raw.replace('""', '"') if '"' in raw else raw

    def one(match: re.Match[str]) -> str:
        names = match[1]
        if names is None:
            return '"'
        if match[2]:
            decoded = [_escape(name) for name in names.split(",")]
            if None not in decoded:
                return "".join(decoded)  # type: ignore[arg-type]
        start = offset + match.start()
        shown = match[0] if len(match[0]) < 40 else match[0][:37] + "..."
        raise BadToken(
            f"'{shown}' is no escape: inside '#(' and ')' stand cr, lf, tab, # or 4 or 8 "
            "hexadecimal digits, separated by commas",
            start,
            start + len(match[0]),
        )

    text = _ESCAPE.sub(one, raw)
    # Two escapes may spell one character beyond U+FFFF as its two surrogates.
    return _SURROGATES.sub(
        lambda pair: chr(0x10000 + ((ord(pair[0][0]) - 0xD800) << 10) + ord(pair[0][1]) - 0xDC00), text
    )


def _escape(name: str) -> str | None:
    if name in _ESCAPES:
        return _ESCAPES[name]
    if not _HEXADECIMAL.fullmatch(name):
        return None
    code = int(name, 16)
    return chr(code) if code <= 0x10FFFF else None


def _check_letters(word: str, start: int) -> None:
    """Whether a word beyond ASCII is an identifier by the Unicode classes (LEX-22)."""
    import unicodedata

    first = True
    for index, character in enumerate(word):
        if character == ".":
            continue
        category = unicodedata.category(character)
        if (
            category not in ("Lu", "Ll", "Lt", "Lm", "Lo", "Nl")
            and character != "_"
            and (first or category not in ("Nd", "Pc", "Mn", "Mc", "Cf"))
        ):
            hint = _quotes(character) or '; a name with other characters is written #"..."'
            raise BadToken(
                f"the character {show_character(character)} cannot stand in a name{hint}",
                start + index,
                start + index + 1,
            )
        first = False


def _quotes(character: str) -> str:
    """A hint for quotation marks of other languages and word processors."""
    return (
        '; text stands between straight double quotes: "..."'
        if character in "'\u2018\u2019\u201c\u201d\u201e"
        else ""
    )


def show_character(character: str) -> str:
    """A character for a message: itself when it can be seen, and its code when not plain."""
    if " " < character <= "~":
        return f"'{character}'"
    code = f"U+{ord(character):04X}"
    return f"'{character}' ({code})" if character.isprintable() else code


def is_identifier(name: str) -> bool:
    """Whether a name needs no quotes where an identifier stands."""
    match = _TOKEN.match(name)
    if match is None or match.lastindex != _WORD or match.span(1) != (0, len(name)) or name in KEYWORDS:
        return False
    return _letters_fit(name)


def is_field_name(name: str, in_type: bool = False) -> bool:
    """Whether a name needs no quotes where a field name stands."""
    match = _FIELD(name)
    if match is None or match.lastindex != 1 or match.span(1) != (0, len(name)):
        return False
    if in_type and ("0" <= name[0] <= "9" or name.startswith("optional ")):
        return False
    return name.isascii() or all(_letters_fit("_" + word) for word in re.split("[ .]", name))


def _letters_fit(word: str) -> bool:
    if not word.isascii():
        try:
            _check_letters(word, 0)
        except BadToken:
            return False
    return True
