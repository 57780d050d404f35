"""API routes of settings and billing activation."""

from typing import Any

from web.api.queries import ListQuery, PageQuery, Query, Text
from web.api.routing import RouteGroup, TextResponse, WithVersion
from workflows.administration import activation, logo, time_zone_change
from workflows.administration import settings as setting_use_cases
from workflows.commands.administration import ActivateBilling, NewLogo
from workflows.core.settings import RetentionMonths, Settings
from workflows.core.transaction import Transaction
from workflows.people import retention
from workflows.views import Page
from workflows.views.administration import (
    ChecklistView,
    LogoView,
    SettingChangeView,
    SettingsPreview,
    TimeZoneChangeView,
)
from workflows.views.people import RetentionPreview

MAX_LOGO_BODY_BYTES = 2 * 1024 * 1024
"""A logo in base64, and some space around it; one that is too large by little is an error of its field."""

settings, billing = RouteGroup("Settings"), RouteGroup("Billing")


class ChangesQuery(ListQuery):
    """Filters of the settings' audit trail. `key` is the name of a setting."""

    key: Text | None = None


class TimeZoneQuery(Query):
    """An IANA time zone."""

    time_zone: Text


class RetentionQuery(Query):
    """Numbers of months by setting, to try; the others are those of the settings."""

    mail_retention_months: RetentionMonths | None = None
    billing_mail_retention_months: RetentionMonths | None = None


class ChecklistQuery(PageQuery):
    """Paging of the items without an owner."""


@settings.get("/settings")
def read_settings(tx: Transaction) -> WithVersion[Settings]:
    """Return all settings."""
    return WithVersion(setting_use_cases.read_settings(tx), setting_use_cases.settings_version(tx))


@settings.patch("/settings", body=Settings)
def change_settings(
    tx: Transaction, command: dict[str, Any], expected_version: int | None
) -> WithVersion[Settings]:
    """Change settings; nested objects are merged. For administrators.

    `contracts: true` is refused: POST /billing/activate switches contracts on. `contracts: false` switches
    them off and deletes no record.
    """
    changed = setting_use_cases.change_settings(tx, command, expected_version)
    return WithVersion(changed, setting_use_cases.settings_version(tx))


@settings.post("/settings/preview", body=Settings, reads=True, conflicts=False)
def preview_settings(tx: Transaction, command: dict[str, Any]) -> SettingsPreview:
    """Return what these changes would do: which settings change, and which open targets move by them.

    A new holiday or other business hours move open service level targets; those that were met or missed stay.
    Nothing is saved. For administrators.
    """
    return setting_use_cases.preview_settings(tx, command)


@settings.get("/settings/retention-preview")
def preview_retention(tx: Transaction, query: RetentionQuery) -> RetentionPreview:
    """Return what retention would remove now of each kind of records. Nothing is removed.

    By the settings, or by the numbers of months that are given; 0 removes none. For administrators.
    """
    return RetentionPreview(items=retention.preview_retention(tx, query.given()))


@settings.get("/settings/time-zone-change")
def preview_time_zone_change(tx: Transaction, query: TimeZoneQuery) -> TimeZoneChangeView:
    """Return what would move, and what would stay, if this became the provider's time zone.

    Contracts keep the days that they were sold with, in their own `time_zone`.
    """
    return time_zone_change.preview_time_zone_change(tx, query.time_zone)


@settings.get("/settings/changes")
def list_setting_changes(tx: Transaction, query: ChangesQuery) -> Page[SettingChangeView]:
    """List the audit trail of the settings: who changed what and when, newest first."""
    return setting_use_cases.list_setting_changes(tx, **query.given())


@settings.get("/settings/logo", media_type="image/*", may_be_missing=True)
def read_logo(tx: Transaction) -> TextResponse:
    """Return the company's logo as a picture, PNG or JPEG as it was sent."""
    found = logo.read_logo(tx)
    return TextResponse(found.content, found.media_type)


@settings.post("/settings/logo", max_body_bytes=MAX_LOGO_BODY_BYTES)
def store_logo(tx: Transaction, command: NewLogo) -> LogoView:
    """Store the company's logo, in place of an earlier one: PNG or JPEG, in base64. For administrators."""
    stored = logo.store_logo(tx, command.picture)
    return LogoView(stored.media_type, len(stored.content))


@settings.delete("/settings/logo", may_be_missing=True)
def delete_logo(tx: Transaction) -> None:
    """Delete the company's logo. For administrators."""
    logo.delete_logo(tx)


@billing.get("/billing/checklist")
def read_billing_checklist(tx: Transaction, query: ChecklistQuery) -> ChecklistView:
    """Return the activation checklist: each step, done or open, and one page of the global items."""
    return activation.billing_checklist(tx, **query.given())


@billing.post("/billing/activate")
def activate_billing(tx: Transaction, command: ActivateBilling) -> ChecklistView:
    """Save the given settings and switch contracts on. For administrators.

    While a step of the checklist is open, the call is refused, names the open steps and changes nothing.
    If contracts are already on, only the settings are saved.
    """
    return activation.activate_billing(tx, command)
