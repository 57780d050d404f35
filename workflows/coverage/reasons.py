"""The texts of the reasons why a contract was ruled out."""

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from workflows.languages.formats import long_day_text
from workflows.languages.texts import gettext, mark

RULED_OUT_TEXTS = {
    "expired": mark("ended on {day}"),
    "cancelled": mark("was cancelled on {day}"),
    "awaiting_start": mark("starts on {day}"),
    "awaiting_payment": mark("is awaiting payment"),
    "awaiting_enable": mark("is awaiting activation"),
    "no_minutes_left": mark("has no minutes left"),
    "no_money_left": mark("has no money left"),
    "no_incidents_left": mark("has no incident left"),
    "exhausted": mark("is used up"),
    "outside_period": mark("is outside its period"),
    "service_request_closed": mark("ended when its service request was closed"),
    "excluded_work_type": mark("does not cover the work type {value}"),
    "excluded_priority": mark("does not cover the priority {value}"),
    "excluded_item_type": mark("does not cover items of the type {value}"),
    "type_not_in_force": mark("has the type {value}, which is not in the rule set"),
    "came_after": mark("{value} takes precedence"),
    "decided_before": mark("the rule {value} takes precedence"),
    "rule_condition": mark("does not meet the condition “{condition}” of the rule {rule}"),
    "condition": mark("does not meet the condition “{value}”"),
    "not_assigned": mark("{value} was assigned by a supervisor"),
}


def ruled_out_text(code: str, at: datetime | None, value: str | None, zone: ZoneInfo) -> str:
    """Why a contract was ruled out, as the predicate of a sentence that begins with its number."""
    if code == "outside_period" and at is not None:
        code = "expired"
    text = gettext(RULED_OUT_TEXTS.get(code, code.replace("_", " ")))
    day = _last_day(code, at, zone) if at is not None else gettext("an unknown day")
    # stored as the rule's id and the condition's text
    rule, _, condition = (value or "").partition(": ")
    return text.format(day=day, value=value or "", rule=rule, condition=condition)


def _last_day(code: str, at: datetime, zone: ZoneInfo) -> str:
    """The day to show: an exclusive end at the first instant of a day belongs to the day before."""
    local = at.astimezone(zone)
    if code == "expired":
        local = (at - timedelta(seconds=1)).astimezone(zone)
    return long_day_text(local.date())


def reason_text(reason: dict[str, Any] | None, zone: ZoneInfo) -> str | None:
    """The text of a stored reason; None if there is none."""
    if reason is None:
        return None
    at = datetime.fromisoformat(reason["at"]) if reason["at"] else None
    return ruled_out_text(reason["code"], at, reason["value"], zone)
