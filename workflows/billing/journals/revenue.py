"""Revenue of what was sold: how much of each sold item is recognized as of an instant, and how it is posted.

What an invoice sells is deferred, in an account of the sold item. How much of it is revenue follows from the
contract's period and from the postings of its grants, so it is right as of any instant in the open accounting
period without a posting. A line by hand whose days of service are not over is deferred in an account of its
own, and follows those days. Closing a period posts it, as of its last instant; reopening takes that back.
Source: product.md section 10 (Journals).
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from fractions import Fraction
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Row, Select, and_, bindparam, case, func, literal_column, or_, select

from engine.contracts import OVER_STATES, dated_state
from engine.invoices import CONTRACT_SOLD
from engine.journals import recognition_journal
from engine.ledger import Kind, LedgerTransaction, mirrored
from engine.periods import local_date
from engine.recognition import MICROSECOND, first_unused_day, recognized_minor, share_by_days
from engine.revenue import Delivery
from workflows.core.transaction import Transaction
from workflows.ledger.journal import read_transactions, record
from workflows.lifecycle.contracts.amendments import rows_as_of
from workflows.lifecycle.contracts.rows import contract_value, lock_contracts
from workflows.store import tables as t
from workflows.store.column_types import Id, Instant
from workflows.store.compiled_statements import Prepared
from workflows.store.id_lists import among, id_list

BATCH = 500
RECOGNITION = ("recognize", "breakage")
s, c, g = t.sold_item, t.contract, t.contract_grant
entry, leg = t.ledger_transaction, t.ledger_posting


@dataclass(frozen=True, slots=True)
class Deferral:
    """What was invoiced of an item, less what was credited, and how much of it is revenue by an instant.

    An item is something sold of a `contract`, a period of a recurring sale, or a line of an `invoice` that
    was written by hand.
    Amounts are minor units of `currency`; `posted_minor` is what the ledger has of `recognized_minor`, and
    `posted_breakage_minor` of `breakage_minor`: the part of it that was not used.
    """

    item: str
    contract: str | None
    recurring_sale: str | None
    invoice: str | None
    currency: str
    price_minor: int
    recognized_minor: int
    posted_minor: int
    breakage_minor: int = 0
    posted_breakage_minor: int = 0

    @property
    def due_minor(self) -> int:
        """What is still to be posted as revenue; below zero, what is to be taken back."""
        return self.recognized_minor - self.posted_minor

    @property
    def to_post(self) -> dict[Kind, int]:
        """What is still to be posted, by kind: together `due_minor`."""
        breakage = self.breakage_minor - self.posted_breakage_minor
        found: dict[Kind, int] = {"recognize": self.due_minor - breakage, "breakage": breakage}
        return {kind: amount for kind, amount in found.items() if amount}

    @property
    def deferred_minor(self) -> int:
        """What is still to be delivered."""
        return self.price_minor - self.recognized_minor

    def as_posted(self) -> "Deferral":
        """The same with what the ledger has as what is recognized: a closed period stays as it was closed."""
        return replace(self, recognized_minor=self.posted_minor, breakage_minor=self.posted_breakage_minor)


def deferrals(
    tx: Transaction,
    until: datetime,
    *,
    contract_id: str | None = None,
    sold_item_id: str | None = None,
    delivered_until: datetime | None = None,
) -> Iterator[Deferral]:
    """Each item that was invoiced before an instant (aware UTC), with its revenue by then.

    With `delivered_until`, only what was delivered before that instant is revenue. Sold items come first, all
    or those of a contract, or one; then, after all, lines by hand; each by their ids, read in batches.
    """
    after = ""
    given = {"contract_id": contract_id} if contract_id is not None else {"id": sold_item_id}
    given = {name: value for name, value in given.items() if value is not None}
    batch = _batch_of_items(next(iter(given), None))
    while rows := batch.all(tx.connection, {"after": after, **given}):
        ids = {"ids": id_list([row.id for row in rows], is_sqlite=tx.is_sqlite), "until": until}
        posted = {
            row.owner: row for row in _posted(tx.is_sqlite).all(tx.connection, ids) if row.owner is not None
        }
        invoiced = [row for row in rows if row.id in posted]
        shares = _deliveries(tx, invoiced, delivered_until or until)
        for row in invoiced:
            sums = posted[row.id]
            price = -int(sums.sold)
            delivery, day = shares[row.id]
            recognized = recognized_minor(price, delivery.share(day))
            used = delivery.used_minor(price + int(sums.credited), recognized, day)
            yield Deferral(
                item=row.id,
                contract=row.contract_id,
                recurring_sale=row.recurring_sale_id,
                invoice=None,
                currency=row.currency,
                price_minor=price,
                recognized_minor=recognized,
                posted_minor=int(sums.recognized),
                breakage_minor=recognized - used,
                posted_breakage_minor=int(sums.breakage),
            )
        after = rows[-1].id
    if not given:
        yield from line_deferrals(tx, until)


def line_deferrals(
    tx: Transaction, until: datetime, lines: Sequence[str] | None = None
) -> Iterator[Deferral]:
    """Each line by hand, or of some by their ids, that was deferred before an instant (aware UTC)."""
    after, zone = "", tx.settings.zone
    day = first_unused_day(until, zone)
    while rows := tx.connection.execute(_next_lines(after, lines)).all():
        ids = {"ids": id_list([row.id for row in rows], is_sqlite=tx.is_sqlite), "until": until}
        posted = {row.owner: row for row in _posted(tx.is_sqlite).all(tx.connection, ids)}
        for row in rows:
            if row.id in posted:
                price = -int(posted[row.id].sold)
                share = share_by_days(row.service_from, end_of_service(row), gone_by_until=day)
                yield Deferral(
                    item=row.id,
                    contract=None,
                    recurring_sale=None,
                    invoice=row.invoice_id,
                    currency=row.currency,
                    price_minor=price,
                    recognized_minor=recognized_minor(price, share),
                    posted_minor=int(posted[row.id].recognized),
                )
        after = rows[-1].id


def end_of_service(row: Any) -> date:
    """The exclusive end of a line's days of service: `service_to` is inclusive, and may be left out."""
    last_day: date = row.service_to or row.service_from
    return last_day + timedelta(days=1)


