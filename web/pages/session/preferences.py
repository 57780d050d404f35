"""What a reader chose for this browser: light or dark, and whether single keys are shortcuts."""

from flask import Response, request

A_YEAR_SECONDS = 365 * 24 * 3600
THEMES = ("light", "dark")
THEME_COOKIE = "coverdesk_theme"
KEYS_COOKIE = "coverdesk_keys"


def appearance() -> str:
    """light, dark, or "" for what the system says."""
    chosen = request.cookies.get(THEME_COOKIE, "")
    return chosen if chosen in THEMES else ""


def shortcuts_are_on() -> bool:
    """Single-key shortcuts can be switched off: dictated speech sets them off by accident (WCAG 2.1.4)."""
    return request.cookies.get(KEYS_COOKIE) != "off"


def store_preferences(response: Response, *, theme: str, shortcuts: bool) -> Response:
    for name, value in ((THEME_COOKIE, theme), (KEYS_COOKIE, "" if shortcuts else "off")):
        if value:
            response.set_cookie(
                name,
                value,
                max_age=A_YEAR_SECONDS,
                httponly=True,
                samesite="Lax",
                secure=request.is_secure,
            )
        else:
            response.delete_cookie(name)
    return response
