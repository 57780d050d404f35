"""The pages of mail templates: edit with a preview, test, reset, history, and faults by field."""

from tests.support.web_clients import WebClients
from workflows.store import tables as t

PATH = "/mail-templates/request_resolved"


def test_a_text_is_previewed_saved_tested_and_reset(web: WebClients) -> None:
    browser = web.administrator
    listed = browser.open("/mail-templates")
    assert "A request is resolved the customer of the request Your request {number} is resolved" in listed
    page = browser.open(PATH)
    assert "Your request SR-1001 is resolved" in page
    preview = browser.send(page, subject="Done: {number}", step="preview")
    assert "Done: SR-1001" in preview
    assert web.sample.rows(t.mail_template) == []
    saved = browser.send(preview, body="«{subject}» is done.\n\n{note}")
    assert "Saved." in saved
    assert "Done: SR-1001 «The laptop does not start» is done. The power supply was replaced." in saved
    assert "Mail template changed by the administrator" in saved
    assert "Changed now by the administrator" in browser.open("/mail-templates")
    tested = browser.send(saved, "/test")
    assert "A test mail to your own address was queued." in tested
    [mail] = web.sample.rows(t.outbox, event="mail_template_test")
    assert mail.subject == "Done: SR-1001"
    reset = browser.send(tested, "/reset")
    assert "The shipped text is in force again." in reset
    assert not reset.has_form("/reset")
    assert "Mail template reset" in reset


def test_each_language_is_chosen_and_edited_by_itself(web: WebClients) -> None:
    browser = web.administrator
    assert "Ihre Anfrage {number} ist gelöst" in browser.open("/mail-templates?language=de")
    page = browser.open(f"{PATH}?language=de")
    saved = browser.send(page, subject="Fertig: {number}")
    assert "Fertig: SR-1001 Wir haben Ihre Anfrage" in saved
    assert "Mail template changed by the administrator (Deutsch)" in saved
    assert "Your request SR-1001 is resolved" in browser.open(f"{PATH}?language=en")
    browser.send(saved, "/test")
    [mail] = web.sample.rows(t.outbox, event="mail_template_test")
    assert mail.subject == "Fertig: SR-1001"
    with web.sample.desk.write() as tx:
        tx.change(t.user_account, str(web.sample.administrator.id), language="de")
    assert "Eine Anfrage ist gelöst" in browser.open("/mail-templates")


def test_a_fault_is_said_at_its_field_and_what_was_typed_stays(web: WebClients) -> None:
    page = web.administrator.open(PATH)
    wrong = web.administrator.send(page, subject="Done: {name}", body="Typed {note}")
    assert wrong.status == 422
    assert "There is no placeholder {name} here" in wrong
    assert wrong.form().values["body"] == "Typed {note}"
    assert web.administrator.send(page, body="{note", step="preview").status == 422
    assert web.sample.rows(t.mail_template) == []


def test_a_stored_text_that_cannot_be_used_is_named(web: WebClients) -> None:
    page = web.administrator.open(PATH)
    web.administrator.send(page, subject="Done")
    [row] = web.sample.rows(t.mail_template)
    with web.sample.desk.write() as tx:
        tx.change(t.mail_template, row.id, body="{gone}")
    assert "Not used" in web.administrator.open("/mail-templates")
    shown = web.administrator.open(PATH)
    assert "The shipped text is sent instead of this one. There is no placeholder {gone} here" in shown


def test_other_roles_find_no_templates(web: WebClients) -> None:
    for role in ("finance", "supervisor", "technician", "customer"):
        for path in ("/mail-templates", PATH):
            assert web.of_role(role).open(path).status == 403
    assert web.administrator.open("/mail-templates/nothing").status == 404
