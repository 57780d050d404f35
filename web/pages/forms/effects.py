"""What a form would do, shown before it is sent: as one types, and by a button without JavaScript."""

from collections.abc import Callable
from dataclasses import dataclass, field

from flask import render_template, request

from engine.errors import DeskError
from web.pages.context import actor, desk
from web.pages.forms.base import DeskForm, add_refusal
from web.pages.wording.impact import Line, effect_lines
from workflows.core.transaction import Transaction
from workflows.reports.impact_preview import preview_impact

UNTOLD = "Not told yet"
"""The reason of what is only shown: no effect depends on it."""


@dataclass(frozen=True, slots=True)
class Shown:
    """The effect of the form `of`, or `trouble`: why it cannot be told."""

    of: str
    lines: list[Line] = field(default_factory=list)
    trouble: str = ""


def effect_shown(
    of: str,
    form: DeskForm,
    use_case: Callable[[], Callable[[Transaction], object] | None],
    *,
    own: str | None = None,
) -> Shown:
    """The effect of what `use_case` makes of the form, once that can be read; a reason need not be given yet.

    `own` is the contract that the page is about.
    """
    if "reason" in form:
        form["reason"].validators = ()
    act = use_case() if form.validate_on_submit() else None
    try:
        if act is not None:
            return Shown(of, effect_lines(preview_impact(desk(), actor(), act), own))
    except DeskError as error:
        add_refusal(form, error)
    return Shown(of, trouble=_trouble(form))


def effect_answer(shown: Shown, page: Callable[[], str]) -> str:
    """The effect alone where htmx asks for it, else the whole page."""
    if "HX-Request" in request.headers:
        return render_template("parts/effect.html", effect=shown)
    return page()


def _trouble(form: DeskForm) -> str:
    """What is wrong with what was typed; what is not filled in yet is not wrong yet."""
    typed = [field for field in form if any(field.raw_data or [])]
    return " ".join([*form.form_errors, *(str(words) for field in typed for words in field.errors)])