def releasable_minor(tx: Transaction, contract_id: str) -> dict[str, int]:
    """What a credit note can take back of each sold item before it takes back revenue, in minor units.

    That is what is still to be delivered now; of a cancelled contract what was at its end, as far as closing
    a month has not posted it as breakage since.
    """
    now = tx.now + MICROSECOND
    ended_at = tx.connection.execute(select(c.c.cancelled_at).where(c.c.id == contract_id)).scalar_one()
    if ended_at is None or ended_at >= now:
        return {one.item: one.deferred_minor for one in deferrals(tx, now, contract_id=contract_id)}
    return {
        one.item: min(one.deferred_minor, one.price_minor - one.posted_minor)
        for one in deferrals(tx, now, contract_id=contract_id, delivered_until=ended_at)
    }


def delivered_shares(
    tx: Transaction, items: Sequence[Row[Any]], ended_at: datetime
) -> dict[str, tuple[Fraction, date | None]]:
    """How much of sold items (their rows) was delivered before an instant (aware UTC): 0 to 1, by their ids.

    What submitted work still holds counts as delivered. The day is the first one left unused, None where
    days do not count.
    """
    found = _deliveries(tx, items, ended_at, with_held=True)
    return {
        sold_item: (one.share(day), day if one.days is not None and not one.is_over else None)
        for sold_item, (one, day) in found.items()
    }


def is_deferred() -> ColumnElement[bool]:
    """SQL: what a sold item sells is delivered over time; anything else is revenue when it is invoiced."""
    return s.c.kind.in_([literal_column(f"'{kind}'") for kind in (*CONTRACT_SOLD, "recurring")])


