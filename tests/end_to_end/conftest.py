"""Services for tests: one for the session where names keep tests apart, one a test where they cannot."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.end_to_end.service import Service


@pytest.fixture(scope="session")
def shared_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service for tests that use a namespace of their own and do not look at totals."""
    with Service(tmp_path_factory.mktemp("shared") / "data") as service:
        yield service


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    """A service of the test's own, empty at first."""
    with Service(tmp_path / "data") as service:
        yield service


@pytest.fixture
def namespace() -> str:
    """A namespace that no other test uses."""
    return f"test://{uuid.uuid4().hex}"
