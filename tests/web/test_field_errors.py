"""A check across several fields names the one to correct, in whichever language its message is."""

import json
import re
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from tests.support.api import ApiClients
from web.api import ROUTE_GROUPS
from web.field_errors import FORMS, field_errors
from workflows.commands.contracts import Adjust, NewContract
from workflows.commands.quotes import QuoteLineGiven
from workflows.commands.rounding import RoundingTerms
from workflows.commands.selling import NewPrice
from workflows.commands.work import WorkGiven
from workflows.core.settings import Settings
from workflows.languages.texts import LANGUAGES, in_language

AT = "2026-03-02T09:00:00Z"
MONDAY = [{"opens": "09:00", "closes": "08:00"}]
CASES: list[tuple[type[BaseModel], dict[str, Any], str]] = [
    (WorkGiven, {"started_at": AT, "ended_at": AT}, "/ended_at"),
    (WorkGiven, {"started_at": AT}, "/ended_at"),
    (WorkGiven, {"ended_at": AT}, "/started_at"),
    (WorkGiven, {"minutes": 5}, ""),
    (RoundingTerms, {"increment_minutes": 5, "grace_minutes": 5}, "/grace_minutes"),
    (Settings, {"work_calendar": {"weekly": {"mon": MONDAY}}}, "/work_calendar/weekly/mon/0/closes"),
    (Settings, {"rounding": {"grace_minutes": 1}}, "/rounding/grace_minutes"),
    (Settings, {"time_expired_contract": "bill"}, "/time_expired_contract"),
    (
        Settings,
        {"unpaid_request_warning_hours": 5, "unpaid_request_cancel_hours": 5},
        "/unpaid_request_warning_hours",
    ),
    (NewPrice, {"price": {"amount_minor": 1}, "first_on": "2026-02-01", "last_on": "2026-01-01"}, "/last_on"),
    (QuoteLineGiven, {"description": "A visit"}, "/unit_price"),
]


@pytest.mark.parametrize(("kind", "given", "pointer"), CASES)
def test_the_field_to_correct_is_named(kind: type[BaseModel], given: dict[str, Any], pointer: str) -> None:
    for code in LANGUAGES:
        with in_language(code):
            with pytest.raises(ValidationError) as refused:
                kind.model_validate_json(json.dumps(given))
            assert [one["pointer"] for one in field_errors(refused.value)] == [pointer]


QUERIES = {
    f"{one.query.__module__}.{one.query.__name__}": one.query
    for group in ROUTE_GROUPS
    for one in group.operations
}


@pytest.mark.parametrize("query", QUERIES.values(), ids=QUERIES)
def test_each_bad_parameter_is_named_once_as_it_was_sent(query: type[BaseModel]) -> None:
    names = [field.alias or name for name, field in query.model_fields.items()]
    with pytest.raises(ValidationError) as refused:
        query.model_validate({**dict.fromkeys(names, "\x00"), "unknown": "1"})
    assert sorted(one["pointer"] for one in field_errors(refused.value)) == sorted(
        f"/{one}" for one in [*names, "unknown"]
    )


SHOWN_ONLY = {r"^[ -~]{1,255}$"}
"""Patterns of the document whose headers are checked otherwise, with messages of their own."""


def test_each_pattern_has_words_for_what_it_asks_for(api: ApiClients) -> None:
    document = api.nobody.client.get("/api/openapi.json").get_data(as_text=True)
    patterns = set(re.findall(r'"pattern": *("(?:[^"\\]|\\.)*")', document))
    assert {json.loads(one) for one in patterns} - SHOWN_ONLY == set(FORMS)


@pytest.mark.parametrize(
    ("kind", "given", "pointer", "words"),
    [
        (
            Settings,
            {"work_calendar": {"holidays": ["x"]}},
            "/work_calendar/holidays/0",
            "Write a day from 1970 to 2199 as YYYY-MM-DD, for example 2026-03-31.",
        ),
        (
            Settings,
            {"work_calendar": {"weekly": {"mon": [{"opens": "9", "closes": "17:00"}]}}},
            "/work_calendar/weekly/mon/0/opens",
            "Write a time of day from 00:00 to 24:00, such as 09:30.",
        ),
        (Adjust, {"minutes": 1, "reason": " "}, "/reason", "It must not be empty."),
        (Adjust, {"minutes": 1, "reason": "x" * 2001}, "/reason", "It may have at most 2000 characters."),
        (
            NewContract,
            {"type": "support_hours", "holder": {"item": "1"}, "overage_rate": {"amount_minor": -5}},
            "/overage_rate/amount_minor",
            "It must be more than 0.",
        ),
    ],
)
def test_a_value_out_of_bounds_is_refused_in_its_own_terms(
    kind: type[BaseModel], given: dict[str, Any], pointer: str, words: str
) -> None:
    with pytest.raises(ValidationError) as refused:
        kind.model_validate_json(json.dumps(given))
    assert field_errors(refused.value) == [{"pointer": pointer, "detail": words}]
