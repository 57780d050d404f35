"""Checks of the terms that a command gives for a contract, and how they are stored.

For creating one, and for whatever changes its terms or adds to its grants.
Source: product.md sections 4 and 5.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import and_, select

from engine.contracts import Contract, ContractType, Holder, Unit
from engine.rulebook import RuleSet, check_scope
from engine.service_requests import UNFINISHED_STATES
from workflows.commands.contracts import AmendContract, HolderGiven, NewContract
from workflows.commands.fields import MoneyGiven
from workflows.core.erased import require_holder_not_erased
from workflows.core.errors import Conflict, StateForbids, invalid
from workflows.core.settings import Settings
from workflows.core.transaction import Transaction
from workflows.languages.texts import gettext, mark
from workflows.languages.words import word
from workflows.lifecycle.contracts.type_terms import of_type
from workflows.store import tables as t

HOLDER_TABLES = {
    "item": t.item,
    "customer": t.customer,
    "org_unit": t.org_unit,
    "service_request": t.service_request,
}
HOLDER_TEXTS = {
    "item": mark("an item"),
    "customer": mark("a customer"),
    "org_unit": mark("an org unit"),
    "service_request": mark("a service request"),
}

SCOPE_FORM = mark(
    'Write conditions as in the rules, such as {"all": [{"name": "work_type", "operator": "equal_to", '
    '"value": "on_site"}]}.'
)


def checked_holder(tx: Transaction, given: HolderGiven, terms: ContractType) -> Holder:
    """The holder named by a command, who may hold contracts of the type.

    Raises: InvalidInput; CustomerErased; StateForbids or Conflict for a service request that has a contract
    already.
    """
    kind, holder_id = given.kind, given.id
    if kind not in terms.held_by:
        allowed = ", ".join(terms.held_by) or gettext("another type: this one cannot be held")
        raise invalid(
            f"/holder/{kind}",
            gettext(
                "%(type)s cannot be held by %(holder_texts)s.",
                type=of_type(terms),
                holder_texts=gettext(HOLDER_TEXTS[kind]),
            ),
            gettext("Use %(allowed)s.", allowed=allowed),
        )
    table = HOLDER_TABLES[kind]
    found = tx.connection.execute(select(table.c.id).where(table.c.id == holder_id)).scalar()
    if found is None:
        raise invalid(
            f"/holder/{kind}",
            gettext("There is no %(kind)s with this id.", kind=word(kind.replace("_", " "))),
            gettext("Look it up first."),
        )
    require_holder_not_erased(tx, kind, holder_id)
    if kind == "service_request":
        _check_request(tx, holder_id)
    return Holder(kind, holder_id)


def _check_request(tx: Transaction, service_request_id: str) -> None:
    """Check that a service request is unfinished and holds no contract. Raises: StateForbids, Conflict."""
    r = t.service_request
    state = tx.connection.execute(select(r.c.state).where(r.c.id == service_request_id)).scalar_one()
    if state not in UNFINISHED_STATES:
        raise StateForbids(
            gettext("The service request is %(state)s.", state=word(state)),
            remedy=gettext("Reopen it first."),
            state=state,
        )
    c = t.contract
    held = and_(c.c.holder_kind == "service_request", c.c.holder_id == service_request_id)
    in_force = and_(held, c.c.cancelled_at.is_(None), c.c.ended_at.is_(None))
    own = tx.connection.execute(select(c.c.number).where(in_force)).scalar()
    if own is not None:
        raise Conflict(
            gettext("The service request already has %(own)s.", own=own),
            remedy=gettext("Enable %(own)s instead.", own=own),
        )


def quantities_given(tx: Transaction, command: Any) -> dict[Unit, int | None]:
    """What a command names of each unit: whole minutes, incidents, minor units of the desk's currency.

    Raises: InvalidInput for another currency.
    """
    return {
        "minutes": command.minutes,
        "incidents": command.incidents,
        "money": minor_units(tx, command.money, "/money"),
    }


def minor_units(tx: Transaction, money: MoneyGiven | None, pointer: str) -> int | None:
    """An amount in minor units of the desk's currency. Raises: InvalidInput for another currency."""
    if money is None:
        return None
    if money.currency not in (None, tx.settings.currency):
        raise invalid(
            f"{pointer}/currency",
            gettext("The desk's currency is %(currency)s.", currency=tx.settings.currency),
            gettext("Use that one."),
        )
    return money.amount_minor


