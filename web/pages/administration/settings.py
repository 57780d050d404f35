"""All settings of the desk, grouped, with the trail of who changed what when."""

from typing import Any

from flask import Blueprint, flash, redirect, render_template, url_for
from pydantic import ValidationError
from werkzeug.wrappers import Response

from web.pages.administration.settings_form import DAYS, SettingsForm, as_typed, changes
from web.pages.context import actor, desk
from web.pages.forms.base import attempt
from web.pages.layout.listing import cursor
from web.pages.wording.labels import spoken
from web.pages.wording.settings import setting_word
from workflows.administration.settings import (
    change_settings,
    list_setting_changes,
    read_settings,
    settings_version,
)

TRAIL_ROWS = 20

pages = Blueprint("settings", __name__, url_prefix="/settings")


@pages.route("", methods=["GET", "POST"])
def settings() -> tuple[str, int] | Response:
    with desk().read(actor()) as tx:
        tx.require("administrator")
        kept = read_settings(tx)
        version = settings_version(tx)
        trail = list_setting_changes(tx, limit=TRAIL_ROWS, cursor=cursor())
    form = SettingsForm(data=as_typed(kept, version))
    if form.is_submitted():
        sound = form.validate()
        wanted = changes(form, kept)
        if sound and not form.is_wrong and _store(form, wanted):
            desk().refresh()
            flash("Saved." if wanted else "Nothing was different.", "good")
            return redirect(url_for("settings.settings"))
    page = render_template(
        "administration/settings.html",
        form=form,
        kept=kept,
        trail=trail,
        days=DAYS,
        word=setting_word,
        told=_told,
    )
    return page, 422 if form.is_wrong else 200


def _store(form: SettingsForm, wanted: dict[str, Any]) -> bool:
    version = form.version.data or ""
    seen = int(version) if version.isdecimal() else None
    try:
        return attempt(form, lambda tx: change_settings(tx, wanted, seen)) is not None
    except ValidationError as error:
        form.refuse_all(error)
        return False


def _told(value: Any) -> str:
    """A setting's value in the trail."""
    if isinstance(value, bool):
        return "on" if value else "off"
    if value in (None, "", [], {}):
        return "none"
    if isinstance(value, dict):
        return "\n".join(f"{spoken(key)}: {_told(inner)}" for key, inner in value.items())
    if isinstance(value, list):
        return ", ".join(_told(inner) for inner in value)
    return str(value)
