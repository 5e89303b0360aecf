"""What can go wrong, in two families.

`MError` is what M's ``try`` sees: an error record with Reason, Message, Detail and
the template the message was made from.  `Fault` is ours (bug in the program text,
cancelled, limit, out of memory): ``try`` never sees it.

Below the classes stand the constructors, one per message of the engine, worded as
the engine words them.  Callers raise by name, ``raise errors.field_not_found(...)``,
and never spell a message themselves.  Those of the language stand here; those of the
library and of sources are in ``errors_library.py`` and ``errors_sources.py``, loaded when
one is raised.  Read ``values/thunk.py`` next: it remembers failures.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:  # typing costs more to import than all of this
    from typing import Any

    from mlang.errors_library import *  # noqa: F403
    from mlang.errors_sources import *  # noqa: F403


class MError(Exception):
    """An M error: raised by ``error``, by operators and by the library."""

    #: Made by ``Table.ViewError``, or of an engine without memory: nobody tries another way.
    final = False
    # Most errors have none of these, and programs make errors by the million: set where given.
    message_format: str | None = None
    message_parameters: Any = None
    error_code: str | None = None
    #: Where it happened: filled while unwinding, innermost first.
    frames: list[Any] | None = None

    def __init__(
        self,
        reason: str | None,
        message: str | None,
        detail: Any = None,
        *,
        message_format: str | None = None,
        message_parameters: Any = None,
        error_code: str | None = None,
    ) -> None:
        self.reason = reason
        self.message = message
        self.detail = detail
        if message_format is not None:
            self.message_format = message_format
            self.message_parameters = message_parameters
        elif message_parameters is not None:
            self.message_parameters = message_parameters
        if error_code is not None:
            self.error_code = error_code

    def __str__(self) -> str:
        if self.reason is None:
            return str(self.message)
        return str(self.reason) if self.message is None else f"{self.reason}: {self.message}"

    def record(self) -> dict[str, Any]:
        """The record that ``try`` and ``catch`` hand to the program (field order of the engine)."""
        return {
            "Reason": self.reason,
            "Message": self.message,
            "Detail": self.detail,
            "Message.Format": self.message_format,
            "Message.Parameters": self.message_parameters,
            "ErrorCode": self.error_code,
        }


class Fault(Exception):
    """Not part of the language: ``try`` never catches it."""


class Cancelled(Fault):
    """The user or a time limit stopped the evaluation."""


# ---------------------------------------------------------------- helpers


def _native(
    reason: str, template: str, *parameters: Any, detail: Any = None, code: str | None = None
) -> MError:
    """An error of the engine: the template is kept beside the filled message (EVL-32)."""
    message = template
    for index, parameter in enumerate(parameters):
        message = message.replace(f"#{{{index}}}", str(parameter))
    return MError(
        reason,
        message,
        detail,
        message_format=template,
        message_parameters=list(parameters) if parameters else None,
        error_code=code,
    )


def expression_error(template: str, *parameters: Any, detail: Any = None, code: str | None = None) -> MError:
    """Reason Expression.Error with a template and its parameters."""
    return _native("Expression.Error", template, *parameters, detail=detail, code=code)


def data_format_error(template: str, *parameters: Any, detail: Any = None, code: str | None = None) -> MError:
    """Reason DataFormat.Error: unparsable text, bad bytes."""
    return _native("DataFormat.Error", template, *parameters, detail=detail, code=code)


def data_source_error(template: str, *parameters: Any, detail: Any = None, code: str | None = None) -> MError:
    """Reason DataSource.Error: the source answered with a failure."""
    return _native("DataSource.Error", template, *parameters, detail=detail, code=code)


def data_source_not_found(template: str, *parameters: Any, detail: Any = None) -> MError:
    """Reason DataSource.NotFound: file, folder, address or server missing."""
    return _native("DataSource.NotFound", template, *parameters, detail=detail)


def kind_name(value: Any) -> str:
    """The capitalised kind name that messages use: Number, Text, DateTimeZone …"""
    from mlang.values.kinds import DISPLAY, kind_of

    return DISPLAY[kind_of(value)]


def not_supported(name: str, what: str) -> MError:
    """Ours: a part of ``name`` that mlang does not do (yet)."""
    return expression_error("#{0}: #{1} isn't supported by mlang.", name, what)


# ---------------------------------------------------------------- evaluation


def cyclic_reference() -> MError:
    return expression_error("A cyclic reference was encountered during evaluation.")


def ambiguous_member(name: str) -> MError:
    """Several sections share a member of this name (GRM-51)."""
    return expression_error("The shared member '#{0}' has more than one definition.", name)


def not_implemented() -> MError:
    """``...`` was reached (EVL-46)."""
    return expression_error("Value was not specified.")


def stack_overflow() -> MError:
    return expression_error("Evaluation resulted in a stack overflow and cannot continue.")


def unknown_name(name: str, hint: str | None = None) -> MError:
    """A name that nothing defines, met at run time (ERR-25)."""
    error = expression_error("The import #{0} matches no exports. Did you miss a module reference?", name)
    if hint:
        error.hint = hint  # type: ignore[attr-defined]
    return error


def wrong_argument_count(
    given: int, least: int, most: int | None, arguments: list[Any] | None = None
) -> MError:
    """ERR-21: "1 arguments were passed to a function which expects 2."."""
    detail = {"Pattern": "", "Arguments": arguments or []}
    if most is None:
        template = "#{0} arguments were passed to a function which expects at least #{1}."
        return expression_error(template, given, least, detail=detail)
    if least == most:
        template = "#{0} arguments were passed to a function which expects #{1}."
        return expression_error(template, given, least, detail=detail)
    template = "#{0} arguments were passed to a function which expects between #{1} and #{2}."
    return expression_error(template, given, least, most, detail=detail)


def syntax(message: str) -> MError:
    """What ``Expression.Evaluate`` raises for text that does not parse; the place stands in the message (GRM-57)."""
    return expression_error(message)


# ---------------------------------------------------------------- operators and conversion


def cannot_apply(operator: str, left: Any, right: Any) -> MError:
    """ERR-01.  For ``<`` the caller passes the operands already swapped (ERR-02)."""
    return expression_error(
        "We cannot apply operator #{0} to types #{1} and #{2}.",
        operator,
        kind_name(left),
        kind_name(right),
        detail={"Operator": operator, "Left": left, "Right": right},
    )


def cannot_apply_unary(operator: str, operand: Any) -> MError:
    return expression_error(
        "We cannot apply operator #{0} to type #{1}.",
        operator,
        kind_name(operand),
        detail={"Operator": operator, "Operand": operand},
    )


#: Kinds whose value is never spelt in a message (ERR-06).
_OPAQUE = frozenset({"list", "record", "table", "function", "type", "binary"})


def cannot_convert(value: Any, type_name: str, type_value: Any = None) -> MError:
    """ERR-05 and ERR-06; ``type_name`` as displayed ("Number"), ``type_value`` the type for Detail."""
    from mlang.values.kinds import DISPLAY, kind_of
    from mlang.values.show import error_text
    from mlang.values.types import primitive

    kind = kind_of(value)
    target = type_value if type_value is not None else primitive(type_name.lower())
    detail = {"Value": value, "Type": target}
    if kind in _OPAQUE:
        return expression_error(
            "We cannot convert a value of type #{0} to type #{1}.", DISPLAY[kind], type_name, detail=detail
        )
    template = "We cannot convert the value #{0} to type #{1}."
    return expression_error(template, error_text(value), type_name, detail=detail)


def could_not_convert_to_number(text: Any) -> MError:
    return data_format_error("We couldn't convert to Number.", detail=text, code="10041")


def could_not_convert_to_logical(text: Any) -> MError:
    return expression_error("We couldn't convert to Logical.", detail=text)


def could_not_parse(kind: str, text: Any) -> MError:
    """ERR-30; ``kind`` is Date, Time, DateTime, DateTimeZone or Duration."""
    return data_format_error("We couldn't parse the input provided as a #{0} value.", kind, detail=text)


#: What a number must fit into, by its bits (0: a byte), and the engine's code for the failure.
_INTEGERS = {
    0: ("a byte", "10106"), 8: ("an 8 bit integer", "10483"), 16: ("a 16 bit integer", "10482"),
    32: ("a 32 bit integer", "10108"), 64: ("a 64 bit integer", "10109"),
}  # fmt: skip


def integer_out_of_range(bits: int, value: Any) -> MError:
    """ERR-33: too large for its kind of integer, or not whole where a whole number is needed."""
    kind, code = _INTEGERS[bits]
    return expression_error(f"The number is out of range of {kind} value.", detail=value, code=code)


def argument_out_of_range(name: str, value: Any) -> MError:
    """ERR-35: one template that names the parameter."""
    return expression_error("The '#{0}' argument is out of range.", name, detail=value)


def not_single_character(value: Any) -> MError:
    return expression_error("The value isn't a single-character string.", detail=value)


def format_not_supported(kind: str, text: Any) -> MError:
    """ERR-36."""
    return expression_error("The output #{0} format specified isn't supported.", kind, detail=text)


# ---------------------------------------------------------------- access


def field_not_found(name: str, record: Any) -> MError:
    return expression_error("The field '#{0}' of the record wasn't found.", name, detail=record)


def field_exists(name: str, value: Any = None) -> MError:
    detail = {"Name": name, "Value": value}
    return expression_error("The field '#{0}' already exists in the record.", name, detail=detail)


def column_not_found(name: str) -> MError:
    return expression_error("The column '#{0}' of the table wasn't found.", name, detail=name, code="10224")


def column_exists(name: str) -> MError:
    detail = {"Name": name, "Value": None}
    return expression_error("The field '#{0}' already exists in the record.", name, detail=detail)


def cannot_access_field(value: Any, name: str) -> MError:
    return expression_error(
        "We cannot apply field access to the type #{0}.",
        kind_name(value),
        detail={"Value": value, "Key": name},
    )


def cannot_index(value: Any, index: Any) -> MError:
    return expression_error(
        "We cannot apply indexing to the type #{0}.",
        kind_name(value),
        detail={"Value": value, "Index": index},
    )


def not_enough_elements(collection: Any = None) -> MError:
    return expression_error(
        "There weren't enough elements in the enumeration to complete the operation.", detail=collection
    )


def too_many_elements(collection: Any = None) -> MError:
    return expression_error(
        "There were too many elements in the enumeration to complete the operation.", detail=collection
    )


def key_not_found(key: Any, table: Any) -> MError:
    return expression_error(
        "The key didn't match any rows in the table.", detail={"Key": key, "Table": table}
    )


def key_not_unique(key: Any, table: Any) -> MError:
    return expression_error(
        "The key matched more than one row in the table.", detail={"Key": key, "Table": table}
    )


# ---------------------------------------------------------------- options and criteria


def bad_option(option: str, function: str, valid: list[str]) -> MError:
    """ERR-49: an option record with an unknown field."""
    template = "'#{0}' isn't a valid #{1} option. Valid options are:#{2}"
    return expression_error(template, option, function, "\r\n" + ", ".join(sorted(valid)))


def fuzzy_needs_text(column: str) -> MError:
    """ERR-50."""
    template = (
        "We only support text columns for fuzzy join operations. The column '#{0}' is not of type text."
    )
    return expression_error(template, column)


def custom_comparer() -> MError:
    return expression_error("A custom comparer cannot be used in this context.")


def bad_distinct_criteria() -> MError:
    return expression_error("The specified distinct criteria is invalid.")


def bad_sort_criteria() -> MError:
    return expression_error("The specified sort criteria is invalid.")


# ---------------------------------------------------------------- the other two files


def __getattr__(name: str) -> Any:
    """A constructor of the library or of sources, loaded at its first use."""
    from importlib import import_module

    for home in ("mlang.errors_library", "mlang.errors_sources"):
        module = import_module(home)
        if name in module.__all__:
            globals()[name] = getattr(module, name)
            return globals()[name]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
