"""Versions, proposals and differences of rule sets over HTTP."""

import threading
import time
from typing import Any

import pytest

from engine.rulebook import RuleSetRefused
from tests.support.api import ApiClients
from tests.support.builders import RULES
from tests.support.sample_desk import SampleDesk
from workflows.core.config_version import config_in_force
from workflows.replay import use_cases
from workflows.rule_sets.folder import read_rules_folder
from workflows.rule_sets.proposals import approve_proposal, submit_rule_set
from workflows.store import tables as t

SHIPPED = read_rules_folder(RULES)


def edited(number: int = 1) -> dict[str, str]:
    return SHIPPED | {"coverage.json": SHIPPED["coverage.json"] + "\n" * number}


def test_two_versions_are_compared(api: ApiClients) -> None:
    first = api.administrator.get("/rules").json["version"]  # type: ignore[index]
    second = api.administrator.post("/rules/publish", {"files": edited()}).json["version"]  # type: ignore[index]
    found = api.supervisor.get(f"/rules/diff?from={first[:12]}&to={second}")
    assert found.status_code == 200
    assert found.json is not None
    assert (found.json["from_version"], found.json["to_version"]) == (first, second)
    assert [(one["path"], one["change"]) for one in found.json["files"]] == [("coverage.json", "changed")]
    assert "\n+" in found.json["files"][0]["diff"]
    assert api.supervisor.get(f"/rules/diff?from={first}").json == found.json
    assert api.supervisor.get("/rules/diff").json["files"] == []  # type: ignore[index]
    assert api.supervisor.get("/rules/diff?from=zzz").status_code == 422
    assert api.supervisor.get(f"/rules/diff?from={'0' * 64}").status_code == 422
    assert api.technician.get("/rules/diff").status_code == 403


def test_publishing_on_an_outdated_version_names_both_versions(api: ApiClients) -> None:
    base = api.administrator.get("/rules").json["version"]  # type: ignore[index]
    body = {"files": edited(1), "based_on": base}
    one = api.administrator.post("/rules/publish", body)
    assert one.status_code == 201
    two = api.administrator.post("/rules/publish", {"files": edited(2), "based_on": base})
    assert two.status_code == 409
    assert two.json is not None
    assert two.json["type"].endswith("#rules-changed")
    assert (two.json["based_on"], two.json["in_force"]) == (base, one.json["version"])  # type: ignore[index]
    back = api.administrator.post(f"/rules/{base[:12]}/publish", {"note": "No"})
    assert back.status_code == 201
    assert (back.json["version"], back.json["note"]) == (base, "No")  # type: ignore[index]


def test_publishing_with_approval(api: ApiClients) -> None:
    bob = api.client_of(api.fixture.person("administrator", "Bob"))
    first = api.administrator.get("/rules").json["version"]  # type: ignore[index]
    assert api.administrator.patch("/settings", {"two_person_publishing": True}).status_code == 200
    key = {"Idempotency_Key": "one"}
    made = api.administrator.post("/rules/publish", {"files": edited(), "note": "A line"}, **key)
    assert made.status_code == 202
    assert made.json is not None
    place = made.headers["Location"]
    assert place == f"/api/v1/rules/proposals/{made.json['id']}"
    again = api.administrator.post("/rules/publish", {"files": edited(), "note": "A line"}, **key)
    assert (again.status_code, again.json, again.headers["Location"]) == (202, made.json, place)
    path = place.removeprefix("/api/v1")
    assert api.administrator.get("/rules").json["version"] == first  # type: ignore[index]
    shown = api.supervisor.get(path).json
    assert shown is not None
    assert (shown["proposal"], shown["files"]) == (made.json, edited())
    assert [one["path"] for one in shown["diff"]["files"]] == ["coverage.json"]
    assert api.administrator.post(f"{path}/approve").status_code == 403
    assert api.supervisor.post(f"{path}/approve").status_code == 403
    approved = bob.post(f"{path}/approve")
    assert approved.status_code == 200
    assert approved.json is not None
    assert (approved.json["version"], approved.json["approved_by"]) == (made.json["version"], "Bob")
    assert bob.post(f"{path}/approve").status_code == 409
    rolled = bob.post(f"/rules/{first}/publish")
    assert rolled.status_code == 202
    other = rolled.headers["Location"].removeprefix("/api/v1")
    assert api.administrator.post(f"{other}/reject", {}).status_code == 422
    rejected = api.administrator.post(f"{other}/reject", {"reason": "Not now"})
    assert rejected.json is not None
    assert (rejected.json["proposal"]["state"], rejected.json["proposal"]["reason"]) == (
        "rejected",
        "Not now",
    )
    listed = api.finance.get("/rules/proposals?state=approved").json
    assert listed is not None
    assert [one["id"] for one in listed["items"]] == [made.json["id"]]
    assert api.finance.get("/rules/proposals?state=lost").status_code == 422
    assert api.finance.get("/rules/proposals/nothing").status_code == 404


