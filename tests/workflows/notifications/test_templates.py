"""Mail templates: what is shipped, what may be written, and which text is sent."""

import json
from typing import Any

import pytest

from tests.support.builders import DeskFixture
from tests.support.mail_server import mail_server
from tests.support.sample_desk import SampleDesk
from workflows.commands.mail_templates import ChangeMailTemplate
from workflows.core.errors import InvalidInput, NotAllowed, NotFound, VersionChanged
from workflows.jobs.definitions import run_job
from workflows.lifecycle.contracts.bulk_expiry import expire_due
from workflows.notifications.template_editing import (
    change_mail_template,
    list_mail_templates,
    preview_mail_template,
    read_mail_template,
    reset_mail_template,
    send_test_mail,
)
from workflows.notifications.template_text import fault_of, fill, placeholders
from workflows.notifications.templates import TEMPLATES
from workflows.operations.audit_trail import list_audit_events
from workflows.store import tables as t


def change(desk: DeskFixture, key: str, **texts: str) -> None:
    desk.do(change_mail_template, key, ChangeMailTemplate.model_validate_json(json.dumps(texts)))


def mails(desk: DeskFixture, event: str) -> list[tuple[str, str]]:
    return [(row.subject, row.body) for row in desk.rows(t.outbox, event=event) if row.recipient]


def test_the_shipped_texts_are_without_fault_and_use_their_placeholders() -> None:
    for key, shipped in TEMPLATES.items():
        used = {name for text in (shipped.subject, shipped.body) for name in placeholders(text)}
        assert [fault_of(shipped, name, getattr(shipped, name)) for name in ("subject", "body")] == [None] * 2
        assert used <= shipped.samples.keys(), key
        assert shipped.required <= used
        text = fill(shipped.subject, shipped.body, shipped.samples)
        assert "{" not in text.subject + text.body
        assert len(key) <= 40


def test_a_changed_text_is_that_of_the_next_mail_and_a_reset_returns(sample: SampleDesk) -> None:
    change(sample, "contract_active", subject="{number}: go!", body="{{{number}}} at last.\n\nBye")
    first = sample.sell("subscription")
    sample.do(reset_mail_template, "contract_active")
    second = sample.sell("subscription")
    numbers = [sample.contract(one).number for one in (first, second)]
    assert mails(sample, "contract_activated") == [
        (f"{numbers[0]}: go!", f"{{{numbers[0]}}} at last.\n\nBye"),
        (f"Contract {numbers[1]} is active", f"Your contract {numbers[1]} is now active."),
    ]


def test_contracts_that_end_at_once_get_the_changed_text_too(sample: SampleDesk) -> None:
    change(sample, "contract_expired", body="It was {number}.\n\nThank you, and again: {number}")
    sold = [sample.sell("subscription", ends_on="2026-03-10") for _ in range(2)]
    sample.clock.move(days=30)
    assert expire_due(sample.desk, sample.clock.now()) == 2
    numbers = [sample.contract(one).number for one in sold]
    assert sorted(mails(sample, "contract_expired")) == [
        (f"Contract {number} has ended", f"It was {number}.\n\nThank you, and again: {number}")
        for number in sorted(numbers)
    ]


def test_a_value_is_never_read_as_a_template(sample: SampleDesk) -> None:
    sample.log("{why} {0.__class__} {{}} %s ${x}")
    sample.log("Bob's", customer=sample.customer("Bob"), item=None)
    assert "«{why} {0.__class__} {{}} %s ${x}»" in mails(sample, "no_contract")[0][1]


def test_a_paragraph_of_which_nothing_is_left_is_left_out() -> None:
    samples = {**TEMPLATES["work_rejected"].samples, "reason": ""}
    shipped = TEMPLATES["work_rejected"]
    assert fill("x", shipped.body, samples).body.count("\n\n") == 1
    assert fill("x", "{a}\n\n{b}\n\n{c}", {"a": "", "b": "1\n\n\n\n2", "c": " "}).body == "1\n\n\n\n2"


FAULTS: list[tuple[str, dict[str, str], str, str]] = [
    (
        "contract_active",
        {"body": "Hello {name}"},
        "/body",
        "There is no placeholder {name} here; use {number}.",
    ),
    ("contract_active", {"subject": "{subject}"}, "/subject", "There is no placeholder {subject} here"),
    ("contract_active", {"body": "{number"}, "/body", "A brace is open or closed alone"),
    ("contract_active", {"body": "number}"}, "/body", "A brace is open or closed alone"),
    ("contract_active", {"body": "{}"}, "/body", "A placeholder is a name in braces"),
    ("contract_active", {"body": "{number.__class__}"}, "/body", "A placeholder is a name in braces"),
    ("contract_active", {"body": "{number[0]}"}, "/body", "A placeholder is a name in braces"),
    ("contract_active", {"body": "{number!r}"}, "/body", "A placeholder is a name in braces"),
    ("contract_active", {"body": "{number:>99999}"}, "/body", "A placeholder is a name in braces"),
    ("contract_active", {"body": "{% if number %}"}, "/body", "A placeholder is a name in braces"),
    ("contract_active", {"subject": "A\nBcc: x@example.com"}, "/subject", "A subject is one line"),
    ("contract_active", {"subject": "A\tB"}, "/subject", "A subject is one line"),
    ("contract_active", {"subject": "=?utf-8?q?A=0ABcc:?="}, "/subject", "A subject is one line"),
    ("password_reset", {"body": "Hello {name}"}, "/body", "The placeholder {link} is missing"),
]


