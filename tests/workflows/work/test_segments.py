"""Work that is cut at calendar boundaries, charged by percentages and priced by rate cards."""

import json
from datetime import timedelta
from typing import Any

import pytest

from tests.support.builders import RULES
from tests.support.sample_desk import MONDAY, SampleDesk
from workflows.administration.settings import change_settings
from workflows.commands.work import ChangeWork, WorkGiven
from workflows.core.errors import InvalidInput
from workflows.reports.audit import audit_desk
from workflows.rule_sets.publishing import check_rules
from workflows.store import tables as t
from workflows.work.queries import list_work, preview_view
from workflows.work.use_cases import change_work, preview_work

MIDNIGHT = MONDAY.replace(hour=0, minute=0)
STANDARD = "rate_cards/standard.json"
ALWAYS = {"any": [{"name": "worked_hour", "operator": "greater_than_or_equal_to", "value": 0}]}


def in_calendar(name: str) -> dict[str, Any]:
    return {"all": [{"name": "calendars", "operator": "contains", "value": name}]}


def charging(*rules: tuple[dict[str, Any], int]) -> str:
    """Charging rules with a percentage for each condition."""
    return json.dumps(
        {
            "rules": [
                {
                    "id": f"p{number}",
                    "why": f"Charged at {percent} %.",
                    "conditions": conditions,
                    "actions": [{"name": "charge_percent", "params": {"percent": percent}}],
                }
                for number, (conditions, percent) in enumerate(rules)
            ],
            "examples": [],
        }
    )


def card(*rates: tuple[dict[str, Any], int], currency: str = "EUR", **days: str) -> str:
    """A rate card with the price of an hour for each condition."""
    return json.dumps(
        {
            "label": "Own",
            "currency": currency,
            "rules": [
                {
                    "id": f"r{number}",
                    "why": "Agreed.",
                    "conditions": conditions,
                    "actions": [{"name": "charge_rate", "params": {"per_hour_minor": per_hour, **days}}],
                }
                for number, (conditions, per_hour) in enumerate(rates)
            ],
            "examples": [],
        }
    )


def calendar(**hours: Any) -> str:
    """A file with one calendar."""
    return json.dumps({"calendars": [{"id": "x", "label": "X", **hours}], "examples": []})


def at(hour: int, minute: int = 0) -> Any:
    return MIDNIGHT + timedelta(hours=hour, minutes=minute)


def evening(sample: SampleDesk) -> str:
    """A request with a contract of ten hours, seen on Tuesday."""
    sample.sell("support_hours", minutes=600)
    request = sample.log()
    sample.clock.move(days=1)
    return request


def the_work(sample: SampleDesk, request: str, who: Any = None) -> Any:
    [entry] = sample.see_as(who or sample.supervisor, list_work, request).items
    return entry


def test_an_evening_is_charged_at_two_percentages(sample: SampleDesk) -> None:
    sample.publish_rules(charging=charging((in_calendar("after_hours"), 150)))
    request = evening(sample)
    assert sample.work_span(request, at(16), minutes=180) == [("grant", 60), ("grant", 180)]
    entry = the_work(sample, request)
    assert [
        (one.from_, one.to, one.worked_minutes, one.percent, one.chargeable_minutes) for one in entry.segments
    ] == [
        (at(16), at(17), 60, 100, 60),
        (at(17), at(19), 120, 150, 180),
    ]
    assert (entry.chargeable_minutes, entry.charge_why) == (240, "Charged at 150 %.")
    assert [one.rule for one in entry.segments] == [None, "p0"]
    assert sample.see(audit_desk).ok


def test_a_plain_entry_has_one_segment_that_is_not_stored(sample: SampleDesk) -> None:
    sample.set(rounding={"increment_minutes": 15})
    request = evening(sample)
    sample.work(request, 20)
    [row] = sample.entries(request)
    assert row.segments is None
    [segment] = the_work(sample, request).segments
    assert (segment.to, segment.worked_minutes, segment.rounded_minutes) == (None, 20, 30)
    assert (segment.percent, segment.chargeable_minutes, segment.rule) == (100, 30, None)
    sample.do_as(sample.technician, change_work, row.id, ChangeWork(billable=False))
    assert the_work(sample, request).segments == []


def test_a_later_edit_of_the_note_moves_no_minute_and_one_of_the_time_uses_the_calendars_then(
    sample: SampleDesk,
) -> None:
    sample.publish_rules(charging=charging((in_calendar("after_hours"), 150)))
    request = evening(sample)
    sample.work_span(request, at(16), minutes=120)
    calendars = json.loads((RULES / "calendars.json").read_text())
    calendars["calendars"][0]["weekly"]["mon"] = []
    sample.publish_rules(calendars=json.dumps(calendars | {"examples": []}))
    [entry] = sample.entries(request)
    sample.do_as(sample.technician, change_work, entry.id, ChangeWork(note="On site"))
    assert the_work(sample, request).chargeable_minutes == 150
    sample.do_as(sample.technician, change_work, entry.id, ChangeWork(ended_at=at(18, 30)))
    assert the_work(sample, request).chargeable_minutes == 60 + 135


def test_a_contract_that_runs_out_pays_the_segments_in_order(sample: SampleDesk) -> None:
    sample.publish_rules(charging=charging((in_calendar("after_hours"), 200)))
    sample.sell("support_hours", minutes=100)
    request = sample.log()
    sample.clock.move(days=1)
    assert sample.work_span(request, at(16), minutes=120) == [("grant", 60), ("grant", 40), ("carried", 80)]
    assert sample.see(audit_desk).ok


