"""API routes of the erasure of customers and of legal holds; they belong to the group of customers."""

from web.api.queries import ListQuery
from web.api.register import customers
from workflows.commands.people import EraseCustomer, SetLegalHold
from workflows.core.transaction import Transaction
from workflows.people import erasing, legal_holds
from workflows.views import Page
from workflows.views.erasures import ErasurePreview, ErasureView, LegalHoldView


@customers.post("/customers/{customer_id}/erasure", conflicts=True)
def erase_customer(tx: Transaction, customer_id: str, command: EraseCustomer) -> ErasureView:
    """Replace for good what identifies a customer, and return the proof; the same again returns it, too.

    For administrators. What stops it is returned all at once, as `stops`, with what to do and from when it is
    possible: a legal hold, the retention of invoices, and what is not finished.
    """
    return erasing.erase_customer(tx, customer_id, command)


@customers.post("/customers/{customer_id}/erasure/preview", reads=True)
def preview_erasure(tx: Transaction, customer_id: str) -> ErasurePreview:
    """Return how many records an erasure would change, and all that stops it. Nothing is saved."""
    return erasing.preview_erasure(tx, customer_id)


@customers.get("/customers/{customer_id}/erasure")
def read_erasure(tx: Transaction, customer_id: str) -> ErasureView:
    """Return the proof that a customer was erased. For administrators."""
    return erasing.read_erasure(tx, customer_id)


@customers.get("/erasures")
def list_erasures(tx: Transaction, query: ListQuery) -> Page[ErasureView]:
    """List the proofs of erased customers, the latest first. For administrators."""
    return erasing.list_erasures(tx, **query.given())


@customers.post("/customers/{customer_id}/legal-hold", conflicts=True)
def set_legal_hold(tx: Transaction, customer_id: str, command: SetLegalHold) -> LegalHoldView:
    """Set a legal hold on a customer: what is held on them stays until it is lifted. For administrators."""
    return legal_holds.set_legal_hold(tx, customer_id, command)


@customers.get("/customers/{customer_id}/legal-hold")
def read_legal_hold(tx: Transaction, customer_id: str) -> LegalHoldView:
    """Return the legal hold of a customer that is in force, else the last one. For administrators."""
    return legal_holds.legal_hold_of(tx, customer_id)


@customers.delete("/customers/{customer_id}/legal-hold")
def lift_legal_hold(tx: Transaction, customer_id: str) -> LegalHoldView:
    """Lift the legal hold of a customer. For administrators."""
    return legal_holds.lift_legal_hold(tx, customer_id)
