"""``mlang fmt``: the formatter of ``syntax/formatter.py`` on files, folders and standard input."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from difflib import unified_diff
from pathlib import Path

from mlang.app.containers.paths import is_container
from mlang.app.containers.source import open_source
from mlang.errors import Fault
from mlang.syntax import MSyntaxError, format_text

SUFFIXES = (".pq", ".m", ".pqm")
_SKIPPED = {".git", ".mlang", "node_modules", "__pycache__"}
#: With ``--check`` and ``--diff``: some files would change.
WOULD_CHANGE = 1


def files_below(paths: list[Path], suffixes: tuple[str, ...] = SUFFIXES) -> Iterator[Path]:
    """The M files of paths; what is named counts whatever its name, also a workbook or a model's folder."""
    for path in paths:
        if path.is_dir():
            if is_container(path):
                from mlang.app.containers.files import models_in

                yield from models_in(path)
            for file in sorted(path.rglob("*")):
                inside = file.relative_to(path).parts
                if file.suffix.lower() in suffixes and _SKIPPED.isdisjoint(inside) and file.is_file():
                    yield file
        else:
            yield path


def format_files(paths: list[Path], check: bool, diff: bool, width: int, backup: bool = True) -> int:
    """Formats in place, or tells what would change; a file that is no M is reported and the rest goes on."""
    if [str(p) for p in paths] == ["-"]:
        return _stdin(check, diff, width)
    changed, failed, seen = 0, 0, 0
    for path in files_below(paths or [Path(".")]):
        seen += 1
        try:
            changed += _one(path, check, diff, width, backup)
        except BrokenPipeError:
            raise
        except (MSyntaxError, Fault, OSError) as error:
            failed += 1
            print(error, file=sys.stderr)
    verb = "would be formatted" if check or diff else "formatted"
    print(f"{_files(changed)} {verb}, {seen - changed - failed} left as they are.", file=sys.stderr)
    if failed:
        return 2
    return WOULD_CHANGE if changed and (check or diff) else 0


def _files(count: int) -> str:
    return f"{count} file{'' if count == 1 else 's'}"


def formatted(text: str, filename: str, width: int) -> str:
    """The formatted text with one line end at its end."""
    if not text.strip("\ufeff \t\r\n"):
        return text
    return format_text(text, filename, width) + "\n"


def _one(path: Path, check: bool, diff: bool, width: int, backup: bool = True) -> bool:
    file = open_source(path, backup)
    wanted = file.formatted(lambda text, name: formatted(text, name, width))
    if file.encoded(wanted) == file.bytes:
        return False
    if diff:
        _print_diff(file.text, wanted, str(path))
    elif check:
        print(f"would format {path}")
    else:
        file.write(wanted)
        print(f"formatted {path}")
    return True


def _stdin(check: bool, diff: bool, width: int) -> int:
    text = sys.stdin.read()
    wanted = formatted(text, "<stdin>", width)
    if diff:
        _print_diff(text, wanted, "<stdin>")
    elif not check:
        print(wanted, end="")
    return WOULD_CHANGE if wanted != text and (check or diff) else 0


def _print_diff(before: str, after: str, name: str) -> None:
    """A unified diff that ``patch`` reads; differences of line ends alone are left out."""
    old = before.replace("\r\n", "\n").splitlines(keepends=True)
    new = after.splitlines(keepends=True)
    for line in unified_diff(old, new, f"{name}", f"{name} (formatted)"):
        print(line, end="" if line.endswith("\n") else "\n\\ No newline at end of file\n")
