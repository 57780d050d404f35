"""The charge of a work entry: its segments under its terms, and those of entries that are charged again.

Source: product.md section 7 (From worked to chargeable minutes).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, Row, bindparam, update

from engine.charging import Segment, total_minutes
from engine.quantities import is_too_long, whole_minutes
from workflows.charging.rates import lacks_rates, require_rates
from workflows.charging.segments import charge_segments
from workflows.charging.terms import ChargingTerms, rules_of, terms_of
from workflows.commands.work import WorkGiven
from workflows.core.errors import invalid
from workflows.core.transaction import Transaction
from workflows.languages.texts import gettext
from workflows.lifecycle.contracts.charged_entry import ChargedEntry, segments_of, stored_segments
from workflows.store import tables as t
from workflows.store.column_types import Id
from workflows.store.compiled_statements import Prepared, next_version

NOT_BILLABLE = "Not billable"


@dataclass(frozen=True, slots=True)
class Worked:
    """A work entry with its chargeable minutes; those who pay for them are not known yet."""

    started_at: datetime
    ended_at: datetime | None
    worked_minutes: int
    segments: tuple[Segment, ...]

    @property
    def chargeable_minutes(self) -> int:
        """The sum of its segments."""
        return total_minutes(self.segments)

    @property
    def charge_why(self) -> str | None:
        """Why it is charged so: the reasons of its segments, each once."""
        reasons = dict.fromkeys(one.why for one in self.segments if one.why)
        return "; ".join(reasons) or (None if self.segments else NOT_BILLABLE)


@dataclass(frozen=True, slots=True)
class ChargedAgain:
    """A stored entry with what it is worked and charged by from now on."""

    entry: Row[Any]
    worked: Worked
    terms: ChargingTerms

    @property
    def charges_alike(self) -> bool:
        """Whether its segments and their prices are those that it has."""
        return segments_of(self.entry) == self.worked.segments and self.takes_alike

    @property
    def is_charged_so(self) -> bool:
        """Whether it has these minutes and prices already, and the same contracts pay for it."""
        stored, now = self.entry.charged_by, self.terms.stored()
        if stored is None:
            return False
        payers = ("contract", "cascade", "draws", "time_expired", "passes_on")
        return self.charges_alike and all(stored.get(name) == now[name] for name in payers)

    @property
    def takes_alike(self) -> bool:
        """Whether it takes the same minutes at the same instants as before."""
        entry, worked = self.entry, self.worked
        before = (entry.started_at, entry.ended_at, entry.chargeable_minutes)
        if (worked.started_at, worked.ended_at, worked.chargeable_minutes) != before:
            return False
        segments = segments_of(entry)
        return not segments or _shares(segments) == _shares(worked.segments)


def charge_work(
    tx: Transaction,
    request: Row[Any],
    command: WorkGiven,
    terms: ChargingTerms,
    *,
    needs_rates: bool = True,
    before: int = 0,
) -> Worked:
    """The length and the segments of the entry that a command makes, which had `before` minutes.

    Raises: InvalidInput for time in the future or an entry that is too long; Conflict where it has no rate
    and its contract pays in money, unless it `needs_rates` no more; NoRuleSet; NoHolidayData.
    """
    started_at, ended_at, worked = worked_span(tx, command, before=before)
    if not command.billable:
        return Worked(started_at, ended_at, worked, ())
    segments = charge_segments(
        started_at,
        ended_at,
        worked,
        work_type=command.work_type,
        terms=terms,
        rules=rules_of(tx, terms),
    )
    if needs_rates:
        require_rates(tx, terms, segments, command.work_type)
    return Worked(started_at, ended_at, worked, segments)


def charge_changed(
    tx: Transaction, request: Row[Any], entry: Row[Any], wanted: WorkGiven, terms: ChargingTerms
) -> ChargedAgain:
    """An entry as it is wanted, charged by these terms.

    One that an assignment gave to its contract without a rate may stay so. Raises: as `charge_work`.
    """
    stored = terms_of(tx, entry, request)
    had_none = terms.contract == stored.contract and lacks_rates(stored, segments_of(entry))
    before = entry.worked_minutes
    worked = charge_work(tx, request, wanted, terms, needs_rates=not had_none, before=before)
    return ChargedAgain(entry, worked, after_charge(terms, worked))


def charge_again(tx: Transaction, entry: Row[Any], terms: ChargingTerms) -> ChargedAgain:
    """A billable entry, charged by other terms. Raises: NoRuleSet; RuleSetRefused; NoHolidayData.

    Where its contract pays in money and a part of it has no rate, that contract pays nothing for it.
    """
    segments = charge_segments(
        entry.started_at,
        entry.ended_at,
        entry.worked_minutes,
        work_type=entry.work_type,
        terms=terms,
        rules=rules_of(tx, terms),
    )
    worked = Worked(entry.started_at, entry.ended_at, entry.worked_minutes, segments)
    return ChargedAgain(entry, worked, after_charge(terms, worked))


def after_charge(terms: ChargingTerms, worked: Worked) -> ChargingTerms:
    """The terms, with whether a part of the work falls to the next contract."""
    passes_on = any(one.excluded == "next_contract" for one in worked.segments)
    return replace(terms, passes_on=passes_on) if passes_on != terms.passes_on else terms


def store_charge(tx: Transaction, charged: ChargedAgain) -> None:
    """Store the charge of an entry, and count its minutes to its service request."""
    entry, worked = charged.entry, charged.worked
    tx.change(
        t.work_entry,
        entry.id,
        started_at=worked.started_at,
        ended_at=worked.ended_at,
        worked_minutes=worked.worked_minutes,
        chargeable_minutes=worked.chargeable_minutes,
        charge_why=worked.charge_why,
        charged_by=charged.terms.stored(),
        segments=stored_segments(worked.segments),
    )
    count_minutes(
        tx,
        entry.service_request_id,
        worked.worked_minutes - entry.worked_minutes,
        worked.chargeable_minutes - entry.chargeable_minutes,
    )


def store_charged_again(
    tx: Transaction, charged: Sequence[ChargedAgain], *, reason: str | None = None
) -> None:
    """Store entries that something else charges again, each with a version and a line in the audit trail."""
    why = {"reason": reason} if reason else {}
    for one in charged:
        tx.change(t.work_entry, one.entry.id, version=next_version(t.work_entry))
        tx.audit("work_entry", one.entry.id, "charged again", before=audit_values(one.entry), **why)
        store_charge(tx, one)


def charged_entry(
    request: Row[Any],
    worked: Worked,
    terms: ChargingTerms,
    *,
    recorded_at: datetime,
    work_type: str | None,
    held: bool,
    **stored_as: str,
) -> ChargedEntry:
    """An entry of a service request as the draw-down reads it; `entry_id` where it is stored.

    `held`: it awaits approval.
    """
    return ChargedEntry(
        worked_from=worked.started_at,
        worked_until=worked.ended_at,
        chargeable_minutes=worked.chargeable_minutes,
        charged_by=terms.stored(),
        segments=stored_segments(worked.segments),
        recorded_at=recorded_at,
        worked_type=work_type,
        id=request.id,
        number=request.number,
        customer_id=request.customer_id,
        item_id=request.item_id,
        org_unit_id=request.org_unit_id,
        priority=request.priority,
        work_type=request.work_type,
        channel=request.channel,
        opened_at=request.opened_at,
        item_type=terms.item_type,
        held=held,
        **stored_as,
    )


def worked_at(command: WorkGiven) -> datetime:
    """The instant at which the work began, or at which its minutes count (aware UTC)."""
    at = command.started_at or command.worked_at
    if at is None:
        raise invalid("/minutes", gettext("Give minutes and worked_at, or started_at and ended_at."))
    return at


def worked_span(
    tx: Transaction, command: WorkGiven, *, before: int = 0
) -> tuple[datetime, datetime | None, int]:
    """Start, end (None for minutes at one instant) and whole minutes worked.

    `before` are the minutes that the entry has already. Raises: InvalidInput for time in the future, or more
    of it than one entry may have.
    """
    if command.started_at is not None and command.ended_at is not None:
        if command.ended_at > tx.now:
            raise invalid(
                "/ended_at",
                gettext("Work cannot end in the future."),
                gettext("Give the time worked so far."),
            )
        seconds = -((command.started_at - command.ended_at) // timedelta(seconds=1))
        worked = whole_minutes(seconds)
        _require_length("/ended_at", worked, before)
        return command.started_at, command.ended_at, worked
    if command.worked_at is None or command.minutes is None:
        raise invalid("/minutes", gettext("Give minutes and worked_at, or started_at and ended_at."))
    if command.worked_at > tx.now:
        raise invalid(
            "/worked_at",
            gettext("Work cannot lie in the future."),
            gettext("Give an instant that has passed."),
        )
    _require_length("/minutes", command.minutes, before)
    return command.worked_at, None, command.minutes


def _require_length(pointer: str, minutes: int, before: int) -> None:
    """Raises: InvalidInput for more minutes than one entry may have, unless it had as many before."""
    if is_too_long(minutes, before=before):
        raise invalid(
            pointer,
            gettext("The work is longer than 25 hours."),
            gettext("Log each day as its own entry."),
        )


def count_minutes(tx: Transaction, request_id: str, worked_minutes: int, charged_minutes: int) -> None:
    """Add minutes to the sums of a service request."""
    tx.run(*counted(request_id, worked_minutes, charged_minutes))


def counted(request_id: str, worked_minutes: int, charged_minutes: int) -> tuple[Prepared, dict[str, Any]]:
    """`count_minutes` as a row for `Transaction.add_together`."""
    return _COUNT, {"request": request_id, "worked": worked_minutes, "charged": charged_minutes}


_r = t.service_request
_COUNT = Prepared(
    update(_r)
    .where(_r.c.id == bindparam("request", type_=Id, required=True))
    .values(
        worked_minutes=_r.c.worked_minutes + bindparam("worked", type_=BigInteger, required=True),
        chargeable_minutes=_r.c.chargeable_minutes + bindparam("charged", type_=BigInteger, required=True),
    )
)


def audit_values(entry: Row[Any]) -> dict[str, Any]:
    """What the audit trail has of an entry as it was."""
    return {
        "started_at": entry.started_at.isoformat(),
        "ended_at": entry.ended_at.isoformat() if entry.ended_at else None,
        "worked_minutes": entry.worked_minutes,
        "chargeable_minutes": entry.chargeable_minutes,
        "billable": entry.billable,
        "not_billable_reason": entry.not_billable_reason,
    }


def _shares(segments: Sequence[Segment]) -> list[tuple[Any, ...]]:
    """When the minutes of some segments are drawn, from whom, and at which price of an hour."""
    return [
        (one.start, one.chargeable_minutes, one.excluded, one.rate_minor, one.currency)
        for one in segments
        if one.chargeable_minutes
    ]
