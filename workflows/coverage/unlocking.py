"""What opens a service request that waits for a contract, in words. Source: product.md sections 6 and 9."""

from typing import NamedTuple

from workflows.languages.texts import gettext


class AwaitedContract(NamedTuple):
    """The pending contract that a service request waits for; `start` is its first day as text."""

    number: str
    pending_reason: str | None
    start: str


def unlock_condition(outcome: str, contract: AwaitedContract | None) -> str:
    """What opens a waiting request, as the end of a sentence; `outcome` is that of its coverage decision.

    `contract` is None where it waits for no pending contract, or for one that may not be named to the reader.
    """
    if contract is None:
        if outcome == "offered":
            return gettext("as soon as one of these contracts is chosen")
        return gettext("as soon as a contract covers it")
    if contract.pending_reason == "awaiting_start":
        return gettext("when %(number)s starts on %(day)s", number=contract.number, day=contract.start)
    if contract.pending_reason == "awaiting_payment":
        return gettext("when finance records the payment for %(number)s", number=contract.number)
    return gettext("when %(number)s is enabled by finance or a supervisor", number=contract.number)
