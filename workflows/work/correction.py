"""A work entry that is corrected: its locks, who may correct it, and what it is charged afterwards.

A correction may move the entry to another service request: it is charged and paid there as if it had been
logged there, by the person and the rules that it was charged by. Source: product.md section 7.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from sqlalchemy import Row

from engine.quantities import hours_text
from engine.service_requests import WORK_STATES
from workflows.charging.charges import (
    ChargedAgain,
    audit_values,
    charge_again,
    charge_changed,
    count_minutes,
    store_charge,
    store_charged_again,
    worked_at,
    worked_span,
)
from workflows.charging.rounding import round_with_others
from workflows.charging.terms import ChargingTerms, moved_terms, terms_of, terms_on, todays_terms
from workflows.commands.fields import FieldError
from workflows.commands.work import ChangeWork, WorkGiven
from workflows.core.actors import SUPERVISORS
from workflows.core.errors import NotFound, StateForbids, invalid
from workflows.core.transaction import Transaction
from workflows.languages.texts import gettext
from workflows.lifecycle.service_requests.access import require_visible
from workflows.lifecycle.service_requests.states import STATE_LABELS
from workflows.lifecycle.service_requests.transitions import write_history
from workflows.service_requests.closing import lock_current, lock_current_pair, state_now
from workflows.store import tables as t
from workflows.work.entries import lock_seen, read_entry_row, reason_of


@dataclass(frozen=True, slots=True)
class Places:
    """The service request that an entry belongs to, and the one that it is to belong to: mostly the same."""

    source: Row[Any]
    target: Row[Any]

    @property
    def moves(self) -> bool:
        return bool(self.source.id != self.target.id)


@dataclass(frozen=True, slots=True)
class Corrected:
    """A corrected entry as it is charged, with those of both requests that are rounded otherwise without it.

    `others` belong to the request of `own`, `left` to the one that it leaves.
    """

    own: ChargedAgain
    others: list[ChargedAgain]
    left: list[ChargedAgain]

    def moved(self, places: Places) -> list[tuple[Row[Any], ChargedAgain]]:
        """The other entries that take other minutes than before, each with its service request."""
        here = [(places.target, one) for one in self.others if not one.takes_alike]
        return here + [(places.source, one) for one in self.left if not one.takes_alike]


def lock_entry(
    tx: Transaction, entry_id: str, command: ChangeWork, expected_version: int | None
) -> tuple[Row[Any], Places]:
    """A work entry and its service requests, all locked: the requests first, which have other entries.

    Raises: NotFound; VersionChanged; ChangedMeanwhile; StateForbids where the entry may not be corrected, or
    not so.
    """
    seen = read_entry_row(tx, entry_id)
    wanted = _wanted_request(tx, seen, command)
    source = require_visible(tx, seen.service_request_id)
    if wanted.id == source.id:
        source = target = lock_current(tx, source)
    else:
        source, target = lock_current_pair(tx, source, wanted)
    entry = lock_seen(tx, entry_id, source.id, expected_version)
    places = Places(source, target)
    check_correctable(tx, entry, places)
    return entry, places


def seen_places(tx: Transaction, entry: Row[Any], command: ChangeWork) -> Places:
    """The service requests of a correction, not locked. Raises: NotFound; InvalidInput."""
    source = require_visible(tx, entry.service_request_id)
    return Places(source, _wanted_request(tx, entry, command))


def check_correctable(tx: Transaction, entry: Row[Any], places: Places) -> None:
    """Raises: StateForbids for another technician's entry, a cancelled request, or one it may not move to."""
    if tx.actor.role == "technician" and entry.technician_id != tx.actor.id:
        raise StateForbids(
            gettext("It is another technician's entry."), remedy=gettext("Ask a supervisor to correct it.")
        )
    source, target = places.source, places.target
    if source.state == "cancelled":
        raise StateForbids(
            gettext("%(number)s is cancelled: what it drew stays.", number=source.number),
            remedy="",
            state=source.state,
        )
    if not places.moves:
        return
    check_takes_work(tx, target)
    if source.customer_id != target.customer_id and tx.actor.role not in SUPERVISORS:
        raise StateForbids(
            gettext(
                "%(number)s is another customer's: the work would be charged to that customer.",
                number=target.number,
            ),
            remedy=gettext("Ask a supervisor to move it."),
            state=target.state,
        )


def check_takes_work(tx: Transaction, request: Row[Any]) -> None:
    """Check that work can be logged on a service request now. Raises: StateForbids."""
    state = state_now(tx, request)
    if state in WORK_STATES:
        return
    remedy = {
        "pending_no_contract": gettext("Enable or assign one first."),
        "closed": gettext("Reopen it first."),
    }.get(state, gettext("Log a new service request."))
    words = gettext(STATE_LABELS.get(state, state))
    raise StateForbids(
        gettext("Work cannot be logged on %(number)s: it is %(words)s.", number=request.number, words=words),
        remedy=remedy,
        state=state,
    )


def corrected(
    tx: Transaction, entry: Row[Any], places: Places, wanted: WorkGiven, *, recalculate: bool = False
) -> Corrected:
    """An entry as it is wanted, charged by the terms stored with it, and those that are rounded otherwise.

    `recalculate` charges it by what holds today for the one who did it.
    Raises: InvalidInput for time in the future; NoRuleSet; RuleSetRefused; NoHolidayData.
    """
    terms = terms_of(tx, entry, places.source)
    left = charged_without(tx, entry, places.source, terms) if places.moves else []
    if recalculate:
        terms = todays_terms(tx, places.target, entry, worked_at(wanted))
    elif places.moves:
        terms = terms_on(tx, places.target, entry, terms, worked_at(wanted))
    elif worked_at(wanted) != entry.started_at or entry.state == "rejected":
        # while an entry is rejected, it does not follow the coverage of its request
        terms = moved_terms(tx, places.target, entry, terms, worked_at(wanted))
    started_at, _, minutes = worked_span(tx, wanted, before=entry.worked_minutes)
    minutes_counted = minutes if wanted.billable else None
    terms, moved = round_with_others(
        tx, places.target, terms, started_at=started_at, worked_minutes=minutes_counted, entry=entry
    )
    own = charge_changed(tx, places.target, entry, wanted, terms)
    return Corrected(own, [charge_again(tx, row, of_row) for row, of_row in moved], left)


