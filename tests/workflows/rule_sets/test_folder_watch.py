"""Edits of the rules folder: picked up when good, told when not, and never against a later publication."""

import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from engine.rulebook import version_of
from tests.support.builders import RULES, Kit
from workflows.administration.settings import change_settings
from workflows.jobs import scheduler
from workflows.jobs.definitions import run_job
from workflows.operations.health import CachedCounts, read_health
from workflows.rule_sets import folder_watch
from workflows.rule_sets.folder import read_rules_folder
from workflows.rule_sets.folder_watch import list_rules_folders, note_rules_folder, watch_rules_folder
from workflows.rule_sets.proposals import approve_proposal, list_proposals
from workflows.rule_sets.publishing import list_publications, rule_set_in_force
from workflows.store import tables as t

SHIPPED = read_rules_folder(RULES)


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder_watch, "SECONDS_TO_SETTLE", 0)


@pytest.fixture
def folder(kit: Kit, tmp_path: Path) -> Path:
    """A watched folder that has the rules in force."""
    place = tmp_path / "rules"
    shutil.copytree(RULES, place)
    kit.desk.rules_folder = place
    assert run_job(kit.desk, "pick_up_rules") == 0
    return place


@pytest.fixture
def on_machine(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Go on working on another machine."""

    def go(name: str) -> None:
        monkeypatch.setattr(folder_watch, "gethostname", lambda: name)

    return go


def edit(folder: Path, number: int = 1) -> str:
    """Change the folder's coverage rules without changing what they mean; answers the new version."""
    (folder / "coverage.json").write_text(SHIPPED["coverage.json"] + "\n" * number)
    return version_of(read_rules_folder(folder))


def pick_up(kit: Kit) -> int:
    kit.clock.move(seconds=2)
    return run_job(kit.desk, "pick_up_rules")


def in_force(kit: Kit) -> str:
    return kit.see(rule_set_in_force).version


def test_an_edit_takes_force_and_names_its_folder(kit: Kit, folder: Path) -> None:
    assert pick_up(kit) == 0
    version = edit(folder)
    assert pick_up(kit) == 1
    view = kit.see(rule_set_in_force)
    assert (view.version, view.published_by) == (version, "The rules folder")
    assert str(folder) in view.note
    assert pick_up(kit) == 0
    (shown,) = kit.see(list_rules_folders)
    assert (shown.ok, shown.version, shown.in_force) == (True, version, True)
    assert {row.recipient is None for row in kit.rows(t.outbox, event="rules_published")} == {True, False}


def test_a_publication_is_not_undone_and_writes_no_file(kit: Kit, folder: Path) -> None:
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    version = kit.publish(SHIPPED | {"coverage.json": SHIPPED["coverage.json"] + " "}, "By the page")
    assert (pick_up(kit), in_force(kit)) == (0, version)
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    edited = edit(folder)
    assert (pick_up(kit), in_force(kit)) == (1, edited)


def test_what_was_published_otherwise_is_no_edit(kit: Kit, folder: Path) -> None:
    version = edit(folder)
    kit.publish(read_rules_folder(folder), "By the command line")
    assert (pick_up(kit), in_force(kit)) == (0, version)
    kit.publish(SHIPPED, "Back again")
    assert pick_up(kit) == 0
    edit(folder, 2)
    files = read_rules_folder(folder)
    note_rules_folder(kit.desk, folder, files)
    assert pick_up(kit) == 0
    assert in_force(kit) == version_of(SHIPPED)


def test_a_folder_that_is_new_here_is_watched_and_not_published(kit: Kit, tmp_path: Path) -> None:
    """It may be any old copy."""
    place = tmp_path / "rules"
    shutil.copytree(RULES, place)
    edit(place)
    kit.desk.rules_folder = place
    before = in_force(kit)
    assert (pick_up(kit), in_force(kit)) == (0, before)
    (shown,) = kit.see(list_rules_folders)
    assert (shown.ok, shown.in_force) == (True, False)
    version = edit(place, 2)
    assert (pick_up(kit), in_force(kit)) == (1, version)


def test_an_edit_between_the_start_and_the_first_look_counts(kit: Kit, tmp_path: Path) -> None:
    place = tmp_path / "rules"
    shutil.copytree(RULES, place)
    kit.desk.rules_folder = place
    watch_rules_folder(kit.desk, place, read_rules_folder(place))
    version = edit(place)
    watch_rules_folder(kit.desk, place, read_rules_folder(place))
    assert (pick_up(kit), in_force(kit)) == (1, version)


def test_where_nothing_is_in_force_the_folder_is_published(bare_kit: Kit, tmp_path: Path) -> None:
    place = tmp_path / "rules"
    shutil.copytree(RULES, place)
    bare_kit.desk.rules_folder = place
    assert (pick_up(bare_kit), in_force(bare_kit)) == (1, version_of(SHIPPED))


def test_a_bad_edit_is_told_once_and_the_set_in_force_stays(kit: Kit, folder: Path) -> None:
    before = in_force(kit)
    text = SHIPPED["coverage.json"]
    (folder / "coverage.json").write_text(text.replace('"rules": [', '"rules": [,', 1))
    assert pick_up(kit) == 1
    assert pick_up(kit) == 0
    assert in_force(kit) == before
    (shown,) = kit.see(list_rules_folders)
    checked_at = kit.clock.at - timedelta(seconds=2)
    assert (shown.ok, shown.in_force, shown.checked_at) == (False, False, checked_at)
    line = text[: text.index('"rules": [')].count("\n") + 1
    assert [(one.file, one.line, one.severity) for one in shown.problems] == [
        ("coverage.json", line, "error")
    ]
    told = kit.rows(t.outbox, event="rules_refused")
    assert {row.recipient for row in told} == {None, f"{kit.administrator.id}@staff.example"}
    assert f"coverage.json:{line}:" in told[0].body
    (health,) = read_health(kit.desk, counts=CachedCounts()).rules_folders
    assert health.errors == 1
    version = edit(folder)
    assert (pick_up(kit), in_force(kit)) == (1, version)
    assert [one.ok for one in kit.see(list_rules_folders)] == [True]


def test_a_bad_edit_that_is_taken_back_is_no_publication(kit: Kit, folder: Path) -> None:
    (folder / "coverage.json").write_text("{")
    assert pick_up(kit) == 1
    later = kit.publish(SHIPPED | {"coverage.json": SHIPPED["coverage.json"] + " "}, "By the page")
    (folder / "coverage.json").write_text(SHIPPED["coverage.json"])
    assert (pick_up(kit), in_force(kit)) == (0, later)
    (shown,) = kit.see(list_rules_folders)
    assert (shown.ok, shown.problems) == (True, [])


def test_one_that_was_bad_at_first_sight_is_taken_when_mended(kit: Kit, tmp_path: Path) -> None:
    place = tmp_path / "rules"
    shutil.copytree(RULES, place)
    (place / "coverage.json").write_text("{")
    kit.desk.rules_folder = place
    assert pick_up(kit) == 1
    version = edit(place)
    assert (pick_up(kit), in_force(kit)) == (1, version)


def test_a_folder_that_comes_back_is_not_published(kit: Kit, folder: Path) -> None:
    """A disk that was away for a while, and one that appears for the first time."""
    later = kit.publish(SHIPPED | {"coverage.json": SHIPPED["coverage.json"] + " "}, "By the page")
    away = folder.rename(folder.with_name("away"))
    assert pick_up(kit) == 1
    assert "does not exist" in kit.see(list_rules_folders)[0].problems[0].message
    away.rename(folder)
    assert (pick_up(kit), in_force(kit)) == (0, later)
    kit.desk.rules_folder = folder.with_name("another")
    assert pick_up(kit) == 1
    shutil.copytree(RULES, kit.desk.rules_folder)
    assert (pick_up(kit), in_force(kit)) == (0, later)


def test_a_file_that_is_being_written_is_left_for_the_next_time(
    kit: Kit, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "coverage.json").write_text(SHIPPED["coverage.json"][:500])
    monkeypatch.setattr("workflows.rule_sets.folder_watch.time.sleep", lambda _: edit(folder))
    assert pick_up(kit) == 0
    assert kit.rows(t.outbox, event="rules_refused") == []
    version = edit(folder)
    assert (pick_up(kit), in_force(kit)) == (1, version)


def test_where_two_publish_an_edit_is_proposed(kit: Kit, folder: Path) -> None:
    kit.do(change_settings, {"two_person_publishing": True})
    before = in_force(kit)
    version = edit(folder)
    assert pick_up(kit) == 1
    assert pick_up(kit) == 0
    assert in_force(kit) == before
    (proposal,) = kit.see(list_proposals).items
    assert (proposal.version, proposal.proposed_by, proposal.state) == (version, "The rules folder", "open")
    assert kit.do(approve_proposal, proposal.id) == version
    edit(folder, 2)
    edited = edit(folder, 3)
    kit.do(change_settings, {"two_person_publishing": False})
    assert (pick_up(kit), in_force(kit)) == (1, edited)


# ------------------------------------------------------------------ many machines


def test_machines_that_share_a_folder_publish_an_edit_once(
    kit: Kit, folder: Path, on_machine: Callable[[str], None]
) -> None:
    for machine in ("one", "two"):
        on_machine(machine)
        pick_up(kit)
    edit(folder)
    on_machine("one")
    assert pick_up(kit) == 1
    back = kit.publish(SHIPPED, "Rolled back")
    on_machine("two")
    assert (pick_up(kit), in_force(kit)) == (0, back)
    assert len(kit.see(list_publications).items) == 3


def test_a_machine_whose_folder_was_not_edited_undoes_nothing(
    kit: Kit, folder: Path, tmp_path: Path, on_machine: Callable[[str], None]
) -> None:
    other = tmp_path / "other"
    shutil.copytree(RULES, other)
    on_machine("two")
    kit.desk.rules_folder = other
    pick_up(kit)
    on_machine("one")
    kit.desk.rules_folder = folder
    pick_up(kit)
    version = edit(folder)
    pick_up(kit)
    for machine, place in (("two", other), ("one", folder)) * 2:
        on_machine(machine)
        kit.desk.rules_folder = place
        assert (pick_up(kit), in_force(kit)) == (0, version)
    shutil.copyfile(folder / "coverage.json", other / "coverage.json")
    on_machine("two")
    kit.desk.rules_folder = other
    assert (pick_up(kit), in_force(kit)) == (0, version)


def test_each_machine_looks_at_its_own_folder_once_a_tick(kit: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    found = []
    for machine in ("one", "one", "two"):
        monkeypatch.setattr(scheduler, "gethostname", lambda machine=machine: machine)
        found.append(scheduler.tick(kit.desk, "pick_up_rules", 2))
    assert found == [0, None, 0]
    assert [scheduler.tick(kit.desk, "clean_up", 3600) for _ in range(2)] == [0, None]


# ------------------------------------------------------------------ what files may be


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
    ("spoil", "place", "words"),
    [
        (huge, "coverage.json", "1,048,576"),
        (without_coverage, "coverage.json", "missing"),
        (unreadable_bytes, "coverage.json", "UTF-8"),
        (a_link_to_nowhere, "charging.json", "removed"),
        (a_folder_for_a_file, "charging.json/inner.json", "not a valid path"),
        (emptied, "coverage.json", "missing"),
    ],
)
def test_what_cannot_be_read_has_words_and_a_place(
    kit: Kit, folder: Path, spoil: Callable[[Path], None], place: str, words: str
) -> None:
    before = in_force(kit)
    spoil(folder)
    assert (pick_up(kit), in_force(kit)) == (1, before)
    assert pick_up(kit) == 0
    (shown,) = kit.see(list_rules_folders)
    said = {one.file: one.message for one in shown.problems if one.severity == "error"}
    assert words in said[place]
    assert all(one.line >= 1 and one.column >= 1 for one in shown.problems)


@pytest.mark.parametrize("kind", ["a mark", "line ends"])
def test_what_editors_of_other_systems_write_is_taken(kit: Kit, folder: Path, kind: str) -> None:
    text = SHIPPED["coverage.json"].encode()
    changed = b"\xef\xbb\xbf" + text + b"\n" if kind == "a mark" else text.replace(b"\n", b"\r\n")
    (folder / "coverage.json").write_bytes(changed)
    before = in_force(kit)
    assert pick_up(kit) == 1
    assert in_force(kit) != before
    assert kit.see(list_rules_folders)[0].ok
