"""The smallest, largest and emptiest accepted value of every setting, level and rule option lets a desk work.

With each, a request is logged, answered, worked on, held, resolved, closed and reopened, and all jobs run.
What would make that impossible is refused when it is set.
"""

import json
from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import pytest
from pydantic import ValidationError
from structlog.testing import capture_logs

from engine.journals import MONEY_ACCOUNTS
from engine.quantities import LONGEST_ENTRY_MINUTES
from engine.rulebook import RuleSetRefused
from engine.service_requests import PRIORITIES
from tests.support.builders import RULES
from tests.support.sample_desk import SampleDesk
from workflows.administration.activation import activate_billing
from workflows.administration.settings import change_settings, read_settings
from workflows.commands.administration import ActivateBilling
from workflows.commands.service_requests import AddNote
from workflows.core.errors import InvalidInput
from workflows.core.settings import Settings
from workflows.jobs.definitions import JOBS, run_job
from workflows.rule_sets.folder import read_rules_folder
from workflows.rule_sets.publishing import check_rules
from workflows.service_requests.queries import list_service_requests, read_service_request
from workflows.service_requests.use_cases import add_note

COMPANY = {
    "street": "Hafenstrasse 12",
    "city": "Hamburg",
    "country": "DE",
    "tax_number": "1",
    "iban": "DE89370400440532013000",
}
BILLING = {"invoices": True, "default_overage_rate_minor": 1, "company": COMPANY}
"""Time is billed at a price."""
FEW_MINUTES = {"sun": [{"opens": "23:55", "closes": "24:00"}]}
"""Just enough for the longest target of the shipped levels in 20 years."""
EVERY_DAY = [(date(2026, 1, 1) + timedelta(days=n)).isoformat() for n in range(2000)]
EXTREMES: dict[str, list[dict[str, Any]]] = {
    "contracts": [{"contracts": False}],
    "invoices": [{"invoices": False}, {"invoices": True, "company": COMPANY}],
    "invoice_due_days": [{"invoice_due_days": days} for days in (0, 365)],
    "draft_sold_items": [{"draft_sold_items": False}],
    "renewal_lead_days": [{"renewal_lead_days": days} for days in (None, 1, 365)],
    # "ask" refuses work beyond the contract until the customer approves it: tested with approvals
    "overage": [{"overage": policy} for policy in ("go_on", "notify")],
    "not_to_exceed": [
        {"not_to_exceed": None},
        {"not_to_exceed": {"per": "month", "minutes": 1}},
        {"not_to_exceed": {"per": "contract", "amount_minor": 1}},
        {"not_to_exceed": {"per": "service_request", "minutes": 1}},
    ],
    "approval_days": [{"approval_days": days} for days in (1, 365)],
    "mail_retention_months": [{"mail_retention_months": months} for months in (None, 0, 360, 1)],
    "billing_mail_retention_months": [
        {"billing_mail_retention_months": months} for months in (None, 0, 360, 1)
    ],
    "account_codes": [
        {"account_codes": []},
        {"account_codes": [{"account": one, "code": "9" * 8} for one in MONEY_ACCOUNTS]},
    ],
    "datev_consultant": [{"datev_consultant": number} for number in (None, 1001, 9_999_999)],
    "datev_client": [{"datev_client": number} for number in (None, 1, 99_999)],
    "datev_account_length": [{"datev_account_length": digits} for digits in (4, 8)],
    "financial_year_begins": [{"financial_year_begins": month} for month in (1, 12)],
    "invoice_warning_days": [{"invoice_warning_days": days} for days in (None, 1, 365)],
    "dunning_levels": [
        {"dunning_levels": [{"days": n + 1, "fee_minor": 10**9, "text": "T" * 2000} for n in range(9)]}
    ],
    "tax_rates": [
        {"tax_rates": [{"name": f"Rate {n}", "percent": "99.9999"} for n in range(20)]},
        {"tax_rates": [{"name": "R" * 60, "percent": "0", "category": "K", "reason": "W" * 300}]},
    ],
    "contract_validation": [{"contract_validation": True}, {"contract_validation": False}],
    "time_expired_contract": [
        {"time_expired_contract": "rollover"},
        {"time_expired_contract": "ignore"},
    ],
    "payment_required": [{"payment_required": True}],
    "cascade": [{"cascade": True}],
    "work_approval": [{"work_approval": True}],
    "default_contract_months": [{"default_contract_months": months} for months in (1, 120)],
    "default_overage_rate_minor": [{"default_overage_rate_minor": rate} for rate in (1, 10**12)],
    "unpaid_request_warning_hours": [{"unpaid_request_warning_hours": hours} for hours in (1, 8759)],
    "unpaid_request_cancel_hours": [{"unpaid_request_cancel_hours": hours} for hours in (2, 8760)],
    "currency": [{"currency": "JPY"}, {"currency": "KWD"}],
    "time_zone": [
        {"time_zone": name} for name in ("Pacific/Kiritimati", "Etc/GMT+12", "Australia/Lord_Howe", "Factory")
    ],
    "work_calendar": [
        {"work_calendar": {"weekly": FEW_MINUTES}},
        {"work_calendar": {"weekly": {"mon": [{"opens": "00:00", "closes": "00:05"}] * 24}}},
        {"work_calendar": {"weekly": {"mon": [{"opens": "00:00", "closes": "24:00"}]}}},
        {"work_calendar": {"holidays": EVERY_DAY}},
        {"work_calendar": {"holidays": []}},
    ],
    "rounding": [
        {"rounding": {"increment_minutes": 480, "minimum_minutes": 480, "grace_minutes": 479}},
        {"rounding": {"increment_minutes": 1, "minimum_minutes": 0, "grace_minutes": 0}},
        {"rounding": {"increment_minutes": 480, "scope": "service_request_day"}},
    ],
    "reopen_window_days": [{"reopen_window_days": days} for days in (0, 3660)],
    "auto_close_days": [{"auto_close_days": days} for days in (0, 3660)],
    "customers_see_org_unit": [{"customers_see_org_unit": True}],
    "request_receipts": [{"request_receipts": True}],
    "invoice_retention_years": [{"invoice_retention_years": years} for years in (0, 30)],
    "sla_warning_recipients": [{"sla_warning_recipients": []}],
    "sla_breach_recipients": [{"sla_breach_recipients": ["technician", "supervisors", "company"]}],
    "alert_thresholds": [{"alert_thresholds": one} for one in ([], [*range(1, 10), 100])],
    "expiry_alert_days": [{"expiry_alert_days": one} for one in ([], [*range(1, 10), 365])],
    "exhaustion_alert_days": [{"exhaustion_alert_days": one} for one in (None, 1, 365)],
    "contract_alert_recipients": [
        {"contract_alert_recipients": one} for one in ([], ["supervisors", "finance", "company"])
    ],
    "customer_alerts": [{"customer_alerts": True}],
    "two_person_publishing": [{"two_person_publishing": True}],
    "e_invoices": [{"e_invoices": "en16931"}, {"e_invoices": "xrechnung"}],
    "rules_engine": [{"rules_engine": "plain"}, {"rules_engine": "compiled"}],
    "bank_accounts": [{"bank_accounts": ["DE89370400440532013000", "GB29NWBK60161331926819"]}],
    "bank_csv_profiles": [
        {
            "bank_csv_profiles": [
                {
                    "name": f"Bank {n}",
                    "account": "DE89370400440532013000",
                    "currency": "EUR",
                    "columns": {"booked_on": "D" * 100, "amount": "A", "texts": [f"T{m}" for m in range(20)]},
                }
                for n in range(20)
            ]
        }
    ],
    "company": [{"company": {"name": "", "email": None}}, {"company": COMPANY | {"name": "N" * 200}}],
}
"""Changes of settings, by the setting that they try."""


