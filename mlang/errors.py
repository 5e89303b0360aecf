"""What can go wrong, in two families.

`MError` is what M's ``try`` sees: an error record with Reason, Message, Detail and
the template the message was made from.  `Fault` is ours (bug in the program text,
cancelled, limit, out of memory): ``try`` never sees it.

Below the classes stand the constructors, one per message of the engine, worded as
the engine words them.  Callers raise by name, ``raise errors.field_not_found(...)``,
and never spell a message themselves.  Read ``values/thunk.py`` next: it remembers
failures.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:  # typing costs more to import than all of this
    from typing import Any



class MError(Exception):
    """An M error: raised by ``error``, by operators and by the library."""

    #: Made by ``Table.ViewError``: handlers of views raise it for good.
    final = False

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
        super().__init__(reason, message)
        self.reason = reason
        self.message = message
        self.detail = detail
        self.message_format = message_format
        self.message_parameters = message_parameters
        self.error_code = error_code
        #: Where it happened: filled while unwinding, innermost first.
        self.frames: list[Any] | None = None

    def __str__(self) -> str:
        if self.reason is None:
            return str(self.message)
        return f"{self.reason}: {self.message}"

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


def wrong_argument_count(given: int, least: int, most: int | None, arguments: list[Any] | None = None) -> MError:
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


def integer_out_of_range(bits: int, value: Any) -> MError:
    template = "The number is out of range of a #{0} bit integer value."
    return expression_error(template, bits, detail=value, code="10482")


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
        "We cannot apply field access to the type #{0}.", kind_name(value), detail={"Value": value, "Key": name}
    )


def cannot_index(value: Any, index: Any) -> MError:
    return expression_error(
        "We cannot apply indexing to the type #{0}.", kind_name(value), detail={"Value": value, "Index": index}
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
    template = "We only support text columns for fuzzy join operations. The column '#{0}' is not of type text."
    return expression_error(template, column)


def custom_comparer() -> MError:
    return expression_error("A custom comparer cannot be used in this context.")


def bad_distinct_criteria() -> MError:
    return expression_error("The specified distinct criteria is invalid.")


def bad_sort_criteria() -> MError:
    return expression_error("The specified sort criteria is invalid.")


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


# ---------------------------------------------------------------- files and formats


def file_not_found(path: str) -> MError:
    """ERR-60; ``path`` as the program wrote it, made absolute."""
    return data_source_not_found("Could not find file '#{0}'.", path, detail=path)


def folder_not_found(path: str) -> MError:
    return data_source_not_found("Could not find a part of the path '#{0}'.", path, detail=path)


def access_denied(path: str) -> MError:
    return data_source_error("Access to the path '#{0}' is denied.", path, detail=path)


def too_many_columns(count: int) -> MError:
    """ERR-43: a row has more fields than the table has columns."""
    template = "There were more columns in the result than expected."
    return data_format_error(template, detail={"Count": float(count)})


def invalid_cell(text: str) -> MError:
    """ERR-42: an Excel cell that holds an error such as #REF!."""
    return data_format_error("Invalid cell value '#{0}'.", text)


def not_a_workbook() -> MError:
    template = "The input couldn't be recognized as a valid Excel document."
    return data_format_error(template)


def not_parquet(reason: str) -> MError:
    return data_format_error("Parquet: #{0}", reason)


def json_extra_characters(value: Any, position: int) -> MError:
    """ERR-41."""
    template = "We found extra characters at the end of JSON input."
    return data_format_error(template, detail={"Value": value, "Position": float(position)})


def json_end_of_input(value: Any, position: int) -> MError:
    template = "We reached the end of the buffer."
    return data_format_error(template, detail={"Value": value, "Position": float(position)})


def json_unexpected(value: Any, position: int) -> MError:
    template = "We found an unexpected character in the JSON input."
    return data_format_error(template, detail={"Value": value, "Position": float(position)})


def not_json_value() -> MError:
    """ERR-40."""
    return expression_error("We can't convert values of this type to JSON.")



