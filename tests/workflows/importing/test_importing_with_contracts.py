"""Importing while contracts are on: coverage is searched as of each event, by the rules in force."""

from tests.support.builders import MONDAY
from tests.support.exports import event, export, mapping, run
from tests.support.sample_desk import SampleDesk
from tests.workflows.importing.test_importing import at, everything, one, skipped
from workflows.core.actors import SYSTEM
from workflows.reports.audit import audit_desk
from workflows.store import tables as t

SEARCHED = mapping(coverage="search", draws=True)


def test_with_contracts_on_a_waiting_request_is_reported_and_not_forced(sample: SampleDesk) -> None:
    raw = export(event("INC1", "New", "08:05"), event("INC1", "Resolved", "09:00"))
    report = run(sample.desk, raw, SEARCHED)
    (refused,) = skipped(report)
    assert refused.startswith(
        "line 3: not imported: the trigger start is not possible: "
        "the service request is waiting for a contract."
    )
    assert "Allowed now: cancel." in refused
    assert one(sample).state == "pending_no_contract"
    before = everything(sample.desk)
    run(sample.desk, raw, SEARCHED)
    assert everything(sample.desk) == before


def test_with_contracts_on_the_coverage_search_is_as_of_the_event(sample: SampleDesk) -> None:
    sample.clock.at = at("01 00:00")
    old = sample.org_unit("OLD")
    past = sample.sell("subscription", to=("org_unit", old), ends_on="2026-01-31")
    pack = sample.sell("incident_pack", to=("org_unit", old), incidents=1, starts_on="2026-02-01")
    sample.clock.at = MONDAY
    raw = export(
        event("INC1", "Closed", "08:05"),
        event("INC2", "Closed", "2026-02-10 09:00", opened="2026-02-10 08:00"),
        event("INC3", "Closed", "2026-02-11 09:00", opened="2026-02-11 08:00"),
    )
    report = run(sample.desk, raw, SEARCHED)
    assert one(sample).contract_id == past
    assert one(sample, "INC2").contract_id == pack
    assert one(sample, "INC3").state == "pending_no_contract"
    (remark,) = report.lines()
    assert remark.startswith(
        "line 4: imported, but the trigger start is not possible: "
        "the service request is waiting for a contract."
    )
    assert [row.consumed for row in sample.grants(pack)] == [1]
    with sample.desk.read(SYSTEM) as tx:
        assert audit_desk(tx).ok


def test_a_rule_that_refuses_leaves_nothing(sample: SampleDesk) -> None:
    texts = sample.rows(t.rule_set)[0].files
    sample.publish_rules(
        coverage=texts["coverage.json"]
        .replace('"name": "create_contract"', '"name": "refuse"')
        .replace('"type": "per_request"', '"message": "No contract, no call"')
        .replace('"outcome": "created"', '"outcome": "refused"')
    )
    sample.desk.refresh()
    before = everything(sample.desk)
    report = run(sample.desk, export(event("INC1", "New", "08:05")), SEARCHED)
    assert skipped(report) == ["line 2: not imported: a rule refuses it: No contract, no call"]
    after = everything(sample.desk)
    assert after == before | {"imported_record": 1}
