"""SQL forms of texts of numbers, dates and times: ``Text.From``, ``Date.ToText`` and their siblings.

Formats and cultures are constants, so a format becomes the engine's `strftime`, with the culture's separators and
names written into it; where a culture has names of its own, these are chosen by number.
"""

from __future__ import annotations

from typing import Any

from sqlglot import exp

from folding import instants, zones
from folding import terms as t
from folding.functions import Call, folds
from folding.functions.number_formats import formatted
from folding.terms import Scalar, Unfoldable, typed
from mlang.culture.data import CultureInfo
from mlang.culture.data import culture as named
from mlang.culture.date_formats import UNIVERSAL, BadFormat, Token, beside_day_number, expand, tokens
from mlang.errors import MError
from mlang.values.temporal import DAY, HOUR, MINUTE, SECOND

_DEFAULT = {"date": "d", "datetime": "G", "time": "t", "datetimezone": "G"}
#: Specifier and size to the engine's code.
_CODES = {
    ("d", 1): "%-d", ("d", 2): "%d", ("M", 1): "%-m", ("M", 2): "%m", ("y", 2): "%y", ("y", 4): "%Y",
    ("H", 1): "%-H", ("H", 2): "%H", ("h", 1): "%-I", ("h", 2): "%I", ("m", 1): "%-M", ("m", 2): "%M",
    ("s", 1): "%-S", ("s", 2): "%S", ("f", 3): "%g", ("f", 6): "%f",
}  # fmt: skip


def _text(sql: Any, *parts: Scalar, **facts: Any) -> Scalar:
    return typed(sql, "text", "VARCHAR", *parts, **facts)


def culture_of(name: Any) -> CultureInfo:
    """The culture of a name, or the session's."""
    if name is not None and name.__class__ is not str:
        raise Unfoldable("a culture that is no text")
    try:
        return named(name)
    except MError:
        raise Unfoldable("an unknown culture") from None


# ---------------------------------------------------------------- numbers


def number_text(x: Scalar, info: CultureInfo) -> Scalar:
    """The shortest text of at most 15 digits that reads the same, else 17 digits; with E for the interpreter."""
    whole = t.cast(t.cast(x.use, "BIGINT"), "VARCHAR")
    if x.int53:
        return _text(whole, x, ascii=True)
    if x.storage == "BIGINT":
        return _text(t.cast(x.use, "VARCHAR"), x, ascii=True)
    size = t.function("abs", x.use)
    large = t.negation(t.binary(exp.LT, size.copy(), t.double(1e15)))
    outside = t.any_of([t.binary(exp.LT, size, t.double(1e-4)), large])
    integral = t.all_of([
        t.binary(exp.EQ, t.function("trunc", x.use), x.use), t.binary(exp.LT, size.copy(), t.double(1e15)),
    ])  # fmt: skip
    plain = t.cast(x.use, "VARCHAR")
    digits = t.function("ltrim", t.function("replace", plain.copy(), exp.Literal.string("."), exp.Literal.string("")),
                        exp.Literal.string("-0"))  # fmt: skip
    short = t.binary(exp.LTE, t.function("length", digits), t.whole(15))
    long = t.function("printf", exp.Literal.string("%.17g"), x.use)
    fraction = t.case((short, plain), otherwise=long)
    if info.decimal != ".":
        fraction = t.function("replace", fraction, exp.Literal.string("."), t.string(info.decimal))
    sql = t.case((integral, whole), (outside, t.error()), otherwise=fraction)
    return _text(sql, x, ascii=info.decimal.isascii())


# ---------------------------------------------------------------- dates and times


def moment_text(value: Scalar, format: Any, info: CultureInfo) -> Scalar:
    """A date, time or datetime in a format (the default one for null or an empty text)."""
    if format is not None and format.__class__ is not str:
        raise Unfoldable("a format that is no text")
    try:
        custom, info = expand(format or _DEFAULT[value.kind], info)
        found = tokens(custom)
        if value.kind == "datetimezone" and not format:
            found = (*found, *tokens(" zzz"))
    except BadFormat:
        raise Unfoldable("a format that M does not know") from None
    if info.calendar != "gregorian":
        raise Unfoldable(f"dates of the {info.calendar} calendar")
    if value.kind == "time" and any(token.letter in "dMyg" for token in found if token.letter):
        raise Unfoldable("a date format of a time")
    if value.kind != "datetimezone":
        return _Writer(value, info, found).text()
    if format in UNIVERSAL:
        return _Writer(zones.instant(value), info, found, zones.ahead(0)).text()
    return _Writer(zones.clock(value), info, found, zones.offset(value).sql).text()


