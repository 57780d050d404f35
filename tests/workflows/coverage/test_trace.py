"""The steps of a decision, as the coverage explorer shows them."""

import pytest

from engine.rulebook import load_rule_set
from tests.support.builders import RULES
from tests.support.office import Office
from workflows.commands.service_requests import CoverageQuestion, SearchCoverage
from workflows.core.errors import NotAllowed, StateForbids
from workflows.coverage.trace import ExplanationView, StepView, explain_coverage, explain_decision
from workflows.rule_sets.folder import read_rules_folder
from workflows.service_requests.use_cases import search_or_assign
from workflows.store import tables as t


def explained(office: Office) -> ExplanationView:
    question = CoverageQuestion(customer=office.ann, item=office.laptop)
    return office.see_as(office.technician, explain_coverage, question)


def test_steps_are_passed_until_one_matches(office: Office) -> None:
    ended = office.sell(
        "subscription", to=("item", office.laptop), starts_on="2025-01-01", ends_on="2025-12-31"
    )
    taken = office.sell("subscription", to=("org_unit", office.parent))
    explanation = explained(office)
    item, customer, org_unit = explanation.steps[:3]
    assert [one.status for one in explanation.steps[:4]] == ["passed", "passed", "holds", "unreached"]
    assert [(one.contract, one.standing, one.standing_why) for one in item.asked] == [
        (ended, "ended", "ended on 31 December 2025")
    ]
    assert item.asked[0].unmet == "contract standing is valid"
    assert customer.asked == []
    assert [(one.contract, one.taken, one.unmet) for one in org_unit.asked] == [(taken, True, None)]
    assert explanation.decision.contract == taken


def test_a_step_without_contract_names_its_unmet_condition(office: Office) -> None:
    explanation = explained(office)
    off = next(step for step in explanation.steps if step.rule == "validation-off")
    assert off.status == "passed"
    assert off.unmet is not None
    assert "validation" in off.unmet
    assert explanation.steps[-1].status == "holds"
    assert explanation.decision.outcome == "created"


def test_the_steps_agree_with_the_decision(office: Office) -> None:
    for enable in (False, None):
        office.sell("subscription", enable=enable)
        explanation = explained(office)
        assert [step.rule for step in explanation.steps if step.status == "holds"] == [
            explanation.decision.rule
        ]
        first = next(step for step in explanation.steps if _meets(step))
        assert first.rule == explanation.decision.rule


def _meets(step: StepView) -> bool:
    if step.needs_contract:
        return any(one.unmet is None for one in step.asked)
    return step.unmet is None


def test_customers_and_a_desk_without_contracts_get_no_explanation(office: Office) -> None:
    question = CoverageQuestion(customer=office.ann)
    with pytest.raises(NotAllowed):
        office.see_as(office.person("customer", customer=office.ann), explain_coverage, question)
    office.set(contracts=False)
    with pytest.raises(StateForbids):
        explained(office)


SHIPPED = read_rules_folder(RULES)
CUSTOMER_FIRST = load_rule_set(SHIPPED | {"coverage.json": SHIPPED["variants/customer_first.json"]})


def test_an_explanation_by_other_rules_does_not_change_those_in_force(office: Office) -> None:
    office.sell("subscription", to=("item", office.laptop))
    own = office.sell("subscription")
    question = CoverageQuestion(customer=office.ann, item=office.laptop)
    with office.desk.read(office.technician) as tx:
        in_force = tx.rules.version
        explanation = explain_coverage(tx, question, CUSTOMER_FIRST)
        assert tx.rules.version == in_force
    assert (explanation.decision.contract, explanation.decision.rule_set) == (own, CUSTOMER_FIRST.version)
    assert explanation.steps[0].status == "holds"


def test_every_decision_has_the_same_result_by_its_own_rules(office: Office) -> None:
    """Covered, waiting for the contract that a rule created, and covered by it once it is enabled."""
    request = office.log()
    office.do_as(office.technician, search_or_assign, request, SearchCoverage())
    office.sell("subscription", to=("item", office.laptop))
    office.log()
    decisions = office.rows(t.coverage_decision)
    assert {one.outcome for one in decisions} == {"created", "waiting", "covered"}
    for one in decisions:
        again = office.see_as(office.technician, explain_decision, one.id)
        assert again.same, one.outcome
        holding = [step.rule for step in again.explanation.steps if step.status == "holds"]
        assert holding == [one.rule]
    assert not office.see_as(office.technician, explain_decision, decisions[-1].id, REFUSING).same


REFUSING = load_rule_set(
    SHIPPED
    | {
        "coverage.json": """{"name": "None", "rank": ["ends_first"], "examples": [], "rules": [{"id": "none",
        "why": "Never.", "conditions": {"all": [{"name": "customer", "operator": "non_empty"}]},
        "actions": [{"name": "leave_uncovered"}]}]}"""
    }
)
