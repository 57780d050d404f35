"""Contracts: creating, enabling, topping up, adjusting, renewing, cancelling, and what is refused."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event

from tests.support.office import MONDAY, Office
from workflows.commands.contracts import Adjust, CancelContract, NewContract, Renew, TakeContract, TopUp
from workflows.commands.fields import MoneyGiven
from workflows.contracts.offers import take_contract
from workflows.contracts.queries import list_contracts, read_contract
from workflows.contracts.use_cases import (
    adjust,
    cancel_contract,
    create_contract,
    enable_contract,
    renew,
    top_up,
)
from workflows.core.errors import Conflict, InvalidInput, NotAllowed, StateForbids
from workflows.store import tables as t


@pytest.fixture
def office(office: Office) -> Office:
    """The office of a provider in Berlin."""
    office.set(time_zone="Europe/Berlin")
    return office


def state(office: Office, contract: str) -> tuple[str, str | None]:
    view = office.see(read_contract, contract)
    return view.state, view.pending_reason


def available(office: Office, contract: str) -> int:
    return office.see(read_contract, contract).balance.minutes.available


def test_without_a_start_it_starts_today_in_the_providers_time_zone(office: Office) -> None:
    office.clock.at = datetime(2026, 3, 1, 23, 30, tzinfo=UTC)  # 2 March in Berlin
    view = office.see(read_contract, office.sell("subscription"))
    assert view.starts_at == datetime(2026, 3, 1, 23, 0, tzinfo=UTC)
    assert (view.starts_on, view.ends_on) == (date(2026, 3, 2), date(2027, 3, 1))


@pytest.mark.parametrize(
    ("starts_on", "ends_on"),
    [(date(2026, 1, 31), date(2027, 1, 30)), (date(2024, 2, 29), date(2025, 2, 28))],
)
def test_a_year_is_a_calendar_year(office: Office, starts_on: date, ends_on: date) -> None:
    assert office.see(read_contract, office.sell("subscription", starts_on=starts_on)).ends_on == ends_on


def test_enabling_early_moves_the_start_and_the_grants(office: Office) -> None:
    contract = office.sell("support_hours", minutes=60, starts_at=MONDAY + timedelta(days=9))
    assert state(office, contract) == ("pending", "awaiting_start")
    office.do(enable_contract, contract)
    assert state(office, contract) == ("active", None)
    assert office.see(read_contract, contract).starts_at == MONDAY
    assert office.work(office.log(), 10) == [("grant", 10)]
    with pytest.raises(StateForbids):
        office.do(enable_contract, contract)


def test_enable_false_waits_and_true_starts_now(office: Office) -> None:
    waiting = office.sell("subscription", enable=False)
    assert state(office, waiting) == ("pending", "awaiting_enable")
    office.clock.move(days=3)
    assert state(office, waiting) == ("pending", "awaiting_enable")
    now = office.sell("subscription", starts_at=MONDAY + timedelta(days=30), enable=True)
    assert office.see(read_contract, now).starts_at == office.clock.now()


def test_only_finance_enables_a_contract_that_awaits_payment(office: Office) -> None:
    office.set(invoices=True, payment_required=True)
    contract = office.sell("subscription", price=MoneyGiven(amount_minor=12_000))
    assert state(office, contract) == ("pending", "awaiting_payment")
    free = office.sell("subscription", price=MoneyGiven(amount_minor=0))
    assert state(office, free) == ("active", None)
    for actor in (office.administrator, office.supervisor):
        with pytest.raises(NotAllowed):
            office.do_as(actor, enable_contract, contract)
    office.do_as(office.finance, enable_contract, contract)
    assert state(office, contract) == ("active", None)


def test_a_top_up_makes_an_exhausted_contract_active(office: Office) -> None:
    contract = office.sell("support_hours", minutes=10)
    office.work(office.log(), 10)
    assert state(office, contract) == ("exhausted", None)
    waiting = office.log()
    assert office.request(waiting).state == "pending_no_contract"
    office.do(top_up, contract, TopUp(minutes=30))
    assert state(office, contract) == ("active", None)
    assert office.request(waiting).contract_id == contract


def test_adjusting_withdraws_no_more_than_is_available(office: Office) -> None:
    contract = office.sell("support_hours", minutes=60)
    office.do(adjust, contract, Adjust(minutes=-20, reason="sold too much"))
    assert available(office, contract) == 40
    with pytest.raises(InvalidInput):
        office.do(adjust, contract, Adjust(minutes=-41, reason="too much"))
    office.do(adjust, contract, Adjust(minutes=5, reason="goodwill"))
    view = office.see(read_contract, contract).balance.minutes
    assert (view.purchased, view.available) == (45, 45)


def test_the_successor_starts_where_the_contract_ends(office: Office) -> None:
    contract = office.sell(
        "time_limited_subscription", minutes=90, starts_on=date(2026, 3, 2), ends_on=date(2026, 5, 31)
    )
    successor = office.do(renew, contract, Renew())
    old, new = office.see(read_contract, contract), office.see(read_contract, successor)
    assert (new.starts_at, new.renewal_of, old.renewed_by) == (old.expires_at, contract, successor)
    assert (new.state, new.balance.minutes.purchased) == ("pending", 90)
    with pytest.raises(Conflict):
        office.do(renew, contract, Renew())


def test_cancelling_ends_it_and_expires_its_balance(office: Office) -> None:
    contract = office.sell("support_hours", minutes=60)
    office.do(cancel_contract, contract, CancelContract(reason="wrong customer"))
    view = office.see(read_contract, contract)
    assert (view.state, view.balance.minutes.expired, view.balance.minutes.available) == ("cancelled", 60, 0)
    with pytest.raises(StateForbids):
        office.do(top_up, contract, TopUp(minutes=5))
    with pytest.raises(StateForbids):
        office.do(cancel_contract, contract, CancelContract())


def test_a_per_request_contract_ends_and_is_revived_with_its_request(office: Office) -> None:
    request = office.log()
    own = office.do(take_contract, request, TakeContract(type="per_request"))
    assert office.request(request).contract_id == own
    office.clock.move(hours=1)
    office.work(request, 500)
    office.fire(request, "resolve", note="done")
    office.fire(request, "close")
    assert state(office, own) == ("expired", None)
    office.fire(request, "reopen")
    assert state(office, own) == ("active", None)
    office.fire(request, "resolve", note="done")
    office.fire(request, "close")
    office.clock.move(days=14)
    office.fire(request, "reopen")
    assert office.request(request).state == "pending_no_contract"


def test_a_customers_order_waits_for_someone_to_enable_it(office: Office) -> None:
    ann = office.person("customer", "Ann", customer=office.ann)
    request = office.log()
    order = office.do_as(ann, take_contract, request, TakeContract(type="subscription"))
    assert state(office, order) == ("pending", "awaiting_enable")
    assert office.request(request).state == "pending_no_contract"
    office.do(enable_contract, order)
    assert office.request(request).contract_id == order
    assert [one.state for one in office.rows(t.contract, holder_id=request)] == ["cancelled"]


@pytest.mark.parametrize("role", ["technician", "customer"])
def test_roles_that_do_not_sell_are_refused(office: Office, role: Any) -> None:
    actor = office.technician if role == "technician" else office.person("customer", customer=office.ann)
    command = NewContract.model_validate({"type": "subscription", "holder": {"customer": office.ann}})
    with pytest.raises(NotAllowed):
        office.do_as(actor, create_contract, command)


def test_the_list_filters_by_state_whether_or_not_jobs_have_run(office: Office) -> None:
    ends = office.sell("subscription", ends_on=MONDAY.date())
    starts = office.sell("subscription", starts_at=MONDAY + timedelta(days=1))
    used = office.sell("support_hours", minutes=5)
    monthly = office.sell("support_hours_by_month", minutes=5)
    office.clock.move(hours=1)
    office.work(office.log(), 5)

    def found(wanted: str) -> set[str]:
        return {one.id for one in office.see(list_contracts, state=wanted).items}

    assert (found("active"), found("pending")) == ({ends, used, monthly}, {starts})
    office.clock.move(days=2)
    assert (found("expired"), found("pending")) == ({ends}, set())
    assert found("active") == {starts, used, monthly}


def test_a_longer_list_needs_no_more_statements(office: Office) -> None:
    def statements() -> int:
        seen: list[str] = []

        def take_down(_c: Any, _k: Any, statement: str, *_: Any) -> None:
            seen.append(statement)

        with office.desk.read(office.supervisor) as tx:
            event.listen(tx.connection.engine, "before_cursor_execute", take_down)
            listed = list_contracts(tx)
            event.remove(tx.connection.engine, "before_cursor_execute", take_down)
        assert listed.items
        return len(seen)

    office.sell("support_hours", minutes=60)
    few = statements()
    for index in range(6):
        office.sell("support_hours", to=("customer", office.customer(f"Bob {index}")), minutes=60)
    assert statements() == few


def test_a_list_has_the_successor_of_each_contract(office: Office) -> None:
    contract = office.sell("support_hours", minutes=60, ends_on=date(2026, 3, 20))
    office.sell("support_hours", to=("customer", office.customer("Bob")), minutes=60)
    successor = office.do(renew, contract, Renew())
    listed = {one.id: one.renewed_by for one in office.see(list_contracts).items}
    assert listed[contract] == successor
    assert [other for one, other in listed.items() if one != contract] == [None, None]


def test_a_refused_action_names_the_state_and_the_possible_actions(office: Office) -> None:
    contract = office.sell("subscription", starts_on="2026-03-01", ends_on="2026-03-10")
    with pytest.raises(StateForbids) as refused:
        office.do(enable_contract, contract)
    assert str(refused.value) == "SUB-0001 cannot be enabled: it is active. Possible now: renew, cancel."
    office.clock.move(days=30)
    with pytest.raises(StateForbids) as refused:
        office.do(cancel_contract, contract, CancelContract())
    assert str(refused.value) == "SUB-0001 cannot be cancelled: it is expired. Possible now: renew."
    hours = office.sell("support_hours", minutes=60)
    with pytest.raises(StateForbids) as refused:
        office.do(renew, hours, Renew())
    assert str(refused.value) == (
        "SH-0001 cannot be renewed: it is active. It has no end date at which a successor could start. "
        "Possible now: top-up, adjust, cancel."
    )
    office.do(cancel_contract, hours, CancelContract())
    with pytest.raises(StateForbids) as refused:
        office.do(top_up, hours, TopUp(minutes=5))
    assert str(refused.value) == ("SH-0001 cannot be topped up: it is cancelled. No actions are possible.")
    assert refused.value.values["allowed_actions"] == []


def test_renewing_is_not_offered_for_a_contract_with_a_successor(office: Office) -> None:
    """Neither by the error nor by the page: both use the same list."""
    contract = office.sell("subscription", starts_on="2026-03-01", ends_on="2026-03-10")
    office.do(renew, contract, Renew())
    with pytest.raises(StateForbids) as refused:
        office.do(enable_contract, contract)
    assert refused.value.values["allowed_actions"] == ["cancel"]
