"""A work entry as the draw-down reads it, stored or previewed: its segments and what it is charged by.

Source: product.md section 7.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from engine.charging import FULL_PERCENT, Segment
from engine.contracts import Contract
from engine.facts import local_clock
from engine.payers import EntryToPay, SegmentToPay
from engine.quantities import Money
from engine.rulebook import ChargingFacts
from workflows.lifecycle.contracts.payers import is_excluded

NOT_STORED = "~"
"""The id of an entry that is planned before it is stored: it sorts after all others, as a new one will."""
StoredSegments = list[dict[str, Any]] | None


@dataclass(frozen=True, slots=True)
class ChargedEntry:
    """A work entry with its service request, under the names of a row that is read.

    It need not be stored as it is here. Instants are aware UTC, minutes whole; `charged_by` and `segments`
    are in the form in which they are stored. `held`: it awaits approval.
    """

    worked_from: datetime
    worked_until: datetime | None
    chargeable_minutes: int
    charged_by: dict[str, Any]
    segments: StoredSegments
    recorded_at: datetime
    worked_type: str | None
    id: str
    number: str
    customer_id: str
    item_id: str | None
    org_unit_id: str | None
    priority: str
    work_type: str | None
    channel: str | None
    opened_at: datetime
    item_type: str | None = None
    entry_id: str = NOT_STORED
    held: bool = False


def entry_to_pay(
    row: Any, payers: tuple[str, ...], carrier: str, covering: Contract | None, *, with_facts: bool = False
) -> EntryToPay:
    """A stored entry, or a `ChargedEntry`, as the engine plans it.

    `payers` are ids of contracts, of which `covering` is the first. Work that it excludes is paid by those
    after it where cascade takes them; what these lack is recorded as uncovered.
    `with_facts` where a grant of a payer has a scope.
    """
    terms = row.charged_by
    policy = terms["time_expired"]
    if covering is not None:
        policy = covering.time_expired or policy
        if is_excluded(covering, terms["role"], row.worked_type):
            payers, policy = payers[1:] if terms.get("passes_over") else (), "ignore"
    return EntryToPay(
        row.entry_id,
        row.worked_from,
        row.worked_until,
        row.chargeable_minutes,
        row.recorded_at,
        payers,
        policy,
        carrier,
        _stored_segments_to_pay(row.segments),
        terms["cascade"],
        facts_of_work(row) if with_facts else None,
        row.held,
    )


def facts_of_work(row: Any) -> ChargingFacts:
    """What the scopes of grants ask of a stored entry, or of a `ChargedEntry`: as of when it was recorded.

    The item's type is that of today where no charging rule asked for it then.
    """
    terms = row.charged_by
    weekday, hour = local_clock(row.worked_from, terms["time_zone"])
    return ChargingFacts(
        work_type=row.worked_type,
        priority=terms["priority"],
        role=terms["role"],
        channel=terms["channel"],
        worked_weekday=weekday,
        worked_hour=hour,
        item_type=terms.get("item_type") or row.item_type,
    )


def stored_segments(segments: Sequence[Segment]) -> StoredSegments:
    """Segments as they are stored with their entry.

    None for a single one that is charged in full, by no rule and without a price: it follows from the entry,
    and lists of work need not read it.
    """
    if not segments or (len(segments) == 1 and _is_plain(segments[0])):
        return None
    return [one._asdict() | {"start": one.start.isoformat(), "end": _text(one.end)} for one in segments]


def segments_of(entry: Any) -> tuple[Segment, ...]:
    """The segments of a row of `work_entry`.

    None if it is not billable, or if an older program charged it by a percentage, which was not stored.
    """
    if entry.segments is not None:
        return tuple(
            Segment(**{**one, "start": datetime.fromisoformat(one["start"]), "end": _instant(one["end"])})
            for one in entry.segments
        )
    if not entry.billable or entry.charge_why is not None:
        return ()
    minutes = entry.chargeable_minutes
    return (Segment(entry.started_at, entry.ended_at, entry.worked_minutes, minutes, FULL_PERCENT, minutes),)


def segments_to_pay(segments: Sequence[Segment]) -> tuple[SegmentToPay, ...]:
    """Segments as the engine pays them."""
    return tuple(
        SegmentToPay(
            one.start, one.end, one.chargeable_minutes, one.excluded, _rate(one.rate_minor, one.currency)
        )
        for one in segments
    )


def _stored_segments_to_pay(stored: StoredSegments) -> tuple[SegmentToPay, ...]:
    if stored is None:
        return ()
    return tuple(
        SegmentToPay(
            datetime.fromisoformat(one["start"]),
            _instant(one["end"]),
            one["chargeable_minutes"],
            one.get("excluded"),
            _rate(one.get("rate_minor"), one.get("currency")),
        )
        for one in stored
    )


@lru_cache(maxsize=1024)  # most entries have one of a few rates
def _rate(rate_minor: int | None, currency: str | None) -> Money | None:
    return Money(rate_minor, currency) if rate_minor is not None and currency is not None else None


def _is_plain(segment: Segment) -> bool:
    return segment.rule is None and segment.rate_minor is None and segment.percent == FULL_PERCENT


def _text(at: datetime | None) -> str | None:
    return at.isoformat() if at is not None else None


def _instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text is not None else None
