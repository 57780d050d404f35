"""A desk behind its API."""

import pytest

from tests.support.api import Callers
from tests.support.builders import Kit


@pytest.fixture
def api(kit: Kit) -> Callers:
    """The API of a desk with the shipped rules, and a caller for each role."""
    return Callers(kit)
