"""Errors that the server handles itself, such as an overlong request line or a body that comes too slowly.

By default gunicorn responds with an HTML page; this module makes it respond with problem+json, as everywhere
else. The path is not known at that point.
"""

from http import HTTPStatus
from typing import Any

import gunicorn.util

from web.errors import PROBLEM_JSON, Problem

DETAILS = {
    400: "The request is not valid HTTP, or its body ended too early.",
    408: "The request did not arrive in time.",
    414: "The URL is longer than 8190 bytes.",
    429: "There are too many connections from this address.",
    431: "There are too many headers, or they are too long.",
    503: "The server has too many large requests at the moment. Try again later.",
}


def use_problem_json() -> None:
    """Make gunicorn respond to the requests it refuses with problem+json."""
    gunicorn.util.write_error = _write_problem


def problem_response(status: int, reason: str | None = None) -> bytes:
    """Return a whole response with a problem, after which the connection is closed."""
    reason = reason or HTTPStatus(status).phrase
    code = reason.lower().replace(" ", "-")
    detail = DETAILS.get(status, "The server cannot process this request.")
    body = Problem(status, code, detail).as_json().encode()
    head = (
        f"HTTP/1.1 {status} {reason}\r\nConnection: close\r\nContent-Type: {PROBLEM_JSON}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode("latin-1") + body


def _write_problem(sock: Any, status_int: int, reason: str, mesg: str) -> None:
    gunicorn.util.write_nonblock(sock, problem_response(status_int, reason))
