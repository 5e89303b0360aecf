"""WebAction.Request: an action of another method than GET; the engine disables it in most contexts, mlang in all."""

from __future__ import annotations

from typing import Any

from mlang import errors
from mlang.connectors.web_request import Request
from mlang.library.enumerations import TEXT_MEMBERS
from mlang.registry import builtin

_METHODS = frozenset(TEXT_MEMBERS["WebMethod"].values())


@builtin(
    "WebAction.Request(method as text, url as text, optional options as nullable record) as action",
    missing="everything: actions don't run in mlang",
)
def request(method: str, url: str, option: dict[str, Any] | None = None) -> Any:
    """Would make an action that sends a request; mlang runs no actions.

    Use Web.Contents or Web.Headers to read.  The arguments are checked all the same.
    """
    if method not in _METHODS:
        raise errors.argument_out_of_range("method", method)
    Request(method, url, option, "WebAction.Request")
    raise errors.not_supported("WebAction.Request", "running actions")
