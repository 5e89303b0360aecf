"""Shared by all tests: hypothesis profiles, and the folder names."""

from __future__ import annotations

import signal
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).resolve().parent.parent
# Last, so that the installed mlang is what is tested; tests import each other as ``tests.…``.
sys.path.append(str(ROOT))

# A run in the background (nohup, a CI's shell) may ignore Ctrl-C, and what it starts inherits that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

settings.register_profile(
    "default", deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)
settings.load_profile("default")


def pytest_configure(config: pytest.Config) -> None:
    """Has several processes take the files in the order of `pytest_collection_modifyitems`."""
    if hasattr(config.option, "loadscopereorder"):
        config.option.loadscopereorder = False


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Few tests that take long come first, or they would be waited for at the end; then the files with most tests."""
    tests = Counter(item.path for item in items)

    def place(item: pytest.Item) -> tuple[bool, int, Path]:
        slow = "spark" in item.path.name or item.path.parent.name == "properties"
        return not slow, -tests[item.path], item.path

    items.sort(key=place)


@pytest.fixture(autouse=True)
def no_session_left_over() -> Iterator[None]:
    """`mlang.evaluate` leaves its session current for lazy members; no test may see another one's."""
    from mlang.session import _CURRENT

    token = _CURRENT.set(None)
    yield
    _CURRENT.reset(token)


@pytest.fixture
def proper_without_form(monkeypatch: pytest.MonkeyPatch) -> None:
    """Text.Proper stands for the functions of texts that have no SQL form."""
    from folding.functions import FORMS, form_of

    form_of("")  # loads the families
    monkeypatch.delitem(FORMS, "Text.Proper")


@pytest.fixture
def queries_run(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The texts of the queries that DuckDB runs, as they come."""
    from folding.engines import duckdb as engine

    texts: list[str] = []
    read = engine.record_batches

    def noted(cursor: object, text: str, size: int) -> object:
        texts.append(text)
        return read(cursor, text, size)

    monkeypatch.setattr(engine, "record_batches", noted)
    return texts


@pytest.fixture(params=["Sail", "Spark"])
def cluster_server(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of a server that writes results of any size itself."""
    from spark_tables import address_or_skip, engine

    from staging import cluster

    monkeypatch.setattr(cluster, "ROWS", 0)
    with engine(found := address_or_skip(request.param)):
        yield found


@pytest.fixture(params=["Sail", "Spark"])
def any_cluster_server(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """As `cluster_server`, for what does not differ much between servers."""
    from spark_tables import all_or_skip, engine

    from staging import cluster

    monkeypatch.setattr(cluster, "ROWS", 0)
    with engine(found := all_or_skip(request.param)):
        yield found
