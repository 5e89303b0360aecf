"""Function.*: calling functions indirectly and making functions of others (FUN-01 to FUN-04)."""

from __future__ import annotations

from typing import Any

from mlang import errors
from mlang.library.arguments import of_kind
from mlang.registry import builtin
from mlang.values.functions import Function, Param, Spec, apply, bind
from mlang.values.lists import forced
from mlang.values.temporal import SECOND, Duration
from mlang.values.types import FunctionType, MType

#: Library functions that read from outside.
DATA_SOURCES = frozenset((
    "AnalysisServices.Database", "AnalysisServices.Databases", "Access.Database", "ActiveDirectory.Domains",
    "AdoDotNet.DataSource", "AdoDotNet.Query", "AzureStorage.BlobContents", "AzureStorage.Blobs",
    "AzureStorage.DataLake", "AzureStorage.DataLakeContents", "AzureStorage.Tables", "Cdm.Contents",
    "DB2.Database", "Excel.CurrentWorkbook", "Exchange.Contents", "File.Contents", "Folder.Contents",
    "Folder.Files", "Hdfs.Contents", "Hdfs.Files", "HdInsight.Containers", "HdInsight.Contents",
    "HdInsight.Files", "Informix.Database", "MySQL.Database", "OData.Feed", "Odbc.DataSource", "Odbc.Query",
    "OleDb.DataSource", "OleDb.Query", "Oracle.Database", "PostgreSQL.Database", "Salesforce.Data",
    "Salesforce.Reports", "SapBusinessWarehouse.Cubes", "SapHana.Database", "SharePoint.Contents",
    "SharePoint.Files", "SharePoint.Tables", "Soda.Feed", "Sql.Database", "Sql.Databases",
    "Sybase.Database", "Teradata.Database", "Web.BrowserContents", "Web.Contents", "Web.Headers",
    "WebAction.Request",
))  # fmt: skip


def _parameters(type: FunctionType) -> tuple[Param, ...]:
    """The parameters of a function type, to be shown; nothing is checked against them (TYP-06)."""
    return tuple(Param(name, optional=i >= type.required) for i, (name, _) in enumerate(type.parameters))


def _function_type(type: MType) -> FunctionType:
    if not isinstance(type, FunctionType):
        raise errors.wrong_type_kind("function", type)
    return type


@builtin("Function.From(functionType as type, function as function) as function")
def function_from(type: MType, function: Function) -> Function:
    """Makes a function of several arguments of one that takes them as a list."""
    shape = _function_type(type)
    call = bind(function, 1)
    size = len(shape.parameters)

    def gathered(*arguments: Any) -> Any:
        return call([*arguments, *[None] * (size - len(arguments))])

    return Function(gathered, shape.required, size, Spec(_parameters(shape), name="Function.From"), shape)


@builtin("Function.Invoke(function as function, args as list) as any")
def invoke(function: Function, arguments: Any) -> Any:
    """Calls a function with the items of a list as its arguments."""
    return apply(function, *forced(arguments))


@builtin("Function.InvokeAfter(function as function, delay as duration) as any")
def invoke_after(function: Function, delay: Duration) -> Any:
    """Waits for a time, then calls a function without arguments."""
    import time

    if delay.ticks > 0:
        time.sleep(delay.ticks / SECOND)
    return apply(function)


@builtin("Function.InvokeWithErrorContext(function as function, context as text) as any")
def invoke_with_error_context(function: Function, context: str) -> Any:
    """Calls a function without arguments; the context serves the engine's own diagnostics."""
    return apply(function)


@builtin("Function.IsDataSource(function as function) as logical")
def is_data_source(function: Function) -> bool:
    """Says whether a function reads from a data source."""
    spec = function.spec
    return spec is not None and spec.builtin is not None and spec.builtin.name in DATA_SOURCES


@builtin("Function.ScalarVector(scalarFunctionType as type, vectorFunction as function) as function")
def scalar_vector(type: MType, vector: Function) -> Function:
    """Makes a function of one row of one that works on a table of argument rows.

    The spec's document is (type, vector function), so that adding a column can hand over many rows at once.
    """
    shape = _function_type(type)
    spec = Spec(_parameters(shape), name="Function.ScalarVector", document=(shape, vector))

    def scalar(*arguments: Any) -> Any:
        row = [*arguments, *[None] * (len(shape.parameters) - len(arguments))]
        return apply_vector(shape, vector, [[value] for value in row], 1)[0]

    return Function(scalar, shape.required, len(shape.parameters), spec, shape)


def apply_vector(shape: FunctionType, vector: Function, columns: list[list[Any]], length: int) -> list[Any]:
    """Calls a vector function with a table of arguments; its list must be as long as the table."""
    from mlang.tables.table import from_columns

    names = [name for name, _ in shape.parameters]
    table = from_columns(names, columns, [t for _, t in shape.parameters])
    results = list(of_kind(bind(vector, 1)(table), "list"))
    if len(results) < length:
        raise errors.not_enough_elements(results)
    if len(results) > length:
        raise errors.too_many_elements(results)
    from mlang.values.thunk import force

    return [force(item) for item in results] if length == 1 else results
