"""OData.Feed against a small service on this machine."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

import mlang
from mlang.connectors.odata_model import Model
from mlang.connectors.xml import parse
from mlang.errors import MError

pytest.importorskip("httpx")

METADATA = """<?xml version="1.0" encoding="utf-8"?>
<edmx:Edmx Version="4.0" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx"><edmx:DataServices>
<Schema Namespace="Shop.Model" Alias="S" xmlns="http://docs.oasis-open.org/odata/ns/edm">
  <EnumType Name="Size"><Member Name="Small" Value="0"/></EnumType>
  <ComplexType Name="Place"><Property Name="City" Type="Edm.String"/></ComplexType>
  <EntityType Name="Thing" Abstract="true"><Key><PropertyRef Name="Id"/></Key>
    <Property Name="Id" Type="Edm.Int32" Nullable="false"/></EntityType>
  <EntityType Name="Product" BaseType="S.Thing">
    <Property Name="Name" Type="Edm.String"/><Property Name="Price" Type="Edm.Decimal"/>
    <Property Name="Since" Type="Edm.DateTimeOffset"/><Property Name="Day" Type="Edm.Date"/>
    <Property Name="Wait" Type="Edm.Duration"/><Property Name="Data" Type="Edm.Binary"/>
    <Property Name="Size" Type="S.Size"/><Property Name="Tags" Type="Collection(Edm.String)"/>
    <Property Name="Made" Type="S.Place"/><Property Name="Sold" Type="Collection(S.Place)"/>
    <NavigationProperty Name="Shop" Type="S.Shop"/>
  </EntityType>
  <EntityType Name="Shop"><Key><PropertyRef Name="Code"/></Key>
    <Property Name="Code" Type="Edm.String" Nullable="false"/>
    <NavigationProperty Name="Products" Type="Collection(S.Product)"/></EntityType>
  <EntityContainer Name="Container">
    <EntitySet Name="Products" EntityType="S.Product"/><EntitySet Name="Shops" EntityType="S.Shop"/>
    <Singleton Name="Main" Type="S.Shop"/>
  </EntityContainer>
