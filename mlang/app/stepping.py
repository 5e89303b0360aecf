"""``mlang steps``: what each step of a query is, and in which order a query really evaluates.

`show_steps` evaluates the variables of the outermost let one after the other.  `show_trace` evaluates the
query once, as a run does, with every let variable of the document wrapped in a call that takes note: M is
lazy, so the order, the number and even the set of evaluated steps are not those of the text.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mlang import registry
from mlang.app import api
from mlang.app.overlay import Overlay, bind, file_values
from mlang.app.render import cell_text, grid_lines
from mlang.app.running import read_source, session_of
from mlang.app.tracing import Trace, instrument
from mlang.compile.entry import run
from mlang.errors import Fault, MError
from mlang.syntax import nodes, parse_document
from mlang.values.kinds import kind_of
from mlang.values.metadata import strip
from mlang.values.show import to_m, type_text
from mlang.values.thunk import Thunk

_VALUE_WIDTH = 200


def _opened(file: Path, bound: dict[str, Path]) -> tuple[str, str, nodes.Node, dict[str, Thunk], str]:
    text, name, base_dir = read_source(file)
    tree = parse_document(text, name)
    hidden = bind(tree, file_values(bound))
    return text, name, tree, hidden, base_dir


def show_steps(
    file: Path, query: str | None, bound: dict[str, Path], rows: int, count: bool, as_json: bool, **settings: Any
) -> int:  # fmt: skip
    """Prints the steps of a query; 1 when a step fails."""
    text, name, tree, hidden, base_dir = _opened(file, bound)
    document = Overlay(text, filename=name, tree=tree, hidden=hidden)
    session = api.open_session(base_dir=base_dir, **session_of(file, settings))

    def work() -> int:
        failed = False
        found = []
        for step, thunk in document.steps(query):
            about = describe(step, thunk, rows, count)
            failed = failed or "error" in about
            if as_json:
                found.append(about)
            else:
                _print_step(about)
        if as_json:
            print(json.dumps(found, ensure_ascii=False, indent=1))
        return 1 if failed else 0

    return run(work, session)


def watch_steps(file: Path, bound: dict[str, Path], show: Callable[[], int]) -> int:
    """Shows the steps again whenever the file, a fixture or a file that it names is saved."""
    from mlang.app.testing.selection import named_files
    from mlang.app.watching import watch

    document = file / "mashup.pq" if file.is_dir() else file
    if str(file) == "-" or not document.is_file():
        raise Fault(f"--watch needs a file that can be saved; there is none at {file}.")

    def files() -> set[Path]:
        named = (p for p in named_files(document, document.parent) if p.is_file())
        return {document, *bound.values(), *named}

    return watch(lambda changed: show(), files)


def describe(step: str, thunk: Thunk, rows: int, count: bool) -> dict[str, Any]:
    """One step: kind, schema, first rows, number of rows if asked, seconds; or its error."""
    about: dict[str, Any] = {"name": step or "(result)"}
    started = time.perf_counter()
    try:
        value = strip(thunk.get())
        about["kind"] = kind = kind_of(value)
        if kind == "table":
            names, types = value.type.names, value.type.types
            about["schema"] = {n: type_text(t, True) for n, t in zip(names, types, strict=True)}
            about["first"] = [[cell_text(c) for c in r] for _, r in zip(range(rows), value.rows(rows))]
            if count:
                about["rows"] = sum(batch.length for batch in value.batches())
        elif kind == "list":
            about["first"] = [cell_text(item) for _, item in zip(range(rows), value)]
            if count:
                about["rows"] = int(registry.value_of("List.Count").fn(value))
        elif kind == "record":
            about["fields"] = list(value)
        else:
            about["value"] = to_m(value)[:_VALUE_WIDTH]
    except MError as error:
        about["error"] = str(error)
    about["seconds"] = round(time.perf_counter() - started, 6)
    return about


def _print_step(about: dict[str, Any]) -> None:
    count = f", {about['rows']} rows" if "rows" in about else ""
    print(f"{about['name']}  {about.get('kind', 'error')}{count}  {_time(about['seconds'])}")
    if "error" in about:
        print(f"    {about['error']}")
    if "value" in about:
        print(f"    {about['value']}")
    if "fields" in about:
        print(f"    fields: {', '.join(about['fields'])}")
    if "schema" in about:
        print("    " + ", ".join(f"{n} = {t}" for n, t in about["schema"].items()))
        if about["first"]:
            for line in grid_lines(list(about["schema"]), about["first"]):
                print(f"      {line}")
    elif about.get("first"):
        print(f"    {{{', '.join(about['first'])}, ...}}")


def _time(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms" if seconds < 1 else f"{seconds:.2f} s"


# ---------------------------------------------------------------- trace


def show_trace(file: Path, query: str | None, bound: dict[str, Path], as_json: bool, **settings: Any) -> int:
    """Evaluates the query with everything in it and prints what was evaluated, when, how often, for whom."""
    text, name, tree, hidden, base_dir = _opened(file, bound)
    trace = Trace(text)
    hidden[trace.name] = Thunk(lambda: trace.function)
    instrument(tree, trace)
    document = Overlay(text, filename=name, tree=tree, hidden=hidden)
    session = api.open_session(base_dir=base_dir, **session_of(file, settings))
    error: MError | None = None

    def work() -> None:
        value = strip(document.value(query))
        with trace.reading():
            _read_all(value)

    started = time.perf_counter()
    try:
        run(work, session)
    except MError as raised:
        error = raised
    total = time.perf_counter() - started
    if as_json:
        print(
            json.dumps({"seconds": round(total, 6), "steps": trace.as_dicts()}, ensure_ascii=False, indent=1)
        )
    else:
        for line in trace.lines():
            print(line)
        print(f"\n{trace.never()}")
        print(f"{_time(total)} in all")
    if error is not None:
        raise error
    return 0


def _read_all(value: Any) -> None:
    """Every row and item, as whoever writes the result to a file reads them."""
    kind = kind_of(value)
    if kind == "table":
        for row in value.rows():
            for cell in row:
                cell_text(cell)
    elif kind in ("list", "record"):
        to_m(value, errors="show")
