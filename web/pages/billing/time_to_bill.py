"""Time to be billed that is on no invoice yet: the list, and the draft of it for one who pays."""

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response
from wtforms import HiddenField, SelectField, StringField
from wtforms.validators import InputRequired

from web.languages import gettext, lazy_text
from web.pages.billing.effects import UseCase, draft_effect
from web.pages.context import actor, desk, require_role, settings
from web.pages.forms.base import KeyedForm, attempt_once
from web.pages.forms.effects import EffectPreview, effect_response
from web.pages.forms.fields import select_options
from web.pages.layout.listing import csv_response, cursor, query_filters, wants_csv
from web.report_files import TIME_TO_BILL_CSV, csv_rows
from workflows.billing.overage.drafts import draft_overage, last_month
from workflows.billing.overage.queries import all_time_to_bill, list_time_to_bill
from workflows.commands.billing import DraftOverage
from workflows.core.actors import OFFICE
from workflows.register.holder_names import holder_names

pages = Blueprint("time_to_bill", __name__, url_prefix="/time-to-bill")


class DraftForm(KeyedForm):
    party = HiddenField()
    month = StringField(
        lazy_text("Up to and including"),
        [InputRequired(lazy_text("This field is required."))],
        description=lazy_text(
            "A month such as 2026-03. Of the current month, what was worked so far is billed."
        ),
    )
    tax_rate = SelectField(
        lazy_text("Tax"), description=lazy_text("For new lines; the lines of the draft keep theirs.")
    )

    def use_case(self) -> UseCase | None:
        kind, _, party_id = (self.party.data or "").partition(":")
        values = {"month": self.month.data, "tax_rate": self.tax_rate.data}
        command = self.command(DraftOverage, {**values, kind: party_id} if party_id else values)
        return (lambda tx: draft_overage(tx, command)) if command else None


@pages.get("")
def items() -> str | Response:
    filters = query_filters("customer", "org_unit")
    with desk().read(actor()) as tx:
        if wants_csv():
            rows = csv_rows(TIME_TO_BILL_CSV, all_time_to_bill(tx, **filters))
            return csv_response("time-to-bill", TIME_TO_BILL_CSV, list(rows))
        page = list_time_to_bill(tx, **filters, cursor=cursor())
    return render_template(
        "billing/time_to_bill.html", page=page, filters=filters, invoicing=settings().invoicing
    )


@pages.route("/draft", methods=["GET", "POST"])
def draft() -> tuple[str, int] | Response:
    """Show what the draft would have, and write or extend it."""
    require_role(*OFFICE)
    form = _form()
    if form.validate_on_submit():
        use_case = form.use_case()
        made = attempt_once(form, use_case) if use_case is not None else None
        if made is not None:
            flash(gettext("The draft has been written."), "success")
            return redirect(url_for("invoice.show", invoice_id=made))
    return _page(form), 422 if form.has_errors else 200


@pages.post("/draft/effect")
def preview() -> str:
    """The lines of the draft, as a fragment or in the page; everything is rolled back."""
    require_role(*OFFICE)
    form = _form()
    effect = draft_effect("draft", form, form.use_case)
    return effect_response(effect, lambda: _page(form, effect))


def _form() -> DraftForm:
    with desk().read(actor()) as tx:
        month = last_month(tx)
    given = {"party": request.args.get("party", ""), "month": request.args.get("month") or month}
    form = DraftForm(data=given)
    form.tax_rate.choices = select_options((one.name, one.name) for one in settings().tax_rates)
    return form


def _page(form: DraftForm, effect: EffectPreview | None = None) -> str:
    kind, _, party_id = (form.party.data or "").partition(":")
    names: dict[Any, str] = {}
    if kind in ("customer", "org_unit"):
        with desk().read(actor()) as tx:
            names = holder_names(tx, {(kind, party_id)})
    return render_template(
        "billing/draft_time.html", form=form, effect=effect, name=names.get((kind, party_id), "")
    )
