"""Replay pages: starting, progress, stopping and results."""

import csv
import io
import threading
from datetime import timedelta

import pytest

from tests.support.builders import RULES
from tests.support.front import Front
from tests.support.office import MONDAY
from tests.support.pages import Page
from workflows.replay import use_cases
from workflows.replay.use_cases import start_replay
from workflows.rule_sets.folder import read_rules_folder
from workflows.store import tables as t

SHIPPED = read_rules_folder(RULES)
CUSTOMER_FIRST = SHIPPED | {"coverage.json": SHIPPED["variants/customer_first.json"]}
SPAN = {"from_on": "2026-03-01", "to_on": "2026-03-31"}


def publish_twice(front: Front) -> str:
    """Publish the customer-first rules, then the shipped rules. Returns the version of the former."""
    version = front.office.publish(CUSTOMER_FIRST, "Customer first")
    front.office.publish(SHIPPED, "Back again")
    front.office.desk.refresh()
    return version


def three_requests(front: Front) -> list[str]:
    """Three requests covered by the item's contract; by the customer-first rules, Ann's would cover them."""
    office = front.office
    office.sell("support_hours", to=("item", office.laptop), minutes=600)
    office.sell("subscription")
    requests = [office.log(f"Call {number}") for number in range(3)]
    for one in requests:
        office.work(one, 20)
    return requests


def finished() -> None:
    for thread in threading.enumerate():
        if thread.name == "replay":
            thread.join(30)


def run(front: Front, version: str) -> Page:
    """Replay March with a version and open the result."""
    page = front.administrator.open("/rules/replays")
    started = front.administrator.send(page, "/rules/replays", rules=version, **SPAN)
    assert started.status == 200, started.text
    finished()
    return front.administrator.open(started.path)


def test_the_defaults_are_last_month_and_the_rules_folder(front: Front) -> None:
    page = front.administrator.open("/rules/replays")
    form = page.form("/rules/replays")
    assert (form.values["from_on"], form.values["to_on"]) == ("2026-02-01", "2026-02-28")
    assert form.values["rules"] == "folder"
    assert "No replays yet" in page
    started = front.administrator.send(page, "/rules/replays")
    finished()
    done = front.administrator.open(started.path)
    assert "No decisions in February 2026." in done
    assert "Nothing to compare" in done


def test_differences_as_text_bars_and_list(front: Front) -> None:
    version = publish_twice(front)
    requests = three_requests(front)
    page = run(front, version)
    assert "3 of 3 decisions in March 2026 would change." in page
    assert (
        "3 from SH-0001 (Support hours of LAP-1 Item LAP-1) to SUB-0001 (Subscription of Ann). "
        "1:00 of work would move." in page
    )
    assert "Drawn from contracts 1:00 0:00 −1:00" in page
    assert "Covered without draw-down 0:00 1:00 +1:00" in page
    for one in requests:
        assert f'href="/requests/{one}"' in page.html
    [decision, *_] = front.office.rows(t.coverage_decision)
    assert f"decision={decision.id}" in page.html
    for contract in front.office.rows(t.contract):
        assert page.html.count(f'href="/contracts/{contract.id}"') == 4
    listed = front.administrator.open("/rules/replays")
    assert "3 of 3 decisions would change" in listed
    assert "In March 2026" in listed


def test_the_same_rules_have_no_differences(front: Front) -> None:
    publish_twice(front)
    three_requests(front)
    in_force = front.office.rows(t.deployment)[0].rule_set
    page = run(front, in_force)
    assert "None of the 3 decisions in March 2026 would change." in page
    assert "No decisions would change" in page
    assert "Decisions that would change" not in page


