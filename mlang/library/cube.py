"""Cube.*: tables that are views of a cube, made from a table of facts (FUN-15).

Without an OLAP server a cube is a table of facts whose metadata says what it is::

    facts meta [Cube = [
        Dimensions = [Product = {"Category", "Name"}],
        Measures = [Sales = (rows as table) => List.Sum(rows[Amount])],
        Parameters = [Year = (facts as table, year as number) => Table.SelectRows(facts, each [Year] = year)]
    ]]

Dimensions name columns of the facts, measures are functions of the facts behind one row, parameters
functions of all facts.  What Cube.* gives carries the same metadata, with `Facts` and the columns
expanded so far in `Attributes` (column -> column of the facts) and `Columns` (measure column ->
function), so measures are worked out anew whenever the granularity changes.  Rows are to be
selected before the first step or by a parameter: other table functions drop the metadata.
"""

from __future__ import annotations

from typing import Any

from mlang import errors
from mlang.library.arguments import of_kind, texts
from mlang.registry import builtin, value_of
from mlang.tables.table import from_columns
from mlang.values.functions import Function, apply, as_function
from mlang.values.kinds import kind_of
from mlang.values.lists import forced
from mlang.values.metadata import metadata_of, strip, with_metadata
from mlang.values.records import field, field_or
from mlang.values.thunk import Thunk, force
from mlang.values.types import ANY, TEXT

Record = dict[str, Any]


def _cube(table: Any) -> Record:
    """What the metadata of a table says about its cube."""
    found = strip(field_or(metadata_of(table), "Cube"))
    if found is None:
        raise errors.not_a_cube(strip(table))
    cube: Record = {
        "Facts": with_metadata(table, {}),
        "Attributes": {},
        "Columns": {},
        **of_kind(found, "record"),
    }
    return cube


def _part(cube: Record, name: str) -> Record:
    """One of the records of a cube; empty when it has none such."""
    value = field_or(cube, name)
    return {} if value is None else of_kind(value, "record")


def _view(cube: Record) -> Any:
    """The table that shows a cube: a row for each combination of the attributes, with the measures."""
    attributes, measures = _part(cube, "Attributes"), _part(cube, "Columns")
    facts = cube["Facts"]
    if not attributes:
        cells = [[Thunk(lambda f=f: apply(f, facts))] for f in measures.values()]  # type: ignore[misc]
        return with_metadata(from_columns(list(measures), cells), {"Cube": cube})
    keys = list(attributes.values())
    aggregates = [[name, function] for name, function in measures.items()]
    grouped = apply(value_of("Table.Group"), facts, list(dict.fromkeys(keys)), aggregates)
    shown = apply(value_of("Table.SelectColumns"), grouped, [*dict.fromkeys(keys), *measures])
    renames = [[old, new] for new, old in attributes.items() if old != new]
    return with_metadata(apply(value_of("Table.RenameColumns"), shown, renames), {"Cube": cube})


def _listing(entries: list[tuple[str, Any]], kind: str | None = None) -> Any:
    """A table of Id, Name and Data, with Kind when one is given."""
    names = [name for name, _ in entries]
    data = [value for _, value in entries]
    if kind is None:
        return from_columns(["Id", "Name", "Data"], [names, list(names), data], [TEXT, TEXT, ANY])
    kinds = [kind] * len(names)
    return from_columns(
        ["Id", "Name", "Data", "Kind"], [names, list(names), data, kinds], [TEXT, TEXT, ANY, TEXT]
    )


def _attributes(cube: Record, dimension: str) -> list[str]:
    dimensions = _part(cube, "Dimensions")
    if dimension not in dimensions:
        raise errors.no_cube_member("dimension", dimension)
    return list(texts(of_kind(force(dimensions[dimension]), "list")))


def _dimension_table(cube: Record, name: str) -> Any:
    """The members of a dimension: the combinations of its attributes in the facts."""
    chosen = apply(value_of("Table.SelectColumns"), cube["Facts"], _attributes(cube, name))
    return with_metadata(apply(value_of("Table.Distinct"), chosen), {"Cube.Dimension": name})


