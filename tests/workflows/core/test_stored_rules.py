"""Rule sets that were published by an older checker: they go on deciding, and nothing new passes for old."""

import json
from collections.abc import Callable, Iterator

import pytest
from structlog.testing import capture_logs

from engine.rulebook import RuleSetRefused, load_accepted_rule_set, load_rule_set, version_of
from engine.rulebook.files import rule_reader
from tests.support.builders import RULES
from tests.support.sample_desk import SampleDesk
from workflows.commands.service_requests import NewServiceRequest
from workflows.core.actors import SYSTEM
from workflows.core.desk import Desk
from workflows.core.errors import NoRuleSet
from workflows.core.stored_rules import _load
from workflows.coverage.verification import VerificationResult, verify_decisions
from workflows.operations.health import read_health
from workflows.rule_sets.checked_files import _checked
from workflows.rule_sets.folder import read_rules_folder
from workflows.rule_sets.proposals import submit_rollback
from workflows.rule_sets.publishing import check_rules, publish_first
from workflows.service_requests.log import log_service_request
from workflows.store import tables as t
from workflows.store.database import Database

SHIPPED = read_rules_folder(RULES)


@pytest.fixture
def anew(sample: SampleDesk, database_url: str) -> Iterator[Desk]:
    """The desk of a process that starts now: it has loaded nothing yet."""
    desk = Desk(Database(database_url, pool_size=2), sample.clock)
    yield desk
    desk.database.dispose()


def in_force_by_force(sample: SampleDesk, files: dict[str, str]) -> str:
    """Files in force that no checker of today was asked about, as an older release left them."""
    version = version_of(files)
    with sample.desk.write() as tx:
        tx.add(t.rule_set, version=version, files=files, created_at=tx.real_now)
        tx.connection.execute(
            t.deployment.update().values(rule_set=version, generation=t.deployment.c.generation + 1)
        )
    return version


def with_coverage(**changes: object) -> dict[str, str]:
    return SHIPPED | {"coverage.json": json.dumps(json.loads(SHIPPED["coverage.json"]) | changes)}


def failing_example() -> dict[str, str]:
    book = json.loads(SHIPPED["coverage.json"])
    book["examples"][0]["decision"] = {"outcome": "refused", "rule": "another"}
    return with_coverage(examples=book["examples"])


@pytest.fixture
def stricter(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], None]]:
    """A function that makes this another version of the program, which has read and checked nothing yet."""

    def forget() -> None:
        # a process reads and checks the same files once
        _checked.cache_clear()
        _load.cache_clear()

    def begin() -> None:
        monkeypatch.setattr(rule_reader, "MAX_RULES", 1)
        monkeypatch.setattr(rule_reader, "RESERVED_IDS", ("item-valid",))
        forget()

    yield begin
    forget()


def test_a_stricter_checker_stops_no_desk(
    sample: SampleDesk, anew: Desk, stricter: Callable[[], None]
) -> None:
    old = sample.desk.config.rules.version
    sample.sell("subscription")
    sample.log()
    stricter()
    with pytest.raises(RuleSetRefused):
        load_rule_set(SHIPPED)
    with capture_logs() as logs:
        assert anew.refresh().rules.version == old
    (warning,) = [one for one in logs if one["log_level"] == "warning"]
    assert warning["version"] == old
    assert any("too many" in one for one in warning["problems"])
    anew.perform(
        SYSTEM, lambda tx: log_service_request(tx, NewServiceRequest(subject="Again", customer=sample.ann))
    )
    assert {row.rule_set for row in sample.rows(t.coverage_decision)} == {old}
    differ: list[object] = []
    assert verify_decisions(anew, differ.append) == VerificationResult(2, 0), differ
    assert publish_first(anew, SHIPPED) is None
    with pytest.raises(RuleSetRefused):
        sample.publish(SHIPPED)
    with pytest.raises(RuleSetRefused):
        sample.do(submit_rollback, old)
    assert not sample.see(check_rules, SHIPPED).ok


def test_an_example_that_fails_by_now_is_a_warning(sample: SampleDesk, anew: Desk) -> None:
    version = in_force_by_force(sample, failing_example())
    found = anew.refresh().rules
    assert found.version == version
    assert any("expects refused" in problem.message for problem in found.warnings)
    assert all(problem.severity == "warning" for problem in found.warnings)
    assert [rule.id for rule in found.coverage.rules] == [
        rule.id for rule in load_rule_set(SHIPPED).coverage.rules
    ]


def test_a_rule_that_cannot_be_read_is_not_left_out(sample: SampleDesk, anew: Desk) -> None:
    """It refuses, rather than decide without it: pages go on, and another set can be published."""
    sample.log()
    book = json.loads(SHIPPED["coverage.json"])
    book["rules"][0]["conditions"] = {"name": "a_variable_of_tomorrow", "operator": "is_true"}
    files = with_coverage(rules=book["rules"])
    with pytest.raises(RuleSetRefused):
        load_accepted_rule_set(files)
    version = in_force_by_force(sample, files)
    config = anew.refresh()
    assert (config.version, config.rule_set) == (version, None)
    assert not read_health(anew).ready
    with pytest.raises(NoRuleSet, match="a_variable_of_tomorrow"):
        sample.log()
    assert publish_first(anew, SHIPPED) is None, "the folder is not put in its place"
    sample.publish(SHIPPED, "", based_on=version)
    assert anew.refresh().rules.version == version_of(SHIPPED)
    assert anew.perform(SYSTEM, lambda tx: tx.rules.version) == version_of(SHIPPED)
    assert verify_decisions(anew, lambda _: None).differ == 0
