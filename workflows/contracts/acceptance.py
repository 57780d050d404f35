"""Accepting a contract's statement: its lines up to an instant, with the heads of the chains they rest on.

All movements of a contract are in one chain of the ledger. What comes after its head then, but is effective
or belongs up to the accepted instant, is a difference. Source: product.md sections 8 and 10 (Acceptance).
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, exists, func, or_, select

from engine.contracts import UNITS
from engine.ledger import MONEY_KINDS
from workflows.commands.disputes import AcceptStatement
from workflows.contracts.access import contract_row
from workflows.core.actors import Role
from workflows.core.errors import StateForbids, invalid
from workflows.core.transaction import Transaction
from workflows.languages.texts import gettext
from workflows.lifecycle.contracts.rows import lock_contract
from workflows.notifications.events import publish, rfc_3339
from workflows.store import tables as t
from workflows.store.ids import new_id
from workflows.views.disputes import ChainHeadView

ACCEPTERS: tuple[Role, ...] = ("customer",)
entry, leg, adjustment = t.ledger_transaction, t.ledger_posting, t.ledger_adjustment
acceptance, head = t.statement_acceptance, t.statement_acceptance_head


@dataclass(frozen=True, slots=True)
class AcceptedStatement:
    """An acceptance: its row, and the heads of the chains that it rests on."""

    row: Row[Any]
    heads: list[Row[Any]]

    @property
    def changes(self) -> ColumnElement[bool]:
        """SQL: a ledger transaction of the contract belongs to what was accepted, and came afterwards."""
        belongs = exists(
            select(adjustment.c.transaction_id).where(
                adjustment.c.transaction_id == entry.c.id, adjustment.c.belongs_at <= self.row.up_to
            )
        )
        after = [
            and_(entry.c.chain_id == one.chain_id, entry.c.sequence > one.sequence) for one in self.heads
        ]
        return and_(
            entry.c.contract_id == self.row.contract_id,
            entry.c.kind.not_in(MONEY_KINDS),
            or_(*after),
            or_(entry.c.effective_at <= self.row.up_to, belongs),
        )

    def views(self) -> list[ChainHeadView]:
        return [ChainHeadView(one.chain_id, one.sequence, one.hash.hex()) for one in self.heads]

    def is_intact(self, tx: Transaction) -> bool:
        """Whether the ledger still has each transaction that was the head of a chain, with its hash."""
        same = [
            and_(entry.c.chain_id == one.chain_id, entry.c.sequence == one.sequence, entry.c.hash == one.hash)
            for one in self.heads
        ]
        found = select(func.count()).select_from(entry).where(or_(*same))
        return int(tx.connection.execute(found).scalar_one()) == len(self.heads)


def accept_statement(tx: Transaction, contract_id: str, command: AcceptStatement) -> str:
    """Accept the statement of a contract up to an instant (included), now unless given.

    Returns the id of the acceptance, which is stored with the chain's head and never changes.
    Raises:
        NotAllowed: the actor is no customer.
        NotFound: there is no such contract, or the actor may not see it.
        InvalidInput: the instant is in the future.
        StateForbids: the statement has no lines up to then.
    """
    tx.require(*ACCEPTERS)
    contract_row(tx, contract_id)
    row = lock_contract(tx, contract_id)
    up_to = command.up_to or tx.now
    if up_to > tx.now:
        raise invalid(
            "/up_to", gettext("The statement goes up to now."), gettext("Give an instant that has passed.")
        )
    lines, balance = _accepted(tx, row, up_to)
    chain = tx.connection.execute(
        select(t.ledger_chain).where(t.ledger_chain.c.id == contract_id)
    ).one_or_none()
    if not lines or chain is None:
        raise StateForbids(
            gettext("The statement of %(number)s has no lines up to then.", number=row.number),
            remedy="",
            state="empty",
        )
    acceptance_id = new_id()
    tx.add(
        acceptance,
        id=acceptance_id,
        contract_id=contract_id,
        up_to=up_to,
        unit=statement_unit(row),
        balance=balance,
        lines=lines,
        accepted_at=tx.now,
        accepted_by=tx.actor.name,
        customer_id=tx.actor.customer,
    )
    tx.add(head, acceptance_id=acceptance_id, chain_id=chain.id, sequence=chain.sequence, hash=chain.hash)
    tx.audit(
        "contract",
        contract_id,
        "statement accepted",
        up_to=rfc_3339(up_to),
        sequence=chain.sequence,
        hash=chain.hash.hex(),
    )
    publish(
        tx,
        "statement_accepted",
        {"contract": contract_id, "number": row.number, "up_to": rfc_3339(up_to)},
    )
    return acceptance_id


def latest_acceptance(tx: Transaction, contract_id: str) -> AcceptedStatement | None:
    """The latest acceptance of a contract's statement; None if there is none."""
    row = tx.connection.execute(
        select(acceptance)
        .where(acceptance.c.contract_id == contract_id)
        .order_by(acceptance.c.id.desc())
        .limit(1)
    ).one_or_none()
    if row is None:
        return None
    heads = tx.connection.execute(select(head).where(head.c.acceptance_id == row.id)).all()
    return AcceptedStatement(row, list(heads))


def statement_unit(contract: Row[Any]) -> str:
    """The unit of a contract's statement: minutes, incidents or money."""
    return contract.draws if contract.draws in UNITS else "minutes"


def _accepted(tx: Transaction, row: Row[Any], up_to: datetime) -> tuple[int, int]:
    """How many lines the statement has up to an instant (included), and what is available after them."""
    unit = statement_unit(row)
    counted = select(func.count()).where(
        entry.c.contract_id == row.id, entry.c.kind.not_in(MONEY_KINDS), entry.c.effective_at <= up_to
    )
    grants = select(t.contract_grant.c.id).where(
        t.contract_grant.c.contract_id == row.id, t.contract_grant.c.unit == unit
    )
    total = select(func.coalesce(func.sum(leg.c.amount), 0)).where(
        leg.c.owner.in_(grants), leg.c.account == "available", leg.c.effective_at <= up_to
    )
    lines = tx.connection.execute(counted).scalar_one()
    return int(lines), int(tx.connection.execute(total).scalar_one())
