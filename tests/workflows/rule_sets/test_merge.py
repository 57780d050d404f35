"""Merging two edits of one rule set."""

import random

from workflows.rule_sets.merge import MARK_BETWEEN, MARK_IN_FORCE, MARK_YOURS, merge_rule_files

BASE = "one\ntwo\nthree\nfour\nfive\n"


def merged_text(mine: str, theirs: str, base: str = BASE) -> str:
    return merge_rule_files({"a": base}, {"a": mine}, {"a": theirs}).files["a"]


def test_lines_that_only_one_changed_are_taken_from_that_one() -> None:
    mine, theirs = BASE.replace("one", "ONE"), BASE.replace("five", "FIVE")
    merged = merge_rule_files({"a": BASE}, {"a": mine}, {"a": theirs})
    assert merged.files == {"a": "ONE\ntwo\nthree\nfour\nFIVE\n"}
    assert (merged.taken, merged.unresolved) == (["a"], [])


def test_lines_that_both_changed_are_both_included_between_marks() -> None:
    mine, theirs = BASE.replace("two", "mine"), BASE.replace("two", "theirs")
    merged = merge_rule_files({"a": BASE}, {"a": mine}, {"a": theirs})
    marked = f"one\n{MARK_YOURS}\nmine\n{MARK_BETWEEN}\ntheirs\n{MARK_IN_FORCE}\nthree\nfour\nfive\n"
    assert merged.files == {"a": marked}
    assert merged.unresolved == ["a"]


def test_the_same_change_by_both_is_not_a_conflict() -> None:
    changed = BASE.replace("two", "both")
    assert merged_text(changed, changed) == changed


def test_added_and_removed_files() -> None:
    base = {"a": "1", "b": "2", "c": "3", "d": "4"}
    mine = {"a": "1", "b": "mine", "d": "4", "mine": "m"}
    theirs = {"a": "1", "c": "theirs", "d": "4", "theirs": "t"}
    merged = merge_rule_files(base, mine, theirs)
    assert merged.files == {"a": "1", "b": "mine", "c": "theirs", "d": "4", "mine": "m", "theirs": "t"}
    assert merged.restored == ["b", "c"]
    assert merged.taken == ["theirs"]


def test_a_file_that_only_they_removed_is_removed() -> None:
    merged = merge_rule_files({"a": "1", "b": "2"}, {"a": "1", "b": "2", "c": "3"}, {"a": "1"})
    assert merged.files == {"a": "1", "c": "3"}


def test_a_text_without_a_last_line_end_and_one_with_windows_line_ends() -> None:
    assert merged_text("x\nb", "y\nb", "a\nb") == f"{MARK_YOURS}\nx\n{MARK_BETWEEN}\ny\n{MARK_IN_FORCE}\nb"
    assert merged_text("a\r\nx", "a\r\ny", "a\r\nb").count("\r\n") == 6


def test_very_long_texts_become_one_conflict() -> None:
    base = "line\n" * 6000
    text = merged_text("mine\n" + base, "theirs\n" + base, base)
    assert text.startswith(f"{MARK_YOURS}\nmine\n")
    assert text.endswith(f"{MARK_IN_FORCE}\n")


def test_random_edits_lose_nothing_and_one_sided_ones_are_taken_whole() -> None:
    chance = random.Random(7)
    for _ in range(300):
        base = [f"{chance.randrange(6)}\n" for _ in range(chance.randrange(12))]
        mine, theirs = _edited(chance, base, "m"), _edited(chance, base, "t")
        text = merged_text("".join(mine), "".join(theirs), "".join(base))
        lines = text.splitlines(keepends=True)
        assert all(line in lines for line in [*mine, *theirs] if line[0] in "mt")
        assert merged_text("".join(mine), "".join(base), "".join(base)) == "".join(mine)
        assert merged_text("".join(base), "".join(theirs), "".join(base)) == "".join(theirs)


def _edited(chance: random.Random, base: list[str], mark: str) -> list[str]:
    lines = list(base)
    for number in range(chance.randrange(4)):
        at = chance.randrange(len(lines) + 1)
        lines[at : at + chance.randrange(3)] = [f"{mark}{number}\n"] * chance.randrange(2)
    return lines
