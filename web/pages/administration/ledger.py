"""The ledger: its transactions, and the audit that recalculates every balance from them."""

from flask import Blueprint, render_template, request

from web.pages.context import actor, desk
from web.pages.layout.listing import cursor, query_filters
from workflows.ledger.audit import audit_ledger
from workflows.ledger.queries import list_ledger_transactions

pages = Blueprint("ledger", __name__, url_prefix="/ledger")


@pages.get("")
def ledger() -> str:
    filters = query_filters("kind", "contract", "service_request")
    with desk().read(actor()) as tx:
        page = list_ledger_transactions(tx, **filters, cursor=cursor())
        audit = audit_ledger(tx) if "audit" in request.args else None
    return render_template("administration/ledger.html", page=page, filters=filters, audit=audit)