class _Writer:
    """Writes the tokens of a format: codes run together into one `strftime`, names stand beside it."""

    def __init__(
        self, value: Scalar, info: CultureInfo, found: tuple[Token, ...], offset: Any = None
    ) -> None:
        """``offset`` are the minutes that a datetime with a zone is ahead of UTC."""
        self.value, self.info, self.found, self.offset = value, info, found, offset
        term = instants.in_microseconds(value)
        self.fine = instants.is_fine(value)
        self.sql: Any = term.sql
        if value.kind == "time":
            self.sql = t.binary(exp.Add, t.cast(exp.Literal.string("1970-01-01"), "DATE"), term.use)
        self.parts: list[Any] = []
        self.codes = ""
        self.ascii = True

    def text(self) -> Scalar:
        """The text, null for null."""
        for index, token in enumerate(self.found):
            self.write(token, index)
        self.flush()
        if not self.parts:
            self.parts.append(t.function("strftime", self.sql.copy(), exp.Literal.string("")))
        result = self.parts[0]
        for part in self.parts[1:]:
            result = t.binary(exp.DPipe, result, part)
        return _text(result, self.value, ascii=self.ascii)

    def write(self, token: Token, index: int) -> None:
        """One part of the format."""
        letter, size = token.letter, token.size
        if letter in "Hhms" and letter:
            size = min(size, 2)
        if (letter == "y" and size > 4) or (letter, size) in (("y", 1), ("y", 3)):
            raise Unfoldable("a format with a year of that many digits")
        if not letter:
            self.literal(token.literal)
        elif (letter, size) in _CODES:
            self.codes += _CODES[letter, size]
        elif letter == "f" and size == 7:
            self.seventh()
        elif letter in (":", "/"):
            self.literal(self.info.time_separator if letter == ":" else self.info.date_separator)
        elif letter == "t":
            cut = None if size > 1 else 1
            self.choose("hour", [self.info.am[:cut]] * 12 + [self.info.pm[:cut]] * 12, 1)
        elif letter == "d":
            names = self.info.day_names_abbreviated if size == 3 else self.info.day_names
            self.choose("dayofweek", list(names), 1)
        elif letter == "M":
            full = (
                self.info.month_names_genitive
                if beside_day_number(self.found, index)
                else self.info.month_names
            )
            self.choose("month", list(self.info.month_names_abbreviated if size == 3 else full), 0)
        elif letter == "K" and self.offset is None:
            pass  # no zone
        elif letter in ("z", "K") and self.offset is not None:
            self.zone(size if letter == "z" else 3)
        else:
            raise Unfoldable(f"a format with '{letter * token.size}'")

    def literal(self, text: str) -> None:
        """Text that stands for itself."""
        if any(c < " " or "\ud800" <= c <= "\udfff" for c in text):
            raise Unfoldable("a format with control characters")
        self.ascii = self.ascii and text.isascii()
        self.codes += text.replace("%", "%%")

    def seventh(self) -> None:
        """Seven digits of a second: the engine knows six."""
        self.codes += "%f"
        if not self.fine:
            self.codes += "0"
            return
        self.flush()
        self.parts.append(t.cast(t.binary(exp.Mod, self.value.use, t.whole(10)), "VARCHAR"))

    def zone(self, size: int) -> None:
        """The distance from UTC: hours, of two digits unless the format has one letter, and minutes if it has three."""
        self.flush()
        sign = t.case(
            (t.binary(exp.LT, self.offset, t.whole(0)), exp.Literal.string("-")),
            otherwise=exp.Literal.string("+"),
        )
        distance = t.function("abs", self.offset)
        pieces = [sign, t.cast(t.binary(exp.IntDiv, distance, t.whole(60)), "VARCHAR")]
        if size > 1:
            pieces[1] = t.function("lpad", pieces[1], t.whole(2), exp.Literal.string("0"))
        if size > 2:
            rest = t.cast(t.binary(exp.Mod, distance, t.whole(60)), "VARCHAR")
            pieces += [exp.Literal.string(":"), t.function("lpad", rest, t.whole(2), exp.Literal.string("0"))]
        self.parts += pieces

    def choose(self, part: str, names: list[str], shift: int) -> None:
        """A name by the number of a part."""
        english = _ENGLISH.get((part, tuple(names)))
        if english is not None:
            self.codes += english
            return
        self.flush()
        self.ascii = self.ascii and all(n.isascii() for n in names)
        place: Any = t.function(part, self.sql.copy())
        if shift:
            place = t.binary(exp.Add, place, t.whole(shift))
        items = exp.Array(expressions=[t.string(n) for n in names])
        self.parts.append(t.function("list_extract", items, place))

    def flush(self) -> None:
        """The codes so far as one call."""
        if self.codes:
            self.parts.append(t.function("strftime", self.sql.copy(), t.string(self.codes)))
            self.codes = ""


_DAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
#: Names that the engine writes itself.
_ENGLISH = {
    ("hour", ("AM",) * 12 + ("PM",) * 12): "%p",
    ("dayofweek", _DAYS): "%A", ("dayofweek", tuple(d[:3] for d in _DAYS)): "%a",
    ("month", _MONTHS): "%B", ("month", tuple(m[:3] for m in _MONTHS)): "%b",
}  # fmt: skip


