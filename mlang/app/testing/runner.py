"""The command ``mlang test``: all files, in this process or in several, and the summary."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mlang.app.testing import reports
from mlang.app.testing.cases import run_file
from mlang.app.testing.discover import Options, read_settings, test_files
from mlang.app.testing.outcome import EXIT_FAILED, PASSED, SKIPPED, UPDATED, Outcome
from mlang.errors import Fault


@dataclass
class Output:
    """Where results go."""

    junit: Path | None = None
    trx: Path | None = None
    tap: bool = False
    github: bool = False
    json: bool = False
    verbose: bool = False
    fail_fast: bool = False


def run_tests(paths: list[Path], options: Options, output: Output, jobs: int = 1) -> int:
    """Runs and reports; 0 all well, 3 some failed, 2 nothing to run."""
    started = time.perf_counter()
    if not paths and options.settings is not None:
        paths = read_settings(options.settings).queries
    files = test_files(paths or [Path(".")])
    for fixture in options.bindings.values():
        if not fixture.is_file():
            raise Fault(f"There is no file {fixture}.")
    if options.settings is not None and output.trx is None:
        output.trx = read_settings(options.settings).trx
    quiet = output.tap or output.json
    outcomes: list[Outcome] = []
    for found in _outcomes(files, options, jobs):
        outcomes += found
        if not quiet:
            for outcome in found:
                _show(outcome, output.verbose)
        if output.fail_fast and any(o.bad for o in found):
            break
    _write(outcomes, output)
    if not outcomes:
        print("No tests were found." if not files else "No test matches.", file=sys.stderr)
        return 2
    for name in options.bindings:
        if all(name in o.unbound for o in outcomes):
            raise Fault(f"There is no query or step '{name}' to replace in any of the tests.")
    if not quiet:
        print(summary(outcomes, time.perf_counter() - started))
    return EXIT_FAILED if any(o.bad for o in outcomes) else 0


def _outcomes(files: list[Path], options: Options, jobs: int) -> Iterator[list[Outcome]]:
    if jobs <= 1 or len(files) <= 1:
        for file in files:
            yield run_file(file, options)
        return
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor

    # Fresh interpreters: forked ones would inherit the engine's locks and threads.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(jobs, len(files)), mp_context=context) as pool:
        pending = [pool.submit(run_file, file, options) for file in files]
        try:
            for future in pending:
                yield future.result()
        finally:
            for future in pending:
                future.cancel()


def _show(outcome: Outcome, verbose: bool) -> None:
    if outcome.status == PASSED and not verbose:
        return
    word = outcome.status.upper() if outcome.bad else outcome.status
    message = f": {outcome.message}" if outcome.message else ""
    time_text = f" ({outcome.seconds:.2f} s)" if verbose else ""
    print(f"{word} {outcome.id}{message}{time_text}")
    for line in outcome.details:
        print(f"    {line}")


def _write(outcomes: list[Outcome], output: Output) -> None:
    if output.junit is not None:
        output.junit.write_text(reports.junit(outcomes), encoding="utf-8")
    if output.trx is not None:
        output.trx.write_text(reports.trx(outcomes), encoding="utf-8")
    if output.tap:
        print(reports.tap(outcomes), end="")
    if output.json:
        print(reports.as_json(outcomes))
    if output.github:
        print(reports.github(outcomes), end="", file=sys.stderr if output.tap or output.json else sys.stdout)


def summary(outcomes: list[Outcome], seconds: float) -> str:
    """``12 passed, 1 failed in 0.31 s``"""
    parts = [f"{sum(o.status == PASSED for o in outcomes)} passed"]
    bad = sum(o.bad for o in outcomes)
    parts += [f"{bad} failed"] if bad else []
    for status in (UPDATED, SKIPPED):
        count = sum(o.status == status for o in outcomes)
        parts += [f"{count} {status}"] if count else []
    return f"{', '.join(parts)} in {seconds:.2f} s"
