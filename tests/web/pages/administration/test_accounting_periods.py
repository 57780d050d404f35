"""Accounting periods on the pages and in the API: close, adjust, reopen."""

from datetime import UTC, datetime
from typing import Any

from tests.support.api import ApiClient, token_of
from tests.support.sample_desk import SampleDesk
from tests.support.web_clients import WebClients
from workflows.commands.work import WorkGiven
from workflows.contracts.queries import read_contract
from workflows.service_requests.queries import read_service_request
from workflows.work.use_cases import log_work

IN_MARCH = "2026-03-09T09:00:00Z"


def read(client: ApiClient, path: str) -> Any:
    return client.get(path).json


def in_april(sample: SampleDesk) -> tuple[str, str]:
    """A block of hours with an hour drawn in March, and its request; it is 3 April."""
    block, request = sample.sell("support_hours", minutes=600), sample.log()
    sample.clock.at = datetime(2026, 3, 10, 9, tzinfo=UTC)
    sample.work(request, 60)
    sample.clock.at = datetime(2026, 4, 3, 9, tzinfo=UTC)
    return block, request


def test_the_api_closes_and_reopens_a_month(web: WebClients) -> None:
    sample = web.sample
    block, request = in_april(sample)
    finance = ApiClient(web.app, token_of(sample, sample.finance))
    technician = ApiClient(web.app, token_of(sample, sample.technician))
    listed = read(finance, "/accounting-periods")
    assert [(one["period"], one["state"], one["allowed_actions"]) for one in listed["items"]] == [
        ("2026-04", "open", []),
        ("2026-03", "open", ["close"]),
    ]
    closed: Any = finance.post("/accounting-periods/2026-03/close", {}).json
    assert (closed["state"], closed["closed_by"]) == ("closed", "the finance")
    work = {"minutes": 30, "worked_at": IN_MARCH}
    preview: Any = technician.post(f"/service-requests/{request}/work/preview", work).json
    assert preview["adjustment"] == {"period": "2026-03", "effective_at": "2026-03-31T22:00:00Z"}
    assert technician.post(f"/service-requests/{request}/work", work).status_code == 201
    then = read(finance, f"/contracts/{block}?as_of=2026-03-31T21:59:59Z")
    now = read(finance, f"/contracts/{block}")
    assert [one["balance"]["minutes"]["available"] for one in (then, now)] == [540, 510]
    [adjusted] = read(finance, "/accounting-periods/2026-03/adjustments")["items"]
    assert (adjusted["effective_at"], adjusted["belongs_at"]) == ("2026-03-31T22:00:00Z", IN_MARCH)
    assert adjusted["why"].startswith("Adjustment for 2026-03: Work on SR-")
    reopened: Any = finance.post("/accounting-periods/2026-03/reopen", {"reason": "A mistake"}).json
    assert [(one["action"], one["reason"]) for one in reopened["history"]] == [
        ("reopened", "A mistake"),
        ("closed", None),
    ]
    then = read(finance, f"/contracts/{block}?as_of=2026-03-31T21:59:59Z")
    assert then["balance"]["minutes"]["available"] == 510


def test_the_api_names_what_is_wrong(web: WebClients) -> None:
    sample = web.sample
    in_april(sample)
    finance = ApiClient(web.app, token_of(sample, sample.finance))
    supervisor = ApiClient(web.app, token_of(sample, sample.supervisor))

    def refused(period: str, action: str, sends: dict[str, object] | None = None) -> tuple[int, str]:
        answer: Any = finance.post(f"/accounting-periods/{period}/{action}", sends or {})
        return answer.status_code, answer.json["type"].partition("#")[2]

    assert refused("2026-04", "close") == (409, "period-not-over")
    assert refused("2026-03", "reopen") == (409, "period-open")
    assert refused("2026-13", "close") == (404, "not-found")
    assert refused("2026-03", "close", {"reason": 7}) == (422, "invalid-input")
    assert refused("2026-03", "close", {"why": "x"}) == (422, "invalid-input")
    assert finance.post("/accounting-periods/2026-02/close", {}).status_code == 200
    assert refused("2026-02", "close") == (409, "period-closed")
    assert finance.post("/accounting-periods/2026-03/close", {}).status_code == 200
    assert refused("2026-02", "reopen") == (409, "later-period-closed")
    assert finance.get("/accounting-periods?cursor=x").status_code == 422
    assert supervisor.get("/accounting-periods").status_code == 403
    assert supervisor.post("/accounting-periods/2026-03/reopen", {}).status_code == 403


def test_finance_closes_and_reopens_a_month_on_the_page(web: WebClients) -> None:
    sample = web.sample
    block, request = in_april(sample)
    page = web.finance.open("/accounting-periods/2026-03")
    done = web.finance.send(page, "/2026-03/close", reason="Month end")
    assert "2026-03 is closed." in done
    assert "Month end" in web.finance.open("/accounting-periods")
    edit = web.technician.open(f"/requests/{request}/work/{sample.entries(request)[0].id}")
    assert "In a closed period (2026-03): recorded as an adjustment on 1 Apr 2026." in edit
    given = WorkGiven(minutes=30, worked_at=datetime(2026, 3, 9, 9, tzinfo=UTC))
    sample.do_as(sample.technician, log_work, request, given)
    shown = web.finance.open("/accounting-periods/2026-03")
    assert "Adjustment for 2026-03: Work on SR-" in shown
    assert "Adjustment for 2026-03: Work on SR-" in web.finance.open(f"/contracts/{block}")
    export = web.finance.client.get("/accounting-periods/2026-03?format=csv").get_data(as_text=True)
    assert len(export.splitlines()) == 3
    contract = sample.see(read_contract, block).number
    ticket = sample.see(read_service_request, request).number
    ledger_csv = web.finance.client.get("/ledger?format=csv").get_data(as_text=True)
    for names_both in (shown, export, web.finance.open("/ledger"), ledger_csv):
        assert contract in names_both
        assert ticket in names_both
    export = web.finance.client.get("/accounting-periods?format=csv").get_data(as_text=True)
    assert export.splitlines()[2].startswith("2026-03,closed,2026-03-01")
    assert "2026-03 is open again." in web.finance.send(shown, "/2026-03/reopen", reason="")


def test_previews_on_the_pages_name_the_adjustment(web: WebClients) -> None:
    sample = web.sample
    block, request = in_april(sample)
    finance = ApiClient(web.app, token_of(sample, sample.finance))
    finance.post("/accounting-periods/2026-03/close", {})
    expected = "In a closed period (2026-03): recorded as an adjustment on 1 Apr 2026."
    page = web.technician.open(f"/requests/{request}")
    typed = {"work_minutes": "0:30", "work_worked_at": "2026-03-09T09:00"}
    assert expected in web.technician.send(page, "/work", **typed, step="preview")
    contract = web.finance.open(f"/contracts/{block}")
    typed = {"topup_minutes": "1:00", "topup_effective_on": "2026-03-09"}
    form = contract.form("/top_up").values | typed
    answer = web.finance.client.post(f"/contracts/{block}/top_up/effect", data=form)
    assert expected in answer.get_data(as_text=True)


def test_only_finance_and_administrators_see_the_page(web: WebClients) -> None:
    for person, status in ((web.finance, 200), (web.supervisor, 403), (web.technician, 403), (web.ann, 403)):
        assert person.open("/accounting-periods").status == status
        assert person.open("/accounting-periods/2026-03").status == status
    assert web.finance.open("/accounting-periods/2026-3").status == 404
    assert "Accounting periods" not in web.supervisor.open("/")
