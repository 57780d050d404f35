"""API routes of the ledger and the sandbox clock."""

from web.api.queries import DaysQuery, ListQuery, LongText, Query, Text
from web.api.routing import RouteGroup
from workflows.commands.fields import Command, Instant
from workflows.core.actors import Actor
from workflows.core.desk import Desk
from workflows.core.transaction import Transaction
from workflows.jobs.sandbox_clock import ClockView, read_clock, set_clock
from workflows.ledger.audit import AuditView
from workflows.ledger.checkpoints import CheckpointView, list_checkpoints, parse_checkpoint
from workflows.ledger.queries import LedgerTransactionView, list_ledger_transactions
from workflows.reports.audit import audit_desk
from workflows.views import Page

ledger, sandbox = RouteGroup("Ledger"), RouteGroup("Sandbox")


class LedgerQuery(DaysQuery, ListQuery):
    """Filters of ledger transactions. `cause` is the record that caused one, for example work_entry:ID.

    `account` finds those with a posting to it; `from` and `to` are the first and the last day on which they
    are effective, both inclusive, in the provider's time zone.
    """

    kind: Text | None = None
    contract: Text | None = None
    service_request: Text | None = None
    cause: Text | None = None
    account: Text | None = None


class AuditQuery(Query):
    """`against` is the text of a checkpoint that was stored elsewhere."""

    against: LongText | None = None


class SetClock(Command):
    """The new time of the sandbox clock."""

    now: Instant


@ledger.get("/ledger/transactions")
def get_ledger_transactions(tx: Transaction, query: LedgerQuery) -> Page[LedgerTransactionView]:
    """List ledger transactions with their postings, newest first."""
    return list_ledger_transactions(tx, **query.given())


@ledger.get("/ledger/audit")
def get_ledger_audit(tx: Transaction, query: AuditQuery) -> AuditView:
    """Recompute every balance from the postings, verify every chain, and return the differences.

    With `against`, the ledger is also compared with a checkpoint that was stored elsewhere.
    """
    against = parse_checkpoint(query.against) if query.against is not None else None
    return audit_desk(tx, against=against)


@ledger.get("/ledger/checkpoints")
def get_ledger_checkpoints(tx: Transaction, query: ListQuery) -> Page[CheckpointView]:
    """List the daily checkpoints of the ledger's chains, newest first.

    Store the `text` of one elsewhere: an audit against it proves that nothing before it was changed.
    """
    return list_checkpoints(tx, **query.given())


@sandbox.get("/sandbox/clock")
def get_sandbox_clock(desk: Desk, actor: Actor) -> ClockView:
    """Return the time of the sandbox clock."""
    return read_clock(desk)


@sandbox.post("/sandbox/clock")
def post_sandbox_clock(desk: Desk, actor: Actor, command: SetClock) -> ClockView:
    """Set the clock. Jobs due in between run in order before the call returns."""
    return set_clock(desk, actor, command.now)
