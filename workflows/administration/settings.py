"""The settings: reading, changing, and their audit trail. Source: product.md section 3."""

from dataclasses import replace
from typing import Any

from sqlalchemy import Row, func, insert, select, update

from engine.public_holidays import CHECKED_YEAR, NoHolidayData, holidays_in
from engine.sla import BUSINESS_HOURS, unreachable_target
from workflows.core.actors import OFFICE, STAFF
from workflows.core.config_version import bump_generation, config_in_force
from workflows.core.currencies import require_currency
from workflows.core.errors import StateForbids, VersionChanged, invalid
from workflows.core.paging import Sort, read_page
from workflows.core.settings import Settings
from workflows.core.transaction import Transaction
from workflows.languages.texts import gettext
from workflows.lifecycle.contracts.given_terms import unbillable_rule
from workflows.lifecycle.service_requests.opened_uncovered import open_uncovered, waiting_while_off
from workflows.lifecycle.service_requests.sla import service_levels
from workflows.lifecycle.service_requests.sla_changes import move_open_targets, preview_moved_targets
from workflows.store import tables as t
from workflows.store.ids import new_id
from workflows.views import DEFAULT_LIMIT, Page
from workflows.views.administration import SettingChangeView, SettingsPreview

change = t.setting_change


def read_settings(tx: Transaction) -> Settings:
    """The settings in force; technicians see no prices. Raises: NotAllowed for customers."""
    tx.require(*STAFF)
    if tx.actor.role == "technician":
        return tx.settings.model_copy(update={"default_overage_rate_minor": None})
    return tx.settings


def settings_version(tx: Transaction) -> int:
    """The version of the settings: the number of changes so far."""
    return int(tx.connection.execute(select(func.count()).select_from(change)).scalar_one())


def change_settings(
    tx: Transaction, changes: dict[str, Any], expected_version: int | None = None
) -> Settings:
    """Merge the changes into the settings, including nested objects; each change is recorded in the trail.

    `contracts: false` switches contracts off and deletes nothing; requests that wait for one open without it.

    Raises:
        NotAllowed: the actor is no administrator.
        pydantic.ValidationError: a value is not valid; it names each field.
        StateForbids: `contracts: true`, which is only possible by activating billing.
        InvalidInput: an overage rate is 0, the currency has been given up, or contracts are on and
            `time_expired_contract` would become empty.
        VersionChanged: the settings do not have the expected version.

    Source: product.md section 3.
    """
    tx.require("administrator")
    _refuse_control_characters(changes, "")
    settings = config_in_force(tx, to_change=True).settings
    if expected_version is not None and settings_version(tx) != expected_version:
        raise VersionChanged(
            gettext("The settings have been changed in the meantime."),
            remedy=gettext("Read them again and repeat the change."),
        )
    if changes.get("default_overage_rate_minor") == 0:
        raise invalid(
            "/default_overage_rate_minor",
            gettext("The price of an hour cannot be 0."),
            gettext("Give an amount above zero, or null for no price."),
        )
    changed = settings.merged(changes)
    if changed.currency != settings.currency:
        require_currency(tx, changed.currency, "/currency")
    if changed.contracts and not settings.contracts:
        raise StateForbids(
            gettext("Contracts are off. They can only be switched on by activating billing."),
            remedy=gettext(
                "See GET /api/v1/billing/checklist for open steps, then POST /api/v1/billing/activate."
            ),
            pointer="/contracts",
            state="contracts_off",
        )
    if changed.contracts and changed.time_expired_contract is None:
        raise invalid(
            "/time_expired_contract",
            gettext("While contracts are on, the treatment of time after a contract ends must be chosen."),
            gettext("Use rollover, ignore or bill."),
        )
    store_settings(tx, settings, changed)
    if settings.contracts and not changed.contracts:
        for row in tx.connection.execute(waiting_while_off()).all():
            open_uncovered(tx, row.id)
    return changed


def preview_settings(tx: Transaction, changes: dict[str, Any]) -> SettingsPreview:
    """What saving these changes would change, and the open service level targets that it would move.

    Nothing is stored. Raises: NotAllowed; pydantic.ValidationError; InvalidInput, as `change_settings`.
    """
    tx.require("administrator")
    _refuse_control_characters(changes, "")
    changed = tx.settings.merged(changes)
    if changed.currency != tx.settings.currency:
        require_currency(tx, changed.currency, "/currency")
    if changed.business_hours != tx.settings.business_hours:
        _require_reachable_targets(tx, changed)
    levels = service_levels(tx.config.rule_set, changed)
    before, after = tx.settings.model_dump(mode="json"), changed.model_dump(mode="json")
    return SettingsPreview(
        changed=[key for key in after if after[key] != before[key]],
        moved_targets=preview_moved_targets(tx, levels),
    )


def list_setting_changes(
    tx: Transaction,
    *,
    key: str | None = None,
    order: str = "-changed_at",
    limit: int = DEFAULT_LIMIT,
    cursor: str | None = None,
    counted: bool = False,
) -> Page[SettingChangeView]:
    """A page of the settings' audit trail, newest first. Raises: NotAllowed; InvalidInput."""
    tx.require(*OFFICE)
    statement = select(change) if key is None else select(change).where(change.c.key == key)
    return read_page(
        tx,
        statement,
        _change_view,
        orders={"changed_at": Sort(change.c.changed_at)},
        by_id=change.c.id,
        order=order,
        limit=limit,
        cursor=cursor,
        counted=counted,
    )


