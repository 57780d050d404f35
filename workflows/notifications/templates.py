"""The texts of all mail as templates: what is shipped, and what an administrator has made of it.

A template is plain text with {names} in braces, which are replaced by values; {{ and }} are braces. There is
nothing else to it: no conditions, no formats, no access to what a value is made of, so a template can neither
run code nor show more than its values. A paragraph of which nothing is left is left out, such as that of a
note which nobody wrote. Source: product.md section 12.
"""

from collections.abc import Mapping
from functools import reduce
from operator import add
from string import Formatter
from typing import Any, NamedTuple

import structlog

from workflows.core.transaction import Transaction
from workflows.notifications.billing_texts import BILLING_TEMPLATES
from workflows.notifications.mail_template import MailTemplate

log = structlog.get_logger()
PARAGRAPH = "\n\n"


class MailText(NamedTuple):
    """A subject and a body; for a set of rows SQL expressions."""

    subject: Any
    body: Any


class TemplateFault(Exception):
    """What is wrong with a subject or a body, as a sentence."""


CUSTOMER, HOLDER = "the customer of the request", "the holder of the contract"
ALERTED = "those whom the settings name for alerts"
ADMINISTRATORS = "the administrators"
REQUEST = {"number": "SR-1001", "subject": "The laptop does not start"}
CONTRACT = {"number": "SH-0012"}
TARGET = {**REQUEST, "target": "response", "due": "2026-03-02 17:00 (Europe/Berlin)"}
TOP_UP = {**CONTRACT, "left": "0:45", "quantity": "10:00"}
RULES = {"author": "Ada Smith", "version": "3f6c0a9be2d1"}
USER = {
    "name": "Sue Miller",
    "email": "sue@example.com",
    "link": "https://desk.example.com/password/new?link=...",
}

