"""API routes of quotes."""

from flask import request

from engine.quotes import QuoteState
from web.api.queries import ListQuery, Text
from web.api.routing import RouteGroup
from workflows.commands.quotes import ChangeQuote, DecideQuote, NewQuote, SendQuote
from workflows.core.actors import Actor
from workflows.core.desk import Desk
from workflows.core.transaction import Transaction
from workflows.reports.impact_preview import preview_impact
from workflows.selling import quote_decisions, quote_queries
from workflows.selling import quotes as use_cases
from workflows.views import Page
from workflows.views.effects import Effects
from workflows.views.quotes import QuoteRow, QuoteView

quotes = RouteGroup("Quotes")


class QuoteQuery(ListQuery):
    """Filters of quotes. `q` searches number, subject and party; `state` is that of the latest version."""

    q: Text | None = None
    customer: Text | None = None
    org_unit: Text | None = None
    number: Text | None = None
    state: QuoteState | None = None


@quotes.post("/quotes", status=201)
def create_quote(tx: Transaction, command: NewQuote) -> QuoteView:
    """Write the draft of a quote. For administrators, finance and supervisors."""
    return quote_queries.read_quote(tx, use_cases.create_quote(tx, command))


@quotes.get("/quotes")
def list_quotes(tx: Transaction, query: QuoteQuery) -> Page[QuoteRow]:
    """List quotes, newest first: all for those who sell, and for customers their own, once sent."""
    return quote_queries.list_quotes(tx, **query.given())


@quotes.get("/quotes/{quote}")
def read_quote(tx: Transaction, quote: str) -> QuoteView:
    """Return one quote with its versions, and what was decided about each."""
    return quote_queries.read_quote(tx, quote)


@quotes.patch("/quotes/{quote}")
def change_quote(
    tx: Transaction, quote: str, command: ChangeQuote, expected_version: int | None
) -> QuoteView:
    """Change a draft. A version that was sent never changes: its change makes the next version."""
    use_cases.change_quote(tx, quote, command, expected_version)
    return quote_queries.read_quote(tx, quote)


@quotes.post("/quotes/{quote}/send")
def send_quote(tx: Transaction, quote: str, command: SendQuote, expected_version: int | None) -> QuoteView:
    """Send the latest version by mail, with a link that decides once. An earlier version is superseded."""
    return quote_queries.read_quote(tx, use_cases.send_quote(tx, quote, command, expected_version))


@quotes.post("/quotes/{quote}/accept")
def accept_quote(tx: Transaction, quote: str, command: DecideQuote) -> QuoteView:
    """Accept a version: its contracts are made in the same transaction, once.

    By its customer, or by those who sell for what a customer said.
    """
    decide = quote_decisions.decide_quote
    return quote_queries.read_quote(tx, decide(tx, quote, command, "accepted", request.remote_addr or ""))


@quotes.post("/quotes/{quote}/accept/preview")
def preview_acceptance(desk: Desk, actor: Actor, quote: str, command: DecideQuote) -> Effects:
    """Return the contracts that an acceptance would make, and the requests that these would open.

    Nothing is saved.
    """
    decide = quote_decisions.decide_quote
    return preview_impact(desk, actor, lambda tx: decide(tx, quote, command, "accepted", ""))


@quotes.post("/quotes/{quote}/decline")
def decline_quote(tx: Transaction, quote: str, command: DecideQuote) -> QuoteView:
    """Decline a version."""
    decide = quote_decisions.decide_quote
    return quote_queries.read_quote(tx, decide(tx, quote, command, "declined", request.remote_addr or ""))
