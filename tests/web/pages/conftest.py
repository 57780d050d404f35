"""A desk at work behind its pages, with someone of every role in front of them."""

from collections.abc import Iterator

import pytest

from tests.support.front import Front


@pytest.fixture
def front(sqlite_database_url: str) -> Iterator[Front]:
    """Acme, Ann and her laptop, contracts on, and a browser for each role."""
    desk = Front(sqlite_database_url)
    yield desk
    desk.office.close()
