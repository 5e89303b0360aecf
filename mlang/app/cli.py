"""The commands of ``mlang``.  Each is a thin shell: read options, call the library, write the result.

Results go to stdout, everything else to stderr.  Exit codes: 0 done, 1 M error or failed
refresh, 2 wrong usage or a text that is no M, 130 cancelled.
"""

from __future__ import annotations

import functools
import inspect
import os
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import click

from mlang.app import tools
from mlang.app.containers import command
from mlang.app.report import print_error
from mlang.errors import Fault, MError


def run(arguments: list[str]) -> int:
    """Runs a command line and gives its exit code."""
    for name in ("workflow", "items", "upkeep", "serving"):
        import_module(f"mlang.app.{name}")  # they declare the rest of the commands
    try:
        result = cli.main(args=arguments, prog_name="mlang", standalone_mode=False)
    except Problem as problem:
        problem.show()
        return problem.code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.exceptions.Abort:
        print("Cancelled.", file=sys.stderr)
        return 130
    return result if isinstance(result, int) else 0


CODE_USAGE = 2


class Problem(click.ClickException):
    """A message without usage; exit code 1 unless told."""

    def __init__(self, message: str, code: int = 1) -> None:
        super().__init__(message)
        self.code = code

    def show(self, file: Any = None) -> None:
        print(self.message, file=sys.stderr)


def guarded(action: Callable[[], int], as_json: bool = False) -> int:
    """Turns the errors of M, of files and of staging into messages and exit codes."""
    try:
        return action()
    except (MError, Fault) as error:
        return print_error(error, as_json)
    except BrokenPipeError:  # an OSError to click, which would end with 1
        from mlang.app.main import broken_pipe

        raise SystemExit(broken_pipe()) from None
    except OSError as error:
        where = f": {error.filename}" if error.filename else ""
        print(f"{error.strerror or error}{where}", file=sys.stderr)
        return 1


