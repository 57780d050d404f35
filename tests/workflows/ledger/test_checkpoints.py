"""Chains without gaps whoever writes, and checkpoints that show what was changed before them."""

from dataclasses import replace
from datetime import timedelta
from random import Random
from typing import Any

import pytest
from sqlalchemy import update

from engine.hash_chain import content_hash, next_hash
from tests.support.sample_desk import SampleDesk
from tests.support.tampering import intruding
from workflows.commands.service_requests import NewServiceRequest
from workflows.core.errors import InvalidInput, NotAllowed, NotFound
from workflows.jobs.definitions import run_job
from workflows.ledger.audit import audit_ledger
from workflows.ledger.checkpoints import find_checkpoint, list_checkpoints, parse_checkpoint
from workflows.ledger.queries import list_ledger_transactions
from workflows.service_requests.log import log_service_request
from workflows.store import tables as t


@pytest.fixture
def busy(sample: SampleDesk) -> SampleDesk:
    """A contract with five transactions, a pack with a held incident, and a checkpoint of them."""
    sample.sell("support_hours", minutes=60)
    sample.sell("incident_pack", to=("item", sample.laptop), incidents=4)
    sample.log()
    request = sample.log(item=None)
    for minutes in (10, 20):
        sample.work(request, minutes)
    run_job(sample.desk, "take_checkpoint")
    return sample


def test_each_contract_has_a_chain_and_a_transaction_shows_its_place(busy: SampleDesk) -> None:
    places: dict[str, list[int]] = {}
    for one in busy.see(list_ledger_transactions, order="recorded_at").items:
        assert one.chain == one.contract
        places.setdefault(one.chain, []).append(one.sequence)
        assert len(one.hash) == 64
    assert sorted(map(sorted, places.values())) == [[1, 2], [1, 2, 3]]
    heads = {row.id: row.sequence for row in busy.rows(t.ledger_chain)}
    assert heads == {"checkpoints": 1, **{chain: max(numbers) for chain, numbers in places.items()}}


def test_time_without_a_contract_is_in_the_chain_of_the_customer(sample: SampleDesk) -> None:
    sample.set(contract_validation=False)
    request = sample.log(item=None)
    assert sample.request(request).contract_id is None
    sample.work(request, 15)
    [ignored] = sample.rows(t.ledger_transaction, kind="ignore")
    assert ignored.chain_id == sample.ann
    assert sample.see(audit_ledger).ok


def test_a_checkpoint_is_taken_once_a_day(busy: SampleDesk) -> None:
    assert run_job(busy.desk, "take_checkpoint") == 0
    busy.clock.move(hours=14)
    assert run_job(busy.desk, "take_checkpoint") == 0
    busy.clock.move(hours=1)
    assert run_job(busy.desk, "take_checkpoint") == 1
    first, second = busy.see(list_checkpoints, order="number").items
    assert (first.number, second.number) == (1, 2)
    assert (first.root, first.chains, first.transactions) == (second.root, 2, 5)
    assert first.hash != second.hash
    assert [row.checkpoint_number for row in busy.rows(t.ledger_checkpoint_head)] == [1, 1]
    page = busy.see(list_checkpoints, limit=1)
    [rest] = busy.see(list_checkpoints, limit=1, cursor=page.next_cursor).items
    assert (page.items[0].number, rest.number) == (2, 1)
    assert busy.see(audit_ledger).ok


def test_a_desk_without_postings_has_no_checkpoint(sample: SampleDesk) -> None:
    assert run_job(sample.desk, "take_checkpoint") == 0
    with pytest.raises(NotFound, match="no checkpoint yet"):
        sample.see(find_checkpoint)


def test_an_audit_against_a_checkpoint_finds_a_chain_that_was_written_anew(busy: SampleDesk) -> None:
    """Hash, head and stored checkpoint all fit: only the text that was stored elsewhere does not."""
    given = parse_checkpoint(f"Sent on Monday:\n{busy.see(find_checkpoint).text}\n")
    busy.clock.move(days=1)
    busy.work(busy.log(item=None), 5)
    view = busy.see(audit_ledger, against=given)
    assert (view.ok, view.against) == (True, 1)
    with intruding(str(busy.desk.database.url.render_as_string(hide_password=False)), Random(1)) as intruder:
        last = max(busy.rows(t.ledger_transaction, kind="draw"), key=lambda row: row.sequence)
        intruder.connection.execute(update(t.ledger_checkpoint).values(root=bytes(32)))
        intruder.delete(t.ledger_transaction, last)
    differing = busy.see(audit_ledger, against=given).differences
    assert ("root differs from the given checkpoint", "checkpoint 1") in {
        (one.what, one.record) for one in differing
    }


@pytest.mark.parametrize("field", ["number", "root", "hash", "chains", "transactions", "taken_at"])
def test_a_checkpoint_that_differs_in_anything_is_not_this_ledgers(busy: SampleDesk, field: str) -> None:
    given = parse_checkpoint(busy.see(find_checkpoint).text)
    other: dict[str, Any] = {
        "number": 2,
        "root": bytes(32),
        "hash": next_hash(None, content_hash("another")),
        "chains": 7,
        "transactions": 7,
        "taken_at": given.taken_at + timedelta(days=1),
    }
    view = busy.see(audit_ledger, against=replace(given, **{field: other[field]}))
    assert not view.ok
    assert all("given checkpoint" in one.what or "root" in one.what for one in view.differences)


@pytest.mark.parametrize(
    "text", ["", "coverdesk-checkpoint-1", "number=1 root=00", "coverdesk-checkpoint-1 number=x"]
)
def test_a_text_without_a_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="No checkpoint was found"):
        parse_checkpoint(text)


def test_a_text_with_two_checkpoints_or_no_instant_is_refused(busy: SampleDesk) -> None:
    text = busy.see(find_checkpoint).text
    assert parse_checkpoint(f"{text}\n{text}") == parse_checkpoint(text)
    with pytest.raises(InvalidInput, match="More than one"):
        parse_checkpoint(f"{text}\n{text.replace('number=1', 'number=2')}")
    with pytest.raises(InvalidInput, match="not an instant"):
        parse_checkpoint(text.replace("2026-", "9-"))


def test_checkpoints_are_for_those_who_may_read_the_ledger(busy: SampleDesk) -> None:
    with pytest.raises(NotAllowed):
        busy.see_as(busy.technician, list_checkpoints)
    with pytest.raises(NotAllowed):
        busy.see_as(busy.technician, find_checkpoint)


def test_the_audit_reports_its_progress(busy: SampleDesk) -> None:
    seen: list[tuple[int, int]] = []
    with busy.desk.read() as tx:
        audit_ledger(tx, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(5, 5)]


def test_a_single_statement_and_a_transaction_continue_the_same_chain(busy: SampleDesk) -> None:
    """A call that holds an incident by one statement of its own, and one that does so in a transaction."""
    pack = next(row for row in busy.rows(t.contract) if row.draws == "incidents")
    asked = NewServiceRequest(subject="It does not start", customer=busy.ann, item=busy.laptop)
    for exclusive in (True, False):
        busy.desk.perform(
            busy.administrator,
            lambda tx: log_service_request(tx, asked),
            exclusive=exclusive,
            reads_first=not exclusive,
        )
    written = busy.rows(t.ledger_transaction, chain_id=pack.id)
    assert sorted((row.sequence, row.kind) for row in written) == [
        (1, "grant"),
        (2, "hold"),
        (3, "hold"),
        (4, "hold"),
    ]
    assert busy.see(audit_ledger).differences == []
