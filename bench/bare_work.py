"""The bare handler for work: as many rows in as many tables as the product, by the ORM, in one transaction.

They are an entry, its allocation, a transaction of two postings, and the head of a chain of hashes. Nothing
is searched, checked or planned, and no balance is moved.
"""

from hashlib import sha256
from uuid import uuid4

from flask import Blueprint, jsonify, request
from flask.typing import ResponseReturnValue
from sqlalchemy import ForeignKey
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, sessionmaker


class Base(DeclarativeBase):
    pass


class Entry(Base):
    """A work entry."""

    __tablename__ = "bare_entry"

    id: Mapped[str] = mapped_column(primary_key=True)
    service_request: Mapped[str] = mapped_column(index=True)
    minutes: Mapped[int]
    worked_at: Mapped[str]


class Moved(Base):
    """A transaction in the chain of a contract."""

    __tablename__ = "bare_transaction"

    id: Mapped[str] = mapped_column(primary_key=True)
    chain: Mapped[str] = mapped_column(index=True)
    sequence: Mapped[int]
    hash: Mapped[bytes]


class Leg(Base):
    """A posting."""

    __tablename__ = "bare_posting"

    transaction: Mapped[str] = mapped_column(ForeignKey("bare_transaction.id"), primary_key=True)
    leg: Mapped[int] = mapped_column(primary_key=True)
    account: Mapped[str] = mapped_column(index=True)
    amount: Mapped[int]


class Allocation(Base):
    """What an entry took from a contract."""

    __tablename__ = "bare_allocation"

    id: Mapped[str] = mapped_column(primary_key=True)
    entry: Mapped[str] = mapped_column(ForeignKey("bare_entry.id"), index=True)
    transaction: Mapped[str] = mapped_column(ForeignKey("bare_transaction.id"))
    minutes: Mapped[int]


class Head(Base):
    """The last hash of a chain."""

    __tablename__ = "bare_head"

    chain: Mapped[str] = mapped_column(primary_key=True)
    sequence: Mapped[int]
    hash: Mapped[bytes]


def work_routes(session_of: sessionmaker[Session]) -> Blueprint:
    """Return `POST /work`, which adds to the chain of a contract; its head exists."""
    routes = Blueprint("work", __name__)

    @routes.post("/work")
    def log_work() -> ResponseReturnValue:
        given = request.get_json()
        entry, moved, chain = str(uuid4()), str(uuid4()), given["contract"]
        minutes = given["minutes"]
        with session_of() as session:
            session.add(
                Entry(
                    id=entry,
                    service_request=given["service_request"],
                    minutes=minutes,
                    worked_at=given["worked_at"],
                )
            )
            # On SQLite the first insert waits for the lock; a transaction that has read before could not.
            session.flush()
            head = session.get_one(Head, chain, with_for_update=True)
            content = sha256(f"{moved} {chain} {minutes} available consumed".encode()).digest()
            head.sequence += 1
            head.hash = sha256(head.hash + content).digest()
            session.add(Moved(id=moved, chain=chain, sequence=head.sequence, hash=head.hash))
            session.flush()
            session.add_all(
                [
                    Leg(transaction=moved, leg=0, account=f"{chain}:available", amount=-minutes),
                    Leg(transaction=moved, leg=1, account=f"{chain}:consumed", amount=minutes),
                    Allocation(id=str(uuid4()), entry=entry, transaction=moved, minutes=minutes),
                ]
            )
            session.commit()
        return jsonify(id=entry, minutes=minutes), 201

    return routes
