"""10,000 mutated rule files, the same in each run: each is refused with a position, or accepted and works.

COVERDESK_MUTATED_FILES is their number.
"""

import copy
import json
from collections.abc import Iterator
from random import Random
from time import thread_time
from typing import Any

import pytest

from engine.rulebook import RuleSet, RuleSetRefused, load_rule_set
from tests.rules.effort import how_many
from tests.rules.files import shipped_files
from tests.rules.mutations import WORDS
from tests.rules.test_mutated_files import use

FILES = how_many("COVERDESK_MUTATED_FILES", usual=10_000, in_ci=1_000)
PARTS = 10
MOST_SECONDS = 0.1
"""CPU time of the thread, so that a busy machine does not fail the test."""

BASE = {
    path: text
    for path, text in shipped_files().items()
    if path in ("coverage.json", "charging.json", "slas.json", "contract_types/per_request.json")
}
PATHS = [path for path in shipped_files() if not path.startswith("variants/")]
PIECES = [
    "{", "}", "[", "]", ",", ":", '"', "'", "\\", "\\u", "\\ud800", "//", "/*", "#", "NaN", "-Infinity",
    "1e999", "00", "\x00", "\t", "\r", "\r\n", "\n", "\ufeff", "\ud800", "null", "true", "-", "9" * 40,
    '{"all": [' * 30, "[" * 300, "\u2028", "é", "$", "__class__",
]  # fmt: skip
VALUES: list[Any] = [
    None, True, False, 0, 1, -1, 2**31, 10**20, 0.5, 1e300, "", " ", "x" * 300, [], {}, [[]], [None], {"": 0},
    {"all": []}, {"any": [{}]}, {"days": 30}, {"date": "2026-12-24", "days": 3},
    "2026-12-31", "2026-12-31T12:00:00Z", {"name": "has_item", "operator": "is_true"},
    {"name": "contract_ends_on", "operator": "before", "value": "2026-12-31"},
    {"name": "contract_age", "operator": "longer_than", "value": {"days": 36_600}},
    {"any": [{"name": "work_type", "operator": "starts_with", "value": "(a+)+$"}]},
]  # fmt: skip


@pytest.mark.parametrize("part", range(PARTS))
def test_each_mutated_file_is_refused_with_a_position_or_works(part: int) -> None:
    in_force = load_rule_set(BASE)
    before = (in_force.version, dict(in_force.files), in_force.coverage.compiled.source.code)
    taken = 0
    for number in range(part, FILES, PARTS):
        path, text = mutated(Random(number))
        taken += check_or_use(number, {**BASE, path: text})
    use(in_force)
    assert (in_force.version, dict(in_force.files), in_force.coverage.compiled.source.code) == before
    assert load_rule_set(BASE).version == in_force.version
    assert taken < FILES // PARTS
    assert taken > 0 or FILES < 1_000, "some are taken"


def check_or_use(number: int, files: dict[str, str]) -> bool:
    """Whether the set was accepted; if so, it works."""
    try:
        rules: RuleSet = load_rule_set(files)
    except RuleSetRefused as refused:
        errors = [one for one in refused.problems if one.severity == "error"]
        assert errors, number
        assert all(one.file in files and one.line >= 1 and one.column >= 1 for one in errors), number
        assert all(one.message.strip() and str(one).encode() for one in errors), number
        return False
    started = thread_time()
    use(rules)
    assert thread_time() - started < MOST_SECONDS, number
    return True


def mutated(random: Random) -> tuple[str, str]:
    """One of the files, with a few mistakes in its text or structure."""
    path = random.choice(PATHS)
    text = shipped_files()[path]
    if random.random() < 0.4:
        for _ in range(random.choice([1, 1, 2, 4])):
            text = _mutate_text(random, text)
        return path, text
    document = json.loads(text)
    if random.random() < 0.5:
        document["examples"] = []  # Otherwise examples would cause most mutations to be refused.
    for _ in range(random.choice([1, 1, 2, 3])):
        _mutate_structure(random, document)
    return path, json.dumps(document, indent=random.choice([None, 2]))


def _mutate_text(random: Random, text: str) -> str:
    start = random.randint(0, len(text))
    end = min(len(text), start + random.choice([1, 1, 2, 5, 40]))
    target = random.randint(0, len(text))
    piece, word = random.choice(PIECES), random.choice(WORDS)
    return random.choice(
        [
            text[:start] + text[end:],
            text[:end] + text[start:],
            text[:start] + piece + text[start:],
            text[:start] + piece + text[end:],
            text[:start],
            text[:target] + text[start:end] + text[target:],
            text[:start] + word + text[end:],
        ]
    )


def _mutate_structure(random: Random, document: Any) -> None:
    places = list(_places(document))
    if not places:
        return
    parent, step = random.choice(places)
    other, other_step = random.choice(places)
    match random.choice(["value", "word", "remove", "rename", "graft", "swap", "add", "double"]):
        case "value":
            parent[step] = copy.deepcopy(random.choice(VALUES))
        case "word":
            parent[step] = random.choice(WORDS)
        case "remove":
            del parent[step]
        case "rename" if isinstance(parent, dict):
            parent[random.choice(WORDS)] = parent.pop(step)
        case "graft":
            parent[step] = copy.deepcopy(other[other_step])
        case "swap":
            one, another = copy.deepcopy(parent[step]), copy.deepcopy(other[other_step])
            parent[step], other[other_step] = another, one
        case "double" if isinstance(parent, list):
            parent.insert(random.randint(0, len(parent)), copy.deepcopy(parent[step]))
        case _ if isinstance(parent, dict):
            parent[random.choice(WORDS)] = copy.deepcopy(random.choice(VALUES))
        case _:
            parent.append(copy.deepcopy(random.choice(VALUES)))


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Each object or list in the document with each of its keys or indices."""
    steps: list[Any] = list(value) if isinstance(value, dict) else []
    if isinstance(value, list):
        steps = list(range(len(value)))
    for step in steps:
        yield value, step
        yield from _places(value[step])
