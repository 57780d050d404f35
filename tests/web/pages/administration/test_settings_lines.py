"""Settings with an entry on each line, or as JSON: what is wrong is said of its line or its profile."""

import json

import pytest

from tests.support.web_clients import WebClients

COLUMNS = {"booked_on": "Day", "amount": "Amount"}
GOOD = {"name": "Bank", "account": "DE89370400440532013000", "currency": "EUR", "columns": COLUMNS}


@pytest.mark.parametrize(
    ("field", "typed", "said"),
    [
        ("tax_rates", "A; 19\n\nB; 7; X", "“B; 7; X”: It must be one of"),
        ("tax_rates", "A; 19\nB; 0; E", "“B; 0; E”: Category E needs the reason"),
        ("tax_rates", "A; 19\n; 7", "“; 7”: This field is required."),
        ("tax_rates", "A; 19\nA; 7", "Two tax rates have the same name."),
        ("dunning_levels", "7; 0\n800; 0", "“800; 0”: It must be at most 365."),
        ("dunning_levels", "7; 99999999.00", "“7; 99999999.00”: It must be at most €10,000,000.00."),
        ("account_codes", "cash; 1200\nbank; 1", "“bank; 1”: It must be one of"),
        ("bank_accounts", "DE89370400440532013000\nDE00", "“DE00”: This is not a valid IBAN"),
        ("holidays", "2026-01-01\n2026-02-30", "“2026-02-30”: There is no such day."),
        (
            "bank_csv_profiles",
            [GOOD, {**GOOD, "name": "B", "delimiter": "#"}],
            "Profile 2, delimiter: It must be",
        ),
        ("bank_csv_profiles", [{"name": "B"}], "Profile 1, columns: This field is required."),
        ("bank_csv_profiles", [{**GOOD, "account": None}], "Profile 1: Give the account"),
        (
            "bank_csv_profiles",
            [{**GOOD, "columns": {}}],
            "Profile 1, columns.booked_on: This field is required.",
        ),
    ],
)
def test_what_is_wrong_is_said_of_its_line(web: WebClients, field: str, typed: object, said: str) -> None:
    page = web.administrator.open("/settings")
    text = typed if isinstance(typed, str) else json.dumps(typed)
    refused = web.administrator.send(page, **{field: text})
    assert refused.status == 422
    assert said in refused
