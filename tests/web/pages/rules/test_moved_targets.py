"""How many service level targets a rule set moves is shown before it is published again or approved."""

import json
from typing import Any

from tests.support.api import ApiClients
from tests.support.sample_desk import SampleDesk
from tests.support.web_clients import WebClients

COUNT = "Publishing moves 1 open service level target."


def slower(sample: SampleDesk) -> dict[str, str]:
    """The files in force, with another time to respond for requests of low priority."""
    files = dict(sample.see(lambda tx: tx.rules.files))
    slas = json.loads(files["slas.json"])
    for one in slas["slas"]:
        one["targets"]["low"]["response_minutes"] += 60
    return {**files, "slas.json": json.dumps(slas)}


def test_a_rollback_and_a_proposal_say_which_targets_they_move(web: WebClients) -> None:
    sample = web.sample
    first = sample.see(lambda tx: tx.rules.version)
    sample.sell("subscription")
    request = sample.log(priority="low")
    api = ApiClients(sample)
    published: Any = api.administrator.post("/rules/publish", {"files": slower(sample), "note": "Slower"})
    assert (published.status_code, published.json["moved_targets"]) == (201, 1)
    due_at = sample.request(request).response_due_at
    assert COUNT in web.administrator.open(f"/rules/{first}")
    assert "service level target" not in web.administrator.open(f"/rules/{published.json['version']}")
    sample.set(two_person_publishing=True)
    made: Any = api.administrator.post(f"/rules/{first}/publish", {"note": "Back"})
    assert made.status_code == 202
    proposal = made.json["id"]
    detail: Any = api.supervisor.get(f"/rules/proposals/{proposal}").json
    assert detail["moved_targets"] == 1
    other = web.browser(sample.person("administrator", "Bob"))
    page = other.open(f"/rules/proposals/{proposal}")
    assert COUNT in page
    assert sample.request(request).response_due_at == due_at
    approved = other.send(page, "/approve")
    assert "The rule set is in force." in approved
    assert sample.request(request).response_due_at < due_at
    assert "service level target" not in other.open(f"/rules/proposals/{proposal}")


def test_the_editor_says_it_in_the_same_words(web: WebClients) -> None:
    sample = web.sample
    sample.sell("subscription")
    sample.log(priority="low")
    page = web.administrator.open("/rules/edit")
    checked = web.administrator.send(
        page, "/rules/edit", step="check", **{"file:slas.json": slower(sample)["slas.json"]}
    )
    assert COUNT in checked
