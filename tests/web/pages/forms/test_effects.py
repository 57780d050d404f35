"""A change tells its effect in numbers before it is done, with htmx and without."""

from typing import Any

import pytest

from tests.support.front import Front
from tests.support.pages import Browser, Page
from workflows.store import tables as t

PLAIN: dict[str, str] = {}
HTMX = {"HX-Request": "true"}


def shown(browser: Browser, page: Page, form: str, effect: str, headers: Any = PLAIN, **typed: Any) -> Page:
    """The form of a page sent to where its effect is told, as its button or htmx does."""
    filled = page.form(form)
    values = {name: value for name, value in {**filled.values, **typed}.items() if value is not None}
    return Page(browser.client.post(effect, data=values, headers=headers))


@pytest.mark.parametrize("headers", [PLAIN, HTMX])
def test_cancelling_tells_who_loses_cover(front: Front, headers: dict[str, str]) -> None:
    office, sue = front.office, front.supervisor
    contract = office.sell("support_hours", minutes=180)
    office.work(office.log(), 60)
    office.log()
    path = f"/contracts/{contract}"
    told = shown(sue, sue.open(path), "/cancel", f"{path}/cancel/effect", headers)
    assert told.status == 200
    assert "SH-0001 ends now. 2:00 left expires unused." in told
    first, second = (one.number for one in office.rows(t.service_request))
    assert f"2 service requests lose their cover: {first} , {second} ." in told
    assert ("What can be done" in told) == (headers is PLAIN)
    if headers is PLAIN:
        assert "Fill this in" not in told
        done = sue.send(told, "/cancel", cancel_reason="Agreed")
        assert "The contract is cancelled" in done


def test_what_is_typed_is_what_is_told(front: Front) -> None:
    office, sue = front.office, front.supervisor
    contract = office.sell("time_limited_subscription", minutes=120)
    path = f"/contracts/{contract}"
    page = sue.open(path)
    told = shown(sue, page, "/top_up", f"{path}/top_up/effect", HTMX, topup_minutes="10:00")
    assert "10:00 more: 12:00 left then." in told
    assert "No service request is touched." in told
    withdrawn = shown(
        sue, page, "/adjust", f"{path}/adjust/effect", HTMX, adjust_way="withdraw", adjust_minutes="3:00"
    )
    assert "Only 120 minutes can be withdrawn" in withdrawn
    odd = shown(sue, page, "/top_up", f"{path}/top_up/effect", HTMX, topup_minutes="much")
    assert "is no duration" in odd
    renewed = shown(sue, page, "/renew", f"{path}/renew/effect", HTMX)
    assert "is made, pending: 2 Mar 2027" in renewed
    assert "with 2:00" in renewed
    assert shown(sue, page, "/renew", f"{path}/nothing/effect", HTMX).status == 404


def test_enabling_tells_which_requests_open(front: Front) -> None:
    office, sue = front.office, front.supervisor
    office.log()
    contract = office.sell("incident_pack", incidents=5, enable=False)
    path = f"/contracts/{contract}"
    told = shown(sue, sue.open(path), "/enable/effect", f"{path}/enable/effect")
    assert "IP-0001 becomes active now" in told
    assert "1 service request is covered by IP-0001 and opens" in told
    assert "1 incident is held of IP-0001: 4 left then." in told
    assert "PR-0001 is cancelled then." in told


def test_assigning_tells_what_moves(front: Front) -> None:
    office, sue = front.office, front.supervisor
    office.sell("incident_pack", incidents=5)
    request = office.log()
    other = office.sell("subscription", to=("org_unit", office.site))
    path = f"/requests/{request}"
    assert "SUB-0001 of org unit Acme-Berlin" in sue.open(path)
    told = shown(sue, sue.open(path), "/assign", f"{path}/coverage/assign/effect", assign_contract=other)
    assert "1 service request moves from IP-0001 to SUB-0001" in told
    assert "1 incident goes back to IP-0001: 5 left then." in told
    assert told.form("/assign").values["assign_contract"] == other
    nothing = shown(sue, sue.open(path), "/assign", f"{path}/coverage/assign/effect", HTMX)
    assert nothing.text == ""
    refused = shown(
        front.technician, front.technician.open(path), "/notes", f"{path}/coverage/assign/effect", HTMX
    )
    assert "SUB-0001" not in refused
