"""``mlang list``: the queries of a file, what they are and where they are loaded."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click


@click.command("list")
@click.argument("file", type=click.Path(allow_dash=True, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_queries(file: Path, as_json: bool) -> int:
    """List the queries of an M file, dataflow, workbook, Power BI file, project or template.

    Kind is query, parameter or function; Loads to is unknown (?) where the file doesn't say it.
    """
    from mlang.app.cli import guarded

    return guarded(lambda: _list(file, as_json), as_json)


def _list(file: Path, as_json: bool) -> int:
    from mlang.app.containers.listing import listed

    found = listed(file)
    if as_json:
        print(json.dumps(found, ensure_ascii=False, indent=1))
        return 0
    from mlang.app.render import print_grid

    print_grid(["Query", "Kind", "Shared", "Loads to"], [_row(q) for q in found["queries"]])
    return 0


def _row(query: dict[str, Any]) -> list[str]:
    loads = query["loads"]
    shown = "?" if loads is None else ", ".join(loads) or "-"
    return [
        query["name"], query["kind"], "yes" if query["shared"] else "no",
        f"{shown} (hidden)" if query["hidden"] else shown,
    ]  # fmt: skip


def register(cli: Any) -> None:
    """Adds the command to a group."""
    cli.add_command(list_queries)
