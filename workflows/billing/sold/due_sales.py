"""What was sold and is due to be invoiced: drafted on the day after, for each who pays.

Source: product.md section 10.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Row, and_, exists, or_, select

from engine.auto_top_up import AutoTopUpTerms
from engine.invoices import CONTRACT_SOLD
from engine.periods import first_instant_of, local_date
from workflows.billing.invoicing.parties import party_of
from workflows.billing.sold.to_invoice import STATES, draft_sold, write_sold
from workflows.commands.billing import MOST_LINES, DraftSold
from workflows.core.transaction import Transaction
from workflows.lifecycle.contracts.auto_top_up_terms import auto_top_up_terms
from workflows.store import tables as t

s, c, a = t.sold_item, t.contract, t.auto_top_up
IS_STANDING = and_(
    c.c.cancelled_at.is_(None),
    or_(c.c.enabled_at.is_not(None), and_(c.c.payment_due, c.c.paid_at.is_(None))),
)
"""SQL: a contract is not cancelled and does not await being enabled."""
IS_INVOICED_AT_ONCE = c.c.auto_top_up["mode"].as_string().in_(("draft", "issue"))
"""SQL: the terms of a contract draft the invoice of a top-up, or also issue it."""


class DueSales(NamedTuple):
    """Sold items that one pays in one currency, due at an instant (aware UTC)."""

    due_at: datetime
    party: tuple[str, str]
    currency: str
    items: tuple[Row[Any], ...]


def due_sales(tx: Transaction, at: datetime | None = None) -> list[DueSales]:
    """What was sold, is on no invoice and is due by an instant or ever, in the order of the instants.

    It is due on the day after it was sold, or after an invoice let it go. A contract that was cancelled, or
    that awaits being enabled, waits for a person; what was sold with it does not.
    """
    rows = tx.connection.execute(
        select(s, c.c.number.label("contract_number"))
        .outerjoin(c, c.c.id == s.c.contract_id)
        .where(STATES["open"], or_(s.c.kind.not_in(CONTRACT_SOLD), IS_STANDING))
        .order_by(s.c.sold_at, s.c.id)
    )
    found: dict[tuple[datetime, tuple[str, str], str], list[Row[Any]]] = {}
    for row in rows:
        due_at = _next_day(tx, max(row.sold_at, row.released_at or row.sold_at))
        if at is None or due_at <= at:
            found.setdefault((due_at, party_of(row), row.currency), []).append(row)
    return [DueSales(*key, tuple(found[key])) for key in sorted(found)]


def draft_due_sales(tx: Transaction, party: tuple[str, str], items: Sequence[str]) -> list[str]:
    """Write the drafts of sold items of one who pays, in one currency; returns their ids. For the job.

    What is on an invoice meanwhile is left out. Raises: StateForbids; InvalidInput.
    """
    open_now = select(s.c.id).where(s.c.id.in_(items), STATES["open"]).order_by(s.c.sold_at, s.c.id)
    left = list(tx.connection.execute(open_now).scalars())
    kind, party_id = party
    return [
        draft_sold(tx, DraftSold.model_validate({kind: party_id, "sold": left[first : first + MOST_LINES]}))
        for first in range(0, len(left), MOST_LINES)
    ]


def draft_top_up(tx: Transaction, contract_id: str) -> str | None:
    """Write the draft of an automatic top-up that was sold in this transaction; returns its id.

    None where it has no price, or its terms only warn. For the job.
    """
    terms = _terms_of(tx, contract_id)
    if terms is None or terms.mode == "warn":
        return None
    sold = _sold_now(tx, contract_id, "top_up")
    if sold is None:
        return None
    kind, party_id = party_of(sold)
    return draft_sold(tx, DraftSold.model_validate({kind: party_id, "sold": [sold.id]}))


def uninvoiced_top_ups(tx: Transaction, at: datetime) -> list[str]:
    """The sold items of automatic top-ups that the job has to invoice: added when their terms were set.

    One that an invoice let go, or that is left from a day before, is among what is due and waits for people.
    """
    statement = select(s.c.id).where(_is_uninvoiced_top_up(at)).order_by(s.c.id)
    return list(tx.connection.execute(statement).scalars())


def is_issued_at_once(tx: Transaction, contract_id: str) -> bool:
    """Whether the invoice of a contract's automatic top-ups is issued by the job, not only drafted."""
    terms = _terms_of(tx, contract_id)
    return terms is not None and terms.mode == "issue"


def _terms_of(tx: Transaction, contract_id: str) -> AutoTopUpTerms | None:
    return auto_top_up_terms(tx.connection.execute(select(c).where(c.c.id == contract_id)).one())


def draft_uninvoiced_top_up(tx: Transaction, sold_id: str) -> str | None:
    """Write the draft of one of these; returns its id if it is to be issued, else None. For the job."""
    statement = select(s).where(s.c.id == sold_id, _is_uninvoiced_top_up(tx.now))
    sold = tx.connection.execute(statement).one_or_none()
    if sold is None:
        return None
    kind, party_id = party_of(sold)
    draft = draft_sold(tx, DraftSold.model_validate({kind: party_id, "sold": [sold.id]}))
    return draft if is_issued_at_once(tx, sold.contract_id) else None


def _is_uninvoiced_top_up(at: datetime) -> ColumnElement[bool]:
    is_its_sale = or_(a.c.grant_id == s.c.grant_id, a.c.id == s.c.top_up_id)
    nobody_decided = and_(a.c.grants_opened.is_not(None), a.c.decided_at.is_(None), a.c.reason.is_(None))
    added = (
        select(a.c.id)
        .join(c, c.c.id == a.c.contract_id)
        .where(is_its_sale, nobody_decided, a.c.state.in_(("issued", "draft")), IS_INVOICED_AT_ONCE)
    )
    recent = and_(s.c.sold_at > at - timedelta(days=1), s.c.sold_at <= at)
    return and_(s.c.kind == "top_up", s.c.released_at.is_(None), STATES["open"], recent, exists(added))


def draft_order(tx: Transaction, contract_id: str, kind: str) -> str | None:
    """Write the draft of what a customer has ordered in this transaction; returns its id.

    `kind` is that of the sold item, of the contract. None where drafts are written by hand, or a top-up is
    sold only once someone has confirmed it.
    """
    if not (tx.settings.invoicing and tx.settings.draft_sold_items):
        return None
    sold = _sold_now(tx, contract_id, kind)
    if sold is None:
        return None
    party = party_of(sold)
    return write_sold(tx, party, DraftSold.model_validate({party[0]: party[1], "sold": [sold.id]}))


def _sold_now(tx: Transaction, contract_id: str, kind: str) -> Row[Any] | None:
    """What was sold last of a contract in this transaction, and is on no invoice."""
    return tx.connection.execute(
        select(s)
        .where(s.c.contract_id == contract_id, s.c.kind == kind, s.c.sold_at == tx.now, STATES["open"])
        .order_by(s.c.id.desc())
        .limit(1)
    ).one_or_none()


def _next_day(tx: Transaction, at: datetime) -> datetime:
    zone = tx.settings.zone
    return first_instant_of(local_date(at, zone) + timedelta(days=1), zone)
