"""What the months of a contract keep and draw ahead, as text."""

from web.pages.wording.formats import counted, minutes_text
from workflows.views.contracts import BorrowView, CarryOverView


def carry_over_text(rule: CarryOverView) -> str:
    """Such as "Up to 1:00 of each month, for 2 more months"."""
    cap = _cap(rule)
    retained = f"Up to {cap} of each month" if cap else "What is left of each month"
    return f"{retained}, for {counted(rule.months, 'more month')}"


def borrow_text(rule: BorrowView) -> str:
    """Such as "Up to 50 % of the next month"."""
    return f"Up to {_cap(rule)} of the next month"


def _cap(rule: CarryOverView | BorrowView) -> str:
    if rule.cap_minutes is not None:
        return minutes_text(rule.cap_minutes)
    return f"{rule.cap_percent} %" if rule.cap_percent is not None else ""
