"""The coverage card of a service request: reasons, other candidates, and contracts that have ended."""

from datetime import timedelta
from typing import Any

import pytest

from tests.support.pages import Page
from tests.support.web_clients import WebClients
from workflows.commands.contracts import CancelContract
from workflows.contracts.use_cases import cancel_contract
from workflows.store import tables as t

ENDED: dict[str, Any] = {"starts_on": "2025-04-01", "ends_on": "2026-01-31"}


def card(page: Page) -> str:
    """The text of the coverage card."""
    return page.text.split(" Coverage ", 2)[-1].split(" Request Customer ")[0]


def test_the_reason_and_why_each_candidate_was_ruled_out(web: WebClients) -> None:
    sample = web.sample
    sample.sell("subscription", to=("item", sample.laptop), **ENDED)
    sample.sell("subscription", to=("org_unit", sample.parent))
    sample.sell("support_hours", to=("org_unit", sample.site), minutes=60)
    request = sample.log()
    [decision] = sample.rows(t.coverage_decision)
    page = web.technician.open(f"/requests/{request}")
    assert (
        "Covered by SH-0001 of org unit Acme-Berlin: "
        "the item’s own contract SUB-0001 ended on 31 January 2026; Ann has no contract." in page
    )
    table = card(page).split("Other contracts considered")[1]
    assert "SUB-0001 Subscription item LAP-1 Item LAP-1 Ended It ended on 31 January 2026" in table
    assert "SUB-0002 Subscription org unit Acme Valid SH-0001 takes precedence" in table
    assert f'href="/coverage?decision={decision.id}">Open in coverage explorer' in page.html


def test_customers_do_not_see_contracts_of_others(web: WebClients) -> None:
    sample = web.sample
    sample.sell("subscription", to=("org_unit", sample.parent), **ENDED, price={"amount_minor": 77700})
    sample.sell("subscription", to=("item", sample.laptop), **ENDED)
    sample.sell("support_hours", to=("org_unit", sample.site), minutes=60, price={"amount_minor": 88800})
    request = sample.log()
    page = web.ann.open(f"/requests/{request}")
    assert (
        "Covered by SH-0001 of your organization: "
        "the item’s own contract SUB-0002 ended on 31 January 2026; you have no contract of your own." in page
    )
    for hidden in ("SUB-0001", "777", "888", "/coverage?", "rule set", "Acme"):
        assert hidden not in card(page), hidden
    assert "It ended on 31 January 2026" in card(page)


@pytest.mark.parametrize("role", ["technician", "customer"])
@pytest.mark.parametrize("visible", [True, False])
def test_an_ended_contract_no_longer_covers(web: WebClients, role: str, visible: bool) -> None:
    sample = web.sample
    to = ("customer", sample.ann) if visible else ("org_unit", sample.site)
    sample.sell("subscription", to=to, starts_on="2026-03-01", ends_on="2026-03-10")
    request = sample.log()
    browser = web.of_role(role)
    path = f"/requests/{request}"
    assert "Coverage has ended" not in browser.open(path)
    sample.clock.move(days=8, hours=13, minutes=59)
    assert "Coverage has ended" not in browser.open(path)
    sample.clock.move(minutes=1)
    ended = browser.open(path)
    assert "Coverage has ended SUB-0001 ended on 10 Mar." in ended
    assert "Further work is carried forward to the holder’s next contract." in ended
    assert "ended 10 Mar" in browser.open("/requests?view=all" if role == "technician" else "/requests")


def test_a_used_up_contract_no_longer_covers(web: WebClients) -> None:
    sample = web.sample
    sample.set(time_expired_contract="ignore")
    sample.sell("support_hours", minutes=60)
    request = sample.log()
    sample.fire(request, "start")
    sample.work(request, 59)
    assert "Coverage has ended" not in web.technician.open(f"/requests/{request}")
    sample.work(request, 1)
    page = web.technician.open(f"/requests/{request}")
    assert "Coverage has ended SH-0001 is used up." in page
    assert "Further work is recorded but not billed." in page
    sample.set(cascade=True, time_expired_contract="rollover")
    page = web.technician.open(f"/requests/{request}")
    assert "from the next valid contract, if there is one. Otherwise it is carried forward" in page


def test_a_held_last_incident_still_covers(web: WebClients) -> None:
    sample = web.sample
    sample.sell("incident_pack", incidents=1)
    request = sample.log()
    assert "Coverage has ended" not in web.technician.open(f"/requests/{request}")
    sample.fire(request, "start")
    sample.fire(request, "resolve", note="Done")
    sample.fire(request, "close")
    closed = card(web.technician.open(f"/requests/{request}"))
    assert "Covered IP-0001 is used up." in closed
    assert "Coverage has ended" not in closed


