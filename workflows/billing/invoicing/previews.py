"""What an action on an invoice would leave, or write: the use case itself runs, and is rolled back."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn

from workflows.billing.invoicing.queries import read_invoice
from workflows.core.actors import Actor
from workflows.core.desk import Desk
from workflows.core.transaction import Transaction
from workflows.views.billing import InvoiceDetail


@dataclass(frozen=True, slots=True)
class InvoicePreview:
    """The invoice as it would be, and the credit note that would be written last, if there is one."""

    after: InvoiceDetail
    credit_note: InvoiceDetail | None


def preview_invoice(
    desk: Desk, actor: Actor, invoice_id: str, use_case: Callable[[Transaction], object]
) -> InvoicePreview:
    """The invoice after a use case; everything is rolled back, its number included.

    Raises: whatever the use case raises.
    """

    def act(tx: Transaction) -> NoReturn:
        known = {one.id for one in read_invoice(tx, invoice_id).credit_notes}
        use_case(tx)
        after = read_invoice(tx, invoice_id)
        new = [one.id for one in after.credit_notes if one.id not in known]
        raise _RolledBack(InvoicePreview(after, read_invoice(tx, new[-1]) if new else None))

    try:
        desk.perform(actor, act)
    except _RolledBack as rolled_back:
        return rolled_back.preview
    raise AssertionError("unreachable")


def preview_draft(desk: Desk, actor: Actor, use_case: Callable[[Transaction], str]) -> InvoiceDetail:
    """The draft that a use case would write or extend, by the id that it returns; everything is rolled back.

    Raises: whatever the use case raises.
    """

    def act(tx: Transaction) -> NoReturn:
        raise _RolledBack(InvoicePreview(read_invoice(tx, use_case(tx)), None))

    try:
        desk.perform(actor, act)
    except _RolledBack as rolled_back:
        return rolled_back.preview.after
    raise AssertionError("unreachable")


class _RolledBack(Exception):
    """Rolls the transaction back and carries the preview out of it."""

    def __init__(self, preview: InvoicePreview) -> None:
        self.preview = preview
