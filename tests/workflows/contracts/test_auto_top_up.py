"""Automatic top-ups: who sets and decides them, once for each crossing, messages, and errors."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from typing import Any

import pytest

from tests.support.sample_desk import SampleDesk
from workflows.commands.contracts import AutoTopUpGiven, CancelContract, DecideTopUp, Renew, SetAutoTopUp
from workflows.commands.fields import MoneyGiven
from workflows.commands.work import ChangeWork
from workflows.contracts.auto_top_up import (
    confirm_top_up,
    decline_top_up,
    list_auto_top_ups,
    set_auto_top_up,
)
from workflows.contracts.queries import contract_audit, read_contract
from workflows.contracts.statement import read_statement
from workflows.contracts.use_cases import cancel_contract, renew
from workflows.core.errors import InvalidInput, NotAllowed, NotFound, StateForbids
from workflows.jobs.definitions import run_job
from workflows.reports.audit import audit_desk
from workflows.reports.impact_preview import preview_impact
from workflows.store import tables as t
from workflows.work.use_cases import change_work


def terms(mode: str = "issue", below: int = 20, **given: Any) -> SetAutoTopUp:
    values = {"mode": mode, "below": below, "minutes": 60, **given}
    return SetAutoTopUp(auto_top_up=AutoTopUpGiven.model_validate(values), reason="Agreed")


def sold(sample: SampleDesk, command: SetAutoTopUp | None = None) -> tuple[str, str]:
    """A contract of 100 minutes with an automatic top-up, and a request that it covers."""
    contract = sample.sell("support_hours", minutes=100)
    sample.do(set_auto_top_up, contract, command or terms())
    return contract, sample.log()


def available(sample: SampleDesk, contract: str) -> int:
    return sample.see(read_contract, contract).balance.minutes.available


def test_two_jobs_at_once_top_up_once(sample: SampleDesk) -> None:
    contract, request = sold(sample)
    sample.clock.move(hours=1)
    sample.work(request, 85)
    with ThreadPoolExecutor(4) as pool:
        done = sum(pool.map(lambda _: run_job(sample.desk, "auto_top_ups"), range(4)))
    assert done == 1
    assert available(sample, contract) == 75
    assert len(sample.rows(t.auto_top_up)) == 1
    assert sample.see(audit_desk).ok


def test_the_statement_and_the_history_say_who_and_why(sample: SampleDesk) -> None:
    price = MoneyGiven(amount_minor=12_000)
    contract, request = sold(sample, terms(price=price.model_dump()))
    sample.clock.move(hours=1)
    worked_at = sample.clock.now()
    sample.work(request, 85)
    sample.clock.move(hours=5)
    run_job(sample.desk, "auto_top_ups")
    [line] = [one for one in sample.see(read_statement, contract).lines if one.minutes == 60]
    assert (line.kind, line.why, line.effective_at) == ("grant", "Topped up automatically", worked_at)
    [grant] = [one for one in sample.rows(t.contract_grant) if one.kind == "top_up"]
    assert (grant.price_minor, grant.created_by) == (12_000, "Coverdesk")
    actions = [one.action for one in sample.see(contract_audit, contract)]
    assert {"automatic top-up set", "automatic top-up issued"} <= set(actions)
    [row] = sample.see(list_auto_top_ups, contract)
    assert (row.state, row.available, row.grant, row.due_at) == ("issued", 15, grant.id, worked_at)
    assert row.price is not None
    assert row.price.amount_minor == 12_000
    assert sample.see_as(sample.technician, list_auto_top_ups, contract)[0].price is None
    messages = [row for row in sample.rows(t.outbox, event="contract_top_up") if row.recipient is None]
    assert [one.payload["state"] for one in messages] == ["issued"]
    assert "had 15 minutes left and was topped up by 60 minutes" in messages[0].subject


def test_terms_apply_at_once_where_the_contract_is_low_already(sample: SampleDesk) -> None:
    contract = sample.sell("support_hours", minutes=100)
    sample.work(sample.log(), 90)
    sample.clock.move(days=2)
    effects = preview_impact(
        sample.desk, sample.administrator, lambda tx: set_auto_top_up(tx, contract, terms())
    )
    [effect] = effects.contracts
    assert effect.before is not None
    assert (effect.before.balance.available, effect.after.balance.available) == (10, 70)
    assert available(sample, contract) == 10
    sample.do(set_auto_top_up, contract, terms())
    assert available(sample, contract) == 70
    [row] = sample.see(list_auto_top_ups, contract)
    assert row.due_at == sample.clock.now()


def test_terms_that_do_more_than_those_before_apply_to_what_only_warned_or_was_prevented(
    sample: SampleDesk,
) -> None:
    contract, request = sold(sample, terms("warn"))
    sample.work(request, 90)
    assert run_job(sample.desk, "auto_top_ups") == 1
    sample.do(set_auto_top_up, contract, terms("warn", below=30))
    assert len(sample.see(list_auto_top_ups, contract)) == 1
    sample.do(set_auto_top_up, contract, terms())
    assert available(sample, contract) == 70
    sample.work(request, 60)
    assert run_job(sample.desk, "auto_top_ups") == 1
    assert [row.state for row in sample.see(list_auto_top_ups, contract)] == ["capped", "issued"]
    sample.do(set_auto_top_up, contract, terms(most_per_month=2))
    assert available(sample, contract) == 70
    assert [row.state for row in sample.see(list_auto_top_ups, contract)] == ["issued", "issued"]
    assert run_job(sample.desk, "auto_top_ups") == 0
    assert sample.see(audit_desk).ok


def test_a_warning_from_before_other_terms_does_not_stop_the_job(sample: SampleDesk) -> None:
    """Time is given back after the warning, the terms are changed, and then it is used again."""
    contract, request = sold(sample, terms("warn"))
    sample.work(request, 90)
    assert run_job(sample.desk, "auto_top_ups") == 1
    (entry,) = sample.rows(t.work_entry)
    sample.do(change_work, entry.id, ChangeWork(minutes=10))
    sample.do(set_auto_top_up, contract, terms())
    assert available(sample, contract) == 90
    sample.work(request, 80)
    assert run_job(sample.desk, "auto_top_ups") == 1
    assert available(sample, contract) == 70
    assert run_job(sample.desk, "auto_top_ups") == 0


def test_a_prepared_top_up_is_decided_once(sample: SampleDesk) -> None:
    contract, request = sold(sample, terms("draft"))
    sample.work(request, 90)
    run_job(sample.desk, "auto_top_ups")
    [row] = sample.see(list_auto_top_ups, contract)
    assert (row.state, available(sample, contract)) == ("draft", 10)
    for actor in (sample.technician, sample.person("customer", "Ann", customer=sample.ann)):
        for use_case in (confirm_top_up, decline_top_up):
            with pytest.raises(NotAllowed):
                sample.do_as(actor, use_case, contract, row.id, DecideTopUp())
    sample.do_as(sample.finance, confirm_top_up, contract, row.id, DecideTopUp(reason="Ordered"))
    assert available(sample, contract) == 70
    for use_case in (confirm_top_up, decline_top_up):
        with pytest.raises(StateForbids):
            sample.do_as(sample.supervisor, use_case, contract, row.id, DecideTopUp())
    [row] = sample.see(list_auto_top_ups, contract)
    assert (row.state, row.decided_by, row.reason) == ("issued", "the finance", "Ordered")
    with pytest.raises(NotFound):
        sample.do(confirm_top_up, contract, "nothing", DecideTopUp())
    assert sample.see(audit_desk).ok


def test_one_that_is_declined_does_not_come_again_until_a_grant_opens(sample: SampleDesk) -> None:
    contract, request = sold(sample, terms("draft"))
    sample.work(request, 90)
    run_job(sample.desk, "auto_top_ups")
    [row] = sample.see(list_auto_top_ups, contract)
    sample.do_as(sample.supervisor, decline_top_up, contract, row.id, DecideTopUp(reason="Not wanted"))
    sample.clock.move(days=40)
    assert run_job(sample.desk, "auto_top_ups") == 0
    assert available(sample, contract) == 10


def test_one_that_waits_is_refused_once_the_contract_is_over(sample: SampleDesk) -> None:
    contract, request = sold(sample, terms("draft"))
    sample.work(request, 90)
    run_job(sample.desk, "auto_top_ups")
    sample.do(cancel_contract, contract, CancelContract(reason="Over"))
    [row] = sample.see(list_auto_top_ups, contract)
    with pytest.raises(StateForbids):
        sample.do(confirm_top_up, contract, row.id, DecideTopUp())
    with pytest.raises(StateForbids):
        sample.do(set_auto_top_up, contract, terms())


def test_switched_off_nothing_happens(sample: SampleDesk) -> None:
    contract, request = sold(sample)
    sample.do(set_auto_top_up, contract, SetAutoTopUp(auto_top_up=None))
    sample.work(request, 95)
    sample.clock.move(days=1)
    assert run_job(sample.desk, "auto_top_ups") == 0
    assert sample.see(read_contract, contract).auto_top_up is None


@pytest.mark.parametrize("role", ["technician", "ann"])
def test_only_those_who_sell_set_it(sample: SampleDesk, role: str) -> None:
    contract = sample.sell("support_hours", minutes=100)
    actor = sample.person("customer", "Ann", customer=sample.ann) if role == "ann" else sample.technician
    with pytest.raises(NotAllowed):
        sample.do_as(actor, set_auto_top_up, contract, terms())


def test_terms_must_fit_the_contract(sample: SampleDesk) -> None:
    hours = sample.sell("support_hours", minutes=100)
    endless = sample.sell("subscription")
    pack = sample.sell("incident_pack", incidents=3)
    other = MoneyGiven(amount_minor=1, currency="USD").model_dump()
    for contract, command in (
        (endless, terms()),
        (pack, terms()),
        (hours, terms(minutes=None, incidents=3)),
        (hours, terms(minutes=None)),
        (hours, terms(incidents=3)),
        (hours, terms(price=other)),
    ):
        with pytest.raises(InvalidInput) as refused:
            sample.do(set_auto_top_up, contract, command)
        assert str(refused.value.values["pointer"]).startswith("/auto_top_up")
    with pytest.raises(InvalidInput):
        sample.sell("subscription", auto_top_up=terms().auto_top_up)
    assert sample.rows(t.auto_top_up) == []


def test_a_sale_has_the_terms_from_its_beginning(sample: SampleDesk) -> None:
    contract = sample.sell("support_hours", minutes=100, auto_top_up=terms().auto_top_up)
    sample.clock.move(hours=1)
    sample.work(sample.log(), 90)
    sample.clock.move(hours=1)
    run_job(sample.desk, "auto_top_ups")
    assert sample.see(list_auto_top_ups, contract)[0].due_at == sample.clock.now() - timedelta(hours=1)


def test_a_warning_needs_no_amount(sample: SampleDesk) -> None:
    given = SetAutoTopUp(auto_top_up=AutoTopUpGiven(mode="warn", below=20))
    contract, request = sold(sample, given)
    terms_now = sample.see(read_contract, contract).auto_top_up
    assert terms_now is not None
    assert terms_now.quantity is None
    sample.clock.move(hours=1)
    sample.work(request, 85)
    assert run_job(sample.desk, "auto_top_ups") == 1
    assert run_job(sample.desk, "auto_top_ups") == 0
    [row] = sample.see(list_auto_top_ups, contract)
    assert (row.state, row.quantity, row.available, row.grant) == ("warned", None, 15, None)
    messages = [row for row in sample.rows(t.outbox, event="contract_top_up") if row.recipient is None]
    assert [one.subject for one in messages] == [
        f"Only 15 minutes of contract {sample.contract(contract).number} (Ann) is left"
    ]
    sold_until = sample.sell(
        "support_hours",
        minutes=100,
        ends_on=date(2026, 12, 31),
        auto_top_up=AutoTopUpGiven(mode="warn", below=20),
    )
    successor = sample.do(renew, sold_until, Renew(ends_on=date(2027, 12, 31)))
    assert sample.contract(successor).auto_top_up["quantity"] is None


@pytest.mark.parametrize("mode", ["draft", "issue"])
def test_other_modes_need_an_amount(sample: SampleDesk, mode: Any) -> None:
    contract = sample.sell("support_hours", minutes=100)
    with pytest.raises(InvalidInput) as refused:
        sample.do(set_auto_top_up, contract, SetAutoTopUp(auto_top_up=AutoTopUpGiven(mode=mode, below=20)))
    assert refused.value.values["pointer"] == "/auto_top_up/minutes"
