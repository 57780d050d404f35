"""Descriptions of decisions in one sentence, for staff and for customers."""

from datetime import timedelta
from typing import Any

from tests.support.builders import RULES
from tests.support.sample_desk import MONDAY, SampleDesk
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


def described(sample: SampleDesk, request: str, actor: Actor | None = None) -> DecisionText:
    """The description of the latest decision for an actor (default: the technician)."""

    def read(tx: Transaction) -> DecisionText:
        return describe_decision(tx, decisions_of(tx, request)[0])

    return sample.see_as(actor or sample.technician, read)


def reader(sample: SampleDesk) -> Actor:
    return sample.person("customer", "Ann", customer=sample.ann)


def test_the_example_of_the_product_page(sample: SampleDesk) -> None:
    sample.sell("subscription", to=("item", sample.laptop), **ENDED)
    sample.sell("support_hours", to=("org_unit", sample.site), minutes=60)
    request = sample.log()
    assert described(sample, request).sentence == (
        "Covered by SH-0001 of org unit Acme-Berlin: "
        "the item’s own contract SUB-0001 ended on 31 January 2026; Ann has no contract."
    )
    assert described(sample, request, reader(sample)).sentence == (
        "Covered by SH-0001 of your organization: "
        "the item’s own contract SUB-0001 ended on 31 January 2026; you have no contract of your own."
    )


def test_the_first_candidate_needs_no_reason(sample: SampleDesk) -> None:
    sample.sell("subscription")
    sample.sell("subscription", to=("item", sample.laptop))
    assert described(sample, sample.log()).sentence == "Covered by SUB-0002 of item LAP-1 Item LAP-1."


def test_reasons_follow_the_order_of_the_decisions_rules(sample: SampleDesk) -> None:
    """Decided with the customer's contracts first, described when the shipped rules are in force again."""
    sample.publish(CUSTOMER_FIRST, "Customer first")
    sample.desk.refresh()
    sample.sell("subscription", to=("org_unit", sample.parent))
    request = sample.log()
    sample.publish(SHIPPED, "Back")
    sample.desk.refresh()
    assert described(sample, request).sentence == "Covered by SUB-0001 of org unit Acme: Ann has no contract."


def test_waiting_names_the_contract_and_its_start(sample: SampleDesk) -> None:
    start = (MONDAY + timedelta(days=10)).date()
    sample.sell("subscription", starts_on=start.isoformat())
    request = sample.log()
    sentence = described(sample, request).sentence
    assert sentence.startswith(
        "Waiting for SUB-0001 of Ann, which starts on 12 March 2026: the item has no contract"
    )
    own = described(sample, request, reader(sample)).sentence
    assert own.startswith("Waiting for your own contract SUB-0001, which starts on 12 March 2026")


def test_no_contract_found_and_then_the_one_created_for_it(sample: SampleDesk) -> None:
    sample.sell("subscription", **ENDED)
    request = sample.log()
    assert described(sample, request).sentence == (
        "No valid contract was found, so one was created for this request: the item has no contract; "
        "Ann’s contract SUB-0001 ended on 31 January 2026; "
        "Acme-Berlin and the org units above it have no contract."
    )
    made = sample.rows(t.contract, holder_id=request)[0].id
    sample.do_as(sample.technician, search_or_assign, request, SearchCoverage())
    assert described(sample, request).sentence.startswith(
        "Waiting for its own contract PR-0001, which is awaiting activation: the item has no contract"
    )
    sample.do(enable_contract, made)
    assert described(sample, request).sentence == "Covered by its own contract PR-0001."


def test_assigned_by_a_supervisor(sample: SampleDesk) -> None:
    sample.sell("subscription", to=("item", sample.laptop))
    own = sample.sell("subscription")
    request = sample.log()
    command = SearchCoverage(contract=own, reason="As agreed")
    sample.do_as(sample.supervisor, search_or_assign, request, command)
    assert described(sample, request).sentence == "Covered by SUB-0002 of Ann, assigned by a supervisor."


def test_many_reasons_are_shortened(sample: SampleDesk) -> None:
    for _ in range(7):
        contract = sample.sell("subscription")
        sample.do(cancel_contract, contract, CancelContract(reason="No"))
    sentence = described(sample, sample.log(item=None)).sentence
    assert sentence.count("was cancelled on 2 March 2026") == 4
    assert sentence.endswith("; there are 4 more reasons.")


def test_a_customer_does_not_see_contracts_of_others(sample: SampleDesk) -> None:
    """Neither the org unit's other contracts nor, for a colleague's request, the colleague's own."""
    sample.set(customers_see_org_unit=True)
    hidden = sample.sell("subscription", to=("org_unit", sample.parent), **ENDED)
    secret = sample.sell("subscription", **ENDED)
    sample.sell("support_hours", to=("org_unit", sample.site), minutes=60)
    request = sample.log()
    bob = sample.customer("Bob", sample.site)
    colleague = sample.person("customer", "Bob", customer=bob)
    for actor, known in ((reader(sample), {"SUB-0002", "SH-0001"}), (colleague, {"SH-0001"})):
        seen = described(sample, request, actor)
        assert {one.candidate.number for one in seen.candidates} == known
        assert {one.holder_name for one in seen.candidates} <= {"your organization", "you"}
        assert sample.contract(hidden).number not in seen.sentence
        decision = sample.see_as(actor, read_decision, str(seen.decision.id))
        assert {one.number for one in decision.candidates} == known
    assert sample.contract(secret).number not in described(sample, request, colleague).sentence
    assert "Ann has no contract" not in described(sample, request, colleague).sentence
