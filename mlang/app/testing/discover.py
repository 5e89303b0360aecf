"""From paths to test files and their settings.

A test file is ``NAME.query.pq`` (with the expected value in ``NAME.query.pqout``), ``NAME.test.pq`` (a section
of tests that sees the members of ``NAME.pq`` beside it), or any section document with a test member.
Settings are JSON as PQTest reads it: ``NAME.settings``, else ``.settings`` or ``test.settings`` in the folder,
or the one given with ``--settings``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlang.app.overlay import read_text
from mlang.app.testing.facts import is_test_name
from mlang.errors import Fault

QUERY, TESTS, PARAMETER = ".query.pq", ".test.pq", ".parameterquery.pq"
_SKIPPED = {".git", ".mlang", "node_modules", "__pycache__"}


@dataclass
class Settings:
    """What PQTest's settings files say, as far as it means something here."""

    parameter_query: Path | None = None
    queries: list[Path] = field(default_factory=list)
    extensions: list[Path] = field(default_factory=list)
    fail_on_missing: bool = True
    fail_on_no_fold: bool = False
    trx: Path | None = None


@dataclass
class Options:
    """What the command line says; goes to worker processes."""

    bindings: dict[str, Path] = field(default_factory=dict)
    extensions: list[Path] = field(default_factory=list)
    parameter_query: Path | None = None
    settings: Path | None = None
    keyword: str = ""
    update: bool = False
    fail_on_no_fold: bool = False
    clock: str | None = None
    culture: str | None = None
    engine: str | None = None
    coverage: bool = False


def read_settings(path: Path) -> Settings:
    """A settings file; relative paths start at its folder, else at the current one."""
    try:
        found: dict[str, Any] = json.loads(read_text(path))
    except ValueError as error:
        raise Fault(f"{path} is not JSON: {error}") from None
    if not isinstance(found, dict):
        raise Fault(f"{path}: settings are a JSON object.")
    trx = found.get("TrxReportPath")
    return Settings(
        parameter_query=next(iter(_paths(path, found.get("ParameterQueryFilePath"))), None),
        queries=_paths(path, found.get("QueryFilePath")),
        extensions=_paths(path, found.get("ExtensionPaths")),
        fail_on_missing=found.get("FailOnMissingOutputFile") is not False,
        fail_on_no_fold=found.get("FailOnFoldingFailure") is True,
        trx=Path(trx) if isinstance(trx, str) and trx else None,
    )


def _paths(settings: Path, value: Any) -> list[Path]:
    texts = [value] if isinstance(value, str) else value if isinstance(value, list) else []
    found = []
    for text in texts:
        path = Path(str(text).replace("\\", "/"))
        beside = settings.parent / path
        found.append(beside if beside.exists() else path)
    return found


def settings_for(file: Path, options: Options) -> Settings:
    """The settings of one test file."""
    if options.settings is not None:
        return read_settings(options.settings)
    for name in settings_names(file):
        path = file.parent / name
        if path.is_file():
            return read_settings(path)
    return Settings()


def settings_names(file: Path) -> tuple[str, ...]:
    """The names of settings files beside a test file, the nearest first."""
    stem = file.name.partition(".")[0]
    return f"{stem}.query.settings", f"{stem}.settings", "test.settings", ".settings"


def parameter_query(file: Path, settings: Settings, options: Options) -> Path | None:
    """The query whose value a ``(parameter) =>`` test gets."""
    if options.parameter_query is not None:
        return options.parameter_query
    if settings.parameter_query is not None:
        return settings.parameter_query
    own = file.parent / (file.name.removesuffix(QUERY) + PARAMETER)
    if own.is_file():
        return own
    others = sorted(file.parent.glob("*" + PARAMETER))
    return others[0] if len(others) == 1 else None


def test_files(paths: list[Path]) -> list[Path]:
    """All test files below the paths, each once; a file that is named is one, whatever its name."""
    found: dict[Path, None] = {}
    for path in paths:
        if not path.exists():
            raise Fault(f"There is nothing at {path}.")
        for file in sorted(_below(path)) if path.is_dir() else [_query_of(path)]:
            found[file] = None
    return list(found)


def expected_file(query: Path) -> Path:
    """Where the expected value of a query is: ``X.query.pqout`` of ``X.query.pq``, ``Y.pqout`` of ``Y.pq``."""
    return query.with_name(query.name.removesuffix(".pq") + ".pqout")


def _query_of(path: Path) -> Path:
    """``X.query.pqout`` names its query."""
    return path.with_suffix(".pq") if path.suffix == ".pqout" else path


def _below(folder: Path) -> Iterator[Path]:
    for path in folder.rglob("*.pq"):
        if _SKIPPED.isdisjoint(path.relative_to(folder).parts) and path.is_file() and _is_test(path):
            yield path


def _is_test(path: Path) -> bool:
    if path.name.endswith((QUERY, TESTS)):
        return True
    if path.name.endswith(PARAMETER):
        return False
    try:
        text = read_text(path)
    except (Fault, OSError):
        return False
    return ("Tests" in text or "TestSuite" in text or "UnitTest" in text) and bool(test_members(text))


def test_members(text: str) -> list[str]:
    """The test members of a section document; none for an expression or a text that is no M."""
    from mlang.syntax import MSyntaxError, nodes, parse_document

    try:
        tree = parse_document(text)
    except MSyntaxError:
        return []
    if not isinstance(tree, nodes.SectionDocument):
        return []
    return [m.name for s in tree.sections for m in s.members if m.shared and is_test_name(m.name)]
