"""Contract pages: what happened on a contract: its statement, burn-down chart and history."""

import re
from datetime import date
from html import unescape
from typing import Any

import pytest

from tests.support.pages import Page
from tests.support.web_clients import WebClients
from workflows.commands.contracts import Adjust, AmendContract, NotToExceedGiven
from workflows.commands.fields import MoneyGiven
from workflows.contracts.amending import amend_contract
from workflows.contracts.balance_curve import read_burn_down
from workflows.contracts.queries import contract_audit
from workflows.contracts.use_cases import adjust


def test_the_statement_lists_each_entry(web: WebClients) -> None:
    sample = web.sample
    contract = sample.sell("support_hours", minutes=600)
    request = sample.log()
    sample.work(request, 45)
    page = web.technician.open(f"/contracts/{contract}")
    assert "Drawn for work" in page
    assert "−0:45" in page
    assert "9:15 of 10:00 left" in page
    text = web.technician.client.get(f"/contracts/{contract}/statement.csv").get_data(as_text=True)
    assert "draw" in text
    assert "'-45,555" in text or "-45,555" in text
    assert "No entries in this period." in web.technician.open(f"/contracts/{contract}?from=2027-01-01")
    assert web.technician.open(f"/contracts/{contract}?from=nonsense").status == 200


def test_the_burn_down_chart_projects_the_run_out_date(web: WebClients) -> None:
    sample = web.sample
    contract = sample.sell("support_hours", minutes=600, starts_on="2026-01-01")
    request = sample.log()
    fresh = web.supervisor.open(f"/contracts/{contract}")
    assert "burn-down" not in fresh.html
    sample.work(request, 300)
    page = web.supervisor.open(f"/contracts/{contract}")
    assert "5:00 drawn in the last 30 days. At this rate it will run out around 1 Apr 2026" in page
    assert (
        "1 Apr 2026: 30 Mar 2026 at the earliest, as in busier weeks; as in quieter weeks, not for years."
        in page
    )
    assert 'class="burn-projection"' in page.html
    assert 'class="burn-band"' in page.html
    assert "projected, as in busier weeks" in page
    sample.work(request, 300)
    assert "Used up." in web.supervisor.open(f"/contracts/{contract}")


@pytest.mark.parametrize("minutes", [300, 30])
def test_the_chart_ends_with_the_contract_whatever_is_projected(web: WebClients, minutes: int) -> None:
    sample = web.sample
    contract = sample.sell("support_hours", minutes=600, starts_on="2026-01-01", ends_on="2026-05-31")
    sample.work(sample.log(), minutes)
    page = web.supervisor.open(f"/contracts/{contract}")
    assert '<div class="burn-dates"><span>1 Jan 2026</span><span>31 May 2026</span></div>' in page.html


def test_the_band_of_steady_and_unsteady_weeks(web: WebClients) -> None:
    sample = web.sample
    contract = sample.sell("support_hours", minutes=6000, starts_on="2026-01-01")
    request = sample.log()
    for minutes in (60, 240, 60, 240, 60, 240, 60, 240):
        sample.clock.move(days=7)
        sample.work(request, minutes)
    page = web.supervisor.open(f"/contracts/{contract}")
    # 4800 minutes left, at 840 in 30 days; 240 in a busy week, 60 in a quiet one
    assert "will run out around 15 Oct 2026, between 14 Sept 2026, as in busier weeks, and " in page
    assert "8 Nov 2027, as in quieter weeks." in page
    found = sample.see(read_burn_down, contract)
    assert found.projection is not None
    assert (found.projection.drawn_minutes, found.projection.span_days) == (840, 30)
    assert found.available_minutes == found.points[-1].minutes == 4800
    assert len(found.points) == 9