TEMPLATES: dict[str, MailTemplate] = {
    "request_no_contract": MailTemplate(
        "A request waits for a contract",
        CUSTOMER,
        "Your request {number} is waiting for a contract",
        "We have received your request «{subject}». No contract covers it yet: {why}",
        {**REQUEST, "why": "no contract is valid for this item."},
    ),
    "request_opened": MailTemplate(
        "A request is covered",
        CUSTOMER,
        "Your request {number} is open",
        "Your request «{subject}» is now covered, and work can begin.",
        REQUEST,
    ),
    "request_resolved": MailTemplate(
        "A request is resolved",
        CUSTOMER,
        "Your request {number} is resolved",
        "We have resolved your request «{subject}»: {note}",
        {**REQUEST, "note": "The power supply was replaced."},
    ),
    "request_cancelled": MailTemplate(
        "A request is cancelled",
        CUSTOMER,
        "Your request {number} is cancelled",
        "Your request «{subject}» was cancelled: {note}",
        {**REQUEST, "note": "no longer needed"},
    ),
    "request_merged": MailTemplate(
        "A request was merged into another one",
        CUSTOMER,
        "Your request {number} was merged into {other}",
        "We continue your request «{subject}» as {other}, with its notes and its work.",
        {**REQUEST, "other": "SR-1002"},
    ),
    "request_unpaid": MailTemplate(
        "A request waits for a payment",
        CUSTOMER,
        "Your request {number} is waiting for a payment",
        "Your request «{subject}» is waiting for the payment of contract {contract}.\n\n{cancels}",
        {
            **REQUEST,
            "contract": "PR-0007",
            "cancels": "Without it, the request is cancelled on 2026-03-05 09:00 (Europe/Berlin).",
        },
    ),
    "note_to_customer": MailTemplate(
        "A message to the customer",
        CUSTOMER,
        "New message on your request {number}",
        "{author} wrote about «{subject}»:\n\n{note}",
        {**REQUEST, "author": "Tom Weber", "note": "Does it start with the other cable?"},
    ),
    "note_to_desk": MailTemplate(
        "A message from the customer",
        "the technician, or the company's address",
        "{number}: new message from the customer",
        "{author} wrote about «{subject}»:\n\n{note}",
        {**REQUEST, "author": "Ann Jones", "note": "It still does not start."},
    ),
    "sla_warning": MailTemplate(
        "A target of a service level is close",
        ALERTED,
        "{number}: {target} due {due}",
        "The {target} to «{subject}» is due {due}.",
        TARGET,
    ),
    "sla_breach": MailTemplate(
        "A target of a service level was missed",
        ALERTED,
        "{number}: {target} overdue",
        "The {target} to «{subject}» was due {due}.",
        TARGET,
    ),
    "work_rejected": MailTemplate(
        "A work entry was rejected",
        "its technician",
        "Your time on {number} was rejected",
        "{author} rejected your work entry on {number} «{subject}»: {worked}.\n\n{reason}\n\n"
        "Correct the entry to submit it again.",
        {
            **REQUEST,
            "author": "Sue Miller",
            "worked": "1:30 of 2026-03-02 09:00",
            "reason": "It is there twice.",
        },
    ),
    "contract_active": MailTemplate(
        "A contract became active",
        HOLDER,
        "Contract {number} is active",
        "Your contract {number} is now active.",
        CONTRACT,
    ),
    "contract_expired": MailTemplate(
        "A contract has ended",
        HOLDER,
        "Contract {number} has ended",
        "Your contract {number} has ended.",
        CONTRACT,
    ),
    "contract_exhausted": MailTemplate(
        "A contract is used up",
        HOLDER,
        "Contract {number} is used up",
        "Your contract {number} is used up.",
        CONTRACT,
    ),
    "contract_threshold": MailTemplate(
        "A contract is used up to a threshold",
        ALERTED,
        "Contract {number} is {percent}% used",
        "Contract {number} is {percent}% used: {left} of {purchased} can still be used.",
        {**CONTRACT, "percent": "90", "left": "2:00", "purchased": "20:00"},
    ),
    "contract_expiring": MailTemplate(
        "A contract ends soon",
        ALERTED,
        "Contract {number} ends on {last_day}",
        "Contract {number} ends on {last_day}. It has not been renewed.",
        {**CONTRACT, "last_day": "2026-03-31"},
    ),
    "contract_exhaustion": MailTemplate(
        "A contract is likely to be used up soon",
        ALERTED,
        "Contract {number} is likely to be used up by {day}",
        "Contract {number} is likely to be used up by {day}, at the pace of the last weeks: {left} can still"
        " be used.",
        {**CONTRACT, "day": "2026-03-20", "left": "2:00"},
    ),
    "top_up_warned": MailTemplate(
        "A contract is low",
        ALERTED,
        "Only {left} of contract {number} is left",
        "Only {left} of contract {number} is left.",
        TOP_UP,
    ),
    "top_up_capped": MailTemplate(
        "A contract is low, and the month's automatic top-ups are used",
        ALERTED,
        "Only {left} of contract {number} is left; this month has had all of its automatic top-ups",
        "Only {left} of contract {number} is left; this month has had all of its automatic top-ups.",
        TOP_UP,
    ),
    "top_up_draft": MailTemplate(
        "A top-up waits to be confirmed",
        ALERTED,
        "Contract {number} has {left} left: a top-up of {quantity} waits to be confirmed",
        "Contract {number} has {left} left: a top-up of {quantity} waits to be confirmed.",
        TOP_UP,
    ),
    "top_up_issued": MailTemplate(
        "A contract was topped up",
        ALERTED,
        "Contract {number} had {left} left and was topped up by {quantity}",
        "Contract {number} had {left} left and was topped up by {quantity}.",
        TOP_UP,
    ),
    **BILLING_TEMPLATES,
    "rules_published": MailTemplate(
        "A rule set is in force",
        ADMINISTRATORS,
        "A new rule set is in force",
        "{author} published rule set {version}. {approved}\n\n{note}\n\n{targets}",
        {
            **RULES,
            "approved": "Bob Stone approved it.",
            "note": "Gold customers first",
            "targets": "Open targets of service requests that moved: 3.",
        },
    ),
    "rules_proposed": MailTemplate(
        "A rule set was proposed",
        ADMINISTRATORS,
        "A rule set was proposed",
        "{author} proposed rule set {version} for approval.\n\n{note}",
        {**RULES, "note": "Gold customers first"},
    ),
    "rules_rejected": MailTemplate(
        "A proposed rule set was rejected",
        ADMINISTRATORS,
        "A proposed rule set was rejected",
        "{author} rejected rule set {version}, proposed by {proposer}: {reason}",
        {**RULES, "proposer": "Bob Stone", "reason": "Phones too, please"},
    ),
    "rules_refused": MailTemplate(
        "The rules folder has errors",
        ADMINISTRATORS,
        "The rules in {folder} have errors",
        "The rule set in force was not changed. Errors in {folder} on {host}:\n{problems}",
        {"folder": "rules", "host": "desk-1", "problems": "coverage.json:12:5: a comma is missing"},
    ),
    "password_invitation": MailTemplate(
        "An invitation to a new user",
        "the user",
        "Your account at the support desk",
        "Hello {name},\n\nan account was created for you. Open this link to choose your password; it works"
        " once, within 7 days:\n\n{link}\n\nYou then sign in with the email address {email}.",
        USER,
        frozenset({"link"}),
    ),
    "password_reset": MailTemplate(
        "A link to set a new password",
        "the user",
        "Set a new password",
        "Hello {name},\n\na new password was requested for {email}. Open this link to choose it; it works"
        " once, within one hour:\n\n{link}\n\nIf you did not request this, you can ignore this mail: your"
        " password is unchanged.",
        USER,
        frozenset({"link"}),
    ),
    "webhook_disabled": MailTemplate(
        "A webhook was disabled",
        ADMINISTRATORS,
        "A webhook was disabled",
        "Nothing more is sent to {url}. {why}\n\n"
        "Enable the webhook again when its receiver works: what waits is sent then, and what was set aside"
        " can be replayed. Events from now until then are not sent to it.",
        {"url": "https://example.com/hooks", "why": "It answered that it is gone for good (410)."},
    ),
}
"""By the key under which a changed text is stored."""


