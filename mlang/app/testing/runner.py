"""The command ``mlang test``: all files, in this process or in several, and the summary."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mlang.app.testing import coverage, reports
from mlang.app.testing.cases import clock_ticks, run_file
from mlang.app.testing.discover import Options, read_settings, test_files
from mlang.app.testing.outcome import EXIT_FAILED, PASSED, SKIPPED, UPDATED, Outcome
from mlang.app.textfile import write_atomically
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
    #: The least percentage of evaluated steps.
    fail_under: float | None = None
    #: Only tests that changes since this revision of git touch.
    changed: str | None = None


def run_tests(paths: list[Path], options: Options, output: Output, jobs: int = 1) -> int:
    """Runs and reports; 0 all well, 3 some failed, 2 nothing to run."""
    files = found_files(paths, options, output)
    if output.changed is not None:
        from mlang.app.git import changed_files
        from mlang.app.testing.selection import touched

        start = paths[0] if paths else Path(".")
        changed = changed_files(output.changed, start if start.is_dir() else start.parent)
        chosen = touched(files, options, changed)
        if files and not chosen:
            _write([], output)
            print(f"Nothing that changed since {output.changed} touches a test.", file=sys.stderr)
            return 0
        files = chosen
    return run_files(files, options, output, jobs)


def watch_tests(paths: list[Path], options: Options, output: Output, jobs: int = 1) -> int:
    """Runs all tests, then again those that a saved file touches."""
    from mlang.app.testing.selection import touched, watched
    from mlang.app.watching import watch

    known: set[Path] = set()

    def action(changed: set[Path] | None) -> None:
        files = found_files(paths, options, output)
        new = [f for f in files if f not in known]
        known.update(files)
        again = files if changed is None else touched(files, options, {p for p in changed if not p.is_dir()})
        chosen = list(dict.fromkeys([*new, *again]))
        if chosen or changed is None:
            run_files(chosen, options, output, jobs)

    def files() -> set[Path]:
        return watched(paths or [Path(".")], found_files(paths, options, output), options)

    return watch(action, files)


def found_files(paths: list[Path], options: Options, output: Output) -> list[Path]:
    """The test files, and where the settings want the report."""
    if not paths and options.settings is not None:
        paths = read_settings(options.settings).queries
    for named in (*options.bindings.values(), *options.extensions, *filter(None, (options.parameter_query,))):
        if not named.is_file():
            raise Fault(f"There is no file {named}.")
    if options.clock is not None:
        clock_ticks(options.clock)  # refuses what is none before any test runs
    if options.settings is not None and output.trx is None:
        output.trx = read_settings(options.settings).trx
    return test_files(paths or [Path(".")])


def run_files(files: list[Path], options: Options, output: Output, jobs: int) -> int:
    """Runs test files and reports."""
    started = time.perf_counter()
    quiet = output.tap or output.json
    outcomes: list[Outcome] = []
    for found in _outcomes(files, options, jobs):
        outcomes += found
        if not quiet:
            for outcome in found:
                _show(outcome, output.verbose)
        if output.fail_fast and any(o.bad for o in found):
            break
    covered = coverage.merged(outcomes) if options.coverage else None
    _write(outcomes, output, covered)
    if not outcomes:
        print("No tests were found." if not files else "No test matches.", file=sys.stderr)
        return 2
    for name in options.bindings:
        if all(name in o.unbound for o in outcomes):
            raise Fault(f"There is no query or step '{name}' to replace in any of the tests.")
    if not quiet:
        print(summary(outcomes, time.perf_counter() - started))
    if covered is not None and not enough(covered, output, quiet):
        return EXIT_FAILED
    return EXIT_FAILED if any(o.bad for o in outcomes) else 0


def enough(covered: dict[str, list[coverage.Spot]], output: Output, quiet: bool) -> bool:
    """Shows the coverage; false when it is below what is asked."""
    if not quiet:
        for line in coverage.lines(covered):
            print(line)
    found = coverage.total(covered)
    if output.fail_under is None or found >= output.fail_under:
        return True
    print(f"Coverage is {found:.1f} %, less than {output.fail_under:g} %.", file=sys.stderr)
    return False


def _outcomes(files: list[Path], options: Options, jobs: int) -> Iterator[list[Outcome]]:
    if jobs <= 1 or len(files) <= 1:
        for file in files:
            yield run_file(file, options)
        return
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor

    # Fresh interpreters: forked ones would inherit the engine's locks and threads.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(jobs, len(files)), mp_context=context, initializer=_end_with_parent) as pool:
        pending = [pool.submit(run_file, file, options) for file in files]
        try:
            for future in pending:
                yield future.result()
        finally:
            if not all(future.done() for future in pending):  # Ctrl-C, or the first failure ends the run
                pool.shutdown(wait=False, cancel_futures=True)
                for worker in multiprocessing.active_children():
                    worker.terminate()


def _end_with_parent() -> None:
    """A worker ends when the command does, however that ends: an endless test would go on alone."""
    import multiprocessing
    import os
    import threading

    parent = multiprocessing.parent_process()

    def watch() -> None:
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=watch, name="watch", daemon=True).start()


def _show(outcome: Outcome, verbose: bool) -> None:
    if outcome.status == PASSED and not verbose:
        return
    word = outcome.status.upper() if outcome.bad else outcome.status
    message = f": {outcome.message}" if outcome.message else ""
    time_text = f" ({outcome.seconds:.2f} s)" if verbose else ""
    print(f"{word} {outcome.id}{message}{time_text}")
    for line in outcome.details:
        print(f"    {line}")


def _write(
    outcomes: list[Outcome], output: Output, covered: dict[str, list[coverage.Spot]] | None = None
) -> None:
    if output.junit is not None:
        write_atomically(output.junit, reports.junit(outcomes).encode("utf-8"))
    if output.trx is not None:
        write_atomically(output.trx, reports.trx(outcomes).encode("utf-8"))
    if output.tap:
        print(reports.tap(outcomes), end="")
    if output.json:
        print(reports.as_json(outcomes, coverage.as_dict(covered) if covered is not None else None))
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