def charged_without(
    tx: Transaction, entry: Row[Any], request: Row[Any], terms: ChargingTerms
) -> list[ChargedAgain]:
    """The other entries of a service request that are rounded otherwise once an entry is not there."""
    _, moved = round_with_others(
        tx, request, terms, started_at=entry.started_at, worked_minutes=None, entry=entry
    )
    return [charge_again(tx, row, of_row) for row, of_row in moved]


def store_corrected(
    tx: Transaction, before: Row[Any], places: Places, found: Corrected, reason: str | None
) -> None:
    """Store an entry and the others as they are charged; the entry's row names its new request already.

    `before` is its row as it was, `reason` why it changes.
    """
    if places.moves:
        store_move(tx, before, places, reason)
        store_charged_again(tx, found.left)
    store_charge(tx, found.own)
    round_together(tx, places.target, found.own.terms, found.others)


def store_move(tx: Transaction, entry: Row[Any], places: Places, reason: str | None) -> None:
    """Count an entry's minutes to the request that it moves to, with a line in the history of both."""
    source, target = places.source, places.target
    count_minutes(tx, source.id, -entry.worked_minutes, -entry.chargeable_minutes)
    count_minutes(tx, target.id, entry.worked_minutes, entry.chargeable_minutes)
    tx.audit(
        "work_entry",
        entry.id,
        "moved",
        before=audit_values(entry),
        service_request=[source.id, target.id],
        **reason_of(reason),
    )
    note = f"{hours_text(entry.worked_minutes)} worked"
    write_history(tx, source.id, "work_moved_away", source.state, source.state, note=note, other=target.id)
    write_history(tx, target.id, "work_moved_here", target.state, target.state, note=note, other=source.id)


def leave_out(tx: Transaction, request: Row[Any], entry: Row[Any]) -> list[Row[Any]]:
    """Leave an entry that is deleted or rejected now out of the sums and the rounding of its request.

    Returns the entries whose draw changes: its own, and those that are rounded with it and take other
    minutes.
    Raises: NoRuleSet; RuleSetRefused; NoHolidayData.
    """
    count_minutes(tx, request.id, -entry.worked_minutes, -entry.chargeable_minutes)
    terms = terms_of(tx, entry, request)
    others = charged_without(tx, entry, request, terms)
    round_together(tx, request, terms, others)
    return [entry, *(one.entry for one in others if not one.takes_alike)]


def round_together(
    tx: Transaction, request: Row[Any], terms: ChargingTerms, others: Sequence[ChargedAgain]
) -> None:
    """Store the entries that an entry with these terms charges again, and that some are rounded together."""
    if terms.rounding.scope != "entry" and not request.rounds_together:
        tx.change(t.service_request, request.id, rounds_together=True)
    store_charged_again(tx, others)


def changed_fields(entry: Row[Any], wanted: WorkGiven) -> set[str]:
    """The fields in which an entry would change."""
    before = merged(entry, ChangeWork()).model_dump()
    return {name for name, value in wanted.model_dump().items() if value != before[name]}


def merged(entry: Row[Any], command: ChangeWork) -> WorkGiven:
    """The entry with the fields that were sent; minutes and worked_at replace a span, and the reverse.

    The reason why it is not billable goes with that.
    Raises: InvalidInput where it would have both, or a part of one, or such a reason while it is billable.
    """
    given = {
        name: value
        for name, value in command.given().items()
        if name not in ("service_request", "recalculate", "reason", "beyond_approval")
    }
    fields: dict[str, Any] = {"work_type": entry.work_type, "note": entry.note, "billable": entry.billable}
    if not given.get("billable", entry.billable):
        fields["not_billable_reason"] = entry.not_billable_reason
    if entry.ended_at is not None:
        time = {"started_at": entry.started_at, "ended_at": entry.ended_at}
        other = {"minutes", "worked_at"}
    else:
        time = {"minutes": entry.worked_minutes, "worked_at": entry.started_at}
        other = {"started_at", "ended_at"}
    if not other & set(given):
        fields |= time
    try:
        return WorkGiven.model_validate(fields | given)
    except ValidationError as error:
        wrong = error.errors(include_url=False)[0]
        message, cause = wrong["msg"].removeprefix("Value error, "), wrong.get("ctx", {}).get("error")
        pointer = f"/{cause.field}" if isinstance(cause, FieldError) else ""
        is_time = pointer != "/not_billable_reason"
        remedy = gettext("Change the time in the form that the entry has.") if is_time else ""
        raise invalid(pointer, message, remedy) from error


def _wanted_request(tx: Transaction, entry: Row[Any], command: ChangeWork) -> Row[Any]:
    """The request that a correction leaves an entry with. Raises: InvalidInput where there is none."""
    wanted = command.service_request or entry.service_request_id
    try:
        return require_visible(tx, wanted)
    except NotFound as error:
        raise invalid(
            "/service_request",
            gettext("There is no such service request."),
            gettext("Look it up by its number in the list."),
        ) from error
