"""``mlang check``: names, calls and columns of M texts, found without reading rows.

`Checker` looks at a text: names that nothing defines, calls of library functions with a wrong number or kind of
arguments, and fields that a function of rows reads from a table that does not have them.  The tables' columns
come from evaluating the steps, and a table evaluates to its type; rows are read only where a step's columns depend
on them.  `check_expression` is the command for a file with one expression; ``workflow.py`` has it for queries.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from mlang.app.containers.paths import is_container
from mlang.app.hints import near
from mlang.app.linting.base import Ignored, function_name
from mlang.app.linting.command import MASHUP, given_names, lint_text, some_rules
from mlang.app.refactoring.source import Source, bare, outer_let
from mlang.app.settings import settings_for
from mlang.compile.entry import Document, run
from mlang.errors import Fault, MError
from mlang.syntax import nodes
from mlang.syntax.spans import line_column
from mlang.values.kinds import kind_of
from mlang.values.metadata import strip

#: Rules whose findings are errors: evaluation would fail there.
_ERRORS = ("M101", "M106", "M107")
#: Functions of rows: the argument that is the function.
_ROW_FUNCTIONS = {
    "Table.SelectRows": 1, "Table.AddColumn": 2, "Table.TransformRows": 1, "Table.MatchesAllRows": 1,
    "Table.MatchesAnyRows": 1, "Table.FirstN": 1, "Table.Skip": 1, "Table.LastN": 1,
}  # fmt: skip
_SCALARS = ("number", "text", "logical", "date", "datetime", "datetimezone", "time", "duration")
#: They read all items, and give a value of the items' kind.
_AGGREGATES = frozenset((
    "List.Sum", "List.Max", "List.Min", "List.Average", "List.Median", "List.Mode", "List.Product",
    "Table.Max", "Table.Min",
))  # fmt: skip


class Checker:
    """The problems of one text; ``columns`` gives the columns of a step or query, None when they are unknown."""

    def __init__(
        self, source: Source, columns: Callable[[Any], list[str] | None], given: frozenset[str]
    ) -> None:
        self.source, self.columns, self.given = source, columns, given

    def problems(self) -> list[tuple[int, str]]:
        """Offset and message of each, in the order of the text."""
        text, name = self.source.text, self.source.filename or "<text>"
        ignored = Ignored(text)
        found = [
            (_offset(text, f.line, f.column), f.message)
            for f in lint_text(text, name, some_rules(_ERRORS), self.given)
        ]
        for offset, message in self._fields():
            if not ignored("check", line_column(text, offset)[0]):
                found.append((offset, message))
        return sorted(set(found))

    def _fields(self) -> Iterator[tuple[int, str]]:
        for call in self.source.tree.walk():
            place = _ROW_FUNCTIONS.get(function_name(call) or "")
            if place is None or not isinstance(call, nodes.Invocation) or len(call.arguments) <= place:
                continue
            table = bare(call.arguments[0])
            reads = list(self._reads(bare(call.arguments[place])))
            target = self.source.scopes.target(table)
            if not reads or target is None or not isinstance(table, nodes.Name):
                continue
            columns = self.columns(target)
            for offset, field in reads if columns is not None else ():
                if field not in columns:  # type: ignore[operator]
                    close = near(field, columns or ())
                    hint = (
                        f"did you mean [{close}]?"
                        if close
                        else f"it has {', '.join(columns or ()) or 'none'}."
                    )
                    yield offset, f"'{table.name}' has no column '{field}'; {hint}"

    def _reads(self, function: nodes.Node) -> Iterator[tuple[int, str]]:
        """The fields of its row that a function reads without ``?``."""
        row: Any = function
        if isinstance(function, nodes.Function) and len(function.parameters) == 1:
            row = function.parameters[0]
        elif not isinstance(function, nodes.Each):
            return
        scopes = self.source.scopes
        for node in function.body.walk():
            if isinstance(node, (nodes.FieldAccess, nodes.Projection)) and not node.optional:
                of_row = scopes.target(node if node.target is None else node.target) is row
                names = (node.name,) if isinstance(node, nodes.FieldAccess) else node.names
                yield from ((node.pos, name) for name in names if of_row)


def _offset(text: str, line: int, column: int) -> int:
    from mlang.syntax.spans import line_starts

    return line_starts(text)[line - 1] + column - 1


def columns_of(document: Document, source: Source) -> Callable[[Any], list[str] | None]:
    """Columns by evaluating queries and the steps of their outermost lets, each when it is asked for."""
    holders: dict[int, tuple[str | None, str]] = {}
    parts = source.members.items() if source.is_section else [(None, None)]
    for query, member in parts:
        let = outer_let(member.value if member is not None else source.tree)
        for binding in let.bindings if let is not None else ():
            holders[id(binding)] = query, binding.name
        if member is not None:
            holders[id(member)] = query, ""
    steps: dict[str | None, dict[str, Any]] = {}

    def columns(definition: Any) -> list[str] | None:
        place = holders.get(id(definition))
        if place is None:
            return None
        query, step = place
        try:
            if step and query not in steps:
                steps[query] = dict(document.steps(query))
            value = strip(steps[query][step].get() if step else document.value(query))
        except (MError, Fault, OSError):
            return None
        return list(value.type.names) if kind_of(value) == "table" else None

    return columns


def problems_by_query(document: Document, text: str, filename: str, session: Any) -> dict[str, list[str]]:
    """The problems of a section document, by the query that they are in ("" for the rest)."""
    source = Source(text, filename)
    checker = Checker(source, columns_of(document, source), given_names(Path(filename)))
    found: dict[str, list[str]] = {}
    for offset, message in run(checker.problems, session):
        query = next((n for n, m in source.members.items() if m.pos <= offset < m.end), "")
        found.setdefault(query, []).append(_placed(source, offset, message))
    return found


def _placed(source: Source, offset: int, message: str) -> str:
    line, column = line_column(source.text, offset)
    return f"{source.filename}:{line}:{column}: {message}"


# ---------------------------------------------------------------- one expression


def is_expression(path: Path) -> bool:
    """Whether a path is a file (or standard input) with one expression: no dataflow."""
    if path.is_dir() or path.name == MASHUP or not path.is_file() or is_container(path):
        return False
    from mlang.app.textfile import TextFile
    from mlang.syntax import MSyntaxError, parse_document

    try:
        return not isinstance(parse_document(TextFile(path).text, str(path)), nodes.SectionDocument)
    except MSyntaxError:
        return True


def check_expression(path: Path, as_json: bool) -> int:
    """Prints each step's kind and columns, and the problems; 1 when there are any."""
    from mlang.app import api
    from mlang.app.textfile import TextFile

    file = TextFile(path)
    source = Source(file.text, str(path))
    document = Document(file.text, filename=str(path))
    session = api.open_session(base_dir=str(path.resolve().parent), culture=settings_for(path).culture)
    checker = Checker(source, columns_of(document, source), given_names(path))
    problems = [_placed(source, *p) for p in run(checker.problems, session)]
    steps = run(lambda: list(_steps(document, bool(problems))), session)
    good = not problems and not any(s["error"] for s in steps)
    if as_json:
        print(json.dumps({"steps": steps, "problems": problems}, ensure_ascii=False, indent=1))
        return 0 if good else 1
    from mlang.app.render import print_grid

    rows = [
        [s["step"], s["kind"] or "?", ", ".join(f"{n} {t}" for n, t in s["columns"].items()), _verdict(s)]
        for s in steps
    ]
    print_grid(["Step", "Kind", "Columns", "Check"], rows)
    for text in [*problems, *dict.fromkeys(s["error"] for s in steps if s["error"])]:
        print(f"Error: {text}", file=sys.stderr)
    return 0 if good else 1


