"""The JSON snapshot stored with a coverage decision, and reading it back.

It has everything needed to make the decision again years later, by its own or another rule set: the facts of
the request, and each candidate's dates, balances and distance of its holder. The keys are stored: do not
rename them. Source: product.md sections 6 and 14.
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
    """The facts of a service request as JSON; instants are ISO 8601 text."""
    return {name: _plain(getattr(facts, name)) for name in FACTS}


def facts_from(stored: Mapping[str, Any]) -> RequestFacts:
    """The inverse of `facts_json`."""
    instants = {"at": _instant(stored["at"]), "logged_at": _instant(stored.get("logged_at"))}
    return RequestFacts(**{**stored, **instants})


def verdict_json(verdict: Verdict, desk_time_zone: str) -> dict[str, Any]:
    """A candidate with its standing and what ruled it out. Dates that are not set, and no money, are omitted;
    so is that it was not ordered for the request.

    So is a time zone that is the desk's, which the facts have.
    """
    one, contract = verdict.candidate, verdict.source.contract
    stored: dict[str, Any] = {
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
    if verdict.source.ordered_for_it:
        stored["ordered_for_it"] = True
    if one.money_available:
        stored["money_available"] = one.money_available
    for name in OPTIONAL_INSTANTS:
        instant = getattr(contract, name)
        if instant is not None:
            stored[name] = instant.isoformat()
    if contract.payment_due:
        stored["payment_due"] = True
    if contract.time_zone != desk_time_zone:
        stored["time_zone"] = contract.time_zone
    if contract.exclusions:
        stored["exclusions"] = {name: list(values) for name, values in contract.exclusions.items()}
    return stored


def candidates_from(stored: Sequence[Mapping[str, Any]], desk_time_zone: str) -> list[CandidateContract]:
    """The inverse of `verdict_json` for a list: the candidates before they were judged."""
    return [_candidate(one, desk_time_zone) for one in stored]


def ruled_out_json(reason: RuledOut | None) -> dict[str, Any] | None:
    """The reason why a contract was ruled out, as JSON."""
    if reason is None:
        return None
    return {"code": reason.code, "at": reason.at.isoformat() if reason.at else None, "value": reason.value}


def _candidate(stored: Mapping[str, Any], desk_time_zone: str) -> CandidateContract:
    contract = Contract(
        id=stored["contract"],
        number=stored["number"],
        type=stored["type"],
        holder=Holder(stored["holder_kind"], stored["holder_id"]),
        created_at=datetime.fromisoformat(stored["created_at"]),
        starts_at=datetime.fromisoformat(stored["starts_at"]),
        expires_at=_instant(stored["expires_at"]),
        enabled_at=_instant(stored.get("enabled_at")),
        payment_due=stored.get("payment_due", False),
        paid_at=_instant(stored.get("paid_at")),
        cancelled_at=_instant(stored.get("cancelled_at")),
        ended_at=_instant(stored.get("ended_at")),
        time_zone=stored.get("time_zone", desk_time_zone),
        exclusions={name: tuple(values) for name, values in stored.get("exclusions", {}).items()},
    )
    limits = Limits(
        stored["minutes_available"],
        stored["incidents_available"],
        stored["incidents_held"],
        stored.get("money_available", 0),
    )
    return CandidateContract(
        contract,
        stored["distance"],
        limits,
        stored["own_incident_held"],
        ordered_for_it=stored.get("ordered_for_it", False),
    )


@lru_cache(maxsize=4096)  # each decision about a contract repeats its dates
def _text(instant: datetime) -> str:
    return instant.isoformat()


def _instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text is not None else None


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value
