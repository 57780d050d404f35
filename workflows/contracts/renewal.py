"""What a renewal takes over from the contract that it renews. Source: product.md section 5."""

from datetime import datetime
from typing import Any

from sqlalchemy import Row, select

from engine.contracts import Contract, amount_text
from engine.periods import contract_end
from engine.renewals import Succession, successor_last_day
from workflows.commands.contracts import Exclusions, GrantGiven, HolderGiven, NewContract, Renew
from workflows.commands.fields import MoneyGiven
from workflows.commands.rounding import RoundingTerms
from workflows.core.errors import Conflict, invalid
from workflows.core.transaction import Transaction
from workflows.lifecycle.contracts.grants import StoredGrant, read_grants
from workflows.lifecycle.contracts.rows import contract_value
from workflows.store import tables as t

RENEWED_GRANT = "sold"
"""The kind of grant that is a term of the contract. Top-ups and adjustments were given once."""


def successor_terms(tx: Transaction, row: Row[Any], command: Renew) -> NewContract:
    """The terms of the successor: those of the contract, except for what the command gives.

    `minutes` or `incidents` in the command take the place of all grants.
    Raises: Conflict if the contract has amounts in another currency than the desk's; InvalidInput if it would
    end before one of its grants begins.
    """
    contract = contract_value(row)
    ends_on = command.ends_on or successor_last_day(row.starts_at, row.expires_at, contract.zone)
    overage = row.overage_rate_minor
    price = command.price
    if price is None and row.price_minor is not None:
        price = _in_currency(tx, row, row.price_minor)
    is_given = bool(command.minutes or command.incidents)
    return NewContract.model_construct(
        type=row.type,
        holder=HolderGiven(**{row.holder_kind: row.holder_id}),
        starts_at=row.expires_at,
        starts_on=None,
        ends_on=ends_on,
        minutes=command.minutes or (None if is_given else row.monthly_minutes),
        incidents=command.incidents,
        grants=None if is_given else _grants(tx, contract, contract_end(ends_on, contract.zone)),
        price=price,
        overage_rate=_in_currency(tx, row, overage) if overage is not None else None,
        sla=row.sla,
        time_expired=row.time_expired,
        exclusions=Exclusions(**row.exclusions) if row.exclusions else None,
        rate_card=row.rate_card,
        rounding=RoundingTerms(**row.rounding) if row.rounding else None,
        service_request=None,
        enable=command.enable,
    )


def successor_number(tx: Transaction, contract_id: str) -> str | None:
    """The number of the contract that renewed this one; None if there is none, or if it was cancelled."""
    c = t.contract
    successor = select(c.c.number).where(c.c.renewal_of_id == contract_id, c.c.cancelled_at.is_(None))
    number: str | None = tx.connection.execute(successor).scalar()
    return number


def _in_currency(tx: Transaction, row: Row[Any], amount_minor: int) -> MoneyGiven:
    if row.currency not in (None, tx.settings.currency):
        raise Conflict(
            f"{row.number} was sold in {row.currency}, and the desk's currency is {tx.settings.currency}: "
            "its amounts cannot be taken over.",
            remedy=f"Sell a new contract with amounts in {tx.settings.currency}.",
        )
    return MoneyGiven(amount_minor=amount_minor)


def _grants(tx: Transaction, contract: Contract, successor_expires_at: datetime) -> list[GrantGiven] | None:
    """The grants that were sold, each in its place in the successor; None if none was."""
    sold = [one for one in read_grants(tx, contract.id) if one.kind == RENEWED_GRANT]
    if not sold or contract.expires_at is None:
        return None
    succession = Succession(contract.starts_at, contract.expires_at, successor_expires_at, contract.zone)
    return [_grant(succession, one) for one in sold]


def _grant(succession: Succession, stored: StoredGrant) -> GrantGiven:
    grant = stored.grant
    effective_at, expires_at = succession.span(grant.effective_at, grant.expires_at)
    if effective_at is not None and effective_at >= succession.successor_expires_at:
        raise invalid(
            "/ends_on",
            f"A grant of {amount_text(grant.quantity, grant.unit)} would begin after that day.",
            f"Give a later day, or the {grant.unit} of the whole renewal.",
        )
    return GrantGiven.model_validate(
        {grant.unit: grant.quantity, "effective_at": effective_at, "expires_at": expires_at}
    )
