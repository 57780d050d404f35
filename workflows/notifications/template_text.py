"""Text with {names} in braces: what is wrong with it, and the text with values in place of the names.

Source: product.md section 12.
"""

import re
from collections.abc import Mapping
from functools import lru_cache, reduce
from operator import add
from string import Formatter
from typing import Any, NamedTuple

from workflows.languages.texts import elision, gettext, language
from workflows.notifications.mail_template import MailTemplate

PARAGRAPH = "\n\n"
_ELIDING = re.compile(r"\b([Dd]|[Qq]u)e $")
NO_BREAK_SPACES = str.maketrans("\u00a0\u202f", "  ")
"""What French has before some signs; Python takes them for unprintable."""


class MailText(NamedTuple):
    """A subject and a body; for a set of rows SQL expressions."""

    subject: Any
    body: Any


class TemplateFault(Exception):
    """What is wrong with a subject or a body, as a sentence."""


def fill(subject: str, body: str, values: Mapping[str, Any]) -> MailText:
    """A subject and a body with values in place of names. Raises: TemplateFault; KeyError for a value."""
    paragraphs = [_fill(part, values) for part in body.split(PARAGRAPH)]
    if any(not isinstance(one, str) for one in paragraphs):
        return MailText(_fill(subject, values), reduce(add, _joined(paragraphs)))
    return MailText(
        _fill(subject, values), PARAGRAPH.join(one.strip(" ") for one in paragraphs if one.strip())
    )


def fault_of(template: MailTemplate, name: str, text: str) -> str | None:
    """What is wrong with a text as the `name` (subject, body) of a template, as a sentence, or None."""
    try:
        used = set(placeholders(text))
    except TemplateFault as fault:
        return str(fault)
    known = ", ".join(f"{{{one}}}" for one in template.samples)
    for one in sorted(used - template.samples.keys()):
        return gettext(
            "There is no placeholder %(name)s here; use %(known)s.", name=f"{{{one}}}", known=known
        )
    if name == "subject" and (not text.translate(NO_BREAK_SPACES).isprintable() or "=?" in text):
        return gettext("A subject is one line, without =?, which mail programs would decode.")
    if name == "body":
        for one in sorted(template.required - used):
            return gettext(
                "The placeholder %(name)s is missing: without it the mail is of no use.", name=f"{{{one}}}"
            )
    return None


def placeholders(text: str) -> list[str]:
    """The names in a text, in order. Raises: TemplateFault."""
    return [name for _, name in _parse(text) if name is not None]


@lru_cache(maxsize=1024)
def _parse(text: str) -> tuple[tuple[str, str | None], ...]:
    """Texts, each with the name that follows it, or None at the end. Raises: TemplateFault.

    Each mail of a template has the same text: it is parsed once.
    """
    try:
        parts = list(Formatter().parse(text))
    except ValueError as error:
        raise TemplateFault(
            gettext("A brace is open or closed alone; write {{ and }} for braces.")
        ) from error
    for _, name, form, conversion in parts:
        if name is not None and (form or conversion or not name.isidentifier()):
            raise TemplateFault(
                gettext(
                    "A placeholder is a name in braces and nothing else, not %(given)s.",
                    given=f"{{{name}{form}}}",
                )
            )
    return tuple((literal, name) for literal, name, _, _ in parts)


def _fill(text: str, values: Mapping[str, Any]) -> Any:
    """Text with values in place of its {names}: text, or an SQL expression if one of the values is."""
    parts: list[Any] = []
    for literal, name in _parse(text):
        parts += [literal] if name is None else [_before(literal, values[name]), values[name]]
    return reduce(add, parts, "") if parts else ""


def _before(literal: str, value: Any) -> str:
    """The text before a value, in French with an apostrophe where an e is lost before its vowel."""
    start = _ELIDING.search(literal) if language() == "fr" and isinstance(value, str) else None
    return literal[: start.start()] + elision(start[1], value) if start else literal


def _joined(paragraphs: list[Any]) -> list[Any]:
    joined: list[Any] = []
    for one in paragraphs:
        joined += [PARAGRAPH, one] if joined else [one]
    return joined
