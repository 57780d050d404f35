"""What the overviews of administrators and supervisors say about rules and about requests that wait."""

import json
from datetime import timedelta

import pytest

from tests.support.builders import RULES
from tests.support.web_clients import WebClients

NO_EXAMPLES = json.dumps({**json.loads((RULES / "coverage.json").read_text()), "examples": []})


def test_an_administrator_sees_what_the_check_of_the_rules_in_force_warned_of(web: WebClients) -> None:
    assert "No problems found" in web.administrator.open("/")
    web.sample.publish_rules(coverage=NO_EXAMPLES)
    page = web.administrator.open("/")
    assert "1 warning" in page
    assert "coverage.json:" in page
    assert "No problems found" not in page


@pytest.mark.parametrize(
    ("language", "words"), [("en", "49 d ago"), ("de", "vor 49 Tagen"), ("fr", "il y a 49 j")]
)
def test_how_long_a_request_waits_is_in_days_however_many(web: WebClients, language: str, words: str) -> None:
    request = web.sample.log()
    logged = web.sample.clock.now()
    web.sample.clock.move(seconds=int(timedelta(days=49).total_seconds()))
    for path in ("/", "/requests?view=waiting"):
        page = web.supervisor.client.get(path, headers={"Accept-Language": language}).get_data(as_text=True)
        assert web.sample.request(request).number in page
        assert words in page
        assert f'datetime="{logged.isoformat().replace("+00:00", "Z")}"' in page
