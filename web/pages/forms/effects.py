"""Preview of a form's effect before it is submitted: while typing, or by a button without JavaScript."""

from collections.abc import Callable
from dataclasses import dataclass, field

from flask import render_template, request

from engine.errors import DeskError
from web.pages.context import actor, desk
from web.pages.forms.base import DeskForm, add_desk_error
from web.pages.wording.impact import effect_lines
from web.pages.wording.request_impact import Line
from workflows.core.transaction import Transaction
from workflows.reports.impact_preview import preview_impact

REASON_PLACEHOLDER = "Not given yet"
"""Stands in for the reason in a preview: no effect depends on it."""


@dataclass(frozen=True, slots=True)
class EffectPreview:
    """The effect of the form `form_name`, or `error`: why it cannot be computed."""

    form_name: str
    lines: list[Line] = field(default_factory=list)
    error: str = ""


def preview_effect(
    form_name: str,
    form: DeskForm,
    use_case: Callable[[], Callable[[Transaction], object] | None],
    *,
    own_contract: str | None = None,
) -> EffectPreview:
    """Preview what `use_case` would change, once the form is valid; a reason is not required yet.

    `own_contract` is the id of the contract that the page shows.
    """
    if "reason" in form:
        form["reason"].validators = ()
    act = use_case() if form.validate_on_submit() else None
    try:
        if act is not None:
            return EffectPreview(form_name, effect_lines(preview_impact(desk(), actor(), act), own_contract))
    except DeskError as error:
        add_desk_error(form, error)
    return EffectPreview(form_name, error=typed_errors(form))


def effect_response(preview: EffectPreview, page: Callable[[], str]) -> str:
    """The effect as a fragment for htmx, otherwise the whole page."""
    if "HX-Request" in request.headers:
        return render_template("parts/effect.html", effect=preview)
    return page()


def typed_errors(form: DeskForm) -> str:
    """Errors of the fields that have a value; empty fields are not reported yet."""
    typed = [field for field in form if any(field.raw_data or [])]
    return " ".join([*form.form_errors, *(str(words) for field in typed for words in field.errors)])
