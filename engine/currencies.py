"""Currencies of ISO 4217: how many decimals their minor unit has, and amounts as text."""

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
