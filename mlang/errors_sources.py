"""Messages of what reads the world: files, documents, databases, the web, the firewall.

Reached as ``errors.name`` like all others: ``errors.py`` loads this file when the first of
its names is asked for.
"""

from __future__ import annotations

from mlang.errors import (
    MError,
    _native,
    data_format_error,
    data_source_error,
    data_source_not_found,
    expression_error,
)

TYPE_CHECKING = False
if TYPE_CHECKING:  # typing costs more to import than all of this
    from typing import Any

__all__ = [
    "access_denied",
    "api_key_name_needed",
    "bad_compressed_data",
    "bad_css_selector",
    "bad_selector_pair",
    "browser_needed",
    "content_needs_anonymous",
    "credentials_file",
    "credentials_invalid",
    "credentials_required",
    "csv_options_twice",
    "file_not_found",
    "firewall_levels",
    "firewall_nested",
    "firewall_references",
    "folder_not_found",
    "header_changed",
    "header_needs_anonymous",
    "invalid_cell",
    "invalid_uri",
    "json_end_of_input",
    "json_extra_characters",
    "json_unexpected",
    "login_in_server",
    "native_parameter_missing",
    "native_parameters",
    "not_a_document",
    "not_a_workbook",
    "not_json_value",
    "not_parquet",
    "odata_metadata_invalid",
    "odata_request_failed",
    "package_needed",
    "query_failed",
    "row_selector_required",
    "too_large_unpacked",
    "too_many_columns",
    "too_many_redirects",
    "web_failed",
    "web_forbidden",
    "web_name_not_resolved",
    "web_status",
    "xml_failed",
]

# ---------------------------------------------------------------- files and formats


def _without_login(path: str) -> str:
    """A path without the user and password of an address that somebody took for one."""
    before, slashes, rest = path.partition(":/")
    login, at, place = rest.rpartition("@")
    return f"{before}{slashes}/{place}" if slashes and at and ":" in login else path


def file_not_found(path: str) -> MError:
    """ERR-60; ``path`` as the program wrote it, made absolute."""
    path = _without_login(path)
    return data_source_not_found("Could not find file '#{0}'.", path, detail=path)


def folder_not_found(path: str) -> MError:
    path = _without_login(path)
    return data_source_not_found("Could not find a part of the path '#{0}'.", path, detail=path)


def access_denied(path: str) -> MError:
    path = _without_login(path)
    return data_source_error("Access to the path '#{0}' is denied.", path, detail=path)


def too_many_columns(count: int) -> MError:
    """ERR-43: a row has more fields than the table has columns."""
    template = "There were more columns in the result than expected."
    return data_format_error(template, detail={"Count": float(count)})


def header_changed(path: str, expected: str, found: str) -> MError:
    """Somebody wrote a file between the reading of its column names and of its rows."""
    path = _without_login(path)
    template = "The header of the file '#{0}' changed after it was read: in place of the column '#{1}' stands '#{2}'."
    return data_source_error(template, path, expected, found, detail=path)


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
    return expression_error(
        "If an options record is specified for 'columns', the remaining arguments must be null."
    )


# ---------------------------------------------------------------- documents: XML, HTML, PDF


def package_needed(function: str, package: str, extra: str) -> MError:
    """Ours: an optional package is not installed."""
    template = '#{0} needs the Python package #{1}: pip install "mlang[#{2}]"'
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


# ---------------------------------------------------------------- the web


def _web_detail(url: str, kind: str = "Web") -> dict[str, Any]:
    return {"DataSourceKind": kind, "DataSourcePath": url.partition("?")[0], "Url": url}


def web_status(url: str, status: int, reason: str, name: str = "Web.Contents") -> MError:
    """ERR-65: the server answered with a failure; ``url`` without secrets."""
    template = "#{0} failed to get contents from '#{1}' (#{2}): #{3}"
    return data_source_error(template, name, url, status, reason, detail=_web_detail(url))


def web_failed(url: str, reason: str, name: str = "Web.Contents") -> MError:
    """No answer: time-outs, refused or broken connections."""
    if name.startswith("OData."):
        return data_source_error("OData: Request failed: #{0}", reason, detail=_web_detail(url, "OData"))
    template = "#{0} failed to get contents from '#{1}': #{2}"
    return data_source_error(template, name, url, reason, detail=_web_detail(url))


def web_name_not_resolved(host: str, url: str, name: str = "Web.Contents") -> MError:
    if name.startswith("OData."):
        return web_failed(url, f"The remote name could not be resolved: '{host}'", name)
    template = "The remote name could not be resolved: '#{0}'"
    return data_source_error(template, host, detail=_web_detail(url))


def web_forbidden(url: str) -> MError:
    """ERR-67."""
    return data_source_error("Access to the resource is forbidden.", detail=_web_detail(url))


def login_in_server() -> MError:
    """Ours: what stands before the @ is a secret, so it is not shown."""
    return data_source_error(
        "The name of a server can't hold a user or a password: give them as credentials."
    )


def credentials_required(kind: str, path: str) -> MError:
    """ERR-64."""
    template = "Credentials are required to connect to the #{0} source. (Source at #{1}.)"
    return data_source_error(template, kind, path, detail={"DataSourceKind": kind, "DataSourcePath": path})


def credentials_invalid(kind: str, path: str) -> MError:
    template = "The credentials provided for the #{0} source are invalid. (Source at #{1}.)"
    return data_source_error(template, kind, path, detail={"DataSourceKind": kind, "DataSourcePath": path})


def credentials_file(path: str) -> MError:
    """Ours: the file that MLANG_CREDENTIALS names cannot be read."""
    template = "The credentials file '#{0}' can't be read as a JSON object."
    return data_source_error(template, path, detail=path)


def query_failed(kind: str, message: str, path: str, code: str, sql: str) -> MError:
    """What a database server answered (ERR-71), with its code and the query."""
    detail = {"DataSourceKind": kind, "DataSourcePath": path, "Message": message}
    if code:
        detail["ErrorCode"] = code
    if sql:
        detail["Query"] = sql
    return data_source_error("#{0}: #{1}", kind, message, detail=detail)


def native_parameters(wanted: int, given: int) -> MError:
    """Ours: a native query has other parameters than it was given."""
    template = "The native query has #{0} parameters, but #{1} were given."
    return expression_error(template, wanted, given)


def native_parameter_missing(name: str) -> MError:
    """Ours: a native query names a parameter that its record has not."""
    return expression_error("The native query's parameter '#{0}' was not given.", name)


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


def firewall_nested(kind: str) -> MError:
    """A nested value in a table that was buffered between two partitions."""
    return _native("Expression.Error", "We cannot return a value of type #{0} in this context.", kind)