def _dimensions(cube: Record) -> list[tuple[str, Any]]:
    return [
        (name, Thunk(lambda name=name: _dimension_table(cube, name)))  # type: ignore[misc]
        for name in _part(cube, "Dimensions")
    ]


def _measures(cube: Record) -> list[tuple[str, Any]]:
    return [(name, as_function(force(value))) for name, value in _part(cube, "Measures").items()]


# ---------------------------------------------------------------- what a cube has


@builtin("Cube.Dimensions(cube as table) as table", raw=True)
def dimensions(cube: Any) -> Any:
    """Lists the dimensions of a cube with Id, Name and, in Data, the table of their attributes."""
    return _listing(_dimensions(_cube(cube)))


@builtin("Cube.Measures(cube as any) as table", raw=True)
def measures(cube: Any) -> Any:
    """Lists the measures of a cube with Id, Name and, in Data, their functions."""
    return _listing(_measures(_cube(cube)))


@builtin("Cube.DisplayFolders(cube as table) as table", raw=True)
def display_folders(cube: Any) -> Any:
    """Lists the folders of a cube, one for its measures and one for its dimensions, as nested tables."""
    described = _cube(cube)
    folders = [
        ("Measures", _listing(_measures(described), "Measure")),
        ("Dimensions", _listing(_dimensions(described), "Dimension")),
    ]
    return _listing(list(folders), "Folder")


@builtin("Cube.Parameters(cube as table) as table", raw=True)
def parameters(cube: Any) -> Any:
    """Lists the parameters of a cube with Id, Name and, in Data, functions that give the cube with them applied."""
    entries = []
    for name, value in _part(_cube(cube), "Parameters").items():
        function = as_function(force(value))
        least = max(0, function.least - 1)
        most = None if function.most is None else function.most - 1

        def applied(*arguments: Any, name: str = name) -> Any:
            return apply_parameter(cube, name, list(arguments))

        entries.append((name, Function(applied, least, most if most is not None else least)))
    return _listing(entries)


@builtin("Cube.Properties(cube as table) as table", raw=True)
def properties(cube: Any) -> Any:
    """Lists the properties of the dimensions of a cube: what its description names."""
    return _listing(list(_part(_cube(cube), "Properties").items()))


@builtin("Cube.MeasureProperties(cube as table) as table", raw=True)
def measure_properties(cube: Any) -> Any:
    """Lists the properties of the measures of a cube: what its description names."""
    return _listing(list(_part(_cube(cube), "MeasureProperties").items()))


# ---------------------------------------------------------------- other cubes


@builtin(
    "Cube.AddAndExpandDimensionColumn(cube as table, dimensionSelector as any, attributeNames as list, "
    "optional newColumnNames as any) as table",
    raw=True,
)
def add_dimension(cube: Any, selector: Any, attribute_names: Any, new_names: Any = None) -> Any:
    """Gives a cube that is cut by more attributes of a dimension, each a column."""
    described = _cube(cube)
    bare = strip(selector)
    if kind_of(bare) == "table":
        bare = field_or(metadata_of(selector), "Cube.Dimension")
    known = _attributes(described, of_kind(bare, "text"))
    chosen = list(texts(strip(attribute_names)))
    given = strip(new_names)
    names = chosen if given is None else list(texts(given))
    if len(names) != len(chosen):
        raise errors.argument_out_of_range("newColumnNames", given)
    attributes = dict(_part(described, "Attributes"))
    for name, attribute in zip(names, chosen, strict=True):
        if attribute not in known:
            raise errors.no_cube_member("attribute", attribute)
        _free(described, attributes, name)
        attributes[name] = attribute
    return _view({**described, "Attributes": attributes})


def _free(cube: Record, attributes: Record, name: str) -> None:
    if name in attributes or name in _part(cube, "Columns"):
        raise errors.field_exists(name)


