"""Conventions of every API call: tokens, bodies, idempotency keys, versions, paging, problems."""

import json
import logging
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import URL

from tests.support.api import ApiClient, ApiClients
from web.api import ROUTE_GROUPS
from workflows.store import tables as t
from workflows.store.database import Database

ACME = {"code": "ACME", "name": "Acme"}


def test_calls_without_a_valid_token_are_401(api: ApiClients) -> None:
    for header in (
        {},
        {"Authorization": "Bearer wrong"},
        {"Authorization": "Basic YTpi"},
        {"Authorization": "Bearer"},
    ):
        answer = api.nobody.get("/org-units", **header)
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
        assert answer.content_type == "application/problem+json"
        assert answer.json is not None
        assert answer.json["type"].endswith("#not-authenticated")
    assert api.nobody.post("/org-units", ACME).status_code == 401
    assert api.fixture.rows(t.org_unit) == []


def test_a_problem_names_each_invalid_field(api: ApiClients) -> None:
    answer = api.administrator.post("/org-units", {"code": "", "name": 7, "nonsense": True})
    assert answer.status_code == 422
    assert answer.content_type == "application/problem+json"
    problem = answer.json
    assert problem is not None
    assert problem["status"] == 422
    assert problem["title"] == "Invalid input"
    assert problem["errors"] == [
        {"pointer": "/code", "detail": "It must not be empty."},
        {"pointer": "/name", "detail": "It must be text."},
        {"pointer": "/nonsense", "detail": "There is no such field here."},
    ]


NOT_JSON = [
    b"{",
    b"nonsense",
    b'{"code": "A", "code": "B", "name": "X"}',
    b'{"code": NaN, "name": "X"}',
    b'{"code": Infinity, "name": "X"}',
    b'{"code": "\xff", "name": "X"}',
    b'{"code": "\\ud800", "name": "X"}',
    b"\xef\xbb\xbf{}",
    b"[" * 100_000,
    b'{"code":' * 50_000,
    b'{"code": ' + b"9" * 10_000 + b"}",
    b"\x00",
]


def test_malformed_json_is_400(api: ApiClients) -> None:
    for raw in NOT_JSON:
        answer = api.administrator.call("POST", "/org-units", raw=raw)
        assert answer.status_code == 400, raw[:80]
        assert answer.json is not None
        assert answer.json["type"].endswith("#malformed-body")
    assert api.fixture.rows(t.org_unit) == []


def test_json_other_than_an_object_is_422(api: ApiClients) -> None:
    for body in ([], "text", 7, None, True, [ACME]):
        raw = json.dumps(body).encode()
        assert api.administrator.call("POST", "/org-units", raw=raw).status_code == 422, body
        assert api.administrator.call("PATCH", "/settings", raw=raw).status_code == 422, body


