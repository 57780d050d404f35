"""Merging two service requests into one, and splitting them again.

The work of the merged request moves to the one that is left, and is charged and paid there as if it had been
logged there. The merged request is cancelled with a link to the other one: what it held is released, its
contract that nobody took up ends, and its number leads to the request that is left. A split searches its
coverage anew and takes back the work that came with it. Source: product.md sections 7 and 9.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, select

from engine.service_requests import ENDED_STATES, OPENING_OUTCOMES, WORK_STATES
from workflows.charging.charges import (
    audit_values,
    charge_again,
    count_minutes,
    store_charge,
    store_charged_again,
)
from workflows.charging.rounding import rounded_under
from workflows.charging.terms import ChargingTerms, stored_terms, terms_on
from workflows.commands.service_requests import MergeRequest, SplitRequest
from workflows.core.actors import SUPERVISORS
from workflows.core.errors import NotFound, StateForbids, invalid
from workflows.core.transaction import Transaction
from workflows.coverage.search import cancel_untaken, find, follow, notify_if_waiting, settle_and_cover
from workflows.languages.texts import gettext
from workflows.languages.words import word
from workflows.lifecycle.contracts.incident_holds import release_incidents
from workflows.lifecycle.contracts.loaded import LoadedContracts
from workflows.lifecycle.service_requests.access import require_visible
from workflows.lifecycle.service_requests.facts import facts_of
from workflows.lifecycle.service_requests.merged import merged_ids, require_merged
from workflows.lifecycle.service_requests.states import STATE_LABELS
from workflows.lifecycle.service_requests.transitions import lock_request, move_request, write_history
from workflows.notifications.messages import notify_moved, notify_request_event
from workflows.service_requests.closing import (
    end_own_contract,
    lock_current_pair,
    revive_own_contract,
    state_now,
)
from workflows.store import tables as t
from workflows.store.compiled_statements import next_version
from workflows.work.drawing_again import draw_again

MERGERS = SUPERVISORS


def merge_requests(tx: Transaction, service_request_id: str, command: MergeRequest) -> str:
    """Merge a service request into another one. Returns the id of the one that is left.

    Raises: NotAllowed; NotFound; InvalidInput where the other one is unknown, or is the request itself;
    StateForbids where they are of different customers, the request has ended, or no work can be logged on
    the other one; RuleSetRefused; NoHolidayData. Source: product.md sections 7 and 9.
    """
    tx.require(*MERGERS)
    source, target = _lock_both(tx, service_request_id, command)
    _check_mergeable(tx, source, target)
    # first: what is given back must not cover a request that waits and is merged now
    move_request(tx, source, "merge", reason=command.reason, other=target.id)
    write_history(
        tx, target.id, "merged_here", target.state, target.state, reason=command.reason, other=source.id
    )
    tx.change(t.service_request, source.id, merged_into_id=target.id)
    tx.change(t.service_request, target.id, version=next_version(t.service_request))
    for one, how in ((source, "merged"), (target, "merged here")):
        tx.audit("service_request", one.id, how, service_request=[source.id, target.id])
    _move_work(tx, source, target, _work_of(tx, source.id))
    _end_coverage(tx, source)
    notify_request_event(tx, source, "merged", note=target.number)
    return str(target.id)


def split_request(tx: Transaction, service_request_id: str, command: SplitRequest) -> str:
    """Undo a merge, with what was worked before it and since. Returns the id of the request that is back.

    Its coverage is searched again. The entries that came with it go back, as they are now; what was logged
    on the other request since, or was moved to it alone, stays there.
    Raises: NotAllowed; NotFound; StateForbids where the request is not merged, or the other one is cancelled.
    """
    tx.require(*MERGERS)
    seen = require_merged(tx, service_request_id)
    source, target = lock_current_pair(tx, seen, require_visible(tx, seen.merged_into_id))
    if source.merged_into_id is None:
        raise StateForbids(
            gettext("%(number)s is not merged.", number=source.number), remedy="", state=source.state
        )
    if target.state == "cancelled":
        raise StateForbids(
            gettext("%(number)s is cancelled: what it drew stays.", number=target.number),
            remedy="",
            state=target.state,
        )
    back = _work_that_came(tx, target.id, [source.id, *merged_ids(tx, source.id)])
    tx.change(t.service_request, source.id, merged_into_id=None)
    _open_again(tx, lock_request(tx, source.id), target, command.reason)
    write_history(
        tx, target.id, "split_away", target.state, target.state, reason=command.reason, other=source.id
    )
    tx.change(t.service_request, target.id, version=next_version(t.service_request))
    for one, how in ((source, "split"), (target, "split away")):
        tx.audit("service_request", one.id, how, service_request=[source.id, target.id])
    _move_work(tx, target, lock_request(tx, source.id), back)
    return str(source.id)


# ------------------------------------------------------------------ what is checked


def _lock_both(tx: Transaction, request_id: str, command: MergeRequest) -> tuple[Row[Any], Row[Any]]:
    """The request to merge and the one that is left, both locked. Raises: InvalidInput; NotFound."""
    source = require_visible(tx, request_id)
    if source.id != request_id:
        raise StateForbids(
            gettext("It has been merged into %(number)s already.", number=source.number),
            remedy=gettext("Merge %(number)s instead.", number=source.number),
        )
    try:
        target = require_visible(tx, command.into)
    except NotFound as error:
        raise invalid(
            "/into",
            gettext("There is no such service request."),
            gettext("Look it up by its number in the list."),
        ) from error
    if target.id == source.id:
        raise invalid(
            "/into",
            gettext("%(number)s cannot be merged into itself.", number=source.number),
            gettext("Name another request."),
        )
    return lock_current_pair(tx, source, target)


def _check_mergeable(tx: Transaction, source: Row[Any], target: Row[Any]) -> None:
    """Raises: StateForbids."""
    for one in (source, target):
        if one.merged_into_id is not None:
            raise StateForbids(
                gettext("%(number)s has been merged into another request meanwhile.", number=one.number),
                remedy=gettext("Look at it again."),
            )
    if source.state in ENDED_STATES:
        remedy = gettext("Reopen it first.") if source.state == "closed" else ""
        raise StateForbids(
            gettext(
                "%(number)s cannot be merged: it is %(state)s.",
                number=source.number,
                state=word(source.state),
            ),
            remedy=remedy,
            state=source.state,
        )
    if source.customer_id != target.customer_id:
        raise StateForbids(
            gettext(
                "%(number)s and %(target_number)s are of different customers.",
                number=source.number,
                target_number=target.number,
            ),
            remedy=gettext("Change the customer of one of them first."),
            state=target.state,
        )
    _check_takes_merged(tx, target)


def _check_takes_merged(tx: Transaction, target: Row[Any]) -> None:
    """Check that the work of another request may come to this one. Raises: StateForbids."""
    state = state_now(tx, target)
    if state in WORK_STATES:
        return
    remedy = {
        "pending_no_contract": gettext("Enable or assign one first."),
        "closed": gettext("Reopen it first, or name another request."),
    }.get(state, gettext("Name another request."))
    words = gettext(STATE_LABELS.get(state, state))
    raise StateForbids(
        gettext("Nothing can be merged into %(number)s: it is %(words)s.", number=target.number, words=words),
        remedy=remedy,
        state=state,
    )


# ------------------------------------------------------------------ the work


def _work_of(tx: Transaction, request_id: str) -> Sequence[Row[Any]]:
    e = t.work_entry
    wanted = select(e).where(e.c.service_request_id == request_id, e.c.deleted_at.is_(None))
    return tx.connection.execute(wanted.order_by(e.c.started_at, e.c.id)).all()


def _work_that_came(tx: Transaction, request_id: str, merged: Sequence[str]) -> list[Row[Any]]:
    """The entries of a request that came with these merged ones."""
    return [row for row in _work_of(tx, request_id) if row.merged_from_id in merged]


def _move_work(tx: Transaction, source: Row[Any], target: Row[Any], entries: Sequence[Row[Any]]) -> None:
    """Move entries from one request to another, charge them there, and draw again what that moves.

    Entries of older programs, which have no terms stored with them, keep what they drew.
    """
    terms: dict[str, ChargingTerms] = {}
    for row in entries:
        came_from = None if row.merged_from_id == target.id else row.merged_from_id or source.id
        changes: dict[str, Any] = {"service_request_id": target.id, "merged_from_id": came_from}
        if row.charged_by is not None:
            terms[row.id] = terms_on(tx, target, row, stored_terms(row.charged_by), row.started_at)
            changes["charged_by"] = terms[row.id].stored()
        tx.change(t.work_entry, row.id, **changes, version=next_version(t.work_entry))
        tx.audit(
            "work_entry",
            row.id,
            "moved",
            before=audit_values(row),
            service_request=[source.id, target.id],
        )
    counted = [row for row in entries if row.state != "rejected"]
    worked, charged = (
        sum(getattr(row, name) for row in counted) for name in ("worked_minutes", "chargeable_minutes")
    )
    count_minutes(tx, source.id, -worked, -charged)
    count_minutes(tx, target.id, worked, charged)
    _charge_there(tx, source, target, terms)


def _charge_there(
    tx: Transaction, source: Row[Any], target: Row[Any], terms: dict[str, ChargingTerms]
) -> None:
    """Charge entries that have moved by their terms, with all that are rounded with them on both requests."""
    if any(one.rounding.scope != "entry" for one in terms.values()) and not target.rounds_together:
        tx.change(t.service_request, target.id, rounds_together=True)
    here = [charge_again(tx, row, now) for row, now in rounded_under(tx, target, terms)]
    left = [charge_again(tx, row, now) for row, now in rounded_under(tx, source, {})]
    for one in here:
        if one.entry.id in terms:
            store_charge(tx, one)
    store_charged_again(tx, [one for one in here if one.entry.id not in terms])
    store_charged_again(tx, left)
    changed = [(source, one) for one in left if not one.takes_alike]
    changed += [(target, one) for one in here if one.entry.id in terms or not one.takes_alike]
    draw_again(tx, changed, LoadedContracts(tx), cause=f"service_request:{source.id}")


# ------------------------------------------------------------------ the coverage


def _end_coverage(tx: Transaction, request: Row[Any]) -> None:
    """Release what a merged request holds, and end its own contract, as a cancellation does."""
    for contract_id in release_incidents(tx, request.id):
        settle_and_cover(tx, contract_id)
    cancel_untaken(tx, request.id, keep=None)
    end_own_contract(tx, request.id)


def _open_again(tx: Transaction, request: Row[Any], target: Row[Any], reason: str | None) -> None:
    """Open a request that is split off, by a new search; its own contract is in force again."""
    history = {"reason": reason, "other": target.id, "history_trigger": "split"}
    if request.decision_id is None or not tx.settings.contracts:
        notify_moved(tx, request, move_request(tx, request, "split", **history))
        return
    revive_own_contract(tx, request)
    tx.change(t.service_request, request.id, contract_id=None)
    found = find(tx, facts_of(tx, request))
    opens = found.decision.outcome in OPENING_OUTCOMES
    state = move_request(tx, request, "split" if opens else "split_uncovered", **history)
    notify_moved(tx, request, state)
    follow(tx, lock_request(tx, request.id), found, cause="split")
    notify_if_waiting(tx, request.id, found.decision.why)
