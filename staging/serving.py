"""``mlang serve``: the executeQuery call of the REST interface for one dataflow, on this machine only.

    POST …/executeQuery   {"queryName": "Q", "customMashupDocument": "section …;"}     Authorization: Bearer TOKEN

The answer is an Arrow stream.  A query that fails answers 200 too, with the error as JSON in the last column,
``PQ Arrow Metadata``; cells with errors are nulls.  What is wrong with the request answers 400 with the code
``DataflowExecuteQueryError`` and the reason inside.  A custom document is evaluated by itself.
"""

from __future__ import annotations

import hmac
import io
import json
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from attrs import frozen

from mlang import registry
from mlang.compile.entry import Document, run
from mlang.errors import Fault, MError
from mlang.syntax import nodes
from mlang.syntax.parser import parse_document
from mlang.tables.table import Table
from mlang.values.kinds import kind_of
from mlang.values.metadata import strip
from staging import dataflow as dataflows
from staging.crew import Crew, TimedOut, deep_stacks
from staging.errors import StagingError
from staging.history import redact
from staging.queries import Queries

#: Seconds that the product lets a query run.
TIMEOUT = 90.0
ERRORS = "PQ Arrow Metadata"
_LARGEST = 4 << 20


class Refused(Exception):
    """A request that is not answered with a table."""

    def __init__(self, status: int, code: str, message: str, inner: str | None = None) -> None:
        super().__init__(message)
        self.status, self.code, self.inner = status, code, inner


@frozen
class Service:
    """The dataflow that is served; its files are read anew for each request."""

    place: Path
    settings: dict[str, Any]
    parameters: dict[str, Any]
    timeout: float = TIMEOUT

    def answer(self, body: Any) -> bytes:
        """The Arrow stream of a request."""
        name, text = _request(body)
        queries, document = self._opened(text)
        if name not in document.members:
            raise _bad("QueryNotFound", f"There is no query '{name}'.")
        crew = Crew(1, self.timeout)
        with deep_stacks():
            crew.start(0, queries, lambda: _evaluated(queries, document, name))
            found = crew.wait()[1]
        if isinstance(found, TimedOut):
            raise _bad("EvaluationError", f"TimedOut: the query ran longer than {self.timeout:g} seconds.")
        if isinstance(found, MError):
            return _failure(redact(str(found), queries.secrets()))
        if isinstance(found, BaseException):
            return _failure(redact(f"{type(found).__name__}: {found}", queries.secrets()))
        return _stream(found)

    def _opened(self, text: str | None) -> tuple[Queries, Document]:
        try:
            queries = Queries(dataflows.read(self.place), self.parameters, self.settings)
            if text is None:
                return queries, queries.document({})
            tree = parse_document(text, "customMashupDocument")
        except (StagingError, Fault) as error:
            raise _bad("ReinterpretRequestFailed", str(error)) from None
        if not isinstance(tree, nodes.SectionDocument):
            raise _bad("ReinterpretRequestFailed", "customMashupDocument must be a section document.")
        return queries, Document(tree, filename="customMashupDocument")


def _request(body: Any) -> tuple[str, str | None]:
    if not isinstance(body, dict) or not isinstance(body.get("queryName"), str):
        raise _bad("ReinterpretRequestFailed", "The body must be a JSON object with queryName.")
    text = body.get("customMashupDocument")
    if text is not None and not isinstance(text, str):
        raise _bad("ReinterpretRequestFailed", "customMashupDocument must be a text.")
    return body["queryName"], text


def _bad(inner: str, message: str) -> Refused:
    return Refused(400, "DataflowExecuteQueryError", message, inner)


# ---------------------------------------------------------------- evaluation


def _evaluated(queries: Queries, document: Document, name: str) -> Any:
    """The query's table as Arrow data, error cells as nulls."""
    value = strip(run(lambda: document.value(name), queries.session))
    if kind_of(value) != "table":
        raise StagingError(f"Query '{name}' gives a {kind_of(value)}, and only tables can be answered.")
    return run(lambda: _arrow(value), queries.session)


def _arrow(table: Table) -> Any:
    import pyarrow as pa

    from mlang.tables.export import column_array
    from mlang.values.thunk import force

    def cell(value: Any) -> Any:
        try:
            return force(value)
        except MError:
            return None

    columns: list[list[Any]] = [[] for _ in table.names]
    for batch in table.batches():
        for cells, more in zip(columns, batch.columns, strict=True):
            cells += [cell(c) for c in more]
    arrays = [column_array(cells, type) for cells, type in zip(columns, table.type.types, strict=True)]
    return pa.Table.from_arrays(arrays, names=list(table.names))


def _failure(message: str) -> bytes:
    import pyarrow as pa

    return _stream(pa.table({ERRORS: pa.array([json.dumps({"Error": message}, ensure_ascii=False)])}))


def _stream(table: Any) -> bytes:
    import pyarrow as pa

    out = io.BytesIO()
    with pa.ipc.new_stream(out, table.schema) as writer:
        writer.write_table(table)
    return out.getvalue()


# ---------------------------------------------------------------- the server


class Server(ThreadingHTTPServer):
    """Listens on the loopback address only, and wants the token in every request."""

    daemon_threads = True

    def __init__(self, service: Service, port: int, token: str) -> None:
        if not token:
            raise StagingError("A server needs a token.")
        registry.load_all()  # modules are not to be imported by several threads at once
        super().__init__(("127.0.0.1", port), _Handler)
        self.service, self.token = service, token


class _Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:  # the name that http.server calls
        try:
            self._reply(200, "application/vnd.apache.arrow.stream", self._answered())
        except Refused as error:
            found: dict[str, Any] = {
                "requestId": str(uuid.uuid4()), "errorCode": error.code, "message": str(error), "isRetriable": False,
            }  # fmt: skip
            if error.inner is not None:
                found["moreDetails"] = [{"errorCode": error.inner, "message": str(error)}]
            self._reply(error.status, "application/json", json.dumps(found, ensure_ascii=False).encode())

    def _answered(self) -> bytes:
        given = self.headers.get("Authorization", "")
        # A page in a browser can reach this port: it must not be taken for the user, whatever name it used.
        host = self.headers.get("Host", "").rpartition(":")[0]
        if host not in ("127.0.0.1", "localhost"):
            raise Refused(403, "Forbidden", "Only 127.0.0.1 is served.")
        if not hmac.compare_digest(given.encode("utf-8", "replace"), f"Bearer {self.server.token}".encode()):
            raise Refused(401, "Unauthorized", "The token is missing or wrong (Authorization: Bearer ...).")
        length = self.headers.get("Content-Length", "")
        if not length.isdigit() or int(length) > _LARGEST:
            raise Refused(413, "RequestTooLarge", "The body needs a length of at most 4 MiB.")
        body = self.rfile.read(int(length))
        if self.path.partition("?")[0].rstrip("/").rpartition("/")[2] != "executeQuery":
            raise Refused(404, "NotFound", "Known is POST .../executeQuery.")
        try:
            return self.server.service.answer(json.loads(body))
        except ValueError:
            raise _bad("ReinterpretRequestFailed", "The body is not JSON.") from None

    def _reply(self, status: int, kind: str, data: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        if status != 200:
            self.send_header("Connection", "close")
            self.close_connection = True
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:
        """Requests are not logged: addresses may hold secrets."""
