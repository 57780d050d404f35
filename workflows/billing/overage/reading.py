"""Time to be billed that is not charged yet: each piece of work with its price, who pays, and when it is due.

A piece is an allocation of minutes to be billed. It is charged once its entry is approved, nothing of it was
logged beyond what the customer has approved, and no dispute about it is open; a charge is taken back once its
allocation is reversed. Source: product.md sections 7 (Bill, Asking before more is spent) and 10 (Dispute).
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, and_, bindparam, case, exists, literal, or_, select

from engine.accounting_periods import end_of_month, month_of
from engine.overage import OverageCharge, OverageLine, charge_piece, overage_rate, without_waived
from engine.periods import local_date
from engine.quantities import Money
from workflows.charging.held_terms import overage_rates
from workflows.core.transaction import Transaction
from workflows.lifecycle.contracts.amendments import amendments_of, has_other_terms, row_as_of
from workflows.lifecycle.contracts.charged_entry import segments_of
from workflows.lifecycle.open_disputes import entry_is_disputed, last_decided
from workflows.reports.overview import is_uncovered
from workflows.reports.parties import during, holder_spans, in_parts
from workflows.store import tables as t
from workflows.store.column_types import Instant, text_constant

a, c, e, r = t.work_allocation, t.contract, t.work_entry, t.service_request
s, charge, posted = t.sold_item, t.overage_charge, t.ledger_transaction
Party = tuple[str, str]
NOTHING_LEFT = "Nothing is left to be billed: the work was corrected"
"""Why an item is waived whose amount went to what else was owed: it has been paid for, unlike others."""


class Uncharged(NamedTuple):
    """A piece of work to be charged, or a charge to be taken back, of what was worked at an instant.

    `party` pays: kind and id. It is due with the first month that ends after it was worked and recorded, and
    after a dispute about it was decided, but at once where a line that is not issued yet bills the same.
    `charge` is None where nothing says what an hour costs.
    """

    party: Party
    due_at: datetime
    known_at: datetime
    worked_at: datetime
    contract: str
    minutes: int
    charge: OverageCharge | None


def read_uncharged(
    tx: Transaction,
    *,
    before: datetime | None = None,
    party: Party | None = None,
    with_waived: bool = False,
) -> list[Uncharged]:
    """What is not charged yet, worked before an instant (aware UTC), of one who pays or of all.

    In the order of the instants worked. What only takes back waived time is left out, unless it is to be
    written down too (`with_waived`).
    """
    bounded, given = before is not None, {"before": before} if before is not None else {}
    new = tx.connection.execute(_new(bounded), given).all()
    back = tx.connection.execute(_to_take_back(bounded), given).all()
    prices = _Prices(tx, [row for row in new if _party(row) is not None])
    found = [*(prices.piece(row) for row in prices.rows), *(_taken_back(tx, row) for row in back)]
    wanted = [one for one in found if party is None or one.party == party]
    if not with_waived and any(one.charge and one.charge.was_waived for one in wanted):
        paid = set(without_waived(one.charge for one in wanted if one.charge is not None)[0])
        wanted = [one for one in wanted if one.charge is None or one.charge in paid]
    if wanted:
        unissued = unissued_items(tx, party)
        wanted = [
            one._replace(due_at=one.known_at) if one.charge and one.charge.line in unissued else one
            for one in wanted
        ]
    return sorted(wanted, key=lambda one: (one.worked_at, one.due_at))


def unissued_items(tx: Transaction, party: Party | None = None) -> dict[OverageLine, Any]:
    """The items of time to be billed that no issued invoice has and that are not waived, by what they bill.

    Each has the columns of its sold item and of `overage_item`.
    """
    wanted = _unissued() if party is None else _unissued().where(is_paid_by(s, party))
    rows = tx.connection.execute(wanted)
    return {OverageLine(row.contract_id, row.month, row.rate_minor, row.currency): row for row in rows}


@cache
def _unissued() -> Select[Any]:
    item, i = t.overage_item, t.invoice
    return (
        select(s, item.c.month, item.c.billing_month, item.c.rate_minor)
        .join(item, item.c.sold_item_id == s.c.id)
        .outerjoin(i, i.c.id == s.c.invoice_id)
        .where(s.c.kind == "overage", s.c.waived_at.is_(None), or_(i.c.id.is_(None), i.c.state == "draft"))
        .order_by(s.c.id)
    )


def is_paid_by(table: Any, party: Party) -> ColumnElement[bool]:
    """SQL: a row with `customer_id` and `org_unit_id` is to be paid by a party."""
    kind, party_id = party
    paying: ColumnElement[bool] = (
        table.c.customer_id if kind == "customer" else table.c.org_unit_id
    ) == party_id
    return paying


@cache
def _new(bounded: bool) -> Select[Any]:
    """SQL: the pieces that are not charged, with the entry's terms and the holder of the contract then.

    If it is bounded, those worked before the parameter `before`. Built once: it takes as long as 40 queries.
    """
    spans = holder_spans().subquery("spans")
    is_charged = exists(
        select(charge.c.id).where(charge.c.allocation_id == a.c.id, charge.c.takes_back_id.is_(None))
    )
    known_at = case((e.c.decided_at > posted.c.recorded_at, e.c.decided_at), else_=posted.c.recorded_at)
    return (
        select(
            a.c.id,
            a.c.work_entry_id,
            a.c.contract_id,
            a.c.minutes,
            a.c.effective_at,
            known_at.label("known_at"),
            last_decided(t.dispute.c.work_entry_id, e.c.id).label("undisputed_at"),
            e.c.started_at,
            e.c.ended_at,
            e.c.worked_minutes,
            e.c.chargeable_minutes,
            e.c.charge_why,
            e.c.billable,
            e.c.segments,
            spans.c.party,
        )
        .join(e, e.c.id == a.c.work_entry_id)
        .join(posted, posted.c.id == a.c.transaction_id)
        .join(spans, and_(spans.c.contract_id == a.c.contract_id, during(spans, a.c.effective_at)))
        .where(_is_overage(), ~is_charged)
        .where(e.c.state == text_constant("approved"), e.c.deleted_at.is_(None))
        .where(e.c.unapproved_minutes.is_(None))
        .where(~entry_is_disputed(e.c.id), *_worked_before(bounded))
        .order_by(a.c.effective_at, a.c.id)
    )


def _worked_before(bounded: bool) -> list[ColumnElement[bool]]:
    return [a.c.effective_at < bindparam("before", type_=Instant)] if bounded else []


def _is_overage() -> ColumnElement[bool]:
    return and_(is_uncovered(), a.c.kind == text_constant("overage"))


@cache
def _to_take_back(bounded: bool) -> Select[Any]:
    """SQL: the charges whose piece no longer is, with who was to pay them; bounded as `_new`."""
    back = t.overage_charge.alias("back")
    return (
        select(
            charge,
            a.c.effective_at,
            a.c.reversed_at.label("known_at"),
            s.c.customer_id,
            s.c.org_unit_id,
            s.c.currency,
            and_(s.c.waived_at.is_not(None), s.c.waive_reason != NOTHING_LEFT).label("was_waived"),
        )
        .join(a, a.c.id == charge.c.allocation_id)
        .join(s, s.c.id == charge.c.sold_item_id)
        .where(charge.c.takes_back_id.is_(None), a.c.reversed_at.is_not(None))
        .where(~exists(select(literal(1)).where(back.c.takes_back_id == charge.c.id)))
        .where(*_worked_before(bounded))
        .order_by(a.c.effective_at, charge.c.id)
    )


def _party(row: Any) -> Party | None:
    """Who pays by a party of the reports; None for an item without an owner."""
    kind, _, party_id = row.party.partition(":")
    return (kind, party_id) if kind in ("customer", "org_unit") else None


def _month_end(tx: Transaction, at: datetime) -> datetime:
    """The end (aware UTC, exclusive) of the month of an instant, in the provider's time zone."""
    zone = tx.settings.zone
    return end_of_month(local_date(at, zone).replace(day=1), zone)


