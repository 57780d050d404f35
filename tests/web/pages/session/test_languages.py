"""The language of pages: the user's own, then that of a customer's billing details, then the browser's."""

import re

import pytest

from tests.support.pages import Browser, Page
from tests.support.web_clients import WebClients
from workflows.commands.billing import ChangeBilling
from workflows.register.billing_details import change_billing_details
from workflows.users.accounts import change_own_language


def opened(browser: Browser, path: str, accepted: str) -> Page:
    return Page(browser.client.get(path, headers={"Accept-Language": accepted}, follow_redirects=True))


def choose(browser: Browser, language: str) -> Page:
    return browser.send(browser.open("/account"), "/account/preferences", language=language)


def test_a_user_reads_the_language_that_they_chose(web: WebClients) -> None:
    assert "Preferences for this browser" in web.technician.open("/account")
    page = choose(web.technician, "de")
    assert "Ihre Einstellungen wurden gespeichert." in page
    for path in ("/account", "/account/sessions", "/alerts"):
        page = web.technician.open(path)
        assert '<html lang="de"' in page.html
        assert "Konto und Einstellungen" in page
        assert "Warteschlange" in page
    assert "Einstellungen für diesen Browser" in web.technician.open("/account")
    # it is stored for the user, whichever browser they use and whatever it asks for
    assert "Abmelden" in opened(web.browser(web.sample.technician), "/account", "fr")
    assert "Sign out" in web.supervisor.open("/account")
    choose(web.technician, "")
    assert "Se déconnecter" in opened(web.technician, "/account", "fr")


def test_a_customer_reads_the_language_of_their_billing_details_until_they_choose(web: WebClients) -> None:
    sample = web.sample
    command = ChangeBilling.model_validate({"name": "Ann", "language": "fr"})
    sample.do_as(sample.finance, change_billing_details, "customer", sample.ann, command)
    assert "Mes demandes" in opened(web.ann, "/", "de")
    assert "Meine Anfragen" in choose(web.ann, "de")
    assert "Meine Anfragen" in opened(web.ann, "/", "en")


@pytest.mark.parametrize(
    ("accepted", "heading", "language"),
    [
        ("de-AT,de;q=0.9,en;q=0.5", "Anmelden", "de"),
        ("fr-CA", "Se connecter", "fr"),
        ("nl,fr;q=0.3", "Se connecter", "fr"),
        ("nl", "Sign in", "en"),
        ("", "Sign in", "en"),
        ("*", "Sign in", "en"),
    ],
)
def test_a_stranger_reads_the_language_of_the_browser(
    web: WebClients, accepted: str, heading: str, language: str
) -> None:
    page = opened(web.nobody, "/login", accepted)
    assert f"<h1>{heading}</h1>" in page.html
    assert f'<html lang="{language}"' in page.html


def test_errors_are_in_the_language_of_the_page(web: WebClients) -> None:
    assert "Nicht gefunden" in opened(web.nobody, "/nothing-here", "de")
    missing = opened(web.technician, "/requests/00000000-0000-7000-8000-000000000000", "fr")
    assert (missing.status, "Que faire" in missing) == (404, True)
    answer = web.nobody.client.get("/api/v1/customers", headers={"Accept-Language": "de"})
    assert answer.get_json()["title"] == "Not authenticated"


def test_a_language_that_is_not_offered_is_refused_by_the_form(web: WebClients) -> None:
    web.sample.do_as(web.sample.technician, change_own_language, "de")
    page = choose(web.technician, "nl")
    assert page.status == 422
    # the form library's own message, in the reader's language
    assert "Keine gültige Auswahl." in page
    assert "Bitte korrigieren Sie Folgendes" in page
    assert '<html lang="de"' in web.technician.open("/account").html


@pytest.mark.parametrize(
    ("path", "labels"),
    [
        ("/requests", "Non attribuées, Toutes"),
        ("/contracts", "Tous, Actifs, Épuisés, Expirés, Résiliés"),
        ("/invoices", "Toutes, Payées, Annulées"),
        ("/payments", "Tous, Enregistrés, Contre-passés"),
        ("/bank-entries", "Toutes, Proposées"),
        ("/disputes", "Ouvertes, Acceptées, Refusées, Toutes"),
        ("/alerts", "Toutes"),
        ("/outbox", "Tous, Abandonnés, Livrés"),
    ],
)
def test_french_views_agree_with_what_they_list(web: WebClients, path: str, labels: str) -> None:
    page = opened(web.administrator, path, "fr")
    tabs = "".join(re.findall(r'<ul class="tabs".*?</ul>', page.html, re.DOTALL))
    shown = [" ".join(text.split()) for text in re.findall(r">([^<>]*)</a>", tabs)]
    for label in labels.split(", "):
        assert any(text.startswith(label) for text in shown), label
