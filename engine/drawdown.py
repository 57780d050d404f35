"""Which grants pay for time worked, and what happens to the remainder.

`plan_entries` is the draw-down: from all that is known of contracts, grants and work to what each of them
pays. It depends on instants only, never on the order in which things were entered.

    2026-03-02  G1 30m                             (contract C1)
    2026-03-03  work 20m                 -> G1 20
    2026-03-04  work 25m                 -> G1 10, carried 15
    2026-03-10  C2 with G2 60m           -> carried 15 drawn from G2

Source: product.md section 7.
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from operator import attrgetter
from typing import Literal, NamedTuple, get_args

from engine.contracts import Draws, ExcludedTime, Grant, Holder, TimeExpired, Window, grant_window

AllocationKind = Literal["grant", "covered", "carried", "ignored", "overage"]
ALLOCATION_KINDS: tuple[AllocationKind, ...] = get_args(AllocationKind)

NEVER = datetime.max.replace(tzinfo=UTC)
BEGINNING = datetime.min.replace(tzinfo=UTC)
REST_KIND: dict[TimeExpired, AllocationKind] = {"rollover": "carried", "ignore": "ignored", "bill": "overage"}


@dataclass(frozen=True, slots=True)
class TimeWorked:
    """Chargeable minutes over a half-open span of work. Instants are aware UTC.

    With `ended_at` None, all minutes count at `started_at`, however long the work took. Otherwise they are
    spread evenly over the span, which is split where a contract or grant starts or ends within it.
    """

    started_at: datetime
    ended_at: datetime | None
    chargeable_minutes: int


@dataclass(frozen=True, slots=True)
class SegmentToPay(TimeWorked):
    """A part of an entry that was charged by itself.

    `excluded`: the covering contract does not pay for it by a charging rule. The contracts after it do
    (`next_contract`), or it is billed, or recorded as uncovered (`free`).
    """

    excluded: ExcludedTime | None = None


@dataclass(frozen=True, slots=True)
class EntryToPay:
    """A work entry: chargeable minutes as in `TimeWorked`, and who pays them.

    `payers` are ids of contracts: the one that covered the request at `started_at`, then those that cascade
    takes; without `cascade`, these pay only for segments that the first one excludes. None pays for work that
    no contract covers. What they do not pay is handled by `time_expired`; `carrier` is the key of the holder
    who carries it under Rollover.
    `segments` are the parts that were charged each by itself, in order; their chargeable minutes sum to those
    of the entry. Without any, the entry is one part.
    """

    id: str
    started_at: datetime
    ended_at: datetime | None
    chargeable_minutes: int
    recorded_at: datetime
    payers: tuple[str, ...]
    time_expired: TimeExpired = "ignore"
    carrier: str = ""
    segments: tuple[SegmentToPay, ...] = ()
    cascade: bool = True


@dataclass(frozen=True, slots=True)
class Payer:
    """A contract that may pay, with its grants and their `available` minutes before the entries to plan.

    It became valid at `valid_from` and then draws what its holder had carried; None if it never does.
    `past_holders` are those who held it before, each until an instant (exclusive), in the order of time.
    `recorded_at` is when it was sold. `by_month`: each of its months has a grant, which draws what earlier
    months lacked. `term` is its period as agreed, where it ended earlier (cancelled): its grants are drawn in
    the order of their agreed ends, so that a cancellation moves no earlier work. None: the same as `window`.
    """

    contract: str
    holder: Holder
    window: Window
    draws: Draws
    grants: tuple[Grant, ...] = ()
    valid_from: datetime | None = None
    recorded_at: datetime = BEGINNING
    by_month: bool = False
    term: Window | None = None
    past_holders: tuple[tuple[datetime, Holder], ...] = ()

    def holder_at(self, at: datetime) -> Holder:
        """Who holds it at an instant (aware UTC)."""
        return next((holder for until, holder in self.past_holders if at < until), self.holder)


class Slice(NamedTuple):
    """Whole minutes taken by one grant, contract or policy, effective at the instant worked (aware UTC)."""

    kind: AllocationKind
    contract: str | None
    grant: str | None
    minutes: int
    effective_at: datetime


class Carried(NamedTuple):
    """Whole minutes that a holder (by key) carries since an instant; `contract` is the one that ran out."""

    holder: str
    contract: str | None
    minutes: int
    carried_at: datetime


class CarriedDraw(NamedTuple):
    """Carried minutes that a contract draws at an instant, with the minutes that each grant gives.

    A subscription gives none: it covers all of them. Minutes are whole, instants aware UTC.
    """

    holder: str
    contract: str
    minutes: int
    drawn_at: datetime
    grants: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class DrawDownPlan:
    """The slices of each entry by its id, the draws of carried minutes in order, and what is left.

    `left` are the whole minutes of each grant by id, whether or not it has expired by now.
    """

    slices: dict[str, list[Slice]] = field(default_factory=dict)
    carried_draws: list[CarriedDraw] = field(default_factory=list)
    left: dict[str, int] = field(default_factory=dict)


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
    another grant; by the later months of a by-month contract before any other contract.

    `payers` are by contract id, with everyone whom an entry names; `carried` are minutes that are not from
    these entries; `drawn` are draws before `since`, for which the payers' grants have been charged already.
    Units: whole minutes; instants aware UTC; windows are half-open. Grants never go below zero, and the
    slices of an entry sum to its chargeable minutes.
    Source: product.md section 7 (Time worked decides, not time typed).
    """
    left = {grant.id: grant.available for payer in payers.values() for grant in payer.grants}
    accounts = {contract: _Account(payer, left) for contract, payer in payers.items()}
    plan = DrawDownPlan(left=left)
    due = [draw for payer in payers.values() for draw in _draws_of(payer, since, until)]
    pool = _CarriedMinutes(accounts, plan.carried_draws, carried, drawn, due)
    chains: dict[tuple[tuple[str, ...], str, bool], _Chain] = {}
    slices = plan.slices
    ordered = sorted(entries, key=attrgetter("started_at", "recorded_at", "id"))
    next_draw_at = pool.next_at
    for entry in ordered:
        if next_draw_at <= entry.started_at:
            pool.draw_before(entry.started_at, entry.recorded_at, entry.id)
            next_draw_at = pool.next_at
        key = (entry.payers, entry.time_expired, entry.cascade)
        chain = chains.get(key)
        if chain is None:
            chain = chains[key] = _chain_of(entry, accounts)
        taken = slices[entry.id] = _pay_entry(entry, chain)
        if chain.rest.kind == "carried":
            for piece in taken:
                if piece.kind == "carried":
                    pool.add(entry.carrier, taken)
                    break
    pool.draw_before(NEVER, NEVER, "")
    return plan


