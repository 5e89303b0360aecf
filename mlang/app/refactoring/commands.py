"""The commands ``rename``, ``replace-source``, ``extract``, ``inline``, ``deps`` and ``diff``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from mlang.errors import Fault

_FILE = click.argument("file", type=click.Path(path_type=Path))
_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_WRITE = click.option("--write", is_flag=True, help="Change the files (default: print a diff).")

_NO_BACKUP = click.option(
    "--no-backup", is_flag=True, help="Write workbooks and models without a .bak beside them."
)


def _place(ctx: click.Context, option: click.Parameter, text: str | None) -> tuple[int, int] | None:
    """``LINE`` or ``LINE:COLUMN``"""
    if text is None:
        return None
    line, _, column = text.partition(":")
    if not line.isdigit() or (column and not column.isdigit()) or int(line) == 0:
        raise click.BadParameter(f"{text!r} is not LINE or LINE:COLUMN, counted from 1.")
    return int(line), int(column or 0)


_AT = click.option(
    "--at", metavar="LINE:COLUMN", callback=_place, help="Which one, when a name is defined several times."
)


def register(cli: Any) -> None:
    """Adds the commands to a group."""
    for command in (rename, replace_source, extract, inline, deps, diff):
        cli.add_command(command)


def _guarded(action: Any, as_json: bool) -> int:
    from mlang.app.cli import guarded

    return guarded(action, as_json)


@click.command()
@_FILE
@click.argument("old")
@click.argument("new")
@_AT
@_WRITE
@_NO_BACKUP
@_JSON
def rename(
    file: Path, old: str, new: str, at: tuple[int, int] | None, write: bool, no_backup: bool, as_json: bool
) -> int:  # fmt: skip
    """Rename a query, step (Step, Query/Step) or, with --at, a parameter, and everything that means it.

    A dataflow's queryMetadata.json and the tests beside the file follow.  Refused when a name would then
    mean something else.
    """

    def action() -> int:
        from mlang.app.refactoring.edits import carry_out
        from mlang.app.refactoring.rename import plan

        return carry_out(plan(file, old, new, at), write, as_json, not no_backup)

    return _guarded(action, as_json)


@click.command("replace-source")
@_FILE
@click.argument("name", metavar="STEP|QUERY")
@click.argument("expression")
@_AT
@_WRITE
@_NO_BACKUP
@_JSON
def replace_source(
    file: Path, name: str, expression: str, at: tuple[int, int] | None, write: bool, no_backup: bool, as_json: bool
) -> int:  # fmt: skip
    """Give a step another expression (- reads it from standard input); of a query, the step that reads its source."""

    def action() -> int:
        from mlang.app.refactoring.edits import carry_out
        from mlang.app.refactoring.replace import plan

        text = sys.stdin.read() if expression == "-" else expression
        return carry_out(plan(file, name, text, at), write, as_json, not no_backup)

    return _guarded(action, as_json)


@click.command()
@_FILE
@click.argument("query")
@click.argument("step")
@click.argument("new_query")
@_WRITE
@_NO_BACKUP
@_JSON
def extract(
    file: Path, query: str, step: str, new_query: str, write: bool, no_backup: bool, as_json: bool
) -> int:
    """Make a new query of the steps of QUERY down to STEP; STEP then reads the new query."""

    def action() -> int:
        from mlang.app.refactoring.edits import carry_out
        from mlang.app.refactoring.extract import plan

        return carry_out(plan(file, query, step, new_query), write, as_json, not no_backup)

    return _guarded(action, as_json)


@click.command()
@_FILE
@click.argument("step")
@_AT
@_WRITE
@_NO_BACKUP
@_JSON
def inline(
    file: Path, step: str, at: tuple[int, int] | None, write: bool, no_backup: bool, as_json: bool
) -> int:
    """Put the expression of a step wherever the step is mentioned, and remove the step."""

    def action() -> int:
        from mlang.app.refactoring.edits import carry_out
        from mlang.app.refactoring.inline import plan

        return carry_out(plan(file, step, at), write, as_json, not no_backup)

    return _guarded(action, as_json)


@click.command()
@_FILE
@click.option("--query", "-q", metavar="NAME", help="This query and all that it needs (or that need it).")
@click.option("--reverse", is_flag=True, help="Who needs a query, instead of what it needs.")
@click.option("--mermaid", is_flag=True, help="Print a Mermaid flowchart.")
@_JSON
def deps(file: Path, query: str | None, reverse: bool, mermaid: bool, as_json: bool) -> int:
    """Show which queries and sources each query needs; of one expression, each step."""

    def action() -> int:
        from mlang.app.refactoring.deps import show

        if mermaid and as_json:
            raise Fault("--mermaid and --json exclude each other.")
        return show(file, query, reverse, mermaid, as_json)

    return _guarded(action, as_json)


@click.command()
@click.argument("old", type=click.Path(path_type=Path, allow_dash=True))
@click.argument("new", type=click.Path(path_type=Path, allow_dash=True))
@click.option("--values", is_flag=True, help="Evaluate the queries of both and compare rows and columns too.")
@click.option("--query", "-q", metavar="NAME", help="Only this query.")
@click.option("--culture", metavar="TAG", help="Culture of texts, numbers and dates, such as de-DE.")
@_JSON
def diff(old: Path, new: Path, values: bool, query: str | None, culture: str | None, as_json: bool) -> int:
    """Show the steps that were added, removed, changed, moved or renamed; exit code 1 when there are any.

    A side is a file, a dataflow folder, or REF:FILE as git has it (HEAD:orders.pq).
    """

    def action() -> int:
        from mlang.app import settings
        from mlang.app.refactoring.compare import show

        settings.forget()
        tag = culture or settings.settings_for(new).culture
        return show(old, new, values, query, as_json, culture=tag)

    return _guarded(action, as_json)
