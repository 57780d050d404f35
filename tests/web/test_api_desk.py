"""The API of contracts, service requests, coverage and work, as a client uses it."""

from datetime import timedelta
from typing import Any

import pytest

from tests.support.api import ApiClient, app_of, token_of
from tests.support.sample_desk import MONDAY, SampleDesk
from workflows.core.actors import Actor


class Client:
    """A client with a token that returns JSON."""

    def __init__(self, sample: SampleDesk, actor: Actor) -> None:
        self.client = ApiClient(app_of(sample), token_of(sample, actor))

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        return self.client.call(method, path, body, headers=headers)

    def get(self, path: str) -> Any:
        return self.call("GET", path).json

    def post(self, path: str, body: Any = None, *, status: int = 200, **headers: str) -> Any:
        answer = self.call("POST", path, body, **headers)
        assert answer.status_code == status, answer.text
        return answer.json


@pytest.fixture
def staff(sample: SampleDesk) -> Client:
    return Client(sample, sample.administrator)


def log(client: Client, sample: SampleDesk, status: int = 201, **given: Any) -> Any:
    body = {"subject": "No sound", "customer": sample.ann, "item": sample.laptop} | given
    return client.post("/service-requests", body, status=status)


def test_from_log_to_close_on_support_hours(sample: SampleDesk, staff: Client) -> None:
    contract = staff.post(
        "/contracts",
        {"type": "support_hours", "holder": {"customer": sample.ann}, "minutes": 60, "enable": True},
        status=201,
    )
    assert (contract["state"], contract["holder"]) == ("active", {"customer": sample.ann})
    assert contract["balance"]["minutes"] == {
        "purchased": 60,
        "drawn": 0,
        "held": 0,
        "available": 60,
        "expired": 0,
    }
    request = log(staff, sample)
    assert (request["state"], request["coverage"]["outcome"]) == ("open", "covered")
    assert request["coverage"]["contract"] == contract["id"]
    path = f"/service-requests/{request['id']}"
    assert "start" in request["allowed_triggers"]
    assert "cover" not in request["allowed_triggers"]
    assert staff.post(f"{path}/transitions", {"trigger": "start"})["state"] == "in_progress"
    now = sample.clock.now().isoformat()
    preview = staff.post(f"{path}/work/preview", {"minutes": 90, "worked_at": now})
    assert [(one["kind"], one["minutes"]) for one in preview["allocations"]] == [
        ("grant", 60),
        ("carried", 30),
    ]
    assert preview["leaves"] == {contract["id"]: 0}
    entry = staff.post(f"{path}/work", {"minutes": 45, "worked_at": now}, status=201)
    assert (entry["worked_minutes"], entry["chargeable_minutes"]) == (45, 45)
    assert [(one["kind"], one["contract"]) for one in entry["allocations"]] == [("grant", contract["id"])]
    refused = staff.call("POST", f"{path}/transitions", {"trigger": "close"})
    assert (refused.status_code, refused.content_type) == (409, "application/problem+json")
    assert refused.json["allowed_triggers"] == ["hold", "resolve", "cancel"]
    staff.post(f"{path}/transitions", {"trigger": "resolve", "note": "Cable"})
    closed = staff.post(f"{path}/transitions", {"trigger": "close"})
    assert (closed["state"], closed["worked_minutes"]) == ("closed", 45)
    assert [line["trigger"] for line in staff.get(f"{path}/history")["items"]] == [
        "log",
        "start",
        "resolve",
        "close",
    ]
    after = staff.get(f"/contracts/{contract['id']}")
    assert after["balance"]["minutes"]["available"] == 15
    statement = staff.get(f"/contracts/{contract['id']}/statement")
    assert [(line["kind"], line["minutes"], line["balance_after"]) for line in statement["lines"]] == [
        ("grant", 60, 60),
        ("draw", -45, 15),
    ]
    assert staff.get("/ledger/audit")["ok"] is True