def test_the_history_shows_what_changed_in_words(web: WebClients) -> None:
    """Amounts, days and labels, as of when; technicians see no prices, on the page or in the API."""
    sample = web.sample
    terms: dict[str, Any] = {"starts_on": "2026-03-01", "ends_on": "2026-12-31"}
    contract = sample.sell("support_hours", minutes=600, price=MoneyGiven(amount_minor=120000), **terms)
    command = AmendContract(
        reason="Agreed",
        effective_on=date(2026, 3, 1),
        price=MoneyGiven(amount_minor=110000),
        time_expired="ignore",
        ends_on=date(2026, 11, 30),
        not_to_exceed=NotToExceedGiven(minutes=60, per="month"),
    )
    sample.do(amend_contract, contract, command)
    sample.do(adjust, contract, Adjust(minutes=-90, reason="Counted twice"))
    expected = (
        "After the end: as in the settings → Ignore: recorded, not billed",
        "Last day: 31 Dec 2026 → 30 Nov 2026",
        "Not to exceed: no limit → 1 hour each month",
        "as of 1 Mar 2026",
        "−1:30",
    )
    page = web.supervisor.open(f"/contracts/{contract}")
    assert "Price: €1,200.00 → €1,100.00" in page
    seen = web.technician.open(f"/contracts/{contract}")
    assert "1,100.00" not in seen
    for text in expected:
        assert text in page
        assert text in seen
    assert "price_minor" in str(sample.see_as(sample.supervisor, contract_audit, contract))
    assert "price_minor" not in str(sample.see_as(sample.technician, contract_audit, contract))


def test_time_past_a_month_waits_for_the_next_one(web: WebClients) -> None:
    """The page and the statement do not speak of another contract only, and no run-out day is projected."""
    sample = web.sample
    contract = sample.sell("support_hours_by_month", minutes=60, starts_on="2026-03-01", ends_on="2026-12-31")
    request = sample.log()
    sample.work(request, 90)
    page = web.supervisor.open(f"/contracts/{contract}")
    assert "Used up until the next month begins on 1 Apr 2026." in page
    assert "0:30 has been carried forward and will be drawn first from the next month, or after" in page
    assert "0:30 carried over to the next month, or to the holder's next contract" in page
    entry = web.technician.open(f"/requests/{request}")
    assert "0:30 carried to the next month or contract" in entry
    sample.clock.move(days=31)
    assert "Time carried over from earlier months" in web.supervisor.open(f"/contracts/{contract}")


def target_of(page: Page, text: str) -> str:
    """The address of the link with this text."""
    found = re.search(rf'href="([^"#]+)[^"]*"[^>]*>{text}<', page.html)
    assert found is not None
    return unescape(found[1])


def test_a_long_statement_shows_the_latest_entries(web: WebClients) -> None:
    sample = web.sample
    contract = sample.sell("support_hours", minutes=600)
    request = sample.log("Slow")
    for _ in range(51):
        sample.work(request, 1)
    page = web.supervisor.open(f"/contracts/{contract}")
    assert "50 entries, earlier ones on the next page" in page
    assert "Sold with the contract" not in page
    earlier = web.supervisor.open(target_of(page, "Earlier entries"))
    assert "2 entries" in earlier
    assert "Sold with the contract" in earlier
    assert "50 entries" in web.supervisor.open(target_of(earlier, "Latest entries"))
    text = web.supervisor.client.get(f"/contracts/{contract}/statement.csv").get_data(as_text=True)
    assert text.count("\r\n") == 53


def test_a_long_activity_begins_with_the_latest_entries(web: WebClients) -> None:
    sample = web.sample
    sample.sell("support_hours", minutes=600)
    request = sample.log("Slow")
    for minutes in range(1, 53):
        sample.clock.move(minutes=1)
        sample.work(request, minutes)
    page = web.supervisor.open(f"/requests/{request}")
    assert "0:03 worked" in page
    assert "0:02 worked" not in page
    whole = web.supervisor.open(target_of(page, "Show all"))
    assert "0:01 worked" in whole
    assert "Only the latest activity" not in whole
