"""Finance has an overview of its own: payments, contracts that end or run out, uncovered time."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import update

from tests.support.front import Front
from workflows.contracts.queries import list_contracts
from workflows.contracts.use_cases import enable_contract
from workflows.reports.finance import read_finance_overview
from workflows.store import tables as t


def _unpaid(front: Front, **terms: Any) -> str:
    """A contract that awaits its payment."""
    contract = front.office.sell("subscription", enable=False, price={"amount_minor": 49900}, **terms)
    with front.office.desk.write() as tx:
        tx.connection.execute(update(t.contract).where(t.contract.c.id == contract).values(payment_due=True))
    return contract


def test_the_figures_match_the_lists(front: Front) -> None:
    office = front.office
    unpaid = _unpaid(front)
    ending = office.sell("support_hours", minutes=600, ends_on="2026-03-20")
    office.sell("subscription", to=("item", office.laptop), ends_on="2026-03-10")
    used_up = office.sell("support_hours", to=("org_unit", office.site), minutes=30)
    office.work(office.log("Long work"), 20)
    request = office.log("Over the end", item=None, customer=office.customer("Cid", office.site))
    office.work(request, 90)
    seen = office.see_as(office.finance, read_finance_overview)
    assert (seen.awaiting_payment, seen.ending, seen.ending_without_successor, seen.used_up) == (1, 2, 2, 1)
    assert seen.uncovered_minutes == {"carried": 60}
    assert (seen.posted.sold, seen.posted.used, seen.posted.expired) == (630, 30, 0)
    listed = office.see(list_contracts, awaiting_payment=True).items
    assert [one.id for one in listed] == [unpaid]
    assert [one.id for one in office.see(list_contracts, state="exhausted").items] == [used_up]

    page = front.finance.open("/")
    for words in ("Awaiting payment", "2 not renewed", "1 used up", "€499.00"):
        assert words in page, words
    assert "1:00 carried forward" in page
    assert office.contract(ending).number in page
    for address in ("view=unpaid", "view=soon", "view=running-out", "view=exhausted"):
        assert front.finance.open(f"/contracts?{address}").status == 200
    assert office.contract(unpaid).number in front.finance.open("/contracts?view=unpaid")


def test_other_months_are_not_counted(front: Front) -> None:
    office = front.office
    office.sell("support_hours", minutes=600)
    office.clock.move(days=40)
    seen = office.see_as(office.finance, read_finance_overview)
    assert seen.posted.sold == 0
    assert seen.month_starts_at == datetime(2026, 3, 31, 22, 0, tzinfo=UTC)


def test_a_recorded_payment_leaves_the_list(front: Front) -> None:
    office = front.office
    contract = _unpaid(front)
    assert office.contract(contract).number in front.finance.open("/")
    office.do_as(office.finance, enable_contract, contract)
    assert "No contract is waiting for a payment." in front.finance.open("/")


def test_supervisors_keep_the_overview_of_the_desk(front: Front) -> None:
    assert "Waiting for a contract" in front.supervisor.open("/")
    assert "At risk" not in front.finance.open("/")
