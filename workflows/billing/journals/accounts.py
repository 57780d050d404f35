"""The accounts of money as of a day: the trial balance, deferred revenue by contract, and aged receivables.

Each is a sum of postings, or of invoices and what settled them, by the end of a day in the provider's time
zone. In the open accounting period, revenue that closing will post is counted as of the day itself.
Source: product.md section 10.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Select, func, select

from engine.journals import MONEY_ACCOUNTS
from engine.periods import first_instant_of, last_day_of_month, local_date
from workflows.billing.invoicing.parties import party_of
from workflows.billing.journals.counted_later import counted_later, reopened_minor
from workflows.billing.journals.revenue import Deferral, deferrals
from workflows.core.actors import Role
from workflows.core.transaction import Transaction
from workflows.store import tables as t
from workflows.store.id_lists import among, id_list
from workflows.views import MoneyView
from workflows.views.accounts import (
    AccountBalance,
    AgedReceivable,
    AgedReceivables,
    ContractRevenue,
    DeferredRevenue,
    RevenueMonth,
    TrialBalance,
)

AGES = (0, 30, 60, 90)
"""The last days of the columns of aged receivables: not due, 1 to 30 days, and so on; then what is older."""
ACCOUNTANTS: tuple[Role, ...] = ("finance", "administrator")
SCHEDULED_MONTHS = 120
"""How far ahead a schedule looks."""
leg = t.ledger_posting


def read_trial_balance(tx: Transaction, *, as_of: date | None = None) -> TrialBalance:
    """The balances of the money accounts by the end of a day; today's end if none is given.

    Raises: NotAllowed unless the actor is finance or an administrator.
    """
    tx.require(*ACCOUNTANTS)
    day, until = end_of(tx, as_of)
    sums: dict[tuple[str, str], int] = defaultdict(int)
    rows = tx.connection.execute(
        select(leg.c.account, leg.c.unit, func.sum(leg.c.amount).label("amount"))
        .where(leg.c.account.in_(MONEY_ACCOUNTS), leg.c.effective_at < until)
        .group_by(leg.c.account, leg.c.unit)
    )
    for row in rows:
        sums[row.account, row.unit] += int(row.amount)
    unposted: dict[str, int] = defaultdict(int)
    for one in _revenue(tx, until):
        unposted[one.currency] += one.due_minor
    for currency, due_minor in unposted.items():
        sums["deferred_revenue", currency] += due_minor
        sums["revenue", currency] -= due_minor
    accounts = [
        AccountBalance(account, MoneyView(max(amount, 0), currency), MoneyView(max(-amount, 0), currency))
        for (account, currency), amount in sorted(sums.items(), key=_in_order)
        if amount
    ]
    return TrialBalance(
        day, accounts, [MoneyView(due, name) for name, due in sorted(unposted.items()) if due]
    )


def read_deferred_revenue(
    tx: Transaction, *, as_of: date | None = None, contract: str | None = None, due: bool = False
) -> DeferredRevenue:
    """Contracts, recurring sales and invoices by hand of which something is still to be delivered, by number.

    That is by the end of a day; today's end if none is given. `contract` is the id of one, whose schedule is
    read as well. With `due`, only those of which closing the month posts something, also if nothing is left.
    Raises: NotAllowed unless the actor is finance or an administrator.
    """
    tx.require(*ACCOUNTANTS)
    day, until = end_of(tx, as_of)
    sums = _by_subject(_revenue(tx, until, contract))
    left = {key: found for key, found in sums.items() if (found.due if due else found.deferred)}
    numbers = _numbers(tx, sorted({subject.id for subject, _ in left}))
    items = sorted(
        (
            ContractRevenue(
                subject.contract,
                subject.recurring_sale,
                subject.invoice,
                numbers[subject.id],
                MoneyView(found.invoiced, currency),
                MoneyView(found.recognized, currency),
                MoneyView(found.deferred, currency),
                MoneyView(found.due, currency),
            )
            for (subject, currency), found in left.items()
        ),
        key=lambda one: (one.number, one.deferred.currency),
    )
    totals = _totals(one.deferred for one in items)
    schedule = _schedule(tx, contract, day, totals) if contract is not None else []
    return DeferredRevenue(day, items, totals, _totals(one.due for one in items), schedule)


def revenue_due(tx: Transaction, until: datetime) -> tuple[int, list[MoneyView]]:
    """How many lines `read_deferred_revenue` has of what is due by an instant (aware UTC), and their sums."""
    found = [
        MoneyView(sums.due, currency)
        for (_, currency), sums in _by_subject(_revenue(tx, until)).items()
        if sums.due
    ]
    return len(found), _totals(found)


def _schedule(tx: Transaction, contract: str, day: date, deferred: Sequence[MoneyView]) -> list[RevenueMonth]:
    """How what a contract defers by the end of a day becomes revenue, by the months in which it does."""
    found: list[RevenueMonth] = []
    left = {one.currency: one.amount_minor for one in deferred}
    last = day
    for _ in range(SCHEDULED_MONTHS):
        if not any(left.values()):
            break
        last = last_day_of_month(last + timedelta(days=1))
        at_end: dict[str, int] = defaultdict(int)
        for one in _revenue(tx, end_of(tx, last)[1], contract):
            at_end[one.currency] += one.deferred_minor
        for currency, before in sorted(left.items()):
            if before != at_end[currency]:
                moved = MoneyView(before - at_end[currency], currency)
                found.append(RevenueMonth(f"{last:%Y-%m}", moved, MoneyView(at_end[currency], currency)))
        left = dict(at_end)
    return found


def read_aged_receivables(tx: Transaction, *, as_of: date | None = None) -> AgedReceivables:
    """What each customer or org unit owes by the end of a day, by how long it has been due; by name.

    Raises: NotAllowed unless the actor is finance or an administrator.
    """
    tx.require(*ACCOUNTANTS)
    day, until = end_of(tx, as_of)
    i, a = t.invoice.c, t.payment_allocation.c
    settled = (
        select(func.sum(a.amount_minor))
        .where(a.invoice_id == i.id, a.effective_at < until)
        .correlate(t.invoice)
        .scalar_subquery()
    )
    found: Select[Any] = (
        select(
            i.id,
            i.customer_id,
            i.org_unit_id,
            func.coalesce(t.customer.c.name, t.org_unit.c.name).label("name"),
            i.currency,
            i.due_on,
            (i.total_minor - func.coalesce(settled, 0)).label("open"),
        )
        .select_from(
            t.invoice.outerjoin(t.customer, t.customer.c.id == i.customer_id).outerjoin(
                t.org_unit, t.org_unit.c.id == i.org_unit_id
            )
        )
        .where(i.kind == "invoice", i.number.is_not(None), i.issued_at < until)
    )
    owed: dict[tuple[str, str, str, str], list[int]] = defaultdict(lambda: [0] * (len(AGES) + 1))
    late = counted_later(tx, until)
    opened = reopened_minor(tx, until, late)
    for row in tx.connection.execute(found):
        if row.id not in late:
            open_minor = int(row.open) + opened.get(row.id, 0)
            owed[row.name, *party_of(row), row.currency][_age(row.due_on, day)] += open_minor
    items = [
        AgedReceivable(
            party,
            party if kind == "customer" else None,
            party if kind == "org_unit" else None,
            name,
            *(MoneyView(amount, currency) for amount in (sum(amounts), *amounts)),
        )
        for (name, kind, party, currency), amounts in sorted(owed.items())
        if any(amounts)
    ]
    return AgedReceivables(day, items, _totals(one.total for one in items))


def end_of(tx: Transaction, as_of: date | None) -> tuple[date, datetime]:
    """A day, today if none is given, and the first instant after it in the provider's time zone."""
    zone = tx.settings.zone
    day = as_of or local_date(tx.now, zone)
    return day, first_instant_of(day + timedelta(days=1), zone)


