"""The syntax of M: text to tree and back.

Nothing is loaded until it is used.  Read ``nodes.py`` (the tree), ``lexer.py``,
``driver.py`` and ``parser.py`` (text to tree), ``printer.py`` (tree to text),
``failure.py`` and ``explain.py`` (what a syntax error says), in this order.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:  # typing costs more to import than all of this
    from typing import Any

    from mlang.syntax.failure import MSyntaxError
    from mlang.syntax.formatter import format_text
    from mlang.syntax.parser import parse_document, parse_expression
    from mlang.syntax.printer import format_node, print_node

__all__ = ["MSyntaxError", "format_node", "format_text", "parse_document", "parse_expression", "print_node"]

_HOMES = {
    "MSyntaxError": "failure",
    "parse_document": "parser",
    "parse_expression": "parser",
    "print_node": "printer",
    "format_node": "printer",
    "format_text": "formatter",
}


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f"{__name__}.{home}"), name)
    globals()[name] = value
    return value
