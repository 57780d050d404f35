"""The reasons of the shipped coverage rules in each language; those of an administrator stay as written."""

import json

import pytest

from tests.support.extracted_texts import CHECKOUT
from workflows.coverage.reasons import why_text
from workflows.languages.texts import LANGUAGES, SOURCE, Language, in_language

RULES = CHECKOUT / "rules"
SHIPPED = {
    rule["why"]
    for path in (RULES / "coverage.json", *(RULES / "variants").glob("*.json"))
    for rule in json.loads(path.read_text("utf-8")).get("rules", [])
}


@pytest.mark.parametrize("code", [code for code in LANGUAGES if code != SOURCE])
def test_every_shipped_reason_is_translated(code: Language) -> None:
    with in_language(code):
        assert {why for why in SHIPPED if why_text(why) == why} == set()
        assert why_text("Gold customers come first.") == "Gold customers come first."
    assert {why_text(why) for why in SHIPPED} == SHIPPED