def recognize_revenue(tx: Transaction, month: str, ends_at: datetime) -> int:
    """Post the revenue of everything sold by the end of a month (YYYY-MM), as of its last instant.

    Returns how many transactions were posted.
    """
    count = 0
    for one in deferrals(tx, ends_at):
        for kind, amount in one.to_post.items():
            record(
                tx,
                LedgerTransaction(
                    kind,
                    ends_at - MICROSECOND,
                    recognition_journal(one.item, one.currency, amount),
                    f"accounting_period:{month}",
                    f"Revenue of {month}",
                ),
                contract_id=one.contract,
            )
            count += 1
    return count


def lock_deferring_contracts(tx: Transaction) -> None:
    """Lock the contracts of all sold items, before the ledger, in the order of all locks."""
    ids = (
        select(s.c.contract_id)
        .where(is_deferred(), s.c.contract_id.is_not(None))
        .distinct()
        .order_by(s.c.contract_id)
    )
    found = tx.connection.execute(ids).scalars().all()
    if found:
        lock_contracts(tx, found)


def take_back_revenue(tx: Transaction, month: str) -> int:
    """Take back what closing a month (YYYY-MM) had posted, when it is opened again. Returns how many."""
    taken_back = select(entry.c.reverses_id).where(entry.c.reverses_id.is_not(None))
    ids = tx.connection.execute(
        select(entry.c.id)
        .where(
            entry.c.kind.in_(RECOGNITION),
            entry.c.cause == f"accounting_period:{month}",
            entry.c.reverses_id.is_(None),
            entry.c.id.not_in(taken_back),
        )
        .order_by(entry.c.contract_id, entry.c.sequence)
    ).scalars()
    posted = read_transactions(tx, list(ids))
    for transaction_id, one in posted.items():
        record(
            tx,
            LedgerTransaction(
                one.entry.kind,
                one.entry.effective_at,
                mirrored(one.entry.postings),
                one.entry.cause,
                f"{month} was opened again",
                key=f"reverse:{transaction_id}",
                reverses=transaction_id,
            ),
            contract_id=one.contract_id,
        )
    return len(posted)


# ------------------------------------------------------------------ what was delivered


def _deliveries(
    tx: Transaction, items: Sequence[Row[Any]], until: datetime, *, with_held: bool = False
) -> dict[str, tuple[Delivery, date]]:
    """The delivery of each sold item by an instant, with the first local day that has not gone by."""
    at = until - MICROSECOND
    periods = {row.id: _delivery_of_period(tx, row, at) for row in items if row.service_from is not None}
    items = [row for row in items if row.id not in periods]
    contract_ids = sorted({row.contract_id for row in items})
    if not contract_ids:
        return periods
    ids = {"ids": id_list(contract_ids, is_sqlite=tx.is_sqlite)}
    contracts = {row.id: row for row in rows_as_of(tx, _contracts(tx.is_sqlite).all(tx.connection, ids), at)}
    grants: dict[str, list[Any]] = defaultdict(list)
    for row in _grants(tx.is_sqlite).all(tx.connection, ids):
        grants[row.contract_id].append(row)
    drawn = {
        row.owner: _Drawn(int(row.used or 0), int(row.expired or 0), int(row.withdrawn or 0))
        for row in _drawn(tx.is_sqlite).all(tx.connection, {**ids, "until": until})
    }
    for row in (one for found in grants.values() for one in found if one.held):
        before, held = drawn.get(row.id, NOTHING_DRAWN), int(row.held)
        drawn[row.id] = before._replace(used=before.used + held) if with_held else before._replace(held=held)
    return periods | {
        item.id: _delivery(tx, item, contracts[item.contract_id], grants[item.contract_id], drawn, at)
        for item in items
    }


def _delivery_of_period(tx: Transaction, item: Any, at: datetime) -> tuple[Delivery, date]:
    """The delivery of a period of a recurring sale: by the days that have gone by."""
    day = first_unused_day(at + MICROSECOND, tx.settings.zone)
    return Delivery((item.service_from, item.service_until), 0, 0, is_over=False), day


