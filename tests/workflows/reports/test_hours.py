"""Hours sold, used, expired and carried, by month and customer."""

from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest

from tests.support.rate_cards import rate_card
from tests.support.sample_desk import MONDAY, SampleDesk
from workflows.commands.contracts import HolderGiven, TransferContract
from workflows.commands.fields import MoneyGranted
from workflows.contracts.amending import transfer_contract
from workflows.core.errors import InvalidInput, NotAllowed
from workflows.core.transaction import Transaction
from workflows.jobs.definitions import run_job
from workflows.reports.hours import currencies_sold, open_hours
from workflows.reports.months import month_span
from workflows.reports.parties import in_parts, party_names
from workflows.views import MOST_LIMIT

DAY = timedelta(days=1)
JANUARY = datetime(2025, 12, 31, 23, tzinfo=UTC)
"""The first instant of January in Berlin."""


@pytest.fixture
def sample(sample: SampleDesk) -> SampleDesk:
    """The sample of a provider in Berlin."""
    sample.set(time_zone="Europe/Berlin")
    return sample


def months(tx: Transaction, /, **filters: Any) -> dict[str, tuple[int, ...]]:
    with open_hours(tx, **filters) as report:
        return {one.month: amounts(one) for one in report.months() if any(amounts(one))}


def rows(tx: Transaction, by: str, /, **filters: Any) -> list[tuple[Any, ...]]:
    with open_hours(tx, **filters) as report:
        found = report.list_by(by).page(order="-used", limit=MOST_LIMIT)
        return [(one.party_name, one.contract_number, one.month, *amounts(one)) for one in found.items]


def amounts(one: Any) -> tuple[int, ...]:
    """Sold, used, held, expired, carried and drawn from what was carried."""
    return one.sold, one.used, one.held, one.expired, one.carried, one.carried_drawn


def test_each_month_has_what_is_effective_in_it(sample: SampleDesk) -> None:
    sample.clock.at = JANUARY
    sample.sell("support_hours", minutes=100, ends_on="2026-02-28")
    request = sample.log()
    sample.clock.at = MONDAY + DAY
    sample.set(contract_validation=False)
    sample.work(request, 30, at=JANUARY)
    sample.work(request, 20, at=JANUARY + 31 * DAY - timedelta(microseconds=1))
    sample.work(request, 10, at=JANUARY + 31 * DAY)
    # nothing has run since the contract's end: it expired with the first instant after 28 February
    assert sample.see(months) == {
        "2026-01": (100, 50, 0, 0, 0, 0),
        "2026-02": (0, 10, 0, 0, 0, 0),
        "2026-03": (0, 0, 0, 40, 0, 0),
    }
    assert sample.see(months, from_="2026-02", to="2026-02") == {"2026-02": (0, 10, 0, 0, 0, 0)}
    assert sample.see(months, from_="2026-04", to="2026-05") == {}
    assert len(sample.see(month_span).names) == 12


def test_an_expiry_that_a_job_posts_or_not_is_the_same(sample: SampleDesk) -> None:
    for number in range(3):
        holder = ("customer", sample.customer(f"Customer {number}"))
        sample.sell("support_hours", to=holder, minutes=60, ends_on="2026-03-31")
    by_month: dict[str, Any] = {
        "minutes": 30,
        "ends_on": "2026-06-30",
        "carry_over": {"months": 1, "cap_minutes": 10},
    }
    sample.sell("support_hours_by_month", **by_month)
    sample.clock.at = MONDAY + 63 * DAY
    before = sample.see(months)
    assert before["2026-04"] == (30, 0, 0, 180 + 20, 0, 0)
    for job in ("settle_contracts", "expire_contracts"):
        run_job(sample.desk, job)
    assert sample.see(months) == before


def test_carried_minutes_are_those_of_their_holder(sample: SampleDesk) -> None:
    first = sample.sell("support_hours", to=("item", sample.laptop), minutes=60)
    sample.work(sample.log(), 100)
    assert sample.see(months) == {"2026-03": (60, 60, 0, 0, 40, 0)}
    sample.clock.at = MONDAY + 40 * DAY
    second = sample.sell("support_hours", to=("item", sample.laptop), minutes=90)
    assert sample.see(months)["2026-04"] == (90, 40, 0, 0, 0, 40)
    # the laptop is Ann's
    assert sample.see(rows, "customer") == [("Ann", None, None, 150, 100, 0, 0, 40, 40)]
    numbers = [sample.contract(one).number for one in (first, second)]
    assert sample.see(rows, "contract", party=f"customer:{sample.ann}") == [
        (None, numbers[0], None, 60, 60, 0, 0, 40, 0),
        (None, numbers[1], None, 90, 40, 0, 0, 0, 40),
    ]
    assert sample.see(rows, "customer_and_month", contract=second) == [
        ("Ann", None, "2026-04", 90, 40, 0, 0, 0, 40)
    ]


