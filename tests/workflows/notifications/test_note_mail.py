"""Mail about notes: a public one by staff goes to the customer, a customer's to the desk."""

from sqlalchemy import update

from tests.support.sample_desk import SampleDesk
from workflows.commands.service_requests import AddNote, ChangeServiceRequest
from workflows.core.actors import Actor
from workflows.service_requests.use_cases import add_note, change_service_request
from workflows.store import tables as t

EVENT = "service_request_note_added"


def test_a_public_note_by_staff_is_sent_to_the_customer(sample: SampleDesk) -> None:
    request = sample.log("No sound")
    note = _write(sample, sample.technician, request, "Please restart it.")
    [mail] = sample.rows(t.outbox, event=EVENT)
    assert mail.recipient == "ann@example.com"
    assert mail.subject == "New message on your request SR-1001"
    assert mail.body == "the technician wrote about «No sound»:\n\nPlease restart it."
    assert mail.payload["note"] == note


def test_an_internal_note_is_not_sent(sample: SampleDesk) -> None:
    request = sample.log()
    _write(sample, sample.technician, request, "A difficult case", public=False)
    assert sample.rows(t.outbox, event=EVENT) == []


def test_a_customers_note_is_sent_to_the_assignee(sample: SampleDesk) -> None:
    request = sample.log()
    sample.do(change_service_request, request, ChangeServiceRequest(technician=sample.technician.id))
    _write(sample, _ann(sample), request, "It is back")
    [mail] = sample.rows(t.outbox, event=EVENT)
    [technician] = sample.rows(t.user_account, id=sample.technician.id)
    assert (mail.recipient, mail.subject) == (technician.email, "SR-1001: new message from the customer")


def test_a_customers_note_goes_to_the_company_if_nobody_can_read_it(sample: SampleDesk) -> None:
    request = sample.log()
    ann = _ann(sample)
    _write(sample, ann, request, "Nobody there?")
    sample.set(company={"name": "Kestrel", "email": "desk@kestrel.example"})
    sample.do(change_service_request, request, ChangeServiceRequest(technician=sample.technician.id))
    with sample.desk.write() as tx:
        leaves = update(t.user_account).where(t.user_account.c.id == sample.technician.id)
        tx.connection.execute(leaves.values(disabled_at=tx.now))
    _write(sample, ann, request, "Still nobody?")
    recipients = [row.recipient for row in sample.rows(t.outbox, event=EVENT)]
    assert recipients == [None, "desk@kestrel.example"]


def test_a_colleagues_note_is_also_sent_to_the_customer(sample: SampleDesk) -> None:
    sample.set(customers_see_org_unit=True, company={"email": "desk@kestrel.example"})
    request = sample.log()
    bob = sample.person("customer", "Bob", customer=sample.customer("Bob", sample.site))
    _write(sample, bob, request, "I have it, too")
    recipients = {row.recipient for row in sample.rows(t.outbox, event=EVENT)}
    assert recipients == {"ann@example.com", "desk@kestrel.example"}


def _write(sample: SampleDesk, who: Actor, request: str, body: str, *, public: bool = True) -> str:
    return sample.do_as(who, add_note, request, AddNote(body=body, public=public))


def _ann(sample: SampleDesk) -> Actor:
    return sample.person("customer", "Ann", customer=sample.ann)
