"""The API of a test desk."""

import pytest

from tests.support.api import ApiClients
from tests.support.builders import DeskFixture


@pytest.fixture
def api(new_desk: DeskFixture) -> ApiClients:
    """The API of a desk with the shipped rules in force, and a client for each role."""
    return ApiClients(new_desk)
