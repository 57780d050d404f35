"""The outbox: messages to people, with their delivery status."""

from flask import Blueprint, flash, redirect, render_template, url_for
from werkzeug.wrappers import Response

from web.languages import Texts, gettext, mark, mark_in
from web.pages.context import actor, desk
from web.pages.forms.base import ActionForm, attempt_once
from web.pages.layout.listing import all_rows, counted_page, csv_response, query_filters, wants_csv
from workflows.notifications.outbox import list_outbox, send_again

VIEWS = Texts(
    {
        "": mark("All"),
        "failed": mark("Failed"),
        "waiting": mark("Waiting"),
        "given_up": mark_in("messages", "Gave up"),
        "delivered": mark_in("messages", "Delivered"),
        "logged": mark_in("messages", "Written to the log"),
    }
)
CSV_HEADER = [
    "created_at",
    "event",
    "recipient",
    "subject",
    "delivered_at",
    "delivered_by",
    "attempts",
    "last_error",
]

pages = Blueprint("outbox", __name__, url_prefix="/outbox")


@pages.get("")
def outbox() -> str | Response:
    filters = query_filters("state", "q")
    with desk().read(actor()) as tx:
        if wants_csv():
            rows = all_rows(lambda **at: list_outbox(tx, **filters, **at))
            table = [[str(getattr(one, name) or "") for name in CSV_HEADER] for one in rows]
            return csv_response("outbox", CSV_HEADER, table)
        page = list_outbox(tx, **filters, **counted_page())
    return render_template(
        "administration/outbox.html",
        page=page,
        filters=filters,
        views=VIEWS,
        sends_mail=desk().smtp_url is not None,
        action_form=ActionForm(formdata=None),
    )


@pages.post("/<message_id>/again")
def retry(message_id: str) -> Response:
    form = ActionForm()
    if form.validate_on_submit():
        if attempt_once(form, lambda tx: send_again(tx, message_id)):
            flash(gettext("The message will be retried with the next delivery."), "success")
        else:
            flash(" ".join(form.form_errors), "error")
    return redirect(url_for("outbox.outbox"))
