"""Linting texts, and the command."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlang.app.linting import calls, forms, names, sources, tables
from mlang.app.linting.base import RULES, SAFE, SYNTAX, UNSAFE, Finding, Ignored, Rule, Subject
from mlang.app.settings import Settings, settings_for
from mlang.compile.entry import run
from mlang.errors import Fault
from mlang.syntax import MSyntaxError, parse_document
from mlang.syntax.spans import line_column

__all__ = [
    "Choice", "calls", "chosen_rules", "fix_paths", "forms", "lint_paths", "lint_text", "names",
    "print_rules", "sources", "tables",
]  # fmt: skip


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


def some_rules(codes: tuple[str, ...]) -> list[Rule]:
    """Rules by their codes."""
    return [RULES[code] for code in codes]


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
        for node, message, *more in run(lambda rule=rule: list(rule.check(subject))):  # type: ignore[misc]
            line, column = line_column(text, node.pos)
            if not ignored(rule.code, line):
                fix = tuple(more[0]) if more else ()
                unsafe = bool(fix) and rule.fix == UNSAFE
                found.append(
                    Finding(filename, line, column, rule.code, rule.name, message, fix=fix, unsafe=unsafe)
                )
    return sorted(dict.fromkeys(found), key=lambda f: (f.line, f.column, f.code))


MASHUP = "mashup.pq"
#: What both kinds of rules see in a dataflow is told by those about dataflows.
_ALSO_DATAFLOW = frozenset(("M303", "M401", "M402"))


@dataclass(frozen=True)
class Choice:
    """What the command line says; None leaves it to the configuration."""

    select: str | None = None
    ignore: str | None = None

    def codes(self, settings: Settings, file: Path) -> tuple[str, str]:
        """Selected and ignored codes for a file: the command line wins, per-file-ignores always count."""
        select = ",".join(settings.select) if self.select is None else self.select
        ignore = ",".join(settings.ignore) if self.ignore is None else self.ignore
        return select, ",".join((ignore, *settings.ignored_in(file)))


def _files(paths: list[Path]) -> Iterator[Path]:
    from mlang.app.formatting import files_below

    for path in paths:
        yield from [path] if str(path) == "-" else files_below([path])


def _own_findings(file: Path, choice: Choice) -> Callable[[str], list[Finding]]:
    """What finds the remarks of a text as that of a file."""
    name = "<stdin>" if str(file) == "-" else str(file)
    rules = chosen_rules(*choice.codes(settings_for(file), file))
    if file.name == MASHUP:
        rules = [r for r in rules if r.code not in _ALSO_DATAFLOW]
    given = frozenset() if str(file) == "-" else given_names(file)
    return lambda text: lint_text(text, name, rules, given)


def _findings(paths: list[Path], choice: Choice) -> Iterator[Finding]:
    from mlang.app.containers.source import open_source

    for file in _files(paths):
        text = sys.stdin.read() if str(file) == "-" else open_source(file).text
        yield from _own_findings(file, choice)(text)
    yield from _dataflow_findings(paths, choice)


def _dataflow_findings(paths: list[Path], choice: Choice) -> Iterator[Finding]:
    for folder in dict.fromkeys(_dataflows(paths)):
        select, ignore = choice.codes(settings_for(folder), folder / MASHUP)
        yield from _dataflow(folder, lambda code: _is_wanted(code, select, ignore))  # noqa: B023


def fix_paths(
    paths: list[Path], choice: Choice, write: bool, unsafe: bool, as_json: bool, github: bool, backup: bool = True
) -> int:  # fmt: skip
    """Fixes files, or prints what would change (1 when something would); then shows what is left."""
    from mlang.app.containers.source import open_source
    from mlang.app.linting.fixes import fixed
    from mlang.app.refactoring.edits import diff_text

    _refuse_missing(paths)
    left: list[Finding] = []
    fixes: dict[str, int] = {}
    for path in _files(paths or [Path(".")]):
        finder = _own_findings(path, choice)
        file = None if str(path) == "-" else open_source(path, backup)
        text = sys.stdin.read() if file is None else file.text
        new, count = fixed(text, finder, unsafe)
        if count:
            fixes[str(path)] = count
        if not write:
            if not as_json:
                print(diff_text(text, new, str(path)), end="")
        elif file is None:
            print(new, end="")
        elif count:
            file.write_as_it_is(new)
        left += finder(new)
    if not write:
        if as_json:
            print(json.dumps({"fixes": fixes}, ensure_ascii=False, indent=1))
        _say(fixes, "would be fixed")
        return 1 if fixes else 0
    _say(fixes, "fixed")
    left += _dataflow_findings(paths or [Path(".")], choice)
    return _show(left, as_json, github, to_stderr=any(str(p) == "-" for p in paths))


def _say(fixes: dict[str, int], verb: str) -> None:
    count = sum(fixes.values())
    where = f" in {len(fixes)} file{'' if len(fixes) == 1 else 's'}" if fixes else ""
    print(f"{count} finding{'' if count == 1 else 's'} {verb}{where}.", file=sys.stderr)


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


def given_names(file: Path) -> frozenset[str]:
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
    """What the rules about dataflows find (``staging/rules/``)."""
    from staging import dataflow, lint
    from staging.errors import DataflowError

    try:
        read = dataflow.read(folder)
    except DataflowError as error:
        raise Fault(str(error)) from None
    for f in lint.lint(read):
        if wanted(f.code):
            yield Finding(str(folder / MASHUP), f.line, 1, f.code, "dataflow", f.reason, f.query, f.cure)


def _refuse_missing(paths: list[Path]) -> None:
    missing = next((p for p in paths if str(p) != "-" and not p.exists()), None)
    if missing is not None:
        raise Fault(f"There is nothing at {missing}.")


def lint_paths(paths: list[Path], choice: Choice, as_json: bool, github: bool) -> int:
    """Prints the findings; 1 when there are any."""
    _refuse_missing(paths)
    return _show(list(_findings(paths or [Path(".")], choice)), as_json, github)


def _show(found: list[Finding], as_json: bool, github: bool, to_stderr: bool = False) -> int:
    stream = sys.stderr if to_stderr else sys.stdout
    if as_json:
        print(json.dumps([_as_dict(f) for f in found], ensure_ascii=False, indent=1), file=stream)
    for finding in [] if as_json else found:
        print(finding, file=stream)
        if github:
            where = f"file={finding.file},line={finding.line},col={finding.column}"
            print(f"::warning {where},title={finding.code} {finding.name}::{finding.message}", file=stream)
    fixable = [f for f in found if f.fix and not f.unsafe]
    if fixable and not as_json:
        print(f"--fix can cure {len(fixable)} of {len(found)}.", file=sys.stderr)
    return 1 if found else 0


def _as_dict(finding: Finding) -> dict[str, Any]:
    found = {n: v for n, v in vars(finding).items() if v is not None and n not in ("fix", "unsafe")}
    return found | {"fix": UNSAFE if finding.unsafe else SAFE} if finding.fix else found


def print_rules() -> int:
    """All rules with what they are about."""
    from mlang.app.render import print_grid

    rows = [[r.code, r.name, "on" if r.default else "off", r.fix, r.about] for _, r in sorted(RULES.items())]
    from staging.rules import RULES as DATAFLOW_RULES

    for code, check in DATAFLOW_RULES.items():
        rows.append([code, "dataflow", "on", "", " ".join((check.__doc__ or "").split())])
    print_grid(["Code", "Name", "Default", "Fix", "About"], rows)
    return 0
