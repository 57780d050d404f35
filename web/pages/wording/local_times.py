"""Local times that happen twice, in words: the hour that is repeated when the clocks go back."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

WHICH = ("first", "second")
"""How a form says which of the two instants of a repeated time is meant."""

_MINUTE = timedelta(minutes=1)


def occurrence_texts(instants: Sequence[datetime], zone: ZoneInfo) -> list[str]:
    """Each of the instants of a repeated time, such as "02:45, second time (UTC+1)"."""
    return [
        f"{instant.astimezone(zone):%H:%M}, {which} time ({offset_text(instant, zone)})"
        for which, instant in zip(WHICH, instants, strict=True)
    ]


def repeated_time_text(wall: datetime, instants: Sequence[datetime], zone: ZoneInfo) -> str:
    """Why a repeated time cannot be read alone, and what to do."""
    first, second = (offset_text(instant, zone) for instant in instants)
    return (
        f"{wall:%H:%M} happens twice on {wall:%Y-%m-%d}, because the clocks go back."
        f" Choose the first time ({first}) or the second ({second})."
    )


def offset_text(instant: datetime, zone: ZoneInfo) -> str:
    """The offset of local time from UTC: "UTC+2", "UTC−3:30"."""
    offset = instant.astimezone(zone).utcoffset() or timedelta()
    hours, minutes = divmod(abs(offset) // _MINUTE, 60)
    sign = "−" if offset < timedelta() else "+"
    return f"UTC{sign}{hours}" + (f":{minutes:02d}" if minutes else "")
