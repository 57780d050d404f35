"""The API of settings, billing, rules and users, and the operations endpoints."""

from typing import Any

from tests.support.api import ENVIRONMENT, ApiClient, ApiClients
from tests.support.builders import RULES, DeskFixture
from tests.support.pages import new_session
from web import create_app
from workflows.core.desk import Desk
from workflows.rule_sets.folder import read_rules_folder
from workflows.store import tables as t
from workflows.store.database import Database

SHIPPED = read_rules_folder(RULES)


def test_settings_merge(api: ApiClients) -> None:
    before = api.technician.get("/settings").json
    assert before is not None
    assert before["time_expired_contract"] is None
    assert before["rounding"] == {
        "increment_minutes": 1,
        "minimum_minutes": 0,
        "grace_minutes": 0,
        "scope": "entry",
    }
    answer = api.administrator.patch("/settings", {"rounding": {"increment_minutes": 15}, "cascade": True})
    assert answer.status_code == 200
    expected = before | {"cascade": True, "rounding": before["rounding"] | {"increment_minutes": 15}}
    assert answer.json == expected == api.finance.get("/settings").json
    trail = api.administrator.get("/settings/changes?key=cascade").json
    assert trail is not None
    (line,) = trail["items"]
    assert (line["old_value"], line["new_value"], line["changed_by"]) == (False, True, "the administrator")
    assert api.supervisor.patch("/settings", {"cascade": False}).status_code == 403


BAD_SETTINGS: list[tuple[dict[str, Any], str]] = [
    ({"nonsense": 1}, "/nonsense"),
    ({"rounding": {"nonsense": 1}}, "/rounding/nonsense"),
    ({"rounding": {"increment_minutes": 0}}, "/rounding/increment_minutes"),
    ({"rounding": {"grace_minutes": 5}}, "/rounding/grace_minutes"),
    ({"reopen_window_days": 10**40}, "/reopen_window_days"),
    ({"reopen_window_days": -1}, "/reopen_window_days"),
    ({"reopen_window_days": 1.5}, "/reopen_window_days"),
    ({"reopen_window_days": True}, "/reopen_window_days"),
    ({"currency": "DOGE"}, "/currency"),
    ({"time_zone": "Europe/Atlantis"}, "/time_zone"),
    ({"time_zone": "../../etc/passwd"}, "/time_zone"),
    ({"time_expired_contract": "bill"}, "/time_expired_contract"),
    ({"unpaid_request_cancel_hours": 0}, "/unpaid_request_cancel_hours"),
    ({"unpaid_request_warning_hours": 8761}, "/unpaid_request_warning_hours"),
    (
        {"unpaid_request_warning_hours": 9, "unpaid_request_cancel_hours": 9},
        "/unpaid_request_warning_hours",
    ),
    ({"tax_rates": []}, "/tax_rates"),
    ({"work_calendar": {"weekly": {"blursday": []}}}, "/work_calendar/weekly/blursday"),
    ({"work_calendar": {"holidays": ["2026-02-28", "x"]}}, "/work_calendar/holidays/1"),
    ({"work_calendar": {"holidays": ["2026-02-31"]}}, "/work_calendar/holidays/0"),
    ({"company": {"name": "x\u0000"}}, "/company/name"),
]


def test_invalid_settings_are_reported_by_field(api: ApiClients) -> None:
    for changes, pointer in BAD_SETTINGS:
        answer = api.administrator.patch("/settings", {"cascade": True, **changes})
        assert answer.status_code == 422, changes
        assert answer.json is not None
        assert [error["pointer"] for error in answer.json["errors"]] == [pointer]
    assert api.fixture.rows(t.setting) == []


