"""The service requests of the demonstration: two months of daily calls, and some that show a feature."""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta

from engine.rulebook import RuleSetRefused, load_rule_set
from workflows.commands.contracts import TakeContract
from workflows.commands.service_requests import FireTrigger
from workflows.contracts.offers import take_contract
from workflows.contracts.use_cases import enable_contract
from workflows.core.transaction import Transaction
from workflows.coverage.search import own_contract
from workflows.demo.actions import assign, fire, log, sell, work, write
from workflows.demo.people import (
    LOGIN_CUSTOMERS,
    NOT_BILLABLE,
    NOTES,
    PEOPLE,
    REPLIES,
    RESOLUTIONS,
    SHARED,
    SUBJECTS,
    UNITS,
    WORK_NOTES,
    Person,
)
from workflows.demo.timeline import Timeline
from workflows.rule_sets.proposals import submit_rule_set
from workflows.service_requests.use_cases import fire_trigger

CALLS = 112
FIRST_DAY, LAST_DAY = 59, 0
TECHNICIANS = ("technician", "technician-2", "technician-3")
PRIORITIES = ("low", "normal", "normal", "normal", "normal", "high", "high", "critical")
LENGTHS = (10, 15, 20, 25, 30, 30, 45, 45, 60, 75, 90, 120)
HOLDS = ("customer", "customer", "supplier", "scheduled")
PARENTS = {unit.code: unit.parent for unit in UNITS}


def plan_before_activation(timeline: Timeline) -> None:
    """Plan calls from before contracts were switched on: they continue without coverage."""
    log(
        timeline,
        "before-1",
        timeline.at(64, 10),
        "Greta Sommer",
        "LIND-SRV-02",
        "Year-end figures are missing",
    )
    log(
        timeline,
        "before-2",
        timeline.at(63, 11),
        "Imogen Marrow",
        "MF-SRV-01",
        "Move the archive to new disks",
    )
    log(timeline, "before-3", timeline.at(63, 14), "Theo Brook", "ROSE-PRN-01", "Wristbands are not cut")
    fire(timeline, "before-2", timeline.at(63, 13), "technician", "start")
    fire(timeline, "before-3", timeline.at(63, 15), "technician-2", "start")


def plan_requests(timeline: Timeline, files: Mapping[str, str]) -> None:
    """Plan all calls. `files` are the rule files in force, which a trial changes for a day."""
    fire(timeline, "before-1", timeline.at(60, 15), "technician-2", "start")
    fire(timeline, "before-1", timeline.at(57, 16), "technician-2", "resolve", note=RESOLUTIONS[4])
    fire(timeline, "before-3", timeline.at(57, 15), "technician-2", "resolve", note=RESOLUTIONS[3])
    for number in range(CALLS):
        _plan_call(timeline, f"call-{number}")
    _plan_without_contract(timeline)
    _plan_waiting(timeline)
    _plan_offered(timeline, files)
    _plan_targets(timeline)
    _plan_unfinished(timeline)
    _plan_reopened(timeline)


def _plan_call(timeline: Timeline, key: str) -> None:
    """Plan one ordinary call, as far as it has progressed by now."""
    random = timeline.random
    person = random.choice([one for one in PEOPLE if not one.units[0].startswith("HALD")])
    item, kind = _item_of(timeline, person)
    opened = timeline.in_business_hours(
        timeline.at(random.randint(LAST_DAY, FIRST_DAY), random.randint(8, 16), random.randrange(60))
    )
    technician = random.choice(TECHNICIANS)
    portal = person.name in LOGIN_CUSTOMERS and random.random() < 0.6
    log(
        timeline,
        key,
        opened,
        person.name,
        item,
        random.choice(SUBJECTS[kind]),
        priority=random.choice(PRIORITIES),
        who=f"customer:{person.name}" if portal else random.choice(TECHNICIANS),
        channel="portal" if portal else random.choice(("phone", "phone", "mail")),
        work_type=random.choice((None, None, "remote", "on_site")),
    )
    if random.random() < 0.06:
        fire(
            timeline,
            key,
            timeline.in_business_hours(opened + timedelta(hours=3)),
            technician,
            "cancel",
            reason="Solved itself, the customer says",
        )
        return
    _plan_work(timeline, key, opened, technician, person)


