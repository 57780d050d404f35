"""Two machines at work, each a process with a rules folder of its own, while the folders are edited.

A machine looks at its folder and logs service requests at once, as its scheduler and its server do. A request
has the machine and the instant before its call as its subject. So the second within which each must follow is
measured from a publication that was seen to a call that began later, however slow the machine is.
"""

import json
import shutil
import time
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from multiprocessing.synchronize import Event
from pathlib import Path
from threading import Thread

import pytest
from sqlalchemy import text, update

from engine.rulebook import version_of
from tests.support.builders import RULES
from tests.support.sample_desk import SampleDesk
from workflows.commands.service_requests import NewServiceRequest
from workflows.core.actors import Actor
from workflows.core.desk import Desk
from workflows.coverage.verification import DecisionDifference, VerificationResult, verify_decisions
from workflows.jobs.definitions import run_job
from workflows.rule_sets import folder_watch
from workflows.rule_sets.folder import read_rules_folder
from workflows.rule_sets.folder_watch import list_rules_folders
from workflows.rule_sets.publishing import list_publications, rule_set_in_force
from workflows.service_requests.log import log_service_request
from workflows.store import tables as t
from workflows.store.database import Database

SHIPPED = read_rules_folder(RULES)
TECHNICIAN = Actor(None, "a technician", "technician")
TIME_TO_FOLLOW = timedelta(seconds=1)
SECONDS_TO_WAIT = 180
"""Far more than it takes where other programs leave this one a processor."""


def work_as_machine(name: str, database_url: str, folder: Path, customer: str, stop: Event) -> None:
    """Watch a folder and log service requests, until it is stopped."""
    folder_watch.gethostname = lambda: name  # type: ignore[attr-defined]  # a machine by another name
    desk = Desk(Database(database_url, pool_size=4), rules_folder=folder)

    def watch() -> None:
        while not stop.is_set():
            run_job(desk, "pick_up_rules")
            time.sleep(0.1)

    watching = Thread(target=watch)
    watching.start()
    while not stop.is_set():
        log_one(desk, f"{name} {datetime.now(UTC).isoformat()}", customer)
        time.sleep(0.01)
    watching.join()
    desk.database.dispose()


def log_one(desk: Desk, subject: str, customer: str) -> None:
    command = NewServiceRequest(subject=subject, customer=customer)
    desk.perform(TECHNICIAN, lambda tx: log_service_request(tx, command))


def coverage(number: int) -> str:
    """The shipped coverage rules with a number before every rule's name."""
    book = json.loads(SHIPPED["coverage.json"])
    for rule in book["rules"]:
        rule["id"] = f"v{number}-{rule['id']}"
    return json.dumps(book | {"examples": []})


def versions_seen(sample: SampleDesk) -> dict[str, str]:
    """By which version each machine made its last decision."""
    decisions = sorted(sample.rows(t.coverage_decision), key=lambda row: (row.decided_at, row.id))
    machines = {row.id: row.subject.partition(" ")[0] for row in sample.rows(t.service_request)}
    return {machines[row.service_request_id]: row.rule_set for row in decisions}


def wait_until_in_force(sample: SampleDesk, version: str) -> datetime:
    """Returns an instant by which the version was in force."""
    give_up_at = time.monotonic() + SECONDS_TO_WAIT
    while sample.desk.refresh().version != version:
        assert time.monotonic() < give_up_at, "the edit is not published"
        time.sleep(0.02)
    return datetime.now(UTC)


def wait_until_both_decide_by(sample: SampleDesk, version: str) -> None:
    give_up_at = time.monotonic() + SECONDS_TO_WAIT
    while set(versions_seen(sample).values()) != {version} or len(versions_seen(sample)) < 2:
        assert time.monotonic() < give_up_at, "no machine decides, or not by the version in force"
        time.sleep(0.1)


