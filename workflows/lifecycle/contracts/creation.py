"""Creating a contract: from the requested terms to its row, its grants and its first state.

All contracts are created here: for a seller, by a rule, by a customer's order or as a renewal.
Source: product.md sections 4 and 5.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import and_, select

from engine.contracts import UNITS, Borrow, CarryOver, Contract, ContractType, Defaults, Holder, Unit
from engine.invoices import SoldKind
from engine.periods import Duration, contract_end, first_instant_of, last_included_day, local_date
from engine.price_list import PriceSource
from engine.rulebook import RuleSet, check_scope
from engine.service_requests import UNFINISHED_STATES
from workflows.commands.contracts import AmendContract, GrantGiven, HolderGiven, NewContract
from workflows.commands.fields import MoneyGiven, MoneyGranted, RateGiven
from workflows.core.errors import Conflict, NotAllowed, StateForbids, invalid
from workflows.core.numbering import next_number
from workflows.core.settings import Settings
from workflows.core.transaction import Transaction
from workflows.languages.texts import gettext, mark
from workflows.languages.words import word
from workflows.lifecycle.contracts.auto_top_up_terms import stored_auto_top_up
from workflows.lifecycle.contracts.grants import add_grant
from workflows.lifecycle.contracts.sale_prices import SalePrice, sale_price
from workflows.lifecycle.contracts.settlement import sync_contract_state
from workflows.lifecycle.contracts.sold_items import add_sold_item
from workflows.lifecycle.contracts.type_terms import (
    chosen_rate_card,
    month_terms,
    monthly_minutes_of,
    of_type,
    type_in_force,
)
from workflows.store import tables as t
from workflows.store.ids import new_id

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


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a contract comes from; `offered_for` is the id of a service request."""

    offered_for: str | None = None
    made_by_rule: bool = False
    renewal_of: Contract | None = None
    quoted: bool = False

    @property
    def price_source(self) -> PriceSource:
        """Who gives the price, where one is given."""
        if self.renewal_of is not None:
            return "renewal"
        return "rule" if self.made_by_rule else "quote" if self.quoted else "given"


def sell(tx: Transaction, command: NewContract, origin: Origin) -> str:
    """Create a contract. Returns its id.

    Raises: InvalidInput for terms that its type does not have; NotAllowed where only finance may enable it;
    StateForbids or Conflict where a service request cannot hold it; NoRuleSet.
    """
    terms = type_in_force(tx, command.type)
    if origin.renewal_of is not None:
        # it has what its predecessor had, also where that was nothing
        terms = replace(terms, defaults=Defaults())
    zone = origin.renewal_of.zone if origin.renewal_of is not None else tx.settings.zone
    holder = checked_holder(tx, command.holder, terms)
    starts_at = _start(tx, command, holder, zone)
    expires_at = _end(tx, command, terms, starts_at, zone)
    if command.enable:
        starts_at = min(starts_at, tx.now)
    price = sale_price(
        tx,
        terms,
        given_minor=minor_units(tx, command.price, "/price"),
        quantity=_sold_quantity(tx, command, terms),
        starts_on=local_date(starts_at, zone),
        discount_percent=command.discount_percent,
        given_by=origin.price_source,
    )
    if origin.renewal_of is None:
        check_time_expired(tx, command)
    payment_due = tx.settings.payment_required and bool(price.price_minor)
    if origin.made_by_rule and command.enable:
        # the rule says that this contract covers at once, whoever logs the request
        payment_due = False
    if command.enable and payment_due and tx.actor.role not in ("finance", "system"):
        raise finance_only()
    contract = Contract(
        id=new_id(),
        number=next_number(tx, terms.number_prefix),
        type=terms.key,
        holder=holder,
        created_at=tx.now,
        starts_at=starts_at,
        expires_at=expires_at,
        enabled_at=None if command.enable is False else min(starts_at, tx.now),
        payment_due=payment_due,
        paid_at=tx.now if command.enable and payment_due else None,
        sla=checked_sla(tx, command.sla or terms.defaults.sla),
        time_expired=command.time_expired,
        overage_rate_minor=minor_units(tx, command.overage_rate, "/overage_rate"),
        exclusions=given_exclusions(command),
        time_zone=zone.key,
    )
    if contract.expires_at is not None and contract.expires_at <= contract.starts_at:
        raise invalid(
            "/ends_on", gettext("The contract would end before it starts."), gettext("Give a later end.")
        )
    monthly_minutes = monthly_minutes_of(command, terms)
    months = month_terms(command, terms, monthly_minutes, is_renewal=origin.renewal_of is not None)
    _insert(tx, contract, terms, price, monthly_minutes, command, origin, months)
    _add_sold_grants(tx, contract, terms, command)
    sold_as: SoldKind = "renewal" if origin.renewal_of is not None else "contract"
    add_sold_item(tx, sold_as, contract.id, holder, price.price_minor, tx.settings.currency)
    tx.audit("contract", contract.id, "created", type=terms.key, holder=holder.key)
    sync_contract_state(tx, contract.id)
    return contract.id


