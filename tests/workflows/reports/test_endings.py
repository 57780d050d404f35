"""Contracts that end or run out in the months ahead, and what their renewals are worth."""

from datetime import timedelta
from typing import Any

import pytest

from tests.support.sample_desk import MONDAY, SampleDesk
from workflows.commands.contracts import CancelContract, Renew
from workflows.contracts.use_cases import cancel_contract, renew
from workflows.core.errors import InvalidInput, NotAllowed
from workflows.core.transaction import Transaction
from workflows.reports.endings import SUMS, open_endings

DAY = timedelta(days=1)
PRICE = {"amount_minor": 50_000, "currency": "EUR"}


@pytest.fixture
def sample(sample: SampleDesk) -> SampleDesk:
    """The sample of a provider in Berlin."""
    sample.set(time_zone="Europe/Berlin")
    return sample


def listed(tx: Transaction, /, **filters: Any) -> list[tuple[Any, ...]]:
    with open_endings(tx, **filters) as report:
        return [(one.contract, one.by, str(one.last_day)) for one in report.rows(100)]


def months(tx: Transaction, /, **filters: Any) -> dict[str, tuple[int, ...]]:
    with open_endings(tx, **filters) as report:
        found = {one.month: tuple(getattr(one, name) for name in SUMS) for one in report.months()}
        return {month: amounts for month, amounts in found.items() if any(amounts)}


def pages(tx: Transaction, cursor: str | None = None, /) -> Any:
    with open_endings(tx) as report:
        return report.page(limit=2, cursor=cursor)


def test_a_contract_ends_in_the_month_of_its_last_day(sample: SampleDesk) -> None:
    march = sample.sell("support_hours", minutes=90, ends_on="2026-03-31", price=PRICE)
    april = sample.sell("subscription", ends_on="2026-04-01", price=PRICE)
    sample.sell("subscription", ends_on="2027-03-01")
    sample.sell("support_hours", minutes=60)
    assert sample.see(listed) == [(march, "expiry", "2026-03-31"), (april, "expiry", "2026-04-01")]
    assert sample.see(months) == {"2026-03": (1, 0, 90, 0, 50_000), "2026-04": (1, 0, 0, 0, 50_000)}
    assert [one for one, *_ in sample.see(listed, months=1)] == [march]


def test_a_contract_that_runs_out_first_is_listed_then(sample: SampleDesk) -> None:
    fast = sample.sell("support_hours", minutes=600, starts_at=MONDAY - 40 * DAY, ends_on="2026-12-31")
    sample.work(sample.log(), 300)
    # 300 minutes in 30 days: the other 300 last for 30 more
    assert sample.see(listed) == [(fast, "exhaustion", "2026-04-01")]
    assert sample.see(months) == {"2026-04": (0, 1, 0, 0, 0)}
    assert sample.see(listed, by="expiry") == []
    assert [one for one, *_ in sample.see(listed, by="exhaustion")] == [fast]


def test_what_has_been_renewed_or_cancelled_is_said(sample: SampleDesk) -> None:
    contract = sample.sell("subscription", ends_on="2026-03-31", price=PRICE)
    successor = sample.do(renew, contract, Renew())
    assert sample.see(months, months=1) == {"2026-03": (1, 0, 0, 50_000, 0)}
    assert [one for one, *_ in sample.see(listed, renewed=True)] == [contract]
    assert [one for one, *_ in sample.see(listed, renewed=False)] == [successor]
    sample.do(cancel_contract, successor, CancelContract(reason="Agreed"))
    assert [one for one, *_ in sample.see(listed)] == [contract]
    assert sample.see(months, months=1) == {"2026-03": (1, 0, 0, 0, 50_000)}


def test_a_contract_that_has_ended_is_left_out_before_any_job(sample: SampleDesk) -> None:
    sample.sell("subscription", ends_on="2026-03-31")
    sample.clock.at = MONDAY + 29 * DAY
    assert sample.see(months) == {"2026-03": (1, 0, 0, 0, 0)}
    sample.clock.at = MONDAY + 30 * DAY
    assert sample.see(months) == {}


def test_pages_lead_forward_and_backward(sample: SampleDesk) -> None:
    sold = [sample.sell("subscription", ends_on=f"2026-0{month}-28") for month in (5, 4, 6)]
    first = sample.see(pages)
    assert [one.contract for one in first.items] == [sold[1], sold[0]]
    assert (first.total, first.previous_cursor) == (3, None)
    second = sample.see(pages, first.next_cursor)
    assert [one.contract for one in second.items] == [sold[2]]
    assert second.next_cursor is None
    back = sample.see(pages, second.previous_cursor)
    assert [one.contract for one in back.items] == [sold[1], sold[0]]


@pytest.mark.parametrize("filters", [{"months": 0}, {"months": 37}, {"by": "magic"}])
def test_what_cannot_be_asked_for_is_refused(sample: SampleDesk, filters: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        sample.see(listed, **filters)


def test_only_the_office_reads_it(sample: SampleDesk) -> None:
    with pytest.raises(NotAllowed):
        sample.see_as(sample.technician, listed)
