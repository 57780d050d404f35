"""What is sold once with a contract, as fields of the form by which it is sold."""

from typing import Any

from wtforms import SelectField, StringField

from web.languages import gettext, lazy_text
from web.pages.forms.base import KeyedForm
from web.pages.forms.fields import DecimalField, MoneyField
from web.pages.forms.products import product_options
from workflows.views.billing import ProductChoice

ROWS = 3


def item_fields() -> dict[str, Any]:
    """The fields of a few rows, and their pointers, as attributes of a form."""
    fields: dict[str, Any] = {}
    for number in range(ROWS):
        fields |= {
            f"item{number}_product": SelectField(
                lazy_text("Product %(number)s", number=number + 1), validate_choice=False
            ),
            f"item{number}_description": StringField(lazy_text("Description")),
            f"item{number}_quantity": DecimalField(lazy_text("Quantity")),
            f"item{number}_price": MoneyField(lazy_text("Price of one")),
        }
    return fields


def item_pointers() -> dict[str, str]:
    """The field of each part of the command's items; rows that are left empty are the last ones."""
    pointers = {"/sold_items": "item0_product"}
    for number in range(ROWS):
        at = f"/sold_items/{number}"
        pointers |= {at: f"item{number}_product", f"{at}/unit_price": f"item{number}_price"}
        pointers |= {
            f"{at}/{name}": f"item{number}_{name}" for name in ("product", "description", "quantity")
        }
    return pointers


def load_products(form: KeyedForm, choices: list[ProductChoice]) -> None:
    """Fill the products of each row."""
    options = product_options(choices, gettext("None"))
    for number in range(ROWS):
        form[f"item{number}_product"].choices = options


def sale_items(form: KeyedForm) -> list[dict[str, Any]]:
    """The rows that were filled in, as in the command."""
    items = []
    for number in range(ROWS):
        at = f"item{number}_"
        given = {
            "product": form[f"{at}product"].data,
            "description": (form[f"{at}description"].data or "").strip(),
            "quantity": form[f"{at}quantity"].data,
            "unit_price": form[f"{at}price"].command_value,
        }
        if given["product"] or given["description"] or given["unit_price"]:
            items.append({name: value for name, value in given.items() if value})
    return items


def item_rows(form: KeyedForm) -> list[dict[str, Any]]:
    """The fields by row, for the template."""
    names = ("product", "description", "quantity", "price")
    return [{name: form[f"item{number}_{name}"] for name in names} for number in range(ROWS)]
