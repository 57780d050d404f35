"""The customer of a service request gets a mail about each of its states, unless they moved it themselves."""

import json

import pytest

from tests.support.builders import RULES
from tests.support.sample_desk import SampleDesk
from tests.workflows.notifications.webhooks.test_events import data, listen
from tests.workflows.service_requests.test_logged_answers import log_exclusively, meanwhile
from workflows.commands.service_requests import (
    ChangeServiceRequest,
    FireTrigger,
    MergeRequest,
    NewServiceRequest,
    SplitRequest,
)
from workflows.core.actors import Actor
from workflows.jobs.definitions import run_job
from workflows.service_requests.log import log_service_request
from workflows.service_requests.use_cases import change_service_request, fire_trigger
from workflows.store import tables as t
from workflows.users.accounts import NewUser, create_user
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


@pytest.mark.parametrize("validated", [True, False])
@pytest.mark.parametrize("contracts", [True, False])
def test_what_is_logged_and_opens_is_a_receipt_with_its_number(
    sample: SampleDesk, *, contracts: bool, validated: bool
) -> None:
    """By staff and by the customer, covered or not: one mail, in their language."""
    sample.set(contracts=contracts, contract_validation=validated, request_receipts=True)
    if contracts and validated:
        sample.sell("subscription")
    sample.do(create_user, NewUser(email="ann@example.com", name="Ann", role="customer", language="de"))
    ann = Actor(None, "Ann", "customer", sample.ann)
    new = NewServiceRequest(subject="Nothing %(x)s {number}", customer=sample.ann, item=sample.laptop)
    for actor in (sample.technician, ann):
        logged = sample.do_as(actor, log_service_request, new)
        request = sample.request(str(logged.service_request))
        [mail] = sample.rows(t.outbox, subject_id=request.id)
        assert request.state == "open"
        assert (mail.event, mail.recipient) == ("service_request_logged", "ann@example.com")
        assert mail.subject == f"Ihre Anfrage {request.number} ist eingegangen"
        assert mail.body == (
            f"Wir haben Ihre Anfrage „Nothing %(x)s {{number}}“ erhalten. Ihre Nummer ist {request.number}."
        )


@pytest.mark.parametrize("contracts", [True, False])
def test_without_the_setting_there_is_no_receipt(sample: SampleDesk, *, contracts: bool) -> None:
    sample.sell("subscription")
    sample.set(contracts=contracts)
    assert subjects(sample, sample.log()) == []


def test_what_a_rule_covers_at_once_by_a_new_contract_is_a_receipt(sample: SampleDesk) -> None:
    rule = json.loads((RULES / "coverage.json").read_text())
    rule["rules"][-1]["actions"][0]["params"] = {"type": "per_request", "enable": True}
    sample.publish_rules(coverage=json.dumps({**rule, "examples": []}))
    sample.set(request_receipts=True)
    request = sample.log()
    assert sample.request(request).state == "open"
    assert subjects(sample, request) == ["has been received"]


def test_a_receipt_is_written_by_the_statement_that_logs(sample: SampleDesk) -> None:
    """The call of a covered request has no statement more than its two searches, its write and its number."""
    sample.sell("subscription")
    sample.set(request_receipts=True)
    log_exclusively(sample)
    with meanwhile(sample, "nothing", lambda: None) as sent:
        log_exclusively(sample)
    assert len(sent) == (4 if sample.desk.database.is_sqlite else 3)
    assert len(sample.rows(t.outbox, event="service_request_logged")) == 2


def test_a_reopening_by_the_customer_is_a_mail_to_the_desk(sample: SampleDesk) -> None:
    """To the assignee in their language, else to the company; past the window too, and not one by staff."""
    sample.set(company={"name": "Example", "email": "desk@example.com"})
    sample.sell("subscription", ends_on="2026-03-10")
    request = sample.log()
    ann = Actor(None, "Ann", "customer", sample.ann)

    def reopen(actor: Actor, days: int, **note: str) -> tuple[str | None, str]:
        sample.fire(request, "resolve", note="Done")
        sample.clock.move(days=days)
        sample.do_as(actor, fire_trigger, request, FireTrigger(trigger="reopen", **note))
        found = sorted(sample.rows(t.outbox, event="service_request_reopened"), key=lambda row: row.id)
        return found[-1].recipient, found[-1].body

    assert reopen(ann, 1, note="Still dead") == (
        "desk@example.com",
        "Ann has reopened «It does not start».\n\nStill dead",
    )
    tom = NewUser(email="tom@staff.example", name="Tom", role="technician", language="de", invite=False)
    assigned = ChangeServiceRequest(technician=sample.do(create_user, tom))
    sample.do(change_service_request, request, assigned)
    assert reopen(ann, 60) == ("tom@staff.example", "Ann hat „It does not start“ wieder geöffnet.")
    assert sample.request(request).state == "pending_no_contract"
    sample.sell("subscription")
    before = len(sample.rows(t.outbox, event="service_request_reopened"))
    reopen(sample.technician, 1)
    assert len(sample.rows(t.outbox, event="service_request_reopened")) == before == 2
    number = sample.request(request).number
    [last] = sample.rows(t.outbox, recipient="tom@staff.example")
    assert last.subject == f"{number}: vom Kunden wieder geöffnet"


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
