"""The pages of retention: what would be removed is shown before it is switched on."""

from datetime import timedelta

import pytest

from tests.support.web_clients import WebClients
from workflows.store import tables as t


@pytest.fixture
def old_mail(web: WebClients) -> None:
    """A mail that was sent 100 days ago."""
    at = web.sample.clock.now() - timedelta(days=100)
    with web.sample.desk.write() as tx:
        values = {"event": "x", "subject": "x", "body": "x", "payload": {}}
        tx.add(t.outbox, id="old", created_at=at, delivered_at=at, **values)


@pytest.mark.usefixtures("old_mail")
def test_settings_that_remove_something_are_saved_once_it_was_shown(web: WebClients) -> None:
    page = web.administrator.open("/settings")
    saved = web.administrator.send(page, mail_retention_months="12")
    assert "Remove old records?" not in saved
    asked = web.administrator.send(saved, mail_retention_months="1")
    assert "Remove old records?" in asked
    assert web.sample.desk.refresh().settings.mail_retention_months == 12
    # other numbers are shown, too
    again = web.administrator.send(asked, mail_retention_months="2")
    assert "Remove old records?" in again
    assert "Saved." in web.administrator.send(again)
    assert web.sample.desk.refresh().settings.mail_retention_months == 2
    assert [row.id for row in web.sample.rows(t.outbox)] == ["old"]


@pytest.mark.usefixtures("old_mail")
def test_other_numbers_of_months_can_be_tried(web: WebClients) -> None:
    page = web.administrator.open("/settings/retention")
    assert "never removed" in page
    tried = web.administrator.open("/settings/retention?mail_retention_months=3")
    assert "With these numbers of months" in tried
    assert "22 Nov 2025" in tried
    wrong = web.administrator.open("/settings/retention?mail_retention_months=361")
    assert (wrong.status, "It must be at most" in wrong) == (422, True)
