"""A stored response is given again only to someone who may still have it; no password is stored with it."""

import hashlib
from collections.abc import Iterator

import pytest
from sqlalchemy import text

from tests.support.api import ApiClient, ApiClients
from tests.support.postgres import PostgresServer
from tests.support.sample_desk import SampleDesk
from tests.support.share import one_in
from tests.web.faults.calls import API
from tests.web.faults.stage import Sent, Stage, api_call, open_stage
from workflows.commands.fields import secret_fields
from workflows.store import tables as t
from workflows.users.accounts import ChangeUser, NewUser
from workflows.users.tokens import NewOwnToken

POSTS = [route for route in API if route.startswith("POST ")]
DONE = (200, 201, 202, 204)
OTHER_ROLE = {
    "administrator": "technician",
    "finance": "technician",
    "supervisor": "finance",
    "technician": "finance",
    "customer": "technician",
}


@pytest.fixture(scope="module")
def stage(postgres_server: PostgresServer, migrated_postgres_template: str) -> Iterator[Stage]:
    """A desk with a record for every route."""
    with open_stage(postgres_server, migrated_postgres_template) as opened:
        yield opened


def sent(stage: Stage, route: str) -> Sent:
    return api_call(stage, route, API[route]).with_key("a key")


@pytest.mark.parametrize("route", one_in(3, POSTS))
def test_the_first_response_is_given_again_and_not_after_the_role_or_the_user_is_gone(
    stage: Stage, route: str
) -> None:
    call, role = sent(stage, route), API[route].role
    user = stage.records["users"][role]
    customer = stage.sample.ann if role == "customer" else None
    with stage.copy(API[route]) as copy:
        first = call()
        assert first.status_code in DONE, first.text
        before = copy.contents()
        again = call()
        assert (again.status_code, again.text) == (first.status_code, first.text)
        assert again.headers["Idempotency-Replayed"] == "true"
        with copy.database.write() as connection:
            change = text("UPDATE user_account SET role = :role, customer_id = NULL WHERE id = :id")
            connection.execute(change, {"role": OTHER_ROLE[role], "id": user})
        refused = call()
        assert refused.status_code == 403, refused.text
        with copy.database.write() as connection:
            change = text(
                "UPDATE user_account SET role = :role, customer_id = :customer, disabled_at = now() "
                "WHERE id = :id"
            )
            connection.execute(change, {"role": role, "customer": customer, "id": user})
        assert call().status_code == 401
        with copy.database.write() as connection:
            change = text("UPDATE user_account SET disabled_at = NULL WHERE id = :id")
            connection.execute(change, {"id": user})
        assert copy.contents() == before


@pytest.fixture
def api(sample: SampleDesk) -> ApiClients:
    """The API of the desk."""
    return ApiClients(sample)


@pytest.fixture
def cara(sample: SampleDesk, api: ApiClients) -> tuple[str, ApiClient]:
    """A customer at Ann's site."""
    return api.customer("Cara", sample.site)


def test_a_request_that_moved_to_another_customer_is_not_shown_again(
    sample: SampleDesk, api: ApiClients, cara: tuple[str, ApiClient]
) -> None:
    customer, client = cara
    body = {"subject": "Mine", "customer": customer}
    logged = client.post("/service-requests", body, Idempotency_Key="K1")
    path = f"/service-requests/{logged.get_json()['id']}"
    noted = client.post(f"{path}/notes", {"body": "A note"}, Idempotency_Key="K2")
    assert (logged.status_code, noted.status_code) == (201, 201)
    assert client.post("/service-requests", body, Idempotency_Key="K1").text == logged.text
    assert client.post(f"{path}/notes", {"body": "A note"}, Idempotency_Key="K2").text == noted.text
    assert api.supervisor.patch(path, {"customer": sample.ann}).status_code == 200
    for answer in (
        client.post("/service-requests", body, Idempotency_Key="K1"),
        client.post(f"{path}/notes", {"body": "A note"}, Idempotency_Key="K2"),
        client.get(path),
    ):
        assert answer.status_code == 404
        assert "Mine" not in answer.text
    assert len(sample.rows(t.service_request)) == 1
    assert len(sample.rows(t.service_request_note)) == 1


def test_a_customer_gets_the_first_response_again(
    sample: SampleDesk, api: ApiClients, cara: tuple[str, ApiClient]
) -> None:
    """Each call that a customer may make: the second would be refused as it is done, or would do it twice."""
    customer, client = cara
    logged = {"subject": "Mine", "customer": customer}
    sample.sell("incident_pack", to=("customer", customer), incidents=1)
    resolved = sample.log("Mine too", customer=customer, item=None)
    sample.fire(resolved, "resolve", note="Done")
    waiting = client.post("/service-requests", logged, Idempotency_Key="K1").get_json()["id"]
    calls: list[tuple[str, dict[str, str]]] = [
        ("/service-requests", logged),
        (f"/service-requests/{waiting}/notes", {"body": "A note"}),
        (f"/service-requests/{waiting}/contracts", {"type": "support_hours"}),
        (f"/service-requests/{resolved}/transitions", {"trigger": "reopen", "note": "Again"}),
    ]
    for number, (path, body) in enumerate(calls, 1):
        first = client.post(path, body, Idempotency_Key=f"K{number}")
        assert first.status_code < 300, (path, first.text)
        before = [sample.rows(table) for table in t.metadata.sorted_tables]
        again = client.post(path, body, Idempotency_Key=f"K{number}")
        assert (again.status_code, again.text) == (first.status_code, first.text), path
        assert again.headers["Idempotency-Replayed"] == "true"
        assert [sample.rows(table) for table in t.metadata.sorted_tables] == before
    assert sample.request(resolved).state == "in_progress"


