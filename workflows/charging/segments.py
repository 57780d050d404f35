"""Charging the time of a work entry under its terms, segment by segment.

Source: product.md section 7 (From worked to chargeable minutes).
"""

from datetime import datetime

from engine.charging import Segment, TimeToCharge, charge_time
from engine.facts import local_clock
from engine.rulebook import ChargingFacts, RateCard, RuleSet
from workflows.charging.terms import ChargingTerms


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
