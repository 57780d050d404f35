"""Template globals: labels, icons, formatted values and links."""

import hashlib
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from flask import Flask, current_app, request, url_for
from flask_login import current_user
from markupsafe import Markup

from web.languages import language
from web.pages.context import desk, now, own_zone, settings, zone
from web.pages.layout.balance_bars import balance_figure
from web.pages.layout.compiled_templates import compiled_templates
from web.pages.layout.icons import icon
from web.pages.layout.list_links import list_href, list_query
from web.pages.layout.navigation import navigation
from web.pages.session.preferences import appearance, shortcuts_are_on
from web.pages.session.saved_filters import filter_query, saved_filters
from web.pages.wording import formats, labels
from web.pages.wording.adjustments import adjustment_text
from web.pages.wording.audit import event_href, event_kind, event_text
from web.pages.wording.audit_details import event_details
from web.pages.wording.billing import SOLD_KINDS, quantity_text, unit_text
from web.pages.wording.devices import device_name
from web.pages.wording.draw_down import allocation_text, not_billable_text, segment_text
from web.pages.wording.formats import amount_text
from web.pages.wording.lists import pager_text
from web.pages.wording.settings import rounding_text
from web.pages.wording.template_labels import TemplateLabels
from web.posting_reasons import posting_reason
from workflows.billing.sold.sold_texts import description_text
from workflows.coverage.explanation import why_not


@dataclass(frozen=True, slots=True)
class Viewer:
    """The logged-in user."""

    name: str
    role: str
    role_label: str
    is_staff: bool


@dataclass(frozen=True, slots=True)
class Site:
    """Context of the page layout: the user's preferences and the deployment's settings."""

    language: str
    theme: str
    shortcuts: bool
    company: str
    zone_name: str
    own_zone_name: str
    sandbox: bool
    clock_is_set: bool
    contracts: bool


def register_templating(app: Flask) -> None:
    """Register the template globals and the context processor."""
    app.jinja_env.bytecode_cache = compiled_templates()
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True
    app.jinja_env.globals.update(
        amount_text=amount_text,
        asset=asset,
        balance_figure=balance_figure,
        day=day,
        short_day=short_day,
        duration=formats.minutes_text,
        icon=icon,
        counted=formats.counted_text,
        pager_text=pager_text,
        current_url=current_url,
        device_name=device_name,
        event_details=event_details,
        event_href=event_href,
        event_kind=event_kind,
        event_text=event_text,
        has_role=has_role,
        list_href=list_href,
        list_query=list_query,
        instant_text=lambda instant: formats.instant_text(instant, zone()),
        hover_text=hover_text,
        money=money,
        navigation=navigation,
        period=contract_period,
        filter_query=filter_query,
        saved_filters_of=saved_filters,
        adjustment_text=adjustment_text,
        allocation_text=allocation_text,
        not_billable_text=not_billable_text,
        why_not=why_not,
        unit_text=unit_text,
        quantity_text=quantity_text,
        sold_text=description_text,
        posting_reason=posting_reason,
        readable=labels.readable,
        sold_kinds=SOLD_KINDS,
        rounding_text=rounding_text,
        segment_text=lambda segment: segment_text(segment, zone()),
        until=contract_end_text,
        when=when,
        waited=waited,
        # logins happen in real time, also where the clock is set
        when_real=lambda instant: when(instant, since=desk().clock.now()),
        labels=TemplateLabels,
    )
    app.context_processor(_context)


def contract_period(starts_at: datetime, expires_at: datetime | None, time_zone: str) -> str:
    """The first and the last day of a contract or a grant, in the contract's time zone."""
    return formats.period_text(starts_at, expires_at, ZoneInfo(time_zone))


def contract_end_text(expires_at: datetime | None, time_zone: str) -> str:
    """ "until 31 Mar": the last day of a contract, in its time zone."""
    return formats.until_text(expires_at, ZoneInfo(time_zone), now())


def when(
    instant: datetime | None,
    missing: str = "–",
    *,
    exact: bool = False,
    since: datetime | None = None,
    time_zone: str | None = None,
) -> Markup | str:
    """A relative time with the exact time as tooltip, or the reverse if `exact`; `since` defaults to now.

    A day far away is that of `time_zone`, which defaults to the provider's; the tooltip is in the reader's.
    """
    if instant is None:
        return missing
    shown_in = ZoneInfo(time_zone) if time_zone else zone()
    full = formats.instant_text(instant, shown_in)
    near = formats.relative_text(instant, since or now(), shown_in)
    own = own_zone()
    hover = formats.instant_text(instant, own) if own is not None else full
    shown = full if exact else near
    if exact:
        hover = f"{hover} ({near})" if own is not None else near
    return Markup('<time datetime="{}" title="{}">{}</time>').format(
        instant.isoformat().replace("+00:00", "Z"), hover, shown
    )


def hover_text(instant: datetime) -> str:
    """An instant in the reader's time zone, as the tooltip of a shorter text."""
    return formats.instant_text(instant, own_zone() or zone())


def waited(since: datetime) -> Markup:
    """For how long something has waited, in days however many, with the exact time as tooltip."""
    return Markup('<time datetime="{}" title="{}">{}</time>').format(
        since.isoformat().replace("+00:00", "Z"),
        hover_text(since),
        formats.ago_text(since, now()),
    )


def day(value: date | datetime | None) -> str:
    """The local day of an instant, or a date."""
    if value is None:
        return "–"
    if isinstance(value, datetime):
        value = value.astimezone(zone()).date()
    return formats.day_text(value)


def short_day(value: date | None) -> str:
    """A date without the year if it is the current year: "31 Mar"."""
    return "–" if value is None else formats.day_text(value, now().astimezone(zone()).date())


def money(value: Any, currency: str | None = None) -> str:
    """Format a money value, or minor units in `currency` (default: the configured currency)."""
    if value is None:
        return "–"
    if isinstance(value, int):
        return formats.money_text(value, currency or settings().currency)
    return formats.money_text(value.amount_minor, value.currency)


def has_role(*roles: str) -> bool:
    """Whether the logged-in user has one of the roles."""
    return current_user.is_authenticated and current_user.actor.role in roles


def current_url(**changes: Any) -> str:
    """The URL of this page with changed query parameters; None removes a parameter."""
    query: dict[str, Any] = {key: values for key, values in request.args.lists() if any(values)}
    query.update(changes)
    query_left = {key: value for key, value in query.items() if value not in (None, "", [])}
    return url_for(request.endpoint or "home.home", **{**(request.view_args or {}), **query_left})


def asset(name: str) -> str:
    """The URL of a static file, with a content hash so that browsers can cache it permanently."""
    return url_for("static", filename=name, v=_digest(str(Path(str(current_app.static_folder)) / name)))


@lru_cache(maxsize=64)
def _digest(path: str) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()[:12]


def _context() -> dict[str, Any]:
    config = desk().config
    viewer = None
    if current_user.is_authenticated:
        actor = current_user.actor
        role_label = labels.ROLES.get(actor.role, actor.role)
        viewer = Viewer(actor.name, actor.role, role_label, actor.is_staff)
    site = Site(
        language=language(),
        theme=appearance(),
        shortcuts=viewer is not None and shortcuts_are_on(),
        company=config.settings.company.name,
        zone_name=config.settings.time_zone.replace("_", " "),
        own_zone_name=own.key.replace("_", " ") if (own := own_zone()) is not None else "",
        sandbox=desk().sandbox,
        clock_is_set=config.sandbox_now is not None,
        contracts=config.settings.contracts,
    )
    return {"viewer": viewer, "site": site, "now": now()}