def plan_entry(entry: EntryToPay, payers: Mapping[str, Payer]) -> list[Slice]:
    """The slices of one entry: the same as `plan_entries` for an entry after which nothing comes.

    `payers` are by contract id, with everyone whom the entry names. Source: product.md section 7.
    """
    left = {grant.id: grant.available for payer in payers.values() for grant in payer.grants}
    accounts = {contract: _Account(payers[contract], left) for contract in entry.payers}
    return _pay_entry(entry, _chain_of(entry, accounts))


def plan_draw_down(work: TimeWorked, payers: Sequence[Payer], time_expired: TimeExpired) -> list[Slice]:
    """Take chargeable minutes from the payers in order; the remainder is handled by the policy.

    The first payer is the covering contract; the others are those the search would choose next (cascade).
    Without a payer, all minutes are recorded as uncovered (`ignored`). The slices sum to the chargeable
    minutes.
    Units: whole minutes; instants aware UTC; windows are half-open.
    Source: product.md section 7.
    """
    left = {grant.id: grant.available for payer in payers for grant in payer.grants}
    accounts = [_Account(payer, left) for payer in payers]
    return _pay_all(work, accounts, _rest(REST_KIND[time_expired], accounts))


def burn_order(window: Window, grant_id: str) -> tuple[datetime, datetime, str]:
    """Sort key of a grant that is open in `window`: earliest end (none last), earliest start, lowest id.

    In SQL: `workflows.lifecycle.contracts.open_grants.burn_order_columns`. Source: product.md section 7.
    """
    return (window.until or NEVER, window.start, grant_id)


# ------------------------------------------------------------------ paying


class _Rest(NamedTuple):
    """What becomes of minutes that nobody pays, and the contract in whose name it is recorded."""

    kind: AllocationKind
    contract: str | None


