"""API routes of the price list."""

from contextlib import ExitStack
from typing import Literal

from engine.price_list import ProductKind
from web.api.queries import ListQuery, Text
from web.api.routing import RouteGroup, TextResponse
from workflows.commands.selling import BuyOffer, ChangeProduct, EndPrice, NewPrice, NewProduct, PriceListFile
from workflows.core.actors import Actor
from workflows.core.csv_text import csv_chunks
from workflows.core.desk import Desk
from workflows.core.transaction import Transaction
from workflows.selling import offers as use_cases
from workflows.selling import price_list, price_list_files, price_list_queries
from workflows.views import Page
from workflows.views.selling import ImportedPriceList, OfferView, ProductView, PurchaseView

products, offers = RouteGroup("Products"), RouteGroup("Offers")
MAX_FILE_BYTES = 4 * 1024 * 1024


class ProductQuery(ListQuery):
    """Filters of products. `q` searches code and label.

    `priced` is `now` for products with a price in the desk's currency today, `not_now` for the others.
    """

    q: Text | None = None
    code: Text | None = None
    kind: ProductKind | None = None
    contract_type: Text | None = None
    priced: Literal["now", "not_now"] | None = None


@products.post("/products", status=201)
def create_product(tx: Transaction, command: NewProduct) -> ProductView:
    """Add a product to the price list. For administrators and finance."""
    return price_list_queries.read_product(tx, price_list.create_product(tx, command))


@products.get("/products")
def list_products(tx: Transaction, query: ProductQuery) -> Page[ProductView]:
    """List products with their prices. For administrators, finance and supervisors."""
    return price_list_queries.list_products(tx, **query.given())


@products.get("/products.csv", media_type="text/csv")
def export_products(desk: Desk, actor: Actor) -> TextResponse:
    """Return the price list as CSV, a row for each price; the import reads the same columns."""
    with ExitStack() as stack:
        tx = stack.enter_context(desk.read(actor))
        rows = price_list_files.exported_rows(price_list_queries.all_products(tx), tx.settings.currency)
        chunks = csv_chunks(price_list_files.FILE_COLUMNS, rows)
        return TextResponse(chunks, "text/csv; charset=utf-8", close=stack.pop_all().close)


@products.post("/products/import", max_body_bytes=MAX_FILE_BYTES)
def import_products(tx: Transaction, command: PriceListFile) -> ImportedPriceList:
    """Add and change the products and prices of a CSV file: all of them, or none and the line is named.

    A product is found by its code, a price by product, currency and first day. What is not in the file stays.
    A quantity of time is written with its unit (20 h, 90 min), one of money with its currency (EUR 400.00).
    """
    return price_list_files.import_price_list(tx, command.file)


@products.get("/products/{product}")
def read_product(tx: Transaction, product: str) -> ProductView:
    """Return one product with its prices: past, current and to come."""
    return price_list_queries.read_product(tx, product)


@products.patch("/products/{product}")
def change_product(
    tx: Transaction, product: str, command: ChangeProduct, expected_version: int | None
) -> ProductView:
    """Change a product. Its kind stays."""
    price_list.change_product(tx, product, command, expected_version)
    return price_list_queries.read_product(tx, product)


@products.post("/products/{product}/prices", status=201)
def add_price(tx: Transaction, product: str, command: NewPrice) -> ProductView:
    """Add a price to a product, from its first to its last day.

    A price that overlaps another one of the same currency is refused, and both are named.
    """
    price_list.add_price(tx, product, command)
    return price_list_queries.read_product(tx, product)


@products.patch("/products/{product}/prices/{price}")
def end_price(
    tx: Transaction, product: str, price: str, command: EndPrice, expected_version: int | None
) -> ProductView:
    """Give a price another last day, or none. A price that is past stays as it is."""
    changed = price_list.end_price(tx, product, price, command, expected_version=expected_version)
    return price_list_queries.read_product(tx, changed)


@products.delete("/products/{product}/prices/{price}")
def remove_price(tx: Transaction, product: str, price: str, expected_version: int | None) -> ProductView:
    """Remove a price that has not begun, and at which nothing was sold."""
    changed = price_list.remove_price(tx, product, price, expected_version=expected_version)
    return price_list_queries.read_product(tx, changed)


@offers.get("/offers")
def list_offers(tx: Transaction) -> Page[OfferView]:
    """List what the customer who asks may buy now, with the prices of today."""
    return Page(use_cases.list_offers(tx), None)


@offers.post("/offers/{product}/buy", status=201)
def buy_offer(tx: Transaction, product: str, command: BuyOffer) -> PurchaseView:
    """Buy a contract, or a top-up of an own contract, at the price that was shown.

    The contract awaits its payment or being enabled, the top-up its payment or its confirmation. The draft of
    the invoice is written with the order, unless drafts of what was sold are written by hand.
    """
    return use_cases.buy_offer(tx, product, command)
