"""What is known of how numbers are spelt: texts that are none for certain, and files whose texts all are.


A text column that is converted needs a look at each text besides the conversion itself (`casts.py`).  When a
column of the same file is converted a second time, this asks once whether any text of it is doubtful, and
remembers the answer as long as the file is the same: from then on the column is converted without flags.
"""

from __future__ import annotations

from typing import Any

from attrs import evolve
from sqlglot import exp

from folding import terms as t
from folding.relations import Column, Relation
from folding.sources import CsvOrigin
from folding.terms import whole_facts
from mlang.culture.data import culture

#: (file, delimiter, first row left out, column, type, culture) -> None after the first use, then what is proven.
_found: dict[Any, dict[str, Any] | None] = {}
_KEPT = 1000


def certain(relation: Relation, column: Column, converted: Column, proves: bool) -> Column:
    """The converted column of a CSV file; without flags where no text of it is doubtful.

    ``proves`` allows to ask the file, which a query that is only explained does not.
    """
    origin, source = relation.origin, column.term.sql
    if converted.text is None or not isinstance(origin, CsvOrigin) or not isinstance(source, exp.Column):
        return converted
    if source.table != origin.alias or converted.target is None:
        return converted
    from folding.engines.database import identity

    try:
        file = identity(str(origin.source.path))
    except OSError:
        return converted
    target = (converted.target.kind, converted.target.name)
    key = (file, str(origin.source.delimiter), origin.skip_first, source.name, target, converted.culture)
    if key not in _found:
        if proves:
            while len(_found) >= _KEPT:
                del _found[next(iter(_found))]
            _found[key] = None
        return converted
    known = _found[key]
    if known is None and proves:
        known = _found[key] = _asked(origin, source.name, converted)
    if not known:
        return converted
    facts = {name: value for name, value in known.items() if name != "plain"}
    return Column(evolve(converted.term, **facts))


def _asked(origin: CsvOrigin, name: str, converted: Column) -> dict[str, Any]:
    """Nothing when a text of the column is doubtful or the engine cannot tell; else what is proven of its values."""
    import duckdb

    from folding.engines.database import DIALECT, root

    value = converted.term
    whole = value.storage == "BIGINT"
    asked = [
        t.function("count", converted.text.copy()),
        t.binary(exp.EQ, exp.Count(this=exp.Star()), t.function("count", value.use)),
        *([t.function("min", value.use), t.function("max", value.use)] if whole else []),
    ]
    query = exp.Select(expressions=asked, from_=exp.From(this=origin.render({name})))
    try:
        row = root().cursor().execute(query.sql(DIALECT)).fetchone()
    except duckdb.Error:
        return {}
    if not row or row[0]:
        return {}
    bounds = whole_facts(row[2], row[3]) if whole and row[2] is not None else {}
    return {"plain": True, "nullable": not row[1], **bounds}


#: A word or a few signs, with no blank at either end; without a digit hardly any spells a number.
_WORD = "[A-Za-z#?*/._-]([ A-Za-z#?*/._-]*[A-Za-z#?*/._-])?"


def wrong(column: Column) -> Any:
    """A condition: the text that did not convert is certainly no number, its cell an error; None for other types."""
    if column.text is None or column.failures or column.target is None or column.target.kind != "number":
        return None
    info = culture(column.culture)
    spelt = {"null", info.nan.lower(), info.infinity.lower(), info.negative_infinity.lower()}
    words = [exp.Literal.string(w) for w in sorted(spelt) if w.isascii()]
    word = t.function("regexp_full_match", column.text.copy(), exp.Literal.string(_WORD))
    known = exp.In(this=t.function("lower", column.text.copy()), expressions=words)
    return t.all_of([word, t.negation(known)])


def failing(column: Column, bad: Any, good: Any) -> Any:
    """``bad`` where the cell is certainly an error, ``good`` where it converted; what may be either stops the query."""
    stop = t.stop(column.text.copy(), "BOOLEAN")
    surely = wrong(column)
    failed = stop if surely is None else t.case((surely, bad), otherwise=stop)
    return t.case((t.not_null(column.text.copy()), failed), otherwise=good)
