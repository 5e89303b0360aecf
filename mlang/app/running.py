"""The commands that evaluate: ``eval`` and ``run``; ``explaining.py`` opens its documents as these do."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from mlang.app import api
from mlang.app.containers.paths import is_container, workbook_of
from mlang.app.textfile import decoded, read_bytes
from mlang.compile.entry import Document, run
from mlang.errors import Fault
from mlang.values.metadata import strip


def session_of(file: Path, settings: dict[str, Any]) -> dict[str, Any]:
    """Settings of a session for a file: those of a workbook or model are in it."""
    if not is_container(file):
        book = workbook_of(file)
        return settings if book is None else {**settings, "workbook": book}
    from mlang.app.containers import source

    return source.session_of(file, settings)


class WrongUsage(Fault):
    """A file, a query or a step that isn't there."""


def read_source(file: Path) -> tuple[str, str, str]:
    """Text, name for messages and base folder of an M file, a dataflow folder, or what else holds M."""
    import os

    if str(file) == "-":
        return sys.stdin.read(), "<stdin>", os.getcwd()
    if is_container(file):
        from mlang.app.containers.source import EmbeddedFile

        return EmbeddedFile(file).text, str(file), str(file.resolve().parent)
    path = file / "mashup.pq" if file.is_dir() else file
    return decoded(read_bytes(path), path), str(path), str(path.resolve().parent)


def evaluate_text(
    expression: str,
    as_json: bool,
    bindings: tuple[str, ...] = (),
    extensions: tuple[Path, ...] = (),
    **settings: Any,
) -> int:
    """Evaluates an expression and prints its value."""
    document = open_document(expression, None, {}, bindings, extensions)
    return run(lambda: output_value(document.value(), None, as_json), api.open_session(**settings))


def run_file(
    file: Path,
    query: str | None,
    parameters: dict[str, str],
    output: Path | None,
    as_json: bool,
    bindings: tuple[str, ...] = (),
    extensions: tuple[Path, ...] = (),
    value_sets: tuple[str, ...] = (),
    **settings: Any,
) -> int:
    """Evaluates a query of a file and prints or writes its value."""
    text, name, base_dir = read_source(file)
    document = open_document(text, name, parameters, bindings, extensions)
    variables = document_variables(document, file, base_dir, value_sets)
    session = api.open_session(base_dir=base_dir, variables=variables, **session_of(file, settings))
    return run(lambda: output_value(document.value(query), output, as_json), session)


def document_variables(
    document: Document, file: Path, base_dir: str, value_sets: tuple[str, ...]
) -> dict[str, Any]:
    """The variables of the libraries that a document names."""
    if "Variable." not in document.text:
        return {}
    home = Path(base_dir).parent if file.is_dir() else Path(base_dir)
    from staging.errors import DataflowError
    from staging.variables import variables_for

    try:
        return variables_for([document.tree], home, value_sets)
    except DataflowError as error:
        raise WrongUsage(str(error)) from None


def open_document(
    text: str,
    name: str | None,
    parameters: dict[str, str],
    bindings: tuple[str, ...] = (),
    extensions: tuple[Path, ...] = (),
) -> Document:
    """A document with its parameters (texts become what their types say), replacements and extensions."""
    overrides = _overrides(Document(text, filename=name), parameters) if parameters else {}
    if not bindings and not extensions:
        return Document(text, filename=name, overrides=overrides)
    from mlang.app.modules import load
    from mlang.app.overlay import bound_document, file_values, parse_bindings

    return bound_document(text, name, file_values(parse_bindings(bindings)), overrides, load(extensions))


def _overrides(document: Document, parameters: dict[str, str]) -> dict[str, Any]:
    from staging.errors import DataflowError
    from staging.parameters import typed_parameters

    if not document.is_section:
        raise WrongUsage(
            f"{document.filename} is one expression; parameters are members of a section document."
        )
    members = {n: m.value for n, m in document.members.items()}
    try:
        return typed_parameters(members, parameters)
    except DataflowError as error:
        raise WrongUsage(str(error)) from None


def output_value(value: Any, output: Path | None, as_json: bool) -> int:
    """Writes a value to a file, or to stdout as text or JSON."""
    if output is not None:
        from mlang.app.export import left_out, write

        count = write(value, output)
        if columns := left_out(value):
            print(f"Left out columns that lead to related tables: {', '.join(columns)}.", file=sys.stderr)
        rows = "" if count is None else f" ({count} row{'' if count == 1 else 's'})"
        print(f"Wrote {output}{rows}.", file=sys.stderr)
    elif as_json:
        from mlang.app.export import json_bytes

        print(json_bytes(value).decode())
    else:
        from mlang.app.main import show

        show(strip(value))
    return 0
