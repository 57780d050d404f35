"""Field types of identifiers with check digits: VAT ids, bank accounts, and codes of countries.

The check digits are those of python-stdnum. Whether a number was given to anybody is not asked.
"""

from typing import Annotated

from pydantic import AfterValidator, StringConstraints
from stdnum import bic, iban
from stdnum.exceptions import ValidationError
from stdnum.util import get_cc_module

from workflows.commands.fields import OneLine
from workflows.languages.texts import gettext

GREECE = "EL"
"""Greek VAT ids begin with EL, not with the country's code."""
CHECKED_AS = {GREECE: "GR", "XI": "GB"}
"""Northern Ireland has the numbers of the United Kingdom, with a code of its own for trade with the EU."""
COUNTRIES = frozenset(
    "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS "
    "BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE "
    "EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM "
    "HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC "
    "LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA "
    "NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW "
    "SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO "
    "TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS XI XK YE YT ZA ZM ZW".split()
)
"""ISO 3166-1, with Kosovo (XK) and Northern Ireland (XI) as tax authorities use them."""


def checked_vat_id(text: str) -> str:
    """A VAT id without blanks and dots, which begins with its country. Empty stays empty.

    Raises: ValueError if the check digits of that country are wrong, or there is no such country.
    """
    compact = "".join(char for char in text.upper() if char.isalnum())
    if not compact:
        return ""
    country = compact[:2]
    if country not in COUNTRIES and country != GREECE:
        raise ValueError(gettext("A VAT id begins with the code of its country, for example DE123456788."))
    module = get_cc_module(CHECKED_AS.get(country, country).lower(), "vat")
    if module is not None and not any(map(module.is_valid, _forms(country, compact))):
        raise ValueError(
            gettext("This is not a valid VAT id of %(country)s: please check the digits.", country=country)
        )
    return compact


def _forms(country: str, compact: str) -> list[str]:
    """How the checks of a country may expect a number; outside of the EU most know it without the code."""
    if country == "CH" and compact[-1].isdigit():
        return [f"{compact}MWST"]
    number = compact.removeprefix(country)
    return [compact] if number.startswith(country) else [compact, number]


def checked_iban(text: str) -> str:
    """An IBAN without blanks. Empty stays empty. Raises: ValueError."""
    if not text.strip():
        return ""
    try:
        return str(iban.validate(text))
    except ValidationError:
        raise ValueError(gettext("This is not a valid IBAN: please check the digits.")) from None


def checked_bic(text: str) -> str:
    """A BIC of 8 or 11 characters. Empty stays empty. Raises: ValueError."""
    if not text.strip():
        return ""
    try:
        return str(bic.validate(text))
    except ValidationError:
        raise ValueError(gettext("This is not a valid BIC: it has 8 or 11 letters and digits.")) from None


def checked_country(text: str) -> str:
    """A country's code in capitals. Empty stays empty. Raises: ValueError."""
    code = text.strip().upper()
    if code and code not in COUNTRIES:
        raise ValueError(gettext("It is not a country code of two letters; write for example DE."))
    return code


VatId = Annotated[str, StringConstraints(max_length=40), OneLine, AfterValidator(checked_vat_id)]
Iban = Annotated[str, StringConstraints(max_length=60), OneLine, AfterValidator(checked_iban)]
Bic = Annotated[str, StringConstraints(max_length=20), OneLine, AfterValidator(checked_bic)]
Country = Annotated[str, StringConstraints(max_length=10), OneLine, AfterValidator(checked_country)]