def _delivery(
    tx: Transaction,
    item: Any,
    row: Any,
    grants: Sequence[Any],
    drawn: dict[str, "_Drawn"],
    at: datetime,
) -> tuple[Delivery, date]:
    contract = contract_value(row)
    state = dated_state(contract, at).state
    awaits_grant = item.kind == "top_up" and item.grant_id is None
    until = at + MICROSECOND
    day = first_unused_day(until, contract.zone)
    its_own = [one for one in grants if _is_of(one, item)] if not awaits_grant else []
    of_sale = [one for one in its_own if one.rest_of_id is None]
    purchased = sum(one.quantity - drawn.get(one.id, NOTHING_DRAWN).withdrawn for one in of_sale)
    used = sum(drawn.get(one.id, NOTHING_DRAWN).used for one in its_own)
    expired = sum(_expired(row, one, drawn.get(one.id, NOTHING_DRAWN), until) for one in its_own)
    # what ends at the very instant is over by then: the unused hours of March are revenue of March
    has_ended = state in OVER_STATES or (contract.expires_at is not None and contract.expires_at <= until)
    is_over = has_ended or (item.grant_id is not None and any(_has_ended(one, until) for one in its_own))
    days, ended_on = None, None
    ended_at = contract.window.until
    if has_ended and ended_at is not None:
        # its days count as used as far as it had begun; that of its end counts
        ended_on = first_unused_day(ended_at, contract.zone)
        state = dated_state(contract, ended_at - MICROSECOND).state
    if (
        state == "active"
        and not awaits_grant
        and _is_by_days(tx, row, item)
        and contract.expires_at is not None
    ):
        days = (local_date(contract.starts_at, contract.zone), local_date(contract.expires_at, contract.zone))
    return Delivery(days, max(purchased, 0), used + expired, is_over, expired, ended_on), day


class _Drawn(NamedTuple):
    """What became of a grant, in its unit: drawn, expired unused, withdrawn; `held` is not drawn yet."""

    used: int = 0
    expired: int = 0
    withdrawn: int = 0
    held: int = 0


NOTHING_DRAWN = _Drawn()


def _expired(row: Any, grant: Any, drawn: _Drawn, until: datetime) -> int:
    """What of a grant has expired by an instant (inclusive), whether or not a job has posted it.

    What is retained of a month is known once it is posted; what submitted work holds may still be used.
    """
    if row.carry_over is not None or not _has_ended(grant, until):
        return drawn.expired
    return max(drawn.expired, int(grant.quantity) - drawn.withdrawn - drawn.used - drawn.held)


def _is_of(grant: Any, item: Any) -> bool:
    """Whether a grant is what the item sold: its own, or, of a contract, all that came with the sale."""
    if item.grant_id is not None:
        return bool(grant.id == item.grant_id)
    return grant.kind in ("sold", "allocation")


def _has_ended(grant: Any, until: datetime) -> bool:
    return grant.expires_at is not None and grant.expires_at <= until


def _is_by_days(tx: Transaction, row: Any, item: Any) -> bool:
    """Whether the passing of the period delivers it: what draws nothing, or ends at whichever comes first.

    Of a block with a period that its type does not require, the period is only the end of its use. Hours by
    month are delivered as they are drawn, and expire or are carried over with their months.
    """
    if item.grant_id is not None or row.monthly_minutes is not None:
        return False
    terms = tx.rules.contract_types.get(row.type)
    return row.draws == "nothing" or (terms is not None and terms.limits.get("period") == "required")


# ------------------------------------------------------------------ statements


@cache
def _batch_of_items(by: str | None) -> Prepared:
    """The next sold items that are deferred, also those that an invoice let go: all, or by a column."""
    columns = (s.c.id, s.c.kind, s.c.contract_id, s.c.grant_id, s.c.currency)
    period = (s.c.recurring_sale_id, s.c.service_from, s.c.service_until)
    items = select(*columns, *period).where(
        is_deferred(), s.c.id > bindparam("after", type_=Id, required=True)
    )
    if by is not None:
        items = items.where(s.c[by] == bindparam(by, type_=Id, required=True))
    return Prepared(items.order_by(s.c.id).limit(literal_column(str(BATCH))))


