"""What is older than the settings say is removed once, as the preview says; nothing else is touched."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.support.billing import Billing
from tests.support.sample_desk import SampleDesk
from workflows.administration.settings import change_settings
from workflows.commands.people import SetLegalHold
from workflows.commands.service_requests import AddNote
from workflows.core.errors import NotAllowed
from workflows.coverage.verification import verify_decisions
from workflows.jobs.definitions import run_job
from workflows.people import retention
from workflows.people.legal_holds import lift_legal_hold, set_legal_hold
from workflows.people.retention import KINDS, REMOVED, preview_retention
from workflows.reports.audit import audit_desk
from workflows.service_requests.use_cases import add_note
from workflows.store import tables as t
from workflows.views.people import RetentionView

JOB = "remove_old_records"


def message(sample: SampleDesk, at: datetime, name: str, **values: Any) -> None:
    """A mail that was sent when it was written, unless `values` say otherwise."""
    sent = {"event": "x", "subject": name, "body": name, "payload": {}, "recipient": "ann@example.com"}
    with sample.desk.write() as tx:
        tx.add(t.outbox, **{**sent, "id": name, "created_at": at, "delivered_at": at, **values})


def left(sample: SampleDesk) -> set[str]:
    return {row.id for row in sample.rows(t.outbox)}


def previewed(sample: SampleDesk, **months: int | None) -> dict[str, RetentionView]:
    return {one.kind: one for one in sample.see(preview_retention, months)}


def test_nothing_is_removed_without_a_number_of_months(sample: SampleDesk) -> None:
    message(sample, sample.clock.at - timedelta(days=9000), "old")
    assert run_job(sample.desk, JOB) == 0
    sample.do(change_settings, {"mail_retention_months": 0})
    assert run_job(sample.desk, JOB) == 0
    assert {one.before for one in previewed(sample).values()} == {None}
    assert left(sample) == {"old"}


def test_what_the_preview_says_is_removed_once_at_the_boundary_of_a_day(sample: SampleDesk) -> None:
    sample.set(time_zone="Europe/Berlin")
    midnight = datetime(2026, 2, 1, 23, tzinfo=UTC)  # in Berlin 2 February, a month before today
    for name, at in {
        "oldest": midnight - timedelta(days=30),
        "just before": midnight - timedelta(microseconds=1),
        "at": midnight,
    }.items():
        message(sample, at, name)
    message(sample, midnight - timedelta(days=40), "an invoice", subject_kind="invoice", subject_id="x")
    message(sample, midnight - timedelta(days=40), "to be sent", delivered_at=None, next_attempt_at=midnight)
    given_up = {"delivered_at": None, "last_error": "refused"}
    message(sample, midnight - timedelta(days=1), "given up", **given_up)
    one = previewed(sample, mail_retention_months=1)["mail"]
    assert (one.months, one.before, one.records) == (1, midnight, 3)
    assert one.oldest_at == midnight - timedelta(days=30)
    assert one.newest_at == midnight - timedelta(microseconds=1)
    assert run_job(sample.desk, JOB) == 0

    sample.do(change_settings, {"mail_retention_months": 1})
    assert previewed(sample)["mail"] == one
    assert [run_job(sample.desk, JOB) for _ in range(2)] == [3, 0]
    assert left(sample) == {"at", "an invoice", "to be sent"}
    [event] = sample.rows(t.audit_event, action=REMOVED)
    assert event.details == {"kind": "mail", "removed": 3, "older_than": midnight.isoformat()}
    assert event.actor == "Coverdesk"

    sample.do(change_settings, {"billing_mail_retention_months": 1})
    assert run_job(sample.desk, JOB) == 1
    assert left(sample) == {"at", "to be sent"}


def test_a_run_that_is_interrupted_goes_on_where_it_ended(
    sample: SampleDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "RECORDS_AT_ONCE", 2)
    for number in range(5):
        message(sample, sample.clock.at - timedelta(days=100 - number), f"mail {number}")
    sample.do(change_settings, {"mail_retention_months": 1})
    assert sample.do(retention.remove_some, KINDS["mail"]) == 2
    assert left(sample) == {"mail 2", "mail 3", "mail 4"}
    assert run_job(sample.desk, JOB) == 3
    assert [event.details["removed"] for event in sample.rows(t.audit_event, action=REMOVED)] == [2, 2, 1]


def test_a_legal_hold_stops_it_for_what_is_held_on_the_customer(sample: SampleDesk) -> None:
    at = sample.clock.at - timedelta(days=100)
    request = sample.log(item=None)
    about = {"subject_kind": "service_request", "subject_id": request}
    message(sample, at, "to Ann")
    message(sample, at, "about her request", recipient="sue@staff.example", **about)
    message(sample, at, "to Bob", recipient="bob@example.com")
    message(sample, at, "to nobody", recipient=None)
    sample.do(change_settings, {"mail_retention_months": 1})
    sample.do(set_legal_hold, sample.ann, SetLegalHold(reason="A lawsuit"))
    assert previewed(sample)["mail"].records == 2
    assert run_job(sample.desk, JOB) == 2
    assert {"to Ann", "about her request"} <= left(sample)
    sample.do(lift_legal_hold, sample.ann)
    assert run_job(sample.desk, JOB) == 2


def test_everything_else_stays_and_can_still_be_proved(sample: SampleDesk) -> None:
    billing = Billing(sample, mail_retention_months=1, billing_mail_retention_months=1)
    sample.sell("support_hours", minutes=60)
    request = sample.log(item=None)
    sample.do_as(sample.technician, add_note, request, AddNote(body="Is it on?", public=True))
    sample.work(request, 15)
    billing.issue()
    run_job(sample.desk, "deliver_outbox")
    sample.clock.move(days=400)
    tables = [table for name, table in t.metadata.tables.items() if name not in ("outbox", "audit_event")]
    before = {table.name: sorted(map(str, sample.rows(table))) for table in tables}
    removed = run_job(sample.desk, JOB)
    assert removed > 0
    assert left(sample) == set()
    after = {table.name: sorted(map(str, sample.rows(table))) for table in tables}
    assert {name for name in before if before[name] != after[name]} == {"job_status"}
    assert sample.see(audit_desk).ok
    assert verify_decisions(sample.desk, lambda one: None).differ == 0


def test_only_administrators_see_what_would_be_removed(sample: SampleDesk) -> None:
    with pytest.raises(NotAllowed):
        sample.see_as(sample.supervisor, preview_retention)


def test_each_kind_has_its_setting(sample: SampleDesk) -> None:
    for kind in KINDS.values():
        sample.do(change_settings, {kind.setting: 7})
        assert previewed(sample)[kind.name].months == 7
