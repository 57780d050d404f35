"""A renewal has every term and every grant of the contract that it renews, for each contract type."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from tests.support.builders import RULES
from tests.support.rate_cards import rate_card
from tests.support.sample_desk import MONDAY, SampleDesk
from workflows.commands.billing import ChangeBilling
from workflows.commands.contracts import (
    Adjust,
    CancelContract,
    Exclusions,
    GrantGiven,
    NotToExceedGiven,
    Renew,
    TopUp,
    UpliftGiven,
)
from workflows.commands.fields import MoneyGiven, RateGiven
from workflows.commands.rounding import RoundingTerms
from workflows.contracts.queries import contract_audit, list_contracts, read_contract
from workflows.contracts.use_cases import adjust, cancel_contract, enable_contract, renew, top_up
from workflows.core.errors import Conflict, InvalidInput, StateForbids
from workflows.register.billing_details import change_billing_details
from workflows.store import tables as t

TYPES = sorted(path.stem for path in (RULES / "contract_types").glob("*.json"))
RENEWABLE = [one for one in TYPES if one != "per_request"]
CARRIED = {
    "type",
    "draws",
    "holder_kind",
    "holder_id",
    "time_zone",
    "price_minor",
    "currency",
    "monthly_minutes",
    "overage_rate_minor",
    "time_expired",
    "sla",
    "exclusions",
    "rounding",
    "rate_card",
    "auto_top_up",
    "carry_over",
    "borrow",
    "overage",
    "not_to_exceed",
}
NOT_CARRIED = {
    "id": "a contract of its own",
    "number": "a number of its own",
    "state": "by its own dates",
    "next_due_at": "by its own dates",
    "starts_at": "the end of the contract renewed",
    "expires_at": "the same length after that",
    "enabled_at": "enabled on its own",
    "payment_due": "by the setting at the sale",
    "paid_at": "paid on its own",
    "activated_at": "activated on its own",
    "ended_at": "ends on its own",
    "cancelled_at": "cancelled on its own",
    "auto_top_up_since": "its terms hold from the sale on",
    "alerted_percent": "nothing of it has been used",
    "cancel_reason": "cancelled on its own",
    "renewal_of_id": "the contract renewed",
    "offered_for_id": "ordered for a request then, not now",
    "made_by_rule": "sold by a person",
    "created_at": "sold later",
    "created_by": "by the person who renews",
    "version": "counts its own changes",
    "terms_since": "has no amendments of its own yet",
    "amends_at": "has no amendments of its own yet",
    "held_since": "held from the sale on",
    "price_source": "that it is a renewal",
    "product_price_id": "has the price of the contract renewed, not of the price list",
    "list_price_minor": "its price is what was paid, after the discount",
    "discount_percent": "its price is what was paid, after the discount",
}
"""The columns that a renewal deliberately does not carry, with what they have instead."""
RATES = rate_card(6_000)
YEAR: dict[str, Any] = {"starts_on": date(2026, 1, 1), "ends_on": date(2026, 12, 31)}
TERMS: dict[str, Any] = {
    **YEAR,
    "price": MoneyGiven(amount_minor=9_900),
    "overage_rate": RateGiven(amount_minor=8_000),
    "time_expired": "ignore",
    "sla": "gold",
    "exclusions": Exclusions(work_types=["training"], priorities=["low"], roles=["apprentice"]),
    "rate_card": "standard",
    "rounding": RoundingTerms(increment_minutes=15, scope="service_request"),
    "overage": "ask",
    "not_to_exceed": NotToExceedGiven(per="month", minutes=120),
}
JULY = datetime(2026, 7, 1, tzinfo=UTC)
NEXT_JULY = datetime(2027, 7, 1, tzinfo=UTC)


@pytest.fixture
def database_url(sqlite_database_url: str) -> str:
    """Only on SQLite: the partial index is tested on both databases by the migrations."""
    return sqlite_database_url


@pytest.fixture
def sample(sample: SampleDesk) -> SampleDesk:
    """A desk with rates, without which no money is sold."""
    sample.publish_rules(rate_cards__standard=RATES)
    return sample


def grants(sample: SampleDesk, contract_id: str) -> list[tuple[Any, ...]]:
    """Unit, quantity and span of each grant of a contract, in the order in which they were added."""
    rows = sample.rows(t.contract_grant, contract_id=contract_id)
    return [
        (row.unit, row.quantity, row.effective_at, row.expires_at)
        for row in sorted(rows, key=lambda row: row.id)
    ]


def test_each_column_of_a_contract_is_carried_or_deliberately_not() -> None:
    assert {*CARRIED, *NOT_CARRIED} == set(t.contract.c.keys())
    assert not CARRIED & set(NOT_CARRIED)


@pytest.mark.parametrize("type_key", RENEWABLE)
def test_a_renewal_has_every_term(sample: SampleDesk, type_key: str) -> None:
    sold = sample.sell(type_key, **TERMS)
    sample.set(time_zone="Pacific/Auckland")
    before = sample.contract(sold)
    after = sample.contract(sample.do(renew, sold, Renew()))
    assert before.price_minor == 9_900
    for column in sorted(CARRIED):
        assert getattr(after, column) == getattr(before, column), column
    assert (after.starts_at, after.expires_at) == (before.expires_at, datetime(2028, 1, 1, tzinfo=UTC))
    assert after.renewal_of_id == sold


@pytest.mark.parametrize("type_key", RENEWABLE)
def test_what_a_contract_lacked_is_not_taken_from_the_type(sample: SampleDesk, type_key: str) -> None:
    """Prices and service levels that the type has got since are no terms of the contract."""
    file = RULES / "contract_types" / f"{type_key}.json"
    text = file.read_text()
    sample.publish_rules(
        rate_cards__standard=RATES, **{f"contract_types__{type_key}": text.replace('"standard"', "null")}
    )
    sold = sample.sell(type_key, **YEAR)
    assert (sample.contract(sold).sla, sample.contract(sold).price_minor) == (None, None)
    priced = text.replace('"price_minor": null', '"price_minor": 500')
    sample.publish_rules(rate_cards__standard=RATES, **{f"contract_types__{type_key}": priced})
    after = sample.contract(sample.do(renew, sold, Renew()))
    assert (after.sla, after.price_minor) == (None, None)


@pytest.mark.parametrize("type_key", RENEWABLE)
def test_a_renewal_has_every_grant_in_its_place(sample: SampleDesk, type_key: str) -> None:
    units = {"subscription": None, "incident_pack": "incidents", "prepaid_amount": "money"}
    unit = units.get(type_key, "minutes")
    if unit is None:
        sold = sample.sell(type_key, **YEAR)
        assert grants(sample, sample.do(renew, sold, Renew())) == []
        return
    given = [
        GrantGiven.model_validate({unit: _amount(unit, 30)}),
        GrantGiven.model_validate({unit: _amount(unit, 20), "expires_at": JULY}),
        GrantGiven.model_validate({unit: _amount(unit, 10), "effective_at": JULY}),
    ]
    sold = sample.sell(type_key, **YEAR, grants=given)
    renewed = sample.do(renew, sold, Renew())
    assert grants(sample, renewed) == [
        (unit, 30, None, None),
        (unit, 20, None, NEXT_JULY),
        (unit, 10, NEXT_JULY, None),
    ]
    again = sample.do(renew, renewed, Renew())
    assert [(one[1], one[2] and one[2].year) for one in grants(sample, again)] == [
        (30, None),
        (20, None),
        (10, 2028),
    ]
    sample.do(cancel_contract, again, CancelContract(reason="only one"))
    one_grant = sample.do(renew, renewed, Renew.model_validate({unit: _amount(unit, 55)}))
    if type_key == "support_hours_by_month":
        assert sample.contract(one_grant).monthly_minutes == 55
    else:
        assert grants(sample, one_grant) == [(unit, 55, None, None)]


def _amount(unit: str, quantity: int) -> Any:
    return {"amount_minor": quantity} if unit == "money" else quantity


def test_the_minutes_of_each_month_are_carried(sample: SampleDesk) -> None:
    sold = sample.sell("support_hours_by_month", **YEAR, minutes=100)
    assert len(grants(sample, sold)) == 12
    renewed = sample.do(renew, sold, Renew(enable=True))
    sample.clock.move(days=400)
    view = sample.see(read_contract, renewed)
    assert (view.monthly_minutes, view.starts_on.year) == (100, 2026)


def test_what_was_given_once_is_not_carried(sample: SampleDesk) -> None:
    sold = sample.sell("support_hours", **YEAR, minutes=60)
    sample.do(top_up, sold, TopUp(minutes=45))
    sample.do(adjust, sold, Adjust(minutes=15, reason="goodwill"))
    sample.do(adjust, sold, Adjust(minutes=-10, reason="mistake"))
    assert grants(sample, sample.do(renew, sold, Renew())) == [("minutes", 60, None, None)]


def test_a_shorter_renewal_must_contain_its_grants(sample: SampleDesk) -> None:
    late = [GrantGiven(minutes=30), GrantGiven(minutes=10, effective_at=JULY)]
    sold = sample.sell("support_hours", **YEAR, grants=late)
    with pytest.raises(InvalidInput) as refused:
        sample.do(renew, sold, Renew(ends_on=date(2027, 6, 30)))
    assert str(refused.value) == (
        "A grant of 10 minutes would begin after that day. "
        "Give a later day, or the minutes of the whole renewal."
    )
    assert refused.value.values["pointer"] == "/ends_on"
    assert len(sample.rows(t.contract)) == 1
    assert sample.do(renew, sold, Renew(ends_on=date(2027, 6, 30), minutes=40))


def test_a_cancelled_successor_does_not_block_another(sample: SampleDesk) -> None:
    sold = sample.sell("time_limited_subscription", **YEAR, minutes=90)
    first = sample.do(renew, sold, Renew())
    with pytest.raises(Conflict):
        sample.do(renew, sold, Renew())
    sample.do(cancel_contract, first, CancelContract(reason="wrong price"))
    assert sample.see(read_contract, sold).renewed_by is None
    with pytest.raises(StateForbids) as refused:
        sample.do(enable_contract, sold)
    assert "renew" in str(refused.value.values["allowed_actions"])
    second = sample.do(renew, sold, Renew(price=MoneyGiven(amount_minor=100)))
    assert sample.see(read_contract, sold).renewed_by == second
    assert sample.see(read_contract, first).renewal_of == sold
    assert {one.id: one.renewed_by for one in sample.see(list_contracts).items}[sold] == second
    with pytest.raises(Conflict):
        sample.do(renew, sold, Renew())


def test_a_cancelled_contract_is_not_renewed(sample: SampleDesk) -> None:
    sold = sample.sell("subscription", **YEAR)
    sample.do(cancel_contract, sold, CancelContract(reason="mistake"))
    with pytest.raises(StateForbids):
        sample.do(renew, sold, Renew())


def test_amounts_in_another_currency_are_not_taken_over(sample: SampleDesk) -> None:
    sold = sample.sell("subscription", **YEAR, price=MoneyGiven(amount_minor=9_900))
    rate = sample.sell("subscription", **YEAR, overage_rate=RateGiven(amount_minor=8_000))
    sample.set(currency="JPY")
    for contract in (sold, rate):
        with pytest.raises(Conflict, match=r"was sold in EUR, and the desk's currency is JPY"):
            sample.do(renew, contract, Renew())
    priced = sample.do(renew, sold, Renew(price=MoneyGiven(amount_minor=5_000)))
    assert (sample.contract(priced).price_minor, sample.contract(priced).currency) == (5_000, "JPY")


def test_a_contract_of_a_service_request_is_not_renewed(sample: SampleDesk) -> None:
    """Its successor would begin when the request was opened, not where the contract ends."""
    text = (RULES / "contract_types" / "time_limited_subscription.json").read_text()
    held = text.replace('"held_by": [', '"held_by": [\n    "service_request",')
    sample.publish_rules(contract_types__time_limited_subscription=held)
    sample.set(contract_validation=False)
    own = sample.sell(
        "time_limited_subscription",
        to=("service_request", sample.log()),
        minutes=60,
        ends_on=(MONDAY + timedelta(days=30)).date(),
    )
    with pytest.raises(StateForbids) as refused:
        sample.do(renew, own, Renew())
    assert "renew" not in str(refused.value.values["allowed_actions"])


def priced(sample: SampleDesk, **terms: Any) -> str:
    return sample.sell("subscription", **YEAR, price=MoneyGiven(amount_minor=36_500), **terms)


@pytest.mark.parametrize(
    ("given", "price"),
    [
        ({"uplift": UpliftGiven(percent="3.5")}, 37_778),
        ({"uplift": UpliftGiven(percent="0")}, 36_500),
        ({"uplift": UpliftGiven(amount=MoneyGiven(amount_minor=250))}, 36_750),
        ({"price": MoneyGiven(amount_minor=1)}, 1),
        ({}, 36_500),
    ],
)
def test_a_renewal_raises_the_price(sample: SampleDesk, given: dict[str, Any], price: int) -> None:
    renewed = sample.do(renew, priced(sample), Renew(**given))
    assert sample.contract(renewed).price_minor == price


def test_a_renewal_ends_together_with_another_contract(sample: SampleDesk) -> None:
    contract = priced(sample)
    other = sample.sell("subscription", starts_on=date(2026, 6, 1), ends_on=date(2027, 5, 31))
    given = Renew(co_terminate_with=other, uplift=UpliftGiven(percent="10"), reason="One end for all")
    renewed = sample.do(renew, contract, given)
    row = sample.contract(renewed)
    assert row.expires_at == sample.contract(other).expires_at
    # 401.50 for 365 days, 151 of them: 166.10
    assert row.price_minor == 16_610
    audit = sample.see(contract_audit, contract)[0]
    assert (audit.action, audit.details["reason"]) == ("renewed", "One end for all")


def test_renewals_that_cannot_be(sample: SampleDesk) -> None:
    contract = priced(sample)
    free = sample.sell("subscription", **YEAR)
    open_ended = sample.sell("support_hours", minutes=60)
    earlier = sample.sell("subscription", starts_on=date(2026, 1, 1), ends_on=date(2026, 6, 30))
    bob = sample.customer("Bob", sample.site)
    another = sample.sell("subscription", to=("customer", bob), **YEAR)
    for sold, given, refused in [
        (free, Renew(uplift=UpliftGiven(percent="3")), "has no price to raise"),
        (contract, Renew(uplift=UpliftGiven(percent="3"), price=MoneyGiven(amount_minor=1)), "not both"),
        (contract, Renew(co_terminate_with=open_ended), "SH-0001 has no end date"),
        (contract, Renew(co_terminate_with=earlier), "ends before the renewal would start"),
        (contract, Renew(co_terminate_with=contract), "ends before the renewal would start"),
        (contract, Renew(co_terminate_with=another), "SUB-0004 is not held by the holder of SUB-0001"),
        (contract, Renew(co_terminate_with="nothing"), "There is no contract with this id"),
        (contract, Renew(co_terminate_with=free, ends_on=date(2027, 9, 1)), "not both"),
    ]:
        with pytest.raises(InvalidInput, match=refused):
            sample.do(renew, sold, given)
    in_dollars = UpliftGiven(amount=MoneyGiven(amount_minor=1, currency="USD"))
    with pytest.raises(InvalidInput, match="The desk's currency is EUR"):
        sample.do(renew, contract, Renew(uplift=in_dollars))
    assert len(sample.rows(t.contract)) == 5


@pytest.mark.parametrize("percent", ["1000.0001", "1001", "-1", "3,5", "", "3.14159", "1e2", "abc"])
def test_percentages_are_decimal_text_from_0_to_1000(percent: str) -> None:
    with pytest.raises(ValidationError):
        UpliftGiven(percent=percent)


def test_a_contract_that_is_to_be_cancelled_is_not_renewed(sample: SampleDesk) -> None:
    contract = priced(sample)
    sample.do(cancel_contract, contract, CancelContract(effective_on=date(2026, 8, 1)))
    with pytest.raises(StateForbids, match="It is to be cancelled before its end"):
        sample.do(renew, contract, Renew())


def test_the_holder_gets_a_mail_in_their_language(sample: SampleDesk) -> None:
    bob = sample.customer("Bob")
    sample.do(change_billing_details, "customer", bob, ChangeBilling(language="de"))
    contract = sample.sell("subscription", to=("customer", bob), ends_on="2026-03-31")
    successor = sample.contract(sample.do(renew, contract, Renew()))
    [mail] = sample.rows(t.outbox, event="contract_renewed")
    assert mail.recipient == sample.rows(t.customer, id=bob)[0].email
    number = sample.contract(contract).number
    assert mail.subject == f"Vertrag {number} wurde verlängert"
    assert mail.body == f"Ihr Vertrag {number} wurde verlängert: {successor.number} folgt am 01.04.2026."
