"""Display preferences stored in this browser: theme and single-key shortcuts."""

from flask import Response, request

A_YEAR_SECONDS = 365 * 24 * 3600
THEMES = ("light", "dark")
THEME_COOKIE = "coverdesk_theme"
KEYS_COOKIE = "coverdesk_keys"


def appearance() -> str:
    """light, dark, or "" for the system default."""
    chosen = request.cookies.get(THEME_COOKIE, "")
    return chosen if chosen in THEMES else ""


def shortcuts_are_on() -> bool:
    """Whether single-key shortcuts are enabled; they can be switched off for speech input (WCAG 2.1.4)."""
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
