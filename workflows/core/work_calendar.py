"""The setting of the desk's business hours: by weekday, and for public holidays and single days.

Source: product.md sections 3 and 9.
"""

from datetime import date
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from engine.calendars import DAY_NAMES, HolidayHours, Hours, WorkCalendar
from workflows.commands.fields import FieldError
from workflows.languages.texts import gettext

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
Clock = Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$|^24:00$")]


def _real_day(text: str) -> str:
    try:
        date.fromisoformat(text)
    except ValueError:
        raise ValueError(gettext("There is no such day.")) from None
    return text


LocalDate = Annotated[
    str,
    Field(pattern=r"^(19[7-9]\d|2[01]\d\d)-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$"),
    AfterValidator(_real_day),
]


PART = ConfigDict(frozen=True, extra="forbid", strict=True, defer_build=True)
"""A part of the settings is a frozen value that has no other fields."""


class _Part(BaseModel):
    model_config = PART


class Hours24(_Part):
    """One open window of a day in local time, [from, to)."""

    opens: Clock
    closes: Clock

    @model_validator(mode="after")
    def _in_order(self) -> "Hours24":
        if self.closes <= self.opens:
            raise FieldError("closes", gettext("The closing time must be after the opening time."))
        return self

    @property
    def minutes(self) -> Hours:
        """The window as the engine's value."""
        return Hours(_minute(self.opens), _minute(self.closes))


class PublicHolidaysSetting(_Part):
    """The public holidays of a country, or of a region by its letters of ISO 3166-2, and their hours.

    The categories are those of the holiday data. A half day is a category of its own in most countries, which
    needs hours; without hours the days are closed.
    """

    country: Annotated[str, Field(min_length=2, max_length=60)]
    subdivision: Annotated[str, Field(min_length=1, max_length=60)] | None = None
    categories: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=60)]], Field(min_length=1, max_length=20)
    ] = ["public"]
    hours: Annotated[list[Hours24], Field(max_length=24)] = []

    @property
    def of_engine(self) -> HolidayHours:
        """The entry as the engine's value."""
        hours = tuple(one.minutes for one in self.hours)
        return HolidayHours(self.country, self.subdivision, tuple(self.categories), hours)


class WorkCalendarSetting(_Part):
    """Business hours by weekday, the days without any, and public holidays: the first entry with a day.

    Hours of a public holiday hold on days that have hours by the week.
    """

    weekly: dict[Weekday, Annotated[list[Hours24], Field(max_length=24)]] = Field(
        default_factory=lambda: {
            day: [Hours24(opens="09:00", closes="17:00")] for day in ("mon", "tue", "wed", "thu", "fri")
        }
    )
    holidays: Annotated[list[LocalDate], Field(max_length=2000)] = Field(default_factory=list)
    public_holidays: Annotated[list[PublicHolidaysSetting], Field(max_length=20)] = Field(
        default_factory=list
    )

    def in_zone(self, zone: ZoneInfo) -> WorkCalendar:
        """The hours as the engine's calendar."""
        hours: dict[str, list[Hours24]] = {str(day): windows for day, windows in self.weekly.items()}
        return WorkCalendar(
            time_zone=zone,
            weekly=tuple(tuple(window.minutes for window in hours.get(day, [])) for day in DAY_NAMES),
            holidays=frozenset(date.fromisoformat(day) for day in self.holidays),
            public_holidays=tuple(one.of_engine for one in self.public_holidays),
        )


def _minute(clock: str) -> int:
    hours, minutes = clock.split(":")
    return int(hours) * 60 + int(minutes)
