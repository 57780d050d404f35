"""Work that moves to another contract, because decisions change who covered its service request.

Each work entry has the contract that covered it stored with it. One that moves is charged by what the new
contract says of rounding and rates, and draws from it. Source: product.md section 7 (Which contract covered
it then).
"""

from datetime import datetime
from typing import Any

from sqlalchemy import Row, select

from workflows.charging.charges import charge_again, store_charge, store_charged_again
from workflows.charging.coverage_at import coverages_at
from workflows.charging.rounding import rounded_under
from workflows.charging.terms import ChargingTerms, stored_terms, terms_under
from workflows.core.transaction import Transaction
from workflows.lifecycle.contracts.connected_work import Change
from workflows.store import tables as t
from workflows.store.compiled_statements import next_version


def move_work(tx: Transaction, request: Row[Any], since: datetime) -> Change | None:
    """Store with each entry since an instant (aware UTC) the contract that covers it by the decisions of now.

    From the logging on, work from before the logging is included. `request` is its row after the decision.
    Entries that move are charged by what the new contract says, and so are those that are rounded with them.
    Returns the change to draw again; None where every entry has the contract that it had.
    Raises: NoRuleSet; RuleSetRefused; NoHolidayData.
    """
    moved = _moved(tx, request, since)
    if not moved:
        return None
    terms = {row.id: now for row, now in moved}
    for row, now in moved:
        tx.change(t.work_entry, row.id, charged_by=now.stored(), version=next_version(t.work_entry))
        contracts = [row.charged_by["contract"], now.contract]
        tx.audit("work_entry", row.id, "moved", contract=contracts)
    if not request.rounds_together and any(one.rounding.scope != "entry" for one in terms.values()):
        tx.change(t.service_request, request.id, rounds_together=True)
    charged = [charge_again(tx, row, now) for row, now in rounded_under(tx, request, terms)]
    for one in charged:
        if one.entry.id in terms:
            store_charge(tx, one)
    store_charged_again(tx, [one for one in charged if one.entry.id not in terms])
    touched = [row for row, _ in moved] + [one.entry for one in charged if not one.takes_alike]
    return Change(
        min(row.started_at for row in touched),
        f"service_request:{request.id}",
        entries=frozenset(row.id for row in touched),
    )


def _moved(tx: Transaction, request: Row[Any], since: datetime) -> list[tuple[Row[Any], ChargingTerms]]:
    """The entries since an instant that another contract covers now, with their terms."""
    e = t.work_entry
    entries = select(e).where(e.c.service_request_id == request.id, t.COUNTED_WORK)
    if since > request.opened_at:
        entries = entries.where(e.c.started_at >= since)
    rows = tx.connection.execute(entries.order_by(e.c.started_at, e.c.id)).all()
    found = []
    for row, cover in zip(rows, coverages_at(tx, request, [one.started_at for one in rows]), strict=True):
        if row.charged_by is None:  # of an older program: what it drew stays
            continue
        before = stored_terms(row.charged_by)
        now = terms_under(tx, before, cover, row.started_at)
        if (now.draws, now.contract) != (before.draws, before.contract):
            found.append((row, now))
    return found
