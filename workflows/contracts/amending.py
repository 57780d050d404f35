"""Use cases that change the terms or the holder of a contract from an instant on.

The old terms stay readable as of their time. Source: product.md section 5 (amend, transfer).
"""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row

from engine.contracts import OVER_STATES, Contract, dated_state
from engine.periods import contract_end, local_date, months_between
from workflows.commands.contracts import AmendContract, ContractAction, TransferContract
from workflows.contracts.effective_dates import (
    effective_instant,
    pointer_of,
    refuse_before_finished,
    refuse_invoiced,
)
from workflows.contracts.permitted_actions import SELLERS
from workflows.contracts.renewal import successor_number
from workflows.contracts.use_cases import action_forbidden, locked_contract
from workflows.core.errors import Conflict, invalid
from workflows.core.transaction import Transaction
from workflows.coverage.search import settle_and_cover
from workflows.coverage.waiting_list import lock_covered
from workflows.languages.texts import gettext
from workflows.lifecycle.contracts.amendments import contract_as_of, record_amendment, rows_as_of
from workflows.lifecycle.contracts.given_terms import (
    check_time_expired,
    checked_holder,
    checked_sla,
    given_exclusions,
    minor_units,
    stored_limit,
)
from workflows.lifecycle.contracts.rows import contract_value
from workflows.lifecycle.contracts.type_terms import of_type, type_in_force
from workflows.register.holder_names import holder_names


def amend_contract(
    tx: Transaction, contract_id: str, command: AmendContract, *, expected_version: int | None = None
) -> str:
    """Change terms of a contract, now, at a later instant or as of an earlier one; returns its id.

    Requests that it covers stay with it, with its new service level; work since then is drawn again. Raises:
        NotAllowed: the actor does not sell contracts.
        NotFound: there is no such contract.
        VersionChanged: it does not have the expected version.
        StateForbids: it is cancelled or expired.
        Conflict: it has amounts in another currency than the desk's, or has been renewed and would end on
            another day.
        InvalidInput: nothing would change, a term does not fit the type, or the instant is before the
            contract, after its end, or in the past of a period that has been invoiced.
    """
    row, at = _changeable(tx, contract_id, command, "amend", expected_version)
    refuse_invoiced(tx, contract_value(row), at, pointer_of(command))
    then = rows_as_of(tx, [row], at)[0]
    after = {
        name: value
        for name, value in _amended(tx, row, then, command, at).items()
        if value != getattr(then, name)
    }
    if not after:
        raise invalid(
            "",
            gettext("Nothing would change: these are the terms in force then."),
            gettext("Give another term."),
        )
    record_amendment(tx, row, kind="amended", effective_at=at, after=after, reason=command.reason)
    changes = {name: [_text(getattr(then, name)), _text(value)] for name, value in after.items()}
    tx.audit(
        "contract", contract_id, "amended", effective_at=at.isoformat(), **changes, reason=command.reason
    )
    settle_and_cover(tx, contract_id)
    return contract_id


def transfer_contract(
    tx: Transaction, contract_id: str, command: TransferContract, *, expected_version: int | None = None
) -> str:
    """Give a contract another holder, now, at a later instant or as of an earlier one; returns its id.

    The unfinished requests that it covers, or that wait for it, are searched again, their work since then is
    drawn again, and requests of the new holder that wait may be covered. Minutes carried before then stay
    with the holder who carried them. Raises:
        NotAllowed: the actor does not sell contracts.
        NotFound: there is no such contract.
        VersionChanged: it does not have the expected version.
        StateForbids: it is cancelled or expired, or belongs to a service request.
        InvalidInput: it is already held by that holder, who may not hold it, or does not exist; or the
            instant is before the contract, after its end, before work on requests that are finished, or
            before its last transfer.
    """
    row, at = _changeable(tx, contract_id, command, "transfer", expected_version)
    holder = checked_holder(tx, command.holder, type_in_force(tx, row.type))
    pointer = f"/holder/{holder.kind}"
    if holder.kind == "service_request":
        raise invalid(
            pointer,
            gettext("A contract cannot be transferred to a service request."),
            gettext("Choose an item, a customer or an org unit."),
        )
    if row.held_since is not None and at < row.held_since:
        raise invalid(
            pointer_of(command),
            gettext("%(number)s has been transferred since then.", number=row.number),
            gettext("Give an instant after its last transfer."),
        )
    then = contract_as_of(tx, row, at).holder
    names = holder_names(tx, [then, holder])
    if holder == then:
        raise invalid(
            pointer,
            gettext("%(number)s is already held by %(names)s.", number=row.number, names=names[holder]),
            gettext("Choose another holder."),
        )
    if at < tx.now:
        refuse_before_finished(tx, contract_value(row), at, pointer_of(command))
    after = {"holder_kind": holder.kind, "holder_id": holder.id}
    record_amendment(tx, row, kind="transferred", effective_at=at, after=after, reason=command.reason)
    tx.audit(
        "contract",
        contract_id,
        "transferred",
        effective_at=at.isoformat(),
        holder=[names.get(then, then.id), names[holder]],
        reason=command.reason,
    )
    settle_and_cover(tx, contract_id)
    return contract_id


