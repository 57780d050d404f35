"""Settings that the form has as text, an entry on each line: as it shows them, and as it reads them.

What cannot be read is an error at its field; what is wrong with the rest, the settings say.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from web.languages import gettext
from web.pages.forms.base import DeskForm
from web.pages.wording.formats import decimal_text, read_decimal, read_money, typed_money
from web.pages.wording.labels import labelled
from workflows.core.settings import AccountCode, DunningLevelSetting, Settings, TaxRateSetting
from workflows.core.work_calendar import PublicHolidaysSetting

_ENTRY = re.compile(r"(?P<list>/\D+)/(?P<place>\d{1,4})(?P<key>/.*)?", re.ASCII)
_HOURS = re.compile(r"(\d{1,2}:\d\d)\s*(?:-|–|to)\s*(\d{1,2}:\d\d)", re.ASCII)

_LINES = {f"/{name}": name for name in ("tax_rates", "dunning_levels", "account_codes", "bank_accounts")} | {
    "/work_calendar/holidays": "holidays",
    "/work_calendar/public_holidays": "public_holidays",
}
"""The fields with an entry on each line, by their pointers."""


def with_its_entry(form: DeskForm, pointer: str, message: str) -> str:
    """A message about a setting that is a list, with the line or the profile that it is about."""
    found = _ENTRY.fullmatch(pointer)
    if found is None:
        return message
    place = int(found["place"])
    if found["list"] == "/bank_csv_profiles":
        key = (found["key"] or "").strip("/").replace("/", ".")
        named = gettext("Profile %(number)s", number=place + 1)
        return labelled(f"{named}, {key}" if key else named, message)
    lines = _lines(form, _LINES[found["list"]]) if found["list"] in _LINES else []
    return labelled(gettext("“%(text)s”", text=lines[place]), message) if place < len(lines) else message


# ------------------------------------------------------------------ tax rates


def tax_rates_text(stored: Settings) -> str:
    return "\n".join(map(_tax_rate_text, stored.tax_rates))


def typed_tax_rates(form: DeskForm) -> list[dict[str, str]]:
    """The tax rates of the form."""
    rates = []
    for line in _lines(form, "tax_rates"):
        name, percent, category, reason = (*(part.strip() for part in line.split(";", 3)), "", "", "")[:4]
        number = read_decimal(percent)
        if number is None:
            wrong = gettext("“%(line)s” is not a tax rate. Write name; percent; category; reason.", line=line)
            form.add_error("/tax_rates", wrong)
        rates.append(
            {
                "name": name,
                "percent": percent if number is None else number,
                "category": category.upper() or "S",
                "reason": reason,
            }
        )
    return rates


def _tax_rate_text(rate: TaxRateSetting) -> str:
    """A tax rate as a line of the form, without what is left out for a standard one."""
    parts = [rate.name, decimal_text(rate.percent)]
    if rate.category != "S" or rate.reason:
        parts += [rate.category, rate.reason]
    return "; ".join(parts).rstrip("; ")


# ------------------------------------------------------------------ dunning levels


def dunning_levels_text(stored: Settings) -> str:
    return "\n".join(_level_text(one, stored.currency) for one in stored.dunning_levels)


def typed_dunning_levels(form: DeskForm, stored: Settings) -> list[dict[str, Any]]:
    """The dunning levels of the form, the stored ones if it has the same."""
    lines = _lines(form, "dunning_levels")
    if "\n".join(lines) == dunning_levels_text(stored):
        return [one.model_dump(mode="json") for one in stored.dunning_levels]
    levels = []
    for line in lines:
        days, fee, words = (*(part.strip() for part in line.split(";", 2)), "", "")[:3]
        fee_minor = read_money(fee or "0", stored.currency)
        if not (days.isascii() and days.isdecimal() and len(days) <= 3) or fee_minor is None:
            wrong = gettext("“%(line)s” is not a level. Write days; fee; text.", line=line)
            form.add_error("/dunning_levels", wrong)
        else:
            levels.append({"days": int(days), "fee_minor": fee_minor, "text": words})
    return levels


def _level_text(level: DunningLevelSetting, currency: str) -> str:
    """A dunning level as a line of the form."""
    text = " ".join(level.text.split())
    return f"{level.days}; {typed_money(level.fee_minor, currency)}; {text}".rstrip("; ")


# ------------------------------------------------------------------ accounts


def account_codes_text(stored: Settings) -> str:
    return "\n".join(map(_account_code_text, stored.account_codes))


def typed_account_codes(form: DeskForm) -> list[dict[str, str]]:
    """The numbers of accounts of the form."""
    codes = []
    for line in _lines(form, "account_codes"):
        name, _, code = line.partition(";")
        account, _, rate = " ".join(name.split()).partition(" ")
        category, colon, percent = rate.upper().partition(":")
        number = read_decimal(percent) if colon else ""
        if number is None:
            wrong = gettext("“%(line)s” is not an account. Write account; number.", line=line)
            form.add_error("/account_codes", wrong)
            number = percent
        codes.append({"account": account.lower(), "rate": f"{category}{colon}{number}", "code": code.strip()})
    return codes


def _account_code_text(one: AccountCode) -> str:
    """An account's number as a line of the form."""
    return f"{f'{one.account} {decimal_text(one.rate)}'.strip()}; {one.code}"


