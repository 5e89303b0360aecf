"""What Web.Contents asks for: the options as a `Request`, with its address and credentials.

Secrets stay apart from the address that errors and metadata show (``shown``).  Credentials
come from the session, by kind ("Web", "OData") and the longest path that the address begins with; they
look like Extension.CurrentCredential: a record (or Python dict) with AuthenticationKind
Anonymous, UsernamePassword (or Basic) or Key; a mere text is a key.
"""

from __future__ import annotations

import base64
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

from mlang import errors, session
from mlang.library.arguments import as_int, of_kind, options
from mlang.values import binary
from mlang.values.kinds import kind_of
from mlang.values.metadata import strip
from mlang.values.thunk import force

_OPTIONS: dict[str, Any] = {
    "ApiKeyName": None, "Content": None, "ExcludedFromCacheKey": None, "Headers": None, "IsRetry": None,
    "ManualCredentials": None, "ManualStatusHandling": None, "Query": None, "RelativePath": None,
    "Timeout": None,
}  # fmt: skip
_SECONDS = 10_000_000
#: Headers that go with any credentials (ERR-66).
_FREE = {
    "accept", "accept-charset", "accept-encoding", "accept-language", "cache-control", "content-type",
    "if-modified-since", "prefer", "range", "referer",
}  # fmt: skip


