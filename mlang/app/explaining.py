"""``mlang explain``: what folds of a query, its plan, the SQL of each step, and what a run costs.

`explain_file` shows the steps of the query's outermost let; those further in (`innersteps.py`) are asked for by
their paths or with ``--all``, and name the nodes of the plan.  `folding.explain` judges, `planpage.py` draws the page.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from attrs import frozen

from mlang.app import api
from mlang.app.containers.paths import is_container
from mlang.app.running import WrongUsage, document_variables, open_document, read_source, session_of
from mlang.compile.entry import Document, run, suggestion
from mlang.session import Session

Steps = list[tuple[str, Any]]


@frozen
class _Asked:
    """What is explained: the document, the query in it, and the session."""

    document: Document
    query: str | None
    session: Session

    def inner(self) -> tuple[Steps, dict[str, Any]]:
        """The steps, evaluated once more, and the tables further in by their paths."""
        from mlang.app.innersteps import inner_steps

        return run(lambda: inner_steps(self.document, self.query), self.session)


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
    every: bool = False,
    value_sets: tuple[str, ...] = (),
    **settings: Any,
) -> int:
    """Explains the steps of a query; in a dataflow, over its staged data where there are."""
    from folding.explain import explain_steps

    text, name, base_dir = read_source(file)
    document = open_document(text, name, parameters, bindings, extensions)
    if file.is_dir() and not bindings and not is_container(file):
        document = _over_staged(document, file, query)
    variables = document_variables(document, file, base_dir, value_sets)
    session = api.open_session(base_dir=base_dir, variables=variables, **session_of(file, settings))
    asked = _Asked(document, query, session)
    steps = document.steps(query)
    if step is not None:
        steps, step = _up_to(asked, steps, step)
    elif every:
        steps = _with_inner(*asked.inner())
    plan = run(lambda: explain_steps(steps, document.evaluated), session)
    if not (tree or measure or html is not None):
        return _show_plan(plan, step, sql, as_json)
    found = _tree(asked, steps, step, measure)
    if html is not None:
        _write_page(html, f"{query or name}{f', {step}' if step else ''}", plan, found)
        if not (tree or measure):
            return 0
    return _show_tree(plan, found, as_json)


# ---------------------------------------------------------------- steps


def _up_to(asked: _Asked, steps: Steps, step: str) -> tuple[Steps, str]:
    """The steps up to one, or one further in alone; and its name as it stands there."""
    if step[:2] == '#"' and step[-1:] == '"':
        step = step[2:-1].replace('""', '"')
    names = [name for name, _ in steps]
    if step in names:
        return steps[: names.index(step) + 1], step
    _, inner = asked.inner()
    paths = [p for p in inner if p == step] or [p for p in inner if p.endswith(f"/{step}")]
    if len(paths) == 1:
        return [(paths[0], inner[paths[0]])], paths[0]
    if paths:
        raise WrongUsage(f"There are several steps '{step}': {', '.join(paths)}.")
    known = [n for n in (*names, *inner) if n]
    raise WrongUsage(
        f"There is no step '{step}'{suggestion(step, known)}. Steps: {', '.join(known) or 'none'}."
    )


def _with_inner(steps: Steps, inner: dict[str, Any]) -> Steps:
    """All steps in the order in which they were finished, the result last."""
    return [*inner.items(), *steps]


def _tree(asked: _Asked, steps: Steps, step: str | None, measure: bool) -> Any:
    """The plan as a tree, its nodes named by steps further in too."""
    from folding.explain import plan_tree
    from mlang.app.innersteps import named

    found = run(lambda: plan_tree(steps, measure, asked.document.evaluated), asked.session)
    if found is None or all(node.step for node in found.walk()):
        return found
    again, inner = asked.inner()
    if not inner:
        return found
    if step is not None and step in inner:
        again = [(step, inner[step])]
    elif step is not None:
        names = [name for name, _ in again]
        again = again[: names.index(step) + 1] if step in names else again
    other = run(lambda: plan_tree([*inner.items(), *again]), asked.session)
    return found if other is None else named(found, other)


# ---------------------------------------------------------------- showing


def _write_page(path: Path, title: str, plan: Any, tree: Any) -> None:
    from mlang.app.planpage import html
    from mlang.app.textfile import write_atomically

    write_atomically(path, html(title, list(plan), tree).encode("utf-8"))
    print(f"Wrote {path}.", file=sys.stderr)


def _show_tree(plan: Any, tree: Any, as_json: bool) -> int:
    from folding.plantree import lines

    if as_json:
        found = {"steps": plan.as_dicts(), "plan": None if tree is None else tree.as_dict()}
        print(json.dumps(found, ensure_ascii=False, indent=1))
        return 0
    if tree is None:
        last = plan[-1]
        print(f"{_step_name(last)} has no plan: {_sentence(last.reason)}", file=sys.stderr)
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
            parts = any("runs the steps up to" in note for note in last.notes)
            more = " The queries of its parts stand in --html, and in --tree --json." if parts else ""
            print(f"{_step_name(last)} has no SQL: {_sentence(last.reason)}{more}", file=sys.stderr)
            return 1
        print(last.shown.script())
        return 0
    rows = [[_step_name(r), r.function, r.indicator, r.engine, _remarks(r)] for r in reports]
    if len(rows) > 1 and not last.name and rows[-1][1:] == rows[-2][1:] and rows[-1][-1]:
        rows[-1][-1] = f"as {rows[-2][0]}"
    print_grid(["Step", "Function", "Folding", "Engine", "Why"], rows)
    cures: dict[str, str] = {}
    for report in reports:
        if report.cure:
            cures.setdefault(report.cure, _step_name(report))
    for found, name in cures.items():
        print(f"Instead, at {name}: {found}")
    if last.sql is not None and step is not None:
        print(f"\n{last.shown.script()}")
    return 0


def _step_name(report: Any) -> str:
    return report.name or "(result)"


def _sentence(reason: str | None) -> str:
    """A reason with its full stop, which errors of sources may have already."""
    return f"{(reason or '').removesuffix('.')}."


def _remarks(report: Any) -> str:
    return "; ".join([*([report.reason] if report.reason else []), *report.notes])
