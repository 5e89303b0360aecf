"""Test results for machines: JUnit XML, Visual Studio TRX, TAP 13, JSON, GitHub annotations."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from mlang.app.testing.outcome import ERROR, FAILED, SKIPPED, Outcome

#: What XML 1.0 cannot hold.
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def _attribute(text: str) -> str:
    return quoteattr(_NOT_XML.sub("\ufffd", text))


def _content(text: str) -> str:
    return escape(_NOT_XML.sub("\ufffd", text))


def _name(outcome: Outcome) -> str:
    return outcome.name or Path(outcome.file).name


def junit(outcomes: list[Outcome]) -> str:
    """One test suite a file, as CI servers read it."""
    files: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        files.setdefault(outcome.file, []).append(outcome)
    suites = "".join(_suite(file, group) for file, group in files.items())
    return (
        f'<?xml version="1.0" encoding="utf-8"?>\n<testsuites {_counts(outcomes)}>\n{suites}</testsuites>\n'
    )


def _counts(outcomes: list[Outcome]) -> str:
    numbers = {
        "tests": len(outcomes),
        "failures": sum(o.status == FAILED for o in outcomes),
        "errors": sum(o.status == ERROR for o in outcomes),
        "skipped": sum(o.status == SKIPPED for o in outcomes),
    }
    seconds = sum(o.seconds for o in outcomes)
    return " ".join(f'{k}="{v}"' for k, v in numbers.items()) + f' time="{seconds:.3f}"'


def _suite(file: str, outcomes: list[Outcome]) -> str:
    cases = []
    for o in outcomes:
        tag = {FAILED: "failure", ERROR: "error", SKIPPED: "skipped"}.get(o.status)
        head = (
            f"  <testcase classname={_attribute(file)} name={_attribute(_name(o))} file={_attribute(file)} "
            f'line="{o.line}" time="{o.seconds:.3f}"'
        )
        if tag is None:
            cases.append(f"{head}/>\n")
        else:
            body = _content("\n".join(o.details))
            cases.append(f"{head}><{tag} message={_attribute(o.message)}>{body}</{tag}></testcase>\n")
    return f" <testsuite name={_attribute(file)} {_counts(outcomes)}>\n{''.join(cases)} </testsuite>\n"


def tap(outcomes: list[Outcome]) -> str:
    """The Test Anything Protocol, version 13."""
    lines = ["TAP version 13", f"1..{len(outcomes)}"]
    for number, o in enumerate(outcomes, 1):
        word = "not ok" if o.bad else "ok"
        skip = f" # SKIP {o.message}" if o.status == SKIPPED else ""
        lines.append(f"{word} {number} - {o.id.replace('#', '')}{skip}")
        if o.bad:
            lines.append("  ---")
            lines.append(f"  message: {json.dumps(o.message, ensure_ascii=False)}")
            lines.append(f"  at: {json.dumps(f'{o.file}:{o.line}', ensure_ascii=False)}")
            if o.details:
                lines += ["  diff: |", *(f"    {line}" for line in o.details)]
            lines.append("  ...")
    return "\n".join(lines) + "\n"


def github(outcomes: list[Outcome]) -> str:
    """Workflow commands that annotate the lines of a pull request."""
    lines = []
    for o in outcomes:
        if o.bad:
            text = "\n".join([o.message, *o.details])
            where = f"file={_property(o.file)},line={o.line},title={_property(_name(o))}"
            lines.append(f"::error {where}::{_command(text)}")
    return "".join(line + "\n" for line in lines)


def _command(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _command(text).replace(":", "%3A").replace(",", "%2C")


def as_json(outcomes: list[Outcome], coverage: dict[str, Any] | None = None) -> str:
    """All outcomes as one JSON list; with coverage, an object of both."""
    fields = ("file", "name", "status", "message", "details", "line", "seconds")
    tests = [{f: getattr(o, f) for f in fields} for o in outcomes]
    found = tests if coverage is None else {"tests": tests, "coverage": coverage}
    return json.dumps(found, ensure_ascii=False, indent=1)


def trx(outcomes: list[Outcome]) -> str:
    """A Visual Studio test result file, as PQTest writes one."""
    import uuid

    results, definitions, entries = [], [], []
    listing = "8c84fa94-04c1-424b-9868-57a2d4851a1d"  # "results not in a list", the same in every file
    for number, o in enumerate(outcomes):
        test = uuid.uuid5(uuid.NAMESPACE_URL, o.id)
        run = uuid.uuid5(uuid.NAMESPACE_URL, f"{o.id}#{number}")
        state = "Failed" if o.bad else "NotExecuted" if o.status == SKIPPED else "Passed"
        text = _content("\n".join([o.message, *o.details]))
        failure = f"<Output><ErrorInfo><Message>{text}</Message></ErrorInfo></Output>" if o.bad else ""
        ids = f'testId="{test}" executionId="{run}"'
        results.append(
            f'<UnitTestResult {ids} testName={_attribute(o.id)} outcome="{state}" testListId="{listing}" '
            f'duration="{_clock(o.seconds)}">{failure}</UnitTestResult>'
        )
        definitions.append(
            f'<UnitTest name={_attribute(o.id)} id="{test}" storage={_attribute(o.file)}><Execution id="{run}"/>'
            f"<TestMethod codeBase={_attribute(o.file)} className={_attribute(o.file)} "
            f"name={_attribute(_name(o))}/></UnitTest>"
        )
        entries.append(f'<TestEntry {ids} testListId="{listing}"/>')
    space = "http://microsoft.com/schemas/VisualStudio/TeamTest/2010"
    bad = sum(o.bad for o in outcomes)
    skipped = sum(o.status == SKIPPED for o in outcomes)
    counters = (
        f'<Counters total="{len(outcomes)}" executed="{len(outcomes) - skipped}" '
        f'passed="{len(outcomes) - bad - skipped}" failed="{bad}"/>'
    )
    outcome = "Failed" if bad else "Completed"
    run_id = uuid.uuid5(uuid.NAMESPACE_URL, "\n".join(o.id for o in outcomes))
    return (
        f'<?xml version="1.0" encoding="utf-8"?>\n<TestRun id="{run_id}" name="mlang test" xmlns="{space}">'
        f"<Results>{''.join(results)}</Results><TestDefinitions>{''.join(definitions)}</TestDefinitions>"
        f"<TestEntries>{''.join(entries)}</TestEntries>"
        f'<TestLists><TestList name="Results Not in a List" id="{listing}"/></TestLists>'
        f'<ResultSummary outcome="{outcome}">{counters}</ResultSummary></TestRun>\n'
    )


def _clock(seconds: float) -> str:
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(int(minutes), 60)
    return f"{hours:02d}:{minutes:02d}:{rest:010.7f}"
