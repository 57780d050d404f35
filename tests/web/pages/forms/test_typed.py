"""A number alone means the unit of its field, which says so; the words come back before anything is saved."""

from typing import Any

import pytest

from tests.support.pages import Browser, Page
from tests.support.web_clients import WebClients
from workflows.store import tables as t

HTMX = {"HX-Request": "true"}


def post(browser: Browser, page: Page, form: str, address: str, headers: Any = None, **typed: str) -> Page:
    values = {name: value for name, value in {**page.form(form).values, **typed}.items() if value is not None}
    return Page(browser.client.post(address, data=values, headers=headers))


@pytest.mark.parametrize(
    ("typed", "minutes", "words"),
    [
        ("20", 1200, "20 hours"),
        ("1.5", 90, "1 hour 30 minutes"),
        ("1,5", 90, "1 hour 30 minutes"),
        ("20:00", 1200, "20 hours"),
        ("90m", 90, "1 hour 30 minutes"),
        ("1 h", 60, "1 hour"),
        ("1m", 1, "1 minute"),
    ],
)
def test_hours_are_hours_in_every_form_that_sells_them(
    web: WebClients, typed: str, minutes: int, words: str
) -> None:
    sample, sue = web.sample, web.supervisor
    page = sue.open(f"/contracts/new?holder=customer:{sample.ann}&type=support_hours")
    assert "A number means hours" in page
    shown = post(sue, page, "", "/contracts/new/effect", HTMX, minutes=typed)
    assert f"with {words}." in shown
    assert sample.rows(t.contract) == []
    done = sue.send(page, minutes=typed)
    assert f"SH-0001 has been created for Ann with {words}." in done
    [contract] = sample.rows(t.contract)
    assert [grant.available for grant in sample.grants(contract.id)] == [minutes]
    path = f"/contracts/{contract.id}"
    for action, prefix, extra, sign in (
        ("top_up", "topup", {}, 1),
        ("adjust", "adjust", {"adjust_way": "grant", "adjust_reason": "Agreed"}, 1),
        ("adjust", "adjust", {"adjust_way": "withdraw", "adjust_reason": "Agreed"}, -1),
    ):
        available = sum(grant.available for grant in sample.grants(contract.id))
        page = sue.open(path)
        given = {**extra, f"{prefix}_minutes": typed}
        shown = post(sue, page, f"/{action}", f"{path}/{action}/effect", HTMX, **given)
        assert f"{words} {'added' if sign > 0 else 'withdrawn'};" in shown
        sue.send(page, f"/{action}", **given)
        after = sum(grant.available for grant in sample.grants(contract.id))
        assert after == available + sign * minutes


def test_hours_are_hours_in_a_renewal(web: WebClients) -> None:
    sample, sue = web.sample, web.supervisor
    contract = sample.sell("time_limited_subscription", minutes=60)
    path = f"/contracts/{contract}"
    shown = post(sue, sue.open(path), "/renew", f"{path}/renew/effect", HTMX, renew_minutes="20")
    assert "with 20 hours." in shown


@pytest.mark.parametrize(
    ("address", "typed", "words"),
    [
        ("duration/hours", "20", "20 hours"),
        ("duration/hours", "1.5", "1 hour 30 minutes"),
        ("duration/hours", "1,500", ""),
        ("duration/minutes", "20", "20 minutes"),
        ("duration/minutes", "1.5 h", "1 hour 30 minutes"),
        ("duration/minutes", "1.5", ""),
        ("duration/minutes", "much", ""),
        ("duration/hours", "<b>", ""),
        ("span/day", "14", "14 days"),
        ("span/day", "1 day", "1 day"),
        ("span/day", "1 hour", ""),
        ("span/month", "12", "12 months"),
        ("span/minute", "15", "15 minutes"),
        ("span/minute", "1:30", "90 minutes"),
        ("money", "1.250,00", "€1,250.00"),
        ("money", "€ 12.5", "€12.50"),
        ("money", "12.50 EUR", "€12.50"),
        ("money", "$12.50", ""),
        ("money", "12.50 USD", ""),
    ],
)
def test_the_words_come_back_while_typing(web: WebClients, address: str, typed: str, words: str) -> None:
    answer = web.supervisor.client.get(f"/typed/{address}", query_string={"field": "f", "f": typed})
    assert (answer.status_code, answer.get_data(as_text=True)) == (200, words)


