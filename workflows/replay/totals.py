"""The totals of a replay, computed while it runs, in memory that does not grow with the history."""

from collections import Counter
from collections.abc import Sequence

from workflows.views import MoneyView
from workflows.views.replays import (
    DifferenceView,
    InvoiceChangeView,
    MoveView,
    OverageView,
    ResultView,
    SummaryView,
)

MOST_MOVES = 1000
MOST_MOVES_SHOWN = 100
MOST_INVOICES = 10_000
MOST_INVOICES_SHOWN = 100

MoveKey = tuple[str, str | None, str | None, str, str | None, str | None]
InvoiceKey = tuple[str | None, str | None, str]
"""Id and number of an invoice, and the currency."""


class Totals:
    """Adds up differences. Of distinct moves and invoices, those beyond so many are only counted."""

    def __init__(self) -> None:
        self.decisions = 0
        self.by_another_rule = 0
        self._differ = 0
        self._charged_otherwise = 0
        self._worked_minutes = 0
        self._moved_minutes = 0
        self._minutes_before: Counter[str] = Counter()
        self._minutes_after: Counter[str] = Counter()
        self._overage: dict[str, tuple[int, int]] = {}
        self._prices: dict[str, tuple[int, int]] = {}
        self._moves: dict[MoveKey, MoveView] = {}
        self._moves_left_out = 0
        self._invoices: dict[InvoiceKey, tuple[int, int]] = {}
        self._invoices_left_out = 0

    def add(self, one: DifferenceView) -> None:
        """Add one difference."""
        self._worked_minutes += one.worked_minutes
        self._minutes_before.update(one.minutes_before)
        self._minutes_after.update(one.minutes_after)
        _add(self._overage, one.overage_before, one.overage_after)
        _add(self._prices, one.price_before, one.price_after)
        for invoice in one.invoices:
            self._add_invoice(invoice)
        if set(one.changes) == {"charge"}:
            self._charged_otherwise += 1
            return
        self._differ += 1
        moved = one.chargeable_before if one.before.contract != one.after.contract else 0
        self._moved_minutes += moved
        self._add_move(one, moved)

    def view(self) -> SummaryView:
        """The totals so far; moves are sorted by their number of decisions, largest first."""
        moves = sorted(self._moves.values(), key=lambda one: (-one.decisions, _order(one)))
        invoices = sorted(
            (
                InvoiceChangeView(*key, before, after, after - before)
                for key, (before, after) in self._invoices.items()
                if before != after
            ),
            key=lambda one: (-abs(one.change_minor), one.number or "", one.invoice or ""),
        )
        return SummaryView(
            decisions=self.decisions,
            differ=self._differ,
            by_another_rule=self.by_another_rule,
            charged_otherwise=self._charged_otherwise,
            worked_minutes=self._worked_minutes,
            moved_minutes=self._moved_minutes,
            minutes_before=dict(sorted(self._minutes_before.items())),
            minutes_after=dict(sorted(self._minutes_after.items())),
            overage=_amounts(self._overage),
            moves=moves[:MOST_MOVES_SHOWN],
            moves_left_out=self._moves_left_out + len(moves[MOST_MOVES_SHOWN:]),
            prices=_amounts(self._prices),
            invoices=invoices[:MOST_INVOICES_SHOWN],
            invoices_left_out=self._invoices_left_out + len(invoices[MOST_INVOICES_SHOWN:]),
        )

    def _add_invoice(self, one: InvoiceChangeView) -> None:
        key = (one.invoice, one.number, one.currency)
        if key not in self._invoices and len(self._invoices) >= MOST_INVOICES:
            self._invoices_left_out += 1
            return
        was, would = self._invoices.get(key, (0, 0))
        self._invoices[key] = (was + one.before_minor, would + one.after_minor)

    def _add_move(self, one: DifferenceView, moved_minutes: int) -> None:
        key = (*_key(one.before), *_key(one.after))
        known = self._moves.get(key)
        if known is None and len(self._moves) >= MOST_MOVES:
            self._moves_left_out += 1
            return
        change = one.overage_after.amount_minor - one.overage_before.amount_minor
        self._moves[key] = MoveView(
            before=one.before,
            after=one.after,
            decisions=1 + (known.decisions if known else 0),
            moved_minutes=moved_minutes + (known.moved_minutes if known else 0),
            overage_change_minor=change + (known.overage_change_minor if known else 0),
        )


def _add(sums: dict[str, tuple[int, int]], before: MoneyView | None, after: MoneyView | None) -> None:
    """Add an amount before and one after to the sums in their currency."""
    for money, is_after in ((before, False), (after, True)):
        if money is not None:
            was, would = sums.get(money.currency, (0, 0))
            more = (0, money.amount_minor) if is_after else (money.amount_minor, 0)
            sums[money.currency] = (was + more[0], would + more[1])


def _amounts(sums: dict[str, tuple[int, int]]) -> list[OverageView]:
    return [
        OverageView(currency, before, after, after - before)
        for currency, (before, after) in sorted(sums.items())
        if before or after
    ]


def _key(result: ResultView) -> tuple[str, str | None, str | None]:
    return (result.outcome, result.contract, result.type)


def _order(one: MoveView) -> Sequence[str]:
    return [part or "" for part in (*_key(one.before), *_key(one.after))]
