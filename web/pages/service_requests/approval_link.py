"""An approval by the link in its mail: whoever has the link reads what is asked and answers."""

from functools import partial

from flask import Blueprint, flash, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response
from wtforms import HiddenField, StringField
from wtforms.validators import InputRequired

from engine.approvals import ApprovalAnswer
from engine.errors import DeskError
from web.languages import lazy_text
from web.pages.context import desk
from web.pages.forms.base import add_desk_error
from web.pages.service_requests.approvals import ANSWERS, AnswerForm, answered_text
from workflows.commands.approvals import AnswerApproval
from workflows.core.actors import NOBODY
from workflows.views.approvals import ApprovalView
from workflows.work.approval_queries import read_linked_approval
from workflows.work.overage_approvals import ApprovalLinkNotValid, answer_by_link, find_approval_link

pages = Blueprint("approval_link", __name__)


class LinkForm(AnswerForm):
    link = HiddenField()
    name = StringField(lazy_text("Your name"), [InputRequired(lazy_text("This field is required."))])


@pages.route("/approval", methods=["GET", "POST"])
def approval() -> Response:
    """Opening a link changes nothing: mail programs open links too. Only the form answers, once."""
    form = LinkForm(data={"link": request.args.get("link", "")})
    secret = str(form.link.data or "")
    try:
        with desk().read(NOBODY) as tx:
            shown = read_linked_approval(tx, find_approval_link(tx, secret).approval_id)
        answer = ANSWERS.get(request.form.get("answer", ""))
        if answer is not None and form.validate_on_submit() and _answers(form, secret, shown, answer):
            flash(answered_text(answer), "success")
            return redirect(url_for("approval_link.approval", link=secret))
    except ApprovalLinkNotValid as error:
        return _private(render_template("selling/quotes/link_not_valid.html", error=error), 410)
    page = render_template("service_requests/approvals/link.html", form=form, approval=shown)
    return _private(page, 422 if form.has_errors else 200)


def _answers(form: LinkForm, secret: str, shown: ApprovalView, answer: ApprovalAnswer) -> bool:
    """Answer; returns whether it was done, and adds the error to the form if not."""
    command = form.command(AnswerApproval, form.values(shown, answer))
    if command is None:
        return False
    use_case = partial(
        answer_by_link, secret=secret, command=command, answer=answer, address=request.remote_addr or ""
    )
    try:
        desk().perform(NOBODY, use_case)
    except ApprovalLinkNotValid:
        raise
    except DeskError as error:
        add_desk_error(form, error)
        return False
    return True


def _private(page: str, status: int) -> Response:
    """The address of the page has a secret, which must not be sent on or stored."""
    response = make_response(page, status)
    response.headers["Referrer-Policy"] = "no-referrer"
    return response