def bad_compressed_data() -> MError:
    return data_format_error("The compressed data isn't valid.")


def csv_options_twice() -> MError:
    """Csv.Document with an options record and positional options as well."""
    return expression_error("If an options record is specified for 'columns', the remaining arguments must be null.")


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
    from mlang.values.show import type_text

    template = "The type #{0} isn't a #{1} type."
    return expression_error(template, type_text(type_value), expected, detail=type_value)


def cannot_ascribe(value: Any, type_value: Any, why: str) -> MError:
    """Value.ReplaceType with a type that the value cannot have (TYP-07, TYP-08)."""
    from mlang.values.show import type_text

    template = "The type #{0} can't be ascribed to this value: #{1}."
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
    return expression_error("Expected a list of #{0}.", what, detail=value)


def number_out_of_range(type_name: str, value: Any) -> MError:
    return expression_error("The number is out of range of a #{0} value.", type_name, detail=value)


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


def could_not_convert_to_guid(text: Any) -> MError:
    return data_format_error("We couldn't convert to Guid.", detail=text)


def excel_options_twice() -> MError:
    """Excel.Workbook with an options record and delayTypes as well."""
    return expression_error("If an options record is specified for 'useHeaders', 'delayTypes' must be null.")


# ---------------------------------------------------------------- documents: XML, HTML, PDF


def package_needed(function: str, package: str, extra: str) -> MError:
    """Ours: an optional package is not installed."""
    template = "#{0} needs the Python package #{1}: pip install \"mlang[#{2}]\""
    return expression_error(template, function, package, extra)


def xml_failed(reason: str) -> MError:
    """Text that is no XML, or XML that is refused."""
    template = (
        "Xml processing failed. Either the input is invalid or it isn't supported. (Internal error: #{0})"
    )
    return data_format_error(template, reason)


def row_selector_required() -> MError:
    """ERR-56."""
    return expression_error("The RowSelector option is required when more than one column is specified.")


def bad_css_selector(selector: str) -> MError:
    return expression_error("The CSS selector '#{0}' isn't valid.", selector, detail=selector)


def bad_selector_pair(value: Any) -> MError:
    """Html.Table: a column must be a list of a name, a selector and perhaps a function."""
    template = "Each column must be a list of a name, a CSS selector and, optionally, a function."
    return expression_error(template, detail=value)


def not_a_document(kind: str, reason: str) -> MError:
    """Bytes that are no such document (PDF, Access)."""
    return data_format_error("The input couldn't be recognized as a valid #{0} document: #{1}", kind, reason)


def too_large_unpacked(limit: int) -> MError:
    """Ours: compressed data that would grow beyond what is sane."""
    template = "The compressed data is refused: unpacked it would be larger than #{0} bytes."
    return data_format_error(template, limit)


# ---------------------------------------------------------------- binary formats, expressions, services


def binary_format_problem(position: int, what: str) -> MError:
    """ERR-44; two blanks between the sentences."""
    return data_format_error("There was a problem reading the binary format at position #{0}.  #{1}", position, what)


def not_a_binary_format(value: Any) -> MError:
    return expression_error("The function isn't a binary format.", detail=value)


def choice_type_with_combine(type: Any) -> MError:
    """ERR-51."""
    template = "A type of 'list' or 'binary' cannot be specified when using a combine function."
    return expression_error(template, detail=type)


def bad_choice_type(type: Any) -> MError:
    return expression_error("The type must be any, list or binary.", detail=type)


def bad_group_item(value: Any) -> MError:
    return expression_error("An item of a group is a list of 3 to 5 values: key, format, occurrence …", detail=value)


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


def service_needed(name: str, needs: str) -> MError:
    """Ours: a connector whose other side does not exist here."""
    detail = {"Function": name, "Needs": needs}
    return data_source_error("#{0} can't be used here: it would need #{1}.", name, needs, detail=detail)


# ---------------------------------------------------------------- the web


