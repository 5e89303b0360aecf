"""M in notebooks: the magic in a real IPython shell, the kernel in a process of its own."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from conftest import ROOT
from IPython.core.interactiveshell import InteractiveShell

from mlang.app.notebook import html


@pytest.fixture
def shell() -> Iterator[Any]:
    made = InteractiveShell()
    made.run_line_magic("load_ext", "mlang")
    yield made
    InteractiveShell.clear_instance()


def test_the_magic_sees_variables_and_keeps_results(shell: Any, capsys: pytest.CaptureFixture[str]) -> None:
    shell.user_ns["orders"] = pa.table({"who": ["a", "b", "a"], "amount": [1.0, 2.0, 4.0]})
    shell.user_ns["double"] = lambda n: 2 * n
    text = 'Table.Group(orders, {"who"}, {{"sum", each double(List.Sum([amount])), type number}})'
    shown = shell.run_cell_magic("m", "", text)
    assert "<td" in shown._repr_html_()
    assert [line.split() for line in repr(shown).splitlines()[2:]] == [["a", "10"], ["b", "4"]]
    assert shell.run_cell_magic("m", "-o totals --frame arrow", text) is None
    assert shell.user_ns["totals"].to_pydict() == {"who": ["a", "b"], "sum": [10.0, 4.0]}
    assert repr(shell.run_line_magic("m", "1 + 1")) == "2"
    plan = shell.run_cell_magic("m", "--explain", "let a = orders, b = Table.FirstN(a, 1) in b")
    assert plan["b"].function == "Table.FirstN"
    assert "Table.FirstN" in repr(plan)
    assert "&lt;svg role=&quot;img&quot;" in plan._repr_html_()
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("line", "text", "message"),
    [
        ("", "nothing + 1", "The name 'nothing' doesn't exist"),
        ("", "1 +", "expected an expression"),
        ("--what", "1", "--what is no option"),
        ("-o", "1", "-o needs a value"),
        ("--frame excel", "{1}", "--frame is one of"),
    ],
)
def test_the_magic_reports(
    shell: Any, capsys: pytest.CaptureFixture[str], line: str, text: str, message: str
) -> None:
    assert shell.run_cell_magic("m", line, text) is None
    assert message in capsys.readouterr().err


def test_values_as_html() -> None:
    import mlang

    table = mlang.evaluate(
        '#table(type table [n = number, <b> = text], {{1, "<i>"}, {error "no", null}})'.replace(
            "<b>", '#"<b>"'
        )
    )
    drawn = html.value_html(table)
    assert drawn is not None
    assert all(part in drawn for part in ("&lt;b&gt;", "&lt;i&gt;", ">Error<", ">null<"))
    assert "<i>" not in drawn
    assert "nullable" not in drawn
    assert "first 2, there are more" in str(html.value_html(mlang.evaluate("{1..10}"), 2))
    assert "Rows: 1" in str(html.value_html({"a": 1.0}))
    assert html.value_html(1.0) is None


def test_the_kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from jupyter_client.kernelspec import KernelSpecManager
    from jupyter_client.manager import KernelManager

    from mlang.app.notebook.kernel import install

    place = Path(install(False, str(tmp_path)))
    assert json.loads((place / "kernel.json").read_text())["argv"][0] == sys.executable
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    specifications = KernelSpecManager(kernel_dirs=[str(place.parent)])
    manager = KernelManager(kernel_name="mlang", kernel_spec_manager=specifications)
    manager.start_kernel()
    client = manager.client()
    try:
        client.start_channels()
        client.wait_for_ready(timeout=60)
        assert _run(client, ':let t = #table({"a"}, {{1}, {2}})') == ("ok", [])
        status, found = _run(client, "Table.RowCount(t)")
        assert (status, found[0]["text/plain"]) == ("ok", "2")
        assert "<table>" in _run(client, "t")[1][0]["text/html"]
        assert "&lt;svg" in _run(client, ":plan Table.FirstN(t, 1)")[1][0]["text/html"]
        assert _run(client, "t[b]")[0] == "error"
        assert "Table.RowCount" in client.complete("Table.RowC", reply=True, timeout=60)["content"]["matches"]
        about = client.inspect("Text.Upper(", 5, reply=True, timeout=60)["content"]["data"]
        assert about["text/plain"].startswith("Text.Upper(")
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def test_a_notebook_from_beginning_to_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    cells = [
        "%load_ext mlang\norders = [{'who': 'a', 'n': 1}, {'who': 'b', 'n': 2}]\ndef twice(x): return 2 * x",
        '%%m -o totals --frame pandas\nTable.AddColumn(Table.FromRecords(orders), "m", each twice([n]))',
        "int(totals['m'].sum())",
        "%m Table.FromRecords(orders)",
        '%%m --explain\nlet a = Table.FromRecords(orders), b = Table.Sort(a, "n") in b',
    ]
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(c) for c in cells])
    nbclient.NotebookClient(book, timeout=120, kernel_name="python3").execute()
    shown = [[o.get("data", {}) for o in cell.outputs] for cell in book.cells]
    assert shown[:2] == [[], []]
    assert shown[2][0]["text/plain"] == "6"
    assert "<table>" in shown[3][0]["text/html"]
    assert "&lt;svg" in shown[4][0]["text/html"]


def _run(client: Any, code: str) -> tuple[str, list[dict[str, str]]]:
    shown: list[dict[str, str]] = []

    def keep(message: dict[str, Any]) -> None:
        if message["header"]["msg_type"] == "execute_result":
            shown.append(message["content"]["data"])

    reply = client.execute_interactive(code, timeout=60, output_hook=keep)
    return reply["content"]["status"], shown
