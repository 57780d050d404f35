"""The texts of all mail as templates: what is shipped, and what an administrator has made of it.

A template is plain text with {names} in braces, which are replaced by values; {{ and }} are braces. There is
nothing else to it: no conditions, no formats, no access to what a value is made of, so a template can neither
run code nor show more than its values. A paragraph of which nothing is left is left out, such as that of a
note which nobody wrote. The shipped texts are translated by the catalogues; an administrator writes one for
each language. Source: product.md section 12.
"""

from collections.abc import Callable, Mapping
from typing import Any

import structlog

from workflows.core.transaction import Transaction
from workflows.languages.texts import SOURCE, Language, gettext, in_language, mark
from workflows.notifications.billing_texts import BILLING_TEMPLATES
from workflows.notifications.mail_template import MailTemplate
from workflows.notifications.template_text import MailText, TemplateFault, fill

log = structlog.get_logger()
Values = Mapping[str, Any] | Callable[[], Mapping[str, Any]]
"""A value for each placeholder: text, or an SQL expression for a set of rows.

A function makes them in the language of the mail, where they have words, amounts or days.
"""


CUSTOMER, HOLDER = mark("the customer of the request"), mark("the holder of the contract")
ALERTED = mark("the recipients of alerts in the settings")
ADMINISTRATORS = mark("the administrators")
REQUEST = {"number": "SR-1001", "subject": mark("The laptop does not start")}
CONTRACT = {"number": "SH-0012"}
TARGET = {**REQUEST, "target": mark("response"), "due": mark("2026-03-02 17:00 (Europe/Berlin)")}
ALERTED_CONTRACT = {**CONTRACT, "holder": "Ann Smith"}
LEFT = mark("90 minutes")
USED = {**ALERTED_CONTRACT, "percent": "93", "left": LEFT, "purchased": mark("1,200 minutes")}
RUNNING_OUT = {**ALERTED_CONTRACT, "day": mark("2026-03-20"), "left": LEFT}
TOP_UP = {**ALERTED_CONTRACT, "left": LEFT, "quantity": mark("600 minutes")}
RULES = {"author": "Ada Smith", "version": "3f6c0a9be2d1"}
USER = {
    "name": "Sue Miller",
    "email": "sue@example.com",
    "link": "https://desk.example.com/password/new?link=...",
}

