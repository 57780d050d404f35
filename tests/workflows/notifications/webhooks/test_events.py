"""Every type of event is published by what people and jobs do, once, with codes and ids and no free text."""

import json
import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support.builders import RULES, DeskFixture
from tests.support.sample_desk import MONDAY, SampleDesk
from workflows.administration.settings import change_settings
from workflows.commands.contracts import AutoTopUpGiven, Renew, SetAutoTopUp
from workflows.commands.service_requests import AddNote
from workflows.commands.webhooks import NewWebhook
from workflows.commands.work import DecideEntries, WorkGiven
from workflows.contracts.auto_top_up import set_auto_top_up
from workflows.contracts.use_cases import renew
from workflows.jobs.definitions import run_job
from workflows.lifecycle.contracts.bulk_expiry import expire_due
from workflows.notifications.events import EVENT_TYPES, TYPE_NAMES, rfc_3339
from workflows.notifications.webhooks.endpoints import create_webhook
from workflows.rule_sets import folder_watch
from workflows.rule_sets.folder import read_rules_folder
from workflows.rule_sets.proposals import reject_proposal, submit_rule_set
from workflows.service_requests.use_cases import add_note
from workflows.store import tables as t
from workflows.work.approval import reject_work
from workflows.work.use_cases import log_work

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
SHIPPED = read_rules_folder(RULES)
FIELDS = {one.name: set(one.fields) for one in EVENT_TYPES.values()}
FREE_TEXT = "Confidential"


def listen(desk: DeskFixture, *events: str) -> str:
    """Add an endpoint for some types, or for all."""
    command = NewWebhook(url="https://hooks.example/", events=list(events) or None)
    return desk.do(create_webhook, command)[0]


def heard(desk: DeskFixture, *types: str) -> list[Any]:
    """The payloads of these types, or all, in the order of the queue; each has the fields of its type."""
    rows = sorted(desk.rows(t.webhook_delivery), key=lambda row: row.place)
    payloads = [json.loads(row.body) for row in rows]
    for one in payloads:
        assert set(one) == {"type", "timestamp", "data"}
        assert set(one["data"]) == FIELDS[one["type"]], one
        assert FREE_TEXT not in str(one)
    return [one for one in payloads if one["type"] in (types or TYPE_NAMES)]


def data(desk: DeskFixture, *types: str) -> list[Any]:
    return [one["data"] for one in heard(desk, *types)]


def test_the_way_of_a_request(sample: SampleDesk) -> None:
    listen(sample)
    waits = sample.log(FREE_TEXT)
    contract = sample.sell("subscription")
    number = sample.request(waits).number
    sample.fire(waits, "start")
    sample.do_as(sample.technician, add_note, waits, AddNote(body=FREE_TEXT, public=True))
    sample.do_as(sample.technician, add_note, waits, AddNote(body=FREE_TEXT, public=False))
    sample.fire(waits, "hold", reason="customer")
    sample.fire(waits, "resume")
    sample.clock.move(hours=2)
    sample.fire(waits, "resolve", note=FREE_TEXT)
    sample.clock.move(days=30)
    run_job(sample.desk, "auto_close")
    about = {"service_request": waits, "number": number}
    assert data(sample, "service_request.no_contract") == [about]
    [note] = data(sample, "service_request.note_added")
    assert note["service_request"] == waits
    assert sample.rows(t.service_request_note, id=note["note"])[0].public
    moves = heard(sample, "service_request.state_changed")
    assert [(one["data"]["trigger"], one["data"]["to_state"]) for one in moves] == [
        ("log", "pending_no_contract"),
        ("cover", "open"),
        ("start", "in_progress"),
        ("hold", "on_hold"),
        ("resume", "in_progress"),
        ("resolve", "resolved"),
        ("close", "closed"),
    ]
    assert [one["data"]["from_state"] for one in moves[:2]] == [None, "pending_no_contract"]
    closed_at = sample.request(waits).closed_at
    assert moves[-1]["timestamp"] == closed_at.isoformat().replace("+00:00", "Z")
    [activated] = data(sample, "contract.activated")
    assert (activated["contract"], activated["state"]) == (contract, "active")


@pytest.mark.parametrize("contracts", [True, False])
def test_a_request_that_is_covered_at_once_is_an_event(sample: SampleDesk, contracts: bool) -> None:
    sample.sell("subscription")
    sample.set(contracts=contracts)
    listen(sample, "service_request.state_changed")
    request = sample.log(FREE_TEXT)
    about = {"service_request": request, "number": sample.request(request).number}
    assert data(sample) == [{**about, "trigger": "log", "from_state": None, "to_state": "open"}]


