"""The list from which a service request was opened: the way back, and the requests before and after it.

Links in the list carry its query and the request's place in it (`web/pages/layout/list_links.py`): both are
still known after an action, and even after the request has left the list.
"""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from flask import request, url_for

from engine.errors import DeskError
from web.pages.layout.list_links import LIST, PLACE, opened_from
from web.pages.service_requests.queue import FILTERS, read_list, request_list
from workflows.core.paging import cursor_before
from workflows.core.transaction import Transaction
from workflows.views import CountedPage


@dataclass(frozen=True, slots=True)
class ListContext:
    """The address of the list, and those of the previous and the next request; None if there is none."""

    href: str
    previous: str | None = None
    next: str | None = None
    position: int | None = None
    total: int | None = None


def list_context(tx: Transaction) -> ListContext:
    """The list from which the current page was opened; the whole queue if it was not opened from one."""
    listed = opened_from()
    place = request.args.get(PLACE, "")
    known: dict[str, Any] = {
        name: value for name, value in listed.items() if name in ("view", "cursor", *FILTERS)
    }
    href = url_for("queue.queue", **known)
    if not known or not place:
        return ListContext(href)
    chosen = request_list(listed.get("view", ""), {name: known[name] for name in FILTERS if name in known})
    query = urlencode(known)
    try:
        before = read_list(tx, chosen, {"limit": 1, "cursor": cursor_before(place)})
        after = read_list(tx, chosen, {"limit": 1, "cursor": place, "counted": True})
    except DeskError:  # the address has been changed by someone
        return ListContext(href)
    assert isinstance(after, CountedPage)
    return ListContext(
        href=href,
        previous=_address(before.items[0].id, query, before.next_cursor) if before.items else None,
        next=_address(after.items[0].id, query, after.cursors[0]) if after.items else None,
        position=after.start,
        total=after.total,
    )


def _address(service_request_id: str, query: str, place: str | None) -> str:
    values: dict[str, Any] = {LIST: query, PLACE: place}
    return url_for("service_request.show", service_request_id=service_request_id, **values)
