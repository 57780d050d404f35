"""The API of a test desk."""

from collections.abc import Iterator

import pytest

from tests.support.api import ApiClients
from tests.support.builders import DeskFixture
from workflows.languages.texts import SOURCE, in_language


@pytest.fixture(autouse=True)
def language_of_a_page_is_left() -> Iterator[None]:
    """The next test is in English again, whichever language a page was read in."""
    with in_language(SOURCE):
        yield


@pytest.fixture
def api(new_desk: DeskFixture) -> ApiClients:
    """The API of a desk with the shipped rules in force, and a client for each role."""
    return ApiClients(new_desk)
