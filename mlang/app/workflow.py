"""What a refresh of a dataflow would do: ``check`` and ``plan``, and how options become a refresh.

``items.py`` draws, imports and exports dataflows, ``upkeep.py`` looks after workspaces.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import click

from mlang.app.cli import (
    CODE_USAGE,
    JSON,
    PARAMETER_FILE,
    PARAMETERS,
    VALUE_SET,
    WORKSPACE,
    Problem,
    cli,
    engine_options,
    guarded,
)  # fmt: skip

DATAFLOW = click.argument("dataflow", type=click.Path(path_type=Path))
PLACE = click.argument("place", type=click.Path(path_type=Path), default=".")


def opened(path: Path) -> Any:
    """The dataflow at a place; exit code 2 when there is none."""
    from staging import dataflow as dataflows
    from staging.errors import DataflowError

    try:
        return dataflows.read(path)
    except DataflowError as error:
        raise Problem(str(error), CODE_USAGE) from None


def make_refresh(
    path: Path,
    parameters: dict[str, str],
    parameter_file: Path | None,
    place: Path | None,
    engine: str | None,
    **settings: Any,
) -> Any:
    """The refresh that the options describe; exit code 2 for a wrong dataflow or parameter."""
    from staging.errors import StagingError
    from staging.parameters import gathered
    from staging.refresh import Refresh
    from staging.workspace import Workspace

    if "levels" in settings:
        settings["levels"] = read_levels(settings["levels"])
    found = opened(path)
    workspace = Workspace(place) if place is not None else Workspace.beside(path)
    try:
        members = {m.name: m.value for m in found.tree.sections[0].members}
        given = gathered(members, parameters, parameter_file)
        if settings.get("reuse") is None:
            settings["reuse"] = workspace.settings().reuse
        if engine is None and "MLANG_ENGINE" not in os.environ:
            engine = workspace.settings().engine
    except StagingError as error:
        raise Problem(str(error), CODE_USAGE) from None
    return Refresh(found, workspace, given, {"engine": engine} if engine else {}, **settings)


def read_levels(path: Path | None) -> dict[tuple[str, str], str]:
    """The privacy levels of a file."""
    from staging.firewall import LEVELS as KNOWN

    if path is None:
        return {}
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        levels = {(str(e["kind"]), str(e.get("path", ""))): str(e["level"]) for e in found}
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise Problem(f"{path} is no list of privacy levels ({error}).", CODE_USAGE) from None
    wrong = sorted(set(levels.values()) - set(KNOWN))
    if wrong:
        raise Problem(f"{path}: {wrong[0]} is no privacy level ({', '.join(KNOWN)}).", CODE_USAGE)
    return levels


def dump(value: Any) -> None:
    print(json.dumps(value, ensure_ascii=False, indent=1))


# ---------------------------------------------------------------- check and plan


@cli.command()
@DATAFLOW
@PARAMETERS
@PARAMETER_FILE
@VALUE_SET
@click.option(
    "--lint", "with_rules", is_flag=True, help="Print the findings of L1 to L19 that know the schemas."
)
@WORKSPACE
@JSON
def check(
    dataflow: Path,
    parameters: dict[str, str],
    parameter_file: Path | None,
    value_sets: tuple[str, ...],
    with_rules: bool,
    workspace: Path | None,
    as_json: bool,
) -> int:
    """Find unknown names, wrong calls and columns, and the schema of every query, without reading rows.

    Takes a dataflow, a section document, or a file with one expression; exit code 1 when a refresh would fail.
    """

    def act() -> int:
        from mlang.app.checking import check_expression, is_expression

        if is_expression(dataflow):
            return check_expression(dataflow, as_json)
        refresh = make_refresh(dataflow, parameters, parameter_file, workspace, None, value_sets=value_sets)
        return _check(refresh, as_json, with_rules)

    return guarded(act)


def _check(refresh: Any, as_json: bool, with_rules: bool) -> int:
    from staging.check import check as check_all
    from staging.errors import StagingError

    try:
        queries = refresh.prepare()
        found = check_all(refresh.dataflow, queries)
    except StagingError as error:
        raise Problem(str(error), CODE_USAGE) from None
    others = _named_problems(refresh.dataflow, queries, {s.query: s for s in found})
    if as_json:
        listed: list[dict[str, Any]] = [
            {"query": s.query, "kind": s.kind, "columns": s.columns, "error": s.error, "problems": s.problems}
            for s in found
        ]
        dump([*listed, {"query": None, "problems": others}] if others else listed)
    else:
        from mlang.app.render import print_grid

        rows = [[s.query, s.kind or "?", _listed(s.columns), "ok" if s.good else "fails"] for s in found]
        print_grid(["Query", "Kind", "Columns", "Check"], rows)
        for schema in found:
            for text in [*([schema.error] if schema.error else []), *schema.problems]:
                print(f"Error: {text}", file=sys.stderr)
        for text in others:
            print(f"Error: {text}", file=sys.stderr)
        if with_rules:
            from staging.lint import lint

            for finding in lint(refresh.dataflow, {s.query: s.type for s in found if s.type is not None}):
                where = f"{refresh.dataflow.path}:{finding.line}"
                print(f"{where}: {finding.code} {finding.reason} {finding.cure}", file=sys.stderr)
    return 0 if all(s.good for s in found) and not others else 1


def _named_problems(dataflow: Any, queries: Any, schemas: dict[str, Any]) -> list[str]:
    """Adds what the text alone says to the queries that evaluate; what belongs to none is given back."""
    from mlang.app.checking import problems_by_query

    rest = []
    found = problems_by_query(queries.document({}), dataflow.text, str(dataflow.path), queries.session)
    for query, problems in found.items():
        if query not in schemas:
            rest += problems
        else:  # an error of the evaluation has told of an unknown name already
            error = schemas[query].error
            schemas[query].problems += [p for p in problems if error is None or "Nothing defines" not in p]
    return rest


def _listed(columns: dict[str, str]) -> str:
    return ", ".join(f"{name} {kind}" for name, kind in columns.items())


@cli.command()
@DATAFLOW
@click.option("--query", "-q", "queries", multiple=True, metavar="NAME", help="Only this query.")
@PARAMETERS
@PARAMETER_FILE
@VALUE_SET
@click.option("--reuse/--no-reuse", default=None, help="Plan with reuse of what has not changed.")
@engine_options
@WORKSPACE
@JSON
def plan(
    dataflow: Path,
    queries: tuple[str, ...],
    parameters: dict[str, str],
    parameter_file: Path | None,
    value_sets: tuple[str, ...],
    reuse: bool | None,
    engine: str | None,
    workspace: Path | None,
    as_json: bool,
) -> int:
    """Show what a refresh would run, why, on which engine, and which schemas would change."""

    def act() -> int:
        only = list(queries) or None
        settings: dict[str, Any] = {"reuse": reuse, "only": only, "value_sets": value_sets}
        refresh = make_refresh(dataflow, parameters, parameter_file, workspace, engine, **settings)
        return _plan(refresh, as_json)

    return guarded(act)


def _plan(refresh: Any, as_json: bool) -> int:
    from mlang.app.render import print_grid
    from staging.errors import StagingError
    from staging.planning import plan as make_plan

    try:
        lines = make_plan(refresh)
    except StagingError as error:
        raise Problem(str(error), CODE_USAGE) from None
    if as_json:
        dump([line.to_json() for line in lines])
        return 0
    rows = [
        [p.query, p.action + (f" → {p.target}" if p.target else ""), ": ".join(filter(None, (p.engine, p.chosen))),
         ", ".join(p.needs), p.why]
        for p in lines
    ]  # fmt: skip
    print_grid(["Query", "Action", "Engine", "Needs", "Why"], rows)
    for line in lines:
        for bucket in line.buckets:
            action = "load" if bucket["run"] else "leave"
            days = f"{bucket['from']} to before {bucket['before']}"
            print(f"Bucket: query '{line.query}', {days}: {action}, {bucket['why']}.", file=sys.stderr)
        for text in line.changes:
            print(f"Schema: query '{line.query}': {text}.", file=sys.stderr)
        if line.dependents:
            print(f"  {' '.join(line.dependents)}", file=sys.stderr)
        if line.action != "load":
            for text in line.problems:
                print(f"Problem: {text}", file=sys.stderr)
    return 0
