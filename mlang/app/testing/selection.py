"""Which files a test depends on: what ``--changed`` selects by and ``--watch`` looks at."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from mlang.app.modules import Module
from mlang.app.settings import settings_for as configuration_for
from mlang.app.testing.discover import (
    QUERY,
    TESTS,
    Options,
    Settings,
    expected_file,
    parameter_query,
    settings_for,
    settings_names,
)
from mlang.errors import Fault
from mlang.syntax import MSyntaxError, nodes, parse_document

_LONGEST_PATH = 500


def tested_files(file: Path, options: Options, settings: Settings) -> list[Path]:
    """What the tests of a file see besides the library: the file under test, then extensions."""
    stem = file.name.removesuffix(TESTS).removesuffix(QUERY)
    own = tested_file(file, stem)
    files = [*options.extensions, *settings.extensions]
    if own != file and own.is_file() and own not in files:
        files.insert(0, own)
    return files


def tested_file(file: Path, stem: str) -> Path:
    """The M file that a test file is beside of; where there is none, the workbook or model of that name."""
    from mlang.app.containers.paths import beside

    own = file.with_name(stem + ".pq")
    return own if own.is_file() else beside(file, stem) or own


def dependencies(file: Path, options: Options) -> set[Path]:
    """The test file, the tested file, its expected value, settings, extensions, fixtures and the files it names.

    Some may not exist: their coming, or their having gone, is a change too.
    """
    found = {file, expected_file(file)}
    stem = file.name.removesuffix(TESTS).removesuffix(QUERY)
    found |= {tested_file(file, stem), *(file.parent / name for name in settings_names(file))}
    found |= {p for p in (options.settings, configuration_for(file).path) if p is not None}
    found |= set(options.bindings.values())
    texts = [file]
    with suppress(Fault, OSError):
        settings = settings_for(file, options)
        texts += tested_files(file, options, settings)
        query = parameter_query(file, settings, options)
        texts += [query] if query is not None else []
    found |= set(texts)
    for text in texts:
        found |= {*named_files(text, file.parent), *named_files(text, text.parent)}
    return {p.resolve() for p in found}


def named_files(file: Path, base: Path) -> Iterator[Path]:
    """The files that texts in an M file name, relative to a folder."""
    try:
        tree = parse_document(Module(file).text, str(file))
    except (MSyntaxError, Fault, OSError):
        return
    for node in tree.walk():
        if isinstance(node, nodes.Literal) and isinstance(node.value, str):
            text = node.value.replace("\\", "/")
            if "." in text and len(text) < _LONGEST_PATH and text.isprintable() and "://" not in text:
                yield base / text


def touched(files: Iterable[Path], options: Options, changed: set[Path]) -> list[Path]:
    """The test files of which a dependency changed; a changed file in a folder that a test names counts."""
    around = changed | {parent for path in changed for parent in path.parents if parent.is_dir()}
    return [
        f
        for f in files
        if any(d in changed or (d in around and d.is_dir()) for d in dependencies(f, options))
    ]


def watched(paths: list[Path], files: Iterable[Path], options: Options) -> set[Path]:
    """What ``--watch`` looks at: all dependencies, and the folders where tests may come."""
    found = {p.resolve() for p in paths if p.is_dir()}
    for file in files:
        found |= dependencies(file, options) | {file.parent.resolve()}
    return found
