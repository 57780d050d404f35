"""Legal holds: what is held on a customer stays until they are lifted. Source: product.md section 15."""

from typing import Any

from sqlalchemy import Row, select

from workflows.commands.people import SetLegalHold
from workflows.core.erased import refuse_erased
from workflows.core.errors import Conflict, NotFound
from workflows.core.transaction import Transaction
from workflows.languages.texts import gettext
from workflows.register.records import locked
from workflows.store import tables as t
from workflows.store.ids import new_id
from workflows.views.erasures import LegalHoldView

h = t.legal_hold


def set_legal_hold(tx: Transaction, customer_id: str, command: SetLegalHold) -> LegalHoldView:
    """Set a legal hold on a customer; the same one again changes nothing.

    Raises: NotAllowed unless the actor is an administrator; NotFound; CustomerErased; Conflict where there is
    one for another reason.
    """
    tx.require("administrator")
    row = locked(tx, t.customer, customer_id, None)
    refuse_erased(row.erased_at)
    held = _in_force(tx, customer_id)
    if held is not None and held.reason != command.reason:
        raise Conflict(
            gettext("There is a legal hold already (%(reason)s).", reason=held.reason),
            remedy=gettext("Lift it first."),
        )
    if held is None:
        values = {"reason": command.reason, "set_at": tx.now, "set_by": tx.actor.name}
        tx.add(h, id=new_id(), customer_id=customer_id, **values)
        tx.audit("customer", customer_id, "legal hold set", reason=command.reason)
    return legal_hold_of(tx, customer_id)


def lift_legal_hold(tx: Transaction, customer_id: str) -> LegalHoldView:
    """Lift the legal hold of a customer; once it is lifted, again changes nothing.

    Raises: NotAllowed unless the actor is an administrator; NotFound if there was none.
    """
    tx.require("administrator")
    locked(tx, t.customer, customer_id, None)
    held = _in_force(tx, customer_id)
    if held is not None:
        tx.change(h, held.id, lifted_at=tx.now, lifted_by=tx.actor.name)
        tx.audit("customer", customer_id, "legal hold lifted", reason=held.reason)
    return legal_hold_of(tx, customer_id)


def legal_hold_of(tx: Transaction, customer_id: str) -> LegalHoldView:
    """The legal hold of a customer that is in force, else the last one. Raises: NotAllowed; NotFound."""
    found = find_legal_hold(tx, customer_id)
    if found is None:
        raise NotFound(gettext("There is no legal hold on this customer."))
    return found


def find_legal_hold(tx: Transaction, customer_id: str) -> LegalHoldView | None:
    """As `legal_hold_of`, None if there was none. Raises: NotAllowed unless the actor is an administrator."""
    tx.require("administrator")
    latest = (
        select(h)
        .where(h.c.customer_id == customer_id)
        .order_by(h.c.lifted_at.is_(None).desc(), h.c.id.desc())
    )
    row = tx.connection.execute(latest.limit(1)).one_or_none()
    return _view(row) if row is not None else None


def _in_force(tx: Transaction, customer_id: str) -> Row[Any] | None:
    wanted = select(h).where(h.c.customer_id == customer_id, h.c.lifted_at.is_(None))
    return tx.connection.execute(wanted).one_or_none()


def _view(row: Row[Any]) -> LegalHoldView:
    return LegalHoldView(
        id=row.id,
        customer=row.customer_id,
        reason=row.reason,
        set_at=row.set_at,
        set_by=row.set_by,
        lifted_at=row.lifted_at,
        lifted_by=row.lifted_by,
    )
