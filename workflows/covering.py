"""What a covering decision rests on: its contract, and the incident that it takes from a pack.

Another may have changed it since the decision read it. It is locked and looked at again, or looked at by the
very statement that writes the decision. Source: product.md sections 6 and 7.
"""

from dataclasses import dataclass

from sqlalchemy import Integer, bindparam, exists, select

from engine.contracts import Contract
from engine.coverage import CoverageDecision, HeldContract
from workflows.incidents import free_incidents, lock_incidents
from workflows.store import tables as t
from workflows.store.columns import Id, Instant
from workflows.store.prepared import Prepared
from workflows.store.together import Standing
from workflows.transaction import Transaction


@dataclass(frozen=True, slots=True)
class Found:
    """A decision, with the lot that is locked for its incident and the contract it covers with.

    `left` is how many incidents are free beside the one to hold. `standing` is what must still be so when it
    is written, where that is not locked; nothing is, where it is to be written `at_once`.
    """

    decision: CoverageDecision
    lot_id: str | None = None
    chosen: HeldContract | None = None
    left: int = 0
    standing: Standing | None = None
    at_once: bool = False

    @property
    def contract(self) -> Contract | None:
        return self.chosen.contract if self.chosen is not None else None


_STANDING = (
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
_STANDS = Prepared(_STANDING)
_STANDING_WITH_LOT = _STANDING.where(
    exists(
        select(t.lot_balance.c.lot_id).where(
            t.lot_balance.c.lot_id == bindparam("drawn", type_=Id), t.lot_balance.c.available > 0
        )
    ),
    free_incidents(bindparam("covering", type_=Id), bindparam("drawn_at", type_=Instant))
    == bindparam("were_free", type_=Integer),
)


def _standing(contract: Contract) -> Standing:
    return Standing(
        _STANDING,
        {
            "covering": contract.id,
            "was_cancelled_at": contract.cancelled_at,
            "had_ended_at": contract.ended_at,
            "began_at": contract.starts_at,
        },
    )


def look_later(tx: Transaction, decision: CoverageDecision, chosen: HeldContract) -> Found | None:
    """What a covering decision rests on, where whether it still stands can be asked as it is written.

    The last incident of a pack is not: what follows from it is more than one statement. On PostgreSQL the
    ledger takes two.
    """
    standing = _standing(chosen.contract)
    if not _takes_incident(tx, chosen):
        return Found(decision, None, chosen, 0, standing, at_once=True)
    if not tx.is_sqlite:
        return None
    lot_id, free = lock_incidents(tx, chosen.contract.id)
    if lot_id is None or free < 2:
        return None
    standing = Standing(
        _STANDING_WITH_LOT, {**standing.values, "drawn": lot_id, "drawn_at": tx.now, "were_free": free}
    )
    return Found(decision, lot_id, chosen, free - 1, standing, at_once=True)


def chosen_of(decision: CoverageDecision, held: list[HeldContract]) -> HeldContract:
    return next(one for one in held if one.contract.id == decision.contract)


def _takes_incident(tx: Transaction, chosen: HeldContract) -> bool:
    return tx.rules.contract_types[chosen.contract.type].draws == "incidents" and not chosen.own_incident_held


def lock_standing(
    tx: Transaction, decision: CoverageDecision, held: list[HeldContract], *, looks_later: bool = False
) -> Found | None:
    """Lock what a covering decision rests on; None when it no longer stands.

    With `looks_later` the contract is left to who writes the decision: it is `standing` then.
    """
    if decision.outcome != "covered":
        return Found(decision)
    chosen = chosen_of(decision, held)
    lot_id, free = None, 0
    if _takes_incident(tx, chosen):
        lot_id, free = lock_incidents(tx, chosen.contract.id)
        if lot_id is None:
            return None
    if looks_later:
        return Found(decision, lot_id, chosen, free - 1, _standing(chosen.contract))
    if tx.begin is not None or not tx.is_sqlite:
        stands = _STANDS.first(tx.connection, _standing(chosen.contract).values)
        if stands is None:
            return None
    return Found(decision, lot_id, chosen, free - 1)
