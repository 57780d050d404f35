"""Items and their owners; while contracts are on, every item has one."""

import pytest

from tests.support.builders import DeskFixture
from workflows.commands.register import ChangeItem, NewItem, OwnerGiven
from workflows.core.config_version import bump_generation
from workflows.core.errors import Conflict, InvalidInput, NotAllowed, NotFound, StateForbids
from workflows.register import change_item, create_item, get_item, list_items
from workflows.store import tables as t
from workflows.views.register import CustomerOwner, OrgUnitOwner


def test_an_item_is_owned_by_a_customer_an_org_unit_or_nobody(bare_desk: DeskFixture) -> None:
    acme = bare_desk.org_unit("ACME", name="Acme")
    ann = bare_desk.customer("Ann")
    owners = [
        bare_desk.see(get_item, bare_desk.item("A", customer=ann)),
        bare_desk.see(get_item, bare_desk.item("B", org_unit=acme)),
        bare_desk.see(get_item, bare_desk.item("C")),
    ]
    assert [view.owner for view in owners] == [CustomerOwner(ann), OrgUnitOwner(acme), None]
    assert [view.owner_name for view in owners] == ["Ann", "Acme", None]


def test_the_owner_must_exist(bare_desk: DeskFixture) -> None:
    acme = bare_desk.org_unit("ACME")
    for owner, pointer in (
        (OwnerGiven(customer=acme), "/owner/customer"),
        (OwnerGiven(org_unit="x"), "/owner/org_unit"),
    ):
        command = NewItem(number="A", name="A", item_type="server", owner=owner)
        with pytest.raises(InvalidInput) as refusal:
            bare_desk.do(create_item, command)
        assert refusal.value.values["pointer"] == pointer
    assert bare_desk.rows(t.item) == []


def test_item_numbers_are_unique(bare_desk: DeskFixture) -> None:
    bare_desk.item("A")
    other = bare_desk.item("B")
    with pytest.raises(Conflict, match="another item with the number 'A'"):
        bare_desk.item("A")
    with pytest.raises(Conflict):
        bare_desk.do(change_item, other, ChangeItem(number="A"))


def test_the_owner_can_be_changed_and_removed_while_contracts_are_off(bare_desk: DeskFixture) -> None:
    ann, acme = bare_desk.customer("Ann"), bare_desk.org_unit("ACME")
    item = bare_desk.item("A", customer=ann)
    bare_desk.do(change_item, item, ChangeItem(owner=OwnerGiven(org_unit=acme)))
    assert bare_desk.see(get_item, item).owner == OrgUnitOwner(acme)
    bare_desk.do(change_item, item, ChangeItem(owner=None))
    view = bare_desk.see(get_item, item)
    assert (view.owner, view.version) == (None, 3)
    bare_desk.do(change_item, item, ChangeItem(name="Renamed"))
    assert bare_desk.see(get_item, item).name == "Renamed"


def test_while_contracts_are_on_every_item_has_an_owner(bare_desk: DeskFixture) -> None:
    ann = bare_desk.customer("Ann")
    item = bare_desk.item("A", customer=ann)
    switch_contracts_on(bare_desk)
    with pytest.raises(StateForbids, match="every item needs an owner"):
        bare_desk.item("B")
    with pytest.raises(StateForbids):
        bare_desk.do(change_item, item, ChangeItem(owner=None))
    assert bare_desk.see(get_item, item).owner == CustomerOwner(ann)
    bare_desk.item("C", customer=ann)


def test_contracts_switched_on_by_another_process_take_effect_at_once(bare_desk: DeskFixture) -> None:
    bare_desk.desk.refresh()
    switch_contracts_on(bare_desk)
    assert not bare_desk.desk.config.settings.contracts
    command = NewItem(number="B", name="B", item_type="server", owner=None)
    with pytest.raises(StateForbids):
        bare_desk.desk.perform(bare_desk.administrator, lambda tx: create_item(tx, command))


def test_who_may_change_items(bare_desk: DeskFixture) -> None:
    command = NewItem(number="T", name="T", item_type="server", owner=None)
    item = bare_desk.do_as(bare_desk.technician, create_item, command)
    with pytest.raises(NotAllowed):
        bare_desk.do_as(bare_desk.finance, change_item, item, ChangeItem(name="X"))
    assert bare_desk.see_as(bare_desk.finance, get_item, item).number == "T"


def test_a_customer_sees_the_items_they_may_ask_support_for(bare_desk: DeskFixture) -> None:
    acme, globex = bare_desk.org_unit("ACME"), bare_desk.org_unit("GLOBEX")
    berlin = bare_desk.org_unit("BERLIN", parent=acme)
    munich = bare_desk.org_unit("MUNICH", parent=acme)
    ann_id, ben_id = bare_desk.customer("Ann", berlin), bare_desk.customer("Ben", berlin)
    ann = bare_desk.person("customer", "Ann", customer=ann_id)
    own = {"ANNS": ann_id}
    seen = [bare_desk.item(number, customer=customer) for number, customer in own.items()]
    seen += [bare_desk.item("COMPANYS", org_unit=acme), bare_desk.item("SITES", org_unit=berlin)]
    hidden = [
        bare_desk.item("BENS", customer=ben_id),
        bare_desk.item("MUNICHS", org_unit=munich),
        bare_desk.item("OTHERS", org_unit=globex),
        bare_desk.item("GLOBAL"),
    ]
    assert {view.id for view in bare_desk.see_as(ann, list_items).items} == set(seen)
    assert {view.id for view in bare_desk.see(list_items, for_customer=ann_id).items} == set(seen)
    for item in hidden:
        with pytest.raises(NotFound):
            bare_desk.see_as(ann, get_item, item)
    assert bare_desk.see_as(ann, list_items, owner=ben_id).items == []
    assert bare_desk.see_as(ann, list_items, for_customer=ben_id).items == []


def test_lists_filter_and_search(bare_desk: DeskFixture) -> None:
    ann, acme = bare_desk.customer("Ann"), bare_desk.org_unit("ACME")
    bare_desk.item("SRV-1", customer=ann)
    bare_desk.item("PRN-1", org_unit=acme, item_type="printer")
    bare_desk.item("SRV-2")

    def numbers(**filters: str) -> list[str]:
        return [view.number for view in bare_desk.see(list_items, **filters).items]  # type: ignore[arg-type]

    assert numbers() == ["PRN-1", "SRV-1", "SRV-2"]
    assert numbers(item_type="printer") == ["PRN-1"]
    assert numbers(owner=ann) == ["SRV-1"]
    assert numbers(owner=acme) == ["PRN-1"]
    assert numbers(owner="none") == ["SRV-2"]
    assert numbers(q="srv") == ["SRV-1", "SRV-2"]
    assert numbers(number="SRV-2") == ["SRV-2"]
    assert numbers(order="-number") == ["SRV-2", "SRV-1", "PRN-1"]


def switch_contracts_on(new_desk: DeskFixture) -> None:
    with new_desk.desk.write() as tx:
        tx.add(t.setting, key="contracts", value=True)
        bump_generation(tx)
