"""The tax rates of the settings, by their names."""

from workflows.core.errors import invalid
from workflows.core.settings import TaxRateSetting
from workflows.core.transaction import Transaction
from workflows.languages.texts import gettext


def named_tax_rate(tx: Transaction, name: str, pointer: str) -> TaxRateSetting:
    """The tax rate of the settings with this name. Raises: InvalidInput."""
    rate = tx.settings.tax_rate(name)
    if rate is None:
        known = ", ".join(one.name for one in tx.settings.tax_rates)
        raise invalid(
            pointer,
            gettext("There is no tax rate %(name)s in the settings.", name=repr(name)),
            gettext("Known: %(known)s.", known=known),
        )
    return rate
