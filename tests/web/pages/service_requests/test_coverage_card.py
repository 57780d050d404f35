"""The coverage of a service request in words: why this one, why not another, and when it is over."""

from datetime import timedelta
from typing import Any

import pytest

from tests.support.front import Front
from tests.support.pages import Page
from workflows.commands.contracts import CancelContract
from workflows.contracts.use_cases import cancel_contract
from workflows.store import tables as t

ENDED: dict[str, Any] = {"starts_on": "2025-04-01", "ends_on": "2026-01-31"}


def card(page: Page) -> str:
    """What the coverage card says."""
    return page.text.split(" Coverage ", 2)[-1].split(" Request Customer ")[0]


def test_one_sentence_and_a_table_with_what_ruled_each_out(front: Front) -> None:
    office = front.office
    office.sell("subscription", to=("item", office.laptop), **ENDED)
    office.sell("subscription", to=("org_unit", office.parent))
    office.sell("support_hours", to=("org_unit", office.site), minutes=60)
    request = office.log()
    [decision] = office.rows(t.coverage_decision)
    page = front.technician.open(f"/requests/{request}")
    assert (
        "Covered by SH-0001 of org unit Acme-Berlin: "
        "the item’s own contract SUB-0001 ended on 31 January 2026; Ann has none." in page
    )
    table = card(page).split("Why not another?")[1]
    assert "SUB-0001 Subscription item LAP-1 Item LAP-1 Ended It ended on 31 January 2026" in table
    assert "SUB-0002 Subscription org unit Acme Valid SH-0001 takes precedence" in table
    assert f'href="/coverage?decision={decision.id}">Run it again with its version' in page.html


def test_the_customer_reads_the_same_without_what_others_hold(front: Front) -> None:
    office = front.office
    office.sell("subscription", to=("org_unit", office.parent), **ENDED, price={"amount_minor": 77700})
    office.sell("subscription", to=("item", office.laptop), **ENDED)
    office.sell("support_hours", to=("org_unit", office.site), minutes=60, price={"amount_minor": 88800})
    request = office.log()
    page = front.ann.open(f"/requests/{request}")
    assert (
        "Covered by SH-0001 of your organization: "
        "the item’s own contract SUB-0002 ended on 31 January 2026; you have none of your own." in page
    )
    for hidden in ("SUB-0001", "777", "888", "/coverage?", "rule set", "Acme"):
        assert hidden not in card(page), hidden
    assert "It ended on 31 January 2026" in card(page)


@pytest.mark.parametrize("role", ["technician", "customer"])
@pytest.mark.parametrize("visible", [True, False])
def test_a_contract_that_has_ended_is_no_cover_any_more(front: Front, role: str, visible: bool) -> None:
    office = front.office
    to = ("customer", office.ann) if visible else ("org_unit", office.site)
    office.sell("subscription", to=to, starts_on="2026-03-01", ends_on="2026-03-10")
    request = office.log()
    browser = front.of_role(role)
    path = f"/requests/{request}"
    assert "nothing is left" not in browser.open(path)
    office.clock.move(days=8, hours=13, minutes=59)
    assert "nothing is left" not in browser.open(path)
    office.clock.move(minutes=1)
    ended = browser.open(path)
    assert (
        "Covered, but nothing is left Covered by SUB-0001, which ended on 10 Mar: nothing is left." in ended
    )
    assert "Time worked from now on is carried to the holder’s next contract." in ended
    assert "ended 10 Mar" in browser.open("/requests?view=all" if role == "technician" else "/requests")


def test_a_contract_that_is_used_up(front: Front) -> None:
    office = front.office
    office.set(time_expired_contract="ignore")
    office.sell("support_hours", minutes=60)
    request = office.log()
    office.fire(request, "start")
    office.work(request, 59)
    assert "nothing is left" not in front.technician.open(f"/requests/{request}")
    office.work(request, 1)
    page = front.technician.open(f"/requests/{request}")
    assert "Covered by SH-0001, which is used up: nothing is left." in page
    assert "Time worked from now on is recorded and charged to nobody." in page
    office.set(cascade=True, time_expired_contract="rollover")
    page = front.technician.open(f"/requests/{request}")
    assert "from the next valid contract, if there is one; else it is carried" in page


