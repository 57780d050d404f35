"""A setting makes business-rules itself decide, with the same results."""

from typing import Any

from tests.support.office import Office
from workflows.administration.settings import change_settings
from workflows.store import tables as t


def test_decisions_are_made_by_the_engine_that_the_setting_names(office: Office) -> None:
    hours = office.sell("support_hours")
    compiled = decision(office, office.log())
    office.do(change_settings, {"rules_engine": "plain"})
    rules = office.desk.config.rules
    assert (rules.coverage.engine, rules.charging.engine) == ("plain", "plain")
    assert {one.engine for one in rules.type_rules.values()} == {"plain"}
    request = office.log()
    assert office.work(request, 30) == [("grant", 30)]
    plain = decision(office, request)
    assert (plain.rule, plain.rule_set, plain.candidates) == (
        compiled.rule,
        compiled.rule_set,
        compiled.candidates,
    )
    assert plain.contract_id == hours
    office.do(change_settings, {"rules_engine": "compiled"})
    assert office.desk.config.rules.coverage.engine == "compiled"


def decision(office: Office, request: str) -> Any:
    return office.rows(t.coverage_decision, service_request_id=request)[0]
