"""Looking after a workspace: ``staging gc``, ``staging settings`` and ``delete``."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from mlang.app.cli import CODE_USAGE, JSON, WORKSPACE, Problem, cli, guarded, staging
from mlang.app.workflow import PLACE, dump


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
        dump({"removed": not dry, "garbage": garbage, "busy": found.busy, "bytesLeft": found.left})
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
            dump({
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