def test_the_last_incident_that_is_held_is_something_left(front: Front) -> None:
    office = front.office
    office.sell("incident_pack", incidents=1)
    request = office.log()
    assert "nothing is left" not in front.technician.open(f"/requests/{request}")
    office.fire(request, "start")
    office.fire(request, "resolve", note="Done")
    office.fire(request, "close")
    closed = card(front.technician.open(f"/requests/{request}"))
    assert "Covered IP-0001 is used up by now." in closed
    assert "nothing is left" not in closed


def test_hours_by_the_month_come_again(front: Front) -> None:
    office = front.office
    office.sell("support_hours_by_month", minutes=60, starts_on="2026-03-01", ends_on="2026-12-31")
    request = office.log()
    office.fire(request, "start")
    office.work(request, 60)
    assert "Covered, but" not in front.technician.open(f"/requests/{request}")


def test_a_finished_request_says_what_became_of_its_contract(front: Front) -> None:
    office = front.office
    contract = office.sell("subscription")
    request = office.log()
    office.fire(request, "start")
    office.fire(request, "resolve", note="Done")
    office.fire(request, "close")
    office.clock.move(days=1)
    office.do(cancel_contract, contract, CancelContract(reason="Sold"))
    page = front.technician.open(f"/requests/{request}")
    assert "Covered SUB-0001 was cancelled on 3 Mar." in page
    assert "nothing is left" not in page


def test_each_decision_of_the_way_can_be_run_again(front: Front) -> None:
    office = front.office
    request = office.log()
    office.clock.move(hours=1)
    office.sell("subscription", to=("item", office.laptop))
    page = front.supervisor.open(f"/requests/{request}")
    decisions = office.rows(t.coverage_decision)
    assert len(decisions) == 2
    for one in decisions:
        assert f'href="/coverage?decision={one.id}">Run again' in page.html
    assert "Run again" not in front.ann.open(f"/requests/{request}")
    assert timedelta(hours=1) == decisions[1].decided_at - decisions[0].decided_at


def test_the_contract_made_for_a_request_is_enabled_there_by_one_click(front: Front) -> None:
    office = front.office
    request = office.log()
    [made] = office.rows(t.contract, type="per_request")
    page = front.supervisor.open(f"/requests/{request}")
    assert f"Enable {made.number}" in page
    assert "Or take another contract" in page
    for other in (front.technician, front.ann):
        assert not other.open(f"/requests/{request}").has_form("/coverage/enable")
    done = front.supervisor.send(page, "/coverage/enable")
    assert "The contract is in force and covers this request." in done
    assert office.request(request).state == "open"
    assert not done.has_form("/coverage/enable")


def test_what_may_be_taken_tells_its_terms(front: Front) -> None:
    page = front.ann.open(f"/requests/{front.office.log()}")
    assert "Terms: 12 months, 10:00 h." in page
    assert "Terms: 5 incidents." in page


def test_the_head_says_who_has_it(front: Front) -> None:
    request = front.office.log()
    page = front.technician.open(f"/requests/{request}")
    assert "Nobody has it yet" in page
    assert "Yours" in front.technician.send(page, "/take")
    assert front.office.technician.name in front.supervisor.open(f"/requests/{request}")


def test_at_one_instant_the_decision_stands_before_what_it_led_to(front: Front) -> None:
    request = front.office.log()
    page = front.supervisor.open(f"/requests/{request}")
    page = front.supervisor.send(page, "/coverage/enable")
    way = front.supervisor.send(page, "/moves/start").text.partition("The way so far")[2]
    assert way.index("Logged") < way.index("Contract made") < way.index("Covered") < way.index("Work started")


def test_a_locked_request_says_what_opens_it(front: Front) -> None:
    office = front.office
    request = office.log()
    [made] = office.rows(t.contract)
    locked = "No work can start yet. It opens by itself "
    for role in ("technician", "supervisor", "customer"):
        page = front.of_role(role).open(f"/requests/{request}")
        assert f"{locked}when {made.number} is enabled, by finance or a supervisor." in page, role
    office.sell("subscription", starts_on="2026-04-01")
    later = front.technician.open(f"/requests/{office.log()}")
    assert f"{locked}when SUB-0001 starts, on 1 Apr." in later
    office.sell("subscription")
    assert locked not in front.technician.open(f"/requests/{request}")


def test_a_locked_request_says_that_payment_is_awaited(front: Front) -> None:
    office = front.office
    office.set(invoices=True, payment_required=True)
    office.sell("subscription", price={"amount_minor": 500})
    page = front.technician.open(f"/requests/{office.log()}")
    assert "It opens by itself when finance has received the payment for SUB-0001." in page
