"""Security headers of every response.

Source: OWASP Secure Headers. The content security policy allows only our own files and Pico's `data:` images.
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
    """The policy of a page whose editor injects a style sheet, allowed by its nonce."""
    return f"{POLICY}; style-src 'self' 'nonce-{nonce}'"


def register_headers(app: Flask) -> None:
    """Add the headers to every response, including errors."""
    app.after_request(add_headers)


def add_headers(response: Response) -> Response:
    """Add missing security headers; pages may not be cached, since they contain personal data."""
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