TEMPLATES: dict[str, MailTemplate] = {
    "request_no_contract": MailTemplate(
        mark("A request waits for a contract"),
        CUSTOMER,
        mark("Your request {number} is waiting for a contract"),
        mark("We have received your request «{subject}». No contract covers it yet: {why}"),
        {**REQUEST, "why": mark("no contract is valid for this item.")},
    ),
    "request_logged": MailTemplate(
        mark("A request was received"),
        CUSTOMER,
        mark("Your request {number} has been received"),
        mark("We have received your request «{subject}». Its number is {number}."),
        REQUEST,
    ),
    "request_reminded": MailTemplate(
        mark("A reminder that a request waits for a contract"),
        CUSTOMER,
        mark("Reminder: your request {number} is waiting for a contract"),
        mark("No work can begin yet on your request «{subject}»: {why}\n\n{opens}\n\n{choose}"),
        {
            **REQUEST,
            "why": mark("no contract is valid for this item."),
            "opens": mark("The request opens automatically as soon as a contract covers it."),
            "choose": mark("You can choose a contract on its page: https://desk.example.com/requests/..."),
        },
    ),
    "request_opened": MailTemplate(
        mark("A request is open"),
        CUSTOMER,
        mark("Your request {number} is open"),
        mark("Your request «{subject}» is now open, and work can begin."),
        REQUEST,
    ),
    "request_in_progress": MailTemplate(
        mark("A request is in progress"),
        CUSTOMER,
        mark("Your request {number} is in progress"),
        mark("We are working on your request «{subject}»."),
        REQUEST,
    ),
    "request_on_hold": MailTemplate(
        mark("A request is on hold"),
        CUSTOMER,
        mark("Your request {number} is on hold"),
        mark("Your request «{subject}» is on hold. {why}"),
        {**REQUEST, "why": mark("We are waiting for your answer.")},
    ),
    "request_closed": MailTemplate(
        mark("A request is closed"),
        CUSTOMER,
        mark("Your request {number} is closed"),
        mark("Your request «{subject}» is closed."),
        REQUEST,
    ),
    "request_resolved": MailTemplate(
        mark("A request is resolved"),
        CUSTOMER,
        mark("Your request {number} is resolved"),
        mark("We have resolved your request «{subject}»: {note}"),
        {**REQUEST, "note": mark("The power supply was replaced.")},
    ),
    "request_cancelled": MailTemplate(
        mark("A request is cancelled"),
        CUSTOMER,
        mark("Your request {number} is cancelled"),
        mark("Your request «{subject}» was cancelled: {note}"),
        {**REQUEST, "note": mark("no longer needed")},
    ),
    "request_merged": MailTemplate(
        mark("A request was merged into another one"),
        CUSTOMER,
        mark("Your request {number} was merged into {other}"),
        mark("We continue your request «{subject}» as {other}, with its notes and its work."),
        {**REQUEST, "other": "SR-1002"},
    ),
    "request_unpaid": MailTemplate(
        mark("A request waits for a payment"),
        CUSTOMER,
        mark("Your request {number} is waiting for a payment"),
        mark("Your request «{subject}» is waiting for the payment of contract {contract}.\n\n{cancels}"),
        {
            **REQUEST,
            "contract": "PR-0007",
            "cancels": mark("Without it, the request is cancelled on 2026-03-05 09:00 (Europe/Berlin)."),
        },
    ),
    "note_to_customer": MailTemplate(
        mark("A message to the customer"),
        CUSTOMER,
        mark("New message on your request {number}"),
        mark("{author} wrote about «{subject}»:\n\n{note}"),
        {**REQUEST, "author": "Tom Weber", "note": mark("Does it start with the other cable?")},
    ),
    "note_to_desk": MailTemplate(
        mark("A message from the customer"),
        mark("the technician, or the company's address"),
        mark("{number}: new message from the customer"),
        mark("{author} wrote about «{subject}»:\n\n{note}"),
        {**REQUEST, "author": "Ann Jones", "note": mark("It still does not start.")},
    ),
    "request_reopened": MailTemplate(
        mark("A customer reopened a request"),
        mark("the technician, or the company's address"),
        mark("{number}: reopened by the customer"),
        mark("{author} has reopened «{subject}».\n\n{note}"),
        {**REQUEST, "author": "Ann Jones", "note": mark("It still does not start.")},
    ),
    "sla_warning": MailTemplate(
        mark("A target of a service level is close"),
        ALERTED,
        mark("{number}: {target} due {due}"),
        mark("The {target} to «{subject}» is due {due}."),
        TARGET,
    ),
    "sla_breach": MailTemplate(
        mark("A target of a service level was missed"),
        ALERTED,
        mark("{number}: {target} overdue"),
        mark("The {target} to «{subject}» was due {due}."),
        TARGET,
    ),
    "approval_asked": MailTemplate(
        mark("A customer is asked to approve time beyond a contract"),
        CUSTOMER,
        mark("Please approve {quantity} for your request {number}"),
        mark(
            "Hello,\n\nyour request «{subject}» needs {quantity} more than your contract pays: {reason}\n\n"
            "Open this link to approve it, to approve less, or to decline; it works once, until {lapses_at}:"
            "\n\n{link}\n\n{company}"
        ),
        {
            **REQUEST,
            "quantity": "2:00",
            "reason": mark("The disk has to be restored as well."),
            "lapses_at": mark("2026-03-16 00:00 (Europe/Berlin)"),
            "link": "https://desk.example.com/approval?link=...",
            "company": "Example Support Ltd",
        },
        frozenset({"link"}),
    ),
    "approval_approved": MailTemplate(
        mark("A customer approved time beyond a contract"),
        mark("the person who asked for it"),
        mark("{number}: {quantity} approved"),
        mark("{name} approved {quantity} for {number} «{subject}».\n\n{comment}"),
        {**REQUEST, "quantity": "2:00", "name": "Ann Jones", "comment": mark("Please finish it today.")},
    ),
    "approval_declined": MailTemplate(
        mark("A customer declined time beyond a contract"),
        mark("the person who asked for it"),
        mark("{number}: {quantity} declined"),
        mark("{name} declined {quantity} for {number} «{subject}».\n\n{comment}"),
        {**REQUEST, "quantity": "2:00", "name": "Ann Jones", "comment": mark("Please call me first.")},
    ),
    "work_beyond": MailTemplate(
        mark("Work went past what a contract pays"),
        CUSTOMER,
        mark("Your request {number} goes beyond contract {contract}"),
        mark(
            "Work on your request «{subject}» goes beyond what contract {contract} pays, or beyond its limit:"
            " by {time}."
        ),
        {**REQUEST, "contract": "SH-0012", "time": "0:45"},
    ),
    "work_beyond_approval": MailTemplate(
        mark("Work was logged beyond what the customer had approved"),
        mark("the supervisors"),
        mark("{number}: {time} logged beyond approval"),
        mark(
            "{author} logged {time} on {number} «{subject}» beyond what the customer has approved: {reason}"
            "\n\nIt is not billed until the customer approves it."
        ),
        {
            **REQUEST,
            "author": "Tom Weber",
            "time": "0:45",
            "reason": mark("The server was down."),
        },
    ),
    "work_rejected": MailTemplate(
        mark("A work entry was rejected"),
        mark("its technician"),
        mark("Your time on {number} was rejected"),
        mark(
            "{author} rejected your work entry on {number} «{subject}»: {worked}.\n\n{reason}\n\n"
            "Correct the entry to submit it again."
        ),
        {
            **REQUEST,
            "author": "Sue Miller",
            "worked": mark("1:30 of 2026-03-02 09:00"),
            "reason": mark("It is there twice."),
        },
    ),
    "contract_active": MailTemplate(
        mark("A contract became active"),
        HOLDER,
        mark("Contract {number} is active"),
        mark("Your contract {number} is now active."),
        CONTRACT,
    ),
    "contract_expired": MailTemplate(
        mark("A contract has ended"),
        HOLDER,
        mark("Contract {number} has ended"),
        mark("Your contract {number} has ended."),
        CONTRACT,
    ),
    "contract_exhausted": MailTemplate(
        mark("A contract is used up"),
        HOLDER,
        mark("Contract {number} is used up"),
        mark("Your contract {number} is used up."),
        CONTRACT,
    ),
    "contract_renewed": MailTemplate(
        mark("A contract was renewed"),
        HOLDER,
        mark("Contract {number} was renewed"),
        mark("Your contract {number} was renewed: {successor} follows on {first_day}."),
        {**CONTRACT, "successor": "SH-0013", "first_day": mark("2026-04-01")},
    ),
    "contract_threshold": MailTemplate(
        mark("A contract is used up to a threshold"),
        ALERTED,
        mark("Contract {number} ({holder}) is {percent}% used"),
        mark("Contract {number} ({holder}) is {percent}% used: {left} of {purchased} can still be used."),
        USED,
    ),
    "contract_expiring": MailTemplate(
        mark("A contract ends soon"),
        ALERTED,
        mark("Contract {number} ({holder}) ends on {last_day}"),
        mark("Contract {number} ({holder}) ends on {last_day}. It has not been renewed."),
        {**ALERTED_CONTRACT, "last_day": mark("2026-03-31")},
    ),
    "contract_exhaustion": MailTemplate(
        mark("A contract is likely to be used up soon"),
        ALERTED,
        mark("Contract {number} ({holder}) is likely to be used up by {day}"),
        mark(
            "Contract {number} ({holder}) is likely to be used up by {day}, at the pace of the last weeks: "
            "{left} can still be used."
        ),
        RUNNING_OUT,
    ),
    "contract_month_threshold": MailTemplate(
        mark("The month of a contract is used up to a threshold"),
        ALERTED,
        mark("Contract {number} ({holder}): {percent}% of this month is used"),
        mark(
            "{percent}% of this month of contract {number} ({holder}) is used: {left} of {purchased} can "
            "still be used."
        ),
        USED,
    ),
    "contract_month_exhaustion": MailTemplate(
        mark("The month of a contract is likely to be used up soon"),
        ALERTED,
        mark("Contract {number} ({holder}): this month is likely to be used up by {day}"),
        mark(
            "This month of contract {number} ({holder}) is likely to be used up by {day}, at the pace of the "
            "last weeks: {left} can still be used."
        ),
        RUNNING_OUT,
    ),
    "top_up_warned": MailTemplate(
        mark("A contract is low"),
        ALERTED,
        mark("Only {left} of contract {number} ({holder}) is left"),
        mark("Only {left} of contract {number} ({holder}) is left."),
        TOP_UP,
    ),
    "top_up_capped": MailTemplate(
        mark("A contract is low, and the month's automatic top-ups are used"),
        ALERTED,
        mark(
            "Only {left} of contract {number} ({holder}) is left; this month has "
            "had all of its automatic top-ups"
        ),
        mark(
            "Only {left} of contract {number} ({holder}) is left; this month has "
            "had all of its automatic top-ups."
        ),
        TOP_UP,
    ),
    "top_up_draft": MailTemplate(
        mark("A top-up waits to be confirmed"),
        ALERTED,
        mark("Contract {number} ({holder}) has {left} left: a top-up of {quantity} waits to be confirmed"),
        mark("Contract {number} ({holder}) has {left} left: a top-up of {quantity} waits to be confirmed."),
        TOP_UP,
    ),
    "top_up_issued": MailTemplate(
        mark("A contract was topped up"),
        ALERTED,
        mark("Contract {number} ({holder}) had {left} left and was topped up by {quantity}"),
        mark("Contract {number} ({holder}) had {left} left and was topped up by {quantity}."),
        TOP_UP,
    ),
    **BILLING_TEMPLATES,
    "rules_published": MailTemplate(
        mark("A rule set is in force"),
        ADMINISTRATORS,
        mark("A new rule set is in force"),
        mark("{author} published rule set {version}. {approved}\n\n{note}\n\n{targets}"),
        {
            **RULES,
            "approved": mark("Bob Stone approved it."),
            "note": mark("Gold customers first"),
            "targets": mark("Open targets of service requests that moved: 3."),
        },
    ),
    "rules_proposed": MailTemplate(
        mark("A rule set was proposed"),
        ADMINISTRATORS,
        mark("A rule set was proposed"),
        mark("{author} proposed rule set {version} for approval.\n\n{note}"),
        {**RULES, "note": mark("Gold customers first")},
    ),
    "rules_rejected": MailTemplate(
        mark("A proposed rule set was rejected"),
        ADMINISTRATORS,
        mark("A proposed rule set was rejected"),
        mark("{author} rejected rule set {version}, proposed by {proposer}: {reason}"),
        {**RULES, "proposer": "Bob Stone", "reason": mark("Phones too, please")},
    ),
    "rules_refused": MailTemplate(
        mark("The rules folder has errors"),
        ADMINISTRATORS,
        mark("The rules in {folder} have errors"),
        mark("The rule set in force was not changed. Errors in {folder} on {host}:\n{problems}"),
        {"folder": "rules", "host": "desk-1", "problems": "coverage.json:12:5: a comma is missing"},
    ),
    "password_invitation": MailTemplate(
        mark("An invitation to a new user"),
        mark("the user"),
        mark("Your account at the support desk"),
        mark(
            "Hello {name},\n\nan account was created for you. Open this link to choose your password; it "
            "works"
            " once, within 7 days:\n\n{link}\n\nYou then sign in with the email address {email}."
        ),
        USER,
        frozenset({"link"}),
    ),
    "password_reset": MailTemplate(
        mark("A link to set a new password"),
        mark("the user"),
        mark("Set a new password"),
        mark(
            "Hello {name},\n\na new password was requested for {email}. Open this link to choose it; it works"
            " once, within one hour:\n\n{link}\n\nIf you did not request this, you can ignore this mail: your"
            " password is unchanged."
        ),
        USER,
        frozenset({"link"}),
    ),
    "webhook_disabled": MailTemplate(
        mark("A webhook was disabled"),
        ADMINISTRATORS,
        mark("A webhook was disabled"),
        mark(
            "Nothing more is sent to {url}. {why}\n\n"
            "Enable the webhook again when its receiver works: what waits is sent then, and what was set"
            " aside can be replayed. Events from now until then are not sent to it."
        ),
        {"url": "https://example.com/hooks", "why": mark("It answered that it is gone for good (410).")},
    ),
}
"""By the key under which a changed text is stored."""


def mail_text(tx: Transaction, key: str, values: Values, code: Language = SOURCE) -> MailText:
    """A mail's subject and body in a language: the administrator's text, else the shipped one.

    Where the administrator's has a fault, the shipped text is used.
    Raises: KeyError for an unknown key, or a value that the shipped text lacks.
    """
    with in_language(code):
        given = values() if callable(values) else values
        changed = tx.config.mail_texts.get((key, code))
        if changed is not None:
            try:
                return fill(*changed, given)
            except (TemplateFault, KeyError) as fault:
                log.error(
                    "mail template has a fault; the shipped text is used",
                    template=key,
                    language=code,
                    error=str(fault),
                )
        return fill(*shipped_text(key), given)


def shipped_text(key: str) -> MailText:
    """The shipped subject and body in the current language."""
    return MailText(gettext(TEMPLATES[key].subject), gettext(TEMPLATES[key].body))


def samples_of(key: str) -> dict[str, str]:
    """A sample value for each placeholder, in the current language."""
    return {name: gettext(sample) for name, sample in TEMPLATES[key].samples.items()}
