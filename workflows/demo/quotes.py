"""The quotes of the demonstration: one in each state."""

from datetime import timedelta
from typing import Any

from engine.quotes import Decision
from workflows.commands.contracts import HolderGiven, NewContract
from workflows.commands.fields import MoneyGiven
from workflows.commands.quotes import ChangeQuote, DecideQuote, NewQuote, QuoteLineGiven
from workflows.core.transaction import Transaction
from workflows.demo.contracts import own_items
from workflows.demo.people import LOGIN_CUSTOMERS
from workflows.demo.timeline import Timeline
from workflows.selling.quote_decisions import decide_quote
from workflows.selling.quotes import change_quote, create_quote, send_quote

ADDRESS = "192.0.2.10"
VALID_DAYS = 21
OTHER = "Edda Halden"


def plan_quotes(timeline: Timeline) -> None:
    """Plan quotes: open, accepted, declined, lapsed, superseded by a second version, and a draft."""
    login = LOGIN_CUSTOMERS[0]
    _quote(timeline, "open", 2, login, "Support next year", 118_000, 0)
    _quote(timeline, "accepted", 20, login, "Support for the new camera", 48_000, 1)
    _decide(timeline, "accepted", 18, login, "accepted")
    _quote(timeline, "declined", 15, OTHER, "Support for the plotter", 69_000, 2)
    _decide(timeline, "declined", 12, OTHER, "declined")
    _quote(timeline, "lapsed", 50, OTHER, "Support at weekends", 240_000, 3)
    _quote(timeline, "changed", 9, login, "Support of the scanner", 90_000, 4)
    change = ChangeQuote(subject="Support of the scanner, with travel", lines=_lines(timeline, 82_000, 4))
    timeline.plan(
        timeline.at(6, 10), "supervisor", lambda tx: change_quote(tx, timeline.ids["quote:changed"], change)
    )
    _send(timeline, "changed", 6)
    _quote(timeline, "draft", 1, OTHER, "Moving the office", 150_000, 5, is_sent=False)


def _quote(
    timeline: Timeline,
    key: str,
    days_ago: int,
    person: str,
    subject: str,
    price_minor: int,
    place: int,
    *,
    is_sent: bool = True,
) -> None:
    def do(tx: Transaction) -> None:
        command = NewQuote(
            customer=timeline.ids[f"person:{person}"],
            subject=subject,
            note="As discussed on the phone. Prices are for one year.",
            last_on=timeline.day(days_ago) + timedelta(days=VALID_DAYS),
            lines=_lines(timeline, price_minor, place),
        )
        timeline.ids[f"quote:{key}"] = create_quote(tx, command)

    timeline.plan(timeline.at(days_ago, 9), "supervisor", do)
    if is_sent:
        _send(timeline, key, days_ago)


def _lines(timeline: Timeline, price_minor: int, place: int) -> Any:
    """A subscription for an item that nothing else is about, and a visit."""
    holder = HolderGiven(item=timeline.ids[f"item:{own_items()[place * 7 + 3].number}"])
    contract = NewContract(type="subscription", holder=holder)
    return [
        QuoteLineGiven(
            contract=contract, unit_price=MoneyGiven(amount_minor=price_minor), discount_percent="5"
        ),
        QuoteLineGiven(
            description="Visit to set it up",
            quantity="2.5",
            unit="hour",
            unit_price=MoneyGiven(amount_minor=9_500),
        ),
    ]


def _send(timeline: Timeline, key: str, days_ago: int) -> None:
    timeline.plan(
        timeline.at(days_ago, 11), "supervisor", lambda tx: send_quote(tx, timeline.ids[f"quote:{key}"])
    )


def _decide(timeline: Timeline, key: str, days_ago: int, person: str, decision: Decision) -> None:
    command = DecideQuote(comment="Thank you." if decision == "accepted" else "We found another way.")
    timeline.plan(
        timeline.at(days_ago, 14),
        f"customer:{person}",
        lambda tx: decide_quote(tx, timeline.ids[f"quote:{key}"], command, decision, ADDRESS),
    )
