"""The price list, and what contracts cost by it. It is Monday, 2 March 2026."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import Any

import pytest

from engine.price_list import InvalidPriceList, PricesOverlap
from tests.support.builders import RULES
from tests.support.sample_desk import SampleDesk
from workflows.commands.contracts import Renew
from workflows.commands.fields import MoneyGiven
from workflows.commands.selling import ChangeProduct, EndPrice, NewPrice, NewProduct
from workflows.contracts.queries import contract_types, read_contract
from workflows.contracts.use_cases import renew
from workflows.core.errors import Conflict, InvalidInput, NotAllowed, NotFound, StateForbids, VersionChanged
from workflows.selling.price_list import add_price, change_product, create_product, end_price, remove_price
from workflows.selling.price_list_files import FILE_COLUMNS, exported_rows, import_price_list
from workflows.selling.price_list_queries import all_products, list_products, read_product
from workflows.store import tables as t


def product(sample: SampleDesk, code: str = "SUP", **given: Any) -> str:
    values = {"kind": "contract_type", "contract_type": "support_hours", "label": "Support", **given}
    return sample.do(create_product, NewProduct(code=code, **values))


def price(
    sample: SampleDesk, product_id: str, minor: int, first: str, last: str | None = None, currency: str = ""
) -> str:
    command = NewPrice(
        price=MoneyGiven(amount_minor=minor, currency=currency or None),
        first_on=date.fromisoformat(first),
        last_on=date.fromisoformat(last) if last else None,
    )
    return sample.do(add_price, product_id, command)


def sold(sample: SampleDesk, **terms: Any) -> Any:
    contract_id = sample.sell("support_hours", **{"minutes": 600, **terms})
    return sample.see(read_contract, contract_id)


def test_a_contract_costs_what_the_list_says_on_its_first_day(sample: SampleDesk) -> None:
    made = product(sample)
    price(sample, made, 10_000, "2026-01-01", "2026-03-31")
    april = price(sample, made, 12_000, "2026-04-01")
    price(sample, made, 99_000, "2026-01-01", currency="USD")
    costs, contract = {}, sold(sample)
    for day in ("2025-12-31", "2026-01-01", "2026-03-31", "2026-04-01"):
        contract = sold(sample, starts_on=date.fromisoformat(day))
        costs[day] = contract.price.amount_minor if contract.price else None
    assert costs == {"2025-12-31": None, "2026-01-01": 10_000, "2026-03-31": 10_000, "2026-04-01": 12_000}
    origin = contract.price_origin
    assert (origin.source, origin.product, origin.product_price) == ("price_list", "SUP", april)
    # enabled at once, it starts today
    assert sold(sample, starts_on=date(2026, 4, 1), enable=True).price.amount_minor == 10_000


def test_a_given_price_stays(sample: SampleDesk) -> None:
    price(sample, product(sample), 10_000, "2026-01-01")
    contract = sold(sample, price=MoneyGiven(amount_minor=1))
    assert (contract.price.amount_minor, contract.price_origin.source) == (1, "given")
    free = sold(sample, price=MoneyGiven(amount_minor=0), discount_percent="50")
    assert (free.price.amount_minor, free.price_origin.source) == (0, "given")


def test_the_price_of_the_sold_quantity_comes_first(sample: SampleDesk) -> None:
    price(sample, product(sample), 10_000, "2026-01-01")
    price(sample, product(sample, "SUP-20", quantity=1200), 18_000, "2026-01-01")
    assert sold(sample, minutes=1200).price.amount_minor == 18_000
    assert sold(sample, minutes=600).price.amount_minor == 10_000
    grants = [{"minutes": 600}, {"minutes": 600}]
    assert sold(sample, minutes=None, grants=grants).price.amount_minor == 10_000
    [hours] = [one for one in sample.see(contract_types) if one.key == "support_hours"]
    listed = [(one.product, one.quantity, one.price.amount_minor) for one in hours.list_prices]
    assert listed == [("SUP", None, 10_000), ("SUP-20", 1200, 18_000)]
    [hours] = [one for one in sample.see_as(sample.technician, contract_types) if one.key == "support_hours"]
    assert hours.list_prices == []


def test_the_default_of_the_type_comes_after_the_list(sample: SampleDesk) -> None:
    text = (RULES / "contract_types" / "support_hours.json").read_text()
    sample.publish_rules(
        contract_types__support_hours=text.replace('"price_minor": null', '"price_minor": 500')
    )
    contract = sold(sample)
    assert (contract.price.amount_minor, contract.price_origin.source) == (500, "contract_type")
    price(sample, product(sample), 10_000, "2026-01-01")
    assert sold(sample).price.amount_minor == 10_000


def test_a_discount_is_taken_from_the_price(sample: SampleDesk) -> None:
    price(sample, product(sample), 10_001, "2026-01-01")
    contract = sold(sample, discount_percent="12.5")
    assert contract.price.amount_minor == 8_751  # 8,750.875
    assert (contract.price_origin.list_price.amount_minor, contract.price_origin.discount_percent) == (
        10_001,
        "12.5",
    )
    with pytest.raises(InvalidInput, match="at most 100 percent"):
        sold(sample, discount_percent="100.01")
    sample.do(end_price, *_only_price(sample), EndPrice(last_on=date(2026, 3, 1)))
    with pytest.raises(InvalidInput, match="no price to take a discount from"):
        sold(sample, discount_percent="10")


def test_a_renewal_has_the_price_that_was_paid(sample: SampleDesk) -> None:
    made = product(sample, contract_type="subscription", code="SUB")
    price(sample, made, 10_000, "2026-01-01")
    contract = sample.sell("subscription", discount_percent="10", ends_on=date(2026, 6, 30))
    price_of: Any = sample.see(read_contract, sample.do(renew, contract, Renew()))
    assert (price_of.price.amount_minor, price_of.price_origin.source) == (9_000, "renewal")


def test_payment_is_due_for_a_list_price(sample: SampleDesk) -> None:
    sample.set(payment_required=True)
    assert sold(sample).pending_reason is None
    price(sample, product(sample), 10_000, "2026-01-01")
    assert sold(sample).pending_reason == "awaiting_payment"
    assert sold(sample, discount_percent="100").pending_reason is None


def test_what_a_rule_creates_costs_the_list_price(sample: SampleDesk) -> None:
    made = product(sample, "CALL", contract_type="per_request", label="One call")
    price(sample, made, 4_500, "2026-03-01")
    sample.log("No contract covers this")
    [row] = sample.rows(t.contract)
    assert (row.type, row.price_minor, row.price_source) == ("per_request", 4_500, "price_list")


def _only_price(sample: SampleDesk) -> tuple[str, str]:
    [row] = sample.rows(t.product_price)
    return str(row.product_id), str(row.id)


# ------------------------------------------------------------------ keeping the list


def test_overlapping_days_are_refused_and_named(sample: SampleDesk) -> None:
    made = product(sample)
    price(sample, made, 10_000, "2026-01-01", "2026-03-31")
    price(sample, made, 10_000, "2026-01-01", currency="USD")
    with pytest.raises(PricesOverlap) as refused:
        price(sample, made, 11_000, "2026-03-31")
    assert str(refused.value) == (
        "SUP has a price on these days already: EUR 100.00 from 2026-01-01 to 2026-03-31 overlaps EUR 110.00 "
        "from 2026-03-31 on. End the earlier one before 2026-03-31, or choose other days."
    )
    price(sample, made, 11_000, "2026-04-01")
    assert len(sample.rows(t.product_price)) == 3
    first = next(row for row in sample.rows(t.product_price) if row.until_on is not None)
    with pytest.raises(PricesOverlap):
        sample.do(end_price, made, first.id, EndPrice(last_on=None))


def test_prices_added_at_once_do_not_overlap(sample: SampleDesk) -> None:
    made = product(sample)

    def add(number: int) -> bool:
        try:
            price(sample, made, 10_000 + number, "2026-05-01")
        except PricesOverlap:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(add, range(4))) == 1
    assert len(sample.rows(t.product_price)) == 1


def test_a_price_ends_from_yesterday_on(sample: SampleDesk) -> None:
    made = product(sample)
    current = price(sample, made, 10_000, "2026-01-01")
    with pytest.raises(InvalidInput, match="2026-02-28 is over"):
        sample.do(end_price, made, current, EndPrice(last_on=date(2026, 2, 28)))
    sample.do(end_price, made, current, EndPrice(last_on=date(2026, 3, 2)))
    [view] = sample.see(read_product, made).prices
    assert (view.last_on, view.standing) == (date(2026, 3, 2), "current")
    sample.do(end_price, made, current, EndPrice(last_on=date(2026, 3, 1)))
    assert sample.see(read_product, made).prices[0].standing == "past"
    with pytest.raises(StateForbids, match=r"is over\. Add another price"):
        sample.do(end_price, made, current, EndPrice(last_on=None))
    later = price(sample, made, 10_000, "2026-05-01")
    with pytest.raises(InvalidInput, match="The price begins on 2026-05-01"):
        sample.do(end_price, made, later, EndPrice(last_on=date(2026, 4, 30)))
    with pytest.raises(NotFound):
        sample.do(end_price, product(sample, "OTHER", quantity=1), later, EndPrice(last_on=None))


def test_only_a_price_to_come_is_removed(sample: SampleDesk) -> None:
    made = product(sample)
    current = price(sample, made, 10_000, "2026-01-01", "2026-03-31")
    later, unused = (
        price(sample, made, 11_000, "2026-04-01", "2026-04-30"),
        price(sample, made, 12_000, "2026-05-01"),
    )
    contract = sold(sample, starts_on=date(2026, 4, 1))
    with pytest.raises(StateForbids, match="has begun"):
        sample.do(remove_price, made, current)
    with pytest.raises(Conflict, match=f"{contract.number} was sold at this price"):
        sample.do(remove_price, made, later)
    sample.do(remove_price, made, unused)
    assert {row.id for row in sample.rows(t.product_price)} == {current, later}


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"contract_type": None}, "needs a contract type"),
        ({"contract_type": "nothing"}, "There is no contract type 'nothing'"),
        ({"contract_type": "subscription", "quantity": 5}, "draw nothing"),
        ({"kind": "top_up", "contract_type": "subscription"}, "cannot be topped up"),
        ({"kind": "part"}, "has no contract_type"),
        ({"tax_rate": "Other"}, "There is no tax rate 'Other' in the settings"),
        ({"kind": "part", "contract_type": None, "quantity": 5}, "has no quantity"),
    ],
)
def test_products_that_say_nothing_clear_are_refused(
    sample: SampleDesk, given: dict[str, Any], says: str
) -> None:
    with pytest.raises(InvalidInput, match=says):
        product(sample, **given)
    assert sample.rows(t.product) == []


def test_codes_and_quantities_are_unique(sample: SampleDesk) -> None:
    made = product(sample)
    other = product(sample, "SUP-20", quantity=1200)
    for code, quantity, says in (("SUP", 60, "the code 'SUP'"), ("X", None, "SUP is the product for")):
        with pytest.raises(Conflict, match=says):
            product(sample, code, quantity=quantity)
    with pytest.raises(Conflict, match="SUP is the product for"):
        sample.do(change_product, other, ChangeProduct(quantity=None))
    with pytest.raises(Conflict, match="the code 'SUP'"):
        sample.do(change_product, other, ChangeProduct(code="SUP"))
    sample.do(change_product, other, ChangeProduct(quantity=1800, label="Thirty hours"))
    assert sample.see(read_product, other).quantity == 1800
    with pytest.raises(VersionChanged):
        sample.do(change_product, made, ChangeProduct(label="Other"), expected_version=7)


def test_who_sees_and_who_changes(sample: SampleDesk) -> None:
    made = product(sample)
    for role in ("administrator", "finance", "supervisor"):
        assert sample.see_as(getattr(sample, role), read_product, made).code == "SUP"
    customer = sample.person("customer", customer=sample.ann)
    for actor in (sample.technician, customer):
        with pytest.raises(NotAllowed):
            sample.see_as(actor, list_products)
    command = NewProduct(code="NEW", label="New", kind="part")
    with pytest.raises(NotAllowed):
        sample.do_as(sample.supervisor, create_product, command)
    sample.do_as(sample.finance, create_product, command)


def test_the_list_is_filtered(sample: SampleDesk) -> None:
    price(sample, product(sample), 10_000, "2026-01-01")
    price(sample, product(sample, "CABLE", kind="part", contract_type=None, label="A cable"), 1, "2026-04-01")

    def found(**filters: Any) -> list[str]:
        return [one.code for one in sample.see(list_products, **filters).items]

    assert found() == ["CABLE", "SUP"]
    assert found(q="cab") == found(kind="part") == found(priced="not_now") == ["CABLE"]
    assert found(contract_type="support_hours") == found(priced="now") == found(code="SUP") == ["SUP"]
    with pytest.raises(InvalidInput):
        found(kind="thing")


# ------------------------------------------------------------------ as a file


def file_of(sample: SampleDesk) -> str:
    with sample.desk.read(sample.administrator) as tx:
        rows = list(exported_rows(all_products(tx), tx.settings.currency))
    lines = [",".join("" if cell is None else str(cell) for cell in row) for row in [FILE_COLUMNS, *rows]]
    return "\r\n".join(lines) + "\r\n"


HEADER = ",".join(FILE_COLUMNS)
LINES = (
    "SUP,Support,contract_type,support_hours,20 h,contract,,EUR,180.00,2026-01-01,2026-03-31",
    "SUP,Support,contract_type,support_hours,20 h,contract,,EUR,200.00,2026-04-01,",
    "KM,Travel,travel,,,km,No tax,EUR,0.50,2026-01-01,",
    "NONE,Nothing yet,one_off,,,piece,,,,,",
)


def imported(sample: SampleDesk, *lines: str) -> tuple[int, ...]:
    done = sample.do(import_price_list, "\n".join([HEADER, *lines]))
    return (done.products_added, done.products_changed, done.prices_added, done.prices_changed)


def test_what_was_exported_changes_nothing(sample: SampleDesk) -> None:
    assert imported(sample, *LINES) == (3, 0, 3, 0)
    before = sample.rows(t.product), sample.rows(t.product_price), file_of(sample)
    done = sample.do(import_price_list, "\ufeff" + before[2])
    assert (done.products_changed, done.prices_added, done.unchanged) == (0, 0, 6)
    assert (sample.rows(t.product), sample.rows(t.product_price), file_of(sample)) == before


@pytest.mark.parametrize(
    ("contract_type", "cell", "quantity", "written"),
    [
        ("support_hours", "20:00", 1200, "20 h"),
        ("support_hours", "1 h 30 min", 90, "1 h 30 min"),
        ("support_hours", "45min", 45, "45 min"),
        ("support_hours", "90 min", 90, "1 h 30 min"),
        ("prepaid_amount", "EUR 400.5", 40_050, "EUR 400.50"),
        ("incident_pack", "5", 5, "5"),
    ],
)
def test_a_quantity_is_written_with_its_unit(
    sample: SampleDesk, contract_type: str, cell: str, quantity: int, written: str
) -> None:
    """A number alone would be 20 hours to whoever writes the file and 20 minutes to the desk."""
    imported(sample, f"X,X,contract_type,{contract_type},{cell},piece,,,,,")
    assert [row.quantity for row in sample.rows(t.product)] == [quantity]
    assert f"{contract_type},{written},piece" in file_of(sample)


def test_an_import_changes_what_differs(sample: SampleDesk) -> None:
    imported(sample, *LINES)
    changed = LINES[1].replace(",2026-04-01,", ",2026-04-01,2026-12-31")
    assert imported(sample, changed, LINES[2].replace("Travel", "By car")) == (0, 1, 0, 1)
    semicolons = "\n".join([HEADER, LINES[2]]).replace(",", ";")
    assert sample.do(import_price_list, semicolons).products_changed == 1


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (
            "SUP,Support,contract_type,support_hours,20 h,contract,,EUR,190.00,2026-02-01,",
            "Line 3: SUP has a price",
        ),
        (LINES[0].replace("180.00", "181.00"), "Line 3: SUP costs EUR 180.00 from 2026-01-01 to 2026-03-31"),
        (LINES[2].replace("EUR", "XXX"), "Line 3: XXX is not a currency code."),
        (LINES[2].replace("travel", "part").replace("KM", "SUP"), "Line 3: The product is described in"),
        (LINES[2].replace("KM", "K" * 61), "Line 3: code: "),
        ("X,X,contract_type,nothing,,,,,,,", "Line 3: There is no contract type 'nothing'."),
        (LINES[2].replace("No tax", "Other"), "Line 3: There is no tax rate 'Other' in the settings."),
        (
            "S,S,contract_type,support_hours,20,piece,,,,,",
            "Line 3: Contracts of the type “Support hours” draw time, and the quantity",
        ),
        ("S,S,contract_type,support_hours,EUR 20,piece,,,,,", "Write it as 20 h, 90 min or 1 h 30 min."),
        ("R,R,contract_type,prepaid_amount,400,piece,,,,,", "Write it as EUR 400.00."),
        ("R,R,contract_type,prepaid_amount,CHF 400,piece,,,,,", "the quantity is not an amount in EUR."),
        (
            "P,P,contract_type,incident_pack,5 h,piece,,,,,",
            "draw incidents, and the quantity is not their number.",
        ),
        ('X,"X,part,,,,,,,,', "cannot be read as CSV"),
        ("X,X,part", "Line 3: It has 3 cells"),
    ],
)
def test_a_bad_line_is_named_and_nothing_is_imported(sample: SampleDesk, line: str, says: str) -> None:
    with pytest.raises(InvalidPriceList) as refused:
        imported(sample, LINES[0], line)
    assert says in str(refused.value)
    assert sample.rows(t.product) == []
    with pytest.raises(InvalidPriceList, match="the column 'code' is missing"):
        sample.do(import_price_list, "")
