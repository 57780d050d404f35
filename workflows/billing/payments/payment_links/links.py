"""Making a link for what is open of an invoice, and taking in a payment of which a provider sends a notice.

The provider is asked between two transactions, under the id of the link: asked twice, it makes one page. A
payment locks its link, then who pays, then the invoice. Source: product.md section 10.
"""

from datetime import timedelta
from functools import partial
from hashlib import sha256
from typing import Any

import structlog
from sqlalchemy import Row, or_, select
from sqlalchemy.dialects import postgresql, sqlite

from engine.periods import local_date
from workflows.billing.invoicing.parties import buyer_of, lock_party, party_of
from workflows.billing.invoicing.queries import invoice_row
from workflows.billing.invoicing.rows import locked_invoice
from workflows.billing.issuing.processing import process_invoice
from workflows.billing.payments.use_cases import Received, record_receipt
from workflows.core.actors import SYSTEM, Actor
from workflows.core.desk import Desk
from workflows.core.errors import NotFound, StateForbids
from workflows.core.payment_provider import Checkout, CheckoutRequest, PaymentNotice, PaymentProvider
from workflows.core.transaction import Transaction
from workflows.languages.formats import money_text
from workflows.languages.texts import gettext
from workflows.store import tables as t
from workflows.store.ids import new_id
from workflows.views import MoneyView
from workflows.views.billing import PaymentLinkView

log = structlog.get_logger()
link, e, bs = t.payment_link, t.bank_entry, t.bank_statement
STATEMENT_FORMAT = "payment links"
"""Of the statement to which payments are added that finance has to match; it is of no account and no file."""
SHORTEST_LEFT = timedelta(minutes=5)
"""How long a link must still be valid to be given again."""


def payment_link(desk: Desk, actor: Actor, invoice_id: str, base_url: str) -> PaymentLinkView:
    """The link by which what is open of an invoice is paid online, for whoever sees the invoice.

    One that is still valid for the same amount is given again. `base_url` is the address of the desk.
    Raises:
        NotAllowed; NotFound, also if the actor may not see the invoice, or nothing is paid online.
        StateForbids: it is no issued invoice, or nothing is open.
        ProviderUnavailable: the provider cannot be reached.
    """
    provider = _provider(desk)
    prepare = partial(_prepare, invoice_id=invoice_id, provider=provider, base_url=base_url)
    row, request = desk.perform(actor, prepare)
    if row.url is None:
        checkout = provider.create_checkout(request)
        row = desk.perform(actor, partial(_store, link_id=row.id, checkout=checkout), repeatable=True)
    return PaymentLinkView(
        row.id, row.invoice_id, row.url, MoneyView(row.amount_minor, row.currency), row.expires_at
    )


def is_payable(kind: str, state: str, open_minor: int) -> bool:
    """Whether a document is an issued invoice of which something is to be paid."""
    return kind == "invoice" and state == "issued" and open_minor > 0


def take_notice(desk: Desk, body: bytes, signature: str) -> None:
    """Do what a notice of the provider says, once. Raises: NotFound without a provider; NoticeRefused."""
    provider = _provider(desk)
    notice = provider.read_notice(body, signature)
    if notice is not None:
        desk.perform(SYSTEM, partial(settle_link, provider=provider.name, notice=notice), repeatable=True)


def settle_link(tx: Transaction, *, provider: str, notice: PaymentNotice) -> None:
    """Record what was paid by a link, process the invoice if that pays it, and open what waited for it.

    A second notice of the same payment changes nothing. An amount or a currency that is not the link's, or
    an invoice that is not issued any more, is left to finance, among the payments to match.
    """
    known = or_(link.c.session_id == notice.session_id, link.c.id == (notice.link_id or ""))
    found = select(link).where(link.c.provider == provider, known).with_for_update(key_share=True)
    row = tx.connection.execute(found).first()
    if row is None:
        log.warning("payment notice of an unknown session", session=notice.session_id)
        return
    if row.settled_at is not None:
        return
    if notice.kind == "expired":
        tx.change(link, row.id, expires_at=tx.now)
        return
    party = party_of(invoice_row(tx, row.invoice_id))
    lock_party(tx, *party)
    invoice = locked_invoice(tx, row.invoice_id)
    result: dict[str, Any] = {"settled_at": tx.now, "event_id": notice.event_id}
    as_asked = (notice.amount_minor, notice.currency) == (row.amount_minor, row.currency)
    if as_asked and invoice.state == "issued":
        today = local_date(tx.now, tx.settings.zone)
        received = Received(notice.amount_minor, today, "card", notice.reference)
        result["payment_id"] = record_receipt(tx, party, [invoice.id], received)
        _process_if_paid(tx, invoice.id)
    else:
        result["bank_entry_id"] = _to_match(tx, provider, row, invoice, notice)
    tx.change(link, row.id, **result)
    tx.audit("invoice", invoice.id, "paid online" if "payment_id" in result else "payment to match")