def test_the_preview_of_an_assignment_lists_the_entries_that_it_moves(
    sample: SampleDesk,
) -> None:
    supervisor = Client(sample, sample.supervisor)
    first, second = (sample.sell("support_hours", minutes=600) for _ in range(2))
    request = sample.log()
    sample.clock.move(days=3)
    sample.work(request, 30, at=MONDAY + timedelta(days=1))
    path = f"/service-requests/{request}/coverage"
    opened_at = supervisor.get(f"/service-requests/{request}")["opened_at"]
    given = {"contract": second, "reason": "Agreed"}
    assert supervisor.post(f"{path}/preview", given)["moves"] == []
    preview = supervisor.post(f"{path}/preview", {**given, "from": opened_at})
    [moved] = preview["moves"]
    assert [one["contract"] for one in (*moved["before"], *moved["after"])] == [first, second]
    assert sum(row.consumed for row in sample.grants(first)) == 30
    decision = supervisor.post(path, {**given, "from": opened_at})
    assert decision["holds_from"] == opened_at
    assert sum(row.consumed for row in sample.grants(second)) == 30


def test_the_preview_of_a_late_entry_lists_the_entries_that_it_moves(
    sample: SampleDesk, staff: Client
) -> None:
    sample.sell("support_hours", minutes=60)
    request = sample.log()
    path = f"/service-requests/{request}"
    sample.clock.move(days=1)
    body = {"minutes": 40, "worked_at": sample.clock.now().isoformat()}
    later = staff.post(f"{path}/work", body, status=201)
    late = {"minutes": 30, "worked_at": (sample.clock.now() - timedelta(hours=5)).isoformat()}
    preview = staff.post(f"{path}/work/preview", late)
    assert [(one["kind"], one["minutes"]) for one in preview["allocations"]] == [("grant", 30)]
    [moved] = preview["moves"]
    assert (moved["id"], moved["service_request"]) == (later["id"], request)
    assert [(one["kind"], one["minutes"]) for one in moved["before"]] == [("grant", 40)]
    after = [(one["kind"], one["minutes"]) for one in moved["after"]]
    assert after == [("grant", 30), ("carried", 10)]
    assert list(preview["leaves"].values()) == [0]
    staff.post(f"{path}/work", late, status=201)
    saved = next(one for one in staff.get(f"{path}/work")["items"] if one["id"] == later["id"])
    assert [(one["kind"], one["minutes"]) for one in saved["allocations"]] == after


def test_a_decision_is_explained_and_stored(sample: SampleDesk, staff: Client) -> None:
    preview = staff.post("/coverage/preview", {"customer": sample.ann, "item": sample.laptop})
    assert (preview["outcome"], preview["id"]) == ("created", None)
    request = log(staff, sample)
    decision = staff.get(f"/decisions/{request['coverage']['decision']}")
    assert (decision["outcome"], decision["candidates"]) == ("created", [])
    assert decision["facts"]["at"] == decision["decided_at"]
    assert decision["contract"] == request["coverage"]["contract"]
    made = staff.get(f"/contracts/{decision['contract']}")
    assert (made["type"], made["state"], made["pending_reason"]) == (
        "per_request",
        "pending",
        "awaiting_enable",
    )
    assert (
        staff.call(
            "POST",
            f"/service-requests/{request['id']}/work",
            {"minutes": 5, "worked_at": sample.clock.now().isoformat()},
        ).status_code
        == 409
    )
    staff.post(f"/contracts/{made['id']}/enable")
    assert staff.get(f"/service-requests/{request['id']}")["state"] == "open"
    outcomes = [one["outcome"] for one in staff.get(f"/service-requests/{request['id']}/decisions")["items"]]
    assert outcomes == ["covered", "created"]


