"""Many random programs, folded and interpreted: values, types, errors and order must agree.

`python -m tests.properties.prove_folding [--programs 100000] [--seed N] [--jobs 1] [--state FILE] [--seconds N]`
`--large` reads tables of tens of thousands of rows, where the engine's threads run side by side.
`python -m tests.properties.prove_folding --seed N --number K` shows one program, both answers and what folds.
`--state FILE --again` runs those that differed once more.

The seed is printed; a state file holds what is done, so a run that was stopped goes on where it was.
A program that differs is made smaller and written to the state file with both answers.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import multiprocessing
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import mlang
from mlang.app.api import open_session
from mlang.compile.entry import Document, run
from mlang.errors import Cancelled, Fault
from mlang.session import Session, use
from mlang.values.metadata import strip
from mlang.values.show import to_m, type_text
from mlang.values.types import type_of
from tests.properties.dataflows import Program, program
from tests.properties.pool_files import make_pool

CHUNK, LARGE_CHUNK = 100, 10
#: Seconds after which a program is given up (and counted).
PATIENCE = 20
#: Programs that run in one session: opening files and databases costs more than most programs.
SHARED = 50
ENGINES = ("duckdb", "none")


class Evaluator:
    """Evaluates texts with an engine, in a session that the next ones share."""

    def __init__(self) -> None:
        self.sessions = {engine: open_session(engine=engine, culture="en-US") for engine in ENGINES}
        self.uses = 0

    def both(self, text: str) -> tuple[str, str, bool]:
        """The answers folded and interpreted, and whether an engine was asked."""
        self.uses += 1
        if self.uses > SHARED:
            self.__init__()  # type: ignore[misc]
        session = self.sessions["duckdb"]
        session.fixed.pop("folding.cursor", None)
        folded = answer(text, session)
        return folded, answer(text, self.sessions["none"]), "folding.cursor" in session.fixed


def answer(text: str, session: Session) -> str:
    """The value with its type, or the error, as text."""
    try:
        with use(session):
            value = Document(text).value()
            return f"{type_text(type_of(value), True)}\n{to_m(strip(value), errors='show')}"
    except Cancelled:
        raise
    except mlang.MError as error:
        return f"error {error}"
    except Fault as failure:
        return f"{failure.__class__.__name__} {failure}"
    except RecursionError:  # which `mlang.evaluate` says in M's words
        return "error Expression.Error: stack overflow"
    except Exception as failure:
        return f"PYTHON {failure.__class__.__name__} {failure}"


def written(made: Program, folder: Path) -> str:
    """The program as M over the pool in a folder."""
    return made.text().replace("{folder}", str(folder))


def differs(made: Program, folder: Path) -> tuple[str, str] | None:
    """Both answers, in sessions of their own, when they are not the same."""
    folded, interpreted, _ = Evaluator().both(written(made, folder))
    return None if folded == interpreted and "PYTHON" not in folded else (folded, interpreted)


def smallest(made: Program, folder: Path) -> Program:
    """A part of the program that still differs, from which nothing can be left out."""
    for smaller in made.smaller():
        if differs(smaller, folder) is not None:
            return smallest(smaller, folder)
    return made


class Watch:
    """Cancels what the evaluating thread does when it takes too long; the main thread gets the alarm."""

    thread = 0
    evaluator: Evaluator | None = None

    @classmethod
    def ring(cls, *_: Any) -> None:
        """The alarm."""
        if not cls.thread:
            return
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(cls.thread), ctypes.py_object(Cancelled))
        engine = cls.evaluator.sessions["duckdb"].fixed.get("folding.cursor") if cls.evaluator else None
        if engine is not None:
            engine.interrupt()

    @classmethod
    @contextmanager
    def patience(cls, evaluator: Evaluator | None, seconds: int) -> Iterator[None]:
        """Stops the block after so many seconds."""
        cls.thread, cls.evaluator = threading.get_ident(), evaluator
        signal.setitimer(
            signal.ITIMER_REAL, seconds, 2
        )  # again: one may end in a generator that is thrown away
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            cls.thread = 0


def chunk(job: tuple[int, int, int, Path, bool]) -> dict[str, Any]:
    """Runs the programs of a range, all on one thread with a deep stack."""
    return run(lambda: _chunk(*job))


def _chunk(seed: int, start: int, count: int, folder: Path, large: bool) -> dict[str, Any]:
    differences, folded, raised, slow = [], 0, 0, 0
    evaluator = Evaluator()
    for number in range(start, start + count):
        made = program(seed, number, large)
        try:
            with Watch.patience(evaluator, PATIENCE * (6 if large else 1)):
                left, right, asked = evaluator.both(written(made, folder))
        except Cancelled:
            slow += 1
            evaluator = Evaluator()
            continue
        folded += asked
        raised += left.startswith("error ")
        if left != right or "PYTHON" in left:
            differences.append(_difference(number, made, folder, (left, right)))
    return {
        "start": start, "count": count, "folded": folded, "raised": raised, "slow": slow, "differences": differences,
    }  # fmt: skip


def _difference(number: int, made: Program, folder: Path, seen: tuple[str, str]) -> dict[str, Any]:
    """What is written down: a smaller program, or that the program only differs after the ones before it."""
    found, small, alone = None, made, True
    try:
        with Watch.patience(None, PATIENCE * 5):
            alone = differs(made, folder) is not None
            small = smallest(made, folder) if alone else made
            found = differs(small, folder)
    except Cancelled:
        small = made
    folded, interpreted = found or seen
    return {
        "number": number, "program": written(small, folder), "folded": folded, "interpreted": interpreted,
        "alone": alone,
    }  # fmt: skip


def prepare() -> None:
    """A worker: what takes too long is cancelled."""
    signal.signal(signal.SIGALRM, Watch.ring)
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def pool(seed: int, large: bool = False) -> Path:
    """The folder of the seed's tables, made when it is not there."""
    folder = Path(tempfile.gettempdir()) / f"mlang-dataflows-{seed}{'-large' if large else ''}"
    make_pool(seed, folder, large)
    return folder


