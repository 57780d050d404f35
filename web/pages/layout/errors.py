"""Refusals as pages: what happened, and what to do now."""

from dataclasses import dataclass

from flask import Response, current_app, make_response, render_template

from engine.errors import DeskError
from web.pages.context import desk


@dataclass(frozen=True, slots=True)
class Refusal:
    """A status in words: what it means to whoever reads it, and what they can do."""

    title: str
    detail: str
    remedy: str


REFUSALS = {
    400: Refusal(
        "This could not be understood",
        "The address or the form that was sent is not one of the desk's.",
        "Go back, load the page again and repeat what you did.",
    ),
    401: Refusal("Please sign in", "This page is for those who are signed in.", "Sign in and try again."),
    403: Refusal(
        "This is not yours to do",
        "Your role does not have this page or this action.",
        "Ask someone who has the role, or an administrator to give it to you.",
    ),
    404: Refusal(
        "There is nothing here",
        "The page or the record is not there, or it is not yours to see.",
        "Check the address, or look the record up by its number, name or mail.",
    ),
    405: Refusal(
        "This address takes no such call",
        "It was opened in a way that it does not know.",
        "Go back to the desk.",
    ),
    409: Refusal(
        "The state it is in forbids this",
        "Something changed meanwhile, or this step does not come next.",
        "Open the record again: it offers what is allowed now.",
    ),
    412: Refusal(
        "Someone was faster",
        "The record was changed since you opened it.",
        "Open it again and repeat your change.",
    ),
    413: Refusal("This is too much", "What was sent is larger than the desk takes.", "Send less at once."),
    422: Refusal("This cannot be taken", "Something in what was sent is not right.", "Go back and mend it."),
    429: Refusal("Too many tries", "The desk is waiting for a moment.", "Wait a little, then try again."),
    500: Refusal(
        "The desk made a mistake",
        "It is in the log with its time. Nothing was half-saved: what you did is done whole or not at all.",
        "Try again. If it happens again, tell an administrator the time shown below.",
    ),
    503: Refusal(
        "The desk is not ready",
        "No rule set is in force yet, or the database cannot be reached.",
        "Try again in a moment, or ask an administrator to look at the desk's health.",
    ),
}


def refusal_page(status: int, error: DeskError | None = None) -> Response:
    """The page of a status; a DeskError brings its own words and remedy."""
    known = REFUSALS.get(status) or REFUSALS[500 if status >= 500 else 400]
    refusal = known
    if error is not None:
        refusal = Refusal(known.title, error.detail, error.remedy or known.remedy)
    if status >= 500:
        return make_response(_failure_page(refusal, status), status)
    return make_response(
        render_template("layout/errors/refusal.html", refusal=refusal, status=status), status
    )


def _failure_page(refusal: Refusal, status: int) -> str:
    """The page of a desk that fails: drawn without the context that would ask its database again."""
    told_at = desk().clock.now().strftime("%Y-%m-%d %H:%M:%S UTC")
    template = current_app.jinja_env.get_template("layout/errors/failure.html")
    return template.render(refusal=refusal, status=status, told_at=told_at)
