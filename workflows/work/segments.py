"""The segments of a work entry: charging its time, and their form in the database.

Source: product.md section 7 (From worked to chargeable minutes).
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row

from engine.charging import FULL_PERCENT, Segment, TimeToCharge, charge_time
from engine.facts import local_clock
from engine.rulebook import ChargingFacts, RateCard, RuleSet
from workflows.work.charging_terms import ChargingTerms


def charge_segments(
    started_at: datetime,
    ended_at: datetime | None,
    worked_minutes: int,
    *,
    work_type: str | None,
    terms: ChargingTerms,
    rules: RuleSet,
) -> tuple[Segment, ...]:
    """The segments of billable work under its terms, by these rules. Raises: NoHolidayData."""
    weekday, hour = local_clock(started_at, terms.time_zone)
    facts = ChargingFacts(
        work_type=work_type,
        priority=terms.priority,
        role=terms.role,
        channel=terms.channel,
        worked_weekday=weekday,
        worked_hour=hour,
        item_type=terms.item_type,
    )
    time = TimeToCharge(
        started_at, ended_at, worked_minutes, terms.rounding, terms.before_minutes, terms.time_zone
    )
    return charge_time(time, facts, rules, rate_card_of(terms, rules))


def rate_card_of(terms: ChargingTerms, rules: RuleSet) -> RateCard | None:
    """The rate card of the terms; None if the rules have none, or have it in another currency."""
    card = rules.rate_cards.get(terms.rate_card) if terms.rate_card is not None else None
    return card if card is not None and card.currency == terms.currency else None


def stored_segments(segments: Sequence[Segment]) -> list[dict[str, Any]] | None:
    """Segments as they are stored with their entry.

    None for a single one that is charged in full, by no rule and without a price: it follows from the entry,
    and lists of work need not read it.
    """
    if not segments or (len(segments) == 1 and _is_plain(segments[0])):
        return None
    return [one._asdict() | {"start": one.start.isoformat(), "end": _text(one.end)} for one in segments]


def segments_of(entry: Row[Any]) -> tuple[Segment, ...]:
    """The segments of an entry.

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


def _is_plain(segment: Segment) -> bool:
    return segment.rule is None and segment.rate_minor is None and segment.percent == FULL_PERCENT


def _text(at: datetime | None) -> str | None:
    return at.isoformat() if at is not None else None


def _instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text is not None else None
