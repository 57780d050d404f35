"""What an audit finds is named on the page in each language, and in English elsewhere."""

import ast
from pathlib import Path

import pytest

from web.pages.wording.ledger_audit import TEXTS, difference_record, difference_text
from workflows.languages.texts import in_language

WORKFLOWS = Path(__file__).resolve().parents[4] / "workflows"
SOURCES = [
    *sorted((WORKFLOWS / "ledger").glob("audit_*.py")),
    WORKFLOWS / "lifecycle" / "contracts" / "audit_draw_down.py",
]


def named_in(source: Path) -> set[str]:
    """The fixed texts by which a module names differences."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            place = {"Difference": 0, "fault": 0, "_fault": 1}.get(node.func.id)
            texts = node.args[place : place + 1] if place is not None else []
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            texts = [node.value] if node.targets[0].id == "what" else []
        else:
            continue
        found |= {one.value for one in texts if isinstance(one, ast.Constant) and isinstance(one.value, str)}
    return found


def test_each_difference_that_an_audit_names_is_known() -> None:
    named = set().union(*map(named_in, SOURCES))
    assert len(named) > 30
    assert named - set(TEXTS) == set()


@pytest.mark.parametrize("code", ["de", "fr"])
def test_a_difference_is_read_in_each_language(code: str) -> None:
    for text in TEXTS:
        values = {name: "17" for name in ("missing", "unit", "number") if f"%({name})s" in text}
        filled = text % values if values else text
        assert difference_text(filled) == filled
        with in_language("de" if code == "de" else "fr"):
            assert difference_text(filled) != filled
            assert all(value in difference_text(filled) for value in values.values())


def test_a_record_is_an_id_or_a_checkpoint() -> None:
    with in_language("de"):
        assert difference_record("01hx") == "01hx"
        assert difference_record("checkpoint 3") == "Prüfpunkt 3"
