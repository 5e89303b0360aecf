"""Computes the LALR tables of m.lark with Lark and writes them to m.tables.

Run ``python -m grammar.build`` after every change of m.lark; ``--check`` only
says whether m.tables is up to date.  Lark is needed here and in tests, never at
run time: ``mlang/syntax/driver.py`` reads the file back.

The file is ``marshal`` version 2 (a format that has not changed since Python
2.5) of one flat tuple of strings, numbers and bytes; see `encode`.
"""

from __future__ import annotations

import hashlib
import marshal
import sys
from array import array
from typing import Any

from grammar import FORMAT, grammar_text, table_bytes, table_path

START_SYMBOLS = ("document", "expression")


def lark_parser(lexer: Any = None, **options: Any) -> Any:
    """Lark's own parser for the grammar, every token kept.

    Lark wants a class for ``lexer``; for computing tables it is never called.
    """
    import lark
    from lark.lexer import Lexer

    class NoLexer(Lexer):
        def __init__(self, conf: object) -> None:
            pass

        def lex(self, *_: Any) -> Any:
            raise NotImplementedError

    return lark.Lark(
        grammar_text(),
        parser="lalr",
        lexer=lexer or NoLexer,
        start=list(START_SYMBOLS),
        keep_all_tokens=True,
        maybe_placeholders=False,
        **options,
    )


def digest() -> str:
    """The SHA-256 of the grammar text (line ends as LF)."""
    return hashlib.sha256(grammar_text().encode()).hexdigest()


def encode() -> bytes:
    """The tables of the grammar as bytes.

    A tuple of: format number, digest, terminal names (the last one is the end of
    the text), nonterminal names, builder names, three parallel lists for the rules (left
    side, length, builder or -1 for a rule that passes its only child through),
    start states, and two matrices of 16-bit little-endian numbers,
    one row a state: actions by terminal (0 error, s + 1 shift to state s, -r - 1
    reduce by rule r; any shift of the end accepts) and gotos by nonterminal (state, or -1).
    """
    table = lark_parser().parser.parser._parse_table
    rules, terminals, nonterminals = _symbols(table)
    terminal_names = [*sorted(terminals - {"$END"}), "$END"]
    nonterminal_names = sorted(nonterminals | {str(rule.origin.name) for rule in rules})
    builders = sorted({rule.alias for rule in rules if rule.alias})
    for rule in rules:
        if not rule.alias and len(rule.expansion) != 1:
            raise ValueError(f"the alternative {rule} needs a name after an arrow")
    # Renumbered in a breadth-first walk, so that the file is the same on every run.
    number = _number_states(table, terminal_names, nonterminal_names)
    actions, gotos = _matrices(table, number, rules, terminal_names, nonterminal_names)
    return marshal.dumps(
        (
            FORMAT,
            digest(),
            tuple(terminal_names),
            tuple(nonterminal_names),
            tuple(builders),
            tuple(nonterminal_names.index(str(rule.origin.name)) for rule in rules),
            tuple(len(rule.expansion) for rule in rules),
            tuple(builders.index(rule.alias) if rule.alias else -1 for rule in rules),
            tuple(number[table.start_states[name]] for name in START_SYMBOLS),
            actions,
            gotos,
        ),
        2,
    )


def _symbols(table: Any) -> tuple[list[Any], set[str], set[str]]:
    """The rules that some state reduces by, in their order in the grammar, and the names of all symbols."""
    rules: list[Any] = []
    terminals: set[str] = set()
    nonterminals: set[str] = set()
    for state in sorted(table.states):
        for name, (kind, argument) in table.states[state].items():
            if kind.name == "Reduce":
                terminals.add(name)
                if argument not in rules:
                    rules.append(argument)
            elif name.islower() or name.startswith("$root"):
                nonterminals.add(name)
            else:
                terminals.add(name)
    rules.sort(key=lambda rule: (rule.origin.name, rule.order, str(rule.expansion)))
    return rules, terminals, nonterminals


def _matrices(
    table: Any, number: dict[int, int], rules: list[Any], terminals: list[str], nonterminals: list[str]
) -> tuple[bytes, bytes]:
    """Actions by state and terminal, gotos by state and nonterminal, as `encode` describes them."""
    actions, gotos = array("h"), array("h")
    accepting = set(table.end_states.values())
    for state in sorted(number, key=number.__getitem__):
        row = table.states[state]
        for name in terminals:
            kind, argument = row.get(name, (None, None))
            if kind is None:
                accepts = name == "$END" and state in accepting
                actions.append(number[state] + 1 if accepts else 0)
            elif kind.name == "Shift":
                actions.append(number[argument] + 1)
            else:
                actions.append(-rules.index(argument) - 1)
        gotos.extend(number[row[name][1]] if name in row else -1 for name in nonterminals)
    if sys.byteorder == "big":
        actions.byteswap()
        gotos.byteswap()
    return actions.tobytes(), gotos.tobytes()


def _number_states(table: Any, terminals: list[str], nonterminals: list[str]) -> dict[int, int]:
    queue = [table.start_states[name] for name in START_SYMBOLS]
    queue += [table.end_states[name] for name in START_SYMBOLS]
    number: dict[int, int] = {}
    while queue:
        state = queue.pop(0)
        if state in number:
            continue
        number[state] = len(number)
        row = table.states[state]
        for name in [*terminals, *nonterminals]:
            kind, argument = row.get(name, (None, None))
            if kind is not None and kind.name == "Shift":
                queue.append(argument)
    return number


def main(arguments: list[str]) -> int:
    built = encode()
    if arguments == ["--check"]:
        fresh = table_bytes() == built
        print("m.tables is up to date" if fresh else "m.tables is stale: run python -m grammar.build")
        return 0 if fresh else 1
    with open(table_path(), "wb") as file:
        file.write(built)
    print(f"{table_path()}: {len(built)} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
