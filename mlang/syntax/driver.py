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
_MEMO: dict[tuple[int, int, int], int] = {}

DOCUMENT, EXPRESSION = 0, 1


class Unexpected(Exception):
    """The token at ``index`` cannot stand where it does; ``expected`` could."""

    def __init__(self, index: int, expected: list[str], states: list[int]) -> None:
        super().__init__(index)
        self.index, self.expected, self.states = index, expected, states


def run(start: int, kinds: list[int], builders: list[Callable[..., Any]]) -> Any:
    """Parses the tokens from a start symbol; gives the value of that symbol."""
    actions, memo = _ACTIONS, _MEMO
    left, lengths, builder_of = _LEFT, _LENGTH, _BUILDER
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
            state = action - 1
            states.append(state)
            values.append(index)
            index += 1
            kind = kinds[index]
            continue
        if action == 0:
            raise Unexpected(index, expected(states), states)
        rule = -action - 1
        length = lengths[rule]
        builder = builder_of[rule]
        if builder >= 0:
            value = builders[builder](*values[-length:])
            values[-length:] = (value,)
        if length == 1:
            states.pop()
        else:
            del states[-length:]
        key = (states[-1], left[rule], kind)
        after = memo.get(key)
        if after is None:
            after = memo[key] = _settle(*key)
        state = after
        states.append(state)


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
