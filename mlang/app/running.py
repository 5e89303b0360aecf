"""The commands that evaluate: ``eval``, ``run`` and ``explain``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from mlang.app import api
from mlang.compile.entry import Document, run
from mlang.errors import Fault
from mlang.values.metadata import strip


class WrongUsage(Fault):
    """A file, a query or a step that isn't there."""


def read_source(file: Path) -> tuple[str, str, str]:
    """Text, name for messages and base folder of an M file; a folder is a dataflow's."""
    import os

    if str(file) == "-":
        return sys.stdin.read(), "<stdin>", os.getcwd()
    path = file / "mashup.pq" if file.is_dir() else file
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise WrongUsage(f"There is no file {path}.") from None
    except UnicodeDecodeError as error:
        raise WrongUsage(f"{path} is not UTF-8 text (byte {error.start}).") from None
    return text, str(path), str(path.resolve().parent)


def evaluate_text(expression: str, as_json: bool, **settings: Any) -> int:
    """Evaluates an expression and prints its value."""
    document = Document(expression)
    return run(lambda: _output(document.value(), None, as_json), api.open_session(**settings))


def run_file(
    file: Path,
    query: str | None,
    parameters: dict[str, str],
    output: Path | None,
    as_json: bool,
    **settings: Any,
) -> int:
    """Evaluates a query of a file and prints or writes its value."""
    text, name, base_dir = read_source(file)
    document = open_document(text, name, parameters)
    session = api.open_session(base_dir=base_dir, **settings)
    return run(lambda: _output(document.value(query), output, as_json), session)


def open_document(text: str, name: str, parameters: dict[str, str]) -> Document:
    """A document with its parameters; texts become what the parameters' types say."""
    document = Document(text, filename=name)
    if not parameters:
        return document
    from staging.errors import DataflowError
    from staging.parameters import typed_parameters

    if not document.is_section:
        raise WrongUsage(f"{name} is one expression; parameters are members of a section document.")
    members = {n: m.value for n, m in document.members.items()}
    try:
        overrides = typed_parameters(members, parameters)
    except DataflowError as error:
        raise WrongUsage(str(error)) from None
    return Document(text, filename=name, overrides=overrides)


def _output(value: Any, output: Path | None, as_json: bool) -> int:
    if output is not None:
        from mlang.app.export import write

        count = write(value, output)
        rows = "" if count is None else f" ({count} row{'' if count == 1 else 's'})"
        print(f"Wrote {output}{rows}.", file=sys.stderr)
    elif as_json:
        from mlang.app.export import json_bytes

        print(json_bytes(value).decode())
    else:
        from mlang.app.main import show

        show(strip(value))
    return 0


# ---------------------------------------------------------------- explain


def explain_file(
    file: Path,
    query: str | None,
    step: str | None,
    sql: bool,
    parameters: dict[str, str],
    as_json: bool,
    **settings: Any,
) -> int:
    """Explains the steps of a query."""
    from folding.explain import explain_steps

    text, name, base_dir = read_source(file)
    document = open_document(text, name, parameters)
    session = api.open_session(base_dir=base_dir, **settings)
    plan = run(lambda: explain_steps(document.steps(query)), session)
    return _show_plan(plan, step, sql, as_json)


def _show_plan(plan: Any, step: str | None, sql: bool, as_json: bool) -> int:
    raise NotImplementedError