class _Account:
    """A payer while it is planned, with the grants that are open between two of its boundaries.

    Work comes mostly in the order of time, so the open grants are computed again only at a boundary.
    """

    __slots__ = (
        "boundaries",
        "contract",
        "grants",
        "is_open",
        "left",
        "metered",
        "open",
        "payer",
        "since",
        "until",
    )

    def __init__(self, payer: Payer, left: dict[str, int]) -> None:
        self.payer, self.contract, self.left = payer, payer.contract, left
        self.metered = payer.draws == "minutes"
        self.grants = [
            (window, grant.id)
            for grant in sorted(payer.grants, key=lambda one: _agreed_order(one, payer))
            if (window := grant_window(grant, payer.window)) is not None
        ]
        edges = {edge for window in (payer.window, *(one for one, _ in self.grants)) for edge in window}
        self.boundaries: list[datetime] = sorted(edge for edge in edges if edge is not None)
        self.since = self.until = BEGINNING
        self.is_open = False
        self.open: list[str] = []

    def move_to(self, at: datetime) -> None:
        """Find the grants that are open at `at`, and until when this stays so."""
        place = bisect_right(self.boundaries, at)
        self.since = self.boundaries[place - 1] if place else BEGINNING
        self.until = self.boundaries[place] if place < len(self.boundaries) else NEVER
        self.is_open = self.payer.window.contains(at)
        left = self.left
        self.open = [
            grant_id for window, grant_id in self.grants if left[grant_id] > 0 and window.contains(at)
        ]

    def takes(self, at: datetime, minutes: int) -> list[tuple[str, int]]:
        """Take up to so many minutes from the grants open at `at`, in burn order: (grant, minutes)."""
        if not self.since <= at < self.until:
            self.move_to(at)
        found: list[tuple[str, int]] = []
        grants, left = self.open, self.left
        while grants and minutes:
            grant_id = grants[0]
            available = left[grant_id]
            if available > minutes:
                left[grant_id] = available - minutes
                found.append((grant_id, minutes))
                break
            grants.pop(0)
            left[grant_id] = 0
            minutes -= available
            found.append((grant_id, available))
        return found

    def had_minutes_before(self, at: datetime) -> bool:
        """Whether a grant that was open just before `at` has minutes left."""
        return any(
            self.left[grant_id] > 0
            for window, grant_id in self.grants
            if window.start < at and (window.until is None or window.until >= at)
        )

    def last_openings(self) -> dict[tuple[str, str], datetime]:
        """When the last of its grants opens for each of its holders, by the contract and the holder's key."""
        starts = sorted(window.start for window, _ in self.grants)
        return {(self.contract, self.payer.holder_at(start).key): start for start in starts}


def _agreed_order(grant: Grant, payer: Payer) -> tuple[datetime, datetime, str]:
    """The burn order of a grant by its agreed end; one that can never be drawn has any place."""
    window = grant_window(grant, payer.term or payer.window)
    return burn_order(window or payer.window, grant.id)


class _Chain(NamedTuple):
    """All payers of an entry, those that pay for what is not excluded, and what becomes of the remainder."""

    every: Sequence[_Account]
    own: Sequence[_Account]
    rest: _Rest


def _chain_of(entry: EntryToPay, accounts: Mapping[str, _Account]) -> _Chain:
    every = [accounts[contract] for contract in entry.payers]
    own = every if entry.cascade else every[:1]
    return _Chain(every, own, _rest(REST_KIND[entry.time_expired], every))


def _pay_entry(entry: EntryToPay, chain: _Chain) -> list[Slice]:
    """The slices of one entry, segment by segment."""
    every, own, rest = chain
    if not entry.segments:
        return _pay_all(entry, own, rest)
    slices: list[Slice] = []
    for segment in entry.segments:
        if segment.excluded is None or not every:
            slices += _pay_all(segment, own, rest)
        else:
            slices += _pay_excluded(segment, segment.excluded, every, rest)
    return slices


def _pay_excluded(
    segment: SegmentToPay, excluded: ExcludedTime, accounts: Sequence[_Account], rest: _Rest
) -> list[Slice]:
    """The slices of a segment that the first account, the covering contract, does not pay for."""
    covering = accounts[0].contract
    if excluded == "free":
        return _pay_all(segment, (), _Rest("ignored", covering))
    if excluded == "bill":
        return _pay_all(segment, (), _Rest("overage", covering))
    kind: AllocationKind = "overage" if rest.kind == "overage" else "ignored"
    return _pay_all(segment, accounts[1:], _Rest(kind, covering))


