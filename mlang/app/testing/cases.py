"""Runs the tests of one file."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from mlang.app import api
from mlang.app.containers.paths import workbook_of
from mlang.app.modules import Module, documents
from mlang.app.overlay import Overlay, bind, file_value, read_text
from mlang.app.testing import diff, facts, snapshot
from mlang.app.testing.coverage import Recorder
from mlang.app.testing.discover import (
    Options,
    Settings,
    expected_file,
    parameter_query,
    settings_for,
    test_members,
)  # fmt: skip
from mlang.app.testing.outcome import ERROR, FAILED, PASSED, SKIPPED, UPDATED, Outcome
from mlang.app.testing.selection import tested_files
from mlang.compile.entry import Document, run
from mlang.errors import Fault, MError
from mlang.syntax import nodes, parse_document
from mlang.syntax.spans import line_column
from mlang.values.functions import Function
from mlang.values.metadata import strip
from mlang.values.thunk import Thunk

_QUERY_MEMBER = "Query"


def run_file(file: Path, options: Options) -> list[Outcome]:
    """All outcomes of a file; whatever goes wrong in it becomes an outcome."""
    started = time.perf_counter()
    tested: _File | None = None
    try:
        tested = _File(file, options)
        session = api.open_session(
            base_dir=str(file.resolve().parent), culture=options.culture, engine=options.engine,
            clock=_clock(options.clock), workbook=tested.workbook(),
        )  # fmt: skip
        outcomes = run(lambda: list(tested.outcomes()), session)
    except (MError, Fault, OSError) as error:
        outcomes = [failure(file, "", error)]
    for outcome in outcomes:
        outcome.unbound = tested.unbound if tested is not None else []
    if outcomes and tested is not None:
        outcomes[0].coverage = tested.recorder.spots()
    if len(outcomes) == 1:
        outcomes[0].seconds = time.perf_counter() - started
    return outcomes


def _clock(text: str | None) -> Any:
    """A clock that stands still, from a datetime text (UTC)."""
    if text is None:
        return None
    ticks = clock_ticks(text)
    return lambda: ticks


def clock_ticks(text: str) -> int:
    """The ticks of a datetime text; a text that is none is wrong usage."""
    from mlang import registry

    try:
        return int(registry.value_of("DateTime.FromText").fn(text).ticks)
    except MError:
        raise Fault(f"--clock: {text!r} is no date and time such as 2024-01-31T12:00:00.") from None


def failure(file: Path, name: str, error: BaseException) -> Outcome:
    """An error as an outcome, with its place and excerpt."""
    from mlang.app.report import error_lines
    from mlang.compile.places import places
    from mlang.syntax import MSyntaxError

    line = 1
    if isinstance(error, MSyntaxError):
        line = error.line
    elif isinstance(error, MError):
        found = [p for p in places(error) if p.filename == str(file)]
        line = line_column(found[0].text, found[0].offset)[0] if found else 1
    lines = [part for text in error_lines(error) for part in text.split("\n")]
    return Outcome(str(file), name, ERROR, lines[0], lines[1:], line)


class _File:
    """One test file while it runs."""

    def __init__(self, file: Path, options: Options) -> None:
        self.file, self.options = file, options
        self.settings: Settings = settings_for(file, options)
        self.text = read_text(file)
        self.tree: nodes.Node = parse_document(self.text, str(file))
        self.expected_file = expected_file(file)
        self.tested: list[Overlay] = []
        self.unbound: list[str] = []
        self.recorder = Recorder()

    # ------------------------------------------------------------ documents

    def sources(self) -> list[Module]:
        """What the tests see besides the library: the file under test, then extensions."""
        return [Module(path) for path in tested_files(self.file, self.options, self.settings)]

    def workbook(self) -> str | None:
        """The workbook that the tested queries live in."""
        files = [self.file, *tested_files(self.file, self.options, self.settings)]
        return next((book for book in map(workbook_of, files) if book is not None), None)

    def document(self) -> Overlay:
        """The test file itself, with its fixtures and with what it tests in sight."""
        sources = self.sources()
        parsed = [parse_document(module.text, str(module.path)) for module in sources]
        trees = [self.tree, *parsed]
        hidden: dict[str, Thunk] = {}
        for name, path in self.options.bindings.items():
            found = _bind_anywhere(trees, name, file_value(path))
            hidden |= found
            if not found:
                self.unbound.append(name)
        if self.options.coverage:
            hidden |= self.recorded(sources, parsed)
        self.tested = documents(sources, parsed, hidden)
        given: dict[str, Thunk] = facts.helpers()
        for other in self.tested:
            given |= _visible(other, self.file)
        return Overlay(self.text, filename=str(self.file), tree=self.tree, given=given, hidden=hidden)

    def recorded(self, sources: list[Module], trees: list[nodes.Node]) -> dict[str, Thunk]:
        """Instruments what is tested; a test file that tests nothing else is tested itself, but for its tests."""
        if not sources:
            return self.recorder.record(str(self.file), self.text, self.tree, test_members(self.text))
        hidden: dict[str, Thunk] = {}
        for module, tree in zip(sources, trees, strict=True):
            hidden |= self.recorder.record(str(module.path), module.text, tree, test_members(module.text))
        return hidden

    # ------------------------------------------------------------ outcomes

    def outcomes(self) -> Iterator[Outcome]:
        document = self.document()
        members = test_members(self.text)
        if not document.is_section:
            if self.wanted(""):
                yield self.snapshot(document.thunk())
            return
        for name in members:
            yield from self.facts(document, name)
        shared = [n for n, m in document.members.items() if m.shared]
        # As in PQTest's documentation: besides helpers, the value is that of Query.
        query = shared[0] if len(shared) == 1 else _QUERY_MEMBER
        if members or not self.wanted(""):
            return
        if query in shared:
            yield self.snapshot(document.thunk(query))
        else:
            message = f"There is no test: no shared member is named *Tests*, and none {_QUERY_MEMBER}."
            yield Outcome(str(self.file), "", ERROR, message)

    def wanted(self, name: str) -> bool:
        """Whether ``-k`` selects the test: all its words occur in file or name."""
        text = f"{self.file}::{name}".lower()
        return all(word in text for word in self.options.keyword.lower().split())

    def facts(self, document: Document, member: str) -> Iterator[Outcome]:
        line = line_column(self.text, document.members[member].pos)[0]
        started = time.perf_counter()
        try:
            for name, status, message, details in facts.results(document.value(member)):
                seconds, started = time.perf_counter() - started, time.perf_counter()
                label = f"{member}: {name}"
                if self.wanted(label):
                    place = _line_of(self.text, name) or line
                    yield Outcome(str(self.file), label, status, message, details, place, seconds)
        except (MError, Fault) as error:
            yield replace(failure(self.file, member, error), line=line)

    def snapshot(self, thunk: Thunk) -> Outcome:
        """Compares the value with the stored one."""
        outcome = Outcome(str(self.file), "", PASSED)
        try:
            actual: Any = strip(self.argument(strip(thunk.get())))
        except MError as error:
            actual = diff.Failure(error)
        except Fault as error:
            return failure(self.file, "", error)
        if self.options.fail_on_no_fold or self.settings.fail_on_no_fold:
            reason = _not_folding(actual)
            if reason is not None:
                return replace(outcome, status=FAILED, message=f"does not fold: {reason}")
        if not self.expected_file.is_file():
            return self.missing(outcome, actual)
        found = diff.differences(_as_thunk(self.expected()), _as_thunk(actual))
        if not found:
            return outcome
        if isinstance(actual, diff.Failure) and not isinstance(self.expected(), diff.Failure):
            return failure(self.file, "", actual.error)
        if self.options.update:
            return self.update(outcome, actual)
        return replace(
            outcome, status=FAILED, details=diff.report(found),
            message=f"differs from {self.expected_file.name}",
        )  # fmt: skip

    def argument(self, value: Any) -> Any:
        """The value itself; a test written as a function is called with the parameter query's value."""
        if not isinstance(value, Function) or value.least == 0:
            return value.fn() if isinstance(value, Function) else value
        path = parameter_query(self.file, self.settings, self.options)
        if path is None:
            raise Fault(
                "The test takes a parameter: name its query with --parameter-query, in the settings "
                "(ParameterQueryFilePath), or put one *.parameterquery.pq beside it."
            )
        given = {name: thunk for other in self.tested for name, thunk in _visible(other, path).items()}
        return value.fn(Overlay(read_text(path), filename=str(path), given=given).value())

    def expected(self) -> Any:
        try:
            return Document(read_text(self.expected_file), filename=str(self.expected_file)).value()
        except MError as error:
            return diff.Failure(error)

    def missing(self, outcome: Outcome, actual: Any) -> Outcome:
        if isinstance(actual, diff.Failure):
            return failure(self.file, "", actual.error)
        if self.options.update:
            return self.update(outcome, actual)
        status = FAILED if self.settings.fail_on_missing else SKIPPED
        message = f"there is no {self.expected_file.name}; --update writes it"
        return replace(outcome, status=status, message=message)

    def update(self, outcome: Outcome, actual: Any) -> Outcome:
        if isinstance(actual, diff.Failure):
            return failure(self.file, "", actual.error)
        from mlang.app.textfile import write_atomically

        write_atomically(self.expected_file, (snapshot.text(actual) + "\n").encode("utf-8"))
        return replace(outcome, status=UPDATED, message=f"wrote {self.expected_file.name}")


