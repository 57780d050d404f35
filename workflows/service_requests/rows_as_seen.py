"""The rows of service requests as a customer may read them. Source: product.md section 2."""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

from sqlalchemy import Row

from workflows.core.transaction import Transaction
from workflows.languages.texts import gettext
from workflows.lifecycle.service_requests.access import (
    ANOTHER_ITEM,
    Nameable,
    Named,
    PersonNames,
)


def rows_as_seen(tx: Transaction, rows: Sequence[Row[Any]]) -> list[Any]:
    """The rows without the items, org units, contracts and persons that may not be named to a customer.

    The request may have been covered, or its item owned, by another customer before. Instead of such an
    item's name, the row says that there is one.
    """
    columns: dict[Named, str] = {
        "item": "item_id",
        "org_unit": "org_unit_id",
        "contract": "decision_contract_id",
    }
    looked_up = {kind: [getattr(row, id_) for row in rows] for kind, id_ in columns.items()}
    nameable = Nameable(tx, {**looked_up, "service_request": [row.merged_into_id for row in rows]})
    names = PersonNames(tx, {row.customer_id for row in rows})
    seen = []
    for row in rows:
        values = {**row._mapping, "created_by": names[row.created_by]}
        values["merged_into_id"] = nameable.id("service_request", row.merged_into_id)
        for kind, id_ in columns.items():
            if not nameable.may(kind, values[id_]):
                prefix = f"{kind}_"
                was_there = values[id_] is not None
                values |= {id_: None, **{name: None for name in values if name.startswith(prefix)}}
                if kind == "item" and was_there:
                    values["item_name"] = gettext(ANOTHER_ITEM)
        seen.append(SimpleNamespace(**values))
    return seen
