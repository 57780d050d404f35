"""The texts of the reasons why a contract was ruled out."""

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from workflows.languages.formats import long_day_text
from workflows.languages.texts import gettext, mark
from workflows.lifecycle.service_requests.opened_uncovered import OPENED_UNCOVERED

RULED_OUT_TEXTS = {
    "expired": mark("ended on %(day)s"),
    "cancelled": mark("was cancelled on %(day)s"),
    "awaiting_start": mark("starts on %(day)s"),
    "awaiting_payment": mark("is awaiting payment"),
    "awaiting_enable": mark("is awaiting activation"),
    "no_minutes_left": mark("has no minutes left"),
    "no_money_left": mark("has no money left"),
    "no_incidents_left": mark("has no incident left"),
    "exhausted": mark("is used up"),
    "outside_period": mark("is outside its period"),
    "service_request_closed": mark("ended when its service request was closed"),
    "excluded_work_type": mark("does not cover the work type %(value)s"),
    "excluded_role": mark("does not cover work of the role %(value)s"),
    "excluded_priority": mark("does not cover the priority %(value)s"),
    "excluded_item_type": mark("does not cover items of the type %(value)s"),
    "type_not_in_force": mark("has the type %(value)s, which is not in the rule set"),
    "came_after": mark("%(value)s takes precedence"),
    "decided_before": mark("the rule %(value)s takes precedence"),
    "rule_condition": mark("does not meet the condition “%(condition)s” of the rule %(rule)s"),
    "condition": mark("does not meet the condition “%(value)s”"),
    "not_assigned": mark("%(value)s was assigned by a supervisor"),
}
SYSTEM_WHYS = frozenset(
    {
        mark("This service request has a valid contract of its own."),
        mark("The contract of this service request is pending. Work starts as soon as it is valid."),
        mark(
            "No rule applies, and contract validation is on: without a valid contract no request is opened."
        ),
        mark("No rule applies. Contract validation is off, so the request opens without a contract."),
        mark("A supervisor assigned this contract."),
        mark("The contract that was ordered for this service request is valid."),
        mark("The contract that was ordered for this service request is pending."),
        OPENED_UNCOVERED,
    }
)
"""The reasons of decisions, and of moves, that no rule made; they are stored in English."""
SHIPPED_WHYS = frozenset(
    {
        mark("This item has a valid contract."),
        mark("The customer has a valid contract."),
        mark("The customer's organization has a valid contract, which covers all who belong to it."),
        mark("No valid contract was found. Contract validation is off, so the request opens without one."),
        mark("This item has a pending contract. Work starts as soon as it is valid."),
        mark("The customer has a pending contract. Work starts as soon as it is valid."),
        mark("The customer's organization has a pending contract. Work starts as soon as it is valid."),
        mark(
            "No valid or pending contract was found. One is created for this request alone; work starts as "
            "soon as it is valid."
        ),
    }
)
"""The reasons of the shipped rules, as long as an administrator does not change them."""


def ruled_out_text(code: str, at: datetime | None, value: str | None, zone: ZoneInfo) -> str:
    """Why a contract was ruled out, as the predicate of a sentence that begins with its number."""
    if code == "outside_period" and at is not None:
        code = "expired"
    text = RULED_OUT_TEXTS.get(code, code.replace("_", " "))
    day = _last_day(code, at, zone) if at is not None else gettext("an unknown day")
    # stored as the rule's id and the condition's text
    rule, _, condition = (value or "").partition(": ")
    return gettext(text, day=day, value=value or "", rule=rule, condition=condition)


def _last_day(code: str, at: datetime, zone: ZoneInfo) -> str:
    """The day to show: an exclusive end at the first instant of a day belongs to the day before."""
    local = (at - timedelta(seconds=1)).astimezone(zone) if code == "expired" else at.astimezone(zone)
    return long_day_text(local.date())


def reason_text(reason: dict[str, Any] | None, zone: ZoneInfo) -> str | None:
    """The text of a stored reason; None if there is none."""
    if reason is None:
        return None
    at = datetime.fromisoformat(reason["at"]) if reason["at"] else None
    return ruled_out_text(reason["code"], at, reason["value"], zone)


def why_text(why: str) -> str:
    """The stored reason of a decision for whoever reads it; that of an administrator's rule is as written."""
    return gettext(why) if why in SYSTEM_WHYS | SHIPPED_WHYS else why
