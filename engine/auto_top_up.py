"""Top-ups that a contract makes by itself when little is left, and how many of them a month may have.

    below 60, 300 minutes each, issue, at most one a month
    70 left -> nothing;  60 left -> issued;  60 left again in the same month -> capped

Source: product.md section 5 (top up).
"""

from dataclasses import dataclass
from typing import Literal, get_args

AutoTopUpMode = Literal["warn", "draft", "issue"]
"""Only warn; prepare a top-up that a person confirms; or add the grant at once."""
AUTO_TOP_UP_MODES: tuple[AutoTopUpMode, ...] = get_args(AutoTopUpMode)
AutoTopUpState = Literal["warned", "capped", "draft", "issued", "declined"]
AUTO_TOP_UP_STATES: tuple[AutoTopUpState, ...] = get_args(AutoTopUpState)
COUNTED_STATES: tuple[AutoTopUpState, ...] = ("draft", "issued")
"""The states that count toward the most that a month may have."""


@dataclass(frozen=True, slots=True)
class AutoTopUpTerms:
    """What happens when no more than `below` is left: `quantity` is added, as `mode` says.

    Both are whole minutes or incidents; the price is in minor units. A month of the contract's time zone has
    at most `most_per_month` top-ups. Only a warning may have no quantity, as it adds nothing.
    """

    mode: AutoTopUpMode
    below: int
    quantity: int | None
    price_minor: int | None = None
    most_per_month: int = 1

    def is_low(self, available: int) -> bool:
        """Whether so little is left that something happens."""
        return available <= self.below

    def outcome(self, made_this_month: int) -> AutoTopUpState:
        """What happens, where the month has so many top-ups already."""
        if self.mode == "warn":
            return "warned"
        if made_this_month >= self.most_per_month:
            return "capped"
        return "draft" if self.mode == "draft" else "issued"
