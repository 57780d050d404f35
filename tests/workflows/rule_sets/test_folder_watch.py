"""Edits of the rules folder: published if valid, reported if not, and never undoing a later publication."""

import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from engine.rulebook import version_of
from tests.support.builders import RULES, DeskFixture
from tests.support.rate_cards import rate_card
from workflows.administration.settings import change_settings
from workflows.jobs import scheduler
from workflows.jobs.definitions import run_job
from workflows.operations.health import CachedCounts, read_health
from workflows.rule_sets import folder_watch
from workflows.rule_sets.folder import read_rules_folder
from workflows.rule_sets.folder_watch import list_rules_folders, mark_as_published, start_watching
from workflows.rule_sets.proposals import approve_proposal, list_proposals
from workflows.rule_sets.publishing import list_publications, rule_set_in_force
from workflows.store import tables as t

SHIPPED = read_rules_folder(RULES)
OTHER = "charging.json"
"""A file that is edited beside coverage.json."""


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder_watch, "SETTLE_SECONDS", 0)


@pytest.fixture
def folder(new_desk: DeskFixture, tmp_path: Path) -> Path:
    """A watched folder that has the rules in force."""
    place = tmp_path / "rules"
    shutil.copytree(RULES, place)
    new_desk.desk.rules_folder = place
    assert run_job(new_desk.desk, "pick_up_rules") == 0
    return place


