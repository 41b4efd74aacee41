"""See the package."""

import pytest

from tests.neo4j.test_connection import *  # noqa: F403  # pytest finds the tests and fixtures under these names here

pytestmark = [pytest.mark.systems, pytest.mark.timeout(600)]