def revision() -> str:
    """The commit that was tested."""
    found = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True)
    return found.stdout.strip() or "unknown"


def prove(seed: int, programs: int, jobs: int, state: Path, seconds: float, large: bool) -> int:
    """Runs what is not done yet; the exit code says whether there were differences."""
    done: dict[str, Any] = {}
    size = LARGE_CHUNK if large else CHUNK
    folder = pool(seed, large)
    if state.exists():
        done = json.loads(state.read_text())["done"]
    wanted = [
        (seed, start, min(size, programs - start), folder, large)
        for start in range(0, programs, size)
        if str(start) not in done
    ]
    print(f"seed {seed}, {programs} programs, {len(done) * size} done, state in {state}", flush=True)
    begun, count = time.monotonic(), 0
    end = begun + seconds
    spawn = multiprocessing.get_context("spawn")
    with spawn.Pool(jobs, prepare, maxtasksperchild=20) as workers:
        for result in workers.imap_unordered(chunk, wanted):
            done[str(result["start"])] = {**result, "revision": revision()}
            count += result["count"]
            whole = json.dumps({"seed": seed, "done": done}, ensure_ascii=False, indent=1)
            temporary = state.with_suffix(".new")
            temporary.write_text(whole, encoding="utf-8")
            os.replace(temporary, state)
            for found in result["differences"]:
                print(f"DIFFERENT: {found['number']}{'' if found['alone'] else ' (only after others)'}\n{found['program']}\n  folded      {found['folded']}\n  interpreted {found['interpreted']}", flush=True)  # fmt: skip
            if time.monotonic() > end:
                workers.terminate()
                break
    print(f"{count} programs in {time.monotonic() - begun:.0f} s")
    return report(seed, done)


def report(seed: int, done: dict[str, Any]) -> int:
    """Says what came out."""
    total = {key: sum(d[key] for d in done.values()) for key in ("count", "folded", "raised", "slow")}
    different = sum(len(d["differences"]) for d in done.values())
    print(
        f"seed {seed}: {total['count']} programs, {different} differences; an engine was asked in"
        f" {total['folded']}, an error was the answer in {total['raised']}, given up {total['slow']}"
    )
    return 1 if different else 0


def again(state: Path) -> int:
    """Runs the programs that differed once more and says which still do."""
    found = [f for d in json.loads(state.read_text())["done"].values() for f in d["differences"]]
    still = 0
    for difference in found:
        folded, interpreted, _ = run(lambda text=difference["program"]: Evaluator().both(text))  # type: ignore[misc]
        if folded != interpreted or "PYTHON" in folded:
            still += 1
            print(
                f"{difference['number']}\n{difference['program']}\n  folded      {folded}\n  interpreted {interpreted}"
            )
    print(f"{len(found)} programs differed, {still} still do")
    return 1 if still else 0


def show(seed: int, number: int, large: bool) -> None:
    """One program and what becomes of it."""
    text = written(program(seed, number, large), pool(seed, large))
    print(text)
    for engine, found in zip(ENGINES, run(lambda: Evaluator().both(text)), strict=False):
        print(f"--- {engine}\n{found}")
    print(f"---\n{mlang.explain(text)}")


def main() -> None:
    parser = argparse.ArgumentParser(description="Random programs, folded and interpreted.")
    parser.add_argument("--programs", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--number", type=int, default=None, help="show one program")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--state", type=Path, default=None)
    parser.add_argument("--large", action="store_true", help="over tables of tens of thousands of rows")
    parser.add_argument("--again", action="store_true", help="only the programs of --state that differed")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="stop after so long")
    options = parser.parse_args()
    if options.again:
        if options.state is None:
            parser.error("--again needs --state")
        sys.exit(again(options.state))
    seed = options.seed if options.seed is not None else secrets.randbelow(10**9)
    if options.number is not None:
        show(seed, options.number, options.large)
        return
    state = options.state or Path(f"folding-{seed}.json")
    sys.exit(prove(seed, options.programs, options.jobs, state, options.seconds, options.large))


if __name__ == "__main__":
    main()
