"""The commands for people who write M: ``test``, ``fmt``, ``lint``, ``steps``, ``help``.

`register` hangs them on the command line; what they do is loaded when they run.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click


def register(cli: Any) -> None:
    """Adds the commands to a group."""
    from mlang.app.refactoring import commands

    for command in (test, fmt, lint, steps, help_on):
        cli.add_command(command)
    commands.register(cli)


def _guarded(action: Any, as_json: bool = False) -> int:
    from mlang.app.cli import guarded

    return guarded(action, as_json)


_PATHS = click.argument("paths", nargs=-1, type=click.Path(path_type=Path, allow_dash=True))
_FILE = click.Path(path_type=Path, dir_okay=False)
_NO_BACKUP = click.option(
    "--no-backup", is_flag=True, help="Write workbooks and models without a .bak beside them."
)


@click.command()
@_PATHS
@click.option(
    "-k", "keyword", default="", metavar="WORDS", help="Only tests whose file and name hold all words."
)
@click.option(
    "--bind",
    "bindings",
    multiple=True,
    metavar="NAME=FILE",
    help="Replace a step or query (Step, Query or Query/Step) by a .csv, .json, .parquet or M file.",
)
@click.option("--update", is_flag=True, help="Write the values found into the .pqout files.")
@click.option(
    "--extension",
    "extensions",
    multiple=True,
    type=_FILE,
    help="A section document (.pq, .mez) whose shared members the tests use.",
)
@click.option("--parameter-query", type=_FILE, help="Its value is given to tests written (parameter) => ...")
@click.option("--settings", type=_FILE, help="Settings as PQTest reads them (JSON).")
@click.option("--fail-on-no-fold", is_flag=True, help="A query test fails when its result does not fold.")
@click.option(
    "--clock", metavar="DATETIME", help="Stop the clock at this UTC time, such as 2024-01-31T12:00:00."
)
@click.option("--culture", metavar="TAG", help="Culture of texts, numbers and dates, such as de-DE.")
@click.option("--engine", type=click.Choice(["auto", "duckdb", "spark", "none"]), help="Who runs tables.")
@click.option("-j", "--jobs", type=click.IntRange(1), help="Processes (default: 1).")
@click.option(
    "--changed",
    is_flag=False,
    flag_value="HEAD",
    metavar="[REF]",
    help="Only tests that changes since a git revision touch (--changed is --changed=HEAD).",
)
@click.option("--coverage", is_flag=True, help="Show which steps of the tested files were evaluated.")
@click.option(
    "--fail-under", type=click.FloatRange(0, 100), metavar="PERCENT", help="Fail when coverage is less."
)
@click.option("--watch", is_flag=True, help="Run again the tests that a saved file touches, until Ctrl-C.")
@click.option("-x", "--fail-fast", is_flag=True, help="Stop after the first file with a failed test.")
@click.option("-v", "--verbose", is_flag=True, help="Show passed tests and times too.")
@click.option("--junit", type=_FILE, help="Write JUnit XML.")
@click.option("--trx", type=_FILE, help="Write a Visual Studio test result file.")
@click.option("--tap", is_flag=True, help="Print TAP 13.")
@click.option("--github", is_flag=True, help="Print annotations for GitHub Actions.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def test(
    paths: tuple[Path, ...], bindings: tuple[str, ...], jobs: int | None, as_json: bool, watch: bool,
    extensions: tuple[Path, ...], **options: Any,
) -> int:  # fmt: skip
    """Run tests: .query.pq with .query.pqout, sections with *Tests* members, .test.pq files.

    Exit code 0 when all passed, 3 when a test failed or coverage is too low, 2 when there is nothing to run.
    Defaults are read from [test] of mlang.toml or [tool.mlang.test] of pyproject.toml.
    """

    def action() -> int:
        from mlang.app import settings
        from mlang.app.overlay import parse_bindings
        from mlang.app.testing.discover import Options
        from mlang.app.testing.runner import Output, run_tests, watch_tests

        settings.forget()
        configured = settings.settings_for(paths[0] if paths else Path("."))
        said = {"culture": configured.culture} | configured.test
        where = list(paths) or said.pop("paths", [])
        said.pop("paths", None)
        bound = said.pop("bindings", {}) | parse_bindings(bindings)
        modules = list(extensions) or said.pop("extensions", [])
        said.pop("extensions", None)
        processes = jobs or said.pop("jobs", 1)
        said.pop("jobs", None)
        chosen = said | {name: value for name, value in options.items() if value not in (None, False)}
        output = {n: chosen.pop(n) for n in (*_OUTPUT, "fail_under", "changed") if n in chosen}
        if "fail_under" in output:
            chosen["coverage"] = True
        run = watch_tests if watch else run_tests
        known = Options(bindings=bound, extensions=modules, **chosen)
        return run(where, known, Output(json=as_json, **output), processes)

    return _guarded(action)


_OUTPUT = ("junit", "trx", "tap", "github", "verbose", "fail_fast")


@click.command()
@_PATHS
@click.option("--check", is_flag=True, help="Change nothing; exit code 1 when a file would change.")
@click.option("--diff", is_flag=True, help="Print what would change; exit code 1 when something would.")
@click.option("--width", type=click.IntRange(20), help="Longest line (default: the configuration's, or 120).")
@_NO_BACKUP
def fmt(paths: tuple[Path, ...], check: bool, diff: bool, width: int | None, no_backup: bool) -> int:
    """Format M in place: .pq, .m, .pqm, folders (- is standard input), and M inside other files that are named.

    Those are .xlsx, .xlsm, .xlsb, .pbix, .pbit, .pqt, .pbip, .bim, .tmdl, model.json and folders of models.
    """

    def action() -> int:
        from mlang.app import settings
        from mlang.app.formatting import format_files

        settings.forget()
        by_width: dict[int, list[Path]] = {}
        for path in paths or (Path("."),):
            wide = width or settings.width_for(path)
            by_width.setdefault(wide, []).append(path)
        backup = not no_backup
        return max(format_files(chosen, check, diff, wide, backup) for wide, chosen in by_width.items())

    return _guarded(action)


@click.command()
@click.argument("file", type=click.Path(path_type=Path, allow_dash=True))
@click.option("--query", "-q", metavar="NAME", help="The query; may be left out when there is one.")
@click.option(
    "--rows", "-n", type=click.IntRange(0), default=3, show_default=True, help="First rows to show."
)
@click.option("--count", is_flag=True, help="Count the rows of each step (reads them all).")
@click.option("--trace", is_flag=True, help="Show what is evaluated, when, how often and for whom.")
@click.option(
    "--bind", "bindings", multiple=True, metavar="NAME=FILE", help="Replace a step or query by a file."
)
@click.option("--culture", metavar="TAG", help="Culture of texts, numbers and dates, such as de-DE.")
@click.option("--watch", is_flag=True, help="Show them again whenever the file is saved, until Ctrl-C.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def steps(
    file: Path, query: str | None, rows: int, count: bool, trace: bool, bindings: tuple[str, ...],
    culture: str | None, watch: bool, as_json: bool,
) -> int:  # fmt: skip
    """Show each step of a query: its kind, schema, first rows and time."""

    def action() -> int:
        from mlang.app import settings
        from mlang.app.overlay import parse_bindings
        from mlang.app.stepping import show_steps, show_trace, watch_steps

        settings.forget()
        bound = parse_bindings(bindings)
        tag = culture or settings.settings_for(file).culture

        def show() -> int:
            if trace:
                return show_trace(file, query, bound, as_json, culture=tag)
            return show_steps(file, query, bound, rows, count, as_json, culture=tag)

        return watch_steps(file, bound, show) if watch else show()

    return _guarded(action, as_json)


@click.command()
@_PATHS
@click.option("--select", metavar="CODES", help="Only these rules, such as M1,M302; ALL for all.")
@click.option("--ignore", metavar="CODES", help="Not these rules.")
@click.option("--fix", is_flag=True, help="Cure what can be cured without changing what the text gives.")
@click.option(
    "--unsafe", is_flag=True, help="With --fix and --diff: cures that need a look too (unused steps)."
)
@click.option("--diff", is_flag=True, help="Print what --fix would change; exit code 1 when something would.")
@_NO_BACKUP
@click.option("--rules", is_flag=True, help="List the rules.")
@click.option("--github", is_flag=True, help="Print annotations for GitHub Actions too.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def lint(
    paths: tuple[Path, ...], select: str | None, ignore: str | None, fix: bool, unsafe: bool, diff: bool,
    no_backup: bool, rules: bool, github: bool, as_json: bool,
) -> int:  # fmt: skip
    """Find what is probably wrong or slow in M files (M101 ...) and dataflows (L1 to L19).

    Exit code 1 when there is a finding.  A comment // mlang: ignore CODE silences a line; [lint] of
    mlang.toml or [tool.mlang.lint] of pyproject.toml chooses rules.
    """

    def action() -> int:
        from mlang.app import settings
        from mlang.app.linting.command import Choice, fix_paths, lint_paths, print_rules

        settings.forget()
        if rules:
            return print_rules()
        choice = Choice(select, ignore)
        if fix or diff:
            return fix_paths(list(paths), choice, fix and not diff, unsafe, as_json, github, not no_backup)
        if unsafe:
            raise click.UsageError("--unsafe goes with --fix or --diff.")
        return lint_paths(list(paths), choice, as_json, github)

    return _guarded(action)


@click.command("help")
@click.argument("name", required=False)
@click.pass_context
def help_on(ctx: click.Context, name: str | None) -> int:
    """Explain an error, a function of the library or a command by its name.

    An error has the name that stands below its message, or is its message in quotes; without a name the
    errors with pages are listed.
    """

    def action() -> int:
        from mlang.app import completion

        root = ctx.find_root()
        command = (
            root.command.get_command(root, name) if name and isinstance(root.command, click.Group) else None
        )
        if name is None or command is None:
            print(completion.help_on(name))
        else:
            with click.Context(command, info_name=name, parent=root) as inner:
                print(command.get_help(inner))
        return 0

    return _guarded(action)