def _plan_work(timeline: Timeline, key: str, opened: datetime, technician: str, person: Person) -> None:
    random = timeline.random
    at = timeline.in_business_hours(opened + timedelta(minutes=random.randint(8, 200)))
    if random.random() < 0.4:
        assign(timeline, key, opened + timedelta(minutes=5), technician)
    fire(timeline, key, at, technician, "start")
    for _ in range(random.randint(1, 3)):
        length = random.choice(LENGTHS)
        at = timeline.in_business_hours(at + timedelta(minutes=random.randint(5, 90))) + timedelta(
            minutes=length
        )
        note = random.choice(WORK_NOTES)
        free = NOT_BILLABLE[length % len(NOT_BILLABLE)] if random.random() <= 0.08 else None
        at_once = random.random() < 0.2
        work(timeline, key, at, technician, length, note, not_billable_reason=free, at_once=at_once)
        if random.random() < 0.45:
            write(
                timeline,
                key,
                at + timedelta(minutes=6),
                technician,
                random.choice(NOTES),
                public=random.random() < 0.5,
            )
        if random.random() < 0.25:
            at = _plan_hold(timeline, key, at, technician, person)
    resolved = timeline.in_business_hours(at + timedelta(minutes=random.randint(10, 60)))
    fire(timeline, key, resolved, technician, "resolve", note=random.choice(RESOLUTIONS))
    if random.random() < 0.5:
        closed = timeline.in_business_hours(resolved + timedelta(days=random.randint(1, 3)))
        fire(timeline, key, closed, technician, "close", note="The customer agrees")


def _plan_hold(timeline: Timeline, key: str, at: datetime, technician: str, person: Person) -> datetime:
    """Plan a hold of some days; returns the instant at which it is resumed."""
    random = timeline.random
    reason = random.choice(HOLDS)
    fire(timeline, key, at + timedelta(minutes=8), technician, "hold", reason=reason)
    goes_on = timeline.in_business_hours(at + timedelta(hours=random.choice((5, 20, 28, 50, 96))))
    if reason == "customer":
        answered = goes_on - timedelta(minutes=15)
        write(timeline, key, answered, f"customer:{person.name}", random.choice(REPLIES))
    fire(timeline, key, goes_on, technician, "resume")
    return goes_on


def _item_of(timeline: Timeline, person: Person) -> tuple[str, str]:
    """An item that the person may ask about, and its type; every second time their own notebook."""
    if timeline.random.random() < 0.5:
        return notebook_of(person), "notebook"
    line = {code for unit in person.units for code in _line(unit)}
    shared = [thing for thing in SHARED if thing.owner in line]
    if not shared:
        return notebook_of(person), "notebook"
    thing = timeline.random.choice(shared)
    return thing.number, thing.item_type


def notebook_of(person: Person) -> str:
    """The number of a person's notebook."""
    return f"NB-{101 + PEOPLE.index(person)}"


def _line(code: str | None) -> list[str]:
    line: list[str] = []
    while code is not None:
        line.append(code)
        code = PARENTS[code]
    return line


def _plan_without_contract(timeline: Timeline) -> None:
    """Plan calls of the gallery, which has no contract: one is created for each call."""
    for number, (days_ago, subject) in enumerate(
        ((48, "Tickets are sold twice"), (36, "Opening hours are wrong online"), (3, "Vouchers are refused"))
    ):
        key = f"gallery-{number}"
        at = timeline.at(days_ago, 10, 20)
        item = "HALD-WEB-01" if number < 2 else None
        log(timeline, key, at, "Edda Halden", item, subject, priority="high")
        _plan_enabling(timeline, key, at + timedelta(hours=2))
        fire(timeline, key, at + timedelta(hours=3), "technician-3", "start")
        work(timeline, key, at + timedelta(hours=5), "technician-3", 95, "Configuration")
        if number < 2:
            fire(timeline, key, at + timedelta(hours=6), "technician-3", "resolve", note=RESOLUTIONS[2])
            fire(timeline, key, at + timedelta(days=2), "technician-3", "close")
    log(timeline, "gallery-left", timeline.at(2, 9, 40), "Mona Gray", "HALD-POS-01", "Card reader not found")
    log(
        timeline,
        "gallery-left-2",
        timeline.at(1, 15, 5),
        "Edda Halden",
        None,
        "Sound system in the foyer hums",
    )
    log(timeline, "gallery-gone", timeline.at(26, 11), "Mona Gray", "HALD-POS-01", "Receipt printer jams")
    fire(timeline, "gallery-gone", timeline.at(25, 9), "technician", "cancel", reason="Bought a new till")


