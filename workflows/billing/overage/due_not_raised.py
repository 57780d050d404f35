"""What should have been invoiced by an instant and was not: empty once the jobs have run.

What was billed too high and fits on no draft is to be credited, which a person does. Source: product.md
sections 10 and 11.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import select

from engine.periods import local_date
from workflows.billing.overage.credits import Owed, overage_owed
from workflows.billing.overage.drafts import overage_due
from workflows.billing.overage.reading import read_uncharged
from workflows.billing.sold.due_renewals import due_renewals
from workflows.billing.sold.due_sales import due_sales
from workflows.core.actors import OFFICE
from workflows.core.errors import invalid
from workflows.core.paging import Sort, page_of_values
from workflows.core.transaction import Transaction
from workflows.languages.texts import gettext
from workflows.register.holder_names import holder_names
from workflows.reports.parties import in_parts
from workflows.store import tables as t
from workflows.views import DEFAULT_LIMIT, MoneyView, Page
from workflows.views.billing import DueView

KINDS = ("time", "sale", "renewal", "credit")
ORDER = "due_at"


class _Due(NamedTuple):
    """One row. `about` distinguishes it from others of the same contract."""

    due_at: datetime
    kind: str
    party: tuple[str, str]
    contract: str | None
    contract_number: str | None
    about: str
    amount_minor: int
    currency: str
    description: str | None = None
    owed: Owed | None = None

    @property
    def row_id(self) -> str:
        return " ".join([self.kind, *self.party, self.contract or "", self.about, self.currency])


def list_due(
    tx: Transaction,
    *,
    as_of: datetime | None = None,
    kind: str | None = None,
    limit: int = DEFAULT_LIMIT,
    cursor: str | None = None,
) -> Page[DueView]:
    """A page of what is due by an instant (default: now) and on no invoice, the earliest first.

    Of what happens until then, only what has happened already counts.
    Raises: NotAllowed; InvalidInput for a kind, a limit or a cursor.
    """
    rows = _rows(tx, as_of, kind)
    sort = Sort(t.invoice.c.created_at)
    page = page_of_values(rows, _place, order=ORDER, sort=sort, limit=limit, cursor=cursor)
    return page.with_items(_views(tx, page.items))


def all_due(tx: Transaction, *, as_of: datetime | None = None, kind: str | None = None) -> list[DueView]:
    """All of the same, for a file. Raises: NotAllowed; InvalidInput."""
    return _views(tx, _rows(tx, as_of, kind))


def _rows(tx: Transaction, as_of: datetime | None, kind: str | None) -> list[_Due]:
    tx.require(*OFFICE)
    if kind is not None and kind not in KINDS:
        raise invalid(
            "/kind",
            gettext("%(kind)s is not a valid kind.", kind=repr(kind[:20])),
            gettext("Use one of %(kinds)s.", kinds=", ".join(KINDS)),
        )
    if not tx.settings.invoicing:
        return []
    at = as_of if as_of is not None else tx.now
    owed = overage_owed(tx, at)
    found = [*_time(tx, at, owed), *_sales(tx, at), *_renewals(tx, at), *_credits(tx, owed)]
    return sorted((one for one in found if kind in (None, one.kind)), key=_place)


def _time(tx: Transaction, at: datetime, owed: Sequence[Owed]) -> Iterator[_Due]:
    """Time to be billed of those for whom a draft is due, by contract, month and price.

    What is to be credited is no part of it.
    """
    credited = {(charge.piece, charge.takes_back) for one in owed for charge in one.charges}
    last = {party: due_at for due_at, party in overage_due(tx, at)}
    sums: dict[Any, int] = {}
    for one in read_uncharged(tx, before=at) if last else ():
        if one.charge is None or (one.charge.piece, one.charge.takes_back) in credited:
            continue
        if one.due_at <= last.get(one.party, one.worked_at):
            key = (one.due_at, one.party, one.charge.line)
            sums[key] = sums.get(key, 0) + one.charge.amount_minor
    numbers = _numbers(tx, {line.contract for _, _, line in sums})
    for (due_at, party, line), minor in sums.items():
        if minor:
            about = f"{line.month} {line.rate_minor}"
            number = numbers[line.contract]
            yield _Due(due_at, "time", party, line.contract, number, about, minor, line.currency)


def _sales(tx: Transaction, at: datetime) -> Iterator[_Due]:
    for due in due_sales(tx, at):
        for row in due.items:
            yield _Due(
                due.due_at,
                "sale",
                due.party,
                row.contract_id,
                row.contract_number,
                row.id,
                row.amount_minor,
                row.currency,
                row.description,
            )


def _renewals(tx: Transaction, at: datetime) -> Iterator[_Due]:
    for one in due_renewals(tx, at):
        money = (one.price_minor, one.currency)
        yield _Due(one.due_at, "renewal", one.party, one.contract, one.number, "", *money)


def _credits(tx: Transaction, owed: Sequence[Owed]) -> Iterator[_Due]:
    numbers = _numbers(tx, {one.contract for one in owed})
    for one in owed:
        number, money = numbers[one.contract], (-one.amount_minor, one.currency)
        yield _Due(
            one.due_at,
            "credit",
            one.party,
            one.contract,
            number,
            one.sold_item,
            *money,
            description=one.invoice_number,
            owed=one,
        )


def _numbers(tx: Transaction, contracts: set[str]) -> dict[str, str]:
    c = t.contract.c
    found: dict[str, str] = {}
    for part in in_parts(contracts):
        rows = tx.connection.execute(select(c.id, c.number).where(c.id.in_(part)))
        found |= {row.id: row.number for row in rows}
    return found


def _place(row: _Due) -> tuple[datetime, str]:
    return row.due_at, row.row_id


def _views(tx: Transaction, rows: list[_Due]) -> list[DueView]:
    names = holder_names(tx, {row.party for row in rows})
    return [
        DueView(
            kind=row.kind,
            customer=row.party[1] if row.party[0] == "customer" else None,
            org_unit=row.party[1] if row.party[0] == "org_unit" else None,
            party_name=names.get(row.party, ""),
            contract=row.contract,
            contract_number=row.contract_number,
            description=row.description,
            amount=MoneyView(row.amount_minor, row.currency),
            sold=row.owed.sold_item if row.owed is not None else None,
            invoice=row.owed.invoice if row.owed is not None else None,
            due_at=row.due_at,
            due_on=local_date(row.due_at, tx.settings.zone),
        )
        for row in rows
    ]
