"""The language in which a user reads the pages, as an administrator sets it, and pages in it."""

import pytest

from tests.support.web_clients import WebClients
from workflows.store import tables as t


def language_of(web: WebClients, user_id: str) -> str | None:
    (row,) = web.sample.rows(t.user_account, id=user_id)
    language: str | None = row.language
    return language


def test_a_new_user_has_a_language_or_that_of_the_browser(web: WebClients) -> None:
    ada = web.administrator
    page = ada.open("/users/new")
    assert '<option value="">As the browser asks for it</option>' in page.html.replace(" selected", "")
    for email, chosen in (("heidi@example.com", "de"), ("bob@example.com", "")):
        ada.send(ada.open("/users/new"), email=email, role="technician", language=chosen)
    stored = {row.email: row.language for row in web.sample.rows(t.user_account)}
    assert (stored["heidi@example.com"], stored["bob@example.com"]) == ("de", None)


def test_an_administrator_changes_the_language_of_a_user(web: WebClients) -> None:
    ada, user_id = web.administrator, str(web.sample.technician.id)
    path = f"/users/{user_id}"
    ada.send(ada.open(path), language="fr")
    assert language_of(web, user_id) == "fr"
    ada.send(ada.open(path), name="Someone else")
    assert language_of(web, user_id) == "fr"
    ada.send(ada.open(path), language="")
    assert language_of(web, user_id) is None


def test_an_unknown_language_is_refused(web: WebClients) -> None:
    page = web.administrator.send(
        web.administrator.open("/users/new"), email="x@example.com", role="technician", language="xx"
    )
    assert page.status == 422
    assert web.sample.rows(t.user_account, email="x@example.com") == []


@pytest.mark.parametrize(
    ("language", "title", "event"), [("de", "Protokoll", "Angelegt"), ("fr", "Journal d’audit", "Créé")]
)
def test_the_audit_trail_is_in_the_language_of_its_reader_and_its_csv_is_not(
    web: WebClients, language: str, title: str, event: str
) -> None:
    ada, path = web.administrator, f"/users/{web.sample.administrator.id}"
    ada.send(ada.open(path), language=language)
    ada.send(ada.open("/users/new"), email="x@example.com", role="technician")
    page = ada.open("/audit")
    assert f"<h1>{title}</h1>" in page.html
    assert event in page
    assert "Created" in ada.open("/audit?format=csv").text
