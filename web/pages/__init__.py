"""The pages: server-rendered, complete without JavaScript."""

from importlib import import_module

from flask import Flask
from flask_wtf import CSRFProtect

from web.pages.login import register_login
from web.pages.security import register_headers
from web.pages.templating import register_templating

PAGES = (
    "account",
    "activation",
    "contract",
    "contract_acts",
    "contract_new",
    "contracts",
    "customers",
    "explorer",
    "home",
    "items",
    "jobs",
    "ledger",
    "log_request",
    "org_units",
    "outbox",
    "pickers",
    "queue",
    "replays",
    "request_coverage",
    "request_edit",
    "request_work",
    "rule_editor",
    "rules",
    "sandbox",
    "saved_filters",
    "search",
    "service_request",
    "settings",
    "uncovered",
    "users",
)
"""The modules that have a blueprint, `pages`, read when the first application is made."""


def register_pages(app: Flask) -> None:
    """Put the pages, their login and their headers on the application."""
    modules = [import_module(f"web.pages.{name}") for name in PAGES]

    # Each form checks its own token, so that one that has grown old comes back with what was typed.
    app.config.setdefault("WTF_CSRF_CHECK_DEFAULT", False)
    app.config.setdefault("WTF_CSRF_TIME_LIMIT", None)
    CSRFProtect(app)
    register_headers(app)
    register_login(app, {module.pages.name for module in modules})
    register_templating(app)
    for module in modules:
        app.register_blueprint(module.pages)