def _changeable(
    tx: Transaction, contract_id: str, command: ContractAction, action: str, expected_version: int | None
) -> tuple[Row[Any], datetime]:
    """The locked row of a contract whose terms can change, and the instant from which they do."""
    tx.require(*SELLERS)
    lock_covered(tx, contract_id)
    row = locked_contract(tx, contract_id, expected_version)
    contract = contract_value(row)
    if dated_state(contract, tx.now).state in OVER_STATES:
        raise action_forbidden(tx, row, action)
    if action == "transfer" and row.holder_kind == "service_request":
        raise action_forbidden(tx, row, action, gettext("It belongs to its service request."))
    return row, effective_instant(tx, contract, command)


def _amended(
    tx: Transaction, row: Row[Any], then: Any, command: AmendContract, at: datetime
) -> dict[str, Any]:
    """The new values of the terms that a command names, by column. Raises: InvalidInput, Conflict."""
    given = command.given()
    after: dict[str, Any] = {}
    if "price" in given:
        after["price_minor"] = minor_units(tx, command.price, "/price")
    if "overage_rate" in given:
        after["overage_rate_minor"] = minor_units(tx, command.overage_rate, "/overage_rate")
    if "overage" in given:
        after["overage"] = command.overage
    if "not_to_exceed" in given:
        after["not_to_exceed"] = stored_limit(tx, command)
    amounts = [after.get("price_minor"), after.get("overage_rate_minor")]
    amounts.append((after.get("not_to_exceed") or {}).get("amount_minor"))
    if any(value is not None for value in amounts):
        after["currency"] = _currency(tx, row)
    if "sla" in given:
        after["sla"] = checked_sla(tx, command.sla)
    if "time_expired" in given:
        check_time_expired(tx, command)
        after["time_expired"] = command.time_expired
    if "exclusions" in given:
        excluded = given_exclusions(command)
        after["exclusions"] = {kind: list(values) for kind, values in excluded.items()} or None
    if "ends_on" in given:
        after["expires_at"] = _new_end(tx, row, then, command, at)
    return after


def _currency(tx: Transaction, row: Row[Any]) -> str:
    if row.currency not in (None, tx.settings.currency):
        raise Conflict(
            gettext(
                "%(number)s was sold in %(currency)s, and the desk's currency is %(currency2)s.",
                number=row.number,
                currency=row.currency,
                currency2=tx.settings.currency,
            ),
            remedy=gettext(
                "Sell a new contract with amounts in %(currency)s.", currency=tx.settings.currency
            ),
        )
    return tx.settings.currency


def _new_end(
    tx: Transaction, row: Row[Any], then: Any, command: AmendContract, at: datetime
) -> datetime | None:
    """The exclusive end of a contract that is to end on another day, or None for no end.

    Raises: InvalidInput where the type or the work that was paid for does not allow it; Conflict.
    """
    terms, contract = type_in_force(tx, row.type), contract_value(row)
    period = terms.limits.get("period", "none")
    if period == "none" or row.holder_kind == "service_request":
        raise invalid(
            "/ends_on", gettext("%(type)s have no period.", type=of_type(terms)), gettext("Leave it out.")
        )
    end = None if command.ends_on is None else contract_end(command.ends_on, contract.zone)
    if end is None and (period == "required" or row.monthly_minutes is not None):
        raise invalid(
            "/ends_on", gettext("%(type)s need a last day.", type=of_type(terms)), gettext("Give a day.")
        )
    if end == then.expires_at:
        return end
    successor = successor_number(tx, row.id)
    if successor is not None:
        raise Conflict(
            gettext(
                "%(number)s has been renewed by %(successor)s, which starts at its end.",
                number=row.number,
                successor=successor,
            ),
            remedy=gettext("Cancel %(successor)s first.", successor=successor),
        )
    if end is not None and max(at, row.starts_at) < end <= tx.now:
        raise invalid(
            "/ends_on",
            gettext("A contract cannot end on a day that has passed."),
            gettext("Give today or a later day, or cancel it."),
        )
    if end is not None and end <= max(at, row.starts_at):
        raise invalid(
            "/ends_on",
            gettext("The contract would end before the change takes effect."),
            gettext("Give a later day."),
        )
    if end is not None and row.amends_at is not None and at < row.amends_at >= end:
        raise invalid(
            "/ends_on",
            gettext(
                "The contract would end before another change takes effect on %(day)s.",
                day=_day(contract, row.amends_at),
            ),
            gettext("Give a later day."),
        )
    is_shorter = end is not None and (then.expires_at is None or end < then.expires_at)
    if (
        not is_shorter
        and row.monthly_minutes is not None
        and not _ends_with_a_month(contract, then.expires_at)
    ):
        raise invalid(
            "/ends_on",
            gettext(
                "The last month of %(number)s is only a part of one and cannot be extended.",
                number=row.number,
            ),
            gettext("Renew the contract instead."),
        )
    return end


def _ends_with_a_month(contract: Contract, end: datetime) -> bool:
    """Whether a period of months ends where one of its months does."""
    later = months_between(contract.starts_at, end + timedelta(days=62), contract.zone)
    return any(month.end == end for month in later)


def _day(contract: Contract, at: datetime) -> str:
    return local_date(at, contract.zone).isoformat()


def _text(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value
