"""Quotes: the state of a version as of any instant, and what may be done with it.

A version is a draft until it is sent. Then it never changes, and it ends once: it is accepted, declined,
superseded by the next version that is sent, or it lapses after its last day. Instants are aware UTC.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

QuoteState = Literal["draft", "sent", "accepted", "declined", "superseded", "lapsed"]
QUOTE_STATES: tuple[QuoteState, ...] = ("draft", "sent", "accepted", "declined", "superseded", "lapsed")
Decision = Literal["accepted", "declined"]
DECISIONS: tuple[Decision, ...] = ("accepted", "declined")
Way = Literal["portal", "link", "staff"]
WAYS: tuple[Way, ...] = ("portal", "link", "staff")
"""How a decision came in: by a customer who was logged in, by the link in the mail, or recorded by staff."""
QuoteLineKind = Literal["contract", "item"]
QUOTE_LINE_KINDS: tuple[QuoteLineKind, ...] = ("contract", "item")


@dataclass(frozen=True, slots=True)
class QuoteTimes:
    """When a version was sent, and when it ended; `lapses_at` is the first instant after its last day."""

    sent_at: datetime | None
    lapses_at: datetime | None = None
    superseded_at: datetime | None = None
    decision: Decision | None = None
    decided_at: datetime | None = None

    def state_as_of(self, at: datetime) -> QuoteState:
        """The state as of an instant, whether or not a job has recorded that it lapsed.

        A decision at the very instant of the lapse comes too late.
        """
        if self.sent_at is None or at < self.sent_at:
            return "draft"
        ends: list[tuple[datetime, QuoteState]] = []
        if self.lapses_at is not None:
            ends.append((self.lapses_at, "lapsed"))
        if self.decided_at is not None and self.decision is not None:
            ends.append((self.decided_at, self.decision))
        if self.superseded_at is not None:
            ends.append((self.superseded_at, "superseded"))
        over = [one for one in ends if one[0] <= at]
        # the first that came; what is listed first wins at the same instant
        return min(over, key=lambda one: one[0])[1] if over else "sent"
