"""What the months of a contract keep and draw ahead, as text."""

from web.languages import gettext, ngettext
from web.pages.wording.formats import minutes_text, number_text
from workflows.views.contracts import BorrowView, CarryOverView


def carry_over_text(rule: CarryOverView) -> str:
    """Such as "Up to 1:00 of each month, for 2 more months"."""
    cap, num = _cap(rule), number_text(rule.months)
    if not cap:
        return ngettext(
            "What is left of each month, for %(num)s more month",
            "What is left of each month, for %(num)s more months",
            rule.months,
            num=num,
        )
    return ngettext(
        "Up to %(cap)s of each month, for %(num)s more month",
        "Up to %(cap)s of each month, for %(num)s more months",
        rule.months,
        num=num,
        cap=cap,
    )


def borrow_text(rule: BorrowView) -> str:
    """Such as "Up to 50 % of the next month"."""
    return gettext("Up to %(cap)s of the next month", cap=_cap(rule))


def _cap(rule: CarryOverView | BorrowView) -> str:
    if rule.cap_minutes is not None:
        return minutes_text(rule.cap_minutes)
    return f"{rule.cap_percent} %" if rule.cap_percent is not None else ""
