"""Pausing the reminders of an invoice, for a reason and to a day. Source: product.md sections 10 and 11."""

from datetime import timedelta
from typing import Any

from engine.periods import first_instant_of, local_date
from workflows.billing.invoicing.actions import ISSUERS
from workflows.billing.invoicing.drafts import SUBJECT
from workflows.billing.invoicing.rows import locked_invoice
from workflows.commands.billing import PauseDunning
from workflows.core.errors import StateForbids, invalid
from workflows.core.transaction import Transaction
from workflows.languages.formats import money_text
from workflows.languages.texts import gettext
from workflows.store import tables as t
from workflows.store.compiled_statements import next_version

i = t.invoice


def pause_dunning(tx: Transaction, invoice_id: str, command: PauseDunning) -> str:
    """Send no reminders of an invoice up to the end of a day; returns its id.

    What would have come meanwhile comes afterwards, each at its distance from the one before.
    Raises:
        NotAllowed: the actor is neither finance nor an administrator.
        NotFound: there is no such invoice.
        StateForbids: nothing of it is open.
        InvalidInput: the day is over.
    """
    tx.require(*ISSUERS)
    row = locked_invoice(tx, invoice_id)
    _require_open(row)
    if command.until < local_date(tx.now, tx.settings.zone):
        raise invalid(
            "/until",
            gettext("%(until)s is over.", until=command.until),
            gettext("Give today or a later day."),
        )
    until = first_instant_of(command.until + timedelta(days=1), tx.settings.zone)
    _change(tx, invoice_id, until, command.reason)
    tx.audit(SUBJECT, invoice_id, "reminders paused", until=str(command.until), reason=command.reason)
    return invoice_id


def resume_dunning(tx: Transaction, invoice_id: str) -> str:
    """End the pause of an invoice now; returns its id. Raises: NotAllowed; NotFound; StateForbids."""
    tx.require(*ISSUERS)
    row = locked_invoice(tx, invoice_id)
    if row.dunning_paused_until is None or row.dunning_paused_until <= tx.now:
        raise StateForbids(
            gettext("The reminders of %(number)s are not paused.", number=row.number or gettext("a draft")),
            remedy="",
            state=row.state,
        )
    _change(tx, invoice_id, tx.now, None)
    tx.audit(SUBJECT, invoice_id, "reminders resumed")
    return invoice_id


def _change(tx: Transaction, invoice_id: str, until: Any, reason: str | None) -> None:
    tx.change(i, invoice_id, dunning_paused_until=until, dunning_pause_reason=reason, version=next_version(i))


def _require_open(row: Any) -> None:
    if row.kind != "invoice" or row.state != "issued" or not row.open_minor:
        what = gettext("A credit note") if row.kind == "credit_note" else row.number or gettext("A draft")
        nothing = money_text(0, row.currency)
        raise StateForbids(
            gettext("%(what)s gets no reminders: %(nothing)s is open of it.", what=what, nothing=nothing),
            remedy="",
            state=row.state,
        )
