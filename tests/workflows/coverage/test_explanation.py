"""Decisions in one sentence, for staff and for customers."""

from datetime import timedelta
from typing import Any

from tests.support.builders import RULES
from tests.support.office import MONDAY, Office
from workflows.commands.contracts import CancelContract
from workflows.commands.service_requests import SearchCoverage
from workflows.contracts.use_cases import cancel_contract, enable_contract
from workflows.core.actors import Actor
from workflows.core.transaction import Transaction
from workflows.coverage.decisions import decisions_of, read_decision
from workflows.coverage.explanation import DecisionText, describe_decision
from workflows.rule_sets.folder import read_rules_folder
from workflows.service_requests.use_cases import search_or_assign
from workflows.store import tables as t

SHIPPED = read_rules_folder(RULES)
CUSTOMER_FIRST = SHIPPED | {"coverage.json": SHIPPED["variants/customer_first.json"]}
ENDED: dict[str, Any] = {"starts_on": "2025-04-01", "ends_on": "2026-01-31"}


def told(office: Office, request: str, actor: Actor | None = None) -> DecisionText:
    """The newest decision, as someone reads it: the technician if nobody is named."""

    def read(tx: Transaction) -> DecisionText:
        return describe_decision(tx, decisions_of(tx, request)[0])

    return office.see_as(actor or office.technician, read)


def reader(office: Office) -> Actor:
    return office.person("customer", "Ann", customer=office.ann)


def test_the_example_of_the_product_page(office: Office) -> None:
    office.sell("subscription", to=("item", office.laptop), **ENDED)
    office.sell("support_hours", to=("org_unit", office.site), minutes=60)
    request = office.log()
    assert told(office, request).sentence == (
        "Covered by SH-0001 of org unit Acme-Berlin: "
        "the item’s own contract SUB-0001 ended on 31 January 2026; Ann has none."
    )
    assert told(office, request, reader(office)).sentence == (
        "Covered by SH-0001 of your organization: "
        "the item’s own contract SUB-0001 ended on 31 January 2026; you have none of your own."
    )


def test_the_first_asked_needs_no_reason(office: Office) -> None:
    office.sell("subscription")
    office.sell("subscription", to=("item", office.laptop))
    assert told(office, office.log()).sentence == "Covered by SUB-0002 of item LAP-1 Item LAP-1."


def test_by_other_rules_the_order_is_another(office: Office) -> None:
    """Decided by customer first, told when the shipped rules are in force again."""
    office.publish(CUSTOMER_FIRST, "Customer first")
    office.desk.refresh()
    office.sell("subscription", to=("org_unit", office.parent))
    request = office.log()
    office.publish(SHIPPED, "Back")
    office.desk.refresh()
    assert told(office, request).sentence == "Covered by SUB-0001 of org unit Acme: Ann has none."


def test_waiting_says_what_for_and_until_when(office: Office) -> None:
    start = (MONDAY + timedelta(days=10)).date()
    office.sell("subscription", starts_on=start.isoformat())
    request = office.log()
    words = told(office, request).sentence
    assert words.startswith("Waits for SUB-0001 of Ann, which starts on 12 March 2026: the item has none")
    own = told(office, request, reader(office)).sentence
    assert own.startswith("Waits for your own contract SUB-0001, which starts on 12 March 2026")


def test_nothing_found_and_then_the_contract_made_for_it(office: Office) -> None:
    office.sell("subscription", **ENDED)
    request = office.log()
    assert told(office, request).sentence == (
        "No valid contract was found, so one was made for this request: the item has none; "
        "Ann’s contract SUB-0001 ended on 31 January 2026; "
        "Acme-Berlin and the org units above it have none."
    )
    made = office.rows(t.contract, holder_id=request)[0].id
    office.do_as(office.technician, search_or_assign, request, SearchCoverage())
    assert told(office, request).sentence.startswith(
        "Waits for its own contract PR-0001, which waits to be enabled: the item has none"
    )
    office.do(enable_contract, made)
    assert told(office, request).sentence == "Covered by its own contract PR-0001."


def test_assigned_by_hand(office: Office) -> None:
    office.sell("subscription", to=("item", office.laptop))
    own = office.sell("subscription")
    request = office.log()
    command = SearchCoverage(contract=own, reason="As agreed")
    office.do_as(office.supervisor, search_or_assign, request, command)
    assert told(office, request).sentence == "Covered by SUB-0002 of Ann: a supervisor assigned it."


def test_many_reasons_are_cut_short(office: Office) -> None:
    for _ in range(7):
        contract = office.sell("subscription")
        office.do(cancel_contract, contract, CancelContract(reason="No"))
    words = told(office, office.log(item=None)).sentence
    assert words.count("was cancelled on 2 March 2026") == 4
    assert words.endswith("; 4 more do not cover it.")


def test_a_customer_learns_nothing_of_what_others_hold(office: Office) -> None:
    """Not of the org unit's other contracts, nor, on a colleague's request, of the colleague's own."""
    office.set(customers_see_org_unit=True)
    hidden = office.sell("subscription", to=("org_unit", office.parent), **ENDED)
    secret = office.sell("subscription", **ENDED)
    office.sell("support_hours", to=("org_unit", office.site), minutes=60)
    request = office.log()
    bob = office.customer("Bob", office.site)
    colleague = office.person("customer", "Bob", customer=bob)
    for actor, known in ((reader(office), {"SUB-0002", "SH-0001"}), (colleague, {"SH-0001"})):
        seen = told(office, request, actor)
        assert {one.candidate.number for one in seen.candidates} == known
        assert {one.holder_name for one in seen.candidates} <= {"your organization", "you"}
        assert office.contract(hidden).number not in seen.sentence
        decision = office.see_as(actor, read_decision, str(seen.decision.id))
        assert {one.number for one in decision.candidates} == known
    assert office.contract(secret).number not in told(office, request, colleague).sentence
    assert "Ann has none" not in told(office, request, colleague).sentence
