"""Which grants pay for time worked, and what happens to the remainder.

`plan_entries` is the draw-down: from all that is known of contracts, grants and work to what each of them
pays. It depends on instants only, never on the order in which things were entered.

    2026-03-02  G1 30m                             (contract C1)
    2026-03-03  work 20m                 -> G1 20
    2026-03-04  work 25m                 -> G1 10, carried 15
    2026-03-10  C2 with G2 60m           -> carried 15 drawn from G2

Source: product.md section 7.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from operator import attrgetter
from typing import Any, NamedTuple

from engine.burn_order import Account
from engine.carried_minutes import CarriedMinutes, draws_of
from engine.contracts import ExcludedTime, TimeExpired
from engine.money_grants import PricedPart, pay_with_money
from engine.months import Rests
from engine.payers import (
    BEGINNING,
    NEVER,
    REST_KIND,
    AllocationKind,
    Carried,
    CarriedDraw,
    DrawDownPlan,
    EntryToPay,
    Payer,
    SegmentToPay,
    Slice,
    SliceRow,
    TimeWorked,
)
from engine.quantities import Money


def plan_entries(
    entries: Iterable[EntryToPay],
    payers: Mapping[str, Payer],
    *,
    since: datetime = BEGINNING,
    until: datetime = NEVER,
    carried: Iterable[Carried] = (),
    drawn: Iterable[CarriedDraw] = (),
) -> DrawDownPlan:
    """Plan work entries, and the draws of carried minutes in [since, until], in the order of the instants.

    Entries and draws are taken in the order of the instant, then the instant recorded, then the id. Carried
    minutes are drawn by the holder's next contract that becomes valid, or that comes back into force by
    another grant; by the later months of a by-month contract before any other contract. What a month keeps of
    its rest is settled at its end, before the draws and entries of that instant.

    `payers` are by contract id, with everyone whom an entry names; `carried` are minutes that are not from
    these entries; `drawn` are draws before `since`, for which the payers' grants have been charged already.
    Units: whole minutes, and minor units of grants of money; instants aware UTC; windows are half-open.
    Grants never go below zero, and the slices of an entry sum to its chargeable minutes.
    Source: product.md section 7 (Time worked decides, not time typed).
    """
    left = {grant.id: grant.available for payer in payers.values() for grant in payer.grants}
    accounts = {contract: Account(payer, left) for contract, payer in payers.items()}
    plan = DrawDownPlan(left=left)
    due = [draw for payer in payers.values() for draw in draws_of(payer, since, until)]
    rests_due = [rest for account in accounts.values() for rest in account.await_rests(since, until)]
    months = [account.months for account in accounts.values() if account.months is not None]
    rests = Rests(months, rests_due, plan.rests)
    pool = CarriedMinutes(accounts, plan.carried_draws, carried, drawn, due, rests)
    chains: dict[tuple[tuple[str, ...], str, bool], _Chain] = {}
    rows = plan.slices.rows
    ordered = sorted(entries, key=attrgetter("started_at", "recorded_at", "id"))
    next_draw_at = min(pool.next_at, rests.next_at)
    for entry in ordered:
        if next_draw_at <= entry.started_at:
            pool.draw_before(entry.started_at, entry.recorded_at, entry.id)
            next_draw_at = min(pool.next_at, rests.next_at)
        key = (entry.payers, entry.time_expired, entry.cascade)
        chain = chains.get(key)
        if chain is None:
            chain = chains[key] = _chain_of(entry, accounts)
        taken = _pay_entry(entry, chain)
        rows[entry.id] = tuple(_held(taken) if entry.held else taken)
        if chain.rest.kind == "carried":
            for row in taken:
                if row[0] == "carried":
                    pool.add(entry, map(Slice._make, taken))
                    break
    pool.draw_before(NEVER, NEVER, "")
    return plan


def plan_entry(entry: EntryToPay, payers: Mapping[str, Payer]) -> list[Slice]:
    """The slices of one entry: the same as `plan_entries` for an entry after which nothing comes.

    `payers` are by contract id, with everyone whom the entry names. Source: product.md section 7.
    """
    left = {grant.id: grant.available for payer in payers.values() for grant in payer.grants}
    accounts = {contract: Account(payers[contract], left) for contract in entry.payers}
    rows = _pay_entry(entry, _chain_of(entry, accounts))
    return [Slice._make(row) for row in (_held(rows) if entry.held else rows)]


def plan_draw_down(work: TimeWorked, payers: Sequence[Payer], time_expired: TimeExpired) -> list[Slice]:
    """Take chargeable minutes from the payers in order; the remainder is handled by the policy.

    The first payer is the covering contract; the others are those the search would choose next (cascade).
    Without a payer, all minutes are recorded as uncovered (`ignored`). The slices sum to the chargeable
    minutes.
    Units: whole minutes; instants aware UTC; windows are half-open.
    Source: product.md section 7.
    """
    left = {grant.id: grant.available for payer in payers for grant in payer.grants}
    accounts = [Account(payer, left) for payer in payers]
    return [Slice._make(row) for row in _pay_all(work, accounts, _rest(REST_KIND[time_expired], accounts))]


class _Rest(NamedTuple):
    """What becomes of minutes that nobody pays, and the contract in whose name it is recorded."""

    kind: AllocationKind
    contract: str | None


class _Chain(NamedTuple):
    """All payers of an entry, those that pay for what is not excluded, and what becomes of the remainder."""

    every: Sequence[Account]
    own: Sequence[Account]
    rest: _Rest


def _chain_of(entry: EntryToPay, accounts: Mapping[str, Account]) -> _Chain:
    every = [accounts[contract] for contract in entry.payers]
    own = every if entry.cascade else every[:1]
    return _Chain(every, own, _rest(REST_KIND[entry.time_expired], every))


def _held(slices: Iterable[SliceRow]) -> list[SliceRow]:
    """The slices of an entry that awaits approval: those of grants are held."""
    return [(*one[:-1], True) if one[0] == "grant" else one for one in slices]


def _pay_entry(entry: EntryToPay, chain: _Chain) -> list[SliceRow]:
    """The slices of one entry, segment by segment."""
    every, own, rest = chain
    if not entry.segments:
        return _pay_all(entry, own, rest, entry.facts)
    slices: list[SliceRow] = []
    for segment in entry.segments:
        if segment.excluded is None or not every:
            slices += _pay_all(segment, own, rest, entry.facts, segment.rate)
        else:
            slices += _pay_excluded(segment, segment.excluded, every, rest, entry.facts)
    return slices


def _pay_excluded(
    segment: SegmentToPay, excluded: ExcludedTime, accounts: Sequence[Account], rest: _Rest, facts: Any
) -> list[SliceRow]:
    """The slices of a segment that the first account, the covering contract, does not pay for."""
    covering = accounts[0].contract
    if excluded == "free":
        return _pay_all(segment, (), _Rest("ignored", covering))
    if excluded == "bill":
        return _pay_all(segment, (), _Rest("overage", covering))
    kind: AllocationKind = "overage" if rest.kind == "overage" else "ignored"
    return _pay_all(segment, accounts[1:], _Rest(kind, covering), facts, segment.rate)


def _rest(kind: AllocationKind, accounts: Sequence[Account]) -> _Rest:
    """Where minutes go that the accounts do not pay; without any, they are recorded as uncovered."""
    return _Rest(kind, accounts[0].contract) if accounts else _Rest("ignored", None)


def _pay_all(
    work: TimeWorked | EntryToPay,
    accounts: Sequence[Account],
    rest: _Rest,
    facts: Any = None,
    rate: Money | None = None,
) -> list[SliceRow]:
    """The slices of one segment; what they take is subtracted from what the grants have left.

    `rate` is the price of an hour; only a segment may have one.
    """
    minutes = work.chargeable_minutes
    if not minutes:
        return []
    at, ended_at = work.started_at, work.ended_at
    if ended_at is not None:
        for account in accounts:
            if not account.since <= at < account.until:
                account.move_to(at)
            if account.until < ended_at:
                return _pay_parts(work, ended_at, accounts, rest, facts, rate)
    slices: list[SliceRow] = []
    _pay(at, minutes, accounts, rest, slices, facts, rate=rate, until=minutes)
    return slices


def _pay(
    at: datetime,
    minutes: int,
    accounts: Sequence[Account],
    rest: _Rest,
    slices: list[SliceRow],
    facts: Any,
    *,
    rate: Money | None,
    until: int,
) -> None:
    """Take minutes at one instant from the accounts in order; the policy takes what they do not pay.

    They are the last of the first `until` minutes of their segment, of which an hour costs `rate`.
    """
    whole = minutes
    for account in accounts:
        if account.currency is not None:
            if rate is not None:
                part = PricedPart(minutes, whole, until, rate)
                minutes -= pay_with_money(account, at, part, slices, facts)
            if not minutes:
                return
        elif account.metered:
            for grant_id, taken in account.takes(at, minutes, facts):
                minutes -= taken
                slices.append(("grant", account.contract, grant_id, taken, at, None, False))
            if minutes and account.months is not None:
                ahead = account.lends(at, minutes)
                if ahead is not None:
                    minutes -= ahead[1]
                    slices.append(("grant", account.contract, ahead[0], ahead[1], at, None, False))
            if not minutes:
                return
        elif account.payer.window.contains(at):
            slices.append(("covered", account.contract, None, minutes, at, None, False))
            return
    slices.append((rest.kind, rest.contract, None, minutes, at, None, False))


def _pay_parts(
    work: TimeWorked | EntryToPay,
    ended_at: datetime,
    accounts: Sequence[Account],
    rest: _Rest,
    facts: Any,
    rate: Money | None,
) -> list[SliceRow]:
    """Split work where any window starts or ends within it, and pay each part at its start.

    Minutes are distributed by elapsed time, rounded down cumulatively, so that the parts sum to the whole.
    """
    started_at, minutes = work.started_at, work.chargeable_minutes
    cuts = {cut for account in accounts for cut in account.boundaries if started_at < cut < ended_at}
    slices: list[SliceRow] = []
    span, given, at = ended_at - started_at, 0, started_at
    for cut in (*sorted(cuts), ended_at):
        due = minutes * (cut - started_at) // span
        if due > given:
            _pay(at, due - given, accounts, rest, slices, facts, rate=rate, until=due)
            given = due
        at = cut
    return slices
