"""Time that no contract paid, by customer, contract and month."""

from datetime import timedelta
from typing import Any

import pytest

from tests.support.sample_desk import MONDAY, SampleDesk
from workflows.core.errors import NotAllowed
from workflows.core.transaction import Transaction
from workflows.reports.months import month_span
from workflows.reports.overview import list_uncovered, uncovered_minutes
from workflows.reports.uncovered import SUMS, read_uncovered
from workflows.work.use_cases import delete_work

NAMES = ("party_name", "contract", "month")


@pytest.fixture
def sample(sample: SampleDesk) -> SampleDesk:
    """A desk on which work without a contract is recorded."""
    sample.set(time_zone="Europe/Berlin", contract_validation=False)
    return sample


def rows(tx: Transaction, by: str, /, **filters: Any) -> list[tuple[Any, ...]]:
    found = read_uncovered(tx, **filters).list_by(by).rows(order="-ignored")
    return [tuple(getattr(one, name) for name in (*NAMES, *SUMS)) for one in found]


def months(tx: Transaction, /, **filters: Any) -> list[tuple[Any, ...]]:
    return [
        tuple(getattr(one, name) for name in ("month", *SUMS))
        for one in read_uncovered(tx, **filters).months()
    ]


def test_time_without_a_contract_is_that_of_the_customer(sample: SampleDesk) -> None:
    sample.work(sample.log(), 25)
    item = sample.item("SRV-1", org_unit=sample.site)
    contract = sample.sell("support_hours", to=("item", item), minutes=10, time_expired="ignore")
    sample.work(sample.log(item=item), 30)
    # the item's contract had run out: it belongs to the org unit that owns the item
    site = "Acme-Berlin"
    assert sample.see(rows, "customer") == [
        ("Ann", None, None, 0, 25, 0, 0),
        (site, None, None, 0, 20, 0, 0),
    ]
    assert sample.see(rows, "contract") == [
        (None, None, None, 0, 25, 0, 0),
        (None, contract, None, 0, 20, 0, 0),
    ]
    assert sample.see(rows, "contract", party=f"org_unit:{sample.site}") == [
        (None, contract, None, 0, 20, 0, 0)
    ]


def test_each_figure_is_the_list_behind_it(sample: SampleDesk) -> None:
    request = sample.log()
    for days, minutes in ((0, 10), (35, 20), (70, 40)):
        sample.clock.at = MONDAY + timedelta(days=days)
        sample.work(request, minutes)
    sample.sell("support_hours", minutes=1, to=("customer", sample.customer("Bob")))
    found = sample.see(months, from_="2026-03", to="2026-05")
    assert [one[2] for one in found] == [10, 20, 40]
    april = sample.see(month_span, "2026-04", "2026-04")
    span: dict[str, Any] = {"from_at": april.starts_at, "to_at": april.ends_at[-1]}
    whose: list[dict[str, Any]] = [{"party": f"customer:{sample.ann}"}, {"contract": "none"}, {}]
    for who in whose:
        [one] = sample.see(list_uncovered, kind="ignored", **span, **who).items
        assert one.minutes == 20
    assert sample.see(list_uncovered, contract="nothing").items == []
    assert sample.see(list_uncovered, party="customer:nobody").items == []
    assert sample.see(uncovered_minutes, april.starts_at) == {"ignored": 60}


def test_what_is_deleted_is_uncovered_no_more(sample: SampleDesk) -> None:
    request = sample.log()
    sample.work(request, 25)
    [entry] = sample.entries(request)
    sample.do(lambda tx: delete_work(tx, entry.id, reason="Twice"))
    assert sample.see(rows, "customer") == []


def test_only_the_office_reads_it(sample: SampleDesk) -> None:
    with pytest.raises(NotAllowed):
        sample.see_as(sample.technician, months)
