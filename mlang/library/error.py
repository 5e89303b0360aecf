"""Error.Record: the record that an ``error`` expression raises (EVL-33, EVL-43)."""

from __future__ import annotations

from typing import Any

from mlang.registry import builtin


@builtin(
    "Error.Record(reason as text, optional message as nullable text, optional detail as any, "
    "optional parameters as nullable list, optional errorCode as nullable text) as record",
    keeps="detail",
)
def error_record(
    reason: str,
    message: str | None = None,
    detail: Any = None,
    parameters: Any = None,
    code: str | None = None,
) -> dict[str, Any]:
    """Makes an error record of a reason, a message and details; parameters fill the message's places."""
    text = message
    if message is not None and parameters is not None:
        text = fill(message, parameters)
    return {
        "Reason": reason,
        "Message": text,
        "Detail": detail,
        "Message.Format": message if parameters is not None else None,
        "Message.Parameters": parameters,
        "ErrorCode": code,
    }


def fill(template: str, parameters: Any) -> str:
    """The template with ``#{0}``, ``#{1}`` … replaced as Text.Format does (EVL-41, EVL-42)."""
    if "#{" not in template:
        return template
    from mlang.registry import value_of

    return str(value_of("Text.Format").fn(template, parameters))
