"""Replay pages: starting, progress, stopping and results."""

import csv
import io
import threading
from datetime import timedelta

import pytest

from tests.support.builders import RULES
from tests.support.pages import Page
from tests.support.replayed_rules import ALWAYS, rule, with_rules
from tests.support.sample_desk import MONDAY
from tests.support.web_clients import WebClients
from workflows.billing.sold.to_invoice import draft_sold
from workflows.commands.billing import DraftSold
from workflows.replay import use_cases
from workflows.replay.use_cases import start_replay
from workflows.rule_sets.folder import read_rules_folder
from workflows.store import tables as t

SHIPPED = read_rules_folder(RULES)
CUSTOMER_FIRST = SHIPPED | {"coverage.json": SHIPPED["variants/customer_first.json"]}
SPAN = {"from_on": "2026-03-01", "to_on": "2026-03-31"}


def publish_twice(web: WebClients) -> str:
    """Publish the customer-first rules, then the shipped rules. Returns the version of the former."""
    version = web.sample.publish(CUSTOMER_FIRST, "Customer first")
    web.sample.publish(SHIPPED, "Back again")
    web.sample.desk.refresh()
    return version


def three_requests(web: WebClients) -> list[str]:
    """Three requests covered by the item's contract; by the customer-first rules, Ann's would cover them."""
    sample = web.sample
    sample.sell("support_hours", to=("item", sample.laptop), minutes=600)
    sample.sell("subscription")
    requests = [sample.log(f"Call {number}") for number in range(3)]
    for one in requests:
        sample.work(one, 20)
    return requests


def finished() -> None:
    for thread in threading.enumerate():
        if thread.name == "replay":
            thread.join(30)


def run(web: WebClients, version: str) -> Page:
    """Replay March with a version and open the result."""
    page = web.administrator.open("/rules/replays")
    started = web.administrator.send(page, "/rules/replays", rules=version, **SPAN)
    assert started.status == 200, started.text
    finished()
    return web.administrator.open(started.path)


def test_the_defaults_are_last_month_and_the_rules_folder(web: WebClients) -> None:
    page = web.administrator.open("/rules/replays")
    form = page.form("/rules/replays")
    assert (form.values["from_on"], form.values["to_on"]) == ("2026-02-01", "2026-02-28")
    assert form.values["rules"] == "folder"
    assert "No replays yet" in page
    started = web.administrator.send(page, "/rules/replays")
    finished()
    done = web.administrator.open(started.path)
    assert "No decisions in February 2026." in done
    assert "Nothing to compare" in done


def test_differences_as_text_bars_and_list(web: WebClients) -> None:
    version = publish_twice(web)
    requests = three_requests(web)
    page = run(web, version)
    assert "3 of 3 decisions in March 2026 would change." in page
    assert (
        "3 from SH-0001 (Support hours of LAP-1 Item LAP-1) to SUB-0001 (Subscription of Ann). "
        "1:00 of work would move." in page
    )
    assert "Drawn from contracts 1:00 0:00 −1:00" in page
    assert "Covered without draw-down 0:00 1:00 +1:00" in page
    for one in requests:
        assert f'href="/requests/{one}"' in page.html
    [decision, *_] = web.sample.rows(t.coverage_decision)
    assert f"decision={decision.id}" in page.html
    for contract in web.sample.rows(t.contract):
        assert page.html.count(f'href="/contracts/{contract.id}"') == 4
    listed = web.administrator.open("/rules/replays")
    assert "3 of 3 decisions would change" in listed
    assert "In March 2026" in listed


def test_the_same_rules_have_no_differences(web: WebClients) -> None:
    publish_twice(web)
    three_requests(web)
    in_force = web.sample.rows(t.deployment)[0].rule_set
    page = run(web, in_force)
    assert "None of the 3 decisions in March 2026 would change." in page
    assert "No decisions would change" in page
    assert "Decisions that would change" not in page


def test_invoices_that_would_differ_are_listed_and_exported(web: WebClients) -> None:
    """A contract is made for 50.00, and is on a draft; by the other rules another is made for 80.00."""
    dearer, _ = (
        web.sample.publish(
            with_rules(rule("make", "create_contract", ALWAYS, type="per_request", price_minor=price)), "Made"
        )
        for price in (8000, 5000)
    )
    web.sample.set(invoices=True, time_expired_contract="ignore")
    web.sample.log()
    draft = web.sample.do_as(web.sample.finance, draft_sold, DraftSold(customer=web.sample.ann))
    page = run(web, dearer)
    assert "Invoices that would differ" in page
    assert page.html.count(f'/invoices/{draft}"') == 2
    assert "+€30.00" in page
    answer = web.administrator.client.get(f"{page.path}?format=csv").get_data(as_text=True)
    (row,) = csv.DictReader(io.StringIO(answer.removeprefix("\ufeff")))
    billed = (row["invoices"], row["invoiced_minor_before"], row["invoiced_minor_after"])
    assert billed == (draft, "5000", "8000")


