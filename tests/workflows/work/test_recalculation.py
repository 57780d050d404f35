"""Work that is charged again by today's terms, when someone asks for it."""

import json
from datetime import timedelta
from typing import Any

import pytest

from tests.support.sample_desk import MONDAY, SampleDesk
from workflows.commands.work import ChangeWork, RecalculateWork
from workflows.core.errors import NotAllowed, StateForbids
from workflows.reports.audit import audit_desk
from workflows.store import tables as t
from workflows.work.queries import list_work, recalculation_view
from workflows.work.recalculation import preview_recalculation, recalculate_work
from workflows.work.use_cases import change_work, preview_change

AGREED = RecalculateWork(reason="Agreed with the customer")
ALWAYS = {"all": [{"name": "worked_hour", "operator": "greater_than_or_equal_to", "value": 0}]}
QUARTERS = {"increment_minutes": 15, "scope": "service_request_day"}


def charging(percent: int) -> str:
    action = {"name": "charge_percent", "params": {"percent": percent}}
    rule = {"id": "p", "why": f"Charged at {percent} %.", "conditions": ALWAYS, "actions": [action]}
    return json.dumps({"rules": [rule], "examples": []})


def rates(per_hour_minor: int) -> str:
    action = {"name": "charge_rate", "params": {"per_hour_minor": per_hour_minor}}
    rule = {"id": "r", "why": "Agreed.", "conditions": ALWAYS, "actions": [action]}
    return json.dumps({"label": "Standard", "currency": "EUR", "rules": [rule], "examples": []})


def previewed(sample: SampleDesk, request: str) -> Any:
    return sample.see(lambda tx: recalculation_view(tx, preview_recalculation(tx, request)))


def recalculated(sample: SampleDesk, request: str) -> None:
    sample.do(recalculate_work, request, AGREED)


def split(allocations: Any) -> list[tuple[str, int]]:
    return [(one.kind, one.minutes) for one in allocations]


def worked(sample: SampleDesk) -> tuple[str, str]:
    """A contract of 100 minutes, of which a first request drew 40 and a later one 50."""
    sample.sell("support_hours", minutes=100, time_expired="ignore")
    first, second = sample.log(), sample.log()
    sample.clock.move(hours=4)
    sample.work(first, 40, at=MONDAY + timedelta(hours=1))
    sample.work(second, 50, at=MONDAY + timedelta(hours=2))
    return first, second


def test_nothing_moves_until_someone_asks_and_the_preview_is_what_happens(sample: SampleDesk) -> None:
    first, second = worked(sample)
    sample.publish_rules(charging=charging(150))
    [entry], [later] = sample.entries(first), sample.entries(second)
    assert sample.allocations(entry.id) == [("grant", 40)]
    shown = previewed(sample, first)
    [own], [moved] = shown.entries, shown.moves
    assert (own.id, own.chargeable_before, own.chargeable_after) == (entry.id, 40, 60)
    assert (split(own.before), split(own.after)) == ([("grant", 40)], [("grant", 60)])
    assert (moved.id, split(moved.before)) == (later.id, [("grant", 50)])
    assert split(moved.after) == [("grant", 40), ("ignored", 10)]
    assert sample.allocations(entry.id) == [("grant", 40)]
    recalculated(sample, first)
    assert sample.allocations(entry.id) == split(own.after)
    assert sample.allocations(later.id) == split(moved.after)
    assert sample.request(first).chargeable_minutes == 60
    [line] = [row for row in sample.rows(t.audit_event, subject_id=entry.id) if row.action == "charged again"]
    assert line.details["reason"] == AGREED.reason
    assert sample.see(audit_desk).ok


def test_work_that_is_charged_so_already_stays_as_it_is(sample: SampleDesk) -> None:
    first, _ = worked(sample)
    [before] = sample.entries(first)
    shown = previewed(sample, first)
    assert (shown.entries, shown.moves) == ([], [])
    recalculated(sample, first)
    assert sample.entries(first) == [before]


def test_entries_are_rounded_together_as_the_settings_say_today(sample: SampleDesk) -> None:
    sample.sell("support_hours", minutes=600)
    request = sample.log()
    sample.clock.move(hours=4)
    for hours, minutes in ((2, 5), (1, 6), (3, 20)):
        sample.work(request, minutes, at=MONDAY + timedelta(hours=hours))
    sample.set(rounding=QUARTERS)
    assert [one.chargeable_after for one in previewed(sample, request).entries] == [15, 0, 30]
    recalculated(sample, request)
    sample.work(request, 1, at=MONDAY + timedelta(hours=3, minutes=30))
    entries = sorted(sample.entries(request), key=lambda row: row.started_at)
    assert [row.chargeable_minutes for row in entries] == [15, 0, 30, 0]
    assert previewed(sample, request).entries == []


def test_new_rates_change_the_price_and_no_minute(sample: SampleDesk) -> None:
    first, _ = worked(sample)
    sample.publish_rules(rate_cards__standard=rates(6_000))
    [own] = previewed(sample, first).entries
    assert (own.price_before, own.price_after.amount_minor) == (None, 4_000)
    assert own.before == own.after
    recalculated(sample, first)
    [entry] = sample.see(list_work, first).items
    assert entry.price
    assert (entry.price.amount_minor, entry.chargeable_minutes) == (4_000, 40)


def test_work_from_before_contracts_stays_undrawn(sample: SampleDesk) -> None:
    sample.set(contracts=False)
    request = sample.log()
    assert sample.work(request, 30) == []
    sample.set(contracts=True)
    assert previewed(sample, request).entries == []
    [entry] = sample.entries(request)
    assert entry.charged_by["draws"] is False


def test_who_may_and_on_what(sample: SampleDesk) -> None:
    first, _ = worked(sample)
    for who in (sample.technician, sample.finance):
        with pytest.raises(NotAllowed):
            sample.do_as(who, recalculate_work, first, AGREED)
        with pytest.raises(NotAllowed):
            sample.see_as(who, preview_recalculation, first)
    sample.do_as(sample.supervisor, recalculate_work, first, AGREED)
    cancelled = sample.log()
    sample.fire(cancelled, "cancel", reason="Not needed")
    with pytest.raises(StateForbids, match="is cancelled: what it drew stays"):
        sample.do(recalculate_work, cancelled, AGREED)


def test_one_entry_alone_is_charged_by_what_holds_today(sample: SampleDesk) -> None:
    first, second = worked(sample)
    again = ChangeWork(recalculate=True)
    [before], [later] = sample.entries(first), sample.entries(second)
    sample.do(change_work, before.id, again)
    assert sample.entries(first) == [before], "it is charged so already"
    sample.publish_rules(charging=charging(150))
    for use_case in (change_work, preview_change):
        with pytest.raises(NotAllowed):
            sample.do_as(sample.technician, use_case, before.id, again)
    shown = sample.see(preview_change, before.id, again)
    sample.do_as(sample.supervisor, change_work, before.id, again)
    [entry] = sample.entries(first)
    assert (entry.chargeable_minutes, entry.version) == (60, before.version + 1)
    assert sample.allocations(entry.id) == [("grant", 60)] == split(shown.slices)
    assert sample.allocations(later.id) == [("grant", 40), ("ignored", 10)], "by the terms that it has"
    assert sample.request(first).chargeable_minutes == 60
    sample.do(change_work, entry.id, ChangeWork(minutes=20, worked_at=MONDAY, recalculate=True))
    assert sample.allocations(entry.id) == [("grant", 30)]
    assert sample.see(audit_desk).ok
