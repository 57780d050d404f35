"""What a change would do, before it is done: each contract and request that it touches, before and after.

Amounts are whole minutes or incidents, as the contract's `unit` says.
"""

from dataclasses import dataclass
from datetime import datetime

from workflows.views.contracts import UnitBalance


@dataclass(frozen=True, slots=True)
class ContractStand:
    """A contract at one moment; `unit` is None where it draws nothing."""

    id: str
    number: str
    state: str
    unit: str | None
    starts_at: datetime
    expires_at: datetime | None
    balance: UnitBalance


@dataclass(frozen=True, slots=True)
class RequestStand:
    """A service request at one moment; `contract` covers it."""

    id: str
    number: str
    subject: str
    state: str
    outcome: str | None
    contract: str | None
    contract_number: str | None
    resolution_due_at: datetime | None


@dataclass(frozen=True, slots=True)
class ContractEffect:
    """`before` is None for a contract that the change makes."""

    before: ContractStand | None
    after: ContractStand


@dataclass(frozen=True, slots=True)
class RequestEffect:
    before: RequestStand
    after: RequestStand


@dataclass(frozen=True, slots=True)
class Effects:
    """Oldest first, each once. `mails` are those that the change would write."""

    contracts: list[ContractEffect]
    requests: list[RequestEffect]
    mails: int
