"""The desk's settings: one frozen value, validated as a whole at each change; changes are audited.

Source: product.md section 3.
"""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from functools import cached_property
from itertools import pairwise
from typing import Annotated, Any, Literal, TypeVar
from zoneinfo import ZoneInfo, available_timezones

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    EmailStr,
    Field,
    StringConstraints,
    model_validator,
)

from engine.approvals import LimitPer, OveragePolicy
from engine.calendars import DAY_NAMES, Hours, WorkCalendar
from engine.contracts import TimeExpired
from engine.invoice_document import TaxCategory
from engine.invoicing import TaxRate
from engine.rulebook import RulesEngine
from workflows.commands.bank_statements import CsvProfile
from workflows.commands.fields import FieldError, one_of_minutes_and_amount
from workflows.commands.rounding import RoundingTerms
from workflows.commands.tax_ids import Bic, Country, Iban, VatId
from workflows.languages.texts import gettext

T = TypeVar("T")

Days = Annotated[int, Field(ge=0, le=3660)]
RetentionMonths = Annotated[int, Field(ge=0, le=360)]
WaitingHours = Annotated[int, Field(ge=1, le=8760)]
AlertRecipient = Literal["technician", "supervisors", "finance", "company"]
"""The assignee of a request; everyone in a role; the company's address."""
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
        raise ValueError(gettext("It is not an IANA time zone; write for example Europe/Berlin."))
    return name


def _known_currency(code: str) -> str:
    if code not in CURRENCIES:
        raise ValueError(gettext("It is not a currency code; write for example EUR."))
    return code


def _each_once(values: list[T]) -> list[T]:
    if len(set(values)) < len(values):
        raise ValueError(gettext("Give each value once."))
    return values


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, defer_build=True)


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
            raise FieldError("closes", gettext("The closing time must be after the opening time."))
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


EInvoices = Literal["off", "en16931", "xrechnung"]
"""`en16931` is Factur-X (ZUGFeRD) in CII and Peppol BIS Billing 3 in UBL; `xrechnung` for German buyers."""


class Company(_Part):
    """The provider, as named on the pages and as the seller on invoices."""

    name: Annotated[str, Field(max_length=200)] = "Coverdesk"
    email: EmailStr | None = None
    """Where a customer's public note goes while nobody is assigned; also on invoices."""
    street: Annotated[str, Field(max_length=200)] = ""
    postal_code: Annotated[str, Field(max_length=20)] = ""
    city: Annotated[str, Field(max_length=100)] = ""
    country: Country = ""
    vat_id: VatId = ""
    tax_number: Annotated[str, Field(max_length=40)] = ""
    contact_name: Annotated[str, Field(max_length=200)] = ""
    phone: Annotated[str, Field(max_length=60)] = ""
    iban: Iban = ""
    bic: Bic = ""


def _tax_percent(text: str) -> str:
    if Decimal(text) > 100:
        raise ValueError(gettext("A tax rate must be between 0 and 100."))
    return text


NO_REASON = ("S", "Z")
"""Tax categories without a reason why nothing is charged: taxed, and zero rated."""


class TaxRateSetting(_Part):
    """A rate that lines of invoices name: in percent, or zero by its category and for its reason.

    The category is that of UNCL5305: S standard, Z zero rated, E exempt, AE reverse charge, K within the EU,
    G export, O not subject to VAT.
    """

    name: Annotated[str, StringConstraints(min_length=1, max_length=60, strip_whitespace=True)]
    percent: Annotated[
        str, StringConstraints(pattern=r"^[0-9]{1,3}(\.[0-9]{1,4})?$"), AfterValidator(_tax_percent)
    ]
    category: TaxCategory = "S"
    reason: Annotated[str, StringConstraints(max_length=300, strip_whitespace=True)] = ""

    @model_validator(mode="after")
    def _belongs_together(self) -> "TaxRateSetting":
        if (self.category == "S") != (Decimal(self.percent) > 0):
            raise ValueError(gettext("Category S has a rate above 0, and every other category has 0."))
        if self.category not in NO_REASON and not self.reason:
            raise ValueError(
                gettext(
                    "Category %(category)s needs the reason why no tax is charged.", category=self.category
                )
            )
        return self

    @cached_property
    def rate(self) -> TaxRate:
        """The rate as the engine's value."""
        return TaxRate(self.category, Decimal(self.percent), self.reason)


