"""Charging the work of a service request again by what holds today: settings, contract, rules and rates.

A change of these moves no minute of the work that is there. Whoever wants it charged by them asks for it, and
sees before what would move. Source: product.md section 7 (Which contract covered it then).
"""

from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Row

from engine.payers import Slice
from engine.rounding import WorkToRound, minutes_before
from workflows.charging.charges import ChargedAgain, charge_again, store_charged_again
from workflows.charging.rounding import billable_entries
from workflows.charging.terms import todays_terms
from workflows.commands.work import RecalculateWork
from workflows.core.actors import SUPERVISORS
from workflows.core.errors import StateForbids
from workflows.core.transaction import Transaction
from workflows.languages.texts import gettext
from workflows.lifecycle.contracts.connected_work import Change
from workflows.lifecycle.contracts.loaded import LoadedContracts
from workflows.lifecycle.contracts.redraw import Redrawn, plan_redraw
from workflows.lifecycle.service_requests.access import require_visible
from workflows.service_requests.closing import lock_current, up_to_date_request
from workflows.store import tables as t
from workflows.work.drawing_again import draw_again
from workflows.work.planning import MovedWork
from workflows.work.posting import as_stored, moved_by


@dataclass(frozen=True, slots=True)
class Recalculated:
    """An entry that today's terms charge otherwise, with its slices before and after."""

    charged: ChargedAgain
    before: tuple[Slice, ...]
    after: tuple[Slice, ...]


@dataclass(frozen=True, slots=True)
class Recalculation:
    """What charging the work of a service request again changes: its own entries, and others that move."""

    entries: tuple[Recalculated, ...]
    moved: tuple[MovedWork, ...]


def preview_recalculation(tx: Transaction, service_request_id: str) -> Recalculation:
    """What `recalculate_work` would change now; nothing is saved.

    Raises: NotAllowed; NotFound; StateForbids for a cancelled request; NoRuleSet; NoHolidayData.
    """
    tx.require(*SUPERVISORS)
    seen = require_visible(tx, service_request_id)
    with up_to_date_request(tx, seen) as fresh:
        request = seen if fresh is tx else require_visible(fresh, service_request_id)
        _check_state(request)
        charged = _charged_by_todays_terms(fresh, request)
        if not charged:
            return Recalculation((), ())
        since = min(one.entry.started_at for one in charged)
        previewed = tuple(as_stored(request, one) for one in charged)
        redrawn = plan_redraw(fresh, Change(since, "preview", previewed=previewed), LoadedContracts(fresh))
        own = {one.entry.id for one in charged}
        moved = tuple(one for one in moved_by(redrawn) if one.entry not in own)
        return Recalculation(tuple(_recalculated(redrawn, one) for one in charged), moved)


def recalculate_work(tx: Transaction, service_request_id: str, command: RecalculateWork) -> str:
    """Charge all work of a service request by what holds today, and draw again what that moves.

    Entries that are charged as before stay as they are. Returns the request's id.
    Raises: NotAllowed; NotFound; StateForbids for a cancelled request; NoRuleSet; NoHolidayData.
    """
    tx.require(*SUPERVISORS)
    request = lock_current(tx, require_visible(tx, service_request_id))
    _check_state(request)
    charged = _charged_by_todays_terms(tx, request)
    store_charged_again(tx, charged, reason=command.reason)
    if any(one.terms.rounding.scope != "entry" for one in charged):
        tx.change(t.service_request, request.id, rounds_together=True)
    changed = [(request, one) for one in charged]
    draw_again(tx, changed, LoadedContracts(tx), cause=f"service_request:{request.id}")
    return service_request_id


def _charged_by_todays_terms(tx: Transaction, request: Row[Any]) -> list[ChargedAgain]:
    """The billable entries that today's terms charge otherwise than they were, in the order worked."""
    rows = billable_entries(tx, request.id)
    today = [todays_terms(tx, request, row, row.started_at) for row in rows]
    before = minutes_before(
        WorkToRound(
            row.id, row.started_at, row.created_at, row.worked_minutes, terms.rounding, terms.time_zone
        )
        for row, terms in zip(rows, today, strict=True)
    )
    charged = [
        charge_again(tx, row, replace(terms, before_minutes=before[row.id]))
        for row, terms in zip(rows, today, strict=True)
    ]
    return [one for one in charged if not one.is_charged_so]


def _recalculated(redrawn: Redrawn, one: ChargedAgain) -> Recalculated:
    before = tuple(each.posted.slice for each in redrawn.allocations if each.posted.entry == one.entry.id)
    return Recalculated(one, before, tuple(redrawn.plan.slices.get(one.entry.id, ())))


def _check_state(request: Row[Any]) -> None:
    if request.state == "cancelled":
        raise StateForbids(
            gettext("%(number)s is cancelled: what it drew stays.", number=request.number),
            remedy="",
            state=request.state,
        )