def test_watched_folders(api: ApiClients) -> None:
    from workflows.rule_sets.folder_watch import start_watching

    start_watching(api.fixture.desk, RULES, SHIPPED)
    found = api.finance.get("/rules/folders").json
    assert found is not None
    (folder,) = found["items"]
    assert (folder["path"], folder["ok"], folder["in_force"], folder["problems"]) == (
        str(RULES),
        True,
        True,
        [],
    )
    assert api.technician.get("/rules/folders").status_code == 403
    metrics = api.administrator.operations("/metrics").data.decode()
    assert f'path="{RULES}"}} 0.0' in metrics


def test_the_document_describes_accepted_responses(api: ApiClients) -> None:
    document = api.nobody.client.get("/api/openapi.json").json
    assert document is not None
    responses = document["paths"]["/api/v1/rules/publish"]["post"]["responses"]
    assert set(responses) >= {"201", "202", "409", "422"}
    assert "Location" in responses["202"]["headers"]


# ------------------------------------------------------------------ replay


@pytest.fixture
def sample(sample: SampleDesk) -> SampleDesk:
    """The item's contract covers two requests; with the variant customer_first, the customer's would."""
    sample.sell("subscription", to=("item", sample.laptop))
    sample.sell("subscription")
    for _ in range(2):
        sample.work(sample.log(), 30)
    return sample


CUSTOMER_FIRST = SHIPPED | {"coverage.json": SHIPPED["variants/customer_first.json"]}
TRIAL = {"files": CUSTOMER_FIRST, "from": "2026-03-01T00:00:00Z", "to": "2026-04-01T00:00:00+02:00"}


def test_a_replay_returns_what_would_differ(sample: SampleDesk) -> None:
    api = ApiClients(sample)
    found = api.administrator.post("/rules/replay", TRIAL)
    assert found.status_code == 200
    assert found.json is not None
    summary = found.json["summary"]
    assert (summary["decisions"], summary["differ"], summary["moved_minutes"]) == (2, 2, 60)
    assert [one["changes"] for one in found.json["differences"]] == [["contract"]] * 2
    one = found.json["differences"][0]
    assert one["before"]["contract_number"] != one["after"]["contract_number"]
    assert one["overage_before"] == {"amount_minor": 0, "currency": "EUR"}
    same = api.administrator.post("/rules/replay", TRIAL | {"files": SHIPPED})
    assert same.json is not None
    assert (same.json["summary"]["differ"], same.json["differences"]) == (0, [])


