"""Messages of the library: dates, cultures, lists, records, types, tables, binary formats.

Reached as ``errors.name`` like all others: ``errors.py`` loads this file when the first of
its names is asked for.  What reads the world has its messages in ``errors_sources.py``.
"""

from __future__ import annotations

from mlang.errors import (
    MError,
    cannot_convert,
    data_format_error,
    data_source_error,
    expression_error,
    kind_name,
)

TYPE_CHECKING = False
if TYPE_CHECKING:  # typing costs more to import than all of this
    from typing import Any

__all__ = [
    "bad_binary_text",
    "bad_choice_type",
    "bad_conversion_type",
    "bad_group_item",
    "bad_pairs",
    "bad_placeholder",
    "bad_point",
    "bad_row_criteria",
    "bad_sql",
    "bad_transformation",
    "bad_uri",
    "bad_well_known_text",
    "binary_format_problem",
    "cannot_ascribe",
    "cannot_read",
    "choice_type_with_combine",
    "could_not_convert_to_guid",
    "culture_not_supported",
    "database_error",
    "decimal_out_of_range",
    "different_key_counts",
    "duplicate_group_key",
    "duplicate_join_column",
    "duration_format",
    "excel_options_twice",
    "expected_integer",
    "facet_not_supported",
    "lists_of_different_length",
    "no_cube_member",
    "no_embedded_value",
    "no_expression",
    "no_identities",
    "no_native_query",
    "no_row",
    "no_row_expression",
    "no_versions",
    "not_a_binary_format",
    "not_a_constant",
    "not_a_cube",
    "not_a_database",
    "not_unsigned",
    "number_out_of_range",
    "open_row_type",
    "options_and_arguments",
    "service_needed",
    "sign_of_nan",
    "temporal_out_of_range",
    "text_or_binary",
    "two_primary_keys",
    "unknown_time_zone",
    "variable_not_defined",
    "wrong_row_length",
    "wrong_type_kind",
]

# ---------------------------------------------------------------- dates, times, rows


def temporal_out_of_range(kind: str, detail: Any = None) -> MError:
    """``kind`` is Date, Time, DateTime, DateTimeZone or Duration."""
    return expression_error(
        "The #{0} operation failed because the resulting value falls outside the range of allowed values.",
        kind,
        detail=detail,
    )


def bad_binary_text(text: Any) -> MError:
    """Text that is not in the encoding it should be in (base 64, hexadecimal)."""
    return data_format_error("Invalid binary encoding.", detail=text)


def wrong_row_length(names: int, values: int, row: Any) -> MError:
    """A row, or a list of field values, that does not match the number of names."""
    template = "#{0} keys were specified, but #{1} values were provided."
    return expression_error(template, names, values, detail=row)


def duration_format() -> MError:
    """ERR-39."""
    return expression_error(
        'The "format" parameter of Duration.ToText has no effect and is no longer supported.'
    )


def unknown_time_zone(name: str) -> MError:
    """Ours: the session's time zone is no name of the zone database."""
    return expression_error("The time zone '#{0}' isn't known.", name)


# ---------------------------------------------------------------- cultures, numbers and text


def culture_not_supported(name: str) -> MError:
    return expression_error("The culture '#{0}' isn't supported.", name, detail=name)


# ---------------------------------------------------------------- lists, records, types, variables


def lists_of_different_length() -> MError:
    return expression_error("The lists must have the same number of items.")


def decimal_out_of_range(value: Any) -> MError:
    return expression_error("Value was either too large or too small for a Decimal.", detail=value)


def facet_not_supported(name: str, facets: Any) -> MError:
    """ERR-52, TYP-19."""
    return expression_error("The facet '#{0}' is not supported.", name, detail=facets)


