"""The interfaces: pages, REST API, command line. Each parses its input, calls one use case and responds."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask

    from web.environment import Environment
    from workflows.core.desk import Desk

MAX_BODY_BYTES = 1024 * 1024


def create_app(desk: "Desk", environment: "Environment") -> "Flask":
    """Create the Flask application of one desk: pages, API and operations endpoints."""
    # imported here, as this package is also that of the command line: `coverdesk --help` needs none of it
    from flask import Flask
    from werkzeug.middleware.proxy_fix import ProxyFix

    from web.api import register_api
    from web.errors import register_errors
    from web.hosts import OwnHostsOnly, own_hosts
    from web.languages import register_languages
    from web.operations import register_operations
    from web.pages import register_pages
    from web.payment_notices import register_payment_notices
    from web.static_files import register_static_files
    from web.url_rules import LazyRule

    app = Flask(__name__)
    app.url_rule_class = LazyRule
    # no view is asynchronous; to inspect each function is 80 of the 2,000 Python calls of a covered request
    app.ensure_sync = lambda func: func  # type: ignore[method-assign]
    # A URL with doubled slashes is a 404: redirecting it would drop the request body.
    app.url_map.merge_slashes = False
    app.config.update(
        SECRET_KEY=environment.session_key,
        MAX_CONTENT_LENGTH=MAX_BODY_BYTES,
        MAX_FORM_MEMORY_SIZE=MAX_BODY_BYTES,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=environment.is_https,
    )
    app.extensions["coverdesk"] = desk
    app.extensions["coverdesk.environment"] = environment
    app.wsgi_app = OwnHostsOnly(app.wsgi_app, own_hosts(environment))  # type: ignore[method-assign]
    if environment.trusted_proxies:
        count = environment.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=count, x_proto=count, x_host=count)  # type: ignore[method-assign]
    register_static_files(app)
    register_errors(app)
    register_operations(app)
    register_api(app)
    register_languages(app)
    register_pages(app)
    register_payment_notices(app)
    return app