def _revenue(tx: Transaction, until: datetime, contract: str | None = None) -> Iterator[Deferral]:
    """Deferrals by an instant; in a closed period, with what was posted as what is recognized."""
    closed_until = tx.config.closed_until
    for one in deferrals(tx, until, contract_id=contract):
        if closed_until is not None and until <= closed_until:
            yield one.as_posted()
        else:
            yield one


class _Subject(NamedTuple):
    """What a deferral is listed under, by its id: its contract, else its recurring sale, else its invoice."""

    contract: str | None
    recurring_sale: str | None
    invoice: str | None

    @property
    def id(self) -> str:
        return self.contract or self.recurring_sale or self.invoice or ""


@dataclass(slots=True)
class _Sums:
    """Of the deferrals of a subject in one currency, in its minor units."""

    invoiced: int = 0
    recognized: int = 0
    due: int = 0

    @property
    def deferred(self) -> int:
        return self.invoiced - self.recognized


def _by_subject(found: Iterable[Deferral]) -> dict[tuple[_Subject, str], _Sums]:
    sums: dict[tuple[_Subject, str], _Sums] = defaultdict(_Sums)
    for one in found:
        into = sums[_subject_of(one), one.currency]
        into.invoiced += one.price_minor
        into.recognized += one.recognized_minor
        into.due += one.due_minor
    return sums


def _subject_of(one: Deferral) -> _Subject:
    if one.contract is not None:
        return _Subject(one.contract, None, None)
    return _Subject(None, one.recurring_sale, one.invoice if one.recurring_sale is None else None)


def _totals(amounts: Iterable[MoneyView]) -> list[MoneyView]:
    sums: dict[str, int] = defaultdict(int)
    for one in amounts:
        sums[one.currency] += one.amount_minor
    return [MoneyView(amount, currency) for currency, amount in sorted(sums.items())]


def _age(due_on: date | None, day: date) -> int:
    """The column of `AgedReceivable` for what was due on a day; what has no due day is not due."""
    late = (day - due_on).days if due_on is not None else 0
    return bisect_left(AGES, late) if late > 0 else 0


def _numbers(tx: Transaction, subjects: Sequence[str]) -> dict[str, str]:
    """The numbers of contracts, recurring sales and invoices, by their ids."""
    ids = {"ids": id_list(subjects, is_sqlite=tx.is_sqlite)}
    numbers: dict[str, str] = {}
    for of in (t.contract.c, t.recurring_sale.c, t.invoice.c):
        wanted = select(of.id, of.number).where(among(of.id, "ids", is_sqlite=tx.is_sqlite))
        numbers |= {row.id: row.number for row in tx.connection.execute(wanted, ids)}
    return numbers


def _in_order(item: tuple[tuple[str, str], int]) -> tuple[str, int]:
    (account, currency), _ = item
    return currency, MONEY_ACCOUNTS.index(account)
