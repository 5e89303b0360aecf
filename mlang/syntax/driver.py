"""Runs the LALR tables that Lark computed from grammar/m.lark.

`run` is the parse loop: it knows states, not M.  The value of a token on the value stack
is its index in the token list; the value of a nonterminal is what its builder
returned.  Runs of unit reductions (an expression that is only a name passes
through seven rules) are walked once and remembered.  Nothing recurses, so
nesting is limited by memory only.  Read ``lexer.py`` (makes the tokens) and
``parser.py`` (the builders) next.
"""

from __future__ import annotations

import marshal
import sys
from array import array
from collections.abc import Callable

import grammar

TYPE_CHECKING = False
if TYPE_CHECKING:  # typing costs more to import than all of this
    from typing import Any

(
    _FORMAT,
    DIGEST,
    TERMINALS,
    _NONTERMINALS,
    BUILDERS,
    _LEFT,
    _LENGTH,
    _BUILDER,
    _STARTS,
    _ACTION_BYTES,
    _GOTO_BYTES,
) = marshal.loads(grammar.table_bytes())

if _FORMAT != grammar.FORMAT:
    raise ImportError("grammar/m.tables has another format: run python -m grammar.build")


def _matrix(data: bytes, width: int, pad: int) -> list[list[int]]:
    numbers = array("h", data)
    if sys.byteorder == "big":
        numbers.byteswap()
    flat = numbers.tolist()
    padding = [0] * pad
    return [flat[at : at + width] + padding for at in range(0, len(flat), width)]


#: What the lexer could not read: a terminal that no state accepts.
INVALID = len(TERMINALS)
END = INVALID - 1
NUMBER: dict[str, int] = {name: number for number, name in enumerate(TERMINALS)}

_ACTIONS = _matrix(_ACTION_BYTES, len(TERMINALS), 1)
_GOTOS = _matrix(_GOTO_BYTES, len(_NONTERMINALS), 0)
#: What a token number is multiplied by, to be one number with another.
_WIDTH = INVALID + 1
#: Tokens that may be a whole operand.
_SINGLE = frozenset(NUMBER[name] for name in ("NAME", "HASH_NAME", "LITERAL"))
#: The builder of ``items COMMA item``: long lists grow in place, without a call.
_SEPARATED = BUILDERS.index("list_separated")
#: Remembered results: of `_settle` per rule by state and token, of `_shortcut` by state and two tokens.
_SETTLED: list[dict[int, int]] = [{} for _ in _LEFT]
_QUICK: dict[int, tuple[int, int] | tuple[()]] = {}

DOCUMENT, EXPRESSION = 0, 1


class Unexpected(Exception):
    """The token at ``index`` cannot stand where it does; ``expected`` could."""

    def __init__(self, index: int, expected: list[str], states: list[int]) -> None:
        super().__init__(index)
        self.index, self.expected, self.states = index, expected, states


def run(start: int, kinds: list[int], builders: list[Callable[..., Any]]) -> Any:
    """Parses the tokens from a start symbol; gives the value of that symbol."""
    actions, settled, quick = _ACTIONS, _SETTLED, _QUICK
    lengths, builder_of = _LENGTH, _BUILDER
    state = _STARTS[start]
    states: list[int] = [state]
    values: list[Any] = []
    index = 0
    kind = kinds[0]
    while True:
        action = actions[state][kind]
        if action > 0:
            if kind == END:
                return values[-1]
            index += 1
            if kind in _SINGLE:
                # Most tokens are an expression by themselves: shifted and reduced in one go.
                after = kinds[index]
                key = (state * _WIDTH + kind) * _WIDTH + after
                found = quick.get(key)
                if found is None:
                    found = quick[key] = _shortcut(state, action - 1, after)
                if found:
                    builder, state = found
                    values.append(builders[builder](index - 1))
                    states.append(state)
                    kind = after
                    continue
            state = action - 1
            states.append(state)
            values.append(index - 1)
            kind = kinds[index]
            continue
        if action == 0:
            raise Unexpected(index, expected(states), states)
        rule = -action - 1
        length = lengths[rule]
        builder = builder_of[rule]
        if length == 3:
            third = values.pop()
            second = values.pop()
            if builder == _SEPARATED:
                values[-1].append(third)
            else:
                values[-1] = builders[builder](values[-1], second, third)
            del states[-3:]
        elif length == 1:
            if builder >= 0:
                values[-1] = builders[builder](values[-1])
            states.pop()
        else:
            values[-length:] = (builders[builder](*values[-length:]),)
            del states[-length:]
        key = states[-1] * _WIDTH + kind
        known = settled[rule]
        if key in known:
            state = known[key]
        else:
            state = known[key] = _settle(states[-1], _LEFT[rule], kind)
        states.append(state)


def _shortcut(below: int, state: int, after: int) -> tuple[int, int] | tuple[()]:
    """What follows a shift to ``state`` when the token is reduced at once: a builder and the next state."""
    action = _ACTIONS[state][after]
    rule = -action - 1
    if action >= 0 or _LENGTH[rule] != 1 or _BUILDER[rule] < 0:
        return ()
    return _BUILDER[rule], _settle(below, _LEFT[rule], after)


def _settle(below: int, symbol: int, kind: int) -> int:
    """The state after ``symbol``, once all unit reductions on it are done."""
    while True:
        state = _GOTOS[below][symbol]
        action = _ACTIONS[state][kind]
        if action >= 0:
            return state
        rule = -action - 1
        if _LENGTH[rule] != 1 or _BUILDER[rule] >= 0:
            return state
        symbol = _LEFT[rule]


def expected(states: list[int]) -> list[str]:
    """The terminals that could really come next.

    A row of the table may list a terminal that a later state refuses, so every candidate is
    tried on a copy of the state stack.
    """
    row = _ACTIONS[states[-1]]
    return [name for number, name in enumerate(TERMINALS) if row[number] and _accepts(states, number)]


def _accepts(states: list[int], kind: int) -> bool:
    # Only the top of the stack is copied: reductions reach down a few states.
    copy = states[-64:]
    depth = len(states) - len(copy)
    while True:
        action = _ACTIONS[copy[-1]][kind]
        if action >= 0:
            return action > 0
        rule = -action - 1
        length = _LENGTH[rule]
        while length >= len(copy):
            more = states[max(0, depth - 64) : depth]
            depth -= len(more)
            copy[:0] = more
        del copy[-length:]
        copy.append(_GOTOS[copy[-1]][_LEFT[rule]])
