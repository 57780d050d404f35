"""The audit trail and messages; and the tables that serve the deployment and name no customer."""

from sqlalchemy import ColumnElement, and_, or_, select

from workflows.people.kinds import Kind, NotTheirs, Theirs
from workflows.people.person import Person
from workflows.people.registry.of_customer import about
from workflows.store import tables as t

DEPLOYMENT = "It serves the deployment and names no customer."
RULES = "Rules that administrators wrote; their versions are hashes of their files."
WEBHOOKS = "Events have ids, numbers and codes only (notifications/events); deleted after 30 days."


def _is_event_of(person: Person) -> ColumnElement[bool]:
    event = t.audit_event.c
    return or_(
        about(event.subject_kind, event.subject_id)(person),
        # what they did with records of their org unit; a service request or work may be another's
        and_(event.actor.in_(person.names), event.subject_kind.in_(("contract", "invoice", "quote"))),
        # an attempt to sign in before they had a login
        and_(event.subject_kind == "login", event.details["email"].as_string().in_(person.emails)),
    )


def _is_message_of(person: Person) -> ColumnElement[bool]:
    """Written to them, or about their records to others, but not to another customer who had one before."""
    message, c, u = t.outbox.c, t.customer.c, t.user_account.c
    others = select(c.email).where(c.id != person.id)
    other_logins = select(u.email).where(u.customer_id.is_not(None), u.customer_id != person.id)
    to_others = or_(message.recipient.in_(others), message.recipient.in_(other_logins))
    return or_(
        message.recipient.in_(person.emails),
        and_(
            about(message.subject_kind, message.subject_id)(person),
            or_(message.recipient.is_(None), ~to_others),
        ),
    )


ELSEWHERE: tuple[Theirs | NotTheirs, ...] = (
    Theirs(
        t.audit_event,
        _is_event_of,
        # values before and after a change: names, addresses, reasons, and ids
        {"details": Kind.JSON, "actor": Kind.ACTOR, "subject_id": Kind.REFERENCE},
        "subject_kind action",
    ),
    Theirs(
        t.outbox,
        _is_message_of,
        {
            "recipient": Kind.EMAIL,
            "subject": Kind.TEXT,
            "body": Kind.TEXT,
            "payload": Kind.JSON,
            "subject_id": Kind.REFERENCE,
            "last_error": Kind.TEXT,
        },
        "event subject_kind dedupe_key delivered_by",
    ),
    *(
        NotTheirs(table, WEBHOOKS)
        for table in (t.webhook_endpoint, t.webhook_secret, t.webhook_delivery, t.webhook_attempt)
    ),
    *(
        NotTheirs(table, RULES)
        for table in (t.rule_set, t.rule_publication, t.rule_proposal, t.rules_folder)
    ),
    *(
        NotTheirs(table, DEPLOYMENT)
        for table in (
            t.deployment, t.setting, t.setting_change, t.mail_template, t.counter, t.job_slot, t.job_status,
        )
    ),
)  # fmt: skip
