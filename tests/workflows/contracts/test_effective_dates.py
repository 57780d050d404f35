"""Actions on contracts take effect now, at a later instant or as of an earlier one, and say why."""

from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any

import pytest

from tests.support.sample_desk import MONDAY, SampleDesk
from workflows.billing.contract_actions import preview_action
from workflows.commands.contracts import Adjust, CancelContract, EnableContract, TopUp
from workflows.contracts.queries import contract_audit, read_contract
from workflows.contracts.statement import read_statement
from workflows.contracts.use_cases import adjust, cancel_contract, enable_contract, top_up
from workflows.core.errors import InvalidInput, StateForbids
from workflows.jobs.definitions import run_job
from workflows.reports.audit import audit_desk
from workflows.reports.impact_preview import preview_impact
from workflows.store import tables as t

DAY = timedelta(days=1)
YEAR: dict[str, Any] = {"starts_on": date(2026, 3, 1), "ends_on": date(2027, 2, 28)}


def available(sample: SampleDesk, contract: str, at: datetime | None = None) -> int:
    detail = sample.see(read_contract, contract, as_of=at)
    return detail.balance.minutes.available + detail.balance.incidents.available


def state(sample: SampleDesk, contract: str) -> str:
    return sample.see(read_contract, contract).state


@pytest.mark.parametrize(
    ("use_case", "command"),
    [
        (top_up, TopUp(minutes=60, effective_at=MONDAY - 9 * DAY)),
        (top_up, TopUp(minutes=60, effective_on=date(2026, 2, 28))),
        (adjust, Adjust(minutes=60, effective_at=MONDAY - 9 * DAY, reason="Goodwill")),
        (adjust, Adjust(minutes=-60, effective_on=date(2026, 2, 28), reason="Goodwill")),
        (cancel_contract, CancelContract(effective_on=date(2026, 2, 28))),
    ],
)
def test_nothing_changes_before_the_contract(sample: SampleDesk, use_case: Any, command: Any) -> None:
    contract = sample.sell("time_limited_subscription", minutes=120, **YEAR)
    before = sample.see(read_contract, contract)
    with pytest.raises(
        InvalidInput, match="TLS-0001 starts on 2026-03-01: nothing about it can change before"
    ):
        sample.do(use_case, contract, command)
    assert sample.see(read_contract, contract) == before


def test_an_instant_or_a_day_but_not_both(sample: SampleDesk) -> None:
    contract = sample.sell("time_limited_subscription", minutes=120, **YEAR)
    both = TopUp(minutes=5, effective_at=MONDAY, effective_on=date(2026, 3, 2))
    with pytest.raises(InvalidInput, match="Give effective_at or effective_on, not both"):
        sample.do(top_up, contract, both)


def test_the_first_day_of_a_contract_is_its_start(sample: SampleDesk) -> None:
    contract = sample.sell("support_hours", minutes=60, starts_at=MONDAY - timedelta(hours=1))
    sample.do(top_up, contract, TopUp(minutes=5, effective_on=MONDAY.date()))
    assert available(sample, contract, MONDAY - timedelta(minutes=30)) == 65


def test_the_reason_of_a_top_up_is_in_the_statement_and_the_history(sample: SampleDesk) -> None:
    contract = sample.sell("support_hours", minutes=60)
    sample.do(top_up, contract, TopUp(minutes=30, reason="Order 4711"))
    assert [line.why for line in sample.see(read_statement, contract).lines] == [
        "Sold with the contract",
        "Order 4711",
    ]
    last = sample.see(contract_audit, contract)[0]
    assert (last.action, last.details["reason"], last.actor) == (
        "topped up",
        "Order 4711",
        "the administrator",
    )


