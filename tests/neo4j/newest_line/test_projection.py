"""See the package."""

import pytest

from tests.neo4j.test_projection import *  # noqa: F403  # pytest finds the tests and fixtures under these names here

pytestmark = [pytest.mark.systems, pytest.mark.timeout(600)]
