"""Customers: unique email addresses, a primary org unit and perhaps others; they see only themselves."""

import pytest

from tests.support.builders import DeskFixture
from workflows.commands.register import ChangeCustomer, NewCustomer
from workflows.core.errors import Conflict, InvalidInput, NotAllowed, NotFound, VersionChanged
from workflows.register import change_customer, create_customer, get_customer, list_customers
from workflows.store import tables as t
from workflows.users.accounts import NewUser, create_user


def test_email_addresses_are_unique_and_stored_in_lower_case(bare_desk: DeskFixture) -> None:
    ann = bare_desk.do(create_customer, NewCustomer(email="Ann.Smith@Example.COM", name="Ann"))
    assert bare_desk.see(get_customer, ann).email == "ann.smith@example.com"
    with pytest.raises(Conflict, match=r"ann\.smith@example\.com"):
        bare_desk.do(create_customer, NewCustomer(email="ANN.smith@example.com", name="Ann"))
    ben = bare_desk.customer("Ben")
    with pytest.raises(Conflict):
        bare_desk.do(change_customer, ben, ChangeCustomer(email="ann.SMITH@example.com"))
    assert len(bare_desk.rows(t.customer)) == 2


def test_the_primary_org_unit_is_the_first_of_the_list(bare_desk: DeskFixture) -> None:
    one, two, three = (bare_desk.org_unit(code) for code in ("ONE", "TWO", "THREE"))
    by_list = NewCustomer(email="a@example.com", name="A", org_units=[two, one, two])
    by_both = NewCustomer(email="b@example.com", name="B", org_unit=three, org_units=[one, three])
    a, b = bare_desk.do(create_customer, by_list), bare_desk.do(create_customer, by_both)
    assert org_units(bare_desk, a) == (two, [two, one])
    assert org_units(bare_desk, b) == (three, [three, one])
    assert org_units(bare_desk, bare_desk.customer("Nobody")) == (None, [])
    positions = {row.org_unit_id: row.position for row in bare_desk.rows(t.customer_org_unit, customer_id=b)}
    assert positions == {three: 0, one: 1}


def test_a_customer_changes_org_units(bare_desk: DeskFixture) -> None:
    one, two, three = (bare_desk.org_unit(code) for code in ("ONE", "TWO", "THREE"))
    ann = bare_desk.customer("Ann", one, two)

    def after(**given: object) -> tuple[str | None, list[str]]:
        bare_desk.do(change_customer, ann, ChangeCustomer.model_validate(given))
        return org_units(bare_desk, ann)

    assert after(org_unit=two) == (two, [two, one])
    assert after(org_unit=three) == (three, [three, one])
    assert after(org_units=[one, two]) == (one, [one, two])
    assert after(org_unit=None) == (two, [two])
    assert after(org_unit=one, org_units=[three]) == (one, [one, three])
    assert after(org_units=[]) == (None, [])
    assert bare_desk.see(get_customer, ann).version == 7


def test_org_units_must_exist(bare_desk: DeskFixture) -> None:
    one = bare_desk.org_unit("ONE")
    for given, pointer in (
        ({"org_unit": "nothing"}, "/org_unit"),
        ({"org_units": [one, "nothing"]}, "/org_units"),
        ({"org_unit": one, "org_units": ["nothing"]}, "/org_units"),
    ):
        command = NewCustomer.model_validate({"email": "a@example.com", "name": "A", **given})
        with pytest.raises(InvalidInput) as refusal:
            bare_desk.do(create_customer, command)
        assert refusal.value.values["pointer"] == pointer
    assert bare_desk.rows(t.customer) == []


