"""Errors that gunicorn handles before the application sees the request, such as an overlong request line.

By default gunicorn responds with an HTML page; this module makes it respond with problem+json, as everywhere
else. The path is not known at that point.
"""

from socket import socket

import gunicorn.util

from web.errors import PROBLEM_JSON, Problem

DETAILS = {
    400: "The request is not valid HTTP.",
    414: "The URL is longer than 8190 bytes.",
    431: "There are too many headers, or they are too long.",
}


def use_problem_json() -> None:
    """Make gunicorn respond to the requests it refuses with problem+json."""
    gunicorn.util.write_error = _write_problem


def _write_problem(sock: socket, status_int: int, reason: str, mesg: str) -> None:
    code = reason.lower().replace(" ", "-")
    body = (
        Problem(status_int, code, DETAILS.get(status_int, "The server cannot process this request."))
        .as_json()
        .encode()
    )
    head = (
        f"HTTP/1.1 {status_int} {reason}\r\nConnection: close\r\nContent-Type: {PROBLEM_JSON}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    gunicorn.util.write_nonblock(sock, head.encode("latin-1") + body)
