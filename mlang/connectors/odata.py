"""OData.Feed: the entity sets of an OData 4 service as tables.

The address may be the service (a list of its sets), a set (a table) or one entity (a record);
the answer says which.  Types come from the service's $metadata (``odata_model.py``).  Tables
are read page by page as rows are needed; columns that lead to other entities are asked for
when somebody looks.  Table steps run here, not in the service.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urljoin

from mlang import errors, session
from mlang.connectors import json
from mlang.connectors.odata_model import Model, Property
from mlang.connectors.web_client import phrase, respond
from mlang.connectors.web_request import Request
from mlang.connectors.xml import parse
from mlang.library.arguments import of_kind, options
from mlang.registry import builtin
from mlang.tables.plan import Rows
from mlang.tables.table import Table, from_columns
from mlang.values import encodings
from mlang.values.kinds import kind_of
from mlang.values.temporal import MINUTE, Duration
from mlang.values.thunk import Thunk
from mlang.values.types import ANY, TEXT, TableType, table_type

_WEB = {"ApiKeyName": None, "ExcludedFromCacheKey": None, "Headers": None, "Query": None, "Timeout": None}
_SPEED = {"Concurrent": None, "EnableBatch": None, "MaxUriLength": None, "Implementation": None}
_OTHER = {
    "FunctionOverloads": None, "IncludeAnnotations": None, "IncludeMetadataAnnotations": None,
    "MoreColumns": None, "ODataVersion": None, "OmitValues": None,
}  # fmt: skip
_TEN_MINUTES = Duration(10 * MINUTE)
_PLACE = re.compile(r"#([\w.]+)(?:\(([\w,]*)\))?(/\$entity)?$")


@builtin(
    "OData.Feed(serviceUri as text, optional headers as nullable record, optional options as any) as any",
    missing="OData 3, functions of services, open types, running table steps in the service",
)
def feed(url: str, headers: dict[str, Any] | None = None, option: Any = None) -> Any:
    """Reads an OData 4 service: a list of its entity sets, or the table or record at the address.

    Options: Query, Headers, ApiKeyName, ExcludedFromCacheKey and Timeout (10 minutes) are those of
    Web.Contents; Concurrent, EnableBatch, MaxUriLength and Implementation only matter to speed.
    """
    given = (
        option
        if option is None or kind_of(option) == "record"
        else {"Concurrent": of_kind(option, "logical")}
    )
    chosen = options(given, "OData.Feed", {**_WEB, **_SPEED, **_OTHER})
    _check(chosen)
    web = {name: chosen[name] for name in _WEB if chosen[name] is not None}
    if headers is not None:
        web["Headers"] = {**headers, **of_kind(web.get("Headers", {}), "record")}
    return Service(web).open(url)


def _check(chosen: dict[str, Any]) -> None:
    """Options that would change the result are refused unless they ask for what is done anyway."""
    version = chosen["ODataVersion"]
    if version is not None and of_kind(version, "number") != 4:
        raise errors.not_supported("OData.Feed", "another version than OData 4")
    for name in ("IncludeAnnotations", "IncludeMetadataAnnotations", "OmitValues", "MoreColumns"):
        if chosen[name] not in (None, False, ""):
            raise errors.not_supported("OData.Feed", f"the option {name}")


class Service:
    """Where a feed comes from: how to ask, and the service's model once it is known."""

    def __init__(self, web: dict[str, Any]) -> None:
        self._web = web
        self._session = session.current()
        self._models: dict[str, Model] = {}

    def open(self, url: str) -> Any:
        """What stands at an address."""
        answer = self._json(url, self._web.get("Query"))
        context = answer.get("@odata.context")
        if context is None:
            raise errors.not_supported("OData.Feed", "a service that doesn't answer in OData 4 JSON")
        context = _joined(url, context)
        root, mark, place = context.partition("$metadata")
        if not mark:
            raise errors.odata_metadata_invalid()
        model = self._model(root)
        if not place:
            return self._list(root, model)
        found = _PLACE.fullmatch(place)
        name = found[1] if found else ""
        type_name = model.sets.get(name) or model.singletons.get(name)
        if found is None or type_name is None:
            raise errors.not_supported("OData.Feed", f"what the address gives ({place[1:]})")
        chosen = found[2].split(",") if found[2] else None
        if found[3] or name in model.singletons:
            return self._record(model, type_name, answer, _path(model, root, name, type_name, answer), chosen)
        query = self._web.get("Query")
        return self._table(
            model, type_name, url, lambda row: _path(model, root, name, type_name, row), chosen, query
        )

    # ------------------------------------------------------------ asking

    def _get(self, url: str, accept: str, query: Any = None) -> bytes:
        option = {name: value for name, value in self._web.items() if name != "Query"}
        option = {"Timeout": _TEN_MINUTES, **option, **({"Query": query} if query is not None else {})}
        with session.use(self._session):
            request = Request("GET", url, option, "OData.Feed", "OData")
            request.headers = {"Accept": accept, "OData-MaxVersion": "4.0", **request.headers}
            request.manual = set(range(400, 600)) - {408, 429, 503, 504, 509}
            answer = respond(request)
        if answer.status >= 400:
            raise errors.odata_request_failed(request.shown, answer.status, phrase(answer.status))
        return answer.body

    def _json(self, url: str, query: Any = None) -> dict[str, Any]:
        data = self._get(url, "application/json;odata.metadata=minimal", query)
        try:
            answer = json.parse(encodings.decode(data))
        except errors.MError:
            raise errors.not_supported(
                "OData.Feed", "a service that doesn't answer in OData 4 JSON"
            ) from None
        return dict(of_kind(answer, "record"))

    def _model(self, root: str) -> Model:
        if root not in self._models:
            try:
                tree = parse(self._get(root + "$metadata", "application/xml"), None, "OData.Feed")
            except errors.MError as error:
                if error.reason != "DataFormat.Error":
                    raise
                raise errors.odata_metadata_invalid() from None
            self._models[root] = Model(tree)
        return self._models[root]

    # ------------------------------------------------------------ shapes

    def _list(self, root: str, model: Model) -> Table:
        """The sets and singletons of a service."""
        names = [*model.sets, *model.singletons]
        kinds = ["table"] * len(model.sets) + ["record"] * len(model.singletons)
        data = [Thunk(lambda name=name: self.open(root + quote(name))) for name in names]  # type: ignore[misc]
        table = from_columns(["Name", "Data", "Signature"], [names, data, kinds], [TEXT, ANY, TEXT])
        return table.with_type(TableType(table.type.row, ((("Name", "Signature"), True),)))

    def _table(
        self,
        model: Model,
        type_name: str,
        url: str,
        place: Any,
        chosen: list[str] | None = None,
        query: Any = None,
    ) -> Table:
        """The entities at an address, page by page."""
        properties = _chosen(model, type_name, chosen)
        schema = table_type([p.name for p in properties], [model.m_type(p) for p in properties])
        keys = model.keys(type_name)
        if keys and all(key in schema.names for key in keys):
            schema = TableType(schema.row, ((tuple(keys), True),))

        def rows() -> Iterator[list[Any]]:
            for entity in self._pages(url, query):
                where = place(entity) if place is not None else None
                yield [self._cell(model, p, entity, where) for p in properties]

        return Table(Rows(schema, rows, "OData.Feed"))

    def _pages(self, url: str, query: Any) -> Iterator[dict[str, Any]]:
        seen: set[str] = set()
        following: Any = url
        while following is not None:
            if following in seen:
                raise errors.web_failed(
                    following, "The service's pages lead back to an earlier one.", "OData.Feed"
                )
            seen.add(following)
            answer = self._json(following, query)
            for entity in of_kind(answer.get("value"), "list"):
                yield of_kind(entity, "record")
            link = answer.get("@odata.nextLink")
            following, query = (None if link is None else _joined(following, link)), None

    def _record(
        self,
        model: Model,
        type_name: str,
        entity: dict[str, Any],
        where: str | None,
        chosen: list[str] | None = None,
    ) -> dict[str, Any]:
        return {p.name: self._cell(model, p, entity, where) for p in _chosen(model, type_name, chosen)}

    def _cell(self, model: Model, found: Property, entity: dict[str, Any], where: str | None) -> Any:
        """A property of an entity; what the answer doesn't hold is asked for when it is needed."""
        if found.navigation and found.name not in entity:
            if where is None:
                return Thunk(lambda: _nowhere(found.name))
            return Thunk(lambda: self._linked(model, found, f"{where}/{quote(found.name)}"))
        value = entity.get(found.name)
        if found.type not in model.structures:
            if found.collection:
                return [model.value(found.type, item) for item in _items(value)]
            return model.value(found.type, value)
        if not found.collection:
            return None if value is None else self._record(model, found.type, of_kind(value, "record"), None)
        records = [self._record(model, found.type, of_kind(item, "record"), None) for item in _items(value)]
        names = [p.name for p in model.properties(found.type)]
        types = [model.m_type(p) for p in model.properties(found.type)]
        return from_columns(names, [[record[name] for record in records] for name in names], types)

    def _linked(self, model: Model, found: Property, url: str) -> Any:
        if found.collection:
            return self._table(model, found.type, url, lambda row: _in(model, found.type, url, row))
        answer = self._get(url, "application/json;odata.metadata=minimal")
        if not answer.strip():  # 204: there is none
            return None
        return self._record(model, found.type, of_kind(json.parse(encodings.decode(answer)), "record"), url)


