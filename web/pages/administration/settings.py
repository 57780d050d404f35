"""The settings page, with the history of changes."""

from collections.abc import Iterable
from typing import Any

from flask import Blueprint, flash, redirect, render_template, url_for
from pydantic import ValidationError
from werkzeug.wrappers import Response

from web.languages import gettext
from web.pages.administration.business_hours import unconfirmed_hours
from web.pages.administration.retention import RETENTION_KINDS, unconfirmed_retention
from web.pages.administration.setting_values import value_text
from web.pages.administration.settings_form import (
    DAYS,
    SettingsForm,
    add_settings_errors,
    changes,
    settings_form,
)
from web.pages.administration.time_zone import unconfirmed_change
from web.pages.context import actor, desk
from web.pages.forms.base import succeeds_once
from web.pages.layout.listing import all_rows, counted_page, csv_response, query_filters, wants_csv
from web.pages.wording.formats import number_text
from web.pages.wording.settings import setting_label
from web.pages.wording.time_zone_change import time_zone_change_text
from workflows.administration.settings import (
    change_settings,
    list_changed_settings,
    list_setting_changes,
    read_settings,
    settings_version,
)
from workflows.languages.texts import SOURCE, in_language
from workflows.views.administration import SettingChangeView, TimeZoneChangeView
from workflows.views.people import RetentionView
from workflows.views.sla import MovedTargets

HISTORY_ROWS = 20

pages = Blueprint("settings", __name__, url_prefix="/settings")


@pages.route("", methods=["GET", "POST"])
def settings() -> tuple[str, int] | Response:
    with desk().read(actor()) as tx:
        tx.require("administrator")
        stored = read_settings(tx)
        version = settings_version(tx)
        filters = query_filters("key")
        if wants_csv():
            history_rows = all_rows(lambda **at: list_setting_changes(tx, **filters, **at))
            return _history_csv(history_rows, stored.currency)
        history = list_setting_changes(tx, **filters, limit=HISTORY_ROWS, **counted_page())
        changed_keys = list_changed_settings(tx)
    form = settings_form(stored, version)
    change: TimeZoneChangeView | None = None
    moved: MovedTargets | None = None
    removed: list[RetentionView] = []
    if form.is_submitted():
        valid = form.validate()
        wanted = changes(form, stored)
        if valid and not form.has_errors:
            change = unconfirmed_change(form, wanted.get("time_zone"))
            moved = unconfirmed_hours(form, wanted)
            removed = unconfirmed_retention(form, wanted)
        if not valid or form.has_errors:
            add_settings_errors(form, stored, wanted)
        elif change is None and moved is None and not removed and _store(form, wanted):
            desk().refresh()
            flash(gettext("Saved.") if wanted else gettext("No changes to save."), "success")
            return redirect(url_for("settings.settings"))
    page = render_template(
        "administration/settings.html",
        form=form,
        stored=stored,
        history=history,
        filters=filters,
        changed_keys=changed_keys,
        days=DAYS,
        time_zone_change=change,
        moved_targets=moved,
        removed=removed,
        retention_kinds=RETENTION_KINDS,
        number=number_text,
        change_text=time_zone_change_text,
        setting_label=setting_label,
        value_text=value_text,
        currency=stored.currency,
    )
    return page, 422 if form.has_errors else 200


def _history_csv(changes: Iterable[SettingChangeView], currency: str) -> Response:
    with in_language(SOURCE):
        rows = [
            (
                one.changed_at.isoformat(),
                one.key,
                value_text(one.key, one.old_value, currency),
                value_text(one.key, one.new_value, currency),
                one.changed_by,
            )
            for one in changes
        ]
    return csv_response("settings", ["changed_at", "setting", "from", "to", "changed_by"], rows)


def _store(form: SettingsForm, wanted: dict[str, Any]) -> bool:
    version = form.version.data or ""
    seen = int(version) if version.isdecimal() else None
    try:
        return succeeds_once(form, lambda tx: change_settings(tx, wanted, seen))
    except ValidationError as error:
        form.add_validation_errors(error)
        return False