</Schema></edmx:DataServices></edmx:Edmx>"""

FIRST = {
    "@odata.etag": "x", "Id": 1, "Name": "Ball", "Price": 2.5, "Since": "2024-02-03T04:05:06.7Z",
    "Day": "2024-02-03", "Wait": "-P1DT2H3M4.5S", "Data": "AP8-", "Size": "Small", "Tags": ["a", "b"],
    "Made": {"City": "Rome"}, "Sold": [{"City": "Oslo"}],
}  # fmt: skip
SECOND = {"Id": 2, "Name": None, "Price": None, "Tags": [], "Made": None, "Sold": []}
#: Values of another kind than the model says.
ODD = {"Id": [1], "Name": 5, "Price": {}, "Since": 1, "Day": True, "Wait": 1, "Data": 1, "Size": 1}


class Service(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[str] = []
        self.sent: dict[str, str] = {}

    @property
    def root(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/svc/"


class Handler(BaseHTTPRequestHandler):
    server: Service

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        self.server.sent = dict(self.headers.items())
        context = self.server.root + "$metadata"
        answers: dict[str, Any] = {
            "/svc/": {"@odata.context": context, "value": []},
            "/svc/Products": {"@odata.context": context + "#Products", "value": [FIRST],
                              "@odata.nextLink": "Products?$skiptoken=1"},
            "/svc/Products?$skiptoken=1": {"value": [SECOND]},
            "/svc/Products?$select=Name": {"@odata.context": context + "#Products(Name)", "value": [{"Name": "Ball"}]},
            "/svc/Products(1)": {"@odata.context": context + "#Products/$entity", **FIRST},
            "/svc/Products(1)/Shop": {"@odata.context": context + "#Shops/$entity", "Code": "A 'b'"},
            "/svc/Products(2)/Shop": None,
            "/svc/Main": {"@odata.context": context + "#Main", "Code": "M"},
            "/svc/Main/Products": {"@odata.context": context + "#Products", "value": [SECOND]},
            "/svc/loop": {"@odata.context": context + "#Products", "value": [], "@odata.nextLink": "loop"},
            "/svc/old": {"d": {}},
            "/svc/odd": {"@odata.context": context + "#Products", "value": [ODD]},
            "/svc/nolist": {"@odata.context": context + "#Products", "value": [{"Id": 1, "Tags": 5}]},
            "/svc/nolink": {"@odata.context": context + "#Products", "value": [], "@odata.nextLink": "http://[::1"},
        }  # fmt: skip
        if self.path == "/svc/$metadata":
            self.reply(200, METADATA.encode())
        elif self.path in answers:
            answer = answers[self.path]
            self.reply(204 if answer is None else 200, b"" if answer is None else json.dumps(answer).encode())
        else:
            self.reply(404, b"")

    def reply(self, status: int, data: bytes) -> None:
        self.send_response(status)
        if status != 204:
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with Service() as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield running
        finally:
            running.shutdown()
            thread.join()


def show(service: Service, source: str, **session: Any) -> str:
    return mlang.to_m(mlang.evaluate(f'let root = "{service.root}" in {source}', engine="none", **session))


def fails(service: Service, source: str) -> MError:
    with pytest.raises(MError) as caught:
        show(service, source)
    return caught.value


def test_service_lists_its_sets(service: Service) -> None:
    assert show(service, 'Table.RemoveColumns(OData.Feed(root), {"Data"})') == (
        "#table(type table [Name = text, Signature = text], "
        '{{"Products", "table"}, {"Shops", "table"}, {"Main", "record"}})'
    )
    source = 'OData.Feed(root){[Name = "Products", Signature = "table"]}[Data][Id]'
    assert show(service, source) == "{1, 2}"


def test_types_and_values_of_a_set(service: Service) -> None:
    plain = 'Table.RemoveColumns(OData.Feed(root & "Products"), {"Shop", "Sold", "Made"})'
    assert show(service, f"Type.TableKeys(Value.Type({plain}))") == '{[Columns = {"Id"}, Primary = true]}'
    assert show(service, f"Value.Type({plain})") == (
        "type table [Id = Int32.Type, Name = nullable text, Price = nullable Decimal.Type, "
        "Since = nullable datetimezone, Day = nullable date, Wait = nullable duration, Data = nullable binary, "
        "Size = nullable text, Tags = nullable list]"
    )
    assert show(service, f"Record.ToList({plain}{{0}})") == (
        '{1, "Ball", 2.5, #datetimezone(2024, 2, 3, 4, 5, 6.7, 0, 0), #date(2024, 2, 3), '
        '#duration(-1, -2, -3, -4.5), #binary("AP8+"), "Small", {"a", "b"}}'
    )
    assert (
        show(service, f"Record.ToList({plain}{{1}})") == "{2, null, null, null, null, null, null, null, {}}"
    )


def test_complex_values(service: Service) -> None:
    products = 'OData.Feed(root & "Products")'
    assert show(service, f"{products}[Made]") == '{[City = "Rome"], null}'
    assert show(service, f"{products}{{0}}[Sold]") == '#table(type table [City = nullable text], {{"Oslo"}})'


def test_other_entities_are_asked_for_when_needed(service: Service) -> None:
    products = 'OData.Feed(root & "Products")'
    assert show(service, f"{products}{{0}}[Name]") == '"Ball"'
    assert not [path for path in service.asked if path.endswith("Shop")]
    assert show(service, f"{products}{{0}}[Shop][Code]") == "\"A 'b'\""
    assert show(service, f"{products}{{1}}[Shop]") == "null"
    assert show(service, 'OData.Feed(root & "Main")[Products][Id]') == "{2}"


def test_pages_are_read_as_needed(service: Service) -> None:
    show(service, 'Table.First(OData.Feed(root & "Products"))[Id]')
    assert "/svc/Products?$skiptoken=1" not in service.asked
    assert "lead back" in str(fails(service, 'Table.RowCount(OData.Feed(root & "loop"))'))


def test_one_entity_and_chosen_columns(service: Service) -> None:
    assert show(service, 'OData.Feed(root & "Products(1)")[[Id], [Name]]') == '[Id = 1, Name = "Ball"]'
    assert show(service, 'OData.Feed(root & "Products?$select=Name")') == (
        '#table(type table [Name = nullable text], {{"Ball"}})'
    )
    assert show(service, 'OData.Feed(root & "Main")[Code]') == '"M"'


def test_headers_and_credentials(service: Service) -> None:
    show(service, 'Table.RowCount(OData.Feed(root, [#"X-A" = "1"], [Timeout = #duration(0, 0, 0, 5)]))')
    assert service.sent["X-A"] == "1"
    assert service.sent["OData-MaxVersion"] == "4.0"
    known = {("OData", service.root): {"Username": "u", "Password": "p"}}
    show(service, "Table.RowCount(OData.Feed(root))", credentials=known)
    assert service.sent["Authorization"].startswith("Basic ")


def test_what_goes_wrong(service: Service) -> None:
    assert str(fails(service, 'OData.Feed(root & "none")')) == (
        "DataSource.Error: OData: Request failed: The remote server returned an error: (404) Not Found. (Not Found)"
    )
    assert "OData 4 JSON" in str(fails(service, 'OData.Feed(root & "old")'))
    assert "OData 4 JSON" in str(fails(service, 'OData.Feed(root & "$metadata")'))
    assert "isn't a valid OData.Feed option" in str(fails(service, "OData.Feed(root, null, [Nope = 1])"))
    assert "ODataVersion" not in str(fails(service, "OData.Feed(root, null, [ODataVersion = 3])"))
    assert fails(service, "OData.Feed(root, null, [MoreColumns = true])").reason == "Expression.Error"
    assert show(service, "Table.RowCount(OData.Feed(root, null, true))") == "3"
    with pytest.raises(MError, match="metadata document appears to be invalid"):
        Model(parse("<a/>", None, "OData.Feed"))


def test_values_of_the_wrong_kind_are_errors(service: Service) -> None:
    row = 'Table.ToRows(Table.RemoveColumns(OData.Feed(root & "odd"), {"Tags", "Made", "Sold", "Shop"})){0}'
    cells = f"let row = {row} in List.Transform({{0 .. 7}}, (i) => try row{{i}} catch (e) => e[Reason])"
    assert show(service, cells) == "{" + ", ".join(['"Expression.Error"'] * 8) + "}"
    assert fails(service, 'Table.ToRows(OData.Feed(root & "nolist"))').reason == "Expression.Error"
    assert fails(service, 'Table.ToRows(OData.Feed(root & "nolink"))').reason == "DataFormat.Error"


@pytest.mark.parametrize(
    "broken",
    [
        METADATA.replace(' Name="Price"', ""),
        METADATA.replace('Name="City" Type="Edm.String"', 'Name="City"'),
        METADATA.replace(' EntityType="S.Shop"', ""),
        METADATA.replace(' Namespace="Shop.Model"', ""),
    ],
)
def test_models_that_lack_something_are_refused(broken: str) -> None:
    with pytest.raises(MError, match="metadata document appears to be invalid"):
        Model(parse(broken.encode(), None, "OData.Feed"))


def test_a_property_that_is_there_twice_is_refused() -> None:
    twice = METADATA.replace('Name="Price"', 'Name="Name"')
    with pytest.raises(MError, match="metadata document appears to be invalid"):
        Model(parse(twice.encode(), None, "OData.Feed")).properties("Shop.Model.Product")
