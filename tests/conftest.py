"""Shared by all tests: hypothesis profiles, and the folder names."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).resolve().parent.parent
# Last, so that the installed mlang is what is tested; tests import each other as ``tests.…``.
sys.path.append(str(ROOT))

settings.register_profile(
    "default", deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)
settings.load_profile("default")


@pytest.fixture(autouse=True)
def no_session_left_over() -> Iterator[None]:
    """`mlang.evaluate` leaves its session current for lazy members; no test may see another one's."""
    from mlang.session import _CURRENT

    token = _CURRENT.set(None)
    yield
    _CURRENT.reset(token)
