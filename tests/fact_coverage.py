"""Lists which facts have a test: ``python tests/fact_coverage.py FOLDER [NAME ...]``.

FOLDER holds numbered facts as ``- **OP-01** statement``, one file an area.  A fact is covered
when the ``from`` of a row or any text of a test module names it (``OP-01`` or ``OP-01..05``).
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

TESTS = Path(__file__).parent
FACT = re.compile(r"^- \*\*([A-Z]+-\d+)\*\*", re.MULTILINE)
CITED = re.compile(r"\b([A-Z]{2,4})-(\d{1,3})(?:\.\.(?:[A-Z]{2,4}-)?(\d{1,3}))?\b")


def cited(text: str) -> Iterator[str]:
    """Fact ids in a text, ranges spelled out."""
    for prefix, first, last in CITED.findall(text):
        for number in range(int(first), int(last or first) + 1):
            yield f"{prefix}-{number:02d}"


def covered() -> set[str]:
    found: set[str] = set()
    for path in TESTS.rglob("*.toml"):
        file = tomllib.loads(path.read_text("utf-8"))
        for row in [*file.get("rows", []), *file.get("case", [])]:
            found.update(cited(str(row.get("from", ""))))
    for path in TESTS.rglob("test_*.py"):
        found.update(cited(path.read_text("utf-8")))
    return found


def main(folder: str, *names: str) -> None:
    have = covered()
    known: set[str] = set()
    for path in sorted(Path(folder).glob("*.md")):
        facts = FACT.findall(path.read_text("utf-8"))
        if not facts:
            continue
        known.update(facts)
        missing = [fact for fact in facts if fact not in have]
        print(f"{path.stem}: {len(facts) - len(missing)} covered, {len(missing)} uncovered")
        if missing and (not names or any(name in path.stem for name in names)):
            print("   ", " ".join(missing))
    families = {fact.split("-")[0] for fact in known}
    stray = sorted(fact for fact in have - known if fact.split("-")[0] in families)
    if stray:
        print("cited but unknown:", " ".join(stray))


if __name__ == "__main__":
    main(*sys.argv[1:])