def test_monthly_hours_do_not_end_coverage(web: WebClients) -> None:
    sample = web.sample
    sample.sell("support_hours_by_month", minutes=60, starts_on="2026-03-01", ends_on="2026-12-31")
    request = sample.log()
    sample.fire(request, "start")
    sample.work(request, 60)
    assert "Coverage has ended" not in web.technician.open(f"/requests/{request}")


def test_a_closed_request_shows_how_its_contract_ended(web: WebClients) -> None:
    sample = web.sample
    contract = sample.sell("subscription")
    request = sample.log()
    sample.fire(request, "start")
    sample.fire(request, "resolve", note="Done")
    sample.fire(request, "close")
    sample.clock.move(days=1)
    sample.do(cancel_contract, contract, CancelContract(reason="Sold"))
    page = web.technician.open(f"/requests/{request}")
    assert "Covered SUB-0001 was cancelled on 3 Mar." in page
    assert "Coverage has ended" not in page


def test_each_decision_links_to_the_explorer(web: WebClients) -> None:
    sample = web.sample
    request = sample.log()
    sample.clock.move(hours=1)
    sample.sell("subscription", to=("item", sample.laptop))
    page = web.supervisor.open(f"/requests/{request}")
    decisions = sample.rows(t.coverage_decision)
    assert len(decisions) == 2
    for one in decisions:
        assert f'href="/coverage?decision={one.id}">Open in coverage explorer' in page.html
    assert "Open in coverage explorer" not in web.ann.open(f"/requests/{request}")
    assert timedelta(hours=1) == decisions[1].decided_at - decisions[0].decided_at


def test_the_contract_created_for_a_request_can_be_enabled_on_its_page(web: WebClients) -> None:
    sample = web.sample
    request = sample.log()
    [made] = sample.rows(t.contract, type="per_request")
    page = web.supervisor.open(f"/requests/{request}")
    assert f"Enable {made.number}" in page
    assert "Or choose another contract" in page
    for other in (web.technician, web.ann):
        assert not other.open(f"/requests/{request}").has_form("/coverage/enable")
    done = web.supervisor.send(page, "/coverage/enable")
    assert "The contract is active and covers this request." in done
    assert sample.request(request).state == "open"
    assert not done.has_form("/coverage/enable")


def test_offered_contracts_show_their_terms(web: WebClients) -> None:
    page = web.ann.open(f"/requests/{web.sample.log()}")
    assert "Terms: 12 months, 10:00 h." in page
    assert "Terms: 5 incidents." in page


def test_the_header_shows_the_assignee(web: WebClients) -> None:
    request = web.sample.log()
    page = web.technician.open(f"/requests/{request}")
    assert "Unassigned" in page
    assert "Assigned to you" in web.technician.send(page, "/take")
    assert web.sample.technician.name in web.supervisor.open(f"/requests/{request}")


def test_events_at_one_instant_are_in_causal_order(web: WebClients) -> None:
    request = web.sample.log()
    page = web.supervisor.open(f"/requests/{request}")
    page = web.supervisor.send(page, "/coverage/enable")
    activity = web.supervisor.send(page, "/moves/start").text.partition("Activity")[2]
    assert (
        activity.index("Logged")
        < activity.index("Contract created")
        < activity.index("Covered")
        < activity.index("Work started")
    )


def test_a_locked_request_shows_what_unlocks_it(web: WebClients) -> None:
    sample = web.sample
    request = sample.log()
    [made] = sample.rows(t.contract)
    locked = "Work cannot start yet. The request opens automatically "
    for role in ("technician", "supervisor", "customer"):
        page = web.of_role(role).open(f"/requests/{request}")
        assert f"{locked}when {made.number} is enabled by finance or a supervisor." in page, role
    sample.sell("subscription", starts_on="2026-04-01")
    later = web.technician.open(f"/requests/{sample.log()}")
    assert f"{locked}when SUB-0001 starts on 1 Apr." in later
    sample.sell("subscription")
    assert locked not in web.technician.open(f"/requests/{request}")


def test_a_locked_request_shows_that_payment_is_awaited(web: WebClients) -> None:
    sample = web.sample
    sample.set(invoices=True, payment_required=True)
    sample.sell("subscription", price={"amount_minor": 500})
    page = web.technician.open(f"/requests/{sample.log()}")
    assert "The request opens automatically when finance records the payment for SUB-0001." in page
