"""Form fields for durations, money, local dates and times.

Each keeps the typed text if it cannot be parsed, and its error shows the expected format.
"""

from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from markupsafe import Markup
from wtforms import StringField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]  # newer than its stubs
from wtforms.widgets import DateInput, DateTimeLocalInput

from engine.errors import DeskError
from engine.periods import check_date, contract_end, first_instant_of, resolve_local
from web.pages.context import settings, zone
from web.pages.wording.formats import minutes_text, plain_money, read_minutes, read_money
from workflows.core.transaction import Transaction
from workflows.work.work_types import known_work_types


def select_options(pairs: Iterable[tuple[str, str]]) -> list[Any]:
    """Convert values with labels to the choices of a field."""
    return [SelectChoice(value, label) for value, label in pairs]


class TypedField(StringField):
    """A field whose `data` is parsed from its text; None if the text is empty."""

    data: Any

    def process_formdata(self, valuelist: list[Any]) -> None:
        text = str(valuelist[0]).strip() if valuelist else ""
        self.data = self.read(text) if text else None

    def _value(self) -> str:
        if self.raw_data:
            return str(self.raw_data[0])
        return "" if self.data is None else self.shown(self.data)

    def read(self, text: str) -> Any:
        """Parse non-empty text. Raises: ValueError with a message for users."""
        raise NotImplementedError

    def shown(self, value: Any) -> str:
        """Format a value as a user would type it."""
        return str(value)


class DurationField(TypedField):
    """Whole minutes, typed as 1:30, 1h30, 90m, 1.5 h or 1,5 h."""

    def read(self, text: str) -> int:
        minutes = read_minutes(text)
        if minutes is None:
            raise ValueError(f"“{text}” is not a duration. Use a format such as 1:30, 1h30, 90m or 1.5 h.")
        return minutes

    def shown(self, value: int) -> str:
        return minutes_text(value).replace(",", "")


class MoneyField(TypedField):
    """An amount in the configured currency; `data` is in minor units."""

    def read(self, text: str) -> int:
        currency = settings().currency
        amount = read_money(text.removeprefix(currency).removesuffix(currency).strip(" €$£"), currency)
        if amount is None:
            raise ValueError(
                f"“{text}” is not an amount in {currency}. Use the format {plain_money(12500, currency)}."
            )
        return amount

    def shown(self, value: int) -> str:
        return plain_money(value, settings().currency)

    @property
    def command_value(self) -> dict[str, Any] | None:
        """The amount as used in commands."""
        return None if self.data is None else {"amount_minor": self.data, "currency": settings().currency}


class CountField(TypedField):
    """A whole number, zero or more."""

    def read(self, text: str) -> int:
        if not text.isascii() or not text.isdecimal() or len(text) > 9:
            raise ValueError(f"“{text}” is not a whole number.")
        return int(text)


class WorkTypeField(StringField):
    """A work type: free text with suggestions, once `load_options` was called."""

    def __init__(self, label: str = "Work type", **kwargs: Any) -> None:
        super().__init__(label, **{"description": "As named in your rules, for example remote.", **kwargs})
        self.known: list[str] = []

    def load_options(self, tx: Transaction) -> None:
        """Load the suggestions."""
        self.known = known_work_types(tx)

    def __call__(self, **kwargs: Any) -> Markup:
        if not self.known:
            return super().__call__(**kwargs)
        options = Markup("").join(Markup('<option value="{}">').format(one) for one in self.known)
        listed = Markup('<datalist id="{}-known">{}</datalist>').format(self.id, options)
        return super().__call__(list=f"{self.id}-known", **kwargs) + listed


class DayField(TypedField):
    """A local date; `data` is a date."""

    widget = DateInput()

    def read(self, text: str) -> date:
        try:
            return check_date(date.fromisoformat(text))
        except (ValueError, DeskError):
            raise ValueError(
                f"“{text}” is not a date. Use the format 2026-03-31, with a year from 1970 to 2199."
            ) from None

    @property
    def text(self) -> str | None:
        """The date in ISO format, as used in commands."""
        return self.data.isoformat() if self.data else None

    def first_instant(self, time_zone: str) -> str | None:
        """The first instant of the day in a time zone, as used in commands."""
        return _written(first_instant_of(self.data, ZoneInfo(time_zone))) if self.data else None

    def end(self, time_zone: str) -> str | None:
        """The exclusive end of the day in a time zone, as used in commands."""
        return _written(contract_end(self.data, ZoneInfo(time_zone))) if self.data else None


class InstantField(TypedField):
    """A local time in the provider's time zone; `data` is an aware UTC instant."""

    widget = DateTimeLocalInput()

    def read(self, text: str) -> datetime:
        try:
            wall = datetime.fromisoformat(text)
        except ValueError:
            raise ValueError(f"“{text}” is not a valid time. Use the format 2026-03-31T09:00.") from None
        if wall.tzinfo is not None:
            return wall.astimezone(UTC)
        try:
            return resolve_local(wall, zone())
        except DeskError as error:
            raise ValueError(str(error)) from None

    def shown(self, value: datetime) -> str:
        return value.astimezone(zone()).strftime("%Y-%m-%dT%H:%M")

    @property
    def text(self) -> str | None:
        return _written(self.data) if self.data else None


def _written(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")
