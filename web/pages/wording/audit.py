"""Events of the audit trail in words, and the page of the record that each is about."""

import json
from collections.abc import Mapping
from typing import Any

from flask import url_for

from web.pages.wording.devices import device_name
from web.pages.wording.labels import CONTRACT_ACTIONS, ROLES, readable
from workflows.operations.audit_trail import AuditEventView

USER_ACTIONS = {
    "token made": "API token created",
    "token revoked": "API token revoked",
    "logged in": "Signed in",
    "login failed": "Sign-in failed",
    "login delayed": "Sign-in delayed after failures",
    "signed out": "Signed out on all devices",
    "signed out by an administrator": "Signed out by an administrator",
    "session ended": "Session ended",
    "invitation sent": "Invitation sent",
    "reset sent": "Link for a new password sent",
    "password link shown": "Link for a new password shown to an administrator",
    "password set by link": "Password set by a link",
}
RECORD_PAGES = {
    "bank_entry": ("bank_entries.show", "bank_entry_id"),
    "bank_statement": ("bank_statements.show", "bank_statement_id"),
    "contract": ("contract.show", "contract_id"),
    "customer": ("customers.show", "customer_id"),
    "item": ("items.show", "item_id"),
    "org_unit": ("org_units.show", "org_unit_id"),
    "mail_template": ("mail_templates.edit", "key"),
    "product": ("products.show", "product_id"),
    "quote": ("quotes.show", "quote_id"),
    "service_request": ("service_request.show", "service_request_id"),
    "user": ("users.edit", "user_id"),
    "webhook": ("webhooks.show", "webhook_id"),
}
KINDS = {"login": "Unknown user", "work_entry": "Work entry"}
PURPOSES = {"invitation": "invited", "reset": "forgotten password"}
COUNTED = {
    "sessions": ("session ended", "sessions ended"),
    "tokens": ("API token revoked", "API tokens revoked"),
}
HIDDEN = frozenset({"token", "link"})
"""Ids without a page."""


def event_text(event: AuditEventView) -> str:
    """What happened: "Sign-in failed"."""
    labels = CONTRACT_ACTIONS if event.subject_kind == "contract" else USER_ACTIONS
    return labels.get(event.action) or readable(event.action).capitalize()


def event_kind(event: AuditEventView) -> str:
    """The kind of record that an event is about: "Org unit"."""
    return KINDS.get(event.subject_kind) or readable(event.subject_kind).capitalize()


def event_href(event: AuditEventView) -> str | None:
    """The page of the record that an event is about; None if it has none."""
    endpoint, name = RECORD_PAGES.get(event.subject_kind, ("", ""))
    values: dict[str, Any] = {name: event.subject_id}
    return url_for(endpoint, **values) if endpoint else None


def event_details(event: AuditEventView) -> str:
    """The details of an event as one line."""
    parts = [_detail(name, value) for name, value in event.details.items() if name not in HIDDEN]
    return ", ".join(part for part in parts if part)


def changed_terms(details: Mapping[str, Any]) -> str:
    """What changed, of the details of an event: each value before and after."""
    changes = {name: value for name, value in details.items() if isinstance(value, list) and len(value) == 2}
    return ", ".join(_detail(name, value) for name, value in changes.items())


def _detail(name: str, value: Any) -> str:
    """One detail; "" if it says nothing."""
    if name == "address":
        return f"from {value}" if value else ""
    if name == "user_agent":
        return device_name(str(value))
    if name == "known_device":
        return "known device" if value else "new device"
    if name == "password":
        return "new password" if value else ""
    if name == "seconds":
        return f"next attempt after {value} s"
    if name in COUNTED:
        one, many = COUNTED[name]
        return f"{value} {one if value == 1 else many}" if value else ""
    if name == "purpose":
        return PURPOSES.get(str(value), str(value))
    if name == "role":
        return ROLES.get(str(value), str(value))
    if name == "email":
        return str(value)
    return f"{readable(name)}: {_value(value)}"


def _value(value: Any) -> str:
    if isinstance(value, list) and len(value) == 2:
        return f"{_value(value[0])} → {_value(value[1])}"
    if isinstance(value, Mapping | list):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "–" if value is None else str(value)
