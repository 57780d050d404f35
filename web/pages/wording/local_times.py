"""Local times that happen twice, in words: the hour that is repeated when the clocks go back."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from web.languages import gettext, mark

WHICH = ("first", "second")
"""How a form says which of the two instants of a repeated time is meant."""

_OCCURRENCES = (
    mark("%(time)s, first time (%(offset)s)"),
    mark("%(time)s, second time (%(offset)s)"),
)
_MINUTE = timedelta(minutes=1)


def occurrence_texts(instants: Sequence[datetime], zone: ZoneInfo) -> list[str]:
    """Each of the instants of a repeated time, such as "02:45, second time (UTC+1)"."""
    return [
        gettext(text, time=f"{instant.astimezone(zone):%H:%M}", offset=offset_text(instant, zone))
        for text, instant in zip(_OCCURRENCES, instants, strict=True)
    ]


def repeated_time_text(wall: datetime, instants: Sequence[datetime], zone: ZoneInfo) -> str:
    """Why a repeated time cannot be read alone, and what to do."""
    first, second = (offset_text(instant, zone) for instant in instants)
    return gettext(
        "%(time)s happens twice on %(day)s, because the clocks go back."
        " Choose the first time (%(first)s) or the second (%(second)s).",
        time=f"{wall:%H:%M}",
        day=f"{wall:%Y-%m-%d}",
        first=first,
        second=second,
    )


def offset_text(instant: datetime, zone: ZoneInfo) -> str:
    """The offset of local time from UTC: "UTC+2", "UTC−3:30"."""
    offset = instant.astimezone(zone).utcoffset() or timedelta()
    hours, minutes = divmod(abs(offset) // _MINUTE, 60)
    sign = "−" if offset < timedelta() else "+"
    return f"UTC{sign}{hours}" + (f":{minutes:02d}" if minutes else "")