@pytest.fixture
def on_machine(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Continue as another machine."""

    def go(name: str) -> None:
        monkeypatch.setattr(folder_watch, "gethostname", lambda: name)

    return go


def edit(folder: Path, number: int = 1) -> str:
    """Change the folder's coverage rules without changing their meaning; returns the new version."""
    (folder / "coverage.json").write_text(SHIPPED["coverage.json"] + "\n" * number)
    return version_of(read_rules_folder(folder))


def pick_up(new_desk: DeskFixture) -> int:
    new_desk.clock.move(seconds=2)
    return run_job(new_desk.desk, "pick_up_rules")


def in_force(new_desk: DeskFixture) -> str:
    return new_desk.see(rule_set_in_force).version


def test_an_edit_is_published_with_its_folder_in_the_note(new_desk: DeskFixture, folder: Path) -> None:
    assert pick_up(new_desk) == 0
    version = edit(folder)
    assert pick_up(new_desk) == 1
    view = new_desk.see(rule_set_in_force)
    assert (view.version, view.published_by) == (version, "The rules folder")
    assert str(folder) in view.note
    assert pick_up(new_desk) == 0
    (shown,) = new_desk.see(list_rules_folders)
    assert (shown.ok, shown.version, shown.in_force) == (True, version, True)
    assert {row.recipient is None for row in new_desk.rows(t.outbox, event="rules_published")} == {
        True,
        False,
    }


def test_a_publication_is_not_undone_and_writes_no_file(new_desk: DeskFixture, folder: Path) -> None:
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    version = new_desk.publish(SHIPPED | {"coverage.json": SHIPPED["coverage.json"] + " "}, "By the page")
    assert (pick_up(new_desk), in_force(new_desk)) == (0, version)
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_an_edit_is_merged_with_what_was_published_otherwise(new_desk: DeskFixture, folder: Path) -> None:
    published = SHIPPED | {OTHER: SHIPPED[OTHER] + " "}
    new_desk.publish(published, "By the page")
    edit(folder)
    assert pick_up(new_desk) == 1
    view = new_desk.see(rule_set_in_force)
    assert view.files == published | {"coverage.json": SHIPPED["coverage.json"] + "\n"}
    assert "merged with changes that were published otherwise" in view.note
    (shown,) = new_desk.see(list_rules_folders)
    assert (shown.ok, shown.in_force) == (True, False)
    edit(folder, 2)
    assert pick_up(new_desk) == 1
    assert new_desk.see(rule_set_in_force).files == published | {
        "coverage.json": SHIPPED["coverage.json"] + "\n\n"
    }


def test_a_file_removed_in_the_folder_is_removed_and_others_stay(new_desk: DeskFixture, folder: Path) -> None:
    published = SHIPPED | {OTHER: SHIPPED[OTHER] + " "}
    new_desk.publish(published, "By the page")
    removed = "variants/customer_first.json"
    (folder / removed).unlink()
    assert pick_up(new_desk) == 1
    files = new_desk.see(rule_set_in_force).files
    assert files == {path: text for path, text in published.items() if path != removed}


def test_an_edit_in_conflict_with_a_publication_is_refused_until_resolved(
    new_desk: DeskFixture, folder: Path
) -> None:
    published = SHIPPED | {"coverage.json": SHIPPED["coverage.json"] + " "}
    version = new_desk.publish(published, "By the page")
    edit(folder)
    assert (pick_up(new_desk), in_force(new_desk)) == (1, version)
    assert (pick_up(new_desk), in_force(new_desk)) == (0, version)
    (shown,) = new_desk.see(list_rules_folders)
    assert [(one.file, one.severity) for one in shown.problems] == [("coverage.json", "error")]
    assert version[:12] in shown.problems[0].message
    messages = new_desk.rows(t.outbox, event="rules_refused")
    assert {row.recipient for row in messages} == {None, f"{new_desk.administrator.id}@staff.example"}
    (folder / "coverage.json").write_text(published["coverage.json"])
    assert (pick_up(new_desk), in_force(new_desk)) == (0, version)
    edited = edit(folder)
    assert (pick_up(new_desk), in_force(new_desk)) == (1, edited)


def test_a_file_removed_by_one_and_changed_by_the_other_is_refused(
    new_desk: DeskFixture, folder: Path
) -> None:
    removed = "variants/customer_first.json"
    version = new_desk.publish({path: text for path, text in SHIPPED.items() if path != removed}, "Page")
    (folder / removed).write_text(SHIPPED[removed] + "\n")
    assert (pick_up(new_desk), in_force(new_desk)) == (1, version)
    (shown,) = new_desk.see(list_rules_folders)
    assert [one.file for one in shown.problems] == [removed]
    mark_as_published(new_desk.desk, folder, read_rules_folder(folder))
    assert pick_up(new_desk) == 0
    assert [one.ok for one in new_desk.see(list_rules_folders)] == [True]


@pytest.mark.parametrize("approved", [True, False])
def test_an_edit_after_a_proposed_one_keeps_it(new_desk: DeskFixture, folder: Path, approved: bool) -> None:
    """Both edits change the same line, which is no conflict with a proposal of this folder."""
    new_desk.do(change_settings, {"two_person_publishing": True})
    published = SHIPPED | {OTHER: SHIPPED[OTHER] + " "}
    edit(folder)
    pick_up(new_desk)
    (proposal,) = new_desk.see(list_proposals).items
    if approved:
        new_desk.do(approve_proposal, proposal.id)
    new_desk.do(change_settings, {"two_person_publishing": False})
    before = new_desk.see(rule_set_in_force).files
    new_desk.publish(before | {OTHER: published[OTHER]}, "By the page")
    edit(folder, 2)
    assert pick_up(new_desk) == 1
    assert new_desk.see(rule_set_in_force).files == published | {
        "coverage.json": SHIPPED["coverage.json"] + "\n\n"
    }


def test_files_published_in_another_way_are_not_an_edit(new_desk: DeskFixture, folder: Path) -> None:
    version = edit(folder)
    new_desk.publish(read_rules_folder(folder), "By the command line")
    assert (pick_up(new_desk), in_force(new_desk)) == (0, version)
    new_desk.publish(SHIPPED, "Back again")
    assert pick_up(new_desk) == 0
    edit(folder, 2)
    files = read_rules_folder(folder)
    mark_as_published(new_desk.desk, folder, files)
    assert pick_up(new_desk) == 0
    assert in_force(new_desk) == version_of(SHIPPED)


def test_a_new_folder_is_watched_but_not_published(new_desk: DeskFixture, tmp_path: Path) -> None:
    """It may be any old copy."""
    place = tmp_path / "rules"
    shutil.copytree(RULES, place)
    edit(place)
    new_desk.desk.rules_folder = place
    before = in_force(new_desk)
    assert (pick_up(new_desk), in_force(new_desk)) == (0, before)
    (shown,) = new_desk.see(list_rules_folders)
    assert (shown.ok, shown.in_force) == (True, False)
    (place / OTHER).write_text(SHIPPED[OTHER] + "\n")
    assert pick_up(new_desk) == 1
    assert new_desk.see(rule_set_in_force).files == SHIPPED | {OTHER: SHIPPED[OTHER] + "\n"}


def test_an_edit_between_the_start_and_the_first_check_counts(new_desk: DeskFixture, tmp_path: Path) -> None:
    place = tmp_path / "rules"
    shutil.copytree(RULES, place)
    new_desk.desk.rules_folder = place
    start_watching(new_desk.desk, place, read_rules_folder(place))
    version = edit(place)
    start_watching(new_desk.desk, place, read_rules_folder(place))
    assert (pick_up(new_desk), in_force(new_desk)) == (1, version)


def test_the_folder_is_published_if_no_rule_set_is_in_force(bare_desk: DeskFixture, tmp_path: Path) -> None:
    place = tmp_path / "rules"
    shutil.copytree(RULES, place)
    bare_desk.desk.rules_folder = place
    assert (pick_up(bare_desk), in_force(bare_desk)) == (1, version_of(SHIPPED))


def test_a_bad_edit_is_reported_once_and_changes_nothing(new_desk: DeskFixture, folder: Path) -> None:
    before = in_force(new_desk)
    text = SHIPPED["coverage.json"]
    (folder / "coverage.json").write_text(text.replace('"rules": [', '"rules": [,', 1))
    assert pick_up(new_desk) == 1
    assert pick_up(new_desk) == 0
    assert in_force(new_desk) == before
    (shown,) = new_desk.see(list_rules_folders)
    checked_at = new_desk.clock.at - timedelta(seconds=2)
    assert (shown.ok, shown.in_force, shown.checked_at) == (False, False, checked_at)
    line = text[: text.index('"rules": [')].count("\n") + 1
    assert [(one.file, one.line, one.severity) for one in shown.problems] == [
        ("coverage.json", line, "error")
    ]
    messages = new_desk.rows(t.outbox, event="rules_refused")
    assert {row.recipient for row in messages} == {None, f"{new_desk.administrator.id}@staff.example"}
    assert f"coverage.json:{line}:" in messages[0].body
    (health,) = read_health(new_desk.desk, counts=CachedCounts()).rules_folders
    assert health.errors == 1
    version = edit(folder)
    assert (pick_up(new_desk), in_force(new_desk)) == (1, version)
    assert [one.ok for one in new_desk.see(list_rules_folders)] == [True]


def test_an_edit_that_the_desk_forbids_is_taken_once_it_does_not(new_desk: DeskFixture, folder: Path) -> None:
    """Nothing in the folder changes, and the server goes on running."""
    before = in_force(new_desk)
    (folder / "rate_cards" / "standard.json").write_text(rate_card(10_000, "CHF"))
    assert (pick_up(new_desk), in_force(new_desk)) == (1, before)
    [problem] = new_desk.see(list_rules_folders)[0].problems
    assert (problem.file, problem.severity) == ("rate_cards/standard.json", "error")
    for seconds, tried_again in ((30, False), (31, True), (61, True)):
        checked_at = new_desk.see(list_rules_folders)[0].checked_at
        new_desk.clock.move(seconds=seconds)
        assert (pick_up(new_desk), in_force(new_desk)) == (0, before)
        assert (new_desk.see(list_rules_folders)[0].checked_at > checked_at) == tried_again
    new_desk.do(change_settings, {"currency": "CHF"})
    assert (pick_up(new_desk), in_force(new_desk)) == (0, before)
    new_desk.clock.move(seconds=60)
    edited = version_of(read_rules_folder(folder))
    assert (pick_up(new_desk), in_force(new_desk)) == (1, edited)
    [shown] = new_desk.see(list_rules_folders)
    assert (shown.ok, [one.severity for one in shown.problems]) == (True, ["warning"])
    assert [one.errors for one in read_health(new_desk.desk, counts=CachedCounts()).rules_folders] == [0]
    assert len(new_desk.rows(t.outbox, event="rules_refused")) == 2, "the administrator and webhooks, once"


def test_a_bad_edit_that_is_reverted_publishes_nothing(new_desk: DeskFixture, folder: Path) -> None:
    (folder / "coverage.json").write_text("{")
    assert pick_up(new_desk) == 1
    later = new_desk.publish(SHIPPED | {"coverage.json": SHIPPED["coverage.json"] + " "}, "By the page")
    (folder / "coverage.json").write_text(SHIPPED["coverage.json"])
    assert (pick_up(new_desk), in_force(new_desk)) == (0, later)
    (shown,) = new_desk.see(list_rules_folders)
    assert (shown.ok, shown.problems) == (True, [])


def test_a_folder_that_was_bad_when_first_seen_is_published_when_fixed(
    new_desk: DeskFixture, tmp_path: Path
) -> None:
    place = tmp_path / "rules"
    shutil.copytree(RULES, place)
    (place / "coverage.json").write_text("{")
    new_desk.desk.rules_folder = place
    assert pick_up(new_desk) == 1
    version = edit(place)
    assert (pick_up(new_desk), in_force(new_desk)) == (1, version)


def test_a_folder_that_reappears_is_not_published(new_desk: DeskFixture, folder: Path) -> None:
    """A disk that was unmounted for a while, and one that is mounted for the first time."""
    later = new_desk.publish(SHIPPED | {"coverage.json": SHIPPED["coverage.json"] + " "}, "By the page")
    away = folder.rename(folder.with_name("away"))
    assert pick_up(new_desk) == 1
    assert "does not exist" in new_desk.see(list_rules_folders)[0].problems[0].message
    away.rename(folder)
    assert (pick_up(new_desk), in_force(new_desk)) == (0, later)
    new_desk.desk.rules_folder = folder.with_name("another")
    assert pick_up(new_desk) == 1
    shutil.copytree(RULES, new_desk.desk.rules_folder)
    assert (pick_up(new_desk), in_force(new_desk)) == (0, later)


def test_a_file_that_is_being_written_is_read_in_the_next_run(
    new_desk: DeskFixture, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "coverage.json").write_text(SHIPPED["coverage.json"][:500])
    monkeypatch.setattr("workflows.rule_sets.folder_watch.time.sleep", lambda _: edit(folder))
    assert pick_up(new_desk) == 0
    assert new_desk.rows(t.outbox, event="rules_refused") == []
    version = edit(folder)
    assert (pick_up(new_desk), in_force(new_desk)) == (1, version)


def test_an_edit_is_proposed_if_approval_is_required(new_desk: DeskFixture, folder: Path) -> None:
    new_desk.do(change_settings, {"two_person_publishing": True})
    before = in_force(new_desk)
    version = edit(folder)
    assert pick_up(new_desk) == 1
    assert pick_up(new_desk) == 0
    assert in_force(new_desk) == before
    (proposal,) = new_desk.see(list_proposals).items
    assert (proposal.version, proposal.proposed_by, proposal.state) == (version, "The rules folder", "open")
    assert new_desk.do(approve_proposal, proposal.id) == version
    edit(folder, 2)
    edited = edit(folder, 3)
    new_desk.do(change_settings, {"two_person_publishing": False})
    assert (pick_up(new_desk), in_force(new_desk)) == (1, edited)


def test_machines_that_share_a_folder_publish_an_edit_once(
    new_desk: DeskFixture, folder: Path, on_machine: Callable[[str], None]
) -> None:
    for machine in ("one", "two"):
        on_machine(machine)
        pick_up(new_desk)
    edit(folder)
    on_machine("one")
    assert pick_up(new_desk) == 1
    back = new_desk.publish(SHIPPED, "Rolled back")
    on_machine("two")
    assert (pick_up(new_desk), in_force(new_desk)) == (0, back)
    assert len(new_desk.see(list_publications).items) == 3


def test_a_machine_with_an_unedited_folder_undoes_nothing(
    new_desk: DeskFixture, folder: Path, tmp_path: Path, on_machine: Callable[[str], None]
) -> None:
    other = tmp_path / "other"
    shutil.copytree(RULES, other)
    on_machine("two")
    new_desk.desk.rules_folder = other
    pick_up(new_desk)
    on_machine("one")
    new_desk.desk.rules_folder = folder
    pick_up(new_desk)
    version = edit(folder)
    pick_up(new_desk)
    for machine, place in (("two", other), ("one", folder)) * 2:
        on_machine(machine)
        new_desk.desk.rules_folder = place
        assert (pick_up(new_desk), in_force(new_desk)) == (0, version)
    shutil.copyfile(folder / "coverage.json", other / "coverage.json")
    on_machine("two")
    new_desk.desk.rules_folder = other
    assert (pick_up(new_desk), in_force(new_desk)) == (0, version)


def test_each_machine_checks_its_own_folder_once_per_tick(
    new_desk: DeskFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = []
    for machine in ("one", "one", "two"):
        monkeypatch.setattr(scheduler, "gethostname", lambda machine=machine: machine)
        found.append(scheduler.tick(new_desk.desk, "pick_up_rules", 2))
    assert found == [0, None, 0]
    assert [scheduler.tick(new_desk.desk, "clean_up", 3600) for _ in range(2)] == [0, None]


def huge(folder: Path) -> None:
    with (folder / "coverage.json").open("wb") as file:
        file.truncate(50 * 1024 * 1024)


def without_coverage(folder: Path) -> None:
    (folder / "coverage.json").unlink()


def unreadable_bytes(folder: Path) -> None:
    (folder / "coverage.json").write_bytes(b'{"name": "\xff\xfe"}')


def a_link_to_nowhere(folder: Path) -> None:
    (folder / "charging.json").unlink()
    (folder / "charging.json").symlink_to(folder / "nowhere.json")


def a_folder_for_a_file(folder: Path) -> None:
    (folder / "charging.json").unlink()
    (folder / "charging.json").mkdir()
    (folder / "charging.json" / "inner.json").write_text("{}")


def emptied(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.mkdir()


@pytest.mark.parametrize(
    ("spoil", "place", "text"),
    [
        (huge, "coverage.json", "1,048,576"),
        (without_coverage, "coverage.json", "missing"),
        (unreadable_bytes, "coverage.json", "UTF-8"),
        (a_link_to_nowhere, "charging.json", "removed"),
        (a_folder_for_a_file, "charging.json/inner.json", "not a valid path"),
        (emptied, "coverage.json", "missing"),
    ],
)
def test_an_unreadable_file_has_a_message_and_a_place(
    new_desk: DeskFixture, folder: Path, spoil: Callable[[Path], None], place: str, text: str
) -> None:
    before = in_force(new_desk)
    spoil(folder)
    assert (pick_up(new_desk), in_force(new_desk)) == (1, before)
    assert pick_up(new_desk) == 0
    (shown,) = new_desk.see(list_rules_folders)
    messages = {one.file: one.message for one in shown.problems if one.severity == "error"}
    assert text in messages[place]
    assert all(one.line >= 1 and one.column >= 1 for one in shown.problems)


@pytest.mark.parametrize("kind", ["a mark", "line ends"])
def test_files_written_by_editors_of_other_systems_are_accepted(
    new_desk: DeskFixture, folder: Path, kind: str
) -> None:
    text = SHIPPED["coverage.json"].encode()
    changed = b"\xef\xbb\xbf" + text + b"\n" if kind == "a mark" else text.replace(b"\n", b"\r\n")
    (folder / "coverage.json").write_bytes(changed)
    before = in_force(new_desk)
    assert pick_up(new_desk) == 1
    assert in_force(new_desk) != before
    assert new_desk.see(list_rules_folders)[0].ok