@pytest.fixture
def database_url(sqlite_database_url: str) -> str:
    """Only on SQLite: nothing here depends on the database."""
    return sqlite_database_url


def work_through(sample: SampleDesk, *, type: str = "time_limited_subscription") -> None:
    """Sell a contract, and take requests through all their states; jobs run for two months in between."""
    with capture_logs() as logs:
        sample.sell(type, minutes=120, sla="standard", price={"amount_minor": 12_000})
        cancelled, request = sample.log(), sample.log(priority="low")
        for one in (cancelled, request):
            sample.do_as(sample.technician, add_note, one, AddNote(body="We are looking at it."))
        sample.fire(cancelled, "cancel", reason="Not needed")
        if sample.request(request).state == "pending_no_contract":
            assert sample.desk.config.settings.payment_required
            _run_jobs(sample)
            return
        _work_on(sample, request)
        assert sample.fire(request, "resolve", note="Done") == "resolved"
        for hours in (1, 24 * 7 + 1, 24 * 50):
            sample.clock.move(hours=hours)
            _run_jobs(sample)
        state = sample.see(read_service_request, request).state
        if state == "resolved":
            assert sample.fire(request, "close") == "closed"
        sample.fire(request, "reopen")
        _run_jobs(sample)
        assert sample.see(list_service_requests, order="next_due_at").items
    assert [line for line in logs if line["log_level"] == "error"] == []


