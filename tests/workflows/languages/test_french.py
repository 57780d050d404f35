"""French as it is set and written: spaces before signs, apostrophes, and an e that is lost before a vowel."""

import re

import pytest

from tests.support.extracted_texts import translations
from workflows.languages import texts
from workflows.notifications.template_text import fill

NARROW = "\u202f"
FAULTS = {
    "a sign needs a narrow no-break space before it": re.compile(
        r"[^\u202f\W][ \u00a0]?[!?](?:\s|$)|[\w)%][ \u00a0]?[:;](?:\s|$)"
    ),
    "quotation marks have narrow no-break spaces inside": re.compile(r"«(?!\u202f)|(?<!\u202f)»"),
    "a percent sign needs a narrow no-break space before it": re.compile(
        r"(?:\d|\)s|\})[ \u00a0]?%%?(?![\w(])"
    ),
    "an apostrophe is curved": re.compile(r"\b[cdjlmnstCDJLMNST]'|qu'"),
    "quotation marks are French": re.compile("[“”„]"),
    "a letter begins with a capital": re.compile(r"^Bonjour[^\n]*,\n\n[a-zà-ÿ]"),
}
SYNTAX = re.compile(r"<code>.*</code>|<[^>]*>|Écrivez \w+; .*|\{\"all\".*|«\u202f[^»]*;[^»]*\u202f»")
"""Markup, and what is typed with semicolons between its parts."""


def test_every_french_text_is_set_as_french_is() -> None:
    wrong = []
    for found in translations("fr").values():
        for _, message in found:
            for form in [message.string] if isinstance(message.string, str) else message.string or ():
                plain = SYNTAX.sub("", form)
                wrong += [(fault, form) for fault, pattern in FAULTS.items() if pattern.search(plain)]
    assert wrong == []


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Oskar Lindqvist", "Relevé d’Oskar Lindqvist"),
        ("Édith", "Relevé d’Édith"),
        ("Marta Heller", "Relevé de Marta Heller"),
        ("<a>Oskar</a>", "Relevé d’<a>Oskar</a>"),
    ],
)
def test_an_e_is_lost_before_a_vowel(name: str, text: str) -> None:
    with texts.in_language("fr"):
        assert texts.gettext("Statement of %(name)s", name=name) == text
    with texts.in_language("de"):
        assert "’" not in texts.gettext("Statement of %(name)s", name=name)


def test_an_e_is_lost_in_mail_too() -> None:
    with texts.in_language("fr"):
        assert fill("Facture de {company}", "De {company} : {n}", {"company": "Acme", "n": "1"}) == (
            "Facture d’Acme",
            "D’Acme : 1",
        )
    assert fill("Facture de {company}", "", {"company": "Acme"}).subject == "Facture de Acme"
