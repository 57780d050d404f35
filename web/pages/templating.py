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

from web.pages import formats, words
from web.pages.figures import amount_text, balance_figure
from web.pages.glyphs import glyph
from web.pages.navigation import navigation
from web.pages.preferences import appearance, shortcuts_are_on
from web.pages.saved_filters import narrowing, saved_filters
from web.pages.shell import desk, now, settings, zone
from web.pages.split import split_words
from workflows.coverage.explanation import why_not


class Words:
    """The words of codes, as templates ask for them."""

    @staticmethod
    def request_state(code: str) -> words.Word:
        return words.word_of(words.REQUEST_STATES, code)

    @staticmethod
    def contract_state(code: str) -> words.Word:
        return words.word_of(words.CONTRACT_STATES, code)

    @staticmethod
    def contract_over(code: str) -> str:
        return words.CONTRACT_OVER.get(code, words.spoken(code))

    @staticmethod
    def pending_reason(code: str) -> str:
        return words.PENDING_REASONS.get(code, words.spoken(code))

    @staticmethod
    def would_be(code: str) -> words.Word:
        return words.word_of(words.WOULD_BE, code)

    @staticmethod
    def outcome(code: str) -> words.Word:
        return words.word_of(words.OUTCOMES, code)

    @staticmethod
    def standing(code: str) -> words.Word:
        return words.word_of(words.STANDINGS, code)

    @staticmethod
    def allocation(code: str) -> words.Word:
        return words.word_of(words.ALLOCATIONS, code)

    @staticmethod
    def priority(code: str) -> words.Word:
        return words.word_of(words.PRIORITIES, code)

    @staticmethod
    def trigger(code: str) -> str:
        return words.TRIGGERS.get(code, words.spoken(code))

    @staticmethod
    def trigger_done(code: str) -> str:
        return words.TRIGGERS_DONE.get(code, words.spoken(code))

    @staticmethod
    def holder_kind(code: str) -> str:
        return words.HOLDER_KINDS.get(code, words.spoken(code))

    @staticmethod
    def contract_type(code: str) -> str:
        rule_set = desk().config.rule_set
        known = rule_set.contract_types.get(code) if rule_set is not None else None
        return known.label if known is not None else words.spoken(code).capitalize()

    @staticmethod
    def hold_reason(code: str) -> str:
        return words.HOLD_REASONS.get(code, words.spoken(code))

    @staticmethod
    def cause(code: str) -> str:
        kind = code.partition(":")[0]
        return words.CAUSES.get(kind, words.spoken(kind))

    @staticmethod
    def contract_action(code: str) -> str:
        return words.CONTRACT_ACTIONS.get(code, words.spoken(code).capitalize())

    @staticmethod
    def movement(code: str) -> str:
        return words.MOVEMENTS.get(code, words.spoken(code).capitalize())

    @staticmethod
    def time_expired(code: str) -> str:
        return words.TIME_EXPIRED.get(code, words.spoken(code))

    @staticmethod
    def role(code: str) -> str:
        return words.ROLES.get(code, words.spoken(code))


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
        glyph=glyph,
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
        spoken=words.spoken,
        until=lambda expires_at: formats.until_text(expires_at, zone(), now()),
        when=when,
        words=Words,
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
        role_word = words.ROLES.get(actor.role, actor.role)
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
