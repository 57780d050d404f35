"""A reader's own time zone: what is pointed at is in it, and the provider's days and forms stay."""

import re

from tests.support.api import ApiClients
from tests.support.web_clients import WebClients

TOKYO = {"time_zone": "Asia/Tokyo"}


def hovers(html: str) -> set[str]:
    return set(re.findall(r'<time [^>]*title="([^"]+)"', html))


def test_times_are_pointed_at_in_the_readers_zone_and_shown_in_the_providers(web: WebClients) -> None:
    web.sample.sell("subscription", sla="gold")
    request = web.sample.log()
    web.sample.clock.move(hours=1)
    technician, path, queue = web.technician, f"/service-requests/{request}", "/requests?view=unassigned"
    before = technician.open(path)
    assert any("2 Mar 2026, 14:00" in one for one in hovers(technician.open(queue).html))
    assert "Your time zone" not in before
    saved = technician.send(technician.open("/account"), "/account/preferences", **TOKYO)
    assert "Your preferences have been saved." in saved
    after = technician.open(path)
    assert any("2 Mar 2026, 22:00" in one for one in hovers(technician.open(queue).html))
    assert "Time zone: Europe/Berlin. Current time: 2 Mar 2026, 11:00" in after
    assert (
        "Your time zone, shown when you point at a time: Asia/Tokyo. Current time: 2 Mar 2026, 19:00" in after
    )
    assert "In the provider's time zone, Europe/Berlin." in technician.open("/coverage")
    assert "In the provider's time zone" not in web.supervisor.open("/coverage")
    # another reader keeps the provider's
    assert any("2 Mar 2026, 14:00" in one for one in hovers(web.supervisor.open(queue).html))


def test_an_unknown_zone_is_refused_and_what_was_typed_stays(web: WebClients) -> None:
    technician = web.technician
    wrong = technician.send(technician.open("/account"), "/account/preferences", time_zone="Mars/Base")
    assert wrong.status == 422
    assert "It is not an IANA time zone." in wrong
    assert 'value="Mars/Base"' in wrong.html
    assert technician.send(wrong, "/account/preferences", time_zone="").status == 200


def test_the_api_has_the_zone_of_a_user(web: WebClients) -> None:
    api = ApiClients(web.sample)
    user = f"/users/{web.sample.technician.id}"
    assert api.administrator.patch(user, TOKYO).status_code == 200
    stored = api.administrator.get(user).json
    assert stored is not None
    assert stored["time_zone"] == "Asia/Tokyo"
    assert api.administrator.patch(user, {"time_zone": "Mars/Base"}).status_code == 422
    page = web.administrator.open(user)
    assert 'value="Asia/Tokyo"' in page.html
    web.administrator.send(page, time_zone="")
    stored = api.administrator.get(user).json
    assert stored is not None
    assert stored["time_zone"] is None