def _as_thunk(value: Any) -> Any:
    from mlang.values.thunk import failed

    return failed(value.error) if isinstance(value, diff.Failure) else value


def _not_folding(value: Any) -> str | None:
    from folding.explain import FOLDING, explain_step

    if isinstance(value, diff.Failure):
        return None
    found = explain_step("", value)
    return None if found.indicator == FOLDING else found.reason or found.indicator


def _visible(document: Document, test: Path) -> dict[str, Thunk]:
    """The members of a document under test: all of the file beside the tests, else the shared ones."""
    if not document.is_section:
        stem = Path(document.filename or "").stem
        return {stem: document.thunk()}
    beside = Path(document.filename or "").stem == test.name.partition(".")[0]
    members = document.members
    return {n: t for s in document.thunks.values() for n, t in s.items() if beside or members[n].shared}


def _bind_anywhere(trees: list[nodes.Node], name: str, thunk: Thunk) -> dict[str, Thunk]:
    """Replaces a step or query in whichever document has it; nothing when none has."""
    found: dict[str, Thunk] = {}
    for tree in trees:
        with suppress(Fault):
            found |= bind(tree, {name: thunk})
    return found


def _line_of(text: str, name: str) -> int | None:
    """The line where a fact's name stands as a literal."""
    from mlang.values.show import text_literal

    offset = text.find(text_literal(name))
    return line_column(text, offset)[0] if offset >= 0 else None
