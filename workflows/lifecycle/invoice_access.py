"""Which invoices an actor may see: all views, and what else names an invoice, decide it here.

Technicians see no prices and no invoices. Customers see their own that are issued, or were voided after that.
Source: product.md section 2.
"""

from sqlalchemy import ColumnElement, and_, or_, true

from workflows.core.actors import OFFICE
from workflows.core.transaction import Transaction
from workflows.register.records import own_org_units
from workflows.store import tables as t

i = t.invoice
READERS = (*OFFICE, "customer")


def visible_invoices(tx: Transaction) -> ColumnElement[bool]:
    """SQL: the invoices that the actor may see. Raises: NotAllowed for technicians.

    Customers see what was issued to them, and to their org units and all above if the setting allows it.
    """
    tx.require(*READERS)
    if tx.actor.is_staff:
        return true()
    own = i.c.customer_id == tx.actor.customer
    if tx.settings.customers_see_org_unit:
        own = or_(own, i.c.org_unit_id.in_(own_org_units(tx.actor.customer)))
    return and_(i.c.number.is_not(None), own)
