"""The desk's settings: one frozen value, validated as a whole at each change; changes are audited.

Source: product.md section 3.
"""

from collections.abc import Mapping
from datetime import date
from functools import cached_property
from typing import Annotated, Any, Literal, TypeVar
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, BaseModel, ConfigDict, EmailStr, Field, model_validator

from engine.calendars import DAY_NAMES, Hours, WorkCalendar
from engine.contracts import TimeExpired
from engine.rulebook import RulesEngine
from workflows.commands.rounding import RoundingTerms

T = TypeVar("T")

Days = Annotated[int, Field(ge=0, le=3660)]
AlertRecipient = Literal["technician", "supervisors", "finance", "company"]
"""The assignee of a request; everyone in a role; the company's address."""
Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
Clock = Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$|^24:00$")]


def _real_day(text: str) -> str:
    try:
        date.fromisoformat(text)
    except ValueError:
        raise ValueError("There is no such day.") from None
    return text


LocalDate = Annotated[
    str,
    Field(pattern=r"^(19[7-9]\d|2[01]\d\d)-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$"),
    AfterValidator(_real_day),
]

CURRENCIES = frozenset(
    "AED ARS AUD BGN BHD BRL CAD CHF CLP CNY COP CZK DKK EGP EUR GBP HKD HUF IDR ILS INR ISK JOD JPY KRW KWD "
    "MAD MXN MYR NGN NOK NZD OMR PEN PHP PKR PLN QAR RON RSD RUB SAR SEK SGD THB TND TRY TWD UAH USD UYU VND "
    "ZAR".split()
)


def is_time_zone(name: str) -> bool:
    """Whether there is an IANA time zone with this name."""
    return name in available_timezones()


def _known_zone(name: str) -> str:
    if not is_time_zone(name):
        raise ValueError("It is not an IANA time zone; write for example Europe/Berlin.")
    return name


def _known_currency(code: str) -> str:
    if code not in CURRENCIES:
        raise ValueError("It is not a currency code; write for example EUR.")
    return code


def _each_once(values: list[T]) -> list[T]:
    if len(set(values)) < len(values):
        raise ValueError("Give each value once.")
    return values


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


ContractRecipients = Annotated[
    list[Literal["supervisors", "finance", "company"]], Field(max_length=3), AfterValidator(_each_once)
]
Percentages = Annotated[
    list[Annotated[int, Field(ge=1, le=100)]], Field(max_length=10), AfterValidator(_each_once)
]
DaysAhead = Annotated[
    list[Annotated[int, Field(ge=1, le=365)]], Field(max_length=10), AfterValidator(_each_once)
]
SlaRecipients = Annotated[
    list[Literal["technician", "supervisors", "company"]], Field(max_length=3), AfterValidator(_each_once)
]


class Hours24(_Part):
    """One open window of a day in local time, [from, to)."""

    opens: Clock
    closes: Clock

    @model_validator(mode="after")
    def _in_order(self) -> "Hours24":
        if self.closes <= self.opens:
            raise ValueError("closes must be later than opens.")
        return self


class WorkCalendarSetting(_Part):
    """Business hours by weekday, and the days without any."""

    weekly: dict[Weekday, Annotated[list[Hours24], Field(max_length=24)]] = Field(
        default_factory=lambda: {
            day: [Hours24(opens="09:00", closes="17:00")] for day in ("mon", "tue", "wed", "thu", "fri")
        }
    )
    holidays: Annotated[list[LocalDate], Field(max_length=2000)] = Field(default_factory=list)

    def in_zone(self, zone: ZoneInfo) -> WorkCalendar:
        """The hours as the engine's calendar."""
        hours: dict[str, list[Hours24]] = {str(day): windows for day, windows in self.weekly.items()}
        return WorkCalendar(
            time_zone=zone,
            weekly=tuple(
                tuple(Hours(_minute(window.opens), _minute(window.closes)) for window in hours.get(day, []))
                for day in DAY_NAMES
            ),
            holidays=frozenset(date.fromisoformat(day) for day in self.holidays),
        )


def _minute(clock: str) -> int:
    hours, minutes = clock.split(":")
    return int(hours) * 60 + int(minutes)


