"""What a renewal takes over from the contract that it renews. Source: product.md section 5."""

from datetime import date, datetime, timedelta
from fractions import Fraction
from typing import Any

from sqlalchemy import Row, select

from engine.approvals import NotToExceed
from engine.periods import contract_end, local_date
from engine.quantities import Money
from engine.renewals import NO_UPLIFT, Succession, Uplift, renewal_price, successor_last_day
from workflows.commands.contracts import (
    BorrowTerms,
    CarryOverTerms,
    Exclusions,
    GrantGiven,
    HolderGiven,
    NewContract,
    NotToExceedGiven,
    Renew,
)
from workflows.commands.fields import MoneyGiven, MoneyGranted
from workflows.commands.rounding import RoundingTerms
from workflows.core.errors import Conflict, invalid
from workflows.core.transaction import Transaction
from workflows.languages.formats import amount_text
from workflows.languages.texts import gettext
from workflows.lifecycle.contracts.auto_top_up_terms import renewed_auto_top_up
from workflows.lifecycle.contracts.given_terms import minor_units
from workflows.lifecycle.contracts.grants import StoredGrant, read_grants
from workflows.lifecycle.contracts.rows import contract_value
from workflows.store import tables as t

_DAY = timedelta(days=1)
RENEWED_GRANT = "sold"
"""The kind of grant that is a term of the contract. Top-ups and adjustments were given once."""


def successor_terms(tx: Transaction, row: Row[Any], command: Renew) -> NewContract:
    """The terms of the successor: those of the contract, except for what the command gives.

    `minutes`, `incidents` or `money` in the command take the place of all grants.
    Raises: Conflict if the contract has amounts in another currency than the desk's; InvalidInput if it would
    end before one of its grants begins.
    """
    contract = contract_value(row)
    full_length = successor_last_day(row.starts_at, row.expires_at, contract.zone)
    ends_on = _co_terminated_day(tx, row, command) or command.ends_on or full_length
    overage = row.overage_rate_minor
    price = _price(tx, row, command, ends_on, full_length)
    is_given = bool(command.minutes or command.incidents or command.money)
    return NewContract.model_construct(
        type=row.type,
        holder=HolderGiven(**{row.holder_kind: row.holder_id}),
        starts_at=row.expires_at,
        starts_on=None,
        ends_on=ends_on,
        minutes=command.minutes or (None if is_given else row.monthly_minutes),
        incidents=command.incidents,
        money=command.money,
        grants=None if is_given else _grants(tx, row, contract_end(ends_on, contract.zone)),
        price=price,
        overage_rate=_in_currency(tx, row, overage) if overage is not None else None,
        sla=row.sla,
        time_expired=row.time_expired,
        exclusions=Exclusions(**row.exclusions) if row.exclusions else None,
        rate_card=row.rate_card,
        rounding=RoundingTerms(**row.rounding) if row.rounding else None,
        carry_over=CarryOverTerms(**row.carry_over) if row.carry_over else None,
        borrow=BorrowTerms(**row.borrow) if row.borrow else None,
        auto_top_up=renewed_auto_top_up(row),
        overage=row.overage,
        not_to_exceed=_limit(tx, row),
        service_request=None,
        enable=command.enable,
    )


def _limit(tx: Transaction, row: Row[Any]) -> NotToExceedGiven | None:
    """The limit of a contract. Raises: Conflict if it is in another currency than the desk's."""
    limit = NotToExceed.of(row.not_to_exceed)
    if limit is None:
        return None
    minor = limit.amount_minor
    amount = MoneyGranted(amount_minor=_in_currency(tx, row, minor).amount_minor) if minor else None
    return NotToExceedGiven(per=limit.per, minutes=limit.minutes, amount=amount)


def _co_terminated_day(tx: Transaction, row: Row[Any], command: Renew) -> date | None:
    """The last day of the contract with which the successor ends; None if it ends on its own.

    Raises: InvalidInput where there is no such contract of the same holder, or it has no end after the
    successor's start.
    """
    if command.co_terminate_with is None:
        return None
    if command.ends_on is not None:
        raise invalid(
            "/ends_on", gettext("Give ends_on or co_terminate_with, not both."), gettext("Leave one out.")
        )
    c = t.contract
    other = tx.connection.execute(
        select(c.c.number, c.c.holder_kind, c.c.holder_id, c.c.expires_at, c.c.cancelled_at).where(
            c.c.id == command.co_terminate_with
        )
    ).one_or_none()
    if other is None:
        raise invalid(
            "/co_terminate_with",
            gettext("There is no contract with this id."),
            gettext("Look it up by its number."),
        )
    if (other.holder_kind, other.holder_id) != (row.holder_kind, row.holder_id):
        raise invalid(
            "/co_terminate_with",
            gettext(
                "%(number)s is not held by the holder of %(row_number)s.",
                number=other.number,
                row_number=row.number,
            ),
            gettext("Choose a contract of the same holder."),
        )
    ends = [one for one in (other.expires_at, other.cancelled_at) if one is not None]
    if not ends or min(ends) <= row.expires_at:
        raise invalid(
            "/co_terminate_with",
            gettext("%(number)s ends before the renewal would start.", number=other.number)
            if ends
            else gettext("%(number)s has no end date.", number=other.number),
            gettext("Choose a contract that ends later."),
        )
    return local_date(min(ends) - timedelta(microseconds=1), contract_value(row).zone)


