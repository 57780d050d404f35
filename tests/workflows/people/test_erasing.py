"""Erasing a customer: nothing of them is left, what was done and charged stays, and what stops it says so."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update
from sqlalchemy.exc import DBAPIError

from tests.support.marked_customer import NAME, MarkedCustomer, marks_left
from tests.support.sample_desk import MONDAY, SampleDesk
from workflows.billing.invoicing.drafts import create_invoice
from workflows.billing.issuing.use_cases import issue_invoice
from workflows.billing.payments.use_cases import record_payment
from workflows.billing.sold.recurring_sales import create_recurring_sale
from workflows.commands.billing import InvoiceLineGiven, NewInvoice, NewPayment
from workflows.commands.disputes import OpenDispute
from workflows.commands.fields import MoneyGiven
from workflows.commands.people import EraseCustomer, SetLegalHold
from workflows.commands.register import NewCustomer
from workflows.commands.selling import NewRecurringSale
from workflows.commands.service_requests import AddNote, ChangeServiceRequest
from workflows.core.erased import CustomerErased
from workflows.core.errors import Conflict, NotFound
from workflows.core.transaction import Transaction
from workflows.coverage.verification import verify_decisions
from workflows.disputes.use_cases import open_dispute
from workflows.jobs.definitions import run_job
from workflows.lifecycle.service_requests.parties import check_parties
from workflows.people.erasing import ErasureStopped, erase_customer, preview_erasure
from workflows.people.kinds import Kind, Theirs
from workflows.people.legal_holds import lift_legal_hold, set_legal_hold
from workflows.people.registry import REGISTRY, held_tables, personal_columns
from workflows.register import create_customer
from workflows.reports.audit import audit_desk
from workflows.service_requests.use_cases import add_note, change_service_request
from workflows.store import tables as t
from workflows.store.erasure_triggers import ALL_ERASABLE
from workflows.store.ids import new_id

EURO = MoneyGiven(amount_minor=100)
LINE = InvoiceLineGiven(description="Parts", quantity="1", unit_price=EURO, tax_rate="No tax")
REASON = "They asked for it"


@pytest.fixture
def marked(sample: SampleDesk) -> MarkedCustomer:
    return MarkedCustomer(sample)


def test_no_value_of_theirs_is_left_anywhere_and_everything_verifies(marked: MarkedCustomer) -> None:
    sample = marked.sample
    personal = {
        (one.table.name, name)
        for one in held_tables()
        for name in one.of_kind(*(set(Kind) - {Kind.SECRET, Kind.REFERENCE, Kind.ACTOR, Kind.STAFF}))
    }
    # a code of two letters is no mark
    assert personal - marked.mark() == {("billing_details", "country")}
    before = _figures(sample)
    proof = sample.do(erase_customer, marked.id, EraseCustomer(name=NAME.lower(), reason=REASON))
    with sample.desk.database.read() as connection:
        assert marks_left(connection) == []
    view = sample.see(audit_desk)
    assert (view.ok, view.differences) == (True, [])
    differences: list[Any] = []
    assert verify_decisions(sample.desk, differences.append).differ == 0
    assert _figures(sample) == before
    assert proof.rows


def _figures(sample: SampleDesk) -> list[Any]:
    tables = (t.ledger_posting, t.grant_balance, t.work_allocation, t.invoice_tax, t.ledger_chain)
    invoices = [(row.number, row.total_minor, row.issued_on) for row in sample.rows(t.invoice)]
    # sorted: PostgreSQL returns what was updated at another place
    return [sorted(found, key=repr) for found in (*(sample.rows(table) for table in tables), invoices)]


# What stops it


def stops_of(sample: SampleDesk, customer_id: str) -> dict[str, Any]:
    return {one.kind: one for one in sample.see(preview_erasure, customer_id).stops}


def erase(sample: SampleDesk, customer_id: str, name: str) -> Any:
    return sample.do(erase_customer, customer_id, EraseCustomer(name=name, reason=REASON))


def test_all_that_stops_it_is_said_at_once_with_what_to_do(sample: SampleDesk) -> None:
    sample.set(invoices=True)
    contract = sample.sell("support_hours", minutes=60, price={"amount_minor": 100})
    request = sample.log()
    sample.do(create_invoice, NewInvoice(customer=sample.ann, lines=[LINE]))
    unpaid = sample.do(create_invoice, NewInvoice(customer=sample.ann, lines=[LINE]))
    sample.do_as(sample.finance, issue_invoice, unpaid)
    too_much = NewPayment(amount=MoneyGiven(amount_minor=300), received_on=sample.clock.now().date())
    paid = sample.do(create_invoice, NewInvoice(customer=sample.ann, lines=[LINE]))
    sample.do_as(sample.finance, issue_invoice, paid)
    sample.do_as(sample.finance, record_payment, paid, too_much)
    sale = NewRecurringSale(customer=sample.ann, description="Phone", unit_price=EURO, every="month")
    sample.do(create_recurring_sale, sale)
    line = sample.rows(t.invoice_line, invoice_id=unpaid)[0].id
    sample.do(open_dispute, OpenDispute(invoice_line=line, reason="Not ordered"))
    sample.do(set_legal_hold, sample.ann, SetLegalHold(reason="Case 12"))
    found = stops_of(sample, sample.ann)
    assert list(found) == [
        "legal_hold", "retention", "contracts", "service_requests", "invoices", "recurring_sales",
        "disputes", "drafts", "to_invoice", "credit",
    ]  # fmt: skip
    assert found["contracts"].records == [sample.contract(contract).number]
    assert found["service_requests"].records == [sample.request(request).number]
    assert "the administrator" in found["legal_hold"].detail
    assert "Case 12" in found["legal_hold"].detail
    with pytest.raises(ErasureStopped) as refused:
        erase(sample, sample.ann, "Ann")
    assert len(refused.value.values["stops"]) == len(found)  # type: ignore[arg-type]
    assert all(one.detail in str(refused.value) and one.remedy for one in found.values())
    assert sample.rows(t.erasure) == []
    assert sample.rows(t.customer, id=sample.ann)[0].name == "Ann"


def test_the_retention_of_invoices_says_from_which_day_it_is_possible(sample: SampleDesk) -> None:
    sample.set(invoices=True)
    sample.clock.at = datetime(2028, 2, 29, 12, tzinfo=UTC)
    invoice = sample.do(create_invoice, NewInvoice(customer=sample.ann, lines=[LINE]))
    sample.do_as(sample.finance, issue_invoice, invoice)
    received = NewPayment(amount=EURO, received_on=date(2028, 2, 29))
    sample.do_as(sample.finance, record_payment, invoice, received)
    preview = sample.see(preview_erasure, sample.ann)
    assert [one.kind for one in preview.stops] == ["retention"]
    assert preview.possible_on == preview.stops[0].possible_on == date(2038, 3, 1)
    assert preview.stops[0].records == [sample.rows(t.invoice)[0].number]
    sample.clock.at = datetime(2038, 2, 28, 23, 59, tzinfo=UTC)
    assert list(stops_of(sample, sample.ann)) == ["retention"]
    sample.set(invoices=True, invoice_retention_years=9)
    assert stops_of(sample, sample.ann) == {}
    sample.set(invoices=True, invoice_retention_years=10)
    sample.clock.at = datetime(2038, 3, 1, tzinfo=UTC)
    assert stops_of(sample, sample.ann) == {}
    erase(sample, sample.ann, "Ann")
    stored = sample.rows(t.invoice)[0]
    assert (stored.buyer["name"], stored.total_minor) == ("Erased 1", 100)


def test_a_legal_hold_is_set_once_lifted_once_and_in_the_audit_trail(sample: SampleDesk) -> None:
    hold = SetLegalHold(reason="Case 12")
    first = sample.do(set_legal_hold, sample.ann, hold)
    assert sample.do(set_legal_hold, sample.ann, hold) == first
    with pytest.raises(Conflict, match="Case 12"):
        sample.do(set_legal_hold, sample.ann, SetLegalHold(reason="Case 13"))
    with pytest.raises(ErasureStopped, match="legal hold"):
        erase(sample, sample.ann, "Ann")
    lifted = sample.do(lift_legal_hold, sample.ann)
    assert lifted.lifted_by == "the administrator"
    assert sample.do(lift_legal_hold, sample.ann) == lifted
    with pytest.raises(NotFound):
        sample.do(lift_legal_hold, sample.customer("Bob"))
    actions = [row.action for row in sample.rows(t.audit_event, subject_id=sample.ann)]
    assert actions == ["created", "legal hold set", "legal hold lifted"]
    erase(sample, sample.ann, "Ann")
    assert [row.reason for row in sample.rows(t.legal_hold)] == ["Erased"]


# Whose it is


def test_of_what_moved_to_others_only_what_they_wrote_is_replaced(sample: SampleDesk) -> None:
    bob = sample.customer("Bob", sample.site)
    ann = sample.person("customer", "Ann", customer=sample.ann)
    moved = sample.log("The disk is full", item=None, description="By the desk")
    sample.do_as(ann, add_note, moved, AddNote(body="I am ill", public=True))
    sample.do(add_note, moved, AddNote(body="Bob has it now", public=True))
    sample.do(change_service_request, moved, ChangeServiceRequest(customer=bob))
    erase(sample, sample.ann, "Ann")
    request = sample.request(moved)
    assert (request.subject, request.description) == ("The disk is full", "By the desk")
    notes = {(row.author, row.body) for row in sample.rows(t.service_request_note)}
    assert notes == {("Erased 1", "Erased"), ("the administrator", "Bob has it now")}
    assert sample.rows(t.customer, id=bob)[0].name == "Bob"
    assert sample.see(audit_desk).ok


def test_a_name_that_somebody_else_has_stays_where_others_did_something(sample: SampleDesk) -> None:
    sample.person("technician", "Ann")
    request = sample.log(customer=sample.customer("Bob"), item=None)
    with sample.desk.write() as tx:
        note = {"id": "N", "service_request_id": request, "body": "Done", "written_at": tx.now}
        tx.add(t.service_request_note, **note, author="Ann")
    erase(sample, sample.ann, "Ann")
    [left] = sample.rows(t.service_request_note)
    assert (left.author, left.body) == ("Ann", "Done")


def test_two_customers_are_erased_with_numbers_of_their_own(sample: SampleDesk) -> None:
    bob = sample.customer("Bob")
    assert [erase(sample, one, name).number for one, name in ((sample.ann, "Ann"), (bob, "Bob"))] == [1, 2]
    assert {row.name for row in sample.rows(t.customer)} == {"Erased 1", "Erased 2"}
    again = sample.do(create_customer, NewCustomer(email="ann@example.com", name="Ann"))
    assert stops_of(sample, again) == {}


# What the database refuses


def test_the_columns_that_may_be_replaced_are_the_personal_ones_of_the_registry() -> None:
    protected = {*t.APPEND_ONLY, "invoice", "invoice_line", "invoice_discount", "quote_version", "quote_line"}
    personal = {
        name: set(personal_columns(t.metadata.tables[name])) - {"search_words"}
        for name in protected
        if isinstance(REGISTRY[name], Theirs)
    }
    expected = {name: columns for name, columns in personal.items() if columns}
    # the network address from which somebody tried to sign in
    expected["audit_event"].add("subject_id")
    assert {name: set(columns) for name, columns in ALL_ERASABLE.items()} == expected


def test_during_an_erasure_only_personal_columns_take_only_what_stands_for_them(sample: SampleDesk) -> None:
    request = sample.log()
    history = t.service_request_history
    begin, proof = _begin_and_proof(sample)
    erased = update(history).values(actor="Erased 1", note="Erased", reason=None)
    refused: list[list[Any]] = [
        [erased],
        [begin, update(history).values(actor="Somebody")],
        [begin, update(history).values(actor="Erased 2")],
        [begin, update(history).values(actor="Erased 1", to_state="closed")],
        [begin, update(history).values(at=MONDAY - timedelta(days=1))],
        [begin, history.delete()],
        [begin, proof, erased],
    ]
    before = sample.rows(history, service_request_id=request)
    for statements in refused:
        with pytest.raises(DBAPIError, match="append-only"):
            _execute(sample, *statements)
    # without its proof nothing of it is committed
    with pytest.raises(DBAPIError, match=r"(?i)foreign key"):
        _execute(sample, begin, erased)
    assert sample.rows(history, service_request_id=request) == before
    _execute(sample, begin, erased, proof)
    assert sample.rows(history, service_request_id=request)[0].actor == "Erased 1"


def test_during_an_erasure_amounts_of_issued_invoices_stay(sample: SampleDesk) -> None:
    sample.set(invoices=True)
    sample.do_as(
        sample.finance,
        issue_invoice,
        sample.do(create_invoice, NewInvoice(customer=sample.ann, lines=[LINE])),
    )
    i, lines = t.invoice, t.invoice_line
    begin, proof = _begin_and_proof(sample)
    before = [*sample.rows(i), *sample.rows(lines)]
    for refused in (
        update(i).values(number="INV-9"),
        update(i).values(buyer={"name": "Erased 1"}, due_on=date(2030, 1, 1)),
        update(lines).values(description="Other parts"),
        update(lines).values(description="Erased", quantity=2),
        lines.delete(),
    ):
        with pytest.raises(DBAPIError, match="issued invoice never changes"):
            _execute(sample, begin, refused)
    assert [*sample.rows(i), *sample.rows(lines)] == before
    _execute(sample, begin, update(lines).values(description="Erased"), proof)
    assert sample.rows(lines)[0].description == "Erased"


def _begin_and_proof(sample: SampleDesk) -> tuple[Any, Any]:
    """The statements between which an erasure is under way."""
    begin = t.erasure_begun.insert().values(number=1)
    proof = t.erasure.insert().values(
        number=1,
        customer_id=sample.ann,
        erased_at=MONDAY,
        recorded_at=MONDAY,
        erased_by="x",
        reason="x",
        counts={},
    )
    return begin, proof


def _execute(sample: SampleDesk, *statements: Any) -> None:
    """Execute statements in one transaction."""
    with sample.desk.write() as tx:
        for statement in statements:
            tx.connection.execute(statement)


def test_a_request_that_is_being_logged_while_its_customer_is_erased_is_refused(sample: SampleDesk) -> None:
    row = {**sample.request(sample.log(customer=sample.customer("Bob"), item=None))._mapping}
    late = {**row, "id": "late", "number": "SR-9", "customer_id": sample.ann}
    seen = []

    def log_late(tx: Transaction) -> None:
        seen.append(check_parties(tx, customer=sample.ann, item=None, org_unit=None).customer_name)
        erase(sample, sample.ann, "Ann")
        tx.start_writing()
        tx.add(t.service_request, **late)

    with pytest.raises(CustomerErased):
        sample.desk.perform(sample.technician, log_late, reads_first=True)
    assert seen == ["Ann"]
    assert sample.rows(t.service_request, customer_id=sample.ann) == []


def test_no_mail_is_sent_to_an_address_that_stands_for_one_that_was_erased(sample: SampleDesk) -> None:
    erase(sample, sample.ann, "Ann")
    mail = {"event": "opened", "subject": "Hello", "body": "Hello", "payload": {}}
    with sample.desk.write() as tx:
        times = {"created_at": tx.now, "next_attempt_at": tx.real_now}
        tx.add(t.outbox, id=new_id(), recipient="erased-1@erased.invalid", **mail, **times)
    run_job(sample.desk, "deliver_outbox")
    [left] = sample.rows(t.outbox, recipient="erased-1@erased.invalid")
    assert (left.delivered_at, left.next_attempt_at) == (None, None)
