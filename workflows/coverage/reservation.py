"""What a covering decision depends on: its contract, and the incident that it takes from a pack.

Another transaction may have changed either since the decision was made. They are locked and checked again, or
checked by the statement that writes the decision. Source: product.md sections 6 and 7.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Integer, Select, and_, bindparam, exists, func, literal_column, select

from engine.contracts import Contract
from engine.coverage import CandidateContract, CoverageDecision
from workflows.core.transaction import Transaction
from workflows.coverage.candidates import FreeIncident
from workflows.lifecycle.contracts.incident_holds import free_incidents, lock_incidents, locked_grants
from workflows.lifecycle.contracts.rows import lock_contract
from workflows.store import tables as t
from workflows.store.column_types import Id, Instant
from workflows.store.compiled_statements import Prepared
from workflows.store.multi_table_insert import Precondition


@dataclass(frozen=True, slots=True)
class Reservation:
    """A decision with its contract, and the grant that its incident comes from.

    `left` is the number of incidents that stay free after this one is held. `precondition` is to be checked
    by the statement that writes the decision, where the contract is not locked. For a `single_statement`
    nothing is locked at all.
    """

    decision: CoverageDecision
    grant_id: str | None = None
    chosen: CandidateContract | None = None
    left: int = 0
    precondition: Precondition | None = None
    single_statement: bool = False

    @property
    def contract(self) -> Contract | None:
        return self.chosen.contract if self.chosen is not None else None


_PRECONDITION = (
    select(t.contract.c.id)
    .where(
        t.contract.c.id == bindparam("covering", type_=Id),
        t.contract.c.cancelled_at.is_not_distinct_from(bindparam("was_cancelled_at", type_=Instant)),
        t.contract.c.ended_at.is_not_distinct_from(bindparam("had_ended_at", type_=Instant)),
        t.contract.c.starts_at == bindparam("began_at", type_=Instant),
        t.contract.c.holder_id == bindparam("was_held_by", type_=Id),
    )
    .with_for_update(read=True)
)
"""A contract that is as it was read; locks it."""
_CHECK_PRECONDITION = Prepared(_PRECONDITION)
_DRAWN, _DRAWN_AT = bindparam("drawn", type_=Id), bindparam("drawn_at", type_=Instant)
_WERE_FREE = bindparam("were_free", type_=Integer)
_PRECONDITION_WITH_GRANT = _PRECONDITION.where(
    exists(
        select(t.grant_balance.c.grant_id).where(
            t.grant_balance.c.grant_id == _DRAWN, t.grant_balance.c.available > 0
        )
    ),
    free_incidents(bindparam("covering", type_=Id), _DRAWN_AT) == _WERE_FREE,
)
"""The same for a pack whose free incidents are as they were read. For SQLite, which has one writer."""


def _precondition_with_locked_grants() -> Select[Any]:
    """The same for PostgreSQL: locks the contract, then its grants, and checks these under their lock."""
    contract = _PRECONDITION.cte("locked_contract")
    grants = locked_grants(select(contract.c.id).scalar_subquery(), _DRAWN_AT).cte("locked_grants")
    free = func.sum(grants.c.available)
    drawn = func.sum(grants.c.available).filter(grants.c.grant_id == _DRAWN)
    return select(contract.c.id).where(
        exists(select(literal_column("1")).select_from(grants).having(and_(free == _WERE_FREE, drawn > 0)))
    )


_PRECONDITION_WITH_LOCKED_GRANTS = _precondition_with_locked_grants()


def _precondition(contract: Contract) -> Precondition:
    return Precondition(
        _PRECONDITION,
        {
            "covering": contract.id,
            "was_cancelled_at": contract.cancelled_at,
            "had_ended_at": contract.ended_at,
            "began_at": contract.starts_at,
            "was_held_by": contract.holder.id,
        },
    )


def verify_on_write(
    tx: Transaction, decision: CoverageDecision, chosen: CandidateContract, incident: FreeIncident | None
) -> Reservation | None:
    """A reservation whose precondition is checked by the statement that writes it; None where impossible.

    `incident` is the next free one of a pack, as read with the contract. Taking the last one changes the
    contract's state as well, which is more than one statement.
    """
    precondition = _precondition(chosen.contract)
    if not _takes_incident(tx, chosen):
        return Reservation(decision, None, chosen, 0, precondition, single_statement=True)
    if incident is None or incident.free < 2:
        return None
    grant_id, free = incident
    precondition = Precondition(
        _PRECONDITION_WITH_GRANT if tx.is_sqlite else _PRECONDITION_WITH_LOCKED_GRANTS,
        {**precondition.values, "drawn": grant_id, "drawn_at": tx.now, "were_free": free},
    )
    return Reservation(decision, grant_id, chosen, free - 1, precondition, single_statement=True)


def chosen_of(decision: CoverageDecision, candidates: list[CandidateContract]) -> CandidateContract:
    return next(one for one in candidates if one.contract.id == decision.contract)


def _takes_incident(tx: Transaction, chosen: CandidateContract) -> bool:
    if not tx.draws:
        return False
    return tx.rules.contract_types[chosen.contract.type].draws == "incidents" and not chosen.own_incident_held


def lock_reservation(
    tx: Transaction,
    decision: CoverageDecision,
    candidates: list[CandidateContract],
    *,
    read_unlocked: bool = False,
    verifies_on_write: bool = False,
) -> Reservation | None:
    """Lock what a covering decision depends on; None where that has changed since it was read.

    With `verifies_on_write` the contract is not locked here: the statement that writes the decision checks
    the reservation's `precondition`. `read_unlocked` says that the candidates were read before the
    transaction began to write; on PostgreSQL, where writers run concurrently, they count as unlocked always.
    """
    if decision.outcome != "covered":
        return Reservation(decision)
    chosen = chosen_of(decision, candidates)
    grant_id, free = None, 0
    if _takes_incident(tx, chosen):
        grant_id, free = lock_incidents(tx, chosen.contract.id)
        if grant_id is None:
            return None
    if verifies_on_write:
        return Reservation(decision, grant_id, chosen, free - 1, _precondition(chosen.contract))
    if not tx.is_sqlite:
        # whole, as work that moves with the decision locks it next: two that raise a shared lock deadlock
        lock_contract(tx, chosen.contract.id)
    if read_unlocked or not tx.is_sqlite:
        unchanged = _CHECK_PRECONDITION.first(tx.connection, _precondition(chosen.contract).values)
        if unchanged is None:
            return None
    return Reservation(decision, grant_id, chosen, free - 1)
