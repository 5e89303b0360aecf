"""Linting texts, and the command."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from mlang.app.linting import forms, names, sources, tables
from mlang.app.linting.base import PROVIDERS, RULES, SYNTAX, Finding, Ignored, Rule, Subject
from mlang.compile.entry import run
from mlang.errors import Fault
from mlang.syntax import MSyntaxError, parse_document
from mlang.syntax.spans import line_column

__all__ = ["chosen_rules", "forms", "lint_paths", "lint_text", "names", "print_rules", "sources", "tables"]


def chosen_rules(select: str = "", ignore: str = "") -> list[Rule]:
    """The rules that run: the default ones or the selected, without the ignored; prefixes such as M3 count."""
    wanted, unwanted = _codes(select), _codes(ignore)
    for code in (*wanted, *unwanted):
        if not any(known.startswith(code) for known in RULES) and code != "ALL":
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


def _findings(paths: list[Path], rules: list[Rule]) -> Iterator[Finding]:
    from mlang.app.formatting import files_below
    from mlang.app.textfile import TextFile

    for path in paths:
        if str(path) == "-":
            yield from lint_text(sys.stdin.read(), "<stdin>", rules)
            continue
        for file in files_below([path]):
            yield from lint_text(TextFile(file).text, str(file), rules, _given(file))
        if path.is_dir() and (path / "mashup.pq").is_file():
            yield from _dataflow(path)
            for provider in PROVIDERS:
                yield from provider(path)


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


def _dataflow(folder: Path) -> Iterator[Finding]:
    """The rules about dataflows (``staging/lint.py``)."""
    from staging import dataflow, lint

    file = str(folder / "mashup.pq")
    for found in lint.lint(dataflow.read(folder)):
        query = f"{found.query}: " if found.query else ""
        yield Finding(file, found.line, 1, found.code, "dataflow", f"{query}{found.reason} {found.cure}")


def lint_paths(paths: list[Path], select: str, ignore: str, as_json: bool, github: bool) -> int:
    """Prints the findings; 1 when there are any."""
    found = list(_findings(paths or [Path(".")], chosen_rules(select, ignore)))
    if as_json:
        print(json.dumps([vars(f) for f in found], ensure_ascii=False, indent=1))
    for finding in [] if as_json else found:
        print(finding)
        if github:
            where = f"file={finding.file},line={finding.line},col={finding.column}"
            print(f"::warning {where},title={finding.code} {finding.name}::{finding.message}")
    return 1 if found else 0


def print_rules() -> int:
    """All rules with what they are about."""
    from mlang.app.render import print_grid

    rows = [[r.code, r.name, "on" if r.default else "off", r.about] for _, r in sorted(RULES.items())]
    print_grid(["Code", "Name", "Default", "About"], rows)
    return 0
