"""The checklist of a month: what is counted until its end, and closing with points that are not done."""

from datetime import UTC, date, datetime

import pytest

from engine.accounting_periods import PointsOpen
from tests.support.billing import Billing, line
from tests.support.sample_desk import SampleDesk
from tests.workflows.billing.journals.test_revenue import at, eur, sell
from workflows.accounting_periods.queries import next_to_close, read_checklist, read_period
from workflows.accounting_periods.use_cases import close_period
from workflows.commands.accounting_periods import ChangePeriod
from workflows.core.errors import NotAllowed, NotFound
from workflows.store import tables as t


@pytest.fixture
def billing(sample: SampleDesk) -> Billing:
    return Billing(sample)


def points(billing: Billing, month: str = "2026-03") -> dict[str, int]:
    """The open points of a month with their counts."""
    found = billing.read(f"/accounting-periods/{month}/checklist")
    assert found["is_done"] == all(one["is_done"] for one in found["points"])
    return {one["name"]: one["count"] for one in found["points"] if not one["is_done"]}


def test_a_month_without_anything_is_done(billing: Billing) -> None:
    assert points(billing) == {}
    view = billing.sample.see_as(billing.sample.finance, read_checklist, "2026-03")
    assert [one.name for one in view.points] == [
        "unapproved_entries",
        "to_invoice",
        "drafts",
        "bank_entries",
        "failed_jobs",
        "failed_messages",
        "revenue",
    ]


def test_what_is_open_at_the_end_of_the_month_is_counted(billing: Billing) -> None:
    sample = billing.sample
    sample.set(work_approval=True)
    sell(billing, "subscription", 36_500, starts_on=date(2026, 3, 2), ends_on=date(2027, 3, 1))
    sample.sell("support_hours", price=eur(60_000), minutes=600)
    billing.draft(line(100))
    sample.work(sample.log(), 30)
    with sample.desk.write() as tx:
        tx.add(t.job_status, job="expire_contracts", last_error="It broke", failed_at=tx.now)
    expected = {"unapproved_entries": 1, "to_invoice": 1, "drafts": 1, "failed_jobs": 1}
    assert points(billing) == expected
    assert points(billing, "2026-02") == {"failed_jobs": 1}
    at(billing, 4, 2)
    billing.draft(line(100))
    assert points(billing) == expected
    view = sample.see_as(sample.finance, read_checklist, "2026-03")
    assert [(one.count, one.amounts[0].amount_minor) for one in view.points if one.name == "revenue"] == [
        (1, 3_000)
    ]


def test_closing_with_open_points_takes_a_reason(billing: Billing) -> None:
    sample = billing.sample
    billing.draft(line(100))
    at(billing, 4, 2)
    for reason in (None, "  "):
        with pytest.raises(PointsOpen, match="drafts"):
            sample.do_as(sample.finance, close_period, "2026-03", ChangePeriod(reason=reason))
    body = {"reason": "The draft is of April"}
    closed = billing.ask(billing.finance, "POST", "/accounting-periods/2026-03/close", body)
    assert (closed["state"], closed["reason"]) == ("closed", "The draft is of April")
    [event] = sample.rows(t.audit_event, subject_id="2026-03")
    assert event.details["open"] == ["drafts"]


def test_points_that_are_done_need_no_reason(billing: Billing) -> None:
    sample = billing.sample
    billing.issue(line(100))
    at(billing, 4, 2)
    sample.do_as(sample.finance, close_period, "2026-03", ChangePeriod())
    assert sample.see_as(sample.finance, read_period, "2026-03").state == "closed"


def test_the_month_to_close_next(billing: Billing) -> None:
    sample = billing.sample
    assert sample.see_as(sample.finance, next_to_close) == "2026-02"
    sample.do_as(sample.finance, close_period, "2026-02", ChangePeriod())
    sample.desk.refresh()
    assert sample.see_as(sample.finance, next_to_close) is None
    sample.clock.at = datetime(2026, 5, 2, tzinfo=UTC)
    assert sample.see_as(sample.finance, next_to_close) == "2026-03"


def test_who_reads_it(billing: Billing) -> None:
    sample = billing.sample
    with pytest.raises(NotAllowed):
        sample.see_as(sample.supervisor, read_checklist, "2026-03")
    with pytest.raises(NotFound):
        sample.see_as(sample.finance, read_checklist, "2026-13")
