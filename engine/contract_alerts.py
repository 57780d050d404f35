"""Alerts about contracts: how much is used, how soon one ends, and when it is likely to be used up.

Source: product.md sections 3 and 11.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Literal, get_args

ContractAlertKind = Literal["threshold", "expiring", "exhaustion"]

CONTRACT_ALERT_KINDS: tuple[ContractAlertKind, ...] = get_args(ContractAlertKind)

NOTHING_CROSSED = 0


def used_percent(purchased: int, available: int) -> int:
    """How much of what can be drawn now is used or held, in whole percent rounded down; 0 of nothing.

    Units: whole minutes, incidents or minor units of money.
    """
    return (purchased - available) * 100 // purchased if purchased > 0 else 0


def thresholds_crossed(thresholds: Iterable[int], percent: int) -> list[int]:
    """The thresholds, in percent, that so much use has reached, lowest first."""
    return sorted(one for one in thresholds if one <= percent)


def left_at(purchased: int, threshold: int) -> int:
    """The most that can be left when a threshold, in percent, is reached: `used_percent` agrees."""
    return purchased - -(-purchased * threshold // 100)


def days_ahead(expires_at: datetime, days: Sequence[int], at: datetime) -> list[int]:
    """Which of these days before the end of a contract have come by `at`, the nearest to the end first.

    A day is 24 hours. None once the contract has ended. Instants are aware UTC.
    """
    if expires_at <= at:
        return []
    return sorted(one for one in set(days) if expires_at - timedelta(days=one) <= at)
