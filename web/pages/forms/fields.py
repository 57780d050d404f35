"""Form fields for durations, money, decimals, local dates and times.

Each keeps the typed text if it cannot be parsed, and its error shows the expected format.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from flask import url_for
from markupsafe import Markup
from wtforms import SelectMultipleField, StringField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]  # newer than its stubs
from wtforms.widgets import CheckboxInput, DateInput, DateTimeLocalInput, ListWidget

from engine.errors import DeskError
from engine.periods import check_date, check_instant, contract_end, first_instant_of, local_instants
from web.languages import gettext, lazy_text
from web.pages.context import own_zone, settings, zone
from web.pages.wording.formats import (
    SpanUnit,
    TimeUnit,
    decimal_text,
    duration_words,
    money_text,
    read_decimal,
    read_minutes,
    read_money,
    read_span,
    span_words,
    typed_minutes,
    typed_money,
)
from web.pages.wording.local_times import WHICH, occurrence_texts, repeated_time_text
from workflows.commands.fields import MOST_MINOR
from workflows.core.transaction import Transaction
from workflows.work.work_types import known_work_types


def select_options(pairs: Iterable[tuple[str, str]]) -> list[Any]:
    """Convert values with labels to the choices of a field."""
    return [SelectChoice(value, label) for value, label in pairs]


def listed(text: str | None) -> list[str]:
    """The parts of a text that are separated by commas."""
    return [part.strip() for part in (text or "").split(",") if part.strip()]


class CheckboxesField(SelectMultipleField):
    """Several of a few values, each as a checkbox."""

    widget = ListWidget(prefix_label=False)
    option_widget = CheckboxInput()


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


MOST_DIGITS = 9


def _asks(url: str, *, trigger: str, target: str) -> dict[str, str]:
    """Attributes of a field that gets a text below it from `url` while it is typed in."""
    # all are given, as a field inherits those of its form
    return {
        "hx-get": url,
        "hx-trigger": trigger,
        "hx-target": f"#{target}",
        "hx-swap": "innerHTML",
        "hx-sync": "this:replace",
    }


class EchoedField(TypedField):
    """A field below which its value is shown in words, while typing and when the page is rendered."""

    def words(self, value: Any) -> str:
        """The value in words, such as "20 hours"."""
        raise NotImplementedError

    def echo_url(self) -> str:
        """Where the words for what is being typed come from."""
        raise NotImplementedError

    def __call__(self, **kwargs: Any) -> Markup:
        echo = f"{self.id}-words"
        kwargs["aria_describedby"] = f"{kwargs.get('aria_describedby', '')} {echo}".strip()
        asks = _asks(self.echo_url(), trigger="input changed delay:150ms", target=echo)
        typed = super().__call__(**{"autocomplete": "off", **kwargs, **asks})
        words = self.words(self.data) if self.data is not None and not self.errors else ""
        return typed + Markup('<output class="typed" id="{}" for="{}">{}</output>').format(
            echo, self.id, words
        )


class DurationField(EchoedField):
    """Whole minutes, typed as 1:30, 1h30, 90m, 1.5 h or 1,5 h; a number alone is in `unit`.

    The description says so.
    """

    counts_minutes = True
    """A limit of its value is in minutes, whatever `unit` is."""

    def __init__(self, label: str, *, unit: TimeUnit, description: str = "", **kwargs: Any) -> None:
        self.unit = unit
        formats = {
            "hours": gettext("A number means hours: 20, or 1:30, 90m."),
            "minutes": gettext("A number means minutes: 90, or 1:30, 1h30, 1.5 h."),
        }
        super().__init__(label, description=f"{formats[unit]} {description}".strip(), **kwargs)

    def read(self, text: str) -> int:
        minutes = read_minutes(text, self.unit)
        if minutes is None:
            raise ValueError(self._refusal(text))
        return minutes

    def shown(self, value: int) -> str:
        return typed_minutes(value)

    def words(self, value: int) -> str:
        return duration_words(value)

    def _refusal(self, text: str) -> str:
        if self.unit == "hours":
            return gettext(
                "“%(text)s” is not a duration. Use a format such as 1:30, 1h30, 90m or 1.5 h;"
                " a number alone means hours.",
                text=text,
            )
        return gettext(
            "“%(text)s” is not a duration. Use a format such as 1:30, 1h30, 90m or 1.5 h;"
            " a number alone means minutes.",
            text=text,
        )

    def echo_url(self) -> str:
        return url_for("typed.duration", unit=self.unit, field=self.name)


class MoneyField(EchoedField):
    """An amount in the configured currency, which the label names; `data` is in minor units."""

    is_money = True

    def __init__(self, label: str, **kwargs: Any) -> None:
        super().__init__(label, **kwargs)
        self.label.text = f"{label} ({settings().currency})"

    def read(self, text: str) -> int:
        currency = settings().currency
        amount = read_money(text, currency)
        if amount is None:
            raise ValueError(
                gettext(
                    "“%(text)s” is not an amount in %(currency)s. Use the format %(example)s.",
                    text=text,
                    currency=currency,
                    example=typed_money(12500, currency),
                )
            )
        if amount > MOST_MINOR:
            raise ValueError(
                gettext("The largest amount is %(amount)s.", amount=money_text(MOST_MINOR, currency))
            )
        return amount

    def shown(self, value: int) -> str:
        return typed_money(value, settings().currency)

    def words(self, value: int) -> str:
        return money_text(value, settings().currency)

    def echo_url(self) -> str:
        return url_for("typed.money", field=self.name)

    @property
    def command_value(self) -> dict[str, Any] | None:
        """The amount as used in commands."""
        return None if self.data is None else {"amount_minor": self.data, "currency": settings().currency}


class DecimalField(TypedField):
    """A quantity or a percentage; `data` is decimal text with a point, as in commands."""

    def read(self, text: str) -> str:
        number = read_decimal(text)
        if number is None:
            raise ValueError(wrong_decimal(text))
        return number

    def shown(self, value: str) -> str:
        return decimal_text(value)


def wrong_decimal(text: str) -> str:
    """What is wrong with a text that is no quantity and no percentage, or may be meant in two ways."""
    example = decimal_text("1250.5")
    return gettext("“%(text)s” is not a number. Use the format %(example)s.", text=text, example=example)


class CountField(TypedField):
    """A whole number, zero or more."""

    def read(self, text: str) -> int:
        if not text.isascii() or not text.isdecimal() or len(text) > 9:
            raise ValueError(gettext("“%(text)s” is not a whole number, 0 or more.", text=text))
        return int(text)


class CapField(TypedField):
    """A cap on the minutes of a month: a duration, of which a number alone means hours, or a percentage.

    `data` is the command's `cap_minutes` or `cap_percent`, as a dictionary; 0 of either is an empty one.
    """

    def read(self, text: str) -> dict[str, int]:
        number = text.removesuffix("%").strip()
        if text.endswith("%") and number.isascii() and number.isdecimal() and len(number) <= MOST_DIGITS:
            return {"cap_percent": int(number)} if int(number) else {}
        minutes = read_minutes(text, "hours")
        if minutes is None:
            raise ValueError(
                gettext(
                    "“%(text)s” is neither a duration nor a percentage. Write for example 1:30 or 50%%.",
                    text=text,
                )
            )
        return {"cap_minutes": minutes} if minutes else {}


class NumbersField(TypedField):
    """Whole numbers, with commas between them; an empty text is no number."""

    def process_formdata(self, valuelist: list[Any]) -> None:
        super().process_formdata(valuelist)
        self.data = self.data or []

    def read(self, text: str) -> list[int]:
        parts = [part.strip().removesuffix("%").strip() for part in text.split(",")]
        wrong = [part for part in parts if not part.isascii() or not part.isdecimal() or len(part) > 9]
        if wrong:
            raise ValueError(
                gettext(
                    "“%(text)s” is not a whole number, 0 or more. Write for example 75, 90.", text=wrong[0]
                )
            )
        return [int(part) for part in parts]

    def shown(self, value: list[int]) -> str:
        return ", ".join(map(str, value))


class SpanField(EchoedField):
    """A whole number of a unit of time, which the label names: minutes, hours, days or months."""

    def __init__(self, label: str, *, unit: SpanUnit, **kwargs: Any) -> None:
        self.unit = unit
        super().__init__(self._with_unit(label), **kwargs)

    def _with_unit(self, label: str) -> str:
        return {
            "minute": gettext("%(label)s (minutes)", label=label),
            "hour": gettext("%(label)s (hours)", label=label),
            "day": gettext("%(label)s (days)", label=label),
            "month": gettext("%(label)s (months)", label=label),
        }[self.unit]

    def read(self, text: str) -> int:
        number = read_span(text, self.unit)
        if number is None:
            raise ValueError(self._refusal(text))
        return number

    def _refusal(self, text: str) -> str:
        return {
            "minute": gettext("“%(text)s” is not a whole number of minutes, 0 or more.", text=text),
            "hour": gettext("“%(text)s” is not a whole number of hours, 0 or more.", text=text),
            "day": gettext("“%(text)s” is not a whole number of days, 0 or more.", text=text),
            "month": gettext("“%(text)s” is not a whole number of months, 0 or more.", text=text),
        }[self.unit]

    def words(self, value: int) -> str:
        return span_words(value, self.unit)

    def echo_url(self) -> str:
        return url_for("typed.span", unit=self.unit, field=self.name)


class WorkTypeField(StringField):
    """A work type: free text with suggestions, once `load_options` was called."""

    def __init__(self, label: str = "", **kwargs: Any) -> None:
        description = lazy_text("As named in your rules, for example remote.")
        super().__init__(label or lazy_text("Work type"), **{"description": description, **kwargs})
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
                gettext(
                    "“%(text)s” is not a date. Use the format 2026-03-31, with a year from 1970 to 2199.",
                    text=text,
                )
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
    """A local time in the provider's time zone; `data` is an aware UTC instant.

    When the clocks go back, an hour happens twice: a second field asks which of the two is meant. A third
    field has the instant that the form was given, so that submitting it unchanged gives back exactly that
    instant, with fractions of a second.
    """

    widget = DateTimeLocalInput()
    which: str = ""
    given: datetime | None = None

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        if own_zone() is not None:
            said = gettext("In the provider's time zone, %(zone)s.", zone=zone().key.replace("_", " "))
            self.description = f"{self.description} {said}".strip()

    def process(self, formdata: Any, *args: Any, **kwargs: Any) -> None:
        if formdata:
            self.which = str(formdata.get(f"{self.name}_which", ""))
            self.given = _instant_of(str(formdata.get(f"{self.name}_given", "")))
        super().process(formdata, *args, **kwargs)
        if self.given is None and not formdata:
            self.given = self.data

    def read(self, text: str) -> datetime:
        try:
            wall = datetime.fromisoformat(text)
        except ValueError:
            raise ValueError(
                gettext("“%(text)s” is not a valid time. Use the format 2026-03-31T09:00.", text=text)
            ) from None
        try:
            if wall.tzinfo is not None:
                return check_instant(wall)
            instants = local_instants(wall, zone())
        except DeskError as error:
            raise ValueError(str(error)) from None
        if self.given is not None and self._is_as_given(wall, instants):
            return self.given
        if len(instants) == 1:
            return instants[0]
        if self.which not in WHICH:
            raise ValueError(repeated_time_text(wall, instants, zone()))
        return instants[WHICH.index(self.which)]

    def _is_as_given(self, wall: datetime, instants: Sequence[datetime]) -> bool:
        """Whether the typed time is the one that the form was given, as far as it was shown."""
        given = _whole_seconds(self.given)
        if given not in instants:
            return False
        return len(instants) == 1 or self.which in ("", WHICH[list(instants).index(given)])

    def shown(self, value: datetime) -> str:
        local = value.astimezone(zone())
        return local.strftime("%Y-%m-%dT%H:%M:%S" if local.second else "%Y-%m-%dT%H:%M")

    def __call__(self, **kwargs: Any) -> Markup:
        which = f"{self.id}-which"
        asks = _asks(url_for("typed.instant", field=self.name), trigger="change", target=which)
        given = _written(self.given) if self.given else ""
        choice = which_of_two(self.name, self._value(), self.data)
        return (
            super().__call__(**kwargs, **asks, **self._step())
            + Markup('<input type="hidden" name="{}_given" value="{}">').format(self.name, given)
            + Markup('<span class="which" id="{}" aria-live="polite">{}</span>').format(which, choice)
        )

    def _step(self) -> dict[str, str]:
        """Browsers show and accept seconds only with a step of one; they are offered where there are some."""
        has_seconds = len(self._value()) > len("2026-03-31T09:00")
        return {"step": "1"} if has_seconds else {}

    @property
    def text(self) -> str | None:
        return _written(self.data) if self.data else None


def which_of_two(name: str, text: str, data: datetime | None = None) -> Markup:
    """The choice for the field `name` if its local time happens twice, else nothing; `data` is chosen."""
    try:
        wall = datetime.fromisoformat(text)
        instants = local_instants(wall, zone()) if wall.tzinfo is None else ()
    except (ValueError, DeskError):
        return Markup("")
    if len(instants) < 2:
        return Markup("")
    options = (
        Markup("") if data is not None else Markup('<option value="">{}</option>').format(gettext("Choose"))
    )
    for value, instant, shown in zip(WHICH, instants, occurrence_texts(instants, zone()), strict=True):
        selected = Markup(" selected") if data and _whole_seconds(instant) == _whole_seconds(data) else ""
        options += Markup('<option value="{}"{}>{}</option>').format(value, selected, shown)
    label = gettext("%(time)s happens twice on that day. Which one?", time=f"{wall:%H:%M}")
    return Markup('<label>{} <select name="{}_which">{}</select></label>').format(label, name, options)


def _whole_seconds(instant: datetime | None) -> datetime:
    return (instant or datetime.min.replace(tzinfo=UTC)).replace(microsecond=0)


def _instant_of(text: str) -> datetime | None:
    """The instant that a form was given; None if there is none."""
    try:
        return check_instant(datetime.fromisoformat(text))
    except (ValueError, DeskError):
        return None


def _written(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")
