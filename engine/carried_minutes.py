"""Minutes that a holder carries under Rollover, and the contracts that draw them.

Source: product.md section 7 (Rollover).
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from engine.burn_order import Account
from engine.contracts import grant_window
from engine.months import Rests
from engine.payers import BEGINNING, NEVER, Carried, CarriedDraw, EntryToPay, Payer, Slice


class CarriedDrawDue(NamedTuple):
    """An instant at which a contract may draw carried minutes; in the order of entries by the first three."""

    at: datetime
    recorded_at: datetime
    id: str
    becomes_valid: bool
    contract: str


class CarriedMinutes:
    """What holders carry while entries are planned, and the contracts that are to draw it."""

    def __init__(
        self,
        accounts: Mapping[str, Account],
        draws: list[CarriedDraw],
        carried: Iterable[Carried],
        drawn: Iterable[CarriedDraw],
        due: Iterable[CarriedDrawDue],
        rests: Rests,
    ) -> None:
        self._accounts, self._draws, self._rests = accounts, draws, rests
        self._last_openings: dict[tuple[str, str], datetime] = {}
        for account in accounts.values():
            if account.payer.by_month:
                self._last_openings |= account.last_openings()
        self._amounts: dict[str, list[Carried]] = {}
        for amount in carried:
            self._amounts.setdefault(amount.holder, []).append(amount)
        for place, draw in sorted(_placed(drawn, accounts)):
            self._remove(draw, place)
        self._due = sorted(due, reverse=True)

    @property
    def next_at(self) -> datetime:
        """The instant of the next draw that may have to be made."""
        return self._due[-1].at if self._due else NEVER

    def add(self, entry: EntryToPay, slices: Iterable[Slice]) -> None:
        """Add what an entry carried."""
        holder, held = entry.carrier, entry.held
        order = (entry.started_at, entry.recorded_at, entry.id)
        self._amounts.setdefault(holder, []).extend(
            Carried(holder, one.contract, one.minutes, one.effective_at, held, order)
            for one in slices
            if one.kind == "carried"
        )

    def draw_before(self, at: datetime, recorded_at: datetime, entry_id: str) -> None:
        """Make the draws that come before an entry, after the months' ends before each of them."""
        while self._due and self._due[-1][:3] < (at, recorded_at, entry_id):
            self._rests.settle_until(self._due[-1].at)
            self._make(self._due.pop())
        self._rests.settle_until(at)

    def _make(self, due: CarriedDrawDue) -> None:
        account = self._accounts[due.contract]
        holder = account.payer.holder_at(due.at).key
        amounts = self._amounts.get(holder)
        if not amounts or not self._is_in_force_again(due, account):
            return
        wanted = sum(
            one.minutes
            for one in amounts
            if one.order < due[:3] and self._may_draw(due.contract, one, due.at)
        )
        grants = account.takes(due.at, wanted) if account.metered else []
        taken = sum(minutes for _, minutes in grants) if account.metered else wanted
        if taken:
            draw = CarriedDraw(holder, due.contract, taken, due.at, tuple(grants))
            removed = self._remove(draw, due)
            self._draws.append(draw._replace(held=_held_parts(grants, removed)))

    def _is_in_force_again(self, due: CarriedDrawDue, account: Account) -> bool:
        """Whether the contract draws: one that has minutes goes on as it is when it gets another grant."""
        if due.becomes_valid or account.payer.by_month:
            return True
        return not account.had_minutes_before(due.at)

    def _may_draw(self, contract: str, amount: Carried, at: datetime) -> bool:
        if amount.carried_at > at:
            return False
        if amount.contract == contract:
            return True
        if amount.contract is not None and self._has_months_to_come(amount.contract, amount.holder, at):
            return False
        account = self._accounts.get(contract)
        if account is None or not account.payer.by_month:
            return True
        # what a by-month contract could not pay at its start waits for its next months
        return account.payer.valid_from is not None and amount.carried_at <= account.payer.valid_from

    def _has_months_to_come(self, contract: str, holder: str, at: datetime) -> bool:
        """Whether minutes wait for later months of the contract that lacked them.

        Only once it is valid: before, its months may not even have been allocated.
        """
        if self._last_openings.get((contract, holder), BEGINNING) <= at:
            return False
        valid_from = self._accounts[contract].payer.valid_from
        return valid_from is not None and valid_from <= at

    def _remove(self, draw: CarriedDraw, due: CarriedDrawDue) -> list[Carried]:
        """Take the minutes of a draw from what is carried: the contract's own first, then the oldest.

        Returns what was taken, in order.
        """
        amounts = self._amounts.get(draw.holder, [])
        rest = draw.minutes
        removed = []
        places = sorted(
            range(len(amounts)),
            key=lambda place: (
                amounts[place].contract != draw.contract,
                amounts[place].carried_at,
                amounts[place].order,
            ),
        )
        for place in places:
            amount = amounts[place]
            if amount.order < due[:3] and self._may_draw(draw.contract, amount, draw.drawn_at):
                taken = min(rest, amount.minutes)
                amounts[place] = amount._replace(minutes=amount.minutes - taken)
                removed.append(amount._replace(minutes=taken))
                rest -= taken
        self._amounts[draw.holder] = [amount for amount in amounts if amount.minutes]
        return removed


