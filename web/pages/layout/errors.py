"""Error pages: what happened, and what to do next."""

from dataclasses import dataclass

from flask import Response, current_app, make_response, render_template

from engine.errors import DeskError
from web.pages.context import desk


@dataclass(frozen=True, slots=True)
class ErrorText:
    """The text of an error page."""

    title: str
    detail: str
    remedy: str


ERROR_TEXTS = {
    400: ErrorText(
        "Bad request",
        "The address or the submitted form is not valid.",
        "Go back, reload the page and try again.",
    ),
    401: ErrorText("Please sign in", "You must be signed in to see this page.", "Sign in and try again."),
    403: ErrorText(
        "You don't have permission to do this",
        "Your role does not allow this page or action.",
        "Ask an administrator if you need access.",
    ),
    404: ErrorText(
        "Not found",
        "The page or record does not exist, or you do not have access to it.",
        "Check the address, or search for the record by number, name or email.",
    ),
    405: ErrorText("Method not allowed", "This address cannot be used in this way.", "Go to the overview."),
    409: ErrorText(
        "Not possible in the current state",
        "The record has changed, or this step is not allowed now.",
        "Open the record again to see the actions that are allowed.",
    ),
    412: ErrorText(
        "Changed by someone else",
        "The record has been changed since you opened it.",
        "Open it again and repeat your change.",
    ),
    413: ErrorText("Too much data", "The submitted data is too large.", "Submit less data at once."),
    422: ErrorText("Invalid input", "Some of the submitted data is not valid.", "Go back and correct it."),
    429: ErrorText("Too many attempts", "Please wait before trying again.", "Wait a moment, then try again."),
    500: ErrorText(
        "Something went wrong",
        "The error has been logged. Your action was either completed or not carried out at all.",
        "Try again. If it happens again, give an administrator the time shown below.",
    ),
    503: ErrorText(
        "Service not ready",
        "No rule set is in force yet, or the database cannot be reached.",
        "Try again in a moment, or ask an administrator to check the system health.",
    ),
}


def refusal_page(status: int, error: DeskError | None = None) -> Response:
    """The error page for a status; a DeskError provides its own detail and remedy."""
    known = ERROR_TEXTS.get(status) or ERROR_TEXTS[500 if status >= 500 else 400]
    text = known
    if error is not None:
        text = ErrorText(known.title, error.detail, error.remedy or known.remedy)
    if status >= 500:
        return make_response(_failure_page(text, status), status)
    return make_response(render_template("layout/errors/error.html", text=text, status=status), status)


def _failure_page(text: ErrorText, status: int) -> str:
    """The page for a 5xx error, rendered without the template context, which would read the database."""
    failed_at = desk().clock.now().strftime("%Y-%m-%d %H:%M:%S UTC")
    template = current_app.jinja_env.get_template("layout/errors/failure.html")
    return template.render(text=text, status=status, failed_at=failed_at)
