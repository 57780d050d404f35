"""Closures from calendar files: what counts, and the times that the libraries get wrong."""

import contextlib
from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from engine.calendar_files import MAX_FILE_BYTES, InvalidCalendarFile, read_closures

BERLIN = ZoneInfo("Europe/Berlin")
NOWHERE = "DTSTART;TZID=Europe/Nowhere:20260302T100000"
MANY = range(20)
START, HOUR = "DTSTART;TZID=Europe/Berlin:20260302T100000", "DURATION:PT1H"


def event(*lines: str, uid: str = "1") -> str:
    return "\n".join(("BEGIN:VEVENT", f"UID:{uid}", *lines, "END:VEVENT"))


def closures(*events: str, last: date = date(2026, 12, 31)) -> list[tuple[str, str]]:
    """The closures of a file with these events, in Berlin time."""
    text = "\n".join(("BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:x", *events, "END:VCALENDAR"))
    found = read_closures(text.encode(), BERLIN, date(2026, 1, 1), last)
    return [(_berlin(one.period.start), _berlin(one.period.end)) for one in found]


def _berlin(at: datetime | None) -> str:
    assert at is not None
    return at.astimezone(BERLIN).strftime("%m-%d %H:%M%z")


def test_a_duration_is_exact_time_over_a_change_of_the_clocks() -> None:
    moved = event("DTSTART;TZID=Europe/Berlin:20260328T220000", "DURATION:PT8H")
    assert closures(moved) == [("03-28 22:00+0100", "03-29 07:00+0200")]


def test_a_start_in_the_gap_is_after_it() -> None:
    gap = event("DTSTART;TZID=Europe/Berlin:20260329T023000", HOUR)
    assert closures(gap) == [("03-29 03:30+0200", "03-29 04:30+0200")]


def test_each_occurrence_has_the_exact_length_of_the_first() -> None:
    nightly = event(
        "DTSTART;TZID=Europe/Berlin:20260327T220000",
        "DTEND;TZID=Europe/Berlin:20260328T060000",
        "RRULE:FREQ=DAILY;COUNT=2",
    )
    assert closures(nightly) == [
        ("03-27 22:00+0100", "03-28 06:00+0100"),
        ("03-28 22:00+0100", "03-29 07:00+0200"),
    ]


def test_a_date_as_until_covers_that_whole_day() -> None:
    found = closures(event(START, HOUR, "RRULE:FREQ=DAILY;UNTIL=20260304"))
    assert [start for start, _ in found] == ["03-02 10:00+0100", "03-03 10:00+0100", "03-04 10:00+0100"]


def test_a_date_in_rdate_takes_the_time_of_the_start() -> None:
    found = closures(event(START, HOUR, "RDATE;VALUE=DATE:20260405"))
    assert [start for start, _ in found] == ["03-02 10:00+0100", "04-05 10:00+0200"]


def test_a_zone_for_display_moves_no_series_in_utc() -> None:
    """By recurring-ical-events 3.8.2 alone it is four, the later ones a day early."""
    series = event("DTSTART:20260105T233000Z", HOUR, "RRULE:FREQ=WEEKLY;BYDAY=MO;COUNT=3")
    found = closures("X-WR-TIMEZONE:Europe/Berlin", series)
    assert [start for start, _ in found] == ["01-06 00:30+0100", "01-13 00:30+0100", "01-20 00:30+0100"]


def test_whole_days_are_those_of_the_provider() -> None:
    christmas = event("DTSTART;VALUE=DATE:20261224", "DTEND;VALUE=DATE:20261227")
    assert closures(christmas) == [("12-24 00:00+0100", "12-27 00:00+0100")]
    assert closures(event("DTSTART;VALUE=DATE:20261224")) == [("12-24 00:00+0100", "12-25 00:00+0100")]


def test_a_whole_day_that_ends_on_itself_is_that_day() -> None:
    one_day = event("DTSTART;VALUE=DATE:20260302", "DTEND;VALUE=DATE:20260302")
    assert closures(one_day) == [("03-02 00:00+0100", "03-03 00:00+0100")]


def test_cancelled_and_transparent_events_are_no_closures() -> None:
    assert (
        closures(event(START, HOUR, "STATUS:CANCELLED"), event(START, HOUR, "TRANSP:TRANSPARENT", uid="2"))
        == []
    )
    weekly = event(START, HOUR, "RRULE:FREQ=WEEKLY;COUNT=3")
    cancelled = event(
        "DTSTART;TZID=Europe/Berlin:20260309T100000",
        HOUR,
        "RECURRENCE-ID;TZID=Europe/Berlin:20260309T100000",
        "STATUS:CANCELLED",
    )
    assert [start for start, _ in closures(weekly, cancelled)] == ["03-02 10:00+0100", "03-16 10:00+0100"]


def test_a_moved_occurrence_has_its_own_time() -> None:
    weekly = event(START, HOUR, "RRULE:FREQ=WEEKLY;COUNT=2")
    moved = event(
        "DTSTART;TZID=Europe/Berlin:20260310T120000",
        "DURATION:PT3H",
        "RECURRENCE-ID;TZID=Europe/Berlin:20260309T100000",
    )
    assert closures(weekly, moved)[1] == ("03-10 12:00+0100", "03-10 15:00+0100")


