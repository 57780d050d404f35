"""Org units, customers and items over HTTP: who may do what, and who sees whom."""

import json
from io import BytesIO
from zipfile import ZipFile

from tests.support.api import ApiClients
from workflows.store import tables as t


def test_org_units(api: ApiClients) -> None:
    made = api.administrator.post("/org-units", {"code": "ACME", "name": "Acme"})
    assert made.status_code == 201
    acme = made.json
    assert acme is not None
    assert acme | {"id": "", "created_at": ""} == {
        "id": "",
        "code": "ACME",
        "name": "Acme",
        "parent": None,
        "parent_name": None,
        "created_at": "",
        "version": 1,
    }
    assert acme["created_at"] == "2026-03-02T09:00:00Z"
    child = api.supervisor.post("/org-units", {"code": "B", "name": "Berlin", "parent": acme["id"]}).json
    assert child is not None
    assert api.technician.get(f"/org-units/{child['id']}").json == child
    cycle = api.administrator.patch(f"/org-units/{acme['id']}", {"parent": child["id"]})
    assert cycle.status_code == 409
    assert cycle.json is not None
    assert cycle.json["type"].endswith("#org-unit-cycle")
    assert api.administrator.post("/org-units", {"code": "B", "name": "X"}).status_code == 409
    assert api.technician.post("/org-units", {"code": "C", "name": "X"}).status_code == 403
    assert api.administrator.patch(f"/org-units/{acme['id']}", {"code": None}).status_code == 422
    moved = api.administrator.patch(f"/org-units/{child['id']}", {"parent": None})
    assert moved.json is not None
    assert moved.json["parent"] is None


def test_customers(api: ApiClients) -> None:
    acme = api.fixture.org_unit("ACME")
    body = {"email": "Ann@Example.com", "name": "Ann", "org_unit": acme}
    made = api.technician.post("/customers", body)
    assert made.status_code == 201
    ann = made.json
    assert ann is not None
    assert (ann["email"], ann["org_unit"], ann["org_units"]) == ("ann@example.com", acme, [acme])
    assert api.technician.post("/customers", body).status_code == 409
    assert api.finance.post("/customers", body).status_code == 403
    changed = api.technician.patch(f"/customers/{ann['id']}", {"name": "Anne"})
    assert changed.json == ann | {"name": "Anne", "version": 2}
    found = api.finance.get("/customers?q=anne").json
    assert found is not None
    assert [one["id"] for one in found["items"]] == [ann["id"]]
    unusable = ("", "ann", "ann@", "a@b@c", "ann@example.com\u0000", "=?utf-8?q?ann?=@example.com", 7)
    for email in (*unusable, "x" * 300 + "@example.com"):
        assert api.technician.post("/customers", {"email": email, "name": "X"}).status_code == 422
        assert api.administrator.post("/users", {"email": email, "role": "finance"}).status_code == 422
    assert len(api.fixture.rows(t.customer)) == 1


def test_items(api: ApiClients) -> None:
    ann, acme = api.fixture.customer("Ann"), api.fixture.org_unit("ACME")
    item = {"number": "SRV-1", "name": "Server", "item_type": "server", "owner": {"customer": ann}}
    made = api.technician.post("/items", item)
    assert made.status_code == 201
    assert made.json is not None
    assert made.json["owner"] == {"customer": ann}
    moved = api.technician.patch(f"/items/{made.json['id']}", {"owner": {"org_unit": acme}})
    assert moved.json is not None
    assert moved.json["owner"] == {"org_unit": acme}
    global_item = api.technician.post("/items", {**item, "number": "G", "owner": None})
    assert global_item.json is not None
    assert global_item.json["owner"] is None
    listed = api.technician.get("/items?owner=none").json
    assert listed is not None
    assert [one["number"] for one in listed["items"]] == ["G"]
    for owner in ({}, {"customer": ann, "org_unit": acme}, {"nobody": "x"}, "x", 7, {"customer": ""}):
        assert api.technician.post("/items", {**item, "number": "X", "owner": owner}).status_code == 422
    without = {name: value for name, value in item.items() if name != "owner"}
    assert api.technician.post("/items", without).status_code == 422
    assert len(api.fixture.rows(t.item)) == 2


def test_a_customer_sees_only_own_records(api: ApiClients) -> None:
    acme, globex = api.fixture.org_unit("ACME"), api.fixture.org_unit("GLOBEX")
    ann_id, ann = api.customer("Ann", acme)
    ben_id, _ = api.customer("Ben", globex)
    own = api.fixture.item("ANNS", customer=ann_id)
    bens = api.fixture.item("BENS", customer=ben_id)
    for path, status in (
        (f"/customers/{ann_id}", 200),
        (f"/customers/{ben_id}", 404),
        (f"/items/{own}", 200),
        (f"/items/{bens}", 404),
        (f"/org-units/{acme}", 200),
        (f"/org-units/{globex}", 404),
        ("/settings", 403),
        ("/users", 403),
        ("/rules", 403),
        ("/billing/checklist", 403),
    ):
        assert ann.get(path).status_code == status, path
    hidden = ann.get(f"/customers/{ben_id}").json
    assert hidden == ann.get("/customers/nobody").json
    for path in ("/customers", "/items", "/org-units"):
        listed = ann.get(path).json
        assert listed is not None
        assert len(listed["items"]) == 1
        assert listed["next_cursor"] is None
    assert ann.patch(f"/customers/{ann_id}", {"name": "X"}).status_code == 403
    assert ann.patch(f"/customers/{ben_id}", {"name": "X"}).status_code == 403
    assert ann.post("/items/assign", {"owner": {"customer": ann_id}}).status_code == 403


def test_what_is_held_on_a_customer_is_exported_for_administrators(api: ApiClients) -> None:
    ann_id, ann = api.customer("Ann")
    path = f"/customers/{ann_id}/personal-data"
    found = api.administrator.get(path)
    assert (found.status_code, found.content_type) == (200, "application/zip")
    with ZipFile(BytesIO(found.data)) as archive:
        document = json.loads(archive.read("personal-data.json"))
    assert (document["customer"]["id"], document["records"]["customer"][0]["name"]) == (ann_id, "Ann")
    assert [client.get(path).status_code for client in (api.supervisor, api.finance, ann)] == [403, 403, 403]
    assert api.administrator.get("/customers/nobody/personal-data").status_code == 404
    assert len(api.fixture.rows(t.audit_event, action="personal data exported")) == 1
