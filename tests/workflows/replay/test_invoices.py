"""What a replay says of invoices: which would differ, from what to what."""

from typing import Any

from engine.rulebook import load_rule_set
from tests.support.replayed_rules import ALWAYS, VALID, rule, with_rules
from tests.support.sample_desk import MONDAY, SampleDesk
from workflows.jobs.definitions import run_job
from workflows.replay.run import replay
from workflows.store import tables as t
from workflows.views.replays import DifferenceView, SummaryView

BILLING = {"invoices": True, "time_expired_contract": "bill", "default_overage_rate_minor": 6000}
ITEM_LAST = with_rules(rule("customer", "cover_with", VALID, ("contract_holder", "equal_to", "customer")))

MADE_FOR = {
    price: with_rules(rule("make", "create_contract", ALWAYS, type="per_request", price_minor=price))
    for price in (5000, 8000)
}


def run(sample: SampleDesk, files: dict[str, str]) -> tuple[SummaryView, list[DifferenceView]]:
    found: list[DifferenceView] = []
    end = sample.clock.now()
    return replay(sample.desk, load_rule_set(files), MONDAY, end, on_difference=found.append), found


def amounts(found: Any) -> list[tuple[str | None, str | None, int, int]]:
    return [(one.invoice, one.number, one.before_minor, one.after_minor) for one in found.invoices]


def test_time_that_was_billed_and_would_be_covered_is_taken_from_its_invoice(sample: SampleDesk) -> None:
    """100 minutes on 60 of the item's hours: 40 at 90.00 an hour are billed. The customer's covers all."""
    sample.set(**BILLING)
    rate = {"amount_minor": 9000, "currency": "EUR"}
    sample.sell("support_hours", to=("item", sample.laptop), minutes=60, overage_rate=rate)
    sample.sell("subscription")
    sample.work(sample.log(), 100)
    sample.clock.move(days=1)
    summary, differences = run(sample, ITEM_LAST)
    assert amounts(summary) == [(None, None, 6000, 0)]
    sample.clock.move(days=40)
    run_job(sample.desk, "bill_overage")
    (draft,) = sample.rows(t.invoice)
    summary, differences = run(sample, ITEM_LAST)
    assert amounts(summary) == amounts(differences[0]) == [(draft.id, None, 6000, 0)]


def test_a_contract_that_would_not_be_made_is_taken_from_its_invoice(sample: SampleDesk) -> None:
    """It was made by a rule for 50.00; by the other rules another is made for 80.00, or none."""
    sample.set(**BILLING)
    sample.publish(MADE_FOR[5000])
    request = sample.log()
    sample.clock.move(hours=1)
    (sold,) = sample.rows(t.sold_item)
    assert (sold.amount_minor, sold.invoice_id) == (5000, None)
    summary, _ = run(sample, MADE_FOR[8000])
    assert amounts(summary) == [(None, None, 5000, 8000)]
    summary, differences = run(sample, with_rules(rule("none", "leave_uncovered", ALWAYS)))
    assert amounts(summary) == [(None, None, 5000, 0)]
    assert differences[0].service_request == request


def test_a_contract_that_would_be_made_is_a_new_invoice(sample: SampleDesk) -> None:
    sample.set(**BILLING)
    sample.sell("subscription")
    sample.log()
    sample.clock.move(hours=1)
    summary, _ = run(sample, MADE_FOR[8000])
    assert amounts(summary) == [(None, None, 0, 8000)]
    sample.set(invoices=False, time_expired_contract="ignore")
    summary, differences = run(sample, MADE_FOR[8000])
    assert (summary.invoices, differences[0].invoices) == ([], [])
