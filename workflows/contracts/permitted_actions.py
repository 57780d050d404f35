"""The actions that are possible on a contract, for pages that offer them and errors that list them."""

from datetime import datetime

from engine.contracts import OVER_STATES, PER_REQUEST
from workflows.core.actors import OFFICE, Role
from workflows.languages.texts import mark

SELLERS = OFFICE
DONE = {
    "enable": mark("enabled"),
    "top-up": mark("topped up"),
    "auto-top-up": mark("topped up automatically"),
    "adjust": mark("adjusted"),
    "renew": mark("renewed"),
    "amend": mark("amended"),
    "transfer": mark("transferred"),
    "cancel": mark("cancelled"),
}
"""The past participle of each action, for messages."""


def is_renewable(type_key: str, holder_kind: str, expires_at: datetime | None) -> bool:
    """Whether a contract has an end at which a successor could start; one of a service request has none."""
    return type_key != PER_REQUEST and holder_kind != "service_request" and expires_at is not None


def possible_actions(
    role: Role,
    *,
    state: str,
    pending_reason: str | None,
    draws: str,
    has_end: bool,
    is_renewed: bool,
    holder_kind: str,
    awaits_invoice: bool,
) -> list[str]:
    """The actions that a role may take on a contract in this state, in display order.

    `awaits_invoice`: its payment is recorded on an invoice, and processing that makes it active.
    """
    if role not in SELLERS and role != "system":
        return []
    is_over = state in OVER_STATES
    possible = {
        "enable": state == "pending"
        and (pending_reason != "awaiting_payment" or (role in ("finance", "system") and not awaits_invoice)),
        "top-up": draws != "nothing" and not is_over,
        "auto-top-up": draws != "nothing" and not is_over,
        "adjust": draws != "nothing" and not is_over,
        "renew": state != "cancelled" and has_end and not is_renewed,
        "amend": not is_over,
        "transfer": not is_over and holder_kind != "service_request",
        "cancel": not is_over,
    }
    return [action for action in DONE if possible[action]]
