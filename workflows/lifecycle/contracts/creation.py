"""Creating a contract: from the requested terms to its row, its grants and its first state.

All contracts are created here: for a seller, by a rule, by a customer's order or as a renewal.
Source: product.md sections 4 and 5.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select

from engine.contracts import UNITS, Borrow, CarryOver, Contract, ContractType, Defaults, Holder, Unit
from engine.invoices import SoldKind
from engine.periods import Duration, contract_end, first_instant_of, last_included_day, local_date
from engine.price_list import PriceSource
from workflows.commands.contracts import GrantGiven, HolderGiven, NewContract
from workflows.commands.fields import MoneyGiven, MoneyGranted, RateGiven
from workflows.core.errors import NotAllowed, invalid
from workflows.core.numbering import next_number
from workflows.core.transaction import Transaction
from workflows.languages.texts import gettext
from workflows.lifecycle.contracts.auto_top_up_terms import stored_auto_top_up
from workflows.lifecycle.contracts.given_terms import (
    check_span,
    check_time_expired,
    checked_holder,
    checked_scope,
    checked_sla,
    given_exclusions,
    minor_units,
    quantities_given,
    stored_limit,
)
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
    usual_months,
)
from workflows.store import tables as t
from workflows.store.ids import new_id


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
    command = _command_for_request(tx, service_request_id, params)
    return sell(tx, command, Origin(offered_for=service_request_id, made_by_rule=True))


def price_for_request(
    tx: Transaction, service_request_id: str, params: Mapping[str, Any], terms: ContractType, at: datetime
) -> int | None:
    """The price of the contract that a rule's `create_contract` makes for a request, in minor units.

    `terms` are those of its type, `at` is when it is made (aware UTC). None where it has no price.
    """
    command = _command_for_request(tx, service_request_id, params)
    price = sale_price(
        tx,
        terms,
        given_minor=params.get("price_minor"),
        quantity=_sold_quantity(tx, command, terms),
        starts_on=local_date(at, tx.settings.zone),
        discount_percent=None,
        given_by="rule",
    )
    return price.price_minor


def _command_for_request(tx: Transaction, service_request_id: str, params: Mapping[str, Any]) -> NewContract:
    price, overage, money, months = (
        params.get(key) for key in ("price_minor", "overage_rate_minor", "money_minor", "duration_months")
    )
    today = local_date(tx.now, tx.settings.zone)
    return NewContract(
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
    months = usual_months(tx, terms)
    if months is None:
        return None
    return contract_end(last_included_day(local_date(starts_at, zone), Duration(months=months)), zone)


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


def finance_only() -> NotAllowed:
    """The error for enabling a contract that awaits payment without the role finance."""
    return NotAllowed(
        gettext("The contract awaits payment, and only finance marks a payment received."),
        remedy=gettext("Ask someone with the role finance to enable it."),
    )
