"""The draw-down, stated a second time as simply as possible: one minute after the other, from the beginning.

It knows nothing of the engine or the database. A test compares it with what the product has posted.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise

BEGINNING = datetime.min.replace(tzinfo=UTC)
Key = tuple[datetime, datetime, str]
"""The instant at which something happened, the instant at which it was recorded, and its id."""


@dataclass
class ModelGrant:
    """`minutes` are minor units of money in a contract whose minutes have a price."""

    id: str
    minutes: int
    opens_at: datetime
    closes_at: datetime | None
    granted_at: datetime = BEGINNING
    withdrawn: int = 0
    withdrawals: list[tuple[datetime, int]] = field(default_factory=list)
    priority: int = 100
    is_month: bool = False
    rest_of: str | None = None
    """The month whose rest it gets at the month's end, by id; `minutes` are then the most that it may get."""

    def is_open(self, at: datetime) -> bool:
        return self.opens_at <= at and (self.closes_at is None or at < self.closes_at)


@dataclass
class ModelContract:
    id: str
    holder: str
    sold_at: datetime
    starts_at: datetime
    ends_at: datetime | None
    by_month: bool
    policy: str
    grants: list[ModelGrant] = field(default_factory=list)
    cancelled_at: datetime | None = None
    past_policies: list[tuple[datetime, str]] = field(default_factory=list)
    past_holders: list[tuple[datetime, str]] = field(default_factory=list)
    minor_per_minute: int = 0
    """The price of each minute for a contract in money."""
    lends: dict[str, int] = field(default_factory=dict)
    """How many minutes the month before may draw ahead, by the month's grant."""

    def next_month(self, at: datetime) -> ModelGrant | None:
        """The month after the one of an instant; None if there is none."""
        months = sorted((one for one in self.grants if one.is_month), key=lambda one: one.opens_at)
        later = [one for one in months if one.opens_at > at]
        return later[0] if self.covers(at) and len(later) < len(months) and later else None

    def rests(self) -> list[ModelGrant]:
        """What can ever get the rest of a month."""
        return [one for one in self.grants if one.rest_of is not None and self._span(one) is not None]

    def policy_at(self, at: datetime) -> str:
        return next((one for until, one in sorted(self.past_policies) if at < until), self.policy)

    def holder_at(self, at: datetime) -> str:
        return next((one for until, one in sorted(self.past_holders) if at < until), self.holder)

    @property
    def until(self) -> datetime | None:
        return min((one for one in (self.ends_at, self.cancelled_at) if one is not None), default=None)

    @property
    def valid_from(self) -> datetime:
        return max(self.sold_at, self.starts_at)

    def covers(self, at: datetime) -> bool:
        return self.starts_at <= at and (self.until is None or at < self.until)

    def has_ended(self, grant: ModelGrant, at: datetime) -> bool:
        """Whether a grant can no longer be drawn, also where that was never possible."""
        if self.cancelled_at is not None and self.cancelled_at <= at:
            return True
        ends = [one for one in (grant.closes_at, self.ends_at) if one is not None]
        return bool(ends) and max(min(ends), max(grant.opens_at, self.starts_at)) <= at

    def open_grants(self, at: datetime) -> list[ModelGrant]:
        """Those that pay at an instant, by their ends as agreed: a cancellation changes no order."""
        found = [one for one in self.grants if self.covers(at) and one.is_open(at)]
        last = datetime.max.replace(tzinfo=at.tzinfo)
        ends = [one for one in (self.ends_at,) if one is not None]
        return sorted(
            found,
            key=lambda one: (
                one.priority,
                min([one.closes_at or last, *ends]),
                max(one.opens_at, self.starts_at),
                one.id,
            ),
        )

    def boundaries(self) -> set[datetime]:
        """When it or one of its grants begins or ends."""
        edges = {self.starts_at, self.until}
        for one in self.grants:
            edges |= set(self._span(one) or ())
        return {edge for edge in edges if edge is not None}

    def _span(self, grant: ModelGrant) -> tuple[datetime, datetime | None] | None:
        """From when until when a grant is open; None if it never is."""
        begins = max(grant.opens_at, self.starts_at)
        ends = min((end for end in (grant.closes_at, self.until) if end is not None), default=None)
        return (begins, ends) if ends is None or begins < ends else None

    def openings(self) -> list[tuple[datetime, str]]:
        """When its grants open, with their ids; those that never do are left out."""
        spans = [(self._span(one), one.id) for one in self.grants]
        return [(span[0], grant_id) for span, grant_id in spans if span is not None]


