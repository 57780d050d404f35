"""The preview of a change: each contract and service request that it would change, before and after.

Amounts are in the contract's `unit`: whole minutes or incidents.
"""

from dataclasses import dataclass, field
from datetime import datetime

from workflows.views.accounting_periods import AdjustmentView
from workflows.views.contracts import UnitBalance


@dataclass(frozen=True, slots=True)
class ContractSnapshot:
    """A contract at one instant; `unit` is None if it draws nothing, `time_zone` is that of its days."""

    id: str
    number: str
    state: str
    unit: str | None
    starts_at: datetime
    expires_at: datetime | None
    time_zone: str
    balance: UnitBalance


@dataclass(frozen=True, slots=True)
class RequestSnapshot:
    """A service request at one instant; `contract` is the id of the contract that covers it."""

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
    """A contract before and after; `before` is None for a contract that the change creates."""

    before: ContractSnapshot | None
    after: ContractSnapshot


@dataclass(frozen=True, slots=True)
class RequestEffect:
    """A service request before and after."""

    before: RequestSnapshot
    after: RequestSnapshot


@dataclass(frozen=True, slots=True)
class Effects:
    """Each contract and service request once, oldest first. `mails` counts the mails that would be sent.

    `adjustments` has each closed accounting period that would be corrected, the earliest first.
    """

    contracts: list[ContractEffect]
    requests: list[RequestEffect]
    mails: int
    adjustments: list[AdjustmentView] = field(default_factory=list)
