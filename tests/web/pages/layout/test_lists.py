"""Every list counts its rows, pages forward and backward, and is exported."""

import csv
import io
import re

import pytest

from tests.support.pages import Browser, Page
from tests.support.web_clients import WebClients
from workflows.commands.service_requests import AddNote
from workflows.commands.webhooks import NewWebhook
from workflows.jobs.definitions import JOBS, run_job
from workflows.notifications.templates import TEMPLATES
from workflows.notifications.webhooks.endpoints import create_webhook
from workflows.service_requests.use_cases import add_note

# The address of each list, who reads it, and what the pager counts on the desk of `web.records`.
LISTS = [
    ("/requests?view=all", "technician", "3 requests"),
    ("/requests?view=all", "customer", "2 requests"),
    ("/contracts", "supervisor", "3 contracts"),
    ("/uncovered-time?every=yes", "finance", "1 record"),
    ("/alerts?kind=threshold", "supervisor", "2 alerts"),
    ("/customers", "technician", "2 customers"),
    ("/items", "technician", "1 item"),
    ("/org-units", "technician", "2 org units"),
    ("/org-units?q=berlin", "technician", "1 org unit"),
    ("/users", "administrator", "4 users"),
    ("/audit?subject_kind=item", "administrator", "1 event"),
    ("/outbox", "administrator", "9 messages"),
    ("/ledger", "finance", "5 transactions"),
    ("/settings", "administrator", "1 change"),
    ("/rules", "supervisor", "1 publication"),
]


@pytest.mark.parametrize(("path", "role", "words"), LISTS)
def test_every_list_shows_its_total_and_is_exported(
    web: WebClients, path: str, role: str, words: str
) -> None:
    _fill(web)
    browser = web.of_role(role)
    page = browser.open(path)
    assert words in page
    total = int(words.split()[0])
    rows = _export(browser, page)
    # the ledger's export has a row for each posting, and each transaction has two or more
    assert len(rows) >= 2 * total if path == "/ledger" else len(rows) == total


def test_lists_without_pages_and_of_the_administration_are_exported(web: WebClients) -> None:
    """As many rows as the page has, under a header, for those who see the page and nobody else."""
    web.sample.set(invoices=True)
    made = NewWebhook.model_validate(
        {"url": "https://example.com/hooks", "events": ["service_request.state_changed"]}
    )
    web.sample.do(create_webhook, made)
    run_job(web.sample.desk, "clean_up")
    for path, header, rows in (
        ("/jobs", "job", len(JOBS)),
        ("/webhooks", "id", 1),
        ("/mail-templates", "id", len(TEMPLATES)),
        ("/bank-entries", "statement", 0),
    ):
        browser = web.administrator if path != "/bank-entries" else web.finance
        answer = browser.client.get(f"{path}?format=csv")
        assert answer.mimetype == "text/csv", path
        first, *others = csv.reader(io.StringIO(answer.get_data(as_text=True)))
        assert (first[0].lstrip("\ufeff"), len(others)) == (header, rows)
        if path != "/bank-entries":
            assert "format=csv" in browser.open(path).html
        assert web.technician.client.get(f"{path}?format=csv").status_code in (403, 404)


def test_a_long_list_is_read_forward_and_backward(web: WebClients) -> None:
    for number in range(120):
        web.sample.customer(f"Person {number:03}")
    tom = web.technician
    first = tom.open("/customers?order=name")
    assert "1–50 of 121 customers" in first
    assert 'rel="prev"' not in first.html
    second = tom.open(_link(first, "next"))
    assert "51–100 of 121 customers" in second
    third = tom.open(_link(second, "next"))
    assert "101–121 of 121 customers" in third
    assert 'rel="next"' not in third.html
    back = tom.open(_link(third, "prev"))
    assert "51–100 of 121 customers" in back
    assert _names(back) == _names(second)
    assert _names(tom.open(_link(back, "prev"))) == _names(first)


def test_pages_of_a_section_return_to_it(web: WebClients) -> None:
    web.sample.set(contracts=False)
    for number in range(60):
        web.sample.item(f"G-{number:02}")
    page = web.administrator.open("/billing")
    assert "1–50 of 60 items" in page
    assert _link(page, "next").endswith("#unowned")
    assert "51–60 of 60 items" in web.administrator.open(_link(page, "next").split("#")[0])


