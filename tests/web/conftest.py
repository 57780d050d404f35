"""The API of a test desk."""

import pytest

from tests.support.api import Callers
from tests.support.builders import Kit


@pytest.fixture
def api(kit: Kit) -> Callers:
    """The API of a desk with the shipped rules in force, and a client for each role."""
    return Callers(kit)
