"""Bad input by API and by page: a named error at its field, with what to do, and nothing is stored."""

import json
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from io import BytesIO
from time import process_time
from typing import Any

import pytest

from tests.support.api import ApiClients
from tests.support.pages import Page
from tests.support.sample_desk import SampleDesk
from tests.support.web_clients import WebClients
from tests.web.pages.rules.test_closures import CLOSED, UNKNOWN_ZONE
from workflows.reports.audit import audit_desk
from workflows.store import tables as t

NOT_BUSINESS = {"idempotency_key", "login_session", "known_device", "api_token"}
"""What a login, or the answer to a request, stores."""
TEN_MEGABYTES = "x" * 10 * 1024 * 1024
MOST_BYTES, MOST_SECONDS = 64 * 2**20, 10.0
"""With the client's copies of the file, and while memory is traced."""


@dataclass(frozen=True)
class Stage:
    """Ids of a desk in Berlin on 2 April 2026: Ann's hours since 2 March, an open and a closed request."""

    web: WebClients
    api: ApiClients
    contract: str
    request: str
    closed: str
    entry: str

    @property
    def sample(self) -> SampleDesk:
        return self.web.sample


@dataclass(frozen=True)
class Bad:
    """One mistake: the body of the API call and the fields of the form, each with the words of its error."""

    call: tuple[str, str]
    body: Callable[[Stage], Any]
    says: str
    page: str
    form: str
    fields: dict[str, Any]
    shows: str
    pointer: str | None = None
    status: int = 422
    who: str = "supervisor"
    page_status: int = 422
    uses: dict[str, Callable[[Stage], Any]] = field(default_factory=dict)


@pytest.fixture
def stage(web: WebClients) -> Iterator[Stage]:
    sample = web.sample
    contract = sample.sell("support_hours", minutes=600)
    request, closed = sample.log(), sample.log("It is noisy")
    sample.fire(closed, "resolve", note="Done")
    sample.fire(closed, "close")
    sample.clock.at = datetime(2026, 4, 2, 10, tzinfo=UTC)
    sample.work(request, 30)
    entry = sample.entries(request)[0].id
    yield Stage(web, ApiClients(sample), contract, request, closed, entry)
    assert sample.see(audit_desk).ok


def work(body: dict[str, Any], says: str, fields: dict[str, Any], shows: str, **more: Any) -> Bad:
    """A mistake in time worked on the open request."""
    filled = {f"work_{name}": value for name, value in fields.items()}
    call = ("POST", "/service-requests/{request}/work")
    return Bad(call, lambda _: body, says, "/requests/{request}", "/work", filled, shows, **more)


def action(name: str, body: Any, says: str, fields: dict[str, Any], shows: str, **more: Any) -> Bad:
    """A mistake in an action on the contract."""
    filled = {f"{name.replace('-', '')}_{key}": value for key, value in fields.items()}
    given = body if callable(body) else lambda _: body
    call = ("POST", f"/contracts/{{contract}}/{name}")
    form = f"/{name.replace('-', '_')}"
    return Bad(call, given, says, "/contracts/{contract}", form, filled, shows, **more)


def sale(body: dict[str, Any], says: str, fields: dict[str, Any], shows: str, **more: Any) -> Bad:
    """A mistake in the terms of a contract for Ann."""
    return Bad(
        ("POST", "/contracts"),
        lambda stage: {"type": "support_hours", "holder": {"customer": stage.sample.ann}, **body},
        says,
        "/contracts/new?type=support_hours",
        "",
        fields,
        shows,
        uses={"holder": lambda stage: f"customer:{stage.sample.ann}"},
        **more,
    )


def rules(path: str, text: str, says: str) -> Bad:
    """A mistake in a rule file."""
    return Bad(
        ("POST", "/rules/publish"),
        lambda stage: {"files": {**stage.sample.see(lambda tx: dict(tx.rules.files)), path: text}},
        says,
        "/rules/edit",
        "/rules/edit",
        {"step": "publish", "editor_note": "Tried", f"file:{path}": text},
        says,
        who="administrator",
    )