def _parameters(ctx: click.Context, option: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    found: dict[str, str] = {}
    for text in values:
        name, sign, value = text.partition("=")
        if not sign or not name:
            raise click.BadParameter(f"{text!r} is not of the form name=value.")
        found[name] = value
    return found


PARAMETERS = click.option(
    "--param", "parameters", multiple=True, metavar="NAME=VALUE", callback=_parameters,
    help="Value of a parameter; may be repeated.",
)  # fmt: skip
PARAMETER_FILE = click.option(
    "--param-file", "parameter_file", type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="JSON object of parameters; MLANG_PARAM_name and --param win over it.",
)  # fmt: skip
VALUE_SET = click.option(
    "--value-set", "value_sets", multiple=True, metavar="[LIBRARY=]NAME",
    help="Active value set of variable libraries (default: MLANG_VALUE_SET); may be repeated.",
)  # fmt: skip
BIND = click.option(
    "--bind", "bindings", multiple=True, metavar="NAME=FILE",
    help="Replace a step or query (Step, Query or Query/Step) by a .csv, .json, .parquet or M file.",
)  # fmt: skip
EXTENSION = click.option(
    "--extension", "extensions", multiple=True, metavar="FILE", type=click.Path(path_type=Path, dir_okay=False),
    help="A module (.pq, .mez, .pqx) whose shared members may be used; may be repeated.",
)  # fmt: skip
JSON = click.option("--json", "as_json", is_flag=True, help="Write JSON for machines.")
CULTURE = click.option("--culture", metavar="TAG", help="Culture of texts, numbers and dates, such as de-DE.")


def engine_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """``--engine``, ``--no-fold`` for ``--engine none``, and ``--spark-url`` for the server of ``--engine spark``."""

    @functools.wraps(command)
    def chosen(*arguments: Any, no_fold: bool, spark_url: str | None, **options: Any) -> Any:
        if spark_url is not None:
            os.environ["MLANG_SPARK"] = spark_url
            options["engine"] = options.get("engine") or "spark"
        if no_fold:
            if options.get("engine") not in (None, "none"):
                raise click.UsageError("--no-fold and --engine contradict each other.")
            options["engine"] = "none"
        return command(*arguments, **options)

    fences = click.option("--no-fold", is_flag=True, help="Fold nothing: the same as --engine none.")
    engines = click.option(
        "--engine",
        type=click.Choice(["auto", "duckdb", "spark", "none"]),
        help="Who runs tables; none interprets everything.",
    )
    servers = click.option(
        "--spark-url",
        metavar="ADDRESS",
        help="Spark Connect address (sc://host:port), or local; implies --engine spark.",
    )
    return engines(servers(fences(chosen)))


WORKSPACE = click.option(
    "--workspace",
    type=click.Path(path_type=Path),
    help="Folder of staged data (default: .mlang beside the dataflow).",
)


class Commands(click.Group):
    """A group whose list of commands says the whole of each summary, over several lines where it must."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        found = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        rows = [(name, _summary(command)) for name, command in found if command is not None]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


Commands.group_class = Commands


def _summary(command: click.Command) -> str:
    """The first sentence of a command's help."""
    text = " ".join(inspect.cleandoc(command.help or "").partition("\n\n")[0].split())
    return text.partition(". ")[0].rstrip(".")


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
def cli() -> None:
    """Power Query M anywhere: run, explain and refresh M queries and dataflows."""


@cli.command()
def version() -> None:
    """Print the version."""
    import mlang

    click.echo(f"mlang {mlang.__version__}")


# ---------------------------------------------------------------- evaluating


@cli.command("eval")
@click.argument("expression")
@BIND
@EXTENSION
@JSON
@CULTURE
@engine_options
def evaluate(expression: str, as_json: bool, **settings: Any) -> int:
    """Evaluate one expression and print its value."""
    from mlang.app.running import evaluate_text

    return guarded(lambda: evaluate_text(expression, as_json, **settings), as_json)


@cli.command("run")
@click.argument("file", type=click.Path(allow_dash=True, path_type=Path))
@click.option(
    "--query", "-q", metavar="NAME", help="The query to evaluate; may be left out when there is one."
)
@PARAMETERS
@VALUE_SET
@click.option(
    "-o", "--output", type=click.Path(path_type=Path, dir_okay=False),
    help="Write to a file: .csv, .json, .parquet, .arrow or .xlsx.",
)  # fmt: skip
@BIND
@EXTENSION
@JSON
@CULTURE
@engine_options
def run_file(
    file: Path,
    query: str | None,
    parameters: dict[str, str],
    output: Path | None,
    as_json: bool,
    **settings: Any,
) -> int:
    """Evaluate a query of an M file (.pq, .m, a dataflow folder; - is standard input)."""
    from mlang.app.running import run_file

    return guarded(lambda: run_file(file, query, parameters, output, as_json, **settings), as_json)


@cli.command()
@EXTENSION
@CULTURE
@engine_options
def repl(extensions: tuple[Path, ...], **settings: Any) -> int:
    """Evaluate expressions as you type them."""
    from mlang.app.repl import Repl

    return guarded(lambda: Repl(extensions, **settings).run())


@cli.group()
def kernel() -> None:
    """M in Jupyter (needs the extra mlang[notebook])."""


@kernel.command("install")
@click.option("--user", is_flag=True, help="For this user (default: for this Python environment).")
@click.option("--prefix", metavar="FOLDER", help="For the environment in this folder.")
def kernel_install(user: bool, prefix: str | None) -> int:
    """Register the kernel "Power Query M" with Jupyter."""

    def act() -> int:
        try:
            from mlang.app.notebook.kernel import install
        except ImportError as missing:
            raise Fault(f"Jupyter is not here ({missing}); install mlang[notebook].") from None
        place = install(user, prefix if prefix or user else sys.prefix)
        print(f"Installed {place}.", file=sys.stderr)
        return 0

    return guarded(act)


@cli.command()
@click.argument("file", type=click.Path(allow_dash=True, path_type=Path))
@click.option(
    "--query", "-q", metavar="NAME", help="The query to explain; may be left out when there is one."
)
@click.option(
    "--step",
    metavar="NAME",
    help="Only this step; one further in by its path: Step/Inner, Function/Step, Query/Step.",
)
@click.option(
    "--all", "every", is_flag=True,
    help="The steps of nested lets, of called functions and of other queries too.",
)  # fmt: skip
@click.option("--sql", is_flag=True, help="Print the SQL of the last step, or of --step, alone.")
@click.option("--tree", is_flag=True, help="Show the plan as a tree, with the boundaries between engines.")
@click.option(
    "--run",
    "measure",
    is_flag=True,
    help="Run the query, and show the tree with rows and time of each boundary.",
)
@click.option(
    "--html", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
    help="Write one page with a picture of the plan.",
)  # fmt: skip
@PARAMETERS
@VALUE_SET
@BIND
@EXTENSION
@JSON
@CULTURE
@engine_options
def explain(
    file: Path,
    query: str | None,
    step: str | None,
    sql: bool,
    parameters: dict[str, str],
    as_json: bool,
    **settings: Any,
) -> int:
    """Show for each step whether it folds, to which SQL, and why not."""
    from mlang.app.explaining import explain_file

    return guarded(lambda: explain_file(file, query, step, sql, parameters, as_json, **settings), as_json)


# ---------------------------------------------------------------- dataflows


@cli.command()
@click.argument("dataflow", type=click.Path(path_type=Path))
@click.option(
    "--query", "-q", "queries", multiple=True, metavar="NAME", help="Only this query; may be repeated."
)
@PARAMETERS
@PARAMETER_FILE
@VALUE_SET
@click.option(
    "--jobs", "-j", type=click.IntRange(1), help="Queries at a time (default: maxConcurrency, or all cores)."
)
@click.option("--timeout", type=click.FloatRange(0, min_open=True), help="Seconds that a query may run.")
@click.option(
    "--retries", type=click.IntRange(0), default=2, show_default=True, help="Repetitions when a source fails."
)
@click.option("--reuse/--no-reuse", default=None, help="Use again what is staged where nothing has changed.")
@click.option(
    "--full", is_flag=True, help="Load every bucket of incremental queries, as if for the first time."
)
@click.option(
    "--schema", type=click.Choice(["evolve", "freeze"]), default="evolve", show_default=True,
    help="What a change of a staged query's columns does: be taken over, or fail the query.",
)  # fmt: skip
@click.option(
    "--firewall/--no-firewall", default=None,
    help="Refuse and buffer as the data privacy firewall does "
    "(default: in items of Fabric that do not set fastCombine).",
)  # fmt: skip
@click.option(
    "--levels", type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="Privacy levels of sources (JSON, see mlang firewall explain).",
)  # fmt: skip
@WORKSPACE
@JSON
@engine_options
def refresh(
    dataflow: Path,
    queries: tuple[str, ...],
    parameters: dict[str, str],
    parameter_file: Path | None,
    workspace: Path | None,
    as_json: bool,
    engine: str | None,
    **settings: Any,
) -> int:
    """Refresh a dataflow: stage its queries, then load its destinations."""
    from mlang.app.dataflows import refresh_dataflow
    from mlang.app.workflow import make_refresh

    def act() -> int:
        only = list(queries) or None
        made = make_refresh(dataflow, parameters, parameter_file, workspace, engine, only=only, **settings)
        return refresh_dataflow(made, as_json)

    return guarded(act)


@cli.group()
def staging() -> None:
    """Look at staged data."""


@staging.command("list")
@click.argument("place", type=click.Path(path_type=Path), default=".")
@click.option("--all", "everything", is_flag=True, help="The staging items and older generations too.")
@WORKSPACE
@JSON
def staging_list(place: Path, everything: bool, workspace: Path | None, as_json: bool) -> int:
    """List the staged queries of a dataflow, or of all dataflows of a folder."""
    from mlang.app.dataflows import list_staging

    return guarded(lambda: list_staging(place, everything, workspace, as_json))


@staging.command("show")
@click.argument("dataflow", type=click.Path(path_type=Path))
@click.argument("query")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write to a file: .csv, .json, .parquet, .arrow or .xlsx.",
)
@WORKSPACE
@JSON
def staging_show(
    dataflow: Path, query: str, output: Path | None, workspace: Path | None, as_json: bool
) -> int:
    """Print the staged rows of a query, as the last good refresh left them."""
    from mlang.app.dataflows import show_staged

    return guarded(lambda: show_staged(dataflow, query, output, workspace, as_json), as_json)


@staging.command("drop")
@click.argument("dataflow", type=click.Path(path_type=Path))
@WORKSPACE
def staging_drop(dataflow: Path, workspace: Path | None) -> int:
    """Remove all staged data of a dataflow (it may be deleted already)."""
    from mlang.app.dataflows import drop_staged

    return guarded(lambda: drop_staged(dataflow, workspace))


@cli.command()
@click.argument("place", type=click.Path(path_type=Path), default=".")
@click.option("--limit", "-n", type=click.IntRange(1), default=50, show_default=True, help="Runs to show.")
@click.option(
    "--run", "run_id", metavar="ID", help="The queries of one run (the first letters of its id do)."
)
@click.option("--csv", "as_csv", is_flag=True, help="One line a query, with the columns of Gen1.")
@WORKSPACE
@JSON
def history(
    place: Path, limit: int, run_id: str | None, as_csv: bool, workspace: Path | None, as_json: bool
) -> int:
    """List the refreshes of a dataflow, or of all dataflows of a folder, newest first."""
    from mlang.app.dataflows import show_history

    return guarded(lambda: show_history(place, limit, run_id, workspace, as_json, as_csv))


tools.register(cli)
command.register(cli)
