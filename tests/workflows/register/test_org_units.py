"""The tree of org units: it has no cycles, and its closure table is correct after every change."""

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from engine.errors import DeskError
from tests.support.builders import DeskFixture
from workflows.commands.register import ChangeOrgUnit, NewOrgUnit
from workflows.core.errors import Conflict, InvalidInput, NotAllowed, NotFound, VersionChanged
from workflows.register import change_org_unit, create_org_unit, get_org_unit, list_org_units
from workflows.register.org_units import OrgUnitCycle
from workflows.store import tables as t


def test_an_org_unit_is_created_below_its_parent(bare_desk: DeskFixture) -> None:
    acme = bare_desk.org_unit("ACME", name="Acme")
    berlin = bare_desk.org_unit("ACME-B", parent=acme)
    view = bare_desk.see(get_org_unit, berlin)
    assert (view.code, view.parent, view.parent_name, view.version) == ("ACME-B", acme, "Acme", 1)
    assert closure(bare_desk) == {(acme, acme, 0), (berlin, berlin, 0), (berlin, acme, 1)}


def test_a_branch_moves_with_all_below_it(bare_desk: DeskFixture) -> None:
    acme, globex = bare_desk.org_unit("ACME"), bare_desk.org_unit("GLOBEX")
    berlin = bare_desk.org_unit("BERLIN", parent=acme)
    sales = bare_desk.org_unit("SALES", parent=berlin)
    move(bare_desk, berlin, globex)
    assert closure_of(bare_desk, sales) == {(sales, 0), (berlin, 1), (globex, 2)}
    move(bare_desk, berlin, None)
    assert closure_of(bare_desk, sales) == {(sales, 0), (berlin, 1)}
    assert bare_desk.see(get_org_unit, berlin).version == 3


@pytest.mark.parametrize("target", ["itself", "child", "grandchild"])
def test_an_org_unit_cannot_be_moved_below_itself(bare_desk: DeskFixture, target: str) -> None:
    acme = bare_desk.org_unit("ACME")
    child = bare_desk.org_unit("CHILD", parent=acme)
    grandchild = bare_desk.org_unit("GRANDCHILD", parent=child)
    before = closure(bare_desk)
    below = {"itself": acme, "child": child, "grandchild": grandchild}[target]
    with pytest.raises(OrgUnitCycle) as refusal:
        move(bare_desk, acme, below)
    assert "ACME cannot be moved below" in refusal.value.detail
    assert closure(bare_desk) == before
    assert bare_desk.see(get_org_unit, acme).version == 1


def test_the_closure_is_correct_after_any_moves(bare_desk: DeskFixture) -> None:
    dice = random.Random(7)
    units: list[str] = []
    parents: dict[str, str | None] = {}
    for number in range(14):
        parent = dice.choice([None, *units])
        units.append(bare_desk.org_unit(f"U{number}", parent=parent))
        parents[units[-1]] = parent
    for _ in range(40):
        unit, parent = dice.choice(units), dice.choice([None, *units])
        try:
            move(bare_desk, unit, parent)
            parents[unit] = parent
        except OrgUnitCycle:
            pass
    assert closure(bare_desk) == {line for unit in units for line in climb(unit, parents)}


def test_trees_can_be_deep(bare_desk: DeskFixture) -> None:
    top = below = bare_desk.org_unit("LEVEL-0")
    for level in range(1, 60):
        below = bare_desk.org_unit(f"LEVEL-{level}", parent=below)
    assert (below, top, 59) in closure(bare_desk)
    with pytest.raises(OrgUnitCycle):
        move(bare_desk, top, below)


def test_concurrent_moves_never_create_a_cycle(bare_desk: DeskFixture) -> None:
    one, two = bare_desk.org_unit("ONE"), bare_desk.org_unit("TWO")

    def below(pair: tuple[str, str]) -> DeskError | None:
        try:
            move(bare_desk, *pair)
        except DeskError as refusal:
            return refusal
        return None

    for _ in range(5):
        move(bare_desk, one, None)
        move(bare_desk, two, None)
        with ThreadPoolExecutor(2) as threads:
            refusals = list(threads.map(below, [(one, two), (two, one)]))
        assert [type(refusal) for refusal in refusals if refusal] == [OrgUnitCycle]


def test_org_unit_codes_are_unique(bare_desk: DeskFixture) -> None:
    bare_desk.org_unit("ACME")
    other = bare_desk.org_unit("OTHER")
    with pytest.raises(Conflict, match="another org unit with the code 'ACME'"):
        bare_desk.org_unit("ACME")
    with pytest.raises(Conflict):
        bare_desk.do(change_org_unit, other, ChangeOrgUnit(code="ACME"))


def test_the_parent_must_exist(bare_desk: DeskFixture) -> None:
    with pytest.raises(InvalidInput) as refusal:
        bare_desk.org_unit("ACME", parent="nothing")
    assert refusal.value.values["pointer"] == "/parent"
    assert bare_desk.rows(t.org_unit) == []


def test_a_change_sets_the_given_fields_and_checks_the_version(bare_desk: DeskFixture) -> None:
    acme = bare_desk.org_unit("ACME", name="Acme")
    child = bare_desk.org_unit("CHILD", parent=acme)
    bare_desk.do(change_org_unit, child, ChangeOrgUnit(name="Youngest"), expected_version=1)
    view = bare_desk.see(get_org_unit, child)
    assert (view.name, view.code, view.parent, view.version) == ("Youngest", "CHILD", acme, 2)
    with pytest.raises(VersionChanged):
        bare_desk.do(change_org_unit, child, ChangeOrgUnit(name="Oldest"), expected_version=1)
    bare_desk.do(change_org_unit, child, ChangeOrgUnit(name="Youngest"))
    assert bare_desk.see(get_org_unit, child).version == 2


