"""The system's clock is set back: what was claimed or recorded ahead of it does not count any more.

Job slots are in `tests/workflows/jobs`, session cookies in `tests/web/pages/session`.
"""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support.builders import RULES
from tests.support.sample_desk import MONDAY, SampleDesk
from workflows.core.clock import CLOCK_SKEW
from workflows.jobs.definitions import run_job
from workflows.notifications import delivery
from workflows.replay import use_cases as replays
from workflows.rule_sets import folder_watch
from workflows.rule_sets.folder import read_rules_folder
from workflows.rule_sets.folder_watch import mark_as_published
from workflows.rule_sets.publishing import rule_set_in_force
from workflows.store import tables as t
from workflows.store.ids import new_id
from workflows.users.accounts import NewUser, create_user
from workflows.users.authentication import NotAuthenticated, authenticate_login
from workflows.users.login_delays import FREE_FAILURES, TooManyAttempts
from workflows.users.sessions import Visit

SECOND = timedelta(seconds=1)
PASSWORD = "correct horse battery"


def message(sample: SampleDesk, **columns: Any) -> str:
    """A message to Ann that is not delivered yet."""
    message_id = new_id()
    values = {"event": "opened", "recipient": "ann@example.com", "subject": "Hello", "body": "Hello"}
    with sample.desk.write() as tx:
        tx.add(t.outbox, id=message_id, **values, payload={}, created_at=tx.now, **columns)
    return message_id


def is_delivered(sample: SampleDesk, message_id: str) -> bool:
    run_job(sample.desk, "deliver_outbox")
    [row] = sample.rows(t.outbox, id=message_id)
    return row.delivered_at is not None


@pytest.mark.parametrize(
    ("attempts", "longest"),
    [
        (0, timedelta(0)),
        (1, delivery.CLAIMED_FOR),
        (3, delivery.CLAIMED_FOR),
        (5, timedelta(minutes=16)),
        (8, timedelta(minutes=128)),
        (delivery.MOST_ATTEMPTS - 1, delivery.LONGEST_PAUSE),
        (delivery.MOST_ATTEMPTS, delivery.LONGEST_PAUSE),
    ],
)
def test_a_message_waits_no_longer_than_its_claim_or_pause(
    sample: SampleDesk, attempts: int, longest: timedelta
) -> None:
    latest = MONDAY + longest + CLOCK_SKEW
    waiting = message(sample, attempts=attempts, next_attempt_at=latest)
    ahead = message(sample, attempts=attempts, next_attempt_at=latest + SECOND)
    assert is_delivered(sample, ahead)
    assert not is_delivered(sample, waiting)
    sample.clock.at = latest
    assert is_delivered(sample, waiting)


@pytest.mark.parametrize("hours", [1, 48])
def test_messages_are_delivered_after_the_clock_is_set_back(sample: SampleDesk, hours: int) -> None:
    fresh = message(sample, next_attempt_at=MONDAY)
    claimed = message(sample, next_attempt_at=MONDAY)
    with sample.desk.write() as tx:
        tx.change(t.outbox, claimed, attempts=1, next_attempt_at=MONDAY + delivery.CLAIMED_FOR)
    sample.clock.at = MONDAY - timedelta(hours=hours)
    assert is_delivered(sample, fresh)
    assert is_delivered(sample, claimed)


@pytest.mark.parametrize(
    ("ahead", "is_lost"), [(CLOCK_SKEW, False), (CLOCK_SKEW + SECOND, True), (timedelta(hours=2), True)]
)
def test_a_replay_whose_heartbeat_is_ahead_is_taken_up(
    sample: SampleDesk, ahead: timedelta, is_lost: bool
) -> None:
    files = read_rules_folder(RULES)
    replay_id, thread = replays.start_replay(
        sample.desk, sample.administrator, files, MONDAY, MONDAY + timedelta(days=1)
    )
    thread.join(30)
    with sample.desk.write() as tx:
        tx.change(t.rule_replay, replay_id, state="running", beat_at=MONDAY + ahead)
    assert sample.see(replays.read_replay, replay_id).lost == is_lost
    assert run_job(sample.desk, "take_up_replays") == is_lost
    state = sample.see(replays.read_replay, replay_id).state
    assert state == ("done" if is_lost else "running")


def log_in(sample: SampleDesk, password: str) -> None:
    authenticate_login(sample.desk, "sue@staff.example", password, Visit("192.0.2.7"))


def delay_logins(sample: SampleDesk) -> None:
    sample.do(
        create_user, NewUser(email="sue@staff.example", name="Sue", role="supervisor", password=PASSWORD)
    )
    for _ in range(FREE_FAILURES + 1):
        with pytest.raises(NotAuthenticated):
            log_in(sample, "a wrong password")
    with pytest.raises(TooManyAttempts):
        log_in(sample, PASSWORD)


def test_a_delay_does_not_last_longer_when_the_clock_is_set_back(sample: SampleDesk) -> None:
    delay_logins(sample)
    sample.clock.at = MONDAY - CLOCK_SKEW
    with pytest.raises(TooManyAttempts):
        log_in(sample, PASSWORD)
    sample.clock.at -= SECOND
    log_in(sample, PASSWORD)


def test_logging_in_after_that_counts_as_no_failure(sample: SampleDesk) -> None:
    delay_logins(sample)
    sample.clock.at = MONDAY - timedelta(hours=2)
    for _ in range(12):
        log_in(sample, PASSWORD)


@pytest.mark.parametrize(("ahead", "is_published"), [(CLOCK_SKEW, False), (CLOCK_SKEW + SECOND, True)])
def test_an_edit_that_another_machine_has_seen_ahead_is_published(
    sample: SampleDesk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ahead: timedelta, is_published: bool
) -> None:
    """Of two machines the one that sees an edit later leaves it to the other, which has published it."""
    sample.publish_rules()
    files = read_rules_folder(RULES)
    edited = {**files, "slas.json": files["slas.json"] + "\n"}
    sample.desk.rules_folder = write(tmp_path / "rules", files)
    sample.clock.at = MONDAY - timedelta(hours=1)
    run_job(sample.desk, "pick_up_rules")
    sample.clock.at = MONDAY + ahead
    monkeypatch.setattr(folder_watch, "gethostname", lambda: "another")
    mark_as_published(sample.desk, tmp_path / "rules", edited)
    monkeypatch.undo()
    sample.clock.at = MONDAY
    write(tmp_path / "rules", edited)
    run_job(sample.desk, "pick_up_rules")
    assert (sample.see(rule_set_in_force).files == edited) == is_published


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder
