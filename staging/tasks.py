"""What a refresh will do, in order: the queries to stage, then the destinations to load.

A query waits for the staged queries that it reads, directly or through queries that are not
staged.  Read ``refresh.py`` next.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from attrs import frozen

from staging import graph
from staging.dataflow import Dataflow, DestinationSettings

#: The product's words: staged entities are tables, loads of destinations activities.
TABLE, ACTIVITY = "Table", "Activity"


@frozen
class Task:
    """One query to stage (``settings`` None) or to load to one destination."""

    query: str
    settings: DestinationSettings | None = None
    needs: frozenset[str] = frozenset()

    @property
    def kind(self) -> str:
        return TABLE if self.settings is None else ACTIVITY


@frozen
class Outlook:
    """What a refresh will do, in order, and what each query needs."""

    tasks: tuple[Task, ...]
    needs: dict[str, set[str]]


def outlook(
    dataflow: Dataflow, only: Iterable[str] | None = None, served: Callable[[str], bool] | None = None
) -> Outlook:
    """The tasks of a refresh.  ``only`` names queries; staged ones they need come along unless ``served``."""
    queries = dataflow.queries
    members = {m.name: m.value for m in dataflow.tree.sections[0].members}
    needs = graph.dependencies(members)
    functions = [name for name, q in queries.items() if q.is_function]
    ordered = graph.order(members, needs, recursive=functions)
    staged = {name for name, q in queries.items() if q.staged}
    wanted = _wanted(dataflow, needs, staged, only, served)
    tasks = []
    for name in ordered:
        if name in staged and name in wanted:
            tasks.append(Task(name, None, frozenset(_staged_needs(name, needs, staged))))
    graph.order(
        [t.query for t in tasks], {t.query: set(t.needs & wanted) for t in tasks}
    )  # none waits for itself
    # Phase 1 before phase 2: what needs nothing staged comes first; the order is kept otherwise.
    tasks.sort(key=lambda t: bool(t.needs))
    for name in ordered:
        if name in queries and (only is None or name in wanted):
            own = frozenset(_staged_needs(name, needs, staged)) | ({name} & staged)
            tasks += [Task(name, settings, own) for settings in queries[name].destinations]
    return Outlook(tuple(tasks), needs)


def _wanted(
    dataflow: Dataflow,
    needs: dict[str, set[str]],
    staged: set[str],
    only: Iterable[str] | None,
    served: Callable[[str], bool] | None,
) -> set[str]:
    if only is None:
        return set(staged)
    wanted = {dataflow.query(name).name for name in only}
    waiting = list(wanted)
    while waiting:
        for name in _staged_needs(waiting.pop(), needs, staged):
            if name not in wanted and not (served is not None and served(name)):
                wanted.add(name)
                waiting.append(name)
    return wanted


def _staged_needs(name: str, needs: dict[str, set[str]], staged: set[str]) -> set[str]:
    return (graph.upstream(name, needs, stop=staged) & staged) - {name}