def _taken_back(tx: Transaction, row: Any) -> Uncharged:
    party = ("customer", row.customer_id) if row.customer_id is not None else ("org_unit", row.org_unit_id)
    first = charged(row, row.currency)
    back = first._replace(
        minutes=-first.minutes,
        amount_minor=-first.amount_minor,
        takes_back=row.id,
        charged_on=row.sold_item_id,
        was_waived=bool(row.was_waived),
    )
    known_at = max(row.effective_at, row.known_at)
    return Uncharged(
        party, _month_end(tx, known_at), known_at, row.effective_at, row.contract_id, back.minutes, back
    )


def charged(row: Any, currency: str) -> OverageCharge:
    """A row of `overage_charge` as the engine's value."""
    found = charge_piece(
        row.allocation_id,
        row.work_entry_id,
        contract=row.contract_id,
        month=row.month,
        minutes=row.minutes,
        rate=Money(row.rate_minor, currency),
    )
    return found._replace(
        amount_minor=row.amount_minor, takes_back=row.takes_back_id, charged_on=row.sold_item_id
    )


class _Prices:
    """What an hour of each piece costs: as its contract said at the instant worked, else the settings then.

    A rate card says it only where neither did, and the settings of today where nothing else does.
    """

    def __init__(self, tx: Transaction, rows: Sequence[Any]) -> None:
        self._tx, self.rows = tx, rows
        self._contracts = _contracts(tx, {row.contract_id for row in rows})
        changed = {
            row.contract_id for row in rows if has_other_terms(self._row(row.contract_id), row.effective_at)
        }
        self._amendments = amendments_of(tx, changed) if changed else {}
        self._settings = overage_rates(tx)

    def _row(self, contract_id: str) -> Any:
        return self._contracts[contract_id]

    def piece(self, row: Any) -> Uncharged:
        zone = self._tx.settings.zone
        held, today = self._settings.at(row.effective_at), self._settings.today
        rate = overage_rate(self._of_contract(row), self._money(held), _of_rate_card(row), self._money(today))
        made = None
        if rate is not None:
            made = charge_piece(
                row.id,
                row.work_entry_id,
                contract=row.contract_id,
                month=month_of(local_date(row.effective_at, zone)),
                minutes=row.minutes,
                rate=rate,
            )
        known_at = max(row.effective_at, row.known_at, row.undisputed_at or row.known_at)
        due_at, party = _month_end(self._tx, known_at), _party(row)
        assert party is not None
        return Uncharged(party, due_at, known_at, row.effective_at, row.contract_id, row.minutes, made)

    def _money(self, minor: int | None) -> Money | None:
        return Money(minor, self._tx.settings.currency) if minor else None

    def _of_contract(self, row: Any) -> Money | None:
        contract = self._row(row.contract_id)
        if has_other_terms(contract, row.effective_at):
            contract = row_as_of(contract, self._amendments.get(row.contract_id, []), row.effective_at)
        if not contract.overage_rate_minor:
            return None
        return Money(contract.overage_rate_minor, contract.currency or self._tx.settings.currency)


def _of_rate_card(row: Any) -> Money | None:
    """The price by the rate card of the segment in which a piece was worked."""
    began = [one for one in segments_of(row) if one.start <= row.effective_at]
    if not began or began[-1].rate_minor is None or began[-1].currency is None:
        return None
    return Money(began[-1].rate_minor, began[-1].currency)


def _contracts(tx: Transaction, ids: Iterable[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for part in in_parts(ids):
        found |= {row.id: row for row in tx.connection.execute(select(c).where(c.c.id.in_(part)))}
    return found
