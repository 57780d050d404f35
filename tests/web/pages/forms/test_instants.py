"""A form gives back exactly the instants that it was given, and asks where a local time is not clear."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from engine.periods import first_instant_of
from tests.support.pages import Page
from tests.support.web_clients import WebClients
from workflows.commands.work import WorkGiven
from workflows.store import tables as t
from workflows.work.use_cases import log_work

ZONES = (
    "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/St_Johns", "Asia/Kathmandu",
    "Africa/Casablanca", "Pacific/Apia", "America/Sao_Paulo", "Africa/Monrovia", "UTC",
)  # fmt: skip
PHASES = (Phase.generate,)
"""Not shrunk: the desk is shared by all examples, which makes that slow."""
LEDGER = (t.ledger_transaction, t.ledger_posting, t.work_allocation, t.grant_balance, t.work_entry)
SECOND_0245 = datetime(2026, 10, 25, 1, 45, tzinfo=UTC)
"""02:45 in Berlin, after the clocks have gone back."""


def late_front(web: WebClients) -> str:
    """Set the clock to the end of 2026; return a request that is covered by much time since 1971."""
    web.sample.clock.at = datetime(2026, 12, 31, tzinfo=UTC)
    start = datetime(1971, 1, 1, tzinfo=UTC)
    web.sample.sell("support_hours", minutes=5_000_000, starts_at=start)
    return web.sample.log()


def changes_of_offset(zone: ZoneInfo, year: int) -> list[datetime]:
    """The whole hours of a year after which the offset is another."""
    start = first_instant_of(datetime(year, 1, 1).date(), zone)  # noqa: DTZ001
    hours = [start + timedelta(hours=hour) for hour in range(366 * 24)]
    offsets = [hour.astimezone(zone).utcoffset() for hour in hours]
    return [hour for hour, here, after in zip(hours, offsets, offsets[1:], strict=False) if here != after]


CHANGES = {
    name: [at for year in (1971, 2011, 2025) for at in changes_of_offset(ZoneInfo(name), year)]
    for name in ZONES
}


@st.composite
def spans(draw: st.DrawFn) -> tuple[str, datetime, timedelta]:
    """A zone, an instant near a change of its clocks (or anywhere), and a length."""
    name = draw(st.sampled_from(ZONES))
    anywhere = datetime(2026, 6, 1, tzinfo=UTC)
    near = draw(st.sampled_from([*CHANGES[name], anywhere]))
    step = draw(
        st.sampled_from([timedelta(minutes=15), timedelta(seconds=17), timedelta(microseconds=999_983)])
    )
    start = near + draw(st.integers(-20, 20)) * step
    return name, start, draw(st.integers(1, 40)) * step


def rows(web: WebClients) -> list[Any]:
    return [sorted(map(tuple, web.sample.rows(table)), key=repr) for table in LEDGER]


def edit(web: WebClients, request: str, entry: str, **values: str) -> Page:
    page = web.supervisor.open(f"/requests/{request}/work/{entry}")
    return web.supervisor.send(page, **values)


def test_an_entry_that_is_opened_and_saved_stays_as_it_is(web: WebClients) -> None:
    """Also one of the hour that happens twice, over a change of the clocks, or with parts of a second."""
    request = late_front(web)

    @settings(max_examples=40, deadline=None, phases=PHASES)
    @given(spans(), st.booleans())
    def check(span: tuple[str, datetime, timedelta], one_instant: bool) -> None:
        name, start, length = span
        web.sample.set(time_zone=name)
        times: dict[str, Any] = {"started_at": start, "ended_at": start + length}
        if one_instant:
            times = {"minutes": 7, "worked_at": start}
        command = WorkGiven(**times, note="First")
        entry = web.sample.do_as(web.sample.technician, log_work, request, command)
        before = rows(web)
        done = edit(web, request, entry)
        assert "Nothing was changed." in done
        assert rows(web) == before
        assert "No minutes have moved." in edit(web, request, entry, note="Second")
        [row] = web.sample.rows(t.work_entry, id=entry)
        assert (row.started_at, row.ended_at) == (start, None if one_instant else start + length)

    check()


def test_the_second_time_is_named_and_can_be_made_the_first(web: WebClients) -> None:
    request = late_front(web)
    entry = web.sample.do_as(
        web.sample.technician,
        log_work,
        request,
        WorkGiven(started_at=SECOND_0245, ended_at=SECOND_0245 + timedelta(minutes=30)),
    )
    page = web.supervisor.open(f"/requests/{request}/work/{entry}")
    assert "02:45, first time (UTC+2) 02:45, second time (UTC+1)" in page
    assert page.form().values["started_at_which"] == "second"
    done = web.supervisor.send(page, started_at_which="first")
    assert "drawn" in done
    [row] = web.sample.rows(t.work_entry, id=entry)
    assert row.started_at == SECOND_0245 - timedelta(hours=1)
    assert row.worked_minutes == 90


@pytest.mark.parametrize(("which", "hours"), [("first", 1), ("second", 0)])
def test_a_time_that_happens_twice_is_asked_for(web: WebClients, which: str, hours: int) -> None:
    request = late_front(web)
    tom = web.technician
    page = tom.open(f"/requests/{request}")
    asked = tom.send(page, "/work", work_minutes="10", work_worked_at="2026-10-25T02:45")
    assert asked.status == 422
    assert (
        "02:45 happens twice on 2026-10-25, because the clocks go back."
        " Choose the first time (UTC+2) or the second (UTC+1)."
    ) in asked
    assert web.sample.entries(request) == []
    tom.send(asked, "/work", work_worked_at_which=which)
    [entry] = web.sample.entries(request)
    assert entry.started_at == SECOND_0245 - timedelta(hours=hours)


def test_the_choice_appears_while_typing(web: WebClients) -> None:
    late_front(web)
    address = "/typed/instant?field=work_worked_at&work_worked_at="
    assert "02:45, second time (UTC+1)" in web.technician.open(address + "2026-10-25T02:45")
    for other in (
        "2026-10-25T03:45",
        "2026-03-29T02:30",
        "soon",
        "",
        "9999-12-31T23:59",
        "2026-10-25T02:45%2B01:00",
    ):
        assert web.technician.open(address + other).html == ""
    assert web.technician.open("/typed/instant?field=<b>").status == 404


def test_a_time_that_is_skipped_is_refused(web: WebClients) -> None:
    request = late_front(web)
    page = web.technician.open(f"/requests/{request}")
    done = web.technician.send(page, "/work", work_minutes="10", work_worked_at="2026-03-29T02:30")
    assert done.status == 422
    assert "2026-03-29 02:30 does not exist in Europe/Berlin: the clocks go from 02:00 to 03:00." in done


def test_a_timer_stops_at_the_instant_shown(web: WebClients) -> None:
    request = late_front(web)
    tom = web.technician
    web.sample.clock.at = SECOND_0245 - timedelta(minutes=50, seconds=11, microseconds=7)
    tom.send(tom.open(f"/requests/{request}"), "/timer/start")
    started = web.sample.clock.at
    web.sample.clock.at = SECOND_0245 + timedelta(seconds=3, microseconds=5)
    tom.send(tom.open(f"/requests/{request}"), "/work")
    [entry] = web.sample.entries(request)
    assert (entry.started_at, entry.ended_at) == (started, web.sample.clock.at)


def test_an_entry_moved_to_minutes_counts_at_its_start(web: WebClients) -> None:
    records = web.records
    [before] = web.sample.entries(records.service_request)
    web.sample.clock.move(days=3)
    edit(web, records.service_request, records.entry, minutes="20", worked_at="")
    [after] = web.sample.entries(records.service_request)
    assert (after.worked_minutes, after.started_at) == (20, before.started_at)
