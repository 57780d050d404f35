"""Contracts: creating, enabling, topping up, adjusting, renewing, cancelling, and what is refused."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event

from tests.support.sample_desk import MONDAY, SampleDesk
from workflows.commands.contracts import Adjust, CancelContract, NewContract, Renew, TakeContract, TopUp
from workflows.commands.fields import MoneyGiven
from workflows.contracts.offers import take_contract
from workflows.contracts.queries import contract_types, list_contracts, read_contract
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
def sample(sample: SampleDesk) -> SampleDesk:
    """The sample of a provider in Berlin."""
    sample.set(time_zone="Europe/Berlin")
    return sample


def state(sample: SampleDesk, contract: str) -> tuple[str, str | None]:
    view = sample.see(read_contract, contract)
    return view.state, view.pending_reason


def available(sample: SampleDesk, contract: str) -> int:
    return sample.see(read_contract, contract).balance.minutes.available


def test_without_a_start_it_starts_today_in_the_providers_time_zone(sample: SampleDesk) -> None:
    sample.clock.at = datetime(2026, 3, 1, 23, 30, tzinfo=UTC)  # 2 March in Berlin
    view = sample.see(read_contract, sample.sell("subscription"))
    assert view.starts_at == datetime(2026, 3, 1, 23, 0, tzinfo=UTC)
    assert (view.starts_on, view.ends_on) == (date(2026, 3, 2), date(2027, 3, 1))


@pytest.mark.parametrize(
    ("starts_on", "ends_on"),
    [(date(2026, 1, 31), date(2027, 1, 30)), (date(2024, 2, 29), date(2025, 2, 28))],
)
def test_a_year_is_a_calendar_year(sample: SampleDesk, starts_on: date, ends_on: date) -> None:
    assert sample.see(read_contract, sample.sell("subscription", starts_on=starts_on)).ends_on == ends_on


def test_a_contract_sold_without_an_end_runs_as_long_as_the_settings_say(sample: SampleDesk) -> None:
    periods = ("subscription", "support_hours_by_month", "time_limited_subscription")
    sample.set(default_contract_months=6)
    shown = {one.key: one.default_duration_months for one in sample.see(contract_types)}
    assert [shown[key] for key in periods] == [6, 6, 6]
    for key in periods:
        sold = sample.see(read_contract, sample.sell(key, starts_on=date(2026, 1, 31)))
        assert (key, sold.ends_on) == (key, date(2026, 7, 30))
    assert shown["support_hours"] is None
    assert sample.see(read_contract, sample.sell("support_hours")).ends_on is None


def test_enabling_early_moves_the_start_and_the_grants(sample: SampleDesk) -> None:
    contract = sample.sell("support_hours", minutes=60, starts_at=MONDAY + timedelta(days=9))
    assert state(sample, contract) == ("pending", "awaiting_start")
    sample.do(enable_contract, contract)
    assert state(sample, contract) == ("active", None)
    assert sample.see(read_contract, contract).starts_at == MONDAY
    assert sample.work(sample.log(), 10) == [("grant", 10)]
    with pytest.raises(StateForbids):
        sample.do(enable_contract, contract)


def test_enable_false_waits_and_true_starts_now(sample: SampleDesk) -> None:
    waiting = sample.sell("subscription", enable=False)
    assert state(sample, waiting) == ("pending", "awaiting_enable")
    sample.clock.move(days=3)
    assert state(sample, waiting) == ("pending", "awaiting_enable")
    now = sample.sell("subscription", starts_at=MONDAY + timedelta(days=30), enable=True)
    assert sample.see(read_contract, now).starts_at == sample.clock.now()


def test_only_finance_enables_a_contract_that_awaits_payment(sample: SampleDesk) -> None:
    sample.set(payment_required=True)
    contract = sample.sell("subscription", price=MoneyGiven(amount_minor=12_000))
    assert state(sample, contract) == ("pending", "awaiting_payment")
    free = sample.sell("subscription", price=MoneyGiven(amount_minor=0))
    assert state(sample, free) == ("active", None)
    for actor in (sample.administrator, sample.supervisor):
        with pytest.raises(NotAllowed):
            sample.do_as(actor, enable_contract, contract)
    sample.do_as(sample.finance, enable_contract, contract)
    assert state(sample, contract) == ("active", None)


def test_a_top_up_makes_an_exhausted_contract_active(sample: SampleDesk) -> None:
    contract = sample.sell("support_hours", minutes=10)
    sample.work(sample.log(), 10)
    assert state(sample, contract) == ("exhausted", None)
    waiting = sample.log()
    assert sample.request(waiting).state == "pending_no_contract"
    sample.do(top_up, contract, TopUp(minutes=30))
    assert state(sample, contract) == ("active", None)
    assert sample.request(waiting).contract_id == contract


def test_adjusting_withdraws_no_more_than_is_available(sample: SampleDesk) -> None:
    contract = sample.sell("support_hours", minutes=60)
    sample.do(adjust, contract, Adjust(minutes=-20, reason="sold too much"))
    assert available(sample, contract) == 40
    with pytest.raises(InvalidInput):
        sample.do(adjust, contract, Adjust(minutes=-41, reason="too much"))
    sample.do(adjust, contract, Adjust(minutes=5, reason="goodwill"))
    view = sample.see(read_contract, contract).balance.minutes
    assert (view.purchased, view.available) == (45, 45)


def test_the_successor_starts_where_the_contract_ends(sample: SampleDesk) -> None:
    contract = sample.sell(
        "time_limited_subscription", minutes=90, starts_on=date(2026, 3, 2), ends_on=date(2026, 5, 31)
    )
    successor = sample.do(renew, contract, Renew())
    old, new = sample.see(read_contract, contract), sample.see(read_contract, successor)
    assert (new.starts_at, new.renewal_of, old.renewed_by) == (old.expires_at, contract, successor)
    assert (new.state, new.balance.minutes.purchased) == ("pending", 90)
    with pytest.raises(Conflict):
        sample.do(renew, contract, Renew())


def test_cancelling_ends_it_and_expires_its_balance(sample: SampleDesk) -> None:
    contract = sample.sell("support_hours", minutes=60)
    sample.do(cancel_contract, contract, CancelContract(reason="wrong customer"))
    view = sample.see(read_contract, contract)
    assert (view.state, view.balance.minutes.expired, view.balance.minutes.available) == ("cancelled", 60, 0)
    with pytest.raises(StateForbids):
        sample.do(top_up, contract, TopUp(minutes=5))
    with pytest.raises(StateForbids):
        sample.do(cancel_contract, contract, CancelContract())


def test_a_per_request_contract_ends_and_is_revived_with_its_request(sample: SampleDesk) -> None:
    request = sample.log()
    own = sample.do(take_contract, request, TakeContract(type="per_request"))
    assert sample.request(request).contract_id == own
    sample.clock.move(hours=1)
    sample.work(request, 500)
    sample.fire(request, "resolve", note="done")
    sample.fire(request, "close")
    assert state(sample, own) == ("expired", None)
    sample.fire(request, "reopen")
    assert state(sample, own) == ("active", None)
    sample.fire(request, "resolve", note="done")
    sample.fire(request, "close")
    sample.clock.move(days=14)
    sample.fire(request, "reopen")
    assert sample.request(request).state == "pending_no_contract"


def test_a_customers_order_waits_for_someone_to_enable_it(sample: SampleDesk) -> None:
    ann = sample.person("customer", "Ann", customer=sample.ann)
    request = sample.log()
    order = sample.do_as(ann, take_contract, request, TakeContract(type="subscription"))
    assert state(sample, order) == ("pending", "awaiting_enable")
    assert sample.request(request).state == "pending_no_contract"
    sample.do(enable_contract, order)
    assert sample.request(request).contract_id == order
    assert [one.state for one in sample.rows(t.contract, holder_id=request)] == ["cancelled"]


@pytest.mark.parametrize("role", ["technician", "customer"])
def test_roles_that_do_not_sell_are_refused(sample: SampleDesk, role: Any) -> None:
    actor = sample.technician if role == "technician" else sample.person("customer", customer=sample.ann)
    command = NewContract.model_validate({"type": "subscription", "holder": {"customer": sample.ann}})
    with pytest.raises(NotAllowed):
        sample.do_as(actor, create_contract, command)


def test_the_list_filters_by_state_whether_or_not_jobs_have_run(sample: SampleDesk) -> None:
    ends = sample.sell("subscription", ends_on=MONDAY.date())
    starts = sample.sell("subscription", starts_at=MONDAY + timedelta(days=1))
    used = sample.sell("support_hours", minutes=5)
    monthly = sample.sell("support_hours_by_month", minutes=5)
    sample.clock.move(hours=1)
    sample.work(sample.log(), 5)

    def found(wanted: str) -> set[str]:
        return {one.id for one in sample.see(list_contracts, state=wanted).items}

    assert (found("active"), found("pending")) == ({ends, used, monthly}, {starts})
    sample.clock.move(days=2)
    assert (found("expired"), found("pending")) == ({ends}, set())
    assert found("active") == {starts, used, monthly}


def test_a_longer_list_needs_no_more_statements(sample: SampleDesk) -> None:
    def statements() -> int:
        seen: list[str] = []

        def take_down(_c: Any, _k: Any, statement: str, *_: Any) -> None:
            seen.append(statement)

        with sample.desk.read(sample.supervisor) as tx:
            event.listen(tx.connection.engine, "before_cursor_execute", take_down)
            listed = list_contracts(tx)
            event.remove(tx.connection.engine, "before_cursor_execute", take_down)
        assert listed.items
        return len(seen)

    sample.sell("support_hours", minutes=60)
    few = statements()
    for index in range(6):
        sample.sell("support_hours", to=("customer", sample.customer(f"Bob {index}")), minutes=60)
    assert statements() == few


def test_a_list_has_the_successor_of_each_contract(sample: SampleDesk) -> None:
    contract = sample.sell("support_hours", minutes=60, ends_on=date(2026, 3, 20))
    sample.sell("support_hours", to=("customer", sample.customer("Bob")), minutes=60)
    successor = sample.do(renew, contract, Renew())
    listed = {one.id: one.renewed_by for one in sample.see(list_contracts).items}
    assert listed[contract] == successor
    assert [other for one, other in listed.items() if one != contract] == [None, None]


def test_a_refused_action_names_the_state_and_the_possible_actions(sample: SampleDesk) -> None:
    contract = sample.sell("subscription", starts_on="2026-03-01", ends_on="2026-03-10")
    with pytest.raises(StateForbids) as refused:
        sample.do(enable_contract, contract)
    assert (
        str(refused.value)
        == "SUB-0001 cannot be enabled: it is active. Possible now: renew, amend, transfer, cancel."
    )
    sample.clock.move(days=30)
    with pytest.raises(StateForbids) as refused:
        sample.do(cancel_contract, contract, CancelContract())
    assert str(refused.value) == "SUB-0001 cannot be cancelled: it is expired. Possible now: renew."
    hours = sample.sell("support_hours", minutes=60)
    with pytest.raises(StateForbids) as refused:
        sample.do(renew, hours, Renew())
    assert str(refused.value) == (
        "SH-0001 cannot be renewed: it is active. It has no end date at which a successor could start. "
        "Possible now: top-up, auto-top-up, adjust, amend, transfer, cancel."
    )
    sample.do(cancel_contract, hours, CancelContract())
    with pytest.raises(StateForbids) as refused:
        sample.do(top_up, hours, TopUp(minutes=5))
    assert str(refused.value) == ("SH-0001 cannot be topped up: it is cancelled. No actions are possible.")
    assert refused.value.values["allowed_actions"] == []


def test_renewing_is_not_offered_for_a_contract_with_a_successor(sample: SampleDesk) -> None:
    """Neither by the error nor by the page: both use the same list."""
    contract = sample.sell("subscription", starts_on="2026-03-01", ends_on="2026-03-10")
    sample.do(renew, contract, Renew())
    with pytest.raises(StateForbids) as refused:
        sample.do(enable_contract, contract)
    assert refused.value.values["allowed_actions"] == ["amend", "transfer", "cancel"]