def _verdict(step: dict[str, Any]) -> str:
    return "fails" if step["error"] else "ok" if step["kind"] else "not evaluated"


def _steps(document: Document, known_bad: bool) -> Iterator[dict[str, Any]]:
    """Kind and columns of each step; nothing is evaluated when names are unknown, or for a number or text."""
    from mlang.app.report import error_lines
    from mlang.values.show import type_text

    try:
        steps = document.steps()
    except MError as error:
        steps = []
        if not known_bad:
            yield {"step": "(result)", "kind": "", "columns": {}, "error": "\n".join(error_lines(error))}
    kinds = {b.name: static_kind(b.value) for b in _bindings(document.tree)}
    for name, thunk in steps:
        about: dict[str, Any] = {
            "step": name or "(result)",
            "kind": kinds.get(name, ""),
            "columns": {},
            "error": None,
        }
        if not about["kind"]:
            try:
                value = strip(thunk.get())
                about["kind"] = kind_of(value)
                if about["kind"] == "table":
                    pairs = zip(value.type.names, value.type.types, strict=True)
                    about["columns"] = {n: type_text(t, True) for n, t in pairs}
            except MError as error:
                about["error"] = "\n".join(error_lines(error))
        yield about


def _bindings(tree: nodes.Node) -> list[Any]:
    let = outer_let(tree)
    if let is None:
        return [nodes.Binding("", tree)]
    return [*let.bindings, nodes.Binding("", let.body)]


def static_kind(node: nodes.Node) -> str:
    """The kind of a call of a library function that makes a number, text or the like of its data; "" when unknown."""
    from mlang import registry

    name = function_name(bare(node))
    entry = registry.lookup(name) if name is not None else None
    if not isinstance(entry, registry.Builtin):
        return ""
    if entry.name in _AGGREGATES:
        return "any"
    return str(entry.result) if entry.result in _SCALARS else ""
