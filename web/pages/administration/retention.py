"""What retention removes: by the settings, by other numbers of months, and before these are saved."""

import json
from hashlib import sha256
from typing import Any

from flask import Blueprint, render_template, request
from pydantic import ValidationError

from web.languages import Texts, lazy_text, mark
from web.pages.context import actor, desk, settings
from web.pages.forms.base import DeskForm
from web.pages.forms.fields import SpanField
from web.pages.wording.formats import number_text
from workflows.people.retention import KINDS, preview_retention
from workflows.views.people import RetentionView

RETENTION_KINDS = Texts(
    {"mail": mark("Mail"), "billing_mail": mark("Mail about invoices, payments and quotes")}
)
SETTINGS = tuple(kind.setting for kind in KINDS.values())

pages = Blueprint("retention", __name__, url_prefix="/settings/retention")


class TriedForm(DeskForm):
    mail_retention_months = SpanField(lazy_text("Mail"), unit="month")
    billing_mail_retention_months = SpanField(
        lazy_text("Mail about invoices, payments and quotes"), unit="month"
    )


@pages.get("")
def preview() -> tuple[str, int]:
    stored = {name: getattr(settings(), name) for name in SETTINGS}
    tries = any(name in request.args for name in SETTINGS)
    form = TriedForm(formdata=request.args if tries else None, data=stored, meta={"csrf": False})
    tried = stored
    if tries and form.validate():
        tried = {name: form[name].data for name in SETTINGS}
        try:
            settings().merged(tried)
        except ValidationError as error:
            form.add_validation_errors(error)
    with desk().read(actor()) as tx:
        tx.require("administrator")
        found = preview_retention(tx, stored if form.has_errors else tried)
    page = render_template(
        "administration/retention/preview.html",
        form=form,
        found=found,
        is_tried=tried != stored,
        kinds=RETENTION_KINDS,
        number=number_text,
    )
    return page, 422 if form.has_errors else 200


def unconfirmed_retention(form: DeskForm, wanted: dict[str, Any]) -> list[RetentionView]:
    """What to show before the form is saved: what the new settings would remove at once.

    Nothing if they would remove nothing, or have been shown: the form's next submission confirms it, unless
    other numbers are typed. Numbers that would be refused are left to saving, which says why.
    """
    changed = {name: wanted[name] for name in SETTINGS if name in wanted}
    token = sha256(json.dumps(changed, sort_keys=True).encode()).hexdigest()
    if not changed or form["confirmed_retention"].data == token:
        return []
    with desk().read(actor()) as tx:
        found = preview_retention(tx, changed)
    removed = [one for one in found if one.setting in changed and one.records]
    if removed:
        form["confirmed_retention"].data = token
    return removed