class Request:
    """One request: ``url`` is sent, ``shown`` may be told; ``secrets`` are headers that are never told."""

    __slots__ = (
        "anonymous", "body", "headers", "key", "kind", "manual", "method", "name", "retry", "secrets", "shown",
        "timeout", "url",
    )  # fmt: skip

    def __init__(
        self,
        method: str,
        url: str,
        option: dict[str, Any] | None,
        name: str = "Web.Contents",
        kind: str = "Web",
    ) -> None:
        defaults = dict(_OPTIONS)
        if name == "Web.Headers":
            del defaults["Content"]
        chosen = {**_OPTIONS, **options(option, name, defaults)}
        self.name, self.kind = name, kind
        content = chosen["Content"]
        self.body = None if content is None else binary.content(of_kind(content, "binary"))
        self.method = "POST" if method == "GET" and self.body is not None else method
        self.headers = _headers(chosen["Headers"])
        self.timeout = _timeout(chosen["Timeout"])
        self.manual = {as_int(of_kind(s, "number")) for s in _items(chosen["ManualStatusHandling"])}
        self.retry = chosen["IsRetry"] is not None and of_kind(chosen["IsRetry"], "logical")
        own = chosen["ManualCredentials"] is not None and of_kind(chosen["ManualCredentials"], "logical")
        self.shown = self.url = address(url, chosen["RelativePath"], chosen["Query"])
        self.secrets: dict[str, str] = {}
        self.anonymous = True
        if chosen["ApiKeyName"] is not None:
            of_kind(chosen["ApiKeyName"], "text")
        if not own:
            self._authorize(chosen["ApiKeyName"])
        excluded = {of_kind(h, "text").lower() for h in _items(chosen["ExcludedFromCacheKey"])}
        kept = sorted((k.lower(), v) for k, v in self.headers.items() if k.lower() not in excluded)
        self.key = (self.method, self.url, tuple(kept), tuple(sorted(self.secrets.items())), self.body)

    def _authorize(self, key_name: Any) -> None:
        credential = credential_for(self.url, self.kind)
        how = credential["AuthenticationKind"]
        if how == "Anonymous":
            return
        self.anonymous = False
        for header in self.headers:
            if header.lower() not in _FREE:
                raise errors.header_needs_anonymous(header)
        if self.body is not None:
            raise errors.content_needs_anonymous()
        if how == "Key":
            if key_name is None:
                raise errors.api_key_name_needed()
            pair = f"{_escaped(of_kind(key_name, 'text'))}={_escaped(str(credential['Key']))}"
            parts = urlsplit(self.url)
            self.url = urlunsplit(parts._replace(query="&".join(filter(None, [parts.query, pair]))))
        elif how in ("UsernamePassword", "Basic"):
            pair = f"{credential['Username']}:{credential['Password']}"
            self.secrets["Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode("ascii")
        else:
            raise errors.not_supported("Web.Contents", f"the authentication kind {how}")


# ---------------------------------------------------------------- parts of a request


def address(url: str, relative: Any, query: Any) -> str:
    """The full address: the base, the relative path with one slash between, and both queries (ENV-35, ENV-36)."""
    try:
        parts = urlsplit(url.strip())
        host = parts.hostname
        _ = parts.port  # raises for a port that is no number
    except ValueError:
        raise errors.invalid_uri(url) from None
    if parts.scheme.lower() not in ("http", "https") or not host:
        raise errors.invalid_uri(url)
    path, pairs = parts.path, [parts.query]
    if relative is not None:
        below, _, more = of_kind(relative, "text").partition("?")
        pairs.append(more)
        if below:
            path = path.rstrip("/") + "/" + below.lstrip("/")
    pairs.extend(_query(query))
    path = quote(path or "/", safe="/%:@!$&'()*+,;=~")
    netloc = parts.netloc.rpartition("@")[2]  # .NET sends no user:password of an address either
    return urlunsplit((parts.scheme, netloc, path, "&".join(filter(None, pairs)), ""))


def _escaped(text: str) -> str:
    return quote(text, safe="")


def _query(query: Any) -> list[str]:
    """``name=value`` texts; a list of values repeats the name."""
    pairs: list[str] = []
    for name, value in (of_kind(query, "record") if query is not None else {}).items():
        value = strip(force(value))
        values = list(value) if kind_of(value) == "list" else [value]
        pairs.extend(f"{_escaped(name)}={_escaped(of_kind(item, 'text'))}" for item in values)
    return pairs


def _headers(headers: Any) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in (of_kind(headers, "record") if headers is not None else {}).items():
        value = strip(force(value))
        values = list(value) if kind_of(value) == "list" else [value]
        text = ", ".join([of_kind(item, "text") for item in values])
        if any(c in "\r\n\0" for c in name + text):  # would end the header
            raise errors.argument_out_of_range("Headers", name)
        found[name] = text
    return found


def _items(value: Any) -> list[Any]:
    """What an option that is a list or null holds."""
    return [] if value is None else [strip(force(item)) for item in of_kind(value, "list")]


def _timeout(timeout: Any) -> float:
    if timeout is None:
        return 100.0
    ticks = of_kind(timeout, "duration").ticks
    if ticks <= 0:
        raise errors.argument_out_of_range("Timeout", timeout)
    return float(ticks / _SECONDS)


# ---------------------------------------------------------------- credentials


def credential_for(url: str, wanted: str = "Web") -> dict[str, Any]:
    """The session's credential for an address; anonymous when there is none."""
    best, length = None, -1
    for (kind, path), value in session.current().credentials.items():
        if kind == wanted and len(path) > length and _below(url, path):
            best, length = value, len(path)
    if best is None:
        return {"AuthenticationKind": "Anonymous"}
    if isinstance(best, str):
        return {"AuthenticationKind": "Key", "Key": best}
    record = {name: strip(force(value)) for name, value in dict(best).items()}
    if "AuthenticationKind" not in record:
        record["AuthenticationKind"] = "Key" if "Key" in record else "UsernamePassword"
    return record


def _below(url: str, path: str) -> bool:
    """Whether an address is a path's own or below it, never merely one that begins with the same letters."""
    asked, known = urlsplit(url), urlsplit(path)
    if (asked.scheme.lower(), asked.netloc.lower()) != (known.scheme.lower(), known.netloc.lower()):
        return False
    base = known.path.rstrip("/")
    return not base or asked.path == base or asked.path.startswith(base + "/")
