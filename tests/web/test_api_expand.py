"""`?expand=` of contracts and service requests: records in place of their ids."""

from typing import Any

import pytest

from tests.support.api import ApiClient, app_of, token_of
from tests.support.sample_desk import SampleDesk
from workflows.core.actors import Actor

EVERYTHING = "customer,item,org_unit,contract,decision"


class Client:
    """A client with the token of a user."""

    def __init__(self, sample: SampleDesk, actor: Actor) -> None:
        self.client = ApiClient(app_of(sample), token_of(sample, actor))

    def get(self, path: str, status: int = 200) -> Any:
        answer = self.client.call("GET", path)
        assert answer.status_code == status, answer.text
        return answer.json


@pytest.fixture
def staff(sample: SampleDesk) -> Client:
    return Client(sample, sample.administrator)


def test_records_of_a_service_request_are_put_in_place_of_their_ids(
    sample: SampleDesk, staff: Client
) -> None:
    """In one and in a list, each as it is read by itself; what is not asked for stays an id."""
    sample.sell("support_hours", minutes=60)
    path = f"/service-requests/{sample.log()}"
    sample.log(item=None)
    plain = staff.get(path)
    alone = staff.get(f"{path}?expand={EVERYTHING}")
    assert alone["customer"] == staff.get(f"/customers/{plain['customer']}")
    assert alone["item"] == staff.get(f"/items/{plain['item']}")
    assert alone["coverage"]["contract"] == staff.get(f"/contracts/{plain['coverage']['contract']}")
    assert alone["coverage"]["decision"] == staff.get(f"/decisions/{plain['coverage']['decision']}")
    without, with_item = staff.get(f"/service-requests?expand={EVERYTHING}")["items"]
    assert (without["item"], with_item["item"]) == (None, alone["item"])
    assert with_item["coverage"] == alone["coverage"]
    assert staff.get(f"{path}?expand=item") == plain | {"item": alone["item"]}


def test_records_of_a_contract_are_put_in_place_of_their_ids(sample: SampleDesk, staff: Client) -> None:
    first = sample.sell("subscription", to=("item", sample.laptop))
    answer: Any = staff.client.call("POST", f"/contracts/{first}/renew", {}).json
    renewed = answer["id"]
    [_, old] = staff.get("/contracts?expand=holder,renewed_by&order=-created_at")["items"]
    assert old["holder"] == {"item": staff.get(f"/items/{sample.laptop}")}
    assert old["renewed_by"] == staff.get(f"/contracts/{renewed}")
    new = staff.get(f"/contracts/{renewed}?expand=renewal_of,service_request")
    assert (new["renewal_of"]["id"], new["service_request"]) == (first, None)


def test_a_customer_reads_them_as_by_their_addresses(sample: SampleDesk) -> None:
    sample.sell("support_hours", minutes=60)
    request = sample.log()
    mine = Client(sample, sample.person("customer", customer=sample.ann))
    plain = mine.get(f"/service-requests/{request}")
    found = mine.get(f"/service-requests/{request}?expand={EVERYTHING}")
    for name, path in (("customer", "customers"), ("item", "items"), ("org_unit", "org-units")):
        answer = mine.client.call("GET", f"/{path}/{plain[name]}")
        assert found[name] == (answer.json if answer.status_code == 200 else plain[name])
    contract = plain["coverage"]["contract"]
    assert found["coverage"]["contract"] == mine.get(f"/contracts/{contract}")


@pytest.mark.parametrize("asked", ["technician", "customer,,item", "customer,nothing", ","])
def test_what_cannot_be_expanded_is_named(sample: SampleDesk, staff: Client, asked: str) -> None:
    refused = staff.get(f"/service-requests?expand={asked}", status=422)
    assert [one["pointer"] for one in refused["errors"]] == ["/expand"]
    assert "customer, item, org_unit, contract, decision" in refused["errors"][0]["detail"]
    refused = staff.get("/customers?expand=org_unit", status=422)
    assert [one["pointer"] for one in refused["errors"]] == ["/expand"]
