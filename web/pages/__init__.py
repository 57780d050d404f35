"""The web pages: server-rendered, usable without JavaScript."""

from flask import Flask
from flask_wtf import CSRFProtect

from web.pages import alerts, home
from web.pages.administration import (
    accounting_periods,
    accounts,
    activation,
    audit,
    jobs,
    ledger,
    logo,
    mail_templates,
    outbox,
    retention,
    sandbox,
    settings,
    users,
    webhooks,
)
from web.pages.billing import (
    accounting_exports,
    bank_entries,
    bank_statements,
    billing_details,
    draft,
    invoice,
    invoice_list,
    pay_online,
    payments,
    recurring_sales,
    time_to_bill,
    to_invoice,
)
from web.pages.contracts import actions, holder_statement, index, sell, uncovered
from web.pages.contracts import detail as contract
from web.pages.disputes import disputes
from web.pages.disputes import statement as statement_acceptance
from web.pages.forms import pickers, typed
from web.pages.layout import search
from web.pages.layout.security import register_headers
from web.pages.layout.templating import register_templating
from web.pages.register import customers, erasure, items, org_units, personal_data
from web.pages.reports import index as reports
from web.pages.rules import closures, editor, explorer, replays, versions
from web.pages.selling import offers, products, quote_link, quotes
from web.pages.service_requests import (
    approval_link,
    approvals,
    coverage,
    edit,
    log,
    merge,
    queue,
    work,
    work_approval,
)
from web.pages.service_requests import detail as service_request
from web.pages.service_requests import sold_items as request_sold_items
from web.pages.session import account, login, password, saved_filters, sessions
from workflows.core.desk import Desk

BLUEPRINTS = (
    account.pages,
    accounting_periods.pages,
    accounts.pages,
    actions.pages,
    activation.pages,
    alerts.pages,
    approvals.pages,
    audit.pages,
    bank_entries.pages,
    accounting_exports.pages,
    bank_statements.pages,
    billing_details.pages,
    closures.pages,
    contract.pages,
    coverage.pages,
    customers.pages,
    disputes.pages,
    draft.edit_pages,
    draft.new_pages,
    edit.pages,
    erasure.pages,
    editor.pages,
    explorer.pages,
    holder_statement.pages,
    home.pages,
    index.pages,
    invoice.pages,
    invoice_list.pages,
    items.pages,
    jobs.pages,
    ledger.pages,
    log.pages,
    logo.pages,
    mail_templates.pages,
    merge.pages,
    offers.pages,
    org_units.pages,
    outbox.pages,
    payments.pages,
    personal_data.pages,
    pickers.pages,
    products.pages,
    queue.pages,
    quotes.pages,
    recurring_sales.pages,
    replays.pages,
    request_sold_items.pages,
    reports.pages,
    retention.pages,
    sandbox.pages,
    saved_filters.pages,
    search.pages,
    sell.pages,
    service_request.pages,
    sessions.pages,
    settings.pages,
    statement_acceptance.pages,
    time_to_bill.pages,
    to_invoice.pages,
    typed.pages,
    uncovered.pages,
    users.pages,
    versions.pages,
    webhooks.pages,
    work.pages,
    work_approval.pages,
)


def register_pages(app: Flask) -> None:
    """Register the pages, the login and the security headers."""
    # Each form checks its own CSRF token, so that an expired form is shown again with the typed values.
    app.config.setdefault("WTF_CSRF_CHECK_DEFAULT", False)
    app.config.setdefault("WTF_CSRF_TIME_LIMIT", None)
    CSRFProtect(app)
    register_headers(app)
    desk: Desk = app.extensions["coverdesk"]
    blueprints = (*BLUEPRINTS, pay_online.pages) if desk.payments is not None else BLUEPRINTS
    login.register_login(app, {blueprint.name for blueprint in blueprints})
    app.register_blueprint(password.pages)
    app.register_blueprint(quote_link.pages)
    app.register_blueprint(approval_link.pages)
    register_templating(app)
    for blueprint in blueprints:
        app.register_blueprint(blueprint)