def test_the_price_is_shown_to_those_who_see_prices(sample: SampleDesk) -> None:
    sample.publish_rules(
        charging=charging((in_calendar("after_hours"), 150)),
        rate_cards__standard=card((in_calendar("after_hours"), 9_001), (ALWAYS, 6_000)),
    )
    request = evening(sample)
    sample.work_span(request, at(16, 30), minutes=35)
    entry = the_work(sample, request)
    # 5 minutes at 150 % are 7.5, so 8: 8 * 9001 / 60 is 1200.13
    assert [(one.rate.amount_minor, one.price.amount_minor) for one in entry.segments] == [
        (6_000, 3_000),
        (9_001, 1_200),
    ]
    assert (entry.price.amount_minor, entry.price.currency) == (4_200, "EUR")
    seen = the_work(sample, request, sample.technician)
    assert seen.price is None
    assert all(one.rate is None and one.price is None for one in seen.segments)


def test_a_contract_names_its_rate_card(sample: SampleDesk) -> None:
    sample.publish_rules(rate_cards__gold=card((ALWAYS, 12_000)), rate_cards__standard=card((ALWAYS, 6_000)))
    sample.sell("support_hours", minutes=600, rate_card="gold")
    request = sample.log()
    sample.work(request, 30)
    assert the_work(sample, request).price.amount_minor == 6_000
    with pytest.raises(InvalidInput, match=r"no rate card 'silver'\. Known: gold, standard"):
        sample.sell("support_hours", minutes=600, rate_card="silver")


@pytest.mark.parametrize(
    ("days", "priced"),
    [
        ({}, True),
        ({"first_day": "2026-03-02"}, True),
        ({"first_day": "2026-03-03"}, False),
        ({"last_day": "2026-03-02"}, True),
        ({"last_day": "2026-03-01"}, False),
    ],
)
def test_a_rate_holds_from_its_first_to_its_last_day(
    sample: SampleDesk, days: dict[str, str], priced: bool
) -> None:
    sample.publish_rules(rate_cards__standard=card((ALWAYS, 6_000), **days))
    request = evening(sample)
    assert MONDAY.date().isoformat() == "2026-03-02"
    command = WorkGiven(minutes=60, worked_at=MONDAY)
    shown = sample.see_as(sample.supervisor, lambda tx: preview_view(tx, preview_work(tx, request, command)))
    assert (shown.price is not None) is priced


def test_rules_by_item_type_read_the_type_of_the_item(sample: SampleDesk) -> None:
    laptop = {"all": [{"name": "item_type", "operator": "equal_to", "value": "laptop"}]}
    sample.publish_rules(charging=charging((laptop, 50)))
    with sample.desk.write() as tx:
        tx.connection.execute(t.item.update().where(t.item.c.id == sample.laptop).values(item_type="laptop"))
    request = evening(sample)
    sample.work(request, 60)
    assert the_work(sample, request).chargeable_minutes == 30


@pytest.mark.parametrize(
    ("path", "text", "words"),
    [
        (STANDARD, card((ALWAYS, 0)), "0 is out of range. Write a number from 1"),
        (STANDARD, card((ALWAYS, 1), currency="USD"), "The card is in USD, and the desk's currency is EUR"),
        (STANDARD, card((ALWAYS, 1), first_day="2026-02-02", last_day="2026-02-01"), "before it begins"),
        ("charging.json", charging((in_calendar("nights"), 150)), '"nights" is not a calendar of'),
        ("calendars.json", calendar(), 'The calendar "x" has no hours'),
        ("calendars.json", calendar(holidays=[{"country": "XX"}]), "no holidays of a country 'XX'"),
        ("calendars.json", calendar(weekly={"mon": [["09:00", "09:00"]]}), "09:00 to 09:00 is empty"),
    ],
)
def test_mistakes_in_rates_and_calendars_are_named(
    sample: SampleDesk, path: str, text: str, words: str
) -> None:
    in_force = sample.see(lambda tx: dict(tx.rules.files))
    found = sample.see(check_rules, in_force | {path: text})
    assert not found.ok
    assert any(words in one.message for one in found.problems if one.severity == "error"), found.problems


def test_the_currency_stays_while_a_card_has_prices_in_it(sample: SampleDesk) -> None:
    sample.publish_rules(rate_cards__standard=card((ALWAYS, 6_000)))
    with pytest.raises(InvalidInput, match="The rate card standard has prices in EUR"):
        sample.do(change_settings, {"currency": "CHF"})
    sample.publish_rules(rate_cards__standard=card())
    assert sample.do(change_settings, {"currency": "CHF"}).currency == "CHF"


def test_a_card_that_contracts_name_cannot_be_removed(sample: SampleDesk) -> None:
    sample.publish_rules(rate_cards__gold=card((ALWAYS, 12_000)))
    sample.sell("support_hours", minutes=600, rate_card="gold")
    files = sample.see(lambda tx: dict(tx.rules.files))
    del files["rate_cards/gold.json"]
    found = sample.see(check_rules, files)
    assert [one.message for one in found.problems if one.severity == "error"] == [
        "The file is missing, but there are contracts with this rate card. Restore it."
    ]
