"""Mapping files: what is accepted, and the problems reported for a wrong one, each with its place."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.support.exports import mapped
from workflows.importing.mapping import (
    OPTIONAL,
    OPTIONAL_COLUMNS,
    REQUIRED,
    REQUIRED_COLUMNS,
    MappingRefused,
    Meaning,
    NamedUnit,
    ValueSource,
    read_mapping,
)

MAPPINGS = Path(__file__).resolve().parents[3] / "mappings"
SCHEMA = json.loads((MAPPINGS / "schema" / "mapping.schema.json").read_text())


def read(value: Any) -> Any:
    return read_mapping("m.json", json.dumps(value, indent=1).encode())


def problems(raw: bytes) -> list[str]:
    with pytest.raises(MappingRefused) as refused:
        read_mapping("m.json", raw)
    return [str(problem) for problem in refused.value.problems]


def wrong(**changes: Any) -> str:
    """The problems of the mapping with these changes, one per line."""
    return "\n".join(problems(json.dumps(mapped(**changes)).encode()))


@pytest.mark.parametrize("path", sorted(MAPPINGS.glob("*.json")), ids=lambda path: path.stem)
def test_shipped_mappings_are_valid(path: Path) -> None:
    read_mapping(path.name, path.read_bytes())
    jsonschema.validate(json.loads(path.read_text()), SCHEMA)


def test_the_schema_has_the_keys_that_are_read() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert set(SCHEMA["properties"]) == {*REQUIRED, *OPTIONAL}
    assert set(SCHEMA["required"]) == set(REQUIRED)
    columns = SCHEMA["properties"]["columns"]
    assert set(columns["properties"]) == {*REQUIRED_COLUMNS, *OPTIONAL_COLUMNS}
    assert set(columns["required"]) == set(REQUIRED_COLUMNS)


def test_the_mapping_in_the_readme_is_valid() -> None:
    text = (MAPPINGS / "README.md").read_text()
    shown = text.partition("```json\n")[2].partition("```")[0]
    read_mapping("README.md", shown.encode())
    jsonschema.validate(json.loads(shown), SCHEMA)
    for key in (*REQUIRED, *OPTIONAL, *REQUIRED_COLUMNS, *OPTIONAL_COLUMNS):
        assert f"`{key}`" in text or key == "$schema", key


def test_the_values_of_a_mapping() -> None:
    made = read(
        mapped(
            encoding="UTF8",
            separator="tab",
            quote=None,
            date_form=["iso", "%d.%m.%Y"],
            time_zone="Europe/Berlin",
            states={"Stopped": {"state": "hold", "reason": "scheduled", "why": "A word"}, "Gone": "cancel"},
            columns={"subject": ["title", {"text": "{a  b} of {c}"}]},
            email_domain="Desk.Example",
        )
    )
    assert (made.encoding, made.separator, made.quote) == ("utf-8-sig", "\t", None)
    assert made.date_forms == ("iso", "%d.%m.%Y")
    assert made.zone is not None
    assert made.zone.key == "Europe/Berlin"
    assert made.states["Stopped"] == Meaning("on_hold", "scheduled")
    assert made.states["Gone"] == Meaning("cancelled")
    assert made.states["Commented"] is None
    assert made.columns["subject"] == (ValueSource(("title",)), ValueSource(("a b", "c"), "{a  b} of {c}"))
    assert made.email_domain == "desk.example"
    assert made.item_owner == NamedUnit("OLD", "OLD")


def test_optional_keys_have_defaults() -> None:
    made = read(
        {
            "source": "Old desk",
            "columns": {"number": "a", "state": "b", "changed_at": "c", "customer": "d"},
            "states": {"x": "open"},
        }
    )
    assert (made.separator, made.quote, made.date_forms, made.zone) == (",", '"', ("iso",), None)
    assert made.email_domain == "old.desk.example"
    assert made.priorities["high"] == "high"
    assert made.item_owner == "org_unit"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"seperator": ";"}, '"seperator" is not a known key. Did you mean "separator"?'),
        ({"columns": {"numbr": "x"}}, '"numbr" is not a known key. Did you mean "number"?'),
        ({"columns": {"customer": ...}}, '"customer" is missing. Add it.'),
        ({"columns": {"customer": 5}}, "Write a column's name"),
        ({"columns": {"customer": []}}, "The list is empty."),
        ({"columns": {"customer": {"txt": "x"}}}, "is not a known key"),
        ({"columns": {"customer": {"text": "{}"}}}, "A column's name is missing between { and }."),
        ({"states": {"Lost": "opened"}}, '"opened" is not a valid state or trigger. Did you mean "open"?'),
        ({"states": {"Lost": "pending_no_contract"}}, "is not a valid state or trigger"),
        ({"states": {"Lost": "on_hold"}}, "A hold needs a reason, one of customer, supplier, scheduled."),
        ({"states": {"Lost": {"state": "on_hold", "reason": "rain"}}}, "A hold needs a reason"),
        ({"states": {"Lost": {"state": "open", "reason": "customer"}}}, '"open" cannot have a reason.'),
        ({"priorities": {"1": "urgent"}}, '"urgent" is not a valid priority.'),
        ({"encoding": "utf-9"}, '"utf-9" is not a text encoding.'),
        ({"encoding": "base64"}, '"base64" is not a text encoding.'),
        ({"separator": "::"}, '"::" is not a separator.'),
        ({"separator": '"'}, "is not a separator."),
        ({"quote": "''"}, "is not a quotation mark."),
        ({"date_form": "%d-%m"}, '"%d-%m" has no day.'),
        ({"date_form": "DD.MM.YYYY"}, '"DD.MM.YYYY" has no day.'),
        ({"date_form": []}, "The list is empty."),
        ({"time_zone": "Berlin"}, "There is no time zone 'Berlin'."),
        ({"email_domain": "nowhere"}, '"nowhere" cannot be the domain of an email address.'),
        ({"email_domain": "desk.invalid"}, '"desk.invalid" cannot be the domain of an email address.'),
        ({"item_owner": "org_units"}, '"org_units" is not an owner. Did you mean "org_unit"?'),
        ({"org_units_under": {"name": "x"}}, '"code" is missing.'),
        ({"nonexistent_times": "skip"}, "is not a valid way to read such times."),
        ({"source": ""}, "The text is empty."),
        ({"missing": "?"}, "Write a list of texts"),
    ],
)
def test_problems_name_what_is_wrong(changes: dict[str, Any], message: str) -> None:
    assert message in wrong(**changes)


def test_all_problems_are_reported_at_once_with_their_places() -> None:
    raw = b'{\n "source": "x",\n "colums": {},\n "columns": {"number": 1},\n "states": {}\n}'
    found = problems(raw)
    assert found[0].startswith("m.json:3:2: error: ")
    assert any(one.startswith("m.json:4:13: error: ") for one in found)
    assert any(one.startswith("m.json:5:12: error: No state is mapped.") for one in found)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"", "m.json:1:1: error: The file ends where a value is expected."),
        (b"{", "m.json:1:2: error: The file ends too early."),
        (b"[]", "m.json:1:1: error: Found a list. Write an object"),
        (b'{"source": "\xff"}', "m.json:1:1: error: Byte 0xFF is not UTF-8."),
        (b'{"source": "a", "source": "b", "columns": {}, "states": {}}', "appears twice"),
        (b"{}", '"source" is missing.'),
        (b" " * 1_048_577, "a mapping has at most 1,048,576"),
    ],
)
def test_a_file_that_is_not_a_mapping(raw: bytes, message: str) -> None:
    assert any(message in one for one in problems(raw))