def mail_text(tx: Transaction, key: str, values: Mapping[str, Any]) -> MailText:
    """A mail's subject and body: of the administrator's text, or of the shipped one where that has a fault.

    `values` has one for each placeholder: text, or an SQL expression for a set of rows.
    Raises: KeyError for an unknown key, or a value that the shipped text lacks.
    """
    shipped = TEMPLATES[key]
    changed = tx.config.mail_texts.get(key)
    if changed is not None:
        try:
            return fill(*changed, values)
        except (TemplateFault, KeyError) as fault:
            log.error("mail template has a fault; the shipped text is used", template=key, error=str(fault))
    return fill(shipped.subject, shipped.body, values)


def fill(subject: str, body: str, values: Mapping[str, Any]) -> MailText:
    """A subject and a body with values in place of names. Raises: TemplateFault; KeyError for a value."""
    paragraphs = [_fill(part, values) for part in body.split(PARAGRAPH)]
    if any(not isinstance(one, str) for one in paragraphs):
        return MailText(_fill(subject, values), reduce(add, _joined(paragraphs)))
    return MailText(
        _fill(subject, values), PARAGRAPH.join(one.strip(" ") for one in paragraphs if one.strip())
    )


def fault_of(template: MailTemplate, name: str, text: str) -> str | None:
    """What is wrong with a text as the `name` (subject, body) of a template, as a sentence, or None."""
    try:
        used = set(placeholders(text))
    except TemplateFault as fault:
        return str(fault)
    known = ", ".join(f"{{{one}}}" for one in template.samples)
    for one in sorted(used - template.samples.keys()):
        return f"There is no placeholder {{{one}}} here; use {known}."
    if name == "subject" and (not text.isprintable() or "=?" in text):
        return "A subject is one line, without =?, which mail programs would decode."
    if name == "body":
        for one in sorted(template.required - used):
            return f"The placeholder {{{one}}} is missing: without it the mail is of no use."
    return None


def placeholders(text: str) -> list[str]:
    """The names in a text, in order. Raises: TemplateFault."""
    return [name for _, name in _parse(text) if name is not None]


def _parse(text: str) -> list[tuple[str, str | None]]:
    """Texts, each with the name that follows it, or None at the end. Raises: TemplateFault."""
    try:
        parts = list(Formatter().parse(text))
    except ValueError as error:
        raise TemplateFault("A brace is open or closed alone; write {{ and }} for braces.") from error
    for _, name, form, conversion in parts:
        if name is not None and (form or conversion or not name.isidentifier()):
            raise TemplateFault(f"A placeholder is a name in braces and nothing else, not {{{name}{form}}}.")
    return [(literal, name) for literal, name, _, _ in parts]


def _fill(text: str, values: Mapping[str, Any]) -> Any:
    """Text with values in place of its {names}: text, or an SQL expression if one of the values is."""
    parts: list[Any] = []
    for literal, name in _parse(text):
        parts += [literal] if name is None else [literal, values[name]]
    return reduce(add, parts, "") if parts else ""


def _joined(paragraphs: list[Any]) -> list[Any]:
    joined: list[Any] = []
    for one in paragraphs:
        joined += [PARAGRAPH, one] if joined else [one]
    return joined