def closures(text: str, says: str) -> Bad:
    """A mistake in a calendar file."""
    return Bad(
        ("POST", "/rules/calendars/after_hours/closures"),
        lambda _: {"file": text},
        says,
        "/rules/closures",
        "",
        {"calendar": "after_hours", "file": text},
        says,
        who="administrator",
    )


def card(per_hour: int, currency: str = "EUR") -> str:
    rate = {"name": "charge_rate", "params": {"per_hour_minor": per_hour}}
    staff = {"name": "role", "operator": "equal_to", "value": "technician"}
    rule = {"id": "staff", "why": "By staff", "conditions": {"all": [staff]}, "actions": [rate]}
    return json.dumps({"label": "Standard", "currency": currency, "rules": [rule], "examples": []})


AT, LATER = "2026-04-02T08:00:00Z", "2026-05-01T08:00:00Z"
NO_HOURS = json.dumps({"calendars": [{"id": "never", "label": "Never"}], "examples": []})
FREE_OVERAGE = {
    "id": "own",
    "why": "Own",
    "conditions": {"all": []},
    "actions": [{"name": "create_contract", "params": {"type": "per_request", "overage_rate_minor": 0}}],
}

CASES: dict[str, Bad] = {
    "no time": work(
        {"minutes": 0, "worked_at": AT},
        "at least 1",
        {"minutes": "0"},
        "at least 1 minute.",
        pointer="/minutes",
    ),
    "negative time": work(
        {"minutes": -5, "worked_at": AT}, "at least 1", {"minutes": "-5"}, "-5", pointer="/minutes"
    ),
    "an end before its start": work(
        {"started_at": AT, "ended_at": "2026-04-02T07:00:00Z"},
        "The end must be after the start",
        {"started_at": "2026-04-02T10:00", "ended_at": "2026-04-02T09:00"},
        "The end must be after the start.",
    ),
    "thirty hours": work(
        {"started_at": "2026-03-31T01:00:00Z", "ended_at": "2026-04-01T07:00:00Z"},
        "longer than 25 hours. Log each day as its own entry",
        {"started_at": "2026-03-31T03:00", "ended_at": "2026-04-01T09:00"},
        "longer than 25 hours. Log each day as its own entry",
        pointer="/ended_at",
    ),
    "thirty hours at one instant": work(
        {"minutes": 1_800, "worked_at": AT},
        "longer than 25 hours. Log each day as its own entry",
        {"minutes": "30:00", "worked_at": "2026-04-02T10:00"},
        "longer than 25 hours. Log each day as its own entry",
        pointer="/minutes",
    ),
    "in the future": work(
        {"minutes": 5, "worked_at": LATER},
        "Work cannot lie in the future",
        {"minutes": "0:05", "worked_at": "2026-05-01T10:00"},
        "Work cannot lie in the future",
        pointer="/worked_at",
    ),
    "an end in the future": work(
        {"started_at": AT, "ended_at": LATER},
        "Work cannot end in the future",
        {"started_at": "2026-04-02T10:00", "ended_at": "2026-05-01T10:00"},
        "Work cannot end in the future",
        pointer="/ended_at",
    ),
    "a local time that was skipped": work(
        {"minutes": 5, "worked_at": "2026-03-29T02:30:00"},
        "Write it as RFC 3339 with an offset",
        {"minutes": "0:05", "worked_at": "2026-03-29T02:30"},
        "2026-03-29 02:30 does not exist in Europe/Berlin: the clocks go from 02:00 to 03:00",
        pointer="/worked_at",
    ),
    "on a closed request": Bad(
        ("POST", "/service-requests/{closed}/work"),
        lambda _: {"minutes": 5, "worked_at": AT},
        "it is closed. Reopen it first",
        "/requests/{request}/work/{entry}",
        "",
        {},
        "it is closed. Reopen it first",
        status=409,
        uses={"number": lambda stage: stage.sample.request(stage.closed).number},
    ),
    "a top-up of nothing": action(
        "top-up", {"minutes": 0}, "at least 1", {"minutes": "0"}, "at least 1 minute.", pointer="/minutes"
    ),
    "a top-up without an amount": action(
        "top-up", {}, "Minutes must not be zero", {}, "Minutes must not be zero", pointer="/minutes"
    ),
    "a transfer to the same holder": action(
        "transfer",
        lambda stage: {"holder": {"customer": stage.sample.ann}, "reason": "Sold"},
        "is already held by Ann. Choose another holder",
        {"reason": "Sold"},
        "is already held by Ann. Choose another holder",
        uses={"transfer_holder": lambda stage: f"customer:{stage.sample.ann}"},
    ),
    "a rate of nothing": rules(
        "rate_cards/standard.json", card(0), "0 is out of range. Write a number from 1"
    ),
    "a rate in another currency": rules("rate_cards/standard.json", card(9000, "USD"), "The card is in USD"),
    "an overage rate in another currency": sale(
        {"minutes": 60, "overage_rate": {"amount_minor": 9000, "currency": "USD"}},
        "The desk's currency is EUR. Use that one",
        {"minutes": "1", "overage_rate": "90 USD"},
        "“90 USD” is not an amount in EUR",
        pointer="/overage_rate/currency",
    ),
    "an overage rate of nothing": sale(
        {"minutes": 60, "overage_rate": {"amount_minor": 0}},
        "It must be more than 0.",
        {"minutes": "1", "overage_rate": "0"},
        "It must be more than 0.",
        pointer="/overage_rate/amount_minor",
    ),
    "an overage rate of nothing in an amendment": action(
        "amend",
        {"overage_rate": {"amount_minor": 0}, "reason": "Agreed"},
        "It must be more than 0.",
        {"overage_rate": "0", "reason": "Agreed"},
        "It must be more than 0.",
        pointer="/overage_rate/amount_minor",
    ),
    "an overage rate in another currency in an amendment": action(
        "amend",
        {"overage_rate": {"amount_minor": 9000, "currency": "USD"}, "reason": "Agreed"},
        "The desk's currency is EUR. Use that one",
        {"overage_rate": "90 USD", "reason": "Agreed"},
        "“90 USD” is not an amount in EUR",
        pointer="/overage_rate/currency",
    ),
    "an overage rate of nothing in a coverage rule": rules(
        "coverage.json",
        json.dumps({"name": "Own", "rank": [], "rules": [FREE_OVERAGE], "examples": []}),
        "0 is out of range. Write a number from 1",
    ),
    "a carry-over of less than nothing": sale(
        {"type": "support_hours_by_month", "minutes": 60, "carry_over": {"months": -1}},
        "at least 1",
        {"type": "support_hours_by_month", "minutes": "1", "carry_over_months": "-1"},
        "is not a whole number",
        pointer="/carry_over/months",
    ),
    "a calendar without hours": rules("calendars.json", NO_HOURS, "has no hours, so no time is ever in it"),
    "a calendar file of ten megabytes": replace(
        closures(TEN_MEGABYTES, "10,485,760 bytes"),
        fields={"calendar": "after_hours"},
        uses={"upload": lambda _: (BytesIO(TEN_MEGABYTES.encode()), "closures.ics")},
    ),
    "a calendar file with an unknown zone": closures(UNKNOWN_ZONE, "unknown time zone 'Mars/Base'"),
    "a calendar file without closures": closures(
        CLOSED.replace("20260302", "19990302"), "no closure from last year"
    ),
}


