"""What the draw-down is planned from, and the plan: entries, contracts that may pay, slices.

Source: product.md section 7.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple, get_args

from engine.contracts import Draws, ExcludedTime, Grant, Holder, TimeExpired, Window
from engine.quantities import Money

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
    `rate` is the price of an hour, by which grants of money pay for it; None if it has none.
    """

    excluded: ExcludedTime | None = None
    rate: Money | None = None


class EntryToPay(NamedTuple):
    """A work entry: chargeable minutes as in `TimeWorked`, and who pays them.

    `payers` are ids of contracts: the one that covered the request at `started_at`, then those that cascade
    takes; without `cascade`, these pay only for segments that the first one excludes. None pays for work that
    no contract covers. What they do not pay is handled by `time_expired`; `carrier` is the key of the holder
    who carries it under Rollover.
    `segments` are the parts that were charged each by itself, in order; their chargeable minutes sum to those
    of the entry. Without any, the entry is one part. `facts` (`engine.rulebook.ChargingFacts`) are what the
    scopes of grants are about; None where no payer has a grant with a scope.
    `held`: it awaits approval, so that grants only hold what it takes.
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
    facts: Any = None
    held: bool = False


class Month(NamedTuple):
    """A month of a contract: [starts_at, ends_at), and the id of the grant that is its allocation.

    What is left of it at its end is retained in the grant `rest` (None: nothing is), up to `most_retained`
    minutes.
    Work in the month before may draw up to `most_lent` minutes of it ahead. `retained` and `lent` are minutes
    that work which is not planned has drawn of these. Units: whole minutes; instants aware UTC.
    """

    grant: str
    starts_at: datetime
    ends_at: datetime
    rest: str | None = None
    most_retained: int = 0
    most_lent: int = 0
    retained: int = 0
    lent: int = 0


@dataclass(frozen=True, slots=True)
class Payer:
    """A contract that may pay, with its grants and what they have `available` before the entries to plan.

    It became valid at `valid_from` and then draws what its holder had carried; None if it never does.
    `past_holders` are those who held it before, each until an instant (exclusive), in the order of time.
    `recorded_at` is when it was sold. `by_month`: each of its months has a grant, which draws what earlier
    months lacked. `term` is its period as agreed, where it ended earlier (cancelled): its grants are drawn in
    the order of their agreed ends, so that a cancellation moves no earlier work. None: the same as `window`.
    `months` are its months in the order of time, where they keep a rest or lend.
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
    months: tuple[Month, ...] = ()

    def holder_at(self, at: datetime) -> Holder:
        """Who holds it at an instant (aware UTC)."""
        return next((holder for until, holder in self.past_holders if at < until), self.holder)


class Slice(NamedTuple):
    """Whole minutes taken by one grant, contract or policy, effective at the instant worked (aware UTC).

    `amount` is what a grant of money pays for them; None for all others. `held`: the grant holds them until
    the entry is approved; other kinds than "grant" hold nothing.
    """

    kind: AllocationKind
    contract: str | None
    grant: str | None
    minutes: int
    effective_at: datetime
    amount: Money | None = None
    held: bool = False

    @property
    def drawn(self) -> int:
        """What it takes from its grant, in the grant's unit: minor units of money, or whole minutes."""
        return self.minutes if self.amount is None else self.amount.amount_minor


SliceRow = tuple[AllocationKind, str | None, str | None, int, datetime, Money | None, bool]
"""The fields of a `Slice` in their order, as a plain tuple; a slice is one as well."""


class PlannedSlices(Mapping[str, list[Slice]]):
    """The slices of each entry by its id, in the order in which they are taken.

    They are stored as plain tuples of texts, numbers and instants, and are made when they are read: Python's
    garbage collector goes through such a tuple only once, but through a `Slice` at every full collection.
    """

    __slots__ = ("rows",)

    def __init__(self) -> None:
        self.rows: dict[str, tuple[SliceRow, ...]] = {}

    def __getitem__(self, entry: str) -> list[Slice]:
        return [Slice._make(row) for row in self.rows[entry]]

    def __iter__(self) -> Iterator[str]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def has(self, kind: AllocationKind) -> bool:
        """Whether a slice of any entry is of this kind."""
        return any(row[0] == kind for rows in self.rows.values() for row in rows)


class Carried(NamedTuple):
    """Whole minutes that a holder (by key) carries since an instant; `contract` is the one that ran out.

    `held`: they are from an entry that awaits approval. `order` is the place of their entry: its instant
    worked, its instant recorded and its id. Only a draw that comes after it takes them.
    """

    holder: str
    contract: str | None
    minutes: int
    carried_at: datetime
    held: bool = False
    order: tuple[datetime, datetime, str] = (BEGINNING, BEGINNING, "")


class CarriedDraw(NamedTuple):
    """Carried minutes that a contract draws at an instant, with the minutes that each grant gives.

    A subscription gives none: it covers all of them. `held` are the parts of `grants` that these only hold,
    for entries that await approval. Minutes are whole, instants aware UTC.
    """

    holder: str
    contract: str
    minutes: int
    drawn_at: datetime
    grants: tuple[tuple[str, int], ...] = ()
    held: tuple[tuple[str, int], ...] = ()


class RetainedRest(NamedTuple):
    """Whole minutes of a month's `grant` that are retained in the grant `rest` from the month's end on."""

    contract: str
    grant: str
    rest: str
    minutes: int
    retained_at: datetime


@dataclass(frozen=True, slots=True)
class DrawDownPlan:
    """The slices of each entry by its id, the draws of carried minutes in order, and what is left.

    `rests` are what months keep, in the order of their ends. `left` is what each grant has by id, in its
    unit, whether or not it has expired by now.
    """

    slices: PlannedSlices = field(default_factory=PlannedSlices)
    carried_draws: list[CarriedDraw] = field(default_factory=list)
    left: dict[str, int] = field(default_factory=dict)
    rests: list[RetainedRest] = field(default_factory=list)
