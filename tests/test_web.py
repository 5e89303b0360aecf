"""Web.Contents and its kin against a server on this machine."""

from __future__ import annotations

import base64
import gzip
import threading
import zlib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

import mlang
from mlang.connectors import web_client
from mlang.connectors.web_request import address, credential_for
from mlang.errors import MError
from mlang.session import Session, use

pytest.importorskip("httpx")


class Server(ThreadingHTTPServer):
    """Answers by path; remembers what was asked."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[tuple[str, str, dict[str, str], bytes]] = []
        self.busy = 0

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.asked.append((self.command, self.path, dict(self.headers.items()), body))
        path = self.path.partition("?")[0]
        if path.startswith("/status/"):
            self.reply(int(path.rpartition("/")[2]), b"no")
        elif path.startswith("/redirect/"):
            code, _, target = path[len("/redirect/") :].partition("/")
            self.reply(int(code), b"", Location="/" + target)
        elif path == "/loop":
            self.reply(302, b"", Location="/loop")
        elif path == "/outside":
            self.reply(302, b"", Location="file:///etc/hostname")
        elif path == "/busy":
            self.server.busy -= 1
            if self.server.busy >= 0:
                self.reply(503, b"", **{"Retry-After": "7"})
            else:
                self.reply(200, b"at last")
        elif path == "/gzip":
            self.reply(200, gzip.compress(b"packed"), **{"Content-Encoding": "gzip"})
        elif path == "/bomb":
            packer = zlib.compressobj(9, wbits=31)
            data = b"".join(packer.compress(bytes(1 << 20)) for _ in range(20)) + packer.flush()
            self.reply(200, data, **{"Content-Encoding": "gzip"})
        elif path == "/json":
            self.reply(
                200, b'{"a": 1}', **{"Content-Type": "application/json; charset=utf-8", "Set-Cookie": "s=1"}
            )
        elif path == "/named":
            self.reply(200, b"x", **{"Content-Disposition": 'attachment; filename="r.csv"'})
        else:
            self.reply(200, f"{self.command} {self.path} {body.decode()}".encode())

    do_POST = do_HEAD = do_GET

    def reply(self, status: int, data: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield running
        finally:
            running.shutdown()
            thread.join()


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The waits between retries, not waited."""
    found: list[float] = []
    monkeypatch.setattr(web_client, "_sleep", found.append)
    return found


def show(server: Server, source: str, **session: Any) -> str:
    """The value of an expression in which ``base`` is the server's address."""
    return mlang.to_m(mlang.evaluate(f'let base = "{server.base}" in {source}', engine="none", **session))


def fails(server: Server, source: str, **session: Any) -> MError:
    with pytest.raises(MError) as caught:
        show(server, source, **session)
    return caught.value


# ---------------------------------------------------------------- addresses


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ("", "GET / "),
        ('[RelativePath = "a"]', "GET /a "),
        ('[RelativePath = "/a/b"]', "GET /a/b "),
        ('[RelativePath = "a?x=1", Query = [y = "2"]]', "GET /a?x=1&y=2 "),
        (
            '[Query = [q = "Power Query & more", r = {"1", "2"}]]',
            "GET /?q=Power%20Query%20%26%20more&r=1&r=2 ",
        ),
        ('[Query = [#"ä" = "ö"]]', "GET /?%C3%A4=%C3%B6 "),
        ('[Content = Text.ToBinary("body")]', "POST / body"),
    ],
)
def test_options_make_the_request(server: Server, options: str, line: str) -> None:  # ENV-37
    arguments = f"base, {options}" if options else "base"
    assert show(server, f"Text.FromBinary(Web.Contents({arguments}))") == mlang.to_m(line)


def test_address_joins_paths_and_queries() -> None:
    assert address("http://h/a/", "/b/c?d=1", {"e": "2"}) == "http://h/a/b/c?d=1&e=2"
    assert address("http://h/a?x=1", "b", None) == "http://h/a/b?x=1"
    assert address("HTTP://user:secret@h:80/ü x#part", None, None) == "http://h:80/%C3%BC%20x"


def test_address_that_is_none(server: Server) -> None:
    for text in ("here", "http://", "ftp://h/x", "http://h:port/"):
        error = fails(server, f'Web.Contents("{text}")')
        assert str(error) == "DataFormat.Error: Invalid URI: The format of the URI could not be determined."