def stored(stage: Stage) -> dict[str, list[str]]:
    """All rows of the business tables, as texts."""
    tables = [table for table in t.metadata.sorted_tables if table.name not in NOT_BUSINESS]
    return {table.name: sorted(map(repr, stage.sample.rows(table))) for table in tables}


def filled(text: str, stage: Stage) -> str:
    ids = {name: getattr(stage, name) for name in ("contract", "request", "closed", "entry")}
    return text.format(**ids)


def close_body(page: Page) -> None:
    """Close the temporary file of a large body, which the test client of Werkzeug 3 leaves open."""
    page.answer.request.environ["wsgi.input"].close()


@pytest.mark.parametrize("name", CASES)
def test_the_api_names_it(stage: Stage, name: str) -> None:
    bad = CASES[name]
    before = stored(stage)
    client = getattr(stage.api, bad.who)
    method, path = bad.call
    body = bad.body(stage)
    for _ in range(2):  # the same mistake again has the same answer
        answer = client.call(method, filled(path, stage), body)
        assert answer.status_code == bad.status, answer.text[:500]
        assert answer.content_type == "application/problem+json"
        assert bad.says in json.dumps(answer.json, ensure_ascii=False)
        if bad.pointer is not None:
            assert [one["pointer"] for one in answer.json["errors"]] == [bad.pointer]
    assert stored(stage) == before


