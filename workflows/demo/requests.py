"""The service requests of the demonstration: two months of calls, and some that show a thing on purpose."""

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
from workflows.demo.actions import fire, give, log, sell, work, write
from workflows.demo.people import (
    LOGIN_CUSTOMERS,
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
from workflows.demo.timeline import Stage
from workflows.rule_sets.proposals import submit_rule_set
from workflows.service_requests.use_cases import fire_trigger

CALLS = 112
FIRST_DAY, LAST_DAY = 59, 0
TECHNICIANS = ("technician", "technician-2", "technician-3")
PRIORITIES = ("low", "normal", "normal", "normal", "normal", "high", "high", "critical")
LENGTHS = (10, 15, 20, 25, 30, 30, 45, 45, 60, 75, 90, 120)
HOLDS = ("customer", "customer", "supplier", "scheduled")
PARENTS = {unit.code: unit.parent for unit in UNITS}


def plan_before_activation(stage: Stage) -> None:
    """Calls from before contracts were on: they go on as they were."""
    log(stage, "before-1", stage.at(64, 10), "Greta Sommer", "LIND-SRV-02", "Year-end figures are missing")
    log(stage, "before-2", stage.at(63, 11), "Imogen Marrow", "MF-SRV-01", "Move the archive to new disks")
    log(stage, "before-3", stage.at(63, 14), "Theo Brook", "ROSE-PRN-01", "Wristbands are not cut")
    fire(stage, "before-2", stage.at(63, 13), "technician", "start")
    fire(stage, "before-3", stage.at(63, 15), "technician-2", "start")


def plan_requests(stage: Stage, texts: Mapping[str, str]) -> None:
    """Put down all calls. `texts` are the rule files in force, which a trial changes for a day."""
    fire(stage, "before-1", stage.at(60, 15), "technician-2", "start")
    fire(stage, "before-1", stage.at(57, 16), "technician-2", "resolve", note=RESOLUTIONS[4])
    fire(stage, "before-3", stage.at(57, 15), "technician-2", "resolve", note=RESOLUTIONS[3])
    for number in range(CALLS):
        _plan_call(stage, f"call-{number}")
    _plan_without_contract(stage)
    _plan_waiting(stage)
    _plan_offered(stage, texts)
    _plan_targets(stage)
    _plan_unfinished(stage)
    _plan_reopened(stage)


# ------------------------------------------------------------------ daily calls


def _plan_call(stage: Stage, key: str) -> None:
    """One call of an ordinary day, as far as it has come by now."""
    random = stage.random
    person = random.choice([one for one in PEOPLE if not one.units[0].startswith("HALD")])
    item, kind = _item_of(stage, person)
    opened = stage.in_hours(
        stage.at(random.randint(LAST_DAY, FIRST_DAY), random.randint(8, 16), random.randrange(60))
    )
    technician = random.choice(TECHNICIANS)
    portal = person.name in LOGIN_CUSTOMERS and random.random() < 0.6
    log(
        stage,
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
            stage,
            key,
            stage.in_hours(opened + timedelta(hours=3)),
            technician,
            "cancel",
            reason="Solved itself, the customer says",
        )
        return
    _plan_work(stage, key, opened, technician, person)


def _plan_work(stage: Stage, key: str, opened: datetime, technician: str, person: Person) -> None:
    random = stage.random
    at = stage.in_hours(opened + timedelta(minutes=random.randint(8, 200)))
    if random.random() < 0.4:
        give(stage, key, opened + timedelta(minutes=5), technician)
    fire(stage, key, at, technician, "start")
    for _ in range(random.randint(1, 3)):
        length = random.choice(LENGTHS)
        at = stage.in_hours(at + timedelta(minutes=random.randint(5, 90))) + timedelta(minutes=length)
        note, billable = random.choice(WORK_NOTES), random.random() > 0.08
        work(stage, key, at, technician, length, note, billable=billable, at_once=random.random() < 0.2)
        if random.random() < 0.45:
            write(
                stage,
                key,
                at + timedelta(minutes=6),
                technician,
                random.choice(NOTES),
                public=random.random() < 0.5,
            )
        if random.random() < 0.25:
            at = _plan_hold(stage, key, at, technician, person)
    resolved = stage.in_hours(at + timedelta(minutes=random.randint(10, 60)))
    fire(stage, key, resolved, technician, "resolve", note=random.choice(RESOLUTIONS))
    if random.random() < 0.5:
        closed = stage.in_hours(resolved + timedelta(days=random.randint(1, 3)))
        fire(stage, key, closed, technician, "close", note="The customer agrees")


def _plan_hold(stage: Stage, key: str, at: datetime, technician: str, person: Person) -> datetime:
    """Put it on hold for some days; answers when it goes on."""
    random = stage.random
    reason = random.choice(HOLDS)
    fire(stage, key, at + timedelta(minutes=8), technician, "hold", reason=reason)
    goes_on = stage.in_hours(at + timedelta(hours=random.choice((5, 20, 28, 50, 96))))
    if reason == "customer":
        answered = goes_on - timedelta(minutes=15)
        write(stage, key, answered, f"customer:{person.name}", random.choice(REPLIES))
    fire(stage, key, goes_on, technician, "resume")
    return goes_on


def _item_of(stage: Stage, person: Person) -> tuple[str, str]:
    """Something the person may ask about, and its type: their own notebook as often as all else."""
    if stage.random.random() < 0.5:
        return notebook_of(person), "notebook"
    line = {code for unit in person.units for code in _line(unit)}
    shared = [thing for thing in SHARED if thing.owner in line]
    if not shared:
        return notebook_of(person), "notebook"
    thing = stage.random.choice(shared)
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


# ------------------------------------------------------------------ on purpose


def _plan_without_contract(stage: Stage) -> None:
    """The gallery has no contract: one is made for each call, and taken, left or cancelled."""
    for number, (days_ago, subject) in enumerate(
        ((48, "Tickets are sold twice"), (36, "Opening hours are wrong online"), (3, "Vouchers are refused"))
    ):
        key = f"gallery-{number}"
        at = stage.at(days_ago, 10, 20)
        item = "HALD-WEB-01" if number < 2 else None
        log(stage, key, at, "Edda Halden", item, subject, priority="high")
        _plan_taken(stage, key, at + timedelta(hours=2))
        fire(stage, key, at + timedelta(hours=3), "technician-3", "start")
        work(stage, key, at + timedelta(hours=5), "technician-3", 95, "Configuration")
        if number < 2:
            fire(stage, key, at + timedelta(hours=6), "technician-3", "resolve", note=RESOLUTIONS[2])
            fire(stage, key, at + timedelta(days=2), "technician-3", "close")
    log(stage, "gallery-left", stage.at(2, 9, 40), "Mona Gray", "HALD-POS-01", "Card reader not found")
    log(stage, "gallery-left-2", stage.at(1, 15, 5), "Edda Halden", None, "Sound system in the foyer hums")
    log(stage, "gallery-gone", stage.at(26, 11), "Mona Gray", "HALD-POS-01", "Receipt printer jams")
    fire(stage, "gallery-gone", stage.at(25, 9), "technician", "cancel", reason="Bought a new till")


def _plan_waiting(stage: Stage) -> None:
    """Calls that wait for a contract which is sold and not in force; one that was waited for came."""
    log(stage, "waits-start", stage.at(2, 14), "Edda Halden", "HALD-DSP-01", "Picture flickers")
    log(stage, "waits-enable", stage.at(3, 13, 30), "Edda Halden", "HALD-DSP-02", "Shows the wrong loop")
    log(stage, "waits-payment", stage.at(1, 10, 15), "Edda Halden", "HALD-DSP-03", "Stays dark after lunch")
    sell(
        stage,
        "awaited",
        "support_hours",
        "unit:HALD-SHOP",
        stage.at(24, 10),
        minutes=120,
        price=260,
        starts_on=stage.day(19),
        ends_on=stage.day(6),
    )
    log(stage, "waited", stage.at(22, 12), "Mona Gray", "HALD-POS-01", "Day's closing does not finish")
    fire(stage, "waited", stage.at(19, 9), "technician", "start")
    work(stage, "waited", stage.at(19, 10), "technician", 40, "Remote session")
    fire(stage, "waited", stage.at(19, 10, 30), "technician", "resolve", note=RESOLUTIONS[0])


def _plan_offered(stage: Stage, texts: Mapping[str, str]) -> None:
    """For one day the rules offered a choice in place of making a contract; then they were rolled back."""
    trial = _offering(texts)
    if trial is None:
        return
    at = stage.at(43, 9)
    note = "A trial: offer packs and hours"

    def publish(tx: Transaction) -> None:
        submit_rule_set(tx, trial, note)

    stage.plan(at, "administrator", publish, alone=True)
    log(stage, "offered", at + timedelta(hours=1), "Luis Ferreira", "HALD-WEB-01", "Seats are shown taken")
    log(stage, "offered-2", at + timedelta(hours=2), "Edda Halden", None, "Advice on a new audio guide")
    stage.plan(
        stage.at(42, 9),
        "administrator",
        lambda tx: submit_rule_set(tx, texts, "Back: offers confused the customers"),
        alone=True,
    )

    def take(tx: Transaction) -> None:
        take_contract(tx, stage.ids["request:offered"], TakeContract(type="incident_pack"))

    stage.plan(stage.at(42, 14), "supervisor", take)
    fire(stage, "offered", stage.at(42, 15), "technician-3", "start")
    work(stage, "offered", stage.at(42, 16), "technician-3", 50, "Analysis")
    fire(stage, "offered", stage.at(42, 16, 20), "technician-3", "resolve", note=RESOLUTIONS[4])


def _plan_targets(stage: Stage) -> None:
    """Targets of the gold level, round the clock: missed, soon missed, and met so far."""
    for key, person, item, subject, priority, hours_ago, is_started in (
        ("late-1", "Doktor Amsel", "ROSE-SRV-01", "Images take minutes to load", "high", 30.0, True),
        ("late-2", "Ines Calder", "ROSE-APP-01", "Patients appear twice", "normal", 27.0, True),
        ("soon-1", "Theo Brook", "ROSE-PRN-01", "Prints blank wristbands", "high", 6.4, True),
        ("soon-2", "Mirjam Falk", "ROSE-SRV-01", "One study cannot be opened", "critical", 2.6, True),
        ("unanswered", "Vera Osterloh", "ROSE-APP-01", "Sign-in fails on the ward", "critical", 0.7, False),
        ("fresh", "Ruben Achterberg", "ROSE-APP-01", "New colleague needs access", "low", 0.4, False),
    ):
        at = stage.now - timedelta(hours=hours_ago)
        log(stage, key, at, person, item, subject, priority=priority)
        if is_started:
            fire(stage, key, at + timedelta(minutes=12), "technician", "start")
            work(stage, key, at + timedelta(minutes=55), "technician", 30, "Analysis")


def _plan_unfinished(stage: Stage) -> None:
    """What lies on the desk whatever the weekday: on hold for each reason, in work, and untouched."""
    for key, person, item, subject, days_ago, reason in (
        ("holds-1", "Greta Sommer", "LIND-SRV-02", "Figures differ from the bank's", 5, "customer"),
        ("holds-2", "Emil Strand", "MF-PLT-01", "Cutting head is worn", 6, "supplier"),
        ("holds-3", "Bent Iversen", "ROSE-NET-01", "New extension for the ward", 4, "scheduled"),
        ("works-1", "Nora Kessel", "LIND-APP-01", "Alarm list is empty", 2, ""),
        ("works-2", "Hanna Vogel", "MF-NET-01", "Guests cannot log in", 2, ""),
        ("works-3", "Marta Heller", "LIND-NET-01", "Calls are cut off in room 4", 1, ""),
    ):
        at = stage.at(days_ago, 9, 35)
        technician = TECHNICIANS[days_ago % len(TECHNICIANS)]
        log(stage, key, at, person, item, subject, work_type="on_site")
        fire(stage, key, at + timedelta(hours=1), technician, "start")
        work(stage, key, at + timedelta(hours=2), technician, 45, "Analysis")
        if reason:
            fire(stage, key, at + timedelta(hours=3), technician, "hold", reason=reason)
            write(stage, key, at + timedelta(hours=3, minutes=5), technician, NOTES[3], public=False)
    log(stage, "new-1", stage.now - timedelta(minutes=25), "Stefan Uhl", "LIND-PRN-01", "Prints stripes")
    log(stage, "new-2", stage.now - timedelta(minutes=11), "Paula Winter", "NB-114", "Fan is loud all day")


def _plan_reopened(stage: Stage) -> None:
    """Solved, and not: within the window it keeps its contract; long after, it is searched anew."""
    for key, person, opened, back in (("again-1", "Lea Hagedorn", 12, 8), ("again-2", "Malik Sarr", 40, 5)):
        at = stage.at(opened, 9, 15)
        item = "MF-PLT-01" if key == "again-1" else "ROSE-NET-01"
        log(stage, key, at, person, item, "Came back after the last repair")
        fire(stage, key, at + timedelta(hours=1), "technician-2", "start")
        work(stage, key, at + timedelta(hours=3), "technician-2", 60, "On site")
        fire(stage, key, at + timedelta(hours=4), "technician-2", "resolve", note=RESOLUTIONS[3])
        fire(stage, key, at + timedelta(hours=6), "technician-2", "close")
        _plan_return(stage, key, stage.at(back, 10), person)


def _plan_return(stage: Stage, key: str, at: datetime, person: str) -> None:
    def reopen(tx: Transaction) -> None:
        words = {"trigger": "reopen", "note": "It has just happened again."}
        fire_trigger(tx, stage.ids[f"request:{key}"], FireTrigger.model_validate(words))

    stage.plan(at, f"customer:{person}", reopen)
    work(stage, key, at + timedelta(hours=2), "technician-2", 35, "Remote session")


def _plan_taken(stage: Stage, key: str, at: datetime) -> None:
    """The contract that was made for a call is enabled."""

    def enable(tx: Transaction) -> None:
        made = own_contract(tx, stage.ids[f"request:{key}"])
        if made is not None:
            enable_contract(tx, made)

    stage.plan(at, "supervisor", enable)


def _offering(texts: Mapping[str, str]) -> dict[str, str] | None:
    """The rule files with offers where they make a contract; None where they do not, or it does not fit."""
    coverage = json.loads(texts["coverage.json"])
    offer = {"name": "offer_contracts", "params": {"types": ["incident_pack", "support_hours"]}}
    changed = False
    for rule in coverage["rules"]:
        if any(action["name"] == "create_contract" for action in rule["actions"]):
            rule["actions"], changed = [offer], True
    for example in coverage["examples"]:
        if example["decision"].get("outcome") == "created":
            example["decision"]["outcome"] = "offered"
    changed_texts = {**texts, "coverage.json": json.dumps(coverage, indent=2)}
    try:
        load_rule_set(changed_texts)
    except RuleSetRefused:
        return None
    return changed_texts if changed else None
