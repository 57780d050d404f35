"""The API of the sandbox clock: set once per key, and only forward once records exist."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from tests.support.api import ApiClients
from tests.support.builders import DeskFixture
from tests.support.sample_desk import MONDAY, SampleDesk
from workflows.commands.fields import MoneyGiven
from workflows.commands.quotes import NewQuote, QuoteLineGiven
from workflows.selling.quotes import create_quote, send_quote
from workflows.store import tables as t

CLOCK = "/sandbox/clock"


@pytest.fixture
def api(sample: SampleDesk) -> ApiClients:
    sample.desk.sandbox = True
    sample.sell("subscription")
    return ApiClients(sample)


def at(days: int) -> dict[str, Any]:
    return {"now": (MONDAY + timedelta(days=days)).isoformat()}


def test_a_key_sets_the_clock_once(api: ApiClients) -> None:
    first = api.administrator.post(CLOCK, at(1), Idempotency_Key="one")
    assert (first.status_code, first.headers.get("Idempotency-Replayed")) == (200, None)
    assert api.administrator.post(CLOCK, at(2), Idempotency_Key="two").status_code == 200
    refused = api.administrator.post(CLOCK, at(1))
    assert (refused.status_code, (refused.json or {})["now"]) == (409, "2026-03-04T09:00:00Z")
    again = api.administrator.post(CLOCK, at(1), Idempotency_Key="one")
    assert (again.status_code, again.headers["Idempotency-Replayed"]) == (200, "true")
    assert again.json == first.json
    assert api.administrator.post(CLOCK, at(3), Idempotency_Key="one").status_code == 422
    now = api.administrator.get(CLOCK).json
    assert now is not None
    assert now["now"] == "2026-03-04T09:00:00Z"


def test_on_a_desk_without_contracts_the_jobs_due_in_between_run_too(bare_desk: DeskFixture) -> None:
    bare_desk.desk.sandbox = True
    api = ApiClients(bare_desk)
    customer = bare_desk.customer("Ann")
    line = QuoteLineGiven(description="A visit", unit_price=MoneyGiven(amount_minor=9_000))
    command = NewQuote(subject="Support", last_on=date(2026, 3, 10), customer=customer, lines=[line])
    quote = bare_desk.do(create_quote, command)
    bare_desk.do(send_quote, quote)
    assert api.administrator.post(CLOCK, at(30)).status_code == 200
    [lapsed] = bare_desk.rows(t.audit_event, subject_kind="quote", action="lapsed")
    assert (lapsed.subject_id, lapsed.at) == (quote, datetime(2026, 3, 11, tzinfo=UTC))


def test_concurrent_calls_with_one_key_return_one_response(api: ApiClients) -> None:
    def ask(_: int) -> str:
        client = api.client_of(api.fixture.administrator)
        answer = client.call("POST", CLOCK, at(5), headers={"Idempotency_Key": "same"})
        assert answer.status_code == 200
        return answer.text

    with ThreadPoolExecutor(6) as pool:
        assert len(set(pool.map(ask, range(6)))) == 1


@pytest.mark.parametrize("now", ["2026-02-31T00:00:00Z", "0000-01-01T00:00:00Z", "now", None, 5, {}])
def test_invalid_instants_are_refused(api: ApiClients, now: Any) -> None:
    assert api.administrator.post(CLOCK, {"now": now}).status_code == 422


def test_only_administrators_set_the_clock(api: ApiClients) -> None:
    assert api.supervisor.post(CLOCK, at(1)).status_code == 403
    assert api.nobody.post(CLOCK, at(1)).status_code == 401
