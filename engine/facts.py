"""The facts a coverage decision is made from: the service request, and each contract that might cover it.

They are plain values: the rule files' variables read them, and a decision keeps them for good.
Source: product.md section 6.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple

from engine.contracts import ContractState, HolderKind, PendingReason

Standing = Literal["valid", "pending", "ended", "excluded"]


class RuledOut(NamedTuple):
    """Why a contract does not cover: a code that the pages put into words, and what it speaks of.

    `at` is the instant the reason began or ends (an end date, a start), `value` what was compared.
    """

    code: str
    at: datetime | None = None
    value: str | None = None


@dataclass(frozen=True, slots=True)
class RequestFacts:
    """A service request as the rules see it. `at` is the instant it is decided for (aware UTC)."""

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
