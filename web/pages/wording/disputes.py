"""What a dispute is about, and what its acceptance has changed, in words."""

from typing import Any

from engine.disputes import DisputeKind
from web.languages import Texts, gettext, mark
from web.pages.context import zone
from web.pages.wording.formats import amount_text, instant_text, minutes_text, money_text
from web.statement_labels import MOVEMENTS
from workflows.views.disputes import DisputedView, DisputeView

KINDS = Texts(
    {
        "work_entry": mark("Work entry"),
        "statement_line": mark("Statement line"),
        "invoice_line": mark("Invoice line"),
    }
)


def subject_text(kind: DisputeKind, subject: DisputedView) -> str:
    """What is objected to, as it was when the dispute was opened."""
    if kind == "invoice_line":
        net = subject.net
        amount = money_text(net.amount_minor, net.currency) if net is not None else ""
        return gettext("%(line)s, %(amount)s net", line=subject.description, amount=amount)
    at = instant_text(subject.at, zone()) if subject.at is not None else ""
    if kind == "work_entry":
        return gettext("%(time)s worked, %(when)s", time=minutes_text(subject.worked_minutes), when=at)
    if subject.moved is None:
        return gettext("%(amount)s, %(when)s", amount=MOVEMENTS.get(subject.movement or "", ""), when=at)
    unit: Any = subject.unit
    return gettext("%(amount)s, %(when)s", amount=amount_text(subject.moved, unit, subject.currency), when=at)


def changed_text(dispute: DisputeView) -> str:
    """What the acceptance of a dispute has changed; "" where it has changed nothing."""
    if dispute.minutes_left is not None:
        if not dispute.minutes_left:
            return gettext("The entry is not billed.")
        return gettext("%(time)s of the entry is left.", time=minutes_text(dispute.minutes_left))
    if dispute.returned is not None:
        unit: Any = dispute.subject.unit
        amount = amount_text(dispute.returned, unit, dispute.subject.currency)
        return gettext("%(amount)s was given back.", amount=amount)
    return ""
