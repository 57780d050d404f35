"""The steps of a decision, as the coverage explorer shows them."""

from collections.abc import Iterator

import pytest

from tests.support.office import Office
from workflows.commands import CoverageQuestion
from workflows.errors import NotAllowed, StateForbids
from workflows.explain import ExplanationView, StepView, explain_coverage


@pytest.fixture
def office(database_url: str) -> Iterator[Office]:
    desk = Office(database_url)
    yield desk
    desk.close()


def explained(office: Office) -> ExplanationView:
    question = CoverageQuestion(customer=office.ann, item=office.laptop)
    return office.see_as(office.technician, explain_coverage, question)


def test_steps_are_passed_until_one_holds(office: Office) -> None:
    ended = office.sell(
        "subscription", to=("item", office.laptop), starts_on="2025-01-01", ends_on="2025-12-31"
    )
    taken = office.sell("subscription", to=("org_unit", office.parent))
    told = explained(office)
    item, customer, org_unit = told.steps[:3]
    assert [one.status for one in told.steps[:4]] == ["passed", "passed", "holds", "unreached"]
    assert [(one.contract, one.standing, one.standing_why) for one in item.asked] == [
        (ended, "ended", "ended on 31 December 2025")
    ]
    assert item.asked[0].unmet == "contract standing is valid"
    assert customer.asked == []
    assert [(one.contract, one.taken, one.unmet) for one in org_unit.asked] == [(taken, True, None)]
    assert told.decision.contract == taken


def test_the_step_that_needs_no_contract_says_what_keeps_it(office: Office) -> None:
    told = explained(office)
    off = next(step for step in told.steps if step.rule == "validation-off")
    assert off.status == "passed"
    assert off.unmet is not None
    assert "validation" in off.unmet
    assert told.steps[-1].status == "holds"
    assert told.decision.outcome == "created"


def test_the_steps_agree_with_the_decision(office: Office) -> None:
    for enable in (False, None):
        office.sell("subscription", enable=enable)
        told = explained(office)
        assert [step.rule for step in told.steps if step.status == "holds"] == [told.decision.rule]
        first = next(step for step in told.steps if _meets(step))
        assert first.rule == told.decision.rule


def _meets(step: StepView) -> bool:
    if step.needs_contract:
        return any(one.unmet is None for one in step.asked)
    return step.unmet is None


def test_customers_and_a_desk_without_contracts_get_none(office: Office) -> None:
    question = CoverageQuestion(customer=office.ann)
    with pytest.raises(NotAllowed):
        office.see_as(office.person("customer", customer=office.ann), explain_coverage, question)
    office.set(contracts=False)
    with pytest.raises(StateForbids):
        explained(office)