# ---------------------------------------------------------------- the functions


@folds("Text.From", "Number.ToText", "Logical.ToText")
def text_from(call: Call) -> Scalar:
    value = call.term(0)
    if call.name == "Text.From":
        call.at_most(2)
        info = culture_of(call.constant(1) if call.count > 1 else None)
    else:
        info = culture_of(call.constant(2) if call.count > 2 else None)
        if call.count > 1 and call.constant(1):
            return formatted(value, call.constant(1), info)
    if call.name != "Text.From" and value.kind not in (call.name.partition(".")[0].lower(), "null"):
        raise Unfoldable(f"{call.name} of a {value.kind}")
    return written_text(value, info)


def written_text(value: Scalar, info: CultureInfo) -> Scalar:
    """What ``Text.From`` makes of a value in a culture; null stays null."""
    if value.kind == "text":
        return value
    if value.kind == "null":
        return t.of_kind(value, "text")
    if value.kind == "logical":
        sql = t.case(
            (value.use, exp.Literal.string("true")), (t.negation(value.use), exp.Literal.string("false"))
        )
        return _text(sql, value, ascii=True)
    if value.kind == "number":
        return number_text(t.need(value, "number"), info)
    if isinstance(value.inside, t.Scaled):
        return decimal_text(value, info)
    if value.kind == "duration":
        return duration_text(value)
    if value.kind in _DEFAULT:
        return moment_text(value, None, info)
    raise Unfoldable(f"the text of a {value.kind}")


def decimal_text(value: Scalar, info: CultureInfo) -> Scalar:
    """The digits of a column of decimals, zeros at the end included."""
    if info.negative_sign != "-":
        raise Unfoldable("a culture with a minus sign of its own")
    sql = t.decimal_digits(value)
    if info.decimal != ".":
        sql = t.function("replace", sql, exp.Literal.string("."), exp.Literal.string(info.decimal))
    return _text(sql, value, ascii=info.decimal.isascii())


def duration_text(value: Scalar) -> Scalar:
    """``[-][d.]hh:mm:ss[.fffffff]``, the same in every culture."""
    size = t.function("abs", value.use)

    def part(unit: int, cycle: int | None, width: int) -> Any:
        number: Any = t.binary(exp.IntDiv, size, t.whole(unit)) if unit > 1 else size
        number = t.binary(exp.Mod, number, t.whole(cycle)) if cycle else number
        return t.function("lpad", t.cast(number, "VARCHAR"), t.whole(width), exp.Literal.string("0"))

    days = t.binary(exp.IntDiv, size, t.whole(DAY))
    clock = t.function(
        "concat", part(HOUR, 24, 2), exp.Literal.string(":"), part(MINUTE, 60, 2), exp.Literal.string(":"),
        part(SECOND, 60, 2),
    )  # fmt: skip
    empty = exp.Literal.string("")
    fraction = t.binary(exp.Mod, size, t.whole(SECOND))
    tail = t.binary(exp.DPipe, exp.Literal.string("."), part(1, SECOND, 7))
    lead = t.binary(exp.DPipe, t.cast(days, "VARCHAR"), exp.Literal.string("."))
    sql = t.function(
        "concat",
        t.case((t.binary(exp.LT, value.use, t.whole(0)), exp.Literal.string("-")), otherwise=empty),
        t.case((t.binary(exp.GT, days, t.whole(0)), lead), otherwise=empty), clock,
        t.case((t.binary(exp.GT, fraction, t.whole(0)), tail), otherwise=empty),
    )  # fmt: skip
    if value.nullable:
        sql = t.case((t.not_null(value.use), sql))
    return _text(sql, value, ascii=True)


@folds("Duration.ToText")
def duration_to_text(call: Call) -> Scalar:
    call.at_most(1)
    return duration_text(call.of(0, "duration"))


@folds("Date.ToText", "DateTime.ToText", "DateTimeZone.ToText", "Time.ToText")
def to_text(call: Call) -> Scalar:
    """A format and a culture, or a record with both."""
    value = t.need(call.term(0), call.name.partition(".")[0].lower())
    choice = call.constant(1) if call.count > 1 else None
    culture = call.constant(2) if call.count > 2 else None
    if choice.__class__ is dict:
        if culture is not None or not set(choice) <= {"Format", "Culture"}:
            raise Unfoldable(f"{call.name} with other options")
        options: dict[str, Any] = choice
        choice, culture = options.get("Format"), options.get("Culture")
    return moment_text(value, choice, culture_of(culture))


@folds("Date.MonthName", "Date.DayOfWeekName")
def name_of(call: Call) -> Scalar:
    """The culture's name of the month or of the day."""
    value = t.need(call.term(0), "date", "datetime")
    call.at_most(2)
    info = culture_of(call.constant(1) if call.count > 1 else None)
    return moment_text(value, "MMMM" if call.name == "Date.MonthName" else "dddd", info)