def _names_once(rates: list[TaxRateSetting]) -> list[TaxRateSetting]:
    names = [one.name.casefold() for one in rates]
    if len(set(names)) < len(names):
        raise ValueError(gettext("Two tax rates have the same name."))
    return rates


def _profiles_once(profiles: list[CsvProfile]) -> list[CsvProfile]:
    names = [one.name.casefold() for one in profiles]
    if len(set(names)) < len(names):
        raise ValueError(gettext("Two profiles have the same name."))
    return profiles


class NotToExceedSetting(_Part):
    """A limit: chargeable minutes, or money in `currency`, in all of a contract, a month or a request."""

    per: LimitPer
    minutes: Annotated[int, Field(ge=1, le=10_000_000)] | None = None
    amount_minor: Annotated[int, Field(ge=1, le=10**12)] | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> "NotToExceedSetting":
        one_of_minutes_and_amount(self.minutes, self.amount_minor)
        return self


class DunningLevelSetting(_Part):
    """A reminder so many days after an invoice was due: its text, and a fee in `currency`, 0 for none."""

    days: Annotated[int, Field(ge=1, le=365)]
    fee_minor: Annotated[int, Field(ge=0, le=10**9)] = 0
    text: Annotated[str, StringConstraints(max_length=2000, strip_whitespace=True)] = ""


def _later_each(levels: list[DunningLevelSetting]) -> list[DunningLevelSetting]:
    if any(after.days <= before.days for before, after in pairwise(levels)):
        raise ValueError(gettext("Each dunning level must come some days after the one before."))
    return levels


class AccountCode(_Part):
    """The number of an account of money in the accounting program; of `tax`, also by a rate's code (S:19)."""

    account: Literal[
        "receivable", "cash", "customer_credit", "deferred_revenue", "revenue", "tax", "discount", "write_off"
    ]  # fmt: skip
    rate: Annotated[str, StringConstraints(pattern=r"^([A-Z]{1,2}:[0-9]{1,3}(\.[0-9]{1,4})?)?$")] = ""
    code: Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z][0-9A-Za-z._-]{0,19}$")]

    @model_validator(mode="after")
    def _only_tax_has_rates(self) -> "AccountCode":
        if self.rate and self.account != "tax":
            raise ValueError(gettext("Only the account tax has rates."))
        return self


def _accounts_once(codes: list[AccountCode]) -> list[AccountCode]:
    if len({(one.account, one.rate) for one in codes}) < len(codes):
        raise ValueError(gettext("Give each account, and each rate of tax, once."))
    return codes


