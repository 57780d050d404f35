"""What the settings must have before anything is invoiced. Source: product.md section 3."""

from typing import NamedTuple

from workflows.core.settings import Settings
from workflows.languages.texts import gettext


class MissingSetting(NamedTuple):
    """A setting that an invoice needs: its path in the settings, and what it is in words."""

    field: str
    text: str


def missing_for_invoices(settings: Settings, *, paid_online: bool) -> list[MissingSetting]:
    """The company's details that invoices would lack; `paid_online`: they can have a link to pay them.

    Empty while invoices are off.
    """
    if not settings.invoices:
        return []
    company = settings.company
    wanted = {
        "company.name": (company.name, gettext("the company’s name")),
        "company.street": (company.street, gettext("its street")),
        "company.city": (company.city, gettext("its city")),
        "company.country": (company.country, gettext("its country")),
        "company.vat_id": (company.vat_id or company.tax_number, gettext("its VAT id or tax number")),
        "company.iban": (company.iban or paid_online, gettext("its IBAN, or a provider of payment links")),
    }
    return [MissingSetting(field, text) for field, (value, text) in wanted.items() if not value]