def _web_detail(url: str) -> dict[str, Any]:
    return {"DataSourceKind": "Web", "DataSourcePath": url.partition("?")[0], "Url": url}


def web_status(url: str, status: int, reason: str, name: str = "Web.Contents") -> MError:
    """ERR-65: the server answered with a failure; ``url`` without secrets."""
    template = "#{0} failed to get contents from '#{1}' (#{2}): #{3}"
    return data_source_error(template, name, url, status, reason, detail=_web_detail(url))


def web_failed(url: str, reason: str, name: str = "Web.Contents") -> MError:
    """No answer: time-outs, refused or broken connections."""
    template = "#{0} failed to get contents from '#{1}': #{2}"
    return data_source_error(template, name, url, reason, detail=_web_detail(url))


def web_name_not_resolved(host: str, url: str) -> MError:
    template = "The remote name could not be resolved: '#{0}'"
    return data_source_error(template, host, detail=_web_detail(url))


def web_forbidden(url: str) -> MError:
    """ERR-67."""
    return data_source_error("Access to the resource is forbidden.", detail=_web_detail(url))


def credentials_required(kind: str, path: str) -> MError:
    """ERR-64."""
    template = "Credentials are required to connect to the #{0} source. (Source at #{1}.)"
    return data_source_error(template, kind, path, detail={"DataSourceKind": kind, "DataSourcePath": path})


def credentials_invalid(kind: str, path: str) -> MError:
    template = "The credentials provided for the #{0} source are invalid. (Source at #{1}.)"
    return data_source_error(template, kind, path, detail={"DataSourceKind": kind, "DataSourcePath": path})


def header_needs_anonymous(header: str) -> MError:
    """ERR-66."""
    template = (
        "The '#{0}' header is only supported when connecting anonymously. These headers can be used with all "
        "authentication types: Accept, Accept-Charset, Accept-Encoding, Accept-Language, Cache-Control, "
        "Content-Type, If-Modified-Since, Prefer, Range, Referer"
    )
    return expression_error(template, header)


def content_needs_anonymous() -> MError:
    """ENV-37: a POST with credentials."""
    return expression_error(
        "Web.Contents with the Content option is only supported when connecting anonymously."
    )


def api_key_name_needed() -> MError:
    return expression_error("A web API key can only be specified when a web API key name is provided.")


def invalid_uri(text: str) -> MError:
    template = "Invalid URI: The format of the URI could not be determined."
    return data_format_error(template, detail=text)


def too_many_redirects(url: str) -> MError:
    return web_failed(url, "Too many automatic redirections were attempted.")


def browser_needed(url: str) -> MError:
    """Ours: Web.BrowserContents runs a browser, which mlang does not have."""
    template = "Web.BrowserContents needs a web browser, which mlang doesn't run: use Web.Contents."
    return data_source_error(template, detail=_web_detail(url))


# ---------------------------------------------------------------- OData


def odata_request_failed(url: str, status: int, reason: str) -> MError:
    template = "OData: Request failed: The remote server returned an error: (#{0}) #{1}. (#{1})"
    detail = {"DataSourceKind": "OData", "DataSourcePath": url.partition("?")[0], "Url": url}
    return data_source_error(template, status, reason, detail=detail)


def odata_metadata_invalid() -> MError:
    """ERR-68."""
    return data_source_error("OData: The feed's metadata document appears to be invalid.")


# ---------------------------------------------------------------- the data privacy firewall


def firewall_references(query: str, step: str) -> MError:
    """A partition that reads others opens a source."""
    template = (
        "Query '#{0}' (step '#{1}') references other queries or steps, so it may not directly access a data "
        "source. Please rebuild this data combination."
    )
    return _native("Formula.Firewall", template, query, step)


def firewall_levels(query: str, step: str) -> MError:
    """Sources in one partition have levels that do not go together."""
    template = (
        "Query '#{0}' (step '#{1}') is accessing data sources that have privacy levels which cannot be used "
        "together. Please rebuild this data combination."
    )
    return _native("Formula.Firewall", template, query, step)
