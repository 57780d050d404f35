"""Allocations of time as text: "0:30 from SH-0012 (leaves 0:00), 1:00 carried to the next contract".

Of money: "€40.00 for 0:24 from PA-0003 (leaves €0.00)".
"""

from collections.abc import Mapping, Sequence
from zoneinfo import ZoneInfo

from engine.charging import FULL_PERCENT
from web.pages.wording.formats import minutes_text, money_text
from workflows.views import MoneyView
from workflows.views.service_requests import AllocationView, SegmentView

UNCOVERED = {
    "carried": "carried to the next contract",
    "overage": "billed at the overage rate",
    "ignored": "recorded, not billed",
}


EXCLUDED = {
    "next_contract": "for the next contract",
    "bill": "to be billed",
    "free": "not billed",
}


def segment_text(segment: SegmentView, zone: ZoneInfo) -> str:
    """A segment: "17:00 to 18:30: 1:30 at 150 %, 2:15 chargeable (after hours)", with its price and rate.

    Times of day are in `zone`.
    """
    times = [f"{at.astimezone(zone):%H:%M}" for at in (segment.from_, segment.to) if at is not None]
    text = f"{' to '.join(times)}: {minutes_text(segment.rounded_minutes)} at {segment.percent} %"
    if segment.percent != FULL_PERCENT:
        text += f", {minutes_text(segment.chargeable_minutes)} chargeable"
    if segment.excluded:
        text += f", {EXCLUDED[segment.excluded]}"
    if segment.why:
        text += f" ({segment.why.removesuffix('.')})"
    if segment.rate is None or segment.price is None:
        return text
    price, rate = (money_text(one.amount_minor, one.currency) for one in (segment.price, segment.rate))
    return f"{text}, {price} at {rate} per hour"


def allocation_text(
    allocations: Sequence[AllocationView],
    leaves: Mapping[str, int] | None = None,
    leaves_money: Mapping[str, MoneyView] | None = None,
) -> str:
    """The allocations in order, summed by contract.

    `leaves` has the minutes left by contract id, and `leaves_money` the money.
    """
    parts: dict[tuple[str, str | None, bool, bool], int] = {}
    paid: dict[str | None, MoneyView] = {}
    numbers = {one.contract: one.contract_number or "another holder’s contract" for one in allocations}
    for one in allocations:
        key = (one.kind, one.contract if one.kind in ("grant", "covered") else None, one.borrowed, one.held)
        parts[key] = parts.get(key, 0) + one.minutes
        if one.amount is not None:
            before = paid[one.contract].amount_minor if one.contract in paid else 0
            paid[one.contract] = MoneyView(before + one.amount.amount_minor, one.amount.currency)
    texts = []
    for (kind, contract, borrowed, held), minutes in parts.items():
        time = minutes_text(minutes)
        if borrowed:
            texts.append(f"{time} drawn ahead on the next month of {numbers[contract]}")
        elif kind == "grant":
            left = (leaves or {}).get(contract or "")
            notes = ["held until approved"] if held else []
            money = (leaves_money or {}).get(contract or "")
            if contract in paid:
                notes += [f"leaves {_money(money)}"] if money is not None else []
                time = f"{_money(paid[contract])} for {time}"
            elif left is not None:
                notes.append(f"leaves {minutes_text(left)}")
            rest = f" ({', '.join(notes)})" if notes else ""
            texts.append(f"{time} from {numbers[contract]}{rest}")
        elif kind == "covered":
            texts.append(f"{time} covered by {numbers[contract]}")
        else:
            texts.append(f"{time} {UNCOVERED.get(kind, kind)}")
    return ", ".join(texts) if texts else "nothing is charged"


def _money(money: MoneyView) -> str:
    return money_text(money.amount_minor, money.currency)
