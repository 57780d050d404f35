"""Currencies of ISO 4217: since when and until when, how many decimals their minor unit has, and as text.

A currency that a country has given up is refused for new documents from its last day on; amounts in it stay
readable, and what is corrected later is in its successor, at the fixed rate by law.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from types import MappingProxyType

CURRENCIES = frozenset(
    "AED ANG ARS AUD BGN BHD BRL CAD CHF CLP CNY COP CZK DKK EGP EUR GBP HKD HRK HUF IDR ILS INR ISK JOD JPY "
    "KRW KWD MAD MXN MYR NGN NOK NZD OMR PEN PHP PKR PLN QAR RON RSD RUB SAR SEK SGD THB TND TRY TWD UAH USD "
    "UYU VND XCG ZAR".split()
)
"""Those that a desk can have, or could before they were given up."""


@dataclass(frozen=True, slots=True)
class Successor:
    """The currency that replaced another on a day, and how much of the other one unit of it is."""

    currency: str
    since: date
    rate: Decimal


SUCCESSORS: Mapping[str, Successor] = MappingProxyType(
    {
        "HRK": Successor("EUR", date(2023, 1, 1), Decimal("7.53450")),
        "ANG": Successor("XCG", date(2025, 3, 31), Decimal(1)),
        "BGN": Successor("EUR", date(2026, 1, 1), Decimal("1.95583")),
    }
)
"""Regulations (EU) 2022/1208 and 2025/1407; Curaçao and Sint Maarten: ISO 4217 amendment 176."""
FIRST_DAYS: Mapping[str, date] = MappingProxyType({"XCG": date(2025, 3, 31)})


def successor_on(currency: str, day: date) -> Successor | None:
    """What has replaced a currency by a day; None while it is in use."""
    found = SUCCESSORS.get(currency)
    return found if found is not None and day >= found.since else None


def is_currency_on(currency: str, day: date) -> bool:
    """Whether documents of a day can be in a currency."""
    has_begun = currency not in FIRST_DAYS or day >= FIRST_DAYS[currency]
    return currency in CURRENCIES and has_begun and successor_on(currency, day) is None


NO_DECIMALS = frozenset("BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF".split())
THREE_DECIMALS = frozenset({"BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"})
FOUR_DECIMALS = frozenset({"CLF", "UYW"})


def minor_digits(currency: str) -> int:
    """How many decimals an amount in a currency has: 2, unless ISO 4217 says otherwise.

    Not from locale data, which changes it: from Babel 2.18 to 2.19, HUF went from 2 decimals to 0.
    """
    if currency in NO_DECIMALS:
        return 0
    return 3 if currency in THREE_DECIMALS else 4 if currency in FOUR_DECIMALS else 2


def plain_amount(amount_minor: int, currency: str) -> str:
    """An amount of minor units, 0 or more, as decimal text: 400000 and EUR are "4000.00"."""
    digits = minor_digits(currency)
    whole, part = divmod(amount_minor, 10**digits)
    return f"{whole}" + (f".{part:0{digits}d}" if digits else "")


def money_text(amount_minor: int, currency: str) -> str:
    """An amount of minor units for a sentence: 400000 and EUR are "EUR 4,000.00"."""
    digits = minor_digits(currency)
    whole, part = divmod(abs(amount_minor), 10**digits)
    sign = "-" if amount_minor < 0 else ""
    return f"{currency} {sign}{whole:,}" + (f".{part:0{digits}d}" if digits else "")