def _rest(kind: AllocationKind, accounts: Sequence[_Account]) -> _Rest:
    """Where minutes go that the accounts do not pay; without any, they are recorded as uncovered."""
    return _Rest(kind, accounts[0].contract) if accounts else _Rest("ignored", None)


def _pay_all(work: TimeWorked | EntryToPay, accounts: Sequence[_Account], rest: _Rest) -> list[Slice]:
    """The slices of one segment; what they take is subtracted from what the grants have left."""
    minutes = work.chargeable_minutes
    if not minutes:
        return []
    at, ended_at = work.started_at, work.ended_at
    if ended_at is not None:
        for account in accounts:
            if not account.since <= at < account.until:
                account.move_to(at)
            if account.until < ended_at:
                return _pay_parts(work, ended_at, accounts, rest)
    slices: list[Slice] = []
    _pay(at, minutes, accounts, rest, slices)
    return slices


def _pay(
    at: datetime,
    minutes: int,
    accounts: Sequence[_Account],
    rest: _Rest,
    slices: list[Slice],
) -> None:
    """Take minutes at one instant from the accounts in order; the policy takes what they do not pay."""
    for account in accounts:
        if account.metered:
            for grant_id, taken in account.takes(at, minutes):
                minutes -= taken
                slices.append(Slice("grant", account.contract, grant_id, taken, at))
            if not minutes:
                return
        elif account.payer.window.contains(at):
            slices.append(Slice("covered", account.contract, None, minutes, at))
            return
    slices.append(Slice(rest.kind, rest.contract, None, minutes, at))


def _pay_parts(
    work: TimeWorked | EntryToPay,
    ended_at: datetime,
    accounts: Sequence[_Account],
    rest: _Rest,
) -> list[Slice]:
    """Split work where any window starts or ends within it, and pay each part at its start.

    Minutes are distributed by elapsed time, rounded down cumulatively, so that the parts sum to the whole.
    """
    started_at, minutes = work.started_at, work.chargeable_minutes
    cuts = {cut for account in accounts for cut in account.boundaries if started_at < cut < ended_at}
    slices: list[Slice] = []
    span, given, at = ended_at - started_at, 0, started_at
    for cut in (*sorted(cuts), ended_at):
        due = minutes * (cut - started_at) // span
        if due > given:
            _pay(at, due - given, accounts, rest, slices)
            given = due
        at = cut
    return slices


# ------------------------------------------------------------------ carried minutes


class _Draw(NamedTuple):
    """An instant at which a contract may draw carried minutes; in the order of entries by the first three."""

    at: datetime
    recorded_at: datetime
    id: str
    becomes_valid: bool
    contract: str