def test_another_content_type_is_415(api: ApiClients) -> None:
    for kind in (None, "text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
        answer = api.administrator.call("POST", "/org-units", ACME, content_type=kind)
        assert answer.status_code == 415, kind


def test_a_body_of_ten_megabytes_is_413(api: ApiClients) -> None:
    raw = json.dumps({"code": "A", "name": "x" * 10_000_000}).encode()
    answer = api.administrator.call("POST", "/org-units", raw=raw)
    assert answer.status_code == 413
    assert "1048576 bytes" in answer.get_data(as_text=True)
    assert answer.content_type == "application/problem+json"
    assert api.fixture.rows(t.org_unit) == []


def test_a_post_without_fields_accepts_an_empty_object_or_no_body(api: ApiClients) -> None:
    for raw in (None, b"", b"{}"):
        answer = api.administrator.call("POST", "/billing/activate", raw=raw)
        assert answer.status_code == 409
    assert api.administrator.post("/billing/activate", {"x": 1}).status_code == 422


def test_unknown_paths_and_methods(api: ApiClients) -> None:
    assert api.administrator.get("/nothing").status_code == 404
    answer = api.administrator.call("PUT", "/org-units", ACME)
    assert answer.status_code == 405
    assert set(answer.headers["Allow"].split(", ")) == {"GET", "HEAD", "POST"}
    assert api.administrator.call("OPTIONS", "/org-units").status_code == 405
    for answer in (api.nobody.get("/nothing"), api.nobody.call("DELETE", "/settings")):
        assert answer.content_type == "application/problem+json"


def test_unknown_ids_are_404(api: ApiClients) -> None:
    for path in ("org-units", "customers", "items", "rules", "users", "contracts", "decisions"):
        for record_id in ("nothing", "%00", "%ff", "..%2f..", "a" * 300, "%F0%9F%92%A9", "' OR 1=1"):
            assert api.administrator.get(f"/{path}/{record_id}").status_code == 404, (path, record_id)


# ------------------------------------------------------------------ query parameters


INVALID_QUERIES = [
    "nonsense=1",
    "limit=0",
    "limit=201",
    "limit=-1",
    "limit=x",
    "limit=1e3",
    "limit=" + "9" * 5000,
    "limit=1&limit=2",
    "limit=",
    "cursor=",
    "cursor=x",
    "cursor=%00",
    "cursor=" + "a" * 3000,
    "order=nonsense",
    "order=--code",
    "q=",
    "q=%00",
    "q=" + "a" * 300,
    "code=%1b",
]


def test_invalid_parameters_are_422(api: ApiClients) -> None:
    for query in INVALID_QUERIES:
        answer = api.administrator.get(f"/org-units?{query}")
        assert answer.status_code == 422, query
        assert answer.json is not None
        assert answer.json["errors"][0]["pointer"] == "/" + query.partition("=")[0]


def test_lists_are_paged(api: ApiClients) -> None:
    for number in range(5):
        api.fixture.org_unit(f"U{number}")
    first = api.administrator.get("/org-units?limit=2").json
    assert first is not None
    second = api.administrator.get(f"/org-units?limit=2&cursor={first['next_cursor']}").json
    third = api.administrator.get(f"/org-units?limit=2&cursor={second['next_cursor']}").json  # type: ignore[index]
    codes = [unit["code"] for page in (first, second, third) for unit in page["items"]]  # type: ignore[index]
    assert codes == ["U0", "U1", "U2", "U3", "U4"]
    assert third == {"items": third["items"], "next_cursor": None}  # type: ignore[index]


# ------------------------------------------------------------------ versions


def test_if_match_prevents_a_lost_update(api: ApiClients) -> None:
    acme = api.fixture.org_unit("ACME")
    tag = api.administrator.get(f"/org-units/{acme}").headers["ETag"]
    assert tag == '"1"'
    changed = api.administrator.patch(f"/org-units/{acme}", {"name": "New"}, If_Match=tag)
    assert (changed.status_code, changed.headers["ETag"]) == (200, '"2"')
    for stale in (tag, '"x"', "2", 'W/"2"', '"3", "1"', '"1", W/"2"', '"2" "1"', '"' + "9" * 400 + '"'):
        answer = api.administrator.patch(f"/org-units/{acme}", {"name": "Newer"}, If_Match=stale)
        assert answer.status_code == 412
    listed = api.administrator.patch(f"/org-units/{acme}", {"name": "Newer"}, If_Match='W/"x", "1" , "2"')
    assert (listed.status_code, listed.headers["ETag"]) == (200, '"3"')
    assert api.administrator.patch(f"/org-units/{acme}", {"name": "Newest"}, If_Match="*").status_code == 200


def test_settings_have_a_version(api: ApiClients) -> None:
    tag = api.administrator.get("/settings").headers["ETag"]
    assert api.administrator.patch("/settings", {"currency": "CHF"}, If_Match=tag).status_code == 200
    assert api.administrator.patch("/settings", {"currency": "USD"}, If_Match=tag).status_code == 412


def test_what_has_no_version_has_an_etag_of_its_contents(api: ApiClients) -> None:
    users: Any = api.administrator.get("/users").json
    (user,) = [one for one in users["items"] if one["role"] == "finance"]
    path = f"/users/{user['id']}"
    tag = api.administrator.get(path).headers["ETag"]
    assert tag == api.administrator.get(path).headers["ETag"]
    assert api.administrator.patch(path, {"name": "Fay"}, If_Match='"999"').status_code == 412
    changed: Any = api.administrator.patch(path, {"name": "Fay"}, If_Match=f'"999", {tag}')
    assert (changed.status_code, changed.json["name"]) == (200, "Fay")
    assert changed.headers["ETag"] == api.administrator.get(path).headers["ETag"] != tag
    assert api.administrator.patch(path, {"name": "Flo"}, If_Match=tag).status_code == 412


def test_every_change_has_a_record_whose_etag_if_match_is_compared_with() -> None:
    for group in ROUTE_GROUPS:
        read = [
            f"{one.path}/" for one in group.operations if one.method == "GET" and one.response is not None
        ]
        for one in group.operations:
            if one.method == "PATCH":
                found = max((path for path in read if f"{one.path}/".startswith(path)), key=len, default="")
                assert found.endswith("}/") or found == f"{one.path}/", one.path


# ------------------------------------------------------------------ idempotency keys


def test_another_order_of_the_fields_is_the_same_body(api: ApiClients) -> None:
    first = api.administrator.post("/org-units", {"code": "ACME", "name": "Acme"}, Idempotency_Key="k")
    again = api.administrator.post("/org-units", {"name": "Acme", "code": "ACME"}, Idempotency_Key="k")
    assert (again.status_code, again.json) == (201, first.json)
    assert again.headers["Idempotency-Replayed"] == "true"
    other: Any = api.administrator.post("/org-units", {"code": "Acme", "name": "ACME"}, Idempotency_Key="k")
    assert (other.status_code, other.json["type"]) == (422, "/api/docs#idempotency-key-reused")


def test_the_same_key_and_body_return_the_first_response(api: ApiClients) -> None:
    first = api.administrator.post("/org-units", ACME, Idempotency_Key="k-1")
    again = api.administrator.post("/org-units", ACME, Idempotency_Key="k-1")
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json == first.json
    assert again.headers["ETag"] == first.headers["ETag"] == '"1"'
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"
    assert len(api.fixture.rows(t.org_unit)) == 1


def test_the_same_key_with_another_body_is_422(api: ApiClients) -> None:
    api.administrator.post("/org-units", ACME, Idempotency_Key="k-1")
    for answer in (
        api.administrator.post("/org-units", {"code": "B", "name": "B"}, Idempotency_Key="k-1"),
        api.administrator.post("/customers", ACME, Idempotency_Key="k-1"),
    ):
        assert answer.status_code == 422
    other = api.administrator.post("/org-units", {"code": "B", "name": "B"}, Idempotency_Key="k-1").json
    assert other is not None
    assert other["type"].endswith("#idempotency-key-reused")
    assert len(api.fixture.rows(t.org_unit)) == 1


def test_keys_belong_to_their_user(api: ApiClients) -> None:
    api.administrator.post("/org-units", ACME, Idempotency_Key="k-1")
    other = api.supervisor.post("/org-units", {"code": "B", "name": "B"}, Idempotency_Key="k-1")
    assert other.status_code == 201


def test_a_refused_command_may_be_repeated_with_its_key(api: ApiClients) -> None:
    item = {"number": "A", "name": "A", "item_type": "server", "owner": {"customer": "nobody"}}
    assert api.administrator.post("/items", item, Idempotency_Key="k-1").status_code == 422
    item["owner"] = {"customer": api.fixture.customer("Ann")}
    assert api.administrator.post("/items", item, Idempotency_Key="k-1").status_code == 201


def test_invalid_keys_are_422(api: ApiClients) -> None:
    for key in ("", "x" * 256, "tab\tkey", "\xe9"):
        assert api.administrator.post("/org-units", ACME, Idempotency_Key=key).status_code == 422, key
    assert api.fixture.rows(t.org_unit) == []


def test_concurrent_calls_with_the_same_key_run_once(api: ApiClients) -> None:
    token = api.administrator.token

    def post(_: int) -> tuple[int, Any]:
        answer = ApiClient(api.app, token).post("/org-units", ACME, Idempotency_Key="k-1")
        return answer.status_code, answer.json

    with ThreadPoolExecutor(6) as threads:
        answers = list(threads.map(post, range(6)))
    assert [status for status, _ in answers] == [201] * 6
    assert len({json.dumps(body) for _, body in answers}) == 1
    assert len(api.fixture.rows(t.org_unit)) == 1


# ------------------------------------------------------------------ failures


def test_unexpected_errors_are_500_without_a_traceback(
    api: ApiClients, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    monkeypatch.delattr("workflows.register.list_org_units")
    answer = api.administrator.get("/org-units")
    assert answer.status_code == 500
    assert answer.content_type == "application/problem+json"
    assert answer.json is not None
    assert len(answer.json["error_id"]) == 12
    assert b"Traceback" not in answer.data
    assert b"AttributeError" not in answer.data


def test_an_unreachable_database_is_503(api: ApiClients) -> None:
    original = api.fixture.desk.database
    gone = "sqlite:////proc/gone.db" if original.is_sqlite else original.url.set(database="gone")
    api.fixture.desk.database = Database(gone if isinstance(gone, str) else _text(gone))
    answer = api.administrator.get("/org-units")
    ready = api.nobody.client.get("/readyz")
    metrics = api.nobody.client.get("/metrics")
    alive = api.nobody.client.get("/healthz")
    api.fixture.desk.database.dispose()
    api.fixture.desk.database = original
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
    assert (ready.status_code, ready.content_type) == (503, "application/problem+json")
    assert b"coverdesk_ready 0.0" in metrics.data
    assert alive.status_code == 200
    assert api.administrator.get("/org-units").status_code == 200


def _text(url: URL) -> str:
    return url.render_as_string(hide_password=False)


def test_paths_with_extra_slashes_are_404(api: ApiClients) -> None:
    for path in ("//org-units", "/org-units/", "/org-units//x"):
        answer = api.administrator.call("GET", path)
        assert (answer.status_code, answer.content_type) == (404, "application/problem+json"), path
