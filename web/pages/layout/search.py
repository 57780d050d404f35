"""Global search by number, name or email."""

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from web.pages.context import actor, desk
from workflows.billing.invoicing.queries import list_invoices
from workflows.contracts.queries import list_contracts
from workflows.core.actors import PRICE_ROLES
from workflows.core.transaction import Transaction
from workflows.register import list_customers, list_items, list_org_units
from workflows.selling.quote_queries import list_quotes
from workflows.service_requests.queries import list_service_requests
from workflows.users.accounts import list_customer_users, list_users
from workflows.views import Page
from workflows.views.users import UserView

SHOWN = 8

pages = Blueprint("search", __name__)


def _users(tx: Transaction, q: str) -> Page[UserView] | None:
    """Users by name or address: all to administrators, those of customers to other staff."""
    if tx.actor.role == "administrator":
        return list_users(tx, q=q, limit=SHOWN)
    return list_customer_users(tx, q=q, limit=SHOWN) if tx.actor.is_staff else None


@pages.get("/search")
def search() -> str | Response:
    q = " ".join(request.args.get("q", "").split())[:200]
    if not q:
        return render_template("layout/search.html", q="", found=None)
    with desk().read(actor()) as tx:
        number = q.upper()
        requests = list_service_requests(tx, number=number, limit=1).items
        if requests:
            return redirect(url_for("service_request.show", service_request_id=requests[0].id))
        contracts = list_contracts(tx, number=number, limit=1).items
        if contracts:
            return redirect(url_for("contract.show", contract_id=contracts[0].id))
        staff, sees_prices = tx.actor.is_staff, tx.actor.role in PRICE_ROLES
        if sees_prices:
            quotes = list_quotes(tx, number=number, limit=1).items
            if quotes:
                return redirect(url_for("quotes.show", quote_id=quotes[0].id))
            invoices = list_invoices(tx, number=number, limit=1).items
            if invoices:
                return redirect(url_for("invoice.show", invoice_id=invoices[0].id))
        found = {
            "requests": list_service_requests(tx, q=q, limit=SHOWN),
            "contracts": list_contracts(tx, q=q, limit=SHOWN),
            "quotes": list_quotes(tx, q=q, limit=SHOWN) if sees_prices else None,
            "invoices": list_invoices(tx, q=q, limit=SHOWN) if sees_prices else None,
            "customers": list_customers(tx, q=q, limit=SHOWN) if staff else None,
            "org_units": list_org_units(tx, q=q, limit=SHOWN) if staff else None,
            "items": list_items(tx, q=q, limit=SHOWN),
            "users": _users(tx, q),
        }
    return render_template("layout/search.html", q=q, found=found)
