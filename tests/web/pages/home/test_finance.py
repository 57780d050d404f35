"""Finance has an overview of its own: payments, contracts that end or run out, uncovered time."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import update

from tests.support.rate_cards import rate_card
from tests.support.web_clients import WebClients
from workflows.commands.fields import MoneyGranted
from workflows.commands.work import ChangeWork
from workflows.contracts.queries import list_contracts
from workflows.contracts.use_cases import enable_contract
from workflows.jobs.definitions import run_job
from workflows.reports.finance import Posted, read_finance_overview
from workflows.store import tables as t
from workflows.work.use_cases import change_work


def _unpaid(web: WebClients, **terms: Any) -> str:
    """A contract that awaits its payment."""
    contract = web.sample.sell("subscription", enable=False, price={"amount_minor": 49900}, **terms)
    with web.sample.desk.write() as tx:
        tx.connection.execute(update(t.contract).where(t.contract.c.id == contract).values(payment_due=True))
    return contract


def test_the_figures_match_the_lists(web: WebClients) -> None:
    sample = web.sample
    unpaid = _unpaid(web)
    ending = sample.sell("support_hours", minutes=600, ends_on="2026-03-20")
    sample.sell("subscription", to=("item", sample.laptop), ends_on="2026-03-10")
    used_up = sample.sell("support_hours", to=("org_unit", sample.site), minutes=30)
    sample.work(sample.log("Long work"), 20)
    request = sample.log("Over the end", item=None, customer=sample.customer("Cid", sample.site))
    sample.work(request, 90)
    seen = sample.see_as(sample.finance, read_finance_overview)
    assert (seen.awaiting_payment, seen.ending, seen.ending_without_successor, seen.used_up) == (1, 2, 2, 1)
    assert seen.uncovered_minutes == {"carried": 60}
    assert (seen.posted.sold, seen.posted.used, seen.posted.expired) == (630, 30, 0)
    listed = sample.see(list_contracts, awaiting_payment=True).items
    assert [one.id for one in listed] == [unpaid]
    assert [one.id for one in sample.see(list_contracts, state="exhausted").items] == [used_up]

    page = web.finance.open("/")
    for words in ("Awaiting payment", "2 not renewed", "1 used up", "€499.00"):
        assert words in page, words
    assert "1:00 carried forward" in page
    assert sample.contract(ending).number in page
    for address in ("view=unpaid", "view=soon", "view=running-out", "view=exhausted"):
        assert web.finance.open(f"/contracts?{address}").status == 200
    assert sample.contract(unpaid).number in web.finance.open("/contracts?view=unpaid")


def test_prepaid_amounts_are_shown_beside_minutes(web: WebClients) -> None:
    """One was sold and drawn this month; one that was sold last month expired unused this month."""
    sample = web.sample
    sample.publish_rules(rate_cards__standard=rate_card(6_000))
    now, sample.clock.at = sample.clock.at, datetime(2026, 2, 10, tzinfo=UTC)
    sample.sell("prepaid_amount", money=MoneyGranted(amount_minor=7_000), ends_on="2026-03-10")
    sample.clock.at = now
    sample.sell("prepaid_amount", to=("item", sample.laptop), money=MoneyGranted(amount_minor=12_345))
    sample.work(sample.log(), 30)
    sample.clock.move(days=20)
    run_job(sample.desk, "expire_contracts")
    seen = sample.see_as(sample.finance, read_finance_overview)
    assert seen.posted == Posted("minutes", 0, 0, 0)
    assert seen.posted_money == [Posted("EUR", 12_345, 3_000, 7_000)]
    page = web.finance.open("/")
    assert "Prepaid amounts sold €123.45 this month; €30.00 used , €70.00 expired unused" in page
    ledger = web.finance.open("/ledger")
    for words in ("consumed +€30.00", "available −€30.00", "sold −€123.45"):
        assert words in ledger, words


def test_a_month_has_what_happened_in_it_whenever_it_was_recorded(web: WebClients) -> None:
    """Months that are granted ahead count when they begin; a correction counts in the month of the work."""
    sample = web.sample
    sample.sell("support_hours_by_month", minutes=60, starts_on="2026-03-01", ends_on="2026-05-31")
    request = sample.log()
    sample.work(request, 50)
    seen = sample.see_as(sample.finance, read_finance_overview)
    assert seen.posted == Posted("minutes", 60, 50, 0)
    sample.clock.move(days=40)
    run_job(sample.desk, "settle_contracts")
    sample.work(request, 20)
    [entry, _] = sorted(sample.entries(request), key=lambda row: row.started_at)
    sample.do(change_work, entry.id, ChangeWork(minutes=10))
    seen = sample.see_as(sample.finance, read_finance_overview)
    # what March left expired with its end, when April began
    assert seen.posted == Posted("minutes", 60, 20, 50)


def test_other_months_are_not_counted(web: WebClients) -> None:
    sample = web.sample
    sample.sell("support_hours", minutes=600)
    sample.clock.move(days=40)
    seen = sample.see_as(sample.finance, read_finance_overview)
    assert seen.posted.sold == 0
    assert seen.month_starts_at == datetime(2026, 3, 31, 22, 0, tzinfo=UTC)


def test_a_recorded_payment_leaves_the_list(web: WebClients) -> None:
    sample = web.sample
    contract = _unpaid(web)
    assert sample.contract(contract).number in web.finance.open("/")
    sample.do_as(sample.finance, enable_contract, contract)
    assert "No contract is waiting for a payment." in web.finance.open("/")


def test_supervisors_keep_the_overview_of_the_desk(web: WebClients) -> None:
    assert "Waiting for a contract" in web.supervisor.open("/")
    assert "At risk" not in web.finance.open("/")