@pytest.mark.parametrize(("key", "texts", "pointer", "words"), FAULTS)
def test_what_is_written_wrong_is_named_and_changes_nothing(
    sqlite_database_url: str, key: str, texts: dict[str, str], pointer: str, words: str
) -> None:
    desk = DeskFixture(sqlite_database_url)
    command = ChangeMailTemplate.model_validate_json(json.dumps(texts))
    for use_case in (change_mail_template, preview_mail_template):
        with pytest.raises(InvalidInput) as refused:
            desk.do(use_case, key, command)
        assert words in str(refused.value)
        assert refused.value.values["pointer"] == pointer
    assert desk.rows(t.mail_template) == []
    desk.close()


def test_a_stored_text_with_a_fault_is_named_and_the_shipped_one_is_sent(sample: SampleDesk) -> None:
    """As after an update of the program that gives a mail other values."""
    change(sample, "contract_active", body="{number}")
    [row] = sample.rows(t.mail_template)
    with sample.desk.write() as tx:
        tx.change(t.mail_template, row.id, body="{number} of {customer}")
    sample.set(cascade=True)
    contract = sample.sell("subscription")
    number = sample.contract(contract).number
    assert mails(sample, "contract_activated") == [
        (f"Contract {number} is active", f"Your contract {number} is now active.")
    ]
    view = sample.see(read_mail_template, "contract_active")
    assert view.is_changed
    assert view.fault == "There is no placeholder {customer} here; use {number}."
    sample.do(reset_mail_template, "contract_active")
    assert sample.see(read_mail_template, "contract_active").fault is None


def test_versions_are_in_the_audit_trail(bare_desk: DeskFixture) -> None:
    change(bare_desk, "contract_active", subject="One")
    change(bare_desk, "contract_active", subject="Two", body="{number}, two")
    change(bare_desk, "contract_active", subject="Two")
    bare_desk.do(reset_mail_template, "contract_active")
    bare_desk.do(reset_mail_template, "contract_active")
    trail = bare_desk.see(list_audit_events, subject_kind="mail_template", subject_id="contract_active")
    said: list[tuple[str, Any]] = [(one.action, (one.details or {}).get("subject")) for one in trail.items]
    assert said == [
        ("mail template reset", None),
        ("mail template changed", "Two"),
        ("mail template changed", "One"),
    ]
    view = bare_desk.see(read_mail_template, "contract_active")
    assert (view.is_changed, view.version) == (False, 3)


def test_two_who_edit_at_once(bare_desk: DeskFixture) -> None:
    command = ChangeMailTemplate(subject="One")
    bare_desk.do(change_mail_template, "contract_active", command, expected_version=0)
    with pytest.raises(VersionChanged):
        bare_desk.do(change_mail_template, "contract_active", command, expected_version=0)
    bare_desk.do(change_mail_template, "contract_active", command, expected_version=1)


def test_a_test_mail_goes_to_the_own_address(bare_desk: DeskFixture) -> None:
    change(bare_desk, "sla_breach", subject="Late: {number}")
    with mail_server() as inbox:
        bare_desk.desk.smtp_url = f"smtp://127.0.0.1:{inbox.port}/?from=desk@example.com"
        sent = bare_desk.do(send_test_mail, "sla_breach")
        assert run_job(bare_desk.desk, "deliver_outbox") == 1
    [message] = inbox.messages
    assert message["To"] == sent.recipient == f"{bare_desk.administrator.id}@staff.example"
    assert message["Subject"] == sent.subject == "Late: SR-1001"
    assert message.get_content().strip() == sent.body
    assert "The laptop does not start" in sent.body


def test_for_administrators_only(bare_desk: DeskFixture) -> None:
    command = ChangeMailTemplate(subject="One")
    assert len(bare_desk.see(list_mail_templates)) == len(TEMPLATES)
    for actor in (bare_desk.finance, bare_desk.supervisor, bare_desk.technician):
        with pytest.raises(NotAllowed):
            bare_desk.see_as(actor, list_mail_templates)
        with pytest.raises(NotAllowed):
            bare_desk.do_as(actor, change_mail_template, "sla_breach", command)
        with pytest.raises(NotAllowed):
            bare_desk.do_as(actor, send_test_mail, "sla_breach")
    with pytest.raises(NotFound):
        bare_desk.do(change_mail_template, "nothing", command)
