"""A repeated command is done once: the idempotency cases of other systems, on both databases.

Where their answers differ, ours is: a key with another body is refused, a failed attempt is not stored, and
of two at once one is executed and both get its answer.
"""

import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from tests.support.office import Office
from workflows.commands.service_requests import FireTrigger, NewServiceRequest
from workflows.commands.work import WorkGiven
from workflows.core.errors import IdempotencyKeyReused, InvalidInput
from workflows.core.idempotency import Answer, Keyed
from workflows.core.transaction import Transaction
from workflows.jobs.definitions import run_job
from workflows.ledger.audit import audit_ledger
from workflows.service_requests.log import Logged, log_service_request
from workflows.service_requests.use_cases import fire_trigger
from workflows.store import tables as t
from workflows.work.use_cases import log_work

WORKERS = 20
HERE = {
    "idem-01": "a new key is performed once",
    "idem-02": "the same again gets the first answer, marked",
    "idem-03": "the stored answer comes unchanged",
    "idem-04": "another body is refused",
    "idem-05": "two at once: one is executed, both get its answer",
    "idem-09": "a refused input is not stored",
    "idem-10": "an error is not stored",
    "idem-13": "a pruned key is a new command",
    "idem-14": "keys are their user's own",
    "idem-15": "duplicates by twenty workers",
    "idem-16": "the expiry job again: nothing new",
    "idem-17": "the expiry job: the one that ended, not the other",
}
ELSEWHERE = {
    "idem-06": "a key is stored with its transaction: one that failed left nothing to take over",
    "idem-07": "a command is one transaction: there are no steps to recover",
    "idem-08": "refusals are not stored: their cause may have been corrected",
    "idem-11": "the key is optional",
    "idem-12": "its length is checked by the interface",
}


def keyed(key: str, subject: str = "It does not start", user: str = "U1") -> Keyed:
    body = json.dumps({"subject": subject}).encode()
    return Keyed(user, key, "POST /api/v1/service-requests", body)


def render(tx: Transaction, logged: Logged) -> Answer:
    return Answer(201, json.dumps({"id": logged.service_request}))


def log(office: Office, key: Keyed) -> Answer:
    subject = json.loads(key.body)["subject"]
    command = NewServiceRequest(subject=subject, customer=office.ann, item=office.laptop)
    return office.desk.answer(office.technician, lambda tx: log_service_request(tx, command), render, key)


def subjects(office: Office) -> list[str]:
    return [row.subject for row in office.rows(t.service_request)]


def test_every_borrowed_case_is_tried_or_left_out_for_a_reason(shared_cases: Path) -> None:
    borrowed = json.loads((shared_cases / "reservation_idempotency.json").read_text(encoding="utf-8"))
    ids = {case["id"] for case in borrowed["idempotency"]}
    assert ids - HERE.keys() - ELSEWHERE.keys() == set()


def test_the_same_key_and_body_get_the_first_answer(office: Office) -> None:
    first = log(office, keyed("K1"))
    again = log(office, keyed("K1"))
    assert (first.status, first.replayed) == (201, False)
    assert (again.status, again.body, again.replayed) == (201, first.body, True)
    assert len(subjects(office)) == 1
    assert log(office, keyed("K2")).body != first.body
    assert len(subjects(office)) == 2


def test_the_same_key_with_another_body_is_refused(office: Office) -> None:
    log(office, keyed("K1"))
    with pytest.raises(IdempotencyKeyReused):
        log(office, keyed("K1", "Another"))
    with pytest.raises(IdempotencyKeyReused):
        log(office, Keyed("U1", "K1", "POST /api/v1/contracts", keyed("K1").body))
    assert subjects(office) == ["It does not start"]


def test_keys_are_their_users_own(office: Office) -> None:
    first = log(office, keyed("K1"))
    other = log(office, keyed("K1", "Another", user="U2"))
    assert (other.replayed, other.body == first.body) == (False, False)


def test_a_failed_first_attempt_is_not_stored(office: Office) -> None:
    office.sell("subscription")
    request = office.log()

    def fire(note: str) -> Answer:
        command = FireTrigger(trigger="resolve", note=note)
        return office.desk.answer(
            office.technician,
            lambda tx: fire_trigger(tx, request, command),
            lambda tx, _: Answer(200, "resolved"),
            Keyed("U1", "K1", "POST", b"the same"),
        )

    with pytest.raises(InvalidInput):
        fire("")
    assert fire("done") == Answer(200, "resolved")
    assert fire("done").replayed

    def broken(tx: Transaction) -> Logged:
        log_service_request(tx, NewServiceRequest(subject="Half", customer=office.ann))
        raise RuntimeError("the power went")

    with pytest.raises(RuntimeError):
        office.desk.answer(office.technician, broken, render, keyed("K2"))
    assert "Half" not in subjects(office)
    assert log(office, keyed("K2")).replayed is False