@dataclass
class ModelSegment:
    """Minutes over [start, end); all of them at the start if `end` is None."""

    start: datetime
    end: datetime | None
    minutes: int

    def instants(self, cuts: set[datetime]) -> list[datetime]:
        """When each of the minutes is drawn: at the last cut before it has gone by, or at the start."""
        if self.end is None:
            return [self.start] * self.minutes
        within = sorted(cut for cut in cuts if self.start < cut < self.end)
        found: list[datetime] = []
        for begins, ends in pairwise([self.start, *within, self.end]):
            gone_by = self.minutes * (ends - self.start) // (self.end - self.start)
            found += [begins] * (gone_by - len(found))
        return found


@dataclass
class ModelEntry:
    id: str
    worked_at: datetime
    recorded_at: datetime
    segments: list[ModelSegment]
    covered_by: str
    cascade: bool


@dataclass
class Result:
    """Minutes by where they went, as (entry, kind, contract, grant); what each grant gave, and when."""

    taken: dict[tuple[str, str, str, str | None], int] = field(default_factory=dict)
    drawn: list[tuple[str, datetime, int]] = field(default_factory=list)
    carried: list[tuple[str, datetime]] = field(default_factory=list)
    carried_drawn: list[tuple[str, datetime]] = field(default_factory=list)
    rests: dict[str, int] = field(default_factory=dict)
    """The minutes that months left, by the grant that got them."""


@dataclass
class _Minute:
    """A carried minute: since when, by which contract, of which holder."""

    at: datetime
    contract: str
    holder: str


class _Left:
    """What grants have left, minute by minute; what is withdrawn of a rest is reserved in its month."""

    def __init__(self, contracts: Iterable[ModelContract]) -> None:
        self._grants = {one.id: one for contract in contracts for one in contract.grants}
        self._left = {one.id: one.minutes - one.withdrawn for one in self._grants.values()}
        self._given: dict[str, int] = {}
        self._lent: dict[str, int] = {}
        self._settled: set[str] = set()
        for one in self._grants.values():
            if one.rest_of is not None:
                self._left[one.id], self._given[one.id] = 0, one.withdrawn
                self._left[one.rest_of] -= one.withdrawn

    def of(self, grant: ModelGrant) -> int:
        return self._left[grant.id]

    def take(self, contract: ModelContract, at: datetime, *, ahead: bool = True) -> tuple[str, int] | None:
        """Take a minute of a contract; the grant that gave it, and what of it."""
        for grant in contract.open_grants(at):
            if self._left[grant.id] or self._pull(grant):
                # the minute that a grant of money began is paid by it
                amount = min(contract.minor_per_minute or 1, self._left[grant.id])
                self._left[grant.id] -= amount
                return grant.id, amount
        month = contract.next_month(at) if ahead else None
        if month is None or not self._left[month.id]:
            return None
        lent = self._lent.get(month.id, 0)
        if lent >= contract.lends.get(month.id, 0):
            return None
        self._left[month.id] -= 1
        self._lent[month.id] = lent + 1
        return month.id, 1

    def settle(self, rest: str) -> int:
        """Give a rest what its month has left, up to the cap; all that it has been given."""
        while self._pull(self._grants[rest]):
            pass
        self._settled.add(rest)
        return self._given[rest]

    def _pull(self, grant: ModelGrant) -> bool:
        """Give a rest one minute of its month, where it is not settled yet."""
        month = grant.rest_of
        if month is None or grant.id in self._settled or not self._left[month]:
            return False
        if self._given[grant.id] >= grant.minutes:
            return False
        self._left[month] -= 1
        self._left[grant.id] += 1
        self._given[grant.id] += 1
        return True