def _price(
    tx: Transaction, row: Row[Any], command: Renew, ends_on: date, full_length: date
) -> MoneyGiven | None:
    """The price given, else the predecessor's with the uplift; pro rata by days up to a co-terminated end.

    Raises: InvalidInput for an uplift of nothing or in another currency; Conflict.
    """
    uplift = _uplift(tx, command)
    if command.price is not None:
        return command.price
    if row.price_minor is None:
        if uplift is not None:
            raise invalid(
                "/uplift",
                gettext("%(number)s has no price to raise.", number=row.number),
                gettext("Give a price instead."),
            )
        return None
    price = Money(_in_currency(tx, row, row.price_minor).amount_minor, tx.settings.currency)
    if command.co_terminate_with is None:
        return MoneyGiven(amount_minor=renewal_price(price, uplift or NO_UPLIFT).amount_minor)
    starts_on = local_date(row.expires_at, contract_value(row).zone)
    part, whole = (starts_on, ends_on + _DAY), (starts_on, full_length + _DAY)
    raised = renewal_price(price, uplift or NO_UPLIFT, part=part, whole=whole)
    return MoneyGiven(amount_minor=raised.amount_minor)


def _uplift(tx: Transaction, command: Renew) -> Uplift | None:
    given = command.uplift
    if given is None:
        return None
    if command.price is not None:
        raise invalid("/uplift", gettext("Give a price or an uplift, not both."), gettext("Leave one out."))
    if given.percent is not None:
        return Uplift(percent=Fraction(given.percent))
    amount_minor = minor_units(tx, given.amount, "/uplift/amount") or 0
    return Uplift(amount=Money(amount_minor, tx.settings.currency))


def successor_number(tx: Transaction, contract_id: str) -> str | None:
    """The number of the contract that renewed this one; None if there is none, or if it was cancelled."""
    c = t.contract
    successor = select(c.c.number).where(c.c.renewal_of_id == contract_id, c.c.cancelled_at.is_(None))
    number: str | None = tx.connection.execute(successor).scalar()
    return number


def _in_currency(tx: Transaction, row: Row[Any], amount_minor: int) -> MoneyGiven:
    if row.currency not in (None, tx.settings.currency):
        raise Conflict(
            gettext(
                "%(number)s was sold in %(currency)s, and the desk's currency is %(currency2)s: its amounts "
                "cannot be taken over.",
                number=row.number,
                currency=row.currency,
                currency2=tx.settings.currency,
            ),
            remedy=gettext(
                "Sell a new contract with amounts in %(currency)s.", currency=tx.settings.currency
            ),
        )
    return MoneyGiven(amount_minor=amount_minor)


def _grants(tx: Transaction, row: Row[Any], successor_expires_at: datetime) -> list[GrantGiven] | None:
    """The grants that were sold, each in its place in the successor; None if none was. Raises: Conflict."""
    contract = contract_value(row)
    sold = [one for one in read_grants(tx, contract.id) if one.kind == RENEWED_GRANT]
    if not sold or contract.expires_at is None:
        return None
    succession = Succession(contract.starts_at, contract.expires_at, successor_expires_at, contract.zone)
    if row.draws == "money":
        _in_currency(tx, row, 0)
    return [_grant(succession, one) for one in sold]


def _grant(succession: Succession, stored: StoredGrant) -> GrantGiven:
    grant = stored.grant
    amount = amount_text(grant.quantity, grant.unit, grant.currency)
    effective_at, expires_at = succession.span(grant.effective_at, grant.expires_at)
    if effective_at is not None and effective_at >= succession.successor_expires_at:
        raise invalid(
            "/ends_on",
            gettext("A grant of %(amount)s would begin after that day.", amount=amount),
            gettext("Give a later day, or the %(unit)s of the whole renewal.", unit=grant.unit),
        )
    quantity: Any = grant.quantity
    if grant.unit == "money":
        quantity = MoneyGranted(amount_minor=grant.quantity, currency=grant.currency)
    return GrantGiven.model_validate(
        {
            grant.unit: quantity,
            "effective_at": effective_at,
            "expires_at": expires_at,
            "priority": grant.priority,
            "scope": stored.scope,
        }
    )
