"""Quotes as they are shown: money in minor units of the quote's currency."""

from datetime import date, datetime
from typing import Any

from engine.quotes import Decision, QuoteLineKind, QuoteState, Way
from workflows.views import MoneyView
from workflows.views.base import View, view


@view
class QuoteLineView(View):
    """A line: quantity × unit price, less the discount. Quantities and percentages are decimal texts.

    `contract_terms` are those of the contract that an acceptance makes, `contract` is the one that was made.
    """

    id: str
    kind: QuoteLineKind
    description: str
    quantity: str
    unit: str
    unit_price: MoneyView
    discount_percent: str | None
    net: MoneyView
    tax_rate: str
    tax_percent: str
    product: str | None
    contract_terms: dict[str, Any] | None
    contract: str | None
    contract_number: str | None


@view
class QuoteTaxView(View):
    """The base and the tax of one rate; `reason` says why nothing is charged, where so."""

    percent: str
    base: MoneyView
    tax: MoneyView
    reason: str


@view
class QuoteDecisionView(View):
    """Who accepted or declined a version, when, how, and by which text.

    `address` is the network address, `recipient` the mail address of the link: only staff see them.
    """

    decision: Decision
    decided_at: datetime
    way: Way
    name: str
    recorded_by: str
    statement: str
    comment: str | None
    recipient: str | None
    address: str | None


@view
class QuoteVersionView(View):
    """A version of a quote; `last_on` is the last day on which it can be accepted."""

    number: int
    state: QuoteState
    subject: str
    note: str
    last_on: date
    lapses_at: datetime | None
    lines: list[QuoteLineView]
    taxes: list[QuoteTaxView]
    net: MoneyView
    tax: MoneyView
    total: MoneyView
    created_at: datetime
    created_by: str
    sent_at: datetime | None
    sent_to: str | None
    decision: QuoteDecisionView | None


@view
class QuoteRow(View):
    """A quote in a list, with what its latest version says; for customers the latest that was sent."""

    id: str
    number: str
    customer: str | None
    org_unit: str | None
    party_name: str
    state: QuoteState
    latest: int
    subject: str
    total: MoneyView
    last_on: date
    sent_at: datetime | None
    created_at: datetime
    created_by: str
    version: int


@view
class QuoteView(QuoteRow):
    """One quote with its versions, the latest first; `allowed_actions` are those of the caller now.

    `invoice` is the id of the draft that the acceptance made, for staff only.
    """

    versions: list[QuoteVersionView]
    invoice: str | None
    allowed_actions: list[str]
