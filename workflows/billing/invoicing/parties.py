"""Seller and buyer of an invoice: the provider, and the customer or org unit that pays."""

from dataclasses import fields
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, bindparam, literal_column, null, select

from engine.invoice_document import Party
from workflows.core.erased import refuse_erased
from workflows.core.errors import invalid
from workflows.core.settings import Settings
from workflows.core.transaction import Transaction
from workflows.languages.texts import gettext
from workflows.languages.words import word
from workflows.register.billing_details import COLUMNS, PARTIES
from workflows.store import tables as t
from workflows.store.column_types import Id
from workflows.store.compiled_statements import Prepared

_FIELDS = tuple(field.name for field in fields(Party))
SELLER_ONLY = ("iban", "bic")
BUYER_FIELDS = ("name", "street", "postal_code", "city", "country", "vat_id", "email", "language")


def party_fields(party: Party) -> dict[str, str]:
    """The fields of a party by name: they are texts, so that nothing has to be copied."""
    return {name: getattr(party, name) for name in _FIELDS}


def seller_of(settings: Settings) -> dict[str, str]:
    """The provider as the seller: the fields of `Party`, and the account to pay to."""
    seller = Party(
        name=settings.company.name,
        street=settings.company.street,
        postal_code=settings.company.postal_code,
        city=settings.company.city,
        country=settings.company.country,
        vat_id=settings.company.vat_id,
        tax_number=settings.company.tax_number,
        email=settings.company.email or "",
        contact_name=settings.company.contact_name,
        phone=settings.company.phone,
    )
    return {**party_fields(seller), "iban": settings.company.iban, "bic": settings.company.bic}


def buyer_of(tx: Transaction, kind: str, party_id: str) -> Party:
    """A customer or an org unit as the buyer. Raises: LookupError if there is none."""
    return buyer_and_language(tx, kind, party_id)[0]


def buyer_and_language(tx: Transaction, kind: str, party_id: str) -> tuple[Party, str | None]:
    """The buyer, and the language of the billing details.

    Raises: LookupError if there is none; CustomerErased.
    """
    row = _BUYER[kind].one(tx.connection, {"party": party_id})
    refuse_erased(row.erased_at)
    buyer = Party(
        name=row.name or row.own_name,
        street=row.street or "",
        postal_code=row.postal_code or "",
        city=row.city or "",
        country=row.country or "",
        vat_id=row.vat_id or "",
        email=row.email or row.own_email,
    )
    return buyer, row.language


def party_of(row: Row[Any]) -> tuple[str, str]:
    """Who pays by a row with `customer_id` and `org_unit_id`: kind and id."""
    return ("customer", row.customer_id) if row.customer_id is not None else ("org_unit", row.org_unit_id)


def checked_party(tx: Transaction, customer: str | None, org_unit: str | None) -> tuple[str, str]:
    """Who an invoice is for, of which exactly one must be given. Raises: InvalidInput; CustomerErased."""
    if (customer is None) == (org_unit is None):
        raise invalid(
            "/customer",
            gettext("An invoice is for a customer or an org unit."),
            gettext("Give one of the two."),
        )
    kind, party_id = ("customer", customer) if customer is not None else ("org_unit", org_unit)
    found = (_SHARED if tx.writes else _PARTY)[kind].first(tx.connection, {"party": party_id})
    if found is None:
        raise invalid(
            f"/{kind}",
            gettext("There is no %(kind)s with this id.", kind=word(kind.replace("_", " "))),
            gettext("Look it up first."),
        )
    refuse_erased(found.erased_at)
    return kind, str(party_id)


def lock_party(tx: Transaction, kind: str, party_id: str) -> None:
    """Lock who pays, before what is open of their invoices and credit is changed together.

    Raises: CustomerErased.
    """
    table = t.customer if kind == "customer" else t.org_unit
    locked = select(table).where(table.c.id == party_id).with_for_update(key_share=True)
    row = tx.connection.execute(locked).one_or_none()
    if kind == "customer" and row is not None:
        refuse_erased(row.erased_at)


def _buyer(kind: str) -> Prepared:
    """Name and mail address of who pays, and the billing details, if there are any."""
    table, b = PARTIES[kind], t.billing_details.c
    own_email: Any = t.customer.c.email if kind == "customer" else literal_column("''")
    return Prepared(
        select(
            table.c.name.label("own_name"),
            own_email.label("own_email"),
            _erased_at(kind),
            *(b[name] for name in BUYER_FIELDS),
        )
        .outerjoin(t.billing_details, COLUMNS[kind] == table.c.id)
        .where(table.c.id == bindparam("party", type_=Id))
    )


def _erased_at(kind: str) -> ColumnElement[Any]:
    return (t.customer.c.erased_at if kind == "customer" else null()).label("erased_at")


def _party(kind: str) -> Select[Any]:
    return (
        select(_erased_at(kind))
        .select_from(PARTIES[kind])
        .where(PARTIES[kind].c.id == bindparam("party", type_=Id))
    )


_BUYER = {kind: _buyer(kind) for kind in PARTIES}
_PARTY = {kind: Prepared(_party(kind)) for kind in PARTIES}
_SHARED = {
    "customer": Prepared(_party("customer").with_for_update(read=True, key_share=True)),
    "org_unit": _PARTY["org_unit"],
}
"""`_PARTY` where the transaction writes: nobody can erase the customer until it ends."""
