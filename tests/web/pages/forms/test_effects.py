"""Previews of the effect of a change, with and without htmx."""

from typing import Any

import pytest

from tests.support.pages import Browser, Page
from tests.support.web_clients import WebClients
from workflows.store import tables as t

PLAIN: dict[str, str] = {}
HTMX = {"HX-Request": "true"}


def preview(browser: Browser, page: Page, form: str, effect: str, headers: Any = PLAIN, **typed: Any) -> Page:
    """Submit a form to its preview URL, as its button or htmx does."""
    filled = page.form(form)
    values = {name: value for name, value in {**filled.values, **typed}.items() if value is not None}
    return Page(browser.client.post(effect, data=values, headers=headers))


@pytest.mark.parametrize("headers", [PLAIN, HTMX])
def test_cancelling_previews_the_requests_that_lose_coverage(
    web: WebClients, headers: dict[str, str]
) -> None:
    sample, sue = web.sample, web.supervisor
    contract = sample.sell("support_hours", minutes=180)
    sample.work(sample.log(), 60)
    # work at the very instant of the cancellation is not paid by the contract
    sample.clock.move(minutes=1)
    sample.log()
    path = f"/contracts/{contract}"
    result = preview(sue, sue.open(path), "/cancel", f"{path}/cancel/effect", headers)
    assert result.status == 200
    assert "SH-0001 ends now. The remaining 2 hours expire unused." in result
    first, second = (one.number for one in sample.rows(t.service_request))
    assert f"2 service requests lose their coverage: {first} , {second} ." in result
    assert ("Adjust" in result) == (headers is PLAIN)
    if headers is PLAIN:
        assert "This field is required" not in result
        done = sue.send(result, "/cancel", cancel_reason="Agreed")
        assert "The contract has been cancelled." in done


def test_the_preview_reflects_the_typed_values(web: WebClients) -> None:
    sample, sue = web.sample, web.supervisor
    contract = sample.sell("time_limited_subscription", minutes=120)
    path = f"/contracts/{contract}"
    page = sue.open(path)
    result = preview(sue, page, "/top_up", f"{path}/top_up/effect", HTMX, topup_minutes="10:00")
    assert "10 hours added; 12:00 will be left." in result
    assert "No service requests are affected." in result
    withdrawn = preview(
        sue, page, "/adjust", f"{path}/adjust/effect", HTMX, adjust_way="withdraw", adjust_minutes="3:00"
    )
    assert "Only 120 minutes can be withdrawn" in withdrawn
    odd = preview(sue, page, "/top_up", f"{path}/top_up/effect", HTMX, topup_minutes="much")
    assert "is not a duration" in odd
    renewed = preview(sue, page, "/renew", f"{path}/renew/effect", HTMX)
    assert "will be created (pending): 2 Mar 2027" in renewed
    assert "with 2 hours" in renewed
    assert preview(sue, page, "/renew", f"{path}/nothing/effect", HTMX).status == 404


def test_withdrawing_a_used_grant_previews_the_work_that_moves(web: WebClients) -> None:
    """120 minutes, 90 of them drawn: without 60, 30 of the work are carried."""
    sample, sue = web.sample, web.supervisor
    contract = sample.sell("time_limited_subscription", minutes=120)
    sample.work(sample.log(), 90)
    path, [grant] = f"/contracts/{contract}", sample.grants(contract)
    values = {"adjust_way": "withdraw", "adjust_minutes": "1:00", "adjust_grant": grant.grant_id}
    page = sue.open(path)
    assert "1:30 of 2:00 drawn" in page
    shown = preview(sue, page, "/adjust", f"{path}/adjust/effect", HTMX, **values)
    assert "1 hour withdrawn; 0:00 will be left." in shown
    assert "SR-1001" in shown
    done = sue.send(page, "/adjust", **values, adjust_reason="Entered twice")
    assert "The balance has been adjusted." in done
    assert sample.carried(f"customer:{sample.ann}") == 30


def test_enabling_previews_the_requests_that_open(web: WebClients) -> None:
    sample, sue = web.sample, web.supervisor
    sample.log()
    contract = sample.sell("incident_pack", incidents=5, enable=False)
    path = f"/contracts/{contract}"
    result = preview(sue, sue.open(path), "/enable/effect", f"{path}/enable/effect")
    assert "IP-0001 becomes active now" in result
    assert "1 service request is covered by IP-0001 and opens" in result
    assert "1 incident of IP-0001 will be held; 4 will be left." in result
    assert "PR-0001 will be cancelled." in result


def test_assigning_previews_what_moves(web: WebClients) -> None:
    sample, sue = web.sample, web.supervisor
    sample.sell("incident_pack", incidents=5)
    request = sample.log()
    other = sample.sell("subscription", to=("org_unit", sample.site))
    path = f"/requests/{request}"
    assert "SUB-0001, held by org unit Acme-Berlin" in sue.open(path)
    result = preview(sue, sue.open(path), "/assign", f"{path}/coverage/assign/effect", assign_contract=other)
    assert "1 service request moves from IP-0001 to SUB-0001" in result
    assert "1 incident returns to IP-0001; 5 will be left." in result
    assert result.form("/assign").values["assign_contract"] == other
    nothing = preview(sue, sue.open(path), "/assign", f"{path}/coverage/assign/effect", HTMX)
    assert nothing.text == ""
    refused = preview(
        web.technician, web.technician.open(path), "/notes", f"{path}/coverage/assign/effect", HTMX
    )
    assert "SUB-0001" not in refused
