"""The details of events of the audit trail in words: no codes, no ids of records, amounts in their currency.

An id is shown as the number or name of its record, and left out where it has none.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from engine.contracts import UNITS
from web.languages import Texts, gettext, mark, ngettext
from web.pages.context import zone
from web.pages.wording.devices import device_name
from web.pages.wording.disputes import KINDS as DISPUTE_KINDS
from web.pages.wording.formats import (
    amount_text,
    day_text,
    instant_text,
    minutes_text,
    money_text,
    number_text,
)
from web.pages.wording.labels import PRIORITIES, PRODUCT_KINDS, ROLES, readable
from web.posting_reasons import posting_reason
from workflows.languages.texts import NAMES as LANGUAGE_NAMES
from workflows.operations.audit_trail import AuditEventView

PURPOSES = Texts({"invitation": mark("invited"), "reset": mark("forgotten password")})
WAYS = Texts(
    {"portal": mark("in the portal"), "link": mark("by the link in the mail"), "staff": mark("by staff")}
)
INTERVALS = Texts({"month": mark("month"), "quarter": mark("quarter"), "year": mark("year")})
DETAILS = Texts(
    {
        "about": mark("about"),
        "after": mark("after"),
        "amount": mark("amount"),
        "before": mark("before"),
        "billable": mark("billable"),
        "body": mark("body"),
        "bytes": mark("bytes"),
        "chargeable": mark("chargeable"),
        "older_than": mark("older than"),
        "removed": mark("removed"),
        "city": mark("city"),
        "code": mark("code"),
        "contract": mark("contract"),
        "contract_type": mark("contract type"),
        "contracts": mark("contracts"),
        "cost": mark("cost"),
        "country": mark("country"),
        "credit_note": mark("credit note"),
        "currency": mark("currency"),
        "customer": mark("customer"),
        "deliveries": mark("deliveries"),
        "description": mark("description"),
        "disabled": mark("disabled"),
        "effective_at": mark("as of"),
        "enabled": mark("enabled"),
        "enabled_at": mark("as of"),
        "ended_at": mark("ends"),
        "entries": mark("entries"),
        "events": mark("events"),
        "every": mark("every"),
        "expires_at": mark("ends"),
        "fields": mark("changed"),
        "file": mark("file"),
        "from_on": mark("from"),
        "hash": mark("hash"),
        "holder": mark("holder"),
        "invoice": mark("invoice"),
        "invoices": mark("invoices"),
        "item": mark("item"),
        "item_type": mark("item type"),
        "kind": mark("kind"),
        "known": mark("known already"),
        "label": mark("name"),
        "language": mark("language"),
        "last_on": mark("last day"),
        "left": mark("left"),
        "level": mark("level"),
        "lines": mark("lines"),
        "matched": mark("recorded as paid"),
        "media_type": mark("media type"),
        "minutes": mark("time"),
        "months": mark("months"),
        "name": mark("name"),
        "not_billable_reason": mark("why not billable"),
        "number": mark("number"),
        "offered": mark("in the portal"),
        "open": mark("open"),
        "order_budget": mark("budget of the order"),
        "order_number": mark("order number"),
        "org_unit": mark("org unit"),
        "org_units": mark("org units"),
        "overage_rate": mark("overage rate"),
        "overlap_hours": mark("overlap hours"),
        "owner": mark("owner"),
        "parent": mark("parent"),
        "postal_code": mark("postal code"),
        "price": mark("price"),
        "priority": mark("priority"),
        "quantity": mark("quantity"),
        "quote": mark("quote"),
        "reason": mark("reason"),
        "records": mark("records"),
        "recipient": mark("recipient"),
        "rules": mark("rules"),
        "sequence": mark("number in its chain"),
        "service_request": mark("service request"),
        "sla": mark("service level"),
        "started_at": mark("begins"),
        "starts_at": mark("begins"),
        "street": mark("street"),
        "subject": mark("subject"),
        "successor": mark("successor"),
        "tax_rate": mark("tax rate"),
        "technician": mark("technician"),
        "total": mark("total"),
        "transactions": mark("transactions"),
        "type": mark("type"),
        "unit": mark("unit"),
        "until": mark("until"),
        "up_to": mark("until"),
        "url": mark("url"),
        "what": mark("what"),
        "why": mark("why"),
        "work_type": mark("work type"),
        "worked": mark("worked"),
    }
)
"""What the details of events are called, where they are often seen; others are shown by their codes."""
HIDDEN = frozenset({"approval", "delivery", "grant", "link", "sold", "token"})
"""Ids of records without a number or a page."""
LISTS = frozenset(
    {"contracts", "events", "fields", "grants", "invoices", "lines", "months", "org_units", "rules"}
)
"""Details that are lists; any other list of two is the value before and after a change."""
CHOICES: Mapping[str, Mapping[Any, str]] = {
    "about": DISPUTE_KINDS,
    "every": INTERVALS,
    "kind": PRODUCT_KINDS,
    "language": LANGUAGE_NAMES,
    "role": ROLES,
    "way": WAYS,
}
AMOUNTS = frozenset({"amount", "cost", "total"})
"""Money in minor units, as are all names that end with `_minor`."""
INSTANTS = frozenset({"up_to"})
DAYS = frozenset({"until"})
_ID = re.compile(r"(?:[a-z_]+:)?([0-9a-hjkmnp-tv-z]{26})")
_SUFFIXES = ("_minor", "_minutes", "_id")


@dataclass(frozen=True, slots=True)
class Known:
    """What a value is read by: names of records by their ids, the currency, and the unit of quantities."""

    names: Mapping[str, str] = field(default_factory=dict)
    currency: str | None = None
    unit: str | None = None


def event_details(event: AuditEventView) -> str:
    """The details of an event as one line."""
    unit = event.details.get("unit")
    measured = unit in UNITS or unit == event.currency
    known = Known(event.names, event.currency, unit if measured else None)
    unsaid = HIDDEN | ({"unit", "currency"} if measured else {"currency"})
    parts = [detail_text(name, value, known) for name, value in event.details.items() if name not in unsaid]
    return ", ".join(part for part in parts if part)


def detail_text(name: str, value: Any, known: Known | None = None) -> str:
    """One detail; "" if it says nothing."""
    if value is None or value == "None":
        return ""
    if name in _OWN_WORDS:
        return _OWN_WORDS[name](value)
    text = _value(name, value, known or Known())
    return gettext("%(name)s: %(value)s", name=_label(name, value), value=text) if text else ""


def _label(name: str, value: Any) -> str:
    if name == "number" and isinstance(value, int):
        return gettext("version")
    for suffix in _SUFFIXES:
        if name not in DETAILS:
            name = name.removesuffix(suffix)
    return DETAILS.get(name) or readable(name)


def _value(name: str, value: Any, known: Known) -> str:
    if value is None or value == "None":
        return gettext("none")
    if isinstance(value, bool):
        return gettext("yes") if value else gettext("no")
    if isinstance(value, list):
        return _listed(name, value, known)
    if isinstance(value, Mapping):
        return gettext("; ").join(
            filter(None, (detail_text(inner, one, known) for inner, one in value.items()))
        )
    return _number(name, value, known) if isinstance(value, int) else _text(name, str(value), known)


def _listed(name: str, values: list[Any], known: Known) -> str:
    if len(values) == 2 and name not in LISTS:
        before, after = (_value(name, one, known) for one in values)
        return f"{before} → {after}" if before and after else ""
    shown = (readable(one) if name == "fields" else _value(name, one, known) for one in values)
    return ", ".join(filter(None, shown))


def _number(name: str, value: int, known: Known) -> str:
    if name in AMOUNTS or name.endswith("_minor"):
        return money_text(value, known.currency)
    if name == "minutes" or name.endswith("_minutes"):
        return minutes_text(value)
    if name in ("quantity", "left") and known.unit is not None:
        return amount_text(value, known.unit, known.currency)
    return number_text(value)


def _text(name: str, value: str, known: Known) -> str:
    record = _ID.fullmatch(value)
    if record is not None:
        return known.names.get(record.group(1), "")
    if name == "priority" and value in PRIORITIES:
        return PRIORITIES[value].text
    if name in CHOICES:
        return CHOICES[name].get(value) or readable(value)
    if name in ("type", "contract_type", "sla"):
        return readable(value)
    if name in ("reason", "why", "not_billable_reason"):
        return posting_reason(value)
    return _point_in_time(name, value) or value


def _point_in_time(name: str, value: str) -> str:
    """An instant or a day in the form of the language; "" if the value is neither."""
    try:
        if name.endswith("_at") or name in INSTANTS:
            return instant_text(datetime.fromisoformat(value), zone())
        if name.endswith("_on") or name in DAYS:
            return day_text(date.fromisoformat(value))
    except ValueError:
        return ""
    return ""


_OWN_WORDS: Mapping[str, Callable[[Any], str]] = {
    "address": lambda value: gettext("from %(address)s", address=value) if value else "",
    "user_agent": lambda value: device_name(str(value)),
    "known_device": lambda value: gettext("known device") if value else gettext("new device"),
    "password": lambda value: gettext("new password") if value else "",
    "seconds": lambda value: gettext("next attempt after %(seconds)s s", seconds=value),
    "sessions": lambda value: (
        ngettext("%(num)s session ended", "%(num)s sessions ended", value) if value else ""
    ),
    "tokens": lambda value: (
        ngettext("%(num)s API token revoked", "%(num)s API tokens revoked", value) if value else ""
    ),
    "purpose": lambda value: PURPOSES.get(str(value), str(value)),
    "role": lambda value: _value("role", value, Known()),
    "email": lambda value: _value("email", value, Known()),
    "way": lambda value: WAYS.get(str(value), str(value)),
}
"""Details that need no label, since their words say what they are."""
