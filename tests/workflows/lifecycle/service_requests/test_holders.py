"""Whose contracts may cover a service request: every direction of the rule in SQL agrees.

The rule itself is written out here in Python, over the register as it was made up.
"""

from contextlib import suppress
from dataclasses import dataclass, field

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from engine.contracts import HOLDER_KINDS, Holder
from tests.support.sample_desk import SampleDesk
from workflows.commands.contracts import HolderGiven, NewContract
from workflows.commands.register import NewCustomer, NewItem, NewOrgUnit, OwnerGiven
from workflows.commands.service_requests import NewServiceRequest
from workflows.contracts.use_cases import create_contract
from workflows.core.transaction import Transaction
from workflows.coverage.candidates import find_candidates
from workflows.coverage.waiting_list import has_active_contract, waiting_requests
from workflows.lifecycle.service_requests.holders import contract_may_cover, covered_by
from workflows.register import create_customer, create_item, create_org_unit
from workflows.register.items import may_be_asked_for
from workflows.register.records import is_own_org_unit, own_org_units
from workflows.service_requests.log import log_service_request
from workflows.store import tables as t

c, r = t.contract, t.service_request


@dataclass
class Register:
    """A register by position: an earlier unit is the parent of a later one, items have one owner."""

    parents: list[int | None]
    members: list[list[int]]
    owners: list[tuple[str, int]]
    units: list[str] = field(default_factory=list)
    customers: list[str] = field(default_factory=list)
    items: list[str] = field(default_factory=list)

    def make(self, tx: Transaction) -> None:
        """Write it by the use cases."""
        for at, parent in enumerate(self.parents):
            above = None if parent is None else self.units[parent]
            self.units.append(create_org_unit(tx, NewOrgUnit(code=f"u-{at}", name=f"U{at}", parent=above)))
        for at, members in enumerate(self.members):
            of = [self.units[unit] for unit in members]
            command = NewCustomer(email=f"c{at}@example.com", name=f"C{at}", org_units=of)
            self.customers.append(create_customer(tx, command))
        for at, (kind, owner) in enumerate(self.owners):
            owners = self.customers if kind == "customer" else self.units
            item = NewItem(
                number=f"n-{at}", name=f"I{at}", item_type="server", owner=OwnerGiven(**{kind: owners[owner]})
            )
            self.items.append(create_item(tx, item))

    def line(self, customer: int) -> set[str]:
        """The customer's org units and all above them."""
        found: set[int] = set()
        for unit in self.members[customer]:
            step: int | None = unit
            while step is not None:
                found.add(step)
                step = self.parents[step]
        return {self.units[unit] for unit in found}

    def may_ask_for(self, customer: int, item: int) -> bool:
        kind, owner = self.owners[item]
        if kind == "customer":
            return owner == customer
        return self.units[owner] in self.line(customer)


@st.composite
def registers(draw: st.DrawFn) -> Register:
    count = draw(st.integers(1, 5))
    parents = [draw(st.sampled_from([None, *range(at)])) for at in range(count)]
    units = st.lists(st.integers(0, count - 1), unique=True, max_size=2)
    members = draw(st.lists(units, min_size=1, max_size=3))
    owner = st.one_of(
        st.tuples(st.just("customer"), st.integers(0, len(members) - 1)),
        st.tuples(st.just("org_unit"), st.integers(0, count - 1)),
    )
    return Register(parents, members, draw(st.lists(owner, max_size=3)))


def test_both_directions_agree(sample: SampleDesk) -> None:
    @settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(registers())
    def check(register: Register) -> None:
        with suppress(Undone), sample.desk.write(sample.administrator) as tx:
            register.make(tx)
            check_items(tx, register)
            contracts = sell_to_all(tx, register)
            check_requests(tx, log_all(tx, register), contracts)
            raise Undone

    check()


class Undone(Exception):
    """Ends a transaction whose rows are not to stay."""


def check_items(tx: Transaction, register: Register) -> None:
    """Which items a customer may ask for, and which org units are theirs."""
    for at, customer in enumerate(register.customers):
        line = register.line(at)
        assert sorted(tx.connection.execute(own_org_units(customer)).scalars().unique()) == sorted(line)
        asked = select(t.org_unit.c.id).where(is_own_org_unit(t.org_unit.c.id, customer))
        assert set(tx.connection.execute(asked).scalars()) == line
        fits = {item for one, item in enumerate(register.items) if register.may_ask_for(at, one)}
        assert (
            set(tx.connection.execute(select(t.item.c.id).where(may_be_asked_for(customer))).scalars())
            == fits
        )


def sell_to_all(tx: Transaction, register: Register) -> dict[str, Holder]:
    """A contract that awaits activation for each unit, customer and item: its id and its holder."""
    holders = [Holder("org_unit", one) for one in register.units]
    holders += [Holder("customer", one) for one in register.customers]
    holders += [Holder("item", one) for one in register.items]
    return {
        create_contract(
            tx, NewContract(type="subscription", holder=HolderGiven(**{one.kind: one.id}), enable=False)
        ): one
        for one in holders
    }


def log_all(tx: Transaction, register: Register) -> dict[str, set[Holder]]:
    """A request of each customer without an item and with each of theirs: by id, with its holders."""
    logged: dict[str, set[Holder]] = {}
    for at, customer in enumerate(register.customers):
        items = [one for one in range(len(register.items)) if register.may_ask_for(at, one)]
        for item in [None, *(register.items[one] for one in items)]:
            command = NewServiceRequest(subject="It is slow", customer=customer, item=item)
            request = log_service_request(tx, command).service_request
            assert request is not None
            holders = {Holder("service_request", request), Holder("customer", customer)}
            holders |= {Holder("org_unit", unit) for unit in register.line(at)}
            logged[request] = holders | ({Holder("item", item)} if item is not None else set())
    return logged


def check_requests(tx: Transaction, requests: dict[str, set[Holder]], sold: dict[str, Holder]) -> None:
    made = tx.connection.execute(select(c).where(c.c.holder_kind == "service_request")).all()
    contracts = sold | {row.id: Holder("service_request", row.holder_id) for row in made}
    for request, holders in requests.items():
        row = tx.connection.execute(select(r).where(r.c.id == request)).one()
        found = find_candidates(
            tx, customer=row.customer_id, item=row.item_id, org_unit=row.org_unit_id, service_request=request
        )
        expected = {contract for contract, holder in contracts.items() if holder in holders}
        assert {one.contract.id for one in found.held} == expected
        assert all((one.distance == 0) == (one.contract.holder.kind != "org_unit") for one in found.held)
    for contract, holder in contracts.items():
        covered = {request for request, holders in requests.items() if holder in holders}
        assert set(waiting_requests(tx, holder.kind, holder.id)) == covered
        direct = select(r.c.id).where(covered_by(holder.id)[holder.kind])
        assert set(tx.connection.execute(direct).scalars()) == covered
        joined = select(r.c.id).select_from(r).join(c, contract_may_cover()).where(c.c.id == contract)
        assert set(tx.connection.execute(joined).scalars()) == covered
        tx.connection.execute(c.update().where(c.c.id == contract).values(state="active"))
        active = select(r.c.id).where(has_active_contract())
        assert set(tx.connection.execute(active).scalars()) == covered
        tx.connection.execute(c.update().where(c.c.id == contract).values(state="pending"))
    assert set(covered_by("")) == set(HOLDER_KINDS)
