"""A Jupyter kernel for M: cells are what the prompt takes, results are grids.

``mlang kernel install`` writes the specification that lets Jupyter start it; the rest is the
conversation of ``repl.py`` with other pictures.
"""

from __future__ import annotations

import contextlib
import io
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from ipykernel.kernelapp import IPKernelApp
from ipykernel.kernelbase import Kernel

import mlang
from mlang.app.completion import Completer, help_text
from mlang.app.notebook.html import plan_html, value_html
from mlang.app.repl import Repl, incomplete
from mlang.app.report import error_lines
from mlang.compile.entry import run


class Conversation(Repl):
    """The prompt's conversation, its results collected instead of printed."""

    def __init__(self) -> None:
        super().__init__()
        self.html: str | None = None
        self.problem: Exception | None = None

    def _evaluate(self, text: str) -> None:
        super()._evaluate(text)
        value = self.thunks["it"].get()
        self.html = run(lambda: value_html(value), self.session)

    def draw(self, steps: list[Any], tree: Any) -> None:
        """The picture of a plan."""
        self.html = plan_html(steps, tree)

    def _fail(self, error: Exception) -> None:
        self.problem = error

    def reply(self, text: str) -> tuple[str, str | None, Exception | None]:
        """What was printed, the picture of the value, and the error if there was one."""
        self.html = self.problem = None
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            self.answer(text)
        return printed.getvalue(), self.html, self.problem


class MKernel(Kernel):  # type: ignore[misc, unused-ignore]
    """Answers Jupyter's messages with a `Conversation`."""

    implementation = "mlang"
    implementation_version = mlang.__version__
    banner = "Power Query M (:help for help)"
    language_info = {  # noqa: RUF012 (the base class declares it so)
        "name": "powerquery", "mimetype": "text/x-powerquery", "file_extension": ".pq",
    }  # fmt: skip

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.conversation = Conversation()

    def do_execute(
        self, code: str, silent: bool, store_history: bool = True, user_expressions: Any = None,
        allow_stdin: bool = False, **_: Any,
    ) -> dict[str, Any]:  # fmt: skip
        """Evaluates a cell."""
        text, html, problem = self.conversation.reply(code) if code.strip() else ("", None, None)
        if not silent:
            self._publish(text, html, problem)
        state = {"execution_count": self.execution_count}
        if problem is not None:
            return {"status": "error", **state, **_as_error(problem)}
        return {"status": "ok", **state, "payload": [], "user_expressions": {}}

    def _publish(self, text: str, html: str | None, problem: Exception | None) -> None:
        if problem is not None:
            if text:
                self.send_response(self.iopub_socket, "stream", {"name": "stdout", "text": text})
            self.send_response(self.iopub_socket, "error", _as_error(problem))
        elif text:
            data = {"text/plain": text.rstrip("\n")}
            if html is not None:
                data["text/html"] = html
            content = {"execution_count": self.execution_count, "data": data, "metadata": {}}
            self.send_response(self.iopub_socket, "execute_result", content)

    def do_complete(self, code: str, cursor_pos: int) -> dict[str, Any]:
        """Names, library functions, columns and fields before the cursor."""
        inner = Completer(lambda: self.conversation.thunks, self.conversation.fields)
        found = list(inner.complete(code[:cursor_pos]))
        start = cursor_pos - (found[0].replaces if found else 0)
        matches = [c.text for c in found if cursor_pos - c.replaces == start]
        return {
            "status": "ok", "matches": matches, "cursor_start": start, "cursor_end": cursor_pos, "metadata": {},
        }  # fmt: skip

    def do_inspect(
        self, code: str, cursor_pos: int, detail_level: int = 0, omit_sections: Any = ()
    ) -> dict[str, Any]:
        """Help on the library name at the cursor."""
        name = _name_at(code, cursor_pos)
        about = help_text(name) if name else None
        data = {"text/plain": about} if about else {}
        return {"status": "ok", "found": bool(about), "data": data, "metadata": {}}

    def do_is_complete(self, code: str) -> dict[str, Any]:
        """Whether Enter should run the cell in a console."""
        return {"status": "incomplete", "indent": "  "} if incomplete(code) else {"status": "complete"}


def _as_error(problem: Exception) -> dict[str, Any]:
    lines = error_lines(problem)
    return {"ename": problem.__class__.__name__, "evalue": lines[0], "traceback": lines}


def _name_at(code: str, place: int) -> str:
    start = end = place
    while start > 0 and (code[start - 1].isalnum() or code[start - 1] in "._#"):
        start -= 1
    while end < len(code) and (code[end].isalnum() or code[end] in "._"):
        end += 1
    return code[start:end]


def install(user: bool, prefix: str | None) -> str:
    """Registers the kernel with Jupyter; gives the folder of its specification."""
    from jupyter_client.kernelspec import KernelSpecManager

    command = [sys.executable, "-m", "mlang.app.notebook.kernel", "-f", "{connection_file}"]
    about = {"argv": command, "display_name": "Power Query M", "language": "powerquery"}
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "kernel.json").write_text(json.dumps(about, indent=1), encoding="utf-8")
        return str(KernelSpecManager().install_kernel_spec(folder, "mlang", user=user, prefix=prefix))


if __name__ == "__main__":
    IPKernelApp.launch_instance(kernel_class=MKernel)
