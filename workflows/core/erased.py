"""Customers who were erased: nothing new is recorded, sold or mailed. Source: product.md section 15."""

from datetime import datetime

from sqlalchemy import bindparam, select

from workflows.core.errors import StateForbids
from workflows.core.transaction import Transaction
from workflows.languages.texts import gettext
from workflows.store import tables as t
from workflows.store.column_types import Id
from workflows.store.compiled_statements import Prepared


class CustomerErased(StateForbids):
    """The customer has been erased: what is held stays as it is, and nothing is added."""

    code = "customer-erased"


def require_not_erased(tx: Transaction, customer_id: str | None) -> None:
    """Check that a customer is not erased; who is none, or does not exist, is not.

    Where the transaction writes, nobody can erase them until it ends. Raises: CustomerErased.
    """
    if customer_id is not None:
        found = (_SHARED if tx.writes else _READ).first(tx.connection, {"id": customer_id})
        refuse_erased(found.erased_at if found is not None else None)


def is_erased(tx: Transaction, customer_id: str | None) -> bool:
    """Whether a customer is erased; who is none, or does not exist, is not."""
    found = _READ.first(tx.connection, {"id": customer_id}) if customer_id is not None else None
    return found is not None and found.erased_at is not None


def require_holder_not_erased(tx: Transaction, kind: str, holder_id: str) -> None:
    """Check that who holds a contract, or owns the item or the request that does, is not erased.

    Raises: CustomerErased.
    """
    if kind == "customer":
        require_not_erased(tx, holder_id)
    elif kind in _OWNERS:
        found = _OWNERS[kind].first(tx.connection, {"id": holder_id})
        require_not_erased(tx, found.customer_id if found is not None else None)


def refuse_erased(erased_at: datetime | None) -> None:
    """Raise CustomerErased for a customer with an instant at which they were erased."""
    if erased_at is not None:
        raise CustomerErased(
            gettext("This customer has been erased."),
            remedy=gettext("Nothing can be added or changed: use another customer."),
            state="erased",
        )


_ERASED_AT = select(t.customer.c.erased_at).where(t.customer.c.id == bindparam("id", type_=Id, required=True))
_READ = Prepared(_ERASED_AT)
_SHARED = Prepared(_ERASED_AT.with_for_update(read=True, key_share=True))
_OWNERS = {
    "item": Prepared(
        select(t.item.c.owner_customer_id.label("customer_id")).where(
            t.item.c.id == bindparam("id", type_=Id, required=True)
        )
    ),
    "service_request": Prepared(
        select(t.service_request.c.customer_id).where(
            t.service_request.c.id == bindparam("id", type_=Id, required=True)
        )
    ),
}
