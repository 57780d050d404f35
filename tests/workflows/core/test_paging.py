"""Pages of a list, read forward and backward, in every order, with totals."""

from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from sqlalchemy import update

from tests.support.sample_desk import MONDAY, SampleDesk
from workflows.core.errors import InvalidInput
from workflows.core.paging import cursor_before
from workflows.service_requests.queries import list_service_requests
from workflows.store import tables as t
from workflows.views import CountedPage

ORDERS = [
    f"{sign}{order}"
    for order in ("opened_at", "resolution_due_at", "number", "urgency")
    for sign in ("", "-")
]
DUE_HOURS = (None, 3, 3, -2, None, 30, 3, None, 80)


@pytest.fixture
def requests(sample: SampleDesk) -> list[str]:
    """Requests with equal keys, and some without a target."""
    sample.sell("subscription")
    ids = [sample.log(f"Request {number}") for number in range(len(DUE_HOURS))]
    with sample.desk.write() as tx:
        for one, hours in zip(ids, DUE_HOURS, strict=True):
            due = None if hours is None else MONDAY + timedelta(hours=hours)
            statement = update(t.service_request).where(t.service_request.c.id == one)
            tx.connection.execute(statement.values(resolution_due_at=due))
    return ids


def test_every_order_is_read_forward_and_backward(sample: SampleDesk, requests: list[str]) -> None:
    for order in ORDERS:
        read = _reader(sample, order)
        whole = [one.id for one in read(limit=200).items]
        assert sorted(whole) == sorted(requests), order
        pages = [read(limit=2)]
        while pages[-1].next_cursor:
            pages.append(read(limit=2, cursor=pages[-1].next_cursor))
        assert [one.id for page in pages for one in page.items] == whole, order
        assert [page.start for page in pages] == [0, 2, 4, 6, 8], order
        assert {page.total for page in pages} == {len(requests)}
        assert pages[0].previous_cursor is None
        for before, page in reversed(list(pairwise(pages))):
            back = read(limit=2, cursor=page.previous_cursor)
            assert (back.items, back.start) == (before.items, before.start), order
            assert read(limit=2, cursor=back.next_cursor).items == page.items, order
            assert (back.previous_cursor is None) == (before.start == 0), order


def test_each_row_has_a_cursor_to_its_neighbours(sample: SampleDesk, requests: list[str]) -> None:
    for order in ORDERS:
        read = _reader(sample, order)
        page = read(limit=200)
        for index, cursor in enumerate(page.cursors):
            after, before = read(limit=1, cursor=cursor), read(limit=1, cursor=cursor_before(cursor))
            assert after.items == page.items[index + 1 : index + 2], order
            assert before.items == page.items[max(index - 1, 0) : index], order
            assert after.start == index + 1


def test_a_page_without_a_count_has_no_total(sample: SampleDesk, requests: list[str]) -> None:
    assert not isinstance(sample.see(list_service_requests, limit=2), CountedPage)


def test_a_cursor_of_another_order_is_refused(sample: SampleDesk, requests: list[str]) -> None:
    cursor = sample.see(list_service_requests, order="urgency", limit=2).next_cursor
    assert cursor is not None
    for wrong in (cursor[:-4], cursor_before(cursor)):
        with pytest.raises(InvalidInput):
            sample.see(list_service_requests, order="number", cursor=wrong)
    with pytest.raises(InvalidInput):
        cursor_before("nonsense")


def _reader(sample: SampleDesk, order: str) -> Callable[..., CountedPage[Any]]:
    def read(**at: Any) -> CountedPage[Any]:
        page = sample.see(list_service_requests, order=order, counted=True, **at)
        assert isinstance(page, CountedPage)
        return page

    return read
