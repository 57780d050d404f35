"""Three-way merge of two edits of one rule set: lines that only one of them changed are taken from it.

Where both changed the same lines, both versions are included between conflict marks, which the checker
refuses until someone resolves them. No edit is lost. Source: product.md section 12.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from workflows.rule_sets.line_comparison import MOST_LINES, can_compare

MARK_YOURS = "<<<<<<< yours"
MARK_BETWEEN = "======="
MARK_IN_FORCE = ">>>>>>> in force"


@dataclass(frozen=True, slots=True)
class Merged:
    """The merged files, and the paths that the merge changed.

    `taken` contain changes of theirs; `unresolved` have conflict marks; `restored` were removed by one and
    changed by the other: they have the changed version.
    """

    files: dict[str, str]
    taken: list[str]
    unresolved: list[str]
    restored: list[str]


def merge_rule_files(base: Mapping[str, str], mine: Mapping[str, str], theirs: Mapping[str, str]) -> Merged:
    """Merge two edits of the same base, file by file and line by line."""
    merged = Merged({}, [], [], [])
    for path in sorted(base.keys() | mine.keys() | theirs.keys()):
        before, yours, other = base.get(path), mine.get(path), theirs.get(path)
        if other in (before, yours):
            text = yours
        elif yours == before:
            text = other
            merged.taken.append(path)
        elif yours is None or other is None:
            text = other if yours is None else yours
            merged.restored.append(path)
        else:
            text, is_clean = _merge_texts(before or "", yours, other)
            (merged.taken if is_clean else merged.unresolved).append(path)
        if text is not None:
            merged.files[path] = text
    return merged


def _merge_texts(base: str, mine: str, theirs: str) -> tuple[str, bool]:
    texts = [text.splitlines(keepends=True) for text in (base, mine, theirs)]
    end = "\r\n" if "\r\n" in mine else "\n"
    before, *changed = texts
    if len(before) > MOST_LINES or not all(can_compare(before, one) for one in changed):
        # comparing their lines would take too long
        return "".join(_both(texts[1], texts[2], end)), False
    lines: list[str] = []
    is_clean = True
    for before, yours, other in _regions(*texts):
        if other in (before, yours):
            lines += yours
        elif yours == before:
            lines += other
        else:
            lines += _both(yours, other, end)
            is_clean = False
    return "".join(lines), is_clean


def _both(yours: Sequence[str], other: Sequence[str], end: str) -> list[str]:
    def whole(lines: Sequence[str]) -> list[str]:
        return [line if line.endswith(("\n", "\r")) else line + end for line in lines]

    return [MARK_YOURS + end, *whole(yours), MARK_BETWEEN + end, *whole(other), MARK_IN_FORCE + end]


def _regions(
    base: list[str], mine: list[str], theirs: list[str]
) -> Iterator[tuple[list[str], list[str], list[str]]]:
    """The three texts in regions, split at lines that all of them share; shared lines are regions, too."""
    at = at_mine = at_theirs = 0
    for start, in_mine, in_theirs, length in [
        *_shared(base, mine, theirs),
        (len(base), len(mine), len(theirs), 0),
    ]:
        yield base[at:start], mine[at_mine:in_mine], theirs[at_theirs:in_theirs]
        at, at_mine, at_theirs = start + length, in_mine + length, in_theirs + length
        yield base[start:at], mine[in_mine:at_mine], theirs[in_theirs:at_theirs]


def _shared(base: list[str], mine: list[str], theirs: list[str]) -> list[tuple[int, int, int, int]]:
    """Runs of lines that all three have, as (start in base, start in mine, start in theirs, length)."""
    ours = SequenceMatcher(None, base, mine, autojunk=False).get_matching_blocks()
    others = SequenceMatcher(None, base, theirs, autojunk=False).get_matching_blocks()
    found = []
    i = j = 0
    while i < len(ours) and j < len(others):
        one, other = ours[i], others[j]
        start = max(one.a, other.a)
        end = min(one.a + one.size, other.a + other.size)
        if start < end:
            found.append((start, one.b + start - one.a, other.b + start - other.a, end - start))
        if one.a + one.size < other.a + other.size:
            i += 1
        else:
            j += 1
    return found
