"""What an automatic top-up does at, just above and below its threshold, and at the limit of a month."""

import pytest

from engine.auto_top_up import AutoTopUpMode, AutoTopUpState, AutoTopUpTerms


@pytest.mark.parametrize(("available", "expected"), [(61, False), (60, True), (59, True), (0, True)])
def test_a_contract_is_low_at_its_threshold(available: int, expected: bool) -> None:
    assert AutoTopUpTerms("issue", below=60, quantity=300).is_low(available) is expected


@pytest.mark.parametrize(
    ("mode", "made", "expected"),
    [
        ("warn", 0, "warned"),
        ("warn", 9, "warned"),
        ("draft", 0, "draft"),
        ("draft", 1, "draft"),
        ("draft", 2, "capped"),
        ("issue", 1, "issued"),
        ("issue", 2, "capped"),
        ("issue", 3, "capped"),
    ],
)
def test_a_month_has_no_more_than_its_limit(mode: AutoTopUpMode, made: int, expected: AutoTopUpState) -> None:
    assert AutoTopUpTerms(mode, below=60, quantity=300, most_per_month=2).outcome(made) == expected
