"""Which invoices a replay's differences are on: what they bill of work and of contracts, and what they would.

Amounts are net, in minor units, before what is discounted on a whole invoice. What has not been invoiced yet
has no invoice. Source: product.md section 14.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, func, select

from engine.replay import Result
from engine.rulebook import RuleSet
from workflows.core.transaction import Transaction
from workflows.lifecycle.contracts.creation import price_for_request
from workflows.store import tables as t
from workflows.store.id_lists import among, id_list
from workflows.views import MoneyView
from workflows.views.replays import InvoiceChangeView

Place = tuple[str | None, str | None, str]
"""Id and number of an invoice, and the currency; a draft has no number, what is not invoiced no id either."""


class Made(NamedTuple):
    """The contract that a decision created, and the result by other rules, which may create one.

    `decided_at` is aware UTC.
    """

    service_request: str | None
    decided_at: datetime
    contract: str | None
    after: Result


class Invoiced:
    """What is billed of the work and the contracts of differences, and what would be; read in batches."""

    def __init__(self, rules: RuleSet) -> None:
        self._rules = rules
        self._of_work: dict[str, dict[Place, int]] = {}
        self._of_contracts: dict[str, dict[Place, int]] = {}
        self._counted: set[str] = set()
        """Contracts, and requests, whose sale is counted: later decisions find the same contract."""

    def load(self, tx: Transaction, entries: Sequence[str], contracts: Sequence[str]) -> None:
        """Read what is billed of work entries and of contracts, in place of those of the batch before."""
        self._of_work, self._of_contracts = {}, {}
        if not tx.settings.invoicing:
            return
        charge, sold = t.overage_charge, t.sold_item
        if entries:
            of_work = select(
                charge.c.work_entry_id, sold.c.invoice_id, t.invoice.c.number, sold.c.currency,
                func.sum(charge.c.amount_minor),
            ).join_from(charge, sold, sold.c.id == charge.c.sold_item_id)  # fmt: skip
            self._of_work = self._read(tx, of_work, charge.c.work_entry_id, entries)
        if contracts:
            of_contracts = select(
                sold.c.contract_id, sold.c.invoice_id, t.invoice.c.number, sold.c.currency,
                func.sum(sold.c.amount_minor),
            ).where(sold.c.kind == "contract", sold.c.waived_at.is_(None))  # fmt: skip
            self._of_contracts = self._read(tx, of_contracts, sold.c.contract_id, contracts)

    def changes(
        self, tx: Transaction, entries: Sequence[str], before: MoneyView, after: MoneyView, made: Made
    ) -> list[InvoiceChangeView]:
        """The invoices on which a difference would change something.

        `before` and `after` are the overage of the work. What has been charged of it counts as charged.
        """
        if not tx.settings.invoicing:
            return []
        billed: dict[Place, int] = defaultdict(int)
        for entry in entries:
            for place, amount in self._of_work.get(entry, {}).items():
                billed[place] += amount
        if not billed and before.amount_minor:
            billed[None, None, before.currency] = before.amount_minor
        would = _spread(billed, after)
        for place, was, will in self._sales(tx, made):
            billed[place] += was
            would[place] = would.get(place, 0) + will
        return [
            InvoiceChangeView(*place, billed.get(place, 0), amount, amount - billed.get(place, 0))
            for place, amount in would.items()
            if amount != billed.get(place, 0)
        ]

    def _sales(self, tx: Transaction, made: Made) -> list[tuple[Place, int, int]]:
        """What is billed of the created contract, and what would be of the one that is created instead."""
        places: list[tuple[Place, int]] = []
        price = 0
        if made.contract is not None and made.contract not in self._counted:
            self._counted.add(made.contract)
            places = list(self._of_contracts.get(made.contract, {}).items())
        request, after = made.service_request, made.after
        if after.outcome == "created" and request is not None and request not in self._counted:
            self._counted.add(request)
            terms = self._rules.contract_types[after.params["type"]]
            price = price_for_request(tx, request, after.params, terms, made.decided_at) or 0
        if not places:
            return [((None, None, tx.settings.currency), 0, price)] if price else []
        (first, amount), *others = places
        return [(first, amount, price), *((place, more, 0) for place, more in others)]

    def _read(
        self, tx: Transaction, statement: Select[Any], of: ColumnElement[str], ids: Sequence[str]
    ) -> dict[str, dict[Place, int]]:
        """Amounts by the id in the column `of`, and by where they are billed: numbered invoices first."""
        sold, invoice = t.sold_item.c, t.invoice.c
        grouped = (
            statement.outerjoin(t.invoice, invoice.id == sold.invoice_id)
            .where(among(of, "ids", is_sqlite=tx.is_sqlite))
            .group_by(of, sold.invoice_id, invoice.number, sold.currency)
        )
        found: dict[str, dict[Place, int]] = defaultdict(dict)
        rows = tx.connection.execute(grouped, {"ids": id_list(ids, is_sqlite=tx.is_sqlite)})
        for one, invoice_id, number, currency, amount in sorted(rows, key=_by_number):
            found[one][invoice_id, number, currency] = int(amount)
        return found


def _by_number(row: Sequence[Any]) -> tuple[bool, str, str]:
    _, invoice_id, number, _, _ = row
    return number is None, number or "", invoice_id or "~"


def _spread(billed: Mapping[Place, int], after: MoneyView) -> dict[Place, int]:
    """Where the overage would be billed: what is more or less than now is so on the latest invoice."""
    if any(currency != after.currency for _, _, currency in billed):
        would = dict.fromkeys(billed, 0)
        return would | {(None, None, after.currency): after.amount_minor} if after.amount_minor else would
    would = dict(billed)
    change = after.amount_minor - sum(billed.values())
    if change > 0:
        latest = next(reversed(would), (None, None, after.currency))
        would[latest] = would.get(latest, 0) + change
    for place in reversed(list(would)):
        less = min(max(0, -change), max(0, would[place]))
        would[place] -= less
        change += less
    return would