def test_the_list_is_filtered_paged_and_exported_as_csv(
    front: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("web.pages.rules.replays.MOST_LIMIT", 1)
    version = publish_twice(front)
    requests = three_requests(front)
    path = run(front, version).path
    admin = front.administrator
    number = front.office.request(requests[0]).number
    assert admin.open(f"{path}?q={number.lower()}").html.count('data-label="Decided"') == 1
    assert "No matching decisions" in admin.open(f"{path}?change=charge")
    moved = admin.open(f"{path}?move=0")
    assert moved.html.count('data-label="Decided"') == 3
    assert "Only from SH-0001 (Support hours of LAP-1 Item LAP-1) to SUB-0001 (Subscription of Ann)" in moved
    assert admin.open(f"{path}?move=1").status == 404
    assert admin.open(f"{path}?change=weather").status == 422
    answer = admin.client.get(f"{path}?format=csv&change=contract")
    rows = list(csv.DictReader(io.StringIO(answer.get_data(as_text=True).removeprefix("\ufeff"))))
    assert [row["service_request"] for row in rows] == requests
    assert {(row["contract_before"], row["contract_after"]) for row in rows} == {("SH-0001", "SUB-0001")}
    assert len(admin.client.get(f"{path}?format=csv&q={number}").get_data(as_text=True).splitlines()) == 2


def test_a_running_replay_shows_progress_and_can_be_stopped(front: Front) -> None:
    version = publish_twice(front)
    three_requests(front)
    admin = front.administrator
    with use_cases._one_at_a_time:
        started = admin.send(admin.open("/rules/replays"), "/rules/replays", rules=version, **SPAN)
        assert "Queued or just started." in started
        assert f'hx-get="{started.path}"' in started.html
        replay_id = started.path.rsplit("/", 1)[1]
        with front.office.desk.write() as tx:
            tx.change(t.rule_replay, replay_id, decisions=200, decisions_done=50)
        assert "50 of 200 decisions replayed." in admin.open(started.path)
        part = admin.open(f"{started.path}/summary")
        assert 'value="25"' in part.html
        assert f'hx-get="{started.path}/summary"' in part.html
        stopped = admin.send(admin.open(started.path), "/cancel")
        assert f"Cancelled by {front.office.administrator.name}." in stopped
        assert "hx-get" not in stopped.html.split('id="replay-body"')[1].split("</div>")[0]
        late = admin.send(started, "/cancel")
        assert late.status == 422
        assert "The replay is no longer running." in late
    finished()


def test_a_failed_or_interrupted_replay_is_reported(front: Front) -> None:
    office = front.office
    publish_twice(front)
    with use_cases._one_at_a_time:
        replay_id, thread = start_replay(
            office.desk, office.administrator, CUSTOMER_FIRST, MONDAY, MONDAY + timedelta(days=2)
        )
        with office.desk.write() as tx:
            tx.change(t.rule_replay, replay_id, beat_at=tx.real_now - timedelta(minutes=2), runner="gone")
        path = f"/rules/replays/{replay_id}"
        assert "The process that ran it has stopped." in front.administrator.open(path)
        assert "Interrupted" in front.administrator.open("/rules/replays")
    thread.join(30)
    with office.desk.write() as tx:
        tx.change(t.rule_replay, replay_id, state="failed", error="OSError (see the log)")
    assert "The replay failed: OSError (see the log)" in front.administrator.open(path)


def test_invalid_rules_and_periods_are_refused(front: Front) -> None:
    admin = front.administrator
    page = admin.open("/rules/replays")
    reverse = admin.send(page, "/rules/replays", from_on="2026-03-31", to_on="2026-03-01")
    assert reverse.status == 422
    assert "The end must be after the start." in reverse
    assert reverse.form("/rules/replays").values["from_on"] == "2026-03-31"
    assert admin.send(page, "/rules/replays", from_on="").status == 422
    assert admin.send(page, "/rules/replays", rules="f" * 64).status == 404
    with front.office.desk.write() as tx:
        tx.add(t.rule_set, version="bad0" * 16, files={"coverage.json": "{"}, created_at=tx.now)
    bad = admin.send(page, "/rules/replays", rules="bad0" * 16)
    assert bad.status == 422
    assert "These rules cannot be replayed" in bad
    assert "coverage.json:1:" in bad


@pytest.mark.parametrize("role", ["finance", "supervisor", "technician", "customer"])
def test_only_administrators_replay(front: Front, role: str) -> None:
    replay_id, thread = start_replay(
        front.office.desk, front.office.administrator, SHIPPED, MONDAY, MONDAY + timedelta(days=2)
    )
    thread.join(30)
    for path in ("/rules/replays", f"/rules/replays/{replay_id}", f"/rules/replays/{replay_id}/summary"):
        assert front.of_role(role).open(path).status == 403, path


def test_the_rules_of_a_replay_can_be_edited(front: Front) -> None:
    version = publish_twice(front)
    page = run(front, version)
    link = page.html.split("Edit these rules")[0].rsplit('href="', 1)[1].split('"')[0]
    edited = front.administrator.open(link)
    assert edited.status == 200
    assert "Customer, org unit, item" in edited.html