def test_a_customer_sees_only_own_records(sample: SampleDesk, staff: Client) -> None:
    bo = sample.customer("Bo", sample.site)
    own = Client(sample, sample.person("customer", "Bo", customer=bo))
    request = log(staff, sample)
    contract = staff.post(
        "/contracts", {"type": "subscription", "holder": {"customer": sample.ann}}, status=201
    )
    hidden = (
        f"/service-requests/{request['id']}",
        f"/service-requests/{request['id']}/history",
        f"/service-requests/{request['id']}/decisions",
        f"/decisions/{request['coverage']['decision']}",
        f"/contracts/{contract['id']}",
        f"/contracts/{contract['id']}/statement",
        f"/customers/{sample.ann}",
        f"/items/{sample.laptop}",
    )
    assert {own.call("GET", path).status_code for path in hidden} == {404}
    assert own.get("/service-requests")["items"] == []
    assert own.get("/contracts")["items"] == []
    asked = own.call("POST", "/service-requests", {"subject": "x", "customer": sample.ann})
    assert asked.status_code == 422
    mine = own.post("/service-requests", {"subject": "x", "customer": bo}, status=201)
    assert own.get("/service-requests")["items"][0]["id"] == mine["id"]
    internal = own.call("POST", f"/service-requests/{mine['id']}/notes", {"body": "x", "public": False})
    assert (internal.status_code, internal.json["errors"][0]["pointer"]) == (422, "/public")
    assert own.get(f"/service-requests/{mine['id']}/notes")["items"] == []
    assert own.call(
        "POST", f"/service-requests/{mine['id']}/transitions", {"trigger": "start"}
    ).status_code in (403, 409)


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"starts_on": "2026-02-31"}, "/starts_on"),
        ({"starts_on": "0000-01-01"}, "/starts_on"),
        ({"starts_at": "2026-03-01T10:00:00"}, "/starts_at"),
        ({"ends_on": "1999-01-01"}, "/ends_on"),
        ({"minutes": -5}, "/minutes"),
        ({"minutes": 10**30}, "/minutes"),
        ({"minutes": 1.5}, "/minutes"),
        ({"minutes": True}, "/minutes"),
        ({"minutes": "60"}, "/minutes"),
        ({"incidents": 3}, "/incidents"),
        ({"colour": "red"}, "/colour"),
        ({"type": "none_such"}, "/type"),
        ({"holder": {"customer": "nobody"}}, "/holder/customer"),
        ({"holder": {}}, "/holder"),
        ({"price": {"amount_minor": 1, "currency": "XXX"}}, "/price/currency"),
    ],
)
def test_invalid_contracts_are_refused_by_field(
    sample: SampleDesk, staff: Client, body: dict[str, Any], pointer: str
) -> None:
    good = {"type": "support_hours", "holder": {"customer": sample.ann}, "minutes": 60}
    answer = staff.call("POST", "/contracts", good | body)
    assert answer.status_code == 422, answer.text
    assert pointer in [error["pointer"] for error in answer.json["errors"]], answer.text
    assert staff.get("/contracts")["items"] == []


def test_the_same_key_logs_once(sample: SampleDesk, staff: Client) -> None:
    body = {"subject": "No sound", "customer": sample.ann}
    first = staff.call("POST", "/service-requests", body, **{"Idempotency-Key": "k1"})
    again = staff.call("POST", "/service-requests", body, **{"Idempotency-Key": "k1"})
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert first.json == again.json
    other = staff.call("POST", "/service-requests", {**body, "subject": "Other"}, **{"Idempotency-Key": "k1"})
    assert (other.status_code, other.json["type"].rpartition("#")[2]) == (422, "idempotency-key-reused")
    assert len(staff.get("/service-requests")["items"]) == 1


def test_grants_with_priority_and_scope(sample: SampleDesk, staff: Client) -> None:
    travel = {"all": [{"name": "work_type", "operator": "equal_to", "value": "travel"}]}
    terms = {
        "type": "support_hours",
        "holder": {"customer": sample.ann},
        "grants": [{"minutes": 60, "priority": 200}, {"minutes": 30, "scope": travel}],
    }
    contract = staff.post("/contracts", terms, status=201)
    assert [(one["priority"], one["scope"]) for one in contract["grants"]] == [(200, None), (100, travel)]
    path = f"/contracts/{contract['id']}"
    wrong = {"name": "worktype", "operator": "equal_to", "value": "travel"}
    problem = staff.post(f"{path}/top-up", {"minutes": 5, "scope": {"any": [wrong]}}, status=422)
    [error] = problem["errors"]
    assert error["pointer"] == "/scope/any/0/name"
    assert "work_type" in error["detail"]
    topped = staff.post(f"{path}/top-up", {"minutes": 10, "priority": 1, "scope": travel})
    base, sold, added = (one["id"] for one in topped["grants"])
    request = log(staff, sample)
    work = {"minutes": 50, "worked_at": MONDAY.isoformat(), "work_type": "travel"}
    preview = staff.post(f"/service-requests/{request['id']}/work/preview", work)
    entry = staff.post(f"/service-requests/{request['id']}/work", work, status=201)
    split = [(one["grant"], one["minutes"]) for one in entry["allocations"]]
    assert split == [(added, 10), (sold, 30), (base, 10)]
    assert [(one["grant"], one["minutes"]) for one in preview["allocations"]] == split


