"""A quote by the link in its mail: whoever has the link reads it and decides, without a login."""

from functools import partial

from flask import Blueprint, flash, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response
from wtforms import HiddenField, StringField, TextAreaField
from wtforms.validators import InputRequired

from engine.errors import DeskError
from web.languages import gettext, lazy_text
from web.pages.context import desk
from web.pages.forms.base import DeskForm, add_desk_error
from web.pages.selling.quotes import DECISIONS, acceptance_text
from web.pages.wording.billing import percent_text, reason_text
from web.pages.wording.formats import decimal_text
from workflows.core.actors import NOBODY
from workflows.selling.quote_decisions import QuoteLinkNotValid, decide_by_link, find_link
from workflows.selling.quote_queries import read_linked_quote

pages = Blueprint("quote_link", __name__)
LONGEST_NAME, LONGEST_COMMENT = 200, 2000


class LinkForm(DeskForm):
    link = HiddenField()
    name = StringField(lazy_text("Your name"), [InputRequired(lazy_text("This field is required."))])
    comment = TextAreaField(lazy_text("Comment"))


@pages.route("/quote", methods=["GET", "POST"])
def quote() -> Response:
    """Opening a link changes nothing: mail programs open links too. Only the form decides, once."""
    form = LinkForm(data={"link": request.args.get("link", "")})
    secret = str(form.link.data or "")
    try:
        with desk().read(NOBODY) as tx:
            link = find_link(tx, secret)
            shown = read_linked_quote(tx, link.quote_id, link.number)
        decision = DECISIONS.get(request.form.get("decision", ""))
        if decision is not None and form.validate_on_submit():
            name, comment = str(form.name.data).strip(), str(form.comment.data or "").strip()
            if not 0 < len(name) <= LONGEST_NAME:
                wrong = gettext("Enter your name, of at most %(most)s characters.", most=LONGEST_NAME)
                form.add_error("/name", wrong)
            elif len(comment) > LONGEST_COMMENT:
                form.add_error(
                    "/comment", gettext("Enter at most %(most)s characters.", most=LONGEST_COMMENT)
                )
            elif _decides(form, secret, name, comment, decision):
                accepted = gettext("The quote is accepted. Thank you.")
                declined = gettext("The quote is declined. Thank you.")
                flash(accepted if decision == "accepted" else declined, "success")
                return redirect(url_for("quote_link.quote", link=secret))
    except QuoteLinkNotValid as error:
        return _private(render_template("selling/quotes/link_not_valid.html", error=error), 410)
    version = shown.versions[0]
    page = render_template(
        "selling/quotes/link.html",
        form=form,
        quote=shown,
        version=version,
        acceptance=acceptance_text(shown, version),
        decimal=decimal_text,
        percent=percent_text,
        reason_text=reason_text,
    )
    return _private(page, 422 if form.has_errors else 200)


def _decides(form: LinkForm, secret: str, name: str, comment: str, decision: str) -> bool:
    """Decide; returns whether it was done, and adds the error to the form if not."""
    use_case = partial(
        decide_by_link,
        secret=secret,
        name=name,
        comment=comment or None,
        decision=DECISIONS["accept" if decision == "accepted" else "decline"],
        address=request.remote_addr or "",
    )
    try:
        desk().perform(NOBODY, use_case)
    except QuoteLinkNotValid:
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
