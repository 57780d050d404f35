"""What someone says who decides about a quote: the version and the total, in the language of the page."""

from workflows.languages.texts import in_language
from workflows.selling.statements import statement_of


def test_the_text_names_version_and_total() -> None:
    assert statement_of("accepted", "QU-0001", 2, "EUR 10.00") == (
        "I accept the quote QU-0001, version 2, of EUR 10.00 in total."
    )
    assert statement_of("declined", "QU-0001", 2, "EUR 10.00") == "I decline the quote QU-0001, version 2."


def test_it_is_in_the_language_of_the_page() -> None:
    with in_language("de"):
        assert statement_of("accepted", "QU-0001", 2, "EUR 10.00") == (
            "Ich nehme das Angebot QU-0001, Version 2, über insgesamt EUR 10.00 an."
        )