class Model:
    """All that has happened, in whatever order it was entered; `result` works it out as of `now`."""

    def __init__(self) -> None:
        self.contracts: dict[str, ModelContract] = {}
        self.entries: dict[str, ModelEntry] = {}

    def result(self, now: datetime) -> Result:
        found = Result()
        left = _Left(self.contracts.values())
        waiting: list[_Minute] = []
        for (at, _, _), what, subject in sorted(self._happenings(now)):
            if what == "work":
                self._work(self.entries[subject], left, waiting, found)
            elif what == "a rest":
                found.rests[subject] = left.settle(subject)
            else:
                self._draw(self.contracts[subject], at, what == "valid", left, waiting, found)
        return found

    def _happenings(self, now: datetime) -> list[tuple[Key, str, str]]:
        events = [((one.worked_at, one.recorded_at, one.id), "work", one.id) for one in self.entries.values()]
        for one in self.contracts.values():
            events += [((rest.opens_at, BEGINNING, rest.id), "a rest", rest.id) for rest in one.rests()]
            begins = one.valid_from
            if one.covers(begins) and not one.minor_per_minute:
                events.append(((begins, one.sold_at, one.id), "valid", one.id))
                for at, grant_id in one.openings():
                    if at > begins:
                        events.append(((at, one.sold_at if one.by_month else at, grant_id), "grant", one.id))
        return [one for one in events if one[0][0] <= now]

    def _chain(self, entry: ModelEntry) -> list[ModelContract]:
        """The covering contract, then by cascade those in force: the item's before the customer's, then the
        first to end, the first started, the first sold."""
        first = self.contracts[entry.covered_by]
        if not entry.cascade:
            return [first]
        at = entry.worked_at
        last = datetime.max.replace(tzinfo=at.tzinfo)
        others = [one for one in self.contracts.values() if one is not first and one.covers(at)]
        others.sort(
            key=lambda one: (
                one.holder_at(at)[:4] != "item",
                one.ends_at or last,
                one.starts_at,
                one.sold_at,
                one.id,
            )
        )
        return [first, *others]

    def _work(self, entry: ModelEntry, left: "_Left", waiting: list[_Minute], found: Result) -> None:
        chain = self._chain(entry)
        cuts = {cut for contract in chain for cut in contract.boundaries()}
        for at in [at for segment in entry.segments for at in segment.instants(cuts)]:
            payer = next(((one, grant) for one in chain if (grant := left.take(one, at))), None)
            if payer is not None:
                contract, (grant_id, amount) = payer
                self._take(found, (entry.id, "grant", contract.id, grant_id))
                found.drawn.append((grant_id, at, amount))
                continue
            # the terms of a contract hold for a whole entry, as they are when its work begins
            began = entry.worked_at
            kind = {"rollover": "carried", "ignore": "ignored"}[chain[0].policy_at(began)]
            self._take(found, (entry.id, kind, chain[0].id, None))
            if kind == "carried":
                waiting.append(_Minute(at, chain[0].id, chain[0].holder_at(began)))
                found.carried.append((chain[0].holder_at(began), at))

    def _draw(
        self,
        contract: ModelContract,
        at: datetime,
        becomes_valid: bool,
        left: "_Left",
        waiting: list[_Minute],
        found: Result,
    ) -> None:
        """A contract draws what its holder carries: its own minutes first, then the oldest."""
        if not becomes_valid and not contract.by_month and self._was_in_force(contract, at, left):
            return
        theirs = [one for one in waiting if one.holder == contract.holder_at(at)]
        for minute in sorted(theirs, key=lambda one: (one.contract != contract.id, one.at)):
            if not self._may_draw(contract, minute, at, becomes_valid):
                continue
            grant = left.take(contract, at, ahead=False)
            if grant is None:
                return
            waiting.remove(minute)
            found.drawn.append((grant[0], at, 1))
            found.carried_drawn.append((contract.holder_at(at), at))

    def _was_in_force(self, contract: ModelContract, at: datetime, left: "_Left") -> bool:
        """Whether it had minutes just before a grant was added."""
        before = [one for one in contract.grants if max(one.opens_at, contract.starts_at) < at]
        return any(left.of(one) and (one.closes_at is None or one.closes_at >= at) for one in before)

    def _may_draw(self, contract: ModelContract, minute: _Minute, at: datetime, becomes_valid: bool) -> bool:
        if minute.at > at:
            return False  # carried by the end of work that began before
        if minute.contract == contract.id:
            return True
        lacking = self.contracts[minute.contract]
        later = [opens_at for opens_at, _ in lacking.openings() if opens_at > at]
        is_valid = lacking.by_month and lacking.covers(lacking.valid_from) and lacking.valid_from <= at
        if is_valid and any(lacking.holder_at(one) == minute.holder for one in later):
            return False
        return becomes_valid or not contract.by_month or minute.at <= contract.valid_from

    @staticmethod
    def _take(found: Result, key: tuple[str, str, str, str | None]) -> None:
        found.taken[key] = found.taken.get(key, 0) + 1
