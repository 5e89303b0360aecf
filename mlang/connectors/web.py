"""Web.Contents, Web.Headers and Web.BrowserContents; Web.Page lives in ``web_page.py``.

Nothing is sent before somebody needs the content or its metadata: `Web.Contents` gives a
binary that is fetched when it is read, so that its errors appear there (as in the engine).
Options are checked at once.  Read ``web_request.py`` for addresses and credentials,
``web_client.py`` for what happens on the line.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote, urlsplit

from mlang import errors, session
from mlang.connectors import web_page
from mlang.connectors.file import absolute, file_binary
from mlang.connectors.web_client import Response, respond
from mlang.connectors.web_request import Request
from mlang.library.arguments import of_kind, options
from mlang.registry import builtin
from mlang.values.binary import LazyBinary
from mlang.values.functions import native
from mlang.values.metadata import with_metadata
from mlang.values.thunk import Thunk

__all__ = ["browser_contents", "contents", "headers", "web_page"]


@builtin(
    "Web.Contents(url as text, optional options as nullable record) as binary",
    missing="Windows and organizational credentials",
)
def contents(url: str, option: dict[str, Any] | None = None) -> LazyBinary:
    """Gives the content of a web address as a binary, fetched when it is read.

    Options: Query and RelativePath extend the address, Headers are sent along, Content makes a
    POST, Timeout is a duration (100 seconds), ManualStatusHandling lists statuses that are no
    errors, IsRetry asks again instead of using the evaluation's cache, ExcludedFromCacheKey lists
    headers that do not matter to that cache, ApiKeyName names the parameter for the key.
    The answer's status and headers are metadata.  A file address is read as a file.
    """
    if url[:5].lower() == "file:":
        options(option, "Web.Contents", {"Timeout": None, "IsRetry": None, "Headers": None})
        return file_binary(absolute(url))
    return _binary(Request("GET", url, option))


def _binary(request: Request) -> LazyBinary:
    here = session.current()

    def fetch() -> Response:
        with session.use(here):  # the content may be read outside the evaluation
            return respond(request)

    answer = Thunk(fetch)
    return LazyBinary(lambda: answer.get().body, meta=_metadata(request, answer))


def _metadata(request: Request, answer: Thunk) -> dict[str, Any]:
    """What Value.Metadata shows of an answer; asking for any of it sends the request."""
    return {
        "Content.Type": Thunk(lambda: _content_type(answer.get())),
        "Content.Uri": native(lambda: request.shown),
        "Content.Name": Thunk(lambda: _content_name(answer.get())),
        "Headers": Thunk(lambda: dict(answer.get().headers)),
        "Response.Status": Thunk(lambda: float(answer.get().status)),
    }


def _content_type(answer: Response) -> str | None:
    kind = answer.header("content-type")
    return kind.partition(";")[0].strip() if kind else None


def _content_name(answer: Response) -> str | None:
    """The file name that the server gives, else the last part of the address."""
    from email.message import Message

    given = answer.header("content-disposition")
    if given:
        message = Message()
        message["Content-Disposition"] = given
        name = message.get_filename()
        if name:
            return name.replace("\\", "/").rpartition("/")[2]
    return unquote(urlsplit(answer.url).path.rpartition("/")[2]) or None


@builtin(
    "Web.Headers(url as text, optional options as nullable record) as record",
    missing="Windows and organizational credentials",
)
def headers(url: str, option: dict[str, Any] | None = None) -> Any:
    """Gives the headers that a web address answers with, asked for by HEAD; the status is metadata.

    Options are those of Web.Contents but Content.
    """
    answer = respond(Request("HEAD", url, option, "Web.Headers"))
    return with_metadata(dict(answer.headers), {"Response.Status": float(answer.status)})


@builtin(
    "Web.BrowserContents(url as text, optional options as nullable record) as text",
    missing="everything: mlang runs no web browser",
)
def browser_contents(url: str, option: dict[str, Any] | None = None) -> str:
    """Would give the HTML of a web address after a browser has run its scripts; mlang runs no browser."""
    chosen = options(option, "Web.BrowserContents", {"ApiKeyName": None, "WaitFor": None})
    if chosen["WaitFor"] is not None:
        of_kind(chosen["WaitFor"], "record")
    raise errors.browser_needed(url)
