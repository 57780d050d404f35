"""The register and logins: the customer, their items, their accounts and what they signed in with."""

from sqlalchemy import and_, or_

from workflows.people.kinds import Kind, NotTheirs, Theirs
from workflows.people.registry.of_customer import any_of, by, by_email, by_user, items, requests
from workflows.store import tables as t

REGISTER: tuple[Theirs | NotTheirs, ...] = (
    Theirs(
        t.customer,
        by(t.customer.c.id),
        {"email": Kind.EMAIL, "name": Kind.NAME, "search_words": Kind.WORDS},
    ),
    Theirs(t.customer_org_unit, by(t.customer_org_unit.c.customer_id)),
    Theirs(
        t.item,
        by(t.item.c.owner_customer_id),
        {"name": Kind.TEXT, "number": Kind.TEXT, "search_words": Kind.WORDS},
        "item_type",
    ),
    Theirs(
        t.user_account,
        by(t.user_account.c.customer_id),
        {"email": Kind.EMAIL, "name": Kind.NAME, "password_hash": Kind.SECRET},
        "role language time_zone",
    ),
    Theirs(t.user_role_change, by_user(t.user_role_change.c.user_id), plain="old_role"),
    Theirs(
        t.api_token,
        by_user(t.api_token.c.user_id),
        {"name": Kind.TEXT, "token_hash": Kind.SECRET},
    ),
    Theirs(
        t.login_session,
        by_user(t.login_session.c.user_id),
        {"token_hash": Kind.SECRET, "address": Kind.NETWORK, "user_agent": Kind.NETWORK},
    ),
    Theirs(t.known_device, by_user(t.known_device.c.user_id), {"token_hash": Kind.SECRET}),
    Theirs(t.password_link, by_user(t.password_link.c.user_id), {"token_hash": Kind.SECRET}, "purpose"),
    Theirs(
        t.password_request,
        by_email(t.password_request.c.email),
        {"email": Kind.EMAIL, "address": Kind.NETWORK},
    ),
    Theirs(
        t.idempotency_key,
        # what staff were answered about them, too: all of it is deleted after two days
        any_of(
            by(t.idempotency_key.c.customer_id),
            by_user(t.idempotency_key.c.user_id),
            lambda person: t.idempotency_key.c.answer.contains(person.id, autoescape=True),
        ),
        {"answer": Kind.JSON, "key": Kind.SECRET, "body_hash": Kind.SECRET},
        "role request",
    ),
    Theirs(
        t.imported_record,
        lambda person: or_(
            and_(t.imported_record.c.kind == "customer", t.imported_record.c.record_id == person.id),
            t.imported_record.c.record_id.in_(requests(person)),
            t.imported_record.c.record_id.in_(items(person)),
        ),
        {"external_key": Kind.TEXT},
        "source kind",
    ),
    Theirs(
        t.legal_hold,
        by(t.legal_hold.c.customer_id),
        {"reason": Kind.TEXT, "set_by": Kind.STAFF, "lifted_by": Kind.STAFF},
    ),
    # the proof that stays: no name of theirs may be in its reason
    Theirs(t.erasure, by(t.erasure.c.customer_id), plain="erased_by reason counts"),
    NotTheirs(t.erasure_begun, "Numbers of erasures."),
    NotTheirs(t.login_delay, "Its key is a hash of what was typed and from where; forgotten after hours."),
    NotTheirs(t.org_unit, "A company, a site or a department, not a person."),
    NotTheirs(t.org_unit_line, "The tree of the org units."),
)
