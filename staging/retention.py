"""When staged data go away: 30 days after staging was switched off, at once when asked.

A table whose query is no longer staged gets a mark with the day at the next refresh; the first
refresh 30 days later removes it.  A query that is staged again loses the mark.
"""

from __future__ import annotations

import json
import time
from collections.abc import Collection
from pathlib import Path

from staging.store import files
from staging.store.generations import staged

DAYS = 30
MARK = "unstaged.json"


def collect_unstaged(
    items: Collection[Path], dataflow: str, staged_queries: Collection[str], now: float | None = None
) -> list[str]:
    """Marks or removes the tables of queries that are no longer staged; names of those removed."""
    moment = time.time() if now is None else now
    removed = []
    for item in items:
        for place in staged(item, dataflow):
            mark = place.folder / MARK
            current = place.current()
            if current is None or current.query in staged_queries:
                mark.unlink(missing_ok=True)
                continue
            since = _since(mark)
            if since is None:
                files.write_json(mark, {"since": moment})
            elif moment - since >= DAYS * 86_400:
                files.remove_tree(place.folder)
                removed.append(current.query)
    return removed


def _since(mark: Path) -> float | None:
    try:
        return float(json.loads(mark.read_text())["since"])
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError):
        return None


def drop(items: Collection[Path], dataflow: str) -> None:
    """Removes all staged data of a dataflow that was deleted."""
    for item in items:
        files.remove_tree(item / files.safe_name(dataflow))
