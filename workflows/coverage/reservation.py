"""What a covering decision rests on: its contract, and the incident that it takes from a pack.

Another may have changed it since the decision read it. It is locked and looked at again, or looked at by the
very statement that writes the decision. Source: product.md sections 6 and 7.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Integer, Select, and_, bindparam, exists, func, literal_column, select

from engine.contracts import Contract
from engine.coverage import CandidateContract, CoverageDecision
from workflows.core.transaction import Transaction
from workflows.coverage.candidates import FreeIncident
from workflows.lifecycle.contracts.incident_holds import free_incidents, lock_incidents, locked_grants
from workflows.store import tables as t
from workflows.store.column_types import Id, Instant
from workflows.store.compiled_statements import Prepared
from workflows.store.multi_table_insert import Precondition


@dataclass(frozen=True, slots=True)
class Reservation:
    """A decision, with the grant that is locked for its incident and the contract it covers with.

    `left` is how many incidents are free beside the one to hold. `precondition` must still hold when the
    decision is written, where that is not locked; nothing is locked for a `single_statement`.
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
    )
    .with_for_update(read=True, key_share=True)
)
"""A contract that is as it was read, locked."""
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
"""The same of a pack whose incidents are as they were read, for SQLite's one writer."""


def _precondition_with_locked_grants() -> Select[Any]:
    """The same for PostgreSQL: the contract is locked, then its grants, and these are looked at as locked."""
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
        },
    )


def verify_on_write(
    tx: Transaction, decision: CoverageDecision, chosen: CandidateContract, incident: FreeIncident | None
) -> Reservation | None:
    """What a covering decision rests on, where whether it still stands can be asked as it is written.

    `incident` is the next one of a pack, as it was read with the contract. The last one is not: what follows
    from it is more than one statement.
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


def chosen_of(decision: CoverageDecision, held: list[CandidateContract]) -> CandidateContract:
    return next(one for one in held if one.contract.id == decision.contract)


def _takes_incident(tx: Transaction, chosen: CandidateContract) -> bool:
    return tx.rules.contract_types[chosen.contract.type].draws == "incidents" and not chosen.own_incident_held


def lock_reservation(
    tx: Transaction,
    decision: CoverageDecision,
    held: list[CandidateContract],
    *,
    verifies_on_write: bool = False,
) -> Reservation | None:
    """Lock what a covering decision rests on; None when it no longer stands.

    With `verifies_on_write` the contract is left to who writes the decision: it is `precondition` then.
    """
    if decision.outcome != "covered":
        return Reservation(decision)
    chosen = chosen_of(decision, held)
    grant_id, free = None, 0
    if _takes_incident(tx, chosen):
        grant_id, free = lock_incidents(tx, chosen.contract.id)
        if grant_id is None:
            return None
    if verifies_on_write:
        return Reservation(decision, grant_id, chosen, free - 1, _precondition(chosen.contract))
    if tx.begin is not None or not tx.is_sqlite:
        stands = _CHECK_PRECONDITION.first(tx.connection, _precondition(chosen.contract).values)
        if stands is None:
            return None
    return Reservation(decision, grant_id, chosen, free - 1)
