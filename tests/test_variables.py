"""Variable libraries: files of the Fabric form, value sets, types, and what is wrong with them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import duckdb
import pytest
from click.testing import CliRunner
from dataflows.making import make, refresh, rows

from mlang.app.cli import cli
from staging.dataflow import read
from staging.errors import DataflowError
from staging.refresh import Refresh
from staging.variables import library_of
from staging.workspace import Workspace


def library(folder: Path, name: str, variables: list[dict[str, Any]], **sets: dict[str, Any]) -> Path:
    place = folder / f"{name}.VariableLibrary"
    (place / "valueSets").mkdir(parents=True, exist_ok=True)
    (place / "variables.json").write_text(json.dumps({"variables": variables}), encoding="utf-8")
    (place / "settings.json").write_text(json.dumps({"valueSetsOrder": list(sets)}), encoding="utf-8")
    for own, overrides in sets.items():
        listed = [{"name": n, "value": v} for n, v in overrides.items()]
        document = {"name": own, "variableOverrides": listed}
        (place / "valueSets" / f"{own}.json").write_text(json.dumps(document), encoding="utf-8")
    return place


def variable(name: str, type: str, value: Any) -> dict[str, Any]:
    return {"name": name, "type": type, "value": value, "note": ""}


ALL = [
    variable("flag", "Boolean", True), variable("when", "DateTime", "2025-01-20T15:30:00Z"),
    variable("id", "Guid", "69A3B8E0-6F7B-4C0E-8A52-8E8E9D6B4F10"), variable("count", "Integer", 3),
    variable("rate", "number", 1.5), variable("name", "String", "x"),
]  # fmt: skip


def value(place: Path, *sets: str) -> Any:
    run = Refresh(read(place), Workspace.beside(place), value_sets=sets).run()
    assert run.status == "Completed", run
    return rows(place, "A")


def one(m: str) -> str:
    return f"shared A = #table(type table [a = nullable text], {{{{{m}}}}});"


def test_types(tmp_path: Path) -> None:
    library(tmp_path, "Lib", ALL)
    names = [v["name"] for v in ALL]
    text = ", ".join(f'Variable.Value("$(/**/Lib/{n})")' for n in names)
    place = make(
        tmp_path,
        "shared A = #table(type table [f = logical, w = datetime, i = text, c = number, r = number, n = text], "
        f"{{{{{text}}}}});",
    )
    ((flag, when, guid, count, rate, name),) = value(place)
    assert (flag, guid, count, rate, name) == (True, "69a3b8e0-6f7b-4c0e-8a52-8e8e9d6b4f10", 3.0, 1.5, "x")
    assert (when.ymd, when.hour, when.minute) == ((2025, 1, 20), 15, 30)


def test_value_sets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    library(tmp_path, "Lib", ALL, prod={"name": "p"}, test={"name": "t"})
    library(tmp_path / "folder", "Other", [variable("x", "String", "1")], prod={"x": "2"})
    place = make(tmp_path, one('Variable.Value("$(/**/Lib/name)") & Variable.Value("$(/**/Other/x)")'))
    assert value(place) == [("x1",)]
    assert value(place, "prod") == [("p2",)]
    assert value(place, "Lib=prod") == [("p1",)]
    monkeypatch.setenv("MLANG_VALUE_SET", "prod, Lib=test")
    assert value(place) == [("t2",)]
    assert value(place, "Other=prod") == [("x2",)]  # what is given wins over the environment
    with pytest.raises(
        DataflowError, match=r"no value set 'nope'\. Value sets: Lib: prod, test; Other: prod"
    ):
        value(place, "nope")


def test_missing_ones(tmp_path: Path) -> None:
    library(tmp_path, "Lib", ALL)
    place = make(tmp_path, one('Variable.ValueOrDefault("$(/**/Lib/none)", "d")'))
    assert value(place) == [("d",)]
    place = make(tmp_path, one('Variable.Value("$(/**/No/name)")'))
    run = refresh(place)
    assert run.queries[0].errors == {"a": 1}
    place = make(tmp_path, 'shared N = "name"; ' + one('Variable.Value("$(/**/Lib/" & N & ")")'))
    assert value(place) == [("x",)]


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ([variable("a", "Integer", 1.5)], "'a' is of type Integer; 1.5 is no such value"),
        ([variable("a", "Boolean", "true")], "'a' is of type Boolean"),
        ([variable("a", "Guid", "x")], "'a' is of type Guid"),
        ([variable("a", "DateTime", "yesterday")], "'a' is of type DateTime"),
        ([variable("a", "Text", "x")], "of type 'Text'. Types: Boolean"),
        ([{"name": "a", "type": "String"}], "needs name, type and value"),
        ([variable("a", "String", "x"), variable("a", "String", "y")], "occurs twice"),
    ],
)
def test_wrong_libraries(tmp_path: Path, variables: list[dict[str, Any]], message: str) -> None:
    library(tmp_path, "Lib", variables)
    with pytest.raises(DataflowError, match=message):
        value(make(tmp_path, one('Variable.Value("$(/**/Lib/a)")')))


def test_broken_files(tmp_path: Path) -> None:
    place = make(tmp_path, one('Variable.Value("$(/**/Lib/name)")'))
    folder = library(tmp_path, "Lib", ALL, prod={"other": 1})
    with pytest.raises(DataflowError, match='has no variable "other"'):
        value(place)
    (folder / "valueSets" / "prod.json").write_text("{", encoding="utf-8")
    with pytest.raises(DataflowError, match="is not JSON"):
        value(place)
    (folder / "valueSets" / "prod.json").unlink()
    library(tmp_path / "x", "Lib", ALL)
    with pytest.raises(DataflowError, match="Two variable libraries are called 'Lib'"):
        value(place)
    assert value(make(tmp_path, one('"no variable"'), name="u")) == [("no variable",)]  # nothing is opened


def test_the_command_line(tmp_path: Path) -> None:
    library(tmp_path, "Lib", ALL, prod={"name": "p"})
    place = make(tmp_path, one('Variable.Value("$(/**/Lib/name)")'))
    for command, option in (("run", ["-q", "A"]), ("refresh", []), ("plan", []), ("check", [])):
        found = CliRunner().invoke(
            cli, [command, str(place), "--value-set", "prod", *option], standalone_mode=False
        )
        assert found.exception is None, found.output
        assert found.return_value == 0
    assert rows(place, "A") == [("p",)]
    found = CliRunner().invoke(
        cli, ["run", str(place), "-q", "A", "--value-set", "zz"], standalone_mode=False
    )
    assert found.return_value == 2 or "no value set 'zz'" in str(found.exception)


def test_identifiers() -> None:
    assert library_of("$(/**/My Lib/x)") == "My Lib"
    for wrong in ("x", "$(/**/x)", "$(/**/x/)", "$(x/y)"):
        assert library_of(wrong) is None


def test_explain_takes_value_sets(tmp_path: Path) -> None:
    library(tmp_path, "Lib", [variable("least", "Integer", 3)], Test={"least": 7})
    parquet = tmp_path / "n.parquet"
    duckdb.sql(f"COPY (SELECT 1 AS a) TO '{parquet}' (FORMAT parquet)")
    place = make(
        tmp_path,
        f'shared A = let S = Parquet.Document(File.Contents("{parquet}")), L = Variable.Value("$(/**/Lib/least)"), '
        "R = Table.SelectRows(S, each [a] > L) in R;",
    )
    for sets, least in (((), "3"), (("--value-set", "Test"), "7")):
        done = CliRunner().invoke(cli, ["explain", str(place), "-q", "A", "--sql", *sets])
        assert f"a > {least}\n" in done.output, done.output


def test_variables_fold(tmp_path: Path) -> None:
    library(tmp_path, "Lib", ALL)
    table = 'DuckDB.Database("x.duckdb"){[Schema = "main", Item = "t"]}[Data]'
    place = make(
        tmp_path,
        f'shared A = Table.SelectRows({table}, each [a] > Variable.Value("$(/**/Lib/rate)") and '
        '[b] <> Variable.ValueOrDefault("$(/**/Lib/none)", "q0"));',
    )
    with duckdb.connect(str(place / "x.duckdb")) as connection:
        connection.execute("CREATE TABLE t AS SELECT i::DOUBLE a, 'q' || i % 3 b FROM range(5) r(i)")
    found = CliRunner().invoke(cli, ["explain", str(place), "-q", "A"], standalone_mode=False)
    assert "Table.SelectRows  Folding" in found.output
    assert value(place) == [(2.0, "q2"), (4.0, "q1")]


def test_parameters_and_other_queries_fold(tmp_path: Path) -> None:
    place = make(
        tmp_path,
        """
        shared N = 2 meta [IsParameterQuery = true, Type = "Number", IsParameterQueryRequired = true];
        shared Words = {"b", "c"};
        shared A = #table(type table [a = number, b = text], {{1, "a"}, {2, "b"}, {3, "c"}});
        shared B = Table.SelectRows(A, each [a] >= N and List.Contains(Words, [b]));
        """,
    )
    for least, expected in ((None, [(2.0, "b"), (3.0, "c")]), (3.0, [(3.0, "c")])):
        run = refresh(place, **({} if least is None else {"N": least}))
        assert next(q.engine for q in run.queries if q.query == "B") == "Cached + Folded"
        assert rows(place, "B") == expected