@builtin("Cube.AddMeasureColumn(cube as table, column as text, measureSelector as any) as table", raw=True)
def add_measure(cube: Any, column: Any, selector: Any) -> Any:
    """Gives a cube with one more column, of a measure."""
    described = _cube(cube)
    name, bare = strip(column), strip(selector)
    if bare.__class__ is str:
        known = dict(_measures(described))
        if bare not in known:
            raise errors.no_cube_member("measure", bare)
        bare = known[bare]
    _free(described, _part(described, "Attributes"), name)
    return _view({**described, "Columns": {**_part(described, "Columns"), name: as_function(bare)}})


@builtin("Cube.CollapseAndRemoveColumns(cube as table, columnNames as list) as table", raw=True)
def collapse(cube: Any, names: Any) -> Any:
    """Gives a cube without some of its columns, cut by fewer attributes."""
    described = _cube(cube)
    attributes, columns = dict(_part(described, "Attributes")), dict(_part(described, "Columns"))
    for name in texts(strip(names)):
        if attributes.pop(name, None) is None and columns.pop(name, None) is None:
            raise errors.column_not_found(name)
    return _view({**described, "Attributes": attributes, "Columns": columns})


@builtin("Cube.ReplaceDimensions(cube as table, dimensions as any) as table", raw=True)
def replace_dimensions(cube: Any, dimensions: Any) -> Any:
    """Gives a cube with other dimensions: a record of lists, or a table as Cube.Dimensions gives it."""
    described = _cube(cube)
    bare = strip(dimensions)
    if kind_of(bare) == "table":
        rows = [of_kind(row, "record") for row in apply(value_of("Table.ToRecords"), bare)]
        bare = {
            str(of_kind(field(row, "Id"), "text")): list(of_kind(field(row, "Data"), "table").names)
            for row in rows
        }
    return _view({**described, "Dimensions": of_kind(bare, "record")})


@builtin(
    "Cube.ApplyParameter(cube as table, parameter as any, optional arguments as nullable list) as table",
    raw=True,
)
def apply_parameter(cube: Any, parameter: Any, arguments: Any = None) -> Any:
    """Gives a cube after a parameter, named or a function, has chosen its facts."""
    described = _cube(cube)
    bare = strip(parameter)
    given = [] if strip(arguments) is None else list(forced(strip(arguments)))
    if bare.__class__ is not str:
        return apply(as_function(bare), *given)
    known = _part(described, "Parameters")
    if bare not in known:
        raise errors.no_cube_member("parameter", bare)
    facts = of_kind(apply(as_function(force(known[bare])), described["Facts"], *given), "table")
    return _view({**described, "Facts": with_metadata(facts, {})})


@builtin("Cube.Transform(cube as table, transforms as list) as table", raw=True)
def transform(cube: Any, transforms: Any) -> Any:
    """Applies functions of cubes one after the other; each is a list of the function and its other arguments."""
    for step in forced(strip(transforms)):
        function, *arguments = list(forced(of_kind(step, "list"))) or [None]
        cube = apply(as_function(function), cube, *arguments)
    return cube


# ---------------------------------------------------------------- values of cubes


@builtin("Cube.AttributeMemberId(attribute as any) as any", raw=True)
def member_id(attribute: Any) -> Any:
    """Gives the id that a value of an attribute has in its metadata field MemberId; null when it has none."""
    return field_or(metadata_of(attribute), "MemberId")


@builtin("Cube.AttributeMemberProperty(attribute as any, propertyName as text) as any", raw=True)
def member_property(attribute: Any, name: Any) -> Any:
    """Gives a property of a value of an attribute: a field of its metadata record Properties."""
    return field_or(_part(metadata_of(attribute), "Properties"), strip(name))


@builtin("Cube.MeasureProperty(measure as any, propertyName as text) as any", raw=True)
def measure_property(measure: Any, name: Any) -> Any:
    """Gives a property of a value of a measure: a field of its metadata record Properties."""
    return field_or(_part(metadata_of(measure), "Properties"), strip(name))


@builtin("Cube.PropertyKey(property as any) as any", raw=True)
def property_key(property: Any) -> Any:
    """Gives the key of a property: its metadata field Key, or null."""
    return field_or(metadata_of(property), "Key")
