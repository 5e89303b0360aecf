"""Sends a `Request` with httpx: redirects, retries, one cache per evaluation.

Redirects (300, 301, 302, 303, 307, 308) are followed; only 307 and 308 keep POST, and secrets
go to no other server.  408, 429, 503, 504 and 509 are tried again three times, waiting 0.5, 1
and 2 seconds or what Retry-After says (ENV-38).  The same request is sent once in an evaluation
(ENV-40).  Packed answers that grow beyond reason are refused.
"""

from __future__ import annotations

import time
import weakref
from typing import Any
from urllib.parse import urljoin, urlsplit

from mlang import errors, session
from mlang.connectors.extras import need
from mlang.connectors.web_request import Request

_RETRIED = {408, 429, 503, 504, 509}
_REDIRECTED = {300, 301, 302, 303, 307, 308}
_KEEPS_METHOD = {307, 308}
_RETRIES = 3
_HOPS = 50
_LONGEST_WAIT = 120.0
#: Packed answers: refused beyond this many bytes when they grew by more than the ratio.
_UNPACKED, _RATIO = 256 << 20, 200
_HIDDEN = {"set-cookie", "set-cookie2", "www-authenticate", "authorization", "proxy-authenticate"}
_AGENT = "mlang (Power Query M)"
_CACHE = "Web responses"


class Response:
    """An answer: status, headers as M sees them, content, and the address it came from."""

    __slots__ = ("body", "headers", "status", "url")

    def __init__(self, status: int, headers: dict[str, str], body: bytes, url: str) -> None:
        self.status, self.headers, self.body, self.url = status, headers, body, url

    def header(self, name: str) -> str | None:
        """A header, whatever the case of its name."""
        return next((value for key, value in self.headers.items() if key.lower() == name), None)


def respond(request: Request) -> Response:
    """The answer, from the evaluation's cache when the same was asked before; failures raise."""
    cache: dict[Any, Response] = session.current().fixed.setdefault(_CACHE, {})
    if not request.retry and request.key in cache:
        found = cache[request.key]
    else:
        found = _send(request)
    _check(request, found)
    cache[request.key] = found
    return found


def _check(request: Request, response: Response) -> None:
    """What a status means that the program does not handle itself."""
    status = response.status
    if status < 400 or (status in request.manual and status not in (401, 403)):
        return
    if status == 401:
        failure = errors.credentials_required if request.anonymous else errors.credentials_invalid
        raise failure(request.kind, request.shown.partition("?")[0])
    if status == 403:
        raise errors.web_forbidden(request.shown)
    raise errors.web_status(request.shown, status, phrase(status), request.name)


def phrase(status: int) -> str:
    """What a status is called."""
    from http import HTTPStatus

    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"


def _send(request: Request) -> Response:
    """The answer after retries; every failed status but the last attempt's is forgotten."""
    for attempt in range(_RETRIES + 1):
        response = _follow(request)
        status = response.status
        if status not in _RETRIED or status in request.manual or attempt == _RETRIES:
            break
        _sleep(_wait(response, attempt))
    return response


def _wait(response: Response, attempt: int) -> float:
    asked = (response.header("retry-after") or "").strip()
    if asked.isascii() and asked.isdigit():
        return min(float(asked), _LONGEST_WAIT)
    return float(0.5 * 2**attempt)


def _sleep(seconds: float) -> None:
    time.sleep(seconds)


def _follow(request: Request) -> Response:
    """Sends the request and follows redirects."""
    method, url, body = request.method, request.url, request.body
    headers, shown = {**request.headers, **request.secrets}, request.shown
    for _ in range(_HOPS):
        response = _exchange(request, method, url, headers, body)
        target = response.header("location")
        if response.status not in _REDIRECTED or response.status in request.manual or not target:
            response.url = shown
            return response
        if method not in ("GET", "HEAD") and response.status not in _KEEPS_METHOD:
            method, body = "GET", None
            headers = {k: v for k, v in headers.items() if not k.lower().startswith("content-")}
        following = urljoin(url, target)
        if urlsplit(following).scheme not in ("http", "https"):
            raise errors.web_failed(request.shown, "The server redirects to another protocol.", request.name)
        if _origin(following) != _origin(url):
            headers = {k: v for k, v in headers.items() if k.lower() not in ("authorization", "cookie")}
        url = shown = following
    raise errors.too_many_redirects(request.shown)


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme.lower(), parts.netloc.lower()


def _exchange(
    request: Request, method: str, url: str, headers: dict[str, str], body: bytes | None
) -> Response:
    """One request and its answer."""
    httpx = need("httpx", request.name, "web")
    try:
        with _client(httpx).stream(
            method, url, headers=headers, content=body, timeout=request.timeout, follow_redirects=False
        ) as answer:
            return Response(answer.status_code, _headers(answer), _content(answer), url)
    except httpx.TimeoutException:
        raise errors.web_failed(request.shown, "The operation has timed out.", request.name) from None
    except httpx.ConnectError as error:
        raise _unreachable(request, error) from None
    except httpx.DecodingError:
        raise errors.bad_compressed_data() from None
    except (httpx.InvalidURL, httpx.UnsupportedProtocol):
        raise errors.invalid_uri(request.shown) from None
    except UnicodeError:  # a host name with an empty or endless label
        host = urlsplit(request.shown).hostname or ""
        raise errors.web_name_not_resolved(host, request.shown, request.name) from None
    except httpx.HTTPError as error:  # its text may tell the address, with a key in it
        raise errors.web_failed(request.shown, type(error).__name__, request.name) from None


def _unreachable(request: Request, error: Exception) -> errors.MError:
    host = urlsplit(request.shown).hostname or ""
    text = str(error).lower()
    if "name or service" in text or "nodename" in text or "getaddrinfo" in text or "name resolution" in text:
        return errors.web_name_not_resolved(host, request.shown, request.name)
    if "certificate" in text:
        reason = "The underlying connection was closed: Could not establish trust relationship."
        return errors.web_failed(request.shown, reason, request.name)
    return errors.web_failed(request.shown, "Unable to connect to the remote server", request.name)


def _client(httpx: Any) -> Any:
    """The session's client, closed with it."""
    here = session.current()
    client = here.fixed.get("Web client")
    if client is None:
        headers = {"User-Agent": _AGENT, "Accept": "*/*", "Accept-Encoding": "gzip, deflate"}
        client = here.fixed["Web client"] = httpx.Client(headers=headers)
        weakref.finalize(here, client.close)
    client.cookies.clear()
    return client


def _headers(answer: Any) -> dict[str, str]:
    """The headers by the names that the server wrote; several of one name joined, secrets left out."""
    found: dict[str, str] = {}
    for name, value in answer.headers.raw:
        key, text = name.decode("latin-1"), value.decode("latin-1")
        if key.lower() in _HIDDEN:
            continue
        found[key] = f"{found[key]}, {text}" if key in found else text
    return found


def _content(answer: Any) -> bytes:
    """The unpacked content."""
    packed = "content-encoding" in answer.headers
    parts: list[bytes] = []
    size = 0
    for part in answer.iter_bytes():
        parts.append(part)
        size += len(part)
        if packed and size > _UNPACKED and size > answer.num_bytes_downloaded * _RATIO:
            raise errors.too_large_unpacked(_UNPACKED)
    return b"".join(parts)
