"""Configuration: ``mlang.toml``, or ``[tool.mlang]`` of ``pyproject.toml``, the nearest one upward from a file.

    culture = "de-DE"                       # of test, steps, check and diff
    [lint]
    select = ["M1", "M3"]                   # or "ALL"
    ignore = ["M102"]
    per-file-ignores = { "*.test.pq" = ["M302"] }
    [fmt]
    width = 100
    [test]
    clock = "2024-01-31T12:00:00"

``mlang.toml`` wins over a ``pyproject.toml`` beside it; a ``pyproject.toml`` without ``[tool.mlang]`` does not
count.  What the command line says wins over both.  A key that nobody knows is an error: a setting that silently
does nothing is worse.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from fnmatch import fnmatch
from functools import cache
from pathlib import Path
from typing import Any

from mlang.errors import Fault

FILE, PROJECT = "mlang.toml", "pyproject.toml"


@dataclass(frozen=True)
class Settings:
    """What a configuration file says; paths are absolute."""

    path: Path | None = None
    culture: str | None = None
    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    per_file_ignores: dict[str, tuple[str, ...]] = field(default_factory=dict)
    width: int | None = None
    #: Options of ``mlang test`` by their names in Python.
    test: dict[str, Any] = field(default_factory=dict)

    def ignored_in(self, file: Path) -> tuple[str, ...]:
        """The rules that ``per-file-ignores`` silences in a file."""
        if self.path is None:
            return ()
        try:
            inside = file.resolve().relative_to(self.path.parent).as_posix()
        except ValueError:
            inside = file.name
        return tuple(
            code
            for pattern, codes in self.per_file_ignores.items()
            if fnmatch(inside, pattern) or fnmatch(file.name, pattern)
            for code in codes
        )


def settings_for(place: Path) -> Settings:
    """The settings of a file or folder (``-`` is the current folder)."""
    start = Path.cwd() if str(place) == "-" else place.resolve()
    return _nearest(start if start.is_dir() else start.parent)


def width_for(place: Path) -> int:
    """The longest line of a formatted file."""
    from mlang.syntax.formatter import WIDTH

    return settings_for(place).width or WIDTH


@cache
def _nearest(folder: Path) -> Settings:
    for parent in (folder, *folder.parents):
        for name in (FILE, PROJECT):
            path = parent / name
            if path.is_file():
                found = _read(path)
                if found is not None:
                    return found
    return Settings()


def forget() -> None:
    """Reads the files again when asked next."""
    _nearest.cache_clear()


# ---------------------------------------------------------------- reading


def _read(path: Path) -> Settings | None:
    import tomllib

    try:
        found = tomllib.loads(path.read_bytes().decode("utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Fault(f"{path} is not TOML: {error}") from None
    prefix = ""
    if path.name == PROJECT:
        tool = found.get("tool")
        if not isinstance(tool, dict) or "mlang" not in tool:
            return None
        found, prefix = tool["mlang"], "tool.mlang"
        if not isinstance(found, dict):
            raise Fault(f"{path}: tool.mlang is not a table. Write [tool.mlang].")
    return _Reader(path, prefix).settings(found)


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(v, str) for v in value)


def _is_table_of_texts(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(v, str) for v in value.values())


def _is_percent(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= 100


def _is_engine(value: Any) -> bool:
    return value in ("auto", "duckdb", "spark", "none")


_LOGICAL = (lambda value: isinstance(value, bool), "true or false")
_TEXT = (_is_text, "a text")
_TEXTS = (_is_texts, "a list of texts")
_CODES = (lambda value: _is_text(value) or _is_texts(value), 'a list of codes such as ["M102", "M3"]')

Check = tuple[Callable[[Any], bool], str]
_TOP: dict[str, Check] = {
    "culture": _TEXT,
    "lint": (lambda value: isinstance(value, dict), "a table"),
    "fmt": (lambda value: isinstance(value, dict), "a table"),
    "test": (lambda value: isinstance(value, dict), "a table"),
}
_LINT: dict[str, Check] = {
    "select": _CODES,
    "ignore": _CODES,
    "per-file-ignores": (
        lambda value: isinstance(value, dict) and all(_CODES[0](v) for v in value.values()),
        'a table such as { "*.test.pq" = ["M102"] }',
    ),
}
_FMT: dict[str, Check] = {"width": (lambda v: _is_count(v) and v >= 20, "a whole number of at least 20")}
_TEST: dict[str, Check] = {
    "culture": _TEXT,
    "clock": _TEXT,
    "engine": (_is_engine, '"auto", "duckdb", "spark" or "none"'),
    "jobs": (_is_count, "a whole number of at least 1"),
    "extensions": _TEXTS,
    "parameter-query": _TEXT,
    "settings": _TEXT,
    "fail-on-no-fold": _LOGICAL,
    "bind": (_is_table_of_texts, 'a table such as { Source = "fixture.csv" }'),
    "coverage": _LOGICAL,
    "fail-under": (_is_percent, "a number from 0 to 100"),
    "paths": _TEXTS,
}
#: Values that are paths: they start at the folder of the configuration.
_PATHS = frozenset(("extensions", "parameter-query", "settings", "bind", "paths"))


class _Reader:
    """Reads one file; errors name it and the key."""

    def __init__(self, path: Path, prefix: str) -> None:
        self.path, self.prefix = path, prefix

    def settings(self, found: dict[str, Any]) -> Settings:
        self.check(found, _TOP, "")
        lint, fmt, test = found.get("lint", {}), found.get("fmt", {}), found.get("test", {})
        self.check(lint, _LINT, "lint")
        self.check(fmt, _FMT, "fmt")
        self.check(test, _TEST, "test")
        select, ignore = _codes(lint.get("select", [])), _codes(lint.get("ignore", []))
        by_file = {p: _codes(c) for p, c in lint.get("per-file-ignores", {}).items()}
        self.check_codes((*select, *ignore, *(c for codes in by_file.values() for c in codes)))
        return Settings(
            self.path.resolve(), found.get("culture"), select, ignore, by_file, fmt.get("width"), self.test(test)
        )  # fmt: skip

    def check(self, found: dict[str, Any], known: dict[str, Check], table: str) -> None:
        """Every key is known and of its kind."""
        from mlang.app.hints import near

        where = ".".join(p for p in (self.prefix, table) if p)
        for key, value in found.items():
            if key not in known:
                close = near(key, known)
                hint = f"; did you mean '{close}'?" if close else f". Keys: {', '.join(known)}."
                raise Fault(f"{self.path}: {f'[{where}]' if where else 'it'} has no key '{key}'{hint}")
            right, kind = known[key]
            if not right(value):
                raise Fault(f"{self.path}: {'.'.join(p for p in (where, key) if p)} must be {kind}.")

    def check_codes(self, codes: tuple[str, ...]) -> None:
        """Every code selects some rule."""
        from mlang.app.linting.command import chosen_rules

        if codes:
            try:
                chosen_rules(",".join(codes))
            except Fault as error:
                raise Fault(f"{self.path}: {error}") from None

    def test(self, found: dict[str, Any]) -> dict[str, Any]:
        options: dict[str, Any] = {}
        for key, value in found.items():
            if key in _PATHS:
                value = self.paths(value)
            options[{"bind": "bindings"}.get(key, key.replace("-", "_"))] = value
        return options

    def paths(self, value: Any) -> Any:
        """Relative paths start at the folder of the file."""
        base = self.path.resolve().parent
        if isinstance(value, str):
            return base / value
        if isinstance(value, list):
            return [base / v for v in value]
        return {name: base / v for name, v in value.items()}


def _codes(value: Any) -> tuple[str, ...]:
    texts = value.split(",") if isinstance(value, str) else value
    return tuple(t.strip().upper() for t in texts if t.strip())