def test_service_levels(sample: SampleDesk) -> None:
    listen(sample, "sla.warning", "sla.breach")
    sample.sell("subscription", sla="gold")
    request = sample.log(FREE_TEXT)
    sample.clock.move(hours=5)
    run_job(sample.desk, "sla_alerts")
    about = {"service_request": request, "number": sample.request(request).number, "target": "response"}
    due_at = rfc_3339(MONDAY + 4 * HOUR)
    said = [(one["type"], one["data"]) for one in heard(sample)]
    assert said == [
        ("sla.warning", {**about, "at": rfc_3339(MONDAY + 3 * HOUR), "due_at": due_at}),
        ("sla.breach", {**about, "at": due_at, "due_at": due_at}),
    ]


def test_the_way_of_a_contract(sample: SampleDesk) -> None:
    listen(sample)
    sample.do(change_settings, {"alert_thresholds": [80], "expiry_alert_days": [7]})
    contract = sample.sell("support_hours", minutes=100, starts_on="2026-03-01", ends_on="2026-03-31")
    about = {"contract": contract, "number": sample.contract(contract).number}
    request = sample.log(FREE_TEXT)
    sample.clock.move(days=10)
    sample.work(request, 85)
    assert data(sample, "contract.threshold") == [{**about, "level": 80}]
    run_job(sample.desk, "exhaustion_alerts")
    [exhaustion] = data(sample, "contract.exhaustion")
    assert exhaustion["contract"] == contract
    given = AutoTopUpGiven(mode="issue", below=20, minutes=60)
    sample.do(set_auto_top_up, contract, SetAutoTopUp(auto_top_up=given, reason=FREE_TEXT))
    run_job(sample.desk, "auto_top_ups")
    assert data(sample, "contract.top_up") == [{**about, "state": "issued"}]
    sample.clock.at = sample.contract(contract).expires_at - 6 * DAY
    run_job(sample.desk, "contract_alerts")
    ends_at = rfc_3339(sample.contract(contract).expires_at)
    assert data(sample, "contract.expiring") == [{**about, "level": 7, "due_at": ends_at}]
    successor = sample.do(renew, contract, Renew())
    assert data(sample, "contract.renewed") == [{**about, "successor": successor}]
    sample.work(request, 75)
    assert data(sample, "contract.expired") == [{**about, "state": "exhausted"}]


def test_contracts_that_end_at_once_are_events_of_their_own(sample: SampleDesk) -> None:
    listen(sample, "contract.expired")
    listen(sample)
    listen(sample, "sla.breach")
    sold = [sample.sell("subscription", ends_on=f"2026-03-{day}") for day in (12, 10, 11)]
    sample.clock.move(days=30)
    assert expire_due(sample.desk, sample.clock.now()) == 3
    ended = [one["contract"] for one in data(sample, "contract.expired")]
    assert ended == [one for contract in (sold[1], sold[2], sold[0]) for one in (contract, contract)]
    assert len({row.id for row in sample.rows(t.webhook_delivery)}) == len(sample.rows(t.webhook_delivery))


def test_rejected_work(sample: SampleDesk) -> None:
    sample.set(work_approval=True)
    listen(sample)
    sample.sell("subscription")
    request = sample.log()
    command = WorkGiven(minutes=5, worked_at=sample.clock.now(), note=FREE_TEXT)
    entry = sample.do_as(sample.technician, log_work, request, command)
    sample.do_as(sample.supervisor, reject_work, DecideEntries(ids=[entry], reason=FREE_TEXT))
    number = sample.request(request).number
    assert data(sample, "work.rejected") == [
        {"service_request": request, "number": number, "work_entry": entry}
    ]


def test_rule_sets(new_desk: DeskFixture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder_watch, "SETTLE_SECONDS", 0)
    listen(new_desk)
    version = new_desk.publish({**SHIPPED, "slas.json": SHIPPED["slas.json"] + "\n"}, FREE_TEXT)
    assert data(new_desk) == [{"rule_set": version}]
    new_desk.do(change_settings, {"two_person_publishing": True})
    other = {**SHIPPED, "slas.json": SHIPPED["slas.json"] + "\n\n"}
    proposal = new_desk.do(submit_rule_set, other, FREE_TEXT).proposal
    assert proposal is not None
    new_desk.do(reject_proposal, proposal, FREE_TEXT)
    about = {"rule_proposal": proposal}
    assert data(new_desk, "rules.proposed", "rules.rejected") == [about, about]
    new_desk.desk.rules_folder = shutil.copytree(RULES, tmp_path / FREE_TEXT)
    run_job(new_desk.desk, "pick_up_rules")
    (tmp_path / FREE_TEXT / "slas.json").write_text("{")
    run_job(new_desk.desk, "pick_up_rules")
    [refused] = data(new_desk, "rules.refused")
    assert refused["errors"] >= 1


def test_without_endpoints_nothing_is_written(sample: SampleDesk) -> None:
    sample.sell("subscription")
    sample.fire(sample.log(), "start")
    assert sample.rows(t.webhook_delivery) == []


def test_each_type_has_a_name_of_its_own_that_the_column_takes() -> None:
    assert len(set(TYPE_NAMES)) == len(EVENT_TYPES)
    assert all(len(name) <= 60 and name.replace(".", "").replace("_", "").isalpha() for name in TYPE_NAMES)