def _joined(url: str, target: Any) -> str:
    """An address that an answer gives, seen from where it came."""
    try:
        return urljoin(url, str(of_kind(target, "text")))
    except ValueError:
        raise errors.invalid_uri(target) from None


def _items(value: Any) -> list[Any]:
    """What a collection holds; null stands for nothing."""
    return [] if value is None else list(of_kind(value, "list"))


def _nowhere(name: str) -> Any:
    raise errors.not_supported("OData.Feed", f"following {name} from here")


def _chosen(model: Model, type_name: str, chosen: list[str] | None) -> list[Property]:
    return [p for p in model.properties(type_name) if chosen is None or p.name in chosen]


def _path(model: Model, root: str, name: str, type_name: str, entity: dict[str, Any]) -> str | None:
    """Where an entity of a set is: Set(key); a singleton is where its name is."""
    if name in model.singletons:
        return root + quote(name)
    return _in(model, type_name, root + quote(name), entity)


def _in(model: Model, type_name: str, collection: str, entity: dict[str, Any]) -> str | None:
    """Where an entity of a collection is; None when its key isn't known."""
    keys = model.keys(type_name)
    types = {p.name: p.type for p in model.properties(type_name)}
    usable = ("text", "number", "logical")
    if not keys or any(key not in types or kind_of(entity.get(key)) not in usable for key in keys):
        return None
    values = [_key(types[key], entity[key]) for key in keys]
    text = values[0] if len(keys) == 1 else ",".join(f"{k}={v}" for k, v in zip(keys, values, strict=True))
    return f"{collection}({text})"


def _key(type_name: str, value: Any) -> str:
    """A key value as it stands in an address."""
    if value.__class__ is str:
        plain = type_name in ("Edm.Guid", "Edm.Date", "Edm.DateTimeOffset", "Edm.TimeOfDay")
        return quote(value, safe="") if plain else "'" + quote(value.replace("'", "''"), safe="") + "'"
    from mlang.values.show import number_text

    return str(value).lower() if value.__class__ is bool else number_text(value)
