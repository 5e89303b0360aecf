"""Many random programs, folded and interpreted: values, types, errors and order must agree.

`python -m tests.properties.prove_folding [--programs 100000] [--seed N] [--jobs 1] [--state FILE] [--seconds N]`
`python -m tests.properties.prove_folding --seed N --number K` shows one program, both answers and what folds.
`--state FILE --again` runs those that differed once more.

The seed is printed; a state file holds what is done, so a run that was stopped goes on where it was.
A program that differs is made smaller and written to the state file with both answers.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import mlang
from mlang.compile.entry import run
from mlang.errors import Cancelled, Fault
from mlang.values.metadata import strip
from mlang.values.show import to_m, type_text
from mlang.values.types import type_of
from tests.properties.dataflows import Program, program
from tests.properties.pool import make_pool

CHUNK = 250
#: Seconds after which a program is given up (and counted).
PATIENCE = 20


def answer(text: str, engine: str) -> tuple[str, bool]:
    """The value with its type, or the error, as text; and whether an engine was asked."""
    from mlang import session as sessions

    try:
        value = mlang.evaluate(text, engine=engine, culture="en-US")
        shown = run(lambda: f"{type_text(type_of(value), True)}\n{to_m(strip(value), errors='show')}")
    except mlang.MError as error:
        shown = f"error {error}"
    except (Fault, TimeoutError) as failure:
        shown = f"{failure.__class__.__name__} {failure}"
    except Exception as failure:
        shown = f"PYTHON {failure.__class__.__name__} {failure}"
    asked = "folding.cursor" in sessions.current().fixed
    return shown, asked


def written(made: Program, folder: Path) -> str:
    """The program as M over the pool in a folder."""
    return made.text().replace("{folder}", str(folder))


def differs(made: Program, folder: Path) -> tuple[str, str, bool] | None:
    """Both answers when they are not the same."""
    text = written(made, folder)
    folded, asked = answer(text, "duckdb")
    interpreted, _ = answer(text, "none")
    if folded == interpreted and "PYTHON" not in folded:
        return None
    return folded, interpreted, asked


def smallest(made: Program, folder: Path) -> Program:
    """A part of the program that still differs, from which nothing can be left out."""
    for smaller in made.smaller():
        if differs(smaller, folder) is not None:
            return smallest(smaller, folder)
    return made


def chunk(job: tuple[int, int, int, Path]) -> dict[str, Any]:
    """Runs the programs of a range."""
    seed, start, count, folder = job
    differences, folded, raised, slow = [], 0, 0, 0
    for number in range(start, start + count):
        made = program(seed, number)
        signal.alarm(PATIENCE)
        try:
            text = written(made, folder)
            left, asked = answer(text, "duckdb")
            right, _ = answer(text, "none")
        except (TimeoutError, Cancelled):
            slow += 1
            continue
        finally:
            signal.alarm(0)
        folded += asked
        raised += left.startswith("error ")
        if left != right or "PYTHON" in left:
            signal.alarm(PATIENCE * 5)
            try:
                small = smallest(made, folder)
                found = differs(small, folder) or (left, right, asked)
            except (TimeoutError, Cancelled):
                small, found = made, (left, right, asked)
            finally:
                signal.alarm(0)
            differences.append(
                {
                    "number": number,
                    "program": written(small, folder),
                    "folded": found[0],
                    "interpreted": found[1],
                }
            )
    return {
        "start": start, "count": count, "folded": folded, "raised": raised, "slow": slow, "differences": differences,
    }  # fmt: skip


def prepare() -> None:
    """A worker: what takes too long raises."""

    def stop(*_: Any) -> None:
        raise TimeoutError("too long")

    signal.signal(signal.SIGALRM, stop)
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def pool(seed: int) -> Path:
    """The folder of the seed's tables, made when it is not there."""
    folder = Path(tempfile.gettempdir()) / f"mlang-proof-{seed}"
    make_pool(seed, folder)
    return folder


def revision() -> str:
    """The commit that was tested."""
    found = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True)
    return found.stdout.strip() or "unknown"


def prove(seed: int, programs: int, jobs: int, state: Path, seconds: float) -> int:
    """Runs what is not done yet; the exit code says whether there were differences."""
    done: dict[str, Any] = {}
    folder = pool(seed)
    if state.exists():
        done = json.loads(state.read_text())["done"]
    wanted = [
        (seed, start, min(CHUNK, programs - start), folder)
        for start in range(0, programs, CHUNK)
        if str(start) not in done
    ]
    print(f"seed {seed}, {programs} programs, {len(done) * CHUNK} done, state in {state}", flush=True)
    end = time.monotonic() + seconds
    spawn = multiprocessing.get_context("spawn")
    with spawn.Pool(jobs, prepare, maxtasksperchild=20) as workers:
        for result in workers.imap_unordered(chunk, wanted):
            done[str(result["start"])] = {**result, "revision": revision()}
            whole = json.dumps({"seed": seed, "done": done}, ensure_ascii=False, indent=1)
            temporary = state.with_suffix(".new")
            temporary.write_text(whole, encoding="utf-8")
            os.replace(temporary, state)
            for found in result["differences"]:
                print(f"DIFFERENT: {found['number']}\n{found['program']}\n  folded      {found['folded']}\n  interpreted {found['interpreted']}", flush=True)  # fmt: skip
            if time.monotonic() > end:
                workers.terminate()
                break
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
        folded, _ = answer(difference["program"], "duckdb")
        interpreted, _ = answer(difference["program"], "none")
        if folded != interpreted or "PYTHON" in folded:
            still += 1
            print(
                f"{difference['number']}\n{difference['program']}\n  folded      {folded}\n  interpreted {interpreted}"
            )
    print(f"{len(found)} programs differed, {still} still do")
    return 1 if still else 0


def show(seed: int, number: int) -> None:
    """One program and what becomes of it."""
    text = written(program(seed, number), pool(seed))
    print(text)
    for engine in ("duckdb", "none"):
        print(f"--- {engine}\n{answer(text, engine)[0]}")
    print(f"---\n{mlang.explain(text)}")


def main() -> None:
    parser = argparse.ArgumentParser(description="Random programs, folded and interpreted.")
    parser.add_argument("--programs", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--number", type=int, default=None, help="show one program")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--state", type=Path, default=None)
    parser.add_argument("--again", action="store_true", help="only the programs of --state that differed")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="stop after so long")
    options = parser.parse_args()
    if options.again:
        if options.state is None:
            parser.error("--again needs --state")
        sys.exit(again(options.state))
    seed = options.seed if options.seed is not None else secrets.randbelow(10**9)
    if options.number is not None:
        show(seed, options.number)
        return
    state = options.state or Path(f"folding-{seed}.json")
    sys.exit(prove(seed, options.programs, options.jobs, state, options.seconds))


if __name__ == "__main__":
    main()
