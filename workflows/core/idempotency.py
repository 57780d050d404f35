"""Idempotency keys: the same key and body get the first response again, while the user may get it."""

import hashlib
from dataclasses import dataclass

from sqlalchemy import select

from workflows.core.actors import Actor
from workflows.core.errors import IdempotencyKeyReused, NotAllowed
from workflows.core.transaction import Transaction
from workflows.languages.texts import gettext
from workflows.store import tables as t
from workflows.store.database import Database


@dataclass(frozen=True, slots=True)
class Keyed:
    """A command's idempotency key: the user's `key` for `request` (method and path) with this `body`.

    The `body` has no passwords: a fast hash of it is stored, from which a password could be guessed.
    """

    user: str
    key: str
    request: str
    body: bytes

    @property
    def body_hash(self) -> str:
        return hashlib.sha256(self.request.encode() + b"\0" + self.body).hexdigest()


@dataclass(frozen=True, slots=True)
class Answer:
    """A status and its rendered body; `replayed` for a repeated key."""

    status: int
    body: str
    replayed: bool = False


def find_answer(database: Database, keyed: Keyed, actor: Actor) -> Answer | None:
    """The first answer to a repeated key, or None.

    Raises: IdempotencyKeyReused for another body; NotAllowed if the actor has another role or customer than
    when it was given. Whether the actor may still see what it is about is checked by `Desk.answer`.
    """
    keys = t.idempotency_key
    with database.autocommit() as connection:
        row = connection.execute(
            select(keys).where(keys.c.user_id == keyed.user, keys.c.key == keyed.key)
        ).one_or_none()
    if row is None:
        return None
    if row.body_hash != keyed.body_hash:
        raise IdempotencyKeyReused(
            gettext(
                "The idempotency key %(key)s was used before for %(request)s with another body.",
                key=repr(keyed.key),
                request=row.request,
            ),
            remedy=gettext(
                "Send a new key for a new command, or the same body to get the first response again."
            ),
        )
    if (row.role, row.customer_id) != (actor.role, actor.customer):
        raise NotAllowed(
            gettext("The response to this idempotency key was given to you in another role."),
            remedy=gettext("Read the record itself, or send the command with a new key."),
        )
    return Answer(row.status, row.answer, replayed=True)


def store_answer(tx: Transaction, keyed: Keyed, answer: Answer) -> Answer:
    """Store the answer under its key, in the transaction of its command. Raises: IntegrityError."""
    tx.add(
        t.idempotency_key,
        user_id=keyed.user,
        key=keyed.key,
        role=tx.actor.role,
        customer_id=tx.actor.customer,
        request=keyed.request,
        body_hash=keyed.body_hash,
        status=answer.status,
        answer=answer.body,
        stored_at=tx.real_now,
    )
    return answer