def wrong_type_kind(expected: str, type_value: Any) -> MError:
    """A type of the wrong kind, e.g. a number type where a table type is needed."""
    from mlang.values.kinds import DISPLAY

    if expected == "function" and type_value.kind == "function":
        return expression_error("Function.Type is abstract and has no defined parameters.")
    return cannot_convert(type_value, DISPLAY[expected])


def open_row_type(type_value: Any) -> MError:
    """An open record type where the row type of a table stands (GRM-84)."""
    return expression_error("The row type of a table must be a closed record type.", detail=type_value)


def cannot_ascribe(value: Any, type_value: Any, why: str) -> MError:
    """Value.ReplaceType with a type that the value cannot have (TYP-07, TYP-08)."""
    from mlang.values.show import type_text

    template = "The #{0} can't be ascribed to this value: #{1}."
    detail = {"Value": value, "Type": type_value}
    return expression_error(template, type_text(type_value), why, detail=detail)


def two_primary_keys() -> MError:
    return expression_error("A table can have at most one primary key.")


def variable_not_defined(name: str) -> MError:
    """ERR-53."""
    return expression_error("The variable '#{0}' could not be found.", name, detail=name)


def no_native_query(target: Any) -> MError:
    return expression_error("Native queries aren't supported by this value.", detail=target)


def no_versions(target: Any) -> MError:
    """ERR-54."""
    return expression_error("The value does not support versioning.", detail=target)


def not_a_constant(value: Any) -> MError:
    return expression_error("A value of type #{0} can't be written as a constant.", kind_name(value))


def no_expression(value: Any) -> MError:
    """ERR-55."""
    return expression_error(
        "Value.Expression can only resolve optimized expressions, use: Value.Expression(Value.Optimize(...))",
        detail=value,
    )


def bad_transformation(value: Any) -> MError:
    return expression_error("The transformation must be a list of a name and a function.", detail=value)


def cannot_read(path: str, why: str) -> MError:
    """A file or folder that the system refuses for another reason."""
    return data_source_error("The file '#{0}' can't be read: #{1}.", path, why, detail=path)


# ---------------------------------------------------------------- tables


def bad_conversion_type(type: Any) -> MError:
    """Table.TransformColumnTypes with a list, record, table or function type (CVT-138)."""
    from mlang.values.show import type_text

    return expression_error("The type '#{0}' isn't a valid conversion target.", type_text(type), detail=type)


def duplicate_join_column(name: str, right_type: Any) -> MError:
    """ERR-48."""
    template = 'A join operation cannot result in a table with duplicate column names ("#{0}").'
    return expression_error(template, name, detail=right_type)


def bad_row_criteria() -> MError:
    """Equation criteria that are no comparer, key selector or columns."""
    return expression_error("The specified equation criteria is invalid.")


def different_key_counts() -> MError:
    return expression_error("The number of key columns of both tables must be the same.")


def bad_pairs(value: Any, what: str) -> MError:
    """A list argument that should hold {name, value} pairs."""
    if what in ("transformOperations", "typeTransformations"):
        return expression_error("Expected a TransformOperations value.", detail=value)
    return expression_error("Expected a list of #{0}.", what, detail=value)


def number_out_of_range(type_name: str, value: Any) -> MError:
    return expression_error("The number is out of range of a #{0} value.", type_name, detail=value)


def not_unsigned(value: Any) -> MError:
    from mlang.values.show import number_text

    template = (
        "This function operates only on Unsigned values, but value #{0} doesn't match the Unsigned pattern."
    )
    return expression_error(template, number_text(value), detail=value, code="10015")


def sign_of_nan() -> MError:
    return expression_error("Function does not accept floating point Not-a-Number values.")


def not_a_database(path: str) -> MError:
    return data_format_error("The file '#{0}' isn't a DuckDB database.", path, detail=path)


def database_error(kind: str, message: str, path: str) -> MError:
    """What a database answered (ERR-71)."""
    detail = {"DataSourceKind": kind, "DataSourcePath": path, "Message": message}
    return data_source_error("#{0}: #{1}", kind, message, detail=detail)


