"""What a change of the provider's time zone moves and what stays, in sentences."""

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from babel.numbers import format_decimal

from web.languages import gettext, locale, ngettext
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
        gettext(
            "Times on the pages are shown in %(zone)s, where it is now %(now)s.",
            zone=new,
            now=instant_text(now(), zone),
        ),
        gettext("Contracts that are sold from now on begin and end by the days of %(zone)s.", zone=new),
        gettext(
            "Business hours, and the weekdays, hours and dates in rules, are those of %(new)s instead of "
            "%(old)s.",
            new=new,
            old=old,
        ),
    ]
    if change.moved_targets:
        moves.append(_targets_text(change.moved_targets))
    if change.month_starts_at != change.new_month_starts_at:
        before = instant_text(change.month_starts_at, zone)
        after = instant_text(change.new_month_starts_at, zone)
        moves.append(
            gettext(
                "The current month of the reports begins at %(after)s; until now it began at %(before)s.",
                after=after,
                before=before,
            )
        )
    stays = [_contracts_text(one) for one in change.unchanged_contracts]
    stays.append(gettext("Decisions, charged time and balances stay as they are."))
    return TimeZoneChangeText(moves, stays)


def zone_text(time_zone: str) -> str:
    """America/New_York is "America/New York"."""
    return time_zone.replace("_", " ")


def _contracts_text(count: ZoneCount) -> str:
    return ngettext(
        "%(num)s contract that has not ended keeps the days and months with which it was sold, in %(zone)s.",
        "%(num)s contracts that have not ended keep the days and months with which they were sold, "
        "in %(zone)s.",
        count.contracts,
        num=format_decimal(count.contracts, locale=locale()),
        zone=zone_text(count.time_zone),
    )


def _targets_text(requests: int) -> str:
    return ngettext(
        "The open targets of %(num)s unfinished request move with the business hours.",
        "The open targets of %(num)s unfinished requests move with the business hours.",
        requests,
        num=format_decimal(requests, locale=locale()),
    )