def test_a_user_who_belongs_to_another_customer_gets_nothing_again(
    sample: SampleDesk, cara: tuple[str, ApiClient]
) -> None:
    customer, client = cara
    body = {"subject": "Mine", "customer": customer}
    assert client.post("/service-requests", body, Idempotency_Key="K1").status_code == 201
    with sample.desk.write() as tx:
        users = t.user_account
        tx.connection.execute(
            users.update().where(users.c.customer_id == customer).values(customer_id=sample.ann)
        )
    answer = client.post("/service-requests", body, Idempotency_Key="K1")
    assert answer.status_code == 403
    assert "Mine" not in answer.text


def test_a_request_of_the_org_unit_is_not_shown_again_when_only_own_ones_are(
    sample: SampleDesk, cara: tuple[str, ApiClient]
) -> None:
    _, client = cara
    sample.set(customers_see_org_unit=True)
    request = sample.log("Of the site")
    path = f"/service-requests/{request}/notes"
    first = client.post(path, {"body": "A note"}, Idempotency_Key="K1")
    assert first.status_code == 201
    sample.set(customers_see_org_unit=False)
    assert client.post(path, {"body": "A note"}, Idempotency_Key="K1").status_code == 404


# ------------------------------------------------------------------ passwords


NEW_USER = {"email": "new@example.com", "role": "technician", "password": "a very long password"}


def test_no_password_is_part_of_what_is_stored(sample: SampleDesk, api: ApiClients) -> None:
    assert api.administrator.post("/users", NEW_USER, Idempotency_Key="K1").status_code == 201
    [stored] = sample.rows(t.idempotency_key)
    without = (
        b'{"email":"new@example.com","name":null,"role":"technician","language":null,"time_zone":null,'
        b'"invite":true}'
    )
    assert stored.body_hash == hashlib.sha256(b"POST /api/v1/users\0" + without).hexdigest()
    assert "password" not in stored.answer


def test_another_password_is_another_body(sample: SampleDesk, api: ApiClients) -> None:
    first = api.administrator.post("/users", NEW_USER, Idempotency_Key="K1")
    again = api.administrator.post("/users", NEW_USER, Idempotency_Key="K1")
    assert (again.status_code, again.text) == (201, first.text)
    none = {name: value for name, value in NEW_USER.items() if name != "password"}
    for body in ({**NEW_USER, "password": "another long password"}, none, {**NEW_USER, "name": "New"}):
        refused = api.administrator.post("/users", body, Idempotency_Key="K1")
        assert refused.status_code == 422
        assert refused.get_json()["type"].endswith("#idempotency-key-reused")
    assert len(sample.rows(t.user_account, email="new@example.com")) == 1


def test_the_password_that_a_user_chose_later_is_not_compared(sample: SampleDesk, api: ApiClients) -> None:
    first = api.administrator.post("/users", NEW_USER, Idempotency_Key="K1")
    own = {"password": "chosen by the user"}
    path = f"/users/{first.get_json()['id']}"
    assert api.administrator.patch(path, own).status_code == 200
    for password in ("chosen by the user", "a guess at that one"):
        again = api.administrator.post(
            "/users", {**NEW_USER, **own, "password": password}, Idempotency_Key="K1"
        )
        assert again.text == first.text


def test_every_field_for_a_password_is_marked(api: ApiClients) -> None:
    document = api.nobody.client.get("/api/openapi.json").get_json()
    marked = set()
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            body = operation.get("requestBody", {"content": {}})["content"]
            if "application/json" not in body:
                # a file has no fields
                continue
            schema = body["application/json"]["schema"]
            name = schema.get("$ref", "").rpartition("/")[2]
            whole = document["components"]["schemas"][name] if name else schema
            for field, found in whole.get("properties", {}).items():
                if any(word in field for word in ("password", "secret", "token")):
                    choices = (found, *found.get("anyOf", ()))
                    assert any(one.get("writeOnly") for one in choices), (path, method, field)
                    marked.add((method, path, field))
    assert ("post", "/api/v1/users", "password") in marked


def test_the_marked_fields_are_found() -> None:
    assert secret_fields(NewUser) == secret_fields(ChangeUser) == {"password"}
    assert secret_fields(NewOwnToken) == set()
