"""The payment of an invoice as of an instant."""

from datetime import UTC, datetime, timedelta

import pytest

from engine.invoices import PaymentState, payment_state

OVERDUE_AT = datetime(2026, 3, 17, tzinfo=UTC)
MOMENT = timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("open_minor", "written_off_minor", "at", "expected"),
    [
        (100, 0, OVERDUE_AT - MOMENT, "unpaid"),
        (99, 0, OVERDUE_AT - MOMENT, "part_paid"),
        (99, 0, OVERDUE_AT, "overdue"),
        (0, 0, OVERDUE_AT, "paid"),
        (0, 40, OVERDUE_AT, "written_off"),
        (60, 40, OVERDUE_AT, "overdue"),
    ],
)
def test_the_payment(open_minor: int, written_off_minor: int, at: datetime, expected: PaymentState) -> None:
    found = payment_state(100, open_minor, OVERDUE_AT, at, written_off_minor=written_off_minor)
    assert found == expected
