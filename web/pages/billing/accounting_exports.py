"""Exports for the accounting program: what is to be exported, the batches that were made, their files."""

from datetime import date, timedelta
from typing import Any, ClassVar

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response
from wtforms import SelectField

from engine.periods import local_date
from web.languages import gettext, lazy_text
from web.pages.context import actor, desk, now, require_role, zone
from web.pages.forms.base import KeyedForm, add_desk_error, attempt_once
from web.pages.forms.fields import DayField, select_options
from web.pages.layout.listing import all_rows, counted_page, csv_response, query_filters, wants_csv
from web.pages.wording.labels import EXPORT_FORMATS
from web.pages.wording.settings import setting_label
from web.statement_labels import ACCOUNTS
from workflows.accounting_exports.queries import export_file, list_exports, read_export, read_pending
from workflows.accounting_exports.use_cases import ACCOUNTANTS, export_journals
from workflows.commands.accounting_exports import NewAccountingExport
from workflows.core.errors import InvalidInput
from workflows.views.accounting_exports import PendingExport

CSV_HEADER = ["number", "format", "from_on", "to_on", "transactions", "rows", "made_at", "made_by"]

pages = Blueprint("accounting_exports", __name__, url_prefix="/accounting-exports")


class ExportForm(KeyedForm):
    """What is to be exported; `check` only shows it."""

    pointer_fields: ClassVar[dict[str, str]] = {
        "/to_on": "to_on",
        "/from_on": "from_on",
        "/format": "export_format",
        "": "to_on",
    }

    export_format = SelectField(lazy_text("Format"), choices=select_options(EXPORT_FORMATS.items()))
    to_on = DayField(lazy_text("Up to and including"))
    from_on = DayField(
        lazy_text("From"), description=lazy_text("Defaults to everything that is not exported yet.")
    )

    def wanted(self) -> NewAccountingExport | None:
        values = {"format": self.export_format.data, "to_on": self.to_on.text, "from_on": self.from_on.text}
        command: NewAccountingExport | None = self.command(NewAccountingExport, values)
        return command


@pages.get("")
def exports() -> str | Response:
    """The batches; with a format and a day in the address also what an export of these would contain."""
    if wants_csv():
        require_role(*ACCOUNTANTS)
        with desk().read(actor()) as tx:
            rows = [
                [getattr(one, name) for name in CSV_HEADER]
                for one in all_rows(lambda **at: list_exports(tx, **at, **_filters()))
            ]
        return csv_response("accounting-exports", CSV_HEADER, rows)
    return _page(_form())


@pages.post("")
def export() -> tuple[str, int] | Response:
    """Make the batches."""
    require_role(*ACCOUNTANTS)
    form = ExportForm()
    command = form.wanted() if form.validate_on_submit() else None
    if command is not None:
        done = attempt_once(form, lambda tx: export_journals(tx, command)[0], command)
        if done is not None:
            with desk().read(actor()) as tx:
                first = read_export(tx, done)
            flash(gettext("Exported: %(number)s and what follows are below.", number=first.number), "success")
            return redirect(url_for("accounting_exports.exports", made=command.format))
    return _page(form), 422


@pages.get("/<accounting_export_id>/file")
def file(accounting_export_id: str) -> Response:
    """The file of a batch, byte for byte as it was made."""
    with desk().read(actor()) as tx:
        found = export_file(tx, accounting_export_id)
    response = Response(found.body, content_type=found.content_type)
    response.headers["Content-Disposition"] = f'attachment; filename="{found.name}"'
    return response


def _form() -> ExportForm:
    """The form as in the address; by default until the end of the last month."""
    end_of_last_month = local_date(now(), zone()).replace(day=1) - timedelta(days=1)
    named = request.args.get("export_format")
    shown: dict[str, Any] = {
        "export_format": named if named in EXPORT_FORMATS else "datev",
        "to_on": _day("to_on") or end_of_last_month,
        "from_on": _day("from_on"),
    }
    return ExportForm(data=shown)


def _page(form: ExportForm) -> str:
    with desk().read(actor()) as tx:
        page = list_exports(tx, **counted_page(), **_filters())
    pending = None if form.has_errors else _pending(form)
    return render_template(
        "billing/accounting_exports.html",
        form=form,
        page=page,
        pending=pending,
        formats=EXPORT_FORMATS,
        filters=_filters(),
        lacking=_lacking,
    )


def _pending(form: ExportForm) -> PendingExport | None:
    command = form.wanted()
    if command is None:
        return None
    try:
        with desk().read(actor()) as tx:
            return read_pending(tx, command)
    except InvalidInput as error:
        add_desk_error(form, error)
        return None


def _filters() -> dict[str, Any]:
    made = query_filters("made").get("made")
    return {"format": made} if made in EXPORT_FORMATS else {}


def _day(name: str) -> date | None:
    try:
        return date.fromisoformat(request.args.get(name, ""))
    except ValueError:
        return None


def _account_label(name: str) -> str:
    account, _, rate = name.partition(" ")
    return f"{ACCOUNTS[account]} {rate}".strip()


def _lacking(pending: PendingExport) -> list[str]:
    """What the settings lack for the export, as sentences."""
    accounts = ", ".join(_account_label(name) for name in pending.unmapped)
    others = ", ".join(setting_label(name) for name in pending.missing)
    sentences = []
    if accounts:
        sentences.append(gettext("These accounts have no number: %(names)s.", names=accounts))
    if others:
        sentences.append(gettext("These settings are missing: %(names)s.", names=others))
    return sentences
