"""Mail about notes: a public one by staff goes to the customer, a customer's to the desk."""

from sqlalchemy import update

from tests.support.office import Office
from workflows.commands.service_requests import AddNote, ChangeServiceRequest
from workflows.core.actors import Actor
from workflows.service_requests.use_cases import add_note, change_service_request
from workflows.store import tables as t

EVENT = "service_request_note_added"


def test_a_public_note_by_staff_is_sent_to_the_customer(office: Office) -> None:
    request = office.log("No sound")
    note = _write(office, office.technician, request, "Please restart it.")
    [mail] = office.rows(t.outbox, event=EVENT)
    assert mail.recipient == "ann@example.com"
    assert mail.subject == "New message on your request SR-1001"
    assert mail.body == "the technician wrote about «No sound»:\n\nPlease restart it."
    assert mail.payload["note"] == note


def test_an_internal_note_is_not_sent(office: Office) -> None:
    request = office.log()
    _write(office, office.technician, request, "A difficult case", public=False)
    assert office.rows(t.outbox, event=EVENT) == []


def test_a_customers_note_is_sent_to_the_assignee(office: Office) -> None:
    request = office.log()
    office.do(change_service_request, request, ChangeServiceRequest(technician=office.technician.id))
    _write(office, _ann(office), request, "It is back")
    [mail] = office.rows(t.outbox, event=EVENT)
    [technician] = office.rows(t.user_account, id=office.technician.id)
    assert (mail.recipient, mail.subject) == (technician.email, "SR-1001: new message from the customer")


def test_a_customers_note_goes_to_the_company_if_nobody_can_read_it(office: Office) -> None:
    request = office.log()
    ann = _ann(office)
    _write(office, ann, request, "Nobody there?")
    office.set(company={"name": "Kestrel", "email": "desk@kestrel.example"})
    office.do(change_service_request, request, ChangeServiceRequest(technician=office.technician.id))
    with office.desk.write() as tx:
        leaves = update(t.user_account).where(t.user_account.c.id == office.technician.id)
        tx.connection.execute(leaves.values(disabled_at=tx.now))
    _write(office, ann, request, "Still nobody?")
    recipients = [row.recipient for row in office.rows(t.outbox, event=EVENT)]
    assert recipients == [None, "desk@kestrel.example"]


def test_a_colleagues_note_is_also_sent_to_the_customer(office: Office) -> None:
    office.set(customers_see_org_unit=True, company={"email": "desk@kestrel.example"})
    request = office.log()
    bob = office.person("customer", "Bob", customer=office.customer("Bob", office.site))
    _write(office, bob, request, "I have it, too")
    recipients = {row.recipient for row in office.rows(t.outbox, event=EVENT)}
    assert recipients == {"ann@example.com", "desk@kestrel.example"}


def _write(office: Office, who: Actor, request: str, body: str, *, public: bool = True) -> str:
    return office.do_as(who, add_note, request, AddNote(body=body, public=public))


def _ann(office: Office) -> Actor:
    return office.person("customer", "Ann", customer=office.ann)