def test_the_list_is_filtered_paged_and_exported_as_csv(
    web: WebClients, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("web.pages.rules.replays.MOST_LIMIT", 1)
    version = publish_twice(web)
    requests = three_requests(web)
    path = run(web, version).path
    admin = web.administrator
    number = web.sample.request(requests[0]).number
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


def test_a_running_replay_shows_progress_and_can_be_stopped(web: WebClients) -> None:
    version = publish_twice(web)
    three_requests(web)
    admin = web.administrator
    with use_cases._one_at_a_time:
        started = admin.send(admin.open("/rules/replays"), "/rules/replays", rules=version, **SPAN)
        assert "Queued or just started." in started
        assert f'hx-get="{started.path}"' in started.html
        replay_id = started.path.rsplit("/", 1)[1]
        with web.sample.desk.write() as tx:
            tx.change(t.rule_replay, replay_id, decisions=200, decisions_done=50)
        assert "50 of 200 decisions replayed." in admin.open(started.path)
        part = admin.open(f"{started.path}/summary")
        assert 'value="25"' in part.html
        assert f'hx-get="{started.path}/summary"' in part.html
        stopped = admin.send(admin.open(started.path), "/cancel")
        assert f"Cancelled by {web.sample.administrator.name}." in stopped
        assert "hx-get" not in stopped.html.split('id="replay-body"')[1].split("</div>")[0]
        late = admin.send(started, "/cancel")
        assert late.status == 422
        assert "The replay is no longer running." in late
    finished()


def test_a_failed_or_interrupted_replay_is_reported(web: WebClients) -> None:
    sample = web.sample
    publish_twice(web)
    with use_cases._one_at_a_time:
        replay_id, thread = start_replay(
            sample.desk, sample.administrator, CUSTOMER_FIRST, MONDAY, MONDAY + timedelta(days=2)
        )
        with sample.desk.write() as tx:
            tx.change(t.rule_replay, replay_id, beat_at=tx.real_now - timedelta(minutes=2), runner="gone")
        path = f"/rules/replays/{replay_id}"
        assert "The process that ran it has stopped." in web.administrator.open(path)
        assert "Interrupted" in web.administrator.open("/rules/replays")
    thread.join(30)
    with sample.desk.write() as tx:
        tx.change(t.rule_replay, replay_id, state="failed", error="OSError (see the log)")
    assert "The replay failed: OSError (see the log)" in web.administrator.open(path)


def test_invalid_rules_and_periods_are_refused(web: WebClients) -> None:
    admin = web.administrator
    page = admin.open("/rules/replays")
    reverse = admin.send(page, "/rules/replays", from_on="2026-03-31", to_on="2026-03-01")
    assert reverse.status == 422
    assert "The end must be after the start." in reverse
    assert reverse.form("/rules/replays").values["from_on"] == "2026-03-31"
    assert admin.send(page, "/rules/replays", from_on="").status == 422
    assert admin.send(page, "/rules/replays", rules="f" * 64).status == 404
    with web.sample.desk.write() as tx:
        tx.add(t.rule_set, version="bad0" * 16, files={"coverage.json": "{"}, created_at=tx.now)
    bad = admin.send(page, "/rules/replays", rules="bad0" * 16)
    assert bad.status == 422
    assert "These rules cannot be replayed" in bad
    assert "coverage.json:1:" in bad


@pytest.mark.parametrize("role", ["finance", "supervisor", "technician", "customer"])
def test_only_administrators_replay(web: WebClients, role: str) -> None:
    replay_id, thread = start_replay(
        web.sample.desk, web.sample.administrator, SHIPPED, MONDAY, MONDAY + timedelta(days=2)
    )
    thread.join(30)
    for path in ("/rules/replays", f"/rules/replays/{replay_id}", f"/rules/replays/{replay_id}/summary"):
        assert web.of_role(role).open(path).status == 403, path


def test_the_rules_of_a_replay_can_be_edited(web: WebClients) -> None:
    version = publish_twice(web)
    page = run(web, version)
    link = page.html.split("Edit these rules")[0].rsplit('href="', 1)[1].split('"')[0]
    edited = web.administrator.open(link)
    assert edited.status == 200
    assert "Customer, org unit, item" in edited.html