def test_billing_activation_requires_the_checklist(api: ApiClients) -> None:
    acme = api.fixture.org_unit("ACME")
    item = api.fixture.item("G")
    by_patch = api.administrator.patch("/settings", {"contracts": True})
    assert by_patch.status_code == 409
    assert by_patch.json is not None
    assert "/billing/activate" in by_patch.json["detail"]
    early = api.administrator.post("/billing/activate", {"time_expired_contract": "rollover"})
    assert early.status_code == 409
    assert early.json is not None
    assert [left["step"] for left in early.json["left"]] == ["global_items"]
    assert early.json["global_items"] == [{"id": item, "number": "G", "name": "Item G"}]
    checklist = api.administrator.get("/billing/checklist").json
    assert checklist is not None
    assert [step["id"] for step in checklist["steps"] if not step["done"]] == [
        "global_items",
        "time_expired_contract",
    ]
    assigned = api.administrator.post("/items/assign", {"owner": {"org_unit": acme}})
    assert assigned.json == {"assigned": 1, "left": 0}
    done = api.administrator.post("/billing/activate", {"time_expired_contract": "rollover"})
    assert done.status_code == 200
    assert done.json is not None
    assert done.json["active"] is True
    settings = api.administrator.get("/settings").json
    assert settings is not None
    assert (settings["contracts"], settings["time_expired_contract"]) == (True, "rollover")
    late = {"number": "L", "name": "L", "item_type": "server", "owner": None}
    assert api.technician.post("/items", late).status_code == 409
    off = api.administrator.patch("/settings", {"contracts": False})
    assert off.json is not None
    assert off.json["contracts"] is False
    assert api.supervisor.post("/billing/activate").status_code == 403


def test_required_settings_cannot_be_removed_while_contracts_are_on(api: ApiClients) -> None:
    assert api.administrator.patch("/settings", {"time_expired_contract": None}).status_code == 200
    assert api.administrator.post("/billing/activate", {"time_expired_contract": "ignore"}).status_code == 200
    refused = api.administrator.patch("/settings", {"time_expired_contract": None})
    assert refused.status_code == 422
    assert refused.json is not None
    assert refused.json["errors"][0]["pointer"] == "/time_expired_contract"
    switched_off = api.administrator.patch("/settings", {"contracts": False, "time_expired_contract": None})
    assert switched_off.status_code == 200


def test_rules_are_checked_and_published(api: ApiClients) -> None:
    in_force = api.supervisor.get("/rules").json
    assert in_force is not None
    assert in_force["files"] == SHIPPED
    bad = {**SHIPPED, "coverage.json": '{\n  "name": 7\n}'}
    check = api.administrator.post("/rules/check", {"files": bad})
    assert check.status_code == 200
    assert check.json is not None
    assert check.json["ok"] is False
    assert set(check.json["problems"][0]) == {"file", "line", "column", "pointer", "severity", "message"}
    refused = api.administrator.post("/rules/publish", {"files": bad, "note": "Broken"})
    assert refused.status_code == 422
    assert refused.json is not None
    assert refused.json["type"].endswith("#rule-set-refused")
    assert refused.json["problems"] == check.json["problems"]
    assert api.administrator.get("/rules").json == in_force
    good = {**SHIPPED, "coverage.json": SHIPPED["coverage.json"] + "\n"}
    assert api.supervisor.post("/rules/publish", {"files": good, "note": "x"}).status_code == 403
    made = api.administrator.post("/rules/publish", {"files": good, "note": "A new line"})
    assert made.status_code == 201
    assert made.json is not None
    assert (made.json["note"], made.json["in_force"]) == ("A new line", True)
    history = api.administrator.get("/rules/versions").json
    assert history is not None
    assert [one["version"] for one in history["items"]] == [made.json["version"], in_force["version"]]
    old = api.administrator.get(f"/rules/{in_force['version']}").json
    assert old is not None
    assert (old["in_force"], old["files"]) == (False, SHIPPED)


BAD_FILES: list[dict[str, str]] = [
    {},
    {"coverage.json": ""},
    {"coverage.json": "[" * 50_000},
    {"coverage.json": "\u0000"},
    {"../coverage.json": "{}"},
    {"/etc/passwd.json": "{}"},
    {"x\u0000.json": "{}"},
    {"contract_types/" + "x" * 150 + ".json": "{}"},
    {"coverage.json": "9" * 100_000},
    {f"contract_types/t{number}.json": "{}" for number in range(500)},
]


