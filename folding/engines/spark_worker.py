"""On the workers of a cluster: the row-wise steps of a parcel over Arrow batches.

`work` is what the cluster runs.  It is sent by name, so mlang must be installed there in the same version (`about`
says which); with it goes the text of a parcel (``spark_parcels.py``), of which functions are compiled here.  The
interpreter does the steps; what does not fit the columns that were promised fails, and the session does the work.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from folding import types
from folding.engines import spark_cells
from folding.streaming import computed
from mlang import __version__
from mlang.session import Session
from mlang.tables import plan as p
from mlang.tables.local import run_local
from mlang.values.functions import apply
from mlang.values.metadata import strip
from mlang.values.show import identifier
from mlang.values.thunk import Thunk
from mlang.values.types import NAMED, MType, primitive, table_type


class Refused(Exception):
    """The rows are not done here; it says nothing of them."""


def about(batches: Iterator[Any]) -> Iterator[Any]:
    """Which mlang is here: answers a question of one row."""
    import pyarrow as pa

    for batch in batches:
        yield pa.RecordBatch.from_arrays([pa.array([here()] * batch.num_rows, pa.string())], names=["c1"])


def here() -> str:
    """The versions that must be the same."""
    return f"mlang {__version__}, Python {'.'.join(platform.python_version_tuple()[:2])}"


def work(parcel: str, batches: Iterator[Any]) -> Iterator[Any]:
    """The steps of a parcel over batches of rows."""
    from mlang.compile.entry import run

    found = None
    for batch in batches:
        try:
            if found is None:
                found = _unpacked(parcel)
            stage = found
            done = run(lambda stage=stage, batch=batch: stage.done(batch), stage.session)  # type: ignore[misc]
        except Exception as no:
            raise Refused(f"mlang: {no.__class__.__name__}") from None
        yield done


@lru_cache(maxsize=16)
def _unpacked(parcel: str) -> Stage:
    return Stage(json.loads(parcel))


class Stage:
    """A parcel made ready: its functions compiled."""

    def __init__(self, parcel: dict[str, Any]) -> None:
        from mlang.compile.entry import run

        given = parcel["session"]
        self.session = Session(
            culture=given["culture"], time_zone=given["zone"], engine="none", number_mode=given["mode"]
        )
        self.inputs: list[Any] = parcel["inputs"]
        self.outputs: list[Any] = parcel["outputs"]
        self.steps: list[dict[str, Any]] = run(
            lambda: [_opened(step) for step in parcel["steps"]], self.session
        )

    def done(self, batch: Any) -> Any:
        """The outputs for a batch of inputs."""
        import pyarrow as pa

        rows = Rows(self.inputs, batch)
        for step in self.steps:
            rows.step(step)
        taken = None if rows.places is None else pa.array(rows.places, pa.int64())
        arrays, names = [], []
        for output in self.outputs:
            names.append(output["to"])
            if "from" in output:
                array = batch.column(output["from"])
                arrays.append(array if taken is None else array.take(taken))
                continue
            cells = computed(rows.columns[rows.names.index(output["column"])])
            arrays.append(_errors(cells) if output["kind"] == "error" else _typed(cells, output["kind"]))
        return pa.RecordBatch.from_arrays(arrays, names=names)


class Rows:
    """The cells of a batch on their way through the steps; ``places`` are the rows that are left, None all."""

    def __init__(self, inputs: list[Any], batch: Any) -> None:
        self.names = [given["name"] for given in inputs]
        self.length = batch.num_rows
        self.columns = [_cells(given, batch) for given in inputs]
        self.places: list[int] | None = None

    def step(self, step: dict[str, Any]) -> None:
        """Does one step."""
        do = step["do"]
        if do == "project":
            of = [(new, old) for new, old in step["of"] if old is None or old in self.names]
            self.columns = [
                [None] * self.length if old is None else self.columns[self.names.index(old)] for _, old in of
            ]
            self.names = [new for new, _ in of]
            return
        names = [*self.names, "\0"] if do == "select" else self.names
        if do == "add":
            names = [*self.names, step["name"]]
        elif do == "bad":
            found = [self.columns[self.names.index(name)] for name in step["columns"]]
            bad = [any(_is_error(column[i]) for column in found) for i in range(self.length)]
            self._keep([i for i, hit in enumerate(bad) if hit == step["keep"]])
            return
        base = p.Values(table_type(self.names), self.columns, self.length)
        made = _node(table_type(names), base, step)
        columns: list[list[Any]] = [[] for _ in names]
        for part in run_local(made, None, None):
            for store, cells in zip(columns, part.columns, strict=True):
                store.extend(cells)
        if do == "select":
            answers = [_answer(cell) for cell in columns.pop()]
            self.columns = columns
            self._keep([i for i, kept in enumerate(answers) if kept])
            return
        self.names, self.columns = names, columns

    def _keep(self, rows: list[int]) -> None:
        self.columns = [[column[i] for i in rows] for column in self.columns]
        self.places = rows if self.places is None else [self.places[i] for i in rows]
        self.length = len(rows)


def _node(schema: Any, base: p.Plan, step: dict[str, Any]) -> p.Plan:
    """The step as the interpreter knows it; of a selection the column of its answers."""
    do = step["do"]
    if do in ("add", "select"):
        return p.AddColumn(schema, base, schema.names[-1], step["f"])
    if do == "transform":
        return p.TransformColumns(schema, base, tuple(step["of"]))
    if do == "types":
        return p.ChangeTypes(schema, base, tuple(step["of"]), step["culture"])
    if do == "replace":
        return p.ReplaceValue(
            schema, base, step["old"], step["new"], step["by"], tuple(step["columns"]), step["row"]
        )
    return p.ReplaceErrors(schema, base, tuple(step["of"]))


def _answer(cell: Any) -> bool:
    """Whether a row is selected; a condition that raises, or is none, is for the session to report."""
    value = strip(cell.get() if cell.__class__ is Thunk else cell)
    if value is not None and value.__class__ is not bool:
        raise Refused("a condition that is no logical")
    return value is True


def _is_error(cell: Any) -> bool:
    return computed([cell])[0].__class__ is Thunk


# ---------------------------------------------------------------- opening parcels


def _opened(step: dict[str, Any]) -> dict[str, Any]:
    """A step with its functions compiled and its values read."""
    made = dict(step)
    for name in ("f", "by"):
        if name in made:
            made[name] = _function(made[name])
    for name in ("old", "new"):
        if name in made:
            made[name] = _constant(made[name])
    read: Any = {"transform": _function, "types": _type, "errors": _constant}.get(made["do"])
    if read is not None:
        made["of"] = [(name, read(value)) for name, value in made["of"]]
    return made


def _function(sent: dict[str, Any]) -> Any:
    from mlang.compile.entry import Document

    names, text = list(sent["names"]), sent["text"]
    if not names:
        return Document(text).value()
    made = Document(f"({', '.join(identifier(n) for n in names)}) => ({text})").value()
    return apply(made, *[_constant(sent["names"][n]) for n in names])


def _constant(sent: dict[str, Any]) -> Any:
    return _function(sent["f"]) if "f" in sent else spark_cells.decoded(sent["v"])


def _type(sent: list[Any]) -> MType:
    kind, nullable, name = sent
    if name is None:
        return primitive(kind, nullable)
    found: MType = NAMED[name].with_nullable(nullable)
    return found


# ---------------------------------------------------------------- cells


def _cells(given: dict[str, Any], batch: Any) -> list[Any]:
    """The cells of a column, those that hold errors among them."""
    array = batch.column(given["at"])
    if given["kind"] == "cell":
        cells = [spark_cells.decoded(text) for text in array.to_pylist()]
    else:
        cells = types.to_values(array, given["kind"])
    if given["errors"] is not None:
        for index, text in enumerate(batch.column(given["errors"]).to_pylist()):
            if text is not None:
                cells[index] = spark_cells.error_cell(text)
    return cells


def _typed(cells: list[Any], kind: str) -> Any:
    """Cells as an Arrow array of what was promised; errors are null."""
    import pyarrow as pa

    values = [None if cell.__class__ is Thunk else cell for cell in cells]
    if kind == "cell":
        return pa.array([spark_cells.encoded(value) for value in values], pa.string())
    if types.kind_of_column(values) not in ("null", kind):
        raise Refused("cells of another kind than promised")
    return types.to_arrow(values, kind).cast(types.arrow_type(kind))


def _errors(cells: list[Any]) -> Any:
    """The errors of cells as Arrow texts."""
    import pyarrow as pa

    found = [None if c.__class__ is not Thunk else spark_cells.error_text(c.content) for c in cells]
    return pa.array(found, pa.string())
