"""The web pages: server-rendered, usable without JavaScript."""

from flask import Flask
from flask_wtf import CSRFProtect

from web.pages import alerts, home
from web.pages.administration import (
    accounting_periods,
    activation,
    audit,
    jobs,
    ledger,
    outbox,
    sandbox,
    settings,
    users,
)
from web.pages.contracts import actions, holder_statement, index, sell, uncovered
from web.pages.contracts import detail as contract
from web.pages.forms import pickers, typed
from web.pages.layout import search
from web.pages.layout.security import register_headers
from web.pages.layout.templating import register_templating
from web.pages.register import customers, items, org_units
from web.pages.rules import closures, editor, explorer, replays, versions
from web.pages.service_requests import coverage, edit, log, queue, work
from web.pages.service_requests import detail as service_request
from web.pages.session import account, login, password, saved_filters, sessions

BLUEPRINTS = (
    account.pages,
    accounting_periods.pages,
    actions.pages,
    activation.pages,
    alerts.pages,
    audit.pages,
    closures.pages,
    contract.pages,
    coverage.pages,
    customers.pages,
    edit.pages,
    editor.pages,
    explorer.pages,
    holder_statement.pages,
    home.pages,
    index.pages,
    items.pages,
    jobs.pages,
    ledger.pages,
    log.pages,
    org_units.pages,
    outbox.pages,
    pickers.pages,
    queue.pages,
    replays.pages,
    sandbox.pages,
    saved_filters.pages,
    search.pages,
    sell.pages,
    service_request.pages,
    sessions.pages,
    settings.pages,
    typed.pages,
    uncovered.pages,
    users.pages,
    versions.pages,
    work.pages,
)


def register_pages(app: Flask) -> None:
    """Register the pages, the login and the security headers."""
    # Each form checks its own CSRF token, so that an expired form is shown again with the typed values.
    app.config.setdefault("WTF_CSRF_CHECK_DEFAULT", False)
    app.config.setdefault("WTF_CSRF_TIME_LIMIT", None)
    CSRFProtect(app)
    register_headers(app)
    login.register_login(app, {blueprint.name for blueprint in BLUEPRINTS})
    app.register_blueprint(password.pages)
    register_templating(app)
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
