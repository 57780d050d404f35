"""The pages of the reports: filters in their address, a plot with its table, and rows that link on."""

import re

import pytest

from tests.support.pages import Page
from tests.support.web_clients import WebClients
from workflows.store import tables as t


@pytest.fixture
def web(web: WebClients) -> WebClients:
    """The desk of the records, with time that was carried over."""
    assert web.records
    web.sample.work(web.records.service_request, 600)
    return web


def links(page: Page, text: str) -> list[str]:
    """The addresses behind a text."""
    found = re.findall(rf'<a href="([^"]+)"[^>]*>{re.escape(text)}</a>', page.html)
    return [one.replace("&amp;", "&") for one in found]


def test_the_list_of_reports_leads_to_each(web: WebClients) -> None:
    page = web.finance.open("/reports")
    for path in re.findall(r'href="(/reports/[\w-]+)"', page.html):
        assert web.finance.open(path).status == 200, path
    assert 'href="/reports"' in web.supervisor.open("/").html
    assert 'href="/reports"' not in web.technician.open("/requests").html


def test_hours_lead_from_the_customer_to_the_statement(web: WebClients) -> None:
    page = web.finance.open("/reports/hours?from=2026-01&to=2026-03")
    assert "By month, Jan 2026 to Mar 2026: sold 10:00, used 10:00, expired 0:00, carried over 0:45." in page
    assert page.html.count("<rect") >= 3
    assert "1 customer" in page
    contracts = web.finance.open(links(page, "Ann")[0])
    assert "Only Ann" in contracts
    assert "1 contract" in contracts
    statement = web.finance.open(links(contracts, "SH-0001")[0].partition("#")[0])
    assert statement.status == 200
    [month] = links(page, "Mar 2026")
    assert "By month, Mar 2026:" in web.finance.open(month)


def test_the_filters_of_a_report_are_in_its_address(web: WebClients) -> None:
    page = web.finance.open("/reports/hours?from=2026-02&to=2026-03&by=customer_and_month&order=-sold")
    form = next(one for one in page.forms if "from" in one.values)
    assert (form.values["from"], form.values["to"]) == ("2026-02", "2026-03")
    assert form.values["by"] == "customer_and_month"
    assert 'aria-sort="descending"' in page.html
    empty = web.finance.open("/reports/hours?from=2020-01&to=2020-02")
    assert "Nothing to report" in empty


def test_a_month_that_is_none_is_refused_in_words(web: WebClients) -> None:
    page = web.finance.open("/reports/hours?from=yesterday")
    assert page.status == 422
    assert "Write for example 2026-03." in page


def test_uncovered_time_leads_to_the_entries_behind_it(web: WebClients) -> None:
    page = web.finance.open("/reports/uncovered?from=2026-03&to=2026-03")
    assert "By month, Mar 2026: carried forward 0:45, not billed 0:00, to be billed 0:00." in page
    contracts = web.finance.open(links(page, "Ann")[0])
    [address] = links(contracts, "0:45")[1:]
    entries = web.finance.open(address)
    assert "Mar 2026." in entries
    assert "The laptop is slow" in entries
    assert "1 record" in entries
    assert "Show that of all contracts and customers" in entries


def test_service_levels_lead_to_the_requests_behind_them(web: WebClients) -> None:
    web.sample.sell("subscription", sla="standard", to=("customer", web.sample.customer("Cleo")))
    cleo = web.sample.rows(t.customer, name="Cleo")[0].id
    request = web.sample.log("It is on fire", customer=cleo, item=None)
    web.sample.fire(request, "start")
    page = web.finance.open(links(web.finance.open("/reports/service-levels?by=customer"), "Cleo")[0])
    assert "response met 1, response missed 0" in page
    requests = web.finance.open(links(page, "1")[-2])
    assert "It is on fire" in requests
    assert "1 service request" in requests
    assert 'name="counted"' in requests.html


def test_utilization_leads_to_the_entries_behind_it(web: WebClients) -> None:
    page = web.finance.open("/reports/utilization")
    assert "worked 10:45, chargeable 10:45, not billable 0:00." in page
    entries = web.finance.open(links(page, "10:45")[-1])
    assert "2 work entries" in entries
    assert "The laptop is slow" in entries


def test_contracts_that_end_are_listed_with_their_renewals(web: WebClients) -> None:
    web.sample.sell("subscription", ends_on="2026-04-30", price={"amount_minor": 120_000})
    page = web.finance.open("/reports/endings?months=3&renewed=no")
    assert "By month, Mar 2026 to May 2026: renewed €0.00, not renewed €1,200.00." in page
    assert "1 contract" in page
    assert "30 Apr 2026" in page
    assert web.finance.open("/reports/endings?months=never").status == 422


def test_months_in_which_contracts_end_link_to_these_contracts(web: WebClients) -> None:
    """Each sum to those of which it is made; the sums of the other months stay."""
    for day in ("2026-04-30", "2026-05-31"):
        web.sample.sell("subscription", ends_on=day, price={"amount_minor": 120_000})
    page = web.finance.open("/reports/endings?months=3")
    for name in ("Apr 2026", "1", "€1,200.00"):
        [*_, href] = [one for one in links(page, name) if "month=2026-04" in one]
        april = web.finance.open(href)
        assert "30 Apr 2026" in april
        assert "31 May 2026" not in april
        assert "1 contract" in april
    assert "not renewed €2,400.00" in web.finance.open("/reports/endings?months=3&month=2026-04")
    assert web.finance.open("/reports/endings?months=3&month=2027-04").status == 422
