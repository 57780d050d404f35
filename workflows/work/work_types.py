"""The work types to suggest where one is entered: the field is free text."""

from sqlalchemy import select, union

from workflows.core.transaction import Transaction
from workflows.store import tables as t

LATEST = 200
"""How many of the newest requests and entries are read: enough for what is in use, by a short read."""


def known_work_types(tx: Transaction) -> list[str]:
    """Work types that the rules in force name, contracts exclude, or recent requests and work have."""
    return sorted(_named_by_rules(tx) | _in_use(tx))


def _named_by_rules(tx: Transaction) -> set[str]:
    return tx.config.rule_set.texts_named("work_type") if tx.config.rule_set is not None else set()


def _in_use(tx: Transaction) -> set[str]:
    request, entry, contract = t.service_request, t.work_entry, t.contract
    asked = select(request.c.work_type).order_by(request.c.opened_at.desc()).limit(LATEST).subquery()
    worked = select(entry.c.work_type).order_by(entry.c.id.desc()).limit(LATEST).subquery()
    newest = union(select(asked.c.work_type), select(worked.c.work_type))
    used = set(tx.connection.execute(newest).scalars()) - {None, ""}
    left_out = (
        select(contract.c.exclusions)
        .where(contract.c.state.in_(("pending", "active")))
        .order_by(contract.c.created_at.desc())
        .limit(LATEST)
    )
    for exclusions in tx.connection.execute(left_out).scalars():
        used |= set((exclusions or {}).get("work_types", []))
    return used
