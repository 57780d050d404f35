"""The facts a coverage decision is made from: the service request, and each contract that might cover it.

They are plain values: the variables of the rule files read them, and every decision stores them permanently.
Source: product.md section 6.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, NamedTuple, get_args

from engine.contracts import ContractState, HolderKind, PendingReason
from engine.periods import zone_named

Standing = Literal["valid", "pending", "ended", "excluded"]
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
STANDINGS: tuple[Standing, ...] = get_args(Standing)
TICK = timedelta(microseconds=1)


class RuledOut(NamedTuple):
    """Why a contract does not cover: a code that the pages translate into text, with its details.

    `at` is the instant at which the reason begins or ends (a contract's start or end; aware UTC); `value` is
    the value that was compared.
    """

    code: str
    at: datetime | None = None
    value: str | None = None


@dataclass(frozen=True, slots=True)
class RequestFacts:
    """A service request as the rules see it.

    `at` is the instant the decision is made for (aware UTC). `time_zone` is the desk's IANA time zone: dates
    in rules are days in it. `logged_at` is None for a request that has not been logged yet.
    """

    at: datetime
    contract_validation: bool
    customer: str
    item: str | None = None
    item_type: str | None = None
    org_unit: str | None = None
    priority: str = "normal"
    work_type: str | None = None
    channel: str | None = None
    service_request: str | None = None
    logged_at: datetime | None = None
    time_zone: str = "UTC"

    @property
    def logged(self) -> datetime:
        """When the request was logged (aware UTC); if it is not logged yet, the instant of the decision."""
        return self.logged_at or self.at

    @property
    def logged_weekday(self) -> str:
        """The day of the week, monday to sunday, on which it was logged, in the desk's time zone.

        Raises: UnknownTimeZone.
        """
        return local_clock(self.logged, self.time_zone)[0]

    @property
    def logged_hour(self) -> int:
        """The hour, 0 to 23, in which it was logged, in the desk's time zone. Raises: UnknownTimeZone."""
        return local_clock(self.logged, self.time_zone)[1]


class Candidate(NamedTuple):
    """A contract held by the request's item, customer or an org unit above it, or by the request itself.

    `distance` is 0 for the item, the customer and the service request; for org units it is 1 for the
    nearest and increases along the primary line first. `minutes_available` (whole minutes),
    `incidents_available` and `money_available` (minor units) can still be drawn at the instant of the
    decision; `own_incident_held` is true if an incident is already held for this request. Instants are aware
    UTC; `expires_at` is exclusive.
    """

    contract: str
    number: str
    type: str
    holder_kind: HolderKind
    holder_id: str
    distance: int
    state: ContractState
    pending_reason: PendingReason | None
    created_at: datetime
    starts_at: datetime
    expires_at: datetime | None
    standing: Standing
    ruled_out: RuledOut | None = None
    minutes_available: int = 0
    incidents_available: int = 0
    incidents_held: int = 0
    money_available: int = 0
    own_incident_held: bool = False

    @property
    def last_instant(self) -> datetime | None:
        """The last instant before the contract expires (aware UTC); None if it has no end."""
        return self.expires_at - TICK if self.expires_at is not None else None


def local_clock(instant: datetime, time_zone: str) -> tuple[str, int]:
    """The weekday (monday to sunday) and hour (0 to 23) of an aware instant in an IANA time zone.

    Raises: UnknownTimeZone.
    """
    local = instant.astimezone(zone_named(time_zone))
    return WEEKDAYS[local.weekday()], local.hour