class Company(_Part):
    """The provider, as named on the pages."""

    name: Annotated[str, Field(max_length=200)] = "Coverdesk"
    email: EmailStr | None = None
    """Where a customer's public note goes while nobody is assigned."""


UNAVAILABLE: dict[str, Any] = {
    "invoices": False,
    "unpaid_request_warning_hours": None,
    "unpaid_request_cancel_hours": None,
}
"""Settings that the API names and nothing acts on yet, with their only value. No page offers them."""


class Settings(_Part):
    """All settings of a deployment."""

    contracts: bool = False
    invoices: bool = Field(default=False, description="Not available yet: false.")
    contract_validation: bool = True
    time_expired_contract: TimeExpired | None = None
    payment_required: bool = False
    cascade: bool = False
    default_contract_months: Annotated[int, Field(ge=1, le=120)] = 12
    default_overage_rate_minor: Annotated[int, Field(ge=0, le=10**12)] | None = None
    unpaid_request_warning_hours: None = Field(default=None, description="Not available yet: null.")
    unpaid_request_cancel_hours: None = Field(default=None, description="Not available yet: null.")
    currency: Annotated[str, AfterValidator(_known_currency)] = "EUR"
    time_zone: Annotated[str, AfterValidator(_known_zone)] = "UTC"
    work_calendar: WorkCalendarSetting = Field(default_factory=WorkCalendarSetting)
    rounding: RoundingTerms = Field(default_factory=RoundingTerms)
    reopen_window_days: Days = 14
    auto_close_days: Days = 7
    sla_warning_recipients: SlaRecipients = ["technician"]
    sla_breach_recipients: SlaRecipients = ["technician", "supervisors"]
    alert_thresholds: Percentages = [75, 90]
    expiry_alert_days: DaysAhead = [30]
    exhaustion_alert_days: Annotated[int, Field(ge=1, le=365)] | None = 14
    contract_alert_recipients: ContractRecipients = ["supervisors", "finance"]
    customer_alerts: bool = False
    customers_see_org_unit: bool = False
    two_person_publishing: bool = False
    rules_engine: RulesEngine = "compiled"
    company: Company = Field(default_factory=Company)

    @model_validator(mode="after")
    def _belongs_together(self) -> "Settings":
        if self.time_expired_contract == "bill" and not self.invoices:
            raise ValueError(
                "time_expired_contract 'bill' needs invoices, which are not available yet. "
                "Use rollover or ignore."
            )
        if self.time_expired_contract == "bill" and self.default_overage_rate_minor is None:
            raise ValueError(
                "time_expired_contract 'bill' needs default_overage_rate_minor, the price of an hour."
            )
        return self

    @property
    def zone(self) -> ZoneInfo:
        """The provider's time zone, in which dates are read."""
        return ZoneInfo(self.time_zone)

    @cached_property
    def business_hours(self) -> WorkCalendar:
        """The desk's business hours."""
        return self.work_calendar.in_zone(self.zone)

    @classmethod
    def from_stored(cls, stored: Mapping[str, Any]) -> "Settings":
        """The settings with these stored values; those that this program does not have are left out.

        Raises: pydantic.ValidationError naming each bad field.
        """
        known = {key: value for key, value in stored.items() if key in cls.model_fields}
        for key in UNAVAILABLE.keys() - {"invoices"}:
            known.pop(key, None)
        if isinstance(known.get("company"), dict):
            known["company"] = {
                key: value for key, value in known["company"].items() if key in Company.model_fields
            }
        return cls().merged(known)

    def merged(self, changes: dict[str, Any]) -> "Settings":
        """These settings with `changes` merged in, nested objects too; validated as a whole.

        Raises: pydantic.ValidationError naming each bad field.
        """
        return Settings.model_validate(_merge(self.model_dump(), changes))


def _merge(old: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    merged = dict(old)
    for key, value in changes.items():
        nested = merged.get(key)
        merges = isinstance(nested, dict) and isinstance(value, dict) and key != "weekly"
        merged[key] = _merge(nested, value) if merges and nested is not None else value
    return merged
