"""The steps of a decision, as the coverage explorer shows them."""

import pytest

from engine.rulebook import load_rule_set
from tests.support.builders import RULES
from tests.support.sample_desk import SampleDesk
from workflows.commands.service_requests import CoverageQuestion, SearchCoverage
from workflows.core.errors import NotAllowed, StateForbids
from workflows.coverage.trace import ExplanationView, StepView, explain_coverage, explain_decision
from workflows.rule_sets.folder import read_rules_folder
from workflows.service_requests.use_cases import search_or_assign
from workflows.store import tables as t


def explained(sample: SampleDesk) -> ExplanationView:
    question = CoverageQuestion(customer=sample.ann, item=sample.laptop)
    return sample.see_as(sample.technician, explain_coverage, question)


def test_steps_are_passed_until_one_matches(sample: SampleDesk) -> None:
    ended = sample.sell(
        "subscription", to=("item", sample.laptop), starts_on="2025-01-01", ends_on="2025-12-31"
    )
    taken = sample.sell("subscription", to=("org_unit", sample.parent))
    explanation = explained(sample)
    item, customer, org_unit = explanation.steps[:3]
    assert [one.status for one in explanation.steps[:4]] == ["passed", "passed", "holds", "unreached"]
    assert [(one.contract, one.standing, one.standing_why) for one in item.asked] == [
        (ended, "ended", "ended on 31 December 2025")
    ]
    assert item.asked[0].unmet == "contract standing is valid"
    assert customer.asked == []
    assert [(one.contract, one.taken, one.unmet) for one in org_unit.asked] == [(taken, True, None)]
    assert explanation.decision.contract == taken


def test_a_step_without_contract_names_its_unmet_condition(sample: SampleDesk) -> None:
    explanation = explained(sample)
    off = next(step for step in explanation.steps if step.rule == "validation-off")
    assert off.status == "passed"
    assert off.unmet is not None
    assert "validation" in off.unmet
    assert explanation.steps[-1].status == "holds"
    assert explanation.decision.outcome == "created"


def test_the_steps_agree_with_the_decision(sample: SampleDesk) -> None:
    for enable in (False, None):
        sample.sell("subscription", enable=enable)
        explanation = explained(sample)
        assert [step.rule for step in explanation.steps if step.status == "holds"] == [
            explanation.decision.rule
        ]
        first = next(step for step in explanation.steps if _meets(step))
        assert first.rule == explanation.decision.rule


def _meets(step: StepView) -> bool:
    if step.needs_contract:
        return any(one.unmet is None for one in step.asked)
    return step.unmet is None


def test_customers_and_a_desk_without_contracts_get_no_explanation(sample: SampleDesk) -> None:
    question = CoverageQuestion(customer=sample.ann)
    with pytest.raises(NotAllowed):
        sample.see_as(sample.person("customer", customer=sample.ann), explain_coverage, question)
    sample.set(contracts=False)
    with pytest.raises(StateForbids):
        explained(sample)


SHIPPED = read_rules_folder(RULES)
CUSTOMER_FIRST = load_rule_set(SHIPPED | {"coverage.json": SHIPPED["variants/customer_first.json"]})


def test_an_explanation_by_other_rules_does_not_change_those_in_force(sample: SampleDesk) -> None:
    sample.sell("subscription", to=("item", sample.laptop))
    own = sample.sell("subscription")
    question = CoverageQuestion(customer=sample.ann, item=sample.laptop)
    with sample.desk.read(sample.technician) as tx:
        in_force = tx.rules.version
        explanation = explain_coverage(tx, question, CUSTOMER_FIRST)
        assert tx.rules.version == in_force
    assert (explanation.decision.contract, explanation.decision.rule_set) == (own, CUSTOMER_FIRST.version)
    assert explanation.steps[0].status == "holds"


def test_every_decision_has_the_same_result_by_its_own_rules(sample: SampleDesk) -> None:
    """Covered, waiting for the contract that a rule created, and covered by it once it is enabled."""
    request = sample.log()
    sample.do_as(sample.technician, search_or_assign, request, SearchCoverage())
    sample.sell("subscription", to=("item", sample.laptop))
    sample.log()
    decisions = sample.rows(t.coverage_decision)
    assert {one.outcome for one in decisions} == {"created", "waiting", "covered"}
    for one in decisions:
        again = sample.see_as(sample.technician, explain_decision, one.id)
        assert again.same, one.outcome
        holding = [step.rule for step in again.explanation.steps if step.status == "holds"]
        assert holding == [one.rule]
    assert not sample.see_as(sample.technician, explain_decision, decisions[-1].id, REFUSING).same


REFUSING = load_rule_set(
    SHIPPED
    | {
        "coverage.json": """{"name": "None", "rank": ["ends_first"], "examples": [], "rules": [{"id": "none",
        "why": "Never.", "conditions": {"all": [{"name": "customer", "operator": "non_empty"}]},
        "actions": [{"name": "leave_uncovered"}]}]}"""
    }
)
