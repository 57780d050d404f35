"""Service requests that were merged into another one: which is left, and which were merged into it.

`merged_into_id` names the request into which one was merged; that may be merged, too, so the links make a
tree. A request that is left has none. Source: product.md section 9.
"""

from typing import Any

from sqlalchemy import Row, bindparam, select

from workflows.core.errors import NotFound, StateForbids
from workflows.core.transaction import Transaction
from workflows.languages.texts import gettext
from workflows.lifecycle.service_requests.access import surviving_id, visible_requests, visible_row
from workflows.store import tables as t
from workflows.store.column_types import Id
from workflows.store.compiled_statements import Prepared

r = t.service_request
_DIRECT = (
    select(r.c.id, r.c.number)
    .where(r.c.merged_into_id == bindparam("survivor", type_=Id, required=True))
    .cte("merged", recursive=True)
)
_FURTHER = r.alias("further")
_MERGED = _DIRECT.union_all(
    select(_FURTHER.c.id, _FURTHER.c.number).join(_DIRECT, _FURTHER.c.merged_into_id == _DIRECT.c.id)
)
_NUMBERS = Prepared(select(_MERGED.c.id, _MERGED.c.number))


def merged_numbers(tx: Transaction, request_id: str) -> dict[str, str]:
    """The numbers of all requests that were merged into a request, also by way of others, by their ids."""
    return {row.id: row.number for row in _NUMBERS.all(tx.connection, {"survivor": request_id})}


def visible_merged(tx: Transaction, request_id: str) -> dict[str, str]:
    """`merged_numbers`, without those that the actor may not see: one may have been of another org unit."""
    numbers = merged_numbers(tx, request_id)
    if tx.actor.is_staff or not numbers:
        return numbers
    seen = select(r.c.id).where(r.c.id.in_(sorted(numbers)), visible_requests(tx))
    return {one: numbers[one] for one in tx.connection.execute(seen.order_by(r.c.id)).scalars()}


def merged_ids(tx: Transaction, request_id: str) -> list[str]:
    """The ids of all requests that were merged into a request, also by way of others."""
    return list(merged_numbers(tx, request_id))


def require_merged(tx: Transaction, request_id: str) -> Row[Any]:
    """The row of a merged request itself, not of the one that is left. Raises: NotFound; StateForbids."""
    row = tx.connection.execute(select(r).where(r.c.id == request_id, visible_requests(tx))).one_or_none()
    if row is None:
        raise NotFound(
            gettext("There is no such service request."),
            remedy=gettext("Look it up by its number in the list."),
        )
    if row.merged_into_id is None:
        raise StateForbids(
            gettext("%(number)s is not merged.", number=row.number), remedy="", state=row.state
        )
    return row


def surviving_number(tx: Transaction, number: str) -> str:
    """The number of the request that is left for a number: its own, unless it is that of a merged one.

    A request that the actor may not see has its own.
    """
    found = select(r.c.id).where(r.c.number == number, r.c.merged_into_id.is_not(None), visible_requests(tx))
    merged = tx.connection.execute(found).scalar()
    if merged is None:
        return number
    row = visible_row(tx, surviving_id(tx, merged))
    return number if row is None else str(row.number)