# ------------------------------------------------------------------ profiles of banks


def csv_profiles_text(stored: Settings) -> str:
    """The profiles as JSON, without what is left out."""
    profiles = [one.model_dump(mode="json", exclude_defaults=True) for one in stored.bank_csv_profiles]
    return json.dumps(profiles, indent=2, ensure_ascii=False) if profiles else ""


def typed_csv_profiles(form: DeskForm, stored: Settings) -> Any:
    """The profiles of the form, the stored ones if it has the same; None if they cannot be read."""
    text = (form["bank_csv_profiles"].data or "").strip()
    if text == csv_profiles_text(stored):
        return [one.model_dump(mode="json") for one in stored.bank_csv_profiles]
    try:
        return json.loads(text) if text else []
    except (ValueError, RecursionError) as error:
        line, column = (error.lineno, error.colno) if isinstance(error, json.JSONDecodeError) else (1, 1)
        form.add_error(
            "/bank_csv_profiles",
            gettext("This is not JSON from line %(line)s, column %(column)s on.", line=line, column=column),
        )
        return None


# ------------------------------------------------------------------ bank accounts, holidays, hours


def typed_bank_accounts(form: DeskForm) -> list[str]:
    """The IBANs of the form, without spaces."""
    return ["".join(line.upper().split()) for line in _lines(form, "bank_accounts")]


def typed_holidays(form: DeskForm) -> list[str]:
    """The dates of the form, as typed."""
    return _lines(form, "holidays")


def public_holidays_text(stored: Settings) -> str:
    return "\n".join(map(public_holidays_line, stored.work_calendar.public_holidays))


def typed_public_holidays(form: DeskForm) -> list[dict[str, Any]]:
    """The public holidays of the form."""
    entries = []
    for line in _lines(form, "public_holidays"):
        place, categories, hours = (*(part.strip() for part in line.split(";", 2)), "", "")[:3]
        country, _, subdivision = place.partition("-")
        entries.append(
            {
                "country": country.strip().upper(),
                "subdivision": subdivision.strip() or None,
                "categories": [one.strip() for one in categories.split(",") if one.strip()] or ["public"],
                "hours": _windows(form, "/work_calendar/public_holidays", hours),
            }
        )
    return entries


def public_holidays_line(entry: PublicHolidaysSetting) -> str:
    """Public holidays as a line of the form."""
    place = f"{entry.country}-{entry.subdivision}" if entry.subdivision else entry.country
    hours = ", ".join(f"{one.opens}-{one.closes}" for one in entry.hours)
    return "; ".join([place, ", ".join(entry.categories), *([hours] if hours else [])])


def typed_windows(form: DeskForm, day: str) -> list[dict[str, str]]:
    """The hours in which a day is open, of its one line."""
    return _windows(form, f"/{day}", form[day].data or "")


def _windows(form: DeskForm, pointer: str, text: str) -> list[dict[str, str]]:
    windows = []
    for part in (piece.strip() for piece in text.strip().split(",")):
        match = _HOURS.fullmatch(part)
        if match:
            opens, closes = (f"{clock:0>5}" for clock in match.groups())
            windows.append({"opens": opens, "closes": closes})
        elif part:
            wrong = gettext("“%(text)s” is not a time range. Use the format 09:00-17:00.", text=part)
            form.add_error(pointer, wrong)
    return windows


def _lines(form: DeskForm, name: str) -> list[str]:
    return [line.strip() for line in (form[name].data or "").splitlines() if line.strip()]


LINES: Mapping[str, Callable[[Sequence[Any], str], str]] = {
    "account_codes": lambda values, _: "\n".join(_account_code_text(AccountCode(**one)) for one in values),
    "bank_accounts": lambda values, _: "\n".join(values),
    "bank_csv_profiles": lambda values, _: json.dumps(values, indent=2, ensure_ascii=False),
    "dunning_levels": lambda values, currency: "\n".join(
        _level_text(DunningLevelSetting(**one), currency) for one in values
    ),
    "tax_rates": lambda values, _: "\n".join(_tax_rate_text(TaxRateSetting(**one)) for one in values),
}
"""Stored values of these settings, with the currency of their amounts, as lines of the form."""
