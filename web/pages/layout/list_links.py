"""The way back from a record to the list from which it was opened, with its view, filters and page.

Links in a list carry its query. Every link and form on the record's pages passes it on, so that it is still
known after an action.
"""

from typing import Any
from urllib.parse import parse_qsl, urlencode

from flask import Blueprint, has_request_context, request, url_for

LIST, PLACE = "list", "at"
MAX_LENGTH = 2000
LEFT_OUT = {"format", "audit"}


def keep_list(pages: Blueprint, record: str) -> None:
    """Make the addresses of a blueprint keep the list while they lead to the same record.

    `record` is the name of the argument with the record's id.
    """

    def add_list(endpoint: str, values: dict[str, Any]) -> None:
        here = (request.view_args or {}) if has_request_context() else {}
        if record not in here or values.get(record) != here[record]:
            return
        for name in (LIST, PLACE):
            value = request.args.get(name, "")
            if value and len(value) <= MAX_LENGTH:
                values.setdefault(name, value)

    pages.url_defaults(add_list)


def list_query() -> str:
    """The query string of the list that is shown, for the links to its records."""
    return urlencode([pair for pair in request.args.items() if pair[1] and pair[0] not in LEFT_OUT])


def list_href(endpoint: str) -> str:
    """The address of a list, as it was when the current page was opened from it."""
    return url_for(endpoint, **opened_from())


def opened_from() -> dict[str, Any]:
    """The query of the list from which the current page was opened; empty if it was not opened from one."""
    pairs = parse_qsl(request.args.get(LIST, "")[:MAX_LENGTH])
    return {name: value for name, value in pairs if name.isidentifier() and not name.startswith("_")}