def test_a_refusal_that_is_returned_is_stored_with_what_it_wrote(office: Office) -> None:
    """A refusal by a rule stores its decision: the repeated command gets that one and makes no second."""

    def refuse(tx: Transaction) -> str:
        tx.audit("service_request", "none", "refused")
        return "refused"

    answers = [
        office.desk.answer(
            office.technician, refuse, lambda tx, text: Answer(409, text), Keyed("U1", "K", "POST", b"")
        )
        for _ in range(2)
    ]
    assert [(one.status, one.replayed) for one in answers] == [(409, False), (409, True)]
    assert len(office.rows(t.audit_event, subject_id="none")) == 1


def test_two_at_once_are_one(office: Office) -> None:
    with ThreadPoolExecutor(WORKERS) as pool:
        answers = list(pool.map(lambda _: log(office, keyed("K1")), range(WORKERS)))
    assert len({one.body for one in answers}) == 1
    assert Counter(one.replayed for one in answers) == {False: 1, True: WORKERS - 1}
    assert len(subjects(office)) == 1
    assert len(office.rows(t.service_request_history)) == 1


def test_a_repeated_move_gets_the_first_answer_though_the_state_has_gone_on(office: Office) -> None:
    office.sell("subscription")
    request = office.log()

    def start(_: int) -> Answer:
        return office.desk.answer(
            office.technician,
            lambda tx: fire_trigger(tx, request, FireTrigger(trigger="start")),
            lambda tx, _: Answer(200, "started"),
            Keyed("U1", "K1", "POST", b"start"),
        )

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(start, range(4)))
    assert {(one.status, one.body) for one in answers} == {(200, "started")}
    assert len(office.rows(t.service_request_history, trigger="start")) == 1


def test_duplicates_by_twenty_workers_draw_once_each(office: Office) -> None:
    """120 entries of work, each sent twice."""
    count, minutes = 120, 7
    hours = office.sell("support_hours", minutes=count * minutes - 20)
    requests = [office.log() for _ in range(6)]
    command = WorkGiven(minutes=minutes, worked_at=office.clock.at)

    def work(number: int) -> Answer:
        return office.desk.answer(
            office.technician,
            lambda tx: log_work(tx, requests[number % 6], command),
            lambda tx, entry: Answer(201, entry),
            Keyed("U1", f"K{number}", "POST", str(number).encode()),
        )

    with ThreadPoolExecutor(WORKERS) as pool:
        answers = list(pool.map(work, [number for number in range(count) for _ in range(2)]))
    assert Counter(one.replayed for one in answers) == {False: count, True: count}
    assert set(Counter(one.body for one in answers).values()) == {2}
    assert len(office.rows(t.work_entry)) == count
    assert [grant.available for grant in office.grants(hours)] == [0]
    assert office.carried(f"customer:{office.ann}") == 20
    assert office.see(audit_ledger).ok


def test_a_pruned_key_is_a_new_command(office: Office) -> None:
    first = log(office, keyed("K1"))
    office.clock.move(hours=24)
    run_job(office.desk, "clean_up")
    assert log(office, keyed("K1")) == Answer(201, first.body, replayed=True)
    office.clock.move(hours=25)
    run_job(office.desk, "clean_up")
    assert log(office, keyed("K1")).replayed is False


def test_the_expiry_job_ends_what_has_ended_once(office: Office) -> None:
    day = timedelta(days=1)
    now = office.clock.at
    over = office.sell("subscription", starts_at=now - 400 * day, ends_on=(now + day).date())
    running = office.sell("subscription", ends_on=(now + 80 * day).date())
    office.clock.move(days=41)
    assert run_job(office.desk, "expire_contracts") == 1
    expirations = office.rows(t.audit_event, subject_id=over, action="expired")
    assert run_job(office.desk, "expire_contracts") == 0
    assert office.rows(t.audit_event, subject_id=over, action="expired") == expirations
    assert [office.contract(one).state for one in (over, running)] == ["expired", "active"]
    assert len(office.rows(t.outbox, event="contract_expired")) == 1