def _next_lines(after: str, lines: Sequence[str] | None) -> Select[Any]:
    """The next lines of issued invoices that have days of service and sold nothing of a contract."""
    line, invoice = t.invoice_line, t.invoice
    columns = (line.c.id, line.c.service_from, line.c.service_to, line.c.invoice_id, invoice.c.currency)
    found = (
        select(*columns)
        .join(invoice, invoice.c.id == line.c.invoice_id)
        .where(
            line.c.id > after,
            line.c.service_from.is_not(None),
            line.c.sold_item_id.is_(None),
            invoice.c.kind == "invoice",
            invoice.c.number.is_not(None),
        )
    )
    if lines is not None:
        found = found.where(line.c.id.in_(lines))
    return found.order_by(line.c.id).limit(BATCH)


@cache
def _posted(is_sqlite: bool) -> Prepared:
    """By item, what was deferred less what was credited, and what was recognized of it, before an instant.

    `breakage` is the part of what was recognized that was posted as such, `credited` what credit notes took.

    What a credit note takes back of revenue counts as both: the price is lower, and so much less recognized.
    """
    is_revenue = entry.c.kind.in_([literal_column(f"'{kind}'") for kind in RECOGNITION])
    credits: list[Any] = [literal_column("'credit_note'"), literal_column("'redate'")]
    taken_back = and_(leg.c.account == literal_column("'revenue'"), entry.c.kind.in_(credits))
    nothing: Any = literal_column("0")
    return Prepared(
        select(
            leg.c.owner,
            func.sum(case((is_revenue, nothing), else_=leg.c.amount)).label("sold"),
            func.sum(case((is_revenue, leg.c.amount), (taken_back, -leg.c.amount), else_=nothing)).label(
                "recognized"
            ),
            func.sum(case((entry.c.kind == literal_column("'breakage'"), leg.c.amount), else_=nothing)).label(
                "breakage"
            ),
            func.sum(case((entry.c.kind.in_(credits), leg.c.amount), else_=nothing)).label("credited"),
        )
        .join(entry, entry.c.id == leg.c.transaction_id)
        .where(
            among(leg.c.owner, "ids", is_sqlite=is_sqlite),
            or_(leg.c.account == literal_column("'deferred_revenue'"), taken_back),
            leg.c.effective_at < bindparam("until", type_=Instant(), required=True),
        )
        .group_by(leg.c.owner)
    )


@cache
def _contracts(is_sqlite: bool) -> Prepared:
    return Prepared(select(c).where(among(c.c.id, "ids", is_sqlite=is_sqlite)))


@cache
def _grants(is_sqlite: bool) -> Prepared:
    return Prepared(
        select(
            g.c.id,
            g.c.contract_id,
            g.c.kind,
            g.c.quantity,
            g.c.expires_at,
            g.c.rest_of_id,
            t.grant_balance.c.held,
        )
        .outerjoin(t.grant_balance, t.grant_balance.c.grant_id == g.c.id)
        .where(among(g.c.contract_id, "ids", is_sqlite=is_sqlite))
    )


@cache
def _drawn(is_sqlite: bool) -> Prepared:
    """By grant, what was drawn, what has expired, and what was withdrawn, before an instant."""
    nothing: Any = literal_column("0")
    withdrawn = and_(entry.c.kind == literal_column("'withdraw'"), leg.c.account == literal_column("'sold'"))
    return Prepared(
        select(
            leg.c.owner,
            func.sum(
                case((leg.c.account == literal_column("'consumed'"), leg.c.amount), else_=nothing)
            ).label("used"),
            func.sum(case((leg.c.account == literal_column("'expired'"), leg.c.amount), else_=nothing)).label(
                "expired"
            ),
            func.sum(case((withdrawn, leg.c.amount), else_=nothing)).label("withdrawn"),
        )
        .select_from(g.join(leg, leg.c.owner == g.c.id).join(entry, entry.c.id == leg.c.transaction_id))
        .where(
            among(g.c.contract_id, "ids", is_sqlite=is_sqlite),
            leg.c.effective_at < bindparam("until", type_=Instant(), required=True),
        )
        .group_by(leg.c.owner)
    )