def test_a_transferred_contract_counts_for_each_holder_in_its_time(sample: SampleDesk) -> None:
    contract = sample.sell("support_hours", minutes=60)
    sample.work(sample.log(), 15)
    sample.clock.at = MONDAY + 5 * DAY
    holder = HolderGiven(org_unit=sample.site)
    sample.do(transfer_contract, contract, TransferContract(holder=holder, reason="Agreed"))
    sample.work(sample.log(), 20)
    assert sample.see(rows, "customer") == [
        ("Acme-Berlin", None, None, 0, 20, 0, 0, 0, 0),
        ("Ann", None, None, 60, 15, 0, 0, 0, 0),
    ]


def test_work_that_awaits_approval_is_held(sample: SampleDesk) -> None:
    sample.set(work_approval=True)
    sample.sell("support_hours", minutes=60)
    sample.work(sample.log(), 25)
    assert sample.see(months) == {"2026-03": (60, 0, 25, 0, 0, 0)}


def test_money_is_reported_by_currency(sample: SampleDesk) -> None:
    sample.publish_rules(rate_cards__standard=rate_card(6000))
    sample.sell("prepaid_amount", money=MoneyGranted(amount_minor=5000), ends_on="2026-03-31")
    sample.work(sample.log(), 12)
    sample.clock.at = MONDAY + 40 * DAY
    assert sample.see(months, unit="EUR") == {
        "2026-03": (5000, 1200, 0, 0, 0, 0),
        "2026-04": (0, 0, 0, 3800, 0, 0),
    }
    assert sample.see(months) == sample.see(months, unit="USD") == {}
    assert sample.see(currencies_sold) == ["EUR"]


def test_rows_are_paged_in_any_order(sample: SampleDesk) -> None:
    for minutes in (30, 10, 20):
        sample.sell("support_hours", to=("customer", sample.customer(f"C{minutes}")), minutes=minutes)

    def pages(tx: Transaction, order: str, /) -> list[list[int]]:
        found, cursor = [], None
        with open_hours(tx) as report:
            for _ in count():
                page = report.list_by("customer").page(order=order, limit=2, cursor=cursor, counted=True)
                found.append([one.sold for one in page.items])
                cursor = page.next_cursor
                if cursor is None:
                    return found
        return found

    assert sample.see(pages, "-sold") == [[30, 20], [10]]
    assert sample.see(pages, "sold") == [[10, 20], [30]]


def test_names_are_read_for_any_number_of_rows(sample: SampleDesk) -> None:
    assert [len(part) for part in in_parts(str(number % 900) for number in range(2_000))] == [400, 400, 100]
    many = [f"customer:{number}" for number in range(900)]
    assert sample.see(party_names, [*many, f"customer:{sample.ann}"]) == {f"customer:{sample.ann}": "Ann"}


@pytest.mark.parametrize(
    ("filters", "pointer"),
    [
        ({"from_": "2026-13"}, "/from"),
        ({"from_": "1970-01", "to": "1970-01"}, "/to"),
        ({"to": "March"}, "/to"),
        ({"from_": "2026-03", "to": "2026-02"}, "/from"),
        ({"from_": "2020-01", "to": "2026-02"}, "/from"),
        ({"party": "customer:nobody"}, "/party"),
        ({"party": "service_request:x"}, "/party"),
        ({"unit": "hours"}, "/unit"),
    ],
)
def test_what_cannot_be_asked_for_is_refused(
    sample: SampleDesk, filters: dict[str, str], pointer: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        sample.see(months, **filters)
    assert refused.value.values["pointer"] == pointer


def test_only_the_office_reads_reports(sample: SampleDesk) -> None:
    assert sample.see_as(sample.finance, months) == {}
    for actor in (sample.technician, sample.person("customer", "Ann", customer=sample.ann)):
        with pytest.raises(NotAllowed):
            sample.see_as(actor, months)
