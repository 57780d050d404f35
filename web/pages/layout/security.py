"""What every answer tells the browser: where things may come from, and what must not be kept.

Source: OWASP Secure Headers; the policy allows nothing but our own files, and Pico's `data:` arrows.
"""

from flask import Flask, Response, request

POLICY = "; ".join(
    [
        "default-src 'self'",
        "img-src 'self' data:",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "object-src 'none'",
    ]
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
A_YEAR = "public, max-age=31536000, immutable"


def policy_with_styles(nonce: str) -> str:
    """The policy of a page whose editor writes its own style sheet: that one is known by its nonce."""
    return f"{POLICY}; style-src 'self' 'nonce-{nonce}'"


def register_headers(app: Flask) -> None:
    """Put the headers on every answer, those of errors too."""
    app.after_request(add_headers)


def add_headers(response: Response) -> Response:
    """The security headers, unless an answer brought its own; pages with people's data are never stored."""
    headers = response.headers
    # one pass: `setdefault` raises and catches an exception for each header that is not there
    present = {name.lower() for name, _ in headers}
    for name, value in HEADERS.items():
        if name.lower() not in present:
            headers.add(name, value)
    if request.is_secure and "strict-transport-security" not in present:
        headers.add("Strict-Transport-Security", "max-age=31536000")
    if request.endpoint == "static":
        if "v" in request.args and response.status_code == 200:
            headers["Cache-Control"] = A_YEAR
    elif "cache-control" not in present:
        headers.add("Cache-Control", "no-store")
    return response
