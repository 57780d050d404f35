"""Why a contract was ruled out, in words."""

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

RULED_OUT_WORDS = {
    "expired": "ended on {day}",
    "cancelled": "was cancelled on {day}",
    "awaiting_start": "starts on {day}",
    "awaiting_payment": "waits for its payment",
    "awaiting_enable": "waits to be enabled",
    "no_minutes_left": "has no minutes left",
    "no_incidents_left": "has no incident left",
    "exhausted": "is used up",
    "outside_period": "is outside its period",
    "service_request_closed": "ended when its service request was closed",
    "excluded_work_type": "does not cover the work type {value}",
    "excluded_priority": "does not cover the priority {value}",
    "excluded_item_type": "does not cover items of the type {value}",
    "type_not_in_force": "is of the type {value}, which the rules do not have",
    "came_after": "{value} came first",
    "decided_before": "the rule {value} decided before it",
    "rule_condition": "does not meet the rule {value}",
    "condition": "does not meet {value}",
    "not_assigned": "{value} was assigned by hand",
}


def ruled_out_words(code: str, at: datetime | None, value: str | None, zone: ZoneInfo) -> str:
    """Why a contract was not taken, as the end of a sentence that begins with its number."""
    if code == "outside_period" and at is not None:
        code = "expired"
    words = RULED_OUT_WORDS.get(code, code.replace("_", " "))
    day = _last_day(code, at, zone) if at is not None else "an unknown day"
    return words.format(day=day, value=value or "")


def _last_day(code: str, at: datetime, zone: ZoneInfo) -> str:
    """The day to say: a period that ends with an instant ended on the day before it."""
    local = at.astimezone(zone)
    if code == "expired":
        local = (at - timedelta(seconds=1)).astimezone(zone)
    return f"{local.day} {local:%B %Y}"


def reason_words(reason: dict[str, Any] | None, zone: ZoneInfo) -> str | None:
    if reason is None:
        return None
    at = datetime.fromisoformat(reason["at"]) if reason["at"] else None
    return ruled_out_words(reason["code"], at, reason["value"], zone)
