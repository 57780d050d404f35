"""Instants of an export: forms, zones by name, months by language, precision, and the repeated hour."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise, permutations
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from babel import Locale
from hypothesis import given
from hypothesis import strategies as st

from tests.support.exports import event, export, mapping
from workflows.importing.date_forms import conflicting_forms
from workflows.importing.event_order import sort_events
from workflows.importing.events import Event, RowNote
from workflows.importing.export import ExportUnreadable, read_export
from workflows.importing.history import group_by_service_request
from workflows.importing.instants import means_no_date

BERLIN = ZoneInfo("Europe/Berlin")
DAY_FIRST, MONTH_FIRST = "%d-%m-%Y %H:%M", "%m-%d-%Y %H:%M"
NIGHT = "2024-10-27"


def read(*texts: str, opened: str = "?", **changes: Any) -> list[Event | RowNote]:
    raw = export(*(event(f"INC{n}", "New", text, opened=opened) for n, text in enumerate(texts)))
    return read_export("e.csv", raw, mapping(**changes), BERLIN)


def instant(text: str, **changes: Any) -> datetime | str:
    (row,) = read(text, **changes)
    return row.at if isinstance(row, Event) else row.text


def refused(*texts: str, **changes: Any) -> str:
    with pytest.raises(ExportUnreadable) as error:
        read(*texts, **changes)
    return str(error.value)


@given(
    st.sampled_from(
        [("Europe/Berlin", "2024-10-26T23:00Z"), ("Australia/Lord_Howe", "2024-04-06T14:00Z")],
    ),
    st.lists(st.integers(0, 240), min_size=3, max_size=3).map(sorted),
)
def test_a_row_with_three_instants_of_the_night_when_clocks_go_back(
    night: tuple[str, str], minutes: list[int]
) -> None:
    """Opened, resolved, closed: of a repeated time, the occurrence that follows the one before it."""
    zone, start = ZoneInfo(night[0]), datetime.fromisoformat(night[1])
    true = [start + timedelta(minutes=one) for one in minutes]
    opened, resolved, closed = (f"{at.astimezone(zone):%Y-%m-%d %H:%M}" for at in true)
    raw = f"number,state,opened,resolved,closed,caller\nINC1,Closed,{opened},{resolved},{closed},Ann\n"
    columns = {
        "opened_at": "opened",
        "resolved_at": "resolved",
        "closed_at": "closed",
        "changed_at": "closed",
    }
    others = ("sequence", "customer_email", "org_unit", "item", "technician", "priority", "subject")
    by_row = mapping(columns=columns | dict.fromkeys(others, ...), time_zone=night[0])
    events = [one for one in read_export("e.csv", raw.encode(), by_row, BERLIN) if isinstance(one, Event)]
    assert not any(one.remarks or one.unused for one in events)
    found = [events[0].opened_at, *(one.at for one in events)]
    if resolved == closed:
        found.insert(1, found[1])
    assert [f"{at.astimezone(zone):%Y-%m-%d %H:%M}" for at in found if at] == [opened, resolved, closed]
    # in order, and each as early as that allows
    assert all(first and one and first <= one for first, one in pairwise(found))
    assert all(one and one <= at for one, at in zip(found, true, strict=True))


@pytest.mark.parametrize(
    "text", ["2024-07-01 10.15", "2024-07-01T10:15.5", "20240701T1015,5", "2024-W27-1 10.5"]
)
def test_a_fraction_is_one_of_a_second(text: str) -> None:
    """What stands behind the point may be minutes, or a part of an hour: it is not guessed."""
    assert "is not a date of the form iso" in str(instant(text, date_form="iso"))
    assert instant("2024-07-01 10.15", date_form=["iso", "%Y-%m-%d %H.%M"]) == instant(
        "2024-07-01T10:15+02:00", date_form="iso"
    )


@pytest.mark.parametrize(
    ("form", "text", "precise"),
    [("iso", "2024-03-31", "2024-03-31 00:00"), ("%d.%m.%y", "31.03.24", ""), ("excel", " 45382", "45382.0")],
)
def test_a_date_is_a_day_also_where_clocks_change_at_midnight(form: str, text: str, precise: str) -> None:
    """In Beirut, 31 March 2024 began at 01:00; a time of that hour is none."""
    assert instant(text, date_form=form, time_zone="Asia/Beirut") == datetime(2024, 3, 30, 22, tzinfo=UTC)
    if precise:
        assert "does not exist" in str(instant(precise, date_form=form, time_zone="Asia/Beirut"))


def test_a_spreadsheets_day_without_a_time_is_exact_to_the_day() -> None:
    """Closed on the day of the opening: not before it."""
    [row] = read(" 45474", opened="45474.5", date_form="excel")
    assert isinstance(row, Event)
    (history,), _ = group_by_service_request([row], mapping())
    assert history.skipped == []


@pytest.mark.parametrize(
    ("form", "text", "at"),
    [
        ("%Y-%m-%d %H:%M:%S %Z", "2024-07-01 10:00:00 UTC", "2024-07-01 10:00"),
        ("%Y-%m-%d %H:%M:%S %Z", "2024-01-01 10:00:00 gmt", "2024-01-01 10:00"),
        ("%Y-%m-%d %H:%M %Z", "2024-07-01 10:00 CEST", "2024-07-01 08:00"),
        ("%Y-%m-%d %H:%M %Z", "2024-10-27 02:30 CEST", "2024-10-27 00:30"),
        ("%Y-%m-%d %H:%M %Z", "2024-10-27 02:30 CET", "2024-10-27 01:30"),
        ("%Y-%m-%d %H:%M %Z", "2024-07-01 10:00 America/New_York", "2024-07-01 14:00"),
        ("%Z %d %b %Y %I:%M %p", "UTC 01 Jul 2024 03:42 PM", "2024-07-01 15:42"),
        ("epoch_ms", "1719828000000", "2024-07-01 10:00"),
        ("epoch_s", "1719828000", "2024-07-01 10:00"),
        ("excel", "45474.4166666667", "2024-07-01 08:00"),
        ("excel", "45474,4166666667", "2024-07-01 08:00"),
        (["epoch_ms", "excel"], "45474.0", "2024-06-30 22:00"),
        ("%d/%b/%y %I:%M %p", "14/Sept/25 3:42 PM", "2025-09-14 13:42"),
        ("%d/%m/%y %I:%M %p", "14/07/25 3:42 p. m.", "2025-07-14 13:42"),
        ("%d/%m/%y %I:%M %p", "14/07/25 12:05a.m.", "2025-07-13 22:05"),
        ("%d/%m/%y %I:%M%p", "14/07/25 3:42 P.M.", "2025-07-14 13:42"),
        ("%B %d %Y", "Sept. 2nd 2025", "2025-09-01 22:00"),
        ("%A, %d %B %Y", "Tues, 2nd Septem. 2025", "2025-09-01 22:00"),
        ("%Y-%m-%d %H:%M %Z", "2024-07-01 10:00 UTC+2", "2024-07-01 08:00"),
        ("%Y-%m-%d %H:%M %Z", "2024-07-01 10:00 gmt-05:30", "2024-07-01 15:30"),
        ("%Y-%m-%d %H:%M %Z", "2024-07-01 10:00 MESZ", "2024-07-01 08:00"),
        (
            "%a %b %d %Y %H:%M:%S %Z",
            "Mon Jul 01 2024 10:15:00 GMT+0200 (Central European Summer Time)",
            "2024-07-01 08:15",
        ),
        ("iso", "2024-07-01 10:00:00 UTC", "2024-07-01 10:00"),
        ("iso", "2024-07-01t10:00:00z", "2024-07-01 10:00"),
        ("epoch_s", "1719828000.0", "2024-07-01 10:00"),
        ("epoch_ms", "1719828000000.0", "2024-07-01 10:00"),
        ("excel", "45474 0.4166666667", "2024-07-01 08:00"),
    ],
)
def test_forms_with_zones_numbers_and_names(form: Any, text: str, at: str) -> None:
    text = f'"{text}"' if "," in text else text
    assert instant(text, date_form=form) == datetime.fromisoformat(at).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("de", "14/Okt/25"),
        ("de", "14/Oktober/25"),
        ("fr", "14/oct./25"),
        ("es", "14/octubre/25"),
        ("pl", "14/paź/25"),
        ("fr", "14/octob./25"),
    ],
)
def test_names_of_months_in_a_language(language: str, text: str) -> None:
    assert instant(text, date_form="%d/%b/%y", date_language=language) == datetime(
        2025, 10, 13, 22, tzinfo=UTC
    )


def test_german_march_in_both_widths() -> None:
    found = read("14. Mär 25", "14. März 25", "14. Mar 25", date_form="%d. %b %y", date_language="de")
    assert {row.at for row in found if isinstance(row, Event)} == {datetime(2025, 3, 13, 23, tzinfo=UTC)}
    assert len(found) == 3


@pytest.mark.parametrize(
    ("language", "form", "text"),
    [
        ("de", "%d. %b %Y", "4. Mrz 2025"),
        ("de", "%d. %B %Y", "4. Maerz 2025"),
        ("de", "%d. %B %Y", "4. MÄRZ 2025"),
        ("de", "%d. %B %Y", "4. Ma\u0308rz 2025"),
        ("es", "%a %d %b %Y", "mar. 4 mar. 2025"),
        ("fr", "%A %d %B %Y", "mar. 4 mars 2025"),
        ("it", "%d %b %Y, %a", "4 mar. 2025, mar."),
        ("ro", "%d %b %Y", "4 mar. 2025"),
        ("de_AT", "%d. %B %Y", "4. März 2025"),
        ("zh", "%Y年%m月%d日 %p%I:%M", "2025年3月4日 上午12:00"),
        ("es", "%d/%b/%y %I:%M %p", "4/mar/25 12:00 a. m."),
    ],
)
def test_a_day_in_march_as_programs_of_a_language_write_it(language: str, form: str, text: str) -> None:
    text = f'"{text}"' if "," in text else text
    assert instant(text, date_form=form, date_language=language) == datetime(2025, 3, 3, 23, tzinfo=UTC)


LANGUAGES = [
    "cs",
    "da",
    "de",
    "en",
    "es",
    "fi",
    "fr",
    "hu",
    "it",
    "nl",
    "pl",
    "pt_BR",
    "ro",
    "sv",
    "tr",
    "uk",
]


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_day_that_the_locale_data_writes_is_read_back(language: str) -> None:
    locale = Locale.parse(language)
    days = [date(2024, 1, 1) + timedelta(days=number) for number in range(0, 366, 5)]
    for kind, width in (("format", "abbreviated"), ("format", "wide"), ("stand-alone", "wide")):
        weekdays, months = locale.days[kind][width], locale.months[kind][width]
        texts = [f"{weekdays[day.weekday()]} {day.day} {months[day.month]} {day.year}" for day in days]
        found = read(*texts, date_form="%a %d %b %Y", date_language=language, time_zone="UTC")
        assert [row.at.date() if isinstance(row, Event) else row.text for row in found] == days


@pytest.mark.parametrize(
    "text",
    ["0001-01-01 00:00", "1900-01-01 00:00", "9999-12-31 23:59", "1970-01-01 01:00",
     "1970-01-01T00:00:00+00:00", "#N/A", "\\N", "NaT"],
)  # fmt: skip
def test_what_programs_write_for_a_missing_date(text: str) -> None:
    (row,) = read("2026-01-05 08:05", opened=text, date_form="iso", time_zone="Europe/Berlin")
    assert isinstance(row, Event)
    assert row.opened_at is None


@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Kolkata", "Europe/London"])
def test_the_first_instant_of_1970_by_the_local_clock_is_no_date(zone: str) -> None:
    text = datetime(1970, 1, 1, tzinfo=UTC).astimezone(ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M")
    (row,) = read("2026-01-05 08:05", opened=text, time_zone=zone)
    assert isinstance(row, Event)
    assert row.opened_at is None


@pytest.mark.parametrize("name", ["XYZ", "EDT", "Europe/Nowhere", "PM", "UTC+15"])
def test_a_zone_that_cannot_be_read_is_reported(name: str) -> None:
    why = instant(f"2024-07-01 10:00 {name}", date_form="%Y-%m-%d %H:%M %Z")
    assert why == (
        f"changed_at: the time zone {name!r} cannot be read: use UTC, or a name such as Europe/Berlin"
    )


def test_one_form_holds_for_a_whole_column() -> None:
    assert refused("03-12-2025 15:21", "02-28-2025 14:06", date_form=[DAY_FIRST, MONTH_FIRST]) == (
        f"e.csv:3: changed_at: the forms {DAY_FIRST} and {MONTH_FIRST} read this column in two ways "
        f"('03-12-2025 15:21' on line 2); '02-28-2025 14:06' is only of the form {MONTH_FIRST}. "
        f'Write only one of them as "date_form": {MONTH_FIRST}.'
    )
    error = refused("28-02-2025 15:21", "02-28-2025 14:06", date_form=[MONTH_FIRST, DAY_FIRST])
    assert error.startswith("e.csv:2: ")
    assert "no line decides" in refused("03-12-2025 15:21", date_form=[MONTH_FIRST, DAY_FIRST])


def test_forms_that_read_a_column_in_one_way_are_not_refused() -> None:
    found = read("28-02-2025 15:21", "27-02-2025 14:06", date_form=[DAY_FIRST, MONTH_FIRST])
    assert all(isinstance(row, Event) for row in found)
    found = read("28.02.2025", "2025-02-03", "03-03-2025 10:00", date_form=["%d.%m.%Y", "iso", DAY_FIRST])
    assert all(isinstance(row, Event) for row in found)


@pytest.mark.parametrize(
    ("forms", "conflict"),
    [
        ((DAY_FIRST, MONTH_FIRST), True),
        (("%d/%m/%y", "%y/%m/%d"), True),
        (("iso", "%Y-%d-%m"), True),
        (("iso", "%Y-%d-%m %H:%M"), True),
        ((DAY_FIRST, "%d/%m/%Y %H:%M"), False),
        (("%d.%m.%Y", "iso"), False),
        (("%d-%m-%Y", "%d-%m-%y"), False),
        (("epoch_ms", "excel", "iso"), False),
    ],
)
def test_which_forms_conflict(forms: tuple[str, ...], conflict: bool) -> None:
    assert bool(conflicting_forms(forms)) == conflict
    assert bool(conflicting_forms(forms[::-1])) == conflict


@given(st.lists(st.dates(date(2025, 1, 1), date(2025, 12, 31)), min_size=1, max_size=12))
def test_a_column_is_read_by_one_form_or_refused(days: list[date]) -> None:
    """Whatever the dates, a column that was written month first is never read partly day first."""
    texts = [day.strftime("%m-%d-%Y 12:00") for day in days]
    try:
        found = read(*texts, date_form=[DAY_FIRST, MONTH_FIRST])
    except ExportUnreadable:
        return
    assert [row.at.date() for row in found if isinstance(row, Event)] == days


@pytest.mark.parametrize(
    "text",
    ["0000-00-00", "0000-00-00 00:00:00", "00.00.0000", "0", "1970-01-01", "1970-01-01 00:00:00",
     "1970-01-01T00:00:00Z", "Not set", "None", "N/A"],
)  # fmt: skip
def test_texts_that_mean_no_date(text: str) -> None:
    assert means_no_date(text)
    (row,) = read("2026-01-05 08:05", opened=text)
    assert isinstance(row, Event)
    assert row.opened_at is None
    assert instant(text) == "it has no time of change"


@pytest.mark.parametrize(
    ("text", "zone"),
    [
        ("9999-12-31", "UTC"),
        ("0001-01-01 00:00", "UTC"),
        ("1753-01-01", "UTC"),
        ("1899-12-30 00:00", "UTC"),
        ("1900-01-01", "UTC"),
        ("1970-01-01 01:00:00", "Europe/Berlin"),
        ("1969-12-31 19:00", "America/New_York"),
    ],
)
def test_first_and_last_days_of_other_programs_are_no_date(text: str, zone: str) -> None:
    """The last two are a count of zero seconds that was written as local time."""
    (row,) = read("2026-01-05 08:05", opened=text, date_form="iso", time_zone=zone)
    assert isinstance(row, Event)
    assert row.opened_at is None


def test_a_date_of_1970_in_another_form_is_no_date() -> None:
    (row,) = read("05.01.2026 08:05", opened="01.01.1970 00:00", date_form="%d.%m.%Y %H:%M")
    assert isinstance(row, Event)
    assert row.opened_at is None
    assert not means_no_date("1970-01-02")


@pytest.mark.parametrize(
    ("opened", "at", "taken"),
    [
        ("2026-01-05 10:15:31", "2026-01-05 10:15", True),
        ("2026-01-05 10:15:59", "2026-01-05 10:15", True),
        ("2026-01-05 10:16:00", "2026-01-05 10:15", False),
        ("2026-01-05 10:15:31", "2026-01-05 10:15:30", False),
        ("2026-01-05 10:15:31.500", "2026-01-05 10:15:31", True),
        ("2026-01-05 10:15:31", "2026-01-05", True),
        ("2026-01-05 10:16", "2026-01-05 10:15:31", True),
        ("2026-01-05 10:17", "2026-01-05 10:15:31", False),
    ],
)
def test_a_coarser_column_is_not_before_the_opening(opened: str, at: str, taken: bool) -> None:
    (history,), _ = group_by_service_request(read(at, opened=opened, date_form="iso"), mapping())
    assert [one.at for one in history.events] == ([history.opened_at] if taken else [])
    assert len(history.skipped) == (not taken)


def histories(*rows: str) -> list[datetime]:
    read_rows = read_export("e.csv", export(*rows), mapping(time_zone="Europe/Berlin"), BERLIN)
    (history,), skipped = group_by_service_request(read_rows, mapping())
    assert not skipped
    assert not history.skipped
    return [one.at for one in history.events]


STORY = [("02:10", 1, "00:10"), ("02:50", 2, "00:50"), ("02:20", 3, "01:20"), ("03:10", 4, "02:10")]
STATES = ["New", "Active", "Resolved", "Closed"]


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_in_the_hour_that_comes_twice_the_counter_decides(order: tuple[int, ...]) -> None:
    rows = [
        event("INC1", STATES[index], f"{NIGHT} {STORY[index][0]}", opened="?", count=str(STORY[index][1]))
        for index in order
    ]
    assert [f"{at:%H:%M}" for at in histories(*rows)] == [utc for *_, utc in STORY]


@pytest.mark.parametrize("newest_first", [False, True])
def test_without_a_counter_the_order_of_the_file_decides(newest_first: bool) -> None:
    rows = [
        event("INC1", state, f"{NIGHT} {wall}", opened="?")
        for state, (wall, *_) in zip(STATES, STORY, strict=True)
    ]
    found = histories(*(rows[::-1] if newest_first else rows))
    assert [f"{at:%H:%M}" for at in found] == [utc for *_, utc in STORY]
    rows = [event("INC1", "New", f"{NIGHT} 01:30", opened="?", prio="low"), *rows]
    found = histories(*(rows[::-1] if newest_first else rows))
    assert [f"{at:%d %H:%M}" for at in found] == ["26 23:30", *(f"27 {utc}" for *_, utc in STORY)]


def test_an_event_after_the_opening_means_the_second_occurrence() -> None:
    assert histories(event("INC1", "New", f"{NIGHT} 02:10", opened=f"{NIGHT} 02:40")) == [
        datetime(2024, 10, 27, 1, 10, tzinfo=UTC)
    ]


@given(st.lists(st.integers(0, 4 * 60 - 1), min_size=1, max_size=12, unique=True), st.randoms())
def test_a_counter_restores_the_order_across_the_change(minutes: list[int], random: Any) -> None:
    """Events from 01:00 to 04:00 of the night: sorted by the clock alone, they would change places."""
    start = datetime(2024, 10, 26, 23, 0, tzinfo=UTC)
    made = []
    for count, minute in enumerate(sorted(minutes)):
        local = (start + timedelta(minutes=minute)).astimezone(BERLIN)
        made.append(event("INC1", "New", f"{local:%Y-%m-%d %H:%M}", opened="?", count=str(count)))
    random.shuffle(made)
    found = read_export("e.csv", export(*made), mapping(time_zone="Europe/Berlin"), BERLIN)
    ordered = sort_events(one for one in found if isinstance(one, Event))
    assert [one.sequence for one in ordered] == [(count, "") for count in range(len(minutes))]
