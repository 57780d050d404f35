"""The API of the approval of work entries, as a client uses it."""

from typing import Any

import pytest

from tests.support.api import ApiClient, app_of, token_of
from tests.support.sample_desk import SampleDesk

CALLS = [
    ("GET", "/work", None),
    ("POST", "/work/{entry}/approve", {}),
    ("POST", "/work/{entry}/reject", {"reason": "Twice"}),
    ("POST", "/work/approve", {"ids": ["{entry}"]}),
    ("POST", "/work/reject", {"ids": ["{entry}"]}),
    ("POST", "/work/approve/preview", {"ids": ["{entry}"]}),
    ("POST", "/work/reject/preview", {"ids": ["{entry}"]}),
]
MAY = {
    "administrator": [200] * 7,
    "supervisor": [200] * 7,
    "finance": [200] + [403] * 6,
    "technician": [200] + [403] * 6,
    "customer": [403] * 7,
}


class Client(ApiClient):
    """A client whose answers have a body in JSON."""

    def call(self, method: str, path: str, *given: Any, **more: Any) -> Any:
        return super().call(method, path, *given, **more)

    def get(self, path: str, **headers: str) -> Any:
        return super().get(path, **headers)

    def post(self, path: str, body: Any = None, **headers: str) -> Any:
        return super().post(path, body, **headers)


class Desk:
    """A desk on which work is approved, with a client for each role."""

    def __init__(self, sample: SampleDesk) -> None:
        sample.set(work_approval=True)
        self.sample, self.app = sample, app_of(sample)
        self.contract = sample.sell("support_hours", minutes=600)
        self.request = sample.log()
        self.technician = self.client("technician")

    def client(self, role: str) -> Client:
        sample = self.sample
        person = sample.person("customer", "Ann", customer=sample.ann) if role == "customer" else None
        return Client(self.app, token_of(sample, person or getattr(sample, role)))

    def log(self, minutes: int = 60) -> Any:
        body = {"minutes": minutes, "worked_at": self.sample.clock.now().isoformat()}
        return self.technician.post(f"/service-requests/{self.request}/work", body).json


@pytest.fixture
def desk(sample: SampleDesk) -> Desk:
    return Desk(sample)


@pytest.mark.parametrize("role", MAY)
def test_who_may_do_what(desk: Desk, role: str) -> None:
    client, found = desk.client(role), []
    for method, path, body in CALLS:
        entry = desk.log(10)["id"]
        sent = {**body, "ids": [entry]} if body and "ids" in body else body
        found.append(client.call(method, path.format(entry=entry), sent).status_code)
    assert found == MAY[role]


def test_without_a_token_nothing_is_shown(desk: Desk) -> None:
    assert ApiClient(desk.app, None).get("/work").status_code == 401


def test_from_submitted_to_approved(desk: Desk) -> None:
    logged = desk.log(60)
    assert (logged["state"], logged["allocations"][0]["held"]) == ("submitted", True)
    supervisor = desk.client("supervisor")
    contract = supervisor.get(f"/contracts/{desk.contract}").json
    balance = {"purchased": 600, "drawn": 0, "held": 60, "available": 540, "expired": 0}
    assert contract["balance"]["minutes"] == balance
    assert (contract["pending_minutes"], contract["posted_minutes"]) == (60, 600)
    effects = supervisor.post("/work/approve/preview", {"ids": [logged["id"]]}).json
    assert effects["contracts"][0]["after"]["balance"]["drawn"] == 60
    listed = supervisor.get("/work?state=submitted").json["items"]
    assert [one["entry"]["id"] for one in listed] == [logged["id"]]
    approved = supervisor.post(f"/work/{logged['id']}/approve", {"reason": "Checked"}).json
    assert (approved["state"], approved["decision_reason"]) == ("approved", "Checked")
    contract = supervisor.get(f"/contracts/{desk.contract}").json
    assert contract["balance"]["minutes"] == {**balance, "drawn": 60, "held": 0}
    assert supervisor.get("/work?state=submitted").json["items"] == []
    for path in ("/work", "/work?state=approved"):
        assert [one["entry"]["id"] for one in supervisor.get(path).json["items"]] == [logged["id"]]
    assert supervisor.get("/ledger/audit").json["ok"]


