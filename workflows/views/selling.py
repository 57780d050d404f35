"""Products and their prices as they are shown."""

from datetime import date, datetime

from engine.price_list import ProductKind, Standing
from workflows.views import MoneyView
from workflows.views.base import View, view


@view
class PriceView(View):
    """A price of a product; it is valid from its first to its last day, both inclusive, or without an end.

    `standing` is past, current or to_come, as of today in the provider's time zone.
    """

    id: str
    price: MoneyView
    first_on: date
    last_on: date | None
    standing: Standing
    created_at: datetime
    created_by: str


@view
class ProductView(View):
    """A product with its prices, by currency and day; `current_price` is that in the desk's currency.

    `quantity` is in `draws`, what contracts of the type draw: minutes, incidents or minor units of money.
    """

    id: str
    code: str
    label: str
    kind: ProductKind
    contract_type: str | None
    contract_type_label: str | None
    draws: str | None
    quantity: int | None
    unit: str
    tax_rate: str | None
    offered: bool
    current_price: MoneyView | None
    prices: list[PriceView]
    created_at: datetime
    version: int


@view
class ImportedPriceList(View):
    """What an import changed; products and prices that are as in the file count as unchanged."""

    products_added: int
    products_changed: int
    prices_added: int
    prices_changed: int
    unchanged: int


@view
class OfferView(View):
    """What a customer may buy now: a contract, or a top-up of their `contract`; the price is without tax.

    `quantity` is in `draws`: minutes, incidents or minor units of money; None where it has none.
    """

    product: str
    label: str
    kind: ProductKind
    contract_type: str
    contract_type_label: str
    description: str
    draws: str
    quantity: int | None
    price: MoneyView
    contract: str | None
    contract_number: str | None


@view
class PurchaseView(View):
    """What was bought: the contract that was made, or is to be topped up once that is paid or confirmed."""

    kind: ProductKind
    contract: str
    contract_number: str
    price: MoneyView