class _CarriedMinutes:
    """What holders carry while entries are planned, and the contracts that are to draw it."""

    def __init__(
        self,
        accounts: Mapping[str, _Account],
        draws: list[CarriedDraw],
        carried: Iterable[Carried],
        drawn: Iterable[CarriedDraw],
        due: Iterable[_Draw],
    ) -> None:
        self._accounts, self._draws = accounts, draws
        self._last_openings: dict[tuple[str, str], datetime] = {}
        for account in accounts.values():
            if account.payer.by_month:
                self._last_openings |= account.last_openings()
        self._amounts: dict[str, list[Carried]] = {}
        for amount in sorted(carried, key=lambda one: (one.carried_at, one.contract or "")):
            self._amounts.setdefault(amount.holder, []).append(amount)
        for draw in sorted(drawn, key=lambda one: one.drawn_at):
            self._remove(draw)
        self._due = sorted(due, reverse=True)

    @property
    def next_at(self) -> datetime:
        """The instant of the next draw that may have to be made."""
        return self._due[-1].at if self._due else NEVER

    def add(self, holder: str, slices: Iterable[Slice]) -> None:
        """Add what an entry carried."""
        self._amounts.setdefault(holder, []).extend(
            Carried(holder, one.contract, one.minutes, one.effective_at)
            for one in slices
            if one.kind == "carried"
        )

    def draw_before(self, at: datetime, recorded_at: datetime, entry_id: str) -> None:
        """Make the draws that come before an entry."""
        while self._due and self._due[-1][:3] < (at, recorded_at, entry_id):
            self._make(self._due.pop())

    def _make(self, due: _Draw) -> None:
        account = self._accounts[due.contract]
        holder = account.payer.holder_at(due.at).key
        amounts = self._amounts.get(holder)
        if not amounts or not self._is_in_force_again(due, account):
            return
        wanted = sum(one.minutes for one in amounts if self._may_draw(due.contract, one, due.at))
        grants = account.takes(due.at, wanted) if account.metered else []
        taken = sum(minutes for _, minutes in grants) if account.metered else wanted
        if taken:
            draw = CarriedDraw(holder, due.contract, taken, due.at, tuple(grants))
            self._remove(draw)
            self._draws.append(draw)

    def _is_in_force_again(self, due: _Draw, account: _Account) -> bool:
        """Whether the contract draws: one that has minutes goes on as it is when it gets another grant."""
        if due.becomes_valid or account.payer.by_month:
            return True
        return not account.had_minutes_before(due.at)

    def _may_draw(self, contract: str, amount: Carried, at: datetime) -> bool:
        if amount.carried_at > at:
            return False
        if amount.contract == contract:
            return True
        lacking = amount.contract
        if lacking is not None and self._last_openings.get((lacking, amount.holder), BEGINNING) > at:
            return False
        account = self._accounts.get(contract)
        if account is None or not account.payer.by_month:
            return True
        # what a by-month contract could not pay at its start waits for its next months
        return account.payer.valid_from is not None and amount.carried_at <= account.payer.valid_from

    def _remove(self, draw: CarriedDraw) -> None:
        """Take the minutes of a draw from what is carried: the contract's own first, then the oldest."""
        amounts = self._amounts.get(draw.holder, [])
        rest = draw.minutes
        places = sorted(
            range(len(amounts)),
            key=lambda place: (amounts[place].contract != draw.contract, amounts[place].carried_at),
        )
        for place in places:
            amount = amounts[place]
            if self._may_draw(draw.contract, amount, draw.drawn_at):
                taken = min(rest, amount.minutes)
                amounts[place] = amount._replace(minutes=amount.minutes - taken)
                rest -= taken
        self._amounts[draw.holder] = [amount for amount in amounts if amount.minutes]


def _draws_of(payer: Payer, since: datetime, until: datetime) -> Iterable[_Draw]:
    """The instants at which a contract may draw what its holder carries."""
    valid_from = payer.valid_from
    if valid_from is None or payer.draws == "incidents" or payer.holder.kind == "service_request":
        return
    found = [_Draw(valid_from, payer.recorded_at, payer.contract, True, payer.contract)]
    for grant in payer.grants:
        window = grant_window(grant, payer.window)
        if window is not None and window.start > valid_from:
            # a month was agreed when the contract was sold, another grant perhaps at the very instant
            recorded_at = payer.recorded_at if payer.by_month else window.start
            found.append(_Draw(window.start, recorded_at, grant.id, False, payer.contract))
    yield from (one for one in found if since <= one.at <= until and payer.window.contains(one.at))


# ------------------------------------------------------------------ differences


class Posted(NamedTuple):
    """A slice of an entry that has been posted, and the id under which it is stored."""

    id: str
    entry: str
    slice: Slice


@dataclass(frozen=True, slots=True)
class Difference:
    """What to reverse and what to post, so that the planned slices are the posted ones."""

    to_reverse: list[Posted]
    to_post: list[tuple[str, Slice]]


def difference(planned: Mapping[str, Sequence[Slice]], posted: Iterable[Posted]) -> Difference:
    """The least that has to be reversed and posted: a slice that is posted as planned stays.

    `planned` are slices by the id of their entry; an entry that is not among them is to have none.
    """
    missing = {entry: list(slices) for entry, slices in planned.items()}
    to_reverse: list[Posted] = []
    for one in posted:
        wanted = missing.get(one.entry)
        if wanted and one.slice in wanted:
            wanted.remove(one.slice)
        else:
            to_reverse.append(one)
    to_post = [(entry, piece) for entry, slices in missing.items() for piece in slices]
    return Difference(to_reverse, to_post)
