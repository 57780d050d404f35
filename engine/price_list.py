"""The price list: which price of a product is valid on a day, and a list of prices as rows of text.

Amounts are whole minor units of a price's currency. Days are dates in the provider's time zone: a price is
valid from `first_on` until before `until_on`, or without an end; people read and write its last day.
Source: product.md sections 4 and 10.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Literal

from engine.currencies import minor_digits, money_text, plain_amount
from engine.errors import DeskError

ProductKind = Literal["contract_type", "top_up", "one_off", "part", "travel", "expense"]
PRODUCT_KINDS: tuple[ProductKind, ...] = ("contract_type", "top_up", "one_off", "part", "travel", "expense")
CONTRACT_KINDS: tuple[ProductKind, ...] = ("contract_type", "top_up")
"""The kinds of product that are about a contract type."""
PriceSource = Literal["given", "price_list", "contract_type", "rule", "renewal", "quote"]
PRICE_SOURCES: tuple[PriceSource, ...] = ("given", "price_list", "contract_type", "rule", "renewal", "quote")
"""Where the price of a contract comes from: the seller, the price list, the default of its type, the coverage
rule that created it, the contract that it renews, or the quote that was accepted."""
Standing = Literal["past", "current", "to_come"]
COLUMNS = (
    "code", "label", "kind", "contract_type", "quantity", "unit", "tax_rate", "currency", "price", "first_on",
    "last_on",
)  # fmt: skip
"""The columns of a price list as a file. A product without prices has empty cells from `currency` on."""
REQUIRED_COLUMNS = ("code", "label", "kind")
MOST_MINOR = 10**12
ONE_DAY = timedelta(days=1)
_AMOUNT = re.compile(r"\d{1,13}(?:\.(\d{1,4}))?", re.ASCII)
_CURRENCY = re.compile(r"[A-Z]{3}", re.ASCII)
_COUNT = re.compile(r"\d{1,12}", re.ASCII)
_TIME = re.compile(r"(?:(\d{1,6}) ?h)?(?: ?(\d{1,8}) ?min)?", re.ASCII)
_CLOCK = re.compile(r"(\d{1,6}):([0-5]\d)(?::00)?", re.ASCII)
_MONEY = re.compile(r"([A-Z]{3}) ?(\d[\d.]*)", re.ASCII)
MINUTES, COUNT = "minutes", "count"


class PricesOverlap(DeskError):
    """Two prices of one product and currency are valid on the same day."""

    code = "prices-overlap"


class InvalidPriceList(DeskError):
    """A row of a price list cannot be read. `values["line"]` is its line, beginning with 1 for the header."""

    code = "invalid-price-list"


@dataclass(frozen=True, slots=True)
class ListPrice:
    """A price of a product, valid on the days [first_on, until_on); without `until_on` for ever."""

    amount_minor: int
    currency: str
    first_on: date
    until_on: date | None = None

    @property
    def last_on(self) -> date | None:
        """The last day on which it is valid."""
        return self.until_on - ONE_DAY if self.until_on is not None else None

    def is_valid_on(self, day: date) -> bool:
        return self.first_on <= day and (self.until_on is None or day < self.until_on)

    def overlaps(self, other: "ListPrice") -> bool:
        """Whether both are valid on a day, in the same currency."""
        begins_before = other.until_on is None or self.first_on < other.until_on
        ends_after = self.until_on is None or other.first_on < self.until_on
        return self.currency == other.currency and begins_before and ends_after

    def standing(self, day: date) -> Standing:
        """Whether it is past, current or to come on a day."""
        if day < self.first_on:
            return "to_come"
        return "current" if self.is_valid_on(day) else "past"

    def text(self) -> str:
        """For a sentence: "EUR 120.00 from 2026-01-01 to 2026-06-30"."""
        amount = money_text(self.amount_minor, self.currency)
        return f"{amount} from {self.first_on}" + (f" to {self.last_on}" if self.last_on else " on")


@dataclass(frozen=True, slots=True)
class ListedProduct:
    """A product of a price list that was read.

    `quantity_unit` is what its `quantity` is written in: minutes, a count, or minor units of a
    currency.
    """

    code: str
    label: str
    kind: ProductKind
    contract_type: str | None
    quantity: int | None
    unit: str
    tax_rate: str | None
    quantity_unit: str | None = None


@dataclass(frozen=True, slots=True)
class PriceRow:
    """One row of a price list: a product, and one of its prices if it has any. `line` begins with 1."""

    line: int
    product: ListedProduct
    price: ListPrice | None


def price_on(prices: Iterable[ListPrice], currency: str, day: date) -> ListPrice | None:
    """The price in a currency that is valid on a day; None if there is none."""
    return next((one for one in prices if one.currency == currency and one.is_valid_on(day)), None)


def check_no_overlap(product: str, prices: Sequence[ListPrice], added: ListPrice) -> None:
    """Check that a price is the only one of its currency on each of its days; `product` is its code.

    Raises: PricesOverlap, which names both prices.
    """
    for one in prices:
        if one.overlaps(added):
            raise PricesOverlap(
                f"{product} has a price on these days already: {one.text()} overlaps {added.text()}.",
                remedy=f"End the earlier one before {max(one.first_on, added.first_on)}, "
                "or choose other days.",
                product=product,
                pointer="/first_on",
            )


def less_discount(amount_minor: int, percent: Decimal) -> int:
    """An amount less a discount of 0 to 100 percent, in minor units, half up once.

    Raises: ValueError for another percentage.
    """
    if not 0 <= percent <= 100:
        raise ValueError("A discount is between 0 and 100 percent.")
    exact = Decimal(amount_minor) * (100 - percent) / 100
    return int(exact.quantize(Decimal(1), ROUND_HALF_UP))


# ------------------------------------------------------------------ a price list as rows of text


def quantity_text(quantity: int | None, draws: str | None, currency: str) -> str | None:
    """A quantity as a price list has it: "20 h", "1 h 30 min", "EUR 400.00", or a number of incidents.

    `draws` is what contracts of its type draw: minutes, incidents or minor units of `currency`.
    """
    if quantity is None:
        return None
    if draws == "money":
        return f"{currency} {plain_amount(quantity, currency)}"
    if draws != "minutes":
        return str(quantity)
    hours, rest = divmod(quantity, 60)
    return " ".join([f"{hours} h"] * bool(hours) + [f"{rest} min"] * bool(rest or not hours))


def read_price_list(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[PriceRow]:
    """Read the rows of a price list. Columns may be in any order; blank rows are left out.

    Raises: InvalidPriceList with the line, for a missing or unknown column, or a cell that cannot be read.
    """
    names = [name.strip().lower() for name in header]
    unknown = [name for name in names if name not in COLUMNS]
    missing = [name for name in REQUIRED_COLUMNS if name not in names]
    if unknown or missing or len(set(names)) < len(names):
        wrong = f"{unknown[0]!r} is not a column of it" if unknown else "a column is given twice"
        wrong = f"the column {missing[0]!r} is missing" if missing else wrong
        raise _bad(1, f"The header cannot be read: {wrong}.", f"The columns are {', '.join(COLUMNS)}.")
    found = []
    for line, row in enumerate(rows, 2):
        if any(cell.strip() for cell in row):
            found.append(_read_row(line, names, row))
    return found


def _read_row(line: int, names: Sequence[str], row: Sequence[str]) -> PriceRow:
    if len(row) != len(names):
        raise _bad(line, f"It has {len(row)} cells, and the header has {len(names)}.", "Correct the row.")
    cells = {name: _plain(cell) for name, cell in zip(names, row, strict=True)}
    for name in REQUIRED_COLUMNS:
        if not cells[name]:
            raise _bad(line, f"The cell {name!r} is empty.", "Fill it in.")
    kind = next((one for one in PRODUCT_KINDS if one == cells["kind"]), None)
    if kind is None:
        raise _bad(line, f"{cells['kind']!r} is not a valid kind.", f"Use one of {', '.join(PRODUCT_KINDS)}.")
    quantity, quantity_unit = _read_quantity(line, cells.get("quantity", ""))
    product = ListedProduct(
        code=cells["code"],
        label=cells["label"],
        kind=kind,
        contract_type=cells.get("contract_type") or None,
        quantity=quantity,
        unit=cells.get("unit") or "piece",
        tax_rate=cells.get("tax_rate") or None,
        quantity_unit=quantity_unit,
    )
    return PriceRow(line, product, _read_price(line, cells))


def _read_quantity(line: int, text: str) -> tuple[int | None, str | None]:
    """A quantity and what it is written in. A number alone is a count, and never hours or minutes."""
    text = " ".join(text.split())
    if not text:
        return None, None
    amount, unit = 0, COUNT
    if _COUNT.fullmatch(text):
        amount = int(text)
    elif (time := _CLOCK.fullmatch(text) or _TIME.fullmatch(text)) is not None:
        amount, unit = 60 * int(time[1] or 0) + int(time[2] or 0), MINUTES
    elif (money := _MONEY.fullmatch(text)) is not None:
        amount, unit = _minor(line, money[2], money[1]), money[1]
    if not amount:
        raise _bad(
            line,
            f"{text!r} is not a quantity.",
            "Write a time as 20 h or 1 h 30 min, an amount as EUR 400.00, incidents as a whole number.",
        )
    return amount, unit


def _plain(cell: str) -> str:
    """A cell without the apostrophe that an export puts before what a spreadsheet would run as a formula."""
    cell = cell.strip()
    return cell[1:] if cell[:1] == "'" and cell[1:2] in tuple("=+-@") else cell


def _read_price(line: int, cells: Mapping[str, str]) -> ListPrice | None:
    given = {name: cells.get(name, "") for name in ("currency", "price", "first_on", "last_on")}
    if not any(given.values()):
        return None
    if not _CURRENCY.fullmatch(given["currency"]):
        raise _bad(line, f"{given['currency']!r} is not a currency code.", "Write its code, such as EUR.")
    first_on = _day(line, "first_on", given["first_on"])
    last_on = _day(line, "last_on", given["last_on"]) if given["last_on"] else None
    if last_on is not None and last_on < first_on:
        raise _bad(line, f"The last day {last_on} is before the first, {first_on}.", "Correct the days.")
    until_on = last_on + ONE_DAY if last_on is not None else None
    return ListPrice(_minor(line, given["price"], given["currency"]), given["currency"], first_on, until_on)


def _minor(line: int, text: str, currency: str) -> int:
    digits = minor_digits(currency)
    match = _AMOUNT.fullmatch(text)
    part = (match[1] or "") if match else ""
    if match is None or len(part) > digits:
        example = f"{120:.{digits}f}"
        raise _bad(line, f"{text!r} is not an amount in {currency}.", f"Write it as {example}.")
    amount = int(text.partition(".")[0] + part.ljust(digits, "0"))
    if amount > MOST_MINOR:
        raise _bad(line, f"{text!r} is too much.", "Correct the price.")
    return amount


def _day(line: int, column: str, text: str) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = date.min
    if not 1970 <= day.year <= 2199 or len(text) != len("2026-03-31"):
        raise _bad(line, f"{text!r} is not a date, in {column}.", "Write it as 2026-03-31.")
    return day


def _bad(line: int, detail: str, remedy: str) -> InvalidPriceList:
    return InvalidPriceList(f"Line {line}: {detail}", remedy=remedy, line=line, pointer="/file")
