"""Every text of the product is in every language, once, with the same values in it, and nothing else is."""

import re
from collections.abc import Iterable

import pytest

from tests.support.extracted_texts import Text, extracted_texts, is_translated, translations
from workflows.languages import texts
from workflows.languages.texts import CATALOGUES, LANGUAGES, SOURCE, Language

TRANSLATED = [code for code in LANGUAGES if code != SOURCE]
_VALUE = re.compile(r"%\((\w+)\)[sd]")


def values_of(forms: Iterable[str]) -> set[str]:
    return {name for form in forms for name in _VALUE.findall(form)}


def forms_of(text: Text | list[str] | None) -> tuple[str, ...]:
    return (text or "",) if isinstance(text, str | None) else tuple(text)


@pytest.mark.parametrize("code", TRANSLATED)
def test_no_text_lacks_a_translation(code: str) -> None:
    known = translations(code)
    lacking = {
        text: places
        for text, places in extracted_texts().items()
        if not any(is_translated(message) for _, message in known.get(text, []))
    }
    assert lacking == {}


@pytest.mark.parametrize("code", TRANSLATED)
def test_no_translation_is_left_of_a_text_that_is_gone(code: str) -> None:
    assert set(translations(code)) - set(extracted_texts()) == set()


@pytest.mark.parametrize("code", TRANSLATED)
def test_each_text_is_in_one_file(code: str) -> None:
    twice = {
        text: [name for name, _ in found] for text, found in translations(code).items() if len(found) > 1
    }
    assert twice == {}


@pytest.mark.parametrize("code", TRANSLATED)
def test_a_translation_has_the_values_of_its_text(code: str) -> None:
    """A form for one thing may say "one" instead of the number."""
    wrong = {}
    for text, found in translations(code).items():
        for _, message in found:
            wanted = values_of(forms_of(text))
            for form in forms_of(message.string):
                has = values_of([form])
                if not has <= wanted or wanted - has - {"num"}:
                    wrong[text] = form
    assert wrong == {}


@pytest.mark.parametrize("code", TRANSLATED)
def test_the_languages_have_the_same_files(code: str) -> None:
    def names(one: str) -> set[str]:
        return {path.name for path in (CATALOGUES / one).glob("*.po")}

    assert names(code) == names(TRANSLATED[0])


@pytest.mark.parametrize("code", TRANSLATED)
def test_catalogues_are_compiled_by_the_installation(code: Language) -> None:
    """`make install` has compiled what the files say now."""
    compiled = texts.catalogue(code)
    other = {
        text
        for text, found in translations(code).items()
        if isinstance(text, str) and compiled.gettext(text) != found[0][1].string
    }
    assert other == set()


def test_a_use_case_speaks_the_language_of_its_context() -> None:
    assert texts.language() == "en"
    with texts.in_language("de"):
        assert texts.language() == "de"
        assert texts.gettext("Skip to content") == "Zum Inhalt"
    assert texts.gettext("Skip to content") == "Skip to content"


@pytest.mark.parametrize(
    ("code", "known"),
    [("de", "de"), ("de-AT", "de"), ("fr_CA", "fr"), ("EN", "en"), ("nl", None), ("", None), (None, None)],
)
def test_a_language_is_known_by_its_code(code: str | None, known: str | None) -> None:
    assert texts.known_language(code) == known