def options_and_arguments(name: str) -> MError:
    """An options record in the place of ``name`` and positional options as well."""
    template = "If an options record is specified for '#{0}', the remaining arguments must be null."
    return expression_error(template, name)


def bad_placeholder(underlying: str) -> MError:
    """ERR-37 and ERR-38: Text.Format."""
    template = "Invalid placeholder or value in format string. Underlying error message: #{0}"
    return expression_error(template, underlying)


def expected_integer(value: Any = None) -> MError:
    return expression_error("We expected an integer value.", detail=value)


def text_or_binary(value: Any) -> MError:
    """What Json.Document says of anything that is neither; null included."""
    return expression_error("The parameter is expected to be of type Text.Type or Binary.Type.", detail=value)


def could_not_convert_to_guid(text: Any) -> MError:
    return data_format_error("We couldn't convert to Guid.", detail=text)


def excel_options_twice() -> MError:
    """Excel.Workbook with an options record and delayTypes as well."""
    return expression_error("If an options record is specified for 'useHeaders', 'delayTypes' must be null.")


# ---------------------------------------------------------------- binary formats, expressions, services


def binary_format_problem(position: int, what: str) -> MError:
    """ERR-44; two blanks between the sentences."""
    return data_format_error(
        "There was a problem reading the binary format at position #{0}.  #{1}", position, what
    )


def not_a_binary_format(value: Any) -> MError:
    return expression_error("The value isn't a binary format value.", detail=value)


def choice_type_with_combine(type: Any) -> MError:
    """ERR-51."""
    template = "A type of 'list' or 'binary' cannot be specified when using a combine function."
    return expression_error(template, detail=type)


def bad_choice_type(type: Any) -> MError:
    return expression_error("The type must be any, list or binary.", detail=type)


def bad_group_item(value: Any) -> MError:
    return expression_error(
        "An item of a group is a list of 3 to 5 values: key, format, occurrence …", detail=value
    )


def duplicate_group_key() -> MError:
    return expression_error("The keys of the items of a group must differ.")


def no_row() -> MError:
    return expression_error("The row of a row expression has no value of its own.")


def no_row_expression(why: str) -> MError:
    """RowExpression.From with a function that has no such tree."""
    return expression_error("The function can't be converted to a row expression: #{0}.", why)


def bad_uri(text: str) -> MError:
    return data_format_error("Invalid URI: The format of the URI could not be determined.", detail=text)


def bad_well_known_text(text: Any) -> MError:
    return data_format_error("The text isn't a supported well-known text value.", detail=text)


def bad_point(value: Any) -> MError:
    return expression_error("The record isn't a point that can be written as well-known text.", detail=value)


def not_a_cube(value: Any) -> MError:
    """Ours: Cube.* of a table that nothing describes as a cube."""
    return expression_error("The table isn't a cube.", detail=value)


def no_cube_member(what: str, name: str) -> MError:
    """Ours: a dimension, attribute, measure or parameter that a cube does not have."""
    return expression_error("The cube has no #{0} '#{1}'.", what, name, detail=name)


def no_identities(condition: Any) -> MError:
    """Ours: a condition that asks more than who somebody is."""
    return expression_error("The condition can't be converted to a list of identities.", detail=condition)


def bad_sql(text: str) -> MError:
    """Ours: SqlExpression.ToExpression of what is no SQL query."""
    return data_format_error("The text isn't a SQL query.", detail=text)


def no_embedded_value(path: str) -> MError:
    """Ours: Embedded.Value with a path that leads nowhere."""
    return expression_error("The embedded mashup has no value '#{0}'.", path, detail=path)


def service_needed(name: str, needs: str) -> MError:
    """Ours: a connector whose other side does not exist here."""
    detail = {"Function": name, "Needs": needs}
    return data_source_error("#{0} can't be used here: it would need #{1}.", name, needs, detail=detail)
