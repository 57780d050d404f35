"""Rules folders with bad files: each gives an error with its place, quickly, and the desk keeps working."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from threading import Event, Thread
from time import thread_time

import pytest

from engine.rulebook import RuleSetRefused, load_rule_set
from tests.support.builders import RULES, DeskFixture
from workflows.rule_sets.folder import check_rules_folder, read_rules_folder
from workflows.rule_sets.publishing import rule_set_in_force


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the shipped rules."""
    return shutil.copytree(RULES, tmp_path / "rules")


def huge(folder: Path) -> None:
    with (folder / "coverage.json").open("wb") as file:
        file.truncate(50 * 1024 * 1024)


def huge_line(folder: Path) -> None:
    (folder / "slas.json").write_text('{"slas": "' + "x" * 900_000 + '"}')


def without_coverage(folder: Path) -> None:
    (folder / "coverage.json").unlink()


def dangling(folder: Path) -> None:
    (folder / "charging.json").unlink()
    (folder / "charging.json").symlink_to(folder / "nowhere.json")


def circular(folder: Path) -> None:
    (folder / "charging.json").unlink()
    (folder / "charging.json").symlink_to(folder / "charging.json")


def pipe(folder: Path) -> None:
    (folder / "charging.json").unlink()
    os.mkfifo(folder / "charging.json")


def bytes_that_are_no_text(folder: Path) -> None:
    (folder / "contract_types" / "subscription.json").write_bytes(bytes(range(256)))


def saved_as_utf_16(folder: Path) -> None:
    text = (folder / "slas.json").read_text()
    (folder / "slas.json").write_bytes(text.encode("utf-16"))


def nested(folder: Path) -> None:
    (folder / "slas.json").write_text("[" * 500_000)


def misnamed(folder: Path) -> None:
    (folder / "contract_types" / os.fsdecode(b"\xff.json")).write_text("{}")


@pytest.mark.parametrize(
    ("spoil", "expected"),
    [
        (huge, "coverage.json:1:1: error: The file has 52,428,800 bytes; a rule file may have 1,048,576."),
        (huge_line, "slas.json:1:10: error: Found"),
        (without_coverage, "coverage.json:1:1: error: The file is missing. Add it:"),
        (
            dangling,
            "charging.json:1:1: error: The file was removed while it was being read. "
            "Restore it, or leave it out.",
        ),
        (
            circular,
            "charging.json:1:1: error: The file cannot be read: too many levels of symbolic links. Make it",
        ),
        (pipe, "charging.json:1:1: error: This is not a regular file."),
        (bytes_that_are_no_text, "contract_types/subscription.json:3:115: error: Byte 0x80 is not UTF-8."),
        (saved_as_utf_16, "slas.json:1:1: error: The file is saved as UTF-16. Save it as UTF-8."),
        (nested, "slas.json:1:65: error: Nested deeper than 64 levels."),
        (misnamed, "error: "),
    ],
)
def test_each_error_has_a_message_and_a_place(
    folder: Path, spoil: Callable[[Path], None], expected: str
) -> None:
    spoil(folder)
    started = thread_time()
    _, problems = check_rules_folder(folder)
    assert thread_time() - started < 2
    errors = [str(one) for one in problems if one.severity == "error"]
    assert any(expected in one for one in errors), errors
    assert all(one.encode() for one in errors)
    with pytest.raises(RuleSetRefused):
        load_rule_set(read_rules_folder(folder))


@pytest.mark.parametrize("line_end", ["\r\n", "\r"])
def test_line_ends_of_other_systems_are_accepted(folder: Path, line_end: str) -> None:
    for path in folder.rglob("*.json"):
        path.write_bytes(path.read_text().replace("\n", line_end).encode())
    files, problems = check_rules_folder(folder)
    assert problems == []
    assert load_rule_set(files).coverage.decide is not None
    broken = folder / "coverage.json"
    lines = broken.read_bytes().decode().split(line_end)
    lines[5] = lines[5].replace('"', "'", 1)
    broken.write_bytes(line_end.join(lines).encode())
    assert {one.line for one in check_rules_folder(folder)[1] if one.severity == "error"} == {6}


def test_a_byte_order_mark_gives_a_warning(folder: Path) -> None:
    for path in folder.rglob("*.json"):
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    files, problems = check_rules_folder(folder)
    assert {one.severity for one in problems} == {"warning"}
    assert load_rule_set(files).version == load_rule_set(read_rules_folder(RULES)).version


def test_files_that_are_replaced_while_they_are_read(folder: Path) -> None:
    """An editor that saves by renaming: a file is read completely, or reported as removed."""
    path, text = folder / "charging.json", (folder / "charging.json").read_text()
    done = Event()

    def save_again_and_again() -> None:
        while not done.is_set():
            path.unlink(missing_ok=True)
            new = path.with_suffix(".new")
            new.write_text(text)
            new.rename(path)

    editor = Thread(target=save_again_and_again)
    editor.start()
    try:
        seen = set()
        for _ in range(60):
            files, problems = check_rules_folder(folder)
            seen.add(files.get("charging.json"))
            errors = [one.message for one in problems if one.severity == "error"]
            assert all("removed while" in message for message in errors), errors
    finally:
        done.set()
        editor.join()
    assert seen <= {text, None}


def test_the_rule_set_in_force_does_not_change(folder: Path, bare_desk: DeskFixture) -> None:
    version = bare_desk.publish(read_rules_folder(folder))
    for spoil in (huge, without_coverage, bytes_that_are_no_text):
        spoil(folder)
        with pytest.raises(RuleSetRefused):
            bare_desk.publish(read_rules_folder(folder))
        assert bare_desk.see(rule_set_in_force).version == version
        assert bare_desk.desk.config.rules.version == version
