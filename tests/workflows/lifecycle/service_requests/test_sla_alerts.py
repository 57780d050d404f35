"""Warnings and breaches of service levels through the job and the use cases, with their mail."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

from tests.support.builders import RULES
from tests.support.sample_desk import MONDAY, SampleDesk
from workflows.administration.settings import change_settings, preview_settings
from workflows.commands.service_requests import ChangeServiceRequest
from workflows.jobs.definitions import next_due, run_job
from workflows.operations.audit_trail import list_audit_events
from workflows.reports.alerts import list_alerts
from workflows.rule_sets.folder import read_rules_folder
from workflows.rule_sets.publishing import check_rules
from workflows.service_requests.use_cases import change_service_request
from workflows.store import tables as t

HOUR, MICROSECOND = timedelta(hours=1), timedelta(microseconds=1)
TUESDAY = "2026-03-03"


def covered(sample: SampleDesk, sla: str = "gold", **given: Any) -> str:
    """A request under a new subscription; gold, normal: 4 hours to respond, 24 to resolve, warned at 75 %."""
    sample.sell("subscription", sla=sla)
    return sample.log(**given)


def alerts(sample: SampleDesk, request: str | None = None) -> list[tuple[str, str, timedelta]]:
    rows = [row for row in sample.rows(t.alert) if request in (None, row.service_request_id)]
    return [(row.target, row.kind, row.at - MONDAY) for row in sorted(rows, key=lambda row: (row.at, row.id))]


def mails(sample: SampleDesk, event: str) -> list[Any]:
    rows = [row for row in sample.rows(t.outbox, event=event) if row.recipient is not None]
    return sorted(rows, key=lambda row: (row.created_at, row.recipient))


def address(actor: Any) -> str:
    return f"{actor.id}@staff.example"


def test_each_alert_is_given_once_and_stamped_with_its_due_instant(sample: SampleDesk) -> None:
    request = covered(sample)
    sample.clock.move(hours=3)
    assert run_job(sample.desk, "sla_alerts") == 1
    assert run_job(sample.desk, "sla_alerts") == 0
    assert alerts(sample) == [("response", "sla_warning", 3 * HOUR)]
    sample.clock.move(hours=1)
    assert run_job(sample.desk, "sla_alerts") == 0, "it can still be met"
    sample.clock.move(hours=2)
    assert run_job(sample.desk, "sla_alerts") == 1
    sample.clock.move(hours=100)
    assert run_job(sample.desk, "sla_alerts") == 2
    assert alerts(sample, request) == [
        ("response", "sla_warning", 3 * HOUR),
        ("response", "sla_breach", 4 * HOUR),
        ("resolution", "sla_warning", 18 * HOUR),
        ("resolution", "sla_breach", 24 * HOUR),
    ]
    first = sample.see(list_alerts, service_request=request, order="at").items[0]
    assert (first.due_at, first.recorded_at) == (MONDAY + 4 * HOUR, MONDAY + 3 * HOUR)
    assert sample.request(request).sla_alert_at is None


def test_a_late_job_catches_up_in_order_over_all_requests(sample: SampleDesk) -> None:
    covered(sample)
    sample.clock.move(minutes=30)
    sample.log(priority="high")
    sample.clock.move(days=9)
    assert run_job(sample.desk, "sla_alerts") == 8
    rows = sorted(sample.rows(t.alert), key=lambda row: row.id)
    assert [row.at for row in rows] == sorted(row.at for row in rows)
    assert {row.recorded_at for row in rows} == {sample.clock.at}
    written = sorted(sample.rows(t.outbox, event="sla_breach"), key=lambda row: row.id)
    assert [row.created_at for row in written] == sorted(row.created_at for row in written)


def test_what_was_due_before_a_change_is_recorded_by_it(sample: SampleDesk) -> None:
    request = covered(sample)
    sample.clock.move(hours=5)
    sample.fire(request, "start")
    given = [("response", "sla_warning", 3 * HOUR), ("response", "sla_breach", 4 * HOUR)]
    assert alerts(sample) == given
    sample.clock.move(hours=14)
    sample.fire(request, "hold", reason="customer")
    assert alerts(sample) == [*given, ("resolution", "sla_warning", 18 * HOUR)]
    assert run_job(sample.desk, "sla_alerts") == 0


def test_a_hold_postpones_and_a_response_in_time_gives_nothing(sample: SampleDesk) -> None:
    request = covered(sample)
    sample.clock.move(hours=2)
    sample.fire(request, "hold", reason="customer")
    sample.clock.move(days=20)
    assert run_job(sample.desk, "sla_alerts") == 0
    sample.fire(request, "resume")
    assert sample.request(request).sla_alert_at == sample.clock.at + 16 * HOUR
    sample.clock.move(hours=1)
    sample.fire(request, "resolve", note="Done.")
    sample.clock.move(days=20)
    assert run_job(sample.desk, "sla_alerts") == 0
    assert alerts(sample) == []


def test_who_gets_mail(sample: SampleDesk) -> None:
    request = covered(sample)
    sample.clock.move(hours=3)
    run_job(sample.desk, "sla_alerts")
    [nobody_assigned] = mails(sample, "sla_warning")
    assert nobody_assigned.recipient == address(sample.supervisor)
    sample.do(change_service_request, request, ChangeServiceRequest(technician=sample.technician.id))
    sample.clock.move(hours=2)
    run_job(sample.desk, "sla_alerts")
    both = sorted([address(sample.supervisor), address(sample.technician)])
    assert [row.recipient for row in mails(sample, "sla_breach")] == both
    number = sample.request(request).number
    mail = mails(sample, "sla_breach")[0]
    assert mail.subject == f"{number}: response overdue"
    assert mail.body == "The response to «It does not start» was due 2026-03-02 13:00 (UTC)."
    [event] = [row for row in sample.rows(t.outbox, event="sla_breach") if row.recipient is None]
    assert event.payload == {
        "event": "sla_breach",
        "service_request": request,
        "number": number,
        "target": "response",
        "at": "2026-03-02T13:00:00Z",
        "due_at": "2026-03-02T13:00:00Z",
    }
    company = {"name": "Desk", "email": "desk@example.com"}
    sample.do(change_settings, {"sla_warning_recipients": ["company"], "company": company})
    sample.clock.move(hours=13)
    run_job(sample.desk, "sla_alerts")
    assert [row.recipient for row in mails(sample, "sla_warning")][1:] == ["desk@example.com"]
    sample.do(change_settings, {"sla_breach_recipients": []})
    sample.clock.move(hours=20)
    run_job(sample.desk, "sla_alerts")
    assert len(mails(sample, "sla_breach")) == 2
    assert len(sample.rows(t.alert)) == 4


def test_two_processes_give_each_alert_once(sample: SampleDesk) -> None:
    sample.sell("subscription", sla="gold")
    for number in range(5):
        sample.log(f"Request {number}")
    sample.clock.move(days=5)
    with ThreadPoolExecutor(4) as pool:
        counts = list(pool.map(lambda _: run_job(sample.desk, "sla_alerts"), range(4)))
    assert sum(counts) == 20
    assert len(sample.rows(t.alert)) == 20


def test_a_higher_priority_warns_at_once(sample: SampleDesk) -> None:
    request = covered(sample)
    sample.clock.move(minutes=50)
    sample.do(change_service_request, request, ChangeServiceRequest(priority="high"))
    assert alerts(sample) == [("response", "sla_warning", timedelta(minutes=50))]
    sample.do(change_service_request, request, ChangeServiceRequest(priority="critical"))
    [_, breach] = sorted(sample.rows(t.alert), key=lambda row: row.id)
    assert (breach.kind, breach.at) == ("sla_breach", MONDAY + timedelta(minutes=50))
    assert breach.due_at == MONDAY + timedelta(minutes=15)


def holiday(*days: str) -> dict[str, Any]:
    return {"work_calendar": {"holidays": list(days)}}


def test_a_new_holiday_moves_open_targets_alone_and_says_so(sample: SampleDesk) -> None:
    answered = covered(sample, "standard")
    sample.fire(answered, "start")
    waiting = sample.log("Another")
    sample.clock.move(hours=7)
    run_job(sample.desk, "sla_alerts")
    assert alerts(sample) == [("response", "sla_warning", 6 * HOUR)]
    preview = sample.see(preview_settings, holiday(TUESDAY))
    assert preview.changed == ["work_calendar"]
    moved = {(one.number, one.target) for one in preview.moved_targets.targets}
    numbers = [sample.request(one).number for one in (answered, waiting)]
    # the response of the first is done, and that of the second is due today
    assert moved == {(number, "resolution") for number in numbers}
    assert preview.moved_targets.count == 2
    before = sample.request(waiting)
    sample.do(change_settings, holiday(TUESDAY))
    after = sample.request(waiting)
    assert after.response_due_at == before.response_due_at
    assert after.resolution_due_at == before.resolution_due_at + 72 * HOUR, "the weekend is between"
    [event] = sample.see(list_audit_events, subject_kind="service_request", subject_id=waiting).items
    assert (event.action, event.details["why"]) == ("targets moved", "business hours changed")
    assert event.details["resolution_due_at"] == {
        "from": before.resolution_due_at.isoformat(),
        "to": after.resolution_due_at.isoformat(),
    }
    assert sample.see(preview_settings, holiday(TUESDAY)).moved_targets.count == 0


def test_a_target_that_moves_has_its_warning_again(sample: SampleDesk) -> None:
    covered(sample, "standard", priority="low")  # 16 hours: due on Tuesday at 17:00, warned at 13:00
    sample.clock.move(hours=27)
    files = read_rules_folder(RULES)
    slas = json.loads(files["slas.json"])
    slas["slas"][0]["targets"]["low"]["response_minutes"] = 24 * 60
    changed = files | {"slas.json": json.dumps(slas)}
    assert sample.see(check_rules, changed).moved_targets == 1
    run_job(sample.desk, "sla_alerts")
    assert [row[1] for row in alerts(sample)] == []
    sample.clock.move(hours=2)
    run_job(sample.desk, "sla_alerts")
    warned = ("response", "sla_warning", 28 * HOUR)
    assert alerts(sample) == [warned]
    sample.publish(changed)
    sample.clock.move(days=1)
    run_job(sample.desk, "sla_alerts")
    assert alerts(sample) == [warned, ("response", "sla_warning", 50 * HOUR)]


def test_the_sandbox_clock_stops_at_each_alert(sample: SampleDesk) -> None:
    covered(sample)

    def due() -> datetime | None:
        return sample.see(next_due)

    assert due() == MONDAY + 3 * HOUR
    sample.clock.at = MONDAY + 3 * HOUR
    run_job(sample.desk, "sla_alerts")
    assert due() == MONDAY + 4 * HOUR + MICROSECOND
