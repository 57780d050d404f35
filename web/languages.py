"""The language of pages: Flask-Babel over the catalogues of `workflows/languages`.

The reader's own language comes first, then that of a customer's billing details, then the browser's.
"""

from collections.abc import ItemsView, Iterator, Mapping
from functools import lru_cache
from gettext import NullTranslations
from typing import Any, cast

from babel import Locale
from flask import Flask, request
from flask_babel import Babel
from flask_babel.speaklater import LazyString
from flask_login import current_user
from markupsafe import Markup

from workflows.languages.texts import (
    CATALOGUES,
    DOMAIN,
    LANGUAGES,
    SEPARATOR,
    SOURCE,
    Language,
    catalogue,
    elided,
    gettext,
    known_language,
    language,
    mark,
    mark_in,
    ngettext,
    use_language,
)

__all__ = [
    "Texts", "gettext", "language", "lazy_text", "locale", "mark", "mark_in", "ngettext",
    "register_languages",
]  # fmt: skip

LOCALES: dict[Language, Locale] = {"en": Locale("en", "GB"), "de": Locale("de"), "fr": Locale("fr")}


class Texts(Mapping[str, str]):
    """Texts by code, such as the names of the roles, given in English and read in the current language."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        self._texts = texts

    def __getitem__(self, key: str) -> str:
        return gettext(self._texts[key])

    def __iter__(self) -> Iterator[str]:
        return iter(self._texts)

    def __len__(self) -> int:
        return len(self._texts)

    def __contains__(self, key: object) -> bool:
        return key in self._texts

    def items(self) -> ItemsView[str, str]:
        return {key: gettext(text) for key, text in self._texts.items()}.items()


def lazy_text(message: str, **values: object) -> str:
    """A text of a form's class, which is read once: translated each time that it is shown."""
    return cast(str, LazyString(gettext, message, **values))


def locale() -> Locale:
    """The locale by which numbers, amounts and dates are written."""
    return LOCALES[language()]


def register_languages(app: Flask) -> None:
    """Translate templates and forms, and set the language of each request."""
    app.config.setdefault("BABEL_DEFAULT_LOCALE", SOURCE)
    Babel(
        app,
        default_domain=DOMAIN,
        default_translation_directories=str(CATALOGUES),
        locale_selector=locale,
    )
    app.jinja_env.policies["ext.i18n.trimmed"] = True
    # Flask-Babel finds the catalogue of the request anew for each text, and Jinja formats each as a template:
    # together that takes longer than the page.
    app.jinja_env.globals.update(
        {
            "_": _gettext,
            "gettext": _gettext,
            "ngettext": _ngettext,
            "pgettext": _pgettext,
        }
    )

    @app.before_request
    def set_language() -> None:
        use_language(_of_request())


def _gettext(text: str, /, **values: object) -> Markup:
    return _shown(_found(catalogue(language()), text), values)


def _pgettext(context: str, text: str, /, **values: object) -> Markup:
    return _shown(_found(catalogue(language()), f"{context}{SEPARATOR}{text}"), values)


def _ngettext(one: str, many: str, number: int, /, **values: object) -> Markup:
    text = catalogue(language()).ngettext(one, many, number)
    return _shown(Markup(text), {"num": number, **values})


@lru_cache(maxsize=20_000)
def _found(texts: NullTranslations, text: str) -> Markup:
    """The translation of a template's text, which is HTML as the template is."""
    return Markup(texts.gettext(text).rpartition(SEPARATOR)[2])


def _shown(text: Markup, values: dict[str, object]) -> Markup:
    return Markup(elided(text, values)) % values if values or "%" in text else text


def _of_request() -> Language:
    if request.path.startswith(("/api/v1/", "/static/")):
        return SOURCE
    own: Any = getattr(current_user, "language", None)
    return known_language(own) or known_language(request.accept_languages.best_match(LANGUAGES)) or SOURCE
