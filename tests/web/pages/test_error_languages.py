"""Errors are in the reader's language on pages, and in English through the API."""

import pytest
from pydantic import ValidationError

from engine.errors import DeskError
from engine.periods import zone_named
from engine.quantities import Money
from tests.support.api import ApiClient, token_of
from tests.support.web_clients import WebClients
from web.field_errors import field_errors
from web.posting_reasons import posting_reason
from workflows.commands.bank_statements import CsvProfile
from workflows.commands.register import NewCustomer
from workflows.core.settings import TaxRateSetting
from workflows.languages.engine_texts import TEXTS, translate, translated
from workflows.languages.texts import Language, in_language
from workflows.notifications.webhooks.addresses import UnusableUrl, read_target
from workflows.store import tables as t

MISSING = "does-not-exist"


def reads_in(web: WebClients, language: Language) -> None:
    with web.sample.desk.write() as tx:
        tx.change(t.user_account, str(web.sample.technician.id), language=language)


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("de", "Diese Serviceanfrage gibt es nicht."),
        ("fr", "Cette demande de service n’existe pas."),
        ("en", "There is no such service request."),
    ],
)
def test_an_error_is_in_the_readers_language(web: WebClients, language: Language, text: str) -> None:
    reads_in(web, language)
    assert text in web.technician.open(f"/requests/{MISSING}")
    api = ApiClient(web.app, token_of(web.sample, web.sample.technician))
    answer = api.get(f"/service-requests/{MISSING}").json
    assert answer is not None
    assert answer["detail"].startswith("There is no such service request.")


@pytest.mark.parametrize(
    ("quantity", "shown"),
    [("20261130", "20261130"), ("2026-11-30", "30.11.2026"), ("2026-13-30", "2026-13-30")],
)
def test_only_a_whole_date_among_the_values_is_written_as_one(quantity: str, shown: str) -> None:
    with in_language("de"):
        assert f" {shown} " in translated(f"Line 3: {quantity} is not a quantity.")


def test_the_largest_amount_is_written_as_money() -> None:
    with pytest.raises(DeskError) as refused:
        Money(10**16, "EUR")
    with in_language("fr"):
        translate(refused.value)
    assert "90\u202f071\u202f992\u202f547\u202f409,91\xa0EUR" in refused.value.remedy


def test_an_error_of_the_engine_is_translated_with_its_values() -> None:
    with pytest.raises(DeskError) as refused:
        zone_named("Europe/Nowhere")
    translate(refused.value)
    assert refused.value.detail == "There is no time zone 'Europe/Nowhere'."
    with in_language("de"):
        translate(refused.value)
        assert translated("Nobody wrote this.") == "Nobody wrote this."
    assert str(refused.value) == (
        "Es gibt keine Zeitzone 'Europe/Nowhere'. Verwenden Sie einen Namen wie Europe/Berlin oder UTC."
    )


def test_what_the_engine_puts_in_place_of_a_value_is_translated_too() -> None:
    overlap = (
        "SUP-20 has a price on these days already: EUR 1,095.00 from 2026-01-01 to 2026-12-31 overlaps "
        "EUR 10.50 from 2026-03-01 on."
    )
    with in_language("fr"):
        assert translated(overlap).replace("\u202f", " ").replace("\u00a0", " ") == (
            "SUP-20 a déjà un prix ces jours-là : 1 095,00 EUR du 1er janv. 2026 au 31 déc. 2026 chevauche "
            "10,50 EUR à partir du 1er mars 2026."
        )
        assert translated("Write it as 2026-03-31.").endswith("2026-03-31.")
        header = "Line 1: The header cannot be read: the column 'code' is missing."
        assert "l’en-tête ne peut pas être lu" in translated(header)
    assert translated(overlap) == overlap


def test_an_error_of_a_field_is_in_the_language_to_its_last_word() -> None:
    rate = {"name": "A", "percent": "20", "category": "Q"}
    with in_language("fr"), pytest.raises(ValidationError) as refused:
        TaxRateSetting.model_validate(rate)
    with in_language("fr"):
        [error] = field_errors(refused.value)
        assert error["detail"].endswith("'G' ou 'O'.")
    with in_language("fr"), pytest.raises(ValidationError) as refused:
        TaxRateSetting.model_validate({**rate, "category": "S", "percent": "x"})
    with in_language("fr"):
        assert "par exemple 3,5." in field_errors(refused.value)[0]["detail"]
    with in_language("fr"), pytest.raises(ValidationError) as wrong_mail:
        NewCustomer.model_validate({"name": "A", "email": "nobody"})
    with in_language("fr"):
        assert field_errors(wrong_mail.value)[0]["detail"] == "Ce n’est pas une adresse e-mail valable."
    assert "such as 3.5." in field_errors(refused.value)[0]["detail"]
    with in_language("fr"), pytest.raises(UnusableUrl, match="Autorisez l’hôte"):
        read_target("https://127.0.0.1/x", frozenset())


def test_each_text_of_the_engine_is_found_by_its_form() -> None:
    with in_language("fr"):
        for text in TEXTS:
            values = {name: f"<{name}>" for name in text.split("%(")[1:] for name in [name.split(")")[0]]}
            filled = text % values if values else text
            assert translated(filled) != filled, text
            assert all(value in translated(filled) for value in values.values()), text


def test_stored_sentences_are_shown_in_the_readers_language() -> None:
    with in_language("de"):
        assert posting_reason("Work on SR-1001: 1:00 drawn ahead on the next month") == (
            "Arbeit an SR-1001: 1:00 im Vorgriff auf den nächsten Monat abgebucht"
        )
        assert posting_reason("Work on SR-1001") == "Arbeit an SR-1001"
        assert posting_reason("Ann asked for it") == "Ann asked for it"
    assert posting_reason("Work on SR-1001") == "Work on SR-1001"


def test_an_error_of_a_field_is_translated_where_it_is_found() -> None:
    given = {"name": "x", "columns": {}, "encoding": 5}
    with in_language("de"):
        texts = {one["detail"] for one in field_errors(_error(given))}
    assert "Die Angabe ist erforderlich." in texts
    assert "It is required." in {one["detail"] for one in field_errors(_error(given))}


def _error(given: object) -> ValidationError:
    with pytest.raises(ValidationError) as refused:
        CsvProfile.model_validate(given)
    return refused.value
