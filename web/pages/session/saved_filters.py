"""Filters of a list that a reader kept by a name: in this browser, as the other preferences are.

They stand in a cookie of the person who is logged in, so that another person at the same browser is not
shown them. What a cookie says is checked like any input: it leads to a list of ours or to nothing.
"""

import base64
import binascii
import json
from dataclasses import asdict, dataclass
from urllib.parse import parse_qsl, urlencode

from flask import Blueprint, flash, redirect, request, url_for
from werkzeug.wrappers import Response

from web.pages.context import actor
from web.pages.forms.base import ActionForm
from web.pages.session.preferences import A_YEAR_SECONDS

LISTS = {
    "queue.queue": frozenset(
        {"view", "q", "state", "priority", "customer", "item", "org_unit", "contract", "technician", "order"}
    ),
    "contracts.contracts": frozenset({"view", "q", "type", "holder", "order"}),
}
MAX_FILTERS = 12
MAX_NAME_LENGTH = 40
MAX_QUERY_LENGTH = 200
MAX_COOKIE_BYTES = 3800
"""Browsers keep 4,096 bytes of a cookie, its name included."""

pages = Blueprint("saved_filters", __name__, url_prefix="/saved-filters")


@dataclass(frozen=True, slots=True)
class SavedFilter:
    """A list by its endpoint, and the query that narrows it."""

    place: str
    name: str
    query: str

    @property
    def href(self) -> str:
        return f"{url_for(self.place)}?{self.query}"

    @property
    def is_open(self) -> bool:
        """Whether the page that is drawn is just this list."""
        shown = request.query_string.decode(errors="replace")
        return request.endpoint == self.place and _query(self.place, shown) == self.query


def saved_filters(place: str) -> list[SavedFilter]:
    """What the reader kept for a list, by name."""
    return sorted((one for one in _stored() if one.place == place), key=lambda one: one.name.casefold())


def filter_query(place: str) -> str:
    """The part of this page's address that may be kept; "" where the list is not narrowed."""
    query = _query(place, request.query_string.decode(errors="replace"))
    return query if {key for key, _ in parse_qsl(query)} - {"view", "order"} else ""


@pages.post("")
def save() -> Response:
    place = request.form.get("place", "")
    name = " ".join(request.form.get("name", "").split())[:MAX_NAME_LENGTH]
    query = _query(place, request.form.get("query", ""))
    if place not in LISTS or not ActionForm().validate_on_submit():
        flash("That was not kept: the page had grown old. Try it once more.", "error")
        return redirect(url_for(place if place in LISTS else "home.home"))
    wanted = SavedFilter(place, name, query)
    others = [one for one in _stored() if (one.place, one.name) != (place, name)]
    if not name:
        flash("Give the filter a name to find it by.", "error")
    elif not query or len(query) > MAX_QUERY_LENGTH:
        flash("That filter cannot be kept: it is empty, or too long.", "error")
    elif len(others) >= MAX_FILTERS or len(_encode([*others, wanted])) > MAX_COOKIE_BYTES:
        flash(f"{len(others)} filters are kept already; forget one of them first.", "error")
    else:
        flash(f"“{name}” is kept for this browser.", "success")
        return _answer(wanted, [*others, wanted])
    return redirect(f"{url_for(place)}?{query}")


@pages.post("/forget")
def forget() -> Response:
    place, name = request.form.get("place", ""), request.form.get("name", "")
    found = [one for one in _stored() if (one.place, one.name) == (place, name)]
    if not found or not ActionForm().validate_on_submit():
        return redirect(url_for(place if place in LISTS else "home.home"))
    flash(f"“{name}” is forgotten; the list is still narrowed to it, to keep it again.", "success")
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
    """The cookie's filters; none of one that cannot be read."""
    try:
        rows = json.loads(base64.b64decode(request.cookies.get(_cookie(), ""), altchars=b"-_"))
        return [
            SavedFilter(place, name[:MAX_NAME_LENGTH], query)
            for place, name, given in rows[:MAX_FILTERS]
            if place in LISTS and (query := _query(place, given))
        ]
    except (ValueError, TypeError, AttributeError, KeyError, RecursionError, binascii.Error):
        return []


def _query(place: str, text: str) -> str:
    """The filters among a query, in one order; "" for a list that is not ours."""
    known = LISTS.get(place, frozenset())
    return urlencode(sorted({(key, value) for key, value in parse_qsl(text) if key in known and value}))
