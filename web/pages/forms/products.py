"""Products of the price list in forms."""

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
