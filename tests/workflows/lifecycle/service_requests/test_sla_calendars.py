"""Service levels in named calendars and with public holidays, and the data that gave each target."""

import json
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from engine.rulebook import RuleSetRefused
from tests.support.api import ApiClients
from tests.support.builders import RULES
from tests.support.sample_desk import SampleDesk
from tests.support.web_clients import WebClients
from workflows.administration.settings import change_settings, preview_settings
from workflows.core.errors import InvalidInput
from workflows.lifecycle.service_requests.sla_data import read_calendar_data
from workflows.operations.time_zone_data import calendar_data
from workflows.rule_sets.closures import import_closures
from workflows.service_requests.queries import read_service_request
from workflows.store import tables as t
from workflows.views.service_requests import ServiceRequestView

BERLIN = ZoneInfo("Europe/Berlin")
WORK = [["09:00", "17:00"]]
WEEK = dict.fromkeys(("mon", "tue", "wed", "thu", "fri"), WORK)
ICELAND = {"id": "iceland", "label": "Iceland", "weekly": WEEK, "holidays": [
    {"country": "IS", "categories": ["half_day"], "hours": [["09:00", "12:00"]]}, {"country": "IS"},
]}  # fmt: skip
HOUR = timedelta(hours=1)
OLD_DATA = "tzdata 2024a, holidays 0.60"
CLOSED_ON_WEDNESDAY = (
    "BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:x\nBEGIN:VEVENT\nUID:1\nDTSTAMP:20260101T000000Z\n"
    "DTSTART;VALUE=DATE:20260304\nDTEND;VALUE=DATE:20260305\nEND:VEVENT\nEND:VCALENDAR\n"
)


def level_in(calendar: str, response: int = 960, resolution: int = 4800) -> str:
    """The levels with a standard one that counts in a calendar."""
    file = json.loads((RULES / "slas.json").read_text())
    standard = next(one for one in file["slas"] if one["id"] == "standard")
    standard["calendar"] = calendar
    for target in standard["targets"].values():
        target.update(response_minutes=response, resolution_minutes=resolution)
    return json.dumps({**file, "examples": []})


def with_calendars(sample: SampleDesk, *calendars: dict[str, Any], level: str | None) -> None:
    given = json.dumps({"calendars": list(calendars)})
    sample.publish_rules(calendars=given, slas=level_in(level or "business_hours"))


def seen(sample: SampleDesk, request: str) -> ServiceRequestView:
    return sample.see(read_service_request, request)


def covered(sample: SampleDesk) -> str:
    sample.sell("subscription", sla="standard")
    return sample.log()


def local(at: datetime | None) -> str:
    assert at is not None
    return at.astimezone(BERLIN).strftime("%Y-%m-%d %H:%M")


@pytest.fixture
def in_berlin(sample: SampleDesk) -> SampleDesk:
    sample.set(time_zone="Europe/Berlin")
    return sample


def test_a_level_counts_in_a_named_calendar(in_berlin: SampleDesk) -> None:
    """Two days of eight hours, and ten, over Easter in Iceland."""
    sample = in_berlin
    with_calendars(sample, ICELAND, level="iceland")
    sample.clock.at = datetime(2026, 4, 1, 9, tzinfo=BERLIN)  # Wednesday; Thursday and Friday are holidays
    view = seen(sample, covered(sample))
    assert local(view.response_due_at) == "2026-04-07 17:00"  # Monday is one, too
    assert view.response_minutes_left == 960
    assert view.response_due_data == view.resolution_due_data == calendar_data()
    sample.clock.at = datetime(2026, 12, 23, 15, tzinfo=BERLIN)
    # two hours, three of the half day, and eight and three after Christmas
    assert local(seen(sample, sample.log()).response_due_at) == "2026-12-29 12:00"


def test_closures_imported_into_a_calendar_move_open_targets(in_berlin: SampleDesk) -> None:
    sample = in_berlin
    with_calendars(sample, ICELAND, level="iceland")
    sample.clock.at = datetime(2026, 3, 3, 9, tzinfo=BERLIN)
    request = covered(sample)
    assert local(seen(sample, request).response_due_at) == "2026-03-04 17:00"
    submitted = sample.do(import_closures, "iceland", CLOSED_ON_WEDNESDAY)
    assert submitted.moved_targets == 2
    assert local(seen(sample, request).response_due_at) == "2026-03-05 17:00"


def test_a_calendar_that_a_level_names_stays(sample: SampleDesk) -> None:
    with_calendars(sample, ICELAND, level="iceland")
    with pytest.raises(RuleSetRefused, match='"iceland" is not a valid calendar'):
        sample.publish_rules(calendars='{"calendars": []}', slas=level_in("iceland"))
    shut = {**ICELAND, "closures": [{"from": "2026-01-01T00:00:00Z", "to": "2190-01-01T00:00:00Z"}]}
    with pytest.raises(RuleSetRefused, match='The calendar "iceland" does not have as much time'):
        with_calendars(sample, shut, level="iceland")
    ending = {**ICELAND, "holidays": [{"country": "LK"}]}
    with_calendars(sample, ending, level=None)
    with pytest.raises(RuleSetRefused, match=r"not known\. There are no holidays of LK for 2027"):
        with_calendars(sample, ending, level="iceland")


# ------------------------------------------------------------------ public holidays of the business hours


def public(*entries: dict[str, Any]) -> dict[str, Any]:
    return {"work_calendar": {"public_holidays": list(entries)}}


