"""Named list filters, stored in a cookie in this browser, like the other preferences.

The cookie is specific to the user, so other users of the browser do not see the filters. Its content is
validated like any input: a filter must belong to a known list.
"""

import base64
import binascii
import json
from dataclasses import asdict, dataclass
from urllib.parse import parse_qsl, urlencode

from flask import Blueprint, flash, redirect, request, url_for
from werkzeug.wrappers import Response

from web.languages import gettext, ngettext
from web.pages.context import actor
from web.pages.forms.base import ActionForm
from web.pages.session.preferences import A_YEAR_SECONDS

LISTS = {
    "queue.queue": frozenset(
        {"view", "q", "state", "priority", "customer", "item", "org_unit", "contract", "technician", "order"}
    ),
    "contracts.contracts": frozenset({"view", "q", "type", "holder", "org_unit", "order"}),
}
MAX_FILTERS = 12
MAX_NAME_LENGTH = 40
MAX_QUERY_LENGTH = 200
MAX_COOKIE_BYTES = 3800
"""Browsers store at most 4,096 bytes per cookie, including its name."""

pages = Blueprint("saved_filters", __name__, url_prefix="/saved-filters")


@dataclass(frozen=True, slots=True)
class SavedFilter:
    """A list, identified by its endpoint, and the query string that filters it."""

    place: str
    name: str
    query: str

    @property
    def href(self) -> str:
        return f"{url_for(self.place)}?{self.query}"

    @property
    def is_open(self) -> bool:
        """Whether the current page shows this filter."""
        shown = request.query_string.decode(errors="replace")
        return request.endpoint == self.place and known_query(self.place, shown) == self.query


def known_query(place: str, text: str) -> str:
    """The known filters of a query string in a fixed order; "" for an unknown list."""
    known = LISTS.get(place, frozenset())
    return urlencode(sorted({(key, value) for key, value in parse_qsl(text) if key in known and value}))


def saved_filters(place: str) -> list[SavedFilter]:
    """The saved filters of a list, sorted by name."""
    return sorted((one for one in _stored() if one.place == place), key=lambda one: one.name.casefold())


def filter_query(place: str) -> str:
    """The query string of this page that can be saved; "" if the list is not filtered."""
    query = known_query(place, request.query_string.decode(errors="replace"))
    return query if {key for key, _ in parse_qsl(query)} - {"view", "order"} else ""


@pages.post("")
def save() -> Response:
    place = request.form.get("place", "")
    name = " ".join(request.form.get("name", "").split())[:MAX_NAME_LENGTH]
    query = known_query(place, request.form.get("query", ""))
    if place not in LISTS or not ActionForm().validate_on_submit():
        flash(gettext("The filter was not saved because the page expired. Please try again."), "error")
        return redirect(url_for(place if place in LISTS else "home.home"))
    wanted = SavedFilter(place, name, query)
    others = [one for one in _stored() if (one.place, one.name) != (place, name)]
    if not name:
        flash(gettext("Enter a name for the filter."), "error")
    elif not query or len(query) > MAX_QUERY_LENGTH:
        flash(gettext("This filter cannot be saved: it is empty or too long."), "error")
    elif len(others) >= MAX_FILTERS or len(_encode([*others, wanted])) > MAX_COOKIE_BYTES:
        flash(
            ngettext(
                "You already have %(num)s saved filter. Delete one first.",
                "You already have %(num)s saved filters. Delete one first.",
                len(others),
            ),
            "error",
        )
    else:
        flash(gettext("Filter “%(name)s” has been saved in this browser.", name=name), "success")
        return _answer(wanted, [*others, wanted])
    return redirect(f"{url_for(place)}?{query}")


@pages.post("/forget")
def forget() -> Response:
    place, name = request.form.get("place", ""), request.form.get("name", "")
    found = [one for one in _stored() if (one.place, one.name) == (place, name)]
    if not found or not ActionForm().validate_on_submit():
        return redirect(url_for(place if place in LISTS else "home.home"))
    flash(
        gettext(
            "Filter “%(name)s” has been deleted. The list is still filtered, so you can save it again.",
            name=name,
        ),
        "success",
    )
    return _answer(found[0], [one for one in _stored() if one not in found])


def _answer(one: SavedFilter, filters: list[SavedFilter]) -> Response:
    answer = redirect(one.href)
    answer.set_cookie(
        _cookie(),
        _encode(filters),
        max_age=A_YEAR_SECONDS,
        httponly=True,
        samesite="Lax",
        secure=request.is_secure,
    )
    return answer


def _encode(filters: list[SavedFilter]) -> str:
    rows = [list(asdict(each).values()) for each in filters]
    text = json.dumps(rows, separators=(",", ":"), ensure_ascii=False)
    return base64.urlsafe_b64encode(text.encode()).decode()


def _cookie() -> str:
    return f"coverdesk_filters_{actor().id}"


def _stored() -> list[SavedFilter]:
    """The filters in the cookie; empty if it cannot be read."""
    try:
        rows = json.loads(base64.b64decode(request.cookies.get(_cookie(), ""), altchars=b"-_"))
        return [
            SavedFilter(place, name[:MAX_NAME_LENGTH], query)
            for place, name, given in rows[:MAX_FILTERS]
            if place in LISTS and (query := known_query(place, given))
        ]
    except (ValueError, TypeError, AttributeError, KeyError, RecursionError, binascii.Error):
        return []
