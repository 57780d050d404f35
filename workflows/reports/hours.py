"""Hours, or money, sold, used, expired and carried: the sums of the ledger's postings by month.

By the instants at which they are effective: a month that is closed has the same sums for ever, and an
adjustment counts in the first open one. Source: product.md sections 8 and 10.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, and_, case, func, literal, or_, select
from sqlalchemy.sql.selectable import Subquery

from workflows.core.actors import OFFICE
from workflows.core.errors import invalid
from workflows.core.transaction import Transaction
from workflows.languages.texts import gettext
from workflows.reports.months import MonthSpan, month_span
from workflows.reports.parties import PARTY_KINDS, during, holder_spans, party_of_key, require_party
from workflows.reports.report_lists import (
    NO_ID,
    Names,
    ReportList,
    amounts_of,
    key_columns,
    list_sums,
    sums_by_month,
)
from workflows.reports.up_to_date import up_to_date_contracts
from workflows.store import tables as t
from workflows.store.column_types import text_constant
from workflows.views.reports import TimeMovedInMonth, TimeMovedRow

BY = {"customer": ("party",), "contract": ("contract_id",), "customer_and_month": ("party", "month")}
"""How the rows can be listed, and the columns of each."""
MINUTES = "minutes"
CURRENCY = re.compile(r"[A-Z]{3}", re.ASCII)
SUMS = ("sold", "used", "held", "expired", "carried", "carried_drawn")
_ACCOUNTS = {"sold": "sold", "consumed": "used", "held": "held", "expired": "expired"}
"""The accounts of a grant, and what their postings are here; what is sold is posted as less."""
leg, grant, entry = t.ledger_posting, t.contract_grant, t.ledger_transaction


@dataclass(frozen=True, slots=True)
class HoursReport:
    """The report of some months: `unit` is minutes or a currency, whose minor units the amounts are in.

    It can be read while `open_hours` is open.
    """

    tx: Transaction
    span: MonthSpan
    unit: str
    party_name: str | None
    sums: Subquery

    def months(self) -> list[TimeMovedInMonth]:
        """The sums of each month, the earliest first; a month without any has zeros."""
        found = sums_by_month(self.tx, self.sums, SUMS, self.span.names)
        return [TimeMovedInMonth(**amounts, month=month) for month, amounts in found]

    def list_by(self, by: str) -> ReportList[TimeMovedRow]:
        """The rows: one for each customer, contract, or customer and month. Raises: InvalidInput."""
        return list_sums(self.tx, self.sums, key_columns(by, BY), SUMS, self._views)

    def _views(self, rows: Sequence[Row[Any]]) -> list[TimeMovedRow]:
        names = Names(self.tx, rows)
        return [TimeMovedRow(**amounts_of(row, SUMS), **names.keys_of(row)) for row in rows]


@contextmanager
def open_hours(
    tx: Transaction,
    *,
    from_: str | None = None,
    to: str | None = None,
    party: str | None = None,
    contract: str | None = None,
    unit: str = MINUTES,
) -> Iterator[HoursReport]:
    """The report of the months from one to another (YYYY-MM, inclusive), everything due having been done.

    `party` is that of one customer, `contract` the id of one contract, `unit` minutes or a currency.
    Raises:
        NotAllowed: the actor is a technician or a customer.
        InvalidInput: a month, `party` or `unit` is not valid.

    Source: product.md section 10.
    """
    tx.require(*OFFICE)
    span = month_span(tx, from_, to)
    name = require_party(tx, party) if party is not None else None
    if unit != MINUTES and not CURRENCY.fullmatch(unit):
        raise invalid(
            "/unit",
            gettext("%(unit)s is not a unit.", unit=repr(unit[:20])),
            gettext("Use minutes, or a currency such as EUR."),
        )
    with up_to_date_contracts(tx) as fresh:
        yield HoursReport(fresh, span, unit, name, _sums(span, unit, party=party, contract=contract))


def currencies_sold(tx: Transaction) -> list[str]:
    """The currencies in which prepaid amounts were sold."""
    found = (
        select(grant.c.currency).where(grant.c.currency.is_not(None)).distinct().order_by(grant.c.currency)
    )
    return list(tx.connection.execute(found).scalars())


def _sums(span: MonthSpan, unit: str, *, party: str | None, contract: str | None) -> Subquery:
    """The sums by party, contract and month."""
    moved = _of_grants(span, unit)
    union = moved.union_all(_carried(span)) if unit == MINUTES else moved
    sums = union.subquery("moved")
    wanted: list[ColumnElement[bool]] = []
    if party is not None:
        wanted.append(sums.c.party == party)
    if contract is not None:
        wanted.append(sums.c.contract_id == contract)
    return select(sums).where(*wanted).subquery("sums")


def _of_grants(span: MonthSpan, unit: str) -> Select[Any]:
    """What the grants of contracts moved, read from the index of postings by their owner."""
    spans = holder_spans().subquery("spans")
    month = span.month_of(leg.c.effective_at)
    in_unit = grant.c.unit == MINUTES if unit == MINUTES else grant.c.currency == unit
    sums = {what: func.sum(_amount_of(account)) for account, what in _ACCOUNTS.items()}
    return (
        select(
            spans.c.party,
            grant.c.contract_id,
            month.label("month"),
            *(sums[name].label(name) if name in sums else literal(0).label(name) for name in SUMS),
        )
        .select_from(grant)
        .join(leg, and_(leg.c.owner == grant.c.id, leg.c.account.in_(_ACCOUNTS)))
        .join(spans, and_(spans.c.contract_id == grant.c.contract_id, during(spans, leg.c.effective_at)))
        .where(in_unit, span.contains(leg.c.effective_at))
        .group_by(spans.c.party, grant.c.contract_id, month)
    )


def _amount_of(account: str) -> ColumnElement[int]:
    amount = -leg.c.amount if account == "sold" else leg.c.amount
    return case((leg.c.account == account, amount), else_=0)


def _carried(span: MonthSpan) -> Select[Any]:
    """What holders carried, and what was drawn of it; the owners of these postings are keys of holders.

    They are found by the beginning of the key, in the index of postings by their owner.
    """
    drawn = t.ledger_posting.alias("drawn")
    key = leg.c.owner
    of_holders = or_(*(and_(key >= f"{kind}:", key < f"{kind};") for kind in PARTY_KINDS))
    month, party = span.month_of(leg.c.effective_at), party_of_key(key)
    is_draw = drawn.c.transaction_id.is_not(None)
    contract_id = func.coalesce(entry.c.contract_id, text_constant(NO_ID))
    sums: dict[str, ColumnElement[Any]] = {
        "carried": func.sum(case((is_draw, 0), else_=leg.c.amount)),
        "carried_drawn": func.sum(case((is_draw, -leg.c.amount), else_=0)),
    }
    return (
        select(
            party.label("party"),
            contract_id.label("contract_id"),
            month.label("month"),
            *(sums.get(name, literal(0)).label(name) for name in SUMS),
        )
        .select_from(leg)
        .join(entry, entry.c.id == leg.c.transaction_id)
        .outerjoin(
            drawn, and_(drawn.c.transaction_id == leg.c.transaction_id, drawn.c.account == "carried_drawn")
        )
        .where(of_holders, leg.c.account == "carried", span.contains(leg.c.effective_at))
        .group_by(party, contract_id, month)
    )
