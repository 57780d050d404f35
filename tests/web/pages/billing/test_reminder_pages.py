"""Reminders on the pages: the settings, the invoice with its reminders and a pause, the list by level."""

from datetime import timedelta

import pytest

from tests.support.billing import Billing
from tests.support.web_clients import WebClients
from tests.web.pages.billing.test_invoice_pages import preview
from workflows.jobs.definitions import run_job


@pytest.fixture
def billing(web: WebClients) -> Billing:
    return Billing(web.sample)


def test_levels_by_form_reminders_on_the_invoice_and_a_pause(web: WebClients, billing: Billing) -> None:
    page = web.administrator.open("/settings")
    wrong = web.administrator.send(page, dunning_levels="soon; 5")
    assert wrong.status == 422
    assert "“soon; 5” is not a level. Write days; fee; text." in wrong
    saved = web.administrator.send(
        wrong, dunning_levels="7; 5.00; Please pay; soon.\n14", invoice_warning_days="2"
    )
    assert "Saved." in saved
    assert saved.form().values["dunning_levels"] == "7; 5.00; Please pay; soon.\n14; 0.00"
    assert "No changes to save." in web.administrator.send(saved)
    issued = billing.issue()["id"]
    web.sample.clock.move(days=22)
    run_job(web.sample.desk, "invoice_reminders")
    path = f"/invoices/{issued}"
    shown = web.finance.open(path)
    for text in ("Due soon", "Overdue", "Reminder 1", "INV-2026-0002", "€5.00", "to ann@example.com"):
        assert text in shown, text
    listed = web.finance.open("/invoices?view=overdue&level=1")
    assert "INV-2026-0001" in listed
    assert "Reminder 1" in listed
    assert "No matching invoices" in web.finance.open("/invoices?view=overdue&level=2")
    form = web.finance.open(f"{path}/pause")
    values = {
        "until": (web.sample.clock.now() + timedelta(days=9)).date().isoformat(),
        "reason": "They asked",
    }
    assert "No reminder is sent up to" in preview(web.finance, form, f"{path}/pause", **values)
    paused = web.finance.send(form, f"{path}/pause", **values)
    assert "Reminders are paused." in paused
    assert "They asked" in paused
    resumed = web.finance.send(web.finance.open(f"{path}/resume"), f"{path}/resume")
    assert "Reminders go on." in resumed
    assert "They asked" not in resumed
