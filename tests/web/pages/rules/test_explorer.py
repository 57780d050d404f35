"""The coverage explorer with several rule sets and with past decisions."""

import json
import re

import pytest

from tests.support.builders import RULES
from tests.support.web_clients import WebClients
from workflows.commands.contracts import CancelContract
from workflows.commands.service_requests import SearchCoverage
from workflows.contracts.use_cases import cancel_contract
from workflows.rule_sets.folder import read_rules_folder
from workflows.service_requests.use_cases import search_or_assign
from workflows.store import tables as t

BUG = {"name": "priority", "operator": "equal_to", "value": "high"}
SHIPPED = read_rules_folder(RULES)
CUSTOMER_FIRST = SHIPPED | {"coverage.json": SHIPPED["variants/customer_first.json"]}


@pytest.fixture
def earlier(web: WebClients) -> str:
    """The version of the customer-first rules, published before the shipped rules."""
    version = web.sample.publish(CUSTOMER_FIRST, "Customer first")
    web.sample.publish(SHIPPED, "Back again")
    web.sample.desk.refresh()
    return version


def item_and_customer(web: WebClients) -> tuple[str, str]:
    """A contract of the laptop, and one of Ann."""
    sample = web.sample
    return sample.sell("support_hours", to=("item", sample.laptop), minutes=60), sample.sell("subscription")


def asked(web: WebClients) -> str:
    return f"/coverage?customer=customer:{web.sample.ann}&item=item:{web.sample.laptop}"


def test_another_rule_set_is_evaluated(web: WebClients, earlier: str) -> None:
    item_and_customer(web)
    admin = web.administrator
    in_force = admin.open(asked(web))
    assert "1. This item has a valid contract. matched" in in_force
    other = admin.open(f"{asked(web)}&rules={earlier}")
    assert "1. The customer has a valid contract. matched" in other
    assert "SUB-0001 Subscription is selected." in other
    assert f"rule set {earlier[:12]}" in other
    assert f"rule set {earlier[:12]}" not in in_force
    form = next(form for form in other.forms if "rules" in form.options)
    assert form.values["rules"] == earlier
    assert (
        admin.open(f"{asked(web)}&rules={earlier[:10]}").text.count("SUB-0001 Subscription is selected.") == 1
    )


def test_two_rule_sets_side_by_side(web: WebClients, earlier: str) -> None:
    item_and_customer(web)
    page = web.supervisor.open(f"{asked(web)}&beside={earlier}")
    assert "The rule sets have different results." in page
    assert page.html.count('<li class="holds">') == 2
    assert "SH-0001 Support hours is selected." in page
    assert "SUB-0001 Subscription is selected." in page
    same = web.supervisor.open(f"/coverage?customer=customer:{web.sample.ann}&beside={earlier}")
    assert "Both rule sets have the same result." in same


def test_a_missing_or_invalid_rule_set_is_reported(web: WebClients, earlier: str) -> None:
    admin = web.administrator
    for value in ("f" * 64, "replay:nothing", "proposal:nothing", "weather:1"):
        gone = admin.open(f"{asked(web)}&rules={value}")
        assert gone.status == 422, value
        assert "here is no such" in gone or "There is no rule set" in gone or "names no rule set" in gone, (
            value
        )
    with web.sample.desk.write() as tx:
        tx.add(t.rule_set, version="bad0" * 16, files={"coverage.json": "{"}, created_at=tx.now)
    bad = admin.open(f"{asked(web)}&beside={'bad0' * 16}")
    assert bad.status == 422
    assert "can no longer be read" in bad
    assert bad.html.count('class="steps animated"') == 1


def test_technicians_only_use_the_rules_in_force(web: WebClients, earlier: str) -> None:
    item_and_customer(web)
    page = web.technician.open(asked(web))
    assert "SH-0001 Support hours is selected." in page
    assert not any("rules" in form.options for form in page.forms)
    assert web.technician.open(f"{asked(web)}&rules={earlier}").status == 403
    assert web.ann.open(asked(web)).status == 403


