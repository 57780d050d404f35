"""To whom a report assigns what is posted for a contract: the customer or the org unit behind its holder.

A party is written `customer:ID` or `org_unit:ID`. An item belongs to its owner, a service request to its
customer; an item without an owner stands for itself, as `item:ID`. A transferred contract belongs to each of
its holders for the time that each held it.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import islice
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, func, literal, or_, select

from engine.contracts import HOLDER_KINDS
from workflows.core.errors import invalid
from workflows.core.transaction import Transaction
from workflows.languages.texts import gettext
from workflows.register.holder_names import holder_names
from workflows.store import tables as t
from workflows.store.column_types import Instant, text_constant

PARTY_KINDS: tuple[str, ...] = tuple(kind for kind in HOLDER_KINDS if kind != "service_request")
IDS_PER_STATEMENT = 400
c, past, item, request = t.contract, t.contract_past_holder, t.item, t.service_request


def holder_spans() -> Select[Any]:
    """SQL: the party of the holder of each contract in each span: [since, until), NULL is open."""
    now = select(
        c.c.id.label("contract_id"),
        c.c.held_since.label("since"),
        literal(None, Instant).label("until"),
        c.c.holder_kind,
        c.c.holder_id,
    )
    earlier = select(
        past.c.contract_id, past.c.held_from, past.c.held_until, past.c.holder_kind, past.c.holder_id
    )
    held = now.union_all(earlier).subquery("held")
    kind, holder_id = held.c.holder_kind, held.c.holder_id
    own = case(
        (kind == "service_request", party_key("customer", request.c.customer_id)),
        (kind == "org_unit", party_key("org_unit", holder_id)),
        (kind == "customer", party_key("customer", holder_id)),
        else_=_owner_of(item, holder_id),
    )
    return (
        select(held.c.contract_id, held.c.since, held.c.until, own.label("party"))
        .select_from(held)
        .outerjoin(item, and_(kind == "item", item.c.id == holder_id))
        .outerjoin(request, and_(kind == "service_request", request.c.id == holder_id))
    )


def during(spans: Any, at: ColumnElement[datetime]) -> ColumnElement[bool]:
    """SQL: an instant lies in a span of `holder_spans`."""
    return and_(
        or_(spans.c.since.is_(None), at >= spans.c.since), or_(spans.c.until.is_(None), at < spans.c.until)
    )


def party_of_key(key: ColumnElement[str]) -> ColumnElement[str]:
    """SQL: the party of a holder's key, such as `item:ID`, which is the owner of carried minutes."""
    prefix = "item:"
    held = t.item.alias("held_item")
    owner = (
        select(_owner_of(held, held.c.id))
        .where(held.c.id == func.substr(key, len(prefix) + 1))
        .scalar_subquery()
    )
    return case((func.substr(key, 1, len(prefix)) == prefix, owner), else_=key)


def party_names(tx: Transaction, parties: Iterable[str]) -> dict[str, str]:
    """The names of parties."""
    found: dict[tuple[str, str], str] = {}
    for part in in_parts(parties):
        found |= holder_names(tx, [_split(one) for one in part])
    return {f"{kind}:{record_id}": name for (kind, record_id), name in found.items()}


def in_parts(ids: Iterable[str]) -> Iterator[list[str]]:
    """Different ids, so many at once that a statement can have them all: a file has thousands of rows."""
    left = iter(sorted(set(ids)))
    while part := list(islice(left, IDS_PER_STATEMENT)):
        yield part


def require_party(tx: Transaction, party: str) -> str:
    """The name of a party that a report is filtered by. Raises: InvalidInput if there is none."""
    kind, _, record_id = party.partition(":")
    name = party_names(tx, [party]).get(party) if kind in PARTY_KINDS and record_id else None
    if name is None:
        raise invalid(
            "/party",
            gettext("There is no customer %(party)s.", party=repr(party[:80])),
            gettext("Write customer:ID, org_unit:ID or item:ID."),
        )
    return name


def party_view(party: str) -> dict[str, str]:
    """A party as views have it: its kind and its id, as the holder of a contract."""
    return dict([_split(party)])


def _split(party: str) -> tuple[str, str]:
    kind, _, record_id = party.partition(":")
    return kind, record_id


def _owner_of(owned: Any, item_id: ColumnElement[str]) -> ColumnElement[str]:
    """SQL: the party of an item's row."""
    return case(
        (owned.c.owner_org_unit_id.is_not(None), party_key("org_unit", owned.c.owner_org_unit_id)),
        (owned.c.owner_customer_id.is_not(None), party_key("customer", owned.c.owner_customer_id)),
        else_=party_key("item", item_id),
    )


def party_key(kind: str, record_id: ColumnElement[str]) -> ColumnElement[str]:
    """SQL: a party of this kind."""
    return text_constant(f"{kind}:") + record_id
