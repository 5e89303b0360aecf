"""The command ``mlang serve``; what it answers is in ``staging/serving.py``."""

from __future__ import annotations

import contextlib
import os
import secrets
import sys
from pathlib import Path

import click

from mlang.app.cli import PARAMETER_FILE, PARAMETERS, Problem, cli, guarded
from mlang.app.workflow import DATAFLOW, make_refresh, read_levels


@cli.command()
@DATAFLOW
@PARAMETERS
@PARAMETER_FILE
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8765, show_default=True, help="0 takes a free one."
)
@click.option("--timeout", type=click.FloatRange(0, min_open=True), default=90.0, show_default=True)
@click.option(
    "--wait", type=click.FloatRange(0), default=20.0, show_default=True,
    help="Seconds after which a query answers 202 and is asked for again.",
)  # fmt: skip
@click.option(
    "--firewall/--no-firewall", default=None,
    help="Refuse and buffer as the data privacy firewall does (default: as a refresh does).",
)  # fmt: skip
@click.option(
    "--levels", type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="Privacy levels of sources (JSON, see mlang firewall explain).",
)  # fmt: skip
def serve(
    dataflow: Path,
    parameters: dict[str, str],
    parameter_file: Path | None,
    port: int,
    timeout: float,
    wait: float,
    firewall: bool | None,
    levels: Path | None,
) -> int:
    """Answer executeQuery requests on 127.0.0.1 with Arrow data.

    The token is MLANG_TOKEN, or a new one that is printed.
    """

    def act() -> int:
        from staging.errors import StagingError
        from staging.serving import Server, Service

        given = make_refresh(dataflow, parameters, parameter_file, None, None).parameters
        token = os.environ.get("MLANG_TOKEN") or secrets.token_urlsafe(24)
        try:
            service = Service(dataflow, {}, given, timeout, wait, firewall, read_levels(levels))
            server = Server(service, port, token)
        except StagingError as error:
            raise Problem(str(error)) from None
        print(f"http://127.0.0.1:{server.server_address[1]}/executeQuery", flush=True)
        if not os.environ.get("MLANG_TOKEN"):
            print(f"Token: {token}", file=sys.stderr, flush=True)
        with server, contextlib.suppress(KeyboardInterrupt):
            server.serve_forever()
        return 0

    return guarded(act)
