"""The commands over one dataflow or workspace: check, plan, graph, firewall, gc, delete, settings."""

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
    guarded,
    staging,
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


def _dump(value: Any) -> None:
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
        _dump([*listed, {"query": None, "problems": others}] if others else listed)
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
@WORKSPACE
@JSON
def plan(
    dataflow: Path,
    queries: tuple[str, ...],
    parameters: dict[str, str],
    parameter_file: Path | None,
    value_sets: tuple[str, ...],
    reuse: bool | None,
    workspace: Path | None,
    as_json: bool,
) -> int:
    """Show what a refresh would run, why, on which engine, and which schemas would change."""

    def act() -> int:
        only = list(queries) or None
        settings: dict[str, Any] = {"reuse": reuse, "only": only, "value_sets": value_sets}
        refresh = make_refresh(dataflow, parameters, parameter_file, workspace, None, **settings)
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
        _dump([line.to_json() for line in lines])
        return 0
    rows = [
        [p.query, p.action + (f" → {p.target}" if p.target else ""), p.engine, ", ".join(p.needs), p.why]
        for p in lines
    ]
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


# ---------------------------------------------------------------- graph, firewall


@cli.command("graph")
@DATAFLOW
@click.option("--mermaid", "form", flag_value="mermaid", help="A Mermaid flowchart.")
@click.option("--html", "form", flag_value="html", help="A page with a picture.")
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="Write to a file.")
def draw(dataflow: Path, form: str | None, output: Path | None) -> int:
    """Show which query reads which."""

    def act() -> int:
        from staging import drawing
        from staging.errors import StagingError

        try:
            text = getattr(drawing, form or "text")(opened(dataflow))
        except StagingError as error:
            raise Problem(str(error), CODE_USAGE) from None
        if output is None:
            print(text)
        else:
            output.write_text(text, encoding="utf-8")
        return 0

    return guarded(act)


@cli.group()
def firewall() -> None:
    """The data privacy firewall."""


LEVELS = click.option(
    "--levels",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help='JSON list of {"kind": "File", "path": "...", "level": "Private"}; a path may be a beginning.',
)


@firewall.command("explain")
@DATAFLOW
@LEVELS
@JSON
def firewall_explain(dataflow: Path, levels: Path | None, as_json: bool) -> int:
    """Show the partitions, their sources and levels, and what would be refused and why."""

    def act() -> int:
        from mlang.app.render import print_grid
        from staging.firewall import enforced, explain
        from staging.workspace import Workspace

        found = opened(dataflow)
        refuses = enforced(found, None, Workspace.beside(dataflow).settings().firewall)
        lines = explain(found, read_levels(levels))
        refused = [line for line in lines if line["cure"]]
        if as_json:
            _dump({"off": found.combines, "enforced": refuses, "partitions": lines})
        else:
            print_grid(
                ["Partition", "Query", "Steps", "Sources", "Reads", "Verdict"], [_row(li) for li in lines]
            )
            for line in refused:
                print(
                    f"Formula.Firewall: {line['verdict']}\n  {line['edge']}\n  {line['cure']}",
                    file=sys.stderr,
                )
            if found.combines:
                print("The firewall is off (fastCombine or AllowCombine).", file=sys.stderr)
            elif not refuses:
                print("A refresh enforces it with --firewall, or with fastCombine false.", file=sys.stderr)
        return 1 if refused and not found.combines else 0

    return guarded(act)


def _row(line: dict[str, Any]) -> list[str]:
    sources = ", ".join(f"{s['kind']} {s['path'] or '(computed)'} [{s['level']}]" for s in line["sources"])
    reads = ", ".join(map(str, line["reads"])) + (" (buffered)" if line["buffers"] else "")
    return [
        str(line["partition"]), line["query"], ", ".join(line["steps"]), sources, reads,
        "refused" if line["cure"] else "ok",
    ]  # fmt: skip


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


# ---------------------------------------------------------------- import and export


@cli.command("import")
@click.argument("file", type=click.Path(path_type=Path, exists=True))
@click.option(
    "-o", "--output", type=click.Path(path_type=Path, file_okay=False), default=".", show_default=True,
    help="Folder for the item.",
)  # fmt: skip
@click.option("--name", help="Name of the dataflow.")
def import_file(file: Path, output: Path, name: str | None) -> int:
    """Make a dataflow of a workbook, a .pbix, .pbit or .pqt file, a Power BI project or a Gen1 model.json."""

    def act() -> int:
        from staging.errors import StagingError
        from staging.interchange import read, write_item
        from staging.portability import will_not_run

        try:
            found = read(file)
            found.name = name or found.name
            place = write_item(found, output)
        except StagingError as error:
            raise Problem(str(error)) from None
        for note in [*found.notes, *will_not_run(found.document)]:
            print(f"Note: {note}", file=sys.stderr)
        print(place)
        return 0

    return guarded(act)


@cli.command("export")
@DATAFLOW
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), required=True,
    help="Folder (or file with --rest or --pqt).",
)  # fmt: skip
@click.option("--rest", is_flag=True, help="One JSON file as the REST interface takes it.")
@click.option("--pqt", is_flag=True, help="A Power Query template.")
def export(dataflow: Path, output: Path, rest: bool, pqt: bool) -> int:
    """Write a dataflow as a Fabric item: mashup.pq, queryMetadata.json, .platform."""

    def act() -> int:
        from staging.interchange import item_parts, rest_definition
        from staging.portability import template

        if pqt:
            output.write_bytes(template(opened(dataflow)))
            return 0
        parts = item_parts(opened(dataflow))
        if rest:
            output.write_text(json.dumps(rest_definition(parts), indent=1), encoding="utf-8")
            return 0
        if output.exists() and any(output.iterdir()):
            raise Problem(f"{output} exists already.", CODE_USAGE)
        output.mkdir(parents=True, exist_ok=True)
        for name, data in parts.items():
            (output / name).write_bytes(data)
        return 0

    return guarded(act)


