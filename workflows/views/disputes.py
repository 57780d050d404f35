"""Disputes and accepted statements as they are shown."""

from dataclasses import field
from datetime import datetime

from engine.disputes import DisputeKind, DisputeState
from workflows.views import MoneyView
from workflows.views.base import View, view


@view
class DisputedView(View):
    """What is objected to, as it was when the dispute was opened; what does not apply is null.

    `at` is when it was worked, or when the line is effective. `moved` is what the line of a statement moved,
    in `unit`: whole minutes, incidents, or minor units of `currency`; null in money for users who see no
    prices. `net` is that of an invoice line.
    """

    at: datetime | None
    worked_minutes: int | None
    chargeable_minutes: int | None
    movement: str | None
    moved: int | None
    unit: str | None
    currency: str | None
    description: str | None
    net: MoneyView | None


@view
class DisputeView(View):
    """A dispute. `work_entry`, `statement_line` or `invoice_line` is the subject, by `kind`.

    A line of a statement that was drawn for a work entry has `work_entry` too. Records that the user may not
    see are null. `decision_reason` is written for the customer. `minutes_left` are those of the entry that
    its acceptance left, `returned` what it gave back to the contract, in the subject's unit; null where the
    subject's `moved` is.
    """

    id: str
    state: DisputeState
    kind: DisputeKind
    work_entry: str | None
    statement_line: str | None
    invoice_line: str | None
    service_request: str | None
    service_request_number: str | None
    contract: str | None
    contract_number: str | None
    invoice: str | None
    invoice_number: str | None
    customer: str | None
    org_unit: str | None
    party_name: str
    subject: DisputedView
    reason: str
    opened_at: datetime
    opened_by: str
    decided_at: datetime | None
    decided_by: str | None
    decision_reason: str | None
    minutes_left: int | None
    returned: int | None
    credit_note: str | None
    credit_note_number: str | None
    allowed_actions: list[str] = field(default_factory=list)


@view
class ChainHeadView(View):
    """The head of a chain of the ledger: the number and the hash (hexadecimal) of its last transaction."""

    chain: str
    sequence: int
    hash: str