def test_changes_are_versioned_and_leave_a_trail(bare_desk: DeskFixture) -> None:
    ann = bare_desk.customer("Ann")
    bare_desk.do_as(
        bare_desk.technician, change_customer, ann, ChangeCustomer(name="Anne"), expected_version=1
    )
    with pytest.raises(VersionChanged):
        bare_desk.do(change_customer, ann, ChangeCustomer(name="Anna"), expected_version=1)
    trail = bare_desk.rows(t.audit_event, subject_id=ann)
    assert [(row.action, row.actor) for row in trail] == [
        ("created", "the administrator"),
        ("changed", "the technician"),
    ]
    assert trail[1].details == {"name": ["Ann", "Anne"]}


def test_the_users_email_address_follows_the_customers(bare_desk: DeskFixture) -> None:
    ann = bare_desk.customer("Ann")
    bare_desk.do(create_user, NewUser(email="ann@example.com", name="Ann", role="customer"))
    bare_desk.do(create_user, NewUser(email="taken@example.com", name="Sue", role="supervisor"))
    bare_desk.do(change_customer, ann, ChangeCustomer(email="anne@example.com"))
    assert [row.email for row in bare_desk.rows(t.user_account, customer_id=ann)] == ["anne@example.com"]
    with pytest.raises(Conflict, match="another user with the email address"):
        bare_desk.do(change_customer, ann, ChangeCustomer(email="taken@example.com"))
    assert bare_desk.see(get_customer, ann).email == "anne@example.com"


def test_a_customer_sees_only_their_own_record(bare_desk: DeskFixture) -> None:
    acme = bare_desk.org_unit("ACME")
    ann_id, ben_id = bare_desk.customer("Ann", acme), bare_desk.customer("Ben", acme)
    ann = bare_desk.person("customer", "Ann", customer=ann_id)
    assert [view.id for view in bare_desk.see_as(ann, list_customers).items] == [ann_id]
    assert bare_desk.see_as(ann, list_customers, q="ben").items == []
    assert bare_desk.see_as(ann, list_customers, org_unit=acme).items[0].id == ann_id
    with pytest.raises(NotFound) as refusal:
        bare_desk.see_as(ann, get_customer, ben_id)
    with pytest.raises(NotFound) as nothing:
        bare_desk.see_as(ann, get_customer, "nothing")
    assert str(refusal.value) == str(nothing.value)
    with pytest.raises(NotAllowed):
        bare_desk.do_as(ann, change_customer, ann_id, ChangeCustomer(name="Queen"))


def test_finance_can_read_but_not_write(bare_desk: DeskFixture) -> None:
    ann = bare_desk.customer("Ann")
    assert bare_desk.see_as(bare_desk.finance, get_customer, ann).name == "Ann"
    with pytest.raises(NotAllowed):
        bare_desk.do_as(bare_desk.finance, create_customer, NewCustomer(email="a@example.com", name="A"))


def test_lists_filter_and_search(bare_desk: DeskFixture) -> None:
    acme, globex = bare_desk.org_unit("ACME"), bare_desk.org_unit("GLOBEX")
    bare_desk.customer("Ann Lee", acme)
    bare_desk.customer("Ben Ärger", globex, acme)
    bare_desk.customer("Cid")

    def names(**filters: str) -> list[str]:
        return [view.name for view in bare_desk.see(list_customers, **filters).items]  # type: ignore[arg-type]

    assert names() == ["Ann Lee", "Ben Ärger", "Cid"]
    assert names(org_unit=acme) == ["Ann Lee", "Ben Ärger"]
    assert names(q="LEE") == ["Ann Lee"]
    assert names(q="ärger") == ["Ben Ärger"]
    assert names(q="ÄRGER") == ["Ben Ärger"]
    assert names(email="CID@example.com") == ["Cid"]
    assert names(order="-name") == ["Cid", "Ben Ärger", "Ann Lee"]
    page = bare_desk.see(list_customers, limit=2)
    assert page.next_cursor is not None
    assert [view.name for view in bare_desk.see(list_customers, cursor=page.next_cursor).items] == ["Cid"]


def org_units(new_desk: DeskFixture, customer: str) -> tuple[str | None, list[str]]:
    view = new_desk.see(get_customer, customer)
    return view.org_unit, view.org_units
