"""Validation errors of single fields as sentences, shared by every interface."""

import re

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from web.languages import gettext, language, mark
from workflows.commands.fields import FieldError
from workflows.languages.texts import SOURCE

MESSAGES = {
    "missing": mark("It is required."),
    "extra_forbidden": mark("There is no such field here."),
    "string_type": mark("It must be text."),
    "string_unicode": mark("It must be valid Unicode text."),
    "int_type": mark("It must be a whole number."),
    "int_from_float": mark("It must be a whole number."),
    "int_parsing": mark("It must be a whole number."),
    "int_parsing_size": mark("The number is too large."),
    "bool_type": mark("It must be true or false."),
    "bool_parsing": mark("It must be true or false."),
    "list_type": mark("It must be a list."),
    "dict_type": mark("It must be an object."),
    "model_type": mark("It must be an object."),
    "model_attributes_type": mark("It must be an object."),
    "date_from_datetime_inexact": mark("It must be a date, written YYYY-MM-DD."),
    "date_from_datetime_parsing": mark("There is no such date."),
    "date_parsing": mark("There is no such date."),
    "date_type": mark("It must be a date, written YYYY-MM-DD."),
    "datetime_from_date_parsing": mark("There is no such date and time."),
    "datetime_parsing": mark("There is no such date and time."),
    "datetime_type": mark("Write it as RFC 3339 with an offset, for example 2026-03-31T09:00:00Z."),
    "timezone_aware": mark("It needs a UTC offset, for example 2026-03-31T09:00:00Z."),
}
MESSAGES_WITH_LIMITS = {
    "string_too_short": (
        mark("It must not be empty."),
        mark("It must have at least %(min_length)s characters."),
    ),
    "string_too_long": (mark("It may have at most %(max_length)s characters."),) * 2,
    "too_long": (mark("It may have at most %(max_length)s entries."),) * 2,
    "too_short": (
        mark("It must not be empty."),
        mark("It must have at least %(min_length)s entries."),
    ),
    "greater_than_equal": (mark("It must be at least %(ge)s."),) * 2,
    "greater_than": (mark("It must be more than %(gt)s."),) * 2,
    "less_than_equal": (mark("It must be at most %(le)s."),) * 2,
    "less_than": (mark("It must be less than %(lt)s."),) * 2,
    "literal_error": (mark("It must be one of %(expected)s."),) * 2,
}
NUMBER = mark("Write a number with at most %(decimals)s decimals, such as %(example)s.")
MONTH = mark("Write the month as YYYY-MM, for example 2026-03.")
VERSION = mark("Write the version as it is listed, in digits and the letters a to f.")
FORMS: dict[str, tuple[str, dict[str, str]]] = {
    r"^[A-Z]{3}$": (mark("Write the currency as three capital letters, such as EUR."), {}),
    r"^[A-Z0-9]{2,3}$": (mark("Write the unit as two or three capital letters and digits, such as HUR."), {}),
    r"^[0-9]{1,9}(\.[0-9]{1,4})?$": (NUMBER, {"decimals": "4", "example": "3.5"}),
    r"^[0-9]{1,3}(\.[0-9]{1,4})?$": (NUMBER, {"decimals": "4", "example": "3.5"}),
    r"^[0-9]{1,2}(\.[0-9]{1,2})?$": (NUMBER, {"decimals": "2", "example": "7.5"}),
    r"^[0-9]{1,9}(\.[0-9]{1,6})?$": (NUMBER, {"decimals": "6", "example": "1.25"}),
    r"^-?[0-9]{1,9}(\.[0-9]{1,6})?$": (NUMBER, {"decimals": "6", "example": "1.25"}),
    r"^([01]\d|2[0-3]):[0-5]\d$|^24:00$": (
        mark("Write a time of day from 00:00 to 24:00, such as 09:30."),
        {},
    ),
    r"^(19[7-9]\d|2[01]\d\d)-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$": (
        mark("Write a day from 1970 to 2199 as YYYY-MM-DD, for example 2026-03-31."),
        {},
    ),
    r"^\d{4}-(0[1-9]|1[0-2])$": (MONTH, {}),
    r"^\d{4}-\d\d$": (MONTH, {}),
    r"^-?[a-z_]{1,40}$": (mark("Write the name of a field; with - before it, the order is reversed."), {}),
    r"^[0-9a-f]{6,64}$": (VERSION, {}),
    r"^[0-9a-f]{64}$": (VERSION, {}),
    r"^([A-Z]{1,2}:[0-9]{1,3}(\.[0-9]{1,4})?)?$": (
        mark("Write the category and the percentage of a tax rate, such as S:19, or nothing."),
        {},
    ),
    r"^[0-9A-Za-z][0-9A-Za-z._-]{0,19}$": (
        mark("Write at most 20 letters, digits, dots, hyphens and underscores, a letter or digit first."),
        {},
    ),
}
"""What a text must look like, by the pattern of its type."""


def field_errors(error: ValidationError) -> list[dict[str, str]]:
    """Return one `{"pointer", "detail"}` for each invalid field: its JSON pointer and what is expected."""
    return [
        {"pointer": pointer_of(found), "detail": message_of(found)}
        for found in error.errors(include_url=False, include_input=True)
    ]


def pointer_of(found: ErrorDetails) -> str:
    """Return the JSON pointer of the invalid field; a check across several fields says which one it is."""
    parts = [str(part) for part in found["loc"] if part != "[key]"]
    error = found.get("ctx", {}).get("error")
    if isinstance(error, FieldError):
        parts.append(error.field)
    return "".join(f"/{part.replace('~', '~0').replace('/', '~1')}" for part in parts)


def _decimals(example: str) -> str:
    """An example of a number with the decimal sign of the language."""
    return example if language() == SOURCE else re.sub(r"(?<=\d)\.(?=\d)", ",", example)


def message_of(found: ErrorDetails) -> str:
    """Return what is wrong, as a sentence."""
    kind, context = found["type"], found.get("ctx", {})
    if kind in ("too_short", "too_long") and isinstance(found["input"], str):
        kind = f"string_{kind}"  # pydantic checks text as a list where a limit is added to another type
    if kind in MESSAGES:
        return gettext(MESSAGES[kind])
    if kind in MESSAGES_WITH_LIMITS:
        one, many = MESSAGES_WITH_LIMITS[kind]
        if "expected" in context:
            context = {**context, "expected": str(context["expected"]).replace(" or ", f" {gettext('or')} ")}
        return gettext(one if context.get("min_length") == 1 else many, **context)
    if kind == "string_pattern_mismatch":
        text, values = FORMS[context["pattern"]]
        return gettext(text, **{name: _decimals(value) for name, value in values.items()})
    if kind == "value_error" and "reason" in context and language() != SOURCE:
        text = gettext("It is not a valid email address.")  # the reason is in English
    elif kind == "value_error" and "reason" in context:
        text = gettext("It is not a valid email address: %(reason)s", reason=context["reason"])
    elif kind == "value_error":
        text = str(context.get("error", found["msg"]))
    else:
        text = found["msg"]
    return text if text.endswith(".") else f"{text}."