def _provider(desk: Desk) -> PaymentProvider:
    if desk.payments is None:
        raise NotFound(gettext("Nothing is paid online here."), remedy=gettext("Pay by bank transfer."))
    return desk.payments


def _prepare(
    tx: Transaction, *, invoice_id: str, provider: PaymentProvider, base_url: str
) -> tuple[Row[Any], CheckoutRequest]:
    """The link for what is open, an earlier one if it can still be used, and what the provider is asked."""
    invoice = locked_invoice(tx, invoice_row(tx, invoice_id).id)
    if not is_payable(invoice.kind, invoice.state, invoice.open_minor):
        raise StateForbids(
            gettext("Nothing of %(number)s is to be paid.", number=invoice.number or gettext("a draft")),
            remedy=gettext("Issue it first.") if invoice.state == "draft" else "",
            state=invoice.state,
        )
    provider.check(invoice.open_minor, invoice.currency)
    usable = (
        link.c.invoice_id == invoice.id,
        link.c.provider == provider.name,
        link.c.settled_at.is_(None),
        link.c.amount_minor == invoice.open_minor,
        or_(link.c.expires_at.is_(None), link.c.expires_at > tx.real_now + SHORTEST_LEFT),
    )
    newest = select(link).where(*usable).order_by(link.c.id.desc()).limit(1)
    row = tx.connection.execute(newest).one_or_none()
    if row is None:
        tx.add(
            link,
            id=new_id(),
            invoice_id=invoice.id,
            provider=provider.name,
            amount_minor=invoice.open_minor,
            currency=invoice.currency,
            created_at=tx.now,
            created_by=tx.actor.name,
        )
        row = tx.connection.execute(newest).one()
    page = f"{base_url.rstrip('/')}/invoices/{invoice.id}"
    request = CheckoutRequest(
        link_id=row.id,
        amount_minor=row.amount_minor,
        currency=row.currency,
        description=invoice.number,
        email=buyer_of(tx, *party_of(invoice)).email or None,
        language=invoice.language,
        success_url=page,
        cancel_url=page,
    )
    return row, request


def _store(tx: Transaction, *, link_id: str, checkout: Checkout) -> Row[Any]:
    """Remember the provider's page. Two calls at once have got the same one."""
    tx.change(link, link_id, session_id=checkout.session_id, url=checkout.url, expires_at=checkout.expires_at)
    return tx.connection.execute(select(link).where(link.c.id == link_id)).one()


def _process_if_paid(tx: Transaction, invoice_id: str) -> None:
    """Process an invoice of which nothing is open any more, unless it was."""
    invoice = locked_invoice(tx, invoice_id)
    if invoice.open_minor == 0 and invoice.delivered_at is None:
        process_invoice(tx, invoice_id)


def _to_match(tx: Transaction, provider: str, row: Row[Any], invoice: Row[Any], notice: PaymentNotice) -> str:
    """Add what was paid to the payments that finance matches; returns the id of the entry."""
    statement = _statement(tx, provider)
    position = statement.entry_count + 1
    tx.change(bs, statement.id, entry_count=position)
    fits = invoice.state == "issued" and notice.currency == invoice.currency
    entry_id = new_id()
    asked = money_text(row.amount_minor, row.currency)
    tx.add(
        e,
        id=entry_id,
        statement_id=statement.id,
        position=position,
        number=str(position),
        entry_key=sha256(f"{provider}:{notice.session_id}".encode()).hexdigest(),
        account=provider,
        currency=notice.currency,
        amount_minor=notice.amount_minor,
        booked_on=local_date(tx.now, tx.settings.zone),
        texts=[f"{invoice.number}: {asked} was asked"],
        reference=invoice.number,
        party=notice.payer,
        party_iban="",
        bank_reference=notice.reference,
        is_reversal=False,
        batch=0,
        state="offered" if fits else "left",
        reason="named" if fits else "nothing",
        candidates=[invoice.id] if fits else [],
        has_more=False,
    )
    return entry_id


def _statement(tx: Transaction, provider: str) -> Row[Any]:
    """The statement that has what a provider received and finance matches, made when it is first needed."""
    key = sha256(f"payment links: {provider}".encode()).hexdigest()
    dialect = sqlite if tx.is_sqlite else postgresql
    made = dialect.insert(bs).values(
        id=new_id(),
        file_name=f"Online payments ({provider})",
        content_hash=key,
        format=STATEMENT_FORMAT,
        accounts=[],
        entry_count=0,
        known_count=0,
        uploaded_at=tx.now,
        uploaded_by=tx.actor.name,
    )
    tx.connection.execute(made.on_conflict_do_nothing(index_elements=["content_hash"]))
    return tx.connection.execute(select(bs).where(bs.c.content_hash == key).with_for_update()).one()
