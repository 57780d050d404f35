"""The work types that people may mean: free text, so that a suggestion is all there is."""

from sqlalchemy import select, union

from workflows.core.transaction import Transaction
from workflows.store import tables as t

LATEST = 200
"""How many of the newest requests and entries are looked at: what is in use, at the price of a short read."""


def known_work_types(tx: Transaction) -> list[str]:
    """Those that the rules in force name, contracts leave out, or newer requests and work have; by name."""
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
