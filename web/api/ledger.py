"""The ledger and the sandbox clock."""

from web.api.queries import ListQuery, Text
from web.api.routing import RouteGroup
from workflows.commands.fields import Command, Instant
from workflows.core.actors import Actor
from workflows.core.desk import Desk
from workflows.core.transaction import Transaction
from workflows.jobs.sandbox_clock import ClockView, read_clock, set_clock
from workflows.ledger.audit import AuditView, audit_ledger
from workflows.ledger.queries import LedgerTransactionView, list_ledger_transactions
from workflows.views import Page

ledger, sandbox = RouteGroup("Ledger"), RouteGroup("Sandbox")


class LedgerQuery(ListQuery):
    """`cause` names the record that made a transaction, as in work_entry:ID."""

    kind: Text | None = None
    contract: Text | None = None
    service_request: Text | None = None
    cause: Text | None = None


class SetClock(Command):
    """The instant that the sandbox clock is to show."""

    now: Instant


@ledger.get("/ledger/transactions")
def get_ledger_transactions(tx: Transaction, query: LedgerQuery) -> Page[LedgerTransactionView]:
    """Ledger transactions with their legs, newest first."""
    return list_ledger_transactions(tx, **query.given())


@ledger.get("/ledger/audit")
def get_ledger_audit(tx: Transaction) -> AuditView:
    """Recompute every balance from the postings and say what differs."""
    return audit_ledger(tx)


@sandbox.get("/sandbox/clock")
def get_sandbox_clock(desk: Desk, actor: Actor) -> ClockView:
    """The desk's time."""
    return read_clock(desk)


@sandbox.post("/sandbox/clock")
def post_sandbox_clock(desk: Desk, actor: Actor, command: SetClock) -> ClockView:
    """Set the clock; what is due in between is run in order before the answer."""
    return set_clock(desk, actor, command.now)
