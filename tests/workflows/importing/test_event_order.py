"""The order of events whose times leave it open: dates without a time, and files with the newest first."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.exports import event, export, mapping
from workflows.importing.events import Event
from workflows.importing.export import read_export
from workflows.importing.history import History, group_by_service_request

FORMS = ["%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d"]
STATES = ["New", "Active", "Waiting for parts", "Active", "Resolved", "Closed"]
START = datetime(2026, 3, 5, 9, tzinfo=UTC)
HEADER = "number,state,at,caller,created,solved,ended"


def read(*rows: str, header: str | None = None, **changes: Any) -> list[History]:
    raw = export(*rows) if header is None else export(*rows, header=header)
    given = mapping(date_form=FORMS, **changes)
    found, skipped = group_by_service_request(read_export("e.csv", raw, given, ZoneInfo("UTC")), given)
    assert not skipped
    return found


def of_tickets(*rows: str) -> list[History]:
    """The histories of an export with one row per request."""
    wanted = {"opened_at": "created", "resolved_at": "solved", "closed_at": "ended"}
    known = {"number": "number", "state": "state", "changed_at": "at", "customer": "caller"}
    unused = dict.fromkeys(mapping().columns, ...)
    return read(*rows, header=HEADER, columns={**unused, **known, **wanted})


def states(history: History) -> list[str]:
    return [one.state for one in history.events]


def shown(events: Iterable[Event]) -> list[tuple[str, str]]:
    return [(one.state, f"{one.at:%d %H:%M:%S}") for one in events]


@given(
    st.lists(
        st.tuples(st.sampled_from(STATES[1:]), st.integers(1, 100_000), st.sampled_from(FORMS)), max_size=6
    ),
    st.sampled_from(FORMS),
    st.booleans(),
)
def test_any_story_keeps_its_order(
    steps: list[tuple[str, int, str]], first: str, is_newest_first: bool
) -> None:
    """Each event is written to a day, a minute or a second, from the oldest or from the newest on."""
    at, story = START, [("New", START, first)]
    for state, seconds, form in steps:
        at += timedelta(seconds=seconds)
        story.append((state, at, form))
    # no two rows are the same
    rows = [
        event("INC1", state, at.strftime(form), opened="?", mail=f"{place}@x.example")
        for place, (state, at, form) in enumerate(story)
    ]
    (found,) = read(*(rows[::-1] if is_newest_first else rows))
    assert states(found) == [state for state, *_ in story]


def test_the_order_of_the_file_decides_where_a_request_leaves_it_open() -> None:
    def rows(number: str, *steps: tuple[str, str]) -> list[str]:
        return [event(number, state, at, opened="?", count="?") for state, at in steps]

    one_day = rows("INC1", ("Waiting for parts", "2026-03-05"), ("Active", "2026-03-05"))
    newest_first = rows("INC2", ("Active", "2026-03-06"), ("New", "2026-03-05"))
    assert [states(one) for one in read(*one_day, *newest_first)] == [
        ["Active", "Waiting for parts"],
        ["New", "Active"],
    ]
    assert [states(one) for one in read(*one_day)] == [["Waiting for parts", "Active"]]


@pytest.mark.parametrize(
    "counters", [["1.0", "2.0", "10.0", "11.0"], ["U-9", "U-10", "U-11", "U-100"], ["9", "9,5", "10", "x"]]
)
def test_counters_are_compared_by_the_numbers_in_them(counters: list[str]) -> None:
    rows = [
        event("INC1", state, "2026-03-05 09:00", opened="?", count=f'"{counter}"')
        for state, counter in zip(["New", "Active", "Waiting for parts", "Resolved"], counters, strict=True)
    ]
    (found,) = read(*rows[::-1])
    assert states(found) == ["New", "Active", "Waiting for parts", "Resolved"]


def test_a_date_of_closing_is_not_before_the_time_of_the_resolution() -> None:
    (found,) = of_tickets(
        "INC1,Closed,2026-03-05 16:00:10,Ann,2026-03-05 09:00,2026-03-05 16:00:10,2026-03-05"
    )
    assert shown(found.events) == [("resolved", "05 16:00:10"), ("Closed", "05 16:00:10")]


def test_a_cancelled_request_ends_when_it_was_closed() -> None:
    found = of_tickets(
        "INC1,Cancelled,2026-03-01,Ann,2026-03-01,,2026-03-05 12:00",
        "INC2,Cancelled,2026-03-01,Ann,2026-03-01,2026-03-04 12:00,",
        "INC3,Cancelled,2026-03-08,Ann,2026-03-01,2026-03-04 12:00,",
    )
    assert [shown(one.events) for one in found] == [
        [("Cancelled", "05 12:00:00")],
        [("Cancelled", "04 12:00:00")],
        [("resolved", "04 12:00:00"), ("Cancelled", "08 00:00:00")],
    ]


def test_an_end_that_does_not_fit_the_state_is_reported_once() -> None:
    found = of_tickets(
        "INC1,New,2026-03-01,Ann,2026-03-01,,2026-03-06",
        "INC1,Active,2026-03-02,Ann,2026-03-01,,2026-03-06",
        "INC2,Closed,2026-03-01,Ann,2026-03-01,2026-03-07,2026-03-06",
    )
    assert [one.remarks for history in found for one in history.events] == [
        (),
        ("its closed_at does not fit its state 'Active' and is not used",),
        ("its resolved_at does not fit its state 'Closed' and is not used",),
    ]


def test_an_address_in_one_row_is_that_of_the_person_in_all() -> None:
    """Otherwise the request would move to another customer of the same name."""
    rows = [
        event("INC1", state, f"2026-03-05 09:0{at}", caller=caller, mail=mail)
        for at, (state, caller, mail) in enumerate(
            [
                ("New", "Ann", "?"),
                ("Active", "Ann", "ann@x.example"),
                ("Resolved", "Ann", ""),
                ("Closed", "Bo", "?"),
            ]
        )
    ]
    (found,) = read(*rows)
    assert [one.values.get("customer_email") for one in found.events] == [*["ann@x.example"] * 3, None]


def test_numbers_that_a_spreadsheet_or_a_clipboard_has_dressed_up() -> None:
    """They are those of one request: `="00123"`, marks without width, and the mark of a second file."""
    numbers = ['="00123"', '"=""00123"""', "00123\u200b", "\u200e00123", "\ufeff00123"]
    rows = [event(number, "New", f"2026-03-05 09:0{at}", prio=str(at)) for at, number in enumerate(numbers)]
    (found,) = read(*rows)
    assert found.number == "00123"
    assert len(found.events) == len(numbers)
