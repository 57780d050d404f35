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

from tests.support.sample_desk import SampleDesk
from workflows.commands.service_requests import FireTrigger, NewServiceRequest
from workflows.commands.work import WorkGiven
from workflows.core.errors import IdempotencyKeyReused, InvalidInput
from workflows.core.idempotency import Answer, Keyed
from workflows.core.transaction import Transaction
from workflows.jobs.definitions import run_job
from workflows.reports.audit import audit_desk
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


def log(sample: SampleDesk, key: Keyed) -> Answer:
    subject = json.loads(key.body)["subject"]
    command = NewServiceRequest(subject=subject, customer=sample.ann, item=sample.laptop)
    return sample.desk.answer(sample.technician, lambda tx: log_service_request(tx, command), render, key)


def subjects(sample: SampleDesk) -> list[str]:
    return [row.subject for row in sample.rows(t.service_request)]


def test_every_borrowed_case_is_tried_or_left_out_for_a_reason(shared_cases: Path) -> None:
    borrowed = json.loads((shared_cases / "reservation_idempotency.json").read_text(encoding="utf-8"))
    ids = {case["id"] for case in borrowed["idempotency"]}
    assert ids - HERE.keys() - ELSEWHERE.keys() == set()


def test_the_same_key_and_body_get_the_first_answer(sample: SampleDesk) -> None:
    first = log(sample, keyed("K1"))
    again = log(sample, keyed("K1"))
    assert (first.status, first.replayed) == (201, False)
    assert (again.status, again.body, again.replayed) == (201, first.body, True)
    assert len(subjects(sample)) == 1
    assert log(sample, keyed("K2")).body != first.body
    assert len(subjects(sample)) == 2


def test_the_same_key_with_another_body_is_refused(sample: SampleDesk) -> None:
    log(sample, keyed("K1"))
    with pytest.raises(IdempotencyKeyReused):
        log(sample, keyed("K1", "Another"))
    with pytest.raises(IdempotencyKeyReused):
        log(sample, Keyed("U1", "K1", "POST /api/v1/contracts", keyed("K1").body))
    assert subjects(sample) == ["It does not start"]


def test_keys_are_their_users_own(sample: SampleDesk) -> None:
    first = log(sample, keyed("K1"))
    other = log(sample, keyed("K1", "Another", user="U2"))
    assert (other.replayed, other.body == first.body) == (False, False)


def test_a_failed_first_attempt_is_not_stored(sample: SampleDesk) -> None:
    sample.sell("subscription")
    request = sample.log()

    def fire(note: str) -> Answer:
        command = FireTrigger(trigger="resolve", note=note)
        return sample.desk.answer(
            sample.technician,
            lambda tx: fire_trigger(tx, request, command),
            lambda tx, _: Answer(200, "resolved"),
            Keyed("U1", "K1", "POST", b"the same"),
        )

    with pytest.raises(InvalidInput):
        fire("")
    assert fire("done") == Answer(200, "resolved")
    assert fire("done").replayed

    def broken(tx: Transaction) -> Logged:
        log_service_request(tx, NewServiceRequest(subject="Half", customer=sample.ann))
        raise RuntimeError("the power went")

    with pytest.raises(RuntimeError):
        sample.desk.answer(sample.technician, broken, render, keyed("K2"))
    assert "Half" not in subjects(sample)
    assert log(sample, keyed("K2")).replayed is False


def test_a_refusal_that_is_returned_is_stored_with_what_it_wrote(sample: SampleDesk) -> None:
    """A refusal by a rule stores its decision: the repeated command gets that one and makes no second."""

    def refuse(tx: Transaction) -> str:
        tx.audit("service_request", "none", "refused")
        return "refused"

    answers = [
        sample.desk.answer(
            sample.technician, refuse, lambda tx, text: Answer(409, text), Keyed("U1", "K", "POST", b"")
        )
        for _ in range(2)
    ]
    assert [(one.status, one.replayed) for one in answers] == [(409, False), (409, True)]
    assert len(sample.rows(t.audit_event, subject_id="none")) == 1


def test_two_at_once_are_one(sample: SampleDesk) -> None:
    with ThreadPoolExecutor(WORKERS) as pool:
        answers = list(pool.map(lambda _: log(sample, keyed("K1")), range(WORKERS)))
    assert len({one.body for one in answers}) == 1
    assert Counter(one.replayed for one in answers) == {False: 1, True: WORKERS - 1}
    assert len(subjects(sample)) == 1
    assert len(sample.rows(t.service_request_history)) == 1


def test_a_repeated_move_gets_the_first_answer_though_the_state_has_gone_on(sample: SampleDesk) -> None:
    sample.sell("subscription")
    request = sample.log()

    def start(_: int) -> Answer:
        return sample.desk.answer(
            sample.technician,
            lambda tx: fire_trigger(tx, request, FireTrigger(trigger="start")),
            lambda tx, _: Answer(200, "started"),
            Keyed("U1", "K1", "POST", b"start"),
        )

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(start, range(4)))
    assert {(one.status, one.body) for one in answers} == {(200, "started")}
    assert len(sample.rows(t.service_request_history, trigger="start")) == 1


def test_duplicates_by_twenty_workers_draw_once_each(sample: SampleDesk) -> None:
    """120 entries of work, each sent twice."""
    count, minutes = 120, 7
    hours = sample.sell("support_hours", minutes=count * minutes - 20)
    requests = [sample.log() for _ in range(6)]
    command = WorkGiven(minutes=minutes, worked_at=sample.clock.at)

    def work(number: int) -> Answer:
        return sample.desk.answer(
            sample.technician,
            lambda tx: log_work(tx, requests[number % 6], command),
            lambda tx, entry: Answer(201, entry),
            Keyed("U1", f"K{number}", "POST", str(number).encode()),
        )

    with ThreadPoolExecutor(WORKERS) as pool:
        answers = list(pool.map(work, [number for number in range(count) for _ in range(2)]))
    assert Counter(one.replayed for one in answers) == {False: count, True: count}
    assert set(Counter(one.body for one in answers).values()) == {2}
    assert len(sample.rows(t.work_entry)) == count
    assert [grant.available for grant in sample.grants(hours)] == [0]
    assert sample.carried(f"customer:{sample.ann}") == 20
    assert sample.see(audit_desk).ok


def test_a_pruned_key_is_a_new_command(sample: SampleDesk) -> None:
    first = log(sample, keyed("K1"))
    sample.clock.move(hours=24)
    run_job(sample.desk, "clean_up")
    assert log(sample, keyed("K1")) == Answer(201, first.body, replayed=True)
    sample.clock.move(hours=25)
    run_job(sample.desk, "clean_up")
    assert log(sample, keyed("K1")).replayed is False


def test_the_expiry_job_ends_what_has_ended_once(sample: SampleDesk) -> None:
    day = timedelta(days=1)
    now = sample.clock.at
    over = sample.sell("subscription", starts_at=now - 400 * day, ends_on=(now + day).date())
    running = sample.sell("subscription", ends_on=(now + 80 * day).date())
    sample.clock.move(days=41)
    assert run_job(sample.desk, "expire_contracts") == 1
    expirations = sample.rows(t.audit_event, subject_id=over, action="expired")
    assert run_job(sample.desk, "expire_contracts") == 0
    assert sample.rows(t.audit_event, subject_id=over, action="expired") == expirations
    assert [sample.contract(one).state for one in (over, running)] == ["expired", "active"]
    assert len(sample.rows(t.outbox, event="contract_expired")) == 1
