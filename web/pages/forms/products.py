"""Products of the price list in forms, and the quantity of one."""

from typing import Any

from web.languages import gettext
from web.pages.forms.fields import select_options
from web.pages.wording.formats import money_text
from workflows.views.billing import ProductChoice


def product_options(choices: list[ProductChoice], none: str = "") -> list[Any]:
    """Products to select, with their prices of today for those who see prices."""
    options = [("", none or gettext("None: as described"))]
    for one in choices:
        price = f", {money_text(one.price.amount_minor, one.price.currency)}" if one.price else ""
        options.append((one.product, f"{one.label} ({one.code}){price}"))
    return select_options(options)


def decimal_of(text: str | None) -> str:
    """A decimal as typed, with a point: 1,5 is 1.5."""
    return (text or "").strip().replace(",", ".")