def _work_on(sample: SampleDesk, request: str) -> None:
    sample.fire(request, "start")
    sample.clock.move(hours=30)
    sample.work(request, LONGEST_ENTRY_MINUTES, at=sample.clock.at - timedelta(days=1))
    sample.work_span(request, sample.clock.at - timedelta(hours=20), hours=20)
    assert sample.fire(request, "hold", reason="supplier") == "on_hold"
    sample.clock.move(days=3)
    assert sample.fire(request, "resume") == "in_progress"


def _run_jobs(sample: SampleDesk) -> None:
    for name in JOBS:
        run_job(sample.desk, name)


def test_every_setting_is_tried() -> None:
    assert set(EXTREMES) == set(Settings.model_fields)
    for key, tried in EXTREMES.items():
        assert all(key in changes for changes in tried), key


@pytest.mark.parametrize(
    "changes", [pytest.param(one, id=f"{key}-{n}") for key in EXTREMES for n, one in enumerate(EXTREMES[key])]
)
def test_a_desk_works_with_an_extreme_setting(sample: SampleDesk, changes: dict[str, Any]) -> None:
    sample.do(change_settings, changes)
    work_through(sample)


@pytest.mark.parametrize("type_key", ["support_hours", "support_hours_by_month", "time_limited_subscription"])
def test_a_desk_works_with_all_largest_settings(sample: SampleDesk, type_key: str) -> None:
    largest = {
        key: tried[-1][key] for key, tried in EXTREMES.items() if key not in ("contracts", "time_zone")
    }
    sample.do(change_settings, {**largest, "payment_required": False})
    work_through(sample, type=type_key)


def test_every_time_zone_that_is_accepted_can_be_worked_in() -> None:
    for name in sorted(available_timezones()):
        calendar = Settings(time_zone=name).business_hours
        assert calendar.time_zone == ZoneInfo(name)


# ------------------------------------------------------------------ hours that never open


