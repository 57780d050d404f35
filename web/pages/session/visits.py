"""From where the pages are visited: the client's address, the browser, and the cookie of a known device."""

from flask import request
from werkzeug.wrappers import Response

from web.pages.session.preferences import A_YEAR_SECONDS
from workflows.users.sessions import Visit

DEVICE_COOKIE = "coverdesk_device"
LONGEST_SECRET = 100


def visit() -> Visit:
    """The visit that the current call is part of."""
    secret = request.cookies.get(DEVICE_COOKIE, "")
    return Visit(
        address=request.remote_addr or "",
        user_agent=request.headers.get("User-Agent", ""),
        device=secret if 0 < len(secret) <= LONGEST_SECRET else None,
    )


def store_device(response: Response, secret: str) -> Response:
    """Let the browser keep the device's secret, so that it is known at the next login."""
    response.set_cookie(
        DEVICE_COOKIE,
        secret,
        max_age=A_YEAR_SECONDS,
        httponly=True,
        samesite="Lax",
        secure=request.is_secure,
    )
    return response
