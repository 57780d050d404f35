"""A rule that offers contracts: which types are taken, and that the one taken covers the request."""

import json
from typing import Any

import pytest

from tests.support.builders import RULES
from tests.support.pages import Browser
from tests.support.sample_desk import SampleDesk
from workflows.commands.contracts import CancelContract, TakeContract
from workflows.contracts.offers import take_contract
from workflows.contracts.use_cases import cancel_contract, enable_contract
from workflows.core.actors import Actor
from workflows.core.errors import InvalidInput, StateForbids
from workflows.coverage.verification import DecisionDifference, verify_decisions
from workflows.rule_sets.folder import read_rules_folder
from workflows.store import tables as t

OFFERED = ["incident_pack", "support_hours"]


@pytest.fixture
def ann(sample: SampleDesk) -> Actor:
    return sample.person("customer", "Ann", customer=sample.ann)


@pytest.fixture
def request_id(sample: SampleDesk) -> str:
    """A request that a rule before all others offers contracts for."""
    files = read_rules_folder(RULES)
    coverage = json.loads(files["coverage.json"])
    coverage["rules"].insert(
        0,
        {
            "id": "choose",
            "why": "Choose a contract.",
            "conditions": {"name": "contract_validation", "operator": "is_true"},
            "actions": [{"name": "offer_contracts", "params": {"types": OFFERED}}],
        },
    )
    coverage["examples"] = []
    sample.publish(files | {"coverage.json": json.dumps(coverage)}, "Contracts are chosen")
    return sample.log()


def take(sample: SampleDesk, who: Actor, request_id: str, type_key: str) -> Any:
    return sample.do_as(who, take_contract, request_id, TakeContract(type=type_key))


def result(sample: SampleDesk, request_id: str) -> tuple[str, str, str | None]:
    row = sample.request(request_id)
    return row.state, row.outcome, row.contract_id


def test_only_what_the_rule_offers_is_ordered(sample: SampleDesk, ann: Actor, request_id: str) -> None:
    for who in (ann, sample.technician):
        for type_key in ("subscription", "per_request", "gold"):
            with pytest.raises(InvalidInput) as caught:
                take(sample, who, request_id, type_key)
            assert caught.value.values["pointer"] == "/type"
            assert "incident_pack, support_hours" in str(caught.value.remedy)
    assert sample.rows(t.contract) == []
    page = Browser(sample, ann).open(f"/requests/{request_id}")
    assert 'value="support_hours"' in page.html
    assert 'value="subscription"' not in page.html
    page = Browser(sample, sample.supervisor).open(f"/requests/{request_id}")
    assert page.html.index("(offered for this request)") < page.html.index('value="subscription"')
    subscription = take(sample, sample.supervisor, request_id, "subscription")
    assert result(sample, request_id) == ("open", "covered", subscription)


def test_what_was_ordered_covers_once_it_is_valid(sample: SampleDesk, ann: Actor, request_id: str) -> None:
    other = sample.sell("subscription")
    assert result(sample, request_id) == ("pending_no_contract", "offered", None)
    browser = Browser(sample, ann)
    before = browser.open(f"/requests/{request_id}")
    ordered = take(sample, ann, request_id, "support_hours")
    number = sample.contract(ordered).number
    assert result(sample, request_id) == ("pending_no_contract", "waiting", None)
    page = browser.open(f"/requests/{request_id}")
    assert "Order contract" not in page
    assert number in page
    late = browser.send(before, "/take", take_type="incident_pack")
    assert late.status == 422
    assert f"{number} was ordered for" in late
    assert "Order contract" not in late

    for who, type_key in ((ann, "incident_pack"), (ann, "per_request"), (sample.supervisor, "subscription")):
        with pytest.raises(StateForbids, match=f"{number} was ordered for .* and is pending") as caught:
            take(sample, who, request_id, type_key)
        assert caught.value.values["contract"] == number
    assert len(sample.rows(t.contract)) == 2

    sample.do(cancel_contract, ordered, CancelContract())
    assert result(sample, request_id) == ("pending_no_contract", "offered", None)
    again = take(sample, ann, request_id, "incident_pack")
    sample.do(enable_contract, again)
    assert result(sample, request_id) == ("open", "covered", again)
    assert sample.contract(other).state == "active"
    decisions = sample.rows(t.coverage_decision, service_request_id=request_id)
    assert [(one.outcome, one.rule, one.cause.partition(":")[0]) for one in decisions] == [
        ("offered", "choose", "log"),
        ("waiting", "choose", "ordered"),
        ("offered", "choose", "contract"),
        ("waiting", "choose", "ordered"),
        ("covered", "choose", "contract"),
    ]
    differences: list[DecisionDifference] = []
    assert verify_decisions(sample.desk, differences.append).decisions == len(decisions)
    assert differences == []
    assert "ordered for this service request is valid" in browser.open(f"/requests/{request_id}")
    # what was ordered for one request is offered to no other
    assert sample.request(sample.log()).outcome == "offered"
