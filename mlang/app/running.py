"""The commands that evaluate: ``eval``, ``run`` and ``explain``."""

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
    variables = _variables(document, file, base_dir, value_sets)
    session = api.open_session(base_dir=base_dir, variables=variables, **session_of(file, settings))
    return run(lambda: output_value(document.value(query), output, as_json), session)


def _variables(document: Document, file: Path, base_dir: str, value_sets: tuple[str, ...]) -> dict[str, Any]:
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


# ---------------------------------------------------------------- explain


def explain_file(
    file: Path,
    query: str | None,
    step: str | None,
    sql: bool,
    parameters: dict[str, str],
    as_json: bool,
    bindings: tuple[str, ...] = (),
    extensions: tuple[Path, ...] = (),
    tree: bool = False,
    measure: bool = False,
    html: Path | None = None,
    value_sets: tuple[str, ...] = (),
    **settings: Any,
) -> int:
    """Explains the steps of a query; in a dataflow, over its staged data where there are."""
    from folding.explain import explain_steps, plan_tree

    text, name, base_dir = read_source(file)
    document = open_document(text, name, parameters, bindings, extensions)
    if file.is_dir() and not bindings and not is_container(file):
        document = _over_staged(document, file, query)
    variables = _variables(document, file, base_dir, value_sets)
    session = api.open_session(base_dir=base_dir, variables=variables, **session_of(file, settings))
    steps = document.steps(query)
    if step is not None:
        steps = _up_to(steps, step)
    plan = run(lambda: explain_steps(steps, document.evaluated), session)
    if not (tree or measure or html is not None):
        return _show_plan(plan, step, sql, as_json)
    found = run(lambda: plan_tree(steps, measure, document.evaluated), session)
    if html is not None:
        _write_page(html, f"{query or name}{f', {step}' if step else ''}", plan, found)
        if not (tree or measure):
            return 0
    return _show_tree(plan, found, as_json)


def _up_to(steps: list[tuple[str, Any]], step: str) -> list[tuple[str, Any]]:
    """The steps up to one."""
    names = [name for name, _ in steps]
    if step not in names:
        known = ", ".join(n for n in names if n) or "none"
        raise WrongUsage(f"There is no step '{step}'. Steps: {known}.")
    return steps[: names.index(step) + 1]


def _write_page(path: Path, title: str, plan: Any, tree: Any) -> None:
    from mlang.app.planpage import html
    from mlang.app.textfile import write_atomically

    write_atomically(path, html(title, list(plan), tree).encode("utf-8"))
    print(f"Wrote {path}.", file=sys.stderr)


def _show_tree(plan: Any, tree: Any, as_json: bool) -> int:
    from folding.plantree import lines

    if as_json:
        import json

        found = {"steps": plan.as_dicts(), "plan": None if tree is None else tree.as_dict()}
        print(json.dumps(found, ensure_ascii=False, indent=1))
        return 0
    if tree is None:
        last = plan[-1]
        print(f"{_step_name(last)} has no plan: {last.reason}.", file=sys.stderr)
        return 1
    for line in lines(tree):
        print(line)
    return 0


def _over_staged(document: Document, file: Path, query: str | None) -> Document:
    """The document with the staged queries that the query reads replaced by their staged tables."""
    from staging import dataflow, graph
    from staging.store import published
    from staging.store.sources import staged_table
    from staging.workspace import Workspace

    if query is None or query not in document.members:
        return document
    snapshot = published.read(Workspace.beside(file).path, dataflow.read(file).key)
    members = {n: m.value for n, m in document.members.items()}
    needs = graph.upstream(query, graph.dependencies(members), stop=snapshot.entries)
    tables = {}
    for name in sorted(needs & snapshot.entries.keys()):
        found = snapshot.served(name)
        if found is not None:
            tables[name] = staged_table(found[0].folder, found[1])
    if tables:
        print(f"Over staged data of {', '.join(tables)}.", file=sys.stderr)
    overrides = {**document.overrides, **tables}
    return Document(document.text, filename=document.filename, overrides=overrides)


def _show_plan(plan: Any, step: str | None, sql: bool, as_json: bool) -> int:
    import json

    from mlang.app.render import print_grid

    reports = list(plan)
    if step is not None:
        reports = [r for r in reports if r.name == step]
    if as_json:
        wanted = {r.name for r in reports}
        print(json.dumps([d for d in plan.as_dicts() if d["name"] in wanted], ensure_ascii=False, indent=1))
        return 0
    last = reports[-1]
    if sql:
        if last.sql is None:
            print(f"{_step_name(last)} has no SQL: {last.reason}.", file=sys.stderr)
            return 1
        print(last.sql)
        return 0
    rows = [[_step_name(r), r.function, r.indicator, r.engine, _remarks(r)] for r in reports]
    print_grid(["Step", "Function", "Folding", "Engine", "Why"], rows)
    for found in dict.fromkeys(r.cure for r in reports if r.cure):
        print(f"Instead: {found}")
    if last.sql is not None and step is not None:
        print(f"\n{last.sql}")
    return 0


def _step_name(report: Any) -> str:
    return report.name or "(result)"


def _remarks(report: Any) -> str:
    return "; ".join([*([report.reason] if report.reason else []), *report.notes])
