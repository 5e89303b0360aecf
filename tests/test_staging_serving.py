"""``mlang serve``: the executeQuery call (behaviour 33)."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from dataflows.making import make

from staging.errors import StagingError
from staging.serving import ERRORS, Server, Service

TEXT = """
shared N = 2 meta [IsParameterQuery = true, Type = "Number"];
shared A = #table(type table [a = number, t = nullable text], {{1, "ä"}, {N, null}});
shared Cells = #table(type table [a = number], {{1}, {error "no"}});
shared Fails = let x = error Error.Record("My.Reason", "went wrong") in x;
shared Value = 1;
shared Slow = let f = (n) => if n = 0 then #table({}, {}) else @f(n - 1) in
    if List.Sum(List.Generate(() => 0, each _ < 100000000, each _ + 1)) > 0 then f(1) else f(2);
"""
TOKEN = "secret-token"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    place = make(tmp_path, TEXT)
    found = Server(Service(place, {}, {"N": "7"}, timeout=2.0), 0, TOKEN)
    thread = threading.Thread(target=found.serve_forever, daemon=True)
    thread.start()
    yield found
    found.shutdown()
    found.server_close()


def ask(
    server: Server, body: Any, token: str = TOKEN, path: str = "/v1/dataflows/d/executeQuery", **headers: str
) -> Any:
    connection = http.client.HTTPConnection("127.0.0.1", server.server_address[1], timeout=30)
    data = body if isinstance(body, str) else json.dumps(body)
    connection.request("POST", path, data.encode(), {"Authorization": f"Bearer {token}", **headers})
    response = connection.getresponse()
    content = response.read()
    connection.close()
    return response, content


def table(content: bytes) -> pa.Table:
    return pa.ipc.open_stream(content).read_all()


def test_a_query_is_answered_as_arrow(server: Server) -> None:  # 33
    response, content = ask(server, {"queryName": "A"})
    assert (response.status, response.getheader("Content-Type")) == (
        200,
        "application/vnd.apache.arrow.stream",
    )
    assert table(content).to_pydict() == {"a": [1.0, 7.0], "t": ["ä", None]}


def test_error_cells_are_nulls(server: Server) -> None:
    assert table(ask(server, {"queryName": "Cells"})[1]).to_pydict() == {"a": [1.0, None]}


def test_a_failing_query_tells_in_the_last_column(server: Server) -> None:
    response, content = ask(server, {"queryName": "Fails"})
    found = table(content)
    assert (response.status, found.column_names[-1]) == (200, ERRORS)
    assert json.loads(found[ERRORS][0].as_py()) == {"Error": "My.Reason: went wrong"}
    other = table(ask(server, {"queryName": "Value"})[1])
    assert "only tables" in other[ERRORS][0].as_py()


def test_a_custom_document_stands_alone(server: Server) -> None:
    text = 'section Other; shared B = #table({"x"}, {{"y"}}); shared C = A;'
    assert table(ask(server, {"queryName": "B", "customMashupDocument": text})[1]).to_pydict() == {"x": ["y"]}
    lone = table(ask(server, {"queryName": "C", "customMashupDocument": text})[1])
    assert "The name 'A' doesn't exist" in lone[ERRORS][0].as_py()


MIXED = """
shared F = Csv.Document(File.Contents("n.csv"));
shared A = Table.Combine({F, Csv.Document(File.Contents("m.csv"))});
shared B = Table.FirstN(A, 1);
shared Nested = Table.AddColumn(F, "L", each {1});
shared Counted = Table.AddColumn(Nested, "N", each try List.Count([L]) otherwise -1, type number);
"""


@pytest.mark.parametrize("section", ["", "[AllowCombine = true] "])
@pytest.mark.parametrize("custom", [False, True])
def test_the_firewall_refuses_and_buffers(tmp_path: Path, section: str, custom: bool) -> None:  # 50, 54, 55
    text = f"{section}section Section1;{MIXED}"
    place = make(tmp_path, "shared Other = 1;" if custom else text, fastCombine=False)
    for name in ("n.csv", "m.csv"):
        (place / name).write_text("1\n", encoding="utf-8")

    def answer(name: str, asked: bool | None = None) -> dict[str, Any]:
        body = {"queryName": name} | ({"customMashupDocument": text} if custom else {})
        return dict(table(Service(place, {}, {}, firewall=asked).answer(body)).to_pydict())

    off = bool(section)
    for query in ("A", "B"):
        found = answer(query)
        assert (found.get("Column1") is not None) is off
        assert off or "Query 'A' (step 'A') references other queries" in found[ERRORS][0]
    assert answer("F") == {"Column1": ["1"]}
    assert answer("B", asked=False) == {"Column1": ["1"]}
    assert answer("Counted")["N"] == [1.0 if off else -1.0]


@pytest.mark.parametrize(
    ("body", "inner"),
    [
        ({"queryName": "Nope"}, "QueryNotFound"),
        ({}, "ReinterpretRequestFailed"), ("{", "ReinterpretRequestFailed"), ([], "ReinterpretRequestFailed"),
        ({"queryName": "A", "customMashupDocument": "section"}, "ReinterpretRequestFailed"),
        ({"queryName": "A", "customMashupDocument": "1 + 1"}, "ReinterpretRequestFailed"),
        ({"queryName": "A", "customMashupDocument": 1}, "ReinterpretRequestFailed"),
        ({"queryName": "Slow"}, "EvaluationError"),
    ],
)  # fmt: skip
def test_requests_that_are_wrong(server: Server, body: Any, inner: str) -> None:
    response, content = ask(server, body)
    found = json.loads(content)
    assert (response.status, found["errorCode"]) == (400, "DataflowExecuteQueryError")
    assert found["moreDetails"][0]["errorCode"] == inner
    assert set(found) >= {"requestId", "message", "isRetriable"}


def test_a_slow_query_is_asked_for_again(tmp_path: Path) -> None:  # 33: 202 and Location
    server = Server(Service(make(tmp_path, TEXT), {}, {}, timeout=1.5, wait=0.0), 0, TOKEN)
    threading.Thread(target=server.serve_forever, daemon=True).start()

    def get(address: str) -> Any:
        connection = http.client.HTTPConnection("127.0.0.1", server.server_address[1], timeout=30)
        path = "/" + address.split("/", 3)[3]
        connection.request("GET", path, headers={"Authorization": f"Bearer {TOKEN}"})
        response = connection.getresponse()
        content = response.read()
        connection.close()
        return response, content

    def polled(query: str) -> Any:
        response, content = ask(server, {"queryName": query})
        assert (response.status, content) == (202, b"")
        address = str(response.getheader("Location"))
        assert address.endswith(str(response.getheader("x-ms-operation-id")))
        assert response.getheader("Retry-After") == "1"
        while True:
            response, content = get(address)
            state = json.loads(content)
            assert response.status == 200
            if state["status"] != "Running":
                return address, response.getheader("Location"), state
            assert response.getheader("Location") == address
            time.sleep(0.05)

    try:
        address, result, state = polled("A")
        assert (state["status"], state["percentComplete"], result) == ("Succeeded", 100, address + "/result")
        response, content = get(result)
        assert response.status == 200
        assert table(content).to_pydict()["a"] == [1.0, 2.0]
        assert get(result)[0].status == 200  # a client whose connection broke asks again
        _, result, state = polled("Slow")
        assert (state["status"], result) == ("Failed", None)
        assert state["error"]["moreDetails"][0]["errorCode"] == "EvaluationError"
        assert get("http://127.0.0.1:1/v1/operations/nope")[0].status == 404
    finally:
        server.shutdown()
        server.server_close()


def test_only_who_has_the_token_is_answered(server: Server) -> None:
    assert ask(server, {"queryName": "A"}, token="wrong")[0].status == 401
    assert ask(server, {"queryName": "A"}, Host="evil.example:80")[0].status == 403
    assert ask(server, {"queryName": "A"}, path="/other")[0].status == 404
    assert server.server_address[0] == "127.0.0.1"
    with pytest.raises(StagingError, match="needs a token"):
        Server(server.service, 0, "")


def test_the_command_serves(tmp_path: Path) -> None:
    place = make(tmp_path, TEXT)
    command = [sys.executable, "-m", "mlang", "serve", str(place), "--port", "0", "--param", "N=3"]
    environment = {**os.environ, "MLANG_TOKEN": TOKEN}
    root = Path(__file__).parent.parent
    process = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=root, env=environment, text=True)
    try:
        assert process.stdout is not None
        port = int(process.stdout.readline().rpartition(":")[2].partition("/")[0])
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        connection.request(
            "POST", "/executeQuery", b'{"queryName": "A"}', {"Authorization": f"Bearer {TOKEN}"}
        )
        assert table(connection.getresponse().read()).to_pydict()["a"] == [1.0, 3.0]
        connection.close()
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
        process.stdout.close()
