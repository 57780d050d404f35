"""Validation errors of single fields as sentences, shared by every interface."""

from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

MESSAGES = {
    "missing": "It is required.",
    "extra_forbidden": "There is no such field here.",
    "string_type": "It must be text.",
    "string_unicode": "It must be valid Unicode text.",
    "int_type": "It must be a whole number.",
    "int_from_float": "It must be a whole number.",
    "int_parsing": "It must be a whole number.",
    "int_parsing_size": "The number is too large.",
    "bool_type": "It must be true or false.",
    "bool_parsing": "It must be true or false.",
    "list_type": "It must be a list.",
    "dict_type": "It must be an object.",
    "model_type": "It must be an object.",
    "model_attributes_type": "It must be an object.",
    "date_from_datetime_inexact": "It must be a date, written YYYY-MM-DD.",
    "date_from_datetime_parsing": "There is no such date.",
    "date_parsing": "There is no such date.",
    "date_type": "It must be a date, written YYYY-MM-DD.",
    "datetime_from_date_parsing": "There is no such date and time.",
    "datetime_parsing": "There is no such date and time.",
    "datetime_type": "Write it as RFC 3339 with an offset, for example 2026-03-31T09:00:00Z.",
    "timezone_aware": "It needs a UTC offset, for example 2026-03-31T09:00:00Z.",
}
MESSAGES_WITH_LIMITS = {
    "string_too_short": ("It must not be empty.", "It must have at least {min_length} characters."),
    "string_too_long": ("It may have at most {max_length} characters.",) * 2,
    "too_long": ("It may have at most {max_length} entries.",) * 2,
    "too_short": ("It must have at least {min_length} entries.",) * 2,
    "greater_than_equal": ("It must be at least {ge}.",) * 2,
    "greater_than": ("It must be more than {gt}.",) * 2,
    "less_than_equal": ("It must be at most {le}.",) * 2,
    "less_than": ("It must be less than {lt}.",) * 2,
    "literal_error": ("It must be one of {expected}.",) * 2,
}


def field_errors(error: ValidationError) -> list[dict[str, str]]:
    """Return one `{"pointer", "detail"}` for each invalid field: its JSON pointer and what is expected."""
    return [
        {"pointer": pointer_of(found), "detail": message_of(found)}
        for found in error.errors(include_url=False, include_input=True)
    ]


def pointer_of(found: ErrorDetails) -> str:
    """Return the JSON pointer of the invalid field.

    The message of a check across several fields begins with the name of the first of them.
    """
    parts = [str(part) for part in found["loc"] if part != "[key]"]
    if found["type"] == "value_error":
        first = message_of(found).partition(" ")[0]
        given: Any = found["input"]
        fields = given if isinstance(given, dict) else {}
        if first in fields:
            parts.append(first)
    return "".join(f"/{part.replace('~', '~0').replace('/', '~1')}" for part in parts)


def message_of(found: ErrorDetails) -> str:
    """Return what is wrong, as a sentence."""
    kind, context = found["type"], found.get("ctx", {})
    if kind in MESSAGES:
        return MESSAGES[kind]
    if kind in MESSAGES_WITH_LIMITS:
        one, many = MESSAGES_WITH_LIMITS[kind]
        return (one if context.get("min_length") == 1 else many).format(**context)
    if kind == "string_pattern_mismatch":
        return f"It does not have the form {context['pattern']}."
    if kind == "value_error" and "reason" in context:
        text = f"It is not a valid email address: {context['reason']}"
    elif kind == "value_error":
        text = str(context.get("error", found["msg"]))
    else:
        text = found["msg"]
    return text if text.endswith(".") else f"{text}."
