"""What is wrong with a field, in words; for every door."""

from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

WORDS = {
    "missing": "It is required.",
    "extra_forbidden": "There is no such field here.",
    "string_type": "It must be text.",
    "string_unicode": "It must be text that is valid Unicode.",
    "int_type": "It must be a whole number.",
    "int_from_float": "It must be a whole number.",
    "int_parsing": "It must be a whole number.",
    "int_parsing_size": "It is too large a number.",
    "bool_type": "It must be true or false.",
    "bool_parsing": "It must be true or false.",
    "list_type": "It must be a list.",
    "dict_type": "It must be an object.",
    "model_type": "It must be an object.",
    "model_attributes_type": "It must be an object.",
    "date_from_datetime_inexact": "It must be a day, written YYYY-MM-DD.",
    "date_from_datetime_parsing": "There is no such day.",
    "date_parsing": "There is no such day.",
    "date_type": "It must be a day, written YYYY-MM-DD.",
    "datetime_from_date_parsing": "There is no such instant.",
    "datetime_parsing": "There is no such instant.",
    "datetime_type": "Write it as RFC 3339 with an offset, for example 2026-03-31T09:00:00Z.",
    "timezone_aware": "It needs an offset, for example 2026-03-31T09:00:00Z.",
}
WITH_LIMITS = {
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
    """Each bad field by its JSON pointer, and what would be right."""
    return [
        {"pointer": pointer_of(found), "detail": words_of(found)}
        for found in error.errors(include_url=False, include_input=True)
    ]


def pointer_of(found: ErrorDetails) -> str:
    """The JSON pointer of what was refused.

    A check of fields that belong together names the first of them as its first word.
    """
    parts = [str(part) for part in found["loc"] if part != "[key]"]
    if found["type"] == "value_error":
        first = words_of(found).partition(" ")[0]
        given: Any = found["input"]
        fields = given if isinstance(given, dict) else {}
        if first in fields:
            parts.append(first)
    return "".join(f"/{part.replace('~', '~0').replace('/', '~1')}" for part in parts)


def words_of(found: ErrorDetails) -> str:
    """What is wrong, as a sentence."""
    kind, context = found["type"], found.get("ctx", {})
    if kind in WORDS:
        return WORDS[kind]
    if kind in WITH_LIMITS:
        one, many = WITH_LIMITS[kind]
        return (one if context.get("min_length") == 1 else many).format(**context)
    if kind == "string_pattern_mismatch":
        return f"It does not have the form {context['pattern']}."
    if kind == "value_error" and "reason" in context:
        text = f"It is not a mail address: {context['reason']}"
    elif kind == "value_error":
        text = str(context.get("error", found["msg"]))
    else:
        text = found["msg"]
    return text if text.endswith(".") else f"{text}."
