"""``%%m`` and ``%m``: M in a Python notebook.

    %load_ext mlang
    %%m -o totals
    Table.Group(orders, {"Customer"}, {{"Sum", each List.Sum([Amount]), type number}})

Names that M does not define are looked up among the notebook's variables: numbers, texts, lists,
dicts, data frames and functions become M values.  ``-o NAME`` keeps the result as a variable;
``--frame`` keeps it as a pandas or polars data frame.  ``--explain`` shows what folds and why, with a
picture of the plan.
"""

from __future__ import annotations

import os
import shlex
import sys
from typing import Any

from mlang.app import api
from mlang.app.notebook.html import Explained, value_html
from mlang.app.overlay import Overlay
from mlang.app.report import error_lines
from mlang.compile.entry import run
from mlang.errors import Fault, MError
from mlang.values.kinds import kind_of
from mlang.values.metadata import strip
from mlang.values.thunk import Thunk

USAGE = "%%m [-o NAME] [--frame pandas|polars|arrow] [--explain] [--culture TAG] [--engine auto|duckdb|none]"


class Namespace(dict[str, Thunk]):
    """The notebook's variables as M names, converted when M asks for one."""

    def __init__(self, variables: dict[str, Any]) -> None:
        super().__init__()
        self.variables = variables

    def get(self, name: str, default: Any = None) -> Any:
        """A variable as a thunk; names with a leading underscore are the notebook's own."""
        if name.startswith("_") or name not in self.variables:
            return default
        value = self.variables[name]
        return Thunk(lambda: api.from_python(value))


class Shown:
    """A value with the pictures that a notebook asks for."""

    def __init__(self, value: Any, session: Any) -> None:
        self.value, self.session = value, session

    def _repr_html_(self) -> str | None:
        return run(lambda: value_html(self.value), self.session)

    def __repr__(self) -> str:
        return run(lambda: _text(self.value), self.session)


def _text(value: Any) -> str:
    from mlang.app.render import lines
    from mlang.values.show import to_m

    bare = strip(value)
    return "\n".join(lines(bare, 50)) if kind_of(bare) == "table" else to_m(value, errors="show")


def evaluate_cell(line: str, text: str, variables: dict[str, Any]) -> Any:
    """Runs a cell; its result to be shown, or None when it was kept under a name or failed."""
    try:
        options = _options(line)
        session = api.open_session(
            base_dir=os.getcwd(), culture=options["--culture"], engine=options["--engine"]
        )
        document = Overlay(text, given=Namespace(variables))
        if options["--explain"]:
            from folding.explain import explain_steps, plan_tree

            steps = document.steps()
            return run(lambda: Explained(explain_steps(steps), plan_tree(steps)), session)
        value = run(document.value, session)
        if options["--frame"]:
            value = run(lambda: _frame(value, options["--frame"]), session)
        if options["-o"]:
            variables[options["-o"]] = value
            return None
        return value if options["--frame"] else Shown(value, session)
    except (MError, Fault) as error:
        print("\n".join(error_lines(error)), file=sys.stderr)
        return None


def _frame(value: Any, library: str) -> Any:
    from mlang.app.export import as_table

    table = as_table(value)
    makers = {"pandas": table.to_pandas, "polars": table.to_polars, "arrow": table.to_arrow}
    if library not in makers:
        raise Fault(f"--frame is one of {', '.join(makers)}, not {library}.")
    return makers[library]()


def _options(line: str) -> dict[str, Any]:
    found: dict[str, Any] = dict.fromkeys(("-o", "--frame", "--explain", "--culture", "--engine"))
    words = iter(shlex.split(line))
    for word in words:
        if word not in found:
            raise Fault(f"{word} is no option of {USAGE}.")
        found[word] = True if word == "--explain" else next(words, None)
        if found[word] is None:
            raise Fault(f"{word} needs a value: {USAGE}.")
    return found


def register(ipython: Any) -> None:
    """Makes ``%%m`` and ``%m`` known to an IPython shell."""

    def cell_magic(line: str, cell: str) -> Any:
        return evaluate_cell(line, cell, ipython.user_ns)

    def line_magic(line: str) -> Any:
        return evaluate_cell("", line, ipython.user_ns)

    ipython.register_magic_function(cell_magic, "cell", "m")
    ipython.register_magic_function(line_magic, "line", "m")