def _placed(
    drawn: Iterable[CarriedDraw], accounts: Mapping[str, Account]
) -> list[tuple[CarriedDrawDue, CarriedDraw]]:
    """Draws that were made before, each with its place among the entries.

    One that would not be made today, such as by a contract that was cancelled since, is last at its instant.
    """
    due: dict[tuple[str, datetime], CarriedDrawDue] = {}
    made = list(drawn)
    for contract in {one.contract for one in made} & accounts.keys():
        for one in sorted(draws_of(accounts[contract].payer, BEGINNING, NEVER), reverse=True):
            due[contract, one.at] = one
    return [
        (
            due.get((one.contract, one.drawn_at))
            or CarriedDrawDue(one.drawn_at, NEVER, "", True, one.contract),
            one,
        )
        for one in made
    ]


def _held_parts(grants: Iterable[tuple[str, int]], taken: Sequence[Carried]) -> tuple[tuple[str, int], ...]:
    """The minutes of each grant that are given for entries that await approval.

    What was taken first is given by the grant that gives first.
    """
    if not any(one.held for one in taken):
        return ()
    held: dict[str, int] = {}
    left = [(one.minutes, one.held) for one in reversed(taken) if one.minutes]
    for grant_id, minutes in grants:
        while minutes and left:
            amount, is_held = left.pop()
            part = min(minutes, amount)
            minutes -= part
            if is_held:
                held[grant_id] = held.get(grant_id, 0) + part
            if amount > part:
                left.append((amount - part, is_held))
    return tuple(held.items())


def draws_of(payer: Payer, since: datetime, until: datetime) -> Iterable[CarriedDrawDue]:
    """The instants at which a contract may draw what its holder carries."""
    valid_from = payer.valid_from
    # carried minutes have no rate by which money could pay for them
    if valid_from is None or payer.draws in ("incidents", "money") or payer.holder.kind == "service_request":
        return
    found = [CarriedDrawDue(valid_from, payer.recorded_at, payer.contract, True, payer.contract)]
    for grant in payer.grants:
        window = grant_window(grant, payer.window)
        if window is not None and window.start > valid_from:
            # a month was agreed when the contract was sold, another grant perhaps at the very instant
            recorded_at = payer.recorded_at if payer.by_month else window.start
            found.append(CarriedDrawDue(window.start, recorded_at, grant.id, False, payer.contract))
    yield from (one for one in found if since <= one.at <= until and payer.window.contains(one.at))
