"""Amounts as statements write them, as whole minor units. Nothing is rounded and nothing guessed."""

import re
from decimal import Decimal

from engine.currencies import minor_digits
from engine.quantities import MAX_AMOUNT_MINOR

PLAIN = re.compile(r"\d{1,18}(\.\d{1,18})?", re.ASCII)
_MINUS = "-\u2212"
_APOSTROPHE = "\N{RIGHT SINGLE QUOTATION MARK}"
"""What Swiss banks write between thousands, beside the straight one."""


def minor_units(plain: str, currency: str) -> int | None:
    """A number with a decimal point as minor units: "12.5" of EUR is 1250.

    None if it is not a number without sign, has more decimals than the currency, or is too large.
    """
    if not PLAIN.fullmatch(plain):
        return None
    minor = Decimal(plain).scaleb(minor_digits(currency))
    if minor != minor.to_integral_value() or minor > MAX_AMOUNT_MINOR:
        return None
    return int(minor)


def signed_minor_units(text: str, currency: str, *, decimal_sign: str, thousands_sign: str) -> int | None:
    """An amount with fixed signs as minor units: "-1.234,56" or "1.234,56-" of EUR is -123456.

    None if it is written in another way. Thousands without decimals, such as "1.234", are refused where the
    currency has decimals: in a file with other signs than the profile says, that is 1.234.
    """
    negative, digits = _without_sign(text.strip())
    if thousands_sign == "'":
        digits = digits.replace(_APOSTROPHE, "'")
    whole, sign, part = digits.partition(decimal_sign)
    if thousands_sign and thousands_sign in whole:
        if not re.fullmatch(rf"\d{{1,3}}({re.escape(thousands_sign)}\d{{3}})+", whole, re.ASCII):
            return None
        if not sign and minor_digits(currency):
            return None
        whole = whole.replace(thousands_sign, "")
    if sign and not part:
        return None
    minor = minor_units(f"{whole}.{part}" if sign else whole, currency)
    return -minor if negative and minor is not None else minor


def _without_sign(text: str) -> tuple[bool, str]:
    if text[:1] in ("+", *_MINUS):
        return text[:1] in _MINUS, text[1:].lstrip()
    if text[-1:] and text[-1:] in _MINUS:
        return True, text[:-1].rstrip()
    return False, text
