"""The automatic top-up on the contract page: its terms, their preview, and one that waits to be confirmed."""

import pytest

from tests.support.pages import Page
from tests.support.web_clients import WebClients
from workflows.jobs.definitions import run_job
from workflows.store import tables as t


def test_the_terms_are_set_shown_and_switched_off(web: WebClients) -> None:
    sample = web.sample
    contract = sample.sell("support_hours", minutes=600)
    page = web.finance.open(f"/contracts/{contract}")
    given = {"auto_mode": "issue", "auto_below": "1:00", "auto_minutes": "5:00", "auto_price": "400"}
    done = web.finance.send(page, "/auto_top_up", **given)
    assert "The automatic top-up has been set." in done
    text = "When no more than 1:00 is left, it is topped up: 5:00 for €400.00, at most once a month."
    assert text in done
    assert done.form("/auto_top_up").values["auto_mode"] == "issue"
    assert "When no more than 1:00 is left, it is topped up: 5:00, at most once a month." in (
        web.technician.open(f"/contracts/{contract}")
    )
    off = web.finance.send(done, "/auto_top_up", auto_mode="")
    assert "it is topped up" not in off
    assert sample.contract(contract).auto_top_up is None


def test_bad_terms_are_named_at_their_fields(web: WebClients) -> None:
    contract = web.sample.sell("support_hours", minutes=600)
    page = web.finance.open(f"/contracts/{contract}")
    refused = web.finance.send(page, "/auto_top_up", auto_mode="issue", auto_below="1:00")
    assert refused.status == 422
    assert "A top-up needs its amount. Give minutes." in refused
    assert refused.form("/auto_top_up").values["auto_below"] == "1:00"
    assert web.sample.contract(contract).auto_top_up is None


def test_one_that_waits_is_previewed_and_confirmed(web: WebClients) -> None:
    sample = web.sample
    contract = sample.sell("support_hours", minutes=600)
    page = web.supervisor.open(f"/contracts/{contract}")
    given = {"auto_mode": "draft", "auto_below": "1:00", "auto_minutes": "5:00"}
    web.supervisor.send(page, "/auto_top_up", **given)
    sample.clock.move(hours=1)
    sample.work(sample.log(), 570)
    run_job(sample.desk, "auto_top_ups")
    page = web.finance.open(f"/contracts/{contract}")
    assert "Waiting to be confirmed 0:30 left, top-up of 5:00" in page
    assert not web.technician.open(f"/contracts/{contract}").has_form("/confirm")
    [row] = sample.rows(t.auto_top_up)
    form = page.form("/confirm")
    path = f"/contracts/{contract}/top-ups/{row.id}"
    shown = Page(web.finance.client.post(f"{path}/confirm/effect", data=form.values))
    assert "5 hours added; 5:30 will be left." in shown
    seen = web.supervisor.open(f"/contracts/{contract}").form("/confirm").values
    done = web.finance.send(page, "/confirm")
    assert "The top-up has been added." in done
    assert "Topped up" in done
    late = Page(web.supervisor.client.post(f"{path}/decline", data=seen))
    assert late.status == 409
    assert "The top-up is issued by the finance." in late
    assert sample.rows(t.auto_top_up)[0].state == "issued"
    assert web.finance.client.post(f"{path}/nothing", data=form.values).status_code == 404


def test_the_terms_are_given_with_the_sale(web: WebClients) -> None:
    """In the unit of the type that is chosen; the preview of the sale says what it does."""
    sample, sue = web.sample, web.supervisor
    sold = {"holder": f"customer:{sample.ann}", "auto_mode": "issue", "auto_most_per_month": "2"}
    hours = {"type": "support_hours", "minutes": "10", "auto_below": "1:00", "auto_minutes": "5:00"}
    done = sue.send(sue.open("/contracts/new"), **sold, **hours, auto_price="400")
    text = "When no more than 1:00 is left, it is topped up: 5:00 for €400.00, at most 2 times a month."
    assert text in done
    pack = {"type": "incident_pack", "incidents": "5", "auto_below_incidents": "1", "auto_incidents": "3"}
    done = sue.send(sue.open("/contracts/new"), **sold, **pack)
    text = "When no more than 1 incident is left, it is topped up: 3 incidents, at most 2 times a month."
    assert text in done


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"type": "support_hours"}, "A top-up needs its amount."),
        ({"type": "support_hours", "auto_minutes": "5:00", "auto_incidents": "1"}, "Give minutes alone."),
        ({"type": "subscription", "auto_minutes": "5:00"}, "This contract has no balance to top up."),
        ({"type": "support_hours", "auto_minutes": "5:00", "auto_most_per_month": "0"}, "must be at least 1"),
        ({"type": "support_hours", "auto_minutes": "5:00", "auto_below": "little"}, "is not a duration"),
    ],
)
def test_bad_terms_of_a_sale_are_named_in_their_open_section(
    web: WebClients, given: dict[str, str], words: str
) -> None:
    sent = {"holder": f"customer:{web.sample.ann}", "auto_mode": "draft", **given}
    if given["type"] == "support_hours":
        sent["minutes"] = "10"
    refused = web.supervisor.send(web.supervisor.open("/contracts/new"), **sent)
    assert refused.status == 422
    assert words in refused
    assert '<details class="more" open>\n    <summary>Automatic top-up' in refused.html
    assert web.sample.rows(t.contract) == []


def test_a_warning_without_an_amount_is_set_and_shown(web: WebClients) -> None:
    contract = web.sample.sell("support_hours", minutes=600)
    page = web.finance.open(f"/contracts/{contract}")
    given = {"auto_mode": "warn", "auto_below": "1:00"}
    form = page.form("/auto_top_up")
    preview = Page(web.finance.client.post(f"{form.action}/effect", data={**form.values, **given}))
    assert "A top-up needs its amount" not in preview
    saved = web.finance.send(page, f"/contracts/{contract}/auto_top_up", **given)
    assert "The automatic top-up has been set." in saved
    assert "Only a warning when no more than 1:00 is left." in web.finance.open(f"/contracts/{contract}")
    web.sample.clock.move(hours=1)
    web.sample.work(web.sample.log(), 570)
    run_job(web.sample.desk, "auto_top_ups")
    assert "0:30 left" in web.finance.open(f"/contracts/{contract}")
