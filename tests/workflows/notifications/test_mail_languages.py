"""Mail is in the language of who gets it: the user's, else that of the billing details, else English."""

import json
from typing import Any

import pytest

from tests.support.sample_desk import SampleDesk
from workflows.commands.mail_templates import ChangeMailTemplate
from workflows.languages.texts import LANGUAGES, in_language
from workflows.lifecycle.contracts.bulk_expiry import expire_due
from workflows.notifications.messages import notify_administrators
from workflows.notifications.recipients import language_of
from workflows.notifications.template_editing import (
    change_mail_template,
    list_mail_templates,
    preview_mail_template,
    read_mail_template,
    reset_mail_template,
    send_test_mail,
)
from workflows.notifications.template_text import fault_of, placeholders
from workflows.notifications.templates import TEMPLATES, samples_of, shipped_text
from workflows.store import tables as t
from workflows.store.ids import new_id


def billed_in(sample: SampleDesk, customer: str, language: str) -> None:
    with sample.desk.write() as tx:
        tx.add(t.billing_details, id=new_id(), customer_id=customer, language=language)


def reads_in(sample: SampleDesk, user: str, language: str) -> None:
    with sample.desk.write() as tx:
        tx.change(t.user_account, user, language=language)


def address(sample: SampleDesk, customer: str) -> str:
    return str(sample.rows(t.customer, id=customer)[0].email)


def subjects(sample: SampleDesk, event: str) -> dict[str, str]:
    return {row.recipient: row.subject for row in sample.rows(t.outbox, event=event) if row.recipient}


def change(sample: SampleDesk, key: str, code: Any, **texts: str) -> None:
    sample.do(change_mail_template, key, ChangeMailTemplate.model_validate_json(json.dumps(texts)), code)


@pytest.mark.parametrize("code", LANGUAGES)
def test_the_shipped_texts_of_each_language_are_without_fault(code: Any) -> None:
    for key, template in TEMPLATES.items():
        with in_language(code):
            text, samples = shipped_text(key), samples_of(key)
            faults = [fault_of(template, name, getattr(text, name)) for name in ("subject", "body")]
        assert faults == [None, None], key
        for name in ("subject", "body"):
            assert set(placeholders(getattr(text, name))) == set(placeholders(getattr(template, name))), key
        assert samples.keys() == template.samples.keys()


def test_a_mail_to_a_german_customer_is_german(sample: SampleDesk) -> None:
    billed_in(sample, sample.ann, "de")
    bob = sample.customer("Bob")
    sample.log("Der Drucker")
    sample.log("The printer", customer=bob, item=None)
    written = {row.recipient: row for row in sample.rows(t.outbox, event="no_contract")}
    german, english = written[address(sample, sample.ann)], written[address(sample, bob)]
    assert german.subject == "Ihre Anfrage SR-1001 wartet auf einen Vertrag"
    assert "Wir haben Ihre Anfrage „Der Drucker“ erhalten." in german.body
    assert english.subject == "Your request SR-1002 is waiting for a contract"


def test_a_users_own_language_comes_before_that_of_the_billing_details(sample: SampleDesk) -> None:
    billed_in(sample, sample.ann, "de")
    user = sample.person("customer", "Ann", customer=sample.ann)
    reads_in(sample, str(user.id), "fr")
    with sample.desk.read(sample.administrator) as tx:
        assert language_of(tx, f"{user.id}@staff.example") == "fr"
        assert language_of(tx, address(sample, sample.ann)) == "de"
        assert language_of(tx, "a@nowhere.example", ("customer", sample.ann)) == "de"
        assert language_of(tx, "a@nowhere.example") == "en"
        assert language_of(tx, None, ("customer", sample.ann)) == "en"


def test_contracts_that_end_at_once_are_written_about_in_each_holders_language(sample: SampleDesk) -> None:
    billed_in(sample, sample.ann, "fr")
    bob = sample.customer("Bob")
    change(sample, "contract_expired", "de", subject="{number}: Schluss", body="{number}")
    carl = sample.customer("Carl")
    billed_in(sample, carl, "de")
    sold = {one: sample.sell("subscription", to=("customer", one), ends_on="2026-03-10")
            for one in (sample.ann, bob, carl)}  # fmt: skip
    sample.clock.move(days=30)
    assert expire_due(sample.desk, sample.clock.now()) == 3
    number = {one: sample.contract(sold[one]).number for one in sold}
    assert subjects(sample, "contract_expired") == {
        address(sample, sample.ann): f"Le contrat {number[sample.ann]} a pris fin",
        address(sample, bob): f"Contract {number[bob]} has ended",
        address(sample, carl): f"{number[carl]}: Schluss",
    }


def test_each_administrator_gets_their_own_language(sample: SampleDesk) -> None:
    reads_in(sample, str(sample.person("administrator").id), "de")
    values = {"folder": "rules", "host": "desk-1", "problems": "none"}
    with sample.desk.write() as tx:
        notify_administrators(tx, "rules_refused", values, about=("rules_folder", "1"))
    assert set(subjects(sample, "rules_refused").values()) == {
        "Die Regeln in rules haben Fehler",
        "The rules in rules have errors",
    }


def test_an_administrators_german_text_is_sent_in_german_mail_only(sample: SampleDesk) -> None:
    bob = sample.customer("Bob")
    billed_in(sample, bob, "de")
    change(sample, "contract_active", "de", subject="{number} läuft", body="Los: {number}")
    sample.sell("subscription")
    german = sample.sell("subscription", to=("customer", bob))
    written = subjects(sample, "contract_activated")
    assert written[address(sample, bob)] == f"{sample.contract(german).number} läuft"
    assert written[address(sample, sample.ann)].endswith("is active")


def test_each_language_is_edited_previewed_tested_and_reset_by_itself(sample: SampleDesk) -> None:
    change(sample, "request_resolved", "de", subject="Fertig: {number}")
    own = sample.see(read_mail_template, "request_resolved", "de")
    assert (own.language, own.subject, own.is_changed) == ("de", "Fertig: {number}", True)
    assert not sample.see(read_mail_template, "request_resolved").is_changed
    assert [one.id for one in sample.see(list_mail_templates, "de") if one.is_changed] == ["request_resolved"]
    preview = sample.see(preview_mail_template, "request_resolved", ChangeMailTemplate(), "de")
    assert (
        preview.body
        == "Wir haben Ihre Anfrage „Der Laptop startet nicht“ gelöst: Das Netzteil wurde ersetzt."
    )
    assert sample.do(send_test_mail, "request_resolved", "fr").subject == "Votre demande SR-1001 est résolue"
    sample.do(reset_mail_template, "request_resolved", "de")
    assert (
        sample.see(read_mail_template, "request_resolved", "de").subject == "Ihre Anfrage {number} ist gelöst"
    )
