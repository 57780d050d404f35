"""Which cost rate holds for someone at an instant, and what time costs by it."""

from datetime import UTC, datetime

from engine.cost_rates import CostRate, cost_minor, rate_in_force


def at(month: int) -> datetime:
    return datetime(2026, month, 1, tzinfo=UTC)


RATES = [
    CostRate(None, "technician", at(1), 3_000, 0),
    CostRate("tom", None, at(3), 4_000, 1),
    CostRate(None, "technician", at(4), 5_000, 2),
    CostRate(None, "technician", at(4), 5_500, 3),
]


def test_a_persons_own_rate_comes_first_and_the_latest_holds() -> None:
    def rate(person: str, role: str, month: int) -> int | None:
        found = rate_in_force(RATES, person=person, role=role, at=at(month))
        return found.per_hour_minor if found else None

    assert rate("tom", "technician", 2) == 3_000
    assert rate("tom", "technician", 4) == 4_000
    assert rate("ann", "technician", 3) == 3_000
    assert rate("ann", "technician", 4) == 5_500
    assert rate("ann", "supervisor", 4) is None
    assert rate_in_force(RATES, person="ann", role="technician", at=datetime(2025, 1, 1, tzinfo=UTC)) is None


def test_time_costs_its_share_of_an_hour_rounded_half_up() -> None:
    assert [cost_minor(minutes, 3_001) for minutes in (60, 30, 0)] == [3_001, 1_501, 0]