@pytest.mark.parametrize(
    ("path", "record"),
    [
        ("/contracts?view=active&type=support_hours", "/contracts/"),
        ("/customers?q=ann&order=-name", "/customers/"),
        ("/items?q=lap", "/items/"),
        ("/org-units?q=acme", "/org-units/"),
        ("/users?role=technician", "/users/"),
    ],
)
def test_the_way_back_from_a_record_keeps_the_filters(web: WebClients, path: str, record: str) -> None:
    assert web.records
    ada = web.administrator
    link = re.findall(rf'href="({record}[^"/]*list=[^"]*)"', ada.open(path).html)[0].replace("&amp;", "&")
    page = ada.open(link)
    back = page.html.split('class="breadcrumbs">')[1].split('href="')[1].split('"')[0].replace("&amp;", "&")
    assert sorted(back.split("?")[1].split("&")) == sorted(path.split("?")[1].split("&"))


def test_an_action_on_a_contract_keeps_the_way_back(web: WebClients) -> None:
    contract = web.records.contract
    page = web.supervisor.open(f"/contracts/{contract}?list=view%3Dactive%26q%3Dann")
    done = web.supervisor.send(page, "/top_up", topup_minutes="1:00")
    assert 'class="breadcrumbs"><a href="/contracts?view=active&amp;q=ann"' in done.html


def test_the_ledger_is_filtered(web: WebClients) -> None:
    _fill(web)
    fay = web.finance
    assert "2 transactions" in fay.open("/ledger?kind=grant")
    assert "Drawn for work" in fay.open("/ledger?contract=sh-0001")
    assert "1 transaction" in fay.open("/ledger?kind=draw&service_request=SR-1001")
    assert "No matching transactions" in fay.open("/ledger?contract=SH-9999")
    assert 'aria-sort="descending"' in fay.open("/ledger").html
    first, last = (
        fay.client.get(f"/ledger?order={order}&format=csv").text.splitlines()[1]
        for order in ("effective_at", "-effective_at")
    )
    assert first < last


def test_the_history_of_one_setting_is_shown(web: WebClients) -> None:
    ada = web.administrator
    ada.send(ada.open("/settings"), reopen_window_days="20")
    ada.send(ada.open("/settings"), auto_close_days="9")
    assert "2 changes" in ada.open("/settings")
    page = ada.open("/settings?key=auto_close_days")
    assert "1 change" in page


def _fill(web: WebClients) -> None:
    """A record for each list."""
    sample, records = web.sample, web.records
    sample.do_as(sample.technician, add_note, records.service_request, AddNote(body="Done"))
    sample.sell("support_hours", to=("item", sample.laptop), minutes=15)
    sample.work(sample.log("More than the contract has"), 30)
    web.administrator.send(web.administrator.open("/settings"), reopen_window_days="20")


def _export(browser: Browser, page: Page) -> list[list[str]]:
    address = re.findall(r'href="([^"]*format=csv[^"]*)"', page.html)[-1].replace("&amp;", "&")
    text = browser.client.get(address).get_data(as_text=True)
    return list(csv.reader(io.StringIO(text.removeprefix("\ufeff"))))[1:]


def _link(page: Page, rel: str) -> str:
    return page.html.split(f'rel="{rel}" href="')[1].split('"')[0].replace("&amp;", "&")


def _names(page: Page) -> list[str]:
    return re.findall(r"Person \d{3}", page.text)


def test_days_in_reversed_order_are_named_by_every_page_that_asks_for_them(web: WebClients) -> None:
    """On the page of a statement beside its fields, elsewhere as an error; and so is what is no day."""
    contract = web.sample.sell("support_hours", minutes=600)
    customer = f"/customers/{web.sample.ann}"
    in_place = (f"/contracts/{contract}", f"{customer}/statement")
    refused = (
        f"/contracts/{contract}/statement.csv",
        f"/contracts/{contract}/statement.pdf",
        f"{customer}/statement.csv",
        f"{customer}/statement.pdf",
        "/ledger",
        "/ledger?format=csv",
    )
    for path in (*in_place, *refused):
        url = path + ("&" if "?" in path else "?")
        page = web.supervisor.open(f"{url}from=2026-05-02&to=2026-05-01")
        assert "The last day is before the first one." in page, path
        assert "'soon' is not a date." in web.supervisor.open(f"{url}to=soon"), path
        assert page.status == (200 if path in in_place else 422), path
        assert "No entries" not in page
        given = web.supervisor.client.get(f"{url}from=2026-05-01&to=2026-05-01")
        assert given.status_code == 200, path
    later = web.supervisor.open(f"/contracts/{contract}?from=2030-01-01")
    assert "No entries in this period." in later
