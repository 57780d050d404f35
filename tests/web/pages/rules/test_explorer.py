"""The coverage explorer with several rule sets and with past decisions."""

import pytest

from tests.support.builders import RULES
from tests.support.front import Front
from workflows.commands.contracts import CancelContract
from workflows.commands.service_requests import SearchCoverage
from workflows.contracts.use_cases import cancel_contract
from workflows.rule_sets.folder import read_rules_folder
from workflows.service_requests.use_cases import search_or_assign
from workflows.store import tables as t

SHIPPED = read_rules_folder(RULES)
CUSTOMER_FIRST = SHIPPED | {"coverage.json": SHIPPED["variants/customer_first.json"]}


@pytest.fixture
def earlier(front: Front) -> str:
    """The version of the customer-first rules, published before the shipped rules."""
    version = front.office.publish(CUSTOMER_FIRST, "Customer first")
    front.office.publish(SHIPPED, "Back again")
    front.office.desk.refresh()
    return version


def item_and_customer(front: Front) -> tuple[str, str]:
    """A contract of the laptop, and one of Ann."""
    office = front.office
    return office.sell("support_hours", to=("item", office.laptop), minutes=60), office.sell("subscription")


def asked(front: Front) -> str:
    return f"/coverage?customer=customer:{front.office.ann}&item=item:{front.office.laptop}"


def test_another_rule_set_is_evaluated(front: Front, earlier: str) -> None:
    item_and_customer(front)
    admin = front.administrator
    in_force = admin.open(asked(front))
    assert "1. This item has a valid contract. matched" in in_force
    other = admin.open(f"{asked(front)}&rules={earlier}")
    assert "1. The customer has a valid contract. matched" in other
    assert "SUB-0001 Subscription is selected." in other
    assert f"rule set {earlier[:12]}" in other
    assert f"rule set {earlier[:12]}" not in in_force
    form = next(form for form in other.forms if "rules" in form.options)
    assert form.values["rules"] == earlier
    assert (
        admin.open(f"{asked(front)}&rules={earlier[:10]}").text.count("SUB-0001 Subscription is selected.")
        == 1
    )


def test_two_rule_sets_side_by_side(front: Front, earlier: str) -> None:
    item_and_customer(front)
    page = front.supervisor.open(f"{asked(front)}&beside={earlier}")
    assert "The rule sets have different results." in page
    assert page.html.count('<li class="holds">') == 2
    assert "SH-0001 Support hours is selected." in page
    assert "SUB-0001 Subscription is selected." in page
    same = front.supervisor.open(f"/coverage?customer=customer:{front.office.ann}&beside={earlier}")
    assert "Both rule sets have the same result." in same


def test_a_missing_or_invalid_rule_set_is_reported(front: Front, earlier: str) -> None:
    admin = front.administrator
    for value in ("f" * 64, "replay:nothing", "proposal:nothing", "weather:1"):
        gone = admin.open(f"{asked(front)}&rules={value}")
        assert gone.status == 422, value
        assert "here is no such" in gone or "There is no rule set" in gone or "names no rule set" in gone, (
            value
        )
    with front.office.desk.write() as tx:
        tx.add(t.rule_set, version="bad0" * 16, files={"coverage.json": "{"}, created_at=tx.now)
    bad = admin.open(f"{asked(front)}&beside={'bad0' * 16}")
    assert bad.status == 422
    assert "can no longer be read" in bad
    assert bad.html.count('class="steps animated"') == 1


def test_technicians_only_use_the_rules_in_force(front: Front, earlier: str) -> None:
    item_and_customer(front)
    page = front.technician.open(asked(front))
    assert "SH-0001 Support hours is selected." in page
    assert not any("rules" in form.options for form in page.forms)
    assert front.technician.open(f"{asked(front)}&rules={earlier}").status == 403
    assert front.ann.open(asked(front)).status == 403


def test_a_past_decision_uses_the_contracts_of_its_time(front: Front, earlier: str) -> None:
    office = front.office
    contract, _ = item_and_customer(front)
    request = office.log()
    [decision] = office.rows(t.coverage_decision)
    office.do(cancel_contract, contract, CancelContract(reason="Sold"))
    path = f"/coverage?decision={decision.id}"
    for browser in (front.administrator, front.technician):
        page = browser.open(path)
        assert "Same result as before" in page
        assert "SH-0001 Support hours is selected." in page
        assert f"Past decision: {office.request(request).number}" in page
    page = front.administrator.open(f"{path}&rules={earlier}")
    assert "Different result with these rules" in page
    assert "SUB-0001 Subscription is selected." in page
    assert "was cancelled" not in page
    now = front.administrator.open(asked(front))
    assert "SH-0001 Support hours was cancelled" in now
    assert front.administrator.open("/coverage?decision=nothing").status == 404
    assert front.ann.open(path).status == 403


def test_the_facts_of_a_past_decision_can_be_changed(front: Front) -> None:
    office = front.office
    item_and_customer(front)
    office.log(priority="high")
    [decision] = office.rows(t.coverage_decision)
    page = front.administrator.open(f"/coverage?decision={decision.id}")
    link = page.html.split(">Change facts<")[0].rsplit('href="', 1)[1].rstrip('"').replace("&amp;", "&")
    live = front.administrator.open(link)
    form = next(form for form in live.forms if "priority" in form.options)
    assert form.values["customer"] == f"customer:{office.ann}"
    assert form.values["item"] == f"item:{office.laptop}"
    assert form.values["priority"] == "high"
    assert form.values["at"] == "2026-03-02T10:00"


def test_a_manually_assigned_contract_is_evaluated_by_the_rules(front: Front) -> None:
    office = front.office
    _, subscription = item_and_customer(front)
    request = office.log()
    command = SearchCoverage(contract=subscription, reason="As agreed")
    decision = office.do_as(office.supervisor, search_or_assign, request, command)
    page = front.administrator.open(f"/coverage?decision={decision}")
    assert "A supervisor assigned this contract." in page
    assert "Reason: As agreed" in page
    assert "SH-0001 Support hours is selected." in page


def test_the_requests_own_contract_is_evaluated_first_and_awaited_last(front: Front) -> None:
    office = front.office
    request = office.log()
    decision = office.do_as(office.technician, search_or_assign, request, SearchCoverage())
    page = front.technician.open(f"/coverage?decision={decision}")
    assert "1. The service request’s own contract is checked before the rules. not matched" in page
    assert (
        "10. The contract of this service request is pending. Work starts as soon as it is valid. matched"
        in page
    )
    assert "Same result as before" in page


def test_a_version_links_to_the_explorer_and_to_replays(front: Front, earlier: str) -> None:
    page = front.administrator.open(f"/rules/{earlier}")
    for path, words in (
        (f"/coverage?rules={earlier}", "Select a customer"),
        (f"/rules/replays?rules={earlier}", "New replay"),
    ):
        assert f'href="{path}"' in page.html
        form = next(form for form in front.administrator.open(path).forms if "rules" in form.options)
        assert form.values["rules"] == earlier
        assert words in front.administrator.open(path)
    assert "/rules/replays" not in front.finance.open(f"/rules/{earlier}").html
