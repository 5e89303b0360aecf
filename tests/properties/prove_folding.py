"""Many random programs, folded and interpreted: values, types, errors and order must agree.

`python -m tests.properties.prove_folding [--programs 100000] [--seed N] [--jobs 1] [--state FILE] [--seconds N]`
`--large` reads tables of tens of thousands of rows, where the engine's threads run side by side.
`python -m tests.properties.prove_folding --seed N --number K` shows one program, both answers and what folds.
`--state FILE --again` runs those that differed once more.
`--over SQLite|PostgreSQL|MySQL` reads most tables from a source database, which the run starts.

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

from attrs import frozen

import mlang
from mlang.app.api import open_session
from mlang.compile.entry import Document, run
from mlang.errors import Cancelled, Fault
from mlang.session import Session, use
from mlang.values.metadata import strip
from mlang.values.show import to_m, type_text
from mlang.values.types import type_of
from tests.properties.dataflows import Program, program
from tests.properties.pool import SERVERS
from tests.properties.pool_files import make_pool

CHUNK, LARGE_CHUNK = 100, 10
#: Seconds after which a program is given up (and counted).
PATIENCE = 20
#: Programs that run in one session: opening files and databases costs more than most programs.
SHARED = 50
ENGINES = ("duckdb", "none")


@frozen
class Pool:
    """The tables of a seed: their folder, and the source database that holds most of them (its M and its schema)."""

    seed: int
    folder: Path
    large: bool = False
    over: str = ""
    server: str = ""
    schema: str = ""

    def program(self, number: int) -> Program:
        """The program of a number."""
        return program(self.seed, number, self.large, self.over)

    def text(self, program: str) -> str:
        """A program over these tables."""
        marks = {"{folder}": str(self.folder), "{server}": self.server, "{schema}": self.schema}
        text = program
        for mark, found in marks.items():
            text = text.replace(mark, found)
        return text


class Evaluator:
    """Evaluates texts with an engine, in a session that the next ones share; ``served`` asks for source databases."""

    def __init__(self, served: bool = False) -> None:
        self.served = served
        logins = {(name, ""): {"Username": "tester"} for name in SERVERS}
        self.sessions = {e: open_session(engine=e, culture="en-US", credentials=logins) for e in ENGINES}
        self.uses = 0

    def both(self, text: str) -> tuple[str, str, bool]:
        """The answers folded and interpreted, and whether an engine was asked."""
        self.uses += 1
        if self.uses > SHARED:
            self.__init__(self.served)  # type: ignore[misc]
        session = self.sessions["duckdb"]
        session.fixed.pop("folding.cursor", None)
        Asked.queries = 0
        folded = answer(text, session)
        asked = Asked.queries > 0 if self.served else "folding.cursor" in session.fixed
        return folded, answer(text, self.sessions["none"]), asked


class Asked:
    """Counts the queries that source databases are asked, but of tables as they stand."""

    queries = 0

    @classmethod
    def count(cls) -> None:
        """Counts from now on, in this process."""
        from folding.engines.remote import RemoteSource
        from mlang.tables import plan as p

        own = RemoteSource.__init__

        def made(source: RemoteSource, plan: p.Plan, query: Any) -> None:
            below = plan.input if isinstance(plan, p.Project) else plan
            cls.queries += not isinstance(below, p.Scan)
            own(source, plan, query)

        RemoteSource.__init__ = made  # type: ignore[method-assign]


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


def differs(made: Program, tables: Pool) -> tuple[str, str] | None:
    """Both answers, in sessions of their own, when they are not the same."""
    folded, interpreted, _ = Evaluator().both(tables.text(made.text()))
    return None if folded == interpreted and "PYTHON" not in folded else (folded, interpreted)


def smallest(made: Program, tables: Pool) -> Program:
    """A part of the program that still differs, from which nothing can be left out."""
    for smaller in made.smaller():
        if differs(smaller, tables) is not None:
            return smallest(smaller, tables)
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


def chunk(job: tuple[Pool, int, int]) -> dict[str, Any]:
    """Runs the programs of a range, all on one thread with a deep stack."""
    return run(lambda: _chunk(*job))


def _chunk(tables: Pool, start: int, count: int) -> dict[str, Any]:
    differences, folded, raised, slow = [], 0, 0, 0
    evaluator = Evaluator(bool(tables.over))
    for number in range(start, start + count):
        made = tables.program(number)
        try:
            with Watch.patience(evaluator, PATIENCE * (6 if tables.large else 1)):
                left, right, asked = evaluator.both(tables.text(made.text()))
        except Cancelled:
            slow += 1
            evaluator = Evaluator(bool(tables.over))
            continue
        folded += asked
        raised += left.startswith("error ")
        if left != right or "PYTHON" in left:
            differences.append(_difference(number, made, tables, (left, right)))
    return {
        "start": start, "count": count, "folded": folded, "raised": raised, "slow": slow, "differences": differences,
    }  # fmt: skip


def _difference(number: int, made: Program, tables: Pool, seen: tuple[str, str]) -> dict[str, Any]:
    """What is written down: a smaller program, or that the program only differs after the ones before it."""
    found, small, alone = None, made, True
    try:
        with Watch.patience(None, PATIENCE * 5):
            alone = differs(made, tables) is not None
            small = smallest(made, tables) if alone else made
            found = differs(small, tables)
    except Cancelled:
        small = made
    folded, interpreted = found or seen
    return {
        "number": number, "program": small.text(), "folded": folded, "interpreted": interpreted,
        "alone": alone,
    }  # fmt: skip


def prepare() -> None:
    """A worker: what takes too long is cancelled."""
    signal.signal(signal.SIGALRM, Watch.ring)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Asked.count()


def pool(seed: int, large: bool = False, over: str = "") -> Pool:
    """The seed's tables; files are made when they are not there."""
    folder = Path(tempfile.gettempdir()) / f"mlang-dataflows-{seed}{'-large' if large else ''}"
    make_pool(seed, folder, large)
    if not over:
        return Pool(seed, folder, large)
    from tests.properties.pool_servers import filled

    engine = filled(seed, over)
    return Pool(seed, folder, large, over, engine.source, engine.schema)


