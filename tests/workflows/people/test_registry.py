"""The registry of what is held on customers names every table and column, and finds whose rows they are."""

from typing import Any

import pytest
from sqlalchemy import select

from tests.support.sample_desk import SampleDesk
from workflows.commands.register import ChangeCustomer
from workflows.commands.service_requests import AddNote, ChangeServiceRequest
from workflows.people.kinds import Kind, Theirs, text_columns
from workflows.people.person import read_person
from workflows.people.registry import REGISTRY, held_tables, named_in, personal_columns, rows_of
from workflows.register import change_customer
from workflows.service_requests.use_cases import add_note, change_service_request
from workflows.store import tables as t

SECRET_NAMES = ("hash", "secret", "token", "password", "totp")
HASHES_OF_RECORDS = {
    ("ledger_transaction", "hash"),
    ("ledger_chain", "hash"),
    ("statement_acceptance_head", "hash"),
}


def theirs(sample: SampleDesk, customer_id: str, table: Any) -> list[Any]:
    def found(tx: Any) -> list[Any]:
        condition = rows_of(table, read_person(tx, customer_id))
        return list(tx.connection.execute(select(table).where(condition)).all())

    return sample.see(found)


def test_the_registry_names_every_table() -> None:
    assert set(REGISTRY) == set(t.metadata.tables)


@pytest.mark.parametrize("one", list(held_tables()), ids=lambda one: one.table.name)
def test_the_registry_names_every_column_that_holds_text(one: Theirs) -> None:
    plain = one.plain.split()
    assert sorted([*one.columns, *plain]) == sorted(text_columns(one.table))


def test_no_column_that_is_called_a_secret_is_of_another_kind() -> None:
    """Whatever is exported or shown is chosen by the kind."""
    called_secret = {
        (one.table.name, column.name)
        for one in held_tables()
        for column in one.table.columns
        if any(word in column.name for word in SECRET_NAMES) and column.name != "rule_set"
    }
    secret = {(one.table.name, name) for one in held_tables() for name in one.of_kind(Kind.SECRET)}
    assert called_secret - HASHES_OF_RECORDS <= secret


def test_each_condition_runs_and_finds_nothing_of_a_new_customer(sample: SampleDesk) -> None:
    sample.sell("support_hours", minutes=60)
    sample.work(sample.log(), 15)
    bob = sample.customer("Bob", sample.site)
    found = {one.table.name for one in held_tables() if theirs(sample, bob, one.table)}
    assert found == {"customer", "customer_org_unit", "audit_event"}


def test_a_request_that_moved_is_its_new_customers_with_all_that_belongs_to_it(sample: SampleDesk) -> None:
    sample.sell("support_hours", minutes=60)
    bob = sample.customer("Bob", sample.site)
    request = sample.log(item=None)
    sample.work(request, 15)
    of_request = (t.service_request, t.service_request_history, t.work_entry, t.coverage_decision)
    assert all(theirs(sample, sample.ann, table) for table in of_request)
    assert len(theirs(sample, sample.ann, t.ledger_transaction)) == 2
    sample.do(change_service_request, request, ChangeServiceRequest(customer=bob))
    assert not any(theirs(sample, sample.ann, table) for table in of_request)
    assert all(theirs(sample, bob, table) for table in of_request)
    # the sale of her contract is still hers; what is posted for the request is not
    left = theirs(sample, sample.ann, t.ledger_transaction)
    assert {row.service_request_id for row in left} == {None}
    assert theirs(sample, sample.ann, t.contract)


def test_mail_to_another_customer_is_not_theirs_though_it_is_about_their_request(sample: SampleDesk) -> None:
    bob = sample.customer("Bob", sample.site)
    request = sample.log(item=None)
    sample.do_as(sample.technician, add_note, request, AddNote(body="Is it on?", public=True))
    to_ann = {row.id for row in sample.rows(t.outbox, recipient="ann@example.com")}
    assert to_ann
    sample.do(change_service_request, request, ChangeServiceRequest(customer=bob))
    assert not to_ann & {row.id for row in theirs(sample, bob, t.outbox)}
    assert to_ann <= {row.id for row in theirs(sample, sample.ann, t.outbox)}


def test_who_they_are_has_earlier_names_but_none_that_somebody_else_has(sample: SampleDesk) -> None:
    sample.do(change_customer, sample.ann, ChangeCustomer(name="Ann Marlow", email="marlow@example.com"))
    person = sample.see(read_person, sample.ann)
    assert (person.names, person.emails) == (("Ann Marlow", "Ann"), ("marlow@example.com", "ann@example.com"))
    sample.do(change_customer, sample.customer("Bob"), ChangeCustomer(email="ann@example.com"))
    sample.person("technician", "ann marlow")
    person = sample.see(read_person, sample.ann)
    assert (person.names, person.emails) == (("Ann",), ("marlow@example.com",))


def test_a_note_on_a_colleagues_request_names_them_and_is_not_theirs(sample: SampleDesk) -> None:
    sample.set(customers_see_org_unit=True)
    bob = sample.customer("Bob", sample.site)
    request = sample.log(item=None)
    sample.do_as(sample.person("customer", "Bob", customer=bob), add_note, request, AddNote(body="Mine, too"))
    assert theirs(sample, bob, t.service_request_note) == []

    def named(tx: Any) -> list[Any]:
        condition = named_in(t.service_request_note, read_person(tx, bob))
        assert condition is not None
        return list(tx.connection.execute(select(t.service_request_note).where(condition)).all())

    assert [row.body for row in sample.see(named)] == ["Mine, too"]


def test_tables_of_nobody_have_no_personal_columns_and_say_why() -> None:
    others = [one for one in REGISTRY.values() if not isinstance(one, Theirs)]
    assert all(one.why and not personal_columns(one.table) for one in others)
    with pytest.raises(TypeError, match="No row of setting"):
        rows_of(t.setting, None)  # type: ignore[arg-type]
