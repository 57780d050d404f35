"""What the desk asks of a provider of online payments: a page on which to pay, and signed notices.

Amounts are minor units as ISO 4217 has them. `billing/payment_links/` has the implementation.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from engine.errors import DeskError


class NoticeRefused(DeskError):
    """A notice whose signature is wrong or too old, or that cannot be read: nothing is done."""

    code = "notice-refused"


class ProviderUnavailable(DeskError):
    """The provider of payments cannot be reached, or refused the call."""

    code = "payment-provider-unavailable"


@dataclass(frozen=True, slots=True)
class CheckoutRequest:
    """What is to be paid; `link_id` makes the same request again return the same page."""

    link_id: str
    amount_minor: int
    currency: str
    description: str
    email: str | None
    language: str
    success_url: str
    cancel_url: str


@dataclass(frozen=True, slots=True)
class Checkout:
    """A page on which to pay: its session at the provider, its address, and until when (aware UTC)."""

    session_id: str
    url: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class PaymentNotice:
    """What a provider says about a session: `link_id` is what the request gave, `payer` a name or address."""

    event_id: str
    kind: Literal["paid", "expired"]
    session_id: str
    link_id: str | None
    amount_minor: int
    currency: str
    reference: str
    payer: str


class PaymentProvider(Protocol):
    """A provider of online payments. `name` is stored with each link, and is part of the notices' address."""

    name: str

    def check(self, amount_minor: int, currency: str) -> None:
        """Check that it takes such an amount. Raises: StateForbids."""

    def create_checkout(self, request: CheckoutRequest) -> Checkout:
        """Make a page on which to pay. Raises: ProviderUnavailable."""

    def read_notice(self, body: bytes, signature: str) -> PaymentNotice | None:
        """What a notice says; None for one that does not matter here. Raises: NoticeRefused."""