def make_for_request(tx: Transaction, service_request_id: str, params: Mapping[str, Any]) -> str:
    """Create the contract of a rule's `create_contract`, held by the request. Returns its id.

    It awaits payment or being enabled, unless the rule says `"enable": true`. Raises: as `sell`.
    """
    price, overage, money, months = (
        params.get(key) for key in ("price_minor", "overage_rate_minor", "money_minor", "duration_months")
    )
    today = local_date(tx.now, tx.settings.zone)
    command = NewContract(
        type=params["type"],
        holder=HolderGiven(service_request=service_request_id),
        ends_on=last_included_day(today, Duration(months=months)) if months else None,
        minutes=params.get("minutes"),
        incidents=params.get("incidents"),
        money=MoneyGranted(amount_minor=money) if money is not None else None,
        price=MoneyGiven(amount_minor=price) if price is not None else None,
        overage_rate=RateGiven(amount_minor=overage) if overage is not None else None,
        sla=params.get("sla"),
        time_expired=params.get("time_expired"),
        enable=bool(params.get("enable")),
    )
    return sell(tx, command, Origin(offered_for=service_request_id, made_by_rule=True))


# ------------------------------------------------------------------ terms


def checked_holder(tx: Transaction, given: HolderGiven, terms: ContractType) -> Holder:
    """The holder named by a command, who may hold contracts of the type. Raises: InvalidInput; StateForbids;
    Conflict for a service request that has a contract already.
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


def _start(tx: Transaction, command: NewContract, holder: Holder, zone: ZoneInfo) -> datetime:
    if command.starts_on is not None and command.starts_at is not None:
        raise invalid("/starts_on", gettext("Give starts_on or starts_at, not both."))
    if holder.kind == "service_request":
        opened = select(t.service_request.c.opened_at).where(t.service_request.c.id == holder.id)
        opened_at: datetime = tx.connection.execute(opened).scalar_one()
        return opened_at
    if command.starts_at is not None:
        return command.starts_at
    return first_instant_of(command.starts_on or local_date(tx.now, zone), zone)


def _end(
    tx: Transaction, command: NewContract, terms: ContractType, starts_at: datetime, zone: ZoneInfo
) -> datetime | None:
    period = terms.limits.get("period", "none")
    if command.ends_on is not None:
        if period == "none":
            raise invalid(
                "/ends_on", gettext("%(type)s have no period.", type=of_type(terms)), gettext("Leave it out.")
            )
        end = contract_end(command.ends_on, zone)
        if end <= starts_at:
            raise invalid(
                "/ends_on", gettext("The contract would end before it starts."), gettext("Give a later end.")
            )
        return end
    months = terms.defaults.duration_months
    if period == "none" or (period == "optional" and months is None):
        return None
    months = months or tx.settings.default_contract_months
    return contract_end(last_included_day(local_date(starts_at, zone), Duration(months=months)), zone)


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
            "/overage_rate", gettext("Billed time needs the price of an hour."), gettext("Give overage_rate.")
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


def _sold_quantity(tx: Transaction, command: NewContract, terms: ContractType) -> int | None:
    """What a contract is sold with, of what its type draws; None if nothing, or several grants."""
    if terms.draws == "nothing" or command.grants is not None:
        return None
    given = quantities_given(tx, command)[terms.draws]
    return given if given is not None else getattr(terms.defaults, terms.draws)


def _insert(
    tx: Transaction,
    contract: Contract,
    terms: ContractType,
    price: SalePrice,
    monthly_minutes: int | None,
    command: NewContract,
    origin: Origin,
    months: tuple[CarryOver | None, Borrow | None],
) -> None:
    has_amounts = price.price_minor is not None or contract.overage_rate_minor is not None
    has_amounts = has_amounts or terms.draws == "money"
    has_amounts = has_amounts or (
        command.not_to_exceed is not None and command.not_to_exceed.amount is not None
    )
    rate_card = chosen_rate_card(tx, command.rate_card, terms)
    tx.add(
        t.contract,
        id=contract.id,
        number=contract.number,
        type=contract.type,
        draws=terms.draws,
        holder_kind=contract.holder.kind,
        holder_id=contract.holder.id,
        time_zone=contract.time_zone,
        state="pending",
        starts_at=contract.starts_at,
        expires_at=contract.expires_at,
        enabled_at=contract.enabled_at,
        payment_due=contract.payment_due,
        paid_at=contract.paid_at,
        **price.columns(),
        currency=tx.settings.currency if has_amounts else None,
        monthly_minutes=monthly_minutes,
        overage_rate_minor=contract.overage_rate_minor,
        time_expired=contract.time_expired,
        sla=contract.sla,
        exclusions={key: list(values) for key, values in contract.exclusions.items()} or None,
        rounding=command.rounding.model_dump() if command.rounding is not None else None,
        rate_card=rate_card,
        carry_over=months[0]._asdict() if months[0] is not None else None,
        borrow=months[1]._asdict() if months[1] is not None else None,
        auto_top_up=stored_auto_top_up(tx, command.auto_top_up, terms.draws),
        overage=command.overage,
        not_to_exceed=stored_limit(tx, command),
        renewal_of_id=origin.renewal_of.id if origin.renewal_of is not None else None,
        offered_for_id=origin.offered_for,
        made_by_rule=origin.made_by_rule,
        created_at=contract.created_at,
        created_by=tx.actor.name,
    )


def _add_sold_grants(tx: Transaction, contract: Contract, terms: ContractType, command: NewContract) -> None:
    unit: Unit | None = None if terms.draws == "nothing" else terms.draws
    given = quantities_given(tx, command)
    for field, value in given.items():
        if value is not None and field != unit:
            raise invalid(
                f"/{field}",
                gettext("%(type)s have no %(field)s.", type=of_type(terms), field=field),
                gettext("Leave it out."),
            )
    if unit is None:
        if command.grants:
            raise invalid(
                "/grants",
                gettext("%(type)s have no grants.", type=of_type(terms)),
                gettext("Leave them out."),
            )
        return
    if command.grants is not None:
        if given[unit] is not None:
            raise invalid("/grants", gettext("Give %(unit)s or grants, not both.", unit=unit))
        if not command.grants:
            raise invalid(
                "/grants",
                gettext("The list is empty."),
                gettext("Name a grant, or give %(unit)s.", unit=unit),
            )
        for index, grant in enumerate(command.grants):
            _add_given_grant(tx, contract, terms, unit, index, grant)
        return
    if terms.allocation == "monthly":
        return
    quantity = given[unit] or getattr(terms.defaults, unit)
    if quantity is None:
        raise invalid(
            f"/{unit}",
            gettext("%(type)s need %(unit)s.", type=of_type(terms), unit=unit),
            gettext("Give %(unit)s or grants.", unit=unit),
        )
    add_grant(tx, contract, unit=unit, currency=_currency_of(tx, unit), quantity=quantity, kind="sold")


def _add_given_grant(
    tx: Transaction, contract: Contract, terms: ContractType, unit: Unit, index: int, grant: GrantGiven
) -> None:
    pointer = f"/grants/{index}"
    if any((getattr(grant, one) is None) == (one == unit) for one in UNITS):
        raise invalid(
            pointer,
            gettext("%(type)s have grants of %(unit)s.", type=of_type(terms), unit=unit),
            gettext("Give %(unit)s alone.", unit=unit),
        )
    check_span(contract, grant.effective_at, grant.expires_at, pointer)
    minor = minor_units(tx, grant.money, f"{pointer}/money")
    add_grant(
        tx,
        contract,
        unit=unit,
        currency=_currency_of(tx, unit),
        quantity=minor or getattr(grant, unit),
        kind="sold",
        effective_at=grant.effective_at,
        expires_at=grant.expires_at,
        priority=grant.priority,
        scope=checked_scope(grant.scope, unit, pointer),
    )


def _currency_of(tx: Transaction, unit: Unit) -> str | None:
    """The currency of a grant that is sold now; None unless it is of money."""
    return tx.settings.currency if unit == "money" else None


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


def finance_only() -> NotAllowed:
    """The error for enabling a contract that awaits payment without the role finance."""
    return NotAllowed(
        gettext("The contract awaits payment, and only finance marks a payment received."),
        remedy=gettext("Ask someone with the role finance to enable it."),
    )
