"""A setting makes business-rules itself decide, with the same results."""

from typing import Any

from tests.support.sample_desk import SampleDesk
from workflows.administration.settings import change_settings
from workflows.store import tables as t


def test_decisions_are_made_by_the_engine_that_the_setting_names(sample: SampleDesk) -> None:
    hours = sample.sell("support_hours")
    compiled = decision(sample, sample.log())
    sample.do(change_settings, {"rules_engine": "plain"})
    rules = sample.desk.config.rules
    assert (rules.coverage.engine, rules.charging.engine) == ("plain", "plain")
    assert {one.engine for one in rules.type_rules.values()} == {"plain"}
    request = sample.log()
    assert sample.work(request, 30) == [("grant", 30)]
    plain = decision(sample, request)
    assert (plain.rule, plain.rule_set, plain.candidates) == (
        compiled.rule,
        compiled.rule_set,
        compiled.candidates,
    )
    assert plain.contract_id == hours
    sample.do(change_settings, {"rules_engine": "compiled"})
    assert sample.desk.config.rules.coverage.engine == "compiled"


def decision(sample: SampleDesk, request: str) -> Any:
    return sample.rows(t.coverage_decision, service_request_id=request)[0]
