"""The customer of a service request gets a mail about each of its states, unless they moved it themselves."""

from tests.support.sample_desk import SampleDesk
from tests.workflows.notifications.webhooks.test_events import data, listen
from workflows.commands.service_requests import FireTrigger, MergeRequest, SplitRequest
from workflows.core.actors import Actor
from workflows.jobs.definitions import run_job
from workflows.service_requests.use_cases import fire_trigger
from workflows.store import tables as t
from workflows.work.merging import merge_requests, split_request


def subjects(sample: SampleDesk, request: str) -> list[str]:
    """The subjects of the mails about a request, in the order written, without its number."""
    rows = sorted(sample.rows(t.outbox, subject_id=request), key=lambda row: row.id)
    number = sample.request(request).number
    return [row.subject.removeprefix(f"Your request {number} ") for row in rows if row.recipient]


def test_each_move_of_a_request_is_a_mail(sample: SampleDesk) -> None:
    request = sample.log()
    sample.sell("subscription")
    sample.fire(request, "start")
    sample.fire(request, "hold", reason="supplier")
    sample.fire(request, "resume")
    sample.fire(request, "resolve", note="Done")
    sample.clock.move(days=8)
    run_job(sample.desk, "auto_close")
    sample.fire(request, "reopen")
    sample.fire(request, "cancel", reason="Not needed")
    assert subjects(sample, request) == [
        "is waiting for a contract",
        "is open",
        "is in progress",
        "is on hold",
        "is in progress",
        "is resolved",
        "is closed",
        "is in progress",
        "is cancelled",
    ]
    [held] = sample.rows(t.outbox, event="service_request_on_hold")
    assert held.body.endswith("is on hold. We are waiting for a supplier.")
    [closed] = sample.rows(t.outbox, event="service_request_closed")
    assert closed.created_at == sample.rows(t.service_request_history, trigger="close")[0].at


def test_customers_get_no_mail_of_what_they_do(sample: SampleDesk) -> None:
    sample.sell("subscription")
    request = sample.log()
    sample.fire(request, "resolve", note="Done")
    ann = Actor(None, "Ann", "customer", sample.ann)
    sample.do_as(ann, fire_trigger, request, FireTrigger(trigger="reopen"))
    assert subjects(sample, request) == ["is resolved"]


def test_a_reopened_request_that_waits_is_a_mail_to_the_customer(sample: SampleDesk) -> None:
    sample.sell("subscription", ends_on="2026-03-10")
    request = sample.log()
    sample.fire(request, "resolve", note="Done")
    sample.clock.move(days=60)
    listen(sample, "service_request.no_contract")
    sample.fire(request, "reopen")
    assert sample.request(request).state == "pending_no_contract"
    assert subjects(sample, request)[-1] == "is waiting for a contract"
    assert [one["service_request"] for one in data(sample)] == [request]


def test_a_split_request_that_waits_is_an_event(sample: SampleDesk) -> None:
    sample.sell("subscription", ends_on="2026-03-10")
    left, merged = sample.log(), sample.log()
    sample.do_as(sample.supervisor, merge_requests, merged, MergeRequest(into=left))
    sample.clock.move(days=60)
    listen(sample, "service_request.no_contract")
    sample.do_as(sample.supervisor, split_request, merged, SplitRequest())
    assert sample.request(merged).state == "pending_no_contract"
    assert [one["service_request"] for one in data(sample)] == [merged]