CLOSED: list[dict[str, Any]] = [
    {"weekly": {}},
    {"weekly": {"mon": [], "tue": []}},
    {"weekly": {day: [] for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")}},
]


@pytest.mark.parametrize("calendar", CLOSED)
def test_a_week_without_hours_is_refused(sample: SampleDesk, calendar: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput) as refused:
        sample.do(change_settings, {"work_calendar": calendar})
    assert refused.value.values["pointer"] == "/work_calendar/weekly"
    assert "never open" in str(refused.value)
    assert sample.see(read_settings).work_calendar.weekly["mon"]
    work_through(sample)


def test_too_few_hours_for_a_level_in_force_are_refused_and_the_level_for_the_hours(
    sample: SampleDesk,
) -> None:
    slow = _levels(1, 10_000_000)
    with pytest.raises(RuleSetRefused, match="business hours do not have as much time in 20 years"):
        sample.publish_rules(slas=slow)
    files = {**read_rules_folder(RULES), "slas.json": slow}
    assert [one.file for one in sample.see(check_rules, files).problems if one.severity == "error"] == [
        "slas.json"
    ]
    weekly = {
        day: [{"opens": "00:00", "closes": "24:00"}]
        for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
    }
    sample.do(change_settings, {"work_calendar": {"weekly": weekly}})
    sample.publish_rules(slas=slow)
    work_through(sample)
    with pytest.raises(InvalidInput) as refused:
        sample.do(change_settings, {"work_calendar": {"weekly": {"mon": weekly["mon"]}}})
    assert refused.value.values["pointer"] == "/work_calendar/weekly"


def test_activating_billing_needs_hours_as_well(sample: SampleDesk) -> None:
    sample.do(change_settings, {"contracts": False})
    sample.set(work_calendar={"weekly": {}, "holidays": []})
    with pytest.raises(InvalidInput, match="never open"):
        sample.do(activate_billing, ActivateBilling())


@pytest.mark.parametrize(
    "calendar",
    [
        {"holidays": [*EVERY_DAY, "2040-01-01"]},
        {"weekly": {"mon": [{"opens": "09:00", "closes": "10:00"}] * 25}},
    ],
)
def test_a_calendar_has_a_size(sample: SampleDesk, calendar: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        sample.do(change_settings, {"work_calendar": calendar})


# ------------------------------------------------------------------ levels and options of rules


def _levels(response: int, resolution: int, calendar: str = "business_hours") -> str:
    target = {"response_minutes": response, "resolution_minutes": resolution}
    targets = dict.fromkeys(PRIORITIES, target)
    level = {"id": "standard", "label": "Standard", "calendar": calendar, "targets": targets}
    return json.dumps({"slas": [level, {**level, "id": "gold", "label": "Gold"}], "examples": []})


@pytest.mark.parametrize(
    ("response", "resolution", "calendar"),
    [(1, 1, "business_hours"), (1, 1, "always"), (1, 2_000_000, "business_hours"), (10**7, 10**7, "always")],
)
def test_a_desk_works_with_an_extreme_level(
    sample: SampleDesk, response: int, resolution: int, calendar: str
) -> None:
    sample.publish_rules(slas=_levels(response, resolution, calendar))
    work_through(sample)


def _coverage(**params: Any) -> str:
    """Coverage rules that create a contract of an added type for whoever has none."""
    rules = [
        {
            "id": "none",
            "why": "No contract was found.",
            "conditions": {"all": [{"name": "has_org_unit", "operator": "is_true", "value": True}]},
            "actions": [{"name": "create_contract", "params": {"type": "own_hours", **params}}],
        }
    ]
    return json.dumps({"name": "Own", "rank": [], "rules": rules, "examples": []})


def _own_hours(*, draws: str = "minutes", minutes: int | None = None, allocation: str = "once") -> str:
    """The type support_hours_by_month, held by a request."""
    kind = json.loads((RULES / "contract_types" / "support_hours_by_month.json").read_text())
    kind |= {"key": "own_hours", "held_by": ["service_request"], "draws": draws, "allocation": allocation}
    kind["number_prefix"] = "OWN"
    kind["limits"] = {"period": "required", draws: "required"}
    kind["defaults"] = {"minutes": minutes} if minutes is not None else {}
    kind["examples"] = []
    kind.pop("carry_over", None)
    return json.dumps(kind)


OPTIONS: list[dict[str, Any]] = [
    {"minutes": 1},
    {"minutes": 10_000_000},
    {"minutes": 1, "duration_months": 1},
    {"minutes": 10_000_000, "duration_months": 1200},
    {"minutes": 1, "price_minor": 0},
    {"minutes": 1, "price_minor": 10**12},
    {"minutes": 1, "sla": "gold"},
    {"minutes": 1, "overage_rate_minor": 1},
    {"minutes": 1, "overage_rate_minor": 10**12},
    *({"minutes": 1, "time_expired": one} for one in ("rollover", "ignore", "bill")),
]


@pytest.mark.parametrize("enable", [True, False])
@pytest.mark.parametrize("params", OPTIONS, ids=str)
def test_a_request_can_be_logged_with_an_extreme_option(
    sample: SampleDesk, params: dict[str, Any], enable: bool
) -> None:
    sample.set(**BILLING, payment_required="price_minor" in params)
    coverage = _coverage(**params, enable=enable)
    sample.publish_rules(coverage=coverage, contract_types__own_hours=_own_hours())
    request = sample.request(sample.log())
    assert request.state == ("open" if enable else "pending_no_contract")
    if enable:
        assert request.sla == params.get("sla")
        sample.work(request.id, 5)
        sample.fire(request.id, "resolve", note="Done")
        sample.fire(request.id, "close")
    _run_jobs(sample)


@pytest.mark.parametrize("allocation", ["once", "monthly"])
def test_a_contract_of_a_rule_has_the_minutes_that_its_type_needs(
    sample: SampleDesk, allocation: str
) -> None:
    needy = _own_hours(allocation=allocation)
    with pytest.raises(RuleSetRefused, match="needs minutes and has no default"):
        sample.publish_rules(coverage=_coverage(enable=True), contract_types__own_hours=needy)
    own = _own_hours(allocation=allocation, minutes=60)
    sample.publish_rules(coverage=_coverage(enable=True), contract_types__own_hours=own)
    assert sample.request(sample.log()).state == "open"


def test_a_rule_that_bills_needs_invoices_and_a_rate(sample: SampleDesk) -> None:
    coverage = _coverage(minutes=1, time_expired="bill")
    files = {"coverage": coverage, "contract_types__own_hours": _own_hours()}
    with pytest.raises(RuleSetRefused, match="bills expired time"):
        sample.publish_rules(**files)
    sample.set(**BILLING)
    sample.publish_rules(**files)
    sample.log()
    for changes, pointer in (
        ({"invoices": False}, "/invoices"),
        ({"default_overage_rate_minor": None}, "/default_overage_rate_minor"),
    ):
        with pytest.raises(InvalidInput) as refused:
            sample.do(change_settings, changes)
        assert refused.value.values["pointer"] == pointer
    sample.log()


@pytest.mark.parametrize("percent", [0, 1, 1000])
def test_a_desk_works_with_an_extreme_charge(sample: SampleDesk, percent: int) -> None:
    rule = {
        "id": "all",
        "why": "All work.",
        "conditions": {"any": [{"name": "worked_hour", "operator": "less_than", "value": 24}]},
        "actions": [{"name": "charge_percent", "params": {"percent": percent}}],
    }
    sample.publish_rules(charging=json.dumps({"name": "Own", "rules": [rule], "examples": []}))
    work_through(sample)