def test_only_the_days_asked_for_are_read() -> None:
    daily = event(START, HOUR, "RRULE:FREQ=DAILY")
    assert len(closures(daily, last=date(2026, 3, 4))) == 3


@pytest.mark.parametrize(
    ("events", "words"),
    [
        (event(NOWHERE, HOUR, "SUMMARY:Move"), "'Move' has a time in the unknown time zone 'Europe/Nowhere'"),
        (event("DTSTART:20260302T100000", HOUR), "has a time without a time zone"),
        (event(HOUR), "has no start"),
        (event(START, "DTEND:tomorrow"), "has a DTEND that cannot be read"),
        (event(START, START, HOUR), "has more than one DTSTART"),
        (event(START, "DTEND;TZID=Europe/Berlin:20260302T090000"), "ends before it starts"),
        (event(START, "DURATION:-PT1H"), "ends before it starts"),
        (event("DTSTART;VALUE=DATE:20260304", "DTEND;VALUE=DATE:20260302"), "ends before it starts"),
        (event(START, "DTEND;VALUE=DATE:20260303"), "a date and a time as its start and end"),
        (event("DTSTART;VALUE=DATE:20260302", "DTEND:20260303T100000Z"), "a date and a time as its start"),
        (event(START, "DTEND:99991231T230000Z"), "has times that cannot be read"),
        (event(START, HOUR, "RRULE:FREQ=DAILY;INTERVAL=0"), "repeats in a way that cannot be read"),
        (event(START, HOUR, "RRULE:FREQ=YEARLY;BYMONTH=13"), "repeats in a way that cannot be read"),
        (event(START, HOUR, "RDATE;VALUE=PERIOD:20260304T100000Z/PT2H"), "periods of another length"),
        (
            event(START, HOUR, "RRULE:FREQ=DAILY;COUNT=5", "EXRULE:FREQ=WEEKLY;BYDAY=WE"),
            "exceptions by a rule",
        ),
        (event(START, HOUR, "RRULE:FREQ=SECONDLY"), "repeats more often than daily"),
        (event(START, HOUR, "RRULE:FREQ=DAILY;BYMINUTE=1,2,3"), "repeats more often than daily"),
        (
            "\n".join(event(START, HOUR, "RRULE:FREQ=DAILY", uid=str(n)) for n in MANY),
            "more than 5,000 closures",
        ),
        ("BEGIN:VEVENT", "not a calendar file"),
    ],
)
def test_what_cannot_be_read_is_refused(events: str, words: str) -> None:
    with pytest.raises(InvalidCalendarFile) as refused:
        closures(events)
    assert words in str(refused.value)


LINES = [
    f"{name}{value}"
    for name in ("DTSTART", "DTEND", "RECURRENCE-ID", "RDATE", "EXDATE")
    for value in (
        ":20260302T100000Z", ";TZID=Europe/Berlin:20260329T023000", ";VALUE=DATE:20260305",
        ":20260302T100000", ":19700101T000000Z", ":99991231T235959Z", ";VALUE=PERIOD:20260302T100000Z/PT2H",
        ":x", ":",
    )
] + [
    f"{name}:{value}"
    for name, values in {
        "DURATION": ("PT1H", "-P1D", "P9999999D", "1h", ""),
        "RRULE": (
            "FREQ=DAILY;COUNT=3", "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29", "FREQ=MONTHLY;BYDAY=99MO",
            "COUNT=2", "x", "FREQ=DAILY;UNTIL=20260310", "FREQ=DAILY;UNTIL=x", "FREQ=DAILY;COUNT=-1",
            "FREQ=WEEKLY;BYDAY=XX",
            "FREQ=YEARLY;BYMONTH=5L", "FREQ=DAILY;COUNT=2;INTERVAL=99999999999", "FREQ=WEEKLY;WKST=9;COUNT=2",
        ),
        "STATUS": ("CANCELLED", ""), "TRANSP": ("TRANSPARENT",), "SUMMARY": ("Inventory",), "UID": ("a", "b"),
    }.items()
    for value in values
]  # fmt: skip


@given(st.lists(st.sampled_from(LINES), max_size=6))
@example(["DTSTART;VALUE=DATE:20260305", "SUMMARY:Inventory", "SUMMARY:Stocktaking", "STATUS:x"])
def test_whatever_an_event_says_it_is_read_or_refused_by_name(lines: list[str]) -> None:
    with contextlib.suppress(InvalidCalendarFile):
        closures("\n".join(("BEGIN:VEVENT", *lines, "END:VEVENT")))


@pytest.mark.parametrize("data", [b"", b"no calendar", b"\xff\xfe", b"BEGIN:VCALENDAR"])
def test_another_file_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidCalendarFile):
        read_closures(data, BERLIN, date(2026, 1, 1), date(2026, 12, 31))


def test_a_file_of_ten_megabytes_is_refused_before_it_is_read() -> None:
    with pytest.raises(InvalidCalendarFile, match=r"10,485,760 bytes"):
        read_closures(b"x" * 10 * MAX_FILE_BYTES, BERLIN, date(2026, 1, 1), date(2026, 12, 31))
