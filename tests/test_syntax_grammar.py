"""The grammar: its tables are built from it, and another parser generator's parser agrees."""

from __future__ import annotations

import random
import re
import subprocess
import sys
from pathlib import Path

from test_syntax import ACCEPTED, REJECTED
from test_syntax_trees import TREES

from mlang.syntax import (
    MSyntaxError,
    parse_document,
)
from mlang.syntax import nodes as n

HERE = Path(__file__).parent


def lit(value: object) -> n.Literal:
    return n.Literal(value)  # type: ignore[arg-type]


def name(text: str) -> n.Name:
    return n.Name(text)


def test_tables_are_built_from_the_grammar() -> None:
    from grammar import build, table_bytes
    from mlang.syntax.driver import DIGEST

    assert build.digest() == DIGEST, "run python -m grammar.build"
    assert build.encode() == table_bytes()


def test_every_terminal_is_read_and_every_builder_exists() -> None:
    from mlang.syntax import lexer
    from mlang.syntax.driver import BUILDERS, NUMBER, TERMINALS
    from mlang.syntax.parser import Builder

    assert all(callable(getattr(Builder, builder)) for builder in BUILDERS)
    seen: set[int] = set()
    for texts in [*ACCEPTED.values(), [text for text, _ in TREES]]:
        for text in texts:
            seen.update(lexer.tokenize(text).kinds)
    assert {TERMINALS[kind] for kind in seen} == set(NUMBER)


def test_lark_itself_agrees() -> None:
    """Lark's own loop over the same tokens: same trees, same refusals."""
    parse = lark_parse()
    texts = [t for ts in [*ACCEPTED.values(), *REJECTED.values()] for t in ts] + [t for t, _ in TREES]
    # And every text with one word left out, doubled or exchanged with its neighbour.
    chance = random.Random(20)
    for text in [t for ts in ACCEPTED.values() for t in ts]:
        words = re.findall(r"[\w.]+|\s+|.", text)
        at = chance.randrange(len(words))
        texts += ["".join(words[:at] + words[at + 1 :]), "".join(words[:at] + words[at:][:1] + words[at:])]
        words[at - 1], words[at] = words[at], words[at - 1]
        texts.append("".join(words))
    for text in texts:
        try:
            ours: object = parse_document(text)
        except MSyntaxError as error:
            ours = error.offset
        assert parse(text) == ours, text


def lark_parse() -> object:
    """A function that parses with Lark: the tree, or the offset of the error."""
    from collections.abc import Iterator
    from typing import Any

    import lark
    from lark.lexer import Lexer

    from grammar.build import lark_parser
    from mlang.syntax.driver import END, INVALID, TERMINALS
    from mlang.syntax.lexer import tokenize
    from mlang.syntax.parser import Builder, Refused

    current: list[Any] = [None]

    class OurLexer(Lexer):
        __future_interface__ = 1

        def __init__(self, conf: object) -> None:
            pass

        def lex(self, state: Any, parser_state: Any = None) -> Iterator[lark.Token]:
            tokens = current[0]
            for index, kind in enumerate(tokens.kinds):
                if kind == INVALID:
                    raise Refused("", tokens.starts[index], tokens.ends[index])
                if kind != END:
                    yield lark.Token(TERMINALS[kind], index)  # type: ignore[arg-type]

    class Trees(lark.Transformer):  # type: ignore[type-arg]
        def __default__(self, data: Any, children: Any, meta: Any) -> Any:
            if data.__class__ is str:  # an alias; the name of a rule is a Token
                return getattr(Builder(current[0]), data)(*map(as_index, children))
            assert len(children) == 1
            return children[0]

    def as_index(child: Any) -> Any:
        return child.value if child.__class__ is lark.Token else child

    parser = lark_parser(OurLexer)

    def parse(text: str) -> object:
        current[0] = tokens = tokenize(text)
        try:
            return as_index(Trees().transform(parser.parse(text, start="document")))
        except lark.UnexpectedToken as wrong:
            return tokens.starts[-1] if wrong.token.type == "$END" else tokens.starts[wrong.token.value]
        except Refused as refused:
            return refused.start
        except lark.exceptions.VisitError as wrong:
            if isinstance(wrong.orig_exc, Refused):
                return wrong.orig_exc.start
            raise

    return parse


def test_running_never_imports_lark() -> None:
    code = (
        "import sys; from mlang.syntax import parse_expression, print_node; "
        "print_node(parse_expression('1 + 1')); "
        "heavy = {'lark', 'unicodedata', 'enum', 'dataclasses', 'attr'} & set(sys.modules); "
        "assert not heavy - {'enum'}, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=HERE.parent)
