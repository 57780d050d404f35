"""What the templates can say: words, shapes, numbers and times, and links to where one is."""

import hashlib
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from flask import Flask, current_app, request, url_for
from flask_login import current_user
from markupsafe import Markup

from web.pages.context import desk, now, settings, zone
from web.pages.layout.balance_bars import balance_figure
from web.pages.layout.icons import icon
from web.pages.layout.navigation import navigation
from web.pages.session.preferences import appearance, shortcuts_are_on
from web.pages.session.saved_filters import narrowing, saved_filters
from web.pages.wording import formats, labels
from web.pages.wording.draw_down import split_words
from web.pages.wording.formats import amount_text
from web.pages.wording.template_labels import TemplateLabels
from workflows.coverage.explanation import why_not


@dataclass(frozen=True, slots=True)
class Who:
    """Who looks at the page."""

    name: str
    role: str
    role_word: str
    is_staff: bool


@dataclass(frozen=True, slots=True)
class Look:
    """How the page is drawn: the reader's wishes, and what the frame around it says."""

    theme: str
    shortcuts: bool
    company: str
    zone_name: str
    sandbox: bool
    clock_is_set: bool
    contracts: bool


def register_templating(app: Flask) -> None:
    """Give the templates their words."""
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True
    app.jinja_env.globals.update(
        amount_text=amount_text,
        asset=asset,
        balance_figure=balance_figure,
        day=day,
        near_day=near_day,
        duration=formats.minutes_text,
        icon=icon,
        here=here,
        may=may,
        instant_text=lambda instant: formats.instant_text(instant, zone()),
        money=money,
        navigation=navigation,
        period=lambda starts_at, expires_at: formats.period_text(starts_at, expires_at, zone()),
        narrowing_of=narrowing,
        saved_filters_of=saved_filters,
        split=split_words,
        why_not=why_not,
        spoken=labels.spoken,
        until=lambda expires_at: formats.until_text(expires_at, zone(), now()),
        when=when,
        words=TemplateLabels,
    )
    app.context_processor(_context)


def when(instant: datetime | None, missing: str = "–", *, exact: bool = False) -> Markup | str:
    """An instant as people say it, with the exact one on hover; the other way round where `exact`."""
    if instant is None:
        return missing
    full = formats.instant_text(instant, zone())
    near = formats.relative_text(instant, now(), zone())
    shown, hover = (full, near) if exact else (near, full)
    return Markup('<time datetime="{}" title="{}">{}</time>').format(
        instant.isoformat().replace("+00:00", "Z"), hover, shown
    )


def day(value: date | datetime | None) -> str:
    """The local day of an instant, or a date."""
    if value is None:
        return "–"
    if isinstance(value, datetime):
        value = value.astimezone(zone()).date()
    return formats.day_text(value)


def near_day(value: date | None) -> str:
    """A day as the year at hand makes it short: "31 Mar"."""
    return "–" if value is None else formats.day_text(value, now().astimezone(zone()).date())


def money(value: Any, currency: str | None = None) -> str:
    """Money of a view, or minor units of a currency (the desk's where none is named)."""
    if value is None:
        return "–"
    if isinstance(value, int):
        return formats.money_text(value, currency or settings().currency)
    return formats.money_text(value.amount_minor, value.currency)


def may(*roles: str) -> bool:
    """Whether who is logged in has one of the roles: only what one may do is offered."""
    return current_user.is_authenticated and current_user.actor.role in roles


def here(**changes: Any) -> str:
    """This page's address with some of its query changed; None takes a part away."""
    query: dict[str, Any] = {key: values for key, values in request.args.lists() if any(values)}
    query.update(changes)
    kept = {key: value for key, value in query.items() if value not in (None, "", [])}
    return url_for(request.endpoint or "home.home", **{**(request.view_args or {}), **kept})


def asset(name: str) -> str:
    """The address of a static file, which changes with its content, so that browsers may keep it."""
    return url_for("static", filename=name, v=_digest(str(Path(str(current_app.static_folder)) / name)))


@lru_cache(maxsize=64)
def _digest(path: str) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()[:12]


def _context() -> dict[str, Any]:
    config = desk().config
    who = None
    if current_user.is_authenticated:
        actor = current_user.actor
        role_word = labels.ROLES.get(actor.role, actor.role)
        who = Who(actor.name, actor.role, role_word, actor.is_staff)
    look = Look(
        theme=appearance(),
        shortcuts=who is not None and shortcuts_are_on(),
        company=config.settings.company.name,
        zone_name=config.settings.time_zone.replace("_", " "),
        sandbox=desk().sandbox,
        clock_is_set=config.sandbox_now is not None,
        contracts=config.settings.contracts,
    )
    return {"who": who, "look": look, "now": now()}
