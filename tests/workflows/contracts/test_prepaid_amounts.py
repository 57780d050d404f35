"""Contracts in money through the use cases, on both databases: terms, previews, alerts, audit."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from tests.support.rate_cards import rate_card
from tests.support.sample_desk import MONDAY, SampleDesk
from workflows.administration.settings import change_settings
from workflows.billing.contract_actions import preview_action
from workflows.commands.contracts import (
    Adjust,
    AmendContract,
    AutoTopUpGiven,
    Renew,
    SetAutoTopUp,
    TopUp,
    TransferContract,
)
from workflows.commands.fields import MoneyGranted
from workflows.commands.service_requests import SearchCoverage
from workflows.commands.work import ChangeWork, WorkGiven
from workflows.contracts.amending import amend_contract, transfer_contract
from workflows.contracts.auto_top_up import list_auto_top_ups, set_auto_top_up
from workflows.contracts.balance_curve import read_burn_down
from workflows.contracts.holder_statement import read_holder_statement
from workflows.contracts.queries import read_contract
from workflows.contracts.statement import read_statement
from workflows.contracts.use_cases import adjust, renew, top_up
from workflows.core.errors import Conflict, InvalidInput
from workflows.jobs.definitions import run_job
from workflows.ledger.queries import list_ledger_transactions
from workflows.reports.alerts import list_alerts
from workflows.reports.audit import audit_desk
from workflows.reports.impact_preview import preview_impact
from workflows.reports.running_out import list_running_out
from workflows.service_requests.queries import read_service_request
from workflows.service_requests.use_cases import search_or_assign
from workflows.store import tables as t
from workflows.views import MoneyView
from workflows.work.queries import preview_view
from workflows.work.use_cases import change_work, preview_change, preview_work

HUNDRED = MoneyGranted(amount_minor=10_000)


@pytest.fixture
def sample(sample: SampleDesk) -> SampleDesk:
    """A desk on which an hour of work costs EUR 100.00."""
    sample.set(time_expired_contract="ignore")
    sample.publish_rules(rate_cards__standard=rate_card(10_000))
    return sample


def money(amount_minor: int, currency: str | None = None) -> dict[str, Any]:
    given: dict[str, Any] = {"amount_minor": amount_minor}
    return given if currency is None else {**given, "currency": currency}


def prepaid(sample: SampleDesk, amount_minor: int = 10_000, **terms: Any) -> str:
    return sample.sell("prepaid_amount", money=MoneyGranted(amount_minor=amount_minor), **terms)


def holds(sample: SampleDesk) -> None:
    found = sample.see(audit_desk)
    assert found.ok, found.differences


def test_balance_and_postings_are_in_the_currency(sample: SampleDesk) -> None:
    contract, request = prepaid(sample), sample.log()
    assert sample.work(request, 30) == [("grant", 30)]
    view = sample.see(read_contract, contract)
    assert (view.balance.money.currency, view.balance.money.available) == ("EUR", 5_000)
    assert (view.balance.money.purchased, view.balance.money.drawn) == (10_000, 5_000)
    assert view.balance.minutes.purchased == 0
    assert [(one.unit, one.currency, one.quantity) for one in view.grants] == [("money", "EUR", 10_000)]
    posted = sample.see(list_ledger_transactions, kind="draw").items[0].postings
    assert [(one.account, one.unit, one.amount) for one in posted] == [
        ("available", "EUR", -5_000),
        ("consumed", "EUR", 5_000),
    ]
    [row] = sample.rows(t.work_allocation)
    assert (row.minutes, row.amount_minor, row.currency) == (30, 5_000, "EUR")
    left = sample.see(read_service_request, request).coverage
    assert left is not None
    assert (left.money_left, left.minutes_left) == (MoneyView(5_000, "EUR"), None)
    holds(sample)


def test_the_preview_shows_what_is_left(sample: SampleDesk) -> None:
    contract, request = prepaid(sample, 4_000), sample.log()
    command = WorkGiven(minutes=60, worked_at=MONDAY)
    with sample.desk.read(sample.supervisor) as tx:
        shown = preview_view(tx, preview_work(tx, request, command))
    assert [(one.kind, one.minutes, one.amount) for one in shown.allocations] == [
        ("grant", 24, MoneyView(4_000, "EUR")),
        ("ignored", 36, None),
    ]
    assert (shown.leaves, shown.leaves_money) == ({}, {contract: MoneyView(0, "EUR")})


def test_statements_are_in_money(sample: SampleDesk) -> None:
    contract, request = prepaid(sample), sample.log()
    sample.clock.move(hours=1)
    sample.work(request, 30)
    found = sample.see(read_statement, contract)
    assert (found.unit, found.currency, found.closing_balance) == ("money", "EUR", 5_000)
    assert [(line.money, line.minutes, line.balance_after) for line in found.lines] == [
        (10_000, 0, 10_000),
        (-5_000, 0, 5_000),
    ]
    of_holder = sample.see(read_holder_statement, "customer", sample.ann).lines
    assert [(one.unit, one.currency, one.money) for one in of_holder] == [
        ("money", "EUR", 10_000),
        ("money", "EUR", -5_000),
    ]


def test_thresholds_and_projection_are_of_the_money(sample: SampleDesk) -> None:
    contract = prepaid(sample, starts_at=MONDAY - timedelta(days=40))
    request = sample.log()
    sample.work(request, 45)
    [alert] = sample.see(list_alerts).items
    assert (alert.kind, alert.level) == ("threshold", 75)
    texts = [row.body for row in sample.rows(t.outbox, event="contract_threshold") if row.recipient]
    assert "EUR 25.00 of EUR 100.00 can still be used." in texts[0]
    [running] = sample.see(list_running_out)
    # 75.00 in 30 days: 25.00 last for ten more
    assert (running.contract, running.runs_out_at) == (contract, MONDAY + timedelta(days=10))
    chart = sample.see(read_burn_down, contract)
    assert (chart.currency, chart.available_money, chart.available_minutes) == ("EUR", 2_500, 0)
    assert [(point.money, point.minutes) for point in chart.points][-1] == (2_500, 0)
    assert chart.projection is not None
    assert (chart.projection.drawn_money, chart.projection.drawn_minutes) == (7_500, 0)


@pytest.mark.parametrize(
    ("terms", "pointer", "text"),
    [
        ({"minutes": 60}, "/minutes", "have no minutes"),
        ({"money": MoneyGranted(amount_minor=1, currency="USD")}, "/money/currency", "currency is EUR"),
        ({"money": HUNDRED, "rate_card": "none"}, "/rate_card", "There is no rate card 'none'"),
        ({"money": HUNDRED, "rate_card": "empty"}, "/rate_card", "the rate card 'empty' has no rates"),
        ({"money": HUNDRED, "grants": []}, "/grants", "Give money or grants, not both."),
        ({"grants": [{"minutes": 5}]}, "/grants/0", "have grants of money"),
        (
            {"grants": [{"money": money(5, "USD")}]},
            "/grants/0/money/currency",
            "The desk's currency is EUR",
        ),
    ],
)
def test_terms_that_do_not_fit_are_refused(
    sample: SampleDesk, terms: dict[str, Any], pointer: str, text: str
) -> None:
    empty = '{"label": "Empty", "currency": "EUR", "rules": [], "examples": []}'
    sample.publish_rules(rate_cards__standard=rate_card(10_000), rate_cards__empty=empty)
    with pytest.raises(InvalidInput) as refused:
        sample.sell("prepaid_amount", **terms)
    assert refused.value.values["pointer"] == pointer
    assert text in str(refused.value)
    assert sample.rows(t.contract) == []


def test_other_types_take_no_money(sample: SampleDesk) -> None:
    with pytest.raises(InvalidInput, match="have no money"):
        sample.sell("support_hours", minutes=60, money=HUNDRED)
    hours = sample.sell("support_hours", minutes=60)
    with pytest.raises(InvalidInput, match="measured in minutes"):
        sample.do(top_up, hours, TopUp(money=HUNDRED))


def test_top_up_and_adjustment_are_in_the_contracts_currency(sample: SampleDesk) -> None:
    contract = prepaid(sample)
    sample.do(top_up, contract, TopUp(money=MoneyGranted(amount_minor=2_000, currency="EUR")))
    sample.do(adjust, contract, Adjust.model_validate({"money": money(-500), "reason": "Agreed"}))
    sample.do(adjust, contract, Adjust.model_validate({"money": money(100), "reason": "Goodwill"}))
    assert sample.see(read_contract, contract).balance.money.available == 11_600
    for command, text in (
        (TopUp(minutes=5), "This contract is measured in money. Give money instead."),
        (TopUp(), "Money must not be zero. Give the money."),
        (TopUp(money=MoneyGranted(amount_minor=1, currency="USD")), "The desk's currency is EUR."),
    ):
        with pytest.raises(InvalidInput) as refused:
            sample.do(top_up, contract, command)
        assert text in str(refused.value)
    with pytest.raises(InvalidInput, match=r"Only EUR 116\.00 can be withdrawn"):
        sample.do(adjust, contract, Adjust.model_validate({"money": money(-11_601), "reason": "All"}))
    with pytest.raises(InvalidInput, match="Money must not be zero"):
        sample.do(adjust, contract, Adjust.model_validate({"money": money(0), "reason": "Nothing"}))
    holds(sample)


def test_another_currency_of_the_desk_stops_top_ups_and_renewals(sample: SampleDesk) -> None:
    contract = prepaid(sample, starts_at=MONDAY, ends_on=(MONDAY + timedelta(days=30)).date())
    request = sample.log()
    sample.publish_rules()
    sample.do(change_settings, {"currency": "CHF"})
    sample.publish_rules(rate_cards__standard=rate_card(12_000, "CHF"))
    with pytest.raises(Conflict, match="was sold in EUR, and the desk's currency is CHF"):
        sample.do(top_up, contract, TopUp(money=HUNDRED))
    with pytest.raises(Conflict, match="was sold in EUR"):
        sample.do(renew, contract, Renew())
    with pytest.raises(Conflict, match="has no rate in EUR for the work from 2026-03-02"):
        sample.work(request, 30)
    assert sample.see(read_contract, contract).balance.money.available == 10_000


def test_a_renewal_takes_over_the_grants_or_has_its_own(sample: SampleDesk) -> None:
    ends_on = (MONDAY + timedelta(days=30)).date()
    first = prepaid(sample, ends_on=ends_on)
    second = sample.do(renew, first, Renew())
    assert [one.quantity for one in sample.see(read_contract, second).grants] == [10_000]
    third = sample.do(renew, second, Renew(money=MoneyGranted(amount_minor=777)))
    assert [one.quantity for one in sample.see(read_contract, third).grants] == [777]


def test_previews_of_actions_are_in_money(sample: SampleDesk) -> None:
    contract, request = prepaid(sample, 4_000), sample.log()
    sample.work(request, 60)
    command = TopUp(money=HUNDRED, effective_at=MONDAY)
    found = preview_impact(sample.desk, sample.supervisor, lambda tx: preview_action(tx, contract, command))
    [effect] = found.contracts
    assert (effect.after.unit, effect.after.currency) == ("money", "EUR")
    assert effect.before is not None
    assert effect.after.balance.purchased - effect.before.balance.purchased == 10_000
    [moved] = found.moves
    assert [(one.minutes, one.amount) for one in moved.after] == [
        (24, MoneyView(4_000, "EUR")),
        (36, MoneyView(6_000, "EUR")),
    ]
    assert sample.see(read_contract, contract).balance.money.available == 0


def test_terms_and_holder_change_without_touching_the_money(sample: SampleDesk) -> None:
    contract, request = prepaid(sample), sample.log()
    sample.work(request, 30)
    sample.clock.move(hours=1)
    sample.do(
        amend_contract,
        contract,
        AmendContract.model_validate({"price": money(9_000), "reason": "Agreed"}),
    )
    bob = sample.customer("Bob", sample.site)
    transfer = TransferContract.model_validate({"holder": {"customer": bob}, "reason": "Sold"})
    sample.do(transfer_contract, contract, transfer)
    view = sample.see(read_contract, contract)
    assert (view.holder, view.balance.money.available) == ({"customer": bob}, 5_000)
    holds(sample)


def test_an_assignment_moves_work_onto_money_at_its_rates(sample: SampleDesk) -> None:
    sample.sell("support_hours", minutes=60, ends_on=(MONDAY + timedelta(days=9)).date())
    request = sample.log()
    sample.clock.move(hours=1)
    assert sample.work(request, 30) == [("grant", 30)]
    contract = prepaid(sample, to=("org_unit", sample.site), starts_at=MONDAY)
    given = {"contract": contract, "reason": "Agreed", "from": MONDAY}
    command = SearchCoverage.model_validate(given)
    sample.do_as(sample.supervisor, search_or_assign, request, command)
    assert sample.see(read_contract, contract).balance.money.drawn == 5_000
    holds(sample)


def test_work_that_was_assigned_to_money_without_a_rate_can_still_be_corrected(sample: SampleDesk) -> None:
    """The contract pays nothing for it, before and after; other work on the request still needs a rate."""
    sample.publish_rules(rate_cards__standard=rate_card(6_000, work_type="remote"))
    hours = sample.sell("support_hours", minutes=60, ends_on=(MONDAY + timedelta(days=9)).date())
    request = sample.log()
    sample.clock.move(hours=1)
    sample.work(request, 30, work_type="on_site")
    contract = prepaid(sample, to=("org_unit", sample.site), starts_at=MONDAY)
    given = {"contract": contract, "reason": "Agreed", "from": MONDAY}
    sample.do_as(sample.supervisor, search_or_assign, request, SearchCoverage.model_validate(given))
    [entry] = sample.entries(request)
    assert sample.allocations(entry.id) == [("ignored", 30)]
    assert sample.see(read_contract, hours).balance.minutes.drawn == 0
    for command in (ChangeWork(note="Printer"), ChangeWork(minutes=40), ChangeWork(work_type="travel")):
        planned = sample.see_as(sample.technician, preview_change, entry.id, command)
        assert [piece.kind for piece in planned.slices] == ["ignored"]
        sample.do_as(sample.technician, change_work, entry.id, command)
    assert sample.allocations(entry.id) == [("ignored", 40)]
    sample.do_as(sample.technician, change_work, entry.id, ChangeWork(work_type="remote"))
    assert sample.allocations(entry.id) == [("grant", 40)]
    # now it has a rate, and may not lose it
    for refused in (ChangeWork(work_type="travel"), ChangeWork(work_type="on_site", minutes=10)):
        with pytest.raises(Conflict, match="has no rate in EUR"):
            sample.do_as(sample.technician, change_work, entry.id, refused)
    holds(sample)


def test_the_database_refuses_a_grant_of_money_without_a_currency(sample: SampleDesk) -> None:
    contract = prepaid(sample)
    [grant] = sample.rows(t.contract_grant, contract_id=contract)
    assert grant.currency == "EUR"
    for values in ({"currency": None}, {"unit": "minutes"}):
        with pytest.raises(Exception, match=r"(?i)check"), sample.desk.write() as tx:
            tx.connection.execute(
                t.contract_grant.insert().values({**grant._mapping, "id": "another", **values})
            )
    with pytest.raises(Exception, match=r"(?i)check"), sample.desk.write() as tx:
        tx.connection.execute(t.grant_balance.update().values(available=-1))


def test_a_changed_amount_is_found_by_the_audit(sample: SampleDesk) -> None:
    prepaid(sample)
    sample.work(sample.log(), 30)
    with sample.desk.write() as tx:
        tx.connection.execute(t.work_allocation.update().values(amount_minor=4_999))
    found = sample.see(audit_desk)
    assert {"allocation is not what was posted", "draw-down of a work entry"} <= {
        one.what for one in found.differences
    }
    texts = {(one.stored, one.posted) for one in found.differences}
    assert any("for 4999 EUR" in str(stored) and "for 5000 EUR" in str(posted) for stored, posted in texts)


def test_an_automatic_top_up_adds_money_once(sample: SampleDesk) -> None:
    contract = prepaid(sample)
    given = AutoTopUpGiven.model_validate({"mode": "issue", "below": 2_000, "money": money(5_000)})
    sample.do(set_auto_top_up, contract, SetAutoTopUp(auto_top_up=given, reason="Agreed"))
    request = sample.log()
    sample.clock.move(hours=1)
    sample.work(request, 50)
    for _ in range(2):
        run_job(sample.desk, "auto_top_ups")
    balance = sample.see(read_contract, contract).balance.money
    assert (balance.purchased, balance.available) == (15_000, 15_000 - 8_333)
    [row] = sample.see(list_auto_top_ups, contract)
    assert (row.state, row.unit, row.quantity, row.available) == ("issued", "money", 5_000, 1_667)
    [event] = [one for one in sample.rows(t.outbox, event="contract_top_up") if one.recipient is None]
    assert "EUR 16.67" in event.subject
    assert "EUR 50.00" in event.subject
    for wrong in ({"minutes": 60}, {"money": money(5_000, "USD")}):
        terms = AutoTopUpGiven.model_validate({"mode": "issue", "below": 2_000, **wrong})
        with pytest.raises(InvalidInput):
            sample.do(set_auto_top_up, contract, SetAutoTopUp(auto_top_up=terms))
    holds(sample)


def test_forty_entries_at_once_draw_exactly_what_there_is(sample: SampleDesk) -> None:
    """EUR 123.45 pay 74.07 minutes of 120, and the minute that was begun."""
    contract, requests = prepaid(sample, 12_345), [sample.log() for _ in range(4)]
    sample.clock.move(hours=3)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: sample.work(requests[number % 4], 3), range(40)))
    view = sample.see(read_contract, contract)
    assert (view.state, view.balance.money.drawn, view.balance.money.available) == ("exhausted", 12_345, 0)
    rows = [row for row in sample.rows(t.work_allocation) if row.reversed_at is None]
    assert sum(row.amount_minor for row in rows if row.kind == "grant") == 12_345
    assert sum(row.minutes for row in rows if row.kind == "grant") == 75
    assert sum(row.minutes for row in rows) == 120
    holds(sample)
