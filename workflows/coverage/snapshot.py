"""Coverage decisions as they are kept: JSON that has all that the rules read, and the way back from it.

What is kept must do to make the decision again years later, by its own rule set or by another one: the
request's facts, and of each candidate its dates, what was left of it, and how far its holder is.
Source: product.md sections 6 and 14.
"""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from functools import lru_cache
from typing import Any

from engine.contracts import Contract, Holder, Limits
from engine.coverage import CandidateContract, Verdict
from engine.facts import RequestFacts, RuledOut

OPTIONAL_INSTANTS = ("enabled_at", "paid_at", "cancelled_at", "ended_at")
FACTS = tuple(field.name for field in fields(RequestFacts))


def facts_json(facts: RequestFacts) -> dict[str, Any]:
    """The facts of a service request; instants as text."""
    return {name: _plain(getattr(facts, name)) for name in FACTS}


def facts_from(kept: Mapping[str, Any]) -> RequestFacts:
    """The facts that `facts_json` made this from."""
    instants = {"at": _instant(kept["at"]), "logged_at": _instant(kept.get("logged_at"))}
    return RequestFacts(**{**kept, **instants})


def verdict_json(verdict: Verdict) -> dict[str, Any]:
    """One candidate: what it was judged from, its standing, what ruled it out. Dates not set are left out."""
    one, contract = verdict.candidate, verdict.source.contract
    kept: dict[str, Any] = {
        "contract": one.contract,
        "number": one.number,
        "type": one.type,
        "holder_kind": one.holder_kind,
        "holder_id": one.holder_id,
        "distance": one.distance,
        "state": one.state,
        "pending_reason": one.pending_reason,
        "created_at": _text(one.created_at),
        "starts_at": _text(one.starts_at),
        "expires_at": _text(one.expires_at) if one.expires_at else None,
        "standing": one.standing,
        "minutes_available": one.minutes_available,
        "incidents_available": one.incidents_available,
        "incidents_held": one.incidents_held,
        "own_incident_held": one.own_incident_held,
        "own_ruled_out": ruled_out_json(one.ruled_out),
        "ruled_out": ruled_out_json(verdict.ruled_out),
    }
    for name in OPTIONAL_INSTANTS:
        instant = getattr(contract, name)
        if instant is not None:
            kept[name] = instant.isoformat()
    if contract.payment_due:
        kept["payment_due"] = True
    if contract.exclusions:
        kept["exclusions"] = {name: list(values) for name, values in contract.exclusions.items()}
    return kept


def held_from(kept: Sequence[Mapping[str, Any]]) -> list[CandidateContract]:
    """The candidates that `verdict_json` made these from, as they stood before they were judged."""
    return [_held(one) for one in kept]


def ruled_out_json(reason: RuledOut | None) -> dict[str, Any] | None:
    """Why a contract was not taken."""
    if reason is None:
        return None
    return {"code": reason.code, "at": reason.at.isoformat() if reason.at else None, "value": reason.value}


def _held(kept: Mapping[str, Any]) -> CandidateContract:
    contract = Contract(
        id=kept["contract"],
        number=kept["number"],
        type=kept["type"],
        holder=Holder(kept["holder_kind"], kept["holder_id"]),
        created_at=datetime.fromisoformat(kept["created_at"]),
        starts_at=datetime.fromisoformat(kept["starts_at"]),
        expires_at=_instant(kept["expires_at"]),
        enabled_at=_instant(kept.get("enabled_at")),
        payment_due=kept.get("payment_due", False),
        paid_at=_instant(kept.get("paid_at")),
        cancelled_at=_instant(kept.get("cancelled_at")),
        ended_at=_instant(kept.get("ended_at")),
        exclusions={name: tuple(values) for name, values in kept.get("exclusions", {}).items()},
    )
    limits = Limits(kept["minutes_available"], kept["incidents_available"], kept["incidents_held"])
    return CandidateContract(contract, kept["distance"], limits, kept["own_incident_held"])


@lru_cache(maxsize=4096)  # the dates of contracts are told again in each decision about them
def _text(instant: datetime) -> str:
    return instant.isoformat()


def _instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text is not None else None


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value