def test_changes_leave_a_trail(bare_desk: DeskFixture) -> None:
    acme = bare_desk.org_unit("ACME", name="Acme")
    bare_desk.do(change_org_unit, acme, ChangeOrgUnit(name="Acme Ltd"))
    made, changed = bare_desk.rows(t.audit_event, subject_id=acme)
    assert (made.action, made.actor) == ("created", "the administrator")
    assert changed.details == {"name": ["Acme", "Acme Ltd"]}


@pytest.mark.parametrize("role", ["technician", "finance"])
def test_who_may_not_change_org_units(bare_desk: DeskFixture, role: str) -> None:
    actor = getattr(bare_desk, role)
    acme = bare_desk.org_unit("ACME")
    with pytest.raises(NotAllowed):
        bare_desk.do_as(actor, create_org_unit, NewOrgUnit(code="X", name="X"))
    with pytest.raises(NotAllowed):
        bare_desk.do_as(actor, change_org_unit, acme, ChangeOrgUnit(name="X"))
    assert bare_desk.see_as(actor, get_org_unit, acme).code == "ACME"


def test_a_customer_sees_only_their_own_line(bare_desk: DeskFixture) -> None:
    acme, globex = bare_desk.org_unit("ACME"), bare_desk.org_unit("GLOBEX")
    berlin = bare_desk.org_unit("BERLIN", parent=acme)
    munich = bare_desk.org_unit("MUNICH", parent=acme)
    ann = bare_desk.person("customer", "Ann", customer=bare_desk.customer("Ann", berlin))
    assert [view.code for view in bare_desk.see_as(ann, list_org_units).items] == ["ACME", "BERLIN"]
    for hidden in (globex, munich):
        with pytest.raises(NotFound):
            bare_desk.see_as(ann, get_org_unit, hidden)


def test_lists_filter_search_and_page(bare_desk: DeskFixture) -> None:
    acme = bare_desk.org_unit("ACME", name="Acme Works")
    for number in range(5):
        bare_desk.org_unit(f"A{number}", parent=acme, name=f"Plant {5 - number} 100%_")
    bare_desk.org_unit("Z", name="Zeta")
    codes = codes_of(bare_desk)
    assert codes() == ["A0", "A1", "A2", "A3", "A4", "ACME", "Z"]
    assert codes(parent=acme) == ["A0", "A1", "A2", "A3", "A4"]
    assert codes(within=acme) == ["A0", "A1", "A2", "A3", "A4", "ACME"]
    assert codes(q="acme w") == ["ACME"]
    assert codes(q="100%_") == ["A0", "A1", "A2", "A3", "A4"]
    assert codes(q="%") == []
    assert codes(code="Z") == ["Z"]
    assert codes(order="-code")[:2] == ["Z", "ACME"]
    assert codes(parent=acme, order="name") == ["A4", "A3", "A2", "A1", "A0"]


@pytest.mark.parametrize("order", ["code", "-code", "name", "-name", "created_at", "-created_at"])
def test_pages_have_no_gaps_or_repetitions(bare_desk: DeskFixture, order: str) -> None:
    for number in range(7):
        bare_desk.org_unit(f"U{number}", name="Same" if number % 2 else f"Name {number}")
    whole = [view.id for view in bare_desk.see(list_org_units, order=order).items]
    seen, cursor = [], None
    for _ in range(4):
        page = bare_desk.see(list_org_units, order=order, limit=2, cursor=cursor)
        seen += [view.id for view in page.items]
        cursor = page.next_cursor
    assert cursor is None
    assert seen == whole
    assert len(whole) == 7


@pytest.mark.parametrize(
    "cursor", ["", "x", "%%%", "W10", "WzFd", "AAAA", "é", "a" * 5000, "WyJjb2RlIiwxLCJ4Il0"]
)
def test_a_broken_cursor_is_refused(bare_desk: DeskFixture, cursor: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        bare_desk.see(list_org_units, cursor=cursor)
    assert refusal.value.values["pointer"] == "/cursor"


def test_orders_and_limits_are_checked(bare_desk: DeskFixture) -> None:
    for wrong in ({"order": "id; drop"}, {"limit": 0}, {"limit": 201}, {"limit": -1}):
        with pytest.raises(InvalidInput):
            bare_desk.see(list_org_units, **wrong)


def move(new_desk: DeskFixture, org_unit: str, parent: str | None) -> None:
    new_desk.do(change_org_unit, org_unit, ChangeOrgUnit(parent=parent))


def closure(new_desk: DeskFixture) -> set[tuple[str, str, int]]:
    return {(row.org_unit_id, row.ancestor_id, row.steps) for row in new_desk.rows(t.org_unit_line)}


def closure_of(new_desk: DeskFixture, org_unit: str) -> set[tuple[str, int]]:
    return {(row.ancestor_id, row.steps) for row in new_desk.rows(t.org_unit_line, org_unit_id=org_unit)}


def climb(unit: str, parents: dict[str, str | None]) -> set[tuple[str, str, int]]:
    lines, at, steps = set(), unit, 0
    while True:
        lines.add((unit, at, steps))
        above = parents[at]
        if above is None:
            return lines
        at, steps = above, steps + 1


def codes_of(new_desk: DeskFixture) -> Callable[..., list[str]]:
    return lambda **filters: [view.code for view in new_desk.see(list_org_units, **filters).items]