class Settings(_Part):
    """All settings of a deployment."""

    contracts: bool = False
    invoices: bool = Field(
        default=False,
        description="What is sold is invoiced. They need contracts: until billing is activated, nothing is.",
    )
    contract_validation: bool = True
    time_expired_contract: TimeExpired | None = None
    payment_required: bool = False
    cascade: bool = False
    work_approval: bool = Field(
        default=False,
        description="Work entries are submitted, and a supervisor approves or rejects them. "
        "Off: they are approved at once.",
    )
    overage: OveragePolicy = Field(
        default="go_on",
        description="Work past what a contract pays, or past its limit: nothing is asked, the customer gets "
        "a notice, or is asked first.",
    )
    not_to_exceed: NotToExceedSetting | None = Field(
        default=None, description="The limit of contracts that have none of their own, with notify and ask."
    )
    approval_days: Annotated[int, Field(ge=1, le=365)] = Field(
        default=14, description="An approval lapses so many days after it was asked for."
    )
    default_contract_months: Annotated[int, Field(ge=1, le=120)] = 12
    default_overage_rate_minor: Annotated[int, Field(ge=0, le=10**12)] | None = None
    unpaid_request_warning_hours: WaitingHours | None = Field(
        default=None,
        description="The customer of a request that waits for a payment is warned after so many hours.",
    )
    unpaid_request_cancel_hours: WaitingHours | None = Field(
        default=None, description="A request that waits for a payment is cancelled after so many hours."
    )
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
    invoice_due_days: Annotated[int, Field(ge=0, le=365)] = 14
    renewal_lead_days: Annotated[int, Field(ge=1, le=365)] | None = Field(
        default=None,
        description="So many days before its end, a contract with a price is renewed and the draft of the "
        "renewal's invoice written. null: by hand.",
    )
    draft_sold_items: bool = Field(
        default=True,
        description="What was sold is written into a draft for each customer on the next day. Off: by hand.",
    )
    invoice_warning_days: Annotated[int, Field(ge=1, le=365)] | None = Field(
        default=3, description="So many days before an invoice is due, who pays it gets a reminder."
    )
    dunning_levels: Annotated[list[DunningLevelSetting], Field(max_length=9), AfterValidator(_later_each)] = (
        Field(default=[], description="Reminders after an invoice was due, with their fees, in their order.")
    )
    e_invoices: EInvoices = Field(
        default="off",
        description="As which e-invoices documents are issued. Then an invoice is issued only if the rules "
        "accept it. Off: invoices are issued without an e-invoice.",
    )
    tax_rates: Annotated[
        list[TaxRateSetting], Field(min_length=1, max_length=20), AfterValidator(_names_once)
    ] = Field(
        default=[TaxRateSetting(name="No tax", percent="0", category="O", reason="Not subject to VAT")],
        description="The rates that lines of invoices name. The first is used for what is sold.",
    )
    bank_accounts: Annotated[list[Iban], Field(max_length=20), AfterValidator(_each_once)] = Field(
        default=[], description="Further accounts, besides company.iban, whose bank statements are taken."
    )
    bank_csv_profiles: Annotated[list[CsvProfile], Field(max_length=20), AfterValidator(_profiles_once)] = (
        Field(default=[], description="How banks write their statements as CSV, by name.")
    )

    invoice_retention_years: Annotated[int, Field(ge=0, le=30)] = Field(
        default=10,
        description="A customer is erased only so many years after their last invoice, credit note and "
        "payment. 0: at any time.",
    )
    account_codes: Annotated[list[AccountCode], Field(max_length=100), AfterValidator(_accounts_once)] = (
        Field(default=[], description="The accounts of money by their numbers in the accounting program.")
    )
    datev_consultant: Annotated[int, Field(ge=1001, le=9_999_999)] | None = Field(
        default=None, description="DATEV: the number of the tax adviser."
    )
    datev_client: Annotated[int, Field(ge=1, le=99_999)] | None = Field(
        default=None, description="DATEV: the number of the client."
    )
    datev_account_length: Annotated[int, Field(ge=4, le=8)] = Field(
        default=4, description="DATEV: how many digits an account has; a customer's has one more."
    )
    financial_year_begins: Annotated[int, Field(ge=1, le=12)] = Field(
        default=1, description="The month in which the financial year begins; DATEV files name it."
    )

    mail_retention_months: RetentionMonths | None = Field(
        default=None,
        description="Mail is removed so many months after it was written, unless it is still to be sent, or "
        "about invoices, payments or quotes. null or 0: it stays.",
    )
    billing_mail_retention_months: RetentionMonths | None = Field(
        default=None,
        description="The same for mail about invoices, payments and quotes.",
    )

    @model_validator(mode="after")
    def _belongs_together(self) -> "Settings":
        if self.time_expired_contract == "bill" and not self.invoices:
            raise FieldError(
                "time_expired_contract",
                gettext(
                    "time_expired_contract 'bill' needs invoices. Switch them on, or use rollover or ignore."
                ),
            )
        warning, cancel = self.unpaid_request_warning_hours, self.unpaid_request_cancel_hours
        if warning is not None and cancel is not None and warning >= cancel:
            raise FieldError(
                "unpaid_request_warning_hours",
                gettext(
                    "unpaid_request_warning_hours must be less than unpaid_request_cancel_hours: a request is"
                    " cancelled after its customer was warned."
                ),
            )
        if self.time_expired_contract == "bill" and self.default_overage_rate_minor is None:
            raise FieldError(
                "time_expired_contract",
                gettext(
                    "time_expired_contract 'bill' needs default_overage_rate_minor, the price of an hour."
                ),
            )
        return self

    @property
    def zone(self) -> ZoneInfo:
        """The provider's time zone, in which dates are read."""
        return ZoneInfo(self.time_zone)

    @property
    def invoicing(self) -> bool:
        """Whether what is sold is invoiced: invoices are on, and so are contracts."""
        return self.contracts and self.invoices

    def tax_rate(self, name: str) -> TaxRateSetting | None:
        """The tax rate with this name, in whatever case; None if there is none."""
        return next((one for one in self.tax_rates if one.name.casefold() == name.strip().casefold()), None)

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
        if any("percent" not in one for one in known.get("tax_rates", ())):
            del known["tax_rates"]  # of an earlier program, which used them for nothing
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
