"""The language in which somebody gets mail: their own, else that of the billing details, else English."""

from collections.abc import Iterable
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, case, func, literal, select, union_all

from workflows.core.transaction import Transaction
from workflows.languages.texts import LANGUAGES, SOURCE, Language, known_language
from workflows.notifications.templates import MailText
from workflows.store import tables as t
from workflows.store.compiled_statements import Prepared
from workflows.store.id_lists import among, id_list

user, billing, customer = t.user_account.c, t.billing_details.c, t.customer.c


def languages_of(tx: Transaction, addresses: Iterable[str | None]) -> dict[str, Language]:
    """The languages of the addresses that have one set: of a user, else of a customer."""
    wanted = sorted({one for one in addresses if one})
    if not wanted:
        return {}
    values = {"addresses": id_list(wanted, is_sqlite=tx.is_sqlite)}
    found = _languages(tx.is_sqlite).all(tx.connection, values)
    known = ((row.email, known_language(row.language)) for row in sorted(found, key=lambda row: row.place))
    return {email: code for email, code in known if code is not None}


@cache
def _languages(is_sqlite: bool) -> Prepared:
    of_users = (
        select(
            user.email.label("email"),
            func.coalesce(user.language, billing.language).label("language"),
            literal(1).label("place"),
        )
        .select_from(t.user_account)
        .outerjoin(t.billing_details, billing.customer_id == user.customer_id)
        .where(among(user.email, "addresses", is_sqlite=is_sqlite))
    )
    of_customers = (
        select(customer.email, billing.language, literal(0))
        .select_from(t.customer)
        .join(t.billing_details, billing.customer_id == customer.id)
        .where(among(customer.email, "addresses", is_sqlite=is_sqlite))
    )
    both = union_all(of_users, of_customers).subquery()
    return Prepared(select(both))


def language_of(tx: Transaction, address: str | None, party: tuple[str, str] | None = None) -> Language:
    """The language of one address; `party` is the kind and the id of whose billing details count."""
    if not address:
        return SOURCE
    found = languages_of(tx, [address]).get(address)
    if found is None and party is not None:
        kind, party_id = party
        column = billing.customer_id if kind == "customer" else billing.org_unit_id
        details = select(billing.language).where(column == party_id)
        found = known_language(tx.connection.execute(details).scalar())
    return found or SOURCE


def by_language(code: ColumnElement[Any], texts: dict[Language, MailText]) -> MailText:
    """SQL: the texts in the language that an expression has, else the English ones."""
    others = [one for one in LANGUAGES if one != SOURCE]
    short = func.lower(func.substr(code, 1, 2))
    english = texts[SOURCE]
    return MailText(
        case(*((short == one, texts[one].subject) for one in others), else_=english.subject),
        case(*((short == one, texts[one].body) for one in others), else_=english.body),
    )
