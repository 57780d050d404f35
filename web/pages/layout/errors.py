"""Error pages: what happened, and what to do next."""

from dataclasses import dataclass

from flask import Response, current_app, make_response, render_template

from engine.errors import DeskError
from web.languages import gettext, language, mark
from web.pages.context import desk


@dataclass(frozen=True, slots=True)
class ErrorText:
    """The text of an error page, marked for translation; that of a DeskError is in the reader's language."""

    title: str
    detail: str
    remedy: str


ERROR_TEXTS = {
    400: ErrorText(
        mark("Bad request"),
        mark("The address or the submitted form is not valid."),
        mark("Go back, reload the page and try again."),
    ),
    401: ErrorText(
        mark("Please sign in"),
        mark("You must be signed in to see this page."),
        mark("Sign in and try again."),
    ),
    403: ErrorText(
        mark("You don't have permission to do this"),
        mark("Your role does not allow this page or action."),
        mark("Ask an administrator if you need access."),
    ),
    404: ErrorText(
        mark("Not found"),
        mark("The page or record does not exist, or you do not have access to it."),
        mark("Check the address, or search for the record by number, name or email."),
    ),
    405: ErrorText(
        mark("Method not allowed"),
        mark("This address cannot be used in this way."),
        mark("Go to the overview."),
    ),
    409: ErrorText(
        mark("Not possible in the current state"),
        mark("The record has changed, or this step is not allowed now."),
        mark("Open the record again to see the actions that are allowed."),
    ),
    412: ErrorText(
        mark("Changed by someone else"),
        mark("The record has been changed since you opened it."),
        mark("Open it again and repeat your change."),
    ),
    413: ErrorText(
        mark("Too much data"), mark("The submitted data is too large."), mark("Submit less data at once.")
    ),
    422: ErrorText(
        mark("Invalid input"),
        mark("Some of the submitted data is not valid."),
        mark("Go back and correct it."),
    ),
    429: ErrorText(
        mark("Too many attempts"),
        mark("Please wait before trying again."),
        mark("Wait a moment, then try again."),
    ),
    500: ErrorText(
        mark("Something went wrong"),
        mark("The error has been logged. Your action was either completed or not carried out at all."),
        mark("Try again. If it happens again, give an administrator the time shown below."),
    ),
    503: ErrorText(
        mark("Service not ready"),
        mark("No rule set is in force yet, or the database cannot be reached."),
        mark("Try again in a moment, or ask an administrator to check the system health."),
    ),
}


def refusal_page(status: int, error: DeskError | None = None) -> Response:
    """The error page for a status; a DeskError provides its own detail and remedy."""
    known = ERROR_TEXTS.get(status) or ERROR_TEXTS[500 if status >= 500 else 400]
    text = ErrorText(gettext(known.title), gettext(known.detail), gettext(known.remedy))
    if error is not None:
        text = ErrorText(text.title, error.detail, error.remedy or text.remedy)
    if status >= 500:
        return make_response(_failure_page(text, status), status)
    return make_response(render_template("layout/errors/error.html", text=text, status=status), status)


def _failure_page(text: ErrorText, status: int) -> str:
    """The page for a 5xx error, rendered without the template context, which would read the database."""
    failed_at = desk().clock.now().strftime("%Y-%m-%d %H:%M:%S UTC")
    template = current_app.jinja_env.get_template("layout/errors/failure.html")
    return template.render(text=text, status=status, failed_at=failed_at, language=language())