def test_invalid_rule_sets_are_refused(api: ApiClients) -> None:
    for files in BAD_FILES:
        check = api.administrator.post("/rules/check", {"files": files})
        assert check.status_code == 200, list(files)[:3]
        assert check.json is not None
        assert check.json["ok"] is False
        assert api.administrator.post("/rules/publish", {"files": files}).status_code == 422
    assert len(api.fixture.rows(t.rule_publication)) == 1


def test_large_rule_sets_are_accepted_up_to_the_limit(api: ApiClients) -> None:
    padded = {**SHIPPED, "coverage.json": SHIPPED["coverage.json"] + " " * 900_000}
    more = {f"variants/v{number}.json": SHIPPED["coverage.json"] for number in range(3)}
    check = api.administrator.post("/rules/check", {"files": padded | more})
    assert check.json is not None
    assert check.json["ok"] is True
    huge = {"coverage.json": " " * 17_000_000}
    assert api.administrator.post("/rules/check", {"files": huge}).status_code == 413


def test_without_a_rule_set_calls_are_503(bare_desk: DeskFixture) -> None:
    api = ApiClients(bare_desk)
    for path in ("/rules", "/contract-types"):
        answer = api.administrator.get(path)
        assert answer.status_code == 503
        assert answer.json is not None
        assert answer.json["type"].endswith("#no-rule-set")
    ready = api.nobody.client.get("/readyz")
    assert ready.status_code == 503
    assert ready.json is not None
    assert ready.json["detail"] == "No rule set is in force."


def test_users(api: ApiClients) -> None:
    body = {"email": "sue@staff.example", "role": "supervisor", "password": "a long password"}
    made = api.administrator.post("/users", body)
    assert made.status_code == 201
    sue = made.json
    assert sue is not None
    assert "password" not in str(sue)
    assert api.administrator.post("/users", body).status_code == 409
    assert api.administrator.post("/users", body | {"password": "short"}).status_code == 422
    assert api.administrator.post("/users", body | {"role": "system"}).status_code == 422
    assert api.supervisor.get("/users").status_code == 403
    stored = api.fixture.rows(t.user_account, email="sue@staff.example")[0]
    changed = api.administrator.patch(f"/users/{sue['id']}", {"disabled": True, "name": "Sue"})
    assert changed.json is not None
    assert changed.json["disabled_at"] is not None
    assert stored.password_hash.startswith("$argon2id$")


def test_tokens_are_listed_and_revoked(api: ApiClients) -> None:
    tokens = api.administrator.get(f"/users/{api.fixture.technician.id}/tokens").json
    assert tokens is not None
    (token,) = tokens["items"]
    assert api.technician.get("/org-units").status_code == 200
    revoked = api.administrator.delete(f"/tokens/{token['id']}")
    assert (revoked.status_code, revoked.data) == (204, b"")
    assert api.technician.get("/org-units").status_code == 401
    assert api.administrator.delete("/tokens/nothing").status_code == 404
    assert api.administrator.get("/users/nobody/tokens").status_code == 404


def test_sessions_are_listed_and_ended(api: ApiClients) -> None:
    tom = api.fixture.technician
    new_session(api.fixture.desk, tom)
    new_session(api.fixture.desk, tom)
    listed = api.technician.get(f"/users/{tom.id}/sessions").json
    assert listed is not None
    assert [one["address"] for one in listed["items"]] == ["192.0.2.1", "192.0.2.1"]
    assert "token_hash" not in listed["items"][0]
    one, other = (one["id"] for one in listed["items"])
    assert api.supervisor.get(f"/users/{tom.id}/sessions").status_code == 403
    assert api.supervisor.delete(f"/sessions/{one}").status_code == 404
    assert api.technician.delete(f"/sessions/{one}").status_code == 204
    assert api.technician.delete(f"/sessions/{one}").status_code == 404
    assert api.supervisor.post(f"/users/{tom.id}/sign-out").status_code == 403
    assert api.administrator.post("/users/nobody/sign-out").status_code == 404
    assert api.administrator.post(f"/users/{tom.id}/sign-out").status_code == 200
    assert api.administrator.delete(f"/sessions/{other}").status_code == 404
    assert api.technician.get("/org-units").status_code == 200
    assert api.administrator.post(f"/users/{tom.id}/sign-out", {"revoke_api_access": True}).status_code == 200
    assert api.technician.get("/org-units").status_code == 401