def test_only_what_can_be_typed_is_answered(web: WebClients) -> None:
    for address in ("duration/years", "span/week", "money?field=A%22", "duration/hours"):
        assert web.supervisor.open(f"/typed/{address}").status == 404
    assert web.nobody.client.get("/typed/money?field=f&f=1").status_code in (302, 401)


def test_fields_say_their_unit(web: WebClients) -> None:
    contract = web.sample.sell("support_hours", minutes=600)
    request = web.sample.log()
    assert "A number means minutes" in web.technician.open(f"/requests/{request}")
    page = web.supervisor.open(f"/contracts/{contract}")
    assert page.text.count("A number means hours") == 5
    assert "Price (EUR)" in page
    shown = web.administrator.open("/settings")
    for label in ("Round up to (minutes)", "Reopen window (days)"):
        assert label in shown
    assert "14 days" in shown
    assert "12 months" in shown


def test_another_currency_is_refused(web: WebClients) -> None:
    sue = web.supervisor
    page = sue.open(f"/contracts/new?holder=customer:{web.sample.ann}&type=support_hours")
    done = sue.send(page, minutes="20", price="$100")
    assert done.status == 422
    assert "“$100” is not an amount in EUR." in done
    assert web.sample.rows(t.contract) == []


# ------------------------------------------------------------------ the sale


@pytest.mark.parametrize("headers", [None, HTMX])
def test_a_sale_shows_what_it_opens_before_it_is_made(web: WebClients, headers: Any) -> None:
    sample, sue = web.sample, web.supervisor
    request = sample.log()
    number = sample.request(request).number
    page = sue.open(f"/contracts/new?holder=customer:{sample.ann}&type=incident_pack")
    before = len(sample.rows(t.contract))
    shown = post(sue, page, "", "/contracts/new/effect", headers, incidents="5", type="incident_pack")
    assert "IP-0001 will be created (active): from 2 Mar 2026, no end date, with 5 incidents." in shown
    assert f"1 service request is covered by IP-0001 and opens, due 9 Mar 2026, 10:00 CET: {number}" in shown
    assert "1 incident of IP-0001 will be held; 4 will be left." in shown
    assert len(sample.rows(t.contract)) == before
    assert ("Create contract" in shown) == (headers is None)
    if headers is None:
        done = sue.send(shown, "/contracts/new")
        assert "IP-0001 has been created for Ann with 5 incidents." in done
        assert sample.request(request).state == "open"


def test_a_sale_that_cannot_be_made_says_why(web: WebClients) -> None:
    sue = web.supervisor
    page = sue.open(f"/contracts/new?holder=customer:{web.sample.ann}&type=support_hours")
    odd = post(sue, page, "", "/contracts/new/effect", HTMX, minutes="much")
    assert "“much” is not a duration." in odd
    assert "a number alone means hours" in odd
    early = post(sue, sue.open("/contracts/new"), "", "/contracts/new/effect", HTMX)
    assert early.text == ""
    assert post(web.technician, page, "", "/contracts/new/effect", HTMX).status == 403


def test_carried_time_is_part_of_the_preview_of_a_sale(web: WebClients) -> None:
    sample, sue = web.sample, web.supervisor
    sample.sell("support_hours", minutes=10)
    sample.work(sample.log(), 70)
    page = sue.open(f"/contracts/new?holder=customer:{sample.ann}&type=support_hours")
    shown = post(sue, page, "", "/contracts/new/effect", HTMX, minutes="20")
    assert "1 hour of carried time is drawn from it immediately." in shown