@pytest.mark.slow
def test_two_folders_are_edited_and_neither_machine_undoes_the_other(
    sample: SampleDesk, database_url: str, tmp_path: Path
) -> None:
    folders = {name: shutil.copytree(RULES, tmp_path / name) for name in ("one", "two")}
    context = get_context("spawn")
    stop = context.Event()
    machines = [
        context.Process(
            target=work_as_machine, args=(name, database_url, folder, sample.ann, stop), daemon=True
        )
        for name, folder in folders.items()
    ]
    for machine in machines:
        machine.start()
    try:
        wait_until_both_decide_by(sample, version_of(SHIPPED))
        wait_until_watched(sample, 2)
        edited, seen = [], []
        for number, name in enumerate(("one", "two", "one")):
            (folders[name] / "coverage.json").write_text(coverage(number))
            edited.append(version_of(read_rules_folder(folders[name])))
            seen.append((wait_until_in_force(sample, edited[-1]), edited[-1]))
            wait_until_both_decide_by(sample, edited[-1])
            # the next edit is of these files, on whichever machine
            for folder in folders.values():
                (folder / "coverage.json").write_text(coverage(number))
            wait_until_watched(sample, 2, version=edited[-1])
        (folders["two"] / "coverage.json").write_text(coverage(9).replace("[", "[,", 1))
        wait_until_watched(sample, 2, good=1)
        back_from = datetime.now(UTC)
        back = sample.publish(SHIPPED, "Back to the shipped ones, by the page")
        seen.append((datetime.now(UTC), back))
        wait_until_both_decide_by(sample, back)
        # several looks at both folders: neither is put in force again
        time.sleep(1.5)
        assert set(versions_seen(sample).values()) == {back}
    finally:
        stop.set()
        for machine in machines:
            machine.join(SECONDS_TO_WAIT)
    assert [machine.exitcode for machine in machines] == [0, 0]
    published = sorted(
        (one.published_at, one.version)
        for one in sample.see(list_publications).items
        if one.published_by == "The rules folder"
    )
    assert [version for _, version in published] == edited
    assert sample.see(rule_set_in_force).version == back
    followed_within_a_second(sample, seen, back_from)
    each_by_one_version(sample, edited)
    nothing_differs_until_tampered_with(sample)


def wait_until_watched(
    sample: SampleDesk, folders: int, *, good: int | None = None, version: str | None = None
) -> None:
    give_up_at = time.monotonic() + SECONDS_TO_WAIT
    wanted = folders if good is None else good
    while True:
        seen = sample.see(list_rules_folders)
        as_wanted = version is None or {one.version for one in seen} == {version}
        if len(seen) == folders and sum(one.ok for one in seen) == wanted and as_wanted:
            return
        assert time.monotonic() < give_up_at, seen
        time.sleep(0.1)


def followed_within_a_second(
    sample: SampleDesk, seen: list[tuple[datetime, str]], back_from: datetime
) -> None:
    """A call that began a second after a version was seen in force decides by that one or a later one.

    The last one is the first one again: from `back_from` on.
    """
    versions = [version_of(SHIPPED), *(version for _, version in seen)]
    requests = sample.rows(t.service_request)
    began = {row.id: datetime.fromisoformat(row.subject.partition(" ")[2]) for row in requests}
    for row in sample.rows(t.coverage_decision):
        began_at = began[row.service_request_id]
        due = [number for number, (at, _) in enumerate(seen, 1) if began_at > at + TIME_TO_FOLLOW]
        number = versions.index(row.rule_set)
        if number == 0 and row.decided_at >= back_from:
            number = len(seen)
        assert number >= max(due, default=0), (
            f"decided by number {number} at {row.decided_at}, began {began_at}"
        )


def each_by_one_version(sample: SampleDesk, edited: list[str]) -> None:
    """A rule's name shows its set, which is the version that the decision names."""
    prefixes = {version: f"v{number}-" for number, version in enumerate(edited)}
    rows = sample.rows(t.coverage_decision)
    assert {row.rule_set for row in rows} == {*edited, version_of(SHIPPED)}
    for row in rows:
        prefix = prefixes.get(row.rule_set)
        assert row.rule.startswith(prefix) if prefix else not row.rule.startswith("v"), row.rule


def nothing_differs_until_tampered_with(sample: SampleDesk) -> None:
    rows = sample.rows(t.coverage_decision)
    differences: list[DecisionDifference] = []
    assert verify_decisions(sample.desk, differences.append) == VerificationResult(len(rows), 0), differences[
        :3
    ]
    tampered = rows[len(rows) // 2]
    with sample.desk.write() as tx:
        if tx.is_sqlite:
            names = tx.connection.execute(
                text(
                    "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'coverage_decision'"
                )
            ).scalars()
            for name in names.all():
                tx.connection.execute(text(f'DROP TRIGGER "{name}"'))
        else:
            tx.connection.execute(text("ALTER TABLE coverage_decision DISABLE TRIGGER USER"))
        changed = update(t.coverage_decision).where(t.coverage_decision.c.id == tampered.id)
        tx.connection.execute(changed.values(rule="v7-item-valid"))
    assert verify_decisions(sample.desk, differences.append) == VerificationResult(len(rows), 1)
    assert [(one.decision, one.what, one.stored) for one in differences] == [
        (tampered.id, "rule", "v7-item-valid")
    ]