def test_the_audit_trail_is_for_administrators(api: ApiClients) -> None:
    tom = api.fixture.technician
    whole = api.administrator.get("/audit-events").json
    assert whole is not None
    assert {one["subject_kind"] for one in whole["items"]} >= {"user"}
    recorded = [one["id"] for one in whole["items"]]
    assert recorded == sorted(recorded, reverse=True)
    assert api.technician.get("/audit-events").status_code == 403
    assert api.technician.get(f"/audit-events?subject_kind=user&subject_id={tom.id}").status_code == 200
    other = api.fixture.supervisor.id
    assert api.technician.get(f"/audit-events?subject_kind=user&subject_id={other}").status_code == 403
    assert api.technician.get(f"/audit-events?subject_id={tom.id}").status_code == 403
    assert api.administrator.get("/audit-events?view=everything").status_code == 422


def test_an_event_names_the_records_that_it_mentions(api: ApiClients) -> None:
    above = api.administrator.post("/org-units", {"code": "NORTH", "name": "North"}).json
    assert above is not None
    api.administrator.post("/org-units", {"code": "KIEL", "name": "Kiel", "parent": above["id"]})
    listed = api.administrator.get("/audit-events?subject_kind=org_unit").json
    assert listed is not None
    [created] = [one for one in listed["items"] if one["subject_name"] == "Kiel"]
    assert created["details"]["parent"] == above["id"]
    assert created["names"] == {above["id"]: "North"}
    assert created["currency"] == "EUR"


def test_a_password_link_is_sent(api: ApiClients) -> None:
    tom = api.fixture.technician
    assert api.technician.post(f"/users/{tom.id}/password-link").status_code == 403
    sent = api.administrator.post(f"/users/{tom.id}/password-link")
    assert sent.status_code == 200
    assert sent.json is not None
    assert sent.json["can_log_in"] is False
    [mail] = api.fixture.rows(t.outbox, event="password_link")
    assert mail.subject == "Your account at the support desk"
    weak = api.administrator.patch(f"/users/{tom.id}", {"password": "password1234"})
    assert weak.status_code == 422
    assert weak.json is not None
    assert weak.json["errors"][0]["pointer"] == "/password"


def test_another_process_uses_new_settings_in_its_next_call(api: ApiClients, database_url: str) -> None:
    other = Desk(Database(database_url, pool_size=2), api.fixture.clock)
    elsewhere = ApiClient(create_app(other, ENVIRONMENT), api.administrator.token)
    assert elsewhere.get("/settings").json == api.administrator.get("/settings").json
    api.administrator.patch("/settings", {"currency": "CHF"})
    found = elsewhere.get("/settings").json
    assert found is not None
    assert found["currency"] == "CHF"
    other.database.dispose()


def test_what_retention_would_remove_is_shown_by_the_settings_and_by_other_months(api: ApiClients) -> None:
    assert api.administrator.patch("/settings", {"mail_retention_months": 12}).status_code == 200
    found = api.administrator.get("/settings/retention-preview?billing_mail_retention_months=0").json
    assert found is not None
    mail, billing = found["items"]
    assert mail == {
        "kind": "mail",
        "setting": "mail_retention_months",
        "months": 12,
        "before": "2025-03-02T00:00:00Z",
        "records": 0,
        "oldest_at": None,
        "newest_at": None,
    }
    assert (billing["months"], billing["before"]) == (None, None)
    assert api.administrator.get("/settings/retention-preview?mail_retention_months=361").status_code == 422
    assert api.supervisor.get("/settings/retention-preview").status_code == 403
