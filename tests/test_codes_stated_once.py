"""States, outcomes, roles and other codes are listed in one place each; the rest of the code refers to it."""

import ast
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from engine import (
    contract_alerts,
    contracts,
    facts,
    payers,
    quantities,
    roles,
    service_requests,
    sla,
    sla_alerts,
)
from engine.rulebook import OUTCOME_OF_ACTION
from web.pages.wording import alerts, labels
from workflows.core import actors

ROOT = Path(__file__).resolve().parent.parent
DEFINED_IN = (contract_alerts, contracts, payers, facts, quantities, roles, service_requests, sla, actors)
PACKAGES = ("engine", "workflows", "web")
SHORTEST = 3
"""Two codes side by side may mean a thing of their own."""


Codes = tuple[str, ...]
"""Codes in the order of the alphabet, so that two lists of the same ones compare equal."""


def listed(module: ModuleType) -> dict[Codes, str]:
    """The lists of codes that a module defines, with their names."""
    found: dict[Codes, str] = {}
    for name, value in vars(module).items():
        if name.isupper() and isinstance(value, tuple) and all(isinstance(one, str) for one in value):
            found.setdefault(tuple(sorted(value)), name)
    return found


KNOWN = {
    codes: name for module in DEFINED_IN for codes, name in listed(module).items() if len(codes) >= SHORTEST
}
AT_HOME = {Path(str(module.__file__)).relative_to(ROOT).as_posix() for module in DEFINED_IN}


def displays(tree: ast.AST) -> Iterator[tuple[int, Codes]]:
    """Every tuple, list and set that is written out with texts alone, with its line."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Tuple | ast.List | ast.Set):
            values = [one.value for one in node.elts if isinstance(one, ast.Constant)]
            if len(values) == len(node.elts) and all(isinstance(value, str) for value in values):
                yield node.lineno, tuple(sorted(str(value) for value in values))


def test_no_list_of_codes_is_written_out_again() -> None:
    again = []
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            place = path.relative_to(ROOT).as_posix()
            if place in AT_HOME or "/migrations/" in place:
                continue
            for line, codes in displays(ast.parse(path.read_text(encoding="utf-8"))):
                if codes in KNOWN:
                    again.append(f"{place}:{line} is {KNOWN[codes]}")
    assert again == []


@pytest.mark.parametrize(
    ("words", "codes"),
    [
        (labels.REQUEST_STATES, service_requests.STATES),
        (labels.OUTCOMES, service_requests.OUTCOMES),
        (labels.PRIORITIES, service_requests.PRIORITIES),
        (labels.HOLD_REASONS, service_requests.HOLD_REASONS),
        (labels.CONTRACT_STATES, contracts.CONTRACT_STATES),
        (labels.PENDING_REASONS, contracts.PENDING_REASONS),
        (labels.HOLDER_KINDS, contracts.HOLDER_KINDS),
        (labels.TIME_EXPIRED, contracts.TIME_EXPIRED),
        (labels.STANDINGS, facts.STANDINGS),
        (labels.ALLOCATIONS, payers.ALLOCATION_KINDS),
        (alerts.ALERT_KINDS, (*sla_alerts.SLA_ALERT_KINDS, *contract_alerts.CONTRACT_ALERT_KINDS)),
        (labels.ROLES, (*roles.USER_ROLES, "system")),
    ],
)
def test_each_code_has_its_words_in_the_order_of_the_codes(
    words: dict[str, object], codes: tuple[str, ...]
) -> None:
    assert tuple(words) == codes


def test_groups_of_codes_divide_the_whole() -> None:
    s = service_requests
    assert sorted(s.UNFINISHED_STATES + s.FINISHED_STATES) == sorted(s.STATES)
    assert sorted(s.NOT_ENDED_STATES + s.ENDED_STATES) == sorted(s.STATES)
    assert set(s.WORK_STATES) == set(s.NOT_ENDED_STATES) - {"pending_no_contract"}
    assert set(s.REOPENABLE_STATES) == set(s.FINISHED_STATES) - {"cancelled"}
    assert sorted(s.WAITING_OUTCOMES + s.OPENING_OUTCOMES) == sorted(s.OUTCOMES)
    assert sorted(OUTCOME_OF_ACTION.values()) == sorted(s.OUTCOMES)
    assert set(payers.REST_KIND) == set(contracts.TIME_EXPIRED)
    for group in (actors.STAFF, actors.DESK, actors.OFFICE, actors.SUPERVISORS):
        assert set(group) <= set(roles.USER_ROLES) - {"customer"}