def test_public_holidays_of_the_business_hours_move_open_targets(in_berlin: SampleDesk) -> None:
    sample = in_berlin
    with_calendars(sample, level=None)
    sample.clock.at = datetime(2026, 5, 13, 9, tzinfo=BERLIN)  # the day before Ascension Day
    request = covered(sample)
    before = seen(sample, request).response_due_at
    assert before is not None
    assert sample.see(preview_settings, public({"country": "DE"})).moved_targets.count == 2
    sample.do(change_settings, public({"country": "DE"}))
    after = seen(sample, request).response_due_at
    assert after == before + timedelta(days=1)
    half = {"country": "DE", "hours": [{"opens": "09:00", "closes": "13:00"}]}
    sample.do(change_settings, public(half))
    assert seen(sample, request).response_due_at == after - 4 * HOUR


@pytest.mark.parametrize(
    ("entry", "pointer", "said"),
    [
        ({"country": "XX"}, "/work_calendar/public_holidays/0", "no holidays of a country"),
        ({"country": "DE", "subdivision": "XX"}, "/work_calendar/public_holidays/0", "no region"),
        ({"country": "DE", "categories": ["half_day"]}, "/work_calendar/public_holidays/0", "no category"),
        ({"country": "LK"}, "/work_calendar/public_holidays", "no holidays of LK for 2027"),
    ],
)
def test_holidays_that_are_not_known_are_refused_when_they_are_set(
    sample: SampleDesk, entry: dict[str, Any], pointer: str, said: str
) -> None:
    for use_case in (change_settings, preview_settings):
        with pytest.raises(InvalidInput, match=said) as refused:
            sample.do(use_case, public(entry))
        assert refused.value.values["pointer"] == pointer
    assert sample.desk.config.settings.work_calendar.public_holidays == []


# ------------------------------------------------------------------ the data that gave a target


def computed_by_older_data(sample: SampleDesk, request: str) -> None:
    """As if older data, which had no such holiday, had given the targets of a request."""
    row = sample.request(request)
    with sample.desk.write() as tx:
        changes = {f"{one}_due_at": getattr(row, f"{one}_due_at") - timedelta(days=1) for one in TARGETS}
        tx.change(t.service_request, request, **changes, **dict.fromkeys(DATA, OLD_DATA))


TARGETS = ("response", "resolution")
DATA = tuple(f"{one}_due_data" for one in TARGETS)


def test_newer_data_moves_no_target_until_its_clock_runs_again(in_berlin: SampleDesk) -> None:
    sample = in_berlin
    with_calendars(sample, ICELAND, level="iceland")
    sample.clock.at = datetime(2026, 4, 1, 9, tzinfo=BERLIN)
    request, other = covered(sample), sample.log()
    by_data_in_use = seen(sample, request).response_due_at
    assert sample.see(read_calendar_data).other_data == 0
    computed_by_older_data(sample, request)
    computed_by_older_data(sample, other)
    as_computed = seen(sample, request).response_due_at

    found = sample.see(read_calendar_data)
    assert (found.data, found.other_data, found.differ) == (calendar_data(), 4, 4)
    first = found.targets[0]
    assert (first.service_request, first.target, first.data) == (request, "response", OLD_DATA)
    assert (first.due_at, first.would_be_due_at) == (as_computed, by_data_in_use)

    # what is no business of the targets leaves them: another level's change, a response, other settings
    sample.publish_rules(calendars=json.dumps({"calendars": [ICELAND]}), slas=level_in_gold_changed())
    sample.do(change_settings, {"auto_close_days": 3})
    sample.fire(other, "start")
    for one in (request, other):
        view = seen(sample, one)
        assert (view.response_due_at, view.resolution_due_data) == (as_computed, OLD_DATA)

    sample.fire(request, "start")
    sample.fire(request, "hold", reason="customer")
    sample.clock.move(hours=1)
    sample.fire(request, "resume")
    view = seen(sample, request)
    assert (view.response_due_at, view.response_due_data) == (as_computed, OLD_DATA)  # it was met
    assert view.resolution_due_data == calendar_data()
    left = sample.see(read_calendar_data)
    assert [(one.service_request, one.target) for one in left.targets] == [(other, "resolution")]


def level_in_gold_changed() -> str:
    file = json.loads(level_in("iceland"))
    gold = next(one for one in file["slas"] if one["id"] == "gold")
    gold["targets"]["low"]["resolution_minutes"] += 60
    return json.dumps(file)


def test_the_calendar_data_page_and_route_list_what_would_move(web: WebClients) -> None:
    sample, api = web.sample, ApiClients(web.sample)
    with_calendars(sample, ICELAND, level="iceland")
    assert "No open target would be due at another time." in web.supervisor.open("/calendar-data")
    request = covered(sample)
    computed_by_older_data(sample, request)
    page = web.supervisor.open("/calendar-data")
    number = seen(sample, request).number
    for text in (calendar_data(), OLD_DATA, number):
        assert text in page, text
    answer = api.supervisor.get("/settings/calendar-data")
    assert answer.json is not None
    assert [one["number"] for one in answer.json["targets"]] == [number] * 2
    assert api.technician.get("/settings/calendar-data").status_code == 403


def test_public_holidays_are_typed_a_line_each(web: WebClients) -> None:
    admin = web.administrator
    typed = "DE-BY; public, catholic\nIS; half_day; 09:00-12:00"
    done = admin.send(admin.open("/settings"), public_holidays=typed)
    assert "Saved." in done
    stored = web.sample.desk.refresh().settings.work_calendar.public_holidays
    assert [(one.country, one.subdivision, one.categories) for one in stored] == [
        ("DE", "BY", ["public", "catholic"]),
        ("IS", None, ["half_day"]),
    ]
    assert "No changes to save." in admin.send(done)
    wrong = admin.send(admin.open("/settings"), public_holidays="DE\nXX")
    assert "“XX”: There are no holidays of a country" in wrong
    assert "IS; half_day; 09:00-12:00" in admin.open("/settings")