def test_file_address(server: Server, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("text", encoding="utf-8")
    assert show(server, f'Text.FromBinary(Web.Contents("{(tmp_path / "a.txt").as_uri()}"))') == '"text"'


def test_options_are_checked_at_once(server: Server) -> None:
    error = fails(server, "Value.Metadata(Web.Contents(base, [Nope = 1]))")
    assert error.message is not None
    assert error.message.startswith("'Nope' isn't a valid Web.Contents option. Valid options are:")
    assert fails(server, "Web.Contents(base, [Query = [a = 1]])").message is not None
    assert fails(server, 'Web.Contents(base, [Headers = [a = "x#(cr,lf)b: y"]])').reason == "Expression.Error"
    assert (
        fails(server, "Web.Contents(base, [Timeout = #duration(0, 0, 0, -1)])").reason == "Expression.Error"
    )
    assert fails(server, 'Web.Headers(base, [Content = Text.ToBinary("")])').reason == "Expression.Error"
    assert not server.asked


# ---------------------------------------------------------------- laziness, cache, metadata


def test_nothing_is_sent_before_it_is_needed(server: Server) -> None:
    assert show(server, 'try Binary.Length(Web.Contents(base & "/status/404")) otherwise -1') == "-1"
    server.asked.clear()
    assert (
        show(server, "let x = Web.Contents(base) in Value.Metadata(x)[Content.Uri]()") == f'"{server.base}/"'
    )
    assert not server.asked


def test_same_request_is_sent_once(server: Server) -> None:  # ENV-40
    def both(one: str, other: str) -> int:
        server.asked.clear()
        show(server, "{" + ", ".join(f"Binary.Length(Web.Contents(base, {o}))" for o in (one, other)) + "}")
        return len(server.asked)

    assert both("[]", "[]") == 1
    assert both("[]", "[IsRetry = true]") == 2
    assert both('[Headers = [a = "1"]]', '[Headers = [a = "2"]]') == 2
    excluded = '[Headers = [a = "{}"], ExcludedFromCacheKey = {{"A"}}]'
    assert both(excluded.format(1), excluded.format(2)) == 1


def test_metadata_of_the_answer(server: Server) -> None:
    meta = 'Value.Metadata(Web.Contents(base & "{}"))'
    assert show(server, f"{meta.format('/json')}[[Content.Type], [Content.Name], [Response.Status]]") == (
        '[Content.Type = "application/json", Content.Name = "json", Response.Status = 200]'
    )
    assert show(server, f"{meta.format('/named')}[Content.Name]") == '"r.csv"'
    assert show(
        server, f'Record.HasFields({meta.format("/json")}[Headers], {{"Content-Length", "Set-Cookie"}})'
    ) == ("false")
    assert show(server, f'{meta.format("/json")}[Headers][#"Content-Length"]') == '"8"'
    assert show(server, 'Json.Document(Web.Contents(base & "/json"))[a]') == "1"


def test_headers_ask_by_head(server: Server) -> None:
    source = (
        'let h = Web.Headers(base & "/json") in {h[#"Content-Length"], Value.Metadata(h)[Response.Status]}'
    )
    assert show(server, source) == '{"8", 200}'
    assert server.asked[0][0] == "HEAD"
    error = fails(server, 'Web.Headers(base & "/status/404")')
    assert (
        error.message
        == f"Web.Headers failed to get contents from '{server.base}/status/404' (404): Not Found"
    )


def test_request_headers(server: Server) -> None:
    show(server, 'Binary.Length(Web.Contents(base, [Headers = [#"X-A" = "1", Accept = "text/csv"]]))')
    headers = server.asked[0][2]
    assert (headers["X-A"], headers["Accept"]) == ("1", "text/csv")


# ---------------------------------------------------------------- statuses


def test_status_errors(server: Server) -> None:  # ERR-64, ERR-65, ERR-67, EVL-52
    error = fails(server, 'Binary.Length(Web.Contents(base & "/status/404"))')
    url = f"{server.base}/status/404"
    assert (
        str(error) == f"DataSource.Error: Web.Contents failed to get contents from '{url}' (404): Not Found"
    )
    assert error.detail == {"DataSourceKind": "Web", "DataSourcePath": url, "Url": url}
    error = fails(server, 'Binary.Length(Web.Contents(base & "/status/403"))')
    assert str(error) == "DataSource.Error: Access to the resource is forbidden."
    error = fails(server, 'Binary.Length(Web.Contents(base & "/status/401"))')
    assert "Credentials are required to connect to the Web source." in str(error)


def test_manual_status_handling(server: Server, waits: list[float]) -> None:
    source = 'let r = Web.Contents(base & "/status/{0}", [ManualStatusHandling = {{{0}}}]) in '
    source += "{{Value.Metadata(r)[Response.Status], Text.FromBinary(r)}}"
    assert show(server, source.format(404)) == '{404, "no"}'
    assert show(server, source.format(503)) == '{503, "no"}'
    assert not waits


def test_retries(server: Server, waits: list[float]) -> None:  # ENV-38
    server.busy = 2
    assert show(server, 'Text.FromBinary(Web.Contents(base & "/busy"))') == '"at last"'
    assert waits == [7.0, 7.0]
    waits.clear()
    assert "(429)" in str(fails(server, 'Binary.Length(Web.Contents(base & "/status/429"))'))
    assert waits == [0.5, 1.0, 2.0]
    waits.clear()
    assert "(500)" in str(fails(server, 'Binary.Length(Web.Contents(base & "/status/500"))'))
    assert not waits


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
def test_redirects(server: Server, code: int) -> None:  # ENV-38
    assert show(server, f'Text.FromBinary(Web.Contents(base & "/redirect/{code}/x"))') == '"GET /x "'
    source = f'Text.FromBinary(Web.Contents(base & "/redirect/{code}/x", [Content = Text.ToBinary("b")]))'
    assert show(server, source) == ('"POST /x b"' if code >= 307 else '"GET /x "')


def test_bad_redirects(server: Server) -> None:
    assert "Too many automatic redirections" in str(
        fails(server, 'Binary.Length(Web.Contents(base & "/loop"))')
    )
    assert "another protocol" in str(fails(server, 'Binary.Length(Web.Contents(base & "/outside"))'))


def test_unreachable(server: Server) -> None:
    with Server() as other:
        port = other.server_port
    error = fails(server, f'Binary.Length(Web.Contents("http://127.0.0.1:{port}/"))')
    assert error.reason == "DataSource.Error"
    assert "Unable to connect to the remote server" in str(error)


# ---------------------------------------------------------------- packed answers


def test_packed_answer(server: Server) -> None:
    assert show(server, 'Text.FromBinary(Web.Contents(base & "/gzip"))') == '"packed"'


def test_packed_answer_that_grows_beyond_reason(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web_client, "_UNPACKED", 4 << 20)
    error = fails(server, 'Binary.Length(Web.Contents(base & "/bomb"))')
    assert error.reason == "DataFormat.Error"


# ---------------------------------------------------------------- credentials


def test_basic_credentials_go_to_their_paths_only(server: Server) -> None:
    known = {("Web", server.base + "/in"): {"AuthenticationKind": "Basic", "Username": "u", "Password": "p"}}
    show(server, '{Binary.Length(Web.Contents(base & "/in/x")), Binary.Length(Web.Contents(base & "/inner"))}',
         credentials=known)  # fmt: skip
    sent = [headers.get("Authorization") for _, _, headers, _ in server.asked]
    assert sent == ["Basic " + base64.b64encode(b"u:p").decode(), None]


def test_keys_are_sent_and_never_told(server: Server) -> None:
    known = {("Web", server.base): {"AuthenticationKind": "Key", "Key": "s3cret&"}}
    option = '[ApiKeyName = "k", Query = [a = "1"]]'
    source = f'Text.FromBinary(Web.Contents(base & "/status/{{}}", {option}))'
    error = fails(server, source.format(404), credentials=known)
    assert server.asked[0][1] == "/status/404?a=1&k=s3cret%26"
    assert "s3cret" not in repr((error.message, error.detail, error.message_parameters))
    uri = f"Value.Metadata(Web.Contents(base, {option}))[Content.Uri]()"
    assert show(server, uri, credentials=known) == f'"{server.base}/?a=1"'


def test_what_credentials_exclude(server: Server) -> None:  # ERR-66
    known = {("Web", server.base): "key"}
    error = fails(server, 'Web.Contents(base, [Headers = [Authorization = "x"]])', credentials=known)
    assert str(error).startswith(
        "Expression.Error: The 'Authorization' header is only supported when connecting anonymously."
    )
    error = fails(server, 'Web.Contents(base, [Content = Text.ToBinary("")])', credentials=known)
    assert "only supported when connecting anonymously" in str(error)
    error = fails(server, "Web.Contents(base)", credentials=known)
    assert "a web API key name is provided" in str(error)
    assert show(server, "Text.FromBinary(Web.Contents(base, [ManualCredentials = true]))", credentials=known)


def test_invalid_credentials(server: Server) -> None:
    known = {("Web", server.base): {"Username": "u", "Password": "p4ss"}}
    error = fails(server, 'Binary.Length(Web.Contents(base & "/status/401"))', credentials=known)
    assert "The credentials provided for the Web source are invalid." in str(error)
    assert "p4ss" not in repr((error.message, error.detail))


def test_longest_path_wins_and_names_do_not_run_over() -> None:  # ENV-32
    found = Session(
        credentials={("Web", "http://h"): "a", ("Web", "http://h/x"): "b", ("Sql", "http://h/x/y"): "c"}
    )
    with use(found):
        assert credential_for("http://h/x/y")["Key"] == "b"
        assert credential_for("http://h/xy")["Key"] == "a"
        assert credential_for("http://h.evil/x")["AuthenticationKind"] == "Anonymous"


# ---------------------------------------------------------------- what mlang does not run


def test_browser_and_actions_say_so(server: Server) -> None:
    error = fails(server, "Web.BrowserContents(base)")
    assert error.reason == "DataSource.Error"
    assert "browser" in str(error)
    assert "actions" in str(fails(server, "WebAction.Request(WebMethod.Put, base)"))
    assert fails(server, 'WebAction.Request("NOPE", base)').reason == "Expression.Error"
    assert not server.asked
