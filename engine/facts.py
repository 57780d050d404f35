"""The facts a coverage decision is made from: the service request, and each contract that might cover it.

They are plain values: the rule files' variables read them, and a decision keeps them for good.
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
SMALLEST = timedelta(microseconds=1)


class RuledOut(NamedTuple):
    """Why a contract does not cover: a code that the pages put into words, and what it speaks of.

    `at` is the instant the reason began or ends (an end date, a start), `value` what was compared.
    """

    code: str
    at: datetime | None = None
    value: str | None = None


@dataclass(frozen=True, slots=True)
class RequestFacts:
    """A service request as the rules see it. `at` is the instant it is decided for (aware UTC).

    `time_zone` is the desk's, by its IANA name: dates in rules are days there.
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
        """When it was logged; what is not logged yet would be at the instant it is decided for."""
        return self.logged_at or self.at

    @property
    def logged_weekday(self) -> str:
        """The day of the week of its logging, by the desk's clocks: monday to sunday."""
        return local_clock(self.logged, self.time_zone)[0]

    @property
    def logged_hour(self) -> int:
        """The hour of its logging, 0 to 23, by the desk's clocks."""
        return local_clock(self.logged, self.time_zone)[1]


class Candidate(NamedTuple):
    """A contract held by the request's item, customer or an org unit above it, or by the request itself.

    `distance` is 0 for the item, the customer and the service request; for org units it is 1 for the
    nearest and grows along the primary line first. Minutes and incidents are what can still be drawn at the
    instant decided for; `own_incident_held` tells that an incident is already held for this request.
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
    own_incident_held: bool = False

    @property
    def last_moment(self) -> datetime | None:
        """The last instant before it expires; None without an end."""
        return self.expires_at - SMALLEST if self.expires_at is not None else None


def local_clock(instant: datetime, time_zone: str) -> tuple[str, int]:
    """The weekday and the hour that the clocks of a zone show. Raises: UnknownTimeZone."""
    local = instant.astimezone(zone_named(time_zone))
    return WEEKDAYS[local.weekday()], local.hour
