"""``mlang serve``: the executeQuery call of the REST interface for one dataflow, on this machine only.

    POST …/executeQuery   {"queryName": "Q", "customMashupDocument": "section …;"}     Authorization: Bearer TOKEN

The answer is an Arrow stream.  A query that fails answers 200 too, with the error as JSON in the last column,
``PQ Arrow Metadata``; cells with errors are nulls.  What is wrong with the request answers 400 with the code
``DataflowExecuteQueryError`` and the reason inside.  A custom document is evaluated by itself.  A query that takes
longer than ``wait`` answers 202 with the address of an operation (``operations.py``): GET it until its state is
Succeeded or Failed, then GET the address that it names.  The privacy firewall refuses and buffers as in a refresh.
"""

from __future__ import annotations

import hmac
import io
import json
import uuid
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from attrs import frozen

from mlang import registry
from mlang.compile.entry import run
from mlang.errors import Fault, MError
from mlang.syntax import nodes
from mlang.syntax.parser import parse_document
from mlang.tables.related import without_related
from mlang.tables.table import Table
from mlang.values.kinds import kind_of
from mlang.values.metadata import strip
from staging import dataflow as dataflows
from staging import graph
from staging.crew import Crew, TimedOut, deep_stacks
from staging.errors import DataflowError, StagingError
from staging.firewall import Levels, analyse, enforced, guarded, refusals
from staging.history import redact
from staging.operations import Operation, Operations
from staging.queries import Queries
from staging.workspace import Workspace

#: Seconds that the product lets a query run.
TIMEOUT = 90.0
#: Seconds after which the answer is 202, and seconds that a client is told to wait before it asks again.
WAIT, AGAIN = 20.0, 1
ERRORS = "PQ Arrow Metadata"
JSON = "application/json"
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
    wait: float = WAIT
    #: Whether the privacy firewall refuses and buffers (None: as the item says); the levels of sources.
    firewall: bool | None = None
    levels: Levels | None = None

    def answer(self, body: Any) -> bytes:
        """The Arrow stream of a request."""
        name, text = _request(body)
        queries = self._opened(text)
        if name not in queries.members:
            raise _bad("QueryNotFound", f"There is no query '{name}'.")
        refused = self._refused(queries, name)
        if refused is not None:
            return _failure(refused)
        crew = Crew(1, self.timeout)
        crew.start(0, queries, lambda: _evaluated(queries, name))
        found = crew.wait()[1]
        if isinstance(found, TimedOut):
            raise _bad("EvaluationError", f"TimedOut: the query ran longer than {self.timeout:g} seconds.")
        if isinstance(found, MError):
            return _failure(redact(str(found), queries.secrets()))
        if isinstance(found, BaseException):
            return _failure(redact(f"{type(found).__name__}: {found}", queries.secrets()))
        return _stream(found)

    def _opened(self, text: str | None) -> Queries:
        """The queries of the dataflow, or those of a document that stands in its place."""
        try:
            found = dataflows.read(self.place)
            if text is None:
                return Queries(found, self.parameters, self.settings)
            tree = parse_document(text, "customMashupDocument")
            if not isinstance(tree, nodes.SectionDocument):
                raise DataflowError("customMashupDocument must be a section document.")
            return Queries(dataflows.standalone(found, tree, text), {}, self.settings)
        except (StagingError, Fault) as error:
            raise _bad("ReinterpretRequestFailed", str(error)) from None

    def _refused(self, queries: Queries, name: str) -> str | None:
        """Why the firewall refuses a query or one that it reads; where it lets them pass, it buffers what crosses."""
        setting = Workspace.beside(self.place).settings().firewall
        if not enforced(queries.dataflow, self.firewall, setting):
            return None
        queries.guarded = guarded(analyse(queries.dataflow))
        refused = refusals(queries.dataflow, self.levels)
        reads = graph.upstream(name, graph.dependencies(queries.members))
        return next((refused[n] for n in (name, *sorted(reads)) if n in refused), None)


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


