"""Why the contract that covered a service request pays for nothing of a work entry: it excludes the work.

The words are those by which the coverage search rules a contract out. Source: product.md sections 6 and 7.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Row, select

from workflows.core.transaction import Transaction
from workflows.coverage.reasons import ruled_out_text
from workflows.languages.texts import gettext
from workflows.lifecycle.contracts.amendments import contract_as_of
from workflows.lifecycle.contracts.payers import exclusion_of_work
from workflows.lifecycle.service_requests.access import Nameable, may_name
from workflows.store import tables as t
from workflows.store.id_lists import among, id_list

CAUSE = "work_entry:"


def exclusion_text(
    tx: Transaction, charged_by: Mapping[str, Any], worked_at: datetime, work_type: str | None
) -> str | None:
    """Why the covering contract excludes work: "SH-0012 does not cover the work type project"; or None.

    `charged_by` are the terms that are stored with an entry. A contract that the actor may not see has no
    number.
    """
    contract_id = charged_by.get("contract")
    if contract_id is None:
        return None
    row = tx.connection.execute(select(t.contract).where(t.contract.c.id == contract_id)).one()
    is_named = may_name(tx, "contract", contract_id)
    return _text(tx, row, charged_by["role"], worked_at, work_type, is_named=is_named)


def exclusion_texts(tx: Transaction, entries: Iterable[str]) -> dict[str, str]:
    """The same for the stored entries with these ids that are excluded."""
    e, c = t.work_entry.c, t.contract
    listed = sorted(set(entries))
    if not listed:
        return {}
    # of any number: a change of terms may concern the work of years
    wanted = select(e.id, e.charged_by, e.started_at, e.work_type).where(
        among(e.id, "ids", is_sqlite=tx.is_sqlite), e.charged_by.is_not(None)
    )
    rows = tx.connection.execute(wanted, {"ids": id_list(listed, is_sqlite=tx.is_sqlite)}).all()
    covering = {row.charged_by.get("contract") for row in rows} - {None}
    found = tx.connection.execute(select(c).where(c.c.id.in_(sorted(covering)))) if covering else ()
    contracts = {one.id: one for one in found}
    nameable = Nameable(tx, {"contract": contracts})
    texts = {}
    for row in rows:
        contract = contracts.get(row.charged_by.get("contract"))
        if contract is not None:
            is_named = nameable.may("contract", contract.id)
            role = row.charged_by["role"]
            text = _text(tx, contract, role, row.started_at, row.work_type, is_named=is_named)
            texts.update({row.id: text} if text is not None else {})
    return texts


def exclusions_of_movements(tx: Transaction, movements: Iterable[Any]) -> dict[str, str]:
    """The same for rows of `ledger_transaction` that record time and bill it to nobody, by their ids."""
    entries = {one.id: one.cause.removeprefix(CAUSE) for one in movements if one.kind == "ignore"}
    texts = exclusion_texts(tx, entries.values())
    return {one: texts[entry] for one, entry in entries.items() if entry in texts}


def _text(
    tx: Transaction,
    contract: Row[Any],
    role: str,
    worked_at: datetime,
    work_type: str | None,
    *,
    is_named: bool,
) -> str | None:
    found = exclusion_of_work(contract_as_of(tx, contract, worked_at), role, work_type)
    if found is None:
        return None
    code, value = found
    number = contract.number if is_named else gettext("another holder’s contract")
    return f"{number} {ruled_out_text(code, None, value, tx.settings.zone)}"
