"""Staff remind the customer of a request that waits for a contract what opens it."""

from datetime import timedelta
from typing import Any

import pytest

from tests.support.sample_desk import MONDAY, SampleDesk
from tests.workflows.notifications.webhooks.test_events import data, listen
from workflows.commands.service_requests import RemindCustomer
from workflows.core.actors import Actor
from workflows.core.errors import NotAllowed, StateForbids
from workflows.jobs.definitions import run_job
from workflows.notifications.mail_links import PLACEHOLDER, text_to_send
from workflows.service_requests.reminding import remind_customer
from workflows.store import tables as t

PRICE = {"amount_minor": 12_000}


def remind(sample: SampleDesk, request: str, *, again: bool = False, by: Actor | None = None) -> None:
    sample.do_as(by or sample.technician, remind_customer, request, RemindCustomer(again=again))


def mails(sample: SampleDesk) -> list[Any]:
    return sorted(sample.rows(t.outbox, event="request_reminded"), key=lambda row: row.id)


def test_a_reminder_is_a_mail_an_event_and_a_line_of_the_history(sample: SampleDesk) -> None:
    listen(sample, "service_request.reminded")
    request = sample.log()
    sample.clock.move(hours=3)
    remind(sample, request)
    number = sample.request(request).number
    [mail] = mails(sample)
    [ann] = sample.rows(t.customer, id=sample.ann)
    assert mail.recipient == ann.email
    assert mail.subject == f"Reminder: your request {number} is waiting for a contract"
    [made] = sample.rows(t.contract)
    opens = f"The request opens automatically when {made.number} is enabled by finance or a supervisor."
    assert mail.body.endswith(f"\n\n{opens}")
    assert data(sample) == [{"service_request": request, "number": number}]
    [line] = sample.rows(t.service_request_history, service_request_id=request, trigger="remind")
    waits = "pending_no_contract"
    assert (line.from_state, line.to_state, line.at) == (waits, waits, MONDAY + timedelta(hours=3))
    assert line.actor == sample.technician.name
    assert [row.actor for row in sample.rows(t.audit_event, action="reminded")] == [sample.technician.name]


def test_who_can_sign_in_gets_a_link_to_the_request(sample: SampleDesk) -> None:
    request = sample.log()
    sample.person("customer", "Ann", customer=sample.ann)
    remind(sample, request)
    [mail] = mails(sample)
    assert mail.body.endswith(f"You can choose a contract on its page:\n\n{PLACEHOLDER}")
    sent = text_to_send(sample.desk, mail.event, mail.body, mail.payload["link"])
    assert sent.endswith(f"/requests/{request}")


def test_a_second_reminder_within_minutes_has_to_be_meant(sample: SampleDesk) -> None:
    request = sample.log()
    remind(sample, request)
    sample.clock.move(minutes=2)
    with pytest.raises(StateForbids, match="reminded the customer 2 minutes ago") as refused:
        remind(sample, request, by=sample.supervisor)
    assert refused.value.values["reminded_at"] == MONDAY
    assert len(mails(sample)) == 1
    remind(sample, request, again=True)
    sample.clock.move(minutes=15)
    remind(sample, request)
    assert len(mails(sample)) == 3


def test_only_staff_remind_and_only_of_requests_that_wait(sample: SampleDesk) -> None:
    request = sample.log()
    with pytest.raises(NotAllowed):
        remind(sample, request, by=Actor(None, "Ann", "customer", sample.ann))
    sample.sell("subscription")
    with pytest.raises(StateForbids, match="does not wait for a contract: it is open"):
        remind(sample, request)
    sample.fire(request, "start")
    with pytest.raises(StateForbids, match="it is in progress"):
        remind(sample, request, again=True)
    assert mails(sample) == []


def test_a_reminder_moves_no_cancellation_of_an_unpaid_request(sample: SampleDesk) -> None:
    sample.set(payment_required=True, unpaid_request_cancel_hours=72)
    contract = sample.contract(sample.sell("subscription", price=PRICE))
    request = sample.log()
    sample.clock.move(hours=71)
    remind(sample, request)
    assert f"when finance records the payment for {contract.number}." in mails(sample)[0].body
    sample.clock.move(hours=2)
    run_job(sample.desk, "unpaid_requests")
    row = sample.request(request)
    assert (row.state, row.closed_at) == ("cancelled", MONDAY + timedelta(hours=72))
