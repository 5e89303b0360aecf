"""Linting texts, and the command."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from mlang.app.linting import forms, names, sources, tables
from mlang.app.linting.base import RULES, SYNTAX, Finding, Ignored, Rule, Subject
from mlang.compile.entry import run
from mlang.errors import Fault
from mlang.syntax import MSyntaxError, parse_document
from mlang.syntax.spans import line_column

__all__ = ["chosen_rules", "forms", "lint_paths", "lint_text", "names", "print_rules", "sources", "tables"]


def chosen_rules(select: str = "", ignore: str = "") -> list[Rule]:
    """The rules that run: the default ones or the selected, without the ignored; prefixes such as M3 count."""
    wanted, unwanted = _codes(select), _codes(ignore)
    for code in (*wanted, *unwanted):
        if not (code[0] == "L" or code == "ALL" or any(known.startswith(code) for known in RULES)):
            raise Fault(f"There is no rule {code}; --rules lists them.")
    found = []
    for code, rule in sorted(RULES.items()):
        selected = any(code.startswith(w) or w == "ALL" for w in wanted) if wanted else rule.default
        if selected and not any(code.startswith(u) for u in unwanted):
            found.append(rule)
    return found


def _codes(text: str) -> list[str]:
    return [c.strip().upper() for c in text.split(",") if c.strip()]


def lint_text(
    text: str, filename: str, rules: list[Rule] | None = None, given: frozenset[str] = frozenset()
) -> list[Finding]:
    """All findings of a text, in its order."""
    chosen = chosen_rules() if rules is None else rules
    try:
        tree = parse_document(text, filename)
    except MSyntaxError as error:
        return [Finding(filename, error.line, error.column, SYNTAX, "syntax", error.message)]
    subject = Subject(text, tree, given)
    ignored = Ignored(text)
    found = []
    for rule in chosen:
        for node, message in run(lambda rule=rule: list(rule.check(subject))):  # type: ignore[misc]
            line, column = line_column(text, node.pos)
            if not ignored(rule.code, line):
                found.append(Finding(filename, line, column, rule.code, rule.name, message))
    return sorted(set(found), key=lambda f: (f.line, f.column, f.code))


MASHUP = "mashup.pq"
#: What both kinds of rules see in a dataflow is told by those about dataflows.
_ALSO_DATAFLOW = frozenset(("M303", "M401", "M402"))


def _findings(paths: list[Path], select: str, ignore: str) -> Iterator[Finding]:
    from mlang.app.formatting import files_below
    from mlang.app.textfile import TextFile

    rules = chosen_rules(select, ignore)
    for path in paths:
        if str(path) == "-":
            yield from lint_text(sys.stdin.read(), "<stdin>", rules)
            continue
        for file in files_below([path]):
            own = rules if file.name != MASHUP else [r for r in rules if r.code not in _ALSO_DATAFLOW]
            yield from lint_text(TextFile(file).text, str(file), own, _given(file))
    for folder in dict.fromkeys(_dataflows(paths)):
        yield from _dataflow(folder, lambda code: _is_wanted(code, select, ignore))


def _dataflows(paths: list[Path]) -> Iterator[Path]:
    """The dataflow folders among and below the paths."""
    for path in paths:
        if path.is_dir():
            yield from (file.parent for file in sorted(path.rglob(MASHUP)))
        elif path.name == MASHUP:
            yield path.parent


def _is_wanted(code: str, select: str, ignore: str) -> bool:
    wanted, unwanted = _codes(select), _codes(ignore)
    selected = not wanted or any(code.startswith(w) or w == "ALL" for w in wanted)
    return selected and not any(code.startswith(u) for u in unwanted)


def _given(file: Path) -> frozenset[str]:
    """What a test file sees: the members of the file that it tests, and the helpers of the runner."""
    from mlang.app.testing.discover import QUERY, TESTS
    from mlang.app.testing.facts import helpers
    from mlang.app.textfile import TextFile
    from mlang.syntax import nodes

    for ending in (QUERY, TESTS):
        if file.name.endswith(ending):
            tested = file.with_name(file.name.removesuffix(ending) + ".pq")
            names = {*helpers(), tested.stem}
            if tested.is_file():
                with suppress(MSyntaxError, Fault):
                    tree = parse_document(TextFile(tested).text)
                    if isinstance(tree, nodes.SectionDocument):
                        names |= {m.name for s in tree.sections for m in s.members}
            return frozenset(names)
    return frozenset(helpers()) if file.suffix == ".pq" else frozenset()


def _dataflow(folder: Path, wanted: Callable[[str], bool]) -> Iterator[Finding]:
    """What the rules about dataflows find (``staging/rules.py``)."""
    from staging import dataflow, lint
    from staging.errors import DataflowError

    try:
        read = dataflow.read(folder)
    except DataflowError as error:
        raise Fault(str(error)) from None
    for f in lint.lint(read):
        if wanted(f.code):
            yield Finding(str(folder / MASHUP), f.line, 1, f.code, "dataflow", f.reason, f.query, f.cure)


def lint_paths(paths: list[Path], select: str, ignore: str, as_json: bool, github: bool) -> int:
    """Prints the findings; 1 when there are any."""
    missing = next((p for p in paths if str(p) != "-" and not p.exists()), None)
    if missing is not None:
        raise Fault(f"There is nothing at {missing}.")
    found = list(_findings(paths or [Path(".")], select, ignore))
    if as_json:
        print(json.dumps([_as_dict(f) for f in found], ensure_ascii=False, indent=1))
    for finding in [] if as_json else found:
        print(finding)
        if github:
            where = f"file={finding.file},line={finding.line},col={finding.column}"
            print(f"::warning {where},title={finding.code} {finding.name}::{finding.message}")
    return 1 if found else 0


def _as_dict(finding: Finding) -> dict[str, Any]:
    return {name: value for name, value in vars(finding).items() if value is not None}


def print_rules() -> int:
    """All rules with what they are about."""
    from mlang.app.render import print_grid

    rows = [[r.code, r.name, "on" if r.default else "off", r.about] for _, r in sorted(RULES.items())]
    from staging.rules import RULES as DATAFLOW_RULES

    for code, check in DATAFLOW_RULES.items():
        rows.append([code, "dataflow", "on", " ".join((check.__doc__ or "").split())])
    print_grid(["Code", "Name", "Default", "About"], rows)
    return 0
