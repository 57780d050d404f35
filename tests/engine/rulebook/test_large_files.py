"""Rule files that are large, deep or full of mistakes take time in proportion to their size, or are left."""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from engine.rulebook import check_rule_set
from engine.rulebook.syntax.problems import MAX_PROBLEMS_PER_FILE
from tests.rules.files import shipped_files, with_text
from tests.support.growth import require_linear

SIZE = 60_000
CHARACTERS = ",[{\"'#/:-0\\ \n\ta]}é\x00.+*"
SHIPPED = json.loads(shipped_files()["coverage.json"])
RULE = SHIPPED["rules"][0]


def coverage(**changes: Any) -> str:
    return json.dumps({**SHIPPED, **changes})


def many_contracts(size: int) -> str:
    contract = {"contract_holder": "customer", "contract_standing": "valid"}
    contracts = [{"id": f"c{number}", **contract} for number in range(size // 75)]
    example = {"name": "many", "facts": {}, "contracts": contracts}
    return coverage(examples=[{**example, "decision": {"outcome": "covered", "rule": None}}])


def many_conditions(size: int) -> str:
    asked = [
        {"name": "customer", "operator": "equal_to", "value": f"c{number}"} for number in range(size // 70)
    ]
    return coverage(rules=[{**RULE, "conditions": {"any": asked}}])


SHAPES: dict[str, Callable[[int], str]] = {
    "unknown keys": lambda n: "{" + ",".join(f'"k{number}":1' for number in range(n // 12)) + "}",
    "one key again and again": lambda n: "{" + '"a":1,' * (n // 6) + "}",
    "empty rules": lambda n: coverage(rules=[{}] * (n // 4)),
    "one rule again and again": lambda n: coverage(rules=[RULE] * (n // 300)),
    "many rules": lambda n: coverage(rules=[{**RULE, "id": f"r{number}"} for number in range(n // 300)]),
    "many conditions": many_conditions,
    "many contracts in an example": many_contracts,
    "one example again and again": lambda n: coverage(examples=[SHIPPED["examples"][0]] * (n // 300)),
    "a long number": lambda n: '{"rules":' + "1" * n + "}",
    "a long fraction": lambda n: '{"rules":0.' + "1" * n + "}",
    "a long text": lambda n: '{"name":"' + "x" * n + '"}',
    "escapes": lambda n: '{"name":"' + "\\n" * (n // 2) + '"}',
    "bad escapes": lambda n: '{"name":"' + "\\q" * (n // 2) + '"}',
    "comments": lambda n: "/**/" * (n // 4),
    "open comments": lambda n: "/*" * (n // 2),
    "missing commas": lambda n: "[" + "1 " * (n // 2) + "]",
    "words": lambda n: "[" + "nan," * (n // 4) + "]",
    "deep objects": lambda n: '{"a":' * (n // 5),
    "empty lists": lambda n: '{"rules":[' + "[]," * (n // 3) + "1]}",
    "one rank again and again": lambda n: coverage(rank=["first_to_end"] * (n // 16)),
}


def check(text: str) -> None:
    found = [one for one in check_rule_set(with_text("coverage.json", text)) if one.file == "coverage.json"]
    assert len(found) <= MAX_PROBLEMS_PER_FILE + 1


@pytest.mark.parametrize("shape", SHAPES)
def test_time_grows_with_the_size(shape: str) -> None:
    require_linear(check, SHAPES[shape], SIZE)


@pytest.mark.parametrize("character", CHARACTERS)
def test_one_character_again_and_again_is_left_at_the_limit(character: str) -> None:
    """Twice as many take no longer: reading stops at the first error that ends it, or at the limit."""
    seconds = []
    for size in (SIZE, 2 * SIZE):
        started = time.process_time()
        check(character * size)
        seconds.append(time.process_time() - started)
    assert seconds[1] < 1.5 * seconds[0] + 0.1
