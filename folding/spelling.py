"""What is known of how numbers are spelt: texts that are none for certain, and files whose texts all are.

A text column that is converted needs a look at each text besides the conversion itself (`casts.py`).  Whether any
text of a column is doubtful is found out while a large file streams by (`csv_facts.py`); when columns of a small
one are converted a second time, this asks once, in one reading of the file.  The answer is remembered as long as
the file is the same: from then on they are converted without flags.
"""

from __future__ import annotations

from typing import Any

from attrs import evolve
from sqlglot import exp

from folding import terms as t
from folding.csv_source import CsvOrigin
from folding.csv_stream import read_plain, streamed
from folding.relations import Column, Relation
from folding.terms import whole_facts
from mlang.culture.data import culture

#: (file, delimiter, first row left out, column, type, culture) -> None after the first use, then what is proven.
_found: dict[Any, dict[str, Any] | None] = {}
_KEPT = 1000


def certain(relation: Relation, converted: dict[int, Column], proves: bool) -> dict[int, Column]:
    """Of some converted columns (by their place) those of a CSV file that have no doubtful text, without flags.

    ``proves`` allows to ask the file, which a query that is only explained does not.  All columns that are
    converted a second time are asked about in one reading of the file.  While it is not known, the texts of a file
    that is streamed have flags only in those of its batches that are not plain.
    """
    origin = relation.origin
    if not isinstance(origin, CsvOrigin):
        return {}
    from folding.engines.database import identity

    try:
        file = identity(str(origin.source.path))
    except OSError:
        return {}
    keys = {}
    for place, column in converted.items():
        source, target = relation.columns[place].term.sql, column.target
        if column.text is None or target is None:
            continue
        if isinstance(source, exp.Column) and source.table == origin.alias:
            kind = (target.kind, target.name)
            keys[place] = (file, *origin.source.form, origin.skip_first, source.name, kind, column.culture)
    marked: dict[int, Column] = {}
    if origin.streamed:
        for place, key in keys.items():
            if not _found.get(key):
                mark = _watched(origin, relation.columns[place].term.sql.name, key, converted[place])
                if mark is not None and proves:
                    marked[place] = evolve(converted[place], text=t.case((mark, converted[place].text)))
        if unlearned(origin):
            relation.context.files.append(origin)
    elif proves:
        asked = [place for place, key in keys.items() if key in _found and _found[key] is None]
        answers = _asked(
            origin, {place: (relation.columns[place].term.sql.name, converted[place]) for place in asked}
        )
        for place, key in keys.items():
            learned(key, answers.get(place, _found.get(key)))
    known = {place: _found.get(key) for place, key in keys.items()}
    return marked | {place: _proven(converted[place], facts) for place, facts in known.items() if facts}


def unlearned(origin: CsvOrigin) -> set[str]:
    """The columns whose texts are still to be looked at."""
    return {name for key, (name, _) in origin.watched.items() if key not in _found}


def learned(key: Any, facts: dict[str, Any] | None) -> None:
    """Keeps what is known of a column."""
    while key not in _found and len(_found) >= _KEPT:
        _found.pop(next(iter(_found)), None)
    _found[key] = facts


def _watched(origin: CsvOrigin, name: str, key: Any, column: Column) -> Any:
    """Has the texts of a column looked at when they are next read: a condition, whether those around are not plain."""
    from folding.csv_facts import Watch, watches

    storage = column.term.storage
    if not watches(storage) or any(name == other and key != k for k, (other, _) in origin.watched.items()):
        return None
    point = culture(column.culture).decimal == "." and culture(column.culture).negative_sign == "-"
    origin.watched[key] = name, lambda: Watch(key, storage, point)
    return t.column(f"q{name[1:]}", origin.alias)


def _proven(column: Column, known: dict[str, Any]) -> Column:
    """A converted column without flags, with the facts that are proven of its values."""
    facts = {name: value for name, value in known.items() if name != "plain"}
    return Column(evolve(column.term, sql=read_plain(column.term.sql), **facts))


def _asked(origin: CsvOrigin, columns: dict[int, tuple[str, Column]]) -> dict[int, dict[str, Any]]:
    """By place, nothing when a text of the column is doubtful; else what is proven of its values.

    What the engine cannot tell of a file is nothing, too.
    """
    import duckdb

    from folding.engines.database import DIALECT, root

    if not columns:
        return {}
    asked = [part for _, column in columns.values() for part in _questions(column)]
    names = {name for name, _ in columns.values()}
    query = exp.Select(expressions=asked, from_=exp.From(this=origin.render(names)))
    try:
        database = root()
        cursor = database.cursor()
        origin.prepare(database, cursor)
        row = cursor.execute(streamed(query).sql(DIALECT)).fetchone()
    except duckdb.Error:
        row = None
    if not row:
        return {place: {} for place in columns}
    parts = [row[start : start + 4] for start in range(0, len(row), 4)]
    return {place: _facts(*part) for place, part in zip(columns, parts, strict=True)}


def _questions(column: Column) -> list[Any]:
    """Of a converted column: how many texts are doubtful, whether no cell is null, the bounds of whole numbers."""
    value = column.term
    whole = value.storage == "BIGINT"
    return [
        t.function("count", column.text.copy()),
        t.binary(exp.EQ, exp.Count(this=exp.Star()), t.function("count", value.use)),
        *(t.function(bound, value.use) if whole else exp.Null() for bound in ("min", "max")),
    ]


def _facts(doubtful: int, full: bool, low: int | None, high: int | None) -> dict[str, Any]:
    if doubtful:
        return {}
    bounds = whole_facts(low, high) if low is not None and high is not None else {}
    return {"plain": True, "nullable": not full, **bounds}


#: A word or a few signs, with no blank at either end; without a digit hardly any spells a number.
_WORD = "[A-Za-z#?*/._-]([ A-Za-z#?*/._-]*[A-Za-z#?*/._-])?"


def wrong(column: Column) -> Any:
    """A condition: the text that did not convert is certainly no number, its cell an error; None for other types."""
    if column.text is None or column.failures or column.target is None or column.target.kind != "number":
        return None
    return no_number(column.text.copy(), column.culture)


def no_number(text: Any, name: str | None) -> Any:
    """A condition: a text is certainly no number in a culture."""
    info = culture(name)
    spelt = {"null", info.nan.lower(), info.infinity.lower(), info.negative_infinity.lower()}
    words = [exp.Literal.string(w) for w in sorted(spelt) if w.isascii()]
    known = exp.In(this=t.function("lower", text), expressions=words)
    return t.all_of([a_word(text), t.negation(known)])


def a_word(text: Any) -> Any:
    """A condition: a text is letters and signs of ASCII without a digit, and so no date in any culture."""
    return t.function("regexp_full_match", text, exp.Literal.string(_WORD))


def failing(column: Column, bad: Any, good: Any) -> Any:
    """``bad`` where the cell is certainly an error, ``good`` where it converted; what may be either stops the query."""
    stop = t.stop(column.text.copy(), "BOOLEAN")
    surely = wrong(column)
    failed = stop if surely is None else t.case((surely, bad), otherwise=stop)
    return t.case((t.not_null(column.text.copy()), failed), otherwise=good)
