"""How much is measured."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Options:
    """`contracts` is the size of the large desk.

    `rounds` is how often the sides take turns, `requests` how many calls a server gets in one of them,
    `decisions` how many a replay has before it.
    """

    contracts: int = 1_000_000
    rounds: int = 11
    requests: int = 500
    decisions: int = 20_000
