"""Text.Format: ``#{0}`` takes a list item, ``#[name]`` a record field (TXT-24, TXT-25)."""

from __future__ import annotations

import re
from typing import Any

from mlang import errors
from mlang.culture.text import merge
from mlang.errors import MError
from mlang.library.text.comparisons import text_of
from mlang.registry import builtin
from mlang.values.kinds import kind_of
from mlang.values.lists import item_at
from mlang.values.metadata import strip
from mlang.values.thunk import force

_PLACEHOLDER = re.compile(r"#\{([^{}]*)\}|#\[([^\[\]]*)\]")


@builtin("Text.Format(formatString as text, arguments as any, optional culture as nullable text) as text")
def format_text(formatString: str, arguments: Any, culture: str | None = None) -> str:
    """Fills the placeholders of a text from a list or a record.

    ``#{0}`` is replaced by the first item of a list, ``#[name]`` by a field of a record;
    values are written as Text.From writes them in the culture, null as "null".
    """

    def fill(match: re.Match[str]) -> str:
        try:
            name = match[2]
            found = _item(arguments, match[1]) if name is None else _field(arguments, name)
            value = strip(force(found))
            return "null" if value is None else text_of(value, culture)
        except MError as error:
            raise errors.bad_placeholder(str(error.message)) from None

    return merge(_PLACEHOLDER.sub(fill, formatString))


def _item(arguments: Any, text: str) -> Any:
    if not re.fullmatch(r"\s*[0-9]+\s*", text):
        raise errors.expected_integer(text)
    if kind_of(arguments) != "list":
        raise errors.cannot_convert(arguments, "List")
    return item_at(arguments, int(text))


def _field(arguments: Any, name: str) -> Any:
    if kind_of(arguments) != "record":
        raise errors.cannot_convert(arguments, "Record")
    if name not in arguments:
        raise errors.field_not_found(name, arguments)
    return arguments[name]
