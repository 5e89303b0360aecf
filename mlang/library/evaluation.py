"""``Expression.Evaluate``: M text as a value, in an environment that the caller gives."""

from __future__ import annotations

from typing import Any

from mlang import errors
from mlang.registry import builtin


@builtin("Expression.Evaluate(document as text, optional environment as nullable record) as any")
def evaluate(document: str, environment: dict[str, Any] | None = None) -> Any:
    """Evaluates M text.

    The text sees only the fields of the environment record; without one it has the
    language itself and no library name (``#shared`` as environment gives the library).
    """
    from mlang.compile.entry import Document
    from mlang.syntax import MSyntaxError

    try:
        parsed = Document(document, environment=environment or {})
    except MSyntaxError as error:
        raise errors.syntax(error.engine_message) from error
    if parsed.is_section:
        return {section.name or "": parsed.thunks[id(section)] for section in parsed.sections}
    return parsed.value()