def checked_sla(tx: Transaction, sla: str | None) -> str | None:
    """A service level that is in force, or None. Raises: InvalidInput."""
    if sla is not None and sla not in tx.rules.slas:
        known = ", ".join(sorted(tx.rules.slas)) or gettext("none")
        raise invalid(
            "/sla",
            gettext("There is no service level %(sla)s.", sla=repr(sla)),
            gettext("Known: %(known)s.", known=known),
        )
    return sla


def stored_limit(tx: Transaction, command: NewContract | AmendContract) -> dict[str, Any] | None:
    """The limit of a command as it is stored. Raises: InvalidInput for another currency than the desk's."""
    given = command.not_to_exceed
    if given is None:
        return None
    amount = minor_units(tx, given.amount, "/not_to_exceed/amount")
    return {"per": given.per, "minutes": given.minutes, "amount_minor": amount}


def check_time_expired(tx: Transaction, command: NewContract | AmendContract) -> None:
    """Check that expired time can be billed if it is to be. Raises: InvalidInput."""
    if command.time_expired != "bill":
        return
    if not tx.settings.invoices:
        raise invalid(
            "/time_expired",
            gettext("Time is billed by invoices, which are off."),
            gettext("Use rollover or ignore, or switch invoices on."),
        )
    if command.overage_rate is None and tx.settings.default_overage_rate_minor is None:
        raise invalid(
            "/overage_rate",
            gettext("Billed time needs the price of an hour."),
            gettext("Give the overage rate."),
        )


def unbillable_rule(settings: Settings, rule_set: RuleSet) -> str | None:
    """The id of the first coverage rule whose contract bills expired time, which the settings do not allow.

    No service request could be logged by it. Source: product.md section 7.
    """
    for rule in rule_set.coverage.rules:
        has_rate = rule.params.get("overage_rate_minor", settings.default_overage_rate_minor) is not None
        if rule.params.get("time_expired") == "bill" and not (settings.invoices and has_rate):
            return rule.id
    return None


def given_exclusions(command: NewContract | AmendContract) -> dict[str, tuple[str, ...]]:
    """The exclusions of a command by kind, without those of nothing."""
    if command.exclusions is None:
        return {}
    return {key: tuple(values) for key, values in command.exclusions.model_dump().items() if values}


def check_span(
    contract: Contract, effective_at: datetime | None, expires_at: datetime | None, pointer: str = ""
) -> None:
    """Check that a grant's span is not empty and begins before the contract's end. Raises: InvalidInput."""
    start = max(effective_at or contract.starts_at, contract.starts_at)
    if expires_at is not None and expires_at <= start:
        raise invalid(
            f"{pointer}/expires_at",
            gettext("The grant would expire before it is effective."),
            gettext("Give a later one."),
        )
    if contract.expires_at is not None and start >= contract.expires_at:
        raise invalid(
            f"{pointer}/effective_at",
            gettext("The contract is over by then."),
            gettext("Give an earlier one."),
        )


def checked_scope(scope: Any, unit: Unit, pointer: str = "") -> Any:
    """The scope of a grant, whose conditions are on facts of work. Raises: InvalidInput."""
    if scope is None:
        return None
    if unit == "incidents":
        raise invalid(
            f"{pointer}/scope",
            gettext("Incidents are taken for whole service requests, not by work."),
            gettext("Leave it out."),
        )
    for problem in check_scope(scope):
        raise invalid(f"{pointer}/scope{problem.pointer}", problem.message, gettext(SCOPE_FORM))
    return scope
