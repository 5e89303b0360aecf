"""The grammar of M and the parse tables computed from it.

``m.lark`` is the grammar, in the order and numbering of the language
specification; ``m.tables`` are its LALR tables, written by ``python -m
grammar.build``; ``deviations.md`` says where mlang, the specification and the
product differ.  This module only finds the files: it imports nothing, so that
start-up stays cheap.  Read ``build.py`` next.
"""

from __future__ import annotations

#: Raised whenever the layout of m.tables changes; the driver refuses another one.
FORMAT = 1


def _path(name: str) -> str:
    return __file__.replace("__init__.pyc", name).replace("__init__.py", name)


def grammar_text() -> str:
    """The text of the grammar, as Lark reads it."""
    with open(_path("m.lark"), encoding="utf-8") as file:
        return file.read()


def table_bytes() -> bytes:
    """The built tables, as `grammar.build.encode` wrote them."""
    with open(_path("m.tables"), "rb") as file:
        return file.read()


def table_path() -> str:
    """Where the built tables lie."""
    return _path("m.tables")