@pytest.mark.parametrize("name", CASES)
def test_the_page_shows_it(stage: Stage, name: str) -> None:
    bad = CASES[name]
    before = stored(stage)
    browser = getattr(stage.web, bad.who)
    page = browser.open(filled(bad.page, stage))
    given = {key: value(stage) for key, value in bad.uses.items()}
    shown = browser.send(page, bad.form, **bad.fields, **given)
    close_body(shown)
    assert shown.status == bad.page_status
    assert bad.shows in shown
    assert stored(stage) == before


@pytest.mark.parametrize("by", ["api", "page"])
def test_a_large_calendar_file_is_refused_before_it_is_parsed(stage: Stage, by: str) -> None:
    """Ten megabytes of well-formed events: little time, and memory of a few times the file's size."""
    event = "BEGIN:VEVENT\nUID:{0}\nDTSTART:20260302T120000Z\nDURATION:PT1H\nRRULE:FREQ=DAILY\nEND:VEVENT\n"
    events = "".join(event.format(number) for number in range(10 * 2**20 // len(event) + 1))
    text = f"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:test\n{events}END:VCALENDAR\n"
    assert len(text) > 10 * 2**20
    page = stage.web.administrator.open("/rules/closures")
    tracemalloc.start()
    began = process_time()
    if by == "api":
        answer = stage.api.administrator.post("/rules/calendars/after_hours/closures", {"file": text})
        assert (answer.status_code, "bytes" in answer.text) == (422, True)
    else:
        upload = (BytesIO(text.encode()), "closures.ics")
        shown = stage.web.administrator.send(page, calendar="after_hours", upload=upload)
        close_body(shown)
        assert (shown.status, "bytes" in shown.text) == (422, True)
    seconds, (_, peak) = process_time() - began, tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert seconds < MOST_SECONDS
    assert peak < MOST_BYTES
    pasted = stage.web.administrator.send(page, calendar="after_hours", file=text)
    assert pasted.status == 413


def test_the_preview_shows_what_becomes_of_work_from_before_the_contract(stage: Stage) -> None:
    """It is no error: the contract pays nothing of it, and the preview says what becomes of it."""
    body = {"minutes": 30, "worked_at": "2026-02-20T09:00:00Z"}
    path = f"/service-requests/{stage.request}/work/preview"
    answer = stage.api.technician.post(path, body)
    assert answer.status_code == 200
    found: Any = answer.json
    assert [(one["kind"], one["minutes"]) for one in found["allocations"]] == [("carried", 30)]
    page = stage.web.technician.open(f"/requests/{stage.request}")
    shown = stage.web.technician.send(
        page, "/work", work_minutes="0:30", work_worked_at="2026-02-20T10:00", step="preview"
    )
    assert "0:30 carried to the next contract" in shown


def test_an_overage_rate_of_nothing_in_the_settings_is_refused(stage: Stage) -> None:
    """The page has the field once invoices are on."""
    pointer = "/default_overage_rate_minor"
    refusal = "The price of an hour cannot be 0. Give an amount above zero, or null for no price."
    stage.sample.set(invoices=True, default_overage_rate_minor=9000)
    before = stored(stage)
    answer = stage.api.administrator.call("PATCH", "/settings", {"default_overage_rate_minor": 0})
    problem: Any = answer.json
    assert (answer.status_code, problem["errors"]) == (422, [{"pointer": pointer, "detail": refusal}])
    page = stage.web.administrator.open("/settings")
    shown = stage.web.administrator.send(page, "", default_overage_rate_minor="0")
    assert (shown.status, "The price of an hour cannot be 0." in shown) == (422, True)
    assert stored(stage) == before
