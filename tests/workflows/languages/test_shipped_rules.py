"""The labels of the shipped rule files in each language; those of an administrator stay as written."""

import json

from tests.support.api import ApiClients
from tests.support.extracted_texts import CHECKOUT
from tests.support.sample_desk import SampleDesk
from workflows.contracts.queries import contract_types, read_contract
from workflows.languages.shipped_rules import SHIPPED_TEXTS, rule_file_text
from workflows.languages.texts import in_language

RULES = CHECKOUT / "rules"
TYPES = [json.loads(path.read_text("utf-8")) for path in (RULES / "contract_types").glob("*.json")]
CALENDARS = json.loads((RULES / "calendars.json").read_text("utf-8"))["calendars"]


def test_the_texts_are_those_of_the_files() -> None:
    """Each has a translation, as any text of the product."""
    labels = {one["label"] for one in (*TYPES, *CALENDARS)}
    assert labels | {one["description"] for one in TYPES} == SHIPPED_TEXTS


def test_a_label_is_in_the_language_of_the_reader_and_raw_in_the_api(sample: SampleDesk) -> None:
    contract = sample.sell("support_hours", minutes=60)
    with in_language("de"):
        assert sample.see(read_contract, contract).type_label == "Supportstunden"
        assert "Pro Anfrage" in {one.label for one in sample.see(contract_types)}
        assert rule_file_text("Support hours, gold") == "Support hours, gold"
    api = ApiClients(sample).supervisor
    assert api.get(f"/contracts/{contract}", **{"Accept-Language": "de"}).get_json()["type_label"] == (
        "Support hours"
    )