def revision() -> str:
    """The commit that was tested."""
    found = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True)
    return found.stdout.strip() or "unknown"


def prove(tables: Pool, programs: int, jobs: int, state: Path, seconds: float) -> int:
    """Runs what is not done yet; the exit code says whether there were differences."""
    done: dict[str, Any] = {}
    seed, size = tables.seed, LARGE_CHUNK if tables.large else CHUNK
    if state.exists():
        done = json.loads(state.read_text())["done"]
    wanted = [
        (tables, start, min(size, programs - start))
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


def again(state: Path, large: bool, over: str) -> int:
    """Runs the programs that differed once more and says which still do."""
    known = json.loads(state.read_text())
    tables = pool(known["seed"], large, over)
    found = [f for d in known["done"].values() for f in d["differences"]]
    still = 0
    for difference in found:
        text = tables.text(difference["program"])
        folded, interpreted, _ = run(lambda text=text: Evaluator().both(text))  # type: ignore[misc]
        if folded != interpreted or "PYTHON" in folded:
            still += 1
            print(
                f"{difference['number']}\n{difference['program']}\n  folded      {folded}\n  interpreted {interpreted}"
            )
    print(f"{len(found)} programs differed, {still} still do")
    return 1 if still else 0


def show(tables: Pool, number: int) -> None:
    """One program and what becomes of it."""
    text = tables.text(tables.program(number).text())
    print(text)
    for engine, found in zip(ENGINES, run(lambda: Evaluator().both(text)), strict=False):
        print(f"--- {engine}\n{found}")
    if not tables.over:
        print(f"---\n{mlang.explain(text)}")


def main() -> None:
    parser = argparse.ArgumentParser(description="Random programs, folded and interpreted.")
    parser.add_argument("--programs", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--number", type=int, default=None, help="show one program")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--state", type=Path, default=None)
    parser.add_argument("--large", action="store_true", help="over tables of tens of thousands of rows")
    parser.add_argument("--over", choices=SERVERS, default="", help="over tables of a source database")
    parser.add_argument("--again", action="store_true", help="only the programs of --state that differed")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="stop after so long")
    options = parser.parse_args()
    if options.again:
        if options.state is None:
            parser.error("--again needs --state")
        sys.exit(again(options.state, options.large, options.over))
    seed = options.seed if options.seed is not None else secrets.randbelow(10**9)
    tables = pool(seed, options.large, options.over)
    if options.number is not None:
        show(tables, options.number)
        return
    state = options.state or Path(f"folding-{seed}.json")
    sys.exit(prove(tables, options.programs, options.jobs, state, options.seconds))


if __name__ == "__main__":
    main()
