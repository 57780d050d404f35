"""Settings and the activation of billing over HTTP."""

from typing import Any

from web.api.queries import ListQuery, PageQuery, Text
from web.api.routing import RouteGroup, Versioned
from workflows.administration import activation
from workflows.administration import settings as setting_use_cases
from workflows.commands.administration import ActivateBilling
from workflows.core.settings import Settings
from workflows.core.transaction import Transaction
from workflows.views import Page
from workflows.views.administration import ChecklistView, SettingChangeView

settings, billing = RouteGroup("Settings"), RouteGroup("Billing")


class ChangesQuery(ListQuery):
    """`key` is the name of a setting."""

    key: Text | None = None


class ChecklistQuery(PageQuery):
    """The page of the items that have no owner."""


@settings.get("/settings")
def read_settings(tx: Transaction) -> Versioned[Settings]:
    """All settings in force."""
    return Versioned(setting_use_cases.read_settings(tx), setting_use_cases.settings_version(tx))


@settings.patch("/settings", body=Settings)
def change_settings(
    tx: Transaction, command: dict[str, Any], expected_version: int | None
) -> Versioned[Settings]:
    """Change settings; nested objects merge. For administrators.

    `contracts: true` is refused: POST /billing/activate switches contracts on. `contracts: false` switches
    them off and keeps every record. `invoices: true` before that activation is a wish that it fulfils.
    """
    changed = setting_use_cases.change_settings(tx, command, expected_version)
    return Versioned(changed, setting_use_cases.settings_version(tx))


@settings.get("/settings/changes")
def list_setting_changes(tx: Transaction, query: ChangesQuery) -> Page[SettingChangeView]:
    """The settings' audit trail: who changed what when; the newest first."""
    return setting_use_cases.list_setting_changes(tx, **query.given())


@billing.get("/billing/checklist")
def read_billing_checklist(tx: Transaction, query: ChecklistQuery) -> ChecklistView:
    """What the activation asks for, done or left, and the global items, page by page."""
    return activation.billing_checklist(tx, **query.given())


@billing.post("/billing/activate")
def activate_billing(tx: Transaction, command: ActivateBilling) -> ChecklistView:
    """Switch contracts on, taking the settings that come along. For administrators.

    While something is left of the checklist it is refused with what that is, and nothing is changed.
    Where contracts are on, only the settings are taken.
    """
    return activation.activate_billing(tx, command)