# ---------------------------------------------------------------- looking after a workspace


@staging.command("gc")
@PLACE
@click.option("--dry-run", is_flag=True, help="Only show what would be removed.")
@WORKSPACE
@JSON
def collect_garbage(place: Path, dry_run: bool, workspace: Path | None, as_json: bool) -> int:
    """Remove staged data that serve nobody: old generations, data past their retention, of deleted dataflows."""
    return guarded(lambda: _gc(place, dry_run, workspace, as_json))


def _gc(place: Path, dry: bool, given: Path | None, as_json: bool) -> int:
    from mlang.app.dataflows import found_workspace, size_text
    from mlang.app.render import print_grid
    from staging.errors import StagingError
    from staging.gc import collect

    try:
        found = collect(found_workspace(place, given)[0], dry)
    except StagingError as error:
        raise Problem(str(error)) from None
    if as_json:
        garbage = [{"path": str(g.path), "bytes": g.bytes, "why": g.why} for g in found.garbage]
        _dump({"removed": not dry, "garbage": garbage, "busy": found.busy, "bytesLeft": found.left})
        return 0
    if found.garbage:
        rows = [[str(g.path), size_text(g.bytes), g.why] for g in found.garbage]
        print_grid(["Path", "Bytes", "Why"], rows, frozenset((1,)))
    for key in found.busy:
        print(f"{key} is being refreshed; it was left alone.", file=sys.stderr)
    total = sum(g.bytes for g in found.garbage)
    verb = "Would free" if dry else "Freed"
    print(f"{verb} {size_text(total)}; {size_text(found.left)} stay.", file=sys.stderr)
    return 0


@staging.command("settings")
@PLACE
@click.option(
    "--retention-days", type=click.FloatRange(0), help="Days data stay after staging was switched off."
)
@click.option("--keep-generations", type=click.IntRange(1), help="Generations kept for readers.")
@click.option("--reuse/--no-reuse", default=None, help="Whether refreshes use again what has not changed.")
@click.option(
    "--firewall", type=click.Choice(["auto", "on", "off"]),
    help="Whether refreshes refuse what the firewall refuses where an item leaves fastCombine out.",
)  # fmt: skip
@WORKSPACE
@JSON
def settings(
    place: Path,
    retention_days: float | None,
    keep_generations: int | None,
    reuse: bool | None,
    firewall: str | None,
    workspace: Path | None,
    as_json: bool,
) -> int:
    """Show or change the settings of a workspace, and the disk it uses."""
    from mlang.app.dataflows import found_workspace, size_text
    from staging.gc import usage

    def act() -> int:
        found, _ = found_workspace(place, workspace)
        given = {
            "retention_days": retention_days, "keep_generations": keep_generations, "reuse": reuse,
            "firewall": firewall,
        }  # fmt: skip
        changed = {name: value for name, value in given.items() if value is not None}
        if changed:
            found.change(**changed)
        now, used = found.settings(), usage(found.path) if found.path.is_dir() else 0
        if as_json:
            _dump({
                "workspace": str(found.path), "retentionDays": now.retention_days,
                "keepGenerations": now.keep_generations, "reuse": now.reuse, "firewall": now.firewall, "bytes": used,
            })  # fmt: skip
            return 0
        print(f"Workspace         {found.path} ({size_text(used)})")
        print(f"Retention         {now.retention_days:g} days after staging was switched off")
        print(f"Generations kept  {now.keep_generations}")
        print(f"Reuse             {'on' if now.reuse else 'off'}")
        print(f"Firewall          {now.firewall}")
        return 0

    return guarded(act)


@cli.command()
@click.argument("place", type=click.Path(path_type=Path))
@click.option("--yes", is_flag=True, help="Do not ask.")
@WORKSPACE
def delete(place: Path, yes: bool, workspace: Path | None) -> int:
    """Delete a dataflow with its staged data, or a whole workspace (its .mlang folder)."""
    return guarded(lambda: _delete(place, yes, workspace))


def _delete(place: Path, yes: bool, given: Path | None) -> int:
    from mlang.app.dataflows import found_workspace, size_text
    from staging.errors import StagingError
    from staging.gc import delete_dataflow, delete_workspace, usage

    whole = (place / "workspace.json").is_file()
    found, key = found_workspace(place, place if whole else given)
    if not whole and key is None:
        raise Problem(f"{place} is neither a dataflow nor a workspace.", CODE_USAGE)
    what = f"the workspace {place} ({size_text(usage(place))})" if whole else f"{key} and its staged data"
    if not yes:
        if not sys.stdin.isatty():
            raise Problem(f"This deletes {what}; say --yes.", CODE_USAGE)
        click.confirm(f"Delete {what}?", abort=True, err=True)
    try:
        if whole:
            delete_workspace(found)
        else:
            delete_dataflow(found, place)
    except StagingError as error:
        raise Problem(str(error)) from None
    print(f"Deleted {what}.", file=sys.stderr)
    return 0
