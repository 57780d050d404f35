"""Approval of work entries: who decides, what it moves, messages, and two who decide at once."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest

from tests.support.rate_cards import rate_card
from tests.support.sample_desk import MONDAY, SampleDesk
from workflows.accounting_periods.use_cases import close_period
from workflows.commands.accounting_periods import ChangePeriod
from workflows.commands.fields import MoneyGranted
from workflows.commands.work import ChangeWork, DecideEntries, WorkGiven
from workflows.contracts.holder_statement import read_holder_statement
from workflows.contracts.queries import read_contract
from workflows.contracts.statement import read_statement
from workflows.core.errors import InvalidInput, NotAllowed, NotFound, StateForbids
from workflows.reports.audit import audit_desk
from workflows.reports.impact_preview import preview_impact
from workflows.store import tables as t
from workflows.views import CountedPage, MoneyView
from workflows.work.approval import approve_work, reject_work
from workflows.work.queries import list_all_work, list_work, read_work
from workflows.work.use_cases import change_work, delete_work, log_work, preview_change, preview_work

ROLES = ("administrator", "finance", "supervisor", "technician", "ann")
DECIDE = {"administrator", "supervisor"}


@pytest.fixture
def desk(sample: SampleDesk) -> SampleDesk:
    """A desk on which work is approved; an hour has passed since it was opened."""
    sample.set(work_approval=True)
    sample.clock.move(hours=1)
    return sample


def log(desk: SampleDesk, request: str, minutes: int = 60, **given: Any) -> str:
    command = WorkGiven(minutes=minutes, worked_at=desk.clock.now(), **given)
    return desk.do_as(desk.technician, log_work, request, command)


def log_at(desk: SampleDesk, request: str, worked: int, at: datetime) -> str:
    return desk.do_as(desk.technician, log_work, request, WorkGiven(minutes=worked, worked_at=at))


def correct(desk: SampleDesk, entry: str, worked: int) -> str:
    return desk.do_as(desk.technician, change_work, entry, ChangeWork(minutes=worked))


def decide(desk: SampleDesk, use_case: Any, *entries: str, reason: str | None = None) -> list[str]:
    return desk.do_as(desk.supervisor, use_case, DecideEntries(ids=list(entries), reason=reason))


def minutes(desk: SampleDesk, contract: str) -> tuple[int, int, int]:
    balance = desk.see(read_contract, contract).balance.minutes
    return balance.held, balance.drawn, balance.available


# ------------------------------------------------------------------ who decides


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("use_case", [approve_work, reject_work])
def test_only_supervisors_and_administrators_decide(desk: SampleDesk, role: str, use_case: Any) -> None:
    desk.sell("support_hours", minutes=100)
    entry = log(desk, desk.log())
    actor = desk.person("customer", "Ann", customer=desk.ann) if role == "ann" else getattr(desk, role)
    command = DecideEntries(ids=[entry])
    if role in DECIDE:
        assert desk.do_as(actor, use_case, command) == [entry]
    else:
        with pytest.raises(NotAllowed):
            desk.do_as(actor, use_case, command)
        assert desk.see(read_work, entry).state == "submitted"


def test_what_is_not_submitted_is_named_and_nothing_changes(desk: SampleDesk) -> None:
    hours = desk.sell("support_hours", minutes=100)
    request = desk.log()
    first, second = log(desk, request, 10), log(desk, request, 20)
    decide(desk, reject_work, first)
    with pytest.raises(StateForbids) as refused:
        decide(desk, approve_work, second, first)
    assert "SR-1001 is rejected by" in str(refused.value)
    assert refused.value.values["ids"] == [first]
    assert minutes(desk, hours) == (20, 0, 80)
    with pytest.raises(InvalidInput) as unknown:
        decide(desk, approve_work, second, "01h00000000000000000000000")
    assert unknown.value.values["pointer"] == "/ids/1"
    assert desk.see(read_work, second).state == "submitted"


def test_two_supervisors_at_once_decide_once(desk: SampleDesk) -> None:
    hours = desk.sell("support_hours", minutes=1000)
    request = desk.log()
    entries = [log(desk, request, 10 + place) for place in range(6)]

    def attempt(place: int) -> int:
        use_case = approve_work if place % 2 else reject_work
        try:
            decide(desk, use_case, *entries[place % 3 :])
        except StateForbids:
            return 0
        return 1

    with ThreadPoolExecutor(6) as pool:
        done = sum(pool.map(attempt, range(6)))
    states = {desk.see(read_work, one).state for one in entries[2:]}
    assert done == 1
    assert len(states) == 1
    held, drawn, available = minutes(desk, hours)
    assert held + drawn + available == 1000
    decided = [row for row in desk.rows(t.audit_event) if row.action in ("approved", "rejected")]
    assert len({row.subject_id for row in decided}) == len(decided)
    assert desk.see(audit_desk).ok


def test_decisions_late_entries_and_corrections_at_once_leave_a_clean_ledger(desk: SampleDesk) -> None:
    """Contracts of 120 minutes are not enough: each decision moves what others take and carry."""
    first, second = (desk.sell("support_hours", minutes=120) for _ in range(2))
    request = desk.log()
    start = desk.clock.now()
    desk.clock.move(days=2)
    entries = [log_at(desk, request, 20 + place, start + timedelta(hours=place)) for place in range(12)]
    acts: list[Callable[[], Any]] = [
        *(partial(decide, desk, approve_work, one) for one in entries[:4]),
        *(partial(decide, desk, reject_work, one) for one in entries[4:8]),
        *(partial(log_at, desk, request, 5, start + timedelta(minutes=place)) for place in range(4)),
        *(partial(correct, desk, one, 33) for one in entries[8:]),
    ]
    with ThreadPoolExecutor(8) as pool:
        for future in [pool.submit(act) for act in acts]:
            future.result()
    states = [desk.see(read_work, one).state for one in entries]
    assert states == ["approved"] * 4 + ["rejected"] * 4 + ["submitted"] * 4
    rows = [row for row in desk.entries(request) if row.state != "rejected"]
    taken = [desk.allocations(row.id) for row in sorted(rows, key=lambda row: row.started_at)]
    assert sum(minutes for split in taken for _, minutes in split) == 20 + 21 + 22 + 23 + 4 * 5 + 4 * 33
    drawn = sum(minutes(desk, one)[1] for one in (first, second))
    assert drawn == sum(20 + place for place in range(4)), "what is approved was worked first"
    assert desk.see(audit_desk).ok


# ------------------------------------------------------------------ what changes


def test_an_approved_entry_is_changed_by_a_supervisor_with_a_reason(desk: SampleDesk) -> None:
    hours = desk.sell("support_hours", minutes=100)
    entry = log(desk, desk.log())
    decide(desk, approve_work, entry, reason="Checked")
    for command in (
        ChangeWork(minutes=10),
        ChangeWork(note="Other words"),
        ChangeWork(minutes=5, reason="x"),
    ):
        with pytest.raises(StateForbids):
            desk.do_as(desk.technician, change_work, entry, command)
    with pytest.raises(InvalidInput):
        desk.do_as(desk.supervisor, change_work, entry, ChangeWork(minutes=10))
    with pytest.raises(InvalidInput):
        desk.do_as(desk.supervisor, delete_work, entry)
    with pytest.raises(StateForbids):
        desk.do_as(desk.technician, lambda tx: delete_work(tx, entry, reason="Not mine"))
    desk.do_as(desk.supervisor, change_work, entry, ChangeWork(minutes=40, reason="Agreed"))
    view = desk.see(read_work, entry)
    assert (view.state, view.worked_minutes, view.decision_reason) == ("approved", 40, "Checked")
    assert minutes(desk, hours) == (0, 40, 60)
    changed = [row for row in desk.rows(t.audit_event, subject_id=entry) if row.action == "changed"]
    assert [row.details["reason"] for row in changed] == ["Agreed"]
    assert desk.see(audit_desk).ok


def test_a_rejected_entry_counts_no_more_and_is_rounded_with_nobody(desk: SampleDesk) -> None:
    desk.set(rounding={"increment_minutes": 15, "scope": "service_request_day"})
    hours = desk.sell("support_hours", minutes=100)
    request = desk.log()
    first, second = log(desk, request, 5), log(desk, request, 6)
    assert minutes(desk, hours) == (15, 0, 85)
    decide(desk, reject_work, first)
    stored = desk.request(request)
    assert (stored.worked_minutes, stored.chargeable_minutes) == (6, 15)
    assert desk.see(read_work, second).chargeable_minutes == 15
    desk.do_as(desk.technician, change_work, first, ChangeWork())
    stored = desk.request(request)
    assert (stored.worked_minutes, stored.chargeable_minutes) == (11, 15)
    assert desk.see(read_work, first).chargeable_minutes == 15
    decide(desk, approve_work, first, second)
    assert minutes(desk, hours) == (0, 15, 85)
    decided = DecideEntries(ids=[first])
    with pytest.raises(StateForbids):
        desk.do_as(desk.supervisor, reject_work, decided)
    assert desk.see(audit_desk).ok


def test_several_entries_that_are_rounded_together_are_rejected_together(desk: SampleDesk) -> None:
    desk.set(rounding={"increment_minutes": 15, "scope": "service_request"})
    hours = desk.sell("support_hours", minutes=100)
    request = desk.log()
    entries = [log(desk, request, 7) for _ in range(4)]
    decide(desk, reject_work, *entries[:3])
    assert minutes(desk, hours) == (15, 0, 85)
    stored = desk.request(request)
    assert (stored.worked_minutes, stored.chargeable_minutes) == (7, 15)
    assert desk.see(audit_desk).ok


def test_a_rejected_entry_is_deleted_without_moving_anything(desk: SampleDesk) -> None:
    hours = desk.sell("support_hours", minutes=100)
    request = desk.log()
    entry = log(desk, request)
    decide(desk, reject_work, entry)
    posted = len(desk.rows(t.ledger_transaction))
    desk.do_as(desk.technician, delete_work, entry)
    assert len(desk.rows(t.ledger_transaction)) == posted
    assert minutes(desk, hours) == (0, 0, 100)
    assert desk.request(request).worked_minutes == 0


def test_a_preview_shows_what_is_held_and_what_a_decision_moves(desk: SampleDesk) -> None:
    hours = desk.sell("support_hours", minutes=100)
    request = desk.log()
    command = WorkGiven(minutes=80, worked_at=desk.clock.now())
    assert [piece.held for piece in desk.see_as(desk.technician, preview_work, request, command).slices] == [
        True
    ]
    first = log(desk, request, 80)
    desk.clock.move(hours=1)
    second = log(desk, request, 50)
    decided = DecideEntries(ids=[first])
    effects = preview_impact(desk.desk, desk.supervisor, lambda tx: reject_work(tx, decided))
    [contract] = effects.contracts
    assert contract.before is not None
    assert (contract.before.balance.held, contract.after.balance.held) == (100, 50)
    assert [one.id for one in effects.moves] == [second]
    assert desk.see(read_work, first).state == "submitted"
    decide(desk, reject_work, first)
    planned = desk.see_as(desk.technician, preview_change, first, ChangeWork(minutes=30))
    assert [(piece.minutes, piece.held) for piece in planned.slices] == [(30, True)]
    assert minutes(desk, hours) == (50, 0, 50)


def test_work_of_a_closed_month_is_settled_in_the_open_one(desk: SampleDesk) -> None:
    hours = desk.sell("support_hours", minutes=100)
    request = desk.log()
    approved, rejected = log(desk, request, 10), log(desk, request, 20)
    desk.clock.at = MONDAY + timedelta(days=31)
    desk.do(close_period, "2026-03", ChangePeriod(reason="Month end"))
    decide(desk, approve_work, approved)
    decide(desk, reject_work, rejected)
    assert minutes(desk, hours) == (0, 10, 90)
    end_of_march = MONDAY + timedelta(days=25)
    then = desk.see(read_contract, hours, as_of=end_of_march).balance.minutes
    assert (then.held, then.drawn, then.available) == (30, 0, 70)
    assert desk.see(audit_desk).ok


# ------------------------------------------------------------------ messages and statements


def test_the_technician_reads_why_an_entry_was_rejected(desk: SampleDesk) -> None:
    desk.sell("support_hours", minutes=100)
    request = desk.log("Printer")
    entry = log(desk, request, 90)
    decide(desk, reject_work, entry, reason="Wrong request")
    [mail] = desk.rows(t.outbox, event="work_rejected")
    account = desk.rows(t.user_account, id=str(desk.technician.id))[0]
    assert mail.recipient == account.email
    assert mail.subject == "Your time on SR-1001 was rejected"
    assert "rejected your work entry on SR-1001 «Printer»: 1:30 of 2026-03-02" in mail.body
    assert "Wrong request" in mail.body


def test_whoever_rejects_an_entry_of_their_own_gets_no_message(desk: SampleDesk) -> None:
    desk.sell("support_hours", minutes=100)
    command = WorkGiven(minutes=10, worked_at=desk.clock.now())
    entry = desk.do_as(desk.supervisor, log_work, desk.log(), command)
    decide(desk, reject_work, entry)
    assert desk.rows(t.outbox, event="work_rejected") == []


def test_statements_say_what_is_pending(desk: SampleDesk) -> None:
    hours = desk.sell("support_hours", minutes=100)
    request = desk.log()
    first, second = log(desk, request, 30), log(desk, request, 20)
    statement = desk.see(read_statement, hours)
    assert (statement.closing_balance, statement.pending_amount) == (50, 50)
    assert [(one.minutes, one.pending) for one in statement.lines if one.kind == "hold"] == [
        (-30, True),
        (-20, True),
    ]
    assert statement.lines[-1].why == "Work on SR-1001, not approved yet"
    decide(desk, approve_work, first)
    decide(desk, reject_work, second)
    statement = desk.see(read_statement, hours)
    assert (statement.closing_balance, statement.pending_amount) == (70, 0)
    assert not any(one.pending for one in statement.lines)
    assert {one.kind: one.why for one in statement.lines if one.kind in ("release", "settle")} == {
        "release": "The work was not approved",
        "settle": "Work approved",
    }
    of_ann = desk.see(read_holder_statement, "customer", desk.ann)
    assert not any(one.pending for one in of_ann.lines)
    view = desk.see(read_contract, hours)
    assert (view.pending_minutes, view.posted_minutes) == (0, 70)


def test_a_statement_shows_corrections_after_what_they_correct(desk: SampleDesk) -> None:
    """Held, approved, corrected: no line comes before its cause, and no balance is above what was sold."""
    hours = desk.sell("support_hours", minutes=100, starts_at=MONDAY - timedelta(days=1))
    request = desk.log()
    entry = log(desk, request, 30)
    desk.clock.move(hours=1)
    decide(desk, approve_work, entry)
    desk.clock.move(hours=1)
    change = ChangeWork(minutes=20, reason="Typed wrong")
    desk.do_as(desk.supervisor, change_work, entry, change)
    expected = [
        ("grant", 100),
        ("hold", 70),
        ("settle", 70),
        ("reversal", 70),
        ("release", 100),
        ("draw", 80),
    ]
    lines = desk.see(read_statement, hours).lines
    assert [(one.kind, one.balance_after) for one in lines] == expected
    assert not any(one.pending for one in lines)
    of_ann = desk.see(read_holder_statement, "customer", desk.ann).lines
    assert [(one.kind, one.balance_after) for one in of_ann] == expected
    assert not any(one.pending for one in of_ann)


def test_a_contract_says_what_is_posted_and_what_is_pending(desk: SampleDesk) -> None:
    hours = desk.sell("support_hours", minutes=100)
    log(desk, desk.log(), 30)
    view = desk.see(read_contract, hours)
    assert (view.balance.minutes.available, view.pending_minutes, view.posted_minutes) == (70, 30, 100)


def test_a_customer_does_not_see_rejected_entries(desk: SampleDesk) -> None:
    desk.sell("support_hours", minutes=100)
    request = desk.log()
    shown, rejected = log(desk, request, 10), log(desk, request, 20)
    decide(desk, reject_work, rejected, reason="Twice")
    ann = desk.person("customer", "Ann", customer=desk.ann)
    entries = desk.see_as(ann, list_work, request).items
    assert [(one.id, one.state, one.decided_by) for one in entries] == [(shown, "submitted", None)]
    with pytest.raises(NotFound):
        desk.see_as(ann, read_work, rejected)
    with pytest.raises(NotAllowed):
        desk.see_as(ann, list_all_work)


# ------------------------------------------------------------------ the list


def test_the_list_is_filtered_counted_and_paged(desk: SampleDesk) -> None:
    desk.sell("support_hours", minutes=1000)
    first, second = desk.log("Printer"), desk.log("Screen")
    entries = []
    for request in (first, second, first):
        desk.clock.move(hours=1)
        entries.append(log(desk, request, 10))
    decide(desk, reject_work, entries[0])
    listed = desk.see(list_all_work, state="submitted", limit=1, counted=True)
    assert isinstance(listed, CountedPage)
    assert ([one.entry.id for one in listed.items], listed.total) == ([entries[1]], 2)
    rest = desk.see(list_all_work, state="submitted", limit=1, cursor=listed.next_cursor)
    assert [one.entry.id for one in rest.items] == [entries[2]]
    decide(desk, approve_work, entries[2])
    found = {
        "rejected": [one.entry.id for one in desk.see(list_all_work, state="rejected").items],
        "approved": [one.entry.id for one in desk.see(list_all_work, state="approved").items],
        "all": [one.entry.id for one in desk.see(list_all_work).items],
        "latest": [one.entry.id for one in desk.see(list_all_work, order="-started_at", limit=1).items],
        "q": [one.entry.id for one in desk.see(list_all_work, q="screen").items],
        "technician": desk.see(list_all_work, technician=desk.ann).items,
        "customer": [one.entry.id for one in desk.see(list_all_work, customer=desk.ann).items],
    }
    assert found == {
        "rejected": [entries[0]],
        "approved": [entries[2]],
        "all": entries,
        "latest": [entries[2]],
        "q": [entries[1]],
        "technician": [],
        "customer": entries,
    }
    desk.do_as(desk.technician, delete_work, entries[1])
    assert [one.entry.id for one in desk.see(list_all_work).items] == [entries[0], entries[2]]
    unknown: Any = "drafted"
    with pytest.raises(InvalidInput):
        desk.see(list_all_work, state=unknown)


def test_entries_wait_for_a_decision_while_contracts_are_off(sample: SampleDesk) -> None:
    sample.set(work_approval=True, contracts=False)
    entry = log(sample, sample.log(), 10)
    assert sample.see(read_work, entry).state == "submitted"
    decide(sample, approve_work, entry)
    assert sample.see(read_work, entry).state == "approved"
    assert sample.see(audit_desk).ok


def test_money_that_is_pending_is_shown_like_minutes(desk: SampleDesk) -> None:
    desk.publish_rules(rate_cards__standard=rate_card(6_000))
    retainer = desk.sell("prepaid_amount", money=MoneyGranted(amount_minor=10_000))
    entry = log(desk, desk.log(), 30)
    view, statement = desk.see(read_contract, retainer), desk.see(read_statement, retainer)
    assert (view.pending_money, view.posted_money) == (MoneyView(3_000, "EUR"), MoneyView(10_000, "EUR"))
    assert (view.balance.money.available, view.pending_minutes, view.posted_minutes) == (7_000, 0, 0)
    assert (statement.closing_balance, statement.pending_amount) == (7_000, 3_000)
    assert [(one.kind, one.pending) for one in statement.lines][-1] == ("hold", True)
    of_ann = desk.see(read_holder_statement, "customer", desk.ann)
    assert [one.why for one in of_ann.lines if one.pending] == ["Work on SR-1001, not approved yet"]
    decide(desk, approve_work, entry)
    view = desk.see(read_contract, retainer)
    assert (view.pending_money, view.posted_money) == (MoneyView(0, "EUR"), MoneyView(7_000, "EUR"))
    assert desk.see(read_statement, retainer).pending_amount == 0
