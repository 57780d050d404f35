"""What the server itself refuses before the application sees it: a line too long, headers that are none.

Its own answer is a page of HTML; ours is a problem as everywhere else. No address is known by then.
"""

from socket import socket

import gunicorn.util

from web.errors import PROBLEM_JSON, Problem

DETAILS = {
    400: "This is not HTTP as it should be.",
    414: "The address is longer than 8190 bytes.",
    431: "The headers are too many or too long.",
}


def answer_server_errors() -> None:
    """From now on gunicorn answers what it refuses with problem+json."""
    gunicorn.util.write_error = _write_problem


def _write_problem(sock: socket, status_int: int, reason: str, mesg: str) -> None:
    code = reason.lower().replace(" ", "-")
    body = (
        Problem(status_int, code, DETAILS.get(status_int, "The server does not take this call."))
        .as_json()
        .encode()
    )
    head = (
        f"HTTP/1.1 {status_int} {reason}\r\nConnection: close\r\nContent-Type: {PROBLEM_JSON}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    gunicorn.util.write_nonblock(sock, head.encode("latin-1") + body)
