"""Bulk coverage search over many service requests, with a preview.

There are two groups: requests opened before contracts were switched on, which have no coverage, and requests
that wait for a contract, for use after validation was switched off. Source: product.md section 3.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Row, Select, select

from engine.service_requests import OPENING_OUTCOMES, UNFINISHED_STATES
from workflows.core.actors import SUPERVISORS
from workflows.core.errors import StateForbids
from workflows.core.transaction import Transaction
from workflows.coverage.search import decide, find, follow
from workflows.coverage.waiting_list import waits_for_contract
from workflows.languages.texts import gettext
from workflows.lifecycle.service_requests.facts import facts_of
from workflows.lifecycle.service_requests.transitions import lock_request
from workflows.store import tables as t

Group = Literal["before_contracts", "waiting"]
MOST_SHOWN = 500
r = t.service_request


@dataclass(frozen=True, slots=True)
class BulkLine:
    """One service request and the result of a search now; `applies` is true if applying would change it."""

    service_request: str
    number: str
    subject: str
    customer_name: str
    state: str
    outcome: str
    contract: str | None
    contract_number: str | None
    why: str
    applies: bool


@dataclass(frozen=True, slots=True)
class BulkResult:
    """The result of applying: how many requests were searched, and how many changed."""

    searched: int
    changed: int


def preview_bulk(tx: Transaction, group: Group) -> list[BulkLine]:
    """The result of a search for each request of a group, oldest first, at most 500. Nothing is stored.

    Raises: NotAllowed; StateForbids while contracts are off. Source: product.md section 3.
    """
    tx.require(*SUPERVISORS)
    _require_contracts(tx)
    lines = []
    for row in tx.connection.execute(_group(group).limit(MOST_SHOWN)).all():
        decision = decide(tx, facts_of(tx, row))
        number = next((v.candidate.number for v in decision.candidates if v.ruled_out is None), None)
        lines.append(
            BulkLine(
                service_request=row.id,
                number=row.number,
                subject=row.subject,
                customer_name=row.customer_name,
                state=row.state,
                outcome=decision.outcome,
                contract=decision.contract,
                contract_number=number if decision.contract else None,
                why=gettext(decision.why) if decision.why else "",
                applies=_applies(row, decision.outcome),
            )
        )
    return lines


def apply_bulk(tx: Transaction, group: Group, service_requests: Sequence[str] | None = None) -> BulkResult:
    """Search a group, or those of its requests that are given, and store the decisions that change something.

    A request opened before contracts for which no valid contract is found does not change.
    Raises: NotAllowed; StateForbids while contracts are off. Source: product.md section 3.
    """
    tx.require(*SUPERVISORS)
    _require_contracts(tx)
    wanted = _group(group)
    if service_requests is not None:
        wanted = wanted.where(r.c.id.in_(list(service_requests)))
    rows = tx.connection.execute(wanted).all()
    changed = sum(_apply(tx, row.id) for row in rows)
    return BulkResult(searched=len(rows), changed=changed)


def _apply(tx: Transaction, request_id: str) -> bool:
    request = lock_request(tx, request_id)
    found = find(tx, facts_of(tx, request))
    if not _applies(request, found.decision.outcome):
        return False
    follow(tx, request, found, cause="bulk")
    return True


def _applies(request: Row[Any], outcome: str) -> bool:
    return outcome == "covered" if request.decision_id is None else outcome in OPENING_OUTCOMES


def _group(group: Group) -> Select[Any]:
    named = select(r, t.customer.c.name.label("customer_name")).join(
        t.customer, t.customer.c.id == r.c.customer_id
    )
    ordered = named.order_by(r.c.opened_at, r.c.id)
    if group == "before_contracts":
        return ordered.where(
            r.c.before_contracts, r.c.decision_id.is_(None), r.c.state.in_(UNFINISHED_STATES)
        )
    return ordered.where(waits_for_contract())


def _require_contracts(tx: Transaction) -> None:
    if not tx.settings.contracts:
        raise StateForbids(
            "Coverage cannot be searched while contracts are off.", remedy="Activate billing first."
        )