def test_a_past_decision_uses_the_contracts_of_its_time(web: WebClients, earlier: str) -> None:
    sample = web.sample
    contract, _ = item_and_customer(web)
    request = sample.log()
    [decision] = sample.rows(t.coverage_decision)
    sample.do(cancel_contract, contract, CancelContract(reason="Sold"))
    path = f"/coverage?decision={decision.id}"
    for browser in (web.administrator, web.technician):
        page = browser.open(path)
        assert "Same result as before" in page
        assert "SH-0001 Support hours is selected." in page
        assert f"Past decision: {sample.request(request).number}" in page
    page = web.administrator.open(f"{path}&rules={earlier}")
    assert "Different result with these rules" in page
    assert "SUB-0001 Subscription is selected." in page
    assert "was cancelled" not in page
    now = web.administrator.open(asked(web))
    assert "SH-0001 Support hours was cancelled" in now
    assert web.administrator.open("/coverage?decision=nothing").status == 404
    assert web.ann.open(path).status == 403


def test_the_facts_of_a_past_decision_can_be_changed(web: WebClients) -> None:
    sample = web.sample
    item_and_customer(web)
    sample.log(priority="high")
    [decision] = sample.rows(t.coverage_decision)
    page = web.administrator.open(f"/coverage?decision={decision.id}")
    link = page.html.split(">Change facts<")[0].rsplit('href="', 1)[1].rstrip('"').replace("&amp;", "&")
    live = web.administrator.open(link)
    form = next(form for form in live.forms if "priority" in form.options)
    assert form.values["customer"] == f"customer:{sample.ann}"
    assert form.values["item"] == f"item:{sample.laptop}"
    assert form.values["priority"] == "high"
    assert form.values["at"] == "2026-03-02T10:00"


def test_a_manually_assigned_contract_is_evaluated_by_the_rules(web: WebClients) -> None:
    sample = web.sample
    _, subscription = item_and_customer(web)
    request = sample.log()
    command = SearchCoverage(contract=subscription, reason="As agreed")
    decision = sample.do_as(sample.supervisor, search_or_assign, request, command)
    page = web.administrator.open(f"/coverage?decision={decision}")
    assert "A supervisor assigned this contract." in page
    assert "Reason: As agreed" in page
    assert "SH-0001 Support hours is selected." in page


def test_the_requests_own_contract_is_evaluated_first_and_awaited_last(web: WebClients) -> None:
    sample = web.sample
    request = sample.log()
    decision = sample.do_as(sample.technician, search_or_assign, request, SearchCoverage())
    page = web.technician.open(f"/coverage?decision={decision}")
    assert "1. The service request’s own contract is checked before the rules. not matched" in page
    assert (
        "10. The contract of this service request is pending. Work starts as soon as it is valid. matched"
        in page
    )
    assert "Same result as before" in page


def test_a_version_links_to_the_explorer_and_to_replays(web: WebClients, earlier: str) -> None:
    page = web.administrator.open(f"/rules/{earlier}")
    for path, words in (
        (f"/coverage?rules={earlier}", "Select a customer"),
        (f"/rules/replays?rules={earlier}", "New replay"),
    ):
        assert f'href="{path}"' in page.html
        form = next(form for form in web.administrator.open(path).forms if "rules" in form.options)
        assert form.values["rules"] == earlier
        assert words in web.administrator.open(path)
    assert "/rules/replays" not in web.finance.open(f"/rules/{earlier}").html


def test_titles_distinguish_the_steps(web: WebClients) -> None:
    """What did not match or was not reached says which contracts it looks for; equal ones, by which rule."""
    web.sample.sell("subscription")
    page = web.administrator.open(asked(web))
    titles = re.findall(r"<h3>(.*?)</h3>", page.html)
    assert titles == [
        "1. A valid contract of the item",
        "2. The customer has a valid contract.",
        "3. A valid contract of the org unit",
        "4. Leave uncovered",
        "5. A pending contract of the item",
        "6. A pending contract of the customer",
        "7. A pending contract of the org unit",
        "8. Create a contract",
    ]
    rules = json.loads(SHIPPED["coverage.json"])
    first, *others = rules["rules"]
    again = {**first, "id": "item-again", "conditions": {"all": [*first["conditions"]["all"], BUG]}}
    web.sample.publish_rules(coverage=json.dumps({**rules, "rules": [again, first, *others]}))
    page = web.administrator.open(asked(web))
    assert "1. A valid contract of the item (item-again)" in page
    assert "2. A valid contract of the item (item-valid)" in page
