"""What customers read after an item or a service request has moved to another customer, case by case."""

import csv
import io
from dataclasses import dataclass
from typing import Any

import pytest

from tests.support.api import ApiClient, ApiClients
from tests.support.pages import Browser
from tests.support.sample_desk import SampleDesk
from workflows.commands.register import ChangeItem, OwnerGiven
from workflows.commands.service_requests import AddNote, ChangeServiceRequest
from workflows.core.actors import Actor
from workflows.register import change_item
from workflows.service_requests.use_cases import add_note, change_service_request
from workflows.store import tables as t


@dataclass
class Customers:
    """Ann and Bob at sister sites with their logins; Ann's laptop has a contract and a worked request."""

    sample: SampleDesk
    ann: Actor
    bob: Actor
    ann_api: ApiClient
    bob_api: ApiClient
    contract: str
    request: str

    def move_item(self) -> None:
        command = ChangeItem(owner=OwnerGiven(customer=self.bob.customer))
        self.sample.do(change_item, self.sample.laptop, command)

    def move_request(self) -> None:
        command = ChangeServiceRequest(customer=str(self.bob.customer))
        self.sample.do(change_service_request, self.request, command)

    def page(self, actor: Actor, path: str) -> str:
        return Browser(self.sample, actor).open(path).text


@pytest.fixture
def customers(sample: SampleDesk) -> Customers:
    sample.set(customers_see_org_unit=True)
    bob_id = sample.customer("Bob", sample.org_unit("acme-hamburg", parent=sample.parent))
    ann = sample.person("customer", "Ann", customer=sample.ann)
    bob = sample.person("customer", "Bob", customer=bob_id)
    api = ApiClients(sample)
    contract = sample.sell("support_hours", to=("item", sample.laptop), minutes=600)
    request = sample.try_log("The screen is black")
    sample.work(str(request.service_request), 45)
    return Customers(
        sample, ann, bob, api.client_of(ann), api.client_of(bob), contract, str(request.service_request)
    )


def listed(caller: ApiClient, path: str) -> Any:
    answer = caller.get(path)
    assert answer.status_code == 200, answer.get_data(as_text=True)
    assert answer.json is not None
    return answer.json.get("items", answer.json)


def test_the_statement_of_a_moved_item_keeps_the_minutes_alone(customers: Customers) -> None:
    customers.move_item()
    number = customers.sample.request(customers.request).number
    draw = listed(customers.bob_api, f"/contracts/{customers.contract}/statement")["lines"][-1]
    assert (draw["kind"], draw["minutes"], draw["balance_after"]) == ("draw", -45, 555)
    assert (draw["service_request"], draw["service_request_number"]) == (None, None)
    assert draw["another_service_request"]
    assert draw["why"] == "Work on another service request"
    text = customers.bob_api.get(f"/contracts/{customers.contract}/statement.csv").get_data(as_text=True)
    line = list(csv.DictReader(io.StringIO(text)))[-1]
    assert (line["service_request"], line["service_request_number"], line["minutes"]) == ("", "", "-45")
    page = customers.page(customers.bob, f"/contracts/{customers.contract}")
    assert "Another service request" in page
    assert number not in page
    page_csv = customers.page(customers.bob, f"/contracts/{customers.contract}/statement.csv")
    assert "Another service request" in page_csv
    assert number not in page_csv


def test_staff_read_the_whole_statement(customers: Customers) -> None:
    customers.move_item()
    staff = ApiClients(customers.sample).technician
    draw = listed(staff, f"/contracts/{customers.contract}/statement")["lines"][-1]
    assert draw["service_request"] == customers.request
    assert draw["why"] == f"Work on {draw['service_request_number']}"
    assert not draw["another_service_request"]


def test_an_org_units_statement_does_not_name_the_request_of_a_sister(customers: Customers) -> None:
    sample = customers.sample
    shared = sample.sell("support_hours", to=("org_unit", sample.parent), minutes=600)
    request = sample.log(item=None)
    sample.work(request, 30)
    for caller, named in ((customers.ann_api, request), (customers.bob_api, None)):
        draw = listed(caller, f"/contracts/{shared}/statement")["lines"][-1]
        assert (draw["minutes"], draw["service_request"]) == (-30, named)


