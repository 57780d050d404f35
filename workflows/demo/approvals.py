"""Asking before more is spent: a contract that asks, and approvals that wait, are used, and were declined.

The customer of the logins is asked, so that each role has something to look at.
"""

from datetime import datetime

from engine.approvals import ApprovalAnswer
from workflows.commands.approvals import AnswerApproval, AskApproval
from workflows.commands.contracts import NotToExceedGiven
from workflows.commands.fields import RateGiven
from workflows.core.transaction import Transaction
from workflows.demo.actions import fire, log, sell, work
from workflows.demo.contracts import OVERAGE_RATE_MINOR
from workflows.demo.people import LOGIN_CUSTOMERS, Thing
from workflows.demo.timeline import Timeline
from workflows.work.overage_approvals import answer_approval, ask_approval

CUSTOMER = LOGIN_CUSTOMERS[0]
ITEM = Thing("LIND-ARC-01", "Invoice archive", "application", "LIND-BER")
"""Work on it is not to exceed two hours in all. Its subscription is never used up, so no other pays."""
LIMIT_MINUTES = 120


def plan_approvals(timeline: Timeline) -> None:
    """Plan the contract, four requests about its item, and what the customer is asked and answers."""
    sell(
        timeline,
        "asks-first",
        "subscription",
        f"item:{ITEM.number}",
        timeline.at(12, 10),
        price=240,
        overage_rate=RateGiven(amount_minor=OVERAGE_RATE_MINOR),
        overage="ask",
        not_to_exceed=NotToExceedGiven(per="contract", minutes=LIMIT_MINUTES),
    )
    _begin(timeline, "approved", timeline.at(9, 9), "Move the archive to the new server")
    work(timeline, "approval-approved", timeline.at(9, 12), "technician", 100, "Copied the first half")
    _ask(timeline, "approved", timeline.at(9, 13), 120, "The second half has twice as many documents.")
    _answer(timeline, "approved", timeline.at(8, 9), "approved", minutes=90, comment="Up to 1:30, please.")
    work(timeline, "approval-approved", timeline.at(8, 12), "technician", 80, "Copied the second half")
    _begin(timeline, "declined", timeline.at(6, 9), "Search results in the order of the date")
    _ask(timeline, "declined", timeline.at(6, 10), 180, "The search has to be extended for it.")
    _answer(timeline, "declined", timeline.at(5, 11), "declined", comment="Not worth three hours.")
    _begin(timeline, "emergency", timeline.at(3, 15), "No document can be opened")
    work(
        timeline,
        "approval-emergency",
        timeline.at(3, 16),
        "technician",
        40,
        "Restored the index",
        beyond_approval="The month's closing stood still, and nobody could be reached.",
    )
    _ask(timeline, "emergency", timeline.at(3, 17), 40, "The index had to be restored at once.")
    _begin(timeline, "asked", timeline.at(2, 10), "Read the scans of last year again")
    _ask(timeline, "asked", timeline.at(2, 11), 90, "About 4,000 scans have to be read again.")


def _begin(timeline: Timeline, key: str, at: datetime, subject: str) -> None:
    name = f"approval-{key}"
    log(timeline, name, at, CUSTOMER, ITEM.number, subject)
    fire(timeline, name, at.replace(minute=20), "technician", "start")


def _ask(timeline: Timeline, key: str, at: datetime, minutes: int, reason: str) -> None:
    def ask(tx: Transaction) -> None:
        command = AskApproval(minutes=minutes, reason=reason)
        timeline.ids[f"approval:{key}"] = ask_approval(tx, timeline.ids[f"request:approval-{key}"], command)

    timeline.plan(at, "technician", ask)


def _answer(
    timeline: Timeline,
    key: str,
    at: datetime,
    answer: ApprovalAnswer,
    *,
    comment: str,
    minutes: int | None = None,
) -> None:
    def decide(tx: Transaction) -> None:
        command = AnswerApproval(minutes=minutes, comment=comment)
        answer_approval(tx, timeline.ids[f"approval:{key}"], command, answer, "192.0.2.17")

    timeline.plan(at, f"customer:{CUSTOMER}", decide)
