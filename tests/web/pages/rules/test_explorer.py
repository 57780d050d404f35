"""The coverage explorer over rule sets, and over decisions that were made."""

import pytest

from tests.support.builders import RULES
from tests.support.front import Front
from workflows.commands.contracts import CancelContract
from workflows.commands.service_requests import SearchCoverage
from workflows.contracts.use_cases import cancel_contract
from workflows.rule_sets.folder import read_rules_folder
from workflows.rule_sets.publishing import publish_rule_set
from workflows.service_requests.use_cases import search_or_assign
from workflows.store import tables as t

SHIPPED = read_rules_folder(RULES)
CUSTOMER_FIRST = SHIPPED | {"coverage.json": SHIPPED["variants/customer_first.json"]}


@pytest.fixture
def kept(front: Front) -> str:
    """The version of customer first, which was in force for a while; the shipped rules are in force."""
    version = front.office.do(publish_rule_set, CUSTOMER_FIRST, "Customer first")
    front.office.do(publish_rule_set, SHIPPED, "Back again")
    front.office.desk.refresh()
    return version


def item_and_customer(front: Front) -> tuple[str, str]:
    """A contract of the laptop, and one of Ann."""
    office = front.office
    return office.sell("support_hours", to=("item", office.laptop), minutes=60), office.sell("subscription")


def asked(front: Front) -> str:
    return f"/coverage?customer=customer:{front.office.ann}&item=item:{front.office.laptop}"


def test_another_rule_set_is_asked(front: Front, kept: str) -> None:
    item_and_customer(front)
    admin = front.administrator
    in_force = admin.open(asked(front))
    assert "1. This item has a contract of its own, and it is in force. holds" in in_force
    other = admin.open(f"{asked(front)}&rules={kept}")
    assert "1. The customer has a contract in force. holds" in other
    assert "SUB-0001 Subscription is taken." in other
    assert f"rule set {kept[:12]}" in other
    assert f"rule set {kept[:12]}" not in in_force
    form = next(form for form in other.forms if "rules" in form.options)
    assert form.values["rules"] == kept
    assert admin.open(f"{asked(front)}&rules={kept[:10]}").text.count("SUB-0001 Subscription is taken.") == 1


def test_two_rule_sets_side_by_side(front: Front, kept: str) -> None:
    item_and_customer(front)
    page = front.supervisor.open(f"{asked(front)}&beside={kept}")
    assert "The two rule sets come to different results." in page
    assert page.html.count('<li class="holds">') == 2
    assert "SH-0001 Support hours is taken." in page
    assert "SUB-0001 Subscription is taken." in page
    same = front.supervisor.open(f"/coverage?customer=customer:{front.office.ann}&beside={kept}")
    assert "Both rule sets come to the same." in same


def test_a_rule_set_that_is_not_there_or_no_longer_good_is_told(front: Front, kept: str) -> None:
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


def test_technicians_have_the_rules_in_force(front: Front, kept: str) -> None:
    item_and_customer(front)
    page = front.technician.open(asked(front))
    assert "SH-0001 Support hours is taken." in page
    assert not any("rules" in form.options for form in page.forms)
    assert front.technician.open(f"{asked(front)}&rules={kept}").status == 403
    assert front.ann.open(asked(front)).status == 403


def test_a_decision_is_asked_again_with_what_stood_then(front: Front, kept: str) -> None:
    office = front.office
    contract, _ = item_and_customer(front)
    request = office.log()
    [decision] = office.rows(t.coverage_decision)
    office.do(cancel_contract, contract, CancelContract(reason="Sold"))
    path = f"/coverage?decision={decision.id}"
    for browser in (front.administrator, front.technician):
        page = browser.open(path)
        assert "It comes out the same again" in page
        assert "SH-0001 Support hours is taken." in page
        assert f"Asked again: {office.request(request).number}" in page
    page = front.administrator.open(f"{path}&rules={kept}")
    assert "By these rules it comes out otherwise" in page
    assert "SUB-0001 Subscription is taken." in page
    assert "was cancelled" not in page
    now = front.administrator.open(asked(front))
    assert "SH-0001 Support hours was cancelled" in now
    assert front.administrator.open("/coverage?decision=nothing").status == 404
    assert front.ann.open(path).status == 403


def test_the_facts_of_a_decision_are_changed_from_there(front: Front) -> None:
    office = front.office
    item_and_customer(front)
    office.log(priority="high")
    [decision] = office.rows(t.coverage_decision)
    page = front.administrator.open(f"/coverage?decision={decision.id}")
    link = page.html.split(">Change the facts<")[0].rsplit('href="', 1)[1].rstrip('"').replace("&amp;", "&")
    live = front.administrator.open(link)
    form = next(form for form in live.forms if "priority" in form.options)
    assert form.values["customer"] == f"customer:{office.ann}"
    assert form.values["item"] == f"item:{office.laptop}"
    assert form.values["priority"] == "high"
    assert form.values["at"] == "2026-03-02T10:00"


def test_what_was_assigned_by_hand_is_searched(front: Front) -> None:
    office = front.office
    _, subscription = item_and_customer(front)
    request = office.log()
    command = SearchCoverage(contract=subscription, reason="As agreed")
    decision = office.do_as(office.supervisor, search_or_assign, request, command)
    page = front.administrator.open(f"/coverage?decision={decision}")
    assert "A supervisor assigned it by hand" in page
    assert "Reason: As agreed" in page
    assert "SH-0001 Support hours is taken." in page


def test_a_contract_made_for_the_request_stands_first_and_is_waited_for_last(front: Front) -> None:
    office = front.office
    request = office.log()
    decision = office.do_as(office.technician, search_or_assign, request, SearchCoverage())
    page = front.technician.open(f"/coverage?decision={decision}")
    assert "1. The service request’s own contract comes before the rules. does not hold" in page
    assert "10. The contract made for this service request is not active yet. holds" in page
    assert "It comes out the same again" in page


def test_a_version_leads_to_the_explorer_and_to_a_replay(front: Front, kept: str) -> None:
    page = front.administrator.open(f"/rules/{kept}")
    for path, words in (
        (f"/coverage?rules={kept}", "Pick a customer"),
        (f"/rules/replays?rules={kept}", "Try"),
    ):
        assert f'href="{path}"' in page.html
        form = next(form for form in front.administrator.open(path).forms if "rules" in form.options)
        assert form.values["rules"] == kept
        assert words in front.administrator.open(path)
    assert "/rules/replays" not in front.finance.open(f"/rules/{kept}").html
