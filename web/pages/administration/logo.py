"""The company's logo: shown on invoices, uploaded and deleted by administrators."""

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from flask_wtf.file import FileField
from werkzeug.wrappers import Response as Redirect

from web.languages import gettext, lazy_text
from web.pages.context import actor, desk, require_role
from web.pages.forms.base import ActionForm, KeyedForm, succeeds_once
from workflows.administration.logo import MAX_LOGO_BYTES, delete_logo, has_logo, read_logo, store_logo

MAX_UPLOAD_BYTES = 4 * MAX_LOGO_BYTES
"""Of the form: a picture that is too large by little is an error of its field."""

pages = Blueprint("logo", __name__, url_prefix="/settings/logo")


class LogoForm(KeyedForm):
    content = FileField(
        lazy_text("Picture"), description=lazy_text("PNG or JPEG, at most 1 MB. It is shown on invoices.")
    )


@pages.route("", methods=["GET", "POST"])
def edit() -> tuple[str, int] | Redirect:
    require_role("administrator")
    if request.mimetype == "multipart/form-data":
        request.max_content_length = MAX_UPLOAD_BYTES
    form = LogoForm()
    if form.validate_on_submit():
        picture = form.content.data.read() if form.content.data else b""
        if not picture:
            form.add_error("/content", gettext("Select a file."))
        elif succeeds_once(form, lambda tx: store_logo(tx, picture)):
            flash(gettext("The logo has been stored."), "success")
            return redirect(url_for("logo.edit"))
    with desk().read(actor()) as tx:
        stored = has_logo(tx)
    page = render_template(
        "administration/logo.html", form=form, stored=stored, action_form=ActionForm(formdata=None)
    )
    return page, 422 if form.has_errors else 200


@pages.post("/delete")
def delete() -> Redirect:
    form = ActionForm()
    if form.validate_on_submit() and succeeds_once(form, delete_logo):
        flash(gettext("The logo has been deleted."), "success")
    return redirect(url_for("logo.edit"))


@pages.get("/picture")
def picture() -> Response:
    with desk().read(actor()) as tx:
        found = read_logo(tx)
    return Response(found.content, mimetype=found.media_type)