def list_changed_settings(tx: Transaction) -> list[str]:
    """The keys of the settings that have ever been changed, in alphabetical order. Raises: NotAllowed."""
    tx.require(*OFFICE)
    return list(tx.connection.execute(select(change.c.key).distinct().order_by(change.c.key)).scalars())


def _refuse_control_characters(value: Any, pointer: str) -> None:
    """Refuse characters in settings that a database or a document cannot contain."""
    if isinstance(value, dict):
        for key, inner in value.items():
            _refuse_control_characters(key, pointer)
            _refuse_control_characters(inner, f"{pointer}/{key}")
    elif isinstance(value, list):
        for position, inner in enumerate(value):
            _refuse_control_characters(inner, f"{pointer}/{position}")
    elif isinstance(value, str) and any(ord(char) < 32 and char not in "\n\r\t" for char in value):
        raise invalid(pointer, gettext("It contains control characters; send plain text."))


def store_settings(tx: Transaction, old: Settings, new: Settings) -> None:
    """Store what differs, with its trail; other business hours move the targets that are open.

    Raises: InvalidInput for business hours, or an end of billing, with which no request could be logged, and
    for a currency that is not that of a rate card with prices.
    """
    if new.business_hours != old.business_hours or (new.contracts and not old.contracts):
        _require_reachable_targets(tx, new)
    _require_billable_rules(tx, new)
    if new.currency != old.currency:
        _require_rates_in(tx, new.currency)
    rules = tx.config.rule_set
    move_open_targets(
        tx, service_levels(rules, old), service_levels(rules, new), why="business hours changed"
    )
    before, after = old.model_dump(mode="json"), new.model_dump(mode="json")
    changed = [key for key in after if after[key] != before[key]]
    for key in changed:
        stored = tx.connection.execute(
            update(t.setting).where(t.setting.c.key == key).values(value=after[key])
        )
        if stored.rowcount == 0:
            tx.connection.execute(insert(t.setting), {"key": key, "value": after[key]})
        tx.add(
            change,
            id=new_id(),
            key=key,
            old_value=before[key],
            new_value=after[key],
            changed_by=tx.actor.name,
            changed_at=tx.now,
        )
    if changed:
        bump_generation(tx)
        tx.config = replace(tx.config, settings=new)


def _require_billable_rules(tx: Transaction, settings: Settings) -> None:
    """Raise InvalidInput if a coverage rule in force could no longer create its contract."""
    rules = tx.config.rule_set
    rule_id = unbillable_rule(settings, rules) if rules is not None else None
    if rule_id is not None:
        raise invalid(
            "/default_overage_rate_minor" if settings.invoices else "/invoices",
            gettext(
                "The coverage rule %(rule_id)s creates contracts that bill expired time: that needs "
                "invoices and the price of an hour.",
                rule_id=rule_id,
            ),
            gettext("Publish rules without it first."),
        )


def _require_rates_in(tx: Transaction, currency: str) -> None:
    """Raise InvalidInput if a rate card in force has prices in another currency."""
    rules = tx.config.rule_set
    for name, card in rules.rate_cards.items() if rules is not None else ():
        if card.rules and card.currency != currency:
            raise invalid(
                "/currency",
                gettext(
                    "The rate card %(name)s has prices in %(currency)s.", name=name, currency=card.currency
                ),
                gettext("Publish it in %(currency)s, or without rules, first.", currency=currency),
            )


def _require_reachable_targets(tx: Transaction, settings: Settings) -> None:
    """Raise InvalidInput if a service level's target is never due by these business hours."""
    _require_known_holidays(settings)
    levels = service_levels(tx.config.rule_set, settings)
    by_hours = {id: sla for id, sla in levels.slas.items() if sla.calendar == BUSINESS_HOURS}
    found = unreachable_target(by_hours, levels.calendars, tx.now)
    if found is None:
        return
    if found.no_data is not None:
        raise invalid("/work_calendar/public_holidays", found.no_data.detail, found.no_data.remedy)
    if found.sla is None:
        raise invalid(
            "/work_calendar/weekly",
            gettext("The desk is never open: a service request would have no target."),
            gettext("Give opening hours on at least one weekday that is not a holiday."),
        )
    raise invalid(
        "/work_calendar/weekly",
        gettext(
            "The desk is open for less time in 20 years than the service level %(label)s gives to resolve "
            "priority %(priority)s.",
            label=found.sla.label,
            priority=found.priority,
        ),
        gettext("Give more hours, or publish rules with fewer minutes."),
    )


def _require_known_holidays(settings: Settings) -> None:
    """Raise InvalidInput for a country, region or category of which there are no holidays.

    It is asked when it is set, not whenever settings are read: later data may know a country no longer, and
    the rest of the settings stays readable.
    """
    for place, entry in enumerate(settings.work_calendar.public_holidays):
        one = entry.of_engine
        try:
            holidays_in(one.country, one.subdivision, one.categories, CHECKED_YEAR)
        except NoHolidayData as error:
            raise invalid(f"/work_calendar/public_holidays/{place}", error.detail, error.remedy) from None


def _change_view(row: Row[Any]) -> SettingChangeView:
    return SettingChangeView(
        key=row.key,
        old_value=row.old_value,
        new_value=row.new_value,
        changed_by=row.changed_by,
        changed_at=row.changed_at,
    )
