"""Uri.*: addresses taken apart, put together and escaped (MSC-01 to MSC-03)."""

from __future__ import annotations

import re
from typing import Any

from mlang import errors
from mlang.library.arguments import of_kind
from mlang.registry import builtin
from mlang.values.kinds import kind_of
from mlang.values.lists import forced
from mlang.values.thunk import force

_PORTS = {"http": 80, "https": 443, "ftp": 21, "ws": 80, "wss": 443, "gopher": 70, "nntp": 119, "news": -1,
          "mailto": 25, "telnet": 23, "ldap": 389, "net.tcp": 808}  # fmt: skip
_ADDRESS = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://"
    r"(?:(?P<user>[^/?#@]*)@)?"
    r"(?P<host>\[[0-9A-Fa-f:.]+\]|[^/?#@:]*)(?::(?P<port>[0-9]*))?"
    r"(?P<path>/[^?#]*|)(?:\?(?P<query>[^#]*))?(?:#(?P<fragment>.*))?\Z",
    re.S,
)
#: Escaped letters, digits and - . _ ~, which mean the same without.
_PLAIN = re.compile(r"%(2[DEde]|3\d|4[1-9A-Fa-f]|5[0-9AFaf]|6[1-9A-Fa-f]|7[0-9AEae])")


@builtin("Uri.EscapeDataString(data as text) as text")
def escape_data_string(data: str) -> str:
    """Escapes all characters of a text but letters, digits and - . _ ~ as RFC 3986 has it."""
    return _escape(data)


def _escape(text: str, safe: str = "") -> str:
    from urllib.parse import quote

    return quote(text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace"), safe=safe)


def _unescape(text: str) -> str:
    from urllib.parse import unquote

    return unquote(text)


@builtin("Uri.BuildQueryString(query as record) as text")
def build_query_string(query: dict[str, Any]) -> str:
    """Makes a query string of the fields of a record; a list gives its name once for each item."""
    parts = []
    for name, value in query.items():
        value = force(value)
        items = list(forced(value)) if kind_of(value) == "list" else [value]
        parts += [f"{_escape(name)}={_escape(of_kind(item, 'text'))}" for item in items]
    return "&".join(parts)


@builtin("Uri.Parts(absoluteUri as text) as record")
def parts(absolute_uri: str) -> dict[str, Any]:
    """Takes an address apart; without a scheme it is one of http.

    The fields are Scheme, Host, Port, Path, Query (a record), Fragment, UserName and Password.
    """
    match = _match(absolute_uri)
    scheme = match["scheme"].lower()
    user, _, password = (match["user"] or "").partition(":")
    port = float(match["port"]) if match["port"] else float(_PORTS.get(scheme, -1))
    if port > 65535:
        raise errors.bad_uri(absolute_uri)
    return {
        "Scheme": scheme,
        "Host": match["host"].lower(),
        "Port": port,
        "Path": _escape(_canonical(match["path"]), safe="/%:@!$&'()*+,;=-._~|") or "/",
        "Query": _query(match["query"] or ""),
        "Fragment": _unescape(match["fragment"] or ""),
        "UserName": _unescape(user),
        "Password": _unescape(password),
    }


def _canonical(path: str) -> str:
    """A path as .NET keeps it: what needs no escape has none, and no ``.`` and ``..`` are left."""
    path = _PLAIN.sub(lambda found: chr(int(found[1], 16)), path.replace("\\", "/"))
    kept: list[str] = []
    for segment in path.split("/")[1:]:
        if segment == "..":
            del kept[-1:]
        elif segment != ".":
            kept.append(segment)
    if path.endswith(("/.", "/..")):
        kept.append("")
    return "/" + "/".join(kept)


def _match(text: str) -> re.Match[str]:
    stripped = text.strip()
    match = _ADDRESS.match(stripped) or _ADDRESS.match("http://" + stripped)
    if match is None or not (match["host"] or match["scheme"].lower() == "file") or " " in match["host"]:
        raise errors.bad_uri(text)
    return match


def _query(text: str) -> dict[str, Any]:
    """The query as a record; a name that comes again becomes a list of its values."""
    found: dict[str, Any] = {}
    for part in text.split("&"):
        if not part:
            continue
        name, _, value = part.replace("+", " ").partition("=")
        name, value = _unescape(name), _unescape(value)
        if name not in found:
            found[name] = value
        elif found[name].__class__ is list:
            found[name].append(value)
        else:
            found[name] = [found[name], value]
    return found


@builtin("Uri.Combine(baseUri as text, relativeUri as text) as text")
def combine(base_uri: str, relative_uri: str) -> str:
    """Resolves an address against a base; a base without a final slash loses its last segment."""
    from urllib.parse import urljoin, urlsplit

    base = base_uri.strip()
    if _ADDRESS.match(base) is None:
        raise errors.bad_uri(base_uri)
    if not urlsplit(base).path:  # an address has at least the path /
        split = urlsplit(base)
        base = split._replace(path="/").geturl()
    joined = urljoin(base, relative_uri.strip())
    scheme, separator, rest = joined.partition("://")
    host, slash, path = rest.partition("/")
    joined = f"{scheme.lower()}{separator}{host.lower()}{slash}{path}" if "@" not in host else joined
    return _escape(joined, safe=":/?#[]@!$&'()*+,;=%-._~|")