def _plan_waiting(timeline: Timeline) -> None:
    """Plan calls that wait for a contract which is not in force yet, and one whose contract has started."""
    log(timeline, "waits-start", timeline.at(2, 14), "Edda Halden", "HALD-DSP-01", "Picture flickers")
    log(
        timeline, "waits-enable", timeline.at(3, 13, 30), "Edda Halden", "HALD-DSP-02", "Shows the wrong loop"
    )
    log(
        timeline,
        "waits-payment",
        timeline.at(1, 10, 15),
        "Edda Halden",
        "HALD-DSP-03",
        "Stays dark after lunch",
    )
    sell(
        timeline,
        "awaited",
        "support_hours",
        "unit:HALD-SHOP",
        timeline.at(24, 10),
        minutes=120,
        price=260,
        starts_on=timeline.day(19),
        ends_on=timeline.day(6),
    )
    log(timeline, "waited", timeline.at(22, 12), "Mona Gray", "HALD-POS-01", "Day's closing does not finish")
    fire(timeline, "waited", timeline.at(19, 9), "technician", "start")
    work(timeline, "waited", timeline.at(19, 10), "technician", 40, "Remote session")
    fire(timeline, "waited", timeline.at(19, 10, 30), "technician", "resolve", note=RESOLUTIONS[0])


def _plan_offered(timeline: Timeline, files: Mapping[str, str]) -> None:
    """Plan a day on which the rules offered a choice instead of creating a contract, and the rollback."""
    trial = _with_offers(files)
    if trial is None:
        return
    at = timeline.at(43, 9)
    note = "A trial: offer packs and hours"

    def publish(tx: Transaction) -> None:
        submit_rule_set(tx, trial, note)

    timeline.plan(at, "administrator", publish, is_exclusive=True)
    log(timeline, "offered", at + timedelta(hours=1), "Luis Ferreira", "HALD-WEB-01", "Seats are shown taken")
    log(timeline, "offered-2", at + timedelta(hours=2), "Edda Halden", None, "Advice on a new audio guide")
    timeline.plan(
        timeline.at(42, 9),
        "administrator",
        lambda tx: submit_rule_set(tx, files, "Back: offers confused the customers"),
        is_exclusive=True,
    )

    def take(tx: Transaction) -> None:
        take_contract(tx, timeline.ids["request:offered"], TakeContract(type="incident_pack"))

    timeline.plan(timeline.at(42, 14), "supervisor", take)
    fire(timeline, "offered", timeline.at(42, 15), "technician-3", "start")
    work(timeline, "offered", timeline.at(42, 16), "technician-3", 50, "Analysis")
    fire(timeline, "offered", timeline.at(42, 16, 20), "technician-3", "resolve", note=RESOLUTIONS[4])


def _plan_targets(timeline: Timeline) -> None:
    """Plan requests with targets of the gold SLA, around the clock: missed, soon missed, and still open."""
    for key, person, item, subject, priority, hours_ago, is_started in (
        ("late-1", "Doktor Amsel", "ROSE-SRV-01", "Images take minutes to load", "high", 30.0, True),
        ("late-2", "Ines Calder", "ROSE-APP-01", "Patients appear twice", "normal", 27.0, True),
        ("soon-1", "Theo Brook", "ROSE-PRN-01", "Prints blank wristbands", "high", 6.4, True),
        ("soon-2", "Mirjam Falk", "ROSE-SRV-01", "One study cannot be opened", "critical", 2.6, True),
        ("unanswered", "Vera Osterloh", "ROSE-APP-01", "Sign-in fails on the ward", "critical", 0.7, False),
        ("fresh", "Ruben Achterberg", "ROSE-APP-01", "New colleague needs access", "low", 0.4, False),
    ):
        at = timeline.now - timedelta(hours=hours_ago)
        log(timeline, key, at, person, item, subject, priority=priority)
        if is_started:
            fire(timeline, key, at + timedelta(minutes=12), "technician", "start")
            work(timeline, key, at + timedelta(minutes=55), "technician", 30, "Analysis")