def test_a_withdrawal_as_of_an_earlier_instant(sample: SampleDesk) -> None:
    contract = sample.sell("support_hours", minutes=100)
    request = sample.log()
    sample.clock.move(days=1)
    sample.work(request, 30)
    sample.clock.move(days=1)
    sample.do(adjust, contract, Adjust(minutes=-20, effective_at=MONDAY, reason="Sold too many"))
    assert [available(sample, contract, at) for at in (MONDAY, MONDAY + DAY, MONDAY + 2 * DAY)] == [
        80,
        50,
        50,
    ]
    with pytest.raises(InvalidInput, match="Only 50 minutes can be withdrawn"):
        sample.do(adjust, contract, Adjust(minutes=-51, effective_at=MONDAY, reason="Too many"))
    later = Adjust(minutes=-1, effective_at=MONDAY + 9 * DAY, reason="Too early")
    with pytest.raises(InvalidInput, match="cannot take effect in the future"):
        sample.do(adjust, contract, later)


def test_no_more_is_withdrawn_than_there_was_at_every_instant_since(sample: SampleDesk) -> None:
    """A top-up that came later cannot be withdrawn as of an instant before it."""
    contract = sample.sell("support_hours", minutes=10)
    sample.clock.move(days=2)
    sample.do(top_up, contract, TopUp(minutes=100))
    with pytest.raises(InvalidInput, match="Only 10 minutes can be withdrawn"):
        sample.do(adjust, contract, Adjust(minutes=-11, effective_at=MONDAY, reason="Too many"))


def test_a_contract_is_enabled_on_a_later_day(sample: SampleDesk) -> None:
    request = sample.log()
    contract = sample.sell("support_hours", minutes=60, enable=False)
    sample.do(enable_contract, contract, EnableContract(effective_on=date(2026, 3, 5), reason="As ordered"))
    assert state(sample, contract) == "pending"
    sample.clock.at = datetime(2026, 3, 5, tzinfo=UTC)
    run_job(sample.desk, "settle_contracts")
    assert state(sample, contract) == "active"
    assert sample.request(request).contract_id == contract
    with pytest.raises(StateForbids):
        sample.do(enable_contract, contract, EnableContract())


def test_a_contract_is_not_enabled_in_the_past(sample: SampleDesk) -> None:
    contract = sample.sell("support_hours", minutes=60, enable=False, starts_on=date(2026, 2, 1))
    with pytest.raises(InvalidInput, match="cannot be enabled in the past"):
        sample.do(enable_contract, contract, EnableContract(effective_on=date(2026, 2, 3)))
    assert sample.contract(contract).enabled_at is None


@pytest.mark.parametrize("type_key", ["time_limited_subscription", "support_hours_by_month", "incident_pack"])
def test_a_cancellation_on_a_later_day(sample: SampleDesk, type_key: str) -> None:
    amount: dict[str, Any] = {"incidents": 10} if type_key == "incident_pack" else {"minutes": 60}
    contract = sample.sell(type_key, **YEAR, **amount)
    request = sample.log()
    sample.do(cancel_contract, contract, CancelContract(effective_on=date(2026, 5, 10), reason="Moved away"))
    assert state(sample, contract) == "active"
    assert sample.request(request).contract_id == contract
    sample.clock.at = datetime(2026, 5, 10, tzinfo=UTC)
    run_job(sample.desk, "settle_contracts")
    assert state(sample, contract) == "cancelled"
    assert sample.request(request).contract_id is None
    assert available(sample, contract) == 0
    assert sample.contract(contract).next_due_at is None
    balances = sample.grants(contract)
    assert {row.available + row.held for row in balances} == {0}
    assert all(row.expiry_posted for row in balances)


def test_a_cancellation_that_was_set_for_later_comes_at_once(sample: SampleDesk) -> None:
    contract = sample.sell("subscription", **YEAR)
    for day in (date(2026, 5, 10), date(2026, 4, 1), None):
        sample.do(cancel_contract, contract, CancelContract(effective_on=day))
    assert state(sample, contract) == "cancelled"
    with pytest.raises(StateForbids):
        sample.do(cancel_contract, contract, CancelContract())


