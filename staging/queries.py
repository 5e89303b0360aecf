"""Evaluation for staging: the one place that knows how queries become values and tables batches.

Each query of a refresh is evaluated in a document of its own, in which the staged queries
that it reads are replaced by their staged tables (`overrides`); what is not staged is
evaluated anew at every reference, as in the product.  The session runs tables through folding.
"""

from __future__ import annotations

import copy
import threading
from collections.abc import Iterator
from functools import partial
from typing import Any

from mlang.app.containers.paths import workbook_of
from mlang.compile.entry import Document, run
from mlang.errors import MError, unknown_name
from mlang.session import Session
from mlang.syntax import nodes
from mlang.tables.plan import Batch
from mlang.tables.table import Table, settled
from mlang.values.thunk import Thunk
from staging.dataflow import Dataflow
from staging.graph import Reach
from staging.parameters import typed_parameters
from staging.reader import reader_of
from staging.reuse import file_state
from staging.variables import variables_for


class Recording(Session):
    """A session that notes the state of each file before it is read."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.inputs: dict[str, Any] = {}

    def resolve_path(self, path: str) -> str:
        found = super().resolve_path(path)
        if found not in self.inputs:
            self.inputs[found] = file_state(found)
        return found


class Queries:
    """The queries of a dataflow with given parameters, in one session."""

    def __init__(
        self,
        dataflow: Dataflow,
        parameters: dict[str, Any],
        session: dict[str, Any],
        value_sets: tuple[str, ...] = (),
    ) -> None:
        self.dataflow = dataflow
        self._declared = {m.name: m for m in dataflow.tree.sections[0].members}
        self.members: dict[str, nodes.Node] = {name: m.value for name, m in self._declared.items()}
        self.parameters = typed_parameters(self.members, parameters)
        libraries = variables_for(self.members.values(), dataflow.home, value_sets)
        self._settings = {
            "base_dir": str(dataflow.base_dir.resolve()), "culture": dataflow.culture,
            "workbook": workbook_of(dataflow.path), **session,
            "variables": {**libraries, **session.get("variables", {})},
        }  # fmt: skip
        #: Queries whose data the privacy firewall buffers on their way to others (``firewall.py``).
        self.guarded: frozenset[str] = frozenset()
        self._reader: list[Any] = []
        self._reach: list[Reach] = []
        self._lock = threading.Lock()
        self.session = self._open()
        self._documents: list[Document] = []

    def _open(self) -> Recording:
        session = Recording(parameters=self.parameters, **self._settings)
        if session.runner is None and session.engine != "none":
            session.runner = fold
        session.workspace_reader = self._shared_reader
        return session

    def _shared_reader(self, session: Session) -> Any:
        """One reader for all queries of a refresh: they see the same state of other dataflows."""
        with self._lock:
            if not self._reader:
                self._reader.append(reader_of(session))
            return self._reader[0]

    def fresh(self) -> Queries:
        """The same with a session of its own: for another thread, or another attempt."""
        found = copy.copy(self)
        found.session, found._documents = found._open(), []
        return found

    def forget(self) -> None:
        """Starts anew: failures and answers of sources are asked for again."""
        self.session, self._documents = self._open(), []

    def reach(self, query: str) -> set[str] | None:
        """The query and those that its evaluation may ask for; None: any."""
        with self._lock:
            if not self._reach:
                self._reach.append(Reach(self.members))
        return self._reach[0].of(query) if query in self.members else None

    def _document(self, query: str, overrides: dict[str, Any]) -> Document:
        """The document that evaluates a query: other partitions come to it buffered.

        It has no more than the query reaches, so that many queries are not many documents of many queries.
        """
        behind = self.guarded - {query} - overrides.keys()
        tree, reach = self.dataflow.tree, self.reach(query)
        if reach is not None:
            section = tree.sections[0]
            members = tuple(sorted([self._declared[name] for name in reach], key=lambda m: m.pos))
            tree = nodes.SectionDocument((nodes.Section(section.attributes, section.name, members),))
            behind &= reach
            overrides = {name: value for name, value in overrides.items() if name in reach}
        buffered = {n: Thunk(partial(self._buffered, n, overrides)) for n in behind}
        return self.document(buffered | overrides, tree)

    def _buffered(self, query: str, overrides: dict[str, Any]) -> Any:
        from staging.firewall import buffered

        return buffered(self._document(query, overrides).value(query))

    def document(self, overrides: dict[str, Any], tree: nodes.SectionDocument | None = None) -> Document:
        """The dataflow's document, or a part of it, with some members replaced by values."""
        document = Document(
            self.dataflow.tree if tree is None else tree,
            filename=str(self.dataflow.path),
            overrides={**self.parameters, **overrides},
        )
        document.text = self.dataflow.text  # parsed once; errors show the text
        self.session.firewall = lambda key: self._behind_firewall(document, key)
        # Errors are shown later by looking up the code that they crossed: keep the last few documents.
        self._documents = [*self._documents[-3:], document]
        return document

    def _behind_firewall(self, document: Document, key: str) -> Any:
        """The value of a partition: only whole queries are partitions by name here."""
        section, _, name = key.partition("/")
        if section != (self.dataflow.section or "") or name not in document.members:
            raise unknown_name(key)
        return document.value(name)

    def value(self, query: str, overrides: dict[str, Any]) -> Any:
        """The value of a query."""
        return run(lambda: self._document(query, overrides).value(query), self.session)

    def steps(self, query: str, overrides: dict[str, Any]) -> list[tuple[str, Thunk]]:
        """The steps of a query, each evaluated on demand."""
        return run(lambda: self._document(query, overrides).steps(query), self.session)

    def batches(self, table: Table, columns: list[str] | None = None) -> Iterator[Batch]:
        """The rows of a table, computed on the deep stack a few batches at a time."""
        source = run(lambda: iter(table.batches(columns)), self.session)
        while True:
            batch = run(lambda: next(source, None), self.session)
            if batch is None:
                return
            yield batch

    def folds(self, table: Table) -> bool:
        """Whether an engine does the work of a table's last step, over staged data."""
        if self.session.runner is not fold:
            return False
        return run(lambda: folded(table), self.session)

    def resolve_path(self, path: str) -> str:
        """A path of a destination, relative to the document."""
        return Session.resolve_path(self.session, path)

    def secrets(self) -> list[str]:
        """Texts that must not be written anywhere: credentials."""
        found: list[str] = []
        waiting: list[Any] = list(self.session.credentials.values())
        while waiting:
            value = waiting.pop()
            if isinstance(value, dict):
                waiting.extend(value.values())
            elif isinstance(value, (list, tuple)):
                waiting.extend(value)
            elif isinstance(value, str):
                found.append(value)
        return found


def fold(plan: Any, columns: list[str] | None = None, limit: int | None = None) -> Iterator[Batch]:
    """The runner of a refresh: everything that folds exactly runs in the engine."""
    from folding.boundary import run_plan

    return run_plan(plan, columns, limit)


def folded(table: Table) -> bool:
    """Whether the whole plan, its views settled, is one piece of SQL."""
    from folding.boundary import try_fold
    from folding.terms import CannotFold

    try:
        return not isinstance(try_fold(settled(table.plan)), CannotFold)
    except MError:
        return False  # a handler of a view failed; reading the rows says so
