"""The API of webhooks: for administrators, secrets shown once, deliveries, replays, and bad input."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.api import ApiClient, ApiClients
from tests.support.sample_desk import SampleDesk
from tests.support.webhook_receiver import HOST, Receiver, webhook_receiver
from workflows.jobs.definitions import run_job
from workflows.notifications.events import TYPE_NAMES
from workflows.store import tables as t

URL = "https://hooks.example/desk"
CALLS: tuple[tuple[str, str, Any], ...] = (
    ("POST", "/webhooks", {"url": URL}),
    ("GET", "/webhooks", None),
    ("GET", "/webhook-events", None),
    ("GET", "/webhooks/{webhook}", None),
    ("PATCH", "/webhooks/{webhook}", {"description": "Other"}),
    ("POST", "/webhooks/{webhook}/rotate-secret", {}),
    ("POST", "/webhooks/{webhook}/test", {}),
    ("GET", "/webhooks/{webhook}/deliveries", None),
    ("GET", "/webhooks/{webhook}/deliveries/{delivery}", None),
    ("POST", "/webhooks/{webhook}/replay", {}),
    ("POST", "/webhooks/{webhook}/deliveries/{delivery}/replay", {}),
    ("DELETE", "/webhooks/{webhook}", None),
)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with webhook_receiver() as server:
        yield server


@pytest.fixture
def api(sample: SampleDesk) -> ApiClients:
    sample.desk.webhook_hosts = frozenset({HOST})
    return ApiClients(sample)


@pytest.fixture
def administrator(api: ApiClients) -> ApiClient:
    return api.administrator


def read(client: ApiClient, path: str, status: int = 200) -> Any:
    answer = client.get(path)
    assert answer.status_code == status, answer.text
    return answer.json


def done(client: ApiClient, path: str, body: Any = None, status: int = 200) -> Any:
    answer = client.post(path, body if body is not None else {})
    assert answer.status_code == status, answer.text
    return answer.json


def test_an_endpoint_hears_of_a_contract(
    sample: SampleDesk, administrator: ApiClient, receiver: Receiver
) -> None:
    made = done(administrator, "/webhooks", {"url": receiver.url(), "events": ["contract.activated"]}, 201)
    assert (made["enabled"], made["events"], made["waiting"]) == (True, ["contract.activated"], 0)
    contract = sample.sell("subscription")
    assert read(administrator, f"/webhooks/{made['id']}")["waiting"] == 1
    run_job(sample.desk, "deliver_webhooks")
    [payload] = receiver.payloads(made["secret"])
    number = sample.contract(contract).number
    assert payload["data"] == {"contract": contract, "number": number, "state": "active"}
    [delivery] = read(administrator, f"/webhooks/{made['id']}/deliveries?state=delivered")["items"]
    assert (delivery["event"], delivery["attempts"]) == ("contract.activated", 1)
    assert delivery["last_attempt"]["status"] == 204
    detail = read(administrator, f"/webhooks/{made['id']}/deliveries/{delivery['id']}")
    assert detail["payload"] == payload
    again = done(administrator, f"/webhooks/{made['id']}/deliveries/{delivery['id']}/replay")
    assert again["state"] == "waiting"
    run_job(sample.desk, "deliver_webhooks")
    assert receiver.ids == [delivery["id"]] * 2


def test_requests_logged_and_moved_by_the_api_are_events(
    sample: SampleDesk, api: ApiClients, administrator: ApiClient
) -> None:
    made = done(administrator, "/webhooks", {"url": URL}, 201)
    body = {"subject": "The printer", "customer": sample.customer("Bob")}
    waits = done(api.technician, "/service-requests", body, 201)
    sample.sell("subscription")
    body = {"subject": "The laptop", "customer": sample.ann, "item": sample.laptop}
    covered = done(api.technician, "/service-requests", body, 201)
    done(api.technician, f"/service-requests/{covered['id']}/transitions", {"trigger": "start"})
    listed = read(administrator, f"/webhooks/{made['id']}/deliveries?order=created_at")["items"]
    assert [one["event"] for one in listed] == [
        "service_request.state_changed",
        "service_request.no_contract",
        "contract.activated",
        "service_request.state_changed",
        "service_request.state_changed",
    ]
    about = [
        read(administrator, f"/webhooks/{made['id']}/deliveries/{one['id']}")["payload"]["data"]
        for one in (*listed[:2], *listed[3:])
    ]
    assert [one["service_request"] for one in about] == [*[waits["id"]] * 2, *[covered["id"]] * 2]
    assert [(one["from_state"], one["to_state"]) for one in (about[0], *about[2:])] == [
        (None, "pending_no_contract"),
        (None, "open"),
        ("open", "in_progress"),
    ]


def test_a_secret_is_shown_once(administrator: ApiClient) -> None:
    made = done(administrator, "/webhooks", {"url": URL}, 201)
    assert made["secret"].startswith("whsec_")
    rotated = done(administrator, f"/webhooks/{made['id']}/rotate-secret", {"overlap_hours": 1})
    assert rotated["secret"] != made["secret"]
    assert [one["expires_at"] for one in rotated["secrets"]] == [None, "2026-03-02T10:00:00Z"]
    for path in ("/webhooks", f"/webhooks/{made['id']}", "/audit-events?limit=200"):
        assert "whsec_" not in administrator.get(path).text
    events = read(administrator, f"/audit-events?subject_kind=webhook&subject_id={made['id']}")["items"]
    assert [one["action"] for one in events] == ["webhook secret rotated", "webhook created"]


def test_the_same_key_creates_one_endpoint(sample: SampleDesk, administrator: ApiClient) -> None:
    first = administrator.post("/webhooks", {"url": URL}, Idempotency_Key="one")
    second = administrator.post("/webhooks", {"url": URL}, Idempotency_Key="one")
    assert second.headers["Idempotency-Replayed"] == "true"
    assert first.json == second.json
    assert len(sample.rows(t.webhook_endpoint)) == 1


def test_an_endpoint_is_changed_and_removed(administrator: ApiClient) -> None:
    made = done(administrator, "/webhooks", {"url": URL}, 201)
    path = f"/webhooks/{made['id']}"
    changed: Any = administrator.patch(path, {"events": ["sla.warning"], "description": "Pager"}).json
    assert (changed["events"], changed["description"]) == (["sla.warning"], "Pager")
    assert administrator.patch(path, {"events": None}, If_Match='"1"').status_code == 412
    version = administrator.get(path).headers["ETag"]
    answer: Any = administrator.patch(path, {"events": None}, If_Match=version).json
    assert answer["events"] is None
    disabled: Any = administrator.patch(path, {"enabled": False}).json
    assert (disabled["enabled"], disabled["disabled_by"]) == (False, "administrator")
    assert administrator.post(f"{path}/test", {}).status_code == 409
    assert administrator.delete(path).status_code == 204
    for method, call, body in CALLS[3:]:
        answer = administrator.call(method, call.format(webhook=made["id"], delivery="x"), body)
        assert answer.status_code == 404, call
    assert read(administrator, "/webhooks")["items"] == []


def test_only_administrators(sample: SampleDesk, api: ApiClients) -> None:
    made = done(api.administrator, "/webhooks", {"url": URL}, 201)
    sent = done(api.administrator, f"/webhooks/{made['id']}/test", status=201)
    before = [sample.rows(table) for table in (t.webhook_endpoint, t.webhook_secret, t.webhook_delivery)]
    for role in ("finance", "supervisor", "technician"):
        for method, path, body in CALLS:
            address = path.format(webhook=made["id"], delivery=sent["id"])
            assert getattr(api, role).call(method, address, body).status_code == 403, (role, path)
    assert before == [
        sample.rows(table) for table in (t.webhook_endpoint, t.webhook_secret, t.webhook_delivery)
    ]


BAD: list[tuple[dict[str, Any], str, str]] = [
    ({}, "/url", "required"),
    ({"url": ""}, "/url", ""),
    ({"url": "x" * 2001}, "/url", ""),
    ({"url": "example.com"}, "/url", "https://"),
    ({"url": "http://hooks.example/"}, "/url", "must begin with https://"),
    ({"url": "https://localhost:8000/"}, "/url", "COVERDESK_WEBHOOK_HOSTS"),
    ({"url": "https://127.0.0.2/"}, "/url", "not a public address"),
    ({"url": "https://2130706433/"}, "/url", "not a public address"),
    ({"url": "https://[::1]/"}, "/url", "not a public address"),
    ({"url": "https://169.254.169.254/latest/"}, "/url", "not a public address"),
    ({"url": "https://ann:secret@hooks.example/"}, "/url", "password"),
    ({"url": URL, "events": []}, "/events", ""),
    ({"url": URL, "events": ["contract.activated", "nonsense"]}, "/events/1", "Use some of"),
    ({"url": URL, "events": ["webhook.test"]}, "/events/0", "not a type of event"),
    ({"url": URL, "description": "x" * 201}, "/description", ""),
    ({"url": URL, "secret": "mine"}, "/secret", ""),
]


@pytest.mark.parametrize(("body", "pointer", "words"), BAD)
def test_bad_input_is_named(
    sample: SampleDesk, administrator: ApiClient, body: dict[str, Any], pointer: str, words: str
) -> None:
    answer: Any = administrator.post("/webhooks", body)
    assert answer.status_code == 422
    [error] = answer.json["errors"]
    assert error["pointer"] == pointer
    assert words in error["detail"]
    assert sample.rows(t.webhook_endpoint) == []


def test_bad_input_of_the_other_calls(administrator: ApiClient) -> None:
    made = done(administrator, "/webhooks", {"url": URL}, 201)
    path = f"/webhooks/{made['id']}"
    for hours in (-1, 169, 1.5, "1"):
        assert administrator.post(f"{path}/rotate-secret", {"overlap_hours": hours}).status_code == 422
    assert administrator.patch(path, {"url": "https://10.0.0.1/"}).status_code == 422
    assert administrator.get(f"{path}/deliveries?state=lost").status_code == 422
    assert administrator.get(f"{path}/deliveries?order=event").status_code == 422
    assert administrator.get("/webhooks?order=secret").status_code == 422
    assert read(administrator, "/webhooks")["items"][0]["url"] == URL


def test_the_types_of_events_are_listed(administrator: ApiClient) -> None:
    listed = read(administrator, "/webhook-events")["items"]
    assert [one["type"] for one in listed] == [*TYPE_NAMES, "webhook.test"]
    assert all(one["when"].endswith(".") and one["fields"] for one in listed)
