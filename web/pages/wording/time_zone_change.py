"""What a change of the provider's time zone moves and what stays, in sentences."""

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from web.pages.context import now
from web.pages.wording.formats import instant_text
from workflows.views.administration import TimeZoneChangeView, ZoneCount


@dataclass(frozen=True, slots=True)
class TimeZoneChangeText:
    """Sentences about what moves and about what stays."""

    moves: list[str]
    stays: list[str]


def time_zone_change_text(change: TimeZoneChangeView) -> TimeZoneChangeText:
    """The effect of a change of the time zone."""
    old, new = zone_text(change.from_time_zone), zone_text(change.to_time_zone)
    zone = ZoneInfo(change.to_time_zone)
    moves = [
        f"Times on the pages are shown in {new}, where it is now {instant_text(now(), zone)}.",
        f"Contracts that are sold from now on begin and end by the days of {new}.",
        f"Business hours, and the weekdays, hours and dates in rules, are those of {new} instead of {old}.",
    ]
    if change.moved_targets:
        moves.append(_targets_text(change.moved_targets))
    if change.month_starts_at != change.new_month_starts_at:
        before = instant_text(change.month_starts_at, zone)
        after = instant_text(change.new_month_starts_at, zone)
        moves.append(f"The current month of the reports begins at {after}; until now it began at {before}.")
    stays = [_contracts_text(one) for one in change.unchanged_contracts]
    stays.append("Decisions, charged time and balances stay as they are.")
    return TimeZoneChangeText(moves, stays)


def zone_text(time_zone: str) -> str:
    """America/New_York is "America/New York"."""
    return time_zone.replace("_", " ")


def _contracts_text(count: ZoneCount) -> str:
    where = f"in {zone_text(count.time_zone)}"
    if count.contracts == 1:
        return f"1 contract that has not ended keeps the days and months with which it was sold, {where}."
    return (
        f"{count.contracts:,} contracts that have not ended keep the days and months with which they were "
        f"sold, {where}."
    )


def _targets_text(requests: int) -> str:
    if requests == 1:
        return "The open targets of 1 unfinished request move with the business hours."
    return f"The open targets of {requests:,} unfinished requests move with the business hours."
