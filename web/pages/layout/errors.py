"""Refusals as pages: what happened, and what to do now."""

from dataclasses import dataclass

from flask import Response, current_app, make_response, render_template

from engine.errors import DeskError
from web.pages.context import desk


@dataclass(frozen=True, slots=True)
class ErrorText:
    """A status in words: what it means to whoever reads it, and what they can do."""

    title: str
    detail: str
    remedy: str


ERROR_TEXTS = {
    400: ErrorText(
        "This could not be understood",
        "The address or the form that was sent is not one of the desk's.",
        "Go back, load the page again and repeat what you did.",
    ),
    401: ErrorText("Please sign in", "This page is for those who are signed in.", "Sign in and try again."),
    403: ErrorText(
        "This is not yours to do",
        "Your role does not have this page or this action.",
        "Ask someone who has the role, or an administrator to give it to you.",
    ),
    404: ErrorText(
        "There is nothing here",
        "The page or the record is not there, or it is not yours to see.",
        "Check the address, or look the record up by its number, name or mail.",
    ),
    405: ErrorText(
        "This address takes no such call",
        "It was opened in a way that it does not know.",
        "Go back to the desk.",
    ),
    409: ErrorText(
        "The state it is in forbids this",
        "Something changed meanwhile, or this step does not come next.",
        "Open the record again: it offers what is allowed now.",
    ),
    412: ErrorText(
        "Someone was faster",
        "The record was changed since you opened it.",
        "Open it again and repeat your change.",
    ),
    413: ErrorText("This is too much", "What was sent is larger than the desk takes.", "Send less at once."),
    422: ErrorText(
        "This cannot be taken", "Something in what was sent is not right.", "Go back and mend it."
    ),
    429: ErrorText("Too many tries", "The desk is waiting for a moment.", "Wait a little, then try again."),
    500: ErrorText(
        "The desk made a mistake",
        "It is in the log with its time. Nothing was half-saved: what you did is done whole or not at all.",
        "Try again. If it happens again, tell an administrator the time shown below.",
    ),
    503: ErrorText(
        "The desk is not ready",
        "No rule set is in force yet, or the database cannot be reached.",
        "Try again in a moment, or ask an administrator to look at the desk's health.",
    ),
}


def refusal_page(status: int, error: DeskError | None = None) -> Response:
    """The page of a status; a DeskError brings its own words and remedy."""
    known = ERROR_TEXTS.get(status) or ERROR_TEXTS[500 if status >= 500 else 400]
    text = known
    if error is not None:
        text = ErrorText(known.title, error.detail, error.remedy or known.remedy)
    if status >= 500:
        return make_response(_failure_page(text, status), status)
    return make_response(render_template("layout/errors/error.html", text=text, status=status), status)


def _failure_page(text: ErrorText, status: int) -> str:
    """The page of a desk that fails: drawn without the context that would ask its database again."""
    failed_at = desk().clock.now().strftime("%Y-%m-%d %H:%M:%S UTC")
    template = current_app.jinja_env.get_template("layout/errors/failure.html")
    return template.render(text=text, status=status, failed_at=failed_at)
