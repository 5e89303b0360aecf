"""The colon commands of the REPL: each looks at an expression in another way than printing its value."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlang import registry
from mlang.compile.entry import run
from mlang.errors import Fault
from mlang.values.kinds import kind_of
from mlang.values.metadata import strip
from mlang.values.show import identifier, type_text

if TYPE_CHECKING:
    from mlang.app.repl import Repl


def show_type(repl: Repl, text: str) -> None:
    """``:type e``"""
    from mlang.values.types import type_of

    print(run(lambda: type_text(type_of(repl.value(text))), repl.session))


def show_schema(repl: Repl, text: str) -> None:
    """``:schema e``: columns of a table or fields of a record with their types; no row is read."""
    from mlang.app.render import print_grid

    def rows() -> list[list[str]]:
        value = strip(repl.value(text))
        if kind_of(value) == "table":
            return [[n, type_text(t, True)] for n, t in zip(value.type.names, value.type.types, strict=True)]
        if kind_of(value) == "record":
            return [[n, "any"] for n in value]
        raise Fault(f"A {kind_of(value)} has no schema.")

    print_grid(["Name", "Type"], run(rows, repl.session))


def explain(repl: Repl, text: str) -> Any:
    """The folding report of an expression's steps."""
    from folding.explain import explain_steps

    document = repl.document(text)
    return run(lambda: explain_steps(document.steps()), repl.session)


def show_fold(repl: Repl, text: str) -> None:
    """``:fold e``: whether it folds, why not, and what would."""
    last = explain(repl, text)[-1]
    print(last.indicator + (f": {last.reason}" if last.reason else f" ({last.engine})"))
    if last.cure is not None:
        print(f"Instead: {last.cure}")


def show_plan(repl: Repl, text: str) -> None:
    """``:plan e``: the plan as a tree: who does each step, where rows cross over."""
    from folding.explain import plan_tree
    from folding.plantree import lines

    document = repl.document(text)
    tree = run(lambda: plan_tree(document.steps()), repl.session)
    steps = explain(repl, text)
    if tree is None:
        raise Fault(f"No plan: {steps[-1].reason}.")
    for line in lines(tree):
        print(line)
    repl.draw(list(steps), tree)


def show_sql(repl: Repl, text: str) -> None:
    """``:sql e``"""
    last = explain(repl, text)[-1]
    if last.shown is None:
        raise Fault(f"No SQL: {last.reason}.")
    print(last.shown.script())


def show_time(repl: Repl, text: str) -> None:
    """``:time e``: evaluates everything, all rows too, and says how long that took."""

    def work() -> int | None:
        value = strip(repl.value(text))
        if kind_of(value) == "table":
            return int(sum(batch.length for batch in value.batches()))
        from mlang.values.show import to_m

        to_m(value, errors="show")
        return None

    started = time.perf_counter()
    rows = run(work, repl.session)
    seconds = time.perf_counter() - started
    print(f"{seconds * 1000:.1f} ms" + (f", {rows} rows" if rows is not None else ""))


def show_profile(repl: Repl, text: str) -> None:
    """``:profile e``: minimum, maximum, average, count, nulls and distinct values of each column."""
    from mlang.app.main import show

    profile = registry.value_of("Table.Profile").fn
    run(lambda: show(profile(strip(repl.value(text)))), repl.session)


def load(repl: Repl, text: str) -> None:
    """``:load FILE``: the members of a section, or one expression under the name of its file."""
    from mlang.app.overlay import Overlay, read_text

    path = Path(text.strip().strip('"')).expanduser()
    source = read_text(path)
    document = Overlay(source, filename=str(path), given=repl.thunks)
    if not document.is_section:
        names = {path.name.partition(".")[0]: (document.thunk(), source.strip())}
    else:
        names = {
            name: (document.thunk(name), source[m.value.pos : m.value.end])
            for name, m in document.members.items()
        }
    for name, (thunk, text_of) in names.items():
        repl.keep(name, thunk, text_of)
    print(f"Loaded {', '.join(map(identifier, names))}.")


def save(repl: Repl, text: str) -> None:
    """``:save FILE``: what was kept as a section document, or as one expression when it is one name."""
    from mlang.app.formatting import formatted
    from mlang.app.settings import width_for
    from mlang.app.textfile import write_atomically

    path = Path(text.strip().strip('"')).expanduser()
    if not path.name or not repl.kept:
        raise Fault("There is nothing to save: keep a value first (:let name = expression), then :save FILE.")
    members = "".join(f"shared {identifier(n)} = {source}\n;\n" for n, source in repl.kept.items())
    write_atomically(
        path, formatted(f"section Section1;\n{members}", str(path), width_for(path)).encode("utf-8")
    )
    print(f"Wrote {path}.")


def show_help(repl: Repl, text: str) -> None:
    """``:help`` and ``:help NAME``"""
    from mlang.app.completion import help_on
    from mlang.app.repl import HELP

    print(help_on(text.strip()) if text.strip() else HELP)


def show_names(repl: Repl, text: str) -> None:
    """``:names``"""
    for name, source in repl.kept.items():
        print(f"{identifier(name)} = {source}")


COMMANDS: dict[str, Callable[[Repl, str], None]] = {
    ":type": show_type, ":schema": show_schema, ":fold": show_fold, ":plan": show_plan, ":sql": show_sql,
    ":time": show_time, ":profile": show_profile, ":load": load, ":save": save, ":help": show_help,
    ":names": show_names,
}  # fmt: skip
#: Those that take an expression, which may go over several lines.
WITH_EXPRESSION = frozenset((":type", ":schema", ":fold", ":plan", ":sql", ":time", ":profile"))