def test_a_cancellation_as_of_an_earlier_instant(sample: SampleDesk) -> None:
    """Work since then is drawn again: from the contract that covers the request instead, if there is one."""
    first, second = (
        sample.sell("time_limited_subscription", minutes=100, **YEAR, time_expired="ignore") for _ in range(2)
    )
    request = sample.log()
    sample.clock.move(days=4)
    sample.work(request, 30, at=MONDAY)
    sample.work(request, 20, at=MONDAY + 2 * DAY)
    command = CancelContract(effective_at=MONDAY + DAY)
    act = partial(preview_action, contract_id=first, command=command)
    seen = preview_impact(sample.desk, sample.supervisor, act)
    assert [(one.before[0].contract, one.after[0].contract) for one in seen.moves] == [(first, second)]
    sample.do_as(sample.supervisor, cancel_contract, first, command)
    assert [available(sample, first, at) for at in (MONDAY, MONDAY + 2 * DAY)] == [70, 0]
    assert [available(sample, second, at) for at in (MONDAY, MONDAY + 2 * DAY)] == [100, 80]
    assert sample.see(read_contract, first).cancelled_at == MONDAY + DAY
    for one in seen.contracts:
        assert one.after.balance == sample.see(read_contract, one.after.id).balance.minutes
    sample.do(cancel_contract, second, CancelContract(effective_at=MONDAY + DAY))
    assert [row.kind for row in sample.rows(t.work_allocation) if row.reversed_at is None] == [
        "grant", "ignored"
    ]  # fmt: skip
    assert sample.see(audit_desk).ok


def test_a_cancellation_before_a_settled_incident_is_refused(sample: SampleDesk) -> None:
    contract = sample.sell("incident_pack", **YEAR, incidents=10)
    request = sample.log()
    sample.fire(request, "resolve", note="Done")
    sample.fire(request, "close")
    sample.clock.move(days=4)
    with pytest.raises(InvalidInput, match="has paid for requests that are finished since then") as refused:
        sample.do(cancel_contract, contract, CancelContract(effective_at=MONDAY))
    assert refused.value.values["pointer"] == "/effective_at"
    assert state(sample, contract) == "active"
    sample.do(cancel_contract, contract, CancelContract(effective_at=MONDAY + DAY))
    assert state(sample, contract) == "cancelled"


def test_the_preview_of_a_later_cancellation_is_what_happens_then(sample: SampleDesk) -> None:
    contract = sample.sell("time_limited_subscription", minutes=100, **YEAR)
    request = sample.log()
    command = CancelContract(effective_on=date(2026, 5, 10))
    sample.desk.refresh()
    seen = preview_impact(sample.desk, sample.supervisor, lambda tx: preview_action(tx, contract, command))
    assert seen.effective_at == datetime(2026, 5, 10, tzinfo=UTC)
    assert [one.after.state for one in seen.contracts if one.after.id == contract] == ["cancelled"]
    assert [(one.before.contract, one.after.contract) for one in seen.requests] == [(contract, None)]
    assert sample.contract(contract).cancelled_at is None
    sample.do_as(sample.supervisor, cancel_contract, contract, command)
    sample.clock.at = datetime(2026, 5, 10, tzinfo=UTC)
    run_job(sample.desk, "settle_contracts")
    now = sample.see(read_contract, contract)
    after = next(one.after for one in seen.contracts if one.after.id == contract)
    assert (after.state, after.balance) == (now.state, now.balance.minutes)
    assert sample.request(request).contract_id is None


def test_a_preview_writes_nothing(sample: SampleDesk) -> None:
    contract = sample.sell("support_hours", minutes=60)
    before = {name: len(sample.rows(table)) for name, table in t.metadata.tables.items()}
    for command in (TopUp(minutes=5), Adjust(minutes=-5, reason="x"), CancelContract()):
        act = partial(preview_action, contract_id=contract, command=command)
        preview_impact(sample.desk, sample.supervisor, act)
    assert {name: len(sample.rows(table)) for name, table in t.metadata.tables.items()} == before
