"""Reading time to be billed: what is on no invoice yet, and the work that a line of one is made of.

Source: product.md sections 7 (Bill) and 10.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import select

from engine.accounting_periods import month_of
from engine.periods import local_date
from workflows.billing.invoicing.parties import checked_party
from workflows.billing.overage.reading import Party, read_uncharged
from workflows.core.actors import OFFICE
from workflows.core.errors import NotFound
from workflows.core.paging import Sort, page_of_values, read_page
from workflows.core.transaction import Transaction
from workflows.languages.texts import gettext
from workflows.register.holder_names import holder_names
from workflows.reports.parties import in_parts
from workflows.store import tables as t
from workflows.views import DEFAULT_LIMIT, MoneyView, Page
from workflows.views.billing import BilledWorkView, TimeToBillView

charge, e, r, s, c, a = (
    t.overage_charge, t.work_entry, t.service_request, t.sold_item, t.contract, t.work_allocation,
)  # fmt: skip
ORDER = "due_on"
WORK_ORDERS = {"worked_at": Sort(a.c.effective_at)}


class _Key(NamedTuple):
    """What a row sums: the earliest due comes first."""

    due_at: datetime
    party: Party
    contract: str
    month: str
    rate: tuple[int, str] | None

    @property
    def row_id(self) -> str:
        return " ".join([*self.party, self.contract, self.month, *map(str, self.rate or ())])


class _Row(NamedTuple):
    key: _Key
    minutes: int
    amount_minor: int


def list_time_to_bill(
    tx: Transaction,
    *,
    customer: str | None = None,
    org_unit: str | None = None,
    limit: int = DEFAULT_LIMIT,
    cursor: str | None = None,
) -> Page[TimeToBillView]:
    """A page of the time that is to be billed and on no invoice yet, the earliest due first.

    Raises: NotAllowed; InvalidInput for a customer, a limit or a cursor.
    """
    rows = _rows(tx, customer, org_unit)
    page = page_of_values(rows, _place, order=ORDER, sort=Sort(a.c.effective_at), limit=limit, cursor=cursor)
    return page.with_items(_views(tx, page.items))


def all_time_to_bill(
    tx: Transaction, *, customer: str | None = None, org_unit: str | None = None
) -> list[TimeToBillView]:
    """All of the same, for a file. Raises: NotAllowed; InvalidInput."""
    return _views(tx, _rows(tx, customer, org_unit))


def list_billed_work(
    tx: Transaction,
    sold_item_id: str,
    *,
    order: str = "worked_at",
    limit: int = DEFAULT_LIMIT,
    cursor: str | None = None,
    counted: bool = False,
) -> Page[BilledWorkView]:
    """A page of the work that a sold item of time is made of; other items have none.

    Raises: NotAllowed; NotFound; InvalidInput for an order, a limit or a cursor.
    """
    tx.require(*OFFICE)
    currency = tx.connection.execute(select(s.c.currency).where(s.c.id == sold_item_id)).scalar()
    if currency is None:
        raise NotFound(
            gettext("There is nothing sold with this id."),
            remedy=gettext("Look it up in the list of what was sold."),
        )
    found = (
        select(
            charge.c.work_entry_id,
            charge.c.minutes,
            charge.c.rate_minor,
            charge.c.amount_minor,
            charge.c.charged_at,
            a.c.effective_at,
            r.c.id.label("request_id"),
            r.c.number.label("request_number"),
            c.c.number.label("contract_number"),
        )
        .join(a, a.c.id == charge.c.allocation_id)
        .join(e, e.c.id == charge.c.work_entry_id)
        .join(r, r.c.id == e.c.service_request_id)
        .join(c, c.c.id == charge.c.contract_id)
        .where(charge.c.sold_item_id == sold_item_id)
    )
    page = read_page(
        tx,
        found,
        lambda row: row,
        orders=WORK_ORDERS,
        by_id=charge.c.id,
        order=order,
        limit=limit,
        cursor=cursor,
        counted=counted,
    )
    return page.with_items(
        [
            BilledWorkView(
                work_entry=row.work_entry_id,
                service_request=row.request_id,
                service_request_number=row.request_number,
                worked_at=row.effective_at,
                contract_number=row.contract_number,
                minutes=row.minutes,
                rate=MoneyView(row.rate_minor, currency),
                amount=MoneyView(row.amount_minor, currency),
                charged_at=row.charged_at,
            )
            for row in page.items
        ]
    )


def _rows(tx: Transaction, customer: str | None, org_unit: str | None) -> list[_Row]:
    tx.require(*OFFICE)
    party = checked_party(tx, customer, org_unit) if customer or org_unit else None
    sums: dict[_Key, tuple[int, int]] = {}
    for one in read_uncharged(tx, party=party):
        month = month_of(local_date(one.worked_at, tx.settings.zone))
        line = one.charge.line if one.charge is not None else None
        rate = (line.rate_minor, line.currency) if line is not None else None
        key = _Key(one.due_at, one.party, one.contract, line.month if line is not None else month, rate)
        minutes, minor = sums.get(key, (0, 0))
        amount = one.charge.amount_minor if one.charge is not None else 0
        sums[key] = (minutes + one.minutes, minor + amount)
    rows = [_Row(key, *amounts) for key, amounts in sums.items() if any(amounts)]
    return sorted(rows, key=_place)


def _place(row: _Row) -> tuple[datetime, str]:
    return row.key.due_at, row.key.row_id


def _views(tx: Transaction, rows: Iterable[_Row]) -> list[TimeToBillView]:
    found = list(rows)
    names = holder_names(tx, {row.key.party for row in found})
    numbers: dict[str, str] = {}
    for part in in_parts(row.key.contract for row in found):
        listed = tx.connection.execute(select(c.c.id, c.c.number).where(c.c.id.in_(part)))
        numbers |= {one.id: one.number for one in listed}
    return [_view(tx, row, names, numbers) for row in found]


def _view(
    tx: Transaction, row: _Row, names: dict[tuple[str, str], str], numbers: dict[str, str]
) -> TimeToBillView:
    key = row.key
    kind, party_id = key.party
    return TimeToBillView(
        customer=party_id if kind == "customer" else None,
        org_unit=party_id if kind == "org_unit" else None,
        party_name=names.get(key.party, ""),
        contract=key.contract,
        contract_number=numbers[key.contract],
        month=key.month,
        minutes=row.minutes,
        rate=MoneyView(*key.rate) if key.rate is not None else None,
        amount=MoneyView(row.amount_minor, key.rate[1]) if key.rate is not None else None,
        due_on=local_date(key.due_at, tx.settings.zone),
    )
