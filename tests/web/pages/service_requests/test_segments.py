"""Segments of work on the page of a request, in the preview and in the API."""

from datetime import timedelta
from typing import Any

from werkzeug.test import TestResponse

from tests.support.api import ApiClients
from tests.support.sample_desk import MONDAY, SampleDesk
from tests.support.web_clients import WebClients
from tests.workflows.work.test_segments import ALWAYS, card, charging, in_calendar


def rules() -> dict[str, str]:
    return {
        "charging": charging((in_calendar("after_hours"), 150)),
        "rate_cards__standard": card((ALWAYS, 6_000)),
    }


def json_of(answer: TestResponse) -> Any:
    return answer.json


def evening(sample: SampleDesk) -> str:
    sample.publish_rules(**rules())
    sample.sell("support_hours", minutes=600)
    request = sample.log()
    sample.clock.move(days=1)
    return request


def test_the_page_shows_each_segment(web: WebClients) -> None:
    request = evening(web.sample)
    web.sample.work_span(request, MONDAY.replace(hour=15, minute=30), minutes=90)
    page = web.supervisor.open(f"/requests/{request}")
    assert "16:30 to 17:00: 0:30 at 100 %, €30.00 at €60.00 per hour" in page
    assert (
        "17:00 to 18:00: 1:00 at 150 %, 1:30 chargeable (Charged at 150 %), €90.00 at €60.00 per hour" in page
    )
    assert "Price: €120.00" in page
    assert "€" not in web.technician.open(f"/requests/{request}")


def test_the_api_shows_the_segments(sample: SampleDesk) -> None:
    api, request = ApiClients(sample), evening(sample)
    start = MONDAY.replace(hour=16, minute=30)
    body = {
        "started_at": start.isoformat(),
        "ended_at": (start + timedelta(minutes=90)).isoformat(),
    }
    shown = api.supervisor.post(f"/service-requests/{request}/work/preview", body)
    saved = api.supervisor.post(f"/service-requests/{request}/work", body)
    assert saved.status_code == 201
    assert json_of(shown)["segments"] == json_of(saved)["segments"]
    assert json_of(saved)["segments"][1] == {
        "from": "2026-03-02T17:00:00Z",
        "to": "2026-03-02T18:00:00Z",
        "worked_minutes": 60,
        "rounded_minutes": 60,
        "percent": 150,
        "chargeable_minutes": 90,
        "rule": "p0",
        "why": "Charged at 150 %.",
        "rate": {"amount_minor": 6000, "currency": "EUR"},
        "rate_rule": "r0",
        "price": {"amount_minor": 9000, "currency": "EUR"},
        "excluded": None,
    }
    assert json_of(saved)["price"] == {"amount_minor": 12_000, "currency": "EUR"}


def test_a_contract_is_sold_with_its_rounding_by_api(sample: SampleDesk) -> None:
    api = ApiClients(sample)
    body = {"type": "support_hours", "holder": {"customer": sample.ann}, "minutes": 600}
    rounding = {"increment_minutes": 15, "scope": "service_request"}
    sold = api.supervisor.post("/contracts", {**body, "rounding": rounding})
    assert sold.status_code == 201
    assert json_of(sold)["rounding"] == {"minimum_minutes": 0, "grace_minutes": 0, **rounding}
    wrong = api.supervisor.post("/contracts", {**body, "rounding": {"scope": "week"}, "rate_card": "none"})
    assert (wrong.status_code, [one["pointer"] for one in json_of(wrong)["errors"]]) == (
        422,
        ["/rounding/scope"],
    )
    unknown = api.supervisor.post("/contracts", {**body, "rate_card": "none"})
    assert (unknown.status_code, json_of(unknown)["errors"][0]["pointer"]) == (422, "/rate_card")
