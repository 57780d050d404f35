"""The common ORM approach: mapped classes with relationships, one query per step.

It uses the product's tables, so that both sides read and write the same rows.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import DeclarativeBase, Session, relationship

from engine.hash_chain import content_hash, next_hash
from workflows.store import tables as t
from workflows.store.ids import new_id


class Base(DeclarativeBase):
    """Base of classes mapped to the product's tables."""

    metadata = t.metadata


class OrgUnit(Base):
    __table__ = t.org_unit
    parent = relationship("OrgUnit", remote_side=t.org_unit.c.id, viewonly=True)


class Customer(Base):
    __table__ = t.customer
    org_unit = relationship(OrgUnit, viewonly=True)


class GrantBalance(Base):
    __table__ = t.grant_balance


class Contract(Base):
    __table__ = t.contract
    grants = relationship(GrantBalance, viewonly=True)


class LedgerTransaction(Base):
    __table__ = t.ledger_transaction


class LedgerPosting(Base):
    __table__ = t.ledger_posting


class LedgerChain(Base):
    __table__ = t.ledger_chain


class AuditEvent(Base):
    __table__ = t.audit_event


class OutboxMessage(Base):
    __table__ = t.outbox


def find_covering(session: Session, customer_id: str, item_id: str | None, now: datetime) -> Any:
    """Return the covering contract or the one to wait for: item, customer, org units; one query per step."""
    customer = session.get_one(Customer, customer_id)
    for wanted in (_is_valid, _is_pending):
        for kind, holder_id in (("item", item_id), ("customer", customer_id)):
            if holder_id is not None:
                found = _first(session, kind, holder_id, wanted, now)
                if found is not None:
                    return found
        unit = customer.org_unit
        while unit is not None:
            found = _first(session, "org_unit", unit.id, wanted, now)
            if found is not None:
                return found
            unit = unit.parent
    return None


def _first(session: Session, kind: str, holder_id: str, wanted: Any, now: datetime) -> Any:
    contracts: Sequence[Any] = session.scalars(
        select(Contract)
        .where(Contract.__table__.c.holder_kind == kind, Contract.__table__.c.holder_id == holder_id)
        .order_by(Contract.__table__.c.expires_at)
    ).all()
    return next((one for one in contracts if wanted(one, now)), None)


def _is_valid(contract: Any, now: datetime) -> bool:
    if contract.cancelled_at is not None or contract.enabled_at is None:
        return False
    if contract.starts_at > now or (contract.expires_at is not None and contract.expires_at <= now):
        return False
    if contract.draws == "nothing":
        return True
    return any(grant.available > 0 and grant.opens_at <= now for grant in contract.grants)


def _is_pending(contract: Any, now: datetime) -> bool:
    return contract.cancelled_at is None and (contract.enabled_at is None or contract.starts_at > now)


def expire_due(session: Session, at: datetime) -> int:
    """Expire due contracts one by one, writing the same rows as the product; one commit."""
    c = Contract.__table__.c
    due: Sequence[Any] = session.scalars(
        select(Contract).where(c.next_due_at <= at, c.state.in_(("pending", "active", "exhausted")))
    ).all()
    for contract in due:
        for grant in contract.grants:
            if grant.available > 0:
                _expire_grant(session, contract, grant, at)
            grant.expiry_posted = True
        _notify_end(session, contract, at)
        contract.state = "expired"
        contract.next_due_at = None
        contract.version += 1
    session.commit()
    return len(due)


def _expire_grant(session: Session, contract: Any, grant: Any, at: datetime) -> None:
    transaction_id = new_id()
    for leg, (account, amount) in enumerate((("available", -grant.available), ("expired", grant.available))):
        session.add(
            LedgerPosting(
                transaction_id=transaction_id,
                leg=leg,
                owner=grant.grant_id,
                account=account,
                unit=grant.unit,
                amount=amount,
                effective_at=grant.closes_at,
            )
        )
    # A ledger transaction takes no postings after it is inserted, so they come first.
    session.flush()
    head: Any = session.get_one(LedgerChain, contract.id)
    head.sequence += 1
    head.hash = next_hash(head.hash, content_hash(f"{transaction_id} {grant.grant_id} {grant.available}"))
    session.add(
        LedgerTransaction(
            id=transaction_id,
            kind="expire",
            effective_at=grant.closes_at,
            recorded_at=at,
            cause=f"contract:{contract.id}",
            actor="Coverdesk",
            why="Expired unused",
            contract_id=contract.id,
            chain_id=contract.id,
            sequence=head.sequence,
            hash=head.hash,
        )
    )
    grant.expired += grant.available
    grant.available = 0


def _notify_end(session: Session, contract: Any, at: datetime) -> None:
    recipient = None
    if contract.holder_kind == "customer":
        customer: Any = session.get_one(Customer, contract.holder_id)
        recipient = customer.email
    session.add(
        AuditEvent(
            id=new_id(),
            subject_kind="contract",
            subject_id=contract.id,
            action="expired",
            actor="Coverdesk",
            at=contract.expires_at,
            recorded_at=at,
        )
    )
    session.add(
        OutboxMessage(
            id=new_id(),
            event="contract_expired",
            recipient=recipient,
            subject=f"Contract {contract.number} has ended",
            body=f"Your contract {contract.number} has ended.",
            payload={
                "event": "contract_expired",
                "contract": contract.id,
                "number": contract.number,
                "state": "expired",
            },
            subject_kind="contract",
            subject_id=contract.id,
            created_at=at,
            next_attempt_at=at,
        )
    )
