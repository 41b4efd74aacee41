"""A service of the test's own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.durability.stacks import Embedded, Server, Stack
from tests.end_to_end.service import Service


@pytest.fixture(params=["embedded", "server"])
def stack(request: pytest.FixtureRequest, tmp_path: Path) -> Stack:
    """An installation of each kind, with nothing in it."""
    if request.param == "embedded":
        return Embedded(tmp_path / "data")
    return Server(tmp_path / "data", request.getfixturevalue("postgres").new_database())


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    with Service(tmp_path / "data") as service:
        yield service
