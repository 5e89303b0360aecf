"""The library against its lists: the names of the M reference, and the generated docs/library.md."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlang import registry
from mlang.app import reference

NAMES = (Path(__file__).parent / "data" / "names.txt").read_text(encoding="utf-8").split()


@pytest.mark.parametrize("name", NAMES)
def test_name_of_the_reference_is_defined(name: str) -> None:
    registry.load_all()
    assert name in registry.BUILTINS or name in ("#shared", "#sections")


def test_document_is_up_to_date() -> None:
    current = (Path(__file__).parents[1] / reference.DOCUMENT).read_text(encoding="utf-8")
    assert current == reference.document(), "run: python -m mlang.app.reference --write"


def test_services_and_the_unsupported_are_counted() -> None:
    number = reference.counts(reference.entries())
    assert number[reference.IMPLEMENTED] > 600
    assert 0 < number[reference.SERVICE] < 80
    assert 0 < number[reference.UNSUPPORTED] < 60


def test_a_service_checks_its_arguments_and_says_what_it_needs() -> None:
    import mlang

    with pytest.raises(mlang.MError) as caught:
        mlang.evaluate('SapHana.Database("host:30015")')
    assert caught.value.reason == "DataSource.Error"
    assert caught.value.message == "SapHana.Database can't be used here: it would need an SAP HANA server."
