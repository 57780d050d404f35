"""The audit trail: who did what, for administrators."""

from flask import Blueprint, render_template
from werkzeug.wrappers import Response

from web.languages import Texts, mark
from web.pages.context import actor, desk
from web.pages.layout.listing import all_rows, counted_page, csv_response, query_filters, wants_csv
from web.pages.wording.audit import event_text
from web.pages.wording.audit_details import event_details
from workflows.languages.texts import SOURCE, in_language
from workflows.operations.audit_trail import list_audit_events

VIEWS = Texts({"": mark("Everything"), "logins": mark("Sign-ins and users")})
CSV_HEADER = ["at", "recorded_at", "subject_kind", "subject_id", "action", "actor", "details"]

pages = Blueprint("audit", __name__, url_prefix="/audit")


@pages.get("")
def audit() -> str | Response:
    filters = query_filters("view", "q", "subject_kind", "subject_id")
    with desk().read(actor()) as tx:
        if wants_csv():
            rows = all_rows(lambda **at: list_audit_events(tx, **filters, **at))
            with in_language(SOURCE):
                table = [
                    [
                        one.at,
                        one.recorded_at,
                        one.subject_kind,
                        one.subject_id,
                        event_text(one),
                        one.actor,
                        event_details(one),
                    ]
                    for one in rows
                ]
            return csv_response("audit-trail", CSV_HEADER, table)
        page = list_audit_events(tx, **filters, **counted_page())
    return render_template("administration/audit.html", page=page, filters=filters, views=VIEWS)
