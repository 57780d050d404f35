"""What is being typed into a field, in words as the field would understand it: "20 hours"."""

import re
from collections.abc import Callable
from typing import Any

from flask import Blueprint, abort, request
from markupsafe import escape

from web.pages.context import settings
from web.pages.forms.fields import which_of_two
from web.pages.wording.formats import (
    duration_words,
    money_text,
    read_minutes,
    read_money,
    read_span,
    span_words,
)

_NAME = re.compile(r"[a-z_]{1,60}", re.ASCII)

pages = Blueprint("typed", __name__, url_prefix="/typed")


@pages.get("/duration/<any(hours, minutes):unit>")
def duration(unit: Any) -> str:
    return _words(lambda text: read_minutes(text, unit), duration_words)


@pages.get("/span/<any(minute, hour, day, month):unit>")
def span(unit: Any) -> str:
    return _words(lambda text: read_span(text, unit), lambda number: span_words(number, unit))


@pages.get("/money")
def money() -> str:
    currency = settings().currency
    return _words(lambda text: read_money(text, currency), lambda amount: money_text(amount, currency))


@pages.get("/instant")
def instant() -> str:
    """The choice between two times, where the local time being typed happens twice."""
    field = _field()
    return which_of_two(field, request.args.get(field, ""))


def _field() -> str:
    """The name of the field, which the query gives with its value."""
    name = request.args.get("field", "")
    if not _NAME.fullmatch(name):
        abort(404)
    return name


def _words(read: Callable[[str], int | None], words: Callable[[int], str]) -> str:
    """The words for the value of the field that the query names; empty as long as it cannot be read."""
    value = read(request.args.get(_field(), ""))
    return escape("" if value is None else words(value))
