"""The lines of invoices that sold contracts: their sale or renewal, and their top-ups.

Source: product.md section 5 ("the invoice line that sold it").
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from sqlalchemy import select

from engine.invoices import CONTRACT_SOLD
from workflows.core.transaction import Transaction
from workflows.lifecycle.invoice_access import READERS, visible_invoices
from workflows.store import tables as t
from workflows.views.contracts import SoldLineView

s, i, line = t.sold_item.c, t.invoice.c, t.invoice_line.c


def lines_that_sold(tx: Transaction, contract_ids: Sequence[str]) -> Mapping[str, list[SoldLineView]]:
    """The lines by the contract's id, the oldest sale first: only of invoices that the actor may see.

    A line of an invoice that was credited stays, one of a draft that was voided does not.
    """
    if not contract_ids or tx.actor.role not in READERS:
        return {}
    rows = tx.connection.execute(
        select(
            s.contract_id, s.kind, s.grant_id, i.id, i.number, i.state, line.id.label("line"), line.position
        )
        .join(t.invoice_line, line.sold_item_id == s.id)
        .join(t.invoice, i.id == line.invoice_id)
        .where(s.contract_id.in_(contract_ids), s.kind.in_(CONTRACT_SOLD), i.state != "void")
        .where(visible_invoices(tx))
        .order_by(s.sold_at, s.id, i.created_at, i.id, line.position)
    )
    found: defaultdict[str, list[SoldLineView]] = defaultdict(list)
    for row in rows:
        one = SoldLineView(row.kind, row.grant_id, row.id, row.number, row.state, row.line, row.position + 1)
        found[row.contract_id].append(one)
    return found
