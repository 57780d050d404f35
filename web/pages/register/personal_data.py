"""What is held on a customer, for administrators: how much of it, and the export."""

from flask import Blueprint, Response, redirect, render_template, url_for
from werkzeug.wrappers import Response as Redirect

from web.pages.context import actor, desk
from web.pages.forms.base import ActionForm
from web.pages.wording.formats import number_text
from web.pages.wording.people import held_group
from workflows.people.export import count_held, open_export
from workflows.register import get_customer

pages = Blueprint("personal_data", __name__, url_prefix="/customers/<customer_id>/personal-data")


@pages.get("")
def show(customer_id: str) -> str:
    with desk().read(actor()) as tx:
        tx.require("administrator")
        return render_template(
            "register/customers/personal_data.html",
            customer=get_customer(tx, customer_id),
            held=count_held(tx, customer_id),
            held_group=held_group,
            number=number_text,
            action_form=ActionForm(formdata=None),
        )


@pages.post("/export")
def export(customer_id: str) -> Response | Redirect:
    if not ActionForm().validate_on_submit():
        return redirect(url_for("personal_data.show", customer_id=customer_id))
    found = open_export(desk(), actor(), customer_id)
    response = Response(found.parts, mimetype="application/zip")
    response.headers["Content-Disposition"] = f'attachment; filename="{found.name}"'
    response.call_on_close(found.close)
    return response
