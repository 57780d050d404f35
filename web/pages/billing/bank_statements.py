"""Bank statements: uploading one, and its entries: paid at once, offered, left."""

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_wtf.file import FileField
from werkzeug.wrappers import Response
from wtforms import SelectField

from web.languages import Texts, gettext, lazy_text, mark, mark_in, ngettext
from web.pages.context import actor, desk, require_role, settings
from web.pages.forms.base import KeyedForm, attempt_once
from web.pages.forms.fields import select_options
from web.pages.layout.listing import all_rows, counted_page, csv_response, query_filters, wants_csv
from web.pages.wording.billing import entry_texts
from workflows.billing.bank import queries as bank_queries
from workflows.billing.bank.statement_formats.values import MOST_BYTES
from workflows.billing.bank.statements import import_statement, own_accounts, was_uploaded
from workflows.billing.invoicing.actions import CASHIERS
from workflows.billing.payments.payment_links.links import STATEMENT_FORMAT
from workflows.views.bank_statements import BankEntryView, BankStatementView, EntryCounts

VIEWS = Texts(
    {
        "offered": mark_in("entries", "Offered"),
        "left": mark_in("entries", "Left"),
        "matched": mark_in("entries", "Paid at once"),
        "assigned": mark_in("entries", "Assigned"),
        "set_aside": mark_in("entries", "Set aside"),
        "not_receipt": mark("Debits"),
    }
)
ENTRY_CSV = [
    "number", "booked_on", "amount_minor", "currency", "party", "party_iban", "texts", "reference", "state",
    "reason", "invoices", "decided_by", "decision_reason",
]  # fmt: skip
MEBIBYTE = 1024 * 1024
LARGEST_FORM = MOST_BYTES + MEBIBYTE

pages = Blueprint("bank_statements", __name__, url_prefix="/bank-statements")


class UploadForm(KeyedForm):
    upload = FileField(
        lazy_text("File"),
        description=lazy_text(
            "camt.053 (XML), or CSV by a profile: %(most)s MiB at most.", most=MOST_BYTES // MEBIBYTE
        ),
    )
    profile = SelectField(lazy_text("Format"), default="")


@pages.get("")
def statements() -> str:
    return _list(_form())


@pages.post("")
def upload() -> tuple[str, int] | Response:
    """Take in the file; its statement is shown, also if it was uploaded before."""
    require_role(*CASHIERS)
    # a file that is somewhat too large is an error of its field
    request.max_content_length = LARGEST_FORM
    form = _form()
    sent = form.upload.data
    is_valid = form.validate_on_submit()
    if not sent:
        form.add_error("/upload", gettext("Choose a file."))
    elif is_valid:
        data, name = sent.read(MOST_BYTES + 1), sent.filename or ""
        sent.close()
        profile = form.profile.data or None
        with desk().read(actor()) as tx:
            known = was_uploaded(tx, data)
        done = attempt_once(form, lambda tx: import_statement(tx, name, data, profile), reads_first=True)
        if done is not None and known:
            flash(gettext("This file was uploaded before, and adds nothing."), "success")
        elif done is not None:
            _flash_result(done)
        if done is not None:
            return redirect(url_for("bank_statements.show", bank_statement_id=done))
    return _list(form), 422


@pages.get("/<bank_statement_id>")
def show(bank_statement_id: str) -> str | Response:
    """The statement with the entries of one state: those to decide, if there are any."""
    with desk().read(actor()) as tx:
        statement = bank_queries.read_statement(tx, bank_statement_id)
        view = query_filters("view").get("view") or _first_view(statement.counts)
        if wants_csv():
            rows = all_rows(
                lambda **at: bank_queries.list_entries(
                    tx, statement=bank_statement_id, order="position", **at
                )
            )
            return csv_response("bank-statement", ENTRY_CSV, [entry_row(one) for one in rows])
        page = bank_queries.list_entries(
            tx, statement=bank_statement_id, state=view, order="position", **counted_page()
        )
    return render_template(
        "billing/bank_statement.html",
        statement=statement,
        name=statement_name(statement),
        format=_format_text(statement),
        left_out=[line for account in statement.accounts for line in account.left_out],
        page=page,
        view=view,
        views=VIEWS,
        entry_texts=entry_texts,
    )


def statement_name(one: BankStatementView) -> str:
    """The name of its file; what was paid online and has to be matched came with none."""
    if one.format == STATEMENT_FORMAT:
        return gettext("Online payments")
    return one.file_name or gettext("Bank statement")


def _format_text(one: BankStatementView) -> str:
    return gettext("payment links") if one.format == STATEMENT_FORMAT else one.format


def _form() -> UploadForm:
    form = UploadForm()
    profiles = [(one.name, f"CSV: {one.name}") for one in settings().bank_csv_profiles]
    form.profile.choices = select_options([("", "camt.053"), *profiles])
    return form


def _list(form: UploadForm) -> str:
    with desk().read(actor()) as tx:
        page = bank_queries.list_statements(tx, **counted_page())
        undecided = bank_queries.list_entries(tx, state="undecided", limit=1, counted=True)
    return render_template(
        "billing/bank_statements.html",
        form=form,
        page=page,
        statement_name=statement_name,
        undecided=getattr(undecided, "total", 0),
        accounts=sorted(own_accounts(settings())),
        may_upload=actor().role in CASHIERS,
    )


def _flash_result(statement_id: str) -> None:
    with desk().read(actor()) as tx:
        statement: BankStatementView = bank_queries.read_statement(tx, statement_id)
    counts = statement.counts
    open_count = counts.offered + counts.left
    said = ngettext(
        "%(num)s entry has been recorded as paid; %(open)s to decide.",
        "%(num)s entries have been recorded as paid; %(open)s to decide.",
        counts.matched,
        open=open_count,
    )
    if statement.known_count:
        known = gettext("%(count)s were known already.", count=statement.known_count)
        said = f"{said} {known}"
    flash(said, "success")


def _first_view(counts: EntryCounts) -> str:
    return next((view for view in VIEWS if getattr(counts, view)), "matched")


def entry_row(one: BankEntryView) -> list[Any]:
    """An entry as a row of CSV."""
    return [
        one.number,
        one.booked_on,
        one.amount.amount_minor,
        one.amount.currency,
        one.party,
        one.party_iban,
        " ".join(one.texts),
        one.reference,
        one.state,
        one.reason,
        " ".join(candidate.number for candidate in one.candidates),
        one.decided_by,
        one.decision_reason,
    ]
