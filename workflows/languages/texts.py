"""Texts in the language of whoever reads them.

A text is written in English where it is used, as `gettext("...")`; its translations are in `catalogues/`.
The language is that of the current context: `use_language` sets it for a request, `in_language` for a block,
such as a mail to a customer. Without either it is English. So errors that a use case raises for a page are in
the reader's language, and those for the API, the command line and the log are in English.
"""

import gettext as standard
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import Literal, get_args

import structlog

Language = Literal["en", "de", "fr"]
LANGUAGES: tuple[Language, ...] = get_args(Language)
NAMES: dict[Language, str] = {"en": "English", "de": "Deutsch", "fr": "Français"}
"""Each language's name in itself."""
SOURCE: Language = "en"
"""The language in which texts are written in the code."""
DOMAIN = "messages"
SEPARATOR = "\x04"
"""Between the context of a text and the text, as in compiled catalogues."""
CATALOGUES = Path(__file__).parent / "catalogues"

log = structlog.get_logger()
_ELIDING = re.compile(r"\b(?P<start>[Dd]|[Qq]u)e %\((?P<name>\w+)\)s")
"""French words that lose their e before a vowel, and the value after them."""
_VOWEL_FIRST = re.compile(r"(?:<[^>]*>)*[aàâæeéèêëiîïoôœuùûü]", re.IGNORECASE)
_current: ContextVar[Language] = ContextVar("language", default=SOURCE)


def language() -> Language:
    """The language of the current context."""
    return _current.get()


def use_language(code: Language) -> None:
    """Use a language from now on in this context, such as for the answer to a request."""
    _current.set(code)


@contextmanager
def in_language(code: Language) -> Iterator[None]:
    """Use a language within a block."""
    token = _current.set(code)
    try:
        yield
    finally:
        _current.reset(token)


def known_language(code: str | None) -> Language | None:
    """The language of a code such as `de` or `de-AT`; None if there is no catalogue of it."""
    short = (code or "").replace("_", "-").partition("-")[0].lower()
    return next((one for one in LANGUAGES if one == short), None)


@cache
def catalogue(code: Language) -> standard.NullTranslations:
    """The translations to a language; where they are not compiled, texts stay English and the log says so."""
    if code == SOURCE:
        return standard.NullTranslations()
    try:
        return standard.translation(DOMAIN, CATALOGUES, [code])
    except OSError:
        log.warning(
            "no translations", language=code, remedy="Run `make install`: it compiles the catalogues."
        )
        return standard.NullTranslations()


def gettext(message: str, /, **values: object) -> str:
    """A text in the current language, with `%(name)s` replaced by values."""
    if not message:
        return message  # a catalogue has its own description there
    text = catalogue(_current.get()).gettext(message)
    if SEPARATOR in text:
        text = text.partition(SEPARATOR)[2]
    return elided(text, values) % values if values else text


def ngettext(one: str, many: str, number: int, /, **values: object) -> str:
    """A text for a number of things; `%(num)s` is the number."""
    text = catalogue(_current.get()).ngettext(one, many, number)
    values = {"num": number, **values}
    return elided(text, values) % values


def elided(text: str, values: Mapping[str, object]) -> str:
    """A text in the current language before its values are put in.

    In French, "de" and "que" lose their e before a value that begins with a vowel: "d'Oskar", "d'octobre".
    """
    if language() != "fr":
        return text

    def elide(found: re.Match[str]) -> str:
        return elision(found["start"], values.get(found["name"])) + f"%({found['name']})s"

    return _ELIDING.sub(elide, text)


def elision(start: str, value: object) -> str:
    """ "d" or "qu" before a value in French: with its e, or with an apostrophe if a vowel follows."""
    return f"{start}’" if _VOWEL_FIRST.match(str(value)) else f"{start}e "


def mark_in(context: str, message: str) -> str:
    """Mark a text that is translated otherwise in this context, such as a word that is a noun or a verb."""
    return f"{context}{SEPARATOR}{message}"


def mark(message: str) -> str:
    """Mark a text for translation where it stands; it is translated where it is used."""
    return message
