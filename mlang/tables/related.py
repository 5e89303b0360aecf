"""Navigation columns: columns whose cells are the rows of a related table, found by the keys of both.

A database table has one for each of its foreign keys and for each key that points at it (`plan.Related`): a record
where there is at most one such row, else a table.  Related tables refer to each other without end, so everything
here is lazy: the types (`RelatedRecord`, `RelatedTable`) ask for the other table's columns when somebody looks
inside, a cell asks for its rows when somebody reads it.  The first few cells are a query each; whoever reads more
of them gets the other table read once and looked up.

What writes tables down leaves these columns out (`without_related`), unless somebody expanded them.
Read ``connectors/relations.py`` for where the links come from, ``folding/related.py`` for their SQL.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from mlang.tables import plan as p
from mlang.tables import schema as schemas
from mlang.tables.access import in_memory
from mlang.tables.local import Columns, execute, merged, picker, runs
from mlang.tables.plan import Batch
from mlang.tables.table import Table
from mlang.values.metadata import Annotated
from mlang.values.thunk import Thunk, force
from mlang.values.types import MType, RecordType, TableType

#: So many cells of a link are asked for one by one before the other table is read whole.
FEW = 8


# ---------------------------------------------------------------- types


class RelatedRecord(RecordType):
    """The row type of a related table; ``related`` says of which one, for comparing types."""

    __slots__ = ("_load", "related")

    def __init__(self, load: Callable[[], TableType], related: Any) -> None:
        MType.__init__(self, "record", True)
        self._load, self.related = load, related
        self.open = False

    @property
    def fields(self) -> Any:  # type: ignore[override]
        """The fields, asked for at the first look."""
        return self._load().row.fields

    def copy(self) -> Any:
        return _copied(self, RelatedRecord(self._load, self.related))


class RelatedTable(TableType):
    """The type of a related table."""

    __slots__ = ("_load", "related")

    def __init__(self, load: Callable[[], TableType], related: Any) -> None:
        MType.__init__(self, "table", False)
        self._load, self.related = load, related
        self._index = None

    @property
    def row(self) -> Any:  # type: ignore[override]
        """The row type, asked for at the first look."""
        return self._load().row

    @property
    def keys(self) -> Any:  # type: ignore[override]
        """The keys of the table."""
        return self._load().keys

    @property
    def partition_key(self) -> Any:
        return self._load().partition_key

    def copy(self) -> Any:
        return _copied(self, RelatedTable(self._load, self.related))


def _copied(old: MType, new: MType) -> MType:
    new.nullable, new.name, new.facets, new.meta = old.nullable, old.name, old.facets, old.meta
    return new


def is_related(type: MType) -> bool:
    """Whether a column of this type is a navigation column."""
    return type.__class__ is RelatedRecord or type.__class__ is RelatedTable


def related_names(type: TableType) -> list[str]:
    """The navigation columns of a table type."""
    return [f.name for f in type.row.fields if is_related(f.type)]


def without_related(table: Table) -> tuple[Table, list[str]]:
    """The table without its navigation columns, and their names: for what writes tables down."""
    names = related_names(table.type)
    if not names:
        return table, names
    chosen = tuple((n, n) for n in table.names if n not in set(names))
    plan = p.Project(schemas.projected(table.type, chosen), table.plan, chosen)
    made = Table(plan, table.meta)
    made.session = table.session
    return made, names


# ---------------------------------------------------------------- links


class Link:
    """A relation of one table to another: the key columns of both, and whether it leads to one row at most.

    ``sure`` says that the keys here are never null in the table itself.  ``related`` names the other table.
    """

    def __init__(
        self, name: str, keys: tuple[str, ...], target_keys: tuple[str, ...], single: bool, sure: bool,
        open: Callable[[], Table], related: Any,
    ) -> None:  # fmt: skip
        self.name, self.keys, self.target_keys = name, keys, target_keys
        self.single, self.sure, self.open, self.related = single, sure, open, related
        load = lambda: self.target.type  # noqa: E731
        self.type: MType = RelatedRecord(load, related) if single else RelatedTable(load, related)
        self._target: Table | None = None
        self._asked = 0
        self._held: Any = None

    @property
    def target(self) -> Table:
        """The other table, with its own navigation columns."""
        if self._target is None:
            self._target = self.open()
        return self._target

    def cells(self, keys: list[list[Any]], length: int) -> list[Any]:
        """The cells of some rows, by their keys; nothing is read for them yet."""
        found: list[Any] = []
        for i in range(length):
            key = tuple(column[i] for column in keys)
            if (self.single or self.sure) and any(part is None for part in key):
                found.append(None)  # where the keys are never null, an outer join has found no row
            else:
                found.append(Thunk(Cell(self, key)))
        return found

    def rows(self, key: tuple[Any, ...]) -> Table:
        """The related rows of a key."""
        values = [force(part) for part in key]
        target = self.target
        if any(value is None for value in values):
            return self._typed(p.Values(target.plan.schema, [[] for _ in target.names], 0), target)
        if self._held is None and self._asked < FEW and in_memory(target.plan) is None:
            from mlang.tables.asking import with_cells

            self._asked += 1
            plan = with_cells(target, [dict(zip(self.target_keys, values, strict=True))])
            if plan is not None:
                return self._typed(plan, target)
        if self._held is None:
            self._held = Held(target, self.target_keys)
        return self._typed(self._held.rows(values), target)

    def record(self, key: tuple[Any, ...]) -> Any:
        """The related row of a key, where there is one at most; null where there is none."""
        if self._held is not None:
            found: Any = self._held.record([force(part) for part in key])
        else:
            found = next(iter(self.rows(key).records(1)), None)
        return None if found is None else Annotated(found, None, self.type.with_nullable(False))

    def _typed(self, plan: p.Plan, target: Table) -> Table:
        type = RelatedTable(lambda: target.type, self.related)
        made = Table(plan, None, type)
        made.session = target.session
        return made


class Cell:
    """What the thunk of a navigation cell does when somebody reads it."""

    __slots__ = ("key", "link")

    def __init__(self, link: Link, key: tuple[Any, ...]) -> None:
        self.link, self.key = link, key

    @property
    def related_kind(self) -> str:
        """What the cell will hold, for `values.related.related_kind`."""
        return self.link.type.kind

    def __call__(self) -> Any:
        return self.link.record(self.key) if self.link.single else self.link.rows(self.key)


class Held:
    """A related table in memory, its rows by key."""

    def __init__(self, target: Table, keys: tuple[str, ...]) -> None:
        from mlang.tables.local_join import Index

        self.plan = target.plan
        own = self.plan.input if isinstance(self.plan, p.Related) else self.plan
        self.schema = own.schema
        names = list(self.schema.names)
        self.columns: list[list[Any]] = [[] for _ in names]
        length = 0
        for batch in target.batches(names):
            length += batch.length
            for store, cells in zip(self.columns, batch.columns, strict=True):
                store.extend(cells)
        self.index = Index([self.columns[names.index(k)] for k in keys], length, None)
        self._records: dict[int, dict[str, Any]] = {}

    def record(self, values: list[Any]) -> dict[str, Any] | None:
        """The row with these keys, made once."""
        for place in next(iter(self.index.find([[value] for value in values], 1))):
            if place not in self._records:
                row = {
                    name: column[place] for name, column in zip(self.schema.names, self.columns, strict=True)
                }
                links = self.plan.links if isinstance(self.plan, p.Related) else ()
                for link in links:
                    row[link.name] = link.cells([[row[key]] for key in link.keys], 1)[0]
                self._records[place] = row
            return self._records[place]
        return None

    def rows(self, values: list[Any]) -> p.Plan:
        """The rows with these keys, and their navigation columns."""
        places = next(iter(self.index.find([[value] for value in values], 1)))
        cells = [[column[i] for i in places] for column in self.columns]
        plan: p.Plan = p.Values(self.schema, cells, len(places))
        if isinstance(self.plan, p.Related):
            plan = p.Related(self.plan.schema, plan, self.plan.links)
        return plan


def with_links(table: Table, links: list[Link]) -> Table:
    """A table with a navigation column for each link after its own columns."""
    if not links:
        return table
    columns = [*schemas.pairs(table.type), *((link.name, link.type) for link in links)]
    schema = schemas.of_columns(columns, table.type.keys)
    return Table(p.Related(schema, table.plan, tuple(links)))


# ---------------------------------------------------------------- in the interpreter


@runs(p.Related)
def run_related(node: p.Related, columns: Columns, limit: int | None) -> Iterator[Batch]:
    """The rows, and for the wanted links cells that are searched when somebody reads them."""
    links = [link for link in node.links if link.name in columns]
    own = tuple(n for n in columns if n not in {link.name for link in links})
    below = merged(own, [key for link in links for key in link.keys])
    pick = picker(below, own)
    arrange = picker((*own, *(link.name for link in links)), columns)
    for batch in execute(node.input, below, limit):
        cells = batch.columns
        made = [link.cells([cells[below.index(key)] for key in link.keys], batch.length) for link in links]
        yield Batch(arrange([*pick(cells), *made]), batch.length)
