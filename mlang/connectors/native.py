"""Native queries: parameters put into the text of a query, M values as literals of an engine.

Text in quotes and comments stays as it is.  Read ``servers.py`` for what a server is.
"""

from __future__ import annotations

from typing import Any

from mlang import errors
from mlang.connectors.servers import Server
from mlang.library.arguments import of_kind
from mlang.values.metadata import strip
from mlang.values.thunk import force


def bound(server: Server, text: str, parameters: Any) -> str:
    """A query with its parameters put in as literals: @name and :name of a record, ? of a list."""
    if parameters is None:
        return text
    named = isinstance(parameters, dict)
    fields: dict[str, Any] = parameters if named else {}
    values: list[Any] = [] if named else [force(v) for v in of_kind(parameters, "list")]
    out, place, used = [], 0, 0
    while place < len(text):
        end = _skipped(text, place, server.dialect)
        if end > place:
            out.append(text[place:end])
        elif (
            named
            and text[place] in "@:"
            and text[place + 1 : place + 2].isidentifier()
            and text[place - 1 : place] != text[place]
        ):
            end = place + 2
            while end < len(text) and (text[end].isalnum() or text[end] == "_"):
                end += 1
            name = text[place + 1 : end]
            if name not in fields:
                _not_given(server, text, place, end)
            out.append(literal(server, force(fields[name])) if name in fields else text[place:end])
        elif not named and text[place] == "?":
            if used == len(values):
                raise errors.native_parameters(text.count("?"), len(values))
            out.append(literal(server, values[used]))
            used, end = used + 1, place + 1
        else:
            end = place + 1
            out.append(text[place])
        place = end
    if not named and used != len(values):
        raise errors.native_parameters(used, len(values))
    return "".join(out)


def _not_given(server: Server, text: str, place: int, end: int) -> None:
    """Refuses a name that no field has where the engine would take it for null; elsewhere it is for the server to say.

    MySQL's variables are @names, too: one that the query sets itself is meant so.
    """
    name = text[place:end]
    variable = server.dialect == "mysql" and (name[0] == ":" or name in _assigned(text))
    if server.dialect in ("mysql", "sqlite") and not variable:
        raise errors.native_parameter_missing(name)


def _assigned(text: str) -> set[str]:
    """The variables that a query sets."""
    import re

    return set(re.findall(r"@\w+(?=\s*:=)", text))


def statement(text: str, dialect: str) -> str:
    """A query without the semicolons, blanks and comments at its end, to be put in brackets."""
    place = last = 0
    while place < len(text):
        end = _comment(text, place, dialect)
        if end == place:
            end = max(_skipped(text, place, dialect), place + 1)
            if not text[place].isspace() and text[place] != ";":
                last = end
        place = end
    return text[:last].strip()


def ordering(text: str, dialect: str) -> list[str] | None:
    """The words after the ORDER BY that sorts the rows of a statement (not of a part in brackets), else None."""
    words, place, depth = "", 0, 0
    while place < len(text):
        end = _skipped(text, place, dialect)
        if end == place:
            depth += {"(": 1, ")": -1}.get(text[place], 0)
            words += text[place] if depth == 0 else " "
        else:
            words += " "
        place = max(end, place + 1)
    _, found, rest = " ".join(words.lower().split()).rpartition("order by ")
    return rest.split() if found else None


def _comment(text: str, place: int, dialect: str) -> int:
    """Where a comment that begins here ends; ``place`` when none does."""
    for begin, end in (("--", "\n"), ("/*", "*/"), ("#", "\n")):
        if not text.startswith(begin, place) or (begin == "#" and dialect != "mysql"):
            continue
        if begin == "--" and dialect == "mysql" and not text[place + 2 : place + 3].isspace():
            continue  # two signs: 1--1
        stop = text.find(end, place + len(begin))
        return len(text) if stop < 0 else stop + len(end)
    return place


def _skipped(text: str, place: int, dialect: str) -> int:
    """Where a quoted text, name or comment that begins here ends; ``place`` when none does."""
    end = _comment(text, place, dialect)
    if end > place:
        return end
    if dialect == "postgres":
        import re

        found = re.compile(
            r"(\$(?:[A-Za-z_]\w*)?\$).*?(?:\1|\Z)|[eE]'(?:\\.|''|[^'\\])*(?:'|\Z)", re.S
        ).match(text, place)
        if found is not None and not (place and (text[place - 1].isalnum() or text[place - 1] in "_$")):
            return found.end()
    quotes = {"'": "'", '"': '"', "`": "`", "[": "]" if dialect in ("sqlserver", "sqlite") else ""}
    close = quotes.get(text[place], "")
    if not close:
        return place
    stop = text.find(close, place + 1)
    return len(text) if stop < 0 else stop + 1


def literal(server: Server, value: Any) -> str:
    """An M value as a literal of the engine."""
    from mlang.values.kinds import is_number, kind_of

    value = strip(value)
    if value is None:
        return "NULL"
    if is_number(value):
        if value.__class__ is float and not (abs(value) < 2.0**53 and value.is_integer()):
            if value != value or abs(value) == float("inf"):
                raise errors.not_supported("Value.NativeQuery", "a parameter that is no finite number")
            written = repr(value) if "e" in repr(value) else f"{value!r}e0"
        else:
            written = str(int(value)) if value == int(value) else str(value)
        return f"({written})" if written.startswith("-") else written  # 1-@p must not become a comment
    kind = kind_of(value)
    if kind == "text":
        return server.text(value)
    if kind == "logical":
        plain = "1" if value else "0"
        return plain if server.dialect in ("sqlite", "sqlserver") else ("TRUE" if value else "FALSE")
    if kind == "binary":
        return {"postgres": "'\\x{}'::bytea", "sqlserver": "0x{}"}.get(server.dialect, "X'{}'").format(
            value.hex()
        )
    if kind in ("date", "time", "datetime"):
        return f"{_TEMPORAL[kind] if server.dialect in ('postgres', 'mysql') else ''}'{temporal_text(value, kind)}'"
    if kind == "datetimezone" and server.dialect in ("postgres", "sqlserver"):
        offset = f"{'-' if value.offset < 0 else '+'}{abs(value.offset) // 60:02}:{abs(value.offset) % 60:02}"
        moment = f"'{temporal_text(value, 'datetime')}{offset}'"
        return (
            f"TIMESTAMPTZ {moment}" if server.dialect == "postgres" else f"CAST({moment} AS datetimeoffset)"
        )
    if kind == "duration" and server.dialect == "postgres":
        return f"INTERVAL '{value.ticks // 10} microseconds'"
    raise errors.not_supported("Value.NativeQuery", f"a parameter of kind {kind}")


_TEMPORAL = {"date": "DATE ", "time": "TIME ", "datetime": "TIMESTAMP "}


def temporal_text(value: Any, kind: str) -> str:
    """A date, time or datetime as SQL spells it, to the microsecond."""
    day = clock = ""
    if kind != "time":
        year, month, number = value.ymd
        day = f"{year:04}-{month:02}-{number:02}"
    if kind != "date":
        clock = f"{value.hour:02}:{value.minute:02}:{value.second:02}"
        if value.fraction // 10:
            clock += f".{value.fraction // 10:06}"
    return f"{day} {clock}".strip()
