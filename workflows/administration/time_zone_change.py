"""What a change of the provider's time zone would move, and what would stay. Source: product.md section 3."""

from datetime import datetime

from sqlalchemy import func, select

from engine.periods import first_instant_of, local_date
from engine.service_requests import UNFINISHED_STATES
from engine.sla import ALWAYS
from workflows.core.actors import OFFICE
from workflows.core.errors import invalid
from workflows.core.settings import Settings, is_time_zone
from workflows.core.transaction import Transaction
from workflows.languages.texts import gettext
from workflows.lifecycle.contracts.rows import has_not_ended
from workflows.store import tables as t
from workflows.views.administration import TimeZoneChangeView, ZoneCount

c, r = t.contract, t.service_request


def preview_time_zone_change(tx: Transaction, time_zone: str) -> TimeZoneChangeView:
    """What would follow if this IANA time zone became the provider's; nothing is changed.

    Contracts that have not ended keep the days that they were sold with. Instants are aware UTC.
    Raises: NotAllowed for technicians and customers; InvalidInput for an unknown time zone.
    """
    tx.require(*OFFICE)
    if not is_time_zone(time_zone):
        raise invalid(
            "/time_zone", gettext("It is not an IANA time zone."), gettext("Write for example Europe/Berlin.")
        )
    before = tx.settings
    after = before.merged({"time_zone": time_zone})
    return TimeZoneChangeView(
        from_time_zone=before.time_zone,
        to_time_zone=time_zone,
        unchanged_contracts=_unchanged_contracts(tx),
        moved_targets=_targets_in_business_hours(tx),
        month_starts_at=_month_start(tx, before),
        new_month_starts_at=_month_start(tx, after),
    )


def _unchanged_contracts(tx: Transaction) -> list[ZoneCount]:
    """The contracts that have not ended, by the time zone in which they were sold."""
    counted = select(c.c.time_zone, func.count()).where(has_not_ended(tx)).group_by(c.c.time_zone)
    rows = tx.connection.execute(counted.order_by(c.c.time_zone))
    return [ZoneCount(row[0], row[1]) for row in rows]


def _targets_in_business_hours(tx: Transaction) -> int:
    """The unfinished requests with a target in a calendar whose days are those of the time zone."""
    if tx.config.rule_set is None:
        return 0
    by_hours = [one.id for one in tx.rules.slas.values() if one.calendar != ALWAYS]
    wanted = (r.c.sla.in_(by_hours), r.c.resolution_due_at.is_not(None), r.c.state.in_(UNFINISHED_STATES))
    return int(tx.connection.execute(select(func.count()).select_from(r).where(*wanted)).scalar_one())


def _month_start(tx: Transaction, settings: Settings) -> datetime:
    return first_instant_of(local_date(tx.now, settings.zone).replace(day=1), settings.zone)
