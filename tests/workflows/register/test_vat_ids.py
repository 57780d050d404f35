"""VAT ids are checked by the rules of their country, which outside of the EU know them without its code."""

import pytest

from workflows.commands.tax_ids import checked_vat_id


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("FR 40 303 265 045", "FR40303265045"),
        ("EL094259216", "EL094259216"),
        ("GR094259216", "GR094259216"),
        ("XI980780684", "XI980780684"),
        ("CHE-107.787.577", "CHE107787577"),
        ("CHE-107.787.577 TVA", "CHE107787577TVA"),
        ("NO 995 525 828 MVA", "NO995525828MVA"),
        ("BR 11.222.333/0001-81", "BR11222333000181"),
        ("IN27AAPFU0939F1ZV", "IN27AAPFU0939F1ZV"),
        ("AU 51 824 753 556", "AU51824753556"),
        ("US 123", "US123"),
        ("", ""),
    ],
)
def test_a_right_one_is_stored_without_blanks(typed: str, stored: str) -> None:
    assert checked_vat_id(typed) == stored


@pytest.mark.parametrize(
    "typed",
    [
        "FR40303265046", "FRFR40303265045", "EL094259217", "XI980780685", "CHE-107.787.578", "NO995525829MVA",
        "BR11222333000182", "IN27AAPFU0939F1ZA", "AU51824753557", "DEDE136695976",
    ],
)  # fmt: skip
def test_wrong_digits_are_refused(typed: str) -> None:
    with pytest.raises(ValueError, match=f"This is not a valid VAT id of {typed[:2]}"):
        checked_vat_id(typed)


@pytest.mark.parametrize("typed", ["303265045", "EU372022452", "xx"])
def test_one_without_a_country_is_refused(typed: str) -> None:
    with pytest.raises(ValueError, match="begins with the code of its country"):
        checked_vat_id(typed)
