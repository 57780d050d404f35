"""The language of pages: Flask-Babel over the catalogues of `workflows/languages`.

The reader's own language comes first, then that of a customer's billing details, then the browser's.
"""

from collections.abc import ItemsView, Iterator, Mapping
from typing import Any, cast

from babel import Locale
from flask import Flask, request
from flask_babel import Babel, lazy_gettext
from flask_login import current_user

from workflows.languages.texts import (
    CATALOGUES,
    DOMAIN,
    LANGUAGES,
    SOURCE,
    Language,
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
    return cast(str, lazy_gettext(message, **values))


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

    @app.before_request
    def set_language() -> None:
        use_language(_of_request())


def _of_request() -> Language:
    if request.path.startswith(("/api/v1/", "/static/")):
        return SOURCE
    own: Any = getattr(current_user, "language", None)
    return known_language(own) or known_language(request.accept_languages.best_match(LANGUAGES)) or SOURCE
