"""The contracts of the demonstration: those that cover the daily work, and every type in every state.

Each state is reached as it would be in reality: sold in advance, sold without enabling, awaiting payment,
expired, used up, cancelled, renewed. These contracts are held by items that the daily work does not use.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from workflows.administration.settings import change_settings
from workflows.commands.contracts import Adjust, CancelContract, Renew, TopUp
from workflows.commands.fields import MoneyGranted, RateGiven
from workflows.contracts.use_cases import adjust, cancel_contract, renew, top_up
from workflows.core.transaction import Transaction
from workflows.demo.actions import fire, log, sell, work
from workflows.demo.people import Thing
from workflows.demo.rates import CARD
from workflows.demo.timeline import Timeline

TYPES = (
    "subscription",
    "time_limited_subscription",
    "support_hours",
    "support_hours_by_month",
    "incident_pack",
    "prepaid_amount",
)
OVERAGE_RATE_MINOR = 9_500
METERED = ("time_limited_subscription", "support_hours", "prepaid_amount")
QUANTITY: dict[str, dict[str, Any]] = {
    "subscription": {},
    "time_limited_subscription": {"minutes": 300},
    "support_hours": {"minutes": 240},
    "support_hours_by_month": {"minutes": 180},
    "incident_pack": {"incidents": 2},
    "prepaid_amount": {"money": MoneyGranted(amount_minor=48_000), "rate_card": CARD},
}
PRICES = {
    "subscription": 1180,
    "time_limited_subscription": 690,
    "support_hours": 480,
    "support_hours_by_month": 1440,
    "incident_pack": 220,
    "prepaid_amount": 480,
}
OWNERS = (
    ("LIND-BER", "Wiebke Thal"),
    ("MF-HAM", "Lea Hagedorn"),
    ("ROSE-S", "Malik Sarr"),
    ("HALD", "Edda Halden"),
    ("LIND-LEJ", "Karim Yilmaz"),
    ("MF-MUC", "Carlo Bianchi"),
)
KINDS = (
    ("CAM", "Camera", "camera"),
    ("SCN", "Scanner", "scanner"),
    ("UPS", "Power backup", "power"),
    ("DSP", "Display", "display"),
    ("NAS", "Network storage", "storage"),
    ("PLT", "Plotter", "printer"),
)
STATES = (
    "awaiting_start",
    "awaiting_enable",
    "awaiting_payment",
    "expired",
    "cancelled",
    "renewed",
    "exhausted",
)
PREPAID_DAYS_AGO = 9
"""On this day, payment was required for an hour."""


def own_items() -> list[Thing]:
    """An item for each contract type and state that is shown on an item."""
    return [
        Thing(_number(type_key, state), f"{KINDS[place][1]} {OWNERS[place][0]}", KINDS[place][2], owner)
        for place, type_key in enumerate(TYPES)
        for state in STATES
        for owner in (OWNERS[place][0],)
    ]


def plan_contracts(timeline: Timeline) -> None:
    """Plan all sales, renewals and endings."""
    _plan_daily(timeline)
    for type_key in TYPES:
        _plan_pending(timeline, type_key)
        _plan_ended(timeline, type_key)
        if type_key in METERED:
            _plan_exhausted(timeline, type_key)
    _plan_exhausted_pack(timeline)
    _plan_prepayment(timeline)


def _plan_daily(timeline: Timeline) -> None:
    """Plan the contracts that cover the daily work of the companies."""
    start = timeline.at(61, 9)
    sell(timeline, "lind", "support_hours", "unit:LIND", start, minutes=3000, price=4500)
    sell(
        timeline,
        "lind-ber",
        "subscription",
        "unit:LIND-BER",
        start,
        starts_on=timeline.day(150),
        ends_on=timeline.day(150) + timedelta(days=364),
        price=5200,
        sla="gold",
    )
    sell(timeline, "mf-ham", "incident_pack", "unit:MF-HAM", start, incidents=25, price=1900)
    sell(
        timeline,
        "mf-muc",
        "subscription",
        "unit:MF-MUC",
        start,
        starts_on=timeline.day(380),
        ends_on=timeline.day(21),
        price=2400,
    )
    _plan_change(
        timeline,
        timeline.at(35, 14),
        "mf-muc-2",
        lambda tx: renew(tx, timeline.ids["mf-muc"], Renew(ends_on=timeline.day(21) + timedelta(days=365))),
    )
    sell(timeline, "rose-n", "subscription", "unit:ROSE-N", start, price=7800, sla="gold")
    sell(
        timeline,
        "rose-s",
        "support_hours_by_month",
        "unit:ROSE-S",
        start,
        starts_on=timeline.day(58),
        minutes=600,
        price=9000,
    )
    sell(timeline, "rose", "time_limited_subscription", "unit:ROSE", start, minutes=1800, price=4100)
    sell(timeline, "marta", "incident_pack", "person:Oskar Lindqvist", start, incidents=5, price=450)
    # users who log in as a customer see contracts of their own, one of them near its end
    sell(
        timeline,
        "heller",
        "support_hours",
        "person:Marta Heller",
        timeline.at(47, 10),
        minutes=1200,
        price=1800,
        ends_on=timeline.today() + timedelta(days=128),
    )
    sell(
        timeline,
        "heller-notebook",
        "incident_pack",
        "item:NB-101",
        timeline.at(44, 11),
        incidents=5,
        price=450,
        ends_on=timeline.today() + timedelta(days=22),
    )
    sell(
        timeline,
        "ines",
        "subscription",
        "person:Luis Ferreira",
        timeline.at(30, 11),
        price=600,
        exclusions={"work_types": ["project"], "item_types": ["till"]},
    )
    _plan_change(
        timeline,
        timeline.at(20, 10),
        None,
        lambda tx: top_up(tx, timeline.ids["lind"], TopUp(minutes=600)),
    )
    _plan_change(
        timeline,
        timeline.at(16, 16),
        None,
        lambda tx: adjust(
            tx, timeline.ids["mf-ham"], Adjust(incidents=2, reason="Goodwill for the failed plotter visit")
        ),
    )
    _plan_change(
        timeline,
        timeline.at(12, 15),
        None,
        lambda tx: adjust(tx, timeline.ids["rose"], Adjust(minutes=-60, reason="Booked twice in March")),
    )


def _plan_pending(timeline: Timeline, type_key: str) -> None:
    """Plan contracts sold in advance, and contracts that are not enabled."""
    terms = {**QUANTITY[type_key], "price": PRICES[type_key]}
    for state, days_ago, more in (
        ("awaiting_start", 6, {"starts_on": timeline.today() + timedelta(days=12)}),
        ("awaiting_enable", 4, {"enable": False}),
    ):
        holder = _holder(type_key, state)
        sell(timeline, f"{state}:{type_key}", type_key, holder, timeline.at(days_ago, 11), **terms, **more)


def _plan_ended(timeline: Timeline, type_key: str) -> None:
    """Plan contracts that expire with a balance, are cancelled, or expire after a renewal."""
    terms = {**QUANTITY[type_key], "price": PRICES[type_key]}
    place = TYPES.index(type_key)
    for state, ended in (("expired", 9 + place), ("renewed", 13 + place)):
        holder = _holder(type_key, state)
        sell(
            timeline,
            f"{state}:{type_key}",
            type_key,
            holder,
            timeline.at(55, 10),
            starts_on=timeline.day(50),
            ends_on=timeline.day(ended),
            **terms,
        )
        _plan_call(timeline, f"{state}-{type_key}", type_key, state, timeline.at(34 - place, 13), minutes=45)
    _plan_change(
        timeline,
        timeline.at(18 + place, 15),
        f"successor:{type_key}",
        lambda tx: renew(
            tx, timeline.ids[f"renewed:{type_key}"], Renew(ends_on=timeline.today() + timedelta(180))
        ),
    )
    holder = _holder(type_key, "cancelled")
    sell(timeline, f"cancelled:{type_key}", type_key, holder, timeline.at(40, 10), **terms)
    _plan_change(
        timeline,
        timeline.at(15 + place, 16),
        None,
        lambda tx: cancel_contract(
            tx, timeline.ids[f"cancelled:{type_key}"], CancelContract(reason="The device was given away")
        ),
    )


def _plan_exhausted(timeline: Timeline, type_key: str) -> None:
    """Plan contracts with more work than was bought; the rest is carried, billed or ignored."""
    holder, key = _holder(type_key, "exhausted"), f"exhausted-{type_key}"
    rollover, bills = type_key == "support_hours", type_key == "time_limited_subscription"
    sell(
        timeline,
        f"exhausted:{type_key}",
        type_key,
        holder,
        timeline.at(44, 10),
        price=PRICES[type_key],
        time_expired="rollover" if rollover else "bill" if bills else "ignore",
        overage_rate=RateGiven(amount_minor=OVERAGE_RATE_MINOR) if bills else None,
        **QUANTITY[type_key],
    )
    for number, days_ago in enumerate((33, 32)):
        _plan_call(timeline, f"{key}-{number}", type_key, "exhausted", timeline.at(days_ago, 9), minutes=190)
    if rollover:
        sell(timeline, f"next:{type_key}", type_key, holder, timeline.at(10, 10), price=480, minutes=480)


def _plan_exhausted_pack(timeline: Timeline) -> None:
    holder = _holder("incident_pack", "exhausted")
    sell(
        timeline,
        "exhausted:incident_pack",
        "incident_pack",
        holder,
        timeline.at(44, 10),
        price=220,
        incidents=2,
    )
    for number, days_ago in enumerate((37, 30)):
        key = f"exhausted-incident_pack-{number}"
        _plan_call(timeline, key, "incident_pack", "exhausted", timeline.at(days_ago, 10), minutes=30)


def _plan_prepayment(timeline: Timeline) -> None:
    """Plan an hour in which contracts had to be paid first."""
    begin = timeline.at(PREPAID_DAYS_AGO, 10)
    timeline.plan(
        begin,
        "administrator",
        lambda tx: change_settings(tx, {"payment_required": True}),
        is_exclusive=True,
    )
    for type_key in TYPES:
        holder = _holder(type_key, "awaiting_payment")
        at = begin + timedelta(minutes=10)
        sell(
            timeline,
            f"prepaid:{type_key}",
            type_key,
            holder,
            at,
            price=PRICES[type_key],
            **QUANTITY[type_key],
        )
    sell(
        timeline,
        "prepaid-request",
        "per_request",
        "request:before-2",
        begin + timedelta(minutes=20),
        price=95,
    )
    timeline.plan(
        begin + timedelta(hours=1),
        "administrator",
        lambda tx: change_settings(tx, {"payment_required": False}),
        is_exclusive=True,
    )


def _plan_call(
    timeline: Timeline, key: str, type_key: str, state: str, at: datetime, *, minutes: int
) -> None:
    """Plan a service request about one of these items, worked on and closed on the same day."""
    customer = OWNERS[TYPES.index(type_key)][1]
    log(timeline, key, at, customer, _number(type_key, state), "Does not come back after the update")
    fire(timeline, key, at + timedelta(minutes=20), "technician-2", "start")
    work(timeline, key, at + timedelta(minutes=25 + minutes), "technician-2", minutes, "Repair")
    resolved = at + timedelta(minutes=40 + minutes)
    fire(timeline, key, resolved, "technician-2", "resolve", note="Firmware rolled back; holds for a day.")
    fire(timeline, key, resolved + timedelta(hours=1), "technician-2", "close")


def _plan_change(
    timeline: Timeline, at: datetime, name: str | None, do: Callable[[Transaction], str]
) -> None:
    def act(tx: Transaction) -> None:
        made = do(tx)
        if name is not None:
            timeline.ids[name] = made

    timeline.plan(at, "supervisor", act)


def _number(type_key: str, state: str) -> str:
    place = TYPES.index(type_key)
    return f"{OWNERS[place][0]}-{KINDS[place][0]}-{STATES.index(state) + 1:02d}"


def _holder(type_key: str, state: str) -> str:
    return f"item:{_number(type_key, state)}"
