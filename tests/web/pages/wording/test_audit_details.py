"""The audit trail and the history of settings show no ids of records, codes, JSON or minor units."""

import re
from typing import Any

import pytest

from tests.support.web_clients import WebClients
from web.pages.administration.setting_values import value_text
from web.pages.wording.audit_details import Known, detail_text
from workflows.core.settings import Settings
from workflows.languages.texts import in_language

ID = "01m8pgssdk47xgm27bx8ms7xp9"
KNOWN = Known({ID: "INV-2026-0004"}, "EUR", "minutes")
CODE = re.compile(r"\b[a-z]+_[a-z_]+\b|\b[0-9a-hjkmnp-tv-z]{26}\b|[{}\[\]]|\bNone\b")


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("invoice", ID, "invoice: INV-2026-0004"),
        ("technician_id", "01m8pgsscqwavd8pf3mxxqw4k8", ""),
        ("technician_id", "None", ""),
        ("reason", None, ""),
        ("holder", f"item:{ID}", "holder: INV-2026-0004"),
        ("owner", {"customer": ID}, "owner: customer: INV-2026-0004"),
        ("amount", 199920, "amount: €1,999.20"),
        ("price_minor", 9500, "price: €95.00"),
        ("quantity", 600, "quantity: 10:00"),
        ("minutes", 40, "time: 0:40"),
        ("type", "per_request", "type: per request"),
        ("kind", "one_off", "kind: One-off"),
        ("every", "month", "every: month"),
        ("offered", [False, True], "in the portal: no → yes"),
        ("fields", ["lines", "subject"], "changed: lines, subject"),
        ("invoices", [ID, ID], "invoices: INV-2026-0004, INV-2026-0004"),
        ("language", [None, "de"], "language: none → Deutsch"),
        ("number", 2, "version: 2"),
        ("number", "QU-0006", "number: QU-0006"),
        ("enabled_at", "2026-10-13 10:20:00+00:00", "as of: 13 Oct 2026, 12:20 CEST"),
        ("last_on", "2026-12-31", "last day: 31 Dec 2026"),
        (
            "before",
            {"worked_minutes": 90, "billable": True, "x": None},
            "before: worked: 1:30; billable: yes",
        ),
        ("role", ["technician", "supervisor"], "Technician → Supervisor"),
        ("way", "portal", "in the portal"),
    ],
)
def test_a_detail_is_in_words(web: WebClients, name: str, value: Any, text: str) -> None:
    with web.app.test_request_context():
        assert detail_text(name, value, KNOWN) == text


def test_the_pages_show_no_codes(web: WebClients) -> None:
    assert web.records.contract
    ada = web.administrator
    ada.send(ada.open("/settings"), auto_close_days="9", city="Kiel", tax_rates="Standard; 19")
    for path in ("/audit", "/settings"):
        [table] = re.findall(r"(?s)<table.*?</table>", ada.open(path).html)
        assert CODE.findall(re.sub(r"<[^>]+>", " ", table)) == []


def test_each_setting_has_a_text(web: WebClients) -> None:
    given = {
        "default_overage_rate_minor": 9000,
        "time_expired_contract": "bill",
        "invoices": True,
        "work_calendar": {
            "weekly": {"mon": [{"opens": "09:00", "closes": "17:00"}]},
            "holidays": ["2026-12-25"],
        },
        "tax_rates": [{"name": "Standard", "percent": "19"}],
        "dunning_levels": [{"days": 7, "fee_minor": 500, "text": "Please pay."}],
        "not_to_exceed": {"per": "month", "minutes": 600},
    }
    stored = Settings.model_validate(given).model_dump(mode="json")
    with web.app.test_request_context():
        texts = {key: value_text(key, value, "EUR") for key, value in stored.items()}
    assert texts.pop("e_invoices") == "None"  # the label of its option
    assert {key: text for key, text in texts.items() if CODE.search(text)} == {}
    assert texts["default_overage_rate_minor"] == "€90.00"
    assert texts["dunning_levels"] == "7; 5.00; Please pay."
    assert texts["not_to_exceed"] == "10 hours each month"
    assert texts["work_calendar"] == "Monday: 09:00–17:00\nHolidays: 2026-12-25"
    assert texts["company"] == "Name: Coverdesk"


def test_a_reason_of_the_program_is_in_the_readers_language(web: WebClients) -> None:
    with web.app.test_request_context(), in_language("de"):
        assert detail_text("reason", "Renewed ahead of its end") == "Grund: Vor seinem Ende verlängert"
        assert detail_text("reason", "As agreed by phone") == "Grund: As agreed by phone"
