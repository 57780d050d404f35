"""What an event of a contract's history changed, in words."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from web.languages import gettext
from web.pages.context import zone
from web.pages.wording.audit_details import detail_text
from web.pages.wording.formats import amount_text, day_text, instant_text, money_text
from web.pages.wording.impact import exclusions_text
from web.pages.wording.labels import OVERAGE_POLICIES, TIME_EXPIRED, readable
from web.pages.wording.limits import limit_text
from workflows.views import MoneyView
from workflows.views.contracts import AuditLine, ContractDetail, NotToExceedView

UNSAID = frozenset({"currency"})
"""Terms that only say what others are in."""


def changed_terms(line: AuditLine, contract: ContractDetail) -> str:
    """What an event changed: "Price: €1,200.00 → €1,100.00, as of 15 Nov 2026, 01:00 CET"."""
    texts = _terms(contract)
    parts = []
    for name, value in line.details.items():
        if name in UNSAID or not isinstance(value, list) or len(value) != 2:
            continue
        if name in texts:
            label, text = texts[name]
            parts.append(
                gettext(
                    "%(term)s: %(before)s → %(after)s",
                    term=label,
                    before=text(value[0]),
                    after=text(value[1]),
                )
            )
        else:
            parts.append(detail_text(name, value))
    quantity, unit = line.details.get("quantity"), line.details.get("unit")
    if isinstance(quantity, int) and isinstance(unit, str):
        amount = amount_text(abs(quantity), unit, contract.balance.money.currency)
        parts.append(f"{'−' if quantity < 0 else '+'}{amount}")
    effective_at = _instant(line.details.get("effective_at"))
    if effective_at is not None and effective_at != line.at:
        parts.append(gettext("as of %(instant)s", instant=instant_text(effective_at, zone())))
    return ", ".join(parts)


def _terms(contract: ContractDetail) -> Mapping[str, tuple[str, Callable[[Any], str]]]:
    """The label of each term by its name in the audit trail, and how its values are shown."""
    currency, area = contract.balance.money.currency, ZoneInfo(contract.time_zone)

    def money(minor: int | None) -> str:
        return money_text(minor, currency) if minor is not None else gettext("none")

    def last_day(end: str | None) -> str:
        at = _instant(end)
        return day_text((at - timedelta(microseconds=1)).astimezone(area).date()) if at else gettext("none")

    def limit(value: Mapping[str, Any] | None) -> str:
        if value is None:
            return gettext("no limit")
        minor = value.get("amount_minor")
        amount = MoneyView(minor, currency) if minor is not None else None
        return limit_text(NotToExceedView(value["per"], value.get("minutes"), amount))

    return {
        "holder": (gettext("Holder"), str),
        "price_minor": (gettext("Price"), money),
        "overage_rate_minor": (gettext("Overage rate"), money),
        "sla": (gettext("Service level"), lambda value: readable(value).capitalize() or gettext("none")),
        "time_expired": (
            gettext("After the end"),
            lambda value: TIME_EXPIRED.get(value or "") or gettext("as in the settings"),
        ),
        "exclusions": (gettext("Excluded"), lambda value: exclusions_text(value or {})),
        "overage": (
            gettext("Work beyond what it pays"),
            lambda value: OVERAGE_POLICIES[value] if value else gettext("as in the settings"),
        ),
        "not_to_exceed": (gettext("Not to exceed"), limit),
        "expires_at": (gettext("Last day"), last_day),
    }


def _instant(text: object) -> datetime | None:
    return datetime.fromisoformat(text) if isinstance(text, str) else None