def _evaluated(queries: Queries, name: str) -> Any:
    """The query's table as Arrow data, error cells as nulls."""
    value = strip(queries.value(name, {}))
    if kind_of(value) != "table":
        raise StagingError(f"Query '{name}' gives a {kind_of(value)}, and only tables can be answered.")
    return run(lambda: _arrow(without_related(value)[0]), queries.session)


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
        self.service, self.token, self.operations = service, token, Operations()

    def serve_forever(self, poll_interval: float = 0.5) -> None:
        """Answers until `shutdown`; queries of all requests may nest deeply."""
        with deep_stacks():
            super().serve_forever(poll_interval)


class _Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:  # the names that http.server calls
        self._answering(self._execute)

    def do_GET(self) -> None:
        self._answering(self._look)

    def _answering(self, act: Callable[[], None]) -> None:
        try:
            act()
        except Refused as error:
            self._reply(error.status, JSON, _dumped(_described(error)))

    def _execute(self) -> None:
        """Starts a query; gives its result when it is there soon, else the address of its operation."""
        body = self._body()
        if self._last_of_path() != "executeQuery":
            raise Refused(404, "NotFound", "Known is POST .../executeQuery.")
        try:
            asked = json.loads(body)
        except ValueError:
            raise _bad("ReinterpretRequestFailed", "The body is not JSON.") from None
        started = self.server.operations.start(lambda: self.server.service.answer(asked))
        if started.ended.wait(self.server.service.wait):
            self.server.operations.drop(started)
            self._result(started)
        else:
            self._reply(202, JSON, b"", self._address(started))

    def _look(self) -> None:
        """The state of an operation, or its result."""
        self._allowed()
        last = self._last_of_path()
        id = self.path.partition("?")[0].rstrip("/").split("/")[-2] if last == "result" else last
        found = self.server.operations.get(id)
        if found is None:
            raise Refused(404, "OperationNotFound", "There is no such operation, or it ended long ago.")
        if last == "result":
            if not found.ended.is_set():
                raise Refused(400, "OperationHasNoResult", "The operation is still running.")
            self._result(found)
            return
        state = found.state()
        if isinstance(found.failure, Refused):
            state["error"] = _described(found.failure)
        headers = {}
        if found.status != "Failed":
            headers = self._address(found, "/result" if found.ended.is_set() else "")
        self._reply(200, JSON, _dumped(state), headers)

    def _result(self, operation: Operation) -> None:
        """Gives what an operation ended with."""
        if operation.failure is not None:
            raise operation.failure
        assert operation.result is not None
        self._reply(200, "application/vnd.apache.arrow.stream", operation.result)

    def _address(self, operation: Operation, end: str = "") -> dict[str, str]:
        place = f"http://127.0.0.1:{self.server.server_address[1]}/v1/operations/{operation.id}{end}"
        found = {"Location": place, "x-ms-operation-id": operation.id}
        return found if end else {**found, "Retry-After": str(AGAIN)}

    def _last_of_path(self) -> str:
        return self.path.partition("?")[0].rstrip("/").rpartition("/")[2]

    def _allowed(self) -> None:
        given = self.headers.get("Authorization", "")
        # A page in a browser can reach this port: it must not be taken for the user, whatever name it used.
        host = self.headers.get("Host", "").rpartition(":")[0]
        if host not in ("127.0.0.1", "localhost"):
            raise Refused(403, "Forbidden", "Only 127.0.0.1 is served.")
        if not hmac.compare_digest(given.encode("utf-8", "replace"), f"Bearer {self.server.token}".encode()):
            raise Refused(401, "Unauthorized", "The token is missing or wrong (Authorization: Bearer ...).")

    def _body(self) -> bytes:
        self._allowed()
        length = self.headers.get("Content-Length", "")
        if not length.isdigit() or int(length) > _LARGEST:
            raise Refused(413, "RequestTooLarge", "The body needs a length of at most 4 MiB.")
        return self.rfile.read(int(length))

    def _reply(self, status: int, kind: str, data: bytes, headers: Mapping[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        if status >= 400:
            self.send_header("Connection", "close")
            self.close_connection = True
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:
        """Requests are not logged: addresses may hold secrets."""


def _described(error: Refused) -> dict[str, Any]:
    """The envelope of an error."""
    found: dict[str, Any] = {
        "requestId": str(uuid.uuid4()), "errorCode": error.code, "message": str(error), "isRetriable": False,
    }  # fmt: skip
    if error.inner is not None:
        found["moreDetails"] = [{"errorCode": error.inner, "message": str(error)}]
    return found


def _dumped(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()
