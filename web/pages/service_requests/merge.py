"""Merging a service request into another one, and splitting it again, with a preview of what moves."""

from collections.abc import Callable

from flask import Blueprint, flash, render_template
from werkzeug.wrappers import Response
from wtforms import TextAreaField

from web.languages import gettext, lazy_text
from web.pages.context import actor, desk
from web.pages.forms.base import KeyedForm, attempt_once
from web.pages.forms.effects import REASON_PLACEHOLDER, effect_response, preview_effect
from web.pages.layout.list_links import keep_list
from web.pages.service_requests.detail import MergeForm, redirect_to_request, request_page
from web.pages.service_requests.numbers import request_with
from web.pages.wording.impact import effect_lines
from workflows.commands.service_requests import MergeRequest, SplitRequest
from workflows.core.transaction import Transaction
from workflows.lifecycle.service_requests.merged import require_merged
from workflows.reports.impact_preview import preview_impact
from workflows.service_requests.queries import read_service_request
from workflows.work.merging import MERGERS, merge_requests, split_request

pages = Blueprint("request_merge", __name__, url_prefix="/requests")
keep_list(pages, "service_request_id")


class SplitForm(KeyedForm):
    reason = TextAreaField(
        lazy_text("Reason"), description=lazy_text("Shown in the activity of both requests.")
    )


@pages.post("/<service_request_id>/merge")
def merge(service_request_id: str) -> tuple[str, int] | Response:
    form = MergeForm(prefix="merge_")
    if form.validate_on_submit():
        command = _merge_command(form, form.reason.data)
        left = command and attempt_once(
            form, lambda tx: merge_requests(tx, service_request_id, command), command
        )
        if left:
            flash(gettext("Merged: this request remains, and both numbers lead here."), "success")
            return redirect_to_request(left)
    return request_page(service_request_id, merge=form), 422


@pages.post("/<service_request_id>/merge/effect")
def merge_effect(service_request_id: str) -> str:
    """Preview what the merge would change."""
    form = MergeForm(prefix="merge_")

    def use_case() -> Callable[[Transaction], object] | None:
        command = _merge_command(form, REASON_PLACEHOLDER)
        return None if command is None else lambda tx: merge_requests(tx, service_request_id, command)

    shown = preview_effect("merge", form, use_case)
    return effect_response(shown, lambda: request_page(service_request_id, effect=shown, merge=form))


@pages.route("/<merged_id>/split", methods=["GET", "POST"])
def split(merged_id: str) -> tuple[str, int] | Response:
    """Preview what splitting a merged request off would change, and do it."""
    form = SplitForm()
    if form.validate_on_submit():
        command = form.command(SplitRequest, {"reason": form.reason.data})
        if command and attempt_once(form, lambda tx: split_request(tx, merged_id, command), command):
            with desk().read(actor()) as tx:
                number = read_service_request(tx, merged_id).number
            flash(gettext("%(number)s is a request of its own again.", number=number), "success")
            return redirect_to_request(merged_id)
    with desk().read(actor()) as tx:
        tx.require(*MERGERS)
        merged = require_merged(tx, merged_id)
        left = read_service_request(tx, merged_id)
    effects = preview_impact(desk(), actor(), lambda tx: split_request(tx, merged_id, SplitRequest()))
    page = render_template(
        "service_requests/split.html",
        form=form,
        merged=merged,
        request_view=left,
        lines=effect_lines(effects),
    )
    return page, 422 if form.has_errors else 200


def _merge_command(form: MergeForm, reason: str | None) -> MergeRequest | None:
    return form.command(MergeRequest, {"into": request_with(form.into.data), "reason": reason})
