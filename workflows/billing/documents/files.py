"""As which e-invoice a document is issued, whether the published rules accept it, and its files.

A credit note is the same kind of e-invoice as the invoice that it corrects, whatever the setting is by then:
what could be issued can be corrected. Source: product.md section 10.
"""

from types import SimpleNamespace
from typing import Any, NamedTuple

from sqlalchemy import Row, select

from workflows.administration.logo import find_logo
from workflows.billing.documents.cii import cii_invoice
from workflows.billing.documents.e_invoice import Profile
from workflows.billing.documents.ubl import ubl_invoice
from workflows.billing.documents.validation import Validation, validate
from workflows.billing.invoicing.queries import document_of, issued_row
from workflows.core.erased import CustomerErased, is_erased
from workflows.core.errors import StateForbids
from workflows.core.transaction import Transaction
from workflows.languages.texts import gettext
from workflows.store import tables as t

i = t.invoice


class DocumentFile(NamedTuple):
    """A file of an invoice, and what it is called where it is saved."""

    name: str
    content_type: str
    body: bytes


def e_invoice_columns(tx: Transaction, row: Row[Any], **issued: Any) -> dict[str, str]:
    """The columns of the e-invoice for a draft that is about to get the columns `issued`; none if off.

    Raises: StateForbids, with the fields and what is wrong, if the published rules do not accept it.
    """
    profile = _profile(tx, row)
    if profile is None:
        return {}
    document = document_of(tx, SimpleNamespace(**{**row._asdict(), **issued}))
    checked = validate(document, profile)
    if checked.fatal:
        raise _refused(row, checked)
    return {"e_invoice_profile": profile, "e_invoice_rules": checked.rules_version}


def pdf_file(tx: Transaction, invoice_id: str) -> DocumentFile:
    """The PDF of what was issued, with the e-invoice in it if it has one, and the company's logo of now.

    Without the e-invoice once the buyer was erased.

    Raises: as `invoice_document`.
    """
    # not with the module: the library would be a fifth of the program's start
    from workflows.billing.documents.pdf import invoice_pdf

    row = issued_row(tx, invoice_id)
    logo = find_logo(tx)
    # without the buyer it would be no valid e-invoice
    profile = None if is_erased(tx, row.customer_id) else row.e_invoice_profile
    body = invoice_pdf(document_of(tx, row), profile, logo.content if logo else None)
    return DocumentFile(f"{row.number}.pdf", "application/pdf", body)


def cii_file(tx: Transaction, invoice_id: str) -> DocumentFile:
    """The e-invoice in CII. Raises: as `invoice_document`; StateForbids if it has none."""
    row = _with_e_invoice(tx, invoice_id)
    body = cii_invoice(document_of(tx, row), row.e_invoice_profile)
    return DocumentFile(f"{row.number}.xml", "application/xml", body)


def ubl_file(tx: Transaction, invoice_id: str) -> DocumentFile:
    """The e-invoice in UBL. Raises: as `invoice_document`; StateForbids if it has none."""
    row = _with_e_invoice(tx, invoice_id)
    body = ubl_invoice(document_of(tx, row), row.e_invoice_profile)
    return DocumentFile(f"{row.number}.ubl.xml", "application/xml", body)


def _profile(tx: Transaction, row: Row[Any]) -> Profile | None:
    if row.corrects_id is not None:
        found = select(i.c.e_invoice_profile).where(i.c.id == row.corrects_id)
        corrected: Profile | None = tx.connection.execute(found).scalar_one()
        return corrected
    return None if tx.settings.e_invoices == "off" else tx.settings.e_invoices


def _with_e_invoice(tx: Transaction, invoice_id: str) -> Row[Any]:
    row = issued_row(tx, invoice_id)
    if row.e_invoice_profile is None:
        raise StateForbids(
            gettext(
                "%(number)s has no e-invoice: e-invoices were off when it was issued.", number=row.number
            ),
            remedy=gettext("Take the PDF."),
            state=row.state,
        )
    if is_erased(tx, row.customer_id):
        raise CustomerErased(
            gettext("%(number)s has no e-invoice any more: its buyer has been erased.", number=row.number),
            remedy=gettext("Take the PDF."),
            state="erased",
        )
    return row


def _refused(row: Row[Any], checked: Validation) -> StateForbids:
    problems = " ".join(
        gettext("%(label)s: %(text)s", label=_capital(problem.field), text=problem.message)
        for problem in checked.fatal
    )
    return StateForbids(
        gettext("The rules for e-invoices do not accept it. %(problems)s", problems=problems),
        remedy=gettext(
            "Correct this in the company's settings, the billing details or the draft, and try again."
        ),
        state=row.state,
        missing=[
            {"field": problem.field, "detail": problem.message, "rule": problem.rule}
            for problem in checked.fatal
        ],
        rules_version=checked.rules_version,
    )


def _capital(field: str) -> str:
    return field[0].upper() + field[1:]
