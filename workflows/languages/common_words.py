"""Words that many choose as passwords in English, German and French; password estimators know English ones.

Days, months and countries come from the locale data; what the product calls things, from its catalogues.
Seasons, greetings and a few others are written here.
"""

import unicodedata
from collections.abc import Iterator
from functools import cache

from workflows.languages.texts import LANGUAGES, gettext, in_language, mark

PRODUCT_WORDS = (
    mark("Password"),
    mark("Customer"),
    mark("Service request"),
    mark("Contract"),
    mark("Invoice"),
    mark("Payment"),
    mark("Account"),
    mark("Company"),
    mark("Administrator"),
    mark("Supervisor"),
    mark("Technician"),
    mark("Finance"),
)
OTHER_WORDS = (
    # seasons
    "spring", "summer", "autumn", "winter", "Frühling", "Frühjahr", "Sommer", "Herbst", "printemps", "été",
    "automne", "hiver",
    # greetings
    "welcome", "hello", "Willkommen", "Hallo", "Servus", "Moin", "bienvenue", "bonjour", "bonsoir", "salut",
    "coucou",
    # what a login is for
    "user", "login", "access", "secret", "changeme", "Benutzer", "Zugang", "Geheim", "Kennwort", "Kunden",
    "utilisateur", "clients", "connexion", "accès", "changezmoi", "test", "support", "service",
    "Kundendienst", "client",
    # at work and at home
    "office", "work", "school", "holiday", "family", "love", "iloveyou", "football", "Christmas", "computer",
    "Büro", "Arbeit", "Schule", "Urlaub", "Ferien", "Familie", "Liebe", "ichliebedich", "Schatz", "Fußball",
    "Weihnachten", "Ostern", "Schokolade", "Sonnenschein", "bureau", "travail", "école", "vacances",
    "famille", "amour", "jetaime", "chéri", "Noël", "Pâques", "chocolat", "soleil", "ordinateur",
)  # fmt: skip
_DIGRAPHS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "œ": "oe", "æ": "ae"})
_LIGATURES = str.maketrans({"œ": "oe", "æ": "ae"})


def spellings(text: str) -> frozenset[str]:
    """The letters of a text without accents, in each way that umlauts are written without them."""
    plain = unicodedata.normalize("NFC", text.casefold())
    return frozenset(_letters(plain.translate(table)) for table in (_DIGRAPHS, _LIGATURES))


@cache
def common_words() -> frozenset[str]:
    """The words, by their `spellings`."""
    return frozenset(one for word in _words() for one in spellings(word) if len(one) > 2)


def _words() -> Iterator[str]:
    yield from OTHER_WORDS
    # locale data takes a moment to load: only where a password is set
    from babel import Locale

    for code in LANGUAGES:
        locale = Locale(code)
        for names in (locale.months, locale.days):
            yield from names["stand-alone"]["wide"].values()
        yield from (name for key, name in locale.territories.items() if len(key) == 2 and key.isalpha())
        with in_language(code):
            for text in map(gettext, PRODUCT_WORDS):
                yield text
                yield from text.split()


def _letters(text: str) -> str:
    apart = unicodedata.normalize("NFKD", text)
    return "".join(one for one in apart if one.isalpha())
