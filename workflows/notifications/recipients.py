"""The language in which somebody gets mail: their own, else that of the billing details, else English."""

from collections.abc import Callable, Iterable
from functools import cache, partial
from typing import Any

from sqlalchemy import ColumnElement, bindparam, case, func, literal, select, union_all

from workflows.core.transaction import Transaction
from workflows.languages.texts import LANGUAGES, SOURCE, Language, known_language
from workflows.notifications.template_text import MailText
from workflows.store import tables as t
from workflows.store.column_types import Id
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
    return language_or(tx, address, partial(_language_of_party, tx, party))


def language_or(tx: Transaction, address: str | None, otherwise: Callable[[], str | None]) -> Language:
    """The language of one address; `otherwise` has the code of the language where it has none of its own."""
    if not address:
        return SOURCE
    return languages_of(tx, [address]).get(address) or known_language(otherwise()) or SOURCE


def _language_of_party(tx: Transaction, party: tuple[str, str] | None) -> str | None:
    if party is None:
        return None
    kind, party_id = party
    details = _OF_PARTY[kind].first(tx.connection, {"party": party_id})
    return details.language if details is not None else None


_OF_PARTY = {
    kind: Prepared(select(billing.language).where(column == bindparam("party", type_=Id)))
    for kind, column in (("customer", billing.customer_id), ("org_unit", billing.org_unit_id))
}


def by_language(code: ColumnElement[Any], texts: dict[Language, MailText]) -> MailText:
    """SQL: the texts in the language that an expression has, else the English ones."""
    others = [one for one in LANGUAGES if one != SOURCE]
    short = func.lower(func.substr(code, 1, 2))
    english = texts[SOURCE]
    return MailText(
        case(*((short == one, texts[one].subject) for one in others), else_=english.subject),
        case(*((short == one, texts[one].body) for one in others), else_=english.body),
    )
