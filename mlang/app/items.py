"""Dataflows as things to look at and to carry elsewhere: ``graph``, ``firewall``, ``import``, ``export``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click

from mlang.app.cli import CODE_USAGE, JSON, Problem, cli, guarded
from mlang.app.textfile import write_atomically
from mlang.app.workflow import DATAFLOW, dump, opened, read_levels


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
            write_atomically(output, (text + "\n").encode("utf-8"))
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
            dump({"off": found.combines, "enforced": refuses, "partitions": lines})
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
            write_atomically(output, template(opened(dataflow)))
            return 0
        parts = item_parts(opened(dataflow))
        if rest:
            write_atomically(output, json.dumps(rest_definition(parts), indent=1).encode("utf-8"))
            return 0
        if output.exists() and any(output.iterdir()):
            raise Problem(f"{output} exists already.", CODE_USAGE)
        output.mkdir(parents=True, exist_ok=True)
        for name, data in parts.items():
            (output / name).write_bytes(data)
        return 0

    return guarded(act)