def test_a_decision_is_made_once_per_key(desk: Desk) -> None:
    ids = [desk.log(10)["id"], desk.log(20)["id"]]
    supervisor = desk.client("supervisor")
    keyed = {"Idempotency-Key": "once"}
    first = supervisor.call("POST", "/work/reject", {"ids": ids, "reason": "Twice"}, headers=keyed)
    again = supervisor.call("POST", "/work/reject", {"ids": ids, "reason": "Twice"}, headers=keyed)
    assert [one["state"] for one in first.json["items"]] == ["rejected", "rejected"]
    assert (again.status_code, again.json) == (200, first.json)
    assert again.headers["Idempotency-Replayed"] == "true"
    without = supervisor.post("/work/reject", {"ids": ids})
    assert (without.status_code, without.json["type"].rpartition("/")[2]) == (409, "docs#state-forbids")
    other = supervisor.call("POST", "/work/reject", {"ids": ids[:1]}, headers=keyed)
    assert other.status_code == 422


def test_an_approved_entry_needs_a_reason(desk: Desk) -> None:
    entry = desk.log(30)["id"]
    supervisor = desk.client("supervisor")
    supervisor.post(f"/work/{entry}/approve")
    refused = desk.technician.call("PATCH", f"/work/{entry}", {"minutes": 10})
    assert (refused.status_code, refused.json["state"]) == (409, "approved")
    refused = supervisor.call("PATCH", f"/work/{entry}", {"minutes": 10})
    assert (refused.status_code, refused.json["errors"][0]["pointer"]) == (422, "/reason")
    assert supervisor.delete(f"/work/{entry}").status_code == 422
    changed = supervisor.call("PATCH", f"/work/{entry}", {"minutes": 10, "reason": "Agreed"})
    assert changed.json["state"] == "approved"
    assert desk.technician.delete(f"/work/{entry}?reason=No").status_code == 409
    assert supervisor.delete(f"/work/{entry}?reason=Agreed").status_code == 204


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/work/approve", {}, 422),
        ("/work/approve", {"ids": []}, 422),
        ("/work/approve", {"ids": "all"}, 422),
        ("/work/approve", {"ids": [1]}, 422),
        ("/work/approve", {"ids": ["x"] * 201}, 422),
        ("/work/approve", {"ids": ["x"], "why": "?"}, 422),
        ("/work/approve", {"ids": ["x\u0000"]}, 422),
        ("/work/approve", {"ids": ["nothing"]}, 422),
        ("/work/reject", {"ids": ["nothing"], "reason": ""}, 422),
        ("/work/reject", {"ids": ["nothing"], "reason": "x" * 2001}, 422),
        ("/work/nothing/approve", {}, 404),
        ("/work/nothing/reject", {"reason": 1}, 422),
    ],
)
def test_bad_input_is_named(desk: Desk, path: str, body: Any, status: int) -> None:
    answer = desk.client("supervisor").post(path, body)
    assert answer.status_code == status, answer.text
    assert answer.json["detail"]


@pytest.mark.parametrize(
    "query", ["state=drafted", "state=", "order=note", "limit=0", "technician=", "what=1"]
)
def test_bad_filters_are_named(desk: Desk, query: str) -> None:
    assert desk.client("supervisor").get(f"/work?{query}").status_code == 422


def test_filters_of_the_list(desk: Desk) -> None:
    entry = desk.log(10)["id"]
    client = desk.client("technician")
    sample = desk.sample

    def listed(query: str) -> list[str]:
        return [one["entry"]["id"] for one in client.get(f"/work?{query}").json["items"]]

    assert listed(f"technician={sample.technician.id}&customer={sample.ann}&q=SR-1001") == [entry]
    assert listed(f"technician={sample.supervisor.id}") == []
    assert listed("state=rejected") == []