def _plan_unfinished(timeline: Timeline) -> None:
    """Plan unfinished requests for any weekday: on hold for each reason, in progress, and new."""
    for key, person, item, subject, days_ago, reason in (
        ("holds-1", "Greta Sommer", "LIND-SRV-02", "Figures differ from the bank's", 5, "customer"),
        ("holds-2", "Emil Strand", "MF-PLT-01", "Cutting head is worn", 6, "supplier"),
        ("holds-3", "Bent Iversen", "ROSE-NET-01", "New extension for the ward", 4, "scheduled"),
        ("works-1", "Nora Kessel", "LIND-APP-01", "Alarm list is empty", 2, ""),
        ("works-2", "Hanna Vogel", "MF-NET-01", "Guests cannot log in", 2, ""),
        ("works-3", "Marta Heller", "LIND-NET-01", "Calls are cut off on floor 4", 1, ""),
    ):
        at = timeline.at(days_ago, 9, 35)
        technician = TECHNICIANS[days_ago % len(TECHNICIANS)]
        log(timeline, key, at, person, item, subject, work_type="on_site")
        fire(timeline, key, at + timedelta(hours=1), technician, "start")
        work(timeline, key, at + timedelta(hours=2), technician, 45, "Analysis")
        if reason:
            fire(timeline, key, at + timedelta(hours=3), technician, "hold", reason=reason)
            write(timeline, key, at + timedelta(hours=3, minutes=5), technician, NOTES[3], public=False)
    log(
        timeline, "new-1", timeline.now - timedelta(minutes=25), "Stefan Uhl", "LIND-PRN-01", "Prints stripes"
    )
    log(
        timeline,
        "new-2",
        timeline.now - timedelta(minutes=11),
        "Paula Winter",
        "NB-114",
        "Fan is loud all day",
    )


def _plan_reopened(timeline: Timeline) -> None:
    """Plan two reopenings: within the window the contract covers, after it coverage is searched again."""
    for key, person, opened, back in (("again-1", "Lea Hagedorn", 12, 8), ("again-2", "Malik Sarr", 40, 5)):
        at = timeline.at(opened, 9, 15)
        item = "MF-PLT-01" if key == "again-1" else "ROSE-NET-01"
        log(timeline, key, at, person, item, "Came back after the last repair")
        fire(timeline, key, at + timedelta(hours=1), "technician-2", "start")
        work(timeline, key, at + timedelta(hours=3), "technician-2", 60, "On site")
        fire(timeline, key, at + timedelta(hours=4), "technician-2", "resolve", note=RESOLUTIONS[3])
        fire(timeline, key, at + timedelta(hours=6), "technician-2", "close")
        _plan_reopening(timeline, key, timeline.at(back, 10), person)


def _plan_reopening(timeline: Timeline, key: str, at: datetime, person: str) -> None:
    def reopen(tx: Transaction) -> None:
        values = {"trigger": "reopen", "note": "It has just happened again."}
        fire_trigger(tx, timeline.ids[f"request:{key}"], FireTrigger.model_validate(values))

    timeline.plan(at, f"customer:{person}", reopen)
    work(timeline, key, at + timedelta(hours=2), "technician-2", 35, "Remote session")


def _plan_enabling(timeline: Timeline, key: str, at: datetime) -> None:
    """Plan the enabling of the contract that was created for a call."""

    def enable(tx: Transaction) -> None:
        made = own_contract(tx, timeline.ids[f"request:{key}"])
        if made is not None:
            enable_contract(tx, made)

    timeline.plan(at, "supervisor", enable)


def _with_offers(files: Mapping[str, str]) -> dict[str, str] | None:
    """The rule files with offers instead of created contracts; None if that is not possible."""
    coverage = json.loads(files["coverage.json"])
    offer = {"name": "offer_contracts", "params": {"types": ["incident_pack", "support_hours"]}}
    changed = False
    for rule in coverage["rules"]:
        if any(action["name"] == "create_contract" for action in rule["actions"]):
            rule["actions"], changed = [offer], True
    for example in coverage["examples"]:
        if example["decision"].get("outcome") == "created":
            example["decision"]["outcome"] = "offered"
    changed_texts = {**files, "coverage.json": json.dumps(coverage, indent=2)}
    try:
        load_rule_set(changed_texts)
    except RuleSetRefused:
        return None
    return changed_texts if changed else None