def test_a_pack_has_a_priority_but_no_scope(sample: SampleDesk, staff: Client) -> None:
    travel = {"name": "work_type", "operator": "equal_to", "value": "travel"}
    terms = {"type": "incident_pack", "holder": {"customer": sample.ann}}
    refused = staff.post("/contracts", {**terms, "grants": [{"incidents": 5, "scope": travel}]}, status=422)
    assert [one["pointer"] for one in refused["errors"]] == ["/grants/0/scope"]
    grants = [{"incidents": 5}, {"incidents": 5, "priority": 1}]
    contract = staff.post("/contracts", {**terms, "grants": grants}, status=201)
    assert log(staff, sample)["coverage"]["contract"] == contract["id"]
    after = staff.get(f"/contracts/{contract['id']}")
    assert [one["balance"]["held"] for one in after["grants"]] == [0, 1]


def test_months_that_carry_over_and_draw_ahead(sample: SampleDesk, staff: Client) -> None:
    terms = {"type": "support_hours_by_month", "holder": {"customer": sample.ann}, "minutes": 60}
    terms |= {"starts_on": "2026-02-02", "ends_on": "2026-06-01", "time_expired": "ignore"}
    carrying = {"carry_over": {"months": 1, "cap_percent": 50}, "borrow": {"cap_minutes": 20}}
    contract = staff.post("/contracts", {**terms, **carrying}, status=201)
    assert contract["carry_over"] == {"months": 1, "cap_minutes": None, "cap_percent": 50}
    assert contract["borrow"] == {"cap_minutes": 20, "cap_percent": None}
    path = f"/contracts/{contract['id']}"
    assert [(one["kind"], one["balance"]["available"]) for one in contract["grants"]] == [
        ("allocation", 0),
        ("carry_over", 30),
        ("allocation", 60),
    ]
    assert contract["carried_over_minutes"] == 30
    request = log(staff, sample)
    work = {"minutes": 120, "worked_at": MONDAY.isoformat()}
    preview = staff.post(f"/service-requests/{request['id']}/work/preview", work)
    entry = staff.post(f"/service-requests/{request['id']}/work", work, status=201)
    split = [(one["kind"], one["minutes"], one["borrowed"]) for one in entry["allocations"]]
    assert split == [("grant", 30, False), ("grant", 60, False), ("grant", 20, True), ("ignored", 10, False)]
    assert [(one["kind"], one["minutes"], one["borrowed"]) for one in preview["allocations"]] == split
    assert preview["leaves"] == {contract["id"]: 0}
    after = staff.get(path)
    assert (after["borrowed_minutes"], after["carried_over_minutes"]) == (20, 0)
    assert after["balance"]["minutes"] == {
        "purchased": 140,
        "drawn": 110,
        "held": 0,
        "available": 0,
        "expired": 30,
    }
    lines = staff.get(f"{path}/statement")["lines"]
    assert [(line["kind"], line["minutes"], line["balance_after"]) for line in lines] == [
        ("grant", 60, 60),
        ("carry_over", 0, 60),
        ("expire", -30, 30),
        ("grant", 60, 90),
        ("draw", -30, 60),
        ("draw", -60, 0),
        ("borrow", 0, 0),
        ("ignore", 0, 0),
    ]
    types = {one["key"]: one for one in staff.get("/contract-types")["items"]}
    assert types["support_hours_by_month"]["carry_over"] is None
    assert staff.get("/ledger/audit")["ok"] is True


def test_reminding_the_customer_of_a_waiting_request(sample: SampleDesk, staff: Client) -> None:
    path = f"/service-requests/{log(staff, sample)['id']}"
    sent = [staff.call("POST", f"{path}/remind", **{"Idempotency-Key": "one click"}) for _ in range(2)]
    assert [one.status_code for one in sent] == [200, 200]
    assert [one["trigger"] for one in staff.get(f"{path}/history")["items"]] == ["log", "remind"]
    problem = staff.post(f"{path}/remind", status=409)
    assert "has just reminded the customer" in problem["detail"]
    staff.post(f"{path}/remind", {"again": True})
    staff.post(f"{path}/remind", {"again": "often"}, status=422)
    ann = Client(sample, sample.person("customer", "Ann", customer=sample.ann))
    ann.post(f"{path}/remind", status=403)
    sample.sell("subscription")
    assert staff.post(f"{path}/remind", status=409)["state"] == "open"