def test_a_long_replay_is_accepted_and_read_later(
    sample: SampleDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = ApiClients(sample)
    monkeypatch.setattr(use_cases, "WAIT_SECONDS", 0.01)
    with use_cases._one_at_a_time:
        key = {"Idempotency_Key": "one"}
        begun = api.administrator.post("/rules/replay", TRIAL, **key)
        assert begun.status_code == 202
        assert begun.json is not None
        assert begun.json["state"] == "running"
        place = begun.headers["Location"]
        assert place == f"/api/v1/rules/replays/{begun.json['id']}"
        again = api.administrator.post("/rules/replay", TRIAL, **key)
        assert (again.status_code, again.headers["Location"]) == (202, place)
    path = place.removeprefix("/api/v1")
    shown = wait_until_done(api, path)
    assert (shown["state"], shown["summary"]["differ"]) == ("done", 2)
    differences = api.administrator.get(f"{path}/differences?limit=1").json
    assert differences is not None
    assert (len(differences["items"]), differences["next_cursor"] is None) == (1, False)
    listed = api.administrator.get("/rules/replays").json
    assert listed is not None
    assert [one["id"] for one in listed["items"]] == [begun.json["id"]]


def test_a_running_replay_is_cancelled(sample: SampleDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    api = ApiClients(sample)
    monkeypatch.setattr(use_cases, "WAIT_SECONDS", 0.01)
    with use_cases._one_at_a_time:
        begun = api.administrator.post("/rules/replay", TRIAL).json
        assert begun is not None
        path = f"/rules/replays/{begun['id']}"
        assert api.supervisor.post(f"{path}/cancel", {}).status_code == 403
        stopped = api.administrator.post(f"{path}/cancel", {})
        assert stopped.json is not None
        assert (stopped.status_code, stopped.json["state"]) == (200, "cancelled")
        assert api.administrator.post(f"{path}/cancel", {}).status_code == 409
    for thread in threading.enumerate():
        if thread.name == "replay":
            thread.join(30)
    assert wait_until_done(api, path)["state"] == "cancelled"


def test_differences_are_filtered(sample: SampleDesk) -> None:
    api = ApiClients(sample)
    done = api.administrator.post("/rules/replay", TRIAL).json
    assert done is not None
    path = f"/rules/replays/{done['id']}/differences"
    first = done["differences"][0]["number"]
    for query, count in (("change=contract", 2), ("change=charge", 0), (f"number={first}", 1)):
        found = api.administrator.get(f"{path}?{query}").json
        assert found is not None
        assert len(found["items"]) == count, query
    assert api.administrator.get(f"{path}?change=weather").status_code == 422


def wait_until_done(api: ApiClients, path: str) -> dict[str, Any]:
    for _ in range(400):
        shown: dict[str, Any] = api.administrator.get(path).json or {}
        if shown["state"] != "running":
            return shown
        time.sleep(0.05)
    raise AssertionError("still running")


def test_replays_require_an_administrator_and_valid_rules(sample: SampleDesk) -> None:
    api = ApiClients(sample)
    assert api.supervisor.post("/rules/replay", TRIAL).status_code == 403
    assert api.supervisor.get("/rules/replays").status_code == 403
    bad = api.administrator.post("/rules/replay", TRIAL | {"files": SHIPPED | {"coverage.json": "{"}})
    assert bad.status_code == 422
    assert bad.json is not None
    assert bad.json["problems"][0]["file"] == "coverage.json"
    empty = api.administrator.post("/rules/replay", TRIAL | {"to": "2026-03-01T00:00:00Z"})
    assert (empty.status_code, empty.json["errors"][0]["pointer"]) == (422, "/to")  # type: ignore[index]
    without = api.administrator.post("/rules/replay", {"files": SHIPPED, "to": "2026-03-01T00:00:00Z"})
    assert (without.status_code, without.json["errors"][0]["pointer"]) == (422, "/from")  # type: ignore[index]
    assert api.administrator.get("/rules/replays/nothing").status_code == 404
    assert sample.rows(t.rule_replay) == []


def test_rules_are_checked_while_another_writes(api: ApiClients) -> None:
    bad = {"files": SHIPPED | {"coverage.json": "{"}}
    version = str(api.administrator.get("/rules").json["version"])  # type: ignore[index]
    asked = [
        ("/rules/publish", bad, {}, 422),
        ("/rules/publish", bad, {"Idempotency_Key": "one"}, 422),
        (f"/rules/{version[:3]}/publish", {}, {}, 404),
        ("/rules/proposals/nobody/approve", {}, {}, 404),
        ("/rules/check", bad, {}, 200),
    ]
    answers: list[int] = []

    def ask() -> None:
        for path, body, headers, _ in asked:
            answers.append(api.administrator.post(path, body, **headers).status_code)

    thread = threading.Thread(target=ask)
    with api.fixture.desk.write() as tx:
        config_in_force(tx, to_change=True)
        thread.start()
        thread.join(10)
        assert answers == [expected for _, _, _, expected in asked]
    thread.join()


def test_an_approval_checks_before_it_writes(api: ApiClients) -> None:
    bob = api.fixture.person("administrator", "Bob")
    assert api.administrator.patch("/settings", {"two_person_publishing": True}).status_code == 200
    proposed = api.administrator.post("/rules/publish", {"files": edited()})
    assert proposed.json is not None
    with api.fixture.desk.write_on_demand(bob) as tx:
        assert approve_proposal(tx, proposed.json["id"]) == proposed.json["version"]
        assert tx.writes
    with api.fixture.desk.write_on_demand(bob) as tx, pytest.raises(RuleSetRefused):
        submit_rule_set(tx, SHIPPED | {"coverage.json": "{"})
    assert not tx.writes


def test_unchanged_files_are_not_published_again(api: ApiClients) -> None:
    publications = api.administrator.get("/rules/versions").json
    shipped = {"files": SHIPPED, "note": "Nothing new", "based_on": "0" * 64}
    again = api.administrator.post("/rules/publish", shipped)
    assert again.status_code == 201
    assert again.json is not None
    assert again.json["unchanged"] is True
    in_force = api.administrator.get("/rules").json
    assert in_force is not None
    assert (again.json["version"], again.json["note"]) == (in_force["version"], in_force["note"])
    rolled = api.administrator.post(f"/rules/{in_force['version']}/publish", {"note": "Again"})
    assert rolled.json is not None
    assert rolled.json["unchanged"] is True
    assert api.administrator.get("/rules/versions").json == publications
    new = api.administrator.post("/rules/publish", {"files": edited(), "note": "A line"})
    assert new.json is not None
    assert new.json["unchanged"] is False