def test_the_earlier_owner_no_longer_reads_of_the_items_contract(customers: Customers) -> None:
    customers.move_item()
    request = listed(customers.ann_api, f"/service-requests/{customers.request}")
    assert (request["item"], request["item_number"], request["item_name"]) == (
        None,
        None,
        "Another holder's item",
    )
    coverage = request["coverage"]
    assert coverage["outcome"] == "covered"
    assert {coverage[name] for name in ("contract", "contract_number", "minutes_left")} == {None}
    [entry] = listed(customers.ann_api, f"/service-requests/{customers.request}/work")
    [allocation] = entry["allocations"]
    assert (allocation["contract"], allocation["grant"], allocation["minutes"]) == (None, None, 45)
    [decision] = listed(customers.ann_api, f"/service-requests/{customers.request}/decisions")
    assert (decision["contract"], decision["facts"]["item"], decision["candidates"]) == (None, None, [])
    page = customers.page(customers.ann, f"/requests/{customers.request}")
    assert "Covered by a contract of another holder" in page
    assert "0:45 from another holder’s contract" in page
    for name, value in (("item", customers.sample.laptop), ("contract", customers.contract)):
        assert listed(customers.ann_api, f"/service-requests?{name}={value}") == []


def test_a_moved_request_does_not_name_its_earlier_customer(customers: Customers) -> None:
    sample = customers.sample
    sample.do_as(customers.ann, add_note, customers.request, AddNote(body="It hums", public=True))
    customers.move_request()
    notes = listed(customers.bob_api, f"/service-requests/{customers.request}/notes")
    assert [(one["body"], one["author"]) for one in notes] == [("It hums", "Another person")]
    first = listed(customers.bob_api, f"/service-requests/{customers.request}/decisions")[-1]
    facts = first["facts"]
    assert (facts["customer"], facts["item"], facts["org_unit"], first["contract"]) == (None,) * 4
    history = listed(customers.bob_api, f"/service-requests/{customers.request}/history")
    assert {one["actor"] for one in history} == {"the technician"}
    staff = ApiClients(sample).technician
    [note] = listed(staff, f"/service-requests/{customers.request}/notes")
    assert note["author"] == "Ann"


def test_no_contract_is_ordered_for_an_item_of_another_customer(customers: Customers) -> None:
    sample = customers.sample
    waiting = sample.log(item=sample.item("LAP-2", customer=sample.ann))
    moved = sample.rows(t.item, number="LAP-2")[0].id
    sample.do(change_item, moved, ChangeItem(owner=OwnerGiven(customer=customers.bob.customer)))
    body = {"type": "support_hours", "holder": {"item": moved}}
    answer = customers.ann_api.post(f"/service-requests/{waiting}/contracts", body)
    assert answer.status_code == 422
    answer = customers.ann_api.post(f"/service-requests/{waiting}/contracts", {"type": "support_hours"})
    assert answer.json is not None
    assert answer.json["holder"] == {"customer": sample.ann}


def test_a_contract_names_the_request_it_was_ordered_for_only_to_who_sees_it(customers: Customers) -> None:
    sample = customers.sample
    laptop = sample.item("LAP-2", customer=sample.ann)
    waiting = sample.log(item=laptop)
    body = {"type": "support_hours", "holder": {"item": laptop}}
    taken = customers.ann_api.post(f"/service-requests/{waiting}/contracts", body).json
    assert taken is not None
    assert taken["service_request"] == waiting
    sample.do(change_item, laptop, ChangeItem(owner=OwnerGiven(customer=customers.bob.customer)))
    assert listed(customers.bob_api, f"/contracts/{taken['id']}")["service_request"] is None
    assert listed(customers.bob_api, f"/contracts?service_request={waiting}") == []


def test_a_repeated_key_no_longer_gives_the_answer_about_a_request_that_has_moved(
    customers: Customers,
) -> None:
    path, body = f"/service-requests/{customers.request}/notes", {"body": "It hums"}
    assert customers.ann_api.post(path, body, Idempotency_Key="k1").status_code == 201
    logged = {"subject": "It hums", "customer": customers.ann.customer}
    first = customers.ann_api.post("/service-requests", logged, Idempotency_Key="k2")
    again = customers.ann_api.post("/service-requests", logged, Idempotency_Key="k2")
    assert (again.headers["Idempotency-Replayed"], again.json) == ("true", first.json)
    customers.move_request()
    assert first.json is not None
    customers.sample.do(
        change_service_request, first.json["id"], ChangeServiceRequest(customer=str(customers.bob.customer))
    )
    for address, sent, key in ((path, body, "k1"), ("/service-requests", logged, "k2")):
        answer = customers.ann_api.post(address, sent, Idempotency_Key=key)
        assert answer.status_code == 404, answer.get_data(as_text=True)


def test_the_mail_address_of_a_colleague_finds_nothing(customers: Customers) -> None:
    sample = customers.sample
    cora = sample.customer("Cora", sample.site)
    sample.log("The mouse is gone", customer=cora, item=None)
    [found] = listed(customers.ann_api, "/service-requests?q=Cora")
    assert found["customer_name"] == "Cora"
    assert listed(customers.ann_api, "/service-requests?q=cora@example") == []
    assert len(listed(customers.ann_api, "/service-requests?q=ann@example")) == 1
